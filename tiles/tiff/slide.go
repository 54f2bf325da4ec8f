package tiff

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"maps"
	"math"
	"slices"
	"strconv"

	"coverslip/tiles"
)

// Parts are what a vendor's reader found in a file.
type Parts struct {
	Source     *tiles.Source
	Info       tiles.Info         // Path, Associated and OpenSlide's names are filled in by NewSlide, Fingerprint where it is empty
	Levels     []Grid             // level 0 first; levels that do not fit the first are dropped with a warning
	Associated map[string]Picture // by name
	ICC        []byte             // of level 0, nil when there is none
}

// Grid is a level of a slide: an *Image, or what a vendor makes of several or of
// a part of one.
type Grid interface {
	// Level tells sizes; a Downsample of 0 is computed from them.
	Level() tiles.Level
	// ReadTile decodes a tile into dst, which has the size of the level's
	// TileRect. It returns tiles.ErrMissing for a tile that was never stored.
	ReadTile(ctx context.Context, col, row int, dst *image.RGBA) error
}

// Picture is an associated image.
type Picture interface {
	ReadAll(ctx context.Context) (*image.RGBA, error)
}

// Slide is a tiles.Slide whose tiles are those of a TIFF file.
type Slide struct {
	src        *tiles.Source
	info       tiles.Info
	levels     []tiles.Level
	images     []Grid
	associated map[string]Picture
	icc        []byte
}

// NewSlide makes a slide of its parts and takes over the source. It reads the
// file's fingerprint and no pixel.
func NewSlide(p Parts) (*Slide, error) {
	if len(p.Levels) == 0 {
		return nil, bad("the file has no level")
	}
	s := &Slide{src: p.Source, info: p.Info, associated: p.Associated, icc: p.ICC}
	if s.info.Properties == nil {
		s.info.Properties = map[string]string{}
	}
	s.addLevels(p.Levels)
	if s.info.Fingerprint == "" {
		fp, err := tiles.FingerprintOf(p.Source, p.Source.Size())
		if err != nil {
			return nil, err
		}
		s.info.Fingerprint = fp
	}
	s.info.Path = p.Source.Path()
	s.info.Associated = slices.Sorted(maps.Keys(p.Associated))
	if s.info.Background == (color.NRGBA{}) {
		s.info.Background = color.NRGBA{R: 255, G: 255, B: 255, A: 255} // brightfield: no tissue is white
	}
	if s.info.ZPlanes == nil {
		s.info.ZPlanes = []float64{0}
	}
	s.addBounds()
	s.addProperties()
	return s, nil
}

// addLevels keeps the levels that are strictly smaller than the one before and
// of the same shape; others were seen in real files and would jump on screen.
func (s *Slide) addLevels(images []Grid) {
	first := images[0].Level()
	for i, m := range images {
		l := m.Level()
		switch {
		case i == 0:
			l.Downsample = 1
		default:
			prev := s.levels[len(s.levels)-1]
			fx, fy := float64(first.Width)/float64(l.Width), float64(first.Height)/float64(l.Height)
			// Rounding explains two pixels, a wrong shape does not.
			misfit := math.Abs(float64(l.Height) - float64(first.Height)/fx)
			if l.Downsample == 0 {
				l.Downsample = (fx + fy) / 2 // as OpenSlide defines it
			}
			if l.Width >= prev.Width || l.Height > prev.Height || l.Downsample <= prev.Downsample || misfit > 2+0.02*float64(l.Height) {
				s.info.Warnings = append(s.info.Warnings, fmt.Sprintf("level of %d×%d pixels left out: it does not follow %d×%d", l.Width, l.Height, prev.Width, prev.Height))
				continue
			}
		}
		s.levels, s.images = append(s.levels, l), append(s.images, m)
	}
}

// addBounds clips the bounds to level 0; those of all of it say nothing.
func (s *Slide) addBounds() {
	whole := image.Rect(0, 0, s.levels[0].Width, s.levels[0].Height)
	if s.info.Bounds = s.info.Bounds.Intersect(whole); s.info.Bounds == whole {
		s.info.Bounds = image.Rectangle{}
	}
}

// addProperties writes OpenSlide's names, so that scripts written for them work.
func (s *Slide) addProperties() {
	p, in := s.info.Properties, &s.info
	set := func(k, v string) {
		if _, has := p[k]; !has && v != "" {
			p[k] = v
		}
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	if in.MPPX > 0 && in.MPPY > 0 {
		set("openslide.mpp-x", number(in.MPPX))
		set("openslide.mpp-y", number(in.MPPY))
	}
	if in.Objective > 0 {
		set("openslide.objective-power", number(in.Objective))
	}
	set("openslide.comment", p["tiff.ImageDescription"])
	set("openslide.level-count", strconv.Itoa(len(s.levels)))
	for i, l := range s.levels {
		at := fmt.Sprintf("openslide.level[%d].", i)
		set(at+"width", strconv.Itoa(l.Width))
		set(at+"height", strconv.Itoa(l.Height))
		set(at+"downsample", number(l.Downsample))
		set(at+"tile-width", strconv.Itoa(l.TileWidth))
		set(at+"tile-height", strconv.Itoa(l.TileHeight))
	}
}

// Info describes the slide.
func (s *Slide) Info() *tiles.Info { return &s.info }

// Levels lists the pyramid.
func (s *Slide) Levels() []tiles.Level { return s.levels }

// Grid is the level that a tile's Key.Level means.
func (s *Slide) Grid(level int) Grid { return s.images[level] }

// Err is why nothing can be read any more: the file broke or the slide is
// closed. It is nil while the slide is sound.
func (s *Slide) Err() error { return s.src.Err() }

// ICC returns the colour profile of level 0, nil when there is none.
func (s *Slide) ICC() []byte { return s.icc }

// Close closes the file.
func (s *Slide) Close() error { return s.src.Close() }

// ReadTile implements tiles.Slide.
func (s *Slide) ReadTile(ctx context.Context, k tiles.Key, dst *image.RGBA) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.src.Err(); err != nil {
		return err
	}
	if k.Level < 0 || k.Level >= len(s.images) {
		return &tiles.TileError{Key: k, Err: fmt.Errorf("the slide has %d levels", len(s.images))}
	}
	err := s.images[k.Level].ReadTile(ctx, k.Col, k.Row, dst)
	if errors.Is(err, tiles.ErrMissing) {
		tiles.Fill(dst, s.info.Background)
	}
	return s.failure(ctx, k, err)
}

