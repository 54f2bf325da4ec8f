package dicomwrite

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"

	"coverslip/tiles"
)

// ErrExists says that the folder to be written is there already.
var ErrExists = errors.New("the folder exists already")

// Write makes the folder dir with the files of a slide; feed puts its tiles, on
// one goroutine. The folder appears only when all is written: on any error, ctx's
// among them, nothing is left.
//
// A tile is a JPEG stream of a full tile for Coding JPEG, else its plain samples
// (PlainTile).
func Write(ctx context.Context, dir string, s *Slide, feed func(Put) error) (err error) {
	if err := s.check(); err != nil {
		return fmt.Errorf("write %s: %w", dir, err)
	}
	if _, err := os.Lstat(dir); err == nil {
		return fmt.Errorf("write %s: %w", dir, ErrExists)
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+".*.part")
	if err != nil {
		return fmt.Errorf("write %s: %w", dir, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write %s: %w", dir, err), os.RemoveAll(temp))
		}
	}()
	w := &writer{slide: s, ids: newUIDs(s.Seed), dir: temp}
	if err := w.levels(ctx, feed); err != nil {
		return errors.Join(err, w.close())
	}
	if err := w.pictures(); err != nil {
		return err
	}
	if err := os.Chmod(temp, 0o755); err != nil {
		return err
	}
	return os.Rename(temp, dir)
}

func (s *Slide) check() error {
	switch {
	case len(s.Levels) == 0:
		return errors.New("no level")
	case !(s.MPPX > 0 && s.MPPY > 0):
		return errors.New("DICOM needs the size of a pixel")
	case s.Time.IsZero():
		return errors.New("DICOM needs the time of acquisition")
	case s.Channels != nil && s.Bits != 8 && s.Bits != 16:
		return fmt.Errorf("samples of %d bits (8 and 16 are written)", s.Bits)
	case s.Channels != nil && s.Coding == JPEG:
		return errors.New("channels are written uncompressed")
	}
	for _, l := range s.Levels {
		frames := int64((l.Width+l.TileWidth-1)/l.TileWidth) * int64((l.Height+l.TileHeight-1)/l.TileHeight) * int64(s.Planes())
		if l.TileWidth > 65535 || l.TileHeight > 65535 || frames > 1<<31-1 {
			return fmt.Errorf("level of %d×%d pixels in tiles of %d×%d", l.Width, l.Height, l.TileWidth, l.TileHeight)
		}
	}
	return nil
}

// writer is a slide under construction.
type writer struct {
	slide *Slide
	ids   uids
	dir   string
	files []*file
	next  []int // frame that is due, by level
}

// base is what all files have in common.
func (w *writer) base(name, kind string) *instance {
	return &instance{slide: w.slide, ids: w.ids, name: name, kind: kind, number: len(w.files) + 1, paths: 1, focal: 1,
		samples: 3, allocated: 8, stored: 8, photometric: "RGB", syntax: syntaxPlain, frames: 1}
}

