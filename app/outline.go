package app

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"strconv"
	"strings"
	"time"

	"coverslip/annotate"
	"coverslip/models/segment"
	"coverslip/storage"
	"coverslip/tiles"
)

// methodPrompt is how an outline by pointing is called in its provenance.
const methodPrompt = "prompt"

// PromptPoint is a place that a person pointed at.
type PromptPoint struct {
	annotate.Point      // level-0 pixels
	Beside         bool // it is not part of what is meant
}

// Prompt is what a person pointed at; a box and points may come together.
type Prompt struct {
	Points []PromptPoint
	Box    *annotate.Box // level-0 pixels; nil = none
}

// Outliner outlines what a person points at, by a SAM-family model. It belongs to
// the session, which closes it.
type Outliner struct {
	s      *Session
	path   string
	models *segment.Segmenter
}

// Outliner opens the encoder and decoder in a folder, or gives those that are open
// already. It takes as long as their weights are large. Errors are those of Engine
// and of segment.Open.
func (s *Session) Outliner(path string) (*Outliner, error) {
	s.encoderMu.Lock()
	defer s.encoderMu.Unlock()
	if s.outliner != nil && s.outliner.path == path {
		return s.outliner, nil
	}
	e, err := s.startedEngine()
	if err != nil {
		return nil, err
	}
	m, err := segment.Open(e, path)
	if err != nil {
		return nil, about("model", path, err)
	}
	if s.outliner != nil {
		if err := s.outliner.models.Close(); err != nil {
			return nil, errors.Join(err, m.Close())
		}
	}
	s.outliner = &Outliner{s: s, path: path, models: m}
	return s.outliner, nil
}

// IsOutliner tells whether a folder holds an encoder and decoder for outlining.
func IsOutliner(path string) bool { return segment.Is(path) }

// Info says what the models are.
func (o *Outliner) Info() segment.Info { return o.models.Info() }

// Sight is a square of a slide that the encoder has seen; every prompt on it is
// answered by the decoder alone.
type Sight struct {
	o     *Outliner
	slide annotate.ID
	box   annotate.Box // level-0 pixels
	px    int          // pixels of the picture's side
	view  *segment.View
	Took  time.Duration // reading and encoding
}

// See reads a square of a slide and has the encoder look at it, once. The box,
// level-0 pixels, is grown to a square about its middle; what lies outside of the
// slide is white.
func (o *Outliner) See(ctx context.Context, slide annotate.ID, box annotate.Box) (*Sight, error) {
	start := time.Now()
	item, err := o.s.Slide(slide)
	if err != nil {
		return nil, err
	}
	side := math.Ceil(max(box.Width(), box.Height(), 16))
	c := box.Center()
	x, y := math.Round(c.X-side/2), math.Round(c.Y-side/2)
	v := &Sight{o: o, slide: slide, box: annotate.Box{MinX: x, MinY: y, MaxX: x + side, MaxY: y + side}}
	img, err := o.read(ctx, item.Slide, v)
	if err != nil {
		return nil, err
	}
	if v.view, err = o.models.See(ctx, img); err != nil {
		return nil, err
	}
	v.Took = time.Since(start)
	return v, nil
}

// read takes the pixels of a sight at the level that is just fine enough.
func (o *Outliner) read(ctx context.Context, item storage.Slide, v *Sight) (*image.RGBA, error) {
	t, _, err := o.s.find(ctx, item)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	seen, err := seenBy(ctx, t, false, tiles.Choice{})
	if err != nil {
		return nil, err
	}
	side := v.box.Width()
	want, from := max(1, side/float64(o.models.Side())), tiles.Slide(seen)
	level := tiles.BestLevel(from.Levels(), want)
	if want/from.Levels()[level].Downsample > maxRatio { // a slide without that level
		from = tiles.Halved(from)
		level = tiles.BestLevel(from.Levels(), want)
	}
	v.px = max(1, int(math.Round(side/from.Levels()[level].Downsample)))
	img := image.NewRGBA(image.Rect(0, 0, v.px, v.px))
	if err := tiles.ReadRegion(ctx, from, level, int(v.box.MinX), int(v.box.MinY), img); err != nil {
		return nil, err
	}
	onWhite(img)
	return img, nil
}

