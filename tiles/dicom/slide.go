package dicom

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
	"sync/atomic"

	"coverslip/tiles"
	"coverslip/tiles/dicomfile"
)

// slide is a tiles.Slide of one or several files.
type slide struct {
	info       tiles.Info
	levels     []tiles.Level
	pictures   []*picture // by level
	planes     [][]*layer // by level, then by channel·focal planes + focal plane; nil where nothing is stored
	stack      tiles.Stack
	associated map[string]*picture
	icc        []byte
	sources    []*tiles.Source
	broken     atomic.Pointer[error] // of the first file that broke
	closed     atomic.Bool
}

// newSlide makes a slide of its pictures and takes over the sources.
func newSlide(b *builder, p pictures) (tiles.Slide, error) {
	s := &slide{associated: p.associated}
	s.info = tiles.Info{Format: name, Vendor: "DICOM", Path: b.own.src.Path(),
		Background: color.NRGBA{R: 255, G: 255, B: 255, A: 255}, Warnings: b.warnings}
	first := p.levels[0].first()
	for _, in := range b.instances {
		s.sources = append(s.sources, in.src)
		s.info.Warnings = append(s.info.Warnings, in.warnings...)
	}
	s.addLevels(p.levels)
	s.addPlanes()
	// The identity must not depend on which of the files was opened.
	fp, err := tiles.FingerprintOf(first.src, first.src.Size())
	if err != nil {
		return nil, err
	}
	s.info.Fingerprint = fp
	s.info.Associated = slices.Sorted(maps.Keys(p.associated))
	s.info.MPPX, s.info.MPPY, s.info.MPPFrom = first.mppX, first.mppY, first.mppFrom
	d := first.file.Data()
	if s.info.Properties, err = properties(first.file); err != nil {
		s.warn("some properties left out: %v", err)
	}
	if maker := s.info.Properties["dicom.Manufacturer"]; maker != "" {
		s.info.Vendor = maker
	}
	if err := s.readOptics(d); err != nil {
		s.warn("optical path left out: %v", err)
	}
	s.addProperties()
	for _, in := range b.instances {
		in.file = nil // the data sets are not needed any more
	}
	return s.withPlanes()
}

func (s *slide) warn(format string, args ...any) {
	s.info.Warnings = append(s.info.Warnings, fmt.Sprintf(format, args...))
}

// addLevels keeps the levels that are strictly smaller than the one before and
// of the same shape.
func (s *slide) addLevels(all []*picture) {
	base := all[0].level()
	for i, p := range all {
		l := p.level()
		if i > 0 {
			prev := s.levels[len(s.levels)-1]
			fx, fy := float64(base.Width)/float64(l.Width), float64(base.Height)/float64(l.Height)
			// Rounding explains two pixels, a wrong shape does not.
			misfit := math.Abs(float64(l.Height) - float64(base.Height)/fx)
			if l.Width >= prev.Width || l.Height > prev.Height || misfit > 2+0.02*float64(l.Height) {
				s.warn("level of %d×%d pixels left out: it does not follow %d×%d", l.Width, l.Height, prev.Width, prev.Height)
				continue
			}
			l.Downsample = (fx + fy) / 2 // as OpenSlide defines it
		}
		s.levels, s.pictures = append(s.levels, l), append(s.pictures, p)
	}
}

// maxICC bounds a colour profile; those of scanners have up to 15 MB.
const maxICC = dicomfile.MaxValueBytes

// epifluorescence is DCM code 111743, whose background is black.
const epifluorescence = "111743"

// readOptics reads objective, colour profile and illumination.
func (s *slide) readOptics(d *dicomfile.Dataset) error {
	path, err := d.First(dicomfile.OpticalPaths)
	if err != nil {
		return err
	}
	if path == nil {
		path = d
	}
	icc, err := path.Bytes(dicomfile.ICCProfile, maxICC)
	if err != nil {
		s.warn("colour profile left out: %v", err)
	} else if len(icc) > 0 {
		s.icc = icc
	}
	power, err := path.Floats(dicomfile.ObjectiveLensPower)
	if err != nil {
		return err
	}
	if len(power) > 0 {
		if v := power[0]; v > 0 && v <= 200 {
			s.info.Objective = v
		} else {
			s.warn("objective %g is ignored", v)
		}
	}
	light, err := path.First(dicomfile.IlluminationTypeCode)
	if err != nil || light == nil {
		return err
	}
	code, err := light.Text(dicomfile.CodeValue)
	if code == epifluorescence {
		s.info.Background = color.NRGBA{A: 255}
	}
	return err
}

