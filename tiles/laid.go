package tiles

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"sync"
)

// Laid lays a slide over another one: its levels and tiles are those of base,
// its pixels those of over, each taken from where place puts it. read gives the
// tiles of over (Loader.Read keeps them). place is an affine map from level-0
// pixels of base to those of over, x' = place[0]·x + place[1]·y + place[2] and
// y' = place[3]·x + place[4]·y + place[5]. Where over has nothing, tiles are
// transparent. Pixels are mixed from the four that lie around, of the level of
// over that fits: it is for the eye, not for measuring.
//
// Close closes neither slide.
func Laid(base, over Slide, place [6]float64, read func(context.Context, Key) (*image.RGBA, error)) Slide {
	info := *over.Info()
	info.Background.A = 0
	return &laid{base: base, over: over, place: place, read: read, info: &info}
}

type laid struct {
	base, over Slide
	place      [6]float64
	read       func(context.Context, Key) (*image.RGBA, error)
	info       *Info
}

// laidPixels bounds what is read of the other slide for one tile; beyond it, a
// coarser level is taken.
const laidPixels = 2048 * 2048

var laidScratch = sync.Pool{New: func() any { return &image.RGBA{} }}

// Info is that of the slide that is laid over, without a ground.
func (l *laid) Info() *Info { return l.info }

// Levels is the pyramid of the slide below.
func (l *laid) Levels() []Level { return l.base.Levels() }

// ICC is nil: the pixels come as the other slide's reader gives them.
func (l *laid) ICC() []byte { return nil }

// Close does nothing.
func (l *laid) Close() error { return nil }

// AssociatedImage is that of the slide that is laid over.
func (l *laid) AssociatedImage(ctx context.Context, name string) (*image.RGBA, error) {
	return l.over.AssociatedImage(ctx, name)
}

// ReadTile draws a tile.
func (l *laid) ReadTile(ctx context.Context, k Key, dst *image.RGBA) error {
	levels := l.base.Levels()
	if k.Level < 0 || k.Level >= len(levels) {
		return &TileError{Key: k, Err: fmt.Errorf("the slide has %d levels", len(levels))}
	}
	own := levels[k.Level]
	r := own.TileRect(k.Col, k.Row)
	if r.Empty() || r.Size() != dst.Rect.Size() {
		return &TileError{Key: k, Err: fmt.Errorf("destination of %v for a tile of %v pixels", dst.Rect.Size(), r.Size())}
	}
	step := l.steps(own, r)
	if sum := step.x + step.y + step.ux + step.uy + step.vx + step.vy; math.IsNaN(sum) || math.IsInf(sum, 0) {
		return &TileError{Key: k, Err: errors.New("the map to the slide laid over it is not finite")}
	}
	clearPicture(dst)
	level := BestLevel(l.over.Levels(), math.Sqrt(math.Abs(step.ux*step.vy-step.uy*step.vx)))
	var at image.Rectangle
	for ; ; level++ {
		at = step.reach(l.over.Levels(), level, r)
		if at.Empty() {
			return nil // the other slide does not reach here
		}
		if at.Dx()*at.Dy() <= laidPixels || level+1 >= len(l.over.Levels()) {
			break
		}
	}
	if at.Dx()*at.Dy() > 4*laidPixels {
		return &TileError{Key: k, Err: errors.New("the slide laid over it is too much smaller")}
	}
	part, ok := laidScratch.Get().(*image.RGBA)
	if !ok {
		part = &image.RGBA{}
	}
	defer laidScratch.Put(part)
	if n := 4 * at.Dx() * at.Dy(); cap(part.Pix) < n {
		part.Pix = make([]byte, n)
	} else {
		part.Pix = part.Pix[:n]
	}
	part.Stride, part.Rect = 4*at.Dx(), at
	if err := l.gather(ctx, level, part); err != nil {
		return &TileError{Key: k, Err: err}
	}
	fx, fy := l.pixels(level)
	step.draw(dst, part, 1/fx, 1/fy)
	return nil
}

// pixels is the level-0 pixels per pixel of a level of the slide laid over.
func (l *laid) pixels(level int) (x, y float64) {
	all := l.over.Levels()
	return float64(all[0].Width) / float64(all[level].Width), float64(all[0].Height) / float64(all[level].Height)
}

// laidSteps is where the pixels of a tile lie on the other slide, level-0 pixels
// of it: the middle of the first one, and the ways to the next in its row and in
// its column.
type laidSteps struct{ x, y, ux, uy, vx, vy float64 }

