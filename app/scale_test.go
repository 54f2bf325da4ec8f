package app

import (
	"context"
	"errors"
	"image"
	"math"
	"os"
	"path/filepath"
	"testing"

	"coverslip/annotate"
	"coverslip/tiles"
	"coverslip/tiles/tiffwrite"
)

// scaleless is a project with a slide that does not say its µm per pixel.
func scaleless(t *testing.T) (*Session, annotate.ID) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "slide.tif")
	o := tiffwrite.Options{Width: slideW, Height: slideH, TileSize: 128, Layout: tiffwrite.Generic, Quality: 90}
	if err := tiffwrite.Write(t.Context(), path, o, paint(1)); err != nil {
		t.Fatal(err)
	}
	s, err := CreateProject(filepath.Join(dir, "test.coverslip"), "Test", Options{Author: "Ada"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeChecked(t, s) })
	id, err := s.AddSlide(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return s, id
}

// The wish: a slide of unknown scale opens, is looked at and labelled; what needs
// the scale asks for it in words; once given, everybody knows it (qupath #221).
func TestWish_UnknownMPPOpensAndAsks(t *testing.T) {
	s, id := scaleless(t)
	open, err := s.OpenSlide(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if in := open.Slide.Info(); in.MPPX != 0 || in.MPPFrom != "" || open.Item.MPPX != 0 {
		t.Fatalf("MPP %v from %q", in.MPPX, in.MPPFrom)
	}
	if _, err := open.Loader.Read(t.Context(), tiles.Key{}); err != nil {
		t.Errorf("it cannot be looked at: %v", err)
	}
	if _, err := s.Draw(annotate.Rectangle(10, 10, 90, 90), s.Palette()[0].ID); err != nil {
		t.Errorf("it cannot be labelled: %v", err)
	}
	for what, err := range map[string]error{
		"embeddings": func() error { _, err := s.Embed(t.Context(), id, fake(), nil); return err }(),
		"export": func() error {
			_, err := ExportDataset(t.Context(), s, DatasetOptions{Out: filepath.Join(t.TempDir(), "out"), Patch: 64, MPP: 1}, nil)
			return err
		}(),
	} {
		p := Explain(err)
		if !errors.Is(err, ErrNoScale) || p.Title != "Slide slide.tif does not say how many µm a pixel is" || p.Hint == "" {
			t.Errorf("%s: %v: %q, %q", what, err, p.Title, p.Hint)
		}
	}
	for _, wrong := range []float64{0, -1, 0.001, 250, math.Inf(1), math.NaN()} {
		if err := s.SetScale(id, wrong); !errors.Is(err, ErrBadScale) || Explain(err).Hint == "" {
			t.Errorf("a scale of %v: %v", wrong, err)
		}
	}
	if err := s.SetScale(id, 1); err != nil {
		t.Fatal(err)
	}
	if !open.Outdated() {
		t.Error("the open slide is not known to be outdated")
	}
	again, err := s.OpenSlide(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range []*tiles.Info{again.Slide.Info(), again.Loader.Slide().Info()} {
		if in.MPPX != 1 || in.MPPY != 1 || in.MPPFrom != ScaleByUser || in.Properties["openslide.mpp-x"] != "1" {
			t.Errorf("MPP %v×%v from %q", in.MPPX, in.MPPY, in.MPPFrom)
		}
	}
	if again.Set.Len() != 1 || again.Item.MPPX != 1 || again.Outdated() {
		t.Errorf("%d labels, MPP %v", again.Set.Len(), again.Item.MPPX)
	}
	if same, err := s.OpenSlide(t.Context(), id); err != nil || same != again {
		t.Errorf("it is opened over and over: %v", err)
	}
	if _, err := s.Embed(t.Context(), id, fake(), nil); err != nil {
		t.Errorf("with a scale: %v", err)
	}
	if err := s.SetScale(annotate.NewID(), 1); !errors.Is(err, ErrNoSlide) {
		t.Errorf("a slide that is not there: %v", err)
	}
}

// The scale that a person gave stays through closing, moving and adding again.
func TestSession_SetScale_Stays(t *testing.T) {
	s, id := scaleless(t)
	if err := s.SetScale(id, 0.5); err != nil {
		t.Fatal(err)
	}
	item, err := s.Slide(id)
	if err != nil {
		t.Fatal(err)
	}
	moved := filepath.Join(t.TempDir(), "elsewhere.tif")
	data, err := os.ReadFile(item.Path)
	if err == nil {
		err = errors.Join(os.WriteFile(moved, data, 0o600), os.Remove(item.Path))
	}
	if err != nil {
		t.Fatal(err)
	}
	if again, err := s.AddSlide(t.Context(), moved); err != nil || again != id {
		t.Fatal(again, err)
	}
	dir := s.Dir()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	reader, err := OpenProject(dir, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	open, err := reader.OpenSlide(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if in := open.Slide.Info(); in.MPPX != 0.5 || in.MPPFrom != ScaleByUser {
		t.Errorf("MPP %v from %q", in.MPPX, in.MPPFrom)
	}
	if err := reader.SetScale(id, 1); err == nil {
		t.Error("a project that is read-only takes a scale")
	}
}

// A slide keeps its planes and what it knows of scanned pixels under another scale.
func TestWithScale_KeepsWhatTheSlideIs(t *testing.T) {
	s, id := newProject(t)
	item, err := s.Slide(id)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := s.openFile(context.Background(), item.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	sl := item.Slide
	if scaled(plain, sl) != plain {
		t.Error("a scale of the file's own is noted as a person's")
	}
	sl.MPPX, sl.MPPY, sl.MPPFrom = 3, 4, ScaleByUser
	other := scaled(plain, sl)
	if in := other.Info(); in.MPPX != 3 || in.MPPY != 4 || plain.Info().MPPX != 1 || plain.Info().Properties["openslide.mpp-x"] == "3" {
		t.Errorf("MPP %v×%v; the slide's own %v", in.MPPX, in.MPPY, plain.Info().MPPX)
	}
	a, b := image.NewRGBA(image.Rect(0, 0, 50, 50)), image.NewRGBA(image.Rect(0, 0, 50, 50))
	if err := errors.Join(tiles.ReadRegion(t.Context(), plain, 0, 100, 100, a), tiles.ReadRegion(t.Context(), other, 0, 100, 100, b)); err != nil {
		t.Fatal(err)
	}
	if string(a.Pix) != string(b.Pix) {
		t.Error("other pixels")
	}
}