// failure says of a level's error whose fault it is: the tile's, the slide's or
// the caller's.
func (s *Slide) failure(ctx context.Context, k tiles.Key, err error) error {
	if err == nil || errors.Is(err, tiles.ErrMissing) {
		return err
	}
	if broken := s.src.Err(); broken != nil {
		return broken
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &tiles.TileError{Key: k, Err: err}
}

// AssociatedImage implements tiles.Slide.
func (s *Slide) AssociatedImage(ctx context.Context, name string) (*image.RGBA, error) {
	m, ok := s.associated[name]
	if !ok {
		return nil, fmt.Errorf("%q: %w", name, tiles.ErrNoAssociated)
	}
	if err := s.src.Err(); err != nil {
		return nil, err
	}
	img, err := m.ReadAll(ctx)
	if err != nil {
		return nil, fmt.Errorf("associated image %q: %w", name, err)
	}
	return img, nil
}

// Properties reads the texts and numbers of a directory under the names that
// OpenSlide gives them. What cannot be read is told in warnings, and that the
// reader shows the picture as it is stored.
func (d *Directory) Properties() (props map[string]string, warnings []string) {
	props, warnings = d.texts()
	if o := d.Orientation(); o > 1 {
		warnings = append(warnings, fmt.Sprintf("orientation %d is ignored: the picture is shown as stored", o))
	}
	return props, warnings
}

// texts is Properties for a picture that is shown upright.
func (d *Directory) texts() (props map[string]string, warnings []string) {
	props = map[string]string{}
	for tag, name := range map[uint16]string{
		TagImageDescription: "ImageDescription", TagMake: "Make", TagModel: "Model", TagSoftware: "Software",
		TagDateTime: "DateTime", TagArtist: "Artist", TagHostComputer: "HostComputer", TagCopyright: "Copyright",
	} {
		v, err := d.Text(tag)
		if err != nil {
			warnings = append(warnings, err.Error())
		} else if v != "" {
			props["tiff."+name] = v
		}
	}
	for tag, name := range map[uint16]string{TagXResolution: "XResolution", TagYResolution: "YResolution"} {
		v, ok, err := d.Rational(tag)
		switch {
		case err != nil:
			warnings = append(warnings, err.Error())
		case ok:
			props["tiff."+name] = strconv.FormatFloat(v, 'g', -1, 64)
		case d.Has(tag):
			warnings = append(warnings, fmt.Sprintf("%s is not a number", name))
		}
	}
	if u, err := d.Uint(TagResolutionUnit, 2); err != nil {
		warnings = append(warnings, err.Error())
	} else if d.Has(TagXResolution) {
		props["tiff.ResolutionUnit"] = map[uint64]string{1: "none", 2: "inch", 3: "centimeter"}[u]
	}
	slices.Sort(warnings)
	return props, warnings
}

// Describe fills properties, warnings and, from the resolution tags, MPP of a
// slide that no vendor describes and that a Turner shows upright.
func (d *Directory) Describe(info *tiles.Info) {
	props, warnings := d.texts()
	info.Properties = props
	info.Warnings = append(info.Warnings, warnings...)
	props["openslide.vendor"] = "generic-tiff"
	o := d.Orientation()
	if o > 1 {
		props["tiff.Orientation"] = strconv.Itoa(o)
	}
	if x, y := d.ResolutionMPP(); x > 0 {
		if o >= 5 { // rows are seen as columns
			x, y = y, x
		}
		info.MPPX, info.MPPY, info.MPPFrom = x, y, "tiff.XResolution"
		return
	}
	if r := props["tiff.XResolution"]; r != "" {
		info.Warnings = append(info.Warnings, fmt.Sprintf("resolution %s per %s cannot be a slide's and is ignored", r, props["tiff.ResolutionUnit"]))
	}
	info.Warnings = append(info.Warnings, UnknownMPP)
}

// UnknownMPP is the warning of a slide whose file does not say, or cannot be
// believed, how large a pixel is.
const UnknownMPP = "the size of a pixel is unknown: lengths, areas and models need to be told it"

// ResolutionMPP is the MPP that the resolution tags of a directory give, 0 and 0
// when they are absent or cannot be a slide's.
func (d *Directory) ResolutionMPP() (x, y float64) {
	unit, err := d.Uint(TagResolutionUnit, 2)
	perUnit := map[uint64]float64{2: 25400, 3: 10000}[unit] // µm of an inch, a centimetre
	if err != nil || perUnit == 0 {
		return 0, 0
	}
	rx, okX, errX := d.Rational(TagXResolution)
	ry, okY, errY := d.Rational(TagYResolution)
	if errX != nil || errY != nil || !okX || !okY || rx <= 0 || ry <= 0 {
		return 0, 0
	}
	x, y = perUnit/rx, perUnit/ry
	if !tiles.SaneMPP(x) || !tiles.SaneMPP(y) {
		return 0, 0
	}
	return x, y
}
