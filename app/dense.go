package app

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"sort"
	"strconv"
	"strings"
	"time"

	"coverslip/annotate"
	"coverslip/models/dense"
	"coverslip/models/folder"
	"coverslip/models/onnx"
	"coverslip/tiles"
)

// ErrNoRegion: a dense model was asked about a region without area, or beside
// the slide.
var ErrNoRegion = errors.New("the region holds nothing of the slide")

// DenseOptions says how a model is run that says something of every pixel.
type DenseOptions struct {
	Model    string         // folder
	Regions  []annotate.ROI // areas; empty = the whole slide
	MPP      float64        // µm a pixel as the model sees it; 0 takes the model's, else 0.5
	SRGB     bool           // the model sees the slide's colours converted by its profile
	Planes   tiles.Choice   // of a slide of several planes, what the model sees
	MinScore float64        // least score of what is proposed, 0..1
	Limit    int            // most suggestions; 0 takes 20000
	Thin     float64        // pixels of the model by which outlines may be simplified; 0 takes 0.5, below zero none
}

// DenseReport is what a run did.
type DenseReport struct {
	Model     string
	Untrained bool
	Note      string // the model's warning
	Tiles     int    // of the model
	Found     int    // objects of the score wanted, in the regions
	Suggested int    // of them; the likeliest when there were more than Limit
	Replaced  int    // undecided suggestions of the same model in the regions, taken away
	Refused   int    // left out because a person rejected the same before
	Classes   []string
	Elapsed   time.Duration
}

// Limits of a run.
const (
	defaultDenseLimit = 20_000
	defaultThin       = 0.5
	methodDense       = "dense"
)

// denseRun is one run in the making.
type denseRun struct {
	o      DenseOptions
	info   dense.Info
	params string
	side   float64 // level-0 pixels a pixel of the model
	report DenseReport
}

// SegmentRegions runs a dense model over regions of a slide and proposes what it
// finds as detections with outlines in level-0 pixels. Classes of the model that
// the project has by name are taken, the others are added to the palette. All of
// it is one edit, which also takes away undecided suggestions of the same model in
// the regions; nothing counts as a label until a person accepts it. It returns
// ErrNoScale, ErrNoRegion, dense.ErrTooLarge, and the errors of the model and the
// slide.
func (s *Session) SegmentRegions(ctx context.Context, slide annotate.ID, o DenseOptions, p Progress) (DenseReport, error) {
	started := time.Now()
	item, err := s.Slide(slide)
	if err != nil {
		return DenseReport{}, err
	}
	if _, err := newGrid(item.Slide, defaultPatch, defaultMPP); err != nil {
		return DenseReport{}, err // cheap questions first
	}
	p.report("Opening the model", 0, 0)
	engine, err := s.Engine()
	if err != nil {
		return DenseReport{}, err
	}
	m, err := folder.OpenDense(engine, o.Model)
	if err != nil {
		return DenseReport{}, about("model", o.Model, err)
	}
	defer m.Close()
	r := &denseRun{o: o, info: m.Info()}
	if r.o.Limit == 0 {
		r.o.Limit = defaultDenseLimit
	}
	if r.o.Thin == 0 {
		r.o.Thin = defaultThin
	}
	for _, mpp := range []float64{r.info.MPP, defaultMPP} {
		if r.o.MPP == 0 {
			r.o.MPP = mpp
		}
	}
	if !(r.o.MPP > 0) || math.IsInf(r.o.MPP, 0) || r.o.Limit < 0 {
		return DenseReport{}, fmt.Errorf("%g µm a pixel, limit %d: must be positive", r.o.MPP, r.o.Limit)
	}
	r.side = r.o.MPP / math.Sqrt(item.MPPX*item.MPPY)
	r.report = DenseReport{Model: r.info.Name, Untrained: r.info.Untrained, Note: r.info.Note}
	if len(o.Regions) == 0 {
		r.o.Regions = []annotate.ROI{annotate.Rectangle(0, 0, float64(item.Width), float64(item.Height))}
	}
	found, err := r.look(ctx, s, item, m, engine, p)
	if err != nil {
		return DenseReport{}, err
	}
	if err := ctx.Err(); err != nil {
		return DenseReport{}, err
	}
	p.report("Writing suggestions", 0, 0)
	edit, err := r.edit(s, slide, found)
	if err != nil {
		return DenseReport{}, err
	}
	if err := s.Apply(edit); err != nil {
		return DenseReport{}, err
	}
	r.report.Elapsed = time.Since(started)
	return r.report, nil
}

