package tiles

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
)

// Halved completes a slide's pyramid: where two levels lie more than a factor
// of 2.8 apart, and below the last until the longer side is at most 512 pixels,
// levels are added whose pixels are the mean of 2×2 pixels of the next finer
// one. Scanners step by 4, which makes a screen decode up to 16 times the
// pixels it shows.
//
// Levels is the completed list; everything but Levels and ReadTile is s itself.
// The result is as safe for concurrent use as s.
func Halved(s Slide) Slide {
	if h, ok := s.(*halved); ok {
		return h
	}
	h := &halved{Slide: s, recent: newLRU[Key, halvedTile](halvedBytes)}
	for i, l := range s.Levels() {
		if i > 0 {
			for h.last().Downsample*gap < l.Downsample {
				h.addHalf()
			}
		}
		h.levels, h.stored = append(h.levels, l), append(h.stored, i)
	}
	for len(h.levels) > 0 && max(h.last().Width, h.last().Height) > smallest {
		h.addHalf()
	}
	return h
}

const (
	gap         = 2.83     // 2^1.5: beyond it another step of 2 lies nearer
	smallest    = 512      // pixels of the longer side of the last level
	halvedBytes = 32 << 20 // of recent tiles, source and made
)

// halved is a Slide with added levels.
type halved struct {
	Slide
	levels []Level
	stored []int // the slide's own number of a level, -1 for an added one
	recent *lru[Key, halvedTile]
}

// halvedTile is a tile made before; it is never changed.
type halvedTile struct {
	img     *image.RGBA
	missing bool // nothing of it was ever stored
}

func (h *halved) last() Level { return h.levels[len(h.levels)-1] }

func (h *halved) addHalf() {
	l := h.last()
	l.Width, l.Height, l.Downsample = (l.Width+1)/2, (l.Height+1)/2, 2*l.Downsample
	h.levels, h.stored = append(h.levels, l), append(h.stored, -1)
}

// Levels is the completed pyramid.
func (h *halved) Levels() []Level { return h.levels }

// ReadTile reads a stored tile or makes an added one.
func (h *halved) ReadTile(ctx context.Context, k Key, dst *image.RGBA) error {
	if k.Level < 0 || k.Level >= len(h.levels) {
		return &TileError{Key: k, Err: fmt.Errorf("the slide has %d levels", len(h.levels))}
	}
	r := h.levels[k.Level].TileRect(k.Col, k.Row)
	if r.Empty() || r.Size() != dst.Rect.Size() {
		return &TileError{Key: k, Err: fmt.Errorf("destination of %v for a tile of %v pixels", dst.Rect.Size(), r.Size())}
	}
	t, ok := h.recent.get(k)
	if !ok {
		if h.stored[k.Level] >= 0 {
			return h.readStored(ctx, k, dst)
		}
		var err error
		if t, err = h.tile(ctx, k); err != nil {
			return h.rename(err, k)
		}
	}
	for y := range r.Dy() {
		copy(dst.Pix[y*dst.Stride:y*dst.Stride+4*r.Dx()], t.img.Pix[y*t.img.Stride:])
	}
	if t.missing {
		return ErrMissing
	}
	return nil
}

// readStored reads a tile of the slide; errors name the tile by its number
// here.
func (h *halved) readStored(ctx context.Context, k Key, dst *image.RGBA) error {
	own := k
	own.Level = h.stored[k.Level]
	return h.rename(h.Slide.ReadTile(ctx, own, dst), k)
}

// rename gives a tile's error the key that was asked for: the key of a source
// tile would mean another tile in the completed pyramid.
func (h *halved) rename(err error, k Key) error {
	var bad *TileError
	if errors.As(err, &bad) && bad.Key != k {
		return &TileError{Key: k, Err: bad.Err}
	}
	return err
}