// addProperties writes OpenSlide's names, so that scripts written for them work.
func (s *slide) addProperties() {
	p, in := s.info.Properties, &s.info
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	p["openslide.vendor"] = "dicom"
	if in.MPPX > 0 && in.MPPY > 0 {
		p["openslide.mpp-x"], p["openslide.mpp-y"] = number(in.MPPX), number(in.MPPY)
	}
	if in.Objective > 0 {
		p["openslide.objective-power"] = number(in.Objective)
	}
	if len(s.icc) > 0 {
		p["openslide.icc-size"] = strconv.Itoa(len(s.icc))
	}
	p["openslide.level-count"] = strconv.Itoa(len(s.levels))
	for name, a := range s.associated {
		at := "openslide.associated." + name + "."
		p[at+"width"], p[at+"height"] = strconv.Itoa(a.lead.width), strconv.Itoa(a.lead.height)
	}
	for i, l := range s.levels {
		at := fmt.Sprintf("openslide.level[%d].", i)
		p[at+"width"] = strconv.Itoa(l.Width)
		p[at+"height"] = strconv.Itoa(l.Height)
		p[at+"downsample"] = number(l.Downsample)
		p[at+"tile-width"] = strconv.Itoa(l.TileWidth)
		p[at+"tile-height"] = strconv.Itoa(l.TileHeight)
	}
}

// Info describes the slide.
func (s *slide) Info() *tiles.Info { return &s.info }

// Levels lists the pyramid.
func (s *slide) Levels() []tiles.Level { return s.levels }

// ICC returns the colour profile of level 0, nil when there is none.
func (s *slide) ICC() []byte { return s.icc }

// Close closes all files of the slide.
func (s *slide) Close() error {
	if s.closed.Swap(true) {
		return tiles.ErrClosed
	}
	var err error
	for _, src := range s.sources {
		err = errors.Join(err, src.Close())
	}
	return err
}

// err is why nothing can be read any more, nil while the slide is sound.
func (s *slide) err() error {
	if s.closed.Load() {
		return tiles.ErrClosed
	}
	if e := s.broken.Load(); e != nil {
		return *e
	}
	return nil
}

// latch finds out whether a file broke, and keeps its error for good.
func (s *slide) latch() error {
	for _, src := range s.sources {
		if err := src.Err(); err != nil {
			if !errors.Is(err, tiles.ErrClosed) {
				s.broken.CompareAndSwap(nil, &err)
			}
			return err
		}
	}
	return nil
}

// ready says why a tile cannot even be looked for.
func (s *slide) ready(ctx context.Context, k tiles.Key) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.err(); err != nil {
		return err
	}
	if k.Level < 0 || k.Level >= len(s.pictures) {
		return &tiles.TileError{Key: k, Err: fmt.Errorf("the slide has %d levels", len(s.pictures))}
	}
	return nil
}

// ReadTile implements tiles.Slide.
func (s *slide) ReadTile(ctx context.Context, k tiles.Key, dst *image.RGBA) error {
	if err := s.ready(ctx, k); err != nil {
		return err
	}
	return s.readTile(k, tiles.Plane{Z: s.stack.DefaultZ}, dst)
}

// readTile decodes a tile of a plane in colour, or in grey of 8 bits.
func (s *slide) readTile(k tiles.Key, p tiles.Plane, dst *image.RGBA) error {
	err := s.pictures[k.Level].readTile(s.layer(k.Level, p), k.Col, k.Row, dst)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, tiles.ErrMissing):
		tiles.Fill(dst, s.info.Background)
		return err
	}
	return s.tileError(k, err)
}

// tileError tells a bad tile from a file that broke.
func (s *slide) tileError(k tiles.Key, err error) error {
	if broken := s.latch(); broken != nil { // the slide is at fault, not the tile
		return broken
	}
	return &tiles.TileError{Key: k, Err: err}
}

// AssociatedImage implements tiles.Slide.
func (s *slide) AssociatedImage(ctx context.Context, name string) (*image.RGBA, error) {
	p, ok := s.associated[name]
	if !ok {
		return nil, fmt.Errorf("%q: %w", name, tiles.ErrNoAssociated)
	}
	if err := s.err(); err != nil {
		return nil, err
	}
	img, err := p.readAll(ctx)
	if err != nil {
		return nil, fmt.Errorf("associated image %q: %w", name, errors.Join(err, s.latch()))
	}
	return img, nil
}
