// Package folds divides slides between training, validation and test so that
// nothing of one person is on two sides. It knows names and counts, no pixels.
//
// A group is what must stay together: a patient, or a site when a whole site is
// left out. Every rule here assigns groups, never slides, and Check proves the
// result afterwards without trust in the rule.
package folds

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Item is one slide as a rule sees it.
type Item struct {
	Name    string         // of the slide, unique
	Patient string         // never empty: who has no name is a patient alone, by the caller's word
	Site    string         // where it was scanned; "" when unknown
	Content string         // fingerprint of the file; two slides of the same bytes must not be parted
	Counts  map[string]int // labelled patches a class, for stratified rules
}

// Split is a side of the division.
type Split uint8

// The splits, in the order in which shares are given.
const (
	Train Split = iota
	Val
	Test
)

// String is the split's word in files: "train".
func (s Split) String() string { return [...]string{"train", "val", "test"}[min(s, Test)] }

// ErrLeak says that one person, or the same picture, would be in two splits.
var ErrLeak = errors.New("a split would leak")

// ErrTooFew says that there are fewer groups than the rule needs.
var ErrTooFew = errors.New("too few groups to divide")

// Draw assigns a patient by HMAC-SHA256 of the name keyed by the seed, modulo a
// million, against the running sum of the shares. It depends on nothing else, so
// the same patient falls into the same split in every project.
func Draw(seed int64, patient string, shares [3]float64) Split {
	u := float64(number(seed, patient)%1e6) / 1e6
	last := 0
	for i, share := range shares {
		if share <= 0 {
			continue
		}
		if last = i; u < share {
			return Split(i)
		}
		u -= share
	}
	return Split(last)
}

func number(seed int64, text string) uint64 {
	m := hmac.New(sha256.New, strconv.AppendInt(nil, seed, 10))
	m.Write([]byte(text)) // a hash never fails
	return binary.BigEndian.Uint64(m.Sum(nil))
}

// group is the items that stay together.
type group struct {
	name   string
	order  uint64 // drawn from the seed
	items  []int
	size   int
	counts map[string]int
}

// groups gathers items by key, in an order that depends on the seed alone.
func groups(items []Item, seed int64, key func(Item) string) []*group {
	by := map[string]*group{}
	var all []*group
	for i, it := range items {
		name := key(it)
		g := by[name]
		if g == nil {
			g = &group{name: name, order: number(seed, name), counts: map[string]int{}}
			by[name] = g
			all = append(all, g)
		}
		g.items = append(g.items, i)
		for class, n := range it.Counts {
			g.counts[class] += n
			g.size += n
		}
	}
	sort.Slice(all, func(i, j int) bool {
		if all[i].order != all[j].order {
			return all[i].order < all[j].order
		}
		return all[i].name < all[j].name
	})
	return all
}

func patient(i Item) string { return i.Patient }

// Grouped gives each item its fold, 0 to k-1: the patients in the order of their
// size, the largest first, each to the fold with the fewest patches, as
// scikit-learn's GroupKFold does.
//
// It returns ErrTooFew when there are fewer patients than folds.
func Grouped(items []Item, k int, seed int64) ([]int, error) {
	all := groups(items, seed, patient)
	if err := enough(all, k); err != nil {
		return nil, err
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].size > all[j].size })
	fold, load, members := make([]int, len(items)), make([]int, k), make([]int, k)
	for _, g := range all {
		best := 0
		for f := range k {
			if load[f] < load[best] || load[f] == load[best] && members[f] < members[best] {
				best = f
			}
		}
		load[best] += g.size
		members[best]++
		for _, i := range g.items {
			fold[i] = best
		}
	}
	return fold, nil
}

