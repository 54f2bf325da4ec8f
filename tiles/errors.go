package tiles

import (
	"errors"
	"fmt"
)

// At opening.
var (
	// ErrNotSlide: no reader recognises the file.
	ErrNotSlide = errors.New("not a slide that this program can read")
	// ErrOutside: a slide names a file, or holds a link to one, that does not lie
	// in its folder or below. What names it is a *FormatError.
	ErrOutside = errors.New("leads out of the slide's folder: other files of a slide must lie in it or below")
)

// At reading.
var (
	// ErrMissing: the tile was never stored (sparse slide).
	ErrMissing = errors.New("tile not stored in the slide")
	// ErrNoAssociated: no associated image of that name.
	ErrNoAssociated = errors.New("no such associated image")
	// ErrClosed: the slide was closed.
	ErrClosed = errors.New("slide is closed")
)

// FormatError says that the file is wrong: damaged, cut or contradictory.
type FormatError struct {
	Format string // reader that found it: "tiff", "aperio", ...
	What   string // what is wrong, with the number in question
	Err    error  // cause, may be nil
}

func (e *FormatError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Format, e.What, e.Err)
	}
	return e.Format + ": " + e.What
}

func (e *FormatError) Unwrap() error { return e.Err }

// UnsupportedError says that the file is right and this program cannot read it.
type UnsupportedError struct {
	Format string // reader that found it
	What   string // the feature: "compression 52479"
	Hint   string // what the user can do, may be empty
}

func (e *UnsupportedError) Error() string { return e.Format + ": unsupported " + e.What }

// TileError says that one tile cannot be decoded; the slide stays usable.
type TileError struct {
	Key Key
	Err error
}

func (e *TileError) Error() string {
	return fmt.Sprintf("level %d tile (%d,%d): %v", e.Key.Level, e.Key.Col, e.Key.Row, e.Err)
}

func (e *TileError) Unwrap() error { return e.Err }
