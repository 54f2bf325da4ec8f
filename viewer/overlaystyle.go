package viewer

import (
	"image/color"
	"math"

	"coverslip/annotate"
)

// Looks of the overlay, in Fyne units, so that they are alike on every display.
const (
	outlineWidth = 1.7 // width of an outline on screen
	casingWidth  = 1.0 // light rim on each side of a suggestion's dashes
	dashOn       = 5.0 // a suggestion's dash
	dashOff      = 4.5 // and the gap after it
	dotSize      = 1.6 // an object smaller than this on screen is a dot
	discSize     = 4.5 // and a round one smaller than this is a disc
	densitySize  = 1.0 // and one smaller than this is counted, see density
	pointRadius  = 4.0 // of a point label

	defaultFill = 0.25 // strength of an area's colour
)

// unclassified is the colour of objects without a class.
var unclassified = color.NRGBA{R: 70, G: 70, B: 78, A: 255}

// overlayStyle is how objects look. It is never changed once workers have it: a
// change is a new value.
type overlayStyle struct {
	colours map[annotate.ID]color.NRGBA
	opacity map[annotate.ID]float64 // of classes not drawn in full, 0..1
	hidden  map[annotate.ID]bool    // classes not shown
	lifted  map[annotate.ID]bool    // objects in hand, drawn live
	chosen  map[annotate.ID]bool    // objects selected, when they are too many to be drawn live
	fill    float64                 // 0..1
	faint   float64                 // 0: as they are, 1: not seen
	unit    float64                 // device pixels per Fyne unit
	heat    *HeatMap                // beneath the objects; nil for none
	plane   Plane                   // on which the tiles lie
}

// shows tells whether an object is drawn at all.
func (s *overlayStyle) shows(o *annotate.Brief) bool {
	rejected := o.Kind == annotate.Detection && o.Decision == annotate.Rejected
	return !rejected && !s.hidden[o.Class] && !s.lifted[o.ID]
}

// showsWhole is shows for an object at hand.
func (s *overlayStyle) showsWhole(o *annotate.Object) bool {
	return s.shows(&annotate.Brief{ID: o.ID, Kind: o.Kind, Decision: o.Review.Decision, Class: o.Class})
}

// colour is the colour of a class.
func (s *overlayStyle) colour(class annotate.ID) color.NRGBA {
	if c, ok := s.colours[class]; ok {
		return c
	}
	return unclassified
}

func inkOf(c color.NRGBA, strength float64) ink {
	return ink{float32(c.R), float32(c.G), float32(c.B), float32(strength * float64(c.A) / 255)}
}

// overlayKey names a tile of the overlay's pyramid. Its steps are half octaves,
// so that outlines stay between 0.7 and 1 of their width on screen and are
// never magnified, however far one zooms in.
type overlayKey struct{ step, col, row int }

// overlayTile is the size of an overlay tile, pixels.
const overlayTile = 256

// overlayStep is the step whose tiles are drawn at a scale.
func overlayStep(scale float64) int {
	return floorInt(-2*math.Log2(scale) + 1e-9)
}

// stepScale is the pixels of a step per level-0 pixel.
func stepScale(step int) float64 { return math.Exp2(-float64(step) / 2) }

// box is what the tile covers of the style's plane, level-0 pixels, widened by some of its pixels.
func (k overlayKey) box(margin float64) annotate.Box {
	s := stepScale(k.step)
	return annotate.Box{
		MinX: (float64(k.col*overlayTile) - margin) / s,
		MinY: (float64(k.row*overlayTile) - margin) / s,
		MaxX: (float64((k.col+1)*overlayTile) + margin) / s,
		MaxY: (float64((k.row+1)*overlayTile) + margin) / s,
	}
}

// reach is how far an object's drawing may stand out from its shape, pixels.
func (s *overlayStyle) reach() float64 { return (pointRadius + outlineWidth + 1) * s.unit * math.Sqrt2 }
