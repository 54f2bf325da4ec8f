package tiles

import (
	"context"
	"errors"
	"fmt"
	"image"
)

// Filled draws another level where a tile was never stored: a coarser one,
// magnified, else the next finer one. Some scanners leave tiles out of one level
// and not out of the others, and a hole in the tissue is the worst that can be
// drawn. Such a tile is still ErrMissing, so whoever measures knows that its
// detail is not the slide's. Where no level has anything it is background.
//
// It is for the screen: models and exports read the slide itself.
func Filled(s Slide) Slide {
	return &filled{Slide: s, recent: newLRU[Key, other](filledBytes)}
}

const filledBytes = 8 << 20 // of the other level's tiles; neighbours need the same ones

type filled struct {
	Slide
	recent *lru[Key, other]
}

// other is a tile read before; img is nil where nothing was stored.
type other struct{ img *image.RGBA }

// ReadTile reads a tile or fills it.
func (f *filled) ReadTile(ctx context.Context, k Key, dst *image.RGBA) error {
	err := f.Slide.ReadTile(ctx, k, dst)
	if !errors.Is(err, ErrMissing) {
		return err
	}
	for _, level := range f.others(k.Level) {
		drew, ferr := f.fill(ctx, k, level, dst)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if ferr == nil && drew {
			break
		}
		// A level that is damaged there too is no reason to fail: the next is tried.
	}
	return err
}

// finest bounds the finer pixels that one pixel is picked out of: levels are up
// to 4 apart.
const finest = 4.5

// others is the levels that may stand in for one, the best first.
func (f *filled) others(level int) []int {
	levels := f.Levels()
	var out []int
	for i := level + 1; i < len(levels); i++ {
		out = append(out, i)
	}
	if level > 0 && levels[level].Downsample <= finest*levels[level-1].Downsample {
		out = append(out, level-1)
	}
	return out
}

// fill draws what another level has in the place of a tile; drew is false, and
// dst as it was, when that level has nothing there either.
func (f *filled) fill(ctx context.Context, k Key, level int, dst *image.RGBA) (drew bool, err error) {
	own, l := f.Levels()[k.Level], f.Levels()[level]
	at := own.TileRect(k.Col, k.Row)
	fx, fy := float64(l.Width)/float64(own.Width), float64(l.Height)/float64(own.Height)
	// Nearest pixel: the middle of each pixel falls into one of the other level.
	column := func(x int) int { return min(int((float64(x)+0.5)*fx), l.Width-1) }
	line := func(y int) int { return min(int((float64(y)+0.5)*fy), l.Height-1) }
	for row := line(at.Min.Y) / l.TileHeight; row <= line(at.Max.Y-1)/l.TileHeight; row++ {
		for col := column(at.Min.X) / l.TileWidth; col <= column(at.Max.X-1)/l.TileWidth; col++ {
			t, err := f.tile(ctx, Key{level, col, row})
			if err != nil {
				return false, err
			}
			if t.img == nil {
				continue
			}
			drew = true
			r := l.TileRect(col, row)
			for y := range at.Dy() {
				cy := line(at.Min.Y + y)
				if cy < r.Min.Y || cy >= r.Max.Y {
					continue
				}
				from := t.img.Pix[(cy-r.Min.Y)*t.img.Stride:]
				to := dst.Pix[y*dst.Stride:]
				for x := range at.Dx() {
					if cx := column(at.Min.X + x); cx >= r.Min.X && cx < r.Max.X {
						copy(to[4*x:4*x+4], from[4*(cx-r.Min.X):])
					}
				}
			}
		}
	}
	return drew, nil
}

func (f *filled) tile(ctx context.Context, k Key) (other, error) {
	if t, ok := f.recent.get(k); ok {
		return t, nil
	}
	r := f.Levels()[k.Level].TileRect(k.Col, k.Row)
	if r.Empty() {
		return other{}, fmt.Errorf("level %d has no tile (%d,%d)", k.Level, k.Col, k.Row)
	}
	t := other{image.NewRGBA(image.Rectangle{Max: r.Size()})}
	switch err := f.Slide.ReadTile(ctx, k, t.img); {
	case errors.Is(err, ErrMissing):
		t.img = nil
		f.recent.put(k, t, 64)
		return t, nil
	case err != nil:
		return other{}, err
	}
	f.recent.put(k, t, int64(len(t.img.Pix)))
	return t, nil
}
