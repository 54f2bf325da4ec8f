package window

import (
	"math"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"coverslip/tiles"
)

func TestParsePlace(t *testing.T) {
	info := &tiles.Info{MPPX: 0.25, MPPY: 0.5}
	for words, want := range map[string][2]float64{
		"12000, 8000":          {12000, 8000},
		"12000,8000":           {12000, 8000},
		"12000 8000":           {12000, 8000},
		"12000 x 8000 px":      {12000, 8000},
		"12000×8000":           {12000, 8000},
		"3.2 mm, 1.1 mm":       {12800, 2200},
		"3.2mm,1.1mm":          {12800, 2200},
		"3.2, 1.1 mm":          {12800, 2200},
		"3,2; 1,1 mm":          {12800, 2200},
		"  1000 µm  500μm ":    {4000, 1000},
		"1000 UM, 12 px":       {4000, 12},
		"0.1 cm; 1000 microns": {4000, 2000},
		"-5, 1e3":              {-5, 1000},
	} {
		p, err := parsePlace(words, info)
		if err != nil || math.Abs(p.X-want[0]) > 1e-9 || math.Abs(p.Y-want[1]) > 1e-9 {
			t.Errorf("%q is %+v, %v; want %v", words, p, err, want)
		}
	}
	for _, words := range []string{"", "12", "1 2 3", "a, b", "1, 2 furlongs", "1e999, 2", "--1, 2", "mm, mm", "NaN, 1"} {
		if p, err := parsePlace(words, info); err == nil {
			t.Errorf("%q is read as %+v", words, p)
		}
	}
	if p, err := parsePlace("1 mm, 1 mm", &tiles.Info{}); err == nil {
		t.Errorf("a slide of unknown scale has millimetres: %+v", p)
	}
	if p, err := parsePlace("1 mm, 1 mm", &tiles.Info{MPPX: 0.5}); err != nil || p.Y != 2000 {
		t.Errorf("one mpp for both axes: %+v, %v", p, err)
	}
}

func TestWindow_goTo(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	s.run("view.pixels1")
	s.settle()
	s.shortcut(&desktop.CustomShortcut{KeyName: fyne.KeyG, Modifier: fyne.KeyModifierShortcutDefault})
	if s.dialog == nil {
		t.Fatal("Ctrl+G opens no dialog")
	}
	type typing interface {
		TypedRune(rune)
		TypedKey(*fyne.KeyEvent)
	}
	entry := s.win.Canvas().Focused().(typing)
	for _, r := range "0.4 mm, 300 µm" {
		entry.TypedRune(r)
	}
	entry.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	s.settle()
	if v := s.viewer.Viewport(); v.CX != 400 || v.CY != 300 || v.Scale != 1 {
		t.Errorf("went to %+v", v)
	}
	if s.dialog != nil {
		t.Error("the dialog stays")
	}
	s.run("view.goTo")
	entry = s.win.Canvas().Focused().(typing)
	for _, r := range "9000, 1" {
		entry.TypedRune(r)
	}
	entry.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	if s.dialog == nil || s.viewer.Viewport().CX != 400 {
		t.Error("a place beside the slide is gone to")
	}
	s.dialog.Hide()
}
