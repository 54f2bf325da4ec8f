package tiles

import "image"

// ScannedBounds is the part of level 0 in which anything was scanned, as far as
// the slide says so: Info.Bounds, else all of level 0. It is what is worth
// showing first: a glass may be mostly empty.
func ScannedBounds(s Slide) image.Rectangle {
	levels := s.Levels()
	if len(levels) == 0 {
		return image.Rectangle{}
	}
	return s.Info().BoundsIn(levels[0])
}

// BoundsIn is Info.Bounds, or all of level 0, which l is, where they are not
// known or lie beside it.
func (in *Info) BoundsIn(l Level) image.Rectangle {
	whole := image.Rect(0, 0, l.Width, l.Height)
	if b := in.Bounds.Intersect(whole); !b.Empty() {
		return b
	}
	return whole
}

// Part is where a part of level 0 lies on the level, which is one of the slide
// whose level 0 is l0: all pixels that any of it touches.
func (l Level) Part(l0 Level, part image.Rectangle) image.Rectangle {
	down := func(v, of, from int) int { return int(int64(v) * int64(of) / int64(from)) }
	up := func(v, of, from int) int { return int((int64(v)*int64(of) + int64(from) - 1) / int64(from)) }
	part = part.Intersect(image.Rect(0, 0, l0.Width, l0.Height))
	return image.Rect(down(part.Min.X, l.Width, l0.Width), down(part.Min.Y, l.Height, l0.Height),
		up(part.Max.X, l.Width, l0.Width), up(part.Max.Y, l.Height, l0.Height))
}
