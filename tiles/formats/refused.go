package formats

import (
	"errors"
	"fmt"
	"strings"

	"coverslip/tiles"
)

// Reason is one reader's answer to a file.
type Reason struct {
	Format string // the reader's name
	Err    error  // why it refuses
}

// RefusedError says that no reader takes a file. It is tiles.ErrNotSlide, and
// every reader's reason too.
type RefusedError struct {
	Path    string
	Seen    string   // what the file is instead of a slide: "a PDF document"; "" when it may be one
	Hint    string   // what the user can do about it; "" when that is unknown
	Looks   string   // the kind of slide that it seems to be: "Leica Aperio (.svs)"; "" when Seen, or when nothing tells
	Named   bool     // Looks is told by the file's name alone
	Likely  error    // the reason of the reader of Looks, nil without Looks
	Reasons []Reason // every reader's that was asked, in their order
}

// Error says what the file is, or else which reader should have taken it and
// why it did not. Details tells more.
func (e *RefusedError) Error() string {
	why := "nothing in it says what it is"
	switch {
	case e.Seen != "":
		why = "it is " + e.Seen
	case e.Looks != "" && e.Named:
		why = fmt.Sprintf("it is named like %s, but %s", e.Looks, plain(e.Likely))
	case e.Looks != "":
		why = fmt.Sprintf("it looks like %s, but %s", e.Looks, plain(e.Likely))
	}
	return fmt.Sprintf("%s: %v: %s", e.Path, tiles.ErrNotSlide, why)
}

// Details is Error and a line for every reason; readers that say the same are
// named together.
func (e *RefusedError) Details() string {
	var order []string
	by := map[string][]string{}
	for _, r := range e.Reasons {
		msg := plain(r.Err)
		if _, seen := by[msg]; !seen {
			order = append(order, msg)
		}
		by[msg] = append(by[msg], r.Format)
	}
	lines := []string{e.Error()}
	for _, msg := range order {
		lines = append(lines, fmt.Sprintf("%s: %s", strings.Join(by[msg], ", "), msg))
	}
	return strings.Join(lines, "\n")
}

// Damaged tells whether the file is a slide by its first bytes, and spoilt.
func (e *RefusedError) Damaged() bool {
	var bad *tiles.FormatError
	return e.Looks != "" && !e.Named && errors.As(e.Likely, &bad)
}

// Unwrap gives tiles.ErrNotSlide and the reasons.
func (e *RefusedError) Unwrap() []error {
	out := []error{tiles.ErrNotSlide}
	for _, r := range e.Reasons {
		out = append(out, r.Err)
	}
	return out
}

// plain is a reason without the name of its reader, which stands beside it.
func plain(err error) string {
	var bad *tiles.FormatError
	if errors.As(err, &bad) {
		return strings.TrimPrefix(err.Error(), bad.Format+": ")
	}
	return err.Error()
}

// refuse makes the error for a file that no reader takes.
func refuse(src *tiles.Source, list []tiles.Format, reasons []Reason) *RefusedError {
	e := &RefusedError{Path: src.Path(), Reasons: reasons}
	l := look(src)
	e.Seen, e.Hint, e.Named = l.seen, l.hint, l.named
	for _, r := range reasons {
		if r.Format == l.reader {
			e.Looks, e.Likely = vendor(list, l.reader), r.Err
		}
	}
	return e
}

// vendor is what people call the slides of a reader.
func vendor(list []tiles.Format, reader string) string {
	if reader == "generic" {
		return "a TIFF file" // asked last, for files that no vendor claims
	}
	for _, f := range list {
		if f.Name == reader {
			return f.Vendor
		}
	}
	return reader
}
