package segment_test

import (
	"errors"
	"image"
	"image/color"
	"image/draw"
	"testing"

	"coverslip/models/modeltest"
	"coverslip/models/onnx"
	"coverslip/models/onnxfile"
	"coverslip/models/segment"
)

const side = 64

// pair is an encoder that passes the picture on, and a decoder whose mask is a
// disc of 10 pixels of the input around the first point, as far as the picture is
// bright there.
func pair(t *testing.T) (enc, dec onnx.Model) {
	t.Helper()
	rt := modeltest.Runtime(t)
	b := onnxfile.NewBuilder("encoder")
	x := b.Input("image", onnxfile.Float32, onnxfile.Fixed(1), onnxfile.Fixed(3), onnxfile.Fixed(side), onnxfile.Fixed(side))
	b.Output("image_embeddings", x, onnxfile.Float32, onnxfile.Fixed(1), onnxfile.Fixed(3), onnxfile.Fixed(side), onnxfile.Fixed(side))
	d := onnxfile.NewBuilder("decoder")
	e := d.Input("image_embeddings", onnxfile.Float32, onnxfile.Fixed(1), onnxfile.Fixed(3), onnxfile.Fixed(side), onnxfile.Fixed(side))
	coords := d.Input("point_coords", onnxfile.Float32, onnxfile.Fixed(1), onnxfile.Free("n"), onnxfile.Fixed(2))
	labels := d.Input("point_labels", onnxfile.Float32, onnxfile.Fixed(1), onnxfile.Free("n"))
	var xs, ys []float32
	for y := range side {
		for x := range side {
			xs, ys = append(xs, float32(x)+0.5), append(ys, float32(y)+0.5)
		}
	}
	at := func(axis int64) string {
		return d.Op("Slice", []string{coords, d.Indices(0, axis), d.Indices(1, axis+1), d.Indices(1, 2)})
	}
	square := func(grid []float32, name string, axis int64) string {
		diff := d.Op("Sub", []string{d.Weights(name, grid, 1, 1, side, side), d.Op("Reshape", []string{at(axis), d.Indices(1, 1, 1, 1)})})
		return d.Op("Mul", []string{diff, diff})
	}
	disc := d.Op("Sub", []string{d.Scalar(100), d.Op("Add", []string{square(xs, "xs", 0), square(ys, "ys", 1)})})
	bright := d.Op("Mul", []string{d.Op("Slice", []string{e, d.Indices(0), d.Indices(1), d.Indices(1)}), d.Scalar(1000)})
	first := d.Op("Reshape", []string{d.Op("Slice", []string{labels, d.Indices(0), d.Indices(1), d.Indices(1)}), d.Indices(1, 1)})
	d.Output("masks", d.Op("Min", []string{disc, bright}), onnxfile.Float32, onnxfile.Fixed(1), onnxfile.Fixed(1), onnxfile.Fixed(side), onnxfile.Fixed(side))
	d.Output("iou_predictions", d.Op("Mul", []string{first, d.Scalar(0.75)}), onnxfile.Float32, onnxfile.Fixed(1), onnxfile.Fixed(1))
	for i, m := range []*onnxfile.Model{b.Model("test"), d.Model("test")} {
		s, err := rt.NewSession(m.Marshal(), onnx.SessionOptions{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			enc = s
		} else {
			dec = s
		}
	}
	return enc, dec
}

func segmenter(t *testing.T) *segment.Segmenter {
	t.Helper()
	enc, dec := pair(t)
	s, err := segment.New(enc, dec, segment.Options{})
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

// TestView_Ask: a view of 128 × 96 pixels, bright on its left half; a click there
// outlines a disc of 20 pixels that ends where the brightness does.
func TestView_Ask(t *testing.T) {
	s := segmenter(t)
	img := image.NewRGBA(image.Rect(0, 0, 128, 96))
	draw.Draw(img, img.Rect, image.NewUniform(color.RGBA{A: 255}), image.Point{}, draw.Src)
	draw.Draw(img, image.Rect(0, 0, 64, 96), image.NewUniform(color.RGBA{250, 250, 250, 255}), image.Point{}, draw.Src)
	v, err := s.See(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	m, err := v.Ask(t.Context(), segment.Prompt{Points: []segment.Point{{X: 50, Y: 40}, {X: 90, Y: 40, Beside: true}}})
	if err != nil {
		t.Fatal(err)
	}
	if m.Width != 128 || m.Height != 96 || m.Score != 0.75 {
		t.Errorf("a mask of %d × %d, score %v", m.Width, m.Height, m.Score)
	}
	for _, c := range []struct {
		x, y int
		in   bool
	}{{50, 40, true}, {36, 40, true}, {26, 40, false}, {50, 57, true}, {50, 63, false}, {60, 40, true}, {68, 40, false}, {200, 40, false}, {-1, 0, false}} {
		if m.In(c.x, c.y) != c.in {
			t.Errorf("%d,%d: %v", c.x, c.y, !c.in)
		}
	}
	box := image.Rect(10, 10, 40, 40)
	if m, err = v.Ask(t.Context(), segment.Prompt{Box: &box}); err != nil || !m.In(10, 10) || m.In(40, 40) {
		t.Errorf("a box: %v", err)
	}
	for _, p := range []segment.Prompt{{}, {Points: []segment.Point{{X: 1, Y: 1, Beside: true}}}, {Box: &image.Rectangle{}}} {
		if _, err := v.Ask(t.Context(), p); !errors.Is(err, segment.ErrNoPrompt) {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

func TestNew_Refuses(t *testing.T) {
	enc, dec := pair(t)
	defer enc.Close()
	defer dec.Close()
	if _, err := segment.New(dec, enc, segment.Options{}); err == nil {
		t.Error("the decoder passed for an encoder")
	}
	if _, err := segment.New(enc, enc, segment.Options{}); err == nil {
		t.Error("the encoder passed for a decoder")
	}
	if _, err := segment.New(enc, dec, segment.Options{Side: 1 << 20}); err == nil {
		t.Error("a picture of a million pixels")
	}
}
