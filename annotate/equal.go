package annotate

import (
	"maps"
	"slices"
)

// Equal tells whether two objects say the same. Times are compared as
// instants; a nil map or list equals an empty one. Two nils are equal.
func (o *Object) Equal(p *Object) bool {
	if o == nil || p == nil {
		return o == p
	}
	if o == p {
		return true
	}
	return o.ID == p.ID && o.Kind == p.Kind && o.Class == p.Class &&
		o.Name == p.Name && o.Notes == p.Notes && o.Locked == p.Locked &&
		o.Created.Equal(p.Created) && o.Changed.Equal(p.Changed) &&
		o.By.equal(p.By) && o.Review.equal(p.Review) &&
		maps.Equal(o.Meta, p.Meta) && o.ROI.Equal(p.ROI)
}

func (a Provenance) equal(b Provenance) bool {
	return a.Author == b.Author && a.Model == b.Model && a.ModelHash == b.ModelHash &&
		a.Untrained == b.Untrained && a.Method == b.Method && a.Score == b.Score &&
		a.Margin == b.Margin && a.Why == b.Why && a.Params == b.Params && slices.Equal(a.Nearest, b.Nearest)
}

func (a Review) equal(b Review) bool {
	return a.Decision == b.Decision && a.By == b.By && a.Was == b.Was && a.At.Equal(b.At)
}

// Equal tells whether two ROIs have the same kind and the same points in the
// same order.
func (r ROI) Equal(q ROI) bool {
	return r.Kind == q.Kind && slices.Equal(r.Points, q.Points) &&
		slices.EqualFunc(r.Polygons, q.Polygons, func(a, b Polygon) bool {
			return slices.Equal(a.Outer, b.Outer) &&
				slices.EqualFunc(a.Holes, b.Holes, func(x, y Ring) bool { return slices.Equal(x, y) })
		})
}

// Equal tells whether two classes say the same. Two nils are equal.
func (c *Class) Equal(d *Class) bool {
	if c == nil || d == nil {
		return c == d
	}
	return *c == *d
}
