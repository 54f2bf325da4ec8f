package viewer

import (
	"fmt"
	"image/color"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
)

// Colours of what stands on the slide, the same in both themes: the slide
// beneath is bright in both.
var (
	panelColor = color.NRGBA{R: 22, G: 23, B: 26, A: 215}
	panelText  = color.NRGBA{R: 240, G: 240, B: 240, A: 255}
)

// Sizes of the furniture, Fyne units.
const (
	furnitureGap = 10
	barLongest   = 130
	panelText1   = 12.5
)

// scaleBar shows how long something on the slide is.
type scaleBar struct {
	panel       *canvas.Rectangle
	bar         *canvas.Rectangle
	left, right *canvas.Rectangle
	text        *canvas.Text
	objs        []fyne.CanvasObject
}

func newScaleBar() *scaleBar {
	mark := func() *canvas.Rectangle { return canvas.NewRectangle(panelText) }
	b := &scaleBar{
		panel: &canvas.Rectangle{FillColor: panelColor, CornerRadius: 4},
		bar:   mark(), left: mark(), right: mark(),
		text: &canvas.Text{Color: panelText, TextSize: panelText1, Alignment: fyne.TextAlignCenter},
	}
	b.objs = []fyne.CanvasObject{b.panel, b.bar, b.left, b.right, b.text}
	return b
}

// barLength picks a round length (1, 2 or 5 of a power of ten) that is at most
// longest screen pixels; mpp is µm per level-0 pixel, 0 when unknown. It
// answers the length in screen pixels and what it says.
func barLength(scale, mpp, longest float64) (sLength float64, text string) {
	perUnit, unit := scale, "px"
	if mpp > 0 {
		perUnit, unit = scale/mpp, "µm"
	}
	most := longest / perUnit // in units
	ten := math.Pow(10, math.Floor(math.Log10(most)))
	length := ten
	for _, m := range []float64{2, 5} {
		if m*ten <= most {
			length = m * ten
		}
	}
	switch {
	case unit == "px" && length < 1:
		length = 1 // there is no half a pixel; magnified this far, one is long
		text = "1 px"
	case unit == "µm" && length >= 1000:
		text = fmt.Sprintf("%g mm", length/1000)
	default:
		text = fmt.Sprintf("%g %s", length, unit)
	}
	return length * perUnit, text
}

// update lays the bar out in the lower left corner; more, which may be empty, is
// said beside its length.
func (b *scaleBar) update(v Viewport, mpp float64, unit float32, more string) []fyne.CanvasObject {
	sLength, text := barLength(v.Scale, mpp, barLongest*float64(unit))
	if more != "" {
		text += " · " + more
	}
	length := float32(math.Round(sLength)) / unit
	if b.text.Text != text {
		b.text.Text = text
		b.text.Refresh()
	}
	const pad, height = 10, 34
	h := float32(v.H) / unit
	size := b.text.MinSize()
	width := max(length, size.Width) + 2*pad
	x, y := float32(furnitureGap), h-furnitureGap-height
	place(b.panel, x, y, width, height)
	place(b.text, x, y+2, width, size.Height)
	x0, base := x+(width-length)/2, y+height-8
	place(b.bar, x0, base-1, length, 2)
	place(b.left, x0, base-4, 1.5, 8)
	place(b.right, x0+length-1.5, base-4, 1.5, 8)
	return b.objs
}

// place moves and sizes an object, in Fyne units.
func place(o fyne.CanvasObject, x, y, w, h float32) {
	o.Resize(fyne.NewSize(w, h))
	o.Move(fyne.NewPos(x, y))
}
