package viewer

import (
	"image/color"
	"math"
	"time"

	"coverslip/annotate"
)

// The mark of a place that was gone to.
const (
	markFor   = 1600 * time.Millisecond
	markShut  = 0.35  // seconds in which it closes in on the place
	markFar   = 110.0 // Fyne units from the place where its lines begin, at first
	markNear  = 10.0  // and in the end
	markLong  = 26.0  // length of a line
	markWidth = 3.0   // of a line
	markHalo  = 6.0   // of the dark rim beneath
	markSides = 4
)

// Yellow on black is on no stain and no glass.
var (
	markColor = color.NRGBA{R: 255, G: 214, B: 10, A: 255}
	markRim   = color.NRGBA{R: 10, G: 10, B: 14, A: 215}
)

// mark is a place pointed at for a moment.
type mark struct {
	at    annotate.Point // level-0 pixels
	since time.Time      // zero: nothing is marked
}

// GoTo puts a point of the slide (level-0 pixels) in the middle, at the scale
// there is, and points at it for a moment.
func (v *Viewer) GoTo(p annotate.Point) {
	v.CenterOn(p, 0)
	v.mark = mark{at: p, since: v.clock.now()}
}

// marking tells whether a place is being pointed at; it ends by itself.
func (v *Viewer) marking(now time.Time) bool {
	if v.mark.since.IsZero() {
		return false
	}
	if now.Sub(v.mark.since) >= markFor {
		v.mark = mark{}
	}
	return true // also in the frame that takes it away
}

// drawMark draws four lines that close in on the marked place.
func (v *Viewer) drawMark(l *live, now time.Time) {
	if v.mark.since.IsZero() {
		return
	}
	t := min(1, now.Sub(v.mark.since).Seconds()/markShut)
	unit := float64(v.unit)
	near := (markFar + (markNear-markFar)*(1-(1-t)*(1-t))) * unit
	at := l.pixelOf(v.mark.at)
	for _, pen := range [2]struct {
		w float32
		c color.Color
	}{{markHalo, markRim}, {markWidth, markColor}} {
		for i := range markSides {
			sin, cos := math.Sincos(float64(i) * 2 * math.Pi / markSides)
			l.line(pixel{at.x + cos*near, at.y + sin*near},
				pixel{at.x + cos*(near+markLong*unit), at.y + sin*(near+markLong*unit)}, pen.w, pen.c)
		}
	}
}
