package synth

import "math"

// mix is the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
func mix(x uint64) uint64 {
	x += 0x9E3779B97F4A7C15
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}

// random is a small generator whose state is a value: one for each cell of
// each grid, so that what is drawn there does not depend on the order.
type random uint64

func randomAt(seed uint64, x, y int) random {
	return random(mix(seed ^ mix(uint64(uint32(x))|uint64(uint32(y))<<32)))
}

func (r *random) bits() uint64 {
	*r = random(uint64(*r) + 0x9E3779B97F4A7C15)
	return mix(uint64(*r))
}

// float is uniform in [0, 1).
func (r *random) float() float32 { return float32(r.bits()>>40) / (1 << 24) }

// between is uniform in [a, b).
func (r *random) between(a, b float32) float32 { return a + (b-a)*r.float() }

// bell is near normal: mean 0, variance 1, within ±3.5.
func (r *random) bell() float32 {
	b := r.bits()
	s := float32(b&0xFFFF) + float32(b>>16&0xFFFF) + float32(b>>32&0xFFFF) + float32(b>>48)
	return (s/65535 - 2) * 1.732
}

// directions are the lattice gradients of noise.
var directions = func() (d [16][2]float32) {
	for i := range d {
		s, c := math.Sincos(2 * math.Pi * (float64(i) + 0.37) / 16)
		d[i] = [2]float32{float32(c), float32(s)}
	}
	return d
}()

func lattice(seed uint32, x, y int32) uint32 {
	h := uint32(x)*0x9E3779B1 ^ uint32(y)*0x85EBCA77 ^ seed
	h ^= h >> 15
	h *= 0x2C1B3C6D
	h ^= h >> 12
	h *= 0x297A2D39
	return h ^ h>>15
}

func floor(x float32) int32 {
	i := int32(x)
	if float32(i) > x {
		i--
	}
	return i
}

// noise is gradient noise after Perlin (SIGGRAPH 2002), about -1..1, with
// features about one unit apart.
func noise(seed uint32, x, y float32) float32 {
	return wrapped(seed, x, y, -1, -1)
}

// wrapped is noise whose lattice repeats after mx+1 and my+1 units (powers of
// two); masks of -1 never repeat.
func wrapped(seed uint32, x, y float32, mx, my int32) float32 {
	xi, yi := floor(x), floor(y)
	fx, fy := x-float32(xi), y-float32(yi)
	u := fx * fx * fx * (fx*(fx*6-15) + 10)
	v := fy * fy * fy * (fy*(fy*6-15) + 10)
	x0, x1, y0, y1 := xi&mx, (xi+1)&mx, yi&my, (yi+1)&my
	a, b := &directions[lattice(seed, x0, y0)>>28], &directions[lattice(seed, x1, y0)>>28]
	c, d := &directions[lattice(seed, x0, y1)>>28], &directions[lattice(seed, x1, y1)>>28]
	na := a[0]*fx + a[1]*fy
	nb := b[0]*(fx-1) + b[1]*fy
	nc := c[0]*fx + c[1]*(fy-1)
	nd := d[0]*(fx-1) + d[1]*(fy-1)
	p, q := na+(nb-na)*u, nc+(nd-nc)*u
	return (p + (q-p)*v) * 1.5
}

// texture is a periodic table of noise, mean 0 and variance about 1, for the
// detail that every pixel needs.
type texture struct {
	w, h int32 // powers of two
	v    []float32
}

// newTexture sums noise of the given cell sizes in texels (powers of two); the
// last cell sizes weigh least.
func newTexture(seed uint32, w, h int32, cells ...[2]int32) *texture {
	t := &texture{w: w, h: h, v: make([]float32, w*h)}
	weight := float32(1)
	for i, c := range cells {
		mx, my := w/c[0]-1, h/c[1]-1
		for y := range h {
			for x := range w {
				t.v[y*w+x] += weight * wrapped(seed+uint32(i)*977, (float32(x)+0.5)/float32(c[0]), (float32(y)+0.5)/float32(c[1]), mx, my)
			}
		}
		weight *= 0.6
	}
	var sum float64
	for _, v := range t.v {
		sum += float64(v * v)
	}
	scale := float32(1 / math.Sqrt(sum/float64(len(t.v))))
	for i := range t.v {
		t.v[i] *= scale
	}
	return t
}

// at is the bilinear value at texel (x, y).
func (t *texture) at(x, y float32) float32 {
	xi, yi := floor(x), floor(y)
	fx, fy := x-float32(xi), y-float32(yi)
	x0, x1 := xi&(t.w-1), (xi+1)&(t.w-1)
	r0, r1 := (yi&(t.h-1))*t.w, ((yi+1)&(t.h-1))*t.w
	a, b, c, d := t.v[r0+x0], t.v[r0+x1], t.v[r1+x0], t.v[r1+x1]
	p, q := a+(b-a)*fx, c+(d-c)*fx
	return p + (q-p)*fy
}

// near is the value of the nearest texel.
func (t *texture) near(x, y int32) float32 { return t.v[(y&(t.h-1))*t.w+x&(t.w-1)] }

func clamp01(x float32) float32 {
	if x < 0 {
		return 0
	}
	if x > 1 {
		return 1
	}
	return x
}

// ramp rises smoothly from 0 at a to 1 at b.
func ramp(a, b, x float32) float32 {
	t := clamp01((x - a) / (b - a))
	return t * t * (3 - 2*t)
}

func sqrt(x float32) float32 { return float32(math.Sqrt(float64(x))) }

func hypot(x, y float32) float32 { return sqrt(x*x + y*y) }

func sincos(a float32) (s, c float32) {
	sn, cs := math.Sincos(float64(a))
	return float32(sn), float32(cs)
}
