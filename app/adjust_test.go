package app

import (
	"bytes"
	"path/filepath"
	"testing"

	"coverslip/annotate"
	"coverslip/tiles"
	"coverslip/tiles/stain"
)

// A slide adjusted on the screen is drawn otherwise there and nowhere else; each
// author finds it as they left it.
func TestSession_SetAdjust(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s.svs")
	writeSlide(t, path, 1)
	project := filepath.Join(dir, "p.coverslip")
	s, err := CreateProject(project, "P", Options{Author: "Ada"})
	if err != nil {
		t.Fatal(err)
	}
	id, err := s.AddSlide(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	open, err := s.OpenSlide(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if !open.Adjustable() || !open.Adjust().IsZero() {
		t.Fatalf("at first %+v", open.Adjust())
	}
	plain := firstTile(t, open)
	before := append([]byte(nil), plain.Pix...)
	a := stain.Adjust{Show: stain.ShowFirst, Vectors: stain.HE(), Stains: stain.StainsHE, Contrast: 1.2}
	now, err := s.SetAdjust(id, a)
	if err != nil {
		t.Fatal(err)
	}
	drawn := firstTile(t, now)
	if bytes.Equal(before, drawn.Pix) {
		t.Error("the screen shows it as before")
	}
	p := drawn.RGBAAt(100, 100)
	if p.R >= p.B { // haematoxylin lets blue through
		t.Errorf("haematoxylin alone is %v", p)
	}
	r := tiles.Key{}
	m := now.Slide.Levels()[0].TileRect(0, 0)
	own := plain
	if err := now.Slide.ReadTile(t.Context(), r, own); err != nil || m.Empty() {
		t.Fatal(err)
	}
	if !bytes.Equal(before, own.Pix) {
		t.Error("what models and exports read has changed")
	}
	if _, err := s.SetAdjust(id, stain.Adjust{Gamma: -1}); err == nil {
		t.Error("a gamma of -1")
	}
	if _, err := s.SetAdjust(annotate.NewID(), a); err == nil {
		t.Error("a slide that is not open")
	}
	measureStains(t, now)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for author, want := range map[string]bool{"Ada": true, "Grace": false} {
		s, err := OpenProject(project, Options{Author: author})
		if err != nil {
			t.Fatal(err)
		}
		open, err := s.OpenSlide(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if got := open.Adjust(); got == a != want {
			t.Errorf("%s finds %+v", author, got)
		}
		if author == "Ada" && !bytes.Equal(firstTile(t, open).Pix, drawn.Pix) {
			t.Error("drawn otherwise than it was left")
		}
		closeChecked(t, s)
	}
}

// measureStains finds the stains of the test slide.
func measureStains(t *testing.T, o *OpenSlide) {
	t.Helper()
	for _, by := range []stain.Normal{stain.NormalReinhard, stain.NormalMacenko} {
		n, err := o.Normalised(t.Context(), o.Adjust(), by)
		if err != nil {
			t.Fatalf("%d: %v", by, err)
		}
		if err := stain.Check(n); err != nil {
			t.Errorf("%d: measured and cannot be drawn: %v", by, err)
		}
	}
	roi := annotate.Rectangle(10, 10, 200, 200) // of the first band
	pic, keep, err := o.StainPicture(t.Context(), &roi)
	if err != nil {
		t.Fatal(err)
	}
	v, err := stain.VectorOf(pic, keep)
	if err != nil || !(v[1] > v[0] && v[0] > v[2]) { // purple takes green most and blue least
		t.Errorf("the stain of the first band: %v, %v", v, err)
	}
}

func TestSession_SetAdjust_notOfChannels(t *testing.T) {
	s, open := fluorescent(t)
	if open.Adjustable() {
		t.Error("channels are adjustable")
	}
	if _, err := s.SetAdjust(open.Item.ID, stain.Adjust{Contrast: 2}); err == nil {
		t.Error("channels were adjusted")
	}
}
