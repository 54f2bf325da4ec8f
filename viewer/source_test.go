package viewer

import (
	"image/color"
	"testing"

	"coverslip/annotate"
	"coverslip/tiles"
)

// Another source of the same slide changes the picture and nothing else, and
// until its tiles are there the former picture stays.
func TestViewer_SetSource(t *testing.T) {
	pictures(t)
	slide := newFakeSlide(3000, 2000, 256, pink)
	s := newStage(t, slide, 400, 300)
	s.bare()
	s.v.CenterOn(annotate.Point{X: 1500, Y: 1000}, 0.5)
	set := &fakeObjects{}
	s.v.SetObjects(set, annotate.ID{7})
	before := s.picture()
	view := s.v.Viewport()

	blue := color.RGBA{R: 10, G: 20, B: 200, A: 255}
	other := newFakeSlide(3000, 2000, 256, func(float64, float64) color.RGBA { return blue })
	s.src = newFakeSource(other)
	s.v.SetSource(s.src, &other.info)
	s.frame()
	if s.v.Settled() || len(s.src.wish) == 0 {
		t.Fatal("no tile of the new source is wished")
	}
	if im := s.w.Canvas().Capture(); im.At(200, 150) != before.At(200, 150) {
		t.Errorf("meanwhile the picture is %v", im.At(200, 150))
	}
	after := s.picture()
	if got := after.NRGBAAt(200, 150); got != color.NRGBA(blue) {
		t.Errorf("then it is %v", got)
	}
	if s.v.Viewport() != view || s.v.Slide() != (annotate.ID{7}) {
		t.Error("the view or the objects did not stay")
	}

	// What cannot be had of the new source is marked, not shown as it was.
	third := newFakeSource(newFakeSlide(3000, 2000, 256, pink))
	for level, l := range third.slide.levels {
		for i := range l.Cols() * l.Rows() {
			third.bad[tiles.Key{Level: level, Col: i % l.Cols(), Row: i / l.Cols()}] = errTorn
		}
	}
	s.src = third
	s.v.SetSource(third, &third.slide.info)
	if got := s.picture().NRGBAAt(200, 150); got == color.NRGBA(blue) {
		t.Error("a tile that cannot be read is shown as it was before")
	}
}
