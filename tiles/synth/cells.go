package synth

// seed is the middle of one cell of a jittered grid: of an adipocyte or of a
// tumour cell.
type seed struct {
	x, y float32
	id   uint64
}

// population is a set of places where something may lie: a jittered grid whose
// points have pushed each other apart, turned so that its rows meet no axis.
type population struct {
	salt  uint64
	pitch float32 // µm between places
	push  float32 // how strongly near places part: 0 = random, 0.5 = evenly spaced
}

var (
	adipocytes  = population{0xFA7, 52, 0.13}
	tumourCells = population{0x70, 12.6, 0.30}
	lymphocytes = population{0x17, 7.6, 0.42}
	fibroblasts = population{0xF1B, 15.5, 0.10}
	debris      = population{0xDEB, 5.2, 0.05}
	bloodCells  = population{0xB10, 6.1, 0.42}
)

// turn is the angle of every population's grid: the tangent 5/12 gives sines
// that single precision holds well enough.
const turnSin, turnCos = 5.0 / 13, 12.0 / 13

// raw is the unpushed place of cell (i, j) in the turned grid.
func (p *population) raw(seed uint64, i, j int) (x, y float32) {
	h := mix(seed ^ uint64(uint32(i)) ^ uint64(uint32(j))<<32)
	x = (float32(i) + float32(h&0xFFFF)*(1.0/65536)) * p.pitch
	y = (float32(j) + float32(h>>16&0xFFFF)*(1.0/65536)) * p.pitch
	return x, y
}

// each calls f for every place inside the rectangle of µm.
func (p *population) each(s *Scene, x0, y0, x1, y1 float32, f func(x, y float32, r *random)) {
	seed := s.seed ^ p.salt*0x9E3779B97F4A7C15
	// The rectangle in the turned grid, and one row of raw places around it.
	cx, cy := (x0+x1)/2, (y0+y1)/2
	tx, ty := cx*turnCos+cy*turnSin, cy*turnCos-cx*turnSin
	hw := ((x1-x0)*turnCos + (y1-y0)*turnSin) / 2
	hh := ((y1-y0)*turnCos + (x1-x0)*turnSin) / 2
	i0, i1 := int(floor((tx-hw)/p.pitch))-1, int(floor((tx+hw)/p.pitch))+1
	j0, j1 := int(floor((ty-hh)/p.pitch))-1, int(floor((ty+hh)/p.pitch))+1
	w, h := i1-i0+5, j1-j0+5
	raw := make([][2]float32, w*h)
	for j := range h {
		for i := range w {
			raw[j*w+i][0], raw[j*w+i][1] = p.raw(seed, i0-2+i, j0-2+j)
		}
	}
	near := p.pitch * 1.15
	for j := j0; j <= j1; j++ {
		for i := i0; i <= i1; i++ {
			at := (j-j0+2)*w + i - i0 + 2
			gx, gy := raw[at][0], raw[at][1]
			var px, py float32
			for dj := -2; dj <= 2; dj++ {
				for _, q := range raw[at+dj*w-2 : at+dj*w+3] {
					dx, dy := gx-q[0], gy-q[1]
					if d := dx*dx + dy*dy; d < near*near && d > 1e-4 {
						d = sqrt(d)
						k := (near - d) / d
						px += dx * k
						py += dy * k
					}
				}
			}
			gx, gy = gx+p.push*px, gy+p.push*py
			x, y := gx*turnCos-gy*turnSin, gy*turnCos+gx*turnSin
			if x >= x0 && x < x1 && y >= y0 && y < y1 {
				r := randomAt(seed, i, j)
				f(x, y, &r)
			}
		}
	}
}

// around collects the places of the population that cells of the tile may
// belong to.
func (p *population) around(t *tile, out []seed) []seed {
	x0, y0, x1, y1 := t.box(2.6 * p.pitch)
	p.each(t.s, x0, y0, x1, y1, func(x, y float32, r *random) {
		out = append(out, seed{x, y, uint64(*r)})
	})
	return out
}

