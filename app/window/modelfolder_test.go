package window

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"

	"coverslip/app"
)

// dialogOf finds the words and buttons of what lies above the window.
func (s *stage) dialogOf(t *testing.T) (words string, buttons map[string]*widget.Button) {
	t.Helper()
	top := s.win.Canvas().Overlays().Top()
	if top == nil {
		t.Fatal("no dialog is shown")
	}
	buttons = map[string]*widget.Button{}
	walk(top, func(o fyne.CanvasObject) {
		switch o := o.(type) {
		case *paragraph:
			words += o.value + "\n"
		case *widget.Button:
			buttons[o.Text] = o
		}
	})
	return words, buttons
}

func TestWindow_AddModelFolder(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	report := app.ModelReport{Name: "Phikon", Kind: "transformers", Known: "Phikon", Access: "open", License: "Owkin non-commercial licence",
		Makes: "transformers ViT, 12 blocks of 768", Dim: 768, PatchSize: 224, MPP: 0.5, Preprocess: "resize=224:bilinear", PrepFrom: "the catalogue", Runtime: "1.28.2"}
	dir := t.TempDir()
	s.showModel(dir, report)
	words, buttons := s.dialogOf(t)
	for _, want := range []string{"It can be used", "Owkin", "0.5 µm per pixel", "Hugging Face snapshot", dir} {
		if !strings.Contains(words, want) {
			t.Errorf("%q is not in the dialog:\n%s", want, words)
		}
	}
	test.Tap(buttons["Use for suggestions"])
	s.settle()
	if got := s.session.ModelFolder(); got != dir {
		t.Errorf("the session takes %q", got)
	}
	if got := s.app.Preferences().String(prefModel); got != dir {
		t.Errorf("%q is remembered", got)
	}
	s.run("model.builtin")
	s.settle()
	if got := s.session.ModelFolder(); got != "" {
		t.Errorf("the session takes %q", got)
	}
}

func TestWindow_AddModelFolder_SaysWhatIsWrong(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "model.onnx"), []byte("<html>"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.checkModel(dir)
	s.settle()
	words, buttons := s.dialogOf(t)
	if !strings.Contains(words, "web page") || !buttons["Use for suggestions"].Disabled() {
		t.Errorf("%s", words)
	}
}