// Stratified is Grouped that also keeps the classes even: patients with the most
// uneven counts go first, each to the fold in which the standard deviation of
// the classes' shares stays least, as scikit-learn's StratifiedGroupKFold does.
func Stratified(items []Item, k int, seed int64) ([]int, error) {
	all := groups(items, seed, patient)
	if err := enough(all, k); err != nil {
		return nil, err
	}
	total, names := map[string]int{}, []string{}
	for _, g := range all {
		for class, n := range g.counts {
			if total[class] == 0 && n > 0 {
				names = append(names, class)
			}
			total[class] += n
		}
	}
	slices.Sort(names)
	spread := func(g *group) float64 {
		v := make([]float64, len(names))
		for i, class := range names {
			v[i] = float64(g.counts[class])
		}
		return deviation(v)
	}
	sort.SliceStable(all, func(i, j int) bool { return spread(all[i]) > spread(all[j]) })
	fold := make([]int, len(items))
	have := make([]map[string]int, k)
	members := make([]int, k)
	for f := range have {
		have[f] = map[string]int{}
	}
	for n, g := range all {
		best, least := -1, math.Inf(1)
		for f := range k {
			if members[f] > 0 && len(all)-n <= empty(members) {
				continue // the rest is wanted by folds without anybody
			}
			cost := 0.0
			for _, class := range names {
				v := make([]float64, k)
				for h := range k {
					v[h] = float64(have[h][class])
					if h == f {
						v[h] += float64(g.counts[class])
					}
					v[h] /= float64(total[class])
				}
				cost += deviation(v)
			}
			if cost < least-1e-12 || math.Abs(cost-least) <= 1e-12 && members[f] < members[best] {
				best, least = f, cost
			}
		}
		members[best]++
		for class, c := range g.counts {
			have[best][class] += c
		}
		for _, i := range g.items {
			fold[i] = best
		}
	}
	return fold, nil
}

func empty(members []int) int {
	n := 0
	for _, m := range members {
		if m == 0 {
			n++
		}
	}
	return n
}

func deviation(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	mean, sum := 0.0, 0.0
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for _, x := range v {
		sum += (x - mean) * (x - mean)
	}
	return math.Sqrt(sum / float64(len(v)))
}

func enough(all []*group, k int) error {
	if k < 2 {
		return fmt.Errorf("%d fold(s): two or more are possible", k)
	}
	if len(all) < k {
		return fmt.Errorf("%w: %d patient(s) for %d folds", ErrTooFew, len(all), k)
	}
	return nil
}

// FromFolds turns folds into splits: fold test becomes the test set, the next
// one validation, the rest trains. With two folds there is no validation.
func FromFolds(fold []int, k, test int) []Split {
	out := make([]Split, len(fold))
	for i, f := range fold {
		switch {
		case f == test:
			out[i] = Test
		case k > 2 && f == (test+1)%k:
			out[i] = Val
		}
	}
	return out
}

// SiteOut makes one site the test set and draws the patients of the others
// between training and validation by shares[0] and shares[1].
//
// It returns ErrLeak when a patient was scanned at that site and at another one,
// and an error for a site that no slide names or a slide that names none.
func SiteOut(items []Item, site string, shares [3]float64, seed int64) ([]Split, error) {
	out := make([]Split, len(items))
	inside, outside := map[string]bool{}, map[string]bool{}
	for _, it := range items {
		switch it.Site {
		case "":
			return nil, fmt.Errorf("the slide %s names no site", it.Name)
		case site:
			inside[it.Patient] = true
		default:
			outside[it.Patient] = true
		}
	}
	if len(inside) == 0 || len(outside) == 0 {
		return nil, fmt.Errorf("%w: %d patient(s) of the site %q, %d of others", ErrTooFew, len(inside), site, len(outside))
	}
	for i, it := range items {
		if inside[it.Patient] && outside[it.Patient] {
			return nil, fmt.Errorf("%w: a patient of the slide %s was scanned at %q and elsewhere", ErrLeak, it.Name, site)
		}
		out[i] = Test
		if it.Site != site {
			out[i] = Draw(seed, it.Patient, [3]float64{shares[0], shares[1], 0})
		}
	}
	return out, nil
}

// Check proves that no patient and no picture is in two splits; ErrLeak names
// the first that is. It is run on every division before anything is written.
func Check(items []Item, split []Split) error {
	patients, contents := map[string]int{}, map[string]int{}
	for i, it := range items {
		if j, ok := patients[it.Patient]; ok && split[j] != split[i] {
			return fmt.Errorf("%w: the slides %s (%v) and %s (%v) are of one patient", ErrLeak, items[j].Name, split[j], it.Name, split[i])
		}
		patients[it.Patient] = i
		if it.Content == "" {
			continue
		}
		if j, ok := contents[it.Content]; ok && split[j] != split[i] {
			return fmt.Errorf("%w: the slides %s (%v) and %s (%v) are the same file under two patients", ErrLeak, items[j].Name, split[j], it.Name, split[i])
		}
		contents[it.Content] = i
	}
	return nil
}

// Sites lists the sites that items name, in order.
func Sites(items []Item) []string {
	seen := map[string]bool{}
	var all []string
	for _, it := range items {
		if it.Site != "" && !seen[it.Site] {
			seen[it.Site] = true
			all = append(all, it.Site)
		}
	}
	slices.SortFunc(all, strings.Compare)
	return all
}
