package viewer

import (
	"bytes"
	"image"
	"image/color"
	"math"
	"slices"

	"coverslip/annotate"
)

// farthest bounds coordinates in tile pixels. The largest slide magnified as far
// as it goes ends well before it; beyond it a product of two loses the pixel.
const farthest = 1e9

// overlayPainter paints tiles of the overlay; one per goroutine.
type overlayPainter struct {
	r       raster
	list    []sized
	specks  []speck
	density density
	pts     []pixel // of the shape in hand, in pixels of the tile
	ends    []int   // where each ring ends in pts
	scratch *image.RGBA
	sift    func(*annotate.Brief) bool
	keep    func(*annotate.Object) bool

	style *overlayStyle
	scale float64 // pixels of the tile per level-0 pixel
	ox    float64 // tile's corner in pixels of its step
	oy    float64
	last  annotate.ID // class asked for last, and its colour
	color color.NRGBA
}

type pixel struct{ x, y float64 }

type sized struct {
	o    *annotate.Object
	area float64
}

// sifter is Objects that knows a little of every object without reading its
// shape; *annotate.Set is one.
type sifter interface {
	Sift(b annotate.Box, want func(*annotate.Brief) bool, yield func(*annotate.Object) bool)
}

// paint draws the objects that meet the tile; nil when there are none.
func (p *overlayPainter) paint(set Objects, style *overlayStyle, k overlayKey) *image.RGBA {
	p.begin0(style, k)
	some := p.collect(set, k.box(style.reach()))
	if !some && style.heat == nil {
		return nil
	}
	dst := image.NewRGBA(image.Rect(0, 0, overlayTile, overlayTile))
	if warm := p.heat(dst); !some && !warm {
		return nil
	}
	p.draw(dst)
	return dst
}

// begin0 takes up a tile.
func (p *overlayPainter) begin0(style *overlayStyle, k overlayKey) {
	p.style, p.scale = style, stepScale(k.step)
	p.ox, p.oy = float64(k.col*overlayTile), float64(k.row*overlayTile)
	p.last, p.color = annotate.ID{}, style.colour(annotate.ID{})
}

// collect gathers what is to be drawn of the objects that meet a box of the
// style's plane; false when that is nothing. Shapes too small to have an outline
// are taken from what is known of them without reading them: of a million nuclei
// seen as a whole not one is read.
func (p *overlayPainter) collect(set Objects, box annotate.Box) bool {
	p.list, p.specks = p.list[:0], p.specks[:0]
	if p.sift == nil {
		p.sift = p.wants
		p.keep = func(o *annotate.Object) bool {
			p.list = append(p.list, sized{o: o})
			return true
		}
	}
	box = p.style.plane.L0Box(box)
	if s, ok := set.(sifter); ok {
		s.Sift(box, p.sift, p.keep)
	} else {
		set.Search(box, func(o *annotate.Object) bool {
			b := annotate.BriefOf(o)
			return !p.wants(&b) || p.keep(o)
		})
	}
	return len(p.list)+len(p.specks) > 0 || p.density.used
}

// wants tells whether the shape of an object is needed; what can be drawn
// without is taken down.
func (p *overlayPainter) wants(b *annotate.Brief) bool {
	if !p.style.shows(b) {
		return false
	}
	w, h := (b.Box.MaxX-b.Box.MinX)*p.scale, (b.Box.MaxY-b.Box.MinY)*p.scale
	unit := p.style.unit
	long := max(w, h)
	tiny := long < dotSize*unit
	round := b.Shape == annotate.KindPolygon && long < discSize*unit && 2*min(w, h) > long
	if !tiny && !round || b.Shape == annotate.KindPoint || b.Shape == annotate.KindPoints || w != w || h != h {
		return true
	}
	if b.Class != p.last {
		p.last, p.color = b.Class, p.style.colour(b.Class)
	}
	x, y := p.place(annotate.Point{X: (b.Box.MinX + b.Box.MaxX) / 2, Y: (b.Box.MinY + b.Box.MaxY) / 2})
	chosen := p.style.chosen[b.ID]
	if long < densitySize*unit && !chosen {
		p.density.add(x, y, p.color)
		return false
	}
	p.specks = append(p.specks, speck{id: b.ID, x: x, y: y, radius: max(0.9*unit, (w+h)/4+p.half()/2), color: p.color, chosen: chosen})
	return false
}

// half is half the width of an outline, pixels of the tile. Tiles are shown at
// 0.7 to 1 of their size: 0.85 in the middle.
func (p *overlayPainter) half() float64 { return outlineWidth * p.style.unit / 0.85 / 2 }

