package mirax

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"io"
	"sync"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/mosaic"
	"coverslip/tiles/tiff"
)

// store is the images of a slide: where each is stored and where it lies.
type store struct {
	set    *settings
	codecs *codec.Set
	kept   *mosaic.Kept
	layout *layout
	levels []*level
	files  []member      // by number; of size -1 where one is missing
	src    *tiles.Source // all files, one after the other

	width, height int64 // pixels of the base plane

	channelSet
	indexMu sync.Mutex // held while index is read
	index   *index
}

func newStore(set *settings, codecs *codec.Set) *store {
	return &store{set: set, codecs: codecs, kept: mosaic.NewKept(keptBytes)}
}

// bounds is where level 0 has images, as OpenSlide tells it.
func (s *store) bounds() image.Rectangle {
	b, c := s.layout.bounds, s.levels[0].shape.concat
	return image.Rect(floorDiv(b.Min.X, c), floorDiv(b.Min.Y, c), -floorDiv(-b.Max.X, c), -floorDiv(-b.Max.Y, c))
}

// readImages reads the index of a zoom level, of which images stand at multiples
// of concat.
func (s *store) readImages(zoom, concat int, of combination) ([]stored, error) {
	record, ok := s.record(zoom, of)
	if !ok {
		return nil, errNoRecord
	}
	s.indexMu.Lock()
	defer s.indexMu.Unlock()
	return s.index.images(record, s.set.images.X, s.set.images.Y, concat, len(s.set.data))
}

// level is a level of the slide; it implements planar.Grid.
type level struct {
	store *store
	zoom  int // number of the zoom level
	shape shape
	size  tiles.Level

	mu    sync.Mutex // protects all below
	grids map[combination]*found
}

// found is the images of a level of one filter and focal plane, or why there are
// none.
type found struct {
	once sync.Once
	grid *mosaic.Placed
	err  error
}

// newLevel makes a level of the images shown when nothing is asked.
func (s *store) newLevel(zoom, concat int, images []stored) (*level, error) {
	z := &s.set.levels[zoom]
	l := &level{store: s, zoom: zoom, grids: map[combination]*found{}}
	var ok bool
	if l.shape, ok = s.layout.newShape(concat, z.size); !ok {
		return nil, unsupported("%d images of a photo put together to one of %d", s.layout.divisions, concat)
	}
	w, h := s.width/int64(concat), s.height/int64(concat)
	if w < 1 || h < 1 {
		return nil, bad("level of %d×%d pixels", w, h)
	}
	first := 1 << s.set.levels[0].exponent
	l.size = tiles.Level{Width: int(w), Height: int(h), Downsample: float64(concat) / float64(first)}
	l.size.TileWidth, l.size.TileHeight = tileSize(z.size, s.layout.regular)
	grid, err := l.newGrid(images)
	if err != nil {
		return nil, err
	}
	f := &found{grid: grid}
	f.once.Do(func() {})
	l.grids[s.first] = f
	return l, nil
}

// tileSize is the size of a level's virtual tiles: the images where they lie
// side by side, else such that a screen is not made of too many.
func tileSize(stored image.Point, regular bool) (w, h int) {
	switch {
	case regular && max(stored.X, stored.Y) <= 1024 && min(stored.X, stored.Y) >= 128:
		return stored.X, stored.Y
	}
	return 512, 512
}

func (l *level) newGrid(images []stored) (*mosaic.Placed, error) {
	s := l.store
	z := &s.set.levels[l.zoom]
	fill := z.fill
	if s.lit {
		fill = color.NRGBA{}
	}
	return mosaic.NewFound(name, l.size, &pictures{s, images, z.format, z.size}, &finder{s.layout, &l.shape, images}, fill, s.kept)
}

// grid is the images of a filter and focal plane.
func (l *level) grid(of combination) (*mosaic.Placed, error) {
	l.mu.Lock()
	f := l.grids[of]
	if f == nil {
		f = &found{}
		l.grids[of] = f
	}
	l.mu.Unlock()
	f.once.Do(func() {
		var images []stored
		images, f.err = l.store.readImages(l.zoom, l.shape.concat, of)
		if errors.Is(f.err, errNoRecord) {
			images, f.err = nil, nil
		}
		if f.err == nil {
			f.grid, f.err = l.newGrid(images)
		}
	})
	return f.grid, f.err
}

