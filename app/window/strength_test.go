package window

import (
	"testing"

	"fyne.io/fyne/v2"

	"coverslip/annotate"
)

// The slider of the whole overlay takes hold in every pane, and is there again
// in the next window.
func TestStrengths_Opacity_InAllPanesAndRemembered(t *testing.T) {
	s := newStage(t, Options{}).withSlide().label()
	s.viewer.CenterOn(annotate.Point{X: 128, Y: 192}, 1)
	s.settle()
	middle := func() uint32 {
		s.settle()
		size, at := s.viewer.Size(), fyne.CurrentApp().Driver().AbsolutePositionForObject(s.viewer)
		return rgba(s.win.Canvas().Capture().At(int(at.X+size.Width/2), int(at.Y+size.Height/2)))
	}
	labelled := middle()
	s.run("view.overlay")
	bare := middle()
	s.run("view.overlay")
	if labelled == bare {
		t.Fatal("the label is not in the middle")
	}
	slider := s.toolbar.strong.opacity
	slider.Tapped(&fyne.PointEvent{Position: fyne.NewPos(0, 5)})
	if got := middle(); got != bare {
		t.Errorf("at 0 %% the middle is %d of 765, without labels %d", got, bare)
	}
	s.run("view.addPane")
	slider.Tapped(&fyne.PointEvent{Position: fyne.NewPos(slider.Size().Width/2, 5)})
	for i, p := range s.panes {
		if got := p.viewer.Opacity(); got != 0.5 {
			t.Errorf("pane %d: opacity %g", i, got)
		}
	}
	again, err := newWindow(s.app, Options{}, s.post)
	if err != nil {
		t.Fatal(err)
	}
	if got := again.viewer.Opacity(); got != 0.5 {
		t.Errorf("the next window's opacity is %g", got)
	}
}
