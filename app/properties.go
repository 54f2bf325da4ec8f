package app

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"coverslip/annotate"
	"coverslip/annotate/interchange/geojson"
)

// Properties is what a person may change of objects beside their shape; what is
// nil stays.
type Properties struct {
	Name  *string
	Notes *string
	Class *annotate.ID
	Meta  map[string]string // attributes to set; an empty value takes one away
}

// SetProperties changes objects of one slide in one edit. Errors: ErrNoClass,
// ErrObjectLocked.
func (s *Session) SetProperties(ids []annotate.ID, p Properties) error {
	if p.Class != nil {
		if err := s.checkClass(*p.Class); err != nil {
			return err
		}
	}
	who, now := s.Author(), time.Now().UTC()
	return s.change(ids, counted("Properties of", len(ids), "object"), func(o *annotate.Object) error {
		o.Changed = now
		if p.Name != nil {
			o.Name = *p.Name
		}
		if p.Notes != nil {
			o.Notes = *p.Notes
		}
		if p.Class != nil && *p.Class != o.Class {
			if o.Kind == annotate.Detection {
				decide(o, annotate.Reclassed, *p.Class, who, now)
			} else {
				o.Class = *p.Class
			}
		}
		o.Meta = merged(o.Meta, p.Meta)
		return nil
	})
}

