package tiffwrite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"image"
	"image/color"
	"os"
	"path/filepath"
)

// Packing is how the tiles of an OMEFile are compressed.
type Packing int

// The packings that are written, with their value of TIFF tag 259.
const (
	PackingJPEG    Packing = iota // 7: each tile a whole JPEG stream
	PackingDeflate                // 8, with horizontal differencing
	PackingZstd                   // 50000, with horizontal differencing
	PackingLZW                    // 5, with horizontal differencing
)

// OMEFile describes an OME-TIFF whose tiles are given ready. Every plane has the
// same levels.
type OMEFile struct {
	Name, Software string
	Levels         []OMELevel
	Packing        Packing
	// Channels of one sample each; nil for a picture in colour of 8 bits, red,
	// green and blue together.
	Channels   []OMEChannel
	Bits       int  // of a channel's samples: 8, 16 or 32; ignored in colour
	Float      bool // samples of 32 bits are floating-point numbers
	Z, T       int  // focal planes and time points; 0 = 1
	ZStep      float64
	MPPX, MPPY float64 // µm per pixel of the first level; 0 = not written
	Objective  float64 // nominal magnification; 0 = not written
	ICC        []byte
	Associated []OMEPicture
	// Flat writes a plain pyramid and not OME: the levels are the main directories,
	// one after the other, as libtiff's users and OpenSlide expect them. It is for
	// one plane.
	Flat   bool
	Encode EncodeJPEG // of associated images; nil = GoJPEG
}

// OMELevel is one step of the pyramid.
type OMELevel struct {
	Width, Height, TileWidth, TileHeight int     // pixels; the sides of tiles are multiples of 16
	Downsample                           float64 // pixels of the first level per pixel
}

// OMEChannel describes a channel.
type OMEChannel struct {
	Name                 string
	Color                color.RGBA
	Excitation, Emission float64 // nm; 0 = not written
}

// OMEPicture is an associated image: "label", "macro", "thumbnail".
type OMEPicture struct {
	Name  string
	Image *image.RGBA
}

// Planes is the number of planes: channels × focal planes × time points.
func (o *OMEFile) Planes() int { return max(1, len(o.Channels)) * max(1, o.Z) * max(1, o.T) }

// Put takes one tile, compressed as the file's Packing says (see PackTile).
// Planes count channels fastest, then focal planes, then time points. A tile
// (0,0) begins its level anew: what was put of it before is dropped.
type Put func(plane, level, col, row int, data []byte) error

// WriteOME writes an OME-TIFF with the pyramid in SubIFDs; feed puts its tiles,
// on one goroutine. path appears only when the file is complete; on any error,
// ctx's among them, nothing is left.
func WriteOME(ctx context.Context, path string, o *OMEFile, feed func(Put) error) (err error) {
	if err := o.check(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.part")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(f.Name()))
		}
	}()
	if err := o.writeTo(ctx, f, feed); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func (o *OMEFile) check() error {
	if len(o.Levels) == 0 {
		return errors.New("no level")
	}
	if o.Flat && o.Planes() > 1 {
		return fmt.Errorf("a plain pyramid of %d planes", o.Planes())
	}
	for _, l := range o.Levels {
		if l.Width < 1 || l.Height < 1 || l.Width > maxSide || l.Height > maxSide {
			return fmt.Errorf("size %d x %d px is outside 1..%d", l.Width, l.Height, maxSide)
		}
		if l.TileWidth < 16 || l.TileHeight < 16 || l.TileWidth%16 != 0 || l.TileHeight%16 != 0 {
			return fmt.Errorf("tile size %d x %d px is not a multiple of 16", l.TileWidth, l.TileHeight)
		}
	}
	switch {
	case o.Channels == nil:
	case o.Packing == PackingJPEG && o.Bits != 8:
		return fmt.Errorf("JPEG of samples of %d bits", o.Bits)
	case o.Bits != 8 && o.Bits != 16 && o.Bits != 32 || o.Float && o.Bits != 32:
		return fmt.Errorf("samples of %d bits (floating: %t)", o.Bits, o.Float)
	}
	return nil
}

