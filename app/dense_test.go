package app

import (
	"errors"
	"image"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coverslip/annotate"
	"coverslip/models"
	"coverslip/models/modeltest"
	"coverslip/models/onnx"
	"coverslip/models/onnxfile"
)

// needRuntime skips where models cannot run.
func needRuntime(t *testing.T) {
	t.Helper()
	if _, _, err := onnx.Find(""); err != nil {
		t.Skipf("needs ONNX Runtime: %v", err)
	}
}

// denseFolder holds a model of 2 µm a pixel that takes for "Purple" what is dark
// in red, on the mean of five pixels around.
func denseFolder(t *testing.T) string {
	t.Helper()
	b := onnxfile.NewBuilder("dark")
	free := []onnxfile.Dim{onnxfile.Fixed(1), onnxfile.Fixed(3), onnxfile.Fixed(64), onnxfile.Fixed(64)}
	x := b.Input("image", onnxfile.Float32, free...)
	w := make([]float32, 2*3*5*5)
	for i := range 25 {
		w[75+i] = -40.0 / 25 // of red, in the second channel
	}
	y := b.Op("Conv", []string{x, b.Weights("w", w, 2, 3, 5, 5), b.Weights("b", []float32{0, 40 * 130.0 / 255}, 2)},
		onnxfile.Ints("kernel_shape", 5, 5), onnxfile.Ints("pads", 2, 2, 2, 2))
	b.Output("logits", y, onnxfile.Float32, onnxfile.Fixed(1), onnxfile.Fixed(2), onnxfile.Fixed(64), onnxfile.Fixed(64))
	dir := filepath.Join(t.TempDir(), "dark")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "model.onnx"), b.Model("test").Marshal(), 0o644); err != nil {
		t.Fatal(err)
	}
	modeltest.WriteFile(t, dir, "coverslip.json", `{"name": "Dark", "patch_size": 64, "mpp": 2, "mean": [0,0,0], "std": [1,1,1], "untrained": true,
		"dense": {"kind": "classes", "classes": ["nothing", "Purple"]}}`)
	return dir
}

