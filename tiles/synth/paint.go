package synth

// tile is the working memory of one rectangle: three dyes and ink.
type tile struct {
	s      *Scene
	x0, y0 int // level-0 pixel of the first
	w, h   int
	dye    [3][]float32
	light  [3][]float32 // what reaches the sensor, 0..1
	row    []float32    // of the blur
	nodes  []site
	tubes  []*tube
	block  block
	fat    []seed // of adipocytes around the tile; nil until asked for
	cells  []seed // of tumour cells likewise
}

func (t *tile) reset(s *Scene, x0, y0, w, h int) {
	t.s, t.x0, t.y0, t.w, t.h = s, x0, y0, w, h
	t.fat, t.cells = t.fat[:0], t.cells[:0]
	for i := range t.dye {
		if cap(t.dye[i]) < w*h {
			t.dye[i], t.light[i] = make([]float32, w*h), make([]float32, w*h)
		}
		t.dye[i], t.light[i] = t.dye[i][:w*h], t.light[i][:w*h]
	}
}

// adipocytes and tumourCells are gathered once a tile, when a block needs them.
func (t *tile) adipocytes() []seed {
	if len(t.fat) == 0 {
		t.fat = adipocytes.around(t, t.fat)
	}
	return t.fat
}

func (t *tile) tumourCells() []seed {
	if len(t.cells) == 0 {
		t.cells = tumourCells.around(t, t.cells)
	}
	return t.cells
}

// box is the tile's rectangle in µm, widened by margin µm.
func (t *tile) box(margin float32) (x0, y0, x1, y1 float32) {
	m := t.s.mpp
	return float32(t.x0)*m - margin, float32(t.y0)*m - margin, float32(t.x0+t.w)*m + margin, float32(t.y0+t.h)*m + margin
}

// span is the range of the tile's pixels whose middle lies within reach of
// (x, y) µm.
func (t *tile) span(x, y, reach float32) (u0, v0, u1, v1 int) {
	m := 1 / t.s.mpp
	u0, v0 = int(floor((x-reach)*m))-t.x0, int(floor((y-reach)*m))-t.y0
	u1, v1 = int(floor((x+reach)*m))-t.x0+1, int(floor((y+reach)*m))-t.y0+1
	return max(u0, 0), max(v0, 0), min(u1, t.w), min(v1, t.h)
}

// over lays dyes over pixel k with weight w.
func (t *tile) over(k int, w, h, e, b float32) {
	t.dye[dyeH][k] += (h - t.dye[dyeH][k]) * w
	t.dye[dyeE][k] += (e - t.dye[dyeE][k]) * w
	t.dye[dyeB][k] += (b - t.dye[dyeB][k]) * w
}

// ground paints every block that meets the tile.
func (t *tile) ground() {
	bx0, by0 := t.x0&^(side-1), t.y0&^(side-1)
	cols, rows := (t.x0+t.w-bx0+side-1)/side, (t.y0+t.h-by0+side-1)/side
	if n := (cols + 1) * (rows + 1); cap(t.nodes) < n {
		t.nodes = make([]site, n)
	} else {
		t.nodes = t.nodes[:n]
	}
	m := t.s.mpp
	for j := range rows + 1 {
		for i := range cols + 1 {
			t.nodes[j*(cols+1)+i] = t.s.site(float32(bx0+i*side)*m, float32(by0+j*side)*m)
		}
	}
	b := &t.block
	b.s, b.t = t.s, t
	for j := range rows {
		for i := range cols {
			n := j*(cols+1) + i
			b.corner = [4]*site{&t.nodes[n], &t.nodes[n+1], &t.nodes[n+cols+1], &t.nodes[n+cols+2]}
			b.x, b.y = bx0+i*side, by0+j*side
			b.u0, b.v0 = max(t.x0-b.x, 0), max(t.y0-b.y, 0)
			b.u1, b.v1 = min(t.x0+t.w-b.x, side), min(t.y0+t.h-b.y, side)
			b.ground()
			for d := range b.dye {
				for v := b.v0; v < b.v1; v++ {
					at := (b.y+v-t.y0)*t.w + b.x - t.x0
					copy(t.dye[d][at+b.u0:at+b.u1], b.dye[d][v*side+b.u0:v*side+b.u1])
				}
			}
		}
	}
}

// objects paints tubes, blood and nuclei over the ground.
func (t *tile) objects() {
	x0, y0, x1, y1 := t.box(0)
	t.tubes = t.s.tubes.in(x0, y0, x1, y1, t.tubes[:0])
	for _, q := range t.tubes {
		if q.vessel {
			t.vessel(q)
		} else {
			t.gland(q)
		}
	}
	x0, y0, x1, y1 = t.box(largest)
	t.s.nucleiIn(x0, y0, x1, y1, t.nucleus)
}

