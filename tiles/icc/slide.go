package icc

import (
	"context"
	"fmt"
	"image"
	"maps"

	"coverslip/tiles"
)

// Colour is what became of a slide's colours.
type Colour struct {
	Profile string // the profile's own name, "unnamed profile" when it has none; "" when the slide has no profile
	Applied bool   // the pixels are changed; not when the profile is sRGB
	SRGB    bool   // the profile is sRGB within one step of 255
	Err     error  // why a profile is not applied that should be
}

// String says it in a line, for people.
func (c Colour) String() string {
	switch {
	case c.Err != nil:
		return fmt.Sprintf("colour profile left out: %v", c.Err)
	case c.Profile == "":
		return "no colour profile"
	case c.SRGB:
		return c.Profile + " (is sRGB)"
	case c.Applied:
		return c.Profile + ", shown as sRGB"
	}
	return c.Profile + ", not applied"
}

// Property is the name under which Info.Properties of a corrected slide tells
// its Colour.
const Property = "coverslip.colour"

// Inspect tells the profile of a slide without changing any colour.
func Inspect(s tiles.Slide) (Colour, *Transform) {
	data := s.ICC()
	if len(data) == 0 {
		return Colour{}, nil
	}
	p, err := Parse(data)
	if err != nil {
		return Colour{Profile: "unnamed profile", Err: err}, nil
	}
	c := Colour{Profile: p.Description}
	if c.Profile == "" {
		c.Profile = "unnamed profile"
	}
	t := p.Transform()
	c.SRGB = t.Identity()
	return c, t
}

// Corrected draws a slide in the colours of a screen (sRGB), associated images
// too. A slide without a profile, with one that is sRGB already or that cannot be
// read is returned as it is; Colour says which. The background, which is no
// scanned colour, stays.
func Corrected(s tiles.Slide) (tiles.Slide, Colour) {
	c, t := Inspect(s)
	if t == nil || t.Identity() {
		return s, c
	}
	c.Applied = true
	out := &slide{Slide: s, transform: t, info: *s.Info()}
	out.info.Properties = maps.Clone(out.info.Properties)
	if out.info.Properties == nil {
		out.info.Properties = map[string]string{}
	}
	out.info.Properties[Property] = c.String()
	if under, ok := s.(tiles.ScannedReader); ok {
		return &scannedSlide{out, under}, c
	}
	return out, c
}

// scannedSlide is a slide that knows which pixels were scanned.
type scannedSlide struct {
	*slide
	under tiles.ScannedReader
}

// ReadScanned implements tiles.ScannedReader.
func (s *scannedSlide) ReadScanned(ctx context.Context, k tiles.Key, r image.Rectangle, dst *image.RGBA) error {
	err := s.under.ReadScanned(ctx, k, r, dst)
	if err == nil {
		s.transform.Apply(dst)
	}
	return err
}

// slide is a tiles.Slide in other colours.
type slide struct {
	tiles.Slide
	transform *Transform
	info      tiles.Info
}

// Info is that of the slide, with Property.
func (s *slide) Info() *tiles.Info { return &s.info }

// ICC is nil: the colours are sRGB.
func (s *slide) ICC() []byte { return nil }

// ReadTile implements tiles.Slide. A missing tile is background and stays: what
// fills it in (tiles.Filled) comes from a corrected slide.
func (s *slide) ReadTile(ctx context.Context, k tiles.Key, dst *image.RGBA) error {
	err := s.Slide.ReadTile(ctx, k, dst)
	if err == nil {
		s.transform.Apply(dst)
	}
	return err
}

// AssociatedImage implements tiles.Slide.
func (s *slide) AssociatedImage(ctx context.Context, name string) (*image.RGBA, error) {
	img, err := s.Slide.AssociatedImage(ctx, name)
	if err != nil {
		return nil, err
	}
	// Most scanners take all pictures by one camera and say it once.
	s.transform.Apply(img)
	return img, nil
}
