package viewer

import (
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"coverslip/annotate"
)

func TestPromptTool(t *testing.T) {
	d := newTrial(t, ToolPrompt)
	var told []Prompt
	accepted := 0
	d.v.OnPrompt = func(p Prompt) { told = append(told, p) }
	d.v.OnAcceptOutline = func() { accepted++ }
	click := func(x, y float64, b desktop.MouseButton) {
		e := &desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(float32(x), float32(y))}, Button: b}
		d.v.MouseDown(e)
		d.v.MouseUp(e)
	}
	click(100, 100, desktop.MouseButtonPrimary)
	click(150, 100, desktop.MouseButtonSecondary)
	if len(told) != 2 || len(told[1].On) != 1 || len(told[1].Beside) != 1 || told[1].Box != nil {
		t.Fatalf("%+v", told)
	}
	d.v.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	if accepted != 0 {
		t.Error("nothing is outlined yet")
	}
	d.v.SetOutline(annotate.Rectangle(0, 0, 10, 10), "90 %")
	d.v.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	if accepted != 1 {
		t.Error("Enter does not accept")
	}
	d.v.TypedKey(&fyne.KeyEvent{Name: fyne.KeyBackspace})
	if last := told[len(told)-1]; len(last.Beside) != 0 || len(last.On) != 1 {
		t.Errorf("taken back: %+v", last)
	}
	d.v.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape})
	if last := told[len(told)-1]; !last.Empty() || d.v.Busy() {
		t.Errorf("given up: %+v", last)
	}
}
