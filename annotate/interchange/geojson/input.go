package geojson

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"coverslip/annotate/interchange/exchange"
)

// FormatError says that the file as a whole cannot be read, or not further.
type FormatError struct {
	Feature int    // features read before it
	Offset  int64  // byte of the unpacked file that it was read to
	What    string // what is wrong
	Err     error  // cause, may be nil
}

func (e *FormatError) Error() string {
	s := "geojson: " + e.said()
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// said is what is wrong, without the cause.
func (e *FormatError) said() string {
	if e.Feature > 0 {
		return fmt.Sprintf("after %d features: %s", e.Feature, e.What)
	}
	return e.What
}

func (e *FormatError) Unwrap() error { return e.Err }

// open unpacks and makes bare NaN readable.
func open(r io.Reader, o ReadOptions) (*exchange.Input, error) {
	in, err := exchange.Open(r, o.MaxBytes)
	var f *exchange.FormatError
	switch {
	case errors.As(err, &f):
		return nil, &FormatError{What: "the " + f.Format + " file is damaged", Err: f.Err}
	case err != nil:
		return nil, err
	case len(in.Head()) == 0:
		return nil, &FormatError{What: "the file is empty"}
	case bytes.HasPrefix(in.Head(), []byte("PK")):
		return nil, &FormatError{What: "the file is a zip archive; unpack it first"}
	}
	in.Allow(0, o.MaxFeature)
	return in, nil
}
