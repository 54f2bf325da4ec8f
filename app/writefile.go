package app

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"coverslip/storage"
)

// partials is what a file or a folder is called until it is whole.
const partials = ".coverslip-*.partial"

// abandoned is how long nobody has written into what a power cut or a kill left
// before it is taken away. An export of days touches its folder meanwhile.
const abandoned = 24 * time.Hour

// WriteFile writes a file that appears whole or not at all: into a temporary
// file beside it, to disk, then by rename. A disk that is too full gives a
// *RoomError, which says how much is needed. What an earlier run had to leave in
// that folder is taken away.
func WriteFile(path string, write func(io.Writer) error) error {
	return outlet{}.write(path, write)
}

// outlet is the way of a file to the disk. before, which may be nil, is asked
// before each step and may fail it: tests cut the power there.
type outlet struct {
	before func(step string) error
}

func (o outlet) ask(step string) error {
	if o.before == nil {
		return nil
	}
	return o.before(step)
}

func (o outlet) write(path string, write func(io.Writer) error) (err error) {
	dir := filepath.Dir(path)
	sweep(dir, time.Now().Add(-abandoned))
	if err := o.ask("create"); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, partials)
	if err != nil {
		return about("folder", dir, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	m := &measured{outlet: o, f: f}
	b := bufio.NewWriterSize(m, 1<<16)
	err = write(b)
	if err == nil {
		err = b.Flush()
	}
	if err == nil && m.full != nil {
		err = roomError(path, m.n, m.full)
	}
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = errors.Join(o.ask("sync"), f.Sync())
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := o.ask("rename"); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return errors.Join(o.ask("sync folder"), syncFolder(dir))
}

// measured writes until the disk is full, and then only counts: who exports is
// told how much is needed, not only that it was too much.
type measured struct {
	outlet
	f    *os.File
	n    int64 // bytes given so far
	full error // why no more is written
}

func (m *measured) Write(p []byte) (int, error) {
	m.n += int64(len(p))
	if m.full != nil {
		return len(p), nil
	}
	err := m.ask("write")
	if err == nil {
		_, err = m.f.Write(p)
	}
	if !storage.Full(err) {
		return len(p), err
	}
	m.full = err
	// What is there is of no use, and the room is wanted by others.
	return len(p), m.f.Truncate(0)
}

// syncFolder makes sure that names in a folder are on the disk. Systems on which
// a folder cannot be opened for that (Windows) keep names by themselves.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return nil
	}
	_ = f.Sync() // some file systems refuse it; the file itself is synced
	return f.Close()
}

// sweep takes away what was left half written in a folder and is older than a
// moment. What cannot be looked at or removed stays: nothing depends on it.
func sweep(dir string, before time.Time) { sweepLike(filepath.Join(dir, partials), before) }

func sweepLike(pattern string, before time.Time) {
	left, err := filepath.Glob(pattern)
	if err != nil {
		return
	}
	for _, path := range left {
		if st, err := os.Lstat(path); err == nil && st.ModTime().Before(before) {
			_ = os.RemoveAll(path)
		}
	}
}
