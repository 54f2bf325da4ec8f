package annotate

import "errors"

// At changing.
var (
	// ErrConflict: an edit's Before is not what is there now, so somebody else
	// changed the object in between; nothing was changed.
	ErrConflict = errors.New("the object was changed meanwhile")
	// ErrInvalidEdit: the edit itself makes no sense (empty, an object twice,
	// Before and After of different objects); nothing was changed.
	ErrInvalidEdit = errors.New("edit is not well formed")
)

// At drawing and reading.
var (
	// ErrInvalidROI: the geometry cannot be used: not finite, outside ±1e7
	// pixels, too few points, or crossing itself. Repaired may help.
	ErrInvalidROI = errors.New("invalid geometry")
	// ErrNoArea: an operation leaves nothing, or needs an area and got a point or
	// a line.
	ErrNoArea = errors.New("no area is left")
	// ErrTooLarge: the shapes have more vertices together than MaxCombined.
	// Simplified makes them smaller.
	ErrTooLarge = errors.New("too many vertices to work on at once")
)
