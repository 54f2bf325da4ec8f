package hamamatsu

import (
	"fmt"
	"slices"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/tiff"
)

// opener gathers what the directories of a file are.
type opener struct {
	src        *tiles.Source
	codecs     *codec.Set
	keep       *keeper
	planes     []plane // in order of nm once choosePlane is through
	associated map[string]tiff.Picture
	warnings   []string
}

// plane is a focal plane: a pyramid, the largest image first once choosePlane is
// through.
type plane struct {
	nm     int64 // from the best focus
	levels []grid
}

func (o *opener) warn(format string, args ...any) {
	o.warnings = append(o.warnings, fmt.Sprintf(format, args...))
}

// directory enters directory i.
func (o *opener) directory(i int, d *tiff.Directory) error {
	lens, _, err := d.Float(tagLens)
	switch {
	case err != nil:
		o.warn("directory %d left out: %v", i, err)
	case lens == lensMacro:
		m, err := newPicture(o.src, o.codecs, d)
		if err != nil {
			o.warn("macro image left out: %v", err)
			return nil
		}
		o.associated["macro"] = m
	case lens == lensMap:
		m, err := d.Image(o.codecs) // plain grey pixels in one strip
		if err != nil {
			o.warn("map image left out: %v", err)
			return nil
		}
		o.associated["map"] = m
	case lens > 0:
		return o.level(i, d)
	}
	return nil
}

// level enters an image of the slide. What cannot be read of the first image is
// an error: positions are counted in its pixels.
func (o *opener) level(i int, d *tiff.Directory) error {
	nm, _, err := d.Int(tagFocalPlane)
	if err != nil {
		o.warn("directory %d left out: %v", i, err)
		return nil
	}
	p, err := newPicture(o.src, o.codecs, d)
	if err != nil {
		if len(o.planes) == 0 {
			return fmt.Errorf("tiles/hamamatsu: level 0: %w", err)
		}
		o.warn("directory %d left out: %v", i, err)
		return nil
	}
	at := slices.IndexFunc(o.planes, func(z plane) bool { return z.nm == nm })
	if at < 0 {
		if len(o.planes) >= maxPlanes {
			return bad("more than %d focal planes", maxPlanes)
		}
		at = len(o.planes)
		o.planes = append(o.planes, plane{nm: nm})
	}
	o.planes[at].levels = append(o.planes[at].levels, p.grid(o.keep))
	return nil
}

// maxPlanes bounds the focal planes; scanners make some tens.
const maxPlanes = 1024

// choosePlane sorts the planes, leaves those out that lack the largest image,
// and returns the one that is shown: the nearest to the best focus.
func (o *opener) choosePlane() (int, error) {
	if len(o.planes) == 0 {
		return 0, &tiles.FormatError{Format: name, What: "the file has no image of the slide"}
	}
	width := func(g grid) int { return g.Level().Width }
	for _, z := range o.planes {
		slices.SortStableFunc(z.levels, func(a, b grid) int { return width(b) - width(a) })
	}
	slices.SortFunc(o.planes, func(a, b plane) int { return int(min(max(a.nm-b.nm, -1), 1)) })
	top := o.planes[0].levels[0].Level()
	for _, z := range o.planes {
		if l := z.levels[0].Level(); l.Width > top.Width {
			top = l
		}
	}
	kept := o.planes[:0]
	for _, z := range o.planes {
		if l := z.levels[0].Level(); l.Width != top.Width || l.Height != top.Height {
			o.warn("focal plane at %d nm left out: its largest image is %d×%d pixels where others have %d×%d", z.nm, l.Width, l.Height, top.Width, top.Height)
			continue
		}
		kept = append(kept, z)
	}
	o.planes = kept
	best := 0
	for i, z := range o.planes {
		if abs(z.nm) < abs(o.planes[best].nm) {
			best = i
		}
	}
	return best, nil
}

func abs(v int64) int64 { return max(v, -v) }
