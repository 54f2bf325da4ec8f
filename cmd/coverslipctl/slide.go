package main

import (
	"flag"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"path/filepath"
	"strings"

	"coverslip/app"
	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/formats"
	"coverslip/tiles/icc"
)

// access is how the verbs that read slides from anywhere may open them.
type access struct{ untrusted, network bool }

// declareAccess declares --untrusted and --network.
func declareAccess(f *flag.FlagSet) *access {
	a := &access{}
	f.BoolVar(&a.untrusted, "untrusted", false, "the slide comes from a stranger: decode it by memory-safe decoders only")
	f.BoolVar(&a.network, "network", false, "SLIDE may be a web address (https://…)")
	return a
}

// declareSRGB declares --srgb of the verbs that write pixels.
func declareSRGB(f *flag.FlagSet) *bool {
	return f.Bool("srgb", false, "convert colours by the slide's colour profile (default: as stored)")
}

// inColour is the slide with its colours as stored or, when srgb, converted.
func inColour(s tiles.Slide, srgb bool) tiles.Slide {
	if srgb {
		s, _ = icc.Corrected(s)
	}
	return s
}

// openSlide opens the slide that the call names.
func (c *call) openSlide(path string) (tiles.Slide, error) { return c.openSlideBy(path, &access{}) }

// openSlideBy opens the slide that the call names, an untrusted one without any
// native library, one on the network when that is allowed.
func (c *call) openSlideBy(path string, a *access) (tiles.Slide, error) {
	o := formats.Options{Codecs: codec.Default(), Network: a.network}
	if a.untrusted {
		o.Codecs = codec.Safe()
	}
	s, err := formats.OpenBy(c.ctx, path, o)
	if err != nil {
		return nil, aboutFile("slide", path, err)
	}
	return s, nil
}

// aboutFile says which file an error is about.
func aboutFile(what, path string, err error) error {
	if err == nil {
		return nil
	}
	return &app.FileError{What: what, Path: path, Err: err}
}

// imageOut is the file an image goes to: its name decides the format.
type imageOut struct {
	path   string
	encode func(io.Writer, image.Image) error
}

// newImageOut refuses a name before any work is done.
func newImageOut(path string) (imageOut, error) {
	switch ext := strings.ToLower(filepath.Ext(path)); {
	case path == "":
		return imageOut{}, wrongUsage("-o FILE is needed")
	case ext == ".png":
		return imageOut{path, png.Encode}, nil
	case ext == ".jpg" || ext == ".jpeg":
		return imageOut{path, func(w io.Writer, m image.Image) error {
			return jpeg.Encode(w, m, &jpeg.Options{Quality: 95})
		}}, nil
	}
	return imageOut{}, wrongUsage("the output %s must end in .png or .jpg", path)
}

// write makes the file, whole or not at all.
func (o imageOut) write(m image.Image) error {
	return app.WriteFile(o.path, func(w io.Writer) error { return o.encode(w, m) })
}

// imageResult is the JSON of the verbs that write an image.
type imageResult struct {
	File   string `json:"file"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
}

// wroteImage writes m and says so.
func (c *call) wroteImage(o imageOut, m *image.RGBA) error {
	if err := o.write(m); err != nil {
		return aboutFile("image", o.path, err)
	}
	r := imageResult{o.path, m.Rect.Dx(), m.Rect.Dy()}
	if c.json {
		return c.printJSON(r)
	}
	c.say("%s: %d × %d pixels", r.File, r.Width, r.Height)
	return nil
}
