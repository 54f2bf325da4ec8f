package storage

import (
	"encoding/hex"
	"errors"
	"image/color"
	"strings"
	"testing"
	"time"

	"coverslip/annotate"

	bolterrors "go.etcd.io/bbolt/errors"
)

// TestFormat_Vectors holds the bytes on the disk. When it fails, projects that
// exist can no longer be read, or look changed: a new schema and a migration
// are needed, not another expectation.
func TestFormat_Vectors(t *testing.T) {
	c, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	id := annotate.ID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	at := time.Unix(1_700_000_000, 5)
	o := &annotate.Object{ID: id, Kind: annotate.Detection, ROI: annotate.Rectangle(100, 200, 110.5, 220), Class: id, Name: "n", Notes: "m",
		Locked: true, Created: at, Changed: at, Meta: map[string]string{"b": "2", "a": "1"},
		By: annotate.Provenance{Author: "A", Model: "M", ModelHash: "h", Untrained: true, Method: "x", Score: 0.5, Margin: 0.25, Why: "w",
			Nearest: []annotate.ID{id}, Params: "p"},
		Review: annotate.Review{Decision: annotate.Accepted, By: "B", At: at, Was: id}}
	object, err := c.object(o)
	if err != nil {
		t.Fatal(err)
	}
	class, err := c.class(&annotate.Class{ID: id, Name: "N", Color: color.NRGBA{R: 1, G: 2, B: 3, A: 4}, Key: "1", Parent: id, Code: "c", Retired: true}, 3)
	if err != nil {
		t.Fatal(err)
	}
	slide, err := c.slide(Slide{id, "n", "p", "r", "f", 1, 2, 0.25, 0.5, "t", "v", "a", 40, "c", "q", "o", at})
	if err != nil {
		t.Fatal(err)
	}
	steps := encodeSteps([]step{{kind: changeObject, id: id, from: 300, hash: [32]byte{1}}, {kind: changeClass, id: id, from: 1, removed: true}})
	for name, v := range map[string]struct {
		got  []byte
		want string
	}{
		"object":      {object, vectorObject},
		"class":       {class, vectorClass},
		"slide":       {slide, vectorSlide},
		"steps":       {steps, vectorSteps},
		"seal":        {seal(id[:], formatV1, 300, []byte("body")), vectorSeal},
		"exact":       {encodeROI(annotate.PointAt(0.1, 1./3)), vectorExact},
		"hundredths":  {encodeROI(annotate.PointAt(0.1, 12.34)), vectorHundred},
		"with a hole": {encodeROI(annotate.ROI{Kind: annotate.KindPolygon, Polygons: []annotate.Polygon{{Outer: annotate.Ring{{X: 0, Y: 0}, {X: 9, Y: 0}, {X: 9, Y: 9}}, Holes: []annotate.Ring{{{X: 7, Y: 1}, {X: 8, Y: 1}, {X: 8, Y: 2}}}}}}), vectorHole},
	} {
		if got := hex.EncodeToString(v.got); got != v.want {
			t.Errorf("%s: the disk format changed:\n%s, was\n%s", name, got, v.want)
		}
	}
}

// TestProject_Full: when there is no room, the edit fails with a reason,
// nothing else is harmed, and smaller work goes on.
func TestProject_Full(t *testing.T) {
	p, slide := newProject(t)
	commit(t, p, annotate.Add(slide, "first", square(1, 1)))
	p.db.MaxSize = 4 << 20
	var list []*annotate.Object
	for range 3000 {
		o := square(1, 1)
		o.Notes = strings.Repeat("n", 3000)
		list = append(list, o)
	}
	if _, err := p.Commit(annotate.Add(slide, "too much", list...), testStamp); !errors.Is(err, bolterrors.ErrMaxSizeReached) {
		t.Fatal(err)
	}
	if got := objects(t, p, slide); len(got) != 1 {
		t.Error(len(got), "objects")
	}
	commit(t, p, annotate.Add(slide, "less", list[:100]...))
	if label, ok := p.UndoLabel(slide); !ok || label != "less" {
		t.Error(label, ok)
	}
	if err := p.Check(); err != nil {
		t.Error(err)
	}
}
