package agreement

import (
	"errors"
	"math"
)

// At counting.
var (
	// ErrShape: the input is not of the shape that is asked for: rows of unequal
	// length, a table that is not square, a code out of range.
	ErrShape = errors.New("the ratings do not fit together")
	// ErrTooMany: more is asked for than can be computed in reasonable time.
	ErrTooMany = errors.New("too much to compare at once")
)

// Defined tells whether a figure means anything: it is neither NaN nor infinite.
func Defined(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
