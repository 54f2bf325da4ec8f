package viewer

import (
	"testing"

	"coverslip/annotate"
	"coverslip/viewer/goldentest"
)

// TestViewer_Golden is what a person has looked at: every kind of shape as a label
// and as a suggestion and the scale bar.
func TestViewer_Golden(t *testing.T) {
	pictures(t)
	s := newStage(t, newFakeSlide(8000, 6000, 256, pink), 420, 200)
	s.v.SetPalette(palette())
	shapes := []annotate.ROI{
		annotate.Rectangle(0, 0, 70, 50),
		{Kind: annotate.KindEllipse, Points: []annotate.Point{{X: 90}, {X: 160, Y: 50}}},
		annotate.Area(annotate.Ring{{X: 180, Y: 10}, {X: 215}, {X: 250, Y: 30}, {X: 200, Y: 50}}),
		{Kind: annotate.KindLine, Points: []annotate.Point{{X: 270, Y: 45}, {X: 300, Y: 5}, {X: 340, Y: 40}}},
		{Kind: annotate.KindPoints, Points: []annotate.Point{{X: 360, Y: 10}, {X: 380, Y: 35}}},
	}
	set := &fakeObjects{}
	for row, kind := range []func(annotate.ID, annotate.ROI) *annotate.Object{label, suggestion} {
		for i, roi := range shapes {
			o := kind([]annotate.ID{classA, classB}[(i+row)%2], roi.Translate(3820, 2950+float64(70*row)))
			o.ID = annotate.ID{byte(1 + row), byte(i)}
			set.list = append(set.list, o)
		}
	}
	s.v.SetObjects(set, annotate.ID{7})
	s.v.CenterOn(annotate.Point{X: 4000, Y: 3030}, 1)
	goldentest.Compare(t, "viewer", s.picture())
}