// Holds tells whether a prompt lies in what was seen of a slide.
func (v *Sight) Holds(slide annotate.ID, p Prompt) bool {
	in := func(q annotate.Point) bool {
		return q.X >= v.box.MinX && q.Y >= v.box.MinY && q.X < v.box.MaxX && q.Y < v.box.MaxY
	}
	for _, q := range p.Points {
		if !in(q.Point) {
			return false
		}
	}
	return v.slide == slide && (p.Box == nil || in(annotate.Point{X: p.Box.MinX, Y: p.Box.MinY}) && p.Box.MaxX <= v.box.MaxX && p.Box.MaxY <= v.box.MaxY)
}

// Box is the square that was seen, level-0 pixels.
func (v *Sight) Box() annotate.Box { return v.box }

// Outline is an answer to a prompt.
type Outline struct {
	ROI   annotate.ROI  // level-0 pixels; without points when nothing was found
	Score float64       // overlap with the truth that the model expects of itself, 0 … 1
	Took  time.Duration // the decoder and the outline

	sight  *Sight
	prompt Prompt
}

// Ask outlines what a prompt means.
func (v *Sight) Ask(ctx context.Context, p Prompt) (Outline, error) {
	start := time.Now()
	k := float64(v.px) / v.box.Width()
	q := segment.Prompt{}
	for _, a := range p.Points {
		q.Points = append(q.Points, segment.Point{X: (a.X - v.box.MinX) * k, Y: (a.Y - v.box.MinY) * k, Beside: a.Beside})
	}
	if b := p.Box; b != nil {
		r := image.Rect(int(math.Floor((b.MinX-v.box.MinX)*k)), int(math.Floor((b.MinY-v.box.MinY)*k)), int(math.Ceil((b.MaxX-v.box.MinX)*k)), int(math.Ceil((b.MaxY-v.box.MinY)*k)))
		q.Box = &r
	}
	m, err := v.view.Ask(ctx, q)
	if err != nil {
		return Outline{}, err
	}
	out := Outline{Score: max(0, min(1, m.Score)), sight: v, prompt: p}
	out.ROI = v.roi(m, q)
	out.Took = time.Since(start)
	return out, nil
}

// Specks of a mask that are left out: pieces and holes of fewer pixels, and pieces
// much smaller than the largest.
const (
	leastSpeck = 12
	leastShare = 0.02
)

// roi is the outline of a mask on the slide, the stairs of its pixels smoothed
// away. Of several pieces those are meant that were pointed at.
func (v *Sight) roi(m *segment.Mask, q segment.Prompt) annotate.ROI {
	raw := annotate.ROI{Kind: annotate.KindPolygon}
	rings := m.Rings(leastSpeck)
	largest := 0
	for _, r := range rings {
		largest = max(largest, r.Area())
	}
	var holes []annotate.Ring
	for _, r := range rings {
		ring := make(annotate.Ring, len(r))
		for i, p := range r {
			ring[i] = annotate.Point{X: float64(p.X), Y: float64(p.Y)}
		}
		switch a := r.Area(); {
		case a < 0:
			holes = append(holes, ring)
		case float64(a) >= leastShare*float64(largest):
			raw.Polygons = append(raw.Polygons, annotate.Polygon{Outer: ring})
		}
	}
	raw.Polygons = meant(raw.Polygons, q)
	for _, h := range holes {
		// Half a pixel inwards from the hole's first corner is in the hole.
		for i := range raw.Polygons {
			if raw.Polygons[i].Outer.Contains(h.Bounds().Center()) || raw.Polygons[i].Outer.Contains(annotate.Point{X: h[0].X - 0.5, Y: h[0].Y + 0.5}) {
				raw.Polygons[i].Holes = append(raw.Polygons[i].Holes, h)
				break
			}
		}
	}
	if len(raw.Polygons) == 0 {
		return annotate.ROI{}
	}
	smooth, err := raw.Smoothed(1)
	if err != nil {
		if smooth, _, err = raw.Repaired(); err != nil {
			smooth = raw
		}
	}
	if thin, err := smooth.Simplified(0.3); err == nil {
		smooth = thin
	}
	k := v.box.Width() / float64(v.px)
	out := smooth.Map(func(p annotate.Point) annotate.Point {
		return annotate.Point{X: v.box.MinX + p.X*k, Y: v.box.MinY + p.Y*k}
	})
	if out.WellFormed() != nil {
		return annotate.ROI{}
	}
	return out
}

