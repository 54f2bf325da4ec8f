package app

import (
	"errors"
	"strings"
	"testing"

	"coverslip/annotate"
	"coverslip/models/caption"
)

const colourBank = "white glass\npurple nuclei, crowded\npink stroma\n"

func colourCaptions(t *testing.T, s *Session, slide annotate.ID, q CaptionQuery) Captions {
	t.Helper()
	bank, err := caption.Read(strings.NewReader(colourBank), "bank.txt")
	if err != nil {
		t.Fatal(err)
	}
	q.Bank = bank
	c, err := s.CaptionsOf(t.Context(), slide, q, fakeWords(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSession_TakeCaption_KeptApartFromNotes(t *testing.T) {
	s, slide := newProject(t)
	classes := s.Palette()
	id, err := s.Draw(annotate.Rectangle(bandW+40, 40, bandW+360, 360), classes[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	mine := "what Ada wrote"
	if err := s.SetProperties([]annotate.ID{id}, Properties{Notes: &mine}); err != nil {
		t.Fatal(err)
	}
	c := colourCaptions(t, s, slide, CaptionQuery{Object: id})
	if c.Patches < 2 || c.Matches[0].Text != "pink stroma" || !c.Untrained {
		t.Fatalf("%+v", c)
	}
	if _, err := s.TakeCaption(c, 0, "  "); !errors.Is(err, ErrNoWords) {
		t.Errorf("an empty caption: %v", err)
	}
	if got, err := s.TakeCaption(c, 0, "pink stroma, \"loose\""); err != nil || got != id {
		t.Fatal(got, err)
	}
	set, err := s.Objects(slide)
	if err != nil {
		t.Fatal(err)
	}
	o := set.Get(id)
	said, ok := TextOf(o)
	if !ok || o.Notes != mine || said.Text != `pink stroma, "loose"` || said.Original != "pink stroma" || !said.Edited || said.Bank != "bank.txt" || said.By != s.Author() {
		t.Errorf("notes %q, %+v", o.Notes, said)
	}
	if words := said.Sentence(); !strings.Contains(words, "edited by "+s.Author()) || !strings.Contains(words, "bank.txt") {
		t.Error(words)
	}
	if p := parseParams(said.Params); p["model-hash"] != c.ModelHash || p["bank-hash"] != c.BankHash || p["mpp"] == "" || p["app"] != Version {
		t.Errorf("%v", p)
	}
	if err := s.DropText([]annotate.ID{id}); err != nil {
		t.Fatal(err)
	}
	if set, err = s.Objects(slide); err != nil {
		t.Fatal(err)
	}
	if _, ok := TextOf(set.Get(id)); ok || set.Get(id).Notes != mine {
		t.Error("taking the caption away must leave the notes, and nothing of the caption")
	}
}

func TestSession_TakeCaption_OfAPatch(t *testing.T) {
	s, slide := newProject(t)
	c := colourCaptions(t, s, slide, CaptionQuery{At: annotate.Point{X: 100, Y: 300}})
	id, err := s.TakeCaption(c, 0, c.Matches[0].Text)
	if err != nil {
		t.Fatal(err)
	}
	set, err := s.Objects(slide)
	if err != nil {
		t.Fatal(err)
	}
	o := set.Get(id)
	if o.Kind != annotate.Detection || o.IsSuggestion() || !o.Class.IsZero() || o.Review.By != s.Author() || o.By.ModelHash != c.ModelHash || o.ROI.Bounds() != c.Box {
		t.Errorf("%+v", o)
	}
	if said, ok := TextOf(o); !ok || said.Edited || said.Kind != CaptionRetrieved {
		t.Errorf("%+v", said)
	}
}

func TestSession_RejectCaption(t *testing.T) {
	s, slide := newProject(t)
	here, there := CaptionQuery{At: annotate.Point{X: 100, Y: 300}}, CaptionQuery{At: annotate.Point{X: bandW + 100, Y: 300}}
	c := colourCaptions(t, s, slide, here)
	if err := s.RejectCaption(c, 0); err != nil {
		t.Fatal(err)
	}
	again := colourCaptions(t, s, slide, here)
	if again.Rejected != 1 || again.Matches[0].Text == c.Matches[0].Text || len(again.Matches) != len(c.Matches)-1 {
		t.Errorf("%+v", again)
	}
	if other := colourCaptions(t, s, slide, there); other.Rejected != 0 || len(other.Matches) != 3 {
		t.Errorf("another place lost a sentence: %+v", other)
	}
	if err := s.RejectCaption(c, 99); err == nil {
		t.Error("a sentence that is not there")
	}
}

func TestSession_SimilarTo(t *testing.T) {
	s, slide := newProject(t)
	r, err := s.SimilarTo(t.Context(), slide, annotate.Point{X: 100, Y: 300}, fake(), nil)
	if err != nil {
		t.Fatal(err)
	}
	at := func(x, y float64) float32 {
		return r.Heat.Values[int(y/r.Heat.Cell)*r.Heat.Cols+int(x/r.Heat.Cell)]
	}
	same, other := at(100, 300), at(bandW+100, 300)
	if !(same > 0.999) || !(other < same) || r.Patches < 4 {
		t.Errorf("itself %v, another band %v, %d patches", same, other, r.Patches)
	}
	if len(r.Cases) != shownCases || r.Cases[0].Similarity < r.Cases[1].Similarity || r.Cases[0].Box == r.Box {
		t.Errorf("%+v", r.Cases)
	}
	if int(r.Cases[0].Box.MinX)/bandW != 0 {
		t.Errorf("the most alike patch lies in another band: %+v", r.Cases[0])
	}
}

func TestSession_AskWords_WithinAndHeat(t *testing.T) {
	s, slide := newProject(t)
	p := s.Palette()
	o := WordOptions{SuggestOptions: fakeWords(), Words: []WordClass{{Class: p[0].ID, Names: []string{"purple"}}, {Class: p[1].ID, Names: []string{"pink"}}}}
	all, err := s.AskWords(t.Context(), slide, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	o.Within = []annotate.ROI{annotate.Rectangle(0, 0, bandW, 4000)}
	some, err := s.AskWords(t.Context(), slide, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if some.Asked == 0 || some.Asked >= all.Asked || some.Counts[0] != some.Asked || some.Known() != some.Asked {
		t.Errorf("asked %d of %d, %v", some.Asked, all.Asked, some.Counts)
	}
	h := some.Heat(0)
	if h == nil || h.Kind != HeatWords || h.Title == "" || some.Heat(5) != nil {
		t.Fatalf("%+v", h)
	}
	seen := 0
	for _, v := range h.Values {
		if v == v {
			seen++
		}
	}
	if seen != some.Asked {
		t.Errorf("%d values for %d patches", seen, some.Asked)
	}
	if set, err := s.Objects(slide); err != nil || set.Len() != 0 {
		t.Error("asking wrote something", err)
	}
	r, err := s.SuggestAnswers(t.Context(), some, nil)
	if err != nil || r.Suggested != some.Asked {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err = s.SuggestAnswers(t.Context(), some, nil); err != nil || r.Replaced != some.Asked {
		t.Errorf("again: %+v, %v", r, err)
	}
}