// look runs the model over every region.
func (r *denseRun) look(ctx context.Context, s *Session, item SlideItem, m *dense.Model, engine onnx.Engine, p Progress) ([]*annotate.Object, error) {
	t, err := s.findWhole(ctx, item)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	seen, err := seenBy(ctx, t, r.o.SRGB, r.o.Planes)
	if err != nil {
		return nil, about("slide", item.Name, err)
	}
	reader := newDenseReader(seen, r.side, &s.traffic)
	defer reader.close()
	provider, _ := m.Computed()
	var found []*annotate.Object
	for i, region := range r.o.Regions {
		b := region.Bounds()
		whole := annotate.Box{MaxX: float64(item.Width), MaxY: float64(item.Height)}
		b = annotate.Box{MinX: math.Max(b.MinX, 0), MinY: math.Max(b.MinY, 0), MaxX: math.Min(b.MaxX, whole.MaxX), MaxY: math.Min(b.MaxY, whole.MaxY)}
		if !region.IsArea() || b.MinX >= b.MaxX || b.MinY >= b.MaxY {
			return nil, ErrNoRegion
		}
		at := image.Rect(int(b.MinX/r.side), int(b.MinY/r.side), int(math.Ceil(b.MaxX/r.side)), int(math.Ceil(b.MaxY/r.side)))
		stage := "Segmenting"
		if len(r.o.Regions) > 1 {
			stage = fmt.Sprintf("Segmenting region %d of %d", i+1, len(r.o.Regions))
		}
		objects, err := m.Run(ctx, at, reader.read, func(done, total int) {
			p.report(stage, done, total)
			if done == total {
				r.report.Tiles += total
			}
		})
		if err != nil {
			return nil, err
		}
		r.params = strings.Join([]string{fmt.Sprintf("mpp=%g tile=%d margin=%d step=%d region=%d,%d,%d,%d colour=%s thin=%g min-score=%g", r.o.MPP, r.info.Side, r.info.Margin, r.info.Step,
			at.Min.X, at.Min.Y, at.Max.X, at.Max.Y, colourWord(seen.pixels), r.o.Thin, r.o.MinScore), r.info.Spec.ID(), "preprocess=" + strconv.Quote(r.info.Preprocess),
			fmt.Sprintf("runtime=%s provider=%s app=%s", engine.Version(), provider, Version)}, " ")
		for n, o := range objects {
			if n%64 == 0 && ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if o.Score < r.o.MinScore {
				continue
			}
			if obj := r.object(s, region, o); obj != nil {
				found = append(found, obj)
			}
		}
	}
	return found, nil
}

// object is a detection of what the model found; nil when it lies outside the
// region, or is no area once it is brought into the slide's plane. Its class is
// its name, for edit.
func (r *denseRun) object(s *Session, region annotate.ROI, o dense.Object) *annotate.Object {
	ring := func(in dense.Ring) annotate.Ring {
		out := make(annotate.Ring, len(in))
		for i, p := range in {
			out[i] = annotate.Point{X: p.X * r.side, Y: p.Y * r.side}
		}
		return out
	}
	poly := annotate.Polygon{Outer: ring(o.Outline.Outer)}
	for _, h := range o.Outline.Holes {
		poly.Holes = append(poly.Holes, ring(h))
	}
	roi := annotate.ROI{Kind: annotate.KindPolygon, Polygons: []annotate.Polygon{poly}}
	if r.info.Spec.Kind == dense.Classes && r.o.Thin > 0 {
		if thin, err := roi.Simplified(r.o.Thin * r.side); err == nil {
			roi = thin
		}
	}
	if region.Kind != annotate.KindRectangle {
		if r.info.Spec.Kind == dense.Star {
			if !region.Contains(roi.Centroid()) {
				return nil
			}
		} else if cut, err := annotate.Intersection(roi, region); err == nil {
			roi = cut
		}
	}
	roi, _, err := roi.Repaired()
	if err != nil || !roi.IsArea() || !(roi.Area() > 0) {
		return nil
	}
	name := r.info.Name
	if o.Class < len(r.info.Spec.Classes) && !(r.info.Spec.Kind == dense.Star && r.info.Spec.ClassOutput == "" && strings.HasPrefix(r.info.Spec.Classes[0], "class ")) {
		name = r.info.Spec.Classes[o.Class]
	}
	why := fmt.Sprintf("Outlined by %s: %s, %.0f %%.", r.info.Name, name, 100*o.Score)
	if r.info.Untrained {
		why = "The model is untrained: this means little. " + why
	}
	if r.info.Note != "" {
		why += " " + r.info.Note + "."
	}
	now := time.Now().UTC()
	return &annotate.Object{ID: annotate.NewID(), Kind: annotate.Detection, ROI: roi, Name: name, Created: now, Changed: now,
		By: annotate.Provenance{Author: s.Author(), Model: r.info.Name, ModelHash: r.info.Hash, Untrained: r.info.Untrained, Method: methodDense,
			Score: o.Score, Margin: o.Score, Why: why, Params: r.params}}
}

