package window

import (
	"testing"

	"fyne.io/fyne/v2"

	"coverslip/annotate"
	"coverslip/tiles/stain"
)

// The panel adjusts what the screen shows, says so in the status bar, and takes it
// back; the next opening shows the slide as it was left.
func TestAdjustPanel(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	s.run("view.adjust")
	s.settle()
	p := s.adjust
	if !p.object.Visible() || len(p.bins) != levelBins {
		t.Fatalf("panel visible %v, %d bins", p.object.Visible(), len(p.bins))
	}
	before := s.painted()
	p.tones[0].changed(0.75)
	s.settle()
	if p.adjust.Brightness != 0.5 || s.painted() == before || s.status.drawn.value != "Adjusted" {
		t.Errorf("brightness %g, %v to %v, status %q", p.adjust.Brightness, before, s.painted(), s.status.drawn.value)
	}
	s.run("view.adjustReset")
	s.settle()
	if s.painted() != before || s.status.drawn.value != "" || s.status.drawn.Visible() {
		t.Errorf("reset: %v, was %v; status %q", s.painted(), before, s.status.drawn.value)
	}
	p.show(stain.ShowSecond)
	s.settle()
	if p.head.value != "Eosin alone" || s.painted() == before {
		t.Errorf("%q: %v", p.head.value, s.painted())
	}
	p.show(stain.ShowAll)
	for by, words := range map[stain.Normal]string{stain.NormalReinhard: "Normalised (Reinhard)", stain.NormalMacenko: "Normalised (Macenko)"} {
		p.normalise(by)
		s.settle()
		if s.status.drawn.value != words || s.painted() == before {
			t.Errorf("%q, want %q; %v; said %q", s.status.drawn.value, words, s.painted(), s.status.words.value)
		}
	}
	id := s.Window.open.Item.ID
	s.showSlide(nil)
	s.settle()
	if s.status.drawn.value != "" {
		t.Errorf("no slide, and %q", s.status.drawn.value)
	}
	s.openSlide(id)
	s.settle()
	if p.adjust.Normal == stain.NormalNone || s.status.drawn.value == "" {
		t.Errorf("opened again: %+v", p.adjust)
	}
}

func TestAdjustPanel_windowAndStains(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	s.run("view.adjust")
	s.settle()
	p := s.adjust
	p.levels.held = 1
	p.windowed(51, 204)
	p.levels.held = 0
	s.settle()
	for v, want := range map[float64]float64{51: 0, 204: 1, 127.5: 0.5} {
		if got := stain.Tone(p.adjust, v/255); got < want-0.01 || got > want+0.01 {
			t.Errorf("window 51 to 204: %g is drawn as %g, want %g", v, got, want)
		}
	}
	p.reset()
	p.pickStain()
	s.settle()
	if p.adjust.Stains != "" {
		t.Error("a stain from no selection")
	}
	roi, err := s.session.Draw(annotate.Rectangle(20, 20, 300, 300), s.classNamed("Tumour"))
	if err != nil {
		t.Fatal(err)
	}
	s.settle()
	s.viewer.SetSelection([]annotate.ID{roi})
	p.pickStain()
	s.settle()
	v := p.adjust.Vectors[0]
	if p.adjust.Stains != stain.StainsOwn || !(v[1] > v[0] && v[0] > v[2]) {
		t.Errorf("from the purple band: %s %v", p.adjust.Stains, v)
	}
	for _, name := range setNames[:3] {
		p.chooseSet(name)
		s.settle()
		if p.adjust.Stains != name {
			t.Errorf("chose %s: %s", name, p.adjust.Stains)
		}
	}
	s.viewer.SetSelection(nil)
	p.findStains()
	s.settle()
	if p.adjust.Stains != stain.StainsOwn {
		t.Errorf("found none: %q", s.status.words.value)
	}
	s.nothingCut()
}

func TestWindow_crispIsRemembered(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	if !s.viewer.Crisp() {
		t.Fatal("not crisp at first")
	}
	s.run("view.crisp")
	if s.viewer.Crisp() || !fyne.CurrentApp().Preferences().Bool(prefSmooth) {
		t.Error("still crisp, or not remembered")
	}
}
