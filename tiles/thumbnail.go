package tiles

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
)

// Thumbnail draws the whole slide so that its longer side has max pixels (never
// more than level 0 has), each pixel the average of what it covers. It reads
// the coarsest level that is large enough; a slide without small levels is read
// whole, so give ctx a deadline.
//
// Tiles that were never stored, and single tiles that cannot be decoded, are
// background; when no tile can be decoded, the first error is returned.
func Thumbnail(ctx context.Context, s Slide, max int) (*image.RGBA, error) {
	return ThumbnailOf(ctx, s, image.Rect(0, 0, math.MaxInt, math.MaxInt), max)
}

// ThumbnailOf is Thumbnail of a part of the slide, in level-0 pixels, of which
// max applies to the longer side. See ScannedBounds.
func ThumbnailOf(ctx context.Context, s Slide, of image.Rectangle, max int) (*image.RGBA, error) {
	levels := s.Levels()
	if len(levels) == 0 || max < 1 {
		return nil, fmt.Errorf("tiles: thumbnail of %d pixels of a slide of %d levels", max, len(levels))
	}
	l0 := levels[0]
	if of = of.Intersect(image.Rect(0, 0, l0.Width, l0.Height)); of.Empty() {
		return nil, errors.New("tiles: thumbnail of a place beside the slide")
	}
	w, h := fitSize(of.Dx(), of.Dy(), max)
	level := 0
	for i, l := range levels {
		if p := l.Part(l0, of); p.Dx() >= w && p.Dy() >= h {
			level = i
		}
	}
	l := levels[level]
	whole := l.Part(l0, of)
	sum := newAverager(whole.Dx(), whole.Dy(), w, h)
	m := scratchPicture(min(l.TileWidth, l.Width), min(l.TileHeight, l.Height))
	defer pictures.Put(m)
	var first error
	good := 0
	for row := whole.Min.Y / l.TileHeight; row*l.TileHeight < whole.Max.Y; row++ {
		for col := whole.Min.X / l.TileWidth; col*l.TileWidth < whole.Max.X; col++ {
			r := l.TileRect(col, row)
			tile := part(m, image.Rectangle{Max: r.Size()})
			err := s.ReadTile(ctx, Key{level, col, row}, tile)
			var bad *TileError
			switch {
			case err == nil, errors.Is(err, ErrMissing):
				good++
			case errors.As(err, &bad):
				if first == nil {
					first = err
				}
				Fill(tile, s.Info().Background)
			default: // cancelled, or the slide broke
				return nil, fmt.Errorf("tiles: thumbnail: %w", err)
			}
			inside := r.Intersect(whole)
			sum.add(part(tile, inside.Sub(r.Min)), inside.Min.Sub(whole.Min))
		}
	}
	if good == 0 {
		return nil, fmt.Errorf("tiles: thumbnail: no tile of level %d can be read: %w", level, first)
	}
	return sum.picture(), nil
}

// Shrink returns src at w×h pixels, neither side larger than src's, each pixel
// the mean of what it covers, weighted by area.
func Shrink(src *image.RGBA, w, h int) *image.RGBA {
	sum := newAverager(src.Rect.Dx(), src.Rect.Dy(), w, h)
	sum.add(src, image.Point{})
	return sum.picture()
}

// fitSize shrinks w×h so that the longer side is at most max, at least 1 each.
func fitSize(w, h, limit int) (int, int) {
	long := max(w, h)
	if long <= limit {
		return w, h
	}
	scale := func(v int) int {
		return max(1, int((int64(v)*int64(limit)+int64(long)/2)/int64(long)))
	}
	return scale(w), scale(h)
}

// averager shrinks a picture that comes in parts: each pixel of the result is
// the mean of the source pixels it covers, weighted by area.
type averager struct {
	w, h   int       // of the result
	sums   []float32 // 4 channels a pixel
	line   []float32 // sums of one source row
	xs, ys []share
}

// share says which pixels of the result a source pixel lies on: first, and
// first+1 with the rest of its weight. A source pixel is never wider than one of
// the result.
type share struct {
	first int32
	part  float32 // of first; 1-part goes to the next
}

func newAverager(srcW, srcH, w, h int) *averager {
	return &averager{w: w, h: h, sums: make([]float32, w*h*4), line: make([]float32, 4*(w+1)), xs: shares(srcW, w), ys: shares(srcH, h)}
}

func shares(src, dst int) []share {
	out := make([]share, src)
	for i := range out {
		// Source pixel i covers [i, i+1)·dst/src of the result; integers keep
		// the borders exact.
		lo, hi := int64(i)*int64(dst), int64(i+1)*int64(dst)
		first := lo / int64(src)
		border := (first + 1) * int64(src)
		part := float32(1)
		if hi > border {
			part = float32(border-lo) / float32(dst)
		}
		out[i] = share{int32(first), part}
	}
	return out
}

// add takes a part of the source whose upper left corner is at.
func (a *averager) add(m *image.RGBA, at image.Point) {
	if m.Rect.Empty() {
		return
	}
	xs := a.xs[at.X : at.X+m.Rect.Dx()]
	x0 := xs[0].first
	line := a.line[:4*(xs[len(xs)-1].first-x0+2)]
	for y := range m.Rect.Dy() {
		clear(line)
		sumRow(line, m.Pix[y*m.Stride:y*m.Stride+4*m.Rect.Dx()], xs)
		ys := a.ys[at.Y+y]
		a.addLine(line, int(x0), int(ys.first), ys.part)
		if ys.part < 1 {
			a.addLine(line, int(x0), int(ys.first)+1, 1-ys.part)
		}
	}
}

// sumRow sums a source row; line begins at the result's pixel xs[0].first.
// Source pixels that lie whole on one pixel, nearly all, are summed as integers.
func sumRow(line []float32, row []byte, xs []share) {
	x0 := xs[0].first
	at := x0
	var r, g, b, al uint32
	flush := func() {
		q := line[4*(at-x0):]
		q[0] += float32(r)
		q[1] += float32(g)
		q[2] += float32(b)
		q[3] += float32(al)
		r, g, b, al = 0, 0, 0, 0
	}
	for i, s := range xs {
		p := row[4*i : 4*i+4 : 4*i+4]
		if s.first != at {
			flush()
			at = s.first
		}
		if s.part == 1 {
			r += uint32(p[0])
			g += uint32(p[1])
			b += uint32(p[2])
			al += uint32(p[3])
			continue
		}
		q := line[4*(at-x0) : 4*(at-x0)+8]
		for c := range 4 {
			q[c] += s.part * float32(p[c])
			q[4+c] += (1 - s.part) * float32(p[c])
		}
	}
	flush()
}

// addLine adds a line of sums to row y of the result, from column x on.
func (a *averager) addLine(line []float32, x, y int, weight float32) {
	sums := a.sums[4*(y*a.w+x) : 4*(y+1)*a.w]
	for i := range min(len(sums), len(line)) {
		sums[i] += weight * line[i]
	}
}

// picture divides the sums by the area of a pixel.
func (a *averager) picture() *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, a.w, a.h))
	area := float32(len(a.xs)) / float32(a.w) * float32(len(a.ys)) / float32(a.h)
	for i, s := range a.sums {
		m.Pix[i] = byte(min(s/area+0.5, 255))
	}
	return m
}
