package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"coverslip/tiles"
)

const (
	blockSize  = 64 << 10 // one request's least; about four tiles
	maxRun     = 32       // blocks asked for at once: 2 MiB
	parallel   = 6        // requests at once, as browsers do
	keepBytes  = 64 << 20 // compressed bytes kept for each slide
	wholeBytes = 64 << 20 // a file up to this is fetched whole where ranges are not answered
	tries      = 4
	firstPause = 200 * time.Millisecond // before the second try; it doubles
	answerTime = 30 * time.Second       // for one request and its bytes
)

// Options say how to fetch. The zero value is usable.
type Options struct {
	// Client sends the requests; nil takes one that follows up to ten
	// redirections, never from https to http.
	Client *http.Client
	// Header is sent with every request: an Authorization, for example. It is
	// not sent to another host when the server redirects there.
	Header http.Header
}

// Is tells whether a path is a web address.
func Is(path string) bool {
	lower := strings.ToLower(path)
	return strings.HasPrefix(lower, "http://") || strings.HasPrefix(lower, "https://")
}

// Name is an address as it may be shown, logged and stored: without user,
// password, query and fragment, any of which may be a secret.
func Name(address string) string {
	u, err := parse(address)
	if err != nil {
		return "web address"
	}
	return name(u)
}

// Open opens the file behind an http or https address. ctx bounds the opening;
// later reads end when the Source is closed.
//
// Errors name the address without user, password and query, which may be
// secrets: fs.ErrNotExist, fs.ErrPermission, ErrNoRanges, *NetError and others.
func Open(ctx context.Context, address string, o Options) (*tiles.Source, error) {
	u, err := parse(address)
	if err != nil {
		return nil, err
	}
	if o.Client == nil {
		o.Client = &http.Client{CheckRedirect: redirect, Transport: transport()}
	}
	s := &site{client: o.Client, header: o.Header, slots: make(chan struct{}, parallel), base: u}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	src, err := s.open(ctx, u, func() error { s.cancel(); s.client.CloseIdleConnections(); return nil })
	if err != nil {
		s.cancel()
		return nil, err
	}
	return src, nil
}

// parse refuses what is no address of a file on a web server.
func parse(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil: // its text would repeat a password
		return nil, errors.New("not a web address that can be understood")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("address of scheme %q: http and https are read", u.Scheme)
	case u.Host == "":
		return nil, errors.New("the address names no server")
	}
	u.Fragment = ""
	return u, nil
}

// name is an address as it may be shown and written to logs.
func name(u *url.URL) string {
	c := *u
	c.User, c.RawQuery, c.Fragment = nil, "", ""
	return c.String()
}

func redirect(req *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return errors.New("more than ten redirections")
	}
	if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return errors.New("the server redirects from https to http")
	}
	return nil
}

// transport is the standard one without transparent compression, which would
// make ranges meaningless.
func transport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DisableCompression = true
	t.ResponseHeaderTimeout = answerTime
	t.MaxIdleConnsPerHost = parallel
	return t
}

// site is one slide's place on the network; its files share the connections.
type site struct {
	client *http.Client
	header http.Header
	slots  chan struct{} // as many requests at once
	base   *url.URL      // of the slide
	ctx    context.Context
	cancel context.CancelFunc
}

// List implements tiles.Folder: a web server tells no names.
func (s *site) List(string) ([]string, error) { return nil, nil }

// Open implements tiles.Folder.
func (s *site) Open(file string) (*tiles.Source, error) {
	u := *s.base
	u.Path = path.Join(path.Dir(s.base.Path), file)
	u.RawPath = ""
	ctx, cancel := context.WithTimeout(s.ctx, tries*answerTime)
	defer cancel()
	return s.open(ctx, &u, nil)
}

// open asks for the first block, which also tells the size and whether ranges
// are answered: one request is enough for a file of one block.
func (s *site) open(ctx context.Context, u *url.URL, end func() error) (*tiles.Source, error) {
	f := &file{site: s, url: u, name: name(u), kept: newBlocks(keepBytes)}
	first, err := f.begin(ctx)
	if err != nil {
		return nil, err
	}
	if int64(len(first)) == f.size { // small, or not to be had in parts
		return tiles.NewSourceIn(f.name, strings.NewReader(string(first)), f.size, end, s), nil
	}
	f.kept.put(0, first)
	return tiles.NewSourceIn(f.name, f, f.size, end, s), nil
}

// request sends one request for the bytes from off to end (exclusive).
func (f *file) request(ctx context.Context, off, end int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url.String(), nil)
	if err != nil {
		return nil, errors.New("not a web address that can be understood")
	}
	for k, v := range f.site.header {
		req.Header[k] = v
	}
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", off, end-1))
	if f.version != "" {
		req.Header.Set("If-Match", f.version)
	}
	res, err := f.site.client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var u *url.Error
		if errors.As(err, &u) { // its text has the whole address
			err = u.Err
		}
		return nil, &NetError{f.name, err}
	}
	if err := statusError(f.name, res.StatusCode); err != nil {
		return nil, errors.Join(err, res.Body.Close())
	}
	return res, nil
}

// begin reads the first block, or the whole of a file that is not to be had in
// parts.
func (f *file) begin(ctx context.Context) (first []byte, err error) {
	err = f.retry(ctx, func(ctx context.Context) error {
		first, err = f.tryBegin(ctx)
		return err
	})
	return first, err
}

func (f *file) tryBegin(ctx context.Context) (first []byte, err error) {
	res, err := f.request(ctx, 0, blockSize)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	most := int64(blockSize)
	if res.StatusCode == http.StatusPartialContent {
		from, size, ok := contentRange(res.Header.Get("Content-Range"))
		if !ok || from != 0 || size < 1 {
			return nil, fmt.Errorf("%s: the server answers a range without saying of what", f.name)
		}
		f.size = size
		if tag := res.Header.Get("ETag"); tag != "" && !strings.HasPrefix(tag, "W/") {
			f.version = tag
		}
	} else {
		if res.ContentLength < 0 || res.ContentLength > wholeBytes {
			return nil, fmt.Errorf("%s: %w", f.name, ErrNoRanges)
		}
		f.size, most = res.ContentLength, res.ContentLength
	}
	first = make([]byte, min(most, f.size))
	if _, err := io.ReadFull(res.Body, first); err != nil {
		return nil, &NetError{f.name, err}
	}
	return first, nil
}

// contentRange reads "bytes 0-65535/1234567" (RFC 9110, section 14.4).
func contentRange(s string) (from, size int64, ok bool) {
	s, found := strings.CutPrefix(s, "bytes ")
	span, total, cut := strings.Cut(s, "/")
	begin, _, dash := strings.Cut(span, "-")
	if !found || !cut || !dash {
		return 0, 0, false
	}
	from, err := strconv.ParseInt(begin, 10, 64)
	if err != nil {
		return 0, 0, false
	}
	size, err = strconv.ParseInt(total, 10, 64)
	return from, size, err == nil
}