// omeWriter is a file under construction.
type omeWriter struct {
	writer
	file   *OMEFile
	levels []*omeTiles // by plane·levels + level
	spans  map[[2]uint64]span
}

// omeTiles is where the tiles of a level of a plane lie.
type omeTiles struct {
	offsets, counts []uint64
	put             int
	jpeg            *jpegStream // of its first tile
}

func (o *OMEFile) writeTo(ctx context.Context, f *os.File, feed func(Put) error) error {
	w := &omeWriter{file: o, spans: map[[2]uint64]span{}}
	w.o = Options{Software: o.Software, Name: o.Name, Quality: 90, Encode: o.Encode}
	if w.o.Encode == nil {
		w.o.Encode = GoJPEG
	}
	if w.o.Software == "" {
		w.o.Software = "Coverslip"
	}
	w.out, w.at = bufio.NewWriterSize(f, 1<<20), headerRoom
	w.seed = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}
	if _, err := w.out.Write(make([]byte, headerRoom)); err != nil {
		return err
	}
	for range o.Planes() {
		for _, l := range o.Levels {
			n := tilesIn(l.Width, l.TileWidth) * tilesIn(l.Height, l.TileHeight)
			w.levels = append(w.levels, &omeTiles{offsets: make([]uint64, n), counts: make([]uint64, n)})
		}
	}
	err := feed(func(plane, level, col, row int, data []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return w.put(plane, level, col, row, data)
	})
	if err != nil {
		return err
	}
	for i, t := range w.levels {
		if t.put != len(t.offsets) {
			return fmt.Errorf("plane %d, level %d: %d of %d tiles", i/len(o.Levels), i%len(o.Levels), t.put, len(t.offsets))
		}
	}
	header, err := w.finish()
	if err != nil {
		return err
	}
	if err := w.out.Flush(); err != nil {
		return err
	}
	_, err = f.WriteAt(header, 0)
	return err
}

// put stores one tile, once for the same bytes.
func (w *omeWriter) put(plane, level, col, row int, data []byte) error {
	if plane < 0 || plane >= w.file.Planes() || level < 0 || level >= len(w.file.Levels) {
		return fmt.Errorf("no plane %d, level %d", plane, level)
	}
	l, t := w.file.Levels[level], w.levels[plane*len(w.file.Levels)+level]
	cols := tilesIn(l.Width, l.TileWidth)
	if col < 0 || row < 0 || col >= cols || row >= tilesIn(l.Height, l.TileHeight) || len(data) == 0 {
		return fmt.Errorf("level %d: no tile (%d,%d) of %d bytes", level, col, row, len(data))
	}
	if col == 0 && row == 0 {
		t.put, t.jpeg = 0, nil
	}
	if w.file.Packing == PackingJPEG {
		if err := t.sameForm(data, max(1, 3-2*min(1, len(w.file.Channels)))); err != nil {
			return fmt.Errorf("level %d tile (%d,%d): %w", level, col, row, err)
		}
	}
	sum := [2]uint64{maphash.Bytes(w.seed[0], data), maphash.Bytes(w.seed[1], data)}
	s, known := w.spans[sum]
	if !known {
		var err error
		if s, err = w.append(data); err != nil {
			return err
		}
		w.spans[sum] = s
	}
	t.offsets[row*cols+col], t.counts[row*cols+col] = s.at, s.n
	t.put++
	return nil
}

// sameForm checks that a level's streams agree in what its tags say of them.
func (t *omeTiles) sameForm(data []byte, components int) error {
	var j jpegStream
	var err error
	if components == 3 {
		j, err = splitJPEG(data)
	}
	if err != nil {
		return err
	}
	if t.jpeg == nil {
		t.jpeg = &jpegStream{subX: j.subX, subY: j.subY, rgb: j.rgb}
	}
	if j.subX != t.jpeg.subX || j.subY != t.jpeg.subY || j.rgb != t.jpeg.rgb {
		return errors.New("its colour model is not that of the tiles before")
	}
	return nil
}
