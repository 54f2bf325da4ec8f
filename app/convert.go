package app

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/dicomwrite"
	"coverslip/tiles/pyramid"
	"coverslip/tiles/tiffwrite"
)

// Formats that ConvertSlide writes.
const (
	ConvertOME   = "ome-tiff" // one file
	ConvertDICOM = "dicom"    // a folder of files
)

// ConvertOptions say what is written. Zero values have a sensible meaning.
type ConvertOptions struct {
	Format   string          // "" = ConvertOME
	Level    int             // of the slide: what becomes the full resolution
	Region   image.Rectangle // level-0 pixels; empty: the whole slide
	Quality  int             // of JPEG tiles that are encoded anew, 1..100; 0 = 90
	Lossless bool            // no tile is JPEG
	Packing  string          // of lossless OME-TIFF: "deflate" (""), "zstd", "lzw"
	Encode   bool            // encode every tile anew, even those that could be copied
	MPP      float64         // µm per level-0 pixel, instead of what the slide says; 0 = what it says
	// Label carries the images of the whole glass too, the label and the
	// overview: they show the patient's name as a rule.
	Label     bool
	KeepGoing bool // paint tiles that cannot be read as background
	Workers   int  // goroutines; 0 = one per processor

	Patient   dicomwrite.Person // DICOM alone
	Accession string
	Container string
	Specimen  string
	Seed      string // of identifiers; "" = random ones
}

// ConvertReport says what was written.
type ConvertReport struct {
	Out           string
	Format        string
	Width, Height int // pixels of the full resolution that was written
	Levels        int
	Planes        int // of each tile: channels × focal planes × time points
	Tiles         int // of all levels and planes
	Copied        int // of them, taken as they are stored, without loss
	Associated    []string
	BadTiles      []string // painted as background, with the reason; at most maxListed
	Bad           int
	Bytes         int64
}

// maxListed bounds what is listed of bad tiles; all are counted.
const maxListed = 10_000

// conversion is one run of ConvertSlide.
type conversion struct {
	slide    tiles.Slide
	o        ConvertOptions
	part     *pyramid.Slide
	stack    *tiles.Stack // nil for a slide of one picture a tile
	report   ConvertReport
	mppX     float64
	mppY     float64
	progress Progress
	done     int

	mu sync.Mutex // protects report's bad tiles
}

// ConvertSlide writes a slide, or a part of one, as another file: a tiled
// pyramidal OME-TIFF or a folder of DICOM files, levels that are lacking being
// averaged. JPEG tiles are copied without decoding where the new file can hold
// them as they are. out appears only when it is whole and is never overwritten.
//
// Errors: fs.ErrExist for an output that is there; ErrNoScale where DICOM needs
// the size of a pixel and nobody says it; the slide's for a tile that cannot be
// read, unless o.KeepGoing; those of writing, and ctx's.
func ConvertSlide(ctx context.Context, s tiles.Slide, out string, o ConvertOptions, p Progress) (ConvertReport, error) {
	c := &conversion{slide: s, o: o, progress: p}
	if c.o.Format == "" {
		c.o.Format = ConvertOME
	}
	if c.o.Quality == 0 {
		c.o.Quality = 90
	}
	if c.o.Quality < 1 || c.o.Quality > 100 {
		return c.report, fmt.Errorf("JPEG quality %d is outside 1..100", c.o.Quality)
	}
	if _, err := os.Lstat(out); err == nil {
		return c.report, &FileError{What: "output", Path: out, Err: fs.ErrExist}
	}
	if planar, ok := s.(tiles.Planar); ok {
		c.stack = planar.Stack()
	}
	if err := c.plan(); err != nil {
		return c.report, err
	}
	c.report.Out, c.report.Format = out, c.o.Format
	sweepLike(filepath.Join(filepath.Dir(out), "."+filepath.Base(out)+".*.part"), time.Now().Add(-abandoned))
	free := roomAt(out)
	var err error
	switch c.o.Format {
	case ConvertOME:
		err = c.ome(ctx, out)
	case ConvertDICOM:
		err = c.dicom(ctx, out)
	default:
		err = fmt.Errorf("unknown format %q; %s and %s are written", c.o.Format, ConvertOME, ConvertDICOM)
	}
	if err != nil {
		return c.report, free.spent(err, c.done, c.report.Tiles)
	}
	c.report.Bytes, err = sizeOf(out)
	return c.report, err
}