// Level implements tiff.Grid.
func (l *level) Level() tiles.Level { return l.size }

// ReadTile implements tiff.Grid: a slide in colour.
func (l *level) ReadTile(ctx context.Context, col, row int, dst *image.RGBA) error {
	g, err := l.grid(l.store.first)
	if err != nil {
		return err
	}
	return g.ReadTile(ctx, col, row, dst)
}

// finder finds the pieces of a level; it implements mosaic.Finder.
type finder struct {
	layout *layout
	shape  *shape
	images []stored
}

// scratch is pieces that are looked up.
var scratch = sync.Pool{New: func() any { return new([]piece) }}

// Pieces implements mosaic.Finder.
func (f *finder) Pieces(want image.Rectangle, out []mosaic.Piece) []mosaic.Piece {
	s := scratch.Get().(*[]piece)
	defer scratch.Put(s)
	*s = f.layout.pieces(f.shape, want, (*s)[:0])
	last, n, ok := uint32(0), 0, false
	for i := range *s {
		p := &(*s)[i]
		if !ok || p.image != last {
			n, ok = find(f.images, p.image)
		}
		if last = p.image; !ok || f.images[n].length == 0 { // never stored
			continue
		}
		out = append(out, mosaic.Piece{
			Picture: int32(n), X: int32(p.at.Min.X), Y: int32(p.at.Min.Y),
			CropX: uint16(p.from.X), CropY: uint16(p.from.Y), W: uint16(p.at.Dx()), H: uint16(p.at.Dy()),
		})
	}
	return out
}

// pictures is the stored images of a level; it implements mosaic.Pictures.
type pictures struct {
	store  *store
	images []stored
	format pictureFormat
	size   image.Point
}

// Size implements mosaic.Pictures.
func (p *pictures) Size(int) image.Point { return p.size }

// buffers are scratch space for compressed images.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// ReadPicture implements mosaic.Pictures.
func (p *pictures) ReadPicture(ctx context.Context, i int, dst *image.RGBA) error {
	return p.ReadTop(ctx, i, dst, dst.Rect.Dy())
}

// ReadTop implements mosaic.TopPictures.
func (p *pictures) ReadTop(ctx context.Context, i int, dst *image.RGBA, n int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m := p.images[i]
	file := p.store.files[m.file]
	if err := check(file, m.span); err != nil {
		return err
	}
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	if cap(*buf) < int(m.length) {
		*buf = make([]byte, m.length)
	}
	data := (*buf)[:m.length]
	if err := readFull(p.store.src, data, file.base+int64(m.offset)); err != nil {
		return err
	}
	if err := decode(p.store.codecs, p.format, dst, data, n); err != nil {
		return fmt.Errorf("image %d (%d bytes at %d of %s): %w", m.image, m.length, m.offset, p.store.set.data[m.file], err)
	}
	return nil
}

// check refuses a piece of a file that is not there, before memory is taken for
// it.
func check(m member, at span) error {
	switch {
	case m.size < 0:
		return fmt.Errorf("file %s is missing", m.name)
	case at.length > tiff.MaxTileBytes:
		return fmt.Errorf("%d bytes of %s are more than %d", at.length, m.name, tiff.MaxTileBytes)
	case int64(at.offset) > m.size || int64(at.length) > m.size-int64(at.offset):
		return fmt.Errorf("its %d bytes at %d of %s lie behind the file's end at %d", at.length, at.offset, m.name, m.size)
	}
	return nil
}

// readSpan reads a piece of a member of a bundle.
func readSpan(r io.ReaderAt, m member, at span) ([]byte, error) {
	if err := check(m, at); err != nil {
		return nil, &tiles.FormatError{Format: name, What: err.Error()}
	}
	data := make([]byte, at.length)
	return data, readFull(r, data, m.base+int64(at.offset))
}

func readFull(r io.ReaderAt, p []byte, off int64) error {
	if n, err := r.ReadAt(p, off); n < len(p) {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	return nil
}
