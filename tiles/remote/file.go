package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// file is one file on a server; it implements io.ReaderAt and is safe for
// concurrent use.
type file struct {
	site    *site
	url     *url.URL
	name    string // for people
	size    int64
	version string // strong entity tag, "" when the server gives none
	kept    *blocks

	mu      sync.Mutex
	pending map[int64]*fetch // blocks that are on their way
}

// fetch is a run of blocks on its way; err is set before done is closed.
type fetch struct {
	done chan struct{}
	err  error
}

// ReadAt implements io.ReaderAt: from blocks that are kept, and from the network
// what is not. Neighbouring blocks are asked for in one request; two readers of
// one block share it.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("negative position")
	}
	n := 0
	for n < len(p) && off+int64(n) < f.size {
		at := off + int64(n)
		b := at / blockSize
		data, ok := f.kept.get(b)
		if !ok {
			last := (min(off+int64(len(p)), f.size) - 1) / blockSize
			if err := f.fetch(b, last); err != nil {
				return n, err
			}
			if data, ok = f.kept.get(b); !ok {
				return n, &NetError{f.name, errors.New("a block was lost from memory")}
			}
		}
		n += copy(p[n:], data[at-b*blockSize:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// fetch gets the run of blocks from first that nobody has or fetches, up to
// last; when first itself is on its way it waits for that.
func (f *file) fetch(first, last int64) error {
	f.mu.Lock()
	if _, ok := f.kept.get(first); ok {
		f.mu.Unlock()
		return nil
	}
	if p := f.pending[first]; p != nil {
		f.mu.Unlock()
		select {
		case <-p.done:
			return p.err
		case <-f.site.ctx.Done():
			return f.site.ctx.Err()
		}
	}
	end := first + 1
	for end <= last && end-first < maxRun && f.pending[end] == nil && !f.kept.has(end) {
		end++
	}
	p := &fetch{done: make(chan struct{})}
	if f.pending == nil {
		f.pending = map[int64]*fetch{}
	}
	for b := first; b < end; b++ {
		f.pending[b] = p
	}
	f.mu.Unlock()

	p.err = f.run(first, end)

	f.mu.Lock()
	for b := first; b < end; b++ {
		delete(f.pending, b)
	}
	f.mu.Unlock()
	close(p.done)
	return p.err
}

// run fetches the blocks [first, end) and keeps them.
func (f *file) run(first, end int64) error {
	from, to := first*blockSize, min(end*blockSize, f.size)
	var data [][]byte // one each: a block that is kept must not keep its neighbours
	for at := from; at < to; at += blockSize {
		data = append(data, make([]byte, min(blockSize, to-at)))
	}
	err := f.retry(f.site.ctx, func(ctx context.Context) error {
		res, err := f.request(ctx, from, to)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusPartialContent {
			return fmt.Errorf("%s: %w", f.name, ErrNoRanges)
		}
		if at, size, ok := contentRange(res.Header.Get("Content-Range")); !ok || at != from || size != f.size {
			return fmt.Errorf("%s: %w", f.name, ErrChanged)
		}
		for _, d := range data {
			if _, err := io.ReadFull(res.Body, d); err != nil {
				return &NetError{f.name, err}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, d := range data {
		f.kept.put(first+int64(i), d)
	}
	return nil
}

// retry calls try until it succeeds, fails for good or has failed often enough.
// At most parallel tries of a site run at once.
func (f *file) retry(ctx context.Context, try func(context.Context) error) error {
	for i, pause := 0, firstPause; ; i, pause = i+1, 2*pause {
		err := f.once(ctx, try)
		var passing *NetError
		if err == nil || !errors.As(err, &passing) || i == tries-1 {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *file) once(ctx context.Context, try func(context.Context) error) error {
	select {
	case f.site.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-f.site.slots }()
	limited, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	err := try(limited)
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		return &NetError{f.name, fmt.Errorf("no answer within %v", answerTime)}
	}
	return err
}
