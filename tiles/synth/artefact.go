package synth

import "math"

// stroke is a line of ink drawn on the coverslip.
type stroke struct {
	line  [][2]float32 // µm, closely spaced
	half  float32      // half the width of the nib, µm
	ink   [3]float32   // optical density of full ink in red, green, blue
	seed  uint32
	x0    float32 // bounds of the line
	y0    float32
	x1    float32
	y1    float32
	blunt float32 // µm over which the edge is soft: the ink is out of focus
}

func (k *stroke) reach() float32 { return k.half*1.25 + 3*k.blunt }

// fold is a crease: the section lies double along a curve.
type fold struct {
	line [][2]float32
	half float32
}

// width is half the width at a share of the length: a fold tapers to its ends.
func (f *fold) width(at float32) float32 {
	return f.half * ramp(0, 0.25, at) * ramp(1, 0.75, at)
}

// speck is a grain of dust, out of focus.
type speck struct {
	x, y, r float32
	dense   float32
	seed    uint32
}

func (k *speck) reach() float32 { return k.r * 1.8 }

// inks are optical densities in red, green and blue of usual markers: blue,
// green and black.
var inks = [3][3]float32{{1.05, 0.62, 0.17}, {0.95, 0.28, 0.62}, {0.95, 1.0, 0.97}}

// layArtefacts draws a pen mark beside and over the first piece's tumour, a
// fold across a piece, and dust.
func (s *Scene) layArtefacts(r *random) {
	p := &s.pieces[int(r.bits()%uint64(len(s.pieces)))]
	unit := min(p.size, 2200)
	pen := stroke{half: unit * r.between(0.026, 0.045), ink: inks[r.bits()%3], seed: uint32(r.bits()), blunt: unit * 0.004}
	// An arc around the piece's outer side, as one marks an area of interest.
	centre, turn := [2]float32{p.x, p.y}, r.between(0, 2*math.Pi)
	sweep, radius := r.between(0.9, 1.7), p.size*r.between(0.95, 1.1)
	for i := range 81 {
		a := turn + sweep*float32(i)/80
		sn, cs := sincos(a)
		q := radius * (1 + 0.05*noise(pen.seed, 3*a, 0.5))
		pen.line = append(pen.line, [2]float32{centre[0] + cs*q*p.rx/p.size, centre[1] + sn*q*p.ry/p.size})
	}
	pen.bound()
	s.strokes = append(s.strokes, pen)

	f := &fold{half: min(unit*r.between(0.012, 0.022), 42)}
	q := &s.pieces[int(r.bits()%uint64(len(s.pieces)))]
	sn, cs := sincos(r.between(0, math.Pi))
	off := q.size * r.between(-0.35, 0.35)
	seed := uint32(r.bits())
	for i := range 121 {
		t := (float32(i)/120*2 - 1) * q.size * 0.62
		d := off + q.size*0.10*noise(seed, t/(0.5*q.size), 0) + q.size*0.02*noise(seed+1, t/(0.12*q.size), 0)
		f.line = append(f.line, [2]float32{q.x + cs*t - sn*d, q.y + sn*t + cs*d})
	}
	s.fold = f

	n := int(float64(s.w)*float64(s.h)/1e6*0.7) + 1
	for range min(n, 4000) {
		k := speck{x: r.between(0, s.w), y: r.between(0, s.h), r: 3 + 16*r.float()*r.float()*r.float(), dense: r.between(0.15, 0.75), seed: uint32(r.bits())}
		s.specks = append(s.specks, k)
	}
}

func (k *stroke) bound() {
	k.x0, k.y0, k.x1, k.y1 = 1e9, 1e9, -1e9, -1e9
	for _, p := range k.line {
		k.x0, k.y0 = min(k.x0, p[0]), min(k.y0, p[1])
		k.x1, k.y1 = max(k.x1, p[0]), max(k.y1, p[1])
	}
}

// nearest is the distance of (x, y) to a line, signed by the side it lies on,
// and how far along the line the nearest point is, 0..1.
func nearest(line [][2]float32, x, y float32) (distance, at float32) {
	best := float32(1e18)
	side := float32(1)
	for i := 0; i+1 < len(line); i++ {
		a, b := line[i], line[i+1]
		dx, dy := b[0]-a[0], b[1]-a[1]
		t := clamp01(((x-a[0])*dx + (y-a[1])*dy) / max(dx*dx+dy*dy, 1e-9))
		ex, ey := x-a[0]-t*dx, y-a[1]-t*dy
		if d := ex*ex + ey*ey; d < best {
			best, at = d, (float32(i)+t)/float32(len(line)-1)
			side = 1
			if dx*ey-dy*ex < 0 {
				side = -1
			}
		}
	}
	return side * sqrt(best), at
}

