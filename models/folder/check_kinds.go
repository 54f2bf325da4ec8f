package folder

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"slices"

	"coverslip/models/dense"
	"coverslip/models/generate"
	"coverslip/models/onnx"
	"coverslip/models/onnxfile"
)

// checkWriter is the whole check of a folder that holds a model that writes and
// no encoder of patches.
func checkWriter(rt onnx.Engine, w *writerSource, path string) Report {
	r := Report{Path: path, Kind: KindTransformers, Name: w.name, License: w.license, PrepFrom: w.prepFrom}
	r.Preprocess, r.PatchSize = w.prep.ID(), w.prep.Crop
	if w.set != nil {
		r.Weights, r.File = w.set.Count(), w.set.Files[0]
	} else {
		r.describe(w.first)
	}
	if rt == nil {
		r.describeWriter(w)
		r.Warnings = append(r.Warnings, "not tried out: ONNX Runtime is not installed")
		return r
	}
	r.Runtime = rt.Version()
	r.writes(rt, w)
	return r
}

func (r *Report) describeWriter(w *writerSource) {
	r.Writes = w.kind
	if w.graphs == nil {
		layout := "one decoder, read anew for each word"
		switch {
		case w.next != nil:
			layout = "decoder and decoder with past"
		case slices.ContainsFunc(realInputs(&w.first.graph.Graph), func(v onnxfile.Value) bool { return v.Name == "use_cache_branch" }):
			layout = "merged decoder"
		}
		r.Writes += ", " + layout
	}
	r.WritesBy = w.settings.ID()
	if r.Tokenizer == "" {
		r.Tokenizer = w.words.Kind()
	}
	r.Warnings = append(r.Warnings, w.notes...)
}

// writes tries a model that writes: it does, twice alike, and alike with the
// cache and without.
func (r *Report) writes(rt onnx.Engine, w *writerSource) {
	r.describeWriter(w)
	c, err := w.open(rt)
	if err != nil {
		if r.Err == nil && w.alone() {
			r.fail(err)
		} else {
			r.add("writes", err, "")
		}
		return
	}
	r.WritesBy = c.Info().Settings.ID()
	ctx, cancel := context.WithTimeoutCause(context.Background(), selfTestTime, errTooSlow)
	defer cancel()
	patch := paint(c.Info().PatchSize, 2)
	short := generate.Options{MaxLength: len(c.Info().Settings.Start) + 6}
	first, err := c.Caption(ctx, patch, short)
	r.add("writes", err, fmt.Sprintf("of a pattern: %q", first.Text))
	if err == nil {
		again, err := c.Caption(ctx, patch, short)
		if err == nil && !slices.Equal(first.Tokens, again.Tokens) {
			err = errors.New("the same patch gave two texts")
		}
		r.add("repeats its words", err, "the same text twice")
		if c.Info().Cache {
			short.NoCache = true
			without, err := c.Caption(ctx, patch, short)
			if err == nil && !slices.Equal(first.Tokens, without.Tokens) {
				err = fmt.Errorf("with the cache it writes %q, without %q", first.Text, without.Text)
			}
			r.add("its cache changes nothing", err, "the same text with and without")
		}
	}
	if err := c.Close(); err != nil {
		r.fail(err)
	}
}

// checkDense tries a dense model: it runs, twice alike, and its tiles leave no
// seam.
func (r *Report) checkDense(rt onnx.Engine, s *source) {
	prep, o, err := s.denseOptions()
	if err != nil {
		r.fail(err)
		return
	}
	r.SHA256, r.Name, r.License, r.MPP = s.sum, o.Info.Name, o.Info.License, o.Info.MPP
	r.Preprocess, r.PatchSize, r.Classes = prep.ID(), o.Side, o.Info.Spec.Classes
	r.describeLibrary(s)
	r.Dense, r.Classes, r.Pooling = string(o.Info.Spec.Kind), o.Info.Spec.Classes, ""
	if o.Info.Note != "" {
		r.Warnings = append(r.Warnings, o.Info.Note)
	}
	if o.Info.MPP == 0 {
		r.Warnings = append(r.Warnings, "the scale (µm a pixel) is not stated: it has to be given with every run")
	}
	if rt == nil {
		r.Warnings = append(r.Warnings, "not tried out: ONNX Runtime is not installed")
		return
	}
	r.Runtime = rt.Version()
	if w := rt.Warning(); w != "" {
		r.Warnings = append(r.Warnings, w)
	}
	d, err := s.openDense(rt)
	if err != nil {
		r.fail(err)
		return
	}
	i := d.Info()
	r.Classes, r.Encoder, r.PatchSize = i.Spec.Classes, i.Hash, i.Side
	if i.Spec.Kind == dense.Star && i.Spec.ClassOutput == "" {
		r.Classes = nil
	}
	r.Dense = fmt.Sprintf("%s, tiles of %d pixels of which %d are used, %s", i.Spec.Kind, i.Side, (i.Side-2*i.Margin)/i.Step*i.Step, i.Spec.ID())
	if i.Guessed {
		r.Warnings = append(r.Warnings, fmt.Sprintf("how far it looks around a pixel cannot be read off the graph: a margin of %d pixels is a guess, and seams may show", i.Margin))
	}
	r.denseTest(d)
	if err := d.Close(); err != nil {
		r.fail(err)
	}
}

// denseTest runs a region of four tiles, and the same moved by a step: what lies
// in both must be the same.
func (r *Report) denseTest(d *dense.Model) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), selfTestTime, errTooSlow)
	defer cancel()
	i := d.Info()
	use := (i.Side - 2*i.Margin) / i.Step * i.Step
	region := image.Rect(0, 0, 2*use, 2*use)
	read := func(_ context.Context, at image.Rectangle) (*image.RGBA, error) {
		img := image.NewRGBA(image.Rect(0, 0, at.Dx(), at.Dy()))
		for y := range at.Dy() {
			for x := range at.Dx() {
				gx, gy := float64(at.Min.X+x), float64(at.Min.Y+y)
				v := uint8(150 + 90*math.Sin(gx/7)*math.Sin(gy/9))
				p := img.Pix[img.PixOffset(x, y):]
				p[0], p[1], p[2], p[3] = v, v/2+40, v/3+120, 255
			}
		}
		return img, nil
	}
	found, err := d.Run(ctx, region, read, nil)
	r.add("runs", err, fmt.Sprintf("%d objects in a made-up pattern", len(found)))
	if err != nil {
		return
	}
	again, err := d.Run(ctx, region, read, nil)
	if err == nil && coverage(found) != coverage(again) {
		err = errors.New("the same region gave two results: the model is random when it runs")
	}
	r.add("repeats", err, "the same twice")
}

// coverage is a sum that two results share only when they are the same.
func coverage(found []dense.Object) float64 {
	sum := 0.0
	for _, o := range found {
		sum += o.Outline.Outer.Area() * float64(o.Class+1) * (1 + o.Score)
	}
	return sum
}
