package app

import (
	"cmp"
	"errors"
	"fmt"

	"coverslip/annotate/folds"
)

// divide puts every slide into a split by the chosen way, and proves that nothing
// leaks. Fewer patients than splits cannot be divided by draw: they all train.
func (x *exporter) divide() error {
	items := make([]folds.Item, len(x.slides))
	for i, e := range x.slides {
		if e.item.Patient == "" && !x.o.Alone && x.o.Divide != DivideDraw {
			return fmt.Errorf("dataset: %w: the slide %s", ErrNoPatient, e.item.Name)
		}
		items[i] = folds.Item{Name: e.item.Name, Patient: e.key, Site: e.site, Content: e.item.Fingerprint, Counts: map[string]int{}}
		for _, p := range e.patches {
			items[i].Counts[p.label.Class.String()]++
		}
	}
	var split []folds.Split
	var err error
	switch x.o.Divide {
	case DivideDraw:
		split = x.draw(items)
	case DivideSite:
		split, err = folds.SiteOut(items, x.o.Site, x.o.Splits, x.o.Seed)
	default:
		rule := folds.Grouped
		if x.o.Divide == DivideStratified {
			rule = folds.Stratified
		}
		if x.folds, err = rule(items, x.o.Folds, x.o.Seed); err == nil {
			split = folds.FromFolds(x.folds, x.o.Folds, x.o.Fold)
		}
	}
	if err == nil {
		err = folds.Check(items, split)
	}
	if err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	for i, e := range x.slides {
		e.split = split[i].String()
	}
	return nil
}

// draw draws the patients. The draw depends on the seed and the patient alone,
// so the same patient falls into the same split in every project, and a slide
// added later moves nobody.
func (x *exporter) draw(items []folds.Item) []folds.Split {
	patients := map[string]bool{}
	for _, it := range items {
		patients[it.Patient] = true
	}
	wanted := 0
	for _, share := range x.o.Splits {
		if share > 0 {
			wanted++
		}
	}
	out := make([]folds.Split, len(items))
	if len(patients) < wanted {
		x.warn("%d patient(s) cannot be divided into %d splits without mixing; everything is in %s.", len(patients), wanted, splitNames[0])
		return out
	}
	filled := map[folds.Split]bool{}
	for i, it := range items {
		out[i] = folds.Draw(x.o.Seed, it.Patient, x.o.Splits)
		filled[out[i]] = true
	}
	for i, name := range splitNames {
		if x.o.Splits[i] > 0 && !filled[folds.Split(i)] {
			x.warn("The draw with seed %d left the split %s without a patient.", x.o.Seed, name)
		}
	}
	return out
}

// siteOf is the site of a slide by its name, its case or its patient.
func (x *exporter) siteOf(item SlideItem) string {
	return cmp.Or(x.o.Sites[item.Name], x.o.Sites[item.Case], x.o.Sites[item.Patient])
}

// Errors of a division.
var (
	// ErrLeak: one person, or nearly the same picture, would be in two splits.
	ErrLeak = folds.ErrLeak
	// ErrNoPatient: folds need to know which slides are of one person.
	ErrNoPatient = errors.New("a slide names no patient; name it, or let such slides count as a patient each")
)
