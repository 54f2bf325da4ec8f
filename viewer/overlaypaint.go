package viewer

import (
	"bytes"
	"image"
	"image/color"
	"math"
	"slices"

	"coverslip/annotate"
)

// sortAtMost is the number of objects in a tile up to which they are painted
// large below small. Beyond it they are dots, whose order is not seen.
const sortAtMost = 4000

// farthest bounds coordinates in tile pixels. The largest slide magnified as far
// as it goes ends well before it; beyond it a product of two loses the pixel.
const farthest = 1e9

// overlayPainter paints tiles of the overlay; one per goroutine.
type overlayPainter struct {
	r    raster
	list []sized
	pts  []pixel // of the shape in hand, in pixels of the tile
	ends []int   // where each ring ends in pts
	keep func(*annotate.Object) bool

	style *overlayStyle
	scale float64 // pixels of the tile per level-0 pixel
	ox    float64 // tile's corner in pixels of its step
	oy    float64
}

type pixel struct{ x, y float64 }

type sized struct {
	o    *annotate.Object
	area float64
}

// paint draws the objects that meet the tile; nil when there are none.
func (p *overlayPainter) paint(set Objects, style *overlayStyle, k overlayKey) *image.RGBA {
	p.style, p.scale = style, stepScale(k.step)
	p.ox, p.oy = float64(k.col*overlayTile), float64(k.row*overlayTile)
	p.list = p.list[:0]
	if p.keep == nil {
		p.keep = func(o *annotate.Object) bool {
			if p.style.shows(o) {
				p.list = append(p.list, sized{o: o})
			}
			return true
		}
	}
	set.Search(style.plane.L0Box(k.box(style.reach())), p.keep)
	if len(p.list) == 0 {
		return nil
	}
	p.order()
	dst := image.NewRGBA(image.Rect(0, 0, overlayTile, overlayTile))
	for _, s := range p.list {
		p.object(dst, s.o)
	}
	clear(p.list) // hold on to no objects of an old set
	return dst
}

// order sorts large below small, and by identity, so that neighbouring tiles
// agree.
func (p *overlayPainter) order() {
	if len(p.list) > sortAtMost {
		return
	}
	for i := range p.list {
		b, _ := extent(&p.list[i].o.ROI)
		p.list[i].area = (b.MaxX - b.MinX) * (b.MaxY - b.MinY)
	}
	slices.SortFunc(p.list, func(a, b sized) int {
		switch {
		case a.area > b.area:
			return -1
		case a.area < b.area:
			return 1
		}
		return bytes.Compare(a.o.ID[:], b.o.ID[:])
	})
}

// object draws one object.
func (p *overlayPainter) object(dst *image.RGBA, o *annotate.Object) {
	c := p.style.colour(o.Class)
	unit := p.style.unit
	// Tiles are shown at 0.7 to 1 of their size: 0.85 in the middle.
	half := outlineWidth * unit / 0.85 / 2
	switch o.ROI.Kind {
	case annotate.KindPoint, annotate.KindPoints:
		for _, q := range o.ROI.Points {
			p.point(dst, q, c, o.IsSuggestion())
		}
		return
	}
	if x, y, radius, ok := p.speck(&o.ROI); ok {
		p.dot(dst, x, y, inkOf(c, 1), max(0.9*unit, radius+half/2))
		return
	}
	closed := p.trace(&o.ROI)
	if o.IsSuggestion() {
		p.suggestion(dst, o, closed, half, inkOf(c, 1))
		return
	}
	if !p.begin(half) {
		return
	}
	p.rings(func(i int, ring []pixel) {
		if closed && p.style.fill > 0 {
			p.fill(ring, i > 0 && p.isHole(&o.ROI, i))
		}
		p.solid(ring, closed, half)
	})
	p.r.paint(dst, inkOf(c, p.style.fill), inkOf(c, 1))
}

