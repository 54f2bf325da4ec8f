package synth

import (
	"cmp"
	"math"
	"slices"
)

// tube is a gland or a vessel cut across: a wall around a lumen. Its outline
// is a table over direction, so that a pixel needs no arc tangent.
type tube struct {
	x, y   float32
	reach  float32 // no part lies farther from the centre
	radius [rays + 1]float32
	arc    [rays + 1]float32 // µm along the outline from ray 0
	wall   float32           // thickness
	vessel bool
	seed   uint64
	cell   float32 // µm of outline a cell takes
	cells  int
	fill   float32 // share of the lumen full of blood, or how full of secretion a gland is
}

const rays = 128

// diamond is the direction of (dx, dy) in 0..4, monotonic in the angle.
func diamond(dx, dy float32) float32 {
	ax, ay := dx, dy
	if ax < 0 {
		ax = -ax
	}
	if ay < 0 {
		ay = -ay
	}
	if ax+ay == 0 {
		return 0
	}
	t := dy / (ax + ay)
	switch {
	case dx < 0:
		return 2 - t
	case dy < 0:
		return 4 + t
	}
	return t
}

// newTube shapes an outline of mean radius r, stretched by elong in a random
// direction and bent by harmonics of the given roughness.
func newTube(seed uint64, x, y, r, elong, rough float32) tube {
	t := tube{x: x, y: y, seed: seed}
	rnd := random(seed)
	tilt := rnd.between(0, math.Pi)
	sn, cs := sincos(tilt)
	var amp, phase [7]float32
	for k := 2; k < len(amp); k++ {
		amp[k] = rough * rnd.bell() / float32(k)
		phase[k] = rnd.between(0, 2*math.Pi)
	}
	var px, py float32
	for i := range rays + 1 {
		d := 4 * float32(i%rays) / rays
		ux, uy := fromDiamond(d)
		// Radius of the stretched circle in this direction.
		ex, ey := (ux*cs+uy*sn)/elong, (uy*cs-ux*sn)*elong
		q := r / hypot(ex, ey)
		angle := float32(math.Atan2(float64(uy), float64(ux)))
		for k := 2; k < len(amp); k++ {
			_, c := sincos(float32(k)*angle + phase[k])
			q *= 1 + amp[k]*c
		}
		t.radius[i] = q
		t.reach = max(t.reach, q)
		if i > 0 {
			t.arc[i] = t.arc[i-1] + hypot(ux*q-px, uy*q-py)
		}
		px, py = ux*q, uy*q
	}
	return t
}

func fromDiamond(d float32) (x, y float32) {
	switch {
	case d < 1:
		x, y = 1-d, d
	case d < 2:
		x, y = 1-d, 2-d
	case d < 3:
		x, y = d-3, 2-d
	default:
		x, y = d-3, d-4
	}
	n := hypot(x, y)
	return x / n, y / n
}

// depth is how far inside the outline (x, y) lies and where along it, both in
// µm.
func (t *tube) depth(x, y float32) (inside, along float32) {
	dx, dy := x-t.x, y-t.y
	d := diamond(dx, dy) * (rays / 4)
	i := min(int(d), rays-1)
	f := d - float32(i)
	r := t.radius[i] + (t.radius[i+1]-t.radius[i])*f
	return r - hypot(dx, dy), t.arc[i] + (t.arc[i+1]-t.arc[i])*f
}

// on is the point at the given length of arc and depth, with the direction
// outwards.
func (t *tube) on(along, depth float32) (x, y, ux, uy float32) {
	lo, hi := 0, rays
	for hi-lo > 1 {
		if m := (lo + hi) / 2; t.arc[m] <= along {
			lo = m
		} else {
			hi = m
		}
	}
	f := (along - t.arc[lo]) / max(t.arc[hi]-t.arc[lo], 1e-6)
	ux, uy = fromDiamond(4 * (float32(lo) + f) / rays)
	r := t.radius[lo] + (t.radius[hi]-t.radius[lo])*f - depth
	// The normal of the outline, not the ray, is what nuclei stand along.
	ax, ay := fromDiamond(4 * float32(lo) / rays)
	bx, by := fromDiamond(4 * float32(hi%rays) / rays)
	tx, ty := bx*t.radius[hi]-ax*t.radius[lo], by*t.radius[hi]-ay*t.radius[lo]
	n := max(hypot(tx, ty), 1e-6)
	return t.x + ux*r, t.y + uy*r, ty / n, -tx / n
}

// Places of glands and vessels.
var (
	glandPlaces  = population{0x61A, 152, 0.30}
	vesselPlaces = population{0x7E5, 240, 0.30}
)

