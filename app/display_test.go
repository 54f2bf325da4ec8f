package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"image"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/annotate"
	"coverslip/models/modeltest"
	"coverslip/tiles"
	"coverslip/tiles/slidetest"
)

// fluorescent is a project with one slide of three channels and three focal
// planes.
func fluorescent(t *testing.T) (*Session, *OpenSlide) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "cells.ome.tif")
	slidetest.WriteFluorescence(t, path, 640, 512, 3)
	s, err := CreateProject(filepath.Join(dir, "p.coverslip"), "P", Options{Author: "Ada"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeChecked(t, s) })
	id, err := s.AddSlide(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	open, err := s.OpenSlide(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return s, open
}

func firstTile(t *testing.T, o *OpenSlide) *image.RGBA {
	t.Helper()
	m, err := o.Loader.Read(t.Context(), tiles.Key{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestSession_SetDisplay(t *testing.T) {
	s, open := fluorescent(t)
	if open.Planar() == nil || len(open.Planar().Stack().Channels) != 3 {
		t.Fatal("the slide has no channels")
	}
	d, err := open.Display(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d.Z != 1 || len(d.Channels) != 3 || d.Channels[0].High < 1000 {
		t.Fatalf("shown at first: %+v", d)
	}
	before := firstTile(t, open)
	if err := s.Apply(annotate.Edit{Slide: open.Item.ID, Changes: []annotate.Change{{After: &annotate.Object{
		ID: annotate.NewID(), Kind: annotate.Annotation, ROI: annotate.Rectangle(5, 5, 50, 50)}}}}); err != nil {
		t.Fatal(err)
	}
	d.Channels[0].Hidden, d.Z = true, 0
	now, err := s.SetDisplay(open.Item.ID, d)
	if err != nil {
		t.Fatal(err)
	}
	if s.Current() != now || now.Set != open.Set || now.Set.Len() != 1 {
		t.Error("the labels did not stay")
	}
	if z, _ := now.Plane(); z != 0 {
		t.Errorf("focal plane %d", z)
	}
	after := firstTile(t, now)
	if bytes.Equal(before.Pix, after.Pix) {
		t.Error("the picture did not change")
	}
	// What a model sees does not follow what the person looks at.
	m := image.NewRGBA(before.Rect)
	if err := now.Slide.ReadTile(t.Context(), tiles.Key{}, m); err != nil || !bytes.Equal(m.Pix, before.Pix) {
		t.Errorf("the slide itself is drawn in another way: %v", err)
	}
	if _, err := open.Loader.Read(t.Context(), tiles.Key{}); !errors.Is(err, tiles.ErrClosed) {
		t.Errorf("the former loader: %v", err)
	}
	bad := d.Clone()
	bad.Z = 9
	if _, err := s.SetDisplay(open.Item.ID, bad); err == nil {
		t.Error("focal plane 9 of 3")
	}
	if _, err := s.SetDisplay(annotate.NewID(), d); !errors.Is(err, ErrNoSlide) {
		t.Errorf("another slide: %v", err)
	}
}

// What was shown is shown again when the project is opened next time.
func TestSession_DisplayIsKept(t *testing.T) {
	s, open := fluorescent(t)
	d, err := open.Display(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d.Channels[1].Hidden, d.Channels[2].Color.R, d.Channels[2].Gamma, d.Channels[2].High, d.Z = true, 17, 0.5, 1234, 2
	if _, err := s.SetDisplay(open.Item.ID, d); err != nil {
		t.Fatal(err)
	}
	dir := s.Dir()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err = OpenProject(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	again, err := s.OpenSlide(t.Context(), open.Item.ID)
	if err != nil {
		t.Fatal(err)
	}
	got, err := again.Display(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(d)
	b, _ := json.Marshal(got)
	if !bytes.Equal(a, b) {
		t.Errorf("shown again: %s, was %s", b, a)
	}
	// A setting that fits no slide does no harm.
	if err := s.SetSetting(displaySetting(open.Item.ID), `{"z":99,"channels":[{}]}`); err != nil {
		t.Fatal(err)
	}
	if v, err := s.viewOf(open.Item.ID, again.Planar()); err != nil || v.Display().Z != 1 {
		t.Errorf("%v", err)
	}
}

func TestSession_Planes_AreInTheProvenance(t *testing.T) {
	s, open := fluorescent(t)
	class := s.Palette()
	for i, at := range []annotate.Point{{X: 0, Y: 0}, {X: 256, Y: 0}, {X: 0, Y: 256}, {X: 256, Y: 256}} {
		o := &annotate.Object{ID: annotate.NewID(), Kind: annotate.Annotation, Class: class[i%2].ID, ROI: annotate.Rectangle(at.X, at.Y, at.X+128, at.Y+128)}
		if err := s.Apply(annotate.Edit{Slide: open.Item.ID, Changes: []annotate.Change{{After: o}}}); err != nil {
			t.Fatal(err)
		}
	}
	z := 2
	o := SuggestOptions{Encoder: modeltest.New(), Patch: 64, MPP: 1}
	usual, err := s.Embed(t.Context(), open.Item.ID, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(usual.Planes, "DAPI") || !strings.Contains(usual.Planes, "focal plane 2 of 3") {
		t.Errorf("planes %q", usual.Planes)
	}
	o.Planes = tiles.Choice{Channels: []string{"fitc"}, Z: &z}
	chosen, err := s.Embed(t.Context(), open.Item.ID, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(chosen.Planes, "DAPI") || !strings.Contains(chosen.Planes, "FITC") || !strings.Contains(chosen.Planes, "focal plane 3 of 3") {
		t.Errorf("planes %q", chosen.Planes)
	}
	if chosen.Embedded != chosen.Patches {
		t.Errorf("%d of %d patches computed: those of other planes were taken", chosen.Embedded, chosen.Patches)
	}
	out := filepath.Join(t.TempDir(), "set")
	if _, err := ExportDataset(t.Context(), s, DatasetOptions{Out: out, Patch: 64, MPP: 1, Splits: [3]float64{1, 0, 0}, Planes: o.Planes}, nil); err != nil {
		t.Fatal(err)
	}
	files := tree(t, out)
	for _, name := range []string{"dataset.json", "dataset-card.md"} {
		if text := string(files[name]); !strings.Contains(text, "FITC") || !strings.Contains(text, "focal plane 3 of 3") {
			t.Errorf("%s does not say which planes:\n%s", name, text)
		}
	}
}