// TestSession_SegmentRegions: the purple band is outlined in level-0 pixels, as
// one edit, and waits for a decision.
func TestSession_SegmentRegions(t *testing.T) {
	needRuntime(t)
	s, slide := newProject(t)
	dir := denseFolder(t)
	before := len(s.Palette())
	var stages []string
	r, err := s.SegmentRegions(t.Context(), slide, DenseOptions{Model: dir}, func(stage string, done, total int) {
		if !slices.Contains(stages, stage) {
			stages = append(stages, stage)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.Suggested != 1 || r.Found != 1 || !r.Untrained || r.Tiles < 20 || !slices.Equal(r.Classes, []string{"Purple"}) {
		t.Errorf("%+v", r)
	}
	if got := strings.Join(stages, ", "); got != "Opening the model, Segmenting, Writing suggestions" {
		t.Errorf("stages: %s", got)
	}
	queue := s.Queue(slide)
	if len(queue) != 1 || len(s.Palette()) != before+1 {
		t.Fatalf("%d in the queue, %d classes more", len(queue), len(s.Palette())-before)
	}
	o := queue[0]
	b := o.ROI.Bounds()
	if !o.IsSuggestion() || o.IsLabel() || math.Abs(b.MinX) > 6 || math.Abs(b.MinY) > 6 || math.Abs(b.MaxX-bandW) > 6 || math.Abs(b.MaxY-slideH) > 6 || math.Abs(o.ROI.Area()/(bandW*slideH)-1) > 0.06 { // beyond the slide is white
		t.Errorf("the band lies at %+v, area %.0f", b, o.ROI.Area())
	}
	if c := s.Palette().ByID(o.Class); c == nil || c.Name != "Purple" {
		t.Errorf("class %v", c)
	}
	params := parseParams(o.By.Params)
	if o.By.Model != "Dark" || len(o.By.ModelHash) != 64 || o.By.Method != methodDense || !o.By.Untrained || params["mpp"] != "2" || params["tile"] != "64" || params["runtime"] == "" || params["app"] == "" {
		t.Errorf("provenance %+v", o.By)
	}
	// Again in a part of it: what was undecided there is replaced, in one edit.
	part := annotate.Rectangle(40, 40, 200, 140)
	r, err = s.SegmentRegions(t.Context(), slide, DenseOptions{Model: dir, Regions: []annotate.ROI{annotate.Rectangle(0, 0, 400, slideH), part}}, nil)
	if err != nil || r.Replaced != 1 || r.Suggested != 2 {
		t.Errorf("again: %+v %v", r, err)
	}
	for _, o := range s.Queue(slide) {
		if err := o.ROI.Validate(); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Undo(); err != nil || len(s.Queue(slide)) != 1 {
		t.Errorf("undone: %d in the queue, %v", len(s.Queue(slide)), err)
	}
	// What a person rejected is not proposed again.
	if err := s.Reject(o.ID); err != nil {
		t.Fatal(err)
	}
	if r, err = s.SegmentRegions(t.Context(), slide, DenseOptions{Model: dir}, nil); err != nil || r.Suggested != 0 || r.Refused != 1 {
		t.Errorf("after the rejection: %+v %v", r, err)
	}
	// Inside an area that is no rectangle.
	triangle := annotate.Area(annotate.Ring{{X: 20, Y: 20}, {X: 220, Y: 20}, {X: 20, Y: 220}})
	if r, err = s.SegmentRegions(t.Context(), slide, DenseOptions{Model: dir, Regions: []annotate.ROI{triangle}}, nil); err != nil || r.Suggested != 1 {
		t.Fatalf("a triangle: %+v %v", r, err)
	}
	if a := s.Queue(slide)[0].ROI.Area(); math.Abs(a/20000-1) > 0.03 {
		t.Errorf("the triangle's area is %.0f, 20,000 is right", a)
	}
}

func TestSession_SegmentRegions_Refuses(t *testing.T) {
	needRuntime(t)
	s, slide := newProject(t)
	dir := denseFolder(t)
	for name, c := range map[string]struct {
		o  DenseOptions
		is error
	}{
		"beside the slide": {DenseOptions{Model: dir, Regions: []annotate.ROI{annotate.Rectangle(5000, 0, 5100, 100)}}, ErrNoRegion},
		"a line":           {DenseOptions{Model: dir, Regions: []annotate.ROI{{Kind: annotate.KindLine, Points: []annotate.Point{{}, {X: 9, Y: 9}}}}}, ErrNoRegion},
		"an empty folder":  {DenseOptions{Model: t.TempDir()}, models.ErrNoModel},
		"no pixel":         {DenseOptions{Model: dir, MPP: -1}, nil},
	} {
		if _, err := s.SegmentRegions(t.Context(), slide, c.o, nil); err == nil || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %v", name, err)
		} else if p := Explain(err); p.Hint == "" {
			t.Errorf("%s: no hint", name)
		}
	}
	if n := len(s.Queue(slide)); n != 0 {
		t.Errorf("%d suggestions of runs that failed", n)
	}
}

// TestDenseReader_TilesAgree: where rectangles overlap they hold the same bytes,
// at any scale.
func TestDenseReader_TilesAgree(t *testing.T) {
	s, slide := newProject(t)
	item, err := s.Slide(slide)
	if err != nil {
		t.Fatal(err)
	}
	open, _, err := s.find(t.Context(), item.Slide)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	for _, side := range []float64{1, 0.6, 1.7, 2, 3.3, 9} {
		r := newDenseReader(open, side, &s.traffic)
		a, err := r.read(t.Context(), image.Rect(-5, -3, 60, 50))
		if err != nil {
			t.Fatal(err)
		}
		b, err := r.read(t.Context(), image.Rect(21, 17, 90, 58))
		if err != nil {
			t.Fatal(err)
		}
		r.close()
		for y := 17; y < 50; y++ {
			for x := 21; x < 60; x++ {
				if p, q := a.RGBAAt(x+5, y+3), b.RGBAAt(x-21, y-17); p != q {
					t.Fatalf("%g: pixel %d,%d is %v, and %v", side, x, y, p, q)
				}
			}
		}
		if p := a.RGBAAt(0, 0); p.R < 250 || p.A != 255 {
			t.Errorf("%g: beside the slide it is %v", side, p)
		}
		if p := a.RGBAAt(10, 10); p.R > 200 {
			t.Errorf("%g: on the slide it is %v", side, p)
		}
	}
}
