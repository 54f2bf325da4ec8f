package viewer

import (
	"fmt"
	"image/color"
	"math"
)

// gridLeast is the least distance of the grid's lines, Fyne units.
const gridLeast = 90

// gridColor is seen on glass and on dark nuclei alike.
var gridColor = color.NRGBA{R: 20, G: 70, B: 130, A: 120}

// SetGrid shows or leaves out a grid over the slide. Its lines lie at round
// multiples, in µm (pixels where their size is unknown), of the slide's upper
// left corner, so that they stay on the tissue.
func (v *Viewer) SetGrid(on bool) {
	v.grid = on
	v.touch()
}

// SetCrisp has the slide's pixels drawn as squares from 2:1 on, or always mixed
// smoothly.
func (v *Viewer) SetCrisp(on bool) {
	v.tileLayer.crisp = on
	v.touch()
}

// Crisp tells whether magnified pixels are squares; at first they are.
func (v *Viewer) Crisp() bool { return v.tileLayer.crisp }

// Grid tells whether the grid is shown.
func (v *Viewer) Grid() bool { return v.grid }

// gridStep picks a round step, 1, 2 or 5 of a power of ten, whose lines are at
// least so many screen pixels apart; mpp is µm per level-0 pixel, 0 when unknown.
// It answers the step in level-0 pixels and what it says.
func gridStep(scale, mpp, least float64) (l0 float64, text string) {
	l0PerUnit, unit := 1.0, "px"
	if mpp > 0 {
		l0PerUnit, unit = 1/mpp, "µm"
	}
	need := least / scale / l0PerUnit // in units
	ten := math.Pow(10, math.Floor(math.Log10(need)))
	step := 10 * ten
	for _, m := range []float64{5, 2, 1} {
		if m*ten >= need*(1-1e-9) {
			step = m * ten
		}
	}
	if unit == "px" {
		step = max(1, step)
	}
	if unit == "µm" && step >= 1000 {
		return step * l0PerUnit, fmt.Sprintf("%g mm", step/1000)
	}
	return step * l0PerUnit, fmt.Sprintf("%g %s", step, unit)
}

// drawGrid draws the lines in view; it answers what their distance is.
func (v *Viewer) drawGrid(l *live) string {
	if !v.grid {
		return ""
	}
	mppX, mppY := 0.0, 0.0
	if v.info != nil {
		mppX, mppY = v.info.MPPX, v.info.MPPY
	}
	if mppY <= 0 {
		mppY = mppX
	}
	least := gridLeast * float64(v.unit)
	stepX, text := gridStep(v.view.Scale, mppX, least)
	stepY := stepX
	if mppX > 0 {
		stepY = stepX * mppX / mppY
	}
	b := v.view.Box()
	x0, y0, x1, y1 := max(0, b.MinX), max(0, b.MinY), min(v.limits.w, b.MaxX), min(v.limits.h, b.MaxY)
	at := func(l0X, l0Y float64) pixel {
		x, y := v.view.SFromL0(l0X, l0Y)
		return pixel{snap(x) + 0.5, snap(y) + 0.5}
	}
	for i := math.Ceil(x0 / stepX); i*stepX <= x1; i++ {
		l.line(at(i*stepX, y0), at(i*stepX, y1), 1/v.unit, gridColor)
	}
	for i := math.Ceil(y0 / stepY); i*stepY <= y1; i++ {
		l.line(at(x0, i*stepY), at(x1, i*stepY), 1/v.unit, gridColor)
	}
	return "grid " + text
}

// ColourAt is the colour of the slide at a point (level-0 pixels) as it is shown,
// without labels, and the downsample of the level it was read from; ok is false
// where no tile is there.
func (v *Viewer) ColourAt(l0X, l0Y float64) (c color.NRGBA, downsample float64, ok bool) {
	if v.source == nil || !v.view.Valid() {
		return c, 0, false
	}
	return v.tileLayer.colourAt(l0X, l0Y, v.view)
}
