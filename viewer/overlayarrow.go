package viewer

import (
	"image/color"
	"math"
	"strconv"
	"strings"

	"coverslip/annotate"
)

// Looks of the head of an arrow.
const (
	arrowLength = 12.0 // Fyne units
	arrowHalf   = 0.42 // half the opening, radians
)

// arrowWings are the outer ends of an arrow's head at b, which comes from a;
// nothing when the two are the same.
func arrowWings(a, b pixel, length float64) []pixel {
	dx, dy := a.x-b.x, a.y-b.y
	d := math.Hypot(dx, dy)
	if !(d > 0) {
		return nil
	}
	length = min(length, d*0.6)
	dx, dy = dx/d*length, dy/d*length
	sin, cos := math.Sincos(arrowHalf)
	return []pixel{{b.x + dx*cos - dy*sin, b.y + dx*sin + dy*cos}, {b.x + dx*cos + dy*sin, b.y - dx*sin + dy*cos}}
}

// heads draws the heads of a line that is an arrow, as QuPath says it: "<" at the
// first point, ">" at the last, "<>" at both.
func (p *overlayPainter) heads(o *annotate.Object, half float64) {
	if o.Meta == nil || o.ROI.Kind != annotate.KindLine || len(p.pts) < 2 {
		return
	}
	which := o.Meta[MetaArrow]
	length := arrowLength * p.style.unit / 0.85
	draw := func(from, to pixel) {
		for _, w := range arrowWings(from, to, length) {
			p.solid([]pixel{to, w}, false, half)
		}
	}
	if strings.Contains(which, ">") {
		draw(p.pts[len(p.pts)-2], p.pts[len(p.pts)-1])
	}
	if strings.Contains(which, "<") {
		draw(p.pts[1], p.pts[0])
	}
}

// headReach is how far the heads of an arrow stand out from its line.
func (p *overlayPainter) headReach(o *annotate.Object) float64 {
	if o.Meta == nil || o.Meta[MetaArrow] == "" {
		return 0
	}
	return arrowLength * p.style.unit / 0.85 * math.Sin(arrowHalf)
}

// MetaColor is the attribute that gives an object a colour of its own: "#rrggbb".
const MetaColor = "color"

// colourOf is the colour of an object: its own where it has one, else that of
// its class, as solid as its class is shown.
func (s *overlayStyle) colourOf(o *annotate.Object) color.NRGBA {
	c := s.colour(o.Class)
	if o.Meta != nil {
		if own, ok := parseColour(o.Meta[MetaColor]); ok {
			own.A = c.A
			c = own
		}
	}
	if f, ok := s.opacity[o.Class]; ok {
		c.A = uint8(float64(c.A)*f + 0.5)
	}
	return c
}

// parseColour reads "#rrggbb".
func parseColour(s string) (color.NRGBA, bool) {
	if len(s) != 7 || s[0] != '#' {
		return color.NRGBA{}, false
	}
	n, err := strconv.ParseUint(s[1:], 16, 32)
	if err != nil {
		return color.NRGBA{}, false
	}
	return color.NRGBA{R: uint8(n >> 16), G: uint8(n >> 8), B: uint8(n), A: 255}, true
}

// SetClassOpacity sets how solid the objects of the classes are drawn, 0 to 1;
// classes that are not in the map are drawn in full.
func (v *Viewer) SetClassOpacity(opacity map[annotate.ID]float64) {
	v.restyle(func(s *overlayStyle) {
		s.opacity = make(map[annotate.ID]float64, len(opacity))
		for id, f := range opacity {
			s.opacity[id] = max(0, min(1, f))
		}
	})
}

// SetLockedClasses has the objects of the classes that map to true stay as they
// are: no tool takes them.
func (v *Viewer) SetLockedClasses(locked map[annotate.ID]bool) {
	v.locked = locked
	v.touch()
}
