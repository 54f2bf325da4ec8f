package viewer

import (
	"image"
	"image/color"
	"math"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"golang.org/x/image/draw"

	"coverslip/annotate"
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

// overview shows what was scanned of the slide, whole and upright, in the upper right corner, with a frame where
// the window is; a press or drag on it goes there.
type overview struct {
	panel *canvas.Rectangle
	image *canvas.Image
	frame *canvas.Rectangle
	sides [4]*canvas.Line // of the frame of a tilted view
	top   *canvas.Line    // which side of the frame is up, of a view that is turned
	seen  *canvas.Image   // tint of what was looked at
	words *canvas.Text    // how much that is
	heat  *canvas.Image   // where labels are
	shown []fyne.CanvasObject
	on    bool

	src  Source
	have bool
	need []tiles.Key  // of the level the thumbnail is made from
	w, h float64      // slide, level-0 pixels
	part annotate.Box // of it that is shown: what was scanned

	labels   whereabouts
	heatMade int // the count that heat shows

	tinted      *Coverage // what seen shows: the map, its version and the step
	tintVersion int
	tintStep    int
	scaleKnown  bool // the slide says its pixels' size
	// where the thumbnail lies, Fyne units
	pos  fyne.Position
	size fyne.Size
}

func newOverview() *overview {
	o := &overview{
		panel: &canvas.Rectangle{FillColor: panelColor, CornerRadius: 4},
		image: newImage(), seen: newImage(), heat: newImage(), on: true,
		words: &canvas.Text{Color: panelText, TextSize: overviewText, Alignment: fyne.TextAlignCenter},
		frame: &canvas.Rectangle{StrokeColor: frameColor, StrokeWidth: 1.5, FillColor: color.NRGBA{R: 235, G: 60, B: 50, A: 28}},
		top:   &canvas.Line{StrokeColor: frameColor, StrokeWidth: 3.5},
	}
	for i := range o.sides {
		o.sides[i] = &canvas.Line{StrokeColor: frameColor, StrokeWidth: 1.5}
	}
	return o
}

// set shows another slide; nil none.
func (o *overview) set(src Source) {
	o.src, o.have, o.need = src, false, nil
	o.w, o.h, o.part = 0, 0, annotate.Box{}
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
	p := src.Slide().Info().BoundsIn(levels[0])
	o.part = annotate.Box{MinX: float64(p.Min.X), MinY: float64(p.Min.Y), MaxX: float64(p.Max.X), MaxY: float64(p.Max.Y)}
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
	kx, ky := float64(l.Width)/o.w, float64(l.Height)/o.h
	part := image.Rect(floorInt(o.part.MinX*kx), floorInt(o.part.MinY*ky), ceilInt(o.part.MaxX*kx), ceilInt(o.part.MaxY*ky))
	draw.CatmullRom.Scale(thumb, thumb.Bounds(), whole, part, draw.Src, nil)
	o.image.Image = thumb
	o.image.Refresh()
	o.have = true
}

// extent is the size of the thumbnail, Fyne units.
func (o *overview) extent() fyne.Size {
	w, h := o.part.MaxX-o.part.MinX, o.part.MaxY-o.part.MinY
	k := overviewLongest / max(w, h)
	return fyne.NewSize(float32(max(8, w*k)), float32(max(8, h*k)))
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
	o.seen.Image = c.tint(o.part, int(o.size.Width*unit), int(o.size.Height*unit), step)
	o.seen.Refresh()
	if words := c.words(step, o.scaleKnown); words != o.words.Text {
		o.words.Text = words
		o.words.Refresh()
	}
	return true
}

// update lays the overview out; nothing when the window is too small for it, or
// shows the whole slide itself.
func (o *overview) update(v Viewport, unit float32, c *Coverage, step int, now time.Time) []fyne.CanvasObject {
	o.assemble(unit)
	heat := o.warm(now)
	o.size = fyne.Size{}
	w, h := float32(v.W)/unit, float32(v.H)/unit
	// With all of it in view it would only hide a part of it.
	whole := o.inView(v)
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
	place(o.heat, o.pos.X, o.pos.Y, o.size.Width, o.size.Height)
	shown := o.shown[:0]
	shown = append(shown, o.panel)
	if o.image.Image != nil {
		shown = append(shown, o.image)
	}
	if covered {
		shown = append(shown, o.seen, o.words)
	}
	if heat {
		shown = append(shown, o.heat)
	}
	o.shown = o.outline(v, shown)
	return o.shown
}

// inView tells whether a view shows all that the overview does.
func (o *overview) inView(v Viewport) bool {
	for _, c := range [4][2]float64{{o.part.MinX, o.part.MinY}, {o.part.MaxX, o.part.MinY}, {o.part.MinX, o.part.MaxY}, {o.part.MaxX, o.part.MaxY}} {
		if x, y := v.SFromL0(c[0], c[1]); x < -0.5 || y < -0.5 || x > float64(v.W)+0.5 || y > float64(v.H)+0.5 {
			return false
		}
	}
	return true
}

// warm brings the picture of where labels are up to the last count; any is false
// where there are none.
func (o *overview) warm(now time.Time) (any bool) {
	img, made, _ := o.labels.poll(now)
	if made != o.heatMade {
		o.heatMade = made
		if a := fyne.CurrentApp(); a == nil || a.Driver().CanvasForObject(o.heat) == nil {
			o.heat = newImage()
		}
		o.heat.Image = nil
		if img != nil {
			o.heat.Image = img
			o.heat.Refresh()
		}
	}
	return img != nil
}

// outline appends the frame of what is in view: a rectangle, or the sides of a
// tilted one. On a view that is turned a thicker side says where its top is.
func (o *overview) outline(v Viewport, shown []fyne.CanvasObject) []fyne.CanvasObject {
	kx, ky := float64(o.size.Width)/(o.part.MaxX-o.part.MinX), float64(o.size.Height)/(o.part.MaxY-o.part.MinY)
	w, h := float64(o.size.Width), float64(o.size.Height)
	at := func(sX, sY float64) pixel {
		x, y := v.L0FromS(sX, sY)
		return pixel{(x - o.part.MinX) * kx, (y - o.part.MinY) * ky}
	}
	draw := func(l *canvas.Line, a, b pixel) {
		if a, b, ok := clip(a, b, 0, 0, w, h); ok {
			l.Position1 = fyne.NewPos(o.pos.X+float32(a.x), o.pos.Y+float32(a.y))
			l.Position2 = fyne.NewPos(o.pos.X+float32(b.x), o.pos.Y+float32(b.y))
			shown = append(shown, l)
		}
	}
	corners := [4]pixel{at(0, 0), at(float64(v.W), 0), at(float64(v.W), float64(v.H)), at(0, float64(v.H))}
	small := math.Hypot(corners[1].x-corners[0].x, corners[1].y-corners[0].y) < 2*frameLeast
	if v.Tilt != 0 && !small {
		for i, l := range o.sides {
			draw(l, corners[i], corners[(i+1)%4])
		}
	} else {
		b := v.Box()
		x0, x1 := span1((b.MinX-o.part.MinX)*kx, (b.MaxX-o.part.MinX)*kx, w)
		y0, y1 := span1((b.MinY-o.part.MinY)*ky, (b.MaxY-o.part.MinY)*ky, h)
		place(o.frame, o.pos.X+float32(x0), o.pos.Y+float32(y0), float32(x1-x0), float32(y1-y0))
		shown = append(shown, o.frame)
	}
	if !small && (v.Tilt != 0 || v.Turn != 0 || v.Flip) {
		draw(o.top, corners[0], corners[1])
	}
	return shown
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
	return o.part.MinX + float64(x/o.size.Width)*(o.part.MaxX-o.part.MinX),
		o.part.MinY + float64(y/o.size.Height)*(o.part.MaxY-o.part.MinY), ok
}
