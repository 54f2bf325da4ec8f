package app

import (
	"strings"
	"testing"

	"coverslip/annotate"
	"coverslip/models"
	"coverslip/models/modeltest"
	"coverslip/models/onnx"
)

func TestSession_Captions(t *testing.T) {
	s, slide := newProject(t)
	s.text = &modeltest.Texts{} // as if the model had one
	s.options.Text = func(onnx.Engine, string) (models.TextEncoder, error) { return &modeltest.Texts{}, nil }
	bank := "white glass\npurple nuclei, crowded\npink stroma\n"
	for i, want := range []string{"purple nuclei, crowded", "pink stroma"} {
		at := annotate.Point{X: float64(i*bandW + 100), Y: 300}
		r, err := s.Captions(t.Context(), slide, at, strings.NewReader(bank), "bank.txt", 2, fake(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Matches) != 2 || r.Matches[0].Text != want || r.BankHash == "" || r.TextHash == "" || !strings.Contains(r.Params, "app=") {
			t.Errorf("%+v", r)
		}
	}
	if _, err := s.Captions(t.Context(), slide, annotate.Point{X: -5}, strings.NewReader(bank), "bank.txt", 2, fake(), nil); err == nil {
		t.Error("a point outside the slide")
	}
}
