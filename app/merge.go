package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"coverslip/annotate"
)

// Conflict is a label that two projects hold in different versions. Both are
// kept.
type Conflict struct {
	Slide  annotate.ID
	Object annotate.ID // as this project has it
	Other  annotate.ID // the other version, as a label of its own; zero when the other project removed it
	What   string      // for people: what differs
}

// MergeReport is what was taken over from another project.
type MergeReport struct {
	From      string // the other project's folder
	Slides    int    // that were looked at
	NewSlides int    // of these, taken into this project
	Classes   int    // taken into this project
	Added     int    // labels
	Same      int    // labels that were here already, word for word
	Updated   int    // labels of an earlier collection that the reader changed since
	Removed   int    // and those that the reader removed since; undo brings them back
	Conflicts []Conflict
}

// versionMeta is, of a collected label, which version of it the reader had.
const versionMeta = "reading-version"

// versionOf tells versions of a label apart: every change sets its time.
func versionOf(o *annotate.Object) string { return o.Changed.UTC().Format(time.RFC3339Nano) }

// conflictMeta names, in the other version of a label, the one it differs from.
const conflictMeta = "conflict-of"

// MergeProject takes over the slides, classes and labels of another project: a
// copy of this one in which somebody else worked, or one with the same slides,
// which are known by their bytes. Nothing here is overwritten and nothing of
// there is left out: a label that is held in two versions stays as it is here,
// and the other version lies beside it as a label of its own. One edit a slide,
// each of which can be undone. The other project's edit log is not taken over.
func (s *Session) MergeProject(ctx context.Context, dir string) (MergeReport, error) {
	there, err := OpenProject(dir, Options{ReadOnly: true})
	if err != nil {
		return MergeReport{}, err
	}
	m := merger{s: s, there: there, report: MergeReport{From: there.Dir()}}
	err = m.whole(ctx)
	return m.report, errors.Join(err, there.Close())
}

// merger takes over from another project.
type merger struct {
	s, there *Session
	classes  map[annotate.ID]annotate.ID // there to here
	own      *Reading                    // nil: any project
	report   MergeReport
}

func (m *merger) whole(ctx context.Context) error {
	if err := m.takeClasses(); err != nil {
		return err
	}
	here := map[string]annotate.ID{}
	for _, item := range m.s.Slides() {
		here[item.ID.String()] = item.ID
		if item.Fingerprint != "" {
			here[item.Fingerprint] = item.ID
		}
	}
	for _, item := range m.there.Slides() {
		if err := ctx.Err(); err != nil {
			return err
		}
		id, ok := here[item.Fingerprint]
		if !ok || item.Fingerprint == "" {
			id, ok = here[item.ID.String()]
		}
		if !ok {
			id = item.ID
			sl := item.Slide
			sl.RelPath = ""
			if err := m.s.project.AddSlide(sl, m.s.stamp()); err != nil {
				return err
			}
			m.report.NewSlides++
			m.s.emit(Event{Kind: EventSlides, Slide: id, Text: sl.Name})
		}
		if err := m.slide(item.ID, id); err != nil {
			return err
		}
	}
	return nil
}

// takeClasses finds or makes the classes of there here.
func (m *merger) takeClasses() error {
	m.classes = map[annotate.ID]annotate.ID{}
	mine := m.s.Palette()
	e := annotate.Edit{Label: "Classes of " + m.there.Name()}
	for _, c := range m.there.Palette() {
		switch have := mine.ByName(c.Name); {
		case mine.ByID(c.ID) != nil:
			m.classes[c.ID] = c.ID
		case have != nil:
			m.classes[c.ID] = have.ID
		default:
			m.classes[c.ID] = c.ID
			added := c
			added.Key = ""
			e.Classes = append(e.Classes, annotate.ClassChange{After: &added})
		}
	}
	m.report.Classes = len(e.Classes)
	return m.s.Apply(e)
}

// slide takes over the labels of one slide in one edit.
func (m *merger) slide(from, to annotate.ID) error {
	set, err := m.there.Objects(from)
	if err != nil {
		return err
	}
	mine, err := m.s.Objects(to)
	if err != nil {
		return err
	}
	m.report.Slides++
	versions := map[string]*annotate.Object{} // other versions that lie here already
	mine.All(func(o *annotate.Object) bool {
		if of := o.Meta[conflictMeta]; of != "" {
			versions[of] = o
		}
		return true
	})
	e := annotate.Edit{Slide: to, Label: "Merge labels of " + m.from()}
	set.All(func(o *annotate.Object) bool {
		if c := m.translated(o); c != nil {
			m.object(&e, to, c, mine.Get(c.ID), versions)
		}
		return true
	})
	m.gone(&e, to, set, mine)
	return m.s.Apply(e)
}

// from is whose labels they are.
func (m *merger) from() string {
	if m.own != nil {
		return m.own.Title()
	}
	return m.there.Name()
}

