package zeroshot_test

import (
	"context"
	"errors"
	"image"
	"math"
	"slices"
	"strings"
	"testing"

	"coverslip/models"
	"coverslip/models/modeltest"
	"coverslip/models/zeroshot"
)

func ask(t *testing.T, c *zeroshot.Classifier, colour string) zeroshot.Answer {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 32, 32))
	rgb := modeltest.Colours[colour]
	for i := range img.Pix {
		img.Pix[i] = rgb[i%4]
	}
	v, err := modeltest.New().Encode(t.Context(), []*image.RGBA{img})
	if err != nil {
		t.Fatal(err)
	}
	return c.Ask(v[0])
}

func TestClassifier_Ask(t *testing.T) {
	classes := []zeroshot.Class{{Name: "stroma", Names: []string{"pink", "pink fibres"}}, {Name: "nuclei", Names: []string{"purple"}}, {Name: "white"}}
	c, err := zeroshot.New(t.Context(), &modeltest.Texts{}, classes, zeroshot.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Fits(modeltest.New().Info()); err != nil {
		t.Error(err)
	}
	for i, colour := range []string{"pink", "purple", "white"} {
		a := ask(t, c, colour)
		sum := 0.0
		for _, s := range a.Scores {
			sum += s
		}
		if a.Class != i || math.Abs(sum-1) > 1e-12 || a.Margin <= 0 {
			t.Errorf("%s: %+v", colour, a)
		}
	}
	if n := len(c.Prompts()); n != 4*len(zeroshot.Templates()) {
		t.Errorf("%d sentences", n)
	}
	// Between the classes it does not know.
	same, err := zeroshot.New(t.Context(), &modeltest.Texts{}, []zeroshot.Class{{Name: "purple"}, {Name: "purple cells"}}, zeroshot.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if a := ask(t, same, "purple"); a.Class != -1 || a.Best != 0 {
		t.Errorf("two names of one thing: %+v", a)
	}
	if w := same.Warnings(); len(w) != 1 || !strings.Contains(w[0], "nearly the same") {
		t.Errorf("warnings: %q", w)
	}
}

// The mean of names and templates is CONCH's; it is computed here by hand.
func TestNew_EnsemblesAsConch(t *testing.T) {
	enc := &modeltest.Texts{}
	templates := []string{"CLASSNAME.", "a picture of CLASSNAME"}
	c, err := zeroshot.New(t.Context(), enc, []zeroshot.Class{{Name: "x", Names: []string{"pink", "purple"}}, {Name: "white"}},
		zeroshot.Options{Templates: templates, Scale: 10})
	if err != nil {
		t.Fatal(err)
	}
	sentences := []string{"pink.", "a picture of pink", "purple.", "a picture of purple"}
	if !slices.Equal(c.Prompts()[:4], sentences) {
		t.Errorf("sentences: %q", c.Prompts())
	}
	vectors, err := enc.EncodeText(t.Context(), sentences)
	if err != nil {
		t.Fatal(err)
	}
	mean := make([]float32, len(vectors[0]))
	for _, v := range vectors {
		for i, x := range v {
			mean[i] += x / 4
		}
	}
	models.Normalise(mean)
	other, err := enc.EncodeText(t.Context(), []string{"white.", "a picture of white"})
	if err != nil {
		t.Fatal(err)
	}
	probe := vectors[2]
	a := c.Ask(probe)
	white := make([]float32, len(mean))
	for i := range white {
		white[i] = (other[0][i] + other[1][i]) / 2
	}
	models.Normalise(white)
	x, y := float64(models.Dot(probe, mean)), float64(models.Dot(probe, white))
	if math.Abs(a.Cosines[0]-x) > 1e-6 || math.Abs(a.Scores[0]-1/(1+math.Exp(10*(y-x)))) > 1e-5 {
		t.Errorf("%+v, want cosines %v and %v", a, x, y)
	}
}

func TestNew_Refuses(t *testing.T) {
	two := []zeroshot.Class{{Name: "a"}, {Name: "b"}}
	if _, err := zeroshot.New(t.Context(), &modeltest.Texts{}, two[:1], zeroshot.Options{}); !errors.Is(err, zeroshot.ErrFewClasses) {
		t.Error(err)
	}
	if _, err := zeroshot.New(t.Context(), &modeltest.Texts{}, two, zeroshot.Options{Templates: []string{"an image"}}); err == nil {
		t.Error("a template without a place for the name")
	}
	if _, err := zeroshot.New(t.Context(), &modeltest.Texts{}, two, zeroshot.Options{Scale: math.Inf(1)}); err == nil {
		t.Error("an infinite scale")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := zeroshot.New(ctx, &modeltest.Texts{}, two, zeroshot.Options{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	c, err := zeroshot.New(t.Context(), &modeltest.Texts{}, two, zeroshot.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Fits(models.EncoderInfo{Dim: modeltest.Dim}); !errors.Is(err, zeroshot.ErrOtherSpace) {
		t.Errorf("an encoder without texts: %v", err)
	}
}

func TestNegated(t *testing.T) {
	for s, want := range map[string]bool{"no tumour": true, "tumour-free stroma": true, "HER2-negative": true, "nodule": false, "normal tissue": false, "necrosis without cells": true} {
		if zeroshot.Negated(s) != want {
			t.Errorf("%q: %v", s, !want)
		}
	}
}

func TestStraighten(t *testing.T) {
	if got := zeroshot.Straighten("Paget\u2019s \u201cdisease\u201d \u2013 Ki\u201167\u00a0high"); got != `Paget's "disease" - Ki-67 high` {
		t.Error(got)
	}
}
