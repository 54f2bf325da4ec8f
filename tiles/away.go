package tiles

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
)

// awayError says that the drive on which a file lies does not answer. It passes:
// whoever asks again later finds the file, if the drive is back by then.
type awayError struct{ err error }

// Error names the state and the system's word.
func (e *awayError) Error() string { return "the drive does not answer: " + e.err.Error() }

// Unwrap is the system's word.
func (e *awayError) Unwrap() error { return e.err }

// Temporary tells that a later read may succeed.
func (e *awayError) Temporary() bool { return true }

// errReplaced is for good: labels drawn on one slide are not shown on another.
var errReplaced = errors.New("the file was replaced by another one while its drive was gone")

// revival reads a file, and opens it again after the drive was gone: what was
// opened on a network drive or a USB disk stays unreadable for ever when that
// comes back. A file that is another one by then is not read.
type revival struct {
	path  string
	was   fs.FileInfo
	first *os.File
	later atomic.Pointer[os.File] // the file opened again
	gone  atomic.Bool             // a read failed since the file was opened

	mu     sync.Mutex // held while it is opened again
	closed bool
	opened []*os.File // all of them, closed at the end: somebody may be reading
}

func (r *revival) file() *os.File {
	if f := r.later.Load(); f != nil {
		return f
	}
	return r.first
}

// ReadAt reads as io.ReaderAt does. A read that the system refuses gives an
// awayError; one that comes back short is left to the caller to judge.
func (r *revival) ReadAt(p []byte, off int64) (int, error) {
	if r.gone.Load() {
		if err := r.revive(); err != nil {
			return 0, err
		}
	}
	n, err := r.file().ReadAt(p, off)
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) {
		return n, err
	}
	r.gone.Store(true)
	return n, &awayError{err}
}

// revive opens the file again.
func (r *revival) revive() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || !r.gone.Load() { // closed, or somebody else was faster
		return nil
	}
	f, err := os.Open(r.path)
	if err != nil {
		return &awayError{err}
	}
	st, err := f.Stat()
	if err != nil {
		return errors.Join(&awayError{err}, f.Close())
	}
	if st.Size() != r.was.Size() || !st.ModTime().Equal(r.was.ModTime()) {
		return errors.Join(errReplaced, f.Close())
	}
	r.opened = append(r.opened, f)
	r.later.Store(f)
	r.gone.Store(false)
	return nil
}

// Close closes what is open; reads that come later find it closed.
func (r *revival) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	err := r.first.Close()
	for _, f := range r.opened {
		err = errors.Join(err, f.Close())
	}
	return err
}
