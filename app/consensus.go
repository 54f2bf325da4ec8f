package app

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"slices"
	"strings"
	"time"

	"coverslip/annotate"
	"coverslip/annotate/agreement"
	"coverslip/tiles/alike"
)

// ConsensusMethod is how several readers' areas become one.
type ConsensusMethod string

// The methods; the words are in the provenance of the labels.
const (
	ConsensusVote   ConsensusMethod = "vote"   // what more than half of the readers covered, exact on their outlines
	ConsensusSTAPLE ConsensusMethod = "staple" // readers weighed by how they fare, on a raster
)

// consensusPrefix begins the method of consensus labels.
const consensusPrefix = "consensus:"

// isConsensus tells labels that were computed from those of readers.
func isConsensus(o *annotate.Object) bool { return strings.HasPrefix(o.By.Method, consensusPrefix) }

// ConsensusOptions says whose areas become one, and how.
type ConsensusOptions struct {
	Method  ConsensusMethod
	Readers []string // as Readers names them; none = all
	Pixel   float64  // µm of STAPLE's raster; 0 takes 2
}

// Consensus adds, beside the labels of the readers, suggestions of what they say
// together: one for each part of each class, which names the labels it came from.
// A reader who drew nothing of a class on the slide says that there is none. The
// raster of STAPLE ends a tenth beyond what the readers drew, as its answer
// depends on how much empty ground there is. What an earlier call added and
// nobody decided on is replaced. It returns how many were added; ErrReaders with
// fewer than two readers.
func (s *Session) Consensus(ctx context.Context, slide annotate.ID, o ConsensusOptions) (int, error) {
	item, err := s.Slide(slide)
	if err != nil {
		return 0, err
	}
	set, err := s.Objects(slide)
	if err != nil {
		return 0, err
	}
	titles, err := s.readingTitles()
	if err != nil {
		return 0, err
	}
	given, err := s.givenTo()
	if err != nil {
		return 0, err
	}
	by := map[string][]*annotate.Object{}
	e := annotate.Edit{Slide: slide, Label: "Consensus of readers"}
	set.All(func(x *annotate.Object) bool {
		if name := readerOf(x, titles); name != "" && x.ROI.IsArea() && (len(o.Readers) == 0 || slices.Contains(o.Readers, name)) {
			by[name] = append(by[name], x)
		}
		if isConsensus(x) && x.IsSuggestion() {
			e.Changes = append(e.Changes, annotate.Change{Before: x})
		}
		return true
	})
	for _, name := range o.Readers {
		if by[name] == nil && slices.Contains(given[name], slide) {
			by[name] = []*annotate.Object{} // read, and found nothing
		}
	}
	if len(by) < 2 {
		return 0, fmt.Errorf("slide %s: areas of %d reader(s): %w", item.Name, len(by), ErrReaders)
	}
	scale := math.Sqrt(item.MPPX * item.MPPY)
	if o.Method == ConsensusSTAPLE && !(scale > 0) {
		return 0, noScale(item.Slide)
	}
	if o.Pixel <= 0 {
		o.Pixel = 2
	}
	added := 0
	for _, class := range s.Palette() {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		objects, err := s.agreed(by, class.ID, o, scale)
		if err != nil {
			return 0, fmt.Errorf("class %s: %w", class.Name, err)
		}
		for _, x := range objects {
			added++
			e.Changes = append(e.Changes, annotate.Change{After: x})
		}
	}
	return added, s.Apply(e)
}

// agreed are the consensus objects of one class.
func (s *Session) agreed(by map[string][]*annotate.Object, class annotate.ID, o ConsensusOptions, scale float64) ([]*annotate.Object, error) {
	var areas []annotate.ROI
	var sources []*annotate.Object
	for _, name := range sortedNames(present(by)) {
		var own []annotate.ROI
		for _, x := range by[name] {
			if x.Class == class {
				own = append(own, x.ROI)
				sources = append(sources, x)
			}
		}
		if len(own) > 0 {
			u, err := annotate.Union(own...)
			if err != nil {
				return nil, err
			}
			areas = append(areas, u)
		}
	}
	if len(areas) == 0 {
		return nil, nil
	}
	roi, score, err := agreedArea(areas, len(by), o, scale)
	if errors.Is(err, annotate.ErrNoArea) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	var out []*annotate.Object
	for _, part := range roi.Parts() {
		x := &annotate.Object{ID: annotate.NewID(), Kind: annotate.Detection, ROI: part, Class: class, Created: now, Changed: now,
			By: annotate.Provenance{Author: s.Author(), Method: consensusPrefix + string(o.Method), Score: score,
				Why:    fmt.Sprintf("%d of %d readers drew this class on the slide.", len(areas), len(by)),
				Params: fmt.Sprintf("readers=%d method=%s", len(by), o.Method)}}
		if o.Method == ConsensusSTAPLE {
			x.By.Params += fmt.Sprintf(" pixel=%g", o.Pixel)
		}
		for _, src := range sources {
			if src.ROI.Bounds().Meets(part.Bounds()) {
				x.By.Nearest = append(x.By.Nearest, src.ID)
			}
		}
		out = append(out, x)
	}
	return out, nil
}

