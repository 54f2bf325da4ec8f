package exchange

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"coverslip/annotate"
)

// Fate is what becomes of a shape in a file of a format.
type Fate uint8

// The fates of a shape.
const (
	Dropped  Fate = iota // it is not in the file
	Whole                // it comes back as it was
	Apart                // its parts become objects of their own
	Outlined             // it becomes a polygon within a quarter of a pixel
	Boxed                // it becomes its bounding rectangle
	Centred              // it becomes the point in its middle
	Filled               // of holes: they are closed
	Pixels               // it becomes the pixels whose middle it holds
)

// String is the fate's word for a table.
func (f Fate) String() string {
	return [...]string{"left out", "yes", "apart", "as polygon", "as box", "as point", "filled", "as pixels"}[f]
}

// Attrs is a set of what an object says beside its shape.
type Attrs uint16

// What an object says beside its shape.
const (
	Class     Attrs = 1 << iota // the class, by its name
	Color                       // the class's colour
	Name                        // the object's name
	Notes                       // the object's notes
	Lock                        // that it is locked
	Identity                    // its identifier
	Detection                   // that a machine proposed it
	Score                       // how sure the machine was
	Origin                      // who, when, by which model, decisions, measurements of other programs

	// All is everything.
	All = Class | Color | Name | Notes | Lock | Identity | Detection | Score | Origin
)

// Keeps is what a file of a format can hold. It is a fact: the conformance
// suite writes and reads random objects and compares with Kept.
type Keeps struct {
	Point, Points, Line, Rectangle, Ellipse, Polygon Fate

	Holes Fate // Whole or Filled
	Parts Fate // of a shape of several polygons: Whole or Apart

	Attrs Attrs
	Grid  float64 // positions are rounded to it, level-0 pixels; 0: not at all
	GridN float64 // likewise in nm, when Grid is 0
	Near  float64 // how far arithmetic may move a position, level-0 pixels; 0: not at all
	Note  string  // a sentence more that a person should know before writing; may be empty
}

// shape is the fate of a kind of ROI.
func (k *Keeps) shape(kind annotate.Kind) Fate {
	switch kind {
	case annotate.KindPoint:
		return k.Point
	case annotate.KindPoints:
		return k.Points
	case annotate.KindLine:
		return k.Line
	case annotate.KindRectangle:
		return k.Rectangle
	case annotate.KindEllipse:
		return k.Ellipse
	case annotate.KindPolygon:
		return k.Polygon
	}
	return Dropped
}

// Kept is what a file of the format holds of an object: none, one or several
// objects. Attributes that the format does not know stay: a writer does not look
// at them.
func (k *Keeps) Kept(o *annotate.Object) []*annotate.Object {
	rois := k.rois(o.ROI)
	out := make([]*annotate.Object, 0, len(rois))
	for i, r := range rois {
		if k.Grid > 0 {
			r = snapped(r, k.Grid)
		}
		c := *o
		c.ROI = r
		if i > 0 {
			c.ID = annotate.ClassID(o.ID.String() + " " + strconv.Itoa(i))
		}
		// What is written as it was stays as valid as it was.
		if k.Grid == 0 && k.shape(o.ROI.Kind) == Whole && k.Holes == Whole || r.Validate() == nil {
			out = append(out, &c)
		}
	}
	return out
}

func snapped(r annotate.ROI, grid float64) annotate.ROI {
	r = r.Map(func(p annotate.Point) annotate.Point {
		return annotate.Point{X: math.Round(p.X/grid) * grid, Y: math.Round(p.Y/grid) * grid}
	})
	if r.Kind == annotate.KindPolygon {
		for i := range r.Polygons {
			r.Polygons[i].Outer = Opened(r.Polygons[i].Outer)
		}
	}
	return r
}

