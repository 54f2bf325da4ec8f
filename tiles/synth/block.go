package synth

// side is the edge of a block in pixels. Fields are evaluated at the corners
// of blocks, which lie at multiples of side whatever rectangle is rendered,
// and run linearly between.
const side = 8

// block is the smallest unit of the ground that lies under the nuclei.
type block struct {
	s              *Scene
	t              *tile
	x, y           int // level-0 pixel of its first pixel
	u0, u1, v0, v1 int // its pixels that are wanted
	corner         [4]*site
	dye            [3][side * side]float32
	seeds          []seed // of the cells that meet the block
}

// low and high are the extremes of a field over the block.
func (b *block) low(f int) float32 {
	return min(b.corner[0][f], b.corner[1][f], b.corner[2][f], b.corner[3][f])
}

func (b *block) high(f int) float32 {
	return max(b.corner[0][f], b.corner[1][f], b.corner[2][f], b.corner[3][f])
}

// spread writes a field's value at every wanted pixel.
func (b *block) spread(f int, out *[side * side]float32) {
	c0, c1, c2, c3 := b.corner[0][f], b.corner[1][f], b.corner[2][f], b.corner[3][f]
	for v := b.v0; v < b.v1; v++ {
		t := (float32(v) + 0.5) / side
		l, r := c0+(c2-c0)*t, c1+(c3-c1)*t
		step := (r - l) / side
		// Not summed up step by step: the value must not depend on u0.
		for u := b.u0; u < b.u1; u++ {
			out[v*side+u] = l + step*(float32(u)+0.5)
		}
	}
}

// soft is half the width in µm of a border between cells.
const soft = 1.1

// ground paints what lies under the nuclei, from the connective tissue up.
func (b *block) ground() {
	if b.high(fTissue) < -soft {
		for d := range b.dye {
			b.dye[d] = [side * side]float32{}
		}
		return
	}
	// Dead tissue and lymphocytes have no sharp border; soft is half the width
	// in µm over which one ground passes into the next.
	layers := [...]struct {
		field int
		soft  float32
		paint func(b *block, w *[side * side]float32)
	}{
		{-1, 0, (*block).connective}, {fFat, soft, (*block).fat}, {fNest, soft, (*block).nest},
		{fLymph, 14, (*block).lymphoid}, {fNecrosis, 16, (*block).necrosis},
	}
	from := 0
	for i := range layers {
		if i > 0 && b.low(layers[i].field) > 1.6*layers[i].soft && (layers[i].field != fFat || b.withinLobule()) {
			from = i
		}
	}
	var w [side * side]float32
	for i := from; i < len(layers); i++ {
		l := layers[i]
		if i == from {
			for k := range w {
				w[k] = 1
			}
		} else {
			if b.high(l.field) < -1.6*l.soft {
				continue
			}
			b.weigh(l.field, l.soft, &w)
		}
		l.paint(b, &w)
	}
	b.trim()
}

// withinLobule says that no strand of connective tissue shows through the fat.
func (b *block) withinLobule() bool { return b.low(fLobule) > 14 || b.high(fLobule) < -14 }

// weigh writes how much of a ground is seen at every wanted pixel; wide borders
// are mottled.
func (b *block) weigh(f int, soft float32, w *[side * side]float32) {
	b.spread(f, w)
	if soft <= 2 {
		for k := range w {
			w[k] = clamp01(w[k]/(2*soft) + 0.5)
		}
		return
	}
	t := b.s.tables.cloud
	for v := b.v0; v < b.v1; v++ {
		for u := b.u0; u < b.u1; u++ {
			k := v*side + u
			x, y := b.um(u, v)
			m := max(min(t.at(x*0.9+19, y*0.9), 1.5), -1.5)
			w[k] = ramp(-0.35, 0.35, w[k]/soft+0.8*m)
		}
	}
}

// trim thins the section where it ends and varies its thickness.
func (b *block) trim() {
	var t, thick [side * side]float32
	b.spread(fThick, &thick)
	if b.low(fTissue) > 14 {
		for k := range thick {
			b.dye[dyeH][k] *= thick[k]
			b.dye[dyeE][k] *= thick[k]
		}
		return
	}
	b.spread(fTissue, &t)
	for k := range t {
		w := clamp01(t[k]/(2*soft)+0.5) * thick[k]
		// Dye gathers at the cut edge.
		edge := ramp(14, 1, t[k])
		b.dye[dyeH][k] *= w * (1 + 0.25*edge)
		b.dye[dyeE][k] *= w * (1 + 0.35*edge)
		b.dye[dyeB][k] *= w
	}
}