// translated is a label of there as it is to be here; nil for what is not taken
// over.
func (m *merger) translated(o *annotate.Object) *annotate.Object {
	c := *o
	if id, ok := m.classes[o.Class]; ok {
		c.Class = id
	}
	if id, ok := m.classes[o.Review.Was]; ok {
		c.Review.Was = id
	}
	if m.own == nil {
		return &c
	}
	if isSide(o) {
		return nil
	}
	c.Meta = merged(c.Meta, map[string]string{readingMeta: m.own.ID.String(), versionMeta: versionOf(o)})
	c.By.Author = m.own.Reader
	c.By.Nearest = nil
	for _, id := range o.By.Nearest {
		if source, ok := m.own.Sources[id.String()]; ok {
			id = source
		}
		c.By.Nearest = append(c.By.Nearest, id)
	}
	return &c
}

// object decides on one label: c as it is there, have as it is here.
func (m *merger) object(e *annotate.Edit, slide annotate.ID, c, have *annotate.Object, versions map[string]*annotate.Object) {
	switch {
	case have == nil:
		m.report.Added++
		e.Changes = append(e.Changes, annotate.Change{After: c})
	case have.Equal(c):
		m.report.Same++
	case m.untouched(have):
		m.report.Updated++
		e.Changes = append(e.Changes, annotate.Change{Before: have, After: c})
	default:
		k := Conflict{Slide: slide, Object: have.ID, What: differs(have, c)}
		if v := versions[have.ID.String()]; v != nil && v.ROI.Equal(c.ROI) && v.Class == c.Class && v.Notes == c.Notes && v.Name == c.Name {
			k.Other = v.ID // it was merged before
		} else {
			other := *c
			other.ID = annotate.NewID()
			other.Meta = merged(c.Meta, map[string]string{conflictMeta: have.ID.String()})
			k.Other = other.ID
			e.Changes = append(e.Changes, annotate.Change{After: &other})
		}
		m.report.Conflicts = append(m.report.Conflicts, k)
	}
}

// untouched tells whether a collected label is still as the reader left it, so
// that the reader's newer version may take its place.
func (m *merger) untouched(have *annotate.Object) bool {
	return m.own != nil && have.Meta[readingMeta] == m.own.ID.String() && have.Meta[versionMeta] == versionOf(have)
}

// gone removes what an earlier collection brought and the reader removed since.
func (m *merger) gone(e *annotate.Edit, slide annotate.ID, there, mine *annotate.Set) {
	if m.own == nil || m.own.Collected.IsZero() {
		return
	}
	mine.All(func(o *annotate.Object) bool {
		if o.Meta[readingMeta] != m.own.ID.String() || o.Meta[conflictMeta] != "" || there.Get(o.ID) != nil {
			return true
		}
		if m.untouched(o) {
			m.report.Removed++
			e.Changes = append(e.Changes, annotate.Change{Before: o})
		} else {
			m.report.Conflicts = append(m.report.Conflicts, Conflict{Slide: slide, Object: o.ID, What: "removed by the reader, changed here"})
		}
		return true
	})
}

// differs says to people what two versions of a label do not share.
func differs(a, b *annotate.Object) string {
	words := ""
	add := func(what string, unlike bool) {
		if unlike {
			if words != "" {
				words += ", "
			}
			words += what
		}
	}
	add("shape", !a.ROI.Equal(b.ROI))
	add("class", a.Class != b.Class)
	add("name", a.Name != b.Name)
	add("notes", a.Notes != b.Notes)
	add("decision", a.Review.Decision != b.Review.Decision)
	if words == "" {
		return "attributes"
	}
	return words
}

// Collect takes the labels of a reader's project into this one, where they carry
// the reader's name and the reading. Collecting again takes over what the reader
// did since; what was changed here meanwhile is a conflict and stays in both
// versions. It returns ErrNotReading for a project that was not given by this
// one.
func (s *Session) Collect(ctx context.Context, dir string) (MergeReport, error) {
	there, err := OpenProject(dir, Options{ReadOnly: true})
	if err != nil {
		return MergeReport{}, err
	}
	m := merger{s: s, there: there, report: MergeReport{From: there.Dir()}}
	err = m.collect(ctx)
	return m.report, errors.Join(err, there.Close())
}

func (m *merger) collect(ctx context.Context) error {
	own, ok := m.there.OwnReading()
	if !ok || own.Project != m.s.project.UUID() {
		return fmt.Errorf("%s: %w", m.there.Dir(), ErrNotReading)
	}
	all, err := m.s.Readings()
	if err != nil {
		return err
	}
	for i := range all {
		if all[i].ID == own.ID {
			m.own = &all[i]
		}
	}
	if m.own == nil {
		return fmt.Errorf("%s: %w", m.there.Dir(), ErrNotReading)
	}
	if err := m.takeClasses(); err != nil {
		return err
	}
	for _, x := range m.own.Slides {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := m.slide(x.There, x.Here); err != nil {
			return err
		}
	}
	m.own.Collected = time.Now().UTC()
	return m.s.keepReadings(all)
}