// meant keeps the pieces that hold a point which was meant, when any does.
func meant(pieces []annotate.Polygon, q segment.Prompt) []annotate.Polygon {
	var kept []annotate.Polygon
	for _, piece := range pieces {
		for _, p := range q.Points {
			if !p.Beside && piece.Outer.Contains(annotate.Point{X: p.X, Y: p.Y}) {
				kept = append(kept, piece)
				break
			}
		}
	}
	if len(kept) == 0 {
		return pieces
	}
	return kept
}

// TakeOutline makes an outline that a person accepted an annotation of a class. It
// says which model outlined it, from what, and who accepted it.
func (s *Session) TakeOutline(o Outline, class annotate.ID) (annotate.ID, error) {
	if o.sight == nil || o.ROI.Vertices() == 0 {
		return annotate.ID{}, ErrNothingFound
	}
	if err := s.checkClass(class); err != nil && !class.IsZero() {
		return annotate.ID{}, err
	}
	now, info := time.Now().UTC(), o.sight.o.Info()
	obj := &annotate.Object{ID: annotate.NewID(), Kind: annotate.Annotation, ROI: o.ROI, Class: class, Created: now, Changed: now,
		By: annotate.Provenance{Author: s.Author(), Model: info.Name, ModelHash: info.Hash, Untrained: info.Untrained, Method: methodPrompt, Score: o.Score,
			Why: "Outlined by " + info.Name + " from " + o.prompt.words() + "; accepted by " + s.Author() + ".", Params: s.promptParams(o)}}
	return obj.ID, s.Apply(annotate.Edit{Slide: o.sight.slide, Label: "Outline by pointing", Changes: []annotate.Change{{After: obj}}})
}

// promptParams is all that is needed to outline the same again.
func (s *Session) promptParams(o Outline) string {
	b := o.sight.box
	line := fmt.Sprintf("seen=%g,%g,%g px=%d prompt=%s score=%.6f preprocess=%s", b.MinX, b.MinY, b.Width(), o.sight.px, o.prompt.text(), o.Score, strconv.Quote(o.sight.o.Info().Preprocess))
	s.encoderMu.Lock()
	if s.engine != nil {
		line += " runtime=" + s.engine.Version()
	}
	s.encoderMu.Unlock()
	return line + " app=" + Version
}

// text is a prompt as one word: on:x,y and beside:x,y for points, box:x0,y0,x1,y1.
func (p Prompt) text() string {
	var parts []string
	for _, q := range p.Points {
		name := "on"
		if q.Beside {
			name = "beside"
		}
		parts = append(parts, fmt.Sprintf("%s:%g,%g", name, q.X, q.Y))
	}
	if b := p.Box; b != nil {
		parts = append(parts, fmt.Sprintf("box:%g,%g,%g,%g", b.MinX, b.MinY, b.MaxX, b.MaxY))
	}
	return strings.Join(parts, ";")
}

// parsePrompt reads what text wrote.
func parsePrompt(text string) (Prompt, error) {
	var p Prompt
	bad := fmt.Errorf("%w: prompt=%q", ErrNotRepeatable, text)
	if text == "" || len(text) > 1<<16 {
		return p, bad
	}
	for _, part := range strings.Split(text, ";") {
		name, numbers, _ := strings.Cut(part, ":")
		var n []float64
		for _, f := range strings.Split(numbers, ",") {
			v, err := strconv.ParseFloat(f, 64)
			if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
				return p, bad
			}
			n = append(n, v)
		}
		switch {
		case name == "box" && len(n) == 4 && p.Box == nil:
			p.Box = &annotate.Box{MinX: n[0], MinY: n[1], MaxX: n[2], MaxY: n[3]}
		case (name == "on" || name == "beside") && len(n) == 2:
			p.Points = append(p.Points, PromptPoint{annotate.Point{X: n[0], Y: n[1]}, name == "beside"})
		default:
			return p, bad
		}
	}
	return p, nil
}