// draw paints what was collected: large below small, and among equals by
// identity, so that neighbouring tiles agree; the smallest on top.
func (p *overlayPainter) draw(dst *image.RGBA) {
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
	slices.SortFunc(p.specks, func(a, b speck) int {
		switch {
		case a.radius > b.radius:
			return -1
		case a.radius < b.radius:
			return 1
		}
		return bytes.Compare(a.id[:], b.id[:])
	})
	for _, s := range p.list {
		p.object(dst, s.o)
	}
	for _, s := range p.specks {
		if s.chosen {
			stamp(dst, s.x, s.y, s.radius+1.6*p.style.unit, ink{255, 255, 255, 0.95})
		}
		stamp(dst, s.x, s.y, s.radius, p.ink(s.color, 1))
	}
	strength := float32(1 - p.style.faint)
	if p.style.heat != nil {
		strength *= densityOverHeat
	}
	p.density.draw(dst, strength)
	clear(p.list) // hold on to no objects of an old set
}

// patch draws some rectangles of a tile anew, in a copy of old; nil when nothing
// is left on the tile. It is what paint would draw.
func (p *overlayPainter) patch(set Objects, style *overlayStyle, k overlayKey, old *image.RGBA, boxes []annotate.Box) *image.RGBA {
	p.begin0(style, k)
	dst := image.NewRGBA(image.Rect(0, 0, overlayTile, overlayTile))
	if old != nil {
		copy(dst.Pix, old.Pix)
	}
	if p.scratch == nil {
		p.scratch = image.NewRGBA(dst.Rect)
	}
	for _, b := range boxes {
		r := p.touched(b)
		if r.Empty() {
			continue
		}
		clear(p.scratch.Pix)
		p.heat(p.scratch)
		m := style.reach()
		if p.collect(set, annotate.Box{MinX: (p.ox + float64(r.Min.X) - m) / p.scale, MinY: (p.oy + float64(r.Min.Y) - m) / p.scale,
			MaxX: (p.ox + float64(r.Max.X) + m) / p.scale, MaxY: (p.oy + float64(r.Max.Y) + m) / p.scale}) {
			p.draw(p.scratch)
		}
		for y := r.Min.Y; y < r.Max.Y; y++ {
			at, end := dst.PixOffset(r.Min.X, y), dst.PixOffset(r.Max.X, y)
			copy(dst.Pix[at:end], p.scratch.Pix[at:end])
		}
	}
	for _, v := range dst.Pix {
		if v != 0 {
			return dst
		}
	}
	return nil
}

// touched is the pixels of the tile that an object in a box of the slide may
// reach.
func (p *overlayPainter) touched(b annotate.Box) image.Rectangle {
	b = p.style.plane.BoxFromL0(b)
	m := p.style.reach()
	edge := func(v float64) float64 { return max(-1, min(overlayTile+1, v)) }
	r := image.Rect(floorInt(edge(b.MinX*p.scale-p.ox-m)), floorInt(edge(b.MinY*p.scale-p.oy-m)),
		ceilInt(edge(b.MaxX*p.scale-p.ox+m)), ceilInt(edge(b.MaxY*p.scale-p.oy+m)))
	return r.Intersect(image.Rect(0, 0, overlayTile, overlayTile))
}

// ink is a colour as strong as the overlay is.
func (p *overlayPainter) ink(c color.NRGBA, strength float64) ink {
	return inkOf(c, strength*(1-p.style.faint))
}

// object draws one object.
func (p *overlayPainter) object(dst *image.RGBA, o *annotate.Object) {
	c := p.style.colourOf(o)
	half := p.half()
	switch o.ROI.Kind {
	case annotate.KindPoint, annotate.KindPoints:
		for _, q := range o.ROI.Points {
			p.point(dst, q, c, o.IsSuggestion())
		}
		return
	}
	closed := p.trace(&o.ROI)
	if p.style.chosen[o.ID] && p.begin(half+1.6*p.style.unit) {
		p.rings(func(_ int, ring []pixel) { p.solid(ring, closed, half+1.6*p.style.unit) })
		p.r.paint(dst, ink{}, ink{255, 255, 255, 0.95})
	}
	if o.IsSuggestion() {
		p.suggestion(dst, o, closed, half, p.ink(c, 1))
		return
	}
	if !p.begin(half + p.headReach(o)) {
		return
	}
	p.heads(o, half)
	p.rings(func(i int, ring []pixel) {
		if closed && p.style.fill > 0 {
			p.fill(ring, i > 0 && p.isHole(&o.ROI, i))
		}
		p.solid(ring, closed, half)
	})
	p.r.paint(dst, p.ink(c, p.style.fill), p.ink(c, 1))
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
	}{{casing, ink{255, 255, 255, 0.6 * float32(1-p.style.faint)}}, {half, c}} {
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

// point paints the mark of a point label: a dot with a light rim; a
// suggestion's is hollow.
func (p *overlayPainter) point(dst *image.RGBA, q annotate.Point, c color.NRGBA, hollow bool) {
	x, y := p.place(q)
	r := pointRadius * p.style.unit
	rim := ink{255, 255, 255, 0.9}
	rim.a *= float32(1 - p.style.faint)
	body := p.ink(c, 1)
	if hollow {
		rim, body = body, rim
	}
	stamp(dst, x, y, r, rim)
	stamp(dst, x, y, r-1.5*p.style.unit, body)
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
