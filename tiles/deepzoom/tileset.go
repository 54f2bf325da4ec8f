package deepzoom

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/jpegstream"
	"coverslip/tiles/tiff"
)

// tileset is the levels of a picture and where their tiles lie.
type tileset struct {
	manifest
	src    *tiles.Source
	codecs *codec.Set
	folder string // of the tiles, relative to the manifest; "" for its own
	own    string // the manifest's name, "" in an archive
	levels []*level
	offset []int // Zoomify: tiles before those of a level, in the order of the groups

	mu     sync.Mutex // protects looked
	looked time.Time  // when the manifest was last seen to be there
}

// level is a tiff.Grid of files.
type level struct {
	sizes tiles.Level
	set   *tileset
	index int // in set.levels
	depth int // number in the file names
}

// newTileset lists the levels: halved, rounded up in Deep Zoom and down in
// Zoomify, until one tile holds the picture.
func newTileset(m manifest, src *tiles.Source, codecs *codec.Set, file string, onDisk bool) (*tileset, error) {
	s := &tileset{manifest: m, src: src, codecs: codecs}
	if onDisk {
		s.own = file
	}
	if !m.zoomify {
		s.folder = strings.TrimSuffix(file, path.Ext(file)) + "_files"
	}
	depth := 0 // of level 0
	if m.zoomify {
		for w, h := m.width, m.height; w > m.tile || h > m.tile; w, h = w/2, h/2 {
			depth++
		}
	} else {
		for 1<<depth < max(m.width, m.height) {
			depth++
		}
	}
	for w, h := m.width, m.height; ; depth-- {
		l := &level{sizes: tiles.Level{Width: w, Height: h, TileWidth: m.tile, TileHeight: m.tile}, set: s, index: len(s.levels), depth: depth}
		if n := int64(l.sizes.Cols()) * int64(l.sizes.Rows()); n > tiff.MaxTiles {
			return nil, bad("%d×%d pixels make %d tiles, more than %d", w, h, n, tiff.MaxTiles)
		}
		s.levels = append(s.levels, l)
		if w <= m.tile && h <= m.tile || depth == 0 {
			break
		}
		if m.zoomify {
			w, h = max(1, w/2), max(1, h/2)
		} else {
			w, h = (w+1)/2, (h+1)/2
		}
	}
	s.offset = make([]int, len(s.levels))
	for i, n := len(s.levels)-1, 0; i >= 0; i-- { // groups are filled from the smallest level on
		s.offset[i] = n
		n += s.levels[i].sizes.Cols() * s.levels[i].sizes.Rows()
	}
	return s, nil
}

// endings are the endings that tiles may have, the likeliest first.
func (s *tileset) endings() []string {
	switch s.ext {
	case "png":
		return []string{"png"}
	case "jpeg":
		return []string{"jpeg", "jpg"}
	}
	return []string{"jpg", "jpeg"}
}

// file is the name of a tile's file, relative to the manifest.
func (s *tileset) file(level, col, row int) string {
	depth := strconv.Itoa(s.levels[level].depth)
	c, r := strconv.Itoa(col), strconv.Itoa(row)
	if s.zoomify {
		group := (s.offset[level] + row*s.levels[level].sizes.Cols() + col) / 256
		return "TileGroup" + strconv.Itoa(group) + "/" + depth + "-" + c + "-" + r + "." + s.ext
	}
	return s.folder + "/" + depth + "/" + c + "_" + r + "." + s.ext
}

// sample names the manifest and tiles of the largest and of the smallest level,
// for the fingerprint.
func (s *tileset) sample(manifest string) []string {
	out := []string{manifest}
	ends := []int{0}
	if last := len(s.levels) - 1; last > 0 {
		ends = append(ends, last)
	}
	for _, i := range ends {
		l := s.levels[i]
		total := l.sizes.Cols() * l.sizes.Rows()
		n := min(total, maxSamples)
		for k := range n {
			at := int(int64(k) * int64(total-1) / int64(max(1, n-1)))
			out = append(out, s.file(i, at%l.sizes.Cols(), at/l.sizes.Cols()))
		}
	}
	return out
}

