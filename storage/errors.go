package storage

import (
	"errors"
	"fmt"
)

// At creating and opening.
var (
	// ErrExists: there is a project at that place already.
	ErrExists = errors.New("there is a project already; open it or choose another folder")
	// ErrNotProject: the folder or file is something else; it was not touched.
	ErrNotProject = errors.New("not a Coverslip project")
	// ErrLocked: another program (or another window) has the project open.
	ErrLocked = errors.New("the project is open in another program; close it there and open it again")
	// ErrNewer: a newer version of the program wrote the project; it was not touched.
	ErrNewer = errors.New("the project was written by a newer version of the program; update the program")
	// ErrNetworkDrive: the project lies on a network drive, where locks are not
	// to be relied on; it can be read there, and copied.
	ErrNetworkDrive = errors.New("the project lies on a network drive, where it can be read only; work on a copy on this computer")
)

// At working.
var (
	// ErrReadOnly: the project was opened for reading only.
	ErrReadOnly = errors.New("the project is open read-only")
	// ErrClosed: the project was closed.
	ErrClosed = errors.New("the project is closed")
	// ErrNoOrigin: the project is no working copy of another.
	ErrNoOrigin = errors.New("the project is no working copy")
	// ErrOtherProject: another project lies where the working copy came from.
	ErrOtherProject = errors.New("another project lies there now")
	// ErrOwnFile: a backup was to be written over the project file itself.
	ErrOwnFile = errors.New("this is the project file itself; name another file for the backup")
	// ErrMoved: the file was deleted, moved or replaced while it was open, so
	// nothing more can be saved in it.
	ErrMoved = errors.New("the project file was moved, deleted or replaced while it was open; put it back and open it again")
	// ErrBroken: a write or a sync of the disk failed, so nothing more is written;
	// what was acknowledged before is safe.
	ErrBroken = errors.New("the disk does not take what is written any more")
	// ErrNothingToUndo: the slide's undo stack is empty.
	ErrNothingToUndo = errors.New("nothing to undo")
	// ErrNothingToRedo: the slide's redo stack is empty.
	ErrNothingToRedo = errors.New("nothing to redo")
	// ErrUnknownSlide: the project has no slide of that ID.
	ErrUnknownSlide = errors.New("no such slide in the project")
	// ErrUnknownClass: an object names a class that the project does not have.
	ErrUnknownClass = errors.New("no such class in the project")
	// ErrClassInUse: a class that objects carry cannot be taken back.
	ErrClassInUse = errors.New("the class is in use")
	// ErrUnknownUser: the project has no profile of that ID.
	ErrUnknownUser = errors.New("no such profile in the project")
	// ErrNameTaken: another profile carries the name.
	ErrNameTaken = errors.New("another profile has that name")
	// ErrPassphrase: the passphrase does not open the profile's key.
	ErrPassphrase = errors.New("the passphrase is not the right one")
	// ErrShortPassphrase: a passphrase of fewer than MinPassphrase characters.
	ErrShortPassphrase = errors.New("the passphrase is too short")
	// ErrNoEmbeddings: nothing was computed yet for that slide and encoder.
	ErrNoEmbeddings = errors.New("no embeddings stored")
)

// errBroken marks an error after which the state of the disk is not known.
var errBroken = errors.New("the state of the disk is not known")

// DamageError says that a file of the project is damaged, and where.
type DamageError struct {
	Path string // the file
	What string // what is wrong: "object 0193…: checksum does not match"
	Err  error  // cause, may be nil
}

func (e *DamageError) Error() string {
	s := "damaged: " + e.What
	if e.Path != "" {
		s = e.Path + " is " + s
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *DamageError) Unwrap() error { return e.Err }

func broken(format string, a ...any) error { return &DamageError{What: fmt.Sprintf(format, a...)} }
