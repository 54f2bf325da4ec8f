package models_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"coverslip/models"
)

func TestNormalise(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		in, want []float32
		ok       bool
	}{
		{[]float32{3, 4}, []float32{0.6, 0.8}, true},
		{[]float32{1e-30, 0}, []float32{1, 0}, true},
		{[]float32{3e38, 3e38}, []float32{float32(math.Sqrt2) / 2, float32(math.Sqrt2) / 2}, true},
		{[]float32{0, 0}, []float32{0, 0}, false},
		{[]float32{1, nan}, []float32{0, 0}, false},
		{[]float32{inf, 1}, []float32{0, 0}, false},
		{nil, nil, false},
	} {
		v := slices.Clone(c.in)
		if ok := models.Normalise(v); ok != c.ok || !slices.Equal(v, c.want) {
			t.Errorf("%v becomes %v, %v; want %v", c.in, v, ok, c.want)
		}
	}
}

func TestDot(t *testing.T) {
	a, b := []float32{1, 2, 3, 4, 5, 6, 7}, []float32{7, 6, 5, 4, 3, 2, 1}
	if got := models.Dot(a, b); got != 84 {
		t.Errorf("got %v", got)
	}
	if got := models.Dot(a, b[:2]); got != 19 {
		t.Errorf("the shorter counts: got %v", got)
	}
	if got := models.Dot(nil, b); got != 0 {
		t.Errorf("got %v", got)
	}
}

func TestErrors(t *testing.T) {
	cause := errors.New("cause")
	err := error(&models.FormatError{File: "a.onnx", What: "cut", Err: cause})
	if !errors.Is(err, cause) || err.Error() != "a.onnx: cut: cause" {
		t.Errorf("%v", err)
	}
	if got := (&models.UnsupportedError{File: "a.pt", What: "TorchScript", Hint: "export it"}).Error(); got != "a.pt: TorchScript (export it)" {
		t.Errorf("%s", got)
	}
}

func BenchmarkDot(b *testing.B) {
	x, y := make([]float32, 384), make([]float32, 384)
	b.ReportAllocs()
	for b.Loop() {
		models.Dot(x, y)
	}
}