// suggestion draws what waits for a decision: dashes and no body, which only
// what a person has decided has. A light casing keeps them legible on any
// stain.
func (p *overlayPainter) suggestion(dst *image.RGBA, o *annotate.Object, closed bool, half float64, c ink) {
	casing := half + casingWidth*p.style.unit/0.85
	if o.ROI.Kind == annotate.KindRectangle {
		p.inset(casing)
	}
	for _, pen := range [2]struct {
		half float64
		ink  ink
	}{{casing, ink{255, 255, 255, 0.6}}, {half, c}} {
		if !p.begin(pen.half) {
			return
		}
		p.rings(func(_ int, ring []pixel) { p.dashed(ring, closed, pen.half) })
		p.r.paint(dst, ink{}, pen.ink)
	}
}

// rings calls f with each ring that trace made.
func (p *overlayPainter) rings(f func(i int, ring []pixel)) {
	from := 0
	for i, end := range p.ends {
		f(i, p.pts[from:end])
		from = end
	}
}

// extent is about the box of a shape: a few of its vertices spread nearly as
// wide as all, and most objects of a tile seen from afar have nothing but a
// size. ok is false for a shape without points.
func extent(roi *annotate.ROI) (b annotate.Box, ok bool) {
	const looked = 12
	add := func(pts []annotate.Point) {
		for i, step := 0, 1+len(pts)/looked; i < len(pts); i += step {
			q := pts[i]
			if !ok {
				b, ok = annotate.Box{MinX: q.X, MinY: q.Y, MaxX: q.X, MaxY: q.Y}, true
			}
			b.MinX, b.MaxX = min(b.MinX, q.X), max(b.MaxX, q.X)
			b.MinY, b.MaxY = min(b.MinY, q.Y), max(b.MaxY, q.Y)
		}
	}
	add(roi.Points)
	for i := range roi.Polygons {
		add(roi.Polygons[i].Outer)
	}
	return b, ok
}

// speck tells whether the shape is too small to have an outline of its own, or
// so small and round that a dot of its size looks the same; where it is and its
// radius are in pixels of the tile.
func (p *overlayPainter) speck(roi *annotate.ROI) (x, y, radius float64, ok bool) {
	b, ok := extent(roi)
	if !ok {
		return 0, 0, 0, false
	}
	w, h := (b.MaxX-b.MinX)*p.scale, (b.MaxY-b.MinY)*p.scale
	tiny := max(w, h) < dotSize*p.style.unit
	round := roi.Kind == annotate.KindPolygon && max(w, h) < discSize*p.style.unit && 2*min(w, h) > max(w, h)
	if !tiny && !round {
		return 0, 0, 0, false
	}
	x, y = p.place(annotate.Point{X: (b.MinX + b.MaxX) / 2, Y: (b.MinY + b.MaxY) / 2})
	return x, y, (w + h) / 4, true
}

// place is where a point of the slide lies, pixels of the tile.
func (p *overlayPainter) place(q annotate.Point) (x, y float64) {
	x, y = p.style.plane.FromL0(q.X, q.Y)
	return x*p.scale - p.ox, y*p.scale - p.oy
}

// trace turns a shape into rings of tile pixels with only the vertices that
// matter at this scale; closed tells whether they enclose an area.
func (p *overlayPainter) trace(roi *annotate.ROI) (closed bool) {
	p.pts, p.ends = p.pts[:0], p.ends[:0]
	switch roi.Kind {
	case annotate.KindLine:
		p.ring(roi.Points)
		return false
	case annotate.KindEllipse:
		if len(roi.Points) >= 2 {
			p.ring(ellipse(roi.Points[0], roi.Points[1], p.scale))
		}
		return true
	}
	for _, poly := range roi.Polygons {
		p.ring(poly.Outer)
		for _, h := range poly.Holes {
			p.ring(h)
		}
	}
	return true
}

