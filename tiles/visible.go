package tiles

import (
	"cmp"
	"math"
	"slices"
)

// levelTolerance lets a level whose downsample is a hair above the wanted one
// serve: pyramids of odd sizes have 4.002 where 4 is meant.
const levelTolerance = 1 + 1.0/400

// BestLevel is the number of the coarsest level that is still fine enough for
// downsample level-0 pixels per wanted pixel: the largest downsample that is not
// above it (within a quarter per cent), else level 0.
func BestLevel(levels []Level, downsample float64) int {
	best := 0
	for i, l := range levels {
		if l.Downsample <= downsample*levelTolerance && l.Downsample >= levels[best].Downsample {
			best = i
		}
	}
	return best
}

// maxVisible bounds what one call returns; a screen of 8K at full size shows
// about 600 tiles.
const maxVisible = 1 << 15

// Visible lists the tiles of a level that a region touches, those nearest its
// centre first. A region that touches more than 32,768 tiles gives those around
// its centre.
func Visible(levels []Level, level int, r Region) []Key {
	if level < 0 || level >= len(levels) || !(r.W > 0 && r.H > 0) {
		return nil
	}
	l := levels[level]
	// Tile columns per level-0 pixel; the level's own ratio on each axis places
	// the last column right when the downsample is an average.
	perX := float64(l.Width) / float64(levels[0].Width) / float64(l.TileWidth)
	perY := float64(l.Height) / float64(levels[0].Height) / float64(l.TileHeight)
	cx, cy := (r.X+r.W/2)*perX, (r.Y+r.H/2)*perY
	c0, c1 := span(r.X*perX, (r.X+r.W)*perX, l.Cols())
	r0, r1 := span(r.Y*perY, (r.Y+r.H)*perY, l.Rows())
	if (c1-c0)*(r1-r0) > maxVisible {
		c0, c1 = around(cx, c0, c1)
		r0, r1 = around(cy, r0, r1)
	}
	if c0 >= c1 || r0 >= r1 {
		return nil
	}
	keys := make([]Key, 0, (c1-c0)*(r1-r0))
	for row := r0; row < r1; row++ {
		for col := c0; col < c1; col++ {
			keys = append(keys, Key{level, col, row})
		}
	}
	distance := func(k Key) float64 {
		dx := (float64(k.Col) + 0.5 - cx) * float64(l.TileWidth)
		dy := (float64(k.Row) + 0.5 - cy) * float64(l.TileHeight)
		return dx*dx + dy*dy
	}
	slices.SortStableFunc(keys, func(a, b Key) int { return cmp.Compare(distance(a), distance(b)) })
	return keys
}

// span is the tiles [first, end) that an interval in tile units touches,
// clipped to n tiles.
func span(lo, hi float64, n int) (first, end int) {
	lo, hi = math.Floor(lo), math.Ceil(hi)
	clip := func(v float64) int { return int(min(max(v, 0), float64(n))) }
	if math.IsNaN(lo) || math.IsNaN(hi) {
		return 0, 0
	}
	return clip(lo), clip(hi)
}

// around narrows a range of tiles to the root of maxVisible around c.
func around(c float64, first, end int) (int, int) {
	half := int(math.Sqrt(maxVisible)) / 2
	mid := int(min(max(c, float64(first)), float64(end)))
	return max(first, mid-half), min(end, mid+half)
}
