package app

import (
	"context"
	"fmt"
	"math"

	"coverslip/annotate"
	"coverslip/models/learn"
)

// patchScores is what the labels of this moment say of every embedded patch.
type patchScores struct {
	e      *embedding
	t      *lesson
	scores *learn.Scores
	probe  *learn.Probe
}

// patches scores every embedded patch. The caller holds r.mu.
func (r *Ranker) patches(ctx context.Context) (*patchScores, error) {
	set, waiting := r.s.waiting(r.slide)
	if set == nil {
		return nil, fmt.Errorf("slide %s: %w", r.slide, ErrNoSlide)
	}
	if err := r.load(set, waiting); err != nil {
		return nil, err
	}
	t, err := r.s.lessonOf(r.e, set, anyClass)
	if err != nil {
		return nil, err
	}
	probe, err := r.learned(ctx, t)
	if err != nil {
		return nil, err
	}
	scores, err := probe.ScoreAll(ctx, learn.Matrix{Dim: r.e.stored.Dim, Data: r.e.stored.Vectors})
	if err != nil {
		return nil, err
	}
	return &patchScores{r.e, t, scores, probe}, nil
}

// Heat is a heat map of what the labels of this moment say of every embedded
// patch: HeatClassScore the probability of a class, HeatUnsure how little the
// best class leads. It returns storage.ErrNoEmbeddings before the first Suggest,
// ErrFewLabels, ErrNoClass for a class without labels, and the cause of ctx.
func (r *Ranker) Heat(ctx context.Context, kind HeatKind, class annotate.ID) (*Heat, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ps, err := r.patches(ctx)
	if err != nil {
		return nil, err
	}
	title, of := "Uncertainty", -1
	if kind == HeatClassScore {
		for k, c := range ps.t.classes {
			if c == class {
				of = k
			}
		}
		c := r.s.Palette().ByID(class)
		if of < 0 || c == nil {
			return nil, fmt.Errorf("no patch is labelled with the class in hand: %w", ErrNoClass)
		}
		title = "Probability of " + c.Name
	}
	var cells []cell
	var rows []int
	for c, row := range ps.e.row {
		if ps.scores.Class[row] >= 0 {
			cells, rows = append(cells, c), append(rows, row)
		}
	}
	return ps.e.grid.heat(kind, title, cells, func(i int) float64 {
		if of >= 0 {
			return float64(ps.scores.Row(rows[i])[of])
		}
		return 1 - float64(ps.scores.Margin[rows[i]])
	}, 0, 1), nil
}

// lead is by how much class k leads a patch, -1..1; what is labelled leads in
// full.
func (ps *patchScores) lead(c cell, k int, least float64) float64 {
	row, ok := ps.e.row[c]
	if !ok || ps.scores.Class[row] < 0 {
		return -1
	}
	other, own := 0.0, 0.0
	for j, p := range ps.scores.Row(row) {
		if j == k {
			own = float64(p)
		} else {
			other = max(other, float64(p))
		}
	}
	if math.Abs(own-other) < least {
		return -1 // "I don't know" belongs to no region
	}
	return own - other
}
