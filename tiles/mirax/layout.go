package mirax

import (
	"cmp"
	"image"
	"math"
	"slices"
)

// The camera takes photos that overlap and notes where each lies. A photo is cut
// into divisions×divisions images, which do not overlap and are what is stored.
// An image of a higher level is put together from images of the level before,
// 2×2 as a rule, as if nothing overlapped: first from those of one photo, then
// from those of several, which must be taken apart again to lie where their
// photos lie.
//
// The cells of a slide are the images of full resolution. Positions are in
// pixels of these, the base plane; level 0 is coarser than it where a slide was
// made smaller when it was saved.

// photo is one that has images, in the base plane.
type photo struct {
	col, row int32
	point
}

// layout says where what is stored lies.
type layout struct {
	divisions int
	cells     image.Point // cells of the slide
	size      image.Point // pixels of a cell
	regular   bool        // photos do not overlap: images lie side by side at every level
	photos    []photo     // row by row; none where regular
	buckets   map[bucket][]int32
	side      int             // pixels of a bucket
	bounds    image.Rectangle // what is stored of level 0, in the base plane
	beyond    int             // images beyond the last whole photo, which are not drawn
}

// bucket is a square of the base plane, in which photos are looked for.
type bucket struct{ x, y int32 }

// shape is how a level is put together.
type shape struct {
	concat  int     // cells that an image is put together from, a side
	perTile int     // parts of an image that lie apart, a side
	perShot int     // images of one photo, a side
	w, h    float64 // pixels of a part
	size    image.Point
}

// piece is a part of a stored image where it lies on a level.
type piece struct {
	order [2]int          // row, column: where pieces overlap, the last in this order is on top
	image uint32          // number of the stored image
	at    image.Rectangle // pixels of the level
	from  image.Point     // pixels of the image
}

// newShape tells how a level is put together of which an image shows concat
// cells a side; ok is false where its images would straddle photos.
func (y *layout) newShape(concat int, size image.Point) (s shape, ok bool) {
	s = shape{concat: concat, perTile: 1, perShot: 1, size: size}
	if !y.regular {
		if concat%y.divisions != 0 && y.divisions%concat != 0 {
			return s, false
		}
		s.perTile, s.perShot = max(1, concat/y.divisions), max(1, y.divisions/concat)
	}
	s.w, s.h = float64(size.X)/float64(s.perTile), float64(size.Y)/float64(s.perTile)
	return s, true
}

// newLayout finds the photos that have images of level 0, which concat cells a
// side are put together in. cams is nil for a regular layout.
func newLayout(set *settings, cams *cameras, concat int, images []stored) (*layout, error) {
	y := &layout{divisions: set.divisions, cells: set.images, size: set.levels[0].size, regular: cams == nil}
	if y.regular {
		for _, m := range images {
			cell := image.Pt(int(m.image)%y.cells.X, int(m.image)/y.cells.X)
			y.reach(image.Pt(cell.X*y.size.X, cell.Y*y.size.Y), y.size.Mul(concat))
		}
		return y, nil
	}
	n := cams.cols * cams.rows
	active := make([]uint64, (n+63)/64)
	count := 0
	each := max(1, concat/y.divisions) // photos of an image, a side
	for _, m := range images {
		cell := image.Pt(int(m.image)%y.cells.X, int(m.image)/y.cells.X)
		first := cell.Div(y.divisions)
		inside := cell.Sub(first.Mul(y.divisions))
		if first.X >= cams.cols || first.Y >= cams.rows {
			y.beyond++
		}
		for r := first.Y; r < min(first.Y+each, cams.rows); r++ {
			for c := first.X; c < min(first.X+each, cams.cols); c++ {
				i, at := r*cams.cols+c, cams.position(c, r)
				if i > 0 && at == (point{}) { // said of photos that were never taken
					continue
				}
				y.reach(image.Pt(int(at.x)+inside.X*y.size.X, int(at.y)+inside.Y*y.size.Y), y.size.Mul(min(concat, y.divisions)))
				if active[i/64]>>(i%64)&1 == 0 {
					active[i/64] |= 1 << (i % 64)
					count++
				}
			}
		}
	}
	y.photos = make([]photo, 0, count)
	for i := range n {
		if active[i/64]>>(i%64)&1 != 0 {
			c, r := i%cams.cols, i/cams.cols
			y.photos = append(y.photos, photo{int32(c), int32(r), cams.position(c, r)})
		}
	}
	return y, y.fill()
}

// photoSize is the size of a photo in the base plane.
func (y *layout) photoSize() image.Point { return y.size.Mul(y.divisions) }

// reach enlarges the bounds by an image.
func (y *layout) reach(at, size image.Point) {
	y.bounds = y.bounds.Union(image.Rectangle{Max: size}.Add(at))
}

// maxHeap is how many photos may meet a bucket; nine do where photos overlap at
// their edges. Each would be decoded for every tile there.
const maxHeap = 256

