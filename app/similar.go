package app

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"

	"coverslip/annotate"
	"coverslip/models"
	"coverslip/storage"
)

// Case is a patch of the project that looks like another one.
type Case struct {
	Slide      annotate.ID
	SlideName  string
	Box        annotate.Box // level-0 pixels of that slide
	Similarity float64      // cosine of the embeddings
	Class      annotate.ID  // of the label that speaks for it; zero: none does
}

// mostSearched bounds the slides whose embeddings are read for one question.
const mostSearched = 256

// similar finds the patches most like v among all that were embedded in the
// project in the same way. Those in but, of the slide itself, are left out.
func (s *Session) similar(ctx context.Context, slide annotate.ID, v []float32, but []annotate.Box, o SuggestOptions, n int) ([]Case, error) {
	var best []Case
	hash := o.Encoder.Info().Hash
	for i, item := range s.Slides() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if i >= mostSearched {
			break
		}
		e, err := s.project.ReadEmbeddings(storage.EmbeddingKey{Fingerprint: item.Fingerprint, ModelHash: hash, MPP: o.MPP, Patch: o.Patch, Pixels: pixelsKey(o)})
		if errors.Is(err, storage.ErrNoEmbeddings) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if e.Dim != len(v) {
			continue
		}
		for k, box := range e.Boxes {
			if item.ID == slide && sameBox(but, box) {
				continue
			}
			best = append(best, Case{Slide: item.ID, SlideName: item.Name, Box: box, Similarity: float64(models.Dot(v, e.Vectors[k*e.Dim:(k+1)*e.Dim]))})
		}
		best = nearest(best, n)
	}
	for i := range best {
		set, err := s.Objects(best[i].Slide)
		if err != nil {
			return nil, err
		}
		best[i].Class = classAt(set, best[i].Box.Center())
	}
	return best, nil
}

// nearest keeps the n most similar, the most similar first.
func nearest(all []Case, n int) []Case {
	slices.SortStableFunc(all, func(a, b Case) int { return cmp.Compare(b.Similarity, a.Similarity) })
	return all[:min(n, len(all))]
}

// classAt is the class of the smallest label over a point; zero when there is
// none.
func classAt(set *annotate.Set, p annotate.Point) (class annotate.ID) {
	least := math.Inf(1)
	set.Search(annotate.Box{MinX: p.X, MinY: p.Y, MaxX: p.X, MaxY: p.Y}, func(o *annotate.Object) bool {
		if o.IsLabel() && !o.Class.IsZero() && o.ROI.Contains(p) {
			if a := o.ROI.Area(); a < least {
				least, class = a, o.Class
			}
		}
		return true
	})
	return class
}

// pixelsKey is the part of an embedding's key that says how pixels were shown to
// the model.
func pixelsKey(o SuggestOptions) string {
	key := ""
	if o.SRGB {
		key = pixelsSRGB
	}
	return keyOf(key, o.Planes)
}

// Similarity is how like one patch the others of its slide are.
type Similarity struct {
	Heat    *Heat
	Box     annotate.Box // of the patch, level-0 pixels
	Cases   []Case       // the most similar ones of the project
	Model   string
	Report  SuggestReport
	Patches int
}

// SimilarTo compares all patches with tissue with the one around a point. The
// slide is embedded first, as Embed does it; its errors are Embed's.
func (s *Session) SimilarTo(ctx context.Context, slide annotate.ID, at annotate.Point, o SuggestOptions, p Progress) (*Similarity, error) {
	o, err := s.withDefaults(o)
	if err != nil {
		return nil, err
	}
	boxes, err := s.patchesOf(slide, annotate.ID{}, at, o)
	if err != nil {
		return nil, err
	}
	e, err := s.embed(ctx, slide, o, p)
	if err != nil {
		return nil, err
	}
	c, _ := e.grid.cellAt(boxes[0].Center())
	v := e.vector(c)
	if v == nil {
		if v, err = s.anew(ctx, slide, boxes[0], o); err != nil {
			return nil, err
		}
	}
	var cells []cell
	var values []float64
	for _, t := range e.tissue {
		if w := e.vector(t); w != nil {
			cells, values = append(cells, t), append(values, float64(models.Dot(v, w)))
		}
	}
	if len(cells) == 0 {
		return nil, ErrNoTissue
	}
	// Vectors of one network lie in a narrow cone: the colours span what there is.
	low, high := values[0], 1.0
	for _, x := range values {
		low = min(low, x)
	}
	if high-low < 1e-6 {
		low = high - 1e-6
	}
	out := &Similarity{Box: boxes[0], Model: e.info.Name, Report: e.report, Patches: len(cells)}
	out.Heat = e.grid.heat(HeatSimilar, "Similar to the patch", cells, func(i int) float64 { return values[i] }, low, high)
	out.Cases, err = s.similar(ctx, slide, v, boxes, o, shownCases)
	return out, err
}
