package annotate

// Point is a position in level-0 pixels.
type Point struct{ X, Y float64 }

// Ring is a closed line in level-0 pixels, stored open: the last point joins
// the first.
type Ring []Point

// Polygon is an outer ring and its holes.
type Polygon struct {
	Outer Ring
	Holes []Ring
}

// Kind tells how the points of a ROI are to be read.
type Kind uint8

// Kinds of ROI. The numbers are written to disk and never change.
const (
	KindPoint     Kind = 1 // Points[0]
	KindPoints    Kind = 2 // Points, not joined
	KindLine      Kind = 3 // Points joined in order, open
	KindRectangle Kind = 4 // Polygons[0].Outer has four corners, axis-parallel
	KindEllipse   Kind = 5 // Points: upper left and lower right corner of the bounding box
	KindPolygon   Kind = 6 // Polygons: one or more disjoint polygons with holes
)

// String is the kind's word for people: "polygon".
func (k Kind) String() string {
	switch k {
	case KindPoint:
		return "point"
	case KindPoints:
		return "points"
	case KindLine:
		return "line"
	case KindRectangle:
		return "rectangle"
	case KindEllipse:
		return "ellipse"
	case KindPolygon:
		return "polygon"
	}
	return "unknown shape"
}

// ROI is geometry only. It is immutable once it is part of an Object.
type ROI struct {
	Kind     Kind
	Points   []Point   // level-0 pixels; see Kind
	Polygons []Polygon // level-0 pixels; see Kind
}

// Box is an axis-parallel rectangle in level-0 pixels, half-open.
type Box struct{ MinX, MinY, MaxX, MaxY float64 }

// Rectangle makes the ROI of an axis-parallel rectangle given by two opposite
// corners in any order, in level-0 pixels.
func Rectangle(x0, y0, x1, y1 float64) ROI {
	if x1 < x0 {
		x0, x1 = x1, x0
	}
	if y1 < y0 {
		y0, y1 = y1, y0
	}
	return ROI{Kind: KindRectangle, Polygons: []Polygon{{Outer: Ring{{x0, y0}, {x1, y0}, {x1, y1}, {x0, y1}}}}}
}

// Area makes the ROI of a polygon given by its outer ring, in level-0 pixels.
func Area(outer Ring) ROI {
	return ROI{Kind: KindPolygon, Polygons: []Polygon{{Outer: outer}}}
}