// gather collects into b.seeds those of all whose cells or walls may meet the
// block: not farther than the nearest by more than its extent allows.
func (b *block) gather(all []seed, pitch float32) {
	cx, cy := b.um(side/2, side/2)
	best := float32(1e18)
	for i := range all {
		dx, dy := all[i].x-cx, all[i].y-cy
		best = min(best, dx*dx+dy*dy)
	}
	limit := sqrt(best) + 1.42*side*b.s.mpp + 0.9*pitch
	limit *= limit
	b.seeds = b.seeds[:0]
	for i := range all {
		dx, dy := all[i].x-cx, all[i].y-cy
		if dx*dx+dy*dy <= limit {
			b.seeds = append(b.seeds, all[i])
		}
	}
}

// wall finds the cell that (x, y) µm lies in and how far its wall is; with
// round, corners are rounded off.
func (b *block) wall(x, y float32, round bool) (cell *seed, distance float32) {
	best, at := float32(1e18), 0
	for i := range b.seeds {
		q := &b.seeds[i]
		if d := (x-q.x)*(x-q.x) + (y-q.y)*(y-q.y); d < best {
			best, at = d, i
		}
	}
	cell = &b.seeds[at]
	first, second := float32(1e9), float32(1e9)
	for i := range b.seeds {
		if i == at {
			continue
		}
		q := &b.seeds[i]
		d := (x-q.x)*(x-q.x) + (y-q.y)*(y-q.y)
		gap := hypot(q.x-cell.x, q.y-cell.y)
		switch e := (d - best) / (2 * gap); {
		case e < first:
			first, second = e, first
		case e < second:
			second = e
		}
	}
	if round {
		return cell, first * second / (1.5*first + second + 1e-3)
	}
	return cell, first
}

// fat paints adipocytes: empty round cells with thin walls, thicker where
// three meet.
func (b *block) fat(w *[side * side]float32) {
	b.gather(b.t.adipocytes(), adipocytes.pitch)
	var lobule [side * side]float32
	b.spread(fLobule, &lobule)
	t := &b.s.tables
	for v := b.v0; v < b.v1; v++ {
		for u := b.u0; u < b.u1; u++ {
			k := v*side + u
			x, y := b.um(u, v)
			wob := t.cloud.at(x*0.5, y*0.5)
			wob2 := t.cloud.at(x*0.5+91, y*0.5+37)
			_, d := b.wall(x+1.8*wob, y+1.8*wob2, true)
			grain := t.grain.near(int32(b.x+u), int32(b.y+v))
			m := ramp(1.75, 0.6, d+0.2*wob)
			// Strands of connective tissue part the lobules and show through.
			strand := ramp(8, 4, absolute(lobule[k])+1.5*wob)
			b.over(k, w[k]*(1-strand), 0.006+0.05*m, 0.012+(0.27+0.03*grain)*m)
		}
	}
}

// nest paints the cytoplasm of tumour cells, each with its own tone, and the
// lumina between them.
func (b *block) nest(w *[side * side]float32) {
	b.gather(b.t.tumourCells(), tumourCells.pitch)
	t := &b.s.tables
	var hole [side * side]float32
	holes := b.high(fHole) > -6
	if holes {
		b.spread(fHole, &hole)
	}
	for v := b.v0; v < b.v1; v++ {
		for u := b.u0; u < b.u1; u++ {
			k := v*side + u
			x, y := b.um(u, v)
			wob := t.clump.at(x*1.3, y*1.3)
			cell, d := b.wall(x+0.55*wob, y-0.4*wob, false)
			r := random(cell.id)
			tone, blue := r.between(-1, 1), r.between(-1, 1)
			fine := t.clump.at(x*3.7+17, y*3.7)
			grain := t.grain.near(int32(b.x+u), int32(b.y+v))
			e := 0.255 + 0.05*tone + 0.028*fine + 0.02*wob + 0.016*grain
			h := 0.135 + 0.035*blue + 0.018*fine + 0.01*grain
			edge := ramp(0.9, 0.15, d)
			e, h = e*(1-0.30*edge), h*(1-0.22*edge)
			if holes && hole[k] > -6 {
				in := ramp(-0.8, 0.8, hole[k]+0.5*wob)
				rim := ramp(-3.5, -0.5, hole[k])
				e, h = (e+0.10*rim)*(1-0.95*in)+0.008, h*(1-0.97*in)+0.004
			}
			b.over(k, w[k], h, e)
		}
	}
}
