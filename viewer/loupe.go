package viewer

import (
	"image"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"coverslip/tiles"
)

// The lens.
const (
	loupeSide  = 230 // its width, Fyne units
	loupeTimes = 4   // the scale in it, times that of the view
	loupeRing  = 2.5 // width of its rim, Fyne units
)

// loupe is a round lens under the pointer that shows the slide closer, as far as
// its tiles are there; labels are not in it. It is drawn on the window's own
// goroutine: fifty thousand pixels.
type loupe struct {
	on    bool
	look  cutout
	mask  []byte // of the circle, a byte a pixel
	ring  *canvas.Circle
	plate *canvas.Rectangle // behind words
	words *canvas.Text
	keys  []tiles.Key // of the level it shows
	shown []fyne.CanvasObject
}

func newLoupe() *loupe {
	return &loupe{plate: &canvas.Rectangle{FillColor: panelColor, CornerRadius: 4}, look: newCutout(), ring: &canvas.Circle{StrokeColor: panelText, StrokeWidth: loupeRing},
		words: &canvas.Text{Color: panelText, TextSize: overviewText, Alignment: fyne.TextAlignCenter}}
}

// SetLoupe shows or puts away a lens under the pointer.
func (v *Viewer) SetLoupe(on bool) {
	v.loupe.on = on
	v.touch()
}

// Loupe tells whether there is a lens.
func (v *Viewer) Loupe() bool { return v.loupe.on }

// loupeView is what the lens shows.
func (v *Viewer) loupeView() (Viewport, bool) {
	if !v.loupe.on || !v.hand.inside || v.hand.down || v.source == nil || !v.view.Valid() {
		return Viewport{}, false
	}
	at := v.view
	at.CX, at.CY = v.view.L0FromS(v.hand.at.x, v.hand.at.y)
	at.Scale = min(maxScale, v.view.Scale*loupeTimes)
	at.W = int(math.Round(loupeSide * float64(v.unit)))
	at.H = at.W
	return at, at.Scale > v.view.Scale
}

// wish is the tiles that the lens is to show, none without one.
func (l *loupe) wish(v Viewport, on bool, levels []tiles.Level) []tiles.Key {
	l.keys = l.keys[:0]
	if !on {
		return nil
	}
	b := v.Box()
	l.keys = tiles.Visible(levels, v.Level(levels), tiles.Region{X: b.MinX, Y: b.MinY, W: b.MaxX - b.MinX, H: b.MaxY - b.MinY})
	return l.keys
}

// update draws the lens with its middle at a place of the screen.
func (l *loupe) update(v Viewport, at pixel, src Source, unit float32, crisp bool, words string) []fyne.CanvasObject {
	if !l.look.draw(v, src, 1, crisp && v.Scale >= pixelsFrom) {
		return nil
	}
	if len(l.mask) != v.W*v.H {
		l.mask = circle(v.W)
	}
	for i, a := range l.mask {
		if p := l.look.pix.Pix[4*i : 4*i+4 : 4*i+4]; a < 255 {
			for c := range p {
				p[c] = uint8(int(p[c]) * int(a) / 255)
			}
		}
	}
	im := l.look.show()
	side := float32(v.W) / unit
	x, y := float32(snap(at.x-float64(v.W)/2))/unit, float32(snap(at.y-float64(v.H)/2))/unit
	l.look.place(x, y, side, side)
	place(l.ring, x, y, side, side)
	if l.words.Text != words {
		l.words.Text = words
		l.words.Refresh()
	}
	l.shown = append(l.shown[:0], im, l.ring)
	if words != "" {
		const pad = 6
		wide := l.words.MinSize().Width + 2*pad
		place(l.plate, x+(side-wide)/2, y+side-overviewLine, wide, overviewLine)
		place(l.words, x+(side-wide)/2, y+side-overviewLine, wide, overviewLine)
		l.shown = append(l.shown, l.plate, l.words)
	}
	return l.shown
}