// folded doubles the dye along the fold.
func (t *tile) folded() {
	f := t.s.fold
	if f == nil {
		return
	}
	t.blocks(f.line, f.half+8, func(d, at float32, k int, x, y float32) {
		width := f.width(at) * (1 + 0.2*t.s.tables.cloud.at(x*0.13, y*0.13))
		a := absolute(d)
		in := ramp(width+1.5, width-2.5, a)
		if in <= 0 || width < 1 {
			return
		}
		crease := ramp(0.55, 0.95, a/width)
		gain := 1 + in*(0.75+0.45*crease)
		t.dye[dyeH][k] = t.dye[dyeH][k]*gain + 0.05*in*min(t.dye[dyeE][k]*8, 1)
		t.dye[dyeE][k] = t.dye[dyeE][k]*gain + 0.10*in*min(t.dye[dyeE][k]*8, 1)
		t.dye[dyeB][k] *= gain
	})
}

// blocks calls f for the tile's pixels within reach of a line, with the signed
// distance to it. The distance is computed at the corners of blocks and runs
// linearly between: lines bend little within 2 µm.
func (t *tile) blocks(line [][2]float32, reach float32, f func(d, at float32, k int, x, y float32)) {
	x0, y0, x1, y1 := t.box(reach)
	near := make([][2]float32, 0, len(line))
	for i := 0; i+1 < len(line); i++ {
		a, b := line[i], line[i+1]
		if max(a[0], b[0]) >= x0 && min(a[0], b[0]) <= x1 && max(a[1], b[1]) >= y0 && min(a[1], b[1]) <= y1 {
			near = line
			break
		}
	}
	if len(near) == 0 {
		return
	}
	m := t.s.mpp
	for by := t.y0 &^ (side - 1); by < t.y0+t.h; by += side {
		for bx := t.x0 &^ (side - 1); bx < t.x0+t.w; bx += side {
			var d, at [4]float32
			low := float32(1e9)
			for c := range 4 {
				d[c], at[c] = nearest(near, float32(bx+c%2*side)*m, float32(by+c/2*side)*m)
				low = min(low, absolute(d[c]))
			}
			if low > reach+side*m {
				continue
			}
			for y := max(by, t.y0); y < min(by+side, t.y0+t.h); y++ {
				v := (float32(y-by) + 0.5) / side
				for x := max(bx, t.x0); x < min(bx+side, t.x0+t.w); x++ {
					u := (float32(x-bx) + 0.5) / side
					p, q := d[0]+(d[1]-d[0])*u, d[2]+(d[3]-d[2])*u
					f(p+(q-p)*v, at[0]+(at[3]-at[0])*(u+v)/2, (y-t.y0)*t.w+x-t.x0, (float32(x)+0.5)*m, (float32(y)+0.5)*m)
				}
			}
		}
	}
}

// overlay darkens the light by what lies on the coverslip: ink and dust.
func (t *tile) overlay() {
	x0, y0, x1, y1 := t.box(0)
	for i := range t.s.strokes {
		k := &t.s.strokes[i]
		if q := k.reach(); k.x1+q < x0 || k.x0-q > x1 || k.y1+q < y0 || k.y0-q > y1 {
			continue
		}
		t.blocks(k.line, k.reach(), func(d, at float32, p int, x, y float32) {
			streak := noise(k.seed+3, d/(0.13*k.half), at*9) + 0.5*noise(k.seed+4, d/(0.05*k.half), at*25)
			ragged := 0.06 * k.half * noise(k.seed+5, at*60, d/k.half)
			a := absolute(d) + ragged
			in := ramp(k.half+k.blunt, k.half-k.blunt, a)
			if in <= 0 {
				return
			}
			dense := in * (0.50 + 0.13*streak + 0.20*noise(k.seed+6, at*14, 0) + 0.22*ramp(0.75, 0.95, a/k.half))
			for c := range 3 {
				t.light[c][p] *= transmit(max(dense, 0) * k.ink[c])
			}
		})
	}
	for i := range t.s.specks {
		k := &t.s.specks[i]
		u0, v0, u1, v1 := t.span(k.x, k.y, k.reach())
		for v := v0; v < v1; v++ {
			for u := u0; u < u1; u++ {
				x, y := (float32(t.x0+u)+0.5)*t.s.mpp-k.x, (float32(t.y0+v)+0.5)*t.s.mpp-k.y
				q := hypot(x, y) / k.r * (1 + 0.45*noise(k.seed, x/k.r*1.3, y/k.r*1.3))
				if w := ramp(1.25, 0.6, q); w > 0 {
					d := transmit(w * k.dense)
					p := v*t.w + u
					t.light[0][p] *= d
					t.light[1][p] *= d
					t.light[2][p] *= transmit(w * k.dense * 1.15)
				}
			}
		}
	}
}