// ring adds one ring. A vertex less than 0.7 px from the one before is left
// out; that depends on the step alone, so neighbouring tiles agree.
func (p *overlayPainter) ring(pts []annotate.Point) {
	const near = 0.7
	from := len(p.pts)
	for i, q := range pts {
		x, y := p.place(q)
		if x-x != 0 || y-y != 0 {
			continue // no number, or infinite: nowhere
		}
		x, y = max(-farthest, min(farthest, x)), max(-farthest, min(farthest, y))
		if n := len(p.pts); i > 0 && i < len(pts)-1 && n > from {
			if last := p.pts[n-1]; math.Abs(x-last.x)+math.Abs(y-last.y) < near {
				continue
			}
		}
		p.pts = append(p.pts, pixel{x, y})
	}
	p.ends = append(p.ends, len(p.pts))
}

// isHole tells whether the i-th ring that trace made is a hole.
func (p *overlayPainter) isHole(roi *annotate.ROI, i int) bool {
	for _, poly := range roi.Polygons {
		if i <= len(poly.Holes) {
			return i > 0
		}
		i -= 1 + len(poly.Holes)
	}
	return false
}

// inset draws the corners of a rectangle inwards, so that the dashes of
// neighbouring patches lie side by side.
func (p *overlayPainter) inset(by float64) {
	if len(p.pts) != 4 {
		return
	}
	mid := pixel{(p.pts[0].x + p.pts[2].x) / 2, (p.pts[0].y + p.pts[2].y) / 2}
	for i, q := range p.pts {
		dx, dy := mid.x-q.x, mid.y-q.y
		if math.Abs(dx) < 3*by || math.Abs(dy) < 3*by {
			return
		}
		p.pts[i] = pixel{q.x + math.Copysign(by, dx), q.y + math.Copysign(by, dy)}
	}
}

// begin opens the raster on the part of the shape inside the tile.
func (p *overlayPainter) begin(half float64) bool {
	if len(p.pts) == 0 {
		return false
	}
	lo, hi := p.pts[0], p.pts[0]
	for _, q := range p.pts {
		lo.x, hi.x = min(lo.x, q.x), max(hi.x, q.x)
		lo.y, hi.y = min(lo.y, q.y), max(hi.y, q.y)
	}
	m := half + 1
	// Clamp as floats: a shape may be larger than an int at high magnification.
	x0, y0 := max(0, lo.x-m), max(0, lo.y-m)
	x1, y1 := min(overlayTile, hi.x+m), min(overlayTile, hi.y+m)
	if !(x0 < x1 && y0 < y1) { // also when a coordinate is no number
		return false
	}
	p.r.begin(floorInt(x0), floorInt(y0), ceilInt(x1), ceilInt(y1))
	return true
}

// fill adds the area of a ring; holes turn the other way than outlines,
// whatever way the file has them.
func (p *overlayPainter) fill(ring []pixel, hole bool) {
	area := 0.0
	for i, a := range ring {
		b := ring[(i+1)%len(ring)]
		area += (a.x-ring[0].x)*(b.y-ring[0].y) - (b.x-ring[0].x)*(a.y-ring[0].y)
	}
	back := (area < 0) != hole
	for i, a := range ring {
		b := ring[(i+1)%len(ring)]
		if back {
			a, b = b, a
		}
		p.r.edge(a.x, a.y, b.x, b.y)
	}
}

func (p *overlayPainter) solid(ring []pixel, closed bool, half float64) {
	n := len(ring)
	if !closed {
		n--
	}
	for i := 0; i < n; i++ {
		a, b := ring[i], ring[(i+1)%len(ring)]
		if a, b, ok := clip(a, b, -8, -8, overlayTile+8, overlayTile+8); ok {
			p.r.stroke(a.x, a.y, b.x, b.y, half)
		}
	}
}