// sizeOf is the bytes of a file, or of the files of a folder.
func sizeOf(path string) (int64, error) {
	var n int64
	err := filepath.WalkDir(path, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	return n, err
}

// plan chooses levels and finds the scale.
func (c *conversion) plan() error {
	o := pyramid.Options{Level: c.o.Level, Region: c.o.Region, Multiple: 2}
	if c.o.Format == ConvertOME {
		o.Multiple = 16 // TIFF 6.0 section 15
	}
	if c.o.KeepGoing {
		o.Bad = c.bad
	}
	var err error
	if c.part, err = pyramid.Of(c.slide, o); err != nil {
		return err
	}
	info := c.slide.Info()
	c.mppX, c.mppY = info.MPPX, info.MPPY
	if c.o.MPP > 0 {
		if !tiles.SaneMPP(c.o.MPP) {
			return fmt.Errorf("%g µm cannot be the size of a slide's pixel", c.o.MPP)
		}
		c.mppX, c.mppY = c.o.MPP, c.o.MPP
	}
	c.mppX, c.mppY = c.mppX*c.part.Scale, c.mppY*c.part.Scale
	l := c.part.Levels[0]
	c.report.Width, c.report.Height, c.report.Levels, c.report.Planes = l.Width, l.Height, len(c.part.Levels), 1
	for _, l := range c.part.Levels {
		c.report.Tiles += l.Cols() * l.Rows()
	}
	if c.stack != nil {
		c.report.Planes = max(1, len(c.stack.Channels)) * c.stack.Z * c.stack.T
		c.report.Tiles *= c.report.Planes
	}
	return nil
}

// bad notes a tile that is painted as background.
func (c *conversion) bad(e *tiles.TileError) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.report.Bad++; len(c.report.BadTiles) < maxListed {
		c.report.BadTiles = append(c.report.BadTiles, e.Error())
	}
}

// grey says whether tiles are samples of channels.
func (c *conversion) grey() bool { return c.stack != nil && !c.stack.InColor }

// bits is the bits of a channel's samples as they are written; an error for
// channels that differ in kind.
func (c *conversion) bits() (n int, float bool, err error) {
	n = 8
	for i, ch := range c.stack.Channels {
		wide := ch.Float || ch.Bits > 16
		if i > 0 && wide != float {
			return 0, false, errors.New("channels of whole and of floating-point numbers cannot be written to one file")
		}
		float = wide
		switch {
		case wide:
			n = 32
		case ch.Bits > 8:
			n = max(n, 16)
		}
	}
	return n, float, nil
}

// walk walks through one plane.
func (c *conversion) walk(ctx context.Context, src pyramid.Source, encode func(*pyramid.Tile) ([]byte, error), put func(level, col, row int, data []byte) error) error {
	before := c.done
	w := &pyramid.Walk{
		Levels: c.part.Levels, Source: src, Background: c.slide.Info().Background, Copy: !c.o.Lossless && !c.o.Encode && c.stack == nil,
		Encode: encode, Put: put, Workers: c.o.Workers,
		Progress: func(done, _ int) {
			c.done = before + done
			c.progress.report("Writing tiles", c.done, c.report.Tiles)
		},
	}
	err := w.Run(ctx)
	c.report.Copied += w.Copied
	return err
}

// source is the pixels of a plane.
func (c *conversion) source(p tiles.Plane) (pyramid.Source, error) {
	if c.stack == nil {
		return c.part.Source(), nil
	}
	return c.part.Plane(p)
}

// encodeJPEG compresses with the chroma halved both ways, as scanners do.
func (c *conversion) encodeJPEG(img *image.RGBA, quality int) ([]byte, error) {
	return codec.Default().EncodeJPEG(img, quality, "420")
}