// fill puts the photos into buckets; each meets four at the most.
func (y *layout) fill() error {
	size := y.photoSize()
	y.side = max(size.X, size.Y)
	y.buckets = map[bucket][]int32{}
	for i, p := range y.photos {
		x0, y0 := floorDiv(int(p.x), y.side), floorDiv(int(p.y), y.side)
		x1, y1 := floorDiv(int(p.x)+size.X-1, y.side), floorDiv(int(p.y)+size.Y-1, y.side)
		for by := y0; by <= y1; by++ {
			for bx := x0; bx <= x1; bx++ {
				b := bucket{int32(bx), int32(by)}
				y.buckets[b] = append(y.buckets[b], int32(i))
				if len(y.buckets[b]) > maxHeap {
					return bad("more than %d photos overlap near (%d,%d)", maxHeap, p.x, p.y)
				}
			}
		}
	}
	return nil
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// near calls f with the photos that may meet a rectangle of the base plane, each
// once at least, and says whether that was row by row.
func (y *layout) near(r image.Rectangle, f func(*photo)) (inOrder bool) {
	x0, y0 := floorDiv(r.Min.X, y.side), floorDiv(r.Min.Y, y.side)
	x1, y1 := floorDiv(r.Max.X-1, y.side), floorDiv(r.Max.Y-1, y.side)
	if (x1-x0+1)*(y1-y0+1) > len(y.buckets)/2 || x1-x0 > len(y.buckets) || y1-y0 > len(y.buckets) {
		for i := range y.photos {
			f(&y.photos[i])
		}
		return true
	}
	for by := y0; by <= y1; by++ {
		for bx := x0; bx <= x1; bx++ {
			for _, i := range y.buckets[bucket{int32(bx), int32(by)}] {
				f(&y.photos[i])
			}
		}
	}
	return false
}

// pieces appends what meets want, pixels of a level, to out, in the order in
// which it is to be drawn.
func (y *layout) pieces(s *shape, want image.Rectangle, out []piece) []piece {
	if y.regular {
		return y.sideBySide(s, want, out)
	}
	size := y.photoSize()
	base := image.Rectangle{want.Min.Mul(s.concat), want.Max.Mul(s.concat)}.Inset(-s.concat)
	sorted := y.near(base, func(p *photo) {
		if (image.Rectangle{Max: size}).Add(image.Pt(int(p.x), int(p.y))).Overlaps(base) {
			out = y.ofPhoto(s, p, want, out)
		}
	})
	if sorted && s.perShot == 1 {
		return out
	}
	slices.SortFunc(out, func(a, b piece) int {
		return cmp.Or(cmp.Compare(a.order[0], b.order[0]), cmp.Compare(a.order[1], b.order[1]))
	})
	return slices.CompactFunc(out, func(a, b piece) bool { return a.order == b.order })
}

// ofPhoto appends the pieces of one photo. A position between pixels is rounded;
// pieces that lie side by side stay so.
func (y *layout) ofPhoto(s *shape, p *photo, want image.Rectangle, out []piece) []piece {
	x0, y0 := float64(p.x)/float64(s.concat), float64(p.y)/float64(s.concat)
	cellX, cellY := int(p.col)*y.divisions, int(p.row)*y.divisions
	for j := range s.perShot {
		for i := range s.perShot {
			left, top := x0+float64(i)*s.w, y0+float64(j)*s.h
			at := image.Rect(round(left), round(top), round(left+s.w), round(top+s.h))
			if !at.Overlaps(want) {
				continue
			}
			m := piece{order: [2]int{int(p.row)*s.perShot + j, int(p.col)*s.perShot + i}, at: at}
			col, row := cellX+i*s.concat, cellY+j*s.concat
			if s.perTile > 1 {
				col, row = cellX/s.concat*s.concat, cellY/s.concat*s.concat
				m.from = image.Pt(round(float64((cellX-col)/y.divisions)*s.w), round(float64((cellY-row)/y.divisions)*s.h))
			}
			if col >= y.cells.X || row >= y.cells.Y {
				continue
			}
			m.image = uint32(row*y.cells.X + col)
			// Rounding may reach a pixel beyond the image.
			m.at.Max.X, m.at.Max.Y = min(at.Max.X, at.Min.X+s.size.X-m.from.X), min(at.Max.Y, at.Min.Y+s.size.Y-m.from.Y)
			if !m.at.Empty() {
				out = append(out, m)
			}
		}
	}
	return out
}

// sideBySide appends the images of a regular layout.
func (y *layout) sideBySide(s *shape, want image.Rectangle, out []piece) []piece {
	for row := want.Min.Y / s.size.Y; row*s.size.Y < want.Max.Y; row++ {
		for col := want.Min.X / s.size.X; col*s.size.X < want.Max.X; col++ {
			cell := image.Pt(col, row).Mul(s.concat)
			if cell.X >= y.cells.X || cell.Y >= y.cells.Y {
				continue
			}
			out = append(out, piece{
				order: [2]int{row, col}, image: uint32(cell.Y*y.cells.X + cell.X),
				at: image.Rectangle{Max: s.size}.Add(image.Pt(col*s.size.X, row*s.size.Y)),
			})
		}
	}
	return out
}

// round is the nearest whole number, a half goes up.
func round(v float64) int { return int(math.Floor(v + 0.5)) }