// denseColours are given in turn to classes that a model brings.
var denseColours = [...]color.NRGBA{{230, 97, 1, 255}, {94, 60, 153, 255}, {27, 158, 119, 255}, {217, 95, 142, 255}, {102, 166, 30, 255}, {30, 120, 180, 255}, {166, 118, 29, 255}, {90, 90, 90, 255}}

// edit is the one edit of a run.
func (r *denseRun) edit(s *Session, slide annotate.ID, found []*annotate.Object) (annotate.Edit, error) {
	set, err := s.Objects(slide)
	if err != nil {
		return annotate.Edit{}, err
	}
	var e annotate.Edit
	e.Slide = slide
	inside := func(b annotate.Box) bool {
		for _, region := range r.o.Regions {
			if region.Contains(b.Center()) {
				return true
			}
		}
		return false
	}
	var refused []*annotate.Object
	set.All(func(old *annotate.Object) bool {
		switch {
		case old.By.ModelHash != r.info.Hash || old.Kind != annotate.Detection:
		case old.IsSuggestion() && inside(old.ROI.Bounds()):
			e.Changes = append(e.Changes, annotate.Change{Before: old})
		case old.Review.Decision == annotate.Rejected:
			refused = append(refused, old)
		}
		return true
	})
	r.report.Replaced = len(e.Changes)
	kept := found[:0]
	for _, o := range found {
		if rejectedBefore(refused, o) {
			r.report.Refused++
			continue
		}
		kept = append(kept, o)
	}
	r.report.Found = len(kept)
	if len(kept) > r.o.Limit {
		sort.SliceStable(kept, func(i, j int) bool { return kept[i].By.Score > kept[j].By.Score })
		kept = kept[:r.o.Limit]
	}
	palette := s.Palette()
	class := map[string]annotate.ID{}
	for _, o := range kept {
		id, ok := class[o.Name]
		if !ok {
			for _, c := range palette {
				if strings.EqualFold(c.Name, o.Name) {
					id = c.ID
				}
			}
			if id.IsZero() {
				c := annotate.Class{ID: annotate.NewID(), Name: o.Name, Color: denseColours[len(class)%len(denseColours)]}
				id = c.ID
				e.Classes = append(e.Classes, annotate.ClassChange{After: &c})
			}
			class[o.Name] = id
			r.report.Classes = append(r.report.Classes, o.Name)
		}
		o.Class, o.Name = id, ""
		e.Changes = append(e.Changes, annotate.Change{After: o})
	}
	r.report.Suggested = len(kept)
	e.Label = counted("Segment", len(kept), "object") + " by " + r.info.Name
	return e, nil
}

// rejectedBefore tells whether a person rejected a detection that lies where this
// one does: their boxes share more than two thirds of their union.
func rejectedBefore(refused []*annotate.Object, o *annotate.Object) bool {
	b := o.ROI.Bounds()
	for _, old := range refused {
		q := old.ROI.Bounds()
		w, h := math.Min(b.MaxX, q.MaxX)-math.Max(b.MinX, q.MinX), math.Min(b.MaxY, q.MaxY)-math.Max(b.MinY, q.MinY)
		if w <= 0 || h <= 0 {
			continue
		}
		area := func(x annotate.Box) float64 { return (x.MaxX - x.MinX) * (x.MaxY - x.MinY) }
		if both := w * h; both > 2*(area(b)+area(q)-both)/3 {
			return true
		}
	}
	return false
}
