package remote

import (
	"bytes"
	"context"
	"errors"
	"image"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/generic"
	"coverslip/tiles/slidetest"
	"coverslip/tiles/tiffwrite"
)

// server serves the files of a folder and counts requests and bytes.
type server struct {
	*httptest.Server
	requests, bytes atomic.Int64
	before          func(w http.ResponseWriter, r *http.Request) (done bool)
}

func serve(t testing.TB, dir string) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		if s.before != nil && s.before(w, r) {
			return
		}
		if b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(r.URL.Path))); err == nil {
			w.Header().Set("ETag", `"`+string(rune('a'+len(b)%20))+`"`)
		}
		http.FileServer(http.Dir(dir)).ServeHTTP(counting{w, &s.bytes}, r)
	}))
	t.Cleanup(s.Close)
	return s
}

type counting struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (c counting) Write(b []byte) (int, error) {
	c.n.Add(int64(len(b)))
	return c.ResponseWriter.Write(b)
}

// noise is n bytes that differ everywhere.
func noise(n int) []byte {
	rnd := rand.NewChaCha8([32]byte{1})
	b := make([]byte, n)
	rnd.Read(b)
	return b
}

func folder(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func open(t testing.TB, address string) *tiles.Source {
	t.Helper()
	s, err := Open(context.Background(), address, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestReadAt_EveryPlace(t *testing.T) {
	data := noise(3*blockSize + 1234)
	srv := serve(t, folder(t, map[string][]byte{"a b/slide.bin": data}))
	s := open(t, srv.URL+"/a%20b/slide.bin")
	if s.Size() != int64(len(data)) {
		t.Fatalf("size %d of %d", s.Size(), len(data))
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	var wg sync.WaitGroup
	for range 6 {
		seed := rnd.Uint64()
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, 1))
			for range 200 {
				off := rnd.IntN(len(data))
				b := make([]byte, 1+rnd.IntN(2*blockSize))
				n, err := s.ReadAt(b, int64(off))
				want := data[off:min(off+len(b), len(data))]
				if !bytes.Equal(b[:n], want) || (err == io.EOF) != (off+len(b) > len(data)) || err != nil && err != io.EOF {
					t.Errorf("%d bytes at %d: %d bytes, %v", len(b), off, n, err)
					return
				}
			}
		})
	}
	wg.Wait()
	if n := srv.requests.Load(); n > 8 {
		t.Errorf("%d requests for 4 blocks", n)
	}
}

// A slide behind a server is the slide on disk, by a fraction of its bytes.
func TestOpen_ASlide(t *testing.T) {
	data := slidetest.Good(t, tiffwrite.Generic, false)
	data = append(data, noise(2<<20)...) // what no tile needs
	srv := serve(t, folder(t, map[string][]byte{"good.tif": data}))
	slidetest.Run(t, func(t testing.TB) tiles.Slide {
		src, err := Open(context.Background(), srv.URL+"/good.tif?token=secret", Options{})
		if err != nil {
			t.Fatal(err)
		}
		s, err := generic.Format(codec.Default()).Open(context.Background(), src)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(s.Info().Path, "secret") {
			t.Errorf("the path shows the query: %s", s.Info().Path)
		}
		return s
	})
	srv.bytes.Store(0)
	src := open(t, srv.URL+"/good.tif")
	s, err := generic.Format(codec.Default()).Open(context.Background(), src)
	if err != nil {
		t.Fatal(err)
	}
	img := image.NewRGBA(image.Rectangle{Max: s.Levels()[0].TileRect(0, 0).Size()})
	if err := s.ReadTile(context.Background(), tiles.Key{}, img); err != nil {
		t.Fatal(err)
	}
	if n := srv.bytes.Load(); n > int64(len(data)) {
		t.Errorf("%d bytes of a file of %d", n, len(data))
	}
}

func TestSiblings(t *testing.T) {
	srv := serve(t, folder(t, map[string][]byte{"case/slide.dzi": noise(200), "case/slide_files/0/0 0.jpg": noise(300), "secret": noise(5)}))
	s := open(t, srv.URL+"/case/slide.dzi?x=1")
	srv.requests.Store(0)
	f, err := s.OpenSibling("slide_files/0/0 0.jpg")
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 300)
	if _, err := f.ReadAt(b, 0); err != nil || !bytes.Equal(b, noise(300)) {
		t.Error(err)
	}
	if n := srv.requests.Load(); n != 1 {
		t.Errorf("%d requests for a small file", n)
	}
	if _, err := s.OpenSibling("slide_files/0/9.jpg"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	for _, name := range []string{"../secret", "/secret", "http://other/x", `..\secret`} {
		if _, err := s.OpenSibling(name); err == nil {
			t.Errorf("%q opens", name)
		}
	}
}

