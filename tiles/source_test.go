package tiles_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"coverslip/tiles"
)

func TestOpenSource_Refuses(t *testing.T) {
	dir := t.TempDir()
	if _, err := tiles.OpenSource(dir); !errors.Is(err, tiles.ErrNotSlide) {
		t.Errorf("folder: %v", err)
	}
	if _, err := tiles.OpenSource(filepath.Join(dir, "no")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
	if runtime.GOOS != "windows" {
		if _, err := tiles.OpenSource("/dev/zero"); !errors.Is(err, tiles.ErrNotSlide) || !strings.Contains(err.Error(), "device") {
			t.Errorf("device: %v", err)
		}
	}
}

func TestSource_ReadAt(t *testing.T) {
	s := tiles.NewSource("x", strings.NewReader("0123456789"), 10)
	b := make([]byte, 4)
	if n, err := s.ReadAt(b, 8); n != 2 || !errors.Is(err, io.EOF) {
		t.Errorf("across the end: %d, %v", n, err)
	}
	if n, err := s.ReadAt(b, 10); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("behind the end: %d, %v", n, err)
	}
	if n, err := s.ReadAt(b, 6); n != 4 || err != nil || string(b) != "6789" {
		t.Errorf("the end: %d, %v, %q", n, err, b)
	}
	if err := s.Err(); err != nil {
		t.Errorf("a mistake of the caller broke the source: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.ReadAt(b, 0); !errors.Is(err, tiles.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

type failing struct{ err error }

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return bytes.NewReader(make([]byte, 100)).ReadAt(p, off)
}

func TestSource_Latches(t *testing.T) {
	r := &failing{}
	s := tiles.NewSource("slide.svs", r, 100)
	b := make([]byte, 10)
	if _, err := s.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	r.err = errors.New("disk is gone")
	_, first := s.ReadAt(b, 0)
	r.err = nil
	if _, again := s.ReadAt(b, 0); first == nil || again != first || s.Err() != first || !strings.Contains(first.Error(), "slide.svs") {
		t.Errorf("first %v, then %v", first, again)
	}
	cut := tiles.NewSource("slide.svs", &failing{}, 200)
	if _, err := cut.ReadAt(b, 150); !errors.Is(err, io.ErrUnexpectedEOF) || cut.Err() == nil {
		t.Errorf("cut: %v", err)
	}
}
