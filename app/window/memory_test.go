package window

import (
	"testing"

	"fyne.io/fyne/v2"
)

// TestWindow_RemembersItsLayout: sizes, folds and splits of a window that was
// closed are those of the next one.
func TestWindow_RemembersItsLayout(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	s.win.Resize(fyne.NewSize(1100, 700))
	s.dock.drag(40, 0)
	s.run("view.right")
	s.slides.split.SetOffset(0.4)
	s.rightSplit.SetOffset(0.3)
	s.run("view.highContrast")
	wide := s.dock.leftWidth
	s.keepLayout()
	w, err := newWindow(s.app, Options{}, s.post)
	if err != nil {
		t.Fatal(err)
	}
	if w.dock.leftWidth != wide || !w.dock.rightShut || w.dock.leftShut {
		t.Errorf("panels: %g wide, want %g; right shut %v", w.dock.leftWidth, wide, w.dock.rightShut)
	}
	if w.slides.split.Offset != 0.4 || w.rightSplit.Offset != 0.3 {
		t.Errorf("splits %g and %g", w.slides.split.Offset, w.rightSplit.Offset)
	}
	if size := w.win.Canvas().Size(); size.Width != 1100 || size.Height != 700 {
		t.Errorf("the window is %v", size)
	}
	if !w.inTheme(themeContrast) {
		t.Error("another theme")
	}
}

// TestDock_FoldedPanelsComeBack: a folded panel is pulled out of the edge again,
// or double clicked.
func TestDock_FoldedPanelsComeBack(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	s.run("view.left")
	if s.left.Visible() || !s.dock.grips[0].Visible() {
		t.Fatal("folded, the panel is there or its edge is not")
	}
	s.dock.grips[0].dragged(6)
	if !s.left.Visible() {
		t.Error("pulled, it stays away")
	}
	s.dock.grips[1].DoubleTapped(nil)
	if s.right.Visible() && !s.dock.rightShut {
		t.Error("a double click did not fold the panel")
	}
	s.dock.grips[1].DoubleTapped(nil)
	if s.dock.rightShut {
		t.Error("a double click did not unfold it")
	}
}