// dashed strokes with gaps. The pattern runs from the ring's first vertex, so
// neighbouring tiles agree.
func (p *overlayPainter) dashed(ring []pixel, closed bool, half float64) {
	n := len(ring)
	if !closed {
		n--
	}
	whole := 0.0
	for i := 0; i < n; i++ {
		a, b := ring[i], ring[(i+1)%len(ring)]
		whole += math.Hypot(b.x-a.x, b.y-a.y)
	}
	// A small shape gets finer dashes, or it would be two strokes and no shape.
	finer := max(0.35, min(1, whole/(14*(dashOn+dashOff)*p.style.unit)))
	on, period := finer*dashOn*p.style.unit/0.85, finer*(dashOn+dashOff)*p.style.unit/0.85
	run := 0.0
	for i := 0; i < n; i++ {
		a, b := ring[i], ring[(i+1)%len(ring)]
		length := math.Hypot(b.x-a.x, b.y-a.y)
		start := run
		run += length
		ca, cb, ok := clip(a, b, -8, -8, overlayTile+8, overlayTile+8)
		if !ok || length == 0 {
			continue
		}
		ux, uy := (b.x-a.x)/length, (b.y-a.y)/length
		from := math.Hypot(ca.x-a.x, ca.y-a.y)
		to := math.Hypot(cb.x-a.x, cb.y-a.y)
		phase := math.Mod(start+from, period)
		for d := from - phase; d < to; d += period {
			s, e := max(d, from), min(d+on, to)
			if s < e {
				p.r.stroke(a.x+ux*s, a.y+uy*s, a.x+ux*e, a.y+uy*e, half)
			}
		}
	}
}

// dot paints a round dot.
func (p *overlayPainter) dot(dst *image.RGBA, x, y float64, c ink, radius float64) {
	p.pts = append(p.pts[:0], pixel{x, y})
	if !p.begin(radius) {
		return
	}
	p.r.stroke(x, y, x, y, radius)
	p.r.paint(dst, ink{}, c)
}

// point paints the mark of a point label: a dot with a light rim; a
// suggestion's is hollow.
func (p *overlayPainter) point(dst *image.RGBA, q annotate.Point, c color.NRGBA, hollow bool) {
	x, y := p.place(q)
	r := pointRadius * p.style.unit
	rim := ink{255, 255, 255, 0.9}
	body := inkOf(c, 1)
	if hollow {
		rim, body = body, rim
	}
	p.dot(dst, x, y, rim, r)
	p.dot(dst, x, y, body, r-1.5*p.style.unit)
}

// ellipse is the outline of an ellipse given by two corners of its box, fine
// enough for a scale in pixels per level-0 pixel.
func ellipse(a, b annotate.Point, scale float64) []annotate.Point {
	rx, ry := math.Abs(b.X-a.X)/2, math.Abs(b.Y-a.Y)/2
	cx, cy := (a.X+b.X)/2, (a.Y+b.Y)/2
	// The chord of n steps leaves the arc by r(1-cos(pi/n)), about 5r/n².
	n := 12
	if fine := 4 * math.Sqrt(max(rx, ry)*scale); fine > 12 { // not when it is no number
		n = int(min(720, fine))
	}
	pts := make([]annotate.Point, n)
	for i := range pts {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / float64(n))
		pts[i] = annotate.Point{X: cx + rx*cos, Y: cy + ry*sin}
	}
	return pts
}

// clip cuts a line to a rectangle (Liang and Barsky 1984); ok is false when
// nothing of it is inside.
func clip(a, b pixel, x0, y0, x1, y1 float64) (pixel, pixel, bool) {
	dx, dy := b.x-a.x, b.y-a.y
	t0, t1 := 0.0, 1.0
	for _, e := range [4][2]float64{{-dx, a.x - x0}, {dx, x1 - a.x}, {-dy, a.y - y0}, {dy, y1 - a.y}} {
		p, q := e[0], e[1]
		switch {
		case p == 0:
			if q < 0 {
				return a, b, false
			}
		case p < 0:
			t0 = max(t0, q/p)
		default:
			t1 = min(t1, q/p)
		}
	}
	if !(t0 <= t1) {
		return a, b, false
	}
	return pixel{a.x + t0*dx, a.y + t0*dy}, pixel{a.x + t1*dx, a.y + t1*dy}, true
}
