package tiles

import "context"

// Format is one reader of slides: a value in the ordered list of package
// tiles/formats.
type Format struct {
	Name   string // short and unique: "aperio"
	Vendor string // for people: "Leica Aperio (.svs)"
	// Detect returns nil when the file is this format's, else the reason why it
	// is not: people are told every reader's reason.
	Detect func(src *Source) error
	// Open reads the slide, which then owns src and closes it; when Open fails,
	// closing src is left to the caller.
	Open func(ctx context.Context, src *Source) (Slide, error)
}
