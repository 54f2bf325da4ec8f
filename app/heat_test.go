package app

import (
	"context"
	"math"
	"testing"

	"coverslip/annotate"
	"coverslip/annotate/synth"
	"coverslip/storage"
)

func TestMakeHeat_CountsEveryLabel(t *testing.T) {
	palette := annotate.DefaultPalette()
	var list []*annotate.Object
	ofClass := 0
	for o := range synth.Nuclei(5000, 38_400, 30_000, []annotate.ID{palette[0].ID, palette[1].ID}, 3) {
		list = append(list, o)
		if o.Class == palette[0].ID {
			ofClass++
		}
	}
	s := &annotate.Object{ID: annotate.NewID(), Kind: annotate.Detection, ROI: annotate.Rectangle(1000, 2000, 1500, 2500), By: annotate.Provenance{Score: 0.75}}
	set := annotate.NewSet(append(list, s))
	item := SlideItem{Slide: storage.Slide{Width: 38_400, Height: 30_000, MPPX: 0.25, MPPY: 0.25}}
	sum := func(h *Heat) (n float64) {
		area := h.Cell * 0.25 * h.Cell * 0.25 / 1e6 // mm²
		for _, v := range h.Values {
			if v == v {
				n += float64(v) * area
			}
		}
		return n
	}
	for kind, want := range map[HeatKind]int{HeatLabels: len(list), HeatClass: ofClass} {
		h := MakeHeat(context.Background(), set, item, kind, palette[0].ID)
		if got := sum(h); math.Abs(got-float64(want)) > 0.005*float64(want) || h.Unit != "per mm²" || h.High <= 0 {
			t.Errorf("kind %d: %.1f labels in the map, want %d; up to %g %s", kind, got, want, h.High, h.Unit)
		}
	}
	h := MakeHeat(context.Background(), set, item, HeatScores, annotate.ID{})
	inside, outside := h.Values[22*h.Cols+12], h.Values[40*h.Cols+40]
	if inside != 0.75 || outside == outside || h.High != 1 {
		t.Errorf("the score is %v inside and %v outside, up to %v", inside, outside, h.High)
	}
	if MakeHeat(context.Background(), annotate.NewSet(nil), item, HeatLabels, annotate.ID{}) != nil ||
		MakeHeat(context.Background(), set, item, HeatNone, annotate.ID{}) != nil {
		t.Error("there is a heat map of nothing")
	}
}
