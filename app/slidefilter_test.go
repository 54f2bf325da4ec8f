package app

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"coverslip/annotate"
	"coverslip/storage"
)

func TestSlideFilter(t *testing.T) {
	tumour, stroma := annotate.NewID(), annotate.NewID()
	palette := annotate.Palette{{ID: tumour, Name: "Tumour"}, {ID: stroma, Name: "Stroma"}}
	items := []SlideItem{
		{Slide: storage.Slide{Name: "S24-1187-A1.svs", Case: "S24-1187", Vendor: "Aperio"}, Labels: 3, Classes: map[annotate.ID]int{tumour: 3}, Readers: []string{"Ada Lovelace"}, Suggestions: 2},
		{Slide: storage.Slide{Name: "S24-1187-A2.svs", Case: "S24-1187"}, Labels: 1, Classes: map[annotate.ID]int{stroma: 1}, Readers: []string{"Rosalind"}, Reviewed: true, Reviewer: "Rosalind"},
		{Slide: storage.Slide{Name: "B1.ndpi", Vendor: "Hamamatsu", Patient: "7F3A"}},
		{Slide: storage.Slide{Name: "lost.scn", Case: "S24-1190"}, Missing: true, Classes: map[annotate.ID]int{{}: 1}, Labels: 1},
	}
	for text, want := range map[string][]int{
		"": {0, 1, 2, 3}, "  ": {0, 1, 2, 3}, "svs": {0, 1}, "SVS a1": {0}, "hamamatsu": {2}, "7f3a": {2},
		"class:tumour": {0}, "class:unclass": {3}, "-class:tumour": {1, 2, 3}, `reader:"ada love"`: {0}, `"ada love"`: nil, "reader:ros": {1},
		"reviewed:yes": {1}, "reviewed:no labels:yes": {0, 3}, "queue:yes": {0}, "file:missing": {3}, "file:there a": {0, 1, 2},
		"case:s24-1187 class:stroma": {1}, "patient:7F": {2}, "class:": {0, 1, 2, 3}, `class:"tumour`: {0},
	} {
		f, err := ParseSlideFilter(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		var got []int
		for i, item := range items {
			if f.Passes(item, palette) {
				got = append(got, i)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q passes %v, want %v", text, got, want)
		}
	}
	for _, text := range []string{"klass:x", "reviewed:maybe", "-:", "a:b"} {
		if _, err := ParseSlideFilter(text); !errors.Is(err, ErrFilter) {
			t.Errorf("%q: %v", text, err)
		}
	}
	groups := GroupByCase(items, []int{2, 0, 3, 1})
	if s := fmt.Sprint(groups); s != "[{S24-1187 [0 1]} {S24-1190 [3]} { [2]}]" {
		t.Errorf("groups %s", s)
	}
}

// FuzzParseSlideFilter: no text breaks the filter, and what is read holds or
// not for any slide.
func FuzzParseSlideFilter(f *testing.F) {
	for _, s := range []string{"", "a b", `reader:"x y" -class:z`, `"`, `""`, ":", "::", "-:-", "class:" + "\x00", "reviewed:yes reviewed:no", "\u00a0\u00a0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseSlideFilter(text)
		if err == nil {
			p.Passes(SlideItem{Classes: map[annotate.ID]int{{}: 1}}, nil)
		}
	})
}

// TestSession_Progress: who drew, classes, review and what was seen are in the
// list and follow edits.
func TestSession_Progress(t *testing.T) {
	s, id := newProject(t)
	tumour := class(t, s, "Tumour")
	if _, err := s.Draw(annotate.Rectangle(10, 10, 60, 60), tumour); err != nil {
		t.Fatal(err)
	}
	s.SetAuthor("Rosalind")
	drawn, err := s.Draw(annotate.Rectangle(100, 10, 160, 60), annotate.ID{})
	if err != nil {
		t.Fatal(err)
	}
	item := s.Slides()[0]
	if item.Classes[tumour] != 1 || item.Classes[annotate.ID{}] != 1 || !slices.Equal(item.Readers, []string{"Ada", "Rosalind"}) {
		t.Errorf("classes %v, readers %v", item.Classes, item.Readers)
	}
	if err := s.Delete([]annotate.ID{drawn}); err != nil {
		t.Fatal(err)
	}
	if item = s.Slides()[0]; len(item.Classes) != 1 || !slices.Equal(item.Readers, []string{"Ada"}) {
		t.Errorf("after deleting: classes %v, readers %v", item.Classes, item.Readers)
	}
	if err := errors.Join(s.MarkReviewed(id, true), s.SetSeen(id, 0.375)); err != nil {
		t.Fatal(err)
	}
	if item = s.Slides()[0]; !item.Reviewed || item.Reviewer != "Rosalind" || item.Seen != 0.375 {
		t.Errorf("reviewed %v by %q, seen %g", item.Reviewed, item.Reviewer, item.Seen)
	}
	if err := s.MarkReviewed(id, false); err != nil {
		t.Fatal(err)
	}
	if s.Slides()[0].Reviewed {
		t.Error("still reviewed")
	}
	if err := s.MarkReviewed(annotate.NewID(), true); !errors.Is(err, ErrNoSlide) {
		t.Errorf("a slide that is not there: %v", err)
	}
}
