package viewer

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"time"

	"coverslip/annotate"
)

// lookFor is how long a place must stay in view to count as seen: about as long
// as an eye rests on one spot.
const lookFor = 250 * time.Millisecond

// coverUnknown is what one to one counts as on a slide that does not say its
// pixels' size, as if scanned with an objective of 40×.
const coverUnknown = 40

// glance watches what stays in view.
type glance struct {
	from Viewport  // what was in view
	at   time.Time // when
	done bool      // it was noted and nothing moved since
	step int       // the step of magnification that is spoken of
}

func newGlance() glance { return glance{step: coverStep(walkStart)} }

// coverScale is the magnification of a scale for the coverage map.
func (v *Viewer) coverScale(scale float64) float64 {
	if m := magnification(v.info, scale); m > 0 {
		return m
	}
	return coverUnknown * scale
}

// Coverage is the map of what was seen of this slide; nil without a slide. Who
// changes it calls CoverageChanged.
func (v *Viewer) Coverage() *Coverage { return v.coverage }

// CoverageChanged shows a map that was restored or whose tissue is known now.
func (v *Viewer) CoverageChanged() { v.touch() }

// watch notes what stayed in view, sharp, for lookFor. seen tells that the map
// changed; waiting that there may be something to note soon.
func (v *Viewer) watch(now time.Time, pending int) (seen, waiting bool) {
	g := &v.glance
	if v.coverage == nil || v.source == nil || !v.view.Valid() {
		return false, false
	}
	step := coverStep(v.coverScale(v.view.Scale))
	if step == 0 {
		g.at = time.Time{}
		return false, false
	}
	if g.at.IsZero() || g.from.Scale != v.view.Scale || g.from.W != v.view.W || g.from.H != v.view.H {
		g.from, g.at, g.done, g.step = v.view, now, false, step
		return false, true
	}
	if g.done && g.from == v.view {
		return false, false
	}
	if g.done {
		g.from, g.at, g.done = v.view, now, false
	}
	a, b := g.from.Within(), v.view.Within()
	if a.MaxX <= b.MinX || b.MaxX <= a.MinX || a.MaxY <= b.MinY || b.MaxY <= a.MinY {
		g.from, g.at = v.view, now // flown by
	}
	if now.Sub(g.at) < lookFor || pending > 0 {
		return false, true
	}
	both := annotate.Box{MinX: max(a.MinX, b.MinX), MinY: max(a.MinY, b.MinY), MaxX: min(a.MaxX, b.MaxX), MaxY: min(a.MaxY, b.MaxY)}
	seen = v.coverage.See(both, v.coverScale(v.view.Scale))
	g.done = g.from == v.view
	g.from, g.at = v.view, now
	if seen && v.OnSeen != nil {
		v.OnSeen()
	}
	return seen, !g.done
}

// CoverageWords says how much was seen at the present magnification's step:
// "73 % seen at 10×"; "" without a slide.
func (v *Viewer) CoverageWords() string {
	if v.coverage == nil {
		return ""
	}
	return v.coverage.words(v.glance.step, magnification(v.info, 1) > 0)
}

// words are those of CoverageWords; without a known magnification the step is
// told as a ratio of pixels.
func (c *Coverage) words(step int, known bool) string {
	m := coverMagnification(step)
	at := fmt.Sprintf("%g×", m)
	if !known {
		at = fmt.Sprintf("1:%g", coverUnknown/m)
	}
	return fmt.Sprintf("%d %% seen at %s", SeenPercent(c.Share(m)), at)
}

// SeenPercent is a share, 0 to 1, of what was seen as whole percents for people,
// wherever it is told: 100 only when nothing is left, 0 only when nothing was seen.
func SeenPercent(share float64) int {
	percent := int(math.Floor(100 * share))
	if share > 0 && percent == 0 {
		return 1
	}
	return percent
}

// Colours of the coverage on the overview: what was seen is tinted, and what
// does not matter is left as it is.
var coverTint = color.NRGBA{R: 0, G: 150, B: 110, A: 105}

// tint paints the fields that were seen at a step or closer, w × h pixels over a
// part of the slide, level-0 pixels.
func (c *Coverage) tint(part annotate.Box, w, h, step int) *image.RGBA {
	im := image.NewRGBA(image.Rect(0, 0, max(1, w), max(1, h)))
	a := uint32(coverTint.A)
	on := color.RGBA{R: uint8(uint32(coverTint.R) * a / 255), G: uint8(uint32(coverTint.G) * a / 255), B: uint8(uint32(coverTint.B) * a / 255), A: coverTint.A}
	for y := range im.Rect.Dy() {
		row := max(0, min(c.rows-1, floorInt((part.MinY+(float64(y)+0.5)*(part.MaxY-part.MinY)/float64(im.Rect.Dy()))/c.fieldH)))
		for x := range im.Rect.Dx() {
			col := max(0, min(c.cols-1, floorInt((part.MinX+(float64(x)+0.5)*(part.MaxX-part.MinX)/float64(im.Rect.Dx()))/c.fieldW)))
			if c.seen[row*c.cols+col] >= uint8(step) {
				im.SetRGBA(x, y, on)
			}
		}
	}
	return im
}

// ShareCoverage has the viewer note what is seen in the map of another viewer of
// the same slide.
func (v *Viewer) ShareCoverage(c *Coverage) {
	if v.source != nil && c != nil {
		v.coverage = c
		v.touch()
	}
}