// nucleus paints one nucleus: outline, membrane, chromatin, nucleoli.
func (t *tile) nucleus(n *nucleus) {
	l := n.look
	reach := n.a*(1+2.5*l.rough) + l.edge
	u0, v0, u1, v1 := t.span(n.x, n.y, reach)
	if u0 >= u1 || v0 >= v1 {
		return
	}
	r := random(mix(uint64(n.seed)))
	ox, oy := n.texel()
	base := l.h * max(1+l.vary*n.shift, 0.5)
	spots := nucleoli(n, &r)
	open := l.open * r.between(0.3, 1.5)
	m, tab := t.s.mpp, &t.s.tables
	ia, ib := 1/n.a, 1/n.b
	sharp := n.b / l.edge
	brown := t.s.brown(n)
	for v := v0; v < v1; v++ {
		dy := (float32(t.y0+v)+0.5)*m - n.y
		for u := u0; u < u1; u++ {
			dx := (float32(t.x0+u)+0.5)*m - n.x
			px, py := dx*n.cos+dy*n.sin, dy*n.cos-dx*n.sin
			qx, qy := px*ia, py*ib
			q := qx*qx + qy*qy
			if q > 1.9 {
				continue
			}
			q = sqrt(q) * n.bend(tab.bump, px, py, ox, oy)
			in := (1-q)*sharp + 0.5
			if in <= 0 {
				continue
			}
			in = min(in, 1)
			c := tab.clump.at(px*l.grain+oy, py*l.grain+ox)
			h := base * (1 + l.chrom*c - open*(1-q))
			if l.rim > 0 {
				d := (1 - q) * n.b // µm inside the membrane
				h += l.rim * ramp(1.0, 0.25, d)
			}
			e := l.e
			for _, s := range spots {
				if g := (px-s[0])*(px-s[0]) + (py-s[1])*(py-s[1]); g < s[2]*s[2] {
					w := ramp(s[2], 0.45*s[2], sqrt(g))
					h += 0.42 * w
					e += 0.22 * w
				}
			}
			k := v*t.w + u
			// Where two nuclei overlap in the section, both are seen.
			h = max(h, 0.05) + 0.35*in*max(t.dye[dyeH][k]-0.3, 0)
			b := 0.2 * t.dye[dyeB][k]
			if brown {
				h, b = 0.3*h, 1.1*h
			}
			t.over(k, in*0.96, h, e+0.25*t.dye[dyeE][k], b)
		}
	}
}

// texel is where in the tables a nucleus finds its own shape and texture.
func (n *nucleus) texel() (x, y float32) {
	return float32(n.seed & 255), float32(n.seed >> 8 & 255)
}

// bend is by how much the outline is drawn in at (px, py) µm along the axes.
// Its bumps are as large as the nucleus is wide, and stretched with it.
func (n *nucleus) bend(bump *texture, px, py, ox, oy float32) float32 {
	return 1 + n.look.rough*bump.at(px*(8/1.3)/n.a+ox, py*(8/1.3)/n.b+oy)
}

// nucleoli are the places (µm from the centre) and radii of a nucleus's
// nucleoli.
func nucleoli(n *nucleus, r *random) (spots [][3]float32) {
	if r.float() >= n.look.nucleol {
		return nil
	}
	count := 1 + int(r.bits()%2)
	size := r.between(0.75, 1.0)
	if n.kind == Tumour {
		size = min(r.between(0.8, 1.6), 0.36*n.b)
	}
	for range count {
		spots = append(spots, [3]float32{n.a * r.between(-0.45, 0.45), n.b * r.between(-0.4, 0.4), size * r.between(0.75, 1)})
	}
	return spots
}