func (l *laid) steps(own Level, r image.Rectangle) laidSteps {
	whole, p := l.base.Levels()[0], l.place
	px, py := float64(whole.Width)/float64(own.Width), float64(whole.Height)/float64(own.Height)
	x, y := (float64(r.Min.X)+0.5)*px, (float64(r.Min.Y)+0.5)*py
	return laidSteps{x: p[0]*x + p[1]*y + p[2], y: p[3]*x + p[4]*y + p[5], ux: p[0] * px, uy: p[3] * px, vx: p[1] * py, vy: p[4] * py}
}

// reach is what a tile of the size of r takes of a level, pixels of that level.
func (s laidSteps) reach(levels []Level, level int, r image.Rectangle) image.Rectangle {
	own, whole := levels[level], levels[0]
	fx, fy := float64(own.Width)/float64(whole.Width), float64(own.Height)/float64(whole.Height)
	x0, y0, x1, y1 := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	w, h := float64(r.Dx()-1), float64(r.Dy()-1)
	for _, c := range [4][2]float64{{0, 0}, {w, 0}, {0, h}, {w, h}} {
		x, y := (s.x+c[0]*s.ux+c[1]*s.vx)*fx-0.5, (s.y+c[0]*s.uy+c[1]*s.vy)*fy-0.5
		x0, y0, x1, y1 = min(x0, x), min(y0, y), max(x1, x), max(y1, y)
	}
	// Clipped before the conversion: far away, an int has no room.
	clip := func(v float64, most int) int { return int(max(0, min(float64(most), v))) }
	return image.Rect(clip(math.Floor(x0), own.Width), clip(math.Floor(y0), own.Height),
		clip(math.Floor(x1)+2, own.Width), clip(math.Floor(y1)+2, own.Height))
}

// gather fills part, whose bounds are pixels of a level, with the tiles there.
func (l *laid) gather(ctx context.Context, level int, part *image.RGBA) error {
	own := l.over.Levels()[level]
	for row := part.Rect.Min.Y / own.TileHeight; row <= (part.Rect.Max.Y-1)/own.TileHeight; row++ {
		for col := part.Rect.Min.X / own.TileWidth; col <= (part.Rect.Max.X-1)/own.TileWidth; col++ {
			img, err := l.read(ctx, Key{level, col, row})
			if err != nil {
				return err
			}
			tile := own.TileRect(col, row)
			both := tile.Intersect(part.Rect)
			for y := both.Min.Y; y < both.Max.Y; y++ {
				from := img.Pix[(y-tile.Min.Y)*img.Stride+4*(both.Min.X-tile.Min.X):]
				copy(part.Pix[part.PixOffset(both.Min.X, y):][:4*both.Dx()], from)
			}
		}
	}
	return nil
}

// draw takes the pixels of dst from part, whose bounds are pixels of a level;
// fx and fy are its pixels per level-0 pixel.
func (s laidSteps) draw(dst, part *image.RGBA, fx, fy float64) {
	b := part.Rect
	for j := range dst.Rect.Dy() {
		row := dst.Pix[j*dst.Stride:]
		for i := range dst.Rect.Dx() {
			x := (s.x+float64(i)*s.ux+float64(j)*s.vx)*fx - 0.5
			y := (s.y+float64(i)*s.uy+float64(j)*s.vy)*fy - 0.5
			// Half a pixel beyond the outermost middles the slide ends.
			if x < float64(b.Min.X)-0.5 || y < float64(b.Min.Y)-0.5 || x >= float64(b.Max.X)-0.5 || y >= float64(b.Max.Y)-0.5 {
				continue
			}
			x0, y0 := math.Floor(x), math.Floor(y)
			ax, ay := int((x-x0)*256), int((y-y0)*256)
			c0, c1 := max(b.Min.X, int(x0))-b.Min.X, min(b.Max.X-1, int(x0)+1)-b.Min.X
			r0, r1 := (max(b.Min.Y, int(y0))-b.Min.Y)*part.Stride, (min(b.Max.Y-1, int(y0)+1)-b.Min.Y)*part.Stride
			p, q, t, u := part.Pix[r0+4*c0:], part.Pix[r0+4*c1:], part.Pix[r1+4*c0:], part.Pix[r1+4*c1:]
			for c := range 4 {
				top := int(p[c])*(256-ax) + int(q[c])*ax
				low := int(t[c])*(256-ax) + int(u[c])*ax
				row[4*i+c] = uint8((top*(256-ay) + low*ay + 1<<15) >> 16)
			}
		}
	}
}
