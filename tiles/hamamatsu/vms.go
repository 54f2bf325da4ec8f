package hamamatsu

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"slices"
	"strings"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/tiff"
)

// indexName is the reader of slides of several files in errors and Info.
const indexName = "hamamatsu-vms"

// maxFiles of a slide: each stays open. Real ones have about ten.
const maxFiles = 512

// FormatVMS returns the reader of VMS and VMU slides: an index of lines
// "key=value" and image files beside it.
//
// The images of a VMS are JPEGs of up to 65,000 pixels a side, a grid of them a
// focal plane, with restart markers as in an NDPI; where those lie is hinted at
// by the optimisation file. Those of a VMU (NGR) are plain samples of 12 bits, in
// columns, of which the upper eight are shown. The map is a small picture of the
// whole, the second level; OpenSlide offers reduced decodings of both as levels
// besides, which tiles.Halved stands for here.
//
// Source: OpenSlide's description of the Hamamatsu formats.
func FormatVMS(codecs *codec.Set) tiles.Format {
	return tiles.Format{
		Name: indexName, Vendor: "Hamamatsu VMS (.vms, .vmu)",
		Detect: func(src *tiles.Source) error {
			_, err := readIndex(src)
			return err
		},
		Open: func(ctx context.Context, src *tiles.Source) (tiles.Slide, error) { return openVMS(ctx, src, codecs) },
	}
}

func badIndex(cause error, format string, args ...any) error {
	return &tiles.FormatError{Format: indexName, What: fmt.Sprintf(format, args...), Err: cause}
}

// manyFiles is a slide with the image files that it owns.
type manyFiles struct {
	*slide
	files []*tiles.Source
}

// Close closes all files.
func (m *manyFiles) Close() error { return errors.Join(m.slide.Close(), closeAll(m.files)) }

// manyPlanes is the same of several focal planes.
type manyPlanes struct {
	*stack
	files []*tiles.Source
}

// Close closes all files.
func (m *manyPlanes) Close() error { return errors.Join(m.stack.Close(), closeAll(m.files)) }

func closeAll(files []*tiles.Source) error {
	var err error
	for _, f := range files {
		if cerr := f.Close(); !errors.Is(cerr, tiles.ErrClosed) {
			err = errors.Join(err, cerr)
		}
	}
	return err
}

// indexed is a VMS or VMU slide being opened.
type indexed struct {
	src      *tiles.Source
	codecs   *codec.Set
	index    *index
	keep     *keeper
	files    []*tiles.Source // opened so far
	prints   []string        // their fingerprints, those of level 0
	warnings []string
	comment  string // of the first JPEG
}

func (o *indexed) warn(format string, args ...any) {
	o.warnings = append(o.warnings, fmt.Sprintf(format, args...))
}

func openVMS(ctx context.Context, src *tiles.Source, codecs *codec.Set) (_ tiles.Slide, err error) {
	x, err := readIndex(src)
	if err != nil {
		return nil, err
	}
	o := &indexed{src: src, codecs: codecs, index: x, keep: &keeper{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, closeAll(o.files))
		}
	}()
	layers, err := x.layers()
	if err != nil {
		return nil, err
	}
	planes, spots, err := o.planes(ctx, layers)
	if err != nil {
		return nil, err
	}
	levels := planes[0]
	if m, err := o.mapLevel(); err != nil {
		o.warn("map left out: %v", err)
	} else if m != nil {
		levels = append(slices.Clone(levels), m)
	}
	p := tiff.Parts{Source: src, Associated: map[string]tiff.Picture{}}
	if name := x.values["MacroImage"]; name != "" {
		if m, err := o.jpeg(name); err != nil {
			o.warn("macro image left out: %v", err)
		} else {
			p.Associated["macro"] = m
		}
	}
	p.Info = tiles.Info{Format: indexName, Vendor: "Hamamatsu", Channels: []string{"R", "G", "B"}, ZPlanes: spots}
	o.describe(&p.Info, levels[0].Level())
	s, err := newSlide(p, levels, o.keep)
	if err != nil {
		return nil, err
	}
	if err := o.fingerprint(s.Info()); err != nil {
		return nil, err
	}
	if len(planes) == 1 {
		return &manyFiles{s, o.files}, nil
	}
	all := &stack{slide: s, stack: tiles.Stack{InColor: true, Z: len(planes), T: 1}}
	for _, z := range planes {
		// The map stands for all planes: it is too small to tell them apart.
		all.planes = append(all.planes, matching(s.Levels(), append(slices.Clone(z), levels[1:]...)))
	}
	return &manyPlanes{all, o.files}, nil
}