// gland paints basement membrane, epithelium cell by cell, and lumen.
func (t *tile) gland(g *tube) {
	s, tab := t.s, &t.s.tables
	u0, v0, u1, v1 := t.span(g.x, g.y, g.reach+4)
	m, cell := s.mpp, g.arc[rays]/float32(g.cells)
	for v := v0; v < v1; v++ {
		y := (float32(t.y0+v) + 0.5) * m
		for u := u0; u < u1; u++ {
			x := (float32(t.x0+u) + 0.5) * m
			wob := tab.cloud.at(x*0.9, y*0.9)
			inside, along := g.depth(x, y)
			inside += 0.5 * wob
			if inside < -3.4 {
				continue
			}
			k := v*t.w + u
			if inside < 0 { // a cleft, and the membrane the cells stand on
				t.over(k, 0.55*ramp(-3.4, -2.6, inside)*ramp(-0.8, -1.6, inside), 0.01, 0.05, 0)
				t.over(k, 0.9*ramp(-1.5, -0.8, inside), 0.07, 0.40, 0)
				if inside < -0.4 {
					continue
				}
			}
			i := min(int(along/cell), g.cells-1)
			r := randomAt(g.seed, i, 2)
			f := along/cell - float32(i)
			// Each cell bulges a little into the lumen.
			wall := g.wall * (0.94 + (0.02+0.09*r.float())*4*f*(1-f))
			q := inside / wall
			tone, mucous := r.between(-1, 1), r.float() < s.goblet
			fine := tab.clump.at(x*3.3, y*3.3)
			e := 0.30 + 0.03*tone + 0.03*fine + 0.02*wob - 0.06*q
			h := 0.17 + 0.02*tone + 0.02*fine - 0.09*q
			side := min(f, 1-f) * cell
			line := ramp(0.7, 0.1, side)
			e, h = e*(1-0.25*line), h*(1-0.2*line)
			if mucous {
				a, b := (q-0.66)/0.27, (f-0.5)/0.46
				drop := ramp(1.1, 0.8, a*a+b*b)
				e += (0.045 + 0.012*fine - e) * drop * 0.9
				h += (0.085 + 0.03*fine - h) * drop * 0.9
			}
			e += 0.16 * ramp(0.86, 0.95, q)
			in := ramp(wall-0.6, wall+0.4, inside) // lumen
			juice := ramp(-0.2, 1.6, tab.cloud.at(x*0.22+41, y*0.22)+g.fill) * (1 + 0.25*wob)
			e += (0.008 + 0.11*juice - e) * in
			h += (0.006 + 0.03*juice - h) * in
			t.over(k, ramp(-0.5, 0.5, inside), h, e, 0)
		}
	}
}

// vessel paints a wall of rings, a lumen with plasma, and red blood cells.
func (t *tile) vessel(g *tube) {
	s, tab := t.s, &t.s.tables
	u0, v0, u1, v1 := t.span(g.x, g.y, g.reach+4)
	m := s.mpp
	plasma := 0.02 + 0.09*ramp(0.3, 0.9, g.fill)
	for v := v0; v < v1; v++ {
		y := (float32(t.y0+v) + 0.5) * m
		for u := u0; u < u1; u++ {
			x := (float32(t.x0+u) + 0.5) * m
			inside, along := g.depth(x, y)
			inside += 0.6 * tab.cloud.at(x*0.8, y*0.8)
			if inside < -2 {
				continue
			}
			k := v*t.w + u
			ring := tab.fibre.at(along*1.3, inside*2.4+float32(g.seed&255))
			fine := tab.clump.at(x*3, y*3)
			e := 0.34 + 0.06*ring + 0.02*fine
			h := 0.055 + 0.015*ring
			lining := ramp(1.2, 0.4, absolute(inside-g.wall))
			e, h = e+0.10*lining, h+0.10*lining
			in := ramp(g.wall-0.3, g.wall+0.6, inside)
			e += (plasma*(1+0.25*fine) - e) * in
			h += (0.008 - h) * in
			t.over(k, ramp(-2, 0.6, inside), h, e, 0)
		}
	}
	if g.fill < 0.15 {
		return
	}
	x0, y0, x1, y1 := t.box(4)
	x0, y0 = max(x0, g.x-g.reach), max(y0, g.y-g.reach)
	x1, y1 = min(x1, g.x+g.reach), min(y1, g.y+g.reach)
	bloodCells.each(s, x0, y0, x1, y1, func(x, y float32, r *random) {
		inside, _ := g.depth(x, y)
		if crowd := g.fill + 0.45*noise(s.noiseSeed+40, x/28, y/28); inside > g.wall+2.6 && r.float() < crowd {
			t.bloodCell(x, y, r)
		}
	})
}

func absolute(x float32) float32 {
	if x < 0 {
		return -x
	}
	return x
}

// bloodCell paints one red blood cell: a disc, paler in the middle.
func (t *tile) bloodCell(x, y float32, r *random) {
	a := r.between(2.7, 3.3)
	b := a * r.between(0.65, 1)
	sn, cs := sincos(r.between(0, 3.14))
	tone := r.between(0.8, 1.15)
	if t.s.o.Stain.Brown {
		tone *= 0.2 // its peroxidase is blocked
	}
	u0, v0, u1, v1 := t.span(x, y, a+1)
	for v := v0; v < v1; v++ {
		dy := (float32(t.y0+v)+0.5)*t.s.mpp - y
		for u := u0; u < u1; u++ {
			dx := (float32(t.x0+u)+0.5)*t.s.mpp - x
			q := hypot((dx*cs+dy*sn)/a, (dy*cs-dx*sn)/b)
			if w := ramp(1.08, 0.9, q); w > 0 {
				dense := tone * (0.72 + 0.28*ramp(0.1, 0.75, q))
				t.over(v*t.w+u, w*0.95, 0.02, 0.10*dense, 0.60*dense)
			}
		}
	}
}