// merged is attributes with some set or, when empty, taken away.
func merged(old, set map[string]string) map[string]string {
	if len(set) == 0 {
		return old
	}
	out := map[string]string{}
	for k, v := range old {
		out[k] = v
	}
	for k, v := range set {
		if v == "" {
			delete(out, k)
		} else {
			out[k] = v
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// SetLocked locks objects against changes, or unlocks them, in one edit. What is
// so already is left out.
func (s *Session) SetLocked(ids []annotate.ID, on bool) error {
	slide, objects, err := s.locate(ids)
	if err != nil {
		return err
	}
	word := "Unlock"
	if on {
		word = "Lock"
	}
	e := annotate.Edit{Slide: slide, Label: counted(word, len(objects), "object")}
	for _, o := range objects {
		if o.Locked != on {
			c := *o
			c.Locked, c.Changed = on, time.Now().UTC()
			e.Changes = append(e.Changes, annotate.Change{Before: o, After: &c})
		}
	}
	return s.Apply(e)
}

// Duplicate makes copies of objects beside them, moved by a distance in level-0
// pixels as far as the slide allows, in one edit. It returns the copies.
func (s *Session) Duplicate(ids []annotate.ID, dx, dy float64) ([]annotate.ID, error) {
	slide, objects, err := s.locate(ids)
	if err != nil {
		return nil, err
	}
	return s.place(annotate.Edit{Slide: slide, Label: counted("Duplicate", len(objects), "object")}, objects, dx, dy)
}

// place adds copies of objects to an edit of a slide, moved by a distance but not
// off it, and applies it.
func (s *Session) place(e annotate.Edit, objects []*annotate.Object, dx, dy float64) ([]annotate.ID, error) {
	if len(objects) == 0 {
		return nil, nil
	}
	item, err := s.Slide(e.Slide)
	if err != nil {
		return nil, err
	}
	b := annotate.EmptyBox()
	for _, o := range objects {
		b = b.Union(o.ROI.Bounds())
	}
	if w, h := float64(item.Width), float64(item.Height); w > 0 && h > 0 {
		if b.Width() > w || b.Height() > h {
			return nil, fmt.Errorf("%s: %w", e.Label, ErrOffSlide)
		}
		dx, dy = max(-b.MinX, min(w-b.MaxX, dx)), max(-b.MinY, min(h-b.MaxY, dy))
	}
	now := time.Now().UTC()
	var ids []annotate.ID
	for _, o := range objects {
		c := *o
		c.ID, c.Created, c.Changed, c.Locked = annotate.NewID(), now, now, false
		c.ROI = o.ROI.Translate(dx, dy)
		// A copy is what a person made, whatever drew the original.
		c.Kind, c.Review = annotate.Annotation, annotate.Review{}
		c.By = annotate.Provenance{Author: s.Author(), Method: "copy"}
		e.Changes = append(e.Changes, annotate.Change{After: &c})
		ids = append(ids, c.ID)
	}
	return ids, s.Apply(e)
}

// CopyText is the objects as GeoJSON, for a clipboard: other slides, other
// projects and QuPath can take it.
func (s *Session) CopyText(ids []annotate.ID) (string, error) {
	slide, objects, err := s.locate(ids)
	if err != nil {
		return "", err
	}
	item, err := s.Slide(slide)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := geojson.Write(&b, objects, s.Palette(), slideInfo(item)); err != nil {
		return "", err
	}
	return b.String(), nil
}

// maxPaste bounds what is taken from a clipboard, bytes.
const maxPaste = 64 << 20

// Paste adds the objects of a GeoJSON text to a slide, in one edit with
// the classes that the palette lacks. From a slide with pixels of another size
// they are scaled to the same size in µm. Their middle comes to the given point
// (level-0 pixels), or for nil they stay where they were, a little beside
// themselves on the same slide. It returns the new objects; ErrNothingToPaste for a text without
// any.
func (s *Session) Paste(slide annotate.ID, text string, at *annotate.Point) ([]annotate.ID, error) {
	item, err := s.Slide(slide)
	if err != nil {
		return nil, err
	}
	if len(text) > maxPaste || !strings.Contains(text, "{") {
		return nil, ErrNothingToPaste
	}
	palette := s.Palette()
	file, err := geojson.Read(bytes.NewReader([]byte(text)), geojson.ReadOptions{Classes: palette, Author: s.Author(), At: time.Now().UTC(), MaxBytes: maxPaste})
	if err != nil || len(file.Objects) == 0 {
		return nil, ErrNothingToPaste
	}
	factor := 1.0
	if from, to := file.Slide.MPPX, item.MPPX; from > 0 && to > 0 && file.Slide.Fingerprint != item.Fingerprint {
		factor = from / to
	}
	b := annotate.EmptyBox()
	for _, o := range file.Objects {
		if factor != 1 {
			o.ROI = o.ROI.Scaled(annotate.Point{}, factor, factor)
		}
		b = b.Union(o.ROI.Bounds())
	}
	dx, dy := 0.0, 0.0
	switch {
	case at != nil:
		dx, dy = at.X-b.Center().X, at.Y-b.Center().Y
	case file.Slide.Fingerprint == item.Fingerprint:
		beside := max(8, 0.1*max(b.Width(), b.Height()))
		dx, dy = beside, beside
	}
	e := annotate.Edit{Slide: slide, Label: counted("Paste", len(file.Objects), "object")}
	for _, c := range file.Classes {
		if palette.ByID(c.ID) == nil {
			e.Classes = append(e.Classes, annotate.ClassChange{After: &c})
		}
	}
	return s.place(e, file.Objects, dx, dy)
}

// Around is the smallest label whose area holds the object's centre and is
// larger than the object: what it lies in. Nil when it lies in nothing.
func Around(set *annotate.Set, o *annotate.Object) *annotate.Object {
	c := o.ROI.Centroid()
	mine := o.ROI.Area()
	var best *annotate.Object
	least := 0.0
	set.Search(annotate.Box{MinX: c.X, MinY: c.Y, MaxX: c.X, MaxY: c.Y}, func(q *annotate.Object) bool {
		if q.ID == o.ID || !q.IsLabel() || !q.ROI.IsArea() || !q.ROI.Contains(c) {
			return true
		}
		if a := q.ROI.Area(); a > mine && (best == nil || a < least) {
			best, least = q, a
		}
		return true
	})
	return best
}

// Ancestry is what an object lies in, innermost first: its hierarchy. It ends, at
// the latest, after 64 steps.
func Ancestry(set *annotate.Set, o *annotate.Object) []*annotate.Object {
	var out []*annotate.Object
	for p := Around(set, o); p != nil && len(out) < 64; p = Around(set, p) {
		out = append(out, p)
	}
	return out
}
