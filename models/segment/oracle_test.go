package segment_test

import (
	"encoding/json"
	"image"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"coverslip/models/modeltest"
	"coverslip/models/segment"
)

// exported is a folder that testdata/export.py wrote: COVERSLIP_SAM names one that
// is there already, else a Python with torch and transformers makes it.
func exported(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("COVERSLIP_SAM"); dir != "" {
		return dir
	}
	if os.Getenv("COVERSLIP_PYTHON") == "" {
		t.Skip("needs COVERSLIP_PYTHON with torch, transformers and onnx, or COVERSLIP_SAM")
	}
	run := modeltest.Python(t, "torch", "transformers", "onnx")
	script, err := os.ReadFile("testdata/export.py")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	run(string(script), dir, "--size", "tiny")
	return dir
}

// TestOpen_EqualsTransformers: the seeded model as transformers.js would have it
// gives the scores that PyTorch gives, from pixels.
func TestOpen_EqualsTransformers(t *testing.T) {
	dir := exported(t)
	b, err := os.ReadFile(filepath.Join(dir, "reference.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Side   int       `json:"side"`
		Scores []float64 `json:"scores"`
	}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	s, err := segment.Open(modeltest.Runtime(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	img := image.NewRGBA(image.Rect(0, 0, want.Side, want.Side))
	for y := range want.Side {
		for x := range want.Side {
			c := color.RGBA{235, 190, 215, 255}
			if dx, dy := x-want.Side/4, y-want.Side/2; dx*dx+dy*dy < want.Side/8*(want.Side/8) {
				c = color.RGBA{90, 50, 130, 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	v, err := s.See(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	side := float64(want.Side)
	p := segment.Prompt{Points: []segment.Point{{X: side / 4, Y: side / 2}, {X: side * 0.75, Y: side / 2, Beside: true}}}
	m, err := v.Ask(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	best := want.Scores[0]
	for _, x := range want.Scores {
		best = max(best, x)
	}
	if math.Abs(m.Score-best) > 1e-3 || m.Width != want.Side {
		t.Errorf("score %v, want %v; %d pixels wide", m.Score, best, m.Width)
	}
	start := time.Now()
	const clicks = 5
	for range clicks {
		if _, err := v.Ask(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%v a click", time.Since(start)/clicks)
}