func present(by map[string][]*annotate.Object) map[string]bool {
	out := map[string]bool{}
	for name := range by {
		out[name] = true
	}
	return out
}

// agreedArea is the area of one class that the readers say together, and a score
// for it: the mean share of it that a reader covers, or STAPLE's mean weight.
func agreedArea(areas []annotate.ROI, readers int, o ConsensusOptions, scale float64) (annotate.ROI, float64, error) {
	if o.Method == ConsensusSTAPLE {
		return stapleArea(areas, readers, o.Pixel/scale)
	}
	if o.Method != ConsensusVote {
		return annotate.ROI{}, 0, fmt.Errorf("method %q: there are %s and %s", o.Method, ConsensusVote, ConsensusSTAPLE)
	}
	roi, err := agreement.MajorityArea(areas, readers/2+1)
	if err != nil {
		return roi, 0, err
	}
	covered := 0.0
	for _, a := range areas {
		over, err := agreement.Areas(a, roi)
		if err != nil {
			return roi, 0, err
		}
		covered += over.Both / over.Second / float64(readers)
	}
	return roi, min(covered, 1), nil
}

// stapleArea is STAPLE on a raster of step level-0 pixels.
func stapleArea(areas []annotate.ROI, readers int, step float64) (annotate.ROI, float64, error) {
	box := areas[0].Bounds()
	for _, a := range areas[1:] {
		box = box.Union(a.Bounds())
	}
	box = box.Grow(max(box.Width(), box.Height()) / 10)
	w, h := int(math.Ceil(box.Width()/step)), int(math.Ceil(box.Height()/step))
	var masks []agreement.Mask
	for r := range readers {
		m, err := agreement.NewMask(w, h)
		if err != nil {
			return annotate.ROI{}, 0, err
		}
		if r < len(areas) {
			for i := range m.On {
				m.On[i] = areas[r].Contains(annotate.Point{X: box.MinX + (float64(i%w)+0.5)*step, Y: box.MinY + (float64(i/w)+0.5)*step})
			}
		}
		masks = append(masks, m)
	}
	staple, err := agreement.NewStaple(masks, agreement.StapleOptions{})
	if err != nil {
		return annotate.ROI{}, 0, err
	}
	mask := staple.Mask(w)
	sum, n := 0.0, 0.0
	for i, on := range mask.On {
		if on {
			sum, n = sum+staple.Weight[i], n+1
		}
	}
	if n == 0 {
		return annotate.ROI{}, 0, annotate.ErrNoArea
	}
	roi, err := outlined(&alike.Mask{W: w, H: h, On: mask.On}, func(p image.Point) annotate.Point {
		return annotate.Point{X: box.MinX + float64(p.X)*step, Y: box.MinY + float64(p.Y)*step}
	})
	return roi, min(sum/n, 1), err
}

// outlined is the area of a mask: holes are the rings that turn the other way.
func outlined(m *alike.Mask, at func(image.Point) annotate.Point) (annotate.ROI, error) {
	var outer, holes []annotate.ROI
	for _, points := range m.Outlines() {
		var ring annotate.Ring
		for _, p := range points {
			ring = append(ring, at(p))
		}
		roi := annotate.ROI{Kind: annotate.KindPolygon, Polygons: []annotate.Polygon{{Outer: ring}}}
		if ring.SignedArea() > 0 {
			outer = append(outer, roi)
		} else {
			holes = append(holes, roi)
		}
	}
	return annotate.Subtract(annotate.ROI{Kind: annotate.KindPolygon, Polygons: polygons(outer)}, holes...)
}

func polygons(rois []annotate.ROI) []annotate.Polygon {
	var out []annotate.Polygon
	for _, r := range rois {
		out = append(out, r.Polygons...)
	}
	return out
}
