package viewer

import "fyne.io/fyne/v2"

// backdropPixels bounds the pixels of a backdrop: it is made on the window's own
// goroutine, in half a millisecond.
const backdropPixels = 96 << 10

// backdrop is a rough picture of all that is in view of a tilted slide, from the
// tiles that are there. It lies behind the tilted ones until they are made, so that
// a slide that is turned by hand is seen to turn.
type backdrop struct {
	look  cutout
	shown []fyne.CanvasObject
}

func newBackdrop() *backdrop { return &backdrop{look: newCutout()} }

// update draws what a viewport of the slide shows; nothing while no tile is there.
func (b *backdrop) update(v Viewport, src Source, unit float32) []fyne.CanvasObject {
	step := 4 // screen pixels per pixel
	for v.W/step*(v.H/step) > backdropPixels {
		step++
	}
	if !b.look.draw(v, src, step, false) {
		return nil
	}
	b.shown = append(b.shown[:0], b.look.show())
	b.look.place(0, 0, float32(b.look.pix.Rect.Dx()*step)/unit, float32(b.look.pix.Rect.Dy()*step)/unit)
	return b.shown
}