// planes opens the images of each focal plane, the first of which must be there;
// spots are where the planes lie, µm.
func (o *indexed) planes(ctx context.Context, layers []layer) (planes [][]grid, spots []float64, err error) {
	spacing, ok := tiles.ParseNumber(o.index.values["LayerSpacing"]) // nm
	if !ok || spacing <= 0 {
		spacing = 1000
		if len(layers) > 1 {
			o.warn("the distance of the focal planes is not told: 1 µm is taken")
		}
	}
	for i, l := range layers {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		g, err := o.grid(l, i == 0)
		if err == nil && i > 0 && g.Level() != planes[0][0].Level() {
			err = fmt.Errorf("%d×%d pixels where the first has %d×%d", g.Level().Width, g.Level().Height, planes[0][0].Level().Width, planes[0][0].Level().Height)
		}
		if err != nil && i == 0 {
			return nil, nil, fmt.Errorf("tiles/hamamatsu: level 0: %w", err)
		}
		if err != nil {
			o.warn("focal plane %d left out: %v", l.z, err)
			continue
		}
		planes, spots = append(planes, []grid{g}), append(spots, float64(l.z)*spacing/1000)
	}
	return planes, spots, nil
}

// sibling opens a file that the index names.
func (o *indexed) sibling(name string) (*tiles.Source, error) {
	if len(o.files) >= maxFiles+8 { // images, map, macro image, optimisation file
		return nil, badIndex(nil, "the slide has more than %d files", maxFiles)
	}
	src, err := o.src.OpenSibling(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, badIndex(nil, "%s: the file is missing", name)
	}
	if err != nil {
		return nil, badIndex(err, "%s", name)
	}
	o.files = append(o.files, src)
	return src, nil
}

