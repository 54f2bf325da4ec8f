package tiles

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
)

// Source is the opened file of a slide, read by position: no mapping, so that
// a file that is cut or vanishes while open gives an error and not a signal.
//
// A Source latches: after a read that the file should have answered and did
// not, every later read returns the same error. Errors that say that they are
// Temporary, a network's, do not latch. A file of a drive that is gone is opened
// again when it is wanted next, see awayError.
type Source struct {
	path   string
	r      io.ReaderAt
	size   int64
	close  func() error
	folder Folder // nil: it lies in none
	broken atomic.Pointer[error]
	closed atomic.Bool

	mu   sync.Mutex // held while something is found out
	once map[any]known
}

// known is what was found out of a file, or why it was not.
type known struct {
	what any
	err  error
}

// Once returns what find finds out of the file, the same at every call with an
// equal key: many readers ask the same of a file before one of them opens it. An
// error is kept too, unless it is one that may pass. find must not call Once.
func (s *Source) Once(key any, find func() (any, error)) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k, ok := s.once[key]; ok {
		return k.what, k.err
	}
	what, err := find()
	var passing interface{ Temporary() bool }
	if err != nil && errors.As(err, &passing) && passing.Temporary() {
		return what, err
	}
	if s.once == nil {
		s.once = map[any]known{}
	}
	s.once[key] = known{what, err}
	return what, err
}

// OpenSource opens a regular file for reading. Folders, pipes and devices are
// refused: opening a pipe would wait for its writer.
func OpenSource(path string) (*Source, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w: not a regular file (%s)", path, ErrNotSlide, kindOf(st.Mode()))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	again := &revival{path: path, was: st, first: f}
	return &Source{path: path, r: again, size: st.Size(), close: again.Close, folder: diskFolder(filepath.Dir(path))}, nil
}

func kindOf(m os.FileMode) string {
	switch {
	case m.IsDir():
		return "a folder"
	case m&os.ModeNamedPipe != 0:
		return "a pipe"
	case m&os.ModeDevice != 0:
		return "a device"
	}
	return "special file"
}

// NewSource makes a Source of any reader; path is only its name.
func NewSource(path string, r io.ReaderAt, size int64) *Source {
	return NewSourceIn(path, r, size, nil, nil)
}

// Path is where the file was opened from.
func (s *Source) Path() string { return s.path }

// Size is the length of the file in bytes when it was opened.
func (s *Source) Size() int64 { return s.size }

// ReadAt reads len(p) bytes at offset off. Reading past the size at opening
// gives io.EOF and is the caller's mistake; a file that no longer holds what it
// held, or cannot be read, breaks the Source for good. After Close it returns
// ErrClosed.
func (s *Source) ReadAt(p []byte, off int64) (int, error) {
	if s.closed.Load() {
		return 0, ErrClosed
	}
	if e := s.broken.Load(); e != nil {
		return 0, *e
	}
	if off < 0 || off >= s.size {
		return 0, io.EOF
	}
	short := int64(len(p)) > s.size-off
	if short {
		p = p[:s.size-off]
	}
	n, err := s.r.ReadAt(p, off)
	if n == len(p) {
		if short {
			return n, io.EOF
		}
		return n, nil
	}
	if s.closed.Load() || errors.Is(err, os.ErrClosed) {
		return n, ErrClosed
	}
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("the file was cut off while it was open: %d bytes at %d are gone: %w", len(p)-n, off+int64(n), io.ErrUnexpectedEOF)
	}
	var passing interface{ Temporary() bool }
	if errors.As(err, &passing) && passing.Temporary() {
		return n, fmt.Errorf("%s: %w", s.path, err) // a network's: the next read may succeed
	}
	latched := fmt.Errorf("%s: %w", s.path, err) // a variable of its own: err would cost an allocation every read
	s.broken.CompareAndSwap(nil, &latched)
	return n, *s.broken.Load()
}

// Err is the error the Source latched, nil while it is sound.
func (s *Source) Err() error {
	if s.closed.Load() {
		return ErrClosed
	}
	if e := s.broken.Load(); e != nil {
		return *e
	}
	return nil
}

// Close closes the file; a second call returns ErrClosed.
func (s *Source) Close() error {
	if s.closed.Swap(true) {
		return ErrClosed
	}
	return s.close()
}
