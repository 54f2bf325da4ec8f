package openslidetest

import (
	"image"
	"math"
	"math/rand/v2"

	"coverslip/tiles"
)

// mostOff is how far, in pixels of the level, a position may lie behind a whole
// pixel so that OpenSlide still does not interpolate: the filter of its drawing
// library rounds to 1/256.
const mostOff = 1.0 / 1024

// whole finds a position in level-0 pixels that OpenSlide maps to a whole pixel
// of a level, at or, where none is near, before the pixel p; ok is false where
// there is none within 600 pixels. Positions left of the slide are negative.
func whole(p int, downsample float64) (at, pixel int, ok bool) {
	for i := range 1200 {
		q := p + i
		if i >= 600 {
			q = p - (i - 599)
		}
		// OpenSlide cuts off towards 0, so the position must not lie short of
		// the pixel on the far side of 0.
		v := math.Ceil(math.Abs(float64(q)) * downsample)
		if v/downsample-math.Abs(float64(q)) <= mostOff {
			return int(math.Copysign(v, float64(q))), q, true
		}
	}
	return 0, 0, false
}

// spots of a level where regions of the size are compared: its corners, its
// last column and row, borders of tiles on both sides, positions outside, and as
// many by chance. They are positions in level-0 pixels.
func spots(l tiles.Level, size image.Point, chance int) []image.Point {
	want := []image.Point{
		{}, {l.Width - size.X, l.Height - size.Y}, {l.Width - 1, l.Height - 1}, {l.Width - 1, 0}, {0, l.Height - 1},
		{l.TileWidth, l.TileHeight}, {l.TileWidth - 1, l.TileHeight - 1}, {(l.Cols() - 1) * l.TileWidth, (l.Rows() - 1) * l.TileHeight},
		{-50, -20}, {-size.X + 1, l.Height / 2}, {l.Width / 2, -size.Y + 1}, {l.Width + 10, 7}, {7, l.Height + 10}, {-size.X - 5, -size.Y - 5},
	}
	r := rand.New(rand.NewPCG(7, uint64(l.Width)))
	for range chance {
		want = append(want, image.Pt(r.IntN(l.Width+size.X)-size.X/2, r.IntN(l.Height+size.Y)-size.Y/2))
	}
	var out []image.Point
	for _, p := range want {
		x, _, okX := whole(p.X, l.Downsample)
		y, _, okY := whole(p.Y, l.Downsample)
		if okX && okY {
			out = append(out, image.Pt(x, y))
		}
	}
	return out
}
