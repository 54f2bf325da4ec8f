package viewer

import (
	"image"
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"golang.org/x/image/draw"

	"coverslip/tiles"
)

// Sizes of the overview, Fyne units.
const (
	overviewLongest = 170 // of the thumbnail
	overviewPad     = 4
	overviewText    = 11
	overviewLine    = 17 // height of the line of words
	frameLeast      = 5  // side of the viewport's frame, or it could not be seen
)

var frameColor = color.NRGBA{R: 235, G: 60, B: 50, A: 255}

// overview shows the whole slide in the upper right corner, with a frame where
// the window is; a press or drag on it goes there.
type overview struct {
	panel *canvas.Rectangle
	image *canvas.Image
	frame *canvas.Rectangle
	sides [4]*canvas.Line // of the frame of a tilted view
	top   *canvas.Line    // which side of the frame is up, of a view that is turned
	seen  *canvas.Image   // tint of what was looked at
	words *canvas.Text    // how much that is
	shown []fyne.CanvasObject
	on    bool

	src  Source
	have bool
	need []tiles.Key // of the level the thumbnail is made from
	w, h float64     // slide, level-0 pixels

	tinted      *Coverage // what seen shows: the map, its version and the step
	tintVersion int
	tintStep    int
	scaleKnown  bool // the slide says its pixels' size
	// where the thumbnail lies, Fyne units
	pos  fyne.Position
	size fyne.Size
}

func newOverview() *overview {
	return &overview{
		panel: &canvas.Rectangle{FillColor: panelColor, CornerRadius: 4},
		image: newImage(), seen: newImage(), on: true,
		words: &canvas.Text{Color: panelText, TextSize: overviewText, Alignment: fyne.TextAlignCenter},
		frame: &canvas.Rectangle{StrokeColor: frameColor, StrokeWidth: 1.5, FillColor: color.NRGBA{R: 235, G: 60, B: 50, A: 28}},
	}
}

// set shows another slide; nil none.
func (o *overview) set(src Source) {
	o.src, o.have, o.need = src, false, nil
	o.w, o.h = 0, 0
	o.image.Image = nil
	o.tinted = nil
	if src == nil {
		return
	}
	o.scaleKnown = magnification(src.Slide().Info(), 1) > 0
	levels := src.Slide().Levels()
	if len(levels) == 0 {
		return
	}
	o.w, o.h = float64(levels[0].Width), float64(levels[0].Height)
	top := len(levels) - 1
	l := levels[top]
	if l.Cols()*l.Rows() > 16 {
		return // a slide without a pyramid has no thumbnail to be had quickly
	}
	for r := range l.Rows() {
		for c := range l.Cols() {
			o.need = append(o.need, tiles.Key{Level: top, Col: c, Row: r})
		}
	}
}

// swap takes another source of the same slide; the thumbnail stays until the new
// one can be made.
func (o *overview) swap(src Source) { o.src, o.have = src, false }

// assemble makes the thumbnail as soon as its tiles are there.
func (o *overview) assemble(unit float32) {
	if o.have || o.src == nil || len(o.need) == 0 {
		return
	}
	levels := o.src.Slide().Levels()
	l := levels[o.need[0].Level]
	got := make([]*image.RGBA, len(o.need))
	for i, k := range o.need {
		img, ok := o.src.Get(k)
		if !ok && o.src.Failed(k) == nil {
			return
		}
		got[i] = img
	}
	whole := image.NewRGBA(image.Rect(0, 0, l.Width, l.Height))
	draw.Draw(whole, whole.Bounds(), image.White, image.Point{}, draw.Src)
	for i, k := range o.need {
		if got[i] != nil {
			draw.Draw(whole, l.TileRect(k.Col, k.Row), got[i], image.Point{}, draw.Over)
		}
	}
	size := o.extent()
	thumb := image.NewRGBA(image.Rect(0, 0, max(1, int(size.Width*unit)), max(1, int(size.Height*unit))))
	draw.CatmullRom.Scale(thumb, thumb.Bounds(), whole, whole.Bounds(), draw.Src, nil)
	o.image.Image = thumb
	o.image.Refresh()
	o.have = true
}

