package app

import (
	"errors"
	"strings"
	"testing"

	"coverslip/annotate"
	"coverslip/models/modeltest"
)

// suggestions lists those of a method.
func suggestionsBy(t *testing.T, s *Session, slide annotate.ID, words bool) []*annotate.Object {
	t.Helper()
	set, err := s.Objects(slide)
	if err != nil {
		t.Fatal(err)
	}
	var all []*annotate.Object
	set.All(func(o *annotate.Object) bool {
		if o.IsSuggestion() && (o.By.Method == methodWords) == words {
			all = append(all, o)
		}
		return true
	})
	return all
}

// TestSession_Replay_Learned: the score comes again though labels were drawn,
// changed and removed since, and the suggestion was accepted.
func TestSession_Replay_Learned(t *testing.T) {
	s, slide := newProject(t)
	ids := label(t, s)
	if _, err := s.Suggest(t.Context(), slide, fake(), nil); err != nil {
		t.Fatal(err)
	}
	all := suggestionsBy(t, s, slide, false)
	if len(all) < 3 {
		t.Fatalf("%d suggestions", len(all))
	}
	draw(t, s, "Tumour", 0, 0, 300, 300)
	if err := s.Delete(ids[:1]); err != nil {
		t.Fatal(err)
	}
	if err := s.Accept(all[1].ID); err != nil {
		t.Fatal(err)
	}
	for _, o := range all[:3] {
		r, err := s.Replay(t.Context(), slide, o.ID, WordOptions{SuggestOptions: fake()}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !r.Same || r.Stored != o.By.Score || r.Labels == 0 || r.Method != o.By.Method {
			t.Errorf("%+v", r)
		}
	}
	for _, want := range []string{"app=" + Version, "preprocess=", "mpp=", "patch="} {
		if !strings.Contains(all[0].By.Params, want) {
			t.Errorf("the provenance %q lacks %s", all[0].By.Params, want)
		}
	}
	if _, err := s.Replay(t.Context(), slide, ids[1], WordOptions{SuggestOptions: fake()}, nil); !errors.Is(err, ErrNotSuggestion) {
		t.Errorf("a person's label: %v", err)
	}
	if _, err := s.Replay(t.Context(), slide, annotate.NewID(), WordOptions{SuggestOptions: fake()}, nil); !errors.Is(err, ErrNoObject) {
		t.Errorf("no object: %v", err)
	}
}

func TestSession_SuggestByWords(t *testing.T) {
	s, slide := newProject(t)
	o := WordOptions{SuggestOptions: fakeWords(), Words: []WordClass{
		{Class: class(t, s, "Tumour"), Names: []string{"purple", "purple cells"}},
		{Class: class(t, s, "Stroma"), Names: []string{"pink"}},
	}, Templates: []string{"CLASSNAME", "a picture of CLASSNAME"}}
	r, _, err := s.SuggestByWords(t.Context(), slide, o, nil)
	if err != nil || r.Suggested == 0 || r.Method != methodWords {
		t.Fatalf("%+v, %v", r, err)
	}
	all := suggestionsBy(t, s, slide, true)
	if len(all) != r.Suggested {
		t.Errorf("%d suggestions, %d told", len(all), r.Suggested)
	}
	seen := map[annotate.ID]int{}
	for _, x := range all {
		seen[x.Class]++
		if x.By.Margin < 0.1 || x.By.Score < 0.75 || !x.By.Untrained || !strings.Contains(x.By.Params, "words=") || !strings.Contains(x.By.Params, "text-hash=") {
			t.Fatalf("%+v", x.By)
		}
	}
	again, _, err := s.SuggestByWords(t.Context(), slide, o, nil)
	if err != nil || again.Replaced != r.Suggested || again.Suggested != r.Suggested {
		t.Errorf("the second time: %+v, %v", again, err)
	}
	for _, x := range suggestionsBy(t, s, slide, true)[:2] {
		p, err := s.Replay(t.Context(), slide, x.ID, WordOptions{SuggestOptions: fakeWords()}, nil)
		if err != nil || !p.Same {
			t.Errorf("%+v, %v", p, err)
		}
	}
	if _, _, err := s.SuggestByWords(t.Context(), slide, WordOptions{SuggestOptions: fake()}, nil); !errors.Is(err, ErrNoTexts) {
		t.Errorf("without a text side: %v", err)
	}
}

func TestParseParams(t *testing.T) {
	got := parseParams(`mpp=0.5 patch=224 colour=scanner preprocess="resize 224, \"x\"" junk text="a b" app=0.1.0`)
	for k, want := range map[string]string{"mpp": "0.5", "patch": "224", "preprocess": `resize 224, "x"`, "text": "a b", "app": "0.1.0"} {
		if got[k] != want {
			t.Errorf("%s is %q, want %q", k, got[k], want)
		}
	}
	for _, bad := range []string{"", "=", "a", "a=\"", "  =x y", "mpp"} {
		if _, err := optionsFrom(parseParams(bad)); !errors.Is(err, ErrNotRepeatable) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// fakeWords is fake with words.
func fakeWords() SuggestOptions {
	o := fake()
	o.Text = &modeltest.Texts{}
	return o
}