// jpeg opens a JPEG file.
func (o *indexed) jpeg(name string) (*picture, error) {
	src, err := o.sibling(name)
	if err != nil {
		return nil, err
	}
	p, err := filePicture(src, o.codecs)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

// mapLevel is the map as a level, nil when there is none.
func (o *indexed) mapLevel() (grid, error) {
	name := o.index.values["MapFile"]
	if name == "" {
		return nil, nil
	}
	if o.index.raw {
		return o.ngr(name)
	}
	p, err := o.jpeg(name)
	if err != nil {
		return nil, err
	}
	return o.join([]*picture{p}, 1, nil)
}

// grid makes the images of a focal plane a level.
func (o *indexed) grid(l layer, first bool) (grid, error) {
	if o.index.raw {
		g, err := o.ngr(l.names[0])
		if err == nil && first {
			err = o.print()
		}
		return g, err
	}
	var all []*picture
	for _, name := range l.names {
		p, err := o.jpeg(name)
		if err == nil && first {
			err = o.print()
		}
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	if first {
		o.comment = comment(all[0].header)
	}
	var hints [][]uint64
	if first {
		hints = o.hints(all)
	}
	return o.join(all, l.cols, hints)
}

// join makes JPEGs one level; a single one may lack restart markers.
func (o *indexed) join(all []*picture, cols int, hints [][]uint64) (grid, error) {
	if len(all) == 1 && !all[0].segmented() {
		return &whole{all[0], o.keep}, nil
	}
	return newSheet(all, cols, hints)
}

// print notes the fingerprint of the file opened last.
func (o *indexed) print() error {
	f := o.files[len(o.files)-1]
	fp, err := tiles.FingerprintOf(f, f.Size())
	o.prints = append(o.prints, fp)
	return err
}

// fingerprint is that of the fingerprints of index and images: the index alone
// is a few names and numbers.
func (o *indexed) fingerprint(info *tiles.Info) error {
	text := strings.Join(append([]string{info.Fingerprint}, o.prints...), "\n")
	var err error
	info.Fingerprint, err = tiles.FingerprintOf(strings.NewReader(text), int64(len(text)))
	return err
}

// describe fills properties, MPP and objective.
func (o *indexed) describe(info *tiles.Info, l tiles.Level) {
	props := map[string]string{"openslide.vendor": "hamamatsu"}
	for k, v := range o.index.values {
		props["hamamatsu."+k] = v
	}
	if o.comment != "" {
		props["openslide.comment"] = o.comment
	}
	info.Properties = props
	if v, ok := tiles.ParseNumber(o.index.values["SourceLens"]); ok && v > 0 && v <= 200 {
		info.Objective = v
	} else {
		o.warn("objective %.40q is ignored", o.index.values["SourceLens"])
	}
	w, okW := tiles.ParseNumber(o.index.values["PhysicalWidth"]) // nm
	h, okH := tiles.ParseNumber(o.index.values["PhysicalHeight"])
	x, y := w/(1000*float64(l.Width)), h/(1000*float64(l.Height))
	if okW && okH && tiles.SaneMPP(x) && tiles.SaneMPP(y) {
		info.MPPX, info.MPPY, info.MPPFrom = x, y, "hamamatsu.PhysicalWidth"
	} else {
		o.warn("physical size %.40q × %.40q nm is missing or cannot be a slide's", o.index.values["PhysicalWidth"], o.index.values["PhysicalHeight"])
	}
	slices.Sort(o.warnings)
	info.Warnings = o.warnings
}

// sheet is a grid of segmented JPEGs as one level, or a single one.
type sheet struct {
	files      []*hinted // row by row
	corners    []image.Point
	tile, size image.Point // pixels
}

// newSheet puts JPEGs together. All must have the same restart segments, and
// those of a column one width and of a row one height.
func newSheet(all []*picture, cols int, hints [][]uint64) (grid, error) {
	s := &sheet{}
	rows := len(all) / cols
	for i, p := range all {
		c, r := i%cols, i/cols
		if !p.segmented() {
			return nil, unsupported("JPEG %d of %d×%d pixels without restart markers: it cannot be decoded in parts", i, p.width, p.height)
		}
		if p.segments() > tiff.MaxTiles {
			return nil, badIndex(nil, "JPEG %d: %d restart segments are more than %d", i, p.segments(), tiff.MaxTiles)
		}
		if up := all[c]; p.width != up.width || p.height != all[r*cols].height {
			return nil, badIndex(nil, "JPEG (%d,%d) of %d×%d pixels does not fit its neighbours", c, r, p.width, p.height)
		}
		f := &hinted{strip: newStrip(p)}
		if hints != nil {
			f.heads = hints[i]
		}
		if f0 := s.first(f); f.segW != f0.segW || f.segH != f0.segH || f.layout.Components != f0.layout.Components {
			return nil, badIndex(nil, "restart segments of JPEG (%d,%d) have %d×%d pixels, those of the first %d×%d", c, r, f.segW, f.segH, f0.segW, f0.segH)
		}
		if c < cols-1 && p.width%f.segW != 0 || r < rows-1 && p.height%f.segH != 0 {
			return nil, badIndex(nil, "JPEG (%d,%d) of %d×%d pixels ends within a restart segment", c, r, p.width, p.height)
		}
		at := image.Point{}
		if c > 0 {
			at.X = s.corners[i-1].X + all[i-1].width
		}
		if r > 0 {
			at.Y = s.corners[i-cols].Y + all[i-cols].height
		}
		s.files, s.corners = append(s.files, f), append(s.corners, at)
		s.size = image.Pt(max(s.size.X, at.X+p.width), max(s.size.Y, at.Y+p.height))
	}
	l := s.files[0].Level()
	s.tile = image.Pt(l.TileWidth, l.TileHeight)
	return s, nil
}

func (s *sheet) first(f *hinted) *hinted {
	if len(s.files) > 0 {
		return s.files[0]
	}
	return f
}

// Level implements tiff.Grid.
func (s *sheet) Level() tiles.Level {
	return tiles.Level{Width: s.size.X, Height: s.size.Y, TileWidth: s.tile.X, TileHeight: s.tile.Y}
}

// ReadTile implements tiff.Grid.
func (s *sheet) ReadTile(ctx context.Context, col, row int, dst *image.RGBA) error {
	return readTile(ctx, s, col, row, dst)
}

// readTile reads a whole tile of a grid.
func readTile(ctx context.Context, g grid, col, row int, dst *image.RGBA) error {
	r := g.Level().TileRect(col, row)
	if col < 0 || row < 0 || r.Empty() || dst.Rect.Size() != r.Size() {
		return fmt.Errorf("destination of %v for tile of %v pixels", dst.Rect.Size(), r.Size())
	}
	return g.readPart(ctx, r, dst)
}

// readPart implements grid: each JPEG gives what it has of r.
func (s *sheet) readPart(ctx context.Context, r image.Rectangle, dst *image.RGBA) error {
	for i, f := range s.files {
		own := image.Rect(0, 0, f.width, f.height).Add(s.corners[i])
		in := own.Intersect(r)
		if in.Empty() {
			continue
		}
		to := dst.SubImage(in.Sub(r.Min).Add(dst.Rect.Min)).(*image.RGBA)
		if err := f.readPart(ctx, in.Sub(s.corners[i]), to); err != nil {
			return err
		}
	}
	return nil
}

func (s *sheet) directory() *tiff.Directory { return nil }