// over lays h, e of dye over pixel k with weight w.
func (b *block) over(k int, w, h, e float32) {
	b.dye[dyeH][k] += (h - b.dye[dyeH][k]) * w
	b.dye[dyeE][k] += (e - b.dye[dyeE][k]) * w
	b.dye[dyeB][k] -= b.dye[dyeB][k] * w
}

// um is the position of pixel (u, v) of the block in µm.
func (b *block) um(u, v int) (x, y float32) {
	return (float32(b.x+u) + 0.5) * b.s.mpp, (float32(b.y+v) + 0.5) * b.s.mpp
}

// connective paints collagen: bundles of wavy fibres with clefts between them.
func (b *block) connective(w *[side * side]float32) {
	var along, across, loose, nest, dense [side * side]float32
	b.spread(fDense, &dense)
	b.spread(fAlong, &along)
	b.spread(fAcross, &across)
	b.spread(fLoose, &loose)
	septum := b.high(fTumour) > -40
	if septum {
		b.spread(fNest, &nest)
	}
	zone := ramp(-30, 40, b.corner[0][fGland]) // loose ground between glands
	t := &b.s.tables
	for v := b.v0; v < b.v1; v++ {
		for u := b.u0; u < b.u1; u++ {
			k := v*side + u
			x, y := b.um(u, v)
			curl := t.cloud.at(x*1.15+13, y*1.15)
			a, c, l := along[k]+3*curl, across[k]+1.5*curl, loose[k]+0.35*zone
			bundle := t.fibre.at(a*1.15, c*0.60)
			strand := t.fibre.at(a*1.9+511, c*1.35+31)
			fibril := t.fibre.at(a*3.1+311, c*3.3+0.8*bundle)
			grain := t.grain.near(int32(b.x+u), int32(b.y+v))
			density := 0.30 + 0.08*bundle + 0.06*strand + 0.07*fibril + 0.025*grain - 0.06*l
			open := ramp(-0.75, -1.45, 0.85*bundle+0.55*strand+0.3*fibril-0.62*l)
			if septum && nest[k] > -9 {
				open = max(open, ramp(-8, -5.5, nest[k])*ramp(0.15, -0.9, nest[k])*ramp(0.35, 0.8, t.cloud.at(x*0.55, y*0.55)))
			}
			e := max(density, 0.08) * dense[k] * (1 - 0.93*open)
			h := (0.04 + 0.012*fibril + 0.012*strand + 0.02*zone) * (1 - open)
			b.over(k, w[k], h, e)
		}
	}
}

// lymphoid paints the pale net between lymphocytes.
func (b *block) lymphoid(w *[side * side]float32) {
	t := &b.s.tables
	for v := b.v0; v < b.v1; v++ {
		for u := b.u0; u < b.u1; u++ {
			k := v*side + u
			x, y := b.um(u, v)
			net := t.clump.at(x*2.1, y*2.1)
			c := t.cloud.at(x*0.6, y*0.6)
			m := max(0.95+0.26*net+0.12*c, 0.1)
			b.over(k, w[k], 0.105*m, 0.165*m)
		}
	}
}

// necrosis paints granular pale pink ground with shadows of dead cells.
func (b *block) necrosis(w *[side * side]float32) {
	t := &b.s.tables
	for v := b.v0; v < b.v1; v++ {
		for u := b.u0; u < b.u1; u++ {
			k := v*side + u
			x, y := b.um(u, v)
			cloud := t.cloud.at(x*0.36, y*0.36)
			ghost := t.cloud.at(x*1.5+1.5*cloud, y*1.5+77)
			fine := t.clump.at(x*3.1, y*3.1)
			grain := t.grain.near(int32(b.x+u), int32(b.y+v))
			line := ramp(0.28, 0.05, absolute(ghost)) // outlines of what were cells
			e := 0.225 + 0.055*cloud + 0.03*ghost + 0.03*fine + 0.02*grain + 0.05*line
			h := 0.05 + 0.03*max(cloud, -1) + 0.015*fine + 0.01*ghost
			crack := ramp(1.5, 1.95, cloud+0.3*ghost)
			b.over(k, w[k], max(h, 0.01)*(1-crack), max(e, 0.05)*(1-0.95*crack))
		}
	}
}
