package segment_test

import (
	"errors"
	"image"
	"image/color"
	"image/draw"
	"os"
	"path/filepath"
	"testing"

	"coverslip/models"
	"coverslip/models/modeltest"
	"coverslip/models/onnx"
	"coverslip/models/onnxfile"
	"coverslip/models/segment"
	"coverslip/models/segment/segmenttest"
)

// tiny is the outliner that knows colours alone, from a folder on disk.
func tiny(t testing.TB) *segment.Segmenter {
	t.Helper()
	rt := modeltest.Runtime(t)
	dir := t.TempDir()
	segmenttest.Write(t, dir)
	s, err := segment.Open(rt, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// spots is a picture with a violet disc and a pink one on white.
func spots(side int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	draw.Draw(img, img.Rect, image.NewUniform(color.RGBA{245, 243, 246, 255}), image.Point{}, draw.Src)
	for y := range side {
		for x := range side {
			if dx, dy := x-side/4, y-side/2; dx*dx+dy*dy < side*side/64 {
				img.SetRGBA(x, y, color.RGBA{100, 50, 150, 255})
			}
			if dx, dy := x-3*side/4, y-side/2; dx*dx+dy*dy < side*side/64 {
				img.SetRGBA(x, y, color.RGBA{230, 130, 170, 255})
			}
		}
	}
	return img
}

func area(m *segment.Mask) (n int) {
	for _, v := range m.Logits {
		if v > 0 {
			n++
		}
	}
	return n
}

func TestOpen_PointsBoxesAndBeside(t *testing.T) {
	s := tiny(t)
	if i := s.Info(); i.Hash == "" || i.Encoder != "tiny_encoder.onnx" || i.Decoder != "tiny_decoder.onnx" || !i.Untrained || s.Side() != 256 || i.Preprocess == "" {
		t.Errorf("%+v", i)
	}
	const side = 400
	v, err := s.See(t.Context(), spots(side))
	if err != nil {
		t.Fatal(err)
	}
	ask := func(p segment.Prompt) *segment.Mask {
		t.Helper()
		m, err := v.Ask(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	disc := 3.1416 * side * side / 64
	m := ask(segment.Prompt{Points: []segment.Point{{X: 100, Y: 200}}})
	if got := float64(area(m)); m.Width != side || got < 0.8*disc || got > 1.1*disc || !m.In(100, 200) || m.In(300, 200) {
		t.Errorf("a point: %v pixels of %v", got, disc)
	}
	two := ask(segment.Prompt{Points: []segment.Point{{X: 100, Y: 200}, {X: 300, Y: 200}}})
	if got := float64(area(two)); got < 1.6*disc || got > 2.2*disc {
		t.Errorf("two points: %v pixels of %v", got, 2*disc)
	}
	one := ask(segment.Prompt{Points: []segment.Point{{X: 100, Y: 200}, {X: 300, Y: 200}, {X: 300, Y: 210, Beside: true}}})
	if one.In(300, 205) || !one.In(100, 200) {
		t.Error("a point beside is in")
	}
	box := image.Rect(60, 150, 100, 250)
	half := ask(segment.Prompt{Box: &box})
	if got := float64(area(half)); half.In(140, 200) || !half.In(80, 200) || got > 0.75*disc {
		t.Errorf("a box: %v pixels", got)
	}
}

func TestOpen_Refuses(t *testing.T) {
	rt := modeltest.Runtime(t)
	dir := t.TempDir()
	if _, err := segment.Open(rt, dir); !errors.Is(err, models.ErrNoModel) {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := segment.Open(rt, filepath.Join(dir, "none")); err == nil {
		t.Error("no folder")
	}
	segmenttest.Write(t, dir)
	good, err := os.ReadFile(filepath.Join(dir, "tiny_decoder.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"not JSON": "{", "one colour": `{"image_mean":[0.5]}`, "huge": `{"size":{"longest_edge":99999999}}`, "half": `{"image_mean":[0.5,0.5,0.5]}`} {
		modeltest.WriteFile(t, dir, "preprocessor_config.json", text)
		var format *models.FormatError
		if _, err := segment.Open(rt, dir); !errors.As(err, &format) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.Remove(filepath.Join(dir, "preprocessor_config.json")); err != nil {
		t.Fatal(err)
	}
	modeltest.WriteFile(t, dir, "tiny_decoder.onnx", string(good[:len(good)/2]))
	if _, err := segment.Open(rt, dir); err == nil {
		t.Error("half a decoder")
	}
	b := onnxfile.NewBuilder("takes more")
	one := onnxfile.Fixed(1)
	b.Input("image_embeddings", onnxfile.Float32, one, onnxfile.Fixed(3), onnxfile.Fixed(64), onnxfile.Fixed(64))
	b.Input("point_coords", onnxfile.Float32, one, onnxfile.Free("n"), onnxfile.Fixed(2))
	l := b.Input("point_labels", onnxfile.Float32, one, onnxfile.Free("n"))
	b.Input("high_res_feats_0", onnxfile.Float32, one)
	b.Output("masks", l, onnxfile.Float32, one, onnxfile.Free("n"))
	b.Output("iou_predictions", l, onnxfile.Float32, one, onnxfile.Free("n"))
	modeltest.WriteFile(t, dir, "tiny_decoder.onnx", string(b.Model("test").Marshal()))
	var not *models.UnsupportedError
	if _, err := segment.Open(rt, dir); !errors.As(err, &not) {
		t.Errorf("a decoder of another export: %v", err)
	}
	if !segment.Is(dir) || segment.Is(t.TempDir()) {
		t.Error("Is")
	}
}

// TestNew_TransformersNames: the decoder of transformers.js has its points a
// dimension deeper and whole labels.
func TestNew_TransformersNames(t *testing.T) {
	rt := modeltest.Runtime(t)
	e := onnxfile.NewBuilder("encoder")
	f := onnxfile.Fixed
	x := e.Input("pixel_values", onnxfile.Float32, onnxfile.Free("n"), f(3), f(64), f(64))
	e.Output("image_embeddings", x, onnxfile.Float32, onnxfile.Free("n"), f(3), f(64), f(64))
	e.Output("image_positional_embeddings", x, onnxfile.Float32, onnxfile.Free("n"), f(3), f(64), f(64))
	d := onnxfile.NewBuilder("decoder")
	emb := d.Input("image_embeddings", onnxfile.Float32, onnxfile.Free("n"), f(3), f(64), f(64))
	pos := d.Input("image_positional_embeddings", onnxfile.Float32, onnxfile.Free("n"), f(3), f(64), f(64))
	points := d.Input("input_points", onnxfile.Float32, onnxfile.Free("n"), f(1), onnxfile.Free("p"), f(2))
	labels := d.Input("input_labels", onnxfile.Int64, onnxfile.Free("n"), f(1), onnxfile.Free("p"))
	// Two masks: red, and red less the number of points that mean it.
	red := d.Op("Unsqueeze", []string{d.Op("Slice", []string{d.Op("Mul", []string{d.Op("Add", []string{emb, pos}), d.Scalar(0.5)}), d.Indices(0), d.Indices(1), d.Indices(1)}), d.Indices(1)})
	count := d.Op("ReduceSum", []string{d.Op("Cast", []string{labels}, onnxfile.Int("to", int64(onnxfile.Float32))), d.Indices(2)}, onnxfile.Int("keepdims", 1))
	less := d.Op("Sub", []string{red, d.Op("Reshape", []string{count, d.Indices(1, 1, 1, 1, 1)})})
	zero := d.Op("Mul", []string{d.Op("ReduceSum", []string{points, d.Indices(1, 2, 3)}, onnxfile.Int("keepdims", 0)), d.Scalar(0)}) // keeps the input
	both := d.Op("Concat", []string{red, less}, onnxfile.Int("axis", 2))
	d.Output("pred_masks", both, onnxfile.Float32, onnxfile.Free("n"), f(1), f(2), f(64), f(64))
	scores := d.Op("Reshape", []string{d.Op("Concat", []string{zero, d.Op("Add", []string{zero, d.Scalar(0.5)})}, onnxfile.Int("axis", 0)), d.Indices(1, 1, 2)})
	d.Output("iou_scores", scores, onnxfile.Float32, onnxfile.Free("n"), f(1), f(2))
	var both2 [2]onnx.Model
	for i, m := range []*onnxfile.Model{e.Model("test"), d.Model("test")} {
		s, err := rt.NewSession(m.Marshal(), onnx.SessionOptions{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		both2[i] = s
	}
	s, err := segment.New(both2[0], both2[1], segment.Options{Mean: [3]float32{127, 127, 127}, Std: [3]float32{32, 32, 32}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	v, err := s.See(t.Context(), spots(64))
	if err != nil {
		t.Fatal(err)
	}
	m, err := v.Ask(t.Context(), segment.Prompt{Points: []segment.Point{{X: 5, Y: 5}, {X: 6, Y: 6}, {X: 9, Y: 9, Beside: true}}})
	if err != nil {
		t.Fatal(err)
	}
	if m.Score != 0.5 || m.Width != 64 || !m.In(2, 2) || m.In(16, 32) {
		t.Errorf("score %v, %d wide; white in %v, violet in %v", m.Score, m.Width, m.In(2, 2), m.In(16, 32))
	}
}

func FuzzParseSettings(f *testing.F) {
	for _, text := range []string{"{}", `{"size":1024}`, `{"size":{"longest_edge":1024},"image_mean":[0.485,0.456,0.406],"image_std":[0.229,0.224,0.225]}`,
		`{"size":-1}`, `{"size":[]}`, `{"image_std":[0,0,0],"image_mean":[0,0,0]}`, `{"size":{"height":1e99}}`, "[", ""} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := segment.ParseSettings(b)
		if err == nil && (o.Side < 0 || o.Side > 1<<14) {
			t.Errorf("%+v", o)
		}
	})
}

func BenchmarkView_Ask(b *testing.B) {
	s := tiny(b)
	v, err := s.See(b.Context(), spots(1024))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Ask(b.Context(), segment.Prompt{Points: []segment.Point{{X: 256, Y: 512}}}); err != nil {
			b.Fatal(err)
		}
	}
}
