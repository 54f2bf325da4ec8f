package runtimes

import (
	"bufio"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// DownloadURLs lists where the runtime of this platform can be had, best
// first. registry is the base address of an npm registry: with one, the
// package is taken there. The rest are public mirrors that serve the single
// library out of the package. Nothing is downloaded until the user asks;
// every file is checked against a pinned sum. The list is empty on a platform
// without a package.
func DownloadURLs(registry string) []string {
	p, ok := Here()
	if !ok {
		return nil
	}
	return p.DownloadURLs(registry)
}

// DownloadURLs is the list for one package; see the function of that name.
func (p Package) DownloadURLs(registry string) []string {
	var list []string
	if u, err := url.Parse(registry); err == nil && u.Scheme == "https" && u.Host != "" {
		u.User, u.RawQuery, u.Fragment = nil, "", ""
		list = append(list, u.JoinPath(p.Name, "-", p.file()).String())
	}
	return append(list,
		fmt.Sprintf("https://cdn.jsdelivr.net/npm/%s@%s/%s", p.Name, p.Version, p.Library),
		fmt.Sprintf("https://unpkg.com/%s@%s/%s", p.Name, p.Version, p.Library))
}

// file is the name of the package's file.
func (p Package) file() string { return p.Name + "-" + p.Version + ".tgz" }

// Registry is the base address of the npm registry that the user's own
// configuration names: the environment (NPM_CONFIG_REGISTRY, in either case)
// or the line "registry=" of ~/.npmrc. It is empty when none is configured.
func Registry() string {
	for _, key := range []string{"npm_config_registry", "NPM_CONFIG_REGISTRY"} {
		if v := os.Getenv(key); v != "" {
			return v
		}
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	f, err := os.Open(filepath.Join(home, ".npmrc"))
	if err != nil {
		return ""
	}
	defer f.Close()
	return registryLine(f)
}

// registryLine finds "registry = address" among the lines of an .npmrc, the
// last one counting. No other line is looked at.
func registryLine(r io.Reader) string {
	found := ""
	scan := bufio.NewScanner(io.LimitReader(r, 1<<20))
	for scan.Scan() {
		key, value, ok := strings.Cut(scan.Text(), "=")
		if ok && strings.TrimSpace(key) == "registry" {
			found = strings.Trim(strings.TrimSpace(value), `"'`)
		}
	}
	return found
}

func isAddress(source string) bool {
	return strings.HasPrefix(source, "https://") || strings.HasPrefix(source, "http://")
}

// redact removes what may be secret from an address that goes into an error.
func redact(source string) string {
	if !isAddress(source) {
		return source
	}
	u, err := url.Parse(source)
	if err != nil {
		return "the address"
	}
	u.RawQuery = ""
	return u.Redacted()
}

// download fetches an address into the work folder. A package whose name is
// pinned must have the pinned sha512.
func (in *installer) download(ctx context.Context, address, work string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "", errors.New("not an address")
	}
	if u.Scheme != "https" {
		return "", errors.New("only https is used for downloads")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("User-Agent", "Coverslip")
	client := *in.client
	client.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if r.URL.Scheme != "https" {
			return errors.New("redirected away from https")
		}
		if len(via) > 5 {
			return errors.New("redirected too often")
		}
		return nil
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", downloadError(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the server answers %s", resp.Status)
	}
	if resp.ContentLength > maxDownload {
		return "", fmt.Errorf("%w (%d bytes)", ErrTooLarge, resp.ContentLength)
	}
	name := filepath.Join(work, "download")
	sum, err := in.save(resp, name)
	if err != nil {
		return "", err
	}
	for _, p := range Packages() {
		if path.Base(u.Path) == p.file() && sum != p.SHA512 {
			return "", fmt.Errorf("%w (sha512 %s)", ErrChecksum, sum)
		}
	}
	return name, nil
}

// downloadError drops the address that net/http puts into its errors: Install
// names it, without its secrets.
func downloadError(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	// Both name lookups and connections fail as one of these; a refusal of ours
	// (a redirect away from https) does not.
	var op *net.OpError
	var dns *net.DNSError
	if errors.As(err, &op) || errors.As(err, &dns) {
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return err
}

func (in *installer) save(resp *http.Response, name string) (string, error) {
	out, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	h := sha512.New()
	total := max(resp.ContentLength, 0)
	body := &io.LimitedReader{R: resp.Body, N: maxDownload + 1}
	done := int64(0)
	buf := make([]byte, 256<<10)
	for err == nil {
		var n int
		n, err = body.Read(buf)
		done += int64(n)
		h.Write(buf[:n])
		if _, werr := out.Write(buf[:n]); werr != nil {
			err = werr
			break
		}
		in.progress("download", done, total)
	}
	if err == io.EOF {
		err = nil
	}
	if err == nil && done > maxDownload {
		err = ErrTooLarge
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(h.Sum(nil)), nil
}
