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
	ToolPan             Tool = iota // move the slide
	ToolSelect                      // choose, move and reshape objects
	ToolRectangle                   // draw a rectangle
	ToolPolygon                     // draw a polygon, by clicks or free-hand
	ToolPoint                       // set a point
	ToolPoints                      // set several points that are one object
	ToolLine                        // draw a straight line
	ToolPolyline                    // draw a line of many pieces, by clicks or free-hand
	ToolArrow                       // draw an arrow
	ToolTurnedRectangle             // draw a rectangle at any angle
	ToolEllipse                     // draw an ellipse
	ToolSpline                      // draw a smooth outline through clicked points
	ToolBrush                       // paint an area
	ToolEraser                      // take paint away
	ToolWand                        // take what looks alike around a place
	ToolSuperpixel                  // paint with small regions of the picture
	ToolScissors                    // cut areas along a line
	ToolRuler                       // measure a distance
	ToolAngle                       // measure an angle
	ToolPrompt                      // point at something that a network outlines
	ToolLasso                       // choose what lies inside a free-hand outline
)

// maker is how a tool comes into being, with its name for people; nil for a
// number that is no tool.
func (t Tool) maker() (name string, make func(*Viewer) tool) {
	switch t {
	case ToolPan:
		return "Pan", func(v *Viewer) tool { return panTool{v: v} }
	case ToolSelect:
		return "Select", func(v *Viewer) tool { return &selectTool{v: v} }
	case ToolRectangle:
		return "Rectangle", func(v *Viewer) tool { return &rectangleTool{v: v} }
	case ToolEllipse:
		return "Ellipse", func(v *Viewer) tool { return &rectangleTool{v: v, round: true} }
	case ToolPolygon:
		return "Polygon", func(v *Viewer) tool { return newPolygonTool(v) }
	case ToolSpline:
		return "Spline", func(v *Viewer) tool { return newSplineTool(v) }
	case ToolPoint:
		return "Point", func(v *Viewer) tool { return &pointTool{v: v} }
	case ToolPoints:
		return "Points", func(v *Viewer) tool { return &pointTool{v: v, many: true} }
	case ToolLine:
		return "Line", func(v *Viewer) tool { return newLineTool(v) }
	case ToolPolyline:
		return "Polyline", func(v *Viewer) tool { return newPolylineTool(v) }
	case ToolArrow:
		return "Arrow", func(v *Viewer) tool { return newArrowTool(v) }
	case ToolRuler:
		return "Ruler", func(v *Viewer) tool { return newRulerTool(v) }
	case ToolAngle:
		return "Angle", func(v *Viewer) tool { return newAngleTool(v) }
	case ToolScissors:
		return "Scissors", func(v *Viewer) tool { return newScissorsTool(v) }
	case ToolLasso:
		return "Lasso", func(v *Viewer) tool { return newLassoTool(v) }
	case ToolTurnedRectangle:
		return "Turned rectangle", func(v *Viewer) tool { return &turnedTool{v: v} }
	case ToolBrush:
		return "Brush", func(v *Viewer) tool { return &brushTool{v: v} }
	case ToolEraser:
		return "Eraser", func(v *Viewer) tool { return &brushTool{v: v, erase: true} }
	case ToolWand:
		return "Magic wand", func(v *Viewer) tool { return &wandTool{v: v} }
	case ToolPrompt:
		return "Point and outline", func(v *Viewer) tool { return &promptTool{v: v} }
	case ToolSuperpixel:
		return "Superpixel", func(v *Viewer) tool { return &superpixelTool{v: v} }
	}
	return "Unknown tool", nil
}

// String is the tool's name for people.
func (t Tool) String() string {
	name, _ := t.maker()
	return name
}

// Draws tells whether the tool makes or changes shapes, so that a number key
// means the class of the next one.
func (t Tool) Draws() bool { return t != ToolPan && t != ToolSelect && t != ToolLasso }

// Marks of a line that means something, as attributes of the annotation.
// QuPath writes the first one in the same way.
const (
	MetaArrow   = "arrowhead" // ">": a head at the last point
	MetaMeasure = "measure"   // "ruler" or "angle"
)

// Paint is a stroke of the brush or eraser, or an area found in the picture.
type Paint struct {
	Path    []annotate.Point // of the brush, level-0 pixels; empty when Area is given
	Radius  float64          // of the brush, level-0 pixels
	Area    annotate.ROI     // what was found; its rings may touch
	Erase   bool             // taken away instead of added
	NoHoles bool             // holes that the paint closes are filled
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
	busy() bool   // something is in hand
}

// worker is a tool that computes on another goroutine. Both methods are called
// in every frame: working has the frames go on, arrived takes a result over and
// tells whether there was one.
type worker interface {
	working() bool
	arrived() bool
}

// pointer is where the mouse is, in both planes, and how it is pressed.
type pointer struct {
	s      pixel          // screen pixels
	p      annotate.Point // level-0 pixels
	shift  bool
	ctrl   bool
	alt    bool
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
func (idle) busy() bool            { return false }

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

// l0 is a length on the screen, Fyne units, in level-0 pixels.
func (v *Viewer) l0(units float64) float64 { return units * float64(v.unit) / v.view.Scale }
