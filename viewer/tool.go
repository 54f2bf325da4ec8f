package viewer

import (
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"coverslip/annotate"
)

// Tool is what the mouse does on the slide.
type Tool int

// The tools.
const (
	ToolPan       Tool = iota // move the slide
	ToolSelect                // choose, move and reshape objects
	ToolRectangle             // draw a rectangle
	ToolPolygon               // draw a polygon, by clicks or free-hand
)

// String is the tool's name for people.
func (t Tool) String() string {
	switch t {
	case ToolPan:
		return "Pan"
	case ToolSelect:
		return "Select"
	case ToolRectangle:
		return "Rectangle"
	case ToolPolygon:
		return "Polygon"
	}
	return "Unknown tool"
}

// tool is one tool's behaviour. A press that it does not take pans.
type tool interface {
	hint() string
	cursor() desktop.Cursor
	press(e pointer) (taken bool)
	drag(e pointer)
	release(e pointer, dragged bool)
	hover(e pointer)
	key(name fyne.KeyName) (used bool)
	cancel()      // drop what is in hand
	draw(l *live) // what is in hand
}

// pointer is where the mouse is, in both planes, and how it is pressed.
type pointer struct {
	s      pixel          // screen pixels
	p      annotate.Point // level-0 pixels
	shift  bool
	ctrl   bool
	double bool // second press of a double click
}

// idle is a tool that does nothing; tools embed it for what they leave out.
type idle struct{}

func (idle) drag(pointer)          {}
func (idle) release(pointer, bool) {}
func (idle) hover(pointer)         {}
func (idle) key(fyne.KeyName) bool { return false }
func (idle) cancel()               {}
func (idle) draw(*live)            {}

// near tells whether two screen points lie within a distance in Fyne units.
func (v *Viewer) near(a, b pixel, units float64) bool {
	return math.Hypot(a.x-b.x, a.y-b.y) <= units*float64(v.unit)
}

// onSlide moves a point to the nearest one on the slide, whose edge belongs to
// it: labels never reach beyond the pixels there are.
func (v *Viewer) onSlide(p annotate.Point) annotate.Point {
	if v.limits.w == 0 {
		return p
	}
	return annotate.Point{X: max(0, min(v.limits.w, p.X)), Y: max(0, min(v.limits.h, p.Y))}
}
