package window

import (
	"math"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
)

// How a slide is turned is kept with the project, slide by slide.
func TestOrientation_kept(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	id := s.Window.open.Item.ID
	s.run("view.tiltRight")
	s.run("view.tiltRight")
	s.run("view.mirror")
	if a, m := s.viewer.Orientation(); a != 350 || !m {
		t.Fatalf("stands at %g° mirrored %v", a, m)
	}
	s.showSlide(nil)
	s.settle()
	s.stood = nil // as in another run
	s.openSlide(id)
	s.settle()
	if a, m := s.viewer.Orientation(); a != 350 || !m {
		t.Errorf("opened again it stands at %g° mirrored %v", a, m)
	}
	s.run("view.straight")
	if a, m := s.viewer.Orientation(); a != 0 || m {
		t.Errorf("set upright: %g° mirrored %v", a, m)
	}
}

func TestDial_turns(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	d := s.centre.dial
	d.Resize(fyne.NewSize(40, 40))
	at := func(degrees float64) fyne.Position {
		sin, cos := math.Sincos(degrees * math.Pi / 180)
		return fyne.NewPos(20+15*float32(cos), 20+15*float32(sin))
	}
	down := func(p fyne.Position) {
		e := &desktop.MouseEvent{}
		e.Position = p
		d.MouseDown(e)
		d.MouseUp(e)
	}
	e := &desktop.MouseEvent{}
	e.Position = at(-90)
	d.MouseDown(e)
	for a := -90.0; a <= 300; a += 10 { // once round and a bit
		g := &fyne.DragEvent{}
		g.Position = at(a)
		d.Dragged(g)
	}
	d.DragEnd()
	d.MouseUp(e)
	if a, _ := s.viewer.Orientation(); a != 30 {
		t.Errorf("drawn round by 390°: %g°", a)
	}
	d.Scrolled(&fyne.ScrollEvent{Scrolled: fyne.NewDelta(0, 25)})
	if a, _ := s.viewer.Orientation(); a != 31 {
		t.Errorf("a notch of the wheel: %g°", a)
	}
	down(at(0))
	down(at(0))
	if a, _ := s.viewer.Orientation(); a != 0 {
		t.Errorf("two clicks: %g°", a)
	}
}