func TestOpen_Refusals(t *testing.T) {
	srv := serve(t, folder(t, map[string][]byte{"big": noise(10)}))
	srv.before = func(w http.ResponseWriter, r *http.Request) bool {
		switch r.URL.Path {
		case "/private":
			w.WriteHeader(http.StatusForbidden)
		case "/whole": // no ranges, and too large
			w.Header().Set("Content-Length", "99999999999")
			w.WriteHeader(http.StatusOK)
		case "/endless":
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
		case "/liar":
			w.Header().Set("Content-Range", "bytes 5-9/10")
			w.WriteHeader(http.StatusPartialContent)
		case "/teapot":
			w.WriteHeader(http.StatusTeapot)
		default:
			return false
		}
		return true
	}
	for path, want := range map[string]error{"/nothing": fs.ErrNotExist, "/private": fs.ErrPermission, "/whole": ErrNoRanges, "/endless": ErrNoRanges, "/liar": nil, "/teapot": nil} {
		s, err := Open(context.Background(), strings.Replace(srv.URL, "://", "://user:secret@", 1)+path+"?key=secret", Options{})
		if err == nil {
			s.Close()
			t.Errorf("%s opens", path)
			continue
		}
		if want != nil && !errors.Is(err, want) || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, address := range []string{"ftp://x/y", "http://", "http://%zz", "slide.svs"} {
		if _, err := Open(context.Background(), address, Options{}); err == nil {
			t.Errorf("%q opens", address)
		}
	}
	if Is("slide.svs") || Is(`C:\http\x`) || !Is("HTTPS://x/y") {
		t.Error("addresses and paths are mixed up")
	}
}

// A server that stumbles is asked again; one that stays away breaks a read and
// not the slide.
func TestReadAt_ServerStumbles(t *testing.T) {
	data := noise(4 * blockSize)
	srv := serve(t, folder(t, map[string][]byte{"x": data}))
	s := open(t, srv.URL+"/x")
	var fail atomic.Int64
	srv.before = func(w http.ResponseWriter, r *http.Request) bool {
		if fail.Add(-1) >= 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		return false
	}
	fail.Store(2)
	b := make([]byte, 100)
	if _, err := s.ReadAt(b, blockSize+5); err != nil || !bytes.Equal(b, data[blockSize+5:blockSize+105]) {
		t.Errorf("after two failures: %v", err)
	}
	fail.Store(tries)
	_, err := s.ReadAt(b, 2*blockSize)
	var passing *NetError
	if !errors.As(err, &passing) {
		t.Errorf("a server that stays away: %v", err)
	}
	fail.Store(0)
	if _, err := s.ReadAt(b, 2*blockSize); err != nil {
		t.Errorf("the server is back: %v", err)
	}
	// Cut in the middle of an answer.
	var cut atomic.Bool
	srv.before = func(w http.ResponseWriter, r *http.Request) bool {
		if cut.Swap(true) {
			return false
		}
		w.Header().Set("Content-Length", "65536")
		w.Header().Set("Content-Range", "bytes 196608-262143/262144")
		w.WriteHeader(http.StatusPartialContent)
		w.Write(data[3*blockSize : 3*blockSize+99])
		panic(http.ErrAbortHandler)
	}
	if _, err := s.ReadAt(b, 3*blockSize); err != nil || !bytes.Equal(b, data[3*blockSize:3*blockSize+100]) {
		t.Errorf("after a cut answer: %v", err)
	}
}

func TestReadAt_FileReplaced(t *testing.T) {
	dir := folder(t, map[string][]byte{"x": noise(4 * blockSize)})
	srv := serve(t, dir)
	s := open(t, srv.URL+"/x")
	if err := os.WriteFile(filepath.Join(dir, "x"), noise(5*blockSize+1), 0o600); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 10)
	if _, err := s.ReadAt(b, 2*blockSize); !errors.Is(err, ErrChanged) {
		t.Errorf("got %v", err)
	}
}

func TestClose_EndsReads(t *testing.T) {
	srv := serve(t, folder(t, map[string][]byte{"x": noise(4 * blockSize)}))
	s := open(t, srv.URL+"/x")
	hang := make(chan struct{})
	srv.before = func(w http.ResponseWriter, r *http.Request) bool { <-hang; return false }
	got := make(chan error)
	go func() {
		_, err := s.ReadAt(make([]byte, 10), 2*blockSize)
		got <- err
	}()
	time.Sleep(20 * time.Millisecond)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	select {
	case err := <-got:
		if !errors.Is(err, tiles.ErrClosed) && !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("a read outlives Close")
	}
	close(hang)
}

func FuzzContentRange(f *testing.F) {
	f.Add("bytes 0-65535/1234567")
	f.Add("bytes */12")
	for _, s := range []string{"", "bytes", "bytes 5-4/3", "bytes -1-2/3", "bytes 0-0/*", "bytes 0-18446744073709551615/18446744073709551616", "items 0-1/2", "bytes 0-1/2, 3-4/5", "bytes\x000-1/2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if from, _, ok := contentRange(s); ok && from < 0 {
			t.Errorf("%q begins at %d", s, from)
		}
	})
}

func BenchmarkReadAt(b *testing.B) {
	srv := serve(b, folder(b, map[string][]byte{"x": noise(8 << 20)}))
	s := open(b, srv.URL+"/x")
	p := make([]byte, 16<<10)
	b.ReportAllocs()
	b.SetBytes(int64(len(p)))
	for i := 0; b.Loop(); i++ {
		if _, err := s.ReadAt(p, int64(i%500)*16<<10); err != nil {
			b.Fatal(err)
		}
	}
}
