package viewer

import (
	"image/color"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"coverslip/annotate"
)

// Budgets of live objects: each costs the frame 3 to 5 µs.
const (
	liveLines   = 420
	liveHandles = 200
)

// Looks of live objects, Fyne units.
const (
	liveWidth  = 2.0
	haloWidth  = 4.5
	handleSize = 8.0
)

var (
	haloColor   = color.NRGBA{R: 255, G: 255, B: 255, A: 205}
	handleColor = color.NRGBA{R: 255, G: 255, B: 255, A: 255}
	handleRim   = color.NRGBA{R: 20, G: 90, B: 180, A: 255}
)

// live draws the few things that change with the mouse, from pooled canvas
// lines and squares. It takes level-0 points and draws what is in view.
type live struct {
	v       Viewport
	unit    float32
	lines   []*canvas.Line
	squares []*canvas.Rectangle
	nLine   int
	nSquare int
	texts   []*canvas.Text
	grounds []*canvas.Rectangle
	nText   int
	objs    []fyne.CanvasObject
	pts     []pixel
}

// begin starts a frame.
func (l *live) begin(v Viewport, unit float32) {
	l.v, l.unit, l.nLine, l.nSquare, l.nText = v, unit, 0, 0, 0
	l.objs = l.objs[:0]
}

// pixelOf is a point of the slide on the screen.
func (l *live) pixelOf(p annotate.Point) pixel {
	x, y := l.v.SFromL0(p.X, p.Y)
	return pixel{x, y}
}

// line draws one line between screen pixels, cut to the window.
func (l *live) line(a, b pixel, width float32, c color.Color) {
	const out = 16
	a, b, ok := clip(a, b, -out, -out, float64(l.v.W)+out, float64(l.v.H)+out)
	if !ok {
		return
	}
	if l.nLine == len(l.lines) {
		l.lines = append(l.lines, &canvas.Line{})
	}
	ln := l.lines[l.nLine]
	l.nLine++
	ln.StrokeColor, ln.StrokeWidth = c, width
	ln.Position1 = fyne.NewPos(float32(a.x)/l.unit, float32(a.y)/l.unit)
	ln.Position2 = fyne.NewPos(float32(b.x)/l.unit, float32(b.y)/l.unit)
	l.objs = append(l.objs, ln)
}

// square draws a handle in the middle of a screen pixel.
func (l *live) square(at pixel, fill, rim color.Color) {
	if at.x < -16 || at.y < -16 || at.x > float64(l.v.W)+16 || at.y > float64(l.v.H)+16 || l.nSquare >= liveHandles {
		return
	}
	if l.nSquare == len(l.squares) {
		l.squares = append(l.squares, &canvas.Rectangle{StrokeWidth: 1.5, CornerRadius: 2})
	}
	sq := l.squares[l.nSquare]
	l.nSquare++
	sq.FillColor, sq.StrokeColor = fill, rim
	sq.Resize(fyne.NewSize(handleSize, handleSize))
	sq.Move(fyne.NewPos(float32(at.x)/l.unit-handleSize/2, float32(at.y)/l.unit-handleSize/2))
	l.objs = append(l.objs, sq)
}

// path draws a line through points, with a light halo that keeps it legible on
// any stain. Vertices nearer than the budget allows are passed over.
func (l *live) path(pts []annotate.Point, closed bool, c color.Color, budget int) {
	l.thin(pts, closed, budget)
	for _, pen := range [2]struct {
		w float32
		c color.Color
	}{{haloWidth, haloColor}, {liveWidth, c}} {
		for i := 1; i < len(l.pts); i++ {
			l.line(l.pts[i-1], l.pts[i], pen.w, pen.c)
		}
	}
}

// thin puts the points on the screen into l.pts, leaving out vertices nearer
// than a distance that grows until what is in view fits the budget.
func (l *live) thin(pts []annotate.Point, closed bool, budget int) {
	for near := 1.5; ; near *= 2 {
		l.pts = l.pts[:0]
		inView := 0
		for i, q := range pts {
			s := l.pixelOf(q)
			n := len(l.pts)
			if n > 0 && i < len(pts)-1 && math.Abs(s.x-l.pts[n-1].x)+math.Abs(s.y-l.pts[n-1].y) < near {
				continue
			}
			if s.x > -16 && s.y > -16 && s.x < float64(l.v.W)+16 && s.y < float64(l.v.H)+16 {
				inView++
			}
			l.pts = append(l.pts, s)
		}
		if closed && len(l.pts) > 0 {
			l.pts = append(l.pts, l.pts[0])
		}
		if inView <= budget || near > 4096 {
			return
		}
	}
}

// roi draws the outline of a shape.
func (l *live) roi(roi *annotate.ROI, c color.Color, budget int) {
	switch roi.Kind {
	case annotate.KindPoint, annotate.KindPoints:
		for i, q := range roi.Points {
			if i >= budget {
				return
			}
			l.square(l.pixelOf(q), c, handleColor)
		}
	case annotate.KindLine:
		l.path(roi.Points, false, c, budget)
	case annotate.KindEllipse:
		if len(roi.Points) >= 2 {
			l.path(ellipse(roi.Points[0], roi.Points[1], l.v.Scale), true, c, budget)
		}
	default:
		rings := 0
		for _, p := range roi.Polygons {
			rings += 1 + len(p.Holes)
		}
		each := max(12, budget/max(1, rings))
		for _, p := range roi.Polygons {
			l.path(p.Outer, true, c, each)
			for _, h := range p.Holes {
				l.path(h, true, c, each)
			}
			if l.nLine > 4*liveLines {
				return
			}
		}
	}
}