// tile returns a tile, recent, stored or made, and keeps it.
func (h *halved) tile(ctx context.Context, k Key) (halvedTile, error) {
	if t, ok := h.recent.get(k); ok {
		return t, nil
	}
	r := h.levels[k.Level].TileRect(k.Col, k.Row)
	t := halvedTile{img: image.NewRGBA(image.Rect(0, 0, r.Dx(), r.Dy()))}
	var err error
	if h.stored[k.Level] >= 0 {
		err = h.readStored(ctx, k, t.img)
		if errors.Is(err, ErrMissing) {
			t.missing, err = true, nil
		}
	} else {
		t.missing, err = h.make(ctx, k, t.img)
	}
	if err != nil {
		return halvedTile{}, err
	}
	h.recent.put(k, t, int64(len(t.img.Pix)))
	return t, nil
}

// make averages the up to four tiles of the next finer level that lie under k.
// Both levels have the same tile size, so each fills a quarter of dst.
func (h *halved) make(ctx context.Context, k Key, dst *image.RGBA) (missing bool, err error) {
	fine := h.levels[k.Level-1]
	missing = true
	for i := range 4 {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		from := Key{k.Level - 1, 2*k.Col + i%2, 2*k.Row + i/2}
		if fine.TileRect(from.Col, from.Row).Empty() {
			continue
		}
		t, err := h.tile(ctx, from)
		if err != nil {
			return false, err
		}
		missing = missing && t.missing
		halve(dst, t.img, i%2*fine.TileWidth, i/2*fine.TileHeight)
	}
	return missing, nil
}

// halve writes the means of src's 2×2 squares into dst. (x0, y0) is where src
// lies in the picture of twice dst's size. At an odd edge, and where tiles have
// odd sizes, the mean is of the pixels that src has; a square that lies on two
// tiles is taken from the later one.
func halve(dst, src *image.RGBA, x0, y0 int) {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	xEnd := min((x0+w+1)/2, dst.Rect.Dx())
	whole := 0 // squares of a row that have all their columns in src
	if x0%2 == 0 {
		whole = min(w/2, xEnd-x0/2)
	}
	for y := y0 / 2; y < min((y0+h+1)/2, dst.Rect.Dy()); y++ {
		ya := min(max(2*y-y0, 0), h-1)
		yb := min(max(2*y+1-y0, 0), h-1)
		a, b := src.Pix[ya*src.Stride:], src.Pix[yb*src.Stride:]
		row := dst.Pix[y*dst.Stride : y*dst.Stride+4*dst.Rect.Dx()]
		halveRow(row[4*(x0/2):], a, b, whole)
		for x := x0/2 + whole; x < xEnd; x++ {
			xa := 4 * min(max(2*x-x0, 0), w-1)
			xb := 4 * min(max(2*x+1-x0, 0), w-1)
			p := row[4*x : 4*x+4 : 4*x+4]
			for c := range 4 {
				p[c] = byte((uint(a[xa+c]) + uint(a[xb+c]) + uint(b[xa+c]) + uint(b[xb+c]) + 2) / 4)
			}
		}
	}
}

// halveRow averages n squares of two rows, two channels of a pixel at once: the
// sum of four bytes needs 10 of the 16 bits that each has.
func halveRow(row, a, b []byte, n int) {
	const even = 0x00ff00ff
	for x := range n {
		pa, pb := a[8*x:8*x+8:8*x+8], b[8*x:8*x+8:8*x+8]
		a0, a1 := binary.LittleEndian.Uint32(pa), binary.LittleEndian.Uint32(pa[4:])
		b0, b1 := binary.LittleEndian.Uint32(pb), binary.LittleEndian.Uint32(pb[4:])
		lo := a0&even + a1&even + b0&even + b1&even + 0x00020002
		hi := a0>>8&even + a1>>8&even + b0>>8&even + b1>>8&even + 0x00020002
		binary.LittleEndian.PutUint32(row[4*x:], lo>>2&even|hi>>2&even<<8)
	}
}