// layGlands fills the glandular zones with glands.
func (s *Scene) layGlands() {
	s.scatter(&glandPlaces, func(r *random, x, y, room float32) (tube, bool) {
		f := s.site(x, y)
		if f[fGland] < 20 || f[fTissue] < 60 || f[fLymph] > -40 || r.float() > 0.95 {
			return tube{}, false
		}
		radius := min(r.between(34, 66), 0.43*room)
		elong := min(1+0.8*r.float()*r.float(), max(0.47*room/radius, 1))
		t := newTube(r.bits(), x, y, radius, elong, s.glandRough)
		t.wall = min(r.between(15, 24), 0.55*radius)
		t.cell = r.between(5.6, 7.2)
		t.fill = r.between(-2.2, 0.6)
		return t, radius > 22 && t.reach < 0.56*room
	}, &s.glands)
}

// layVessels puts vessels into connective tissue, few large and more small.
func (s *Scene) layVessels() {
	s.scatter(&vesselPlaces, func(r *random, x, y, room float32) (tube, bool) {
		f := s.site(x, y)
		size := r.float()
		radius := 9 + 75*size*size*size*size
		clear := -radius * 1.5
		if r.float() > 0.5 || f[fTissue] < radius*2+20 || f[fNest] > clear || f[fNecrosis] > clear ||
			f[fFat] > clear || f[fGland] > clear-60 || f[fLymph] > clear {
			return tube{}, false
		}
		t := newTube(r.bits(), x, y, radius, 1+0.9*r.float(), 0.16)
		t.vessel, t.cell, t.fill = true, r.between(11, 17), r.float()
		t.wall = min(2.2+radius*r.between(0.10, 0.34), 0.6*radius)
		return t, t.reach < 0.5*room
	}, &s.vessels)
	s.tubes = newBuckets(s)
}

// scatter tries one tube at each place of the population; room is the distance
// to the nearest other place.
func (s *Scene) scatter(p *population, try func(r *random, x, y, room float32) (tube, bool), out *[]tube) {
	height := 4 * p.pitch
	rows := make([][]tube, int(s.h/height)+1)
	parallel(len(rows), func(j int) {
		top := float32(j) * height
		var all []seed
		reach := 1.6 * p.pitch
		p.each(s, -reach, top-reach, s.w+reach, top+height+reach, func(x, y float32, r *random) {
			all = append(all, seed{x, y, uint64(*r)})
		})
		for _, q := range all {
			if q.y < top || q.y >= top+height || q.x < 0 || q.x >= s.w || q.y >= s.h || s.empty(q.x, q.y, q.x, q.y) {
				continue
			}
			room := reach
			for _, o := range all {
				if d := hypot(o.x-q.x, o.y-q.y); d > 0 && d < room {
					room = d
				}
			}
			r := random(q.id)
			if t, ok := try(&r, q.x, q.y, room); ok {
				t.cells = max(int(t.arc[rays]/t.cell), 3)
				rows[j] = append(rows[j], t)
			}
		}
	})
	for _, row := range rows {
		*out = append(*out, row...)
	}
}

// buckets finds the tubes near a place.
type buckets struct {
	pitch float32
	w, h  int
	of    [][]*tube
}

func newBuckets(s *Scene) *buckets {
	b := &buckets{pitch: 128}
	b.w, b.h = int(s.w/b.pitch)+1, int(s.h/b.pitch)+1
	b.of = make([][]*tube, b.w*b.h)
	for _, list := range [][]tube{s.glands, s.vessels} {
		for i := range list {
			t := &list[i]
			r := t.reach + 4
			b.each(t.x-r, t.y-r, t.x+r, t.y+r, func(k int) { b.of[k] = append(b.of[k], t) })
		}
	}
	return b
}

func (b *buckets) each(x0, y0, x1, y1 float32, f func(k int)) {
	for y := max(int(y0/b.pitch), 0); y <= min(int(y1/b.pitch), b.h-1); y++ {
		for x := max(int(x0/b.pitch), 0); x <= min(int(x1/b.pitch), b.w-1); x++ {
			f(y*b.w + x)
		}
	}
}

// in appends the tubes that may reach into the rectangle, each once.
func (b *buckets) in(x0, y0, x1, y1 float32, out []*tube) []*tube {
	b.each(x0, y0, x1, y1, func(k int) {
	next:
		for _, t := range b.of[k] {
			r := t.reach + 4
			if t.x+r < x0 || t.x-r > x1 || t.y+r < y0 || t.y-r > y1 {
				continue
			}
			for _, have := range out {
				if have == t {
					continue next
				}
			}
			out = append(out, t)
		}
	})
	// Where tubes touch, the order of painting must not depend on the rectangle.
	slices.SortFunc(out, func(a, b *tube) int { return cmp.Compare(a.seed, b.seed) })
	return out
}

// hit is the tube in whose wall or lumen, widened by margin, (x, y) lies.
func (b *buckets) hit(x, y, margin float32) *tube {
	if x < 0 || y < 0 {
		return nil
	}
	i, j := int(x/b.pitch), int(y/b.pitch)
	if i >= b.w || j >= b.h {
		return nil
	}
	for _, t := range b.of[j*b.w+i] {
		if d, _ := t.depth(x, y); d > -margin {
			return t
		}
	}
	return nil
}