func (w *writer) levels(ctx context.Context, feed func(Put) error) error {
	s := w.slide
	for i, l := range s.Levels {
		m := w.base(fmt.Sprintf("level-%d", i), "VOLUME")
		m.width, m.height, m.tileW, m.tileH, m.scale = l.Width, l.Height, l.TileWidth, l.TileHeight, l.Downsample
		m.paths, m.focal, m.resampled = s.paths(), s.focal(), i > 0 || s.Resampled
		m.frames = (l.Width + l.TileWidth - 1) / l.TileWidth * ((l.Height + l.TileHeight - 1) / l.TileHeight) * s.Planes()
		m.lossy = s.Coding == JPEG || s.LossyRatio > 0
		if s.Channels != nil {
			m.samples, m.allocated, m.stored, m.photometric = 1, s.Bits, s.Bits, "MONOCHROME2"
		}
		switch {
		case s.Coding == JPEG:
			m.syntax = syntaxJPEG
		case int64(m.frames)*m.frameBytes() > m.limit():
			m.syntax = syntaxRLE
		}
		f, err := newFile(w.dir, m)
		if err != nil {
			return err
		}
		w.files, w.next = append(w.files, f), append(w.next, 0)
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
	for i, f := range w.files {
		if w.next[i] != f.m.frames {
			return fmt.Errorf("level %d: %d of %d frames", i, w.next[i], f.m.frames)
		}
	}
	for len(w.files) > 0 {
		f := w.files[0]
		w.files = w.files[1:]
		if err := f.finish(); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) put(plane, level, col, row int, data []byte) error {
	if level < 0 || level >= len(w.files) {
		return fmt.Errorf("no level %d", level)
	}
	f := w.files[level]
	cols := (f.m.width + f.m.tileW - 1) / f.m.tileW
	rows := (f.m.height + f.m.tileH - 1) / f.m.tileH
	at := (plane*rows+row)*cols + col
	if at == 0 {
		if err := f.restart(); err != nil {
			return err
		}
		w.next[level] = 0
	}
	if at != w.next[level] {
		return fmt.Errorf("level %d: frame %d where %d is due", level, at, w.next[level])
	}
	if err := f.frame(data); err != nil {
		return fmt.Errorf("level %d tile (%d,%d): %w", level, col, row, err)
	}
	w.next[level]++
	return nil
}

// close closes what an error left open.
func (w *writer) close() error {
	var err error
	for _, f := range w.files {
		err = errors.Join(err, f.f.Close())
	}
	return err
}

// pictures writes the images that are no level, a frame each.
func (w *writer) pictures() error {
	s := w.slide
	number := len(s.Levels)
	for _, p := range []struct {
		name, kind string
		img        *image.RGBA
	}{{"thumbnail", "THUMBNAIL", s.Thumbnail}, {"overview", "OVERVIEW", s.Overview}, {"label", "LABEL", s.Label}} {
		if p.img == nil {
			continue
		}
		number++
		if err := w.picture(p.name, p.kind, number, p.img); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// glass is the width in mm that a picture of the slide from outside is said to
// show, as nobody tells it: a label's is that of the glass, 25 mm, an overview
// shows about twice that; 0 for others.
func glass(kind string) float64 {
	switch kind {
	case "LABEL":
		return 25
	case "OVERVIEW":
		return 50
	}
	return 0
}

func (w *writer) picture(name, kind string, number int, img *image.RGBA) error {
	m := w.base(name, kind)
	size := img.Rect.Size()
	if size.X < 1 || size.Y < 1 || size.X > 65535 || size.Y > 65535 {
		return fmt.Errorf("picture of %d×%d pixels", size.X, size.Y)
	}
	m.number, m.width, m.height, m.tileW, m.tileH = number, size.X, size.Y, size.X, size.Y
	m.resampled = kind == "THUMBNAIL"
	m.scale = float64(w.slide.Levels[0].Width) / float64(size.X)
	if mm := glass(kind); mm > 0 {
		m.scale = 1000 * mm / float64(size.X) / w.slide.MPPX
	}
	var data []byte
	var err error
	if kind == "LABEL" { // text does not bear JPEG well
		data, err = PlainTile(&tiles.Raster{Width: size.X, Height: size.Y, RGBA: img}, 8)
	} else {
		m.syntax, m.lossy = syntaxJPEG, true
		data, err = w.slide.Encode(img)
	}
	if err != nil {
		return err
	}
	f, err := newFile(w.dir, m)
	if err != nil {
		return err
	}
	if err := f.frame(data); err != nil {
		return errors.Join(err, f.f.Close())
	}
	return f.finish()
}

// PlainTile is the plain samples of a tile: three of 8 bits a pixel, or one of 8
// or 16 bits of Uint16, little endian.
func PlainTile(m *tiles.Raster, bits int) ([]byte, error) {
	switch {
	case m.RGBA != nil:
		out := make([]byte, 0, 3*m.Width*m.Height)
		for y := range m.Height {
			row := m.RGBA.Pix[y*m.RGBA.Stride : y*m.RGBA.Stride+4*m.Width]
			for i := 0; i < len(row); i += 4 {
				out = append(out, row[i], row[i+1], row[i+2])
			}
		}
		return out, nil
	case m.Uint16 != nil && bits == 8:
		out := make([]byte, len(m.Uint16))
		for i, v := range m.Uint16 {
			out[i] = byte(v)
		}
		return out, nil
	case m.Uint16 != nil && bits == 16:
		out := make([]byte, 0, 2*len(m.Uint16))
		for _, v := range m.Uint16 {
			out = le.AppendUint16(out, v)
		}
		return out, nil
	}
	return nil, errors.New("dicomwrite: samples that are not written")
}
