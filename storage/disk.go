package storage

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// deed is one call by which storage changes a file of the project that is not
// written by bbolt itself.
type deed struct {
	op   string // "write", "sync", "truncate", "rename", "remove"
	path string
	data []byte // of a write; of the caller
	off  int64  // of a write; the new length of a truncate
}

// disk does the calls that change files. Its fields are where the tests let
// the N-th call fail, and where they write down what a power cut would lose.
type disk struct {
	before  func(deed) error         // asked before each; its error is the call's; nil for none
	network func(path string) string // as networkKind; nil for that
}

// kind is the name of the network file system of a path, "" for a disk of this
// machine.
func (d disk) kind(path string) string {
	if d.network != nil {
		return d.network(path)
	}
	return networkKind(path)
}

func (d disk) ask(x deed) error {
	if d.before == nil {
		return nil
	}
	if err := d.before(x); err != nil {
		return &os.PathError{Op: x.op, Path: x.path, Err: err}
	}
	return nil
}

func (d disk) writeAt(f *os.File, b []byte, off int64) error {
	if err := d.ask(deed{op: "write", path: f.Name(), data: b, off: off}); err != nil {
		return err
	}
	_, err := f.WriteAt(b, off)
	return err
}

func (d disk) truncate(f *os.File, size int64) error {
	if err := d.ask(deed{op: "truncate", path: f.Name(), off: size}); err != nil {
		return err
	}
	return f.Truncate(size)
}

func (d disk) sync(f *os.File) error {
	if err := d.ask(deed{op: "sync", path: f.Name()}); err != nil {
		return err
	}
	return syncData(f)
}

func (d disk) rename(from, to string) error {
	if err := d.ask(deed{op: "rename", path: to}); err != nil {
		return err
	}
	return os.Rename(from, to)
}

func (d disk) remove(path string) error {
	if err := d.ask(deed{op: "remove", path: path}); err != nil {
		return err
	}
	return os.Remove(path)
}

// publish makes a finished temporary file appear under its name: its bytes are
// on the disk before the name is, and the name before publish returns.
func (d disk) publish(temp, name string) error {
	f, err := os.OpenFile(temp, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := d.ask(deed{op: "sync", path: temp}); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := d.rename(temp, name); err != nil {
		return err
	}
	return d.syncDir(filepath.Dir(name))
}

// syncDir makes a rename last. Windows writes names through and cannot open
// folders for that.
func (d disk) syncDir(dir string) error {
	if err := d.ask(deed{op: "sync", path: dir}); err != nil {
		return err
	}
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