func (k *Keeps) rois(r annotate.ROI) []annotate.ROI {
	switch k.shape(r.Kind) {
	case Whole:
		if r.Kind == annotate.KindPolygon {
			return k.polygons(r.Polygons)
		}
		return []annotate.ROI{r}
	case Apart:
		var out []annotate.ROI
		for _, p := range r.Points {
			out = append(out, annotate.PointAt(p.X, p.Y))
		}
		return out
	case Pixels: // the writer does it, at the resolution it can
		return []annotate.ROI{r}
	case Outlined:
		return k.polygons(r.Outline())
	case Boxed:
		b := r.Bounds()
		return []annotate.ROI{annotate.Rectangle(b.MinX, b.MinY, b.MaxX, b.MaxY)}
	case Centred:
		c := r.Bounds().Center()
		return []annotate.ROI{annotate.PointAt(c.X, c.Y)}
	}
	return nil
}

func (k *Keeps) polygons(ps []annotate.Polygon) []annotate.ROI {
	if k.Holes != Whole {
		ps = slices.Clone(ps)
		for i := range ps {
			ps[i].Holes = nil
		}
	}
	if k.Parts == Whole || len(ps) == 1 {
		if k.Parts == Whole && k.Holes != Whole && len(ps) > 1 {
			// A part may lie in the hole of another; filled, they overlap.
			if mended, err := annotate.RepairPolygons(ps); err == nil {
				ps = mended
			}
		}
		return []annotate.ROI{AreaOf(ps)}
	}
	var out []annotate.ROI
	for _, p := range ps {
		out = append(out, AreaOf([]annotate.Polygon{p}))
	}
	return out
}

// Loss is something that a file will not hold.
type Loss struct {
	Count int    // of objects or parts concerned
	Text  string // "3 holes are filled"
}

// Tally counts the losses of objects, one after another, before they are written.
type Tally struct {
	keeps  Keeps
	counts map[string]int
	total  int
}

// NewTally is a tally for a format.
func NewTally(k Keeps) *Tally { return &Tally{keeps: k, counts: map[string]int{}} }

// What a tally counts, in the order it is told; %s stands for the number.
var lossTexts = []struct{ key, one, many string }{
	{"dropped", "%s object is left out: the format has no such shape", "%s objects are left out: the format has no such shapes"},
	{"gone", "%s object is too small to be kept and is left out", "%s objects are too small to be kept and are left out"},
	{"centred", "%s object becomes the point in its middle", "%s objects become the points in their middle"},
	{"boxed", "%s object becomes its bounding box", "%s objects become their bounding boxes"},
	{"pixels", "the outline of %s object becomes one of whole pixels", "the outlines of %s objects become outlines of whole pixels"},
	{"holes", "%s hole is filled", "%s holes are filled"},
	{"parts", "%s object of several parts becomes one object a part", "%s objects of several parts become one object a part"},
	{"outlined", "%s ellipse becomes a polygon, within a quarter of a pixel", "%s ellipses become polygons, within a quarter of a pixel"},
	{"grid", "the positions of %s object are rounded", "the positions of %s objects are rounded"},
	{"class", "the class of %s object is not written", "the classes of %s objects are not written"},
	{"name", "the name of %s object is not written", "the names of %s objects are not written"},
	{"notes", "the notes of %s object are not written", "the notes of %s objects are not written"},
	{"lock", "that %s object is locked is not written", "that %s objects are locked is not written"},
	{"identity", "the identifier of %s object is not written: imported again it is a new object", "the identifiers of %s objects are not written: imported again they are new objects"},
	{"detection", "that %s object was proposed by a machine is not written", "that %s objects were proposed by a machine is not written"},
	{"origin", "who drew %s object, when and how, is not written", "who drew %s objects, when and how, is not written"},
}

