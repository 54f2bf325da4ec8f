package viewer

import (
	"image"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"coverslip/tiles"
)

// backdropPixels bounds the pixels of a backdrop: it is made on the window's own
// goroutine, in half a millisecond.
const backdropPixels = 96 << 10

// backdrop is a rough picture of all that is in view of a tilted slide, from the
// tiles that are there. It lies behind the tilted ones until they are made, so that
// a slide that is turned by hand is seen to turn.
type backdrop struct {
	im    *canvas.Image
	pix   *image.RGBA
	paint tiltPainter
	sizer sizer
	shown []fyne.CanvasObject
}

func newBackdrop() *backdrop {
	b := &backdrop{im: newImage(), sizer: newSizer()}
	b.shown = []fyne.CanvasObject{b.im}
	return b
}

// update draws what a viewport of the slide shows; nothing while no tile is there.
func (b *backdrop) update(v Viewport, src Source, unit float32) []fyne.CanvasObject {
	step := 4 // screen pixels per pixel
	for v.W/step*(v.H/step) > backdropPixels {
		step++
	}
	w, h := (v.W+step-1)/step, (v.H+step-1)/step
	if b.pix == nil || b.pix.Rect.Dx() != w || b.pix.Rect.Dy() != h {
		b.pix = image.NewRGBA(image.Rect(0, 0, w, h))
	}
	levels := src.Slide().Levels()
	level := tiles.BestLevel(levels, float64(step)/v.Scale)
	for ; level < len(levels) && !b.fill(v, src, levels, level); level++ {
	}
	if level == len(levels) {
		return nil
	}
	clear(b.pix.Pix)
	sx := float64(levels[level].Width) / float64(levels[0].Width)
	sy := float64(levels[level].Height) / float64(levels[0].Height)
	x, y := v.L0FromS(0, 0)
	rx, ry := v.L0FromS(float64(step), 0)
	dx, dy := v.L0FromS(0, float64(step))
	b.paint.spread(b.pix, x*sx, y*sy, [4]float64{(rx - x) * sx, (ry - y) * sy, (dx - x) * sx, (dy - y) * sy}, false)
	if a := fyne.CurrentApp(); a == nil || a.Driver().CanvasForObject(b.im) == nil {
		b.im = newImage() // Fyne forgot the old one and would keep its picture
		b.shown[0] = b.im
	}
	b.im.Image = b.pix
	b.im.Refresh()
	b.sizer.set(b.im, fyne.NewSize(float32(w*step)/unit, float32(h*step)/unit))
	b.im.Move(fyne.NewPos(0, 0))
	return b.shown
}

// fill takes up the tiles of a level in view; false when they are not all there.
func (b *backdrop) fill(v Viewport, src Source, levels []tiles.Level, level int) bool {
	l := levels[level]
	sx, sy := float64(l.Width)/float64(levels[0].Width), float64(l.Height)/float64(levels[0].Height)
	box := v.Box()
	r := image.Rect(floorInt(box.MinX*sx)-1, floorInt(box.MinY*sy)-1, ceilInt(box.MaxX*sx)+1, ceilInt(box.MaxY*sy)+1).
		Intersect(image.Rect(0, 0, l.Width, l.Height))
	if r.Empty() || r.Dx()*r.Dy() > 16*backdropPixels {
		return false
	}
	begun := false
	for row := r.Min.Y / l.TileHeight; row*l.TileHeight < r.Max.Y; row++ {
		for col := r.Min.X / l.TileWidth; col*l.TileWidth < r.Max.X; col++ {
			k := tiles.Key{Level: level, Col: col, Row: row}
			img, ok := src.Get(k)
			if !ok && src.Failed(k) == nil {
				return false
			}
			if !begun {
				b.paint.begin(r)
				begun = true
			}
			if img == nil {
				b.paint.tear(l.TileRect(col, row))
				continue
			}
			b.paint.put(img, l.TileRect(col, row))
		}
	}
	return true
}