// extent is the size of the thumbnail, Fyne units.
func (o *overview) extent() fyne.Size {
	k := overviewLongest / max(o.w, o.h)
	return fyne.NewSize(float32(max(8, o.w*k)), float32(max(8, o.h*k)))
}

// cover brings the tint and its words up to a map; nothing was seen of a nil one.
func (o *overview) cover(c *Coverage, step int, unit float32) (any bool) {
	if c == nil || c.Share(0) == 0 {
		return false
	}
	if o.tinted == c && o.tintVersion == c.version && o.tintStep == step {
		return true
	}
	o.tinted, o.tintVersion, o.tintStep = c, c.version, step
	if a := fyne.CurrentApp(); a == nil || a.Driver().CanvasForObject(o.seen) == nil {
		o.seen = newImage() // Fyne forgot the old one and would keep its picture
	}
	o.seen.Image = c.tint(int(o.size.Width*unit), int(o.size.Height*unit), step)
	o.seen.Refresh()
	if words := c.words(step, o.scaleKnown); words != o.words.Text {
		o.words.Text = words
		o.words.Refresh()
	}
	return true
}

// update lays the overview out; nothing when the window is too small for it, or
// shows the whole slide itself.
func (o *overview) update(v Viewport, unit float32, c *Coverage, step int) []fyne.CanvasObject {
	o.assemble(unit)
	o.size = fyne.Size{}
	w, h := float32(v.W)/unit, float32(v.H)/unit
	b := v.Box()
	// With the whole slide in view it would only hide a part of it.
	whole := b.MinX <= 0 && b.MinY <= 0 && b.MaxX >= o.w && b.MaxY >= o.h
	if !o.on || whole || o.w == 0 || w < 3*overviewLongest || h < 2*overviewLongest {
		return nil
	}
	o.size = o.extent()
	o.pos = fyne.NewPos(w-furnitureGap-overviewPad-o.size.Width, furnitureGap+overviewPad)
	covered, line := o.cover(c, step, unit), float32(0)
	left, width := o.pos.X, o.size.Width
	if covered { // the words may be wider than the picture of a narrow slide
		line = overviewLine
		width = max(width, o.words.MinSize().Width)
		left = o.pos.X + o.size.Width - width
		place(o.words, left, o.pos.Y+o.size.Height+1, width, overviewLine)
		place(o.seen, o.pos.X, o.pos.Y, o.size.Width, o.size.Height)
	}
	place(o.panel, left-overviewPad, o.pos.Y-overviewPad, width+2*overviewPad, o.size.Height+2*overviewPad+line)
	place(o.image, o.pos.X, o.pos.Y, o.size.Width, o.size.Height)
	kx, ky := float64(o.size.Width)/o.w, float64(o.size.Height)/o.h
	x0, x1 := span1(b.MinX*kx, b.MaxX*kx, float64(o.size.Width))
	y0, y1 := span1(b.MinY*ky, b.MaxY*ky, float64(o.size.Height))
	place(o.frame, o.pos.X+float32(x0), o.pos.Y+float32(y0), float32(x1-x0), float32(y1-y0))
	shown := o.shown[:0]
	shown = append(shown, o.panel)
	if o.image.Image != nil {
		shown = append(shown, o.image)
	}
	if covered {
		shown = append(shown, o.seen, o.words)
	}
	o.shown = append(shown, o.frame)
	return o.shown
}

// span1 cuts an interval to [0,most] and widens it to what can be seen.
func span1(a, b, most float64) (float64, float64) {
	a, b = max(0, min(most, a)), max(0, min(most, b))
	if b-a < frameLeast {
		mid := max(frameLeast/2, min(most-frameLeast/2, (a+b)/2))
		a, b = mid-frameLeast/2, mid+frameLeast/2
	}
	return a, b
}

// at maps a position in the viewer (Fyne units) to level-0 pixels; ok is false
// outside the thumbnail.
func (o *overview) at(p fyne.Position) (l0X, l0Y float64, ok bool) {
	if o.size.IsZero() {
		return 0, 0, false
	}
	x, y := p.X-o.pos.X, p.Y-o.pos.Y
	ok = x >= 0 && y >= 0 && x < o.size.Width && y < o.size.Height
	return float64(x/o.size.Width) * o.w, float64(y/o.size.Height) * o.h, ok
}
