package app

import (
	"errors"
	"slices"
	"testing"

	"coverslip/annotate"
	"coverslip/models"
	"coverslip/storage"
)

func TestSession_Search_ByExample(t *testing.T) {
	s, slide := suggested(t)
	at := annotate.Point{X: 200, Y: 200}
	q := SearchQuery{Slide: slide, At: at, Here: true, Most: 12}
	r, err := s.Search(t.Context(), q, fake(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Cases) != 12 || r.Patches != tissuePatches || r.Slides != 1 || r.Unread != 0 || r.Heat == nil || r.Heat.Kind != HeatSimilar {
		t.Fatalf("%+v", r)
	}
	// The same as comparing with every patch.
	sim, err := s.SimilarTo(t.Context(), slide, at, fake(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range sim.Cases {
		if r.Cases[i].Similarity != k.Similarity {
			t.Errorf("case %d: %v, one by one %v", i, r.Cases[i], k)
		}
	}
	for _, k := range r.Cases {
		if k.Box == sim.Box {
			t.Error("the example is among its own likes")
		}
	}
	region := draw(t, s, "Stroma", 0, 0, 128, 128)
	if r, err = s.Search(t.Context(), SearchQuery{Slide: slide, Object: region}, fake(), nil); err != nil || len(r.Cases) != defaultHits || r.What != "Like the selected region" {
		t.Errorf("like a region: %+v %v", r, err)
	}
}

func TestSession_Search_Refuses(t *testing.T) {
	s, slide := newProject(t)
	label(t, s)
	if _, err := s.Search(t.Context(), SearchQuery{Slide: slide, Here: true, At: annotate.Point{X: 9, Y: 9}}, fake(), nil); !errors.Is(err, storage.ErrNoEmbeddings) {
		t.Errorf("nothing is embedded: %v", err)
	}
	for _, words := range []string{"no tumour", "tumour-free stroma", "tissue without necrosis"} {
		_, err := s.Search(t.Context(), SearchQuery{Words: words}, fake(), nil)
		if !errors.Is(err, ErrNegated) {
			t.Errorf("%q: %v", words, err)
		}
		if p := Explain(err); p.Hint == "" || p.Title == "" {
			t.Errorf("%q is refused without words: %+v", words, p)
		}
	}
	if _, err := s.Search(t.Context(), SearchQuery{Words: "tumour"}, fake(), nil); !errors.Is(err, ErrNoTexts) {
		t.Errorf("words for a model that reads none: %v", err)
	}
}

// More patches on disk are found by the next search.
func TestSession_Search_SeesWhatIsNew(t *testing.T) {
	s, slide := newProject(t)
	label(t, s)
	half := fake()
	half.Within = []annotate.ROI{annotate.Rectangle(0, 0, 200, 2000)}
	if _, err := s.Embed(t.Context(), slide, half, nil); err != nil {
		t.Fatal(err)
	}
	q := SearchQuery{Slide: slide, At: annotate.Point{X: 100, Y: 100}, Most: 500}
	few, err := s.Search(t.Context(), q, fake(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Embed(t.Context(), slide, fake(), nil); err != nil {
		t.Fatal(err)
	}
	all, err := s.Search(t.Context(), q, fake(), nil)
	if err != nil || few.Patches >= all.Patches || all.Patches != tissuePatches || len(all.Cases) != all.Patches-1 {
		t.Errorf("%d patches, then %d (%v)", few.Patches, all.Patches, err)
	}
	if !slices.IsSortedFunc(all.Cases, func(a, b Case) int {
		if a.Similarity > b.Similarity {
			return -1
		}
		if a.Similarity < b.Similarity {
			return 1
		}
		return 0
	}) {
		t.Error("the nearest do not come first")
	}
	if v := make([]float32, 3); models.Normalise(v) {
		t.Error("zero has a direction")
	}
}