// circle is how much of each pixel of a square lies in its round.
func circle(side int) []byte {
	m := make([]byte, side*side)
	r := float64(side) / 2
	for y := range side {
		for x := range side {
			d := r - math.Hypot(float64(x)+0.5-r, float64(y)+0.5-r)
			m[y*side+x] = uint8(255 * max(0, min(1, d)))
		}
	}
	return m
}

// cutout is a part of the slide drawn into a picture of its own, whatever its
// position, from the tiles that are there.
type cutout struct {
	im    *canvas.Image
	pix   *image.RGBA
	paint tiltPainter
	sizer sizer
}

func newCutout() cutout { return cutout{im: newImage(), sizer: newSizer()} }

// draw fills the picture with what a viewport shows, a pixel for step screen
// pixels; false when no level has all its tiles there.
func (b *cutout) draw(v Viewport, src Source, step int, squares bool) bool {
	w, h := (v.W+step-1)/step, (v.H+step-1)/step
	if b.pix == nil || b.pix.Rect.Dx() != w || b.pix.Rect.Dy() != h {
		b.pix = image.NewRGBA(image.Rect(0, 0, w, h))
	}
	levels := src.Slide().Levels()
	level := tiles.BestLevel(levels, float64(step)/v.Scale)
	for ; level < len(levels) && !b.fill(v, src, levels, level); level++ {
	}
	if level == len(levels) {
		return false
	}
	clear(b.pix.Pix)
	sx := float64(levels[level].Width) / float64(levels[0].Width)
	sy := float64(levels[level].Height) / float64(levels[0].Height)
	x, y := v.L0FromS(0, 0)
	rx, ry := v.L0FromS(float64(step), 0)
	dx, dy := v.L0FromS(0, float64(step))
	b.paint.spread(b.pix, x*sx, y*sy, [4]float64{(rx - x) * sx, (ry - y) * sy, (dx - x) * sx, (dy - y) * sy}, squares)
	return true
}

// show has the picture painted anew.
func (b *cutout) show() *canvas.Image {
	if a := fyne.CurrentApp(); a == nil || a.Driver().CanvasForObject(b.im) == nil {
		b.im = newImage() // Fyne forgot the old one and would keep its picture
	}
	b.im.Image = b.pix
	b.im.Refresh()
	return b.im
}

// place moves and sizes the picture, Fyne units.
func (b *cutout) place(x, y, w, h float32) {
	b.sizer.set(b.im, fyne.NewSize(w, h))
	b.im.Move(fyne.NewPos(x, y))
}

// fill takes up the tiles of a level in view; false when they are not all there.
func (b *cutout) fill(v Viewport, src Source, levels []tiles.Level, level int) bool {
	l := levels[level]
	sx, sy := float64(l.Width)/float64(levels[0].Width), float64(l.Height)/float64(levels[0].Height)
	box := v.Box()
	r := image.Rect(floorInt(box.MinX*sx)-1, floorInt(box.MinY*sy)-1, ceilInt(box.MaxX*sx)+1, ceilInt(box.MaxY*sy)+1).
		Intersect(image.Rect(0, 0, l.Width, l.Height))
	if r.Empty() || r.Dx()*r.Dy() > 16*backdropPixels {
		return false
	}
	b.paint.begin(r)
	for row := r.Min.Y / l.TileHeight; row*l.TileHeight < r.Max.Y; row++ {
		for col := r.Min.X / l.TileWidth; col*l.TileWidth < r.Max.X; col++ {
			k := tiles.Key{Level: level, Col: col, Row: row}
			img, ok := src.Get(k)
			switch {
			case ok:
				b.paint.put(img, l.TileRect(col, row))
			case src.Failed(k) == nil:
				return false
			default:
				b.paint.tear(l.TileRect(col, row))
			}
		}
	}
	return true
}
