package app

import (
	"context"
	"hash/fnv"
	"image"
	"image/color"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"coverslip/annotate"
	"coverslip/models/modeltest"
	"coverslip/tiles/tiffwrite"
)

// The test slide: 960 × 576 pixels at 1 µm, three upright bands of 256 pixels
// (four patches of 64) with colours of their own, and glass (three
// patches) to the right.
const (
	slideW, slideH = 960, 576
	bandW          = 256
)

// bandColors are nuclear purple, stromal pink and necrotic grey-brown.
var bandColors = [3]color.RGBA{{110, 60, 150, 255}, {225, 150, 190, 255}, {150, 110, 100, 255}}

// paint fills a rectangle of the test slide; seed varies the grain.
func paint(seed uint64) tiffwrite.Fill {
	return func(_ context.Context, x0, y0 int, dst *image.RGBA) error {
		for y := range dst.Rect.Dy() {
			for x := range dst.Rect.Dx() {
				c := color.RGBA{244, 242, 245, 255}
				if band := (x0 + x) / bandW; band < len(bandColors) {
					c = bandColors[band]
					h := fnv.New32a()
					h.Write([]byte{byte((x0 + x) / 3), byte((x0 + x) / 768), byte((y0 + y) / 3), byte((y0 + y) / 768), byte(seed)})
					n := int(h.Sum32()%31) - 15
					c.R, c.G, c.B = shade(c.R, n), shade(c.G, n), shade(c.B, n)
				}
				dst.SetRGBA(dst.Rect.Min.X+x, dst.Rect.Min.Y+y, c)
			}
		}
		return nil
	}
}

func shade(v uint8, n int) uint8 { return uint8(min(255, max(0, int(v)+n))) }

// firstSlide is the bytes of the slide of seed 1, made once.
var firstSlide = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "coverslip-test-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "slide.svs")
	if err := makeSlide(context.Background(), path, 1); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// writeSlide writes a test slide.
func writeSlide(t testing.TB, path string, seed uint64) {
	t.Helper()
	if seed != 1 {
		if err := makeSlide(t.Context(), path, seed); err != nil {
			t.Fatal(err)
		}
		return
	}
	b, err := firstSlide()
	if err == nil {
		err = os.WriteFile(path, b, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func makeSlide(ctx context.Context, path string, seed uint64) error {
	o := tiffwrite.Options{Width: slideW, Height: slideH, Layout: tiffwrite.Aperio, MPP: 1, Objective: 10, Quality: 95, Smallest: 256}
	return tiffwrite.Write(ctx, path, o, paint(seed))
}

// newProject makes a project with one test slide, open in a session.
func newProject(t testing.TB) (*Session, annotate.ID) {
	t.Helper()
	dir := t.TempDir()
	slide := filepath.Join(dir, "slide.svs")
	writeSlide(t, slide, 1)
	s, err := CreateProject(filepath.Join(dir, "test.coverslip"), "Test", Options{Author: "Ada"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeChecked(t, s) })
	id, err := s.AddSlide(t.Context(), slide)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.OpenSlide(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	return s, id
}

// closeChecked closes a session after checking what must always hold of its
// project.
func closeChecked(t testing.TB, s *Session) {
	t.Helper()
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return
	}
	checkInvariants(t, s)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// checkInvariants compares memory with disk and checks the edit log.
func checkInvariants(t testing.TB, s *Session) {
	t.Helper()
	if err := s.project.Check(); err != nil {
		t.Error(err)
	}
	r, err := s.project.VerifyAudit()
	if err != nil || r.FirstBad != 0 {
		t.Errorf("edit log: %v, first bad record %d: %s", err, r.FirstBad, r.Problem)
	}
	for _, item := range s.Slides() {
		set, err := s.Objects(item.ID)
		if err != nil {
			t.Error(err)
			continue
		}
		disk, err := s.project.Objects(item.ID)
		if err != nil {
			t.Error(err)
			continue
		}
		n := newTally()
		for _, o := range disk {
			n.add(o, 1)
		}
		if n.labels != item.Labels || n.suggestions != item.Suggestions || n.rejected != item.Rejected || !maps.Equal(n.classes, item.Classes) || !slices.Equal(n.names(), item.Readers) {
			t.Errorf("slide %s: %+v on disk, listed are %d, %d, %d", item.Name, n, item.Labels, item.Suggestions, item.Rejected)
		}
		if len(disk) != set.Len() {
			t.Errorf("slide %s: %d objects on disk, %d in memory", item.Name, len(disk), set.Len())
		}
		for _, o := range disk {
			if !o.Equal(set.Get(o.ID)) {
				t.Errorf("slide %s: object %s differs between disk and memory", item.Name, o.ID)
			}
		}
	}
}

// class is a class of the palette by name.
func class(t testing.TB, s *Session, name string) annotate.ID {
	t.Helper()
	c := s.Palette().ByName(name)
	if c == nil {
		t.Fatalf("no class %s", name)
	}
	return c.ID
}

// draw draws a rectangle of a class.
func draw(t testing.TB, s *Session, name string, x0, y0, x1, y1 float64) annotate.ID {
	t.Helper()
	id, err := s.Draw(annotate.Rectangle(x0, y0, x1, y1), class(t, s, name))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// Truth by band, for the tests that teach.
var bandClass = [3]string{"Tumour", "Stroma", "Necrosis"}

// label draws a label of two by two patches in each band.
func label(t testing.TB, s *Session) []annotate.ID {
	t.Helper()
	var ids []annotate.ID
	for band, name := range bandClass {
		x := float64(band*bandW + 64)
		ids = append(ids, draw(t, s, name, x, 128, x+128, 256))
	}
	return ids
}

// fake is the options with the encoder for tests: patches of 64 pixels at 1 µm.
func fake() SuggestOptions { return SuggestOptions{Encoder: modeltest.New()} }

// object is an object of the slide.
func object(t testing.TB, s *Session, slide, id annotate.ID) *annotate.Object {
	t.Helper()
	set, err := s.Objects(slide)
	if err != nil {
		t.Fatal(err)
	}
	return set.Get(id)
}
