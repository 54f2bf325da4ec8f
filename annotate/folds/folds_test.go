package folds

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
)

// project makes up slides: patients with one to four slides at one to five sites.
func project(r *rand.Rand) []Item {
	var items []Item
	for p := range 1 + r.IntN(30) {
		site := fmt.Sprint("site", r.IntN(5))
		for range 1 + r.IntN(4) {
			items = append(items, Item{
				Name: fmt.Sprint("s", len(items)), Patient: fmt.Sprint("p", p), Site: site,
				Content: fmt.Sprint("f", len(items)),
				Counts:  map[string]int{"a": r.IntN(50), "b": r.IntN(5)},
			})
		}
	}
	r.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
	return items
}

// leaks looks for a patient in two splits in a way of its own.
func leaks(items []Item, split []Split) bool {
	for i := range items {
		for j := range i {
			if items[i].Patient == items[j].Patient && split[i] != split[j] {
				return true
			}
		}
	}
	return false
}

func TestRules_NoPatientInTwoSplits(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 9))
		items, k := project(r), 2+r.IntN(4)
		shares := [3]float64{0.7, 0.15, 0.15}
		var ways [][]Split
		for name, rule := range map[string]func([]Item, int, int64) ([]int, error){"grouped": Grouped, "stratified": Stratified} {
			fold, err := rule(items, k, int64(seed))
			if errors.Is(err, ErrTooFew) {
				continue
			}
			if err != nil {
				t.Fatal(name, err)
			}
			used := map[int]bool{}
			for _, f := range fold {
				used[f] = true
			}
			if len(used) != k {
				t.Fatalf("seed %d %s: %d of %d folds have somebody", seed, name, len(used), k)
			}
			for test := range k {
				ways = append(ways, FromFolds(fold, k, test))
			}
		}
		for _, site := range Sites(items) {
			split, err := SiteOut(items, site, shares, int64(seed))
			if errors.Is(err, ErrTooFew) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			for i, it := range items {
				if (split[i] == Test) != (it.Site == site) {
					t.Fatalf("seed %d: %s of %s is in %v", seed, it.Name, it.Site, split[i])
				}
			}
			ways = append(ways, split)
		}
		drawn := make([]Split, len(items))
		for i, it := range items {
			drawn[i] = Draw(int64(seed), it.Patient, shares)
		}
		for _, split := range append(ways, drawn) {
			if leaks(items, split) || Check(items, split) != nil {
				t.Fatalf("seed %d leaks: %v", seed, Check(items, split))
			}
		}
	}
}

func TestCheck_FindsLeaks(t *testing.T) {
	items := []Item{{Name: "a", Patient: "p", Content: "1"}, {Name: "b", Patient: "p", Content: "2"}, {Name: "c", Patient: "q", Content: "1"}}
	for _, c := range []struct {
		split []Split
		leak  bool
	}{
		{[]Split{Train, Train, Train}, false},
		{[]Split{Train, Test, Train}, true},
		{[]Split{Train, Train, Test}, true}, // the same file under two patients
	} {
		if err := Check(items, c.split); errors.Is(err, ErrLeak) != c.leak {
			t.Errorf("%v: %v", c.split, err)
		}
	}
	// A patient who went from site to site cannot be left out.
	moved := []Item{{Name: "a", Patient: "p", Site: "x"}, {Name: "b", Patient: "p", Site: "y"}, {Name: "c", Patient: "q", Site: "y"}}
	if _, err := SiteOut(moved, "x", [3]float64{1, 0, 0}, 1); !errors.Is(err, ErrLeak) {
		t.Errorf("a patient of two sites: %v", err)
	}
	if _, err := SiteOut([]Item{{Name: "a", Patient: "p"}}, "x", [3]float64{1, 0, 0}, 1); err == nil {
		t.Error("a slide without a site was taken")
	}
}

func TestFolds_EvenAndRepeatable(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	var items []Item
	for p := range 60 {
		items = append(items, Item{Name: fmt.Sprint(p), Patient: fmt.Sprint("p", p), Counts: map[string]int{"rare": p % 5, "often": 20 + r.IntN(20)}})
	}
	fold, err := Stratified(items, 5, 1)
	if err != nil {
		t.Fatal(err)
	}
	rare, often := make([]int, 5), make([]int, 5)
	for i, f := range fold {
		rare[f] += items[i].Counts["rare"]
		often[f] += items[i].Counts["often"]
	}
	for f := range 5 {
		if rare[f] < 21 || rare[f] > 27 || often[f] < 280 || often[f] > 460 {
			t.Errorf("fold %d: %d rare of 120, %d often", f, rare[f], often[f])
		}
	}
	again, err := Stratified(items, 5, 1)
	if err != nil || fmt.Sprint(again) != fmt.Sprint(fold) {
		t.Error("the same seed gives other folds")
	}
}

func TestDraw_SharesAndStability(t *testing.T) {
	shares := [3]float64{0.7, 0.15, 0.15}
	var n [3]int
	for i := range 20000 {
		n[Draw(1, fmt.Sprint("p", i), shares)]++
	}
	for i, share := range shares {
		if got := float64(n[i]) / 20000; got < share-0.01 || got > share+0.01 {
			t.Errorf("split %d: %.3f, want %.2f", i, got, share)
		}
	}
	// Pinned, computed with Python's hmac module: a patient must fall where she
	// fell in every earlier version.
	var got []Split
	for _, p := range []string{"P-001", "P-002", "P-003", "P-004", "P-005", "P-006"} {
		got = append(got, Draw(1, p, shares))
	}
	if want := "[test train train train test train]"; fmt.Sprint(got) != want {
		t.Errorf("splits %v, want %v", got, want)
	}
	if Draw(5, "x", [3]float64{0, 1, 0}) != Val || Draw(5, "x", [3]float64{0, 0, 1}) != Test {
		t.Error("an empty share must get nobody")
	}
}
