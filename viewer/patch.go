package viewer

import (
	"context"
	"image"

	"coverslip/annotate"
	"coverslip/tiles"
	"coverslip/tiles/alike"
)

// patchSide is the side of the square that is looked at around a place, pixels
// of the level that is seen: about what lies around it on the screen.
const patchSide = 640

// patch is a square of pixels around a place of the slide.
type patch struct {
	level      tiles.Level
	x0, y0     int     // of its corner in the level, pixels
	perX, perY float64 // level-0 pixels per pixel
	look       *alike.Picture
}

// around tells which square to read around a point of the slide, at the level that
// is seen.
func (v *Viewer) around(p annotate.Point) (patch, int) {
	levels := v.source.Slide().Levels()
	n := v.view.Level(levels)
	l := levels[n]
	q := patch{level: l, perX: float64(levels[0].Width) / float64(l.Width), perY: float64(levels[0].Height) / float64(l.Height)}
	side := min(patchSide, l.Width, l.Height)
	q.x0 = max(0, min(l.Width-side, int(p.X/q.perX)-side/2))
	q.y0 = max(0, min(l.Height-side, int(p.Y/q.perY)-side/2))
	return q, n
}

// read takes the look of the square; it decodes, so it is not for Fyne's
// goroutine. Tiles that cannot be read are white, as glass is.
func (q patch) read(slide tiles.Slide, level int) patch {
	side := min(patchSide, q.level.Width, q.level.Height)
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	// The region begins at a position of level 0; a quarter of a pixel keeps the
	// rounding to the level's own pixel where it belongs.
	down := q.level.Downsample
	// What cannot be read stays empty; the tile layer tells the problem.
	_ = tiles.ReadRegion(context.Background(), slide, level, int(float64(q.x0)*down+down/4), int(float64(q.y0)*down+down/4), img)
	for i := 0; i < len(img.Pix); i += 4 {
		if img.Pix[i+3] == 0 {
			img.Pix[i], img.Pix[i+1], img.Pix[i+2], img.Pix[i+3] = 255, 255, 255, 255
		}
	}
	q.look = alike.NewPicture(img)
	return q
}

// pixel is where a point of the slide lies in the square.
func (q patch) pixel(p annotate.Point) (x, y int) {
	return floorInt(p.X/q.perX) - q.x0, floorInt(p.Y/q.perY) - q.y0
}

// roi is a mask of the square as an area on the slide, the stairs of its pixels
// smoothed away; ok is false when nothing is left.
func (q patch) roi(m *alike.Mask) (annotate.ROI, bool) {
	raw := annotate.ROI{Kind: annotate.KindPolygon}
	var outer, holes []annotate.Ring
	for _, ring := range m.Outlines() {
		r := make(annotate.Ring, len(ring))
		for i, p := range ring {
			r[i] = annotate.Point{X: float64(p.X), Y: float64(p.Y)}
		}
		if r.SignedArea() > 0 {
			outer = append(outer, r)
		} else if r.SignedArea() < -leastSpeck {
			holes = append(holes, r)
		}
	}
	for _, r := range outer {
		if len(outer) > 1 && r.SignedArea() < leastSpeck {
			continue
		}
		p := annotate.Polygon{Outer: r}
		for _, h := range holes {
			// Half a pixel inwards from the hole's first corner is in the hole.
			if annotate.Ring(r).Contains(annotate.Point{X: h[0].X - 0.5, Y: h[0].Y + 0.5}) || annotate.Ring(r).Contains(h.Bounds().Center()) {
				p.Holes = append(p.Holes, h)
			}
		}
		raw.Polygons = append(raw.Polygons, p)
	}
	if len(raw.Polygons) == 0 {
		return raw, false
	}
	smooth, err := raw.Smoothed(1)
	if err != nil {
		if smooth, _, err = raw.Repaired(); err != nil {
			return raw, false
		}
	}
	if thin, err := smooth.Simplified(0.25); err == nil {
		smooth = thin
	}
	out := smooth.Map(func(p annotate.Point) annotate.Point {
		return annotate.Point{X: (p.X + float64(q.x0)) * q.perX, Y: (p.Y + float64(q.y0)) * q.perY}
	})
	return out, out.WellFormed() == nil
}

// leastSpeck is the area, in pixels of the square, below which a piece or hole
// is noise.
const leastSpeck = 6