// words says a prompt to people.
func (p Prompt) words() string {
	on, beside := 0, 0
	for _, q := range p.Points {
		if q.Beside {
			beside++
		} else {
			on++
		}
	}
	var parts []string
	if on > 0 {
		parts = append(parts, grouped(on, "point"))
	}
	if beside > 0 {
		parts = append(parts, grouped(beside, "point")+" beside it")
	}
	if p.Box != nil {
		parts = append(parts, "a box")
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, " and ")
}

// ReplayOutline outlines a stored annotation again, from the same pixels and the
// same prompt, and compares what the model expected of itself then and now.
func (s *Session) ReplayOutline(ctx context.Context, slide, id annotate.ID, o *Outliner) (Replayed, error) {
	first, _, err := s.firstVersion(slide, id)
	if err != nil {
		return Replayed{}, err
	}
	if first.By.Method != methodPrompt {
		return Replayed{}, ErrNotSuggestion
	}
	info := o.Info()
	if info.Hash != first.By.ModelHash {
		return Replayed{}, fmt.Errorf("%w: %s (%.12s), open is %s (%.12s)", ErrOtherModel, first.By.Model, first.By.ModelHash, info.Name, info.Hash)
	}
	params := parseParams(first.By.Params)
	var x, y, side float64
	if n, err := fmt.Sscanf(params["seen"], "%g,%g,%g", &x, &y, &side); n != 3 || err != nil || !(side > 0) {
		return Replayed{}, fmt.Errorf("%w: seen=%q", ErrNotRepeatable, params["seen"])
	}
	p, err := parsePrompt(params["prompt"])
	if err != nil {
		return Replayed{}, err
	}
	v, err := o.See(ctx, slide, annotate.Box{MinX: x, MinY: y, MaxX: x + side, MaxY: y + side})
	if err != nil {
		return Replayed{}, err
	}
	if v.box.MinX != x || v.box.MinY != y || v.box.Width() != side {
		return Replayed{}, errors.Join(ErrNotRepeatable, errors.New("the square that was seen cannot be read again"))
	}
	again, err := v.Ask(ctx, p)
	if err != nil {
		return Replayed{}, err
	}
	r := Replayed{Object: id, Class: first.Class, Method: methodPrompt, Stored: first.By.Score, Now: again.Score, Params: first.By.Params}
	r.Difference = r.Now - r.Stored
	r.Same = math.Abs(r.Difference) <= ReplayTolerance
	return r, nil
}

// OutlinerReport is the verdict on a folder with an encoder and a decoder.
type OutlinerReport struct {
	Info     segment.Info
	See, Ask time.Duration // of the trial
	Err      error         // why it cannot be used; nil when it can
}

// CheckOutliner opens the models in a folder and tries them out on a picture with
// a dark square in it.
func (s *Session) CheckOutliner(ctx context.Context, path string) OutlinerReport {
	o, err := s.Outliner(path)
	if err != nil {
		return OutlinerReport{Err: err}
	}
	r := OutlinerReport{Info: o.Info()}
	side := o.models.Side()
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	for i := range side * side {
		p := img.Pix[4*i : 4*i+4]
		p[0], p[1], p[2], p[3] = 235, 190, 215, 255
		if x, y := i%side, i/side; x > side/4 && x < side/2 && y > side/4 && y < side/2 {
			p[0], p[1], p[2] = 90, 50, 130
		}
	}
	start := time.Now()
	view, err := o.models.See(ctx, img)
	if err != nil {
		r.Err = err
		return r
	}
	r.See = time.Since(start)
	start = time.Now()
	if _, r.Err = view.Ask(ctx, segment.Prompt{Points: []segment.Point{{X: float64(side) * 3 / 8, Y: float64(side) * 3 / 8}}}); r.Err == nil {
		r.Ask = time.Since(start)
	}
	return r
}