// buffers hold the bytes of a tile's file.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// scratch holds tiles with their overlap.
var scratch = sync.Pool{New: func() any { return new(image.RGBA) }}

// Level implements tiff.Grid.
func (l *level) Level() tiles.Level { return l.sizes }

// ReadTile implements tiff.Grid.
func (l *level) ReadTile(ctx context.Context, col, row int, dst *image.RGBA) error {
	want := l.sizes.TileRect(col, row)
	if col < 0 || row < 0 || want.Empty() || dst.Rect.Size() != want.Size() {
		return fmt.Errorf("destination of %v for a tile of %v pixels", dst.Rect.Size(), want.Size())
	}
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	file := l.set.file(l.index, col, row)
	data, err := l.set.src.ReadSibling(file, *buf, maxTileBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return l.set.absent()
	}
	if err != nil {
		return err
	}
	*buf = data
	if err := ctx.Err(); err != nil {
		return err
	}
	stored := want
	if o := l.set.overlap; o > 0 { // at inner edges alone
		stored = want.Inset(-o).Intersect(image.Rect(0, 0, l.sizes.Width, l.sizes.Height))
	}
	if err = fits(data, stored.Size()); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if stored == want {
		err = l.set.decode(dst, data)
	} else {
		m := scratch.Get().(*image.RGBA)
		defer scratch.Put(m)
		w, h := stored.Dx(), stored.Dy()
		if cap(m.Pix) < 4*w*h {
			m.Pix = make([]byte, 4*w*h)
		}
		m.Pix, m.Stride, m.Rect = m.Pix[:4*w*h], 4*w, image.Rect(0, 0, w, h)
		if err = l.set.decode(m, data); err == nil {
			at := want.Min.Sub(stored.Min)
			for y := range want.Dy() {
				copy(dst.Pix[y*dst.Stride:y*dst.Stride+4*want.Dx()], m.Pix[m.PixOffset(at.X, at.Y+y):])
			}
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// fits compares the size that a file claims with the one that is due, before
// anything is allocated for it.
func fits(data []byte, want image.Point) error {
	kind, w, h := "JPEG", 0, 0
	if isPNG(data) {
		c, err := png.DecodeConfig(bytes.NewReader(data))
		if err != nil {
			return err
		}
		kind, w, h = "PNG", c.Width, c.Height
	} else {
		c, err := jpegstream.ParseHeader(data)
		if err != nil {
			return err
		}
		w, h = c.Width, c.Height
	}
	if w != want.X || h != want.Y {
		return fmt.Errorf("%s of %d×%d pixels where %d×%d are due", kind, w, h, want.X, want.Y)
	}
	return nil
}

func isPNG(data []byte) bool { return bytes.HasPrefix(data, []byte("\x89PNG")) }

// decode decodes a tile of the size of dst.
func (s *tileset) decode(dst *image.RGBA, data []byte) error {
	if isPNG(data) {
		return decodePNG(dst, data)
	}
	h, err := jpegstream.ParseHeader(data)
	if err != nil {
		return err
	}
	if h.Components != 1 && h.Components != 3 {
		return fmt.Errorf("JPEG of %d components", h.Components)
	}
	return s.codecs.JPEG(dst, data, h.Components)
}

// decodePNG decodes the file, whose size is known to be right, over white: a tile that is transparent shows nothing.
func decodePNG(dst *image.RGBA, data []byte) error {
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return err
	}
	draw.Draw(dst, dst.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(dst, dst.Rect, m, m.Bounds().Min, draw.Over)
	return nil
}

// absent tells a tile that was never stored from a folder that has gone: the
// manifest is looked for, at most once a second.
func (s *tileset) absent() error {
	if s.own == "" {
		return tiles.ErrMissing
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.looked) < time.Second {
		return tiles.ErrMissing
	}
	f, err := s.src.OpenSibling(s.own)
	if err != nil {
		return fmt.Errorf("the picture's folder is gone: %w", err)
	}
	s.looked = time.Now()
	if err := f.Close(); err != nil {
		return err
	}
	return tiles.ErrMissing
}
