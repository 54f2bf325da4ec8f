package window

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fyne.io/fyne/v2/test"

	"coverslip/annotate"
	"coverslip/app"
	"coverslip/models/modeltest"
)

// withTexts is a stage whose model knows words.
func withTexts(t *testing.T) *stage {
	t.Helper()
	o := Options{}
	o.Suggest.Text = &modeltest.Texts{}
	return newStage(t, o).withSlide()
}

func TestTextPanel_SaysWhyNot(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	s.run("text.panel")
	s.settle()
	if !s.text.shown() || s.right.Visible() || !strings.Contains(s.text.about.value, "pictures, not words") || !s.text.add.Visible() {
		t.Errorf("%q", s.text.about.value)
	}
	if !s.text.words.ask.disabled || !s.text.captions.ask.disabled {
		t.Error("what cannot be done is offered")
	}
	s.run("text.panel")
	s.settle()
	if s.text.shown() || !s.right.Visible() {
		t.Error("the panel does not close")
	}
}

func TestTextPanel_NameByWords(t *testing.T) {
	s := withTexts(t)
	s.run("text.panel")
	s.settle()
	g := s.text.words
	for _, l := range g.classes {
		switch l.name.value {
		case "Tumour":
			l.names.SetText("purple, purple cells")
		case "Stroma":
			l.names.SetText("pink")
		default:
			test.Tap(l.check)
		}
	}
	g.templates.SetText("an image of CLASSNAME")
	test.Tap(g.ask)
	s.settle()
	if g.answers == nil || g.answers.Known() == 0 || !strings.Contains(g.result.value, "I don't know") {
		t.Fatalf("%q; problem %q", g.result.value, s.problem.title.value)
	}
	if s.heat.kind != app.HeatWords || s.viewer.HeatMap() == nil || !strings.Contains(s.heat.title.value, "by words") {
		t.Errorf("heat map %v, %q", s.heat.kind, s.heat.title.value)
	}
	if s.queue.waiting() != 0 {
		t.Error("asking wrote suggestions")
	}
	test.Tap(g.write)
	s.settle()
	if n := s.queue.waiting(); n != g.answersKnown() {
		t.Errorf("%d suggestions", n)
	}
	if s.text.shown() {
		t.Error("the panel still covers the queue")
	}
	if text, ok := s.session.Setting(settingWords); !ok || !strings.Contains(text, "purple cells") {
		t.Errorf("the project remembers %q", text)
	}
}

// answersKnown is how many patches have an answer.
func (g *wordsPage) answersKnown() int {
	if g.answers == nil {
		return 0
	}
	return g.answers.Known()
}

func TestTextPanel_Captions(t *testing.T) {
	s := withTexts(t).label()
	bank := filepath.Join(s.dir, "bank.csv")
	if err := os.WriteFile(bank, []byte("caption,source\nwhite glass,atlas\npink stroma,atlas\npurple nuclei,notebook\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.app.Preferences().SetString(prefBank, bank)
	var tumour *annotate.Object
	s.Window.open.Set.All(func(o *annotate.Object) bool {
		if o.Class == s.classNamed("Tumour") {
			tumour = o
		}
		return true
	})
	s.viewer.SetSelection([]annotate.ID{tumour.ID})
	s.selected([]annotate.ID{tumour.ID})
	s.run("text.panel")
	s.settle()
	s.run("text.captions")
	s.settle()
	g := s.text.captions
	if g.found == nil || len(g.found.Matches) != 3 || g.found.Matches[0].Text != "purple nuclei" {
		t.Fatalf("%+v, %q", g.found, s.problem.title.value)
	}
	g.reject(1)
	s.settle()
	if len(g.found.Matches) != 2 || g.found.Rejected != 1 {
		t.Errorf("%+v", g.found)
	}
	g.take(0, "purple nuclei, crowded")
	s.settle()
	o := s.Window.open.Set.Get(tumour.ID)
	said, ok := app.TextOf(o)
	if !ok || said.Text != "purple nuclei, crowded" || !said.Edited || o.Notes != "" || o.Kind != annotate.Annotation {
		t.Errorf("%+v of %+v", said, o)
	}
	if len(g.own.Objects) == 0 {
		t.Error("the label's caption is not shown")
	}
	s.viewer.SetSelection(nil)
	s.selected(nil)
	if g.found != nil || len(g.own.Objects) != 0 {
		t.Error("what was found stays for another place")
	}
}
