package app

import (
	"errors"
	"testing"

	"coverslip/annotate"
	"coverslip/models/attention"
	"coverslip/models/modeltest"
)

func TestSession_AttentionAt(t *testing.T) {
	modeltest.Runtime(t) // or the test is skipped
	s, slide := newProject(t)
	at := annotate.Point{X: 300, Y: 300}
	a, err := s.AttentionAt(t.Context(), slide, at, SuggestOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if a.Rollout.Cols != 14 || a.Rollout.Kind != HeatAttention || !a.Untrained || !(a.Rollout.High > a.Rollout.Low) ||
		a.Rollout.X != a.Box.MinX || a.Rollout.Cell*14 != a.Box.Width() || !(a.Last.High > 0) {
		t.Errorf("%+v at %v", a.Rollout, a.Box)
	}
	if _, err := s.AttentionAt(t.Context(), slide, at, fake()); !errors.Is(err, attention.ErrNone) {
		t.Errorf("a model that does not tell: %v", err)
	}
	if _, err := s.AttentionAt(t.Context(), slide, annotate.Point{X: -50}, SuggestOptions{}); err == nil {
		t.Error("a point beside the slide")
	}
}

func TestMemoryPlan_String(t *testing.T) {
	for _, c := range []struct {
		p     MemoryPlan
		want  string
		tight bool
	}{
		{MemoryPlan{}, "", false},
		{MemoryPlan{Bytes: 612 << 20}, "about 612 MB of memory", false},
		{MemoryPlan{Bytes: 19 << 30 / 10, Ceiling: 2 << 30}, "about 1.9 GB of memory, of 2.0 GB that it may take", true},
	} {
		if got := c.p.String(); got != c.want || c.p.Tight() != c.tight {
			t.Errorf("%+v: %q, %v", c.p, got, c.p.Tight())
		}
	}
}