// ome writes an OME-TIFF.
func (c *conversion) ome(ctx context.Context, out string) error {
	info := c.slide.Info()
	f := &tiffwrite.OMEFile{Name: title(info.Path), MPPX: c.mppX, MPPY: c.mppY, Objective: info.Objective / c.part.Scale,
		ICC: c.slide.ICC(), Encode: c.encodeJPEG}
	for _, l := range c.part.Levels {
		f.Levels = append(f.Levels, tiffwrite.OMELevel{Width: l.Width, Height: l.Height, TileWidth: l.TileWidth, TileHeight: l.TileHeight, Downsample: l.Downsample})
	}
	var err error
	if f.Packing, err = c.packing(); err != nil {
		return err
	}
	if c.stack != nil {
		f.Z, f.T, f.ZStep = c.stack.Z, c.stack.T, step(info.ZPlanes)
	}
	if c.grey() {
		f.ICC = nil // a profile describes colours; these are intensities
		if f.Bits, f.Float, err = c.bits(); err != nil {
			return err
		}
		for _, ch := range c.stack.Channels {
			f.Channels = append(f.Channels, tiffwrite.OMEChannel{Name: ch.Name, Color: ch.Color, Excitation: ch.Excitation, Emission: ch.Emission})
		}
	}
	images, err := c.associated(ctx)
	if err != nil {
		return err
	}
	for _, name := range []string{"thumbnail", "macro", "label"} {
		if m := images[name]; m != nil {
			f.Associated = append(f.Associated, tiffwrite.OMEPicture{Name: name, Image: m})
			c.report.Associated = append(c.report.Associated, name)
		}
	}
	encode := func(t *pyramid.Tile) ([]byte, error) {
		if f.Packing == tiffwrite.PackingJPEG {
			return c.encodeJPEG(t.Raster.RGBA, c.o.Quality)
		}
		return tiffwrite.PackTile(f.Packing, t.Raster, f.Bits)
	}
	return tiffwrite.WriteOME(ctx, out, f, func(put tiffwrite.Put) error {
		n := max(1, len(f.Channels))
		for plane := range f.Planes() {
			src, err := c.source(tiles.Plane{Channel: plane % n, Z: plane / n % max(1, f.Z), T: plane / n / max(1, f.Z)})
			if err != nil {
				return err
			}
			err = c.walk(ctx, src, encode, func(level, col, row int, data []byte) error { return put(plane, level, col, row, data) })
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// packing is the compression of an OME-TIFF. Samples of channels are measured:
// they are never written with loss.
func (c *conversion) packing() (tiffwrite.Packing, error) {
	if !c.o.Lossless && !c.grey() {
		return tiffwrite.PackingJPEG, nil
	}
	switch c.o.Packing {
	case "", "deflate":
		return tiffwrite.PackingDeflate, nil
	case "zstd":
		return tiffwrite.PackingZstd, nil
	case "lzw":
		return tiffwrite.PackingLZW, nil
	}
	return 0, fmt.Errorf("unknown packing %q; deflate, zstd and lzw are written", c.o.Packing)
}

// title is a slide's name without folder and extension.
func title(path string) string {
	name := filepath.Base(path)
	return strings.TrimSuffix(name, filepath.Ext(name))
}

// step is the distance of focal planes, 0 when there is one.
func step(z []float64) float64 {
	if len(z) < 2 {
		return 0
	}
	return (z[len(z)-1] - z[0]) / float64(len(z)-1)
}

// associated reads the images that are carried: of the whole slide, those that
// were asked for.
func (c *conversion) associated(ctx context.Context) (map[string]*image.RGBA, error) {
	out := map[string]*image.RGBA{}
	if !c.o.Region.Empty() {
		return out, nil
	}
	for _, name := range c.slide.Info().Associated {
		if name != "thumbnail" && !(c.o.Label && (name == "label" || name == "macro")) {
			continue
		}
		m, err := c.slide.AssociatedImage(ctx, name)
		if err != nil {
			if ctx.Err() != nil || !c.o.KeepGoing {
				return nil, err
			}
			c.bad(&tiles.TileError{Err: fmt.Errorf("associated image %q: %w", name, err)})
			continue
		}
		out[name] = m
	}
	return out, nil
}

// dicom writes a folder of DICOM files.
func (c *conversion) dicom(ctx context.Context, out string) error {
	info := c.slide.Info()
	if !(c.mppX > 0 && c.mppY > 0) {
		return fmt.Errorf("DICOM needs the size of a pixel: %w", ErrNoScale)
	}
	images, err := c.associated(ctx)
	if err != nil {
		return err
	}
	property := func(name string) string { return info.Properties["dicom."+name] }
	s := &dicomwrite.Slide{Coding: dicomwrite.JPEG, MPPX: c.mppX, MPPY: c.mppY, Resampled: c.part.Scale > 1, Objective: info.Objective, ICC: c.slide.ICC(),
		Patient: c.o.Patient, AccessionNumber: c.o.Accession, Container: c.o.Container, Specimen: c.o.Specimen,
		Manufacturer: info.Vendor, Model: property("ManufacturerModelName"), Serial: property("DeviceSerialNumber"), Seed: c.o.Seed, Time: madeAt(info.Path),
		Label: images["label"], Overview: images["macro"], Thumbnail: images["thumbnail"],
		Encode: func(m *image.RGBA) ([]byte, error) { return c.encodeJPEG(m, c.o.Quality) }}
	for _, name := range []string{"thumbnail", "macro", "label"} {
		if images[name] != nil {
			c.report.Associated = append(c.report.Associated, name)
		}
	}
	for _, l := range c.part.Levels {
		s.Levels = append(s.Levels, dicomwrite.Level{Width: l.Width, Height: l.Height, TileWidth: l.TileWidth, TileHeight: l.TileHeight, Downsample: l.Downsample})
	}
	if c.stack != nil {
		if c.stack.T > 1 {
			return notDICOM(fmt.Errorf("it has %d time points", c.stack.T))
		}
		s.ZPlanes = info.ZPlanes
	}
	if c.o.Lossless || c.grey() {
		s.Coding = dicomwrite.Plain
		s.LossyRatio = c.lossyRatio(ctx)
	}
	if c.grey() {
		var float bool
		if s.Bits, float, err = c.bits(); err == nil && float {
			err = notDICOM(errors.New("its samples have more than 16 bits or are not whole numbers"))
		}
		if err != nil {
			return err
		}
		s.Channels = c.stack.Channels
	}
	return dicomwrite.Write(ctx, out, s, func(put dicomwrite.Put) error { return c.dicomPlanes(ctx, s, put) })
}

// notDICOM says why a slide cannot be held by the format.
func notDICOM(err error) error {
	return &Problem{Title: "This slide cannot be written as DICOM", Hint: "Write it as OME-TIFF: --format ome-tiff.", Err: err}
}

// dicomPlanes puts the planes in their order: focal planes fastest.
func (c *conversion) dicomPlanes(ctx context.Context, s *dicomwrite.Slide, put dicomwrite.Put) error {
	encode := func(t *pyramid.Tile) ([]byte, error) {
		if s.Coding == dicomwrite.JPEG {
			return c.encodeJPEG(t.Raster.RGBA, c.o.Quality)
		}
		return dicomwrite.PlainTile(t.Raster, s.Bits)
	}
	focal := max(1, len(s.ZPlanes))
	for plane := range s.Planes() {
		src, err := c.source(tiles.Plane{Channel: plane / focal, Z: plane % focal})
		if err != nil {
			return err
		}
		err = c.walk(ctx, src, encode, func(level, col, row int, data []byte) error { return put(plane, level, col, row, data) })
		if err != nil {
			return err
		}
	}
	return nil
}

// madeAt is when the slide's file was last written: the best that every format
// tells of the time of scanning.
func madeAt(path string) time.Time {
	if st, err := os.Stat(path); err == nil {
		return st.ModTime().UTC()
	}
	return time.Now().UTC()
}

// lossyRatio is how much smaller than plain the slide's file is, when its tiles
// are JPEG: what was once compressed with loss must be called so for ever.
func (c *conversion) lossyRatio(ctx context.Context) float64 {
	coded, ok := c.slide.(tiles.Coded)
	if !ok || c.grey() {
		return 0
	}
	if _, err := coded.CodedTile(ctx, tiles.Key{Level: c.o.Level}, nil); err != nil && !errors.Is(err, tiles.ErrMissing) {
		return 0
	}
	l := c.slide.Levels()[0]
	st, err := os.Stat(c.slide.Info().Path)
	if err != nil || st.Size() == 0 {
		return 1
	}
	return math.Round(100*max(1, 3*float64(l.Width)*float64(l.Height)/float64(st.Size()))) / 100
}
