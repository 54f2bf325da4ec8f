package viewer

import (
	"fmt"
	"image/color"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"coverslip/annotate"
)

// Looks of words beside a shape, Fyne units.
const (
	wordsSize = 12.0
	wordsPad  = 3.0
	wordsOff  = 12.0 // from the point they belong to
	mostWords = 32
)

var (
	wordsInk    = color.NRGBA{R: 255, G: 255, B: 255, A: 255}
	wordsGround = color.NRGBA{R: 20, G: 22, B: 28, A: 215}
)

// text writes words to the lower right of a screen pixel, on a ground of their own.
func (l *live) text(at pixel, words string) {
	if words == "" || l.nText >= mostWords || at.x < 0 || at.y < 0 || at.x > float64(l.v.W) || at.y > float64(l.v.H) {
		return
	}
	if l.nText == len(l.texts) {
		l.texts = append(l.texts, &canvas.Text{TextSize: wordsSize, Color: wordsInk})
		l.grounds = append(l.grounds, &canvas.Rectangle{FillColor: wordsGround, CornerRadius: 3})
	}
	t, g := l.texts[l.nText], l.grounds[l.nText]
	l.nText++
	t.Text = words
	size := t.MinSize()
	x, y := float32(at.x)/l.unit+wordsOff, float32(at.y)/l.unit+wordsOff
	// Inside the window, also near its lower right corner.
	x = min(x, float32(l.v.W)/l.unit-size.Width-2*wordsPad)
	y = min(y, float32(l.v.H)/l.unit-size.Height-2*wordsPad)
	g.Move(fyne.NewPos(x, y))
	g.Resize(size.AddWidthHeight(2*wordsPad, 2*wordsPad-2))
	t.Move(fyne.NewPos(x+wordsPad, y+wordsPad-1))
	t.Resize(size)
	t.Refresh()
	l.objs = append(l.objs, g, t)
}

// scaled is the µm per level-0 pixel in x and y, and the word of the unit; where
// the slide does not say, a pixel is one.
func (v *Viewer) scaled() (x, y float64, unit string) {
	if v.info == nil || !(v.info.MPPX > 0) {
		return 1, 1, "px"
	}
	if v.info.MPPY > 0 {
		return v.info.MPPX, v.info.MPPY, "µm"
	}
	return v.info.MPPX, v.info.MPPX, "µm"
}

// lengthWords is how long a line is, for people.
func (v *Viewer) lengthWords(pts []annotate.Point) string {
	mx, my, unit := v.scaled()
	sum := 0.0
	for i := 1; i < len(pts); i++ {
		sum += math.Hypot((pts[i].X-pts[i-1].X)*mx, (pts[i].Y-pts[i-1].Y)*my)
	}
	switch {
	case unit == "µm" && sum >= 1000:
		return fmt.Sprintf("%.2f mm", sum/1000)
	case sum >= 100:
		return fmt.Sprintf("%.0f %s", sum, unit)
	}
	return fmt.Sprintf("%.1f %s", sum, unit)
}

// angleWords is the angle at the middle of three points, for people.
func (v *Viewer) angleWords(pts []annotate.Point) string {
	if len(pts) < 3 {
		return v.lengthWords(pts)
	}
	mx, my, _ := v.scaled()
	return fmt.Sprintf("%.1f°", annotate.Angle(pts[0], pts[1], pts[2], mx, my))
}

// drawWords says beside a chosen ruler or angle what it measures.
func (v *Viewer) drawWords(l *live, o *annotate.Object) {
	if o.ROI.Kind != annotate.KindLine || len(o.ROI.Points) < 2 {
		return
	}
	last := o.ROI.Points[len(o.ROI.Points)-1]
	switch o.Meta[MetaMeasure] {
	case "ruler":
		l.text(l.pixelOf(last), v.lengthWords(o.ROI.Points))
	case "angle":
		l.text(l.pixelOf(o.ROI.Points[min(1, len(o.ROI.Points)-1)]), v.angleWords(o.ROI.Points))
	}
}
