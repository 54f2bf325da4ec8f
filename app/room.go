package app

import (
	"fmt"
	"path/filepath"

	"coverslip/storage"
)

// RoomError says that a disk is too full for what was to be written on it.
// Nothing of that is left there.
type RoomError struct {
	Path   string // of the file or folder that was to be
	Needed int64  // bytes of it, as far as can be said
	Free   int64  // bytes that are free there now; -1 when the system does not say
	Err    error  // the system's word
}

// Error names the file and the sizes.
func (e *RoomError) Error() string {
	if e.Free < 0 {
		return fmt.Sprintf("%s needs %s: %v", e.Path, bytesWords(e.Needed), e.Err)
	}
	return fmt.Sprintf("%s needs %s, %s are free: %v", e.Path, bytesWords(e.Needed), bytesWords(e.Free), e.Err)
}

// Unwrap is the system's word.
func (e *RoomError) Unwrap() error { return e.Err }

// hint is what to do about it.
func (e *RoomError) hint() string {
	free := ""
	if e.Free >= 0 {
		free = ", and " + bytesWords(e.Free) + " are free"
	}
	return "It needs about " + bytesWords(e.Needed) + free + ". Free some space, or choose another disk; nothing was left half written."
}

// roomError is made when what had been written is gone already.
func roomError(path string, needed int64, err error) error {
	e := &RoomError{Path: path, Needed: needed, Free: -1, Err: err}
	if free, ok := storage.FreeBytes(filepath.Dir(path)); ok {
		e.Free = int64(min(free, 1<<62))
	}
	return e
}

// roomLeft remembers how much was free when a long export began.
type roomLeft struct {
	path  string
	begun uint64
	known bool
}

func roomAt(path string) roomLeft {
	free, ok := storage.FreeBytes(filepath.Dir(path))
	return roomLeft{path, free, ok}
}

// spent turns an error about a full disk into one that says how much is needed:
// all that was free went into done parts of total. Other errors stay.
func (r roomLeft) spent(err error, done, total int) error {
	if !storage.Full(err) || !r.known || done < 1 || total < done {
		return err
	}
	needed := float64(r.begun) / float64(done) * float64(total)
	return roomError(r.path, int64(max(needed, 1.1*float64(r.begun))), err) // it was more than there was
}

// bytesWords is a size for people: "3.2 GB".
func bytesWords(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.0f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d bytes", n)
}