// Add counts what would be lost of an object.
func (t *Tally) Add(o *annotate.Object) {
	t.total++
	k, r := &t.keeps, o.ROI
	kept := k.Kept(o)
	fate := k.shape(r.Kind)
	is := func(key string, yes bool) {
		if yes {
			t.counts[key]++
		}
	}
	is("dropped", fate == Dropped)
	is("gone", fate != Dropped && len(kept) == 0)
	is("centred", fate == Centred)
	is("boxed", fate == Boxed && !same(r, k.rois(r)[0]))
	is("pixels", fate == Pixels)
	is("outlined", fate == Outlined && r.Kind == annotate.KindEllipse)
	is("parts", fate == Apart && len(r.Points) > 1 || fate == Whole && k.Parts != Whole && len(r.Polygons) > 1)
	if fate == Whole && k.Holes != Whole {
		for _, p := range r.Polygons {
			t.counts["holes"] += len(p.Holes)
		}
	}
	if len(kept) == 0 {
		return
	}
	is("grid", k.GridN > 0 || k.Grid > 0 && !onGrid(r, k.Grid))
	a := k.Attrs
	is("class", a&Class == 0 && !o.Class.IsZero())
	is("name", a&Name == 0 && o.Name != "")
	is("notes", a&Notes == 0 && o.Notes != "")
	is("lock", a&Lock == 0 && o.Locked)
	is("identity", a&Identity == 0)
	is("detection", a&Detection == 0 && o.Kind == annotate.Detection)
	is("origin", a&Origin == 0)
}

func onGrid(r annotate.ROI, grid float64) bool { return r.Equal(snapped(r, grid)) }

func same(a, b annotate.ROI) bool { return a.Kind == b.Kind && a.Equal(b) }

// Losses is what was counted, the worst first.
func (t *Tally) Losses() []Loss {
	var out []Loss
	for _, l := range lossTexts {
		n := t.counts[l.key]
		text := l.many
		switch {
		case n == 0:
			continue
		case n == 1:
			text = l.one
		}
		out = append(out, Loss{n, fmt.Sprintf(text, strconv.Itoa(n))})
	}
	return out
}

// Summary is what the format can hold, a sentence for a dialog: "no holes; no
// ellipses". It does not look at objects.
func (k *Keeps) Summary() string {
	var lost []string
	for _, s := range []struct {
		what string
		fate Fate
	}{{"points", k.Point}, {"groups of points", k.Points}, {"lines", k.Line}, {"rectangles", k.Rectangle}, {"ellipses", k.Ellipse}, {"polygons", k.Polygon},
		{"holes", k.Holes}, {"shapes of several parts", k.Parts}} {
		if s.what == "holes" || s.what == "shapes of several parts" {
			if k.Polygon != Whole {
				continue
			}
		}
		switch s.fate {
		case Whole:
		case Dropped:
			lost = append(lost, "no "+s.what)
		case Filled:
			lost = append(lost, "holes are filled")
		default:
			lost = append(lost, s.what+" "+s.fate.String())
		}
	}
	if k.Grid > 0 {
		lost = append(lost, "whole pixels")
	}
	if k.Attrs&Class == 0 {
		lost = append(lost, "no classes")
	}
	if len(lost) == 0 {
		return "holds every shape"
	}
	return strings.Join(lost, "; ")
}

// Forget is a copy of an object without the attributes that the format does not
// keep, as it would be read again: the suite compares with it.
func (k *Keeps) Forget(o *annotate.Object) *annotate.Object {
	c, a := *o, k.Attrs
	if a&Class == 0 {
		c.Class = annotate.ID{}
	}
	if a&Name == 0 {
		c.Name = ""
	}
	if a&Notes == 0 {
		c.Notes = ""
	}
	if a&Lock == 0 {
		c.Locked = false
	}
	if a&Identity == 0 {
		c.ID = annotate.ID{}
	}
	if a&Detection == 0 {
		c.Kind = annotate.Annotation
	}
	score := c.By.Score
	if a&Score == 0 {
		score = 0
	}
	if a&Origin == 0 {
		c.By, c.Review, c.Meta = annotate.Provenance{}, annotate.Review{}, nil
		c.Created, c.Changed = time.Time{}, time.Time{}
	}
	c.By.Score = score
	if len(c.Meta) > 0 {
		c.Meta = maps.Clone(c.Meta)
	}
	return &c
}
