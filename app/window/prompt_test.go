package window

import (
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"coverslip/annotate"
	"coverslip/app"
	"coverslip/models/modeltest"
	"coverslip/models/segment/segmenttest"
	"coverslip/viewer"
)

// at is a place of the slide in the viewer, Fyne units.
func (s *stage) at(x, y float64) fyne.Position {
	v := s.viewer.Viewport()
	sx, sy := v.SFromL0(x, y)
	unit := float32(v.W) / s.viewer.Size().Width
	return fyne.NewPos(float32(sx)/unit, float32(sy)/unit)
}

// press clicks a place of the slide with a button of the mouse.
func (s *stage) press(x, y float64, b desktop.MouseButton) {
	s.t.Helper()
	e := &desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: s.at(x, y)}, Button: b}
	s.viewer.MouseDown(e)
	s.viewer.MouseUp(e)
	s.settle()
}

func TestPrompter_ClicksToAnnotation(t *testing.T) {
	modeltest.Runtime(t) // or the test is skipped
	s := newStage(t, Options{}).withSlide()
	dir := t.TempDir()
	segmenttest.Write(t, dir)
	s.run("tool.prompt")
	s.settle()
	if s.viewer.Tool() == viewer.ToolPrompt {
		t.Fatal("the tool is in hand without a model")
	}
	s.files.hide()
	s.settle()
	s.prompter.check(dir)
	s.settle()
	words, buttons := s.dialogOf(t)
	if buttons["Use for outlining"] == nil || buttons["Use for outlining"].Disabled() {
		t.Fatalf("the model cannot be used:\n%s", words)
	}
	buttons["Use for outlining"].OnTapped()
	s.settle()
	if s.viewer.Tool() != viewer.ToolPrompt || s.prompter.folder() != dir {
		t.Fatal("the tool is not in hand")
	}
	s.setClass(s.classNamed("Stroma"))
	s.press(bandW+60, 450, desktop.MouseButtonPrimary)
	if s.prompter.answer == nil {
		t.Fatalf("nothing is outlined: %s", s.problem.title.value)
	}
	sight := s.prompter.sight
	first := s.prompter.answer.ROI.Area()
	s.press(60, 450, desktop.MouseButtonSecondary)
	if s.prompter.answer == nil || s.prompter.sight != sight {
		t.Fatal("the view was looked at twice, or the other button did nothing")
	}
	if b := s.prompter.answer.ROI.Bounds(); b.MinX < bandW-20 {
		t.Errorf("the outline %v takes in what was pointed away; before %.0f", b, first)
	}
	s.key(fyne.KeyReturn)
	var made *annotate.Object
	s.Window.open.Set.All(func(o *annotate.Object) bool { made = o; return true })
	if made == nil || made.Kind != annotate.Annotation || made.Class != s.classNamed("Stroma") || made.By.Model == "" || made.By.Method != "prompt" {
		t.Fatalf("%+v", made)
	}
	if got := s.viewer.Selection(); len(got) != 1 || got[0] != made.ID || s.prompter.answer != nil {
		t.Errorf("selected %v", got)
	}
	s.press(bandW+60, 450, desktop.MouseButtonPrimary)
	s.key(fyne.KeyEscape)
	if s.prompter.answer != nil {
		t.Error("Escape leaves the outline")
	}
}

func TestPrompter_Refuses(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	s.prompter.show(t.TempDir(), app.OutlinerReport{Err: app.ErrNothingFound})
	if _, buttons := s.dialogOf(t); !buttons["Use for outlining"].Disabled() {
		t.Error("a model that fails is offered")
	}
}
