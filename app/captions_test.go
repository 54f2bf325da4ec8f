package app

import (
	"strings"
	"testing"

	"coverslip/annotate"
	"coverslip/models"
	"coverslip/models/caption"
	"coverslip/models/modeltest"
	"coverslip/models/onnx"
)

func TestSession_Captions(t *testing.T) {
	s, slide := newProject(t)
	s.text = &modeltest.Texts{} // as if the model had one
	s.options.Text = func(onnx.Engine, string) (models.TextEncoder, error) { return &modeltest.Texts{}, nil }
	bank, err := caption.Read(strings.NewReader("white glass\npurple nuclei, crowded\npink stroma\n"), "bank.txt")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"purple nuclei, crowded", "pink stroma"} {
		at := annotate.Point{X: float64(i*bandW + 100), Y: 300}
		r, err := s.Captions(t.Context(), slide, at, bank, 2, fake(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Matches) != 2 || r.Matches[0].Text != want || r.BankHash == "" || r.TextHash == "" || !strings.Contains(r.Params, "app=") {
			t.Errorf("%+v", r)
		}
	}
	if _, err := s.Captions(t.Context(), slide, annotate.Point{X: -5}, bank, 2, fake(), nil); err == nil {
		t.Error("a point outside the slide")
	}
	if _, err := s.Captions(t.Context(), slide, annotate.Point{X: 100, Y: 300}, &caption.Bank{}, 2, fake(), nil); err == nil {
		t.Error("a bank without sentences")
	}
	if r, err := s.Captions(t.Context(), slide, annotate.Point{X: 100, Y: 300}, nil, 2, fake(), nil); err != nil || r.Bank != caption.BuiltinName || len(r.Matches) != 2 {
		t.Errorf("none of the user's: %+v: %v", r, err)
	}
}
