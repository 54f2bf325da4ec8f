package models

import (
	"errors"
	"fmt"
)

// At opening.
var (
	// ErrNoModel: the folder or file given holds no model.
	ErrNoModel = errors.New("no model found")
)

// At use.
var (
	// ErrClosed: the encoder was closed.
	ErrClosed = errors.New("encoder is closed")
	// ErrPatch: a patch is empty or not square.
	ErrPatch = errors.New("patch is not a square image")
)

// FormatError says that a model is wrong: damaged, cut or contradictory.
type FormatError struct {
	File string // file name or "model"
	What string // what is wrong, with the number in question
	Err  error  // cause, may be nil
}

func (e *FormatError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.File, e.What, e.Err)
	}
	return e.File + ": " + e.What
}

// Unwrap gives the cause to errors.Is and errors.As.
func (e *FormatError) Unwrap() error { return e.Err }

// UnsupportedError says that a model is sound but cannot run here.
type UnsupportedError struct {
	File string // file name or "model"
	What string // what it needs
	Hint string // what the user can do
}

func (e *UnsupportedError) Error() string {
	if e.Hint == "" {
		return e.File + ": " + e.What
	}
	return fmt.Sprintf("%s: %s (%s)", e.File, e.What, e.Hint)
}
