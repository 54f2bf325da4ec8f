package attention_test

import (
	"errors"
	"image"
	"math"
	"testing"

	"coverslip/models"
	"coverslip/models/attention"
	"coverslip/models/modeltest"
	"coverslip/models/onnx"
	"coverslip/models/onnxfile"
	"coverslip/models/preprocess"
	"coverslip/models/vit"
)

func tiny() vit.Config {
	return vit.Config{Image: 32, Patch: 8, Dim: 16, Depth: 2, Heads: 2, Hidden: 32, Seed: 1}
}

// TestLooker_Look: a tiny transformer gives squares whose mean is one, the same
// ones twice, and other ones for another picture.
func TestLooker_Look(t *testing.T) {
	rt := modeltest.Runtime(t)
	l, err := vit.OpenAttention(rt, tiny())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	img := image.NewRGBA(image.Rect(0, 0, 64, 64))
	for i := range img.Pix {
		img.Pix[i] = uint8(i * 7 % 251)
		if i%4 == 3 {
			img.Pix[i] = 255
		}
	}
	m, err := l.Look(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	again, err := l.Look(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	if m.Side != 4 || len(m.Rollout) != 16 || len(m.Last) != 16 || m.Share != 1 {
		t.Fatalf("%+v", m)
	}
	for name, v := range map[string][]float32{"rollout": m.Rollout, "last": m.Last} {
		sum := 0.0
		for _, x := range v {
			if !(x >= 0) {
				t.Fatalf("%s: %v", name, v)
			}
			sum += float64(x)
		}
		if math.Abs(sum/16-1) > 1e-5 {
			t.Errorf("%s: mean %v", name, sum/16)
		}
	}
	clear(img.Pix[:2000])
	other, err := l.Look(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	same, moved := true, false
	for i := range m.Last {
		same = same && m.Last[i] == again.Last[i] && m.Rollout[i] == again.Rollout[i]
		moved = moved || m.Last[i] != other.Last[i]
	}
	if !same || !moved {
		t.Errorf("the same twice: %v; another picture moves it: %v", same, moved)
	}
	if _, err := l.Look(t.Context(), image.NewRGBA(image.Rect(0, 0, 4, 5))); !errors.Is(err, models.ErrPatch) {
		t.Errorf("an oblong patch: %v", err)
	}
}

// TestOpenAttention_SameEmbedding: telling the attention does not change what the
// network makes of a picture.
func TestOpenAttention_SameEmbedding(t *testing.T) {
	c := tiny()
	plain, err := vit.Build(c)
	if err != nil {
		t.Fatal(err)
	}
	again, err := vit.Build(c)
	if err != nil || string(plain) != string(again) {
		t.Error("the network without attention is not the same twice")
	}
}

func TestNew_None(t *testing.T) {
	rt := modeltest.Runtime(t)
	b := onnxfile.NewBuilder("no attention")
	n := onnxfile.Free("n")
	x := b.Input("pixel_values", onnxfile.Float32, n, onnxfile.Fixed(3), onnxfile.Fixed(8), onnxfile.Fixed(8))
	b.Output("embedding", x, onnxfile.Float32, n, onnxfile.Fixed(3), onnxfile.Fixed(8), onnxfile.Fixed(8))
	s, err := rt.NewSession(b.Model("test").Marshal(), onnx.SessionOptions{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := attention.New(s, preprocess.ImageNet(8)); !errors.Is(err, attention.ErrNone) {
		t.Errorf("%v", err)
	}
}
