package synth

// Classes of the truth's regions, in the words of the default palette.
const (
	ClassTumour      = "Tumour"      // with its septa, as one would outline it
	ClassStroma      = "Stroma"      // connective tissue that is nothing else
	ClassNecrosis    = "Necrosis"    //
	ClassLymphocytes = "Lymphocytes" // dense clusters
	ClassGlands      = "Glands"      // zones of normal glands with the stroma between
	ClassFat         = "Fat"         //
	ClassVessel      = "Vessel"      // each vessel, wall and lumen; lies over the others
	ClassArtefact    = "Artefact"    // pen mark and fold; lies over the others
	ClassTissue      = "Tissue"      // outline of everything that is not glass
)

// Truth is what a scene holds, in level-0 pixels.
type Truth struct {
	Tissue  []Region // class ClassTissue
	Regions []Region // every other class; vessels and artefacts overlap the rest
	Glands  []Region // each gland for itself, class ClassGlands, within the zones
	Nuclei  []Nucleus
}

// Nucleus is one nucleus of the truth.
type Nucleus struct {
	Kind Kind
	X, Y float64 // centre, level-0 pixels
	n    nucleus
}

// Truth is everything the scene draws. Borders are those that Render draws, to
// about 5 µm; nuclei are exact. Listing the nuclei of a large slide takes
// seconds.
func (s *Scene) Truth() Truth {
	t := Truth{}
	t.Tissue, t.Regions = s.Regions()
	for i := range s.glands {
		t.Glands = append(t.Glands, s.outline(&s.glands[i], ClassGlands))
	}
	t.Nuclei = s.nuclei()
	return t
}

// Regions is the truth without its nuclei and glands: the outlines of the
// tissue, and the regions of every class. It takes a fraction of a second.
func (s *Scene) Regions() (tissue, rest []Region) {
	tissue, rest = s.zones()
	for i := range s.vessels {
		rest = append(rest, s.outline(&s.vessels[i], ClassVessel))
	}
	for i := range s.strokes {
		k := &s.strokes[i]
		rest = append(rest, s.ribbon(k.line, func(float32) float32 { return k.half }))
	}
	if f := s.fold; f != nil {
		rest = append(rest, s.ribbon(f.line, func(at float32) float32 { return f.width(at) }))
	}
	return tissue, rest
}

// zones contours the fields at the nodes of the plan.
func (s *Scene) zones() (tissue, rest []Region) {
	g := &s.plan
	sites := make([]site, g.w*g.h)
	parallel(g.h, func(y int) {
		for x := range g.w {
			i := y*g.w + x
			if s.occupied[i] {
				sites[i] = s.site(float32(x)*g.step, float32(y)*g.step)
			} else {
				sites[i][fTissue] = -100
			}
		}
	})
	trace := func(class string, f func(p *site) float32) []Region {
		r := raster{g.w, g.h, float64(g.step) / s.o.MPP, make([]float32, len(sites))}
		for i := range sites {
			r.v[i] = min(f(&sites[i]), sites[i][fTissue])
		}
		least := 2500 / (s.o.MPP * s.o.MPP) // 50 x 50 µm
		if s.w < 1000 || s.h < 1000 {
			least /= 16
		}
		return r.contours(class, least)
	}
	tissue = trace(ClassTissue, func(p *site) float32 { return p[fTissue] })
	for _, c := range []struct {
		class string
		f     func(p *site) float32
	}{
		{ClassTumour, func(p *site) float32 { return min(p[fTumour], -p[fNecrosis], -p[fLymph]) }},
		{ClassStroma, func(p *site) float32 {
			return min(-p[fTumour], -p[fNecrosis], -p[fLymph], -p[fFat], -p[fGland])
		}},
		{ClassNecrosis, func(p *site) float32 { return p[fNecrosis] }},
		{ClassLymphocytes, func(p *site) float32 { return min(p[fLymph], -p[fNecrosis]) }},
		{ClassGlands, func(p *site) float32 { return min(p[fGland], -p[fLymph]) }},
		{ClassFat, func(p *site) float32 { return min(p[fFat], -p[fLymph]) }},
	} {
		rest = append(rest, trace(c.class, c.f)...)
	}
	return tissue, rest
}

func (s *Scene) point(x, y float32) Point {
	return Point{float64(x) / s.o.MPP, float64(y) / s.o.MPP}
}

// outline is a tube's polygon.
func (s *Scene) outline(t *tube, class string) Region {
	r := Region{Class: class}
	for i := 0; i < rays; i += 2 {
		ux, uy := fromDiamond(4 * float32(i) / rays)
		r.Outer = append(r.Outer, s.point(t.x+ux*t.radius[i], t.y+uy*t.radius[i]))
	}
	return r
}

// ribbon is the polygon of a line with the given half width.
func (s *Scene) ribbon(line [][2]float32, half func(at float32) float32) Region {
	r := Region{Class: ClassArtefact}
	n := len(line)
	side := func(i int, sign float32) {
		a, b := line[max(i-1, 0)], line[min(i+1, n-1)]
		dx, dy := b[0]-a[0], b[1]-a[1]
		k := sign * max(half(float32(i)/float32(n-1)), 0.5) / max(hypot(dx, dy), 1e-6)
		r.Outer = append(r.Outer, s.point(line[i][0]-dy*k, line[i][1]+dx*k))
	}
	for i := range n {
		side(i, 1)
	}
	for i := n - 1; i >= 0; i-- {
		side(i, -1)
	}
	return r
}

// nuclei lists every nucleus of the slide, row by row of large squares.
func (s *Scene) nuclei() []Nucleus {
	const square = 512
	cols, rows := int(s.w/square)+1, int(s.h/square)+1
	found := make([][]Nucleus, cols*rows)
	parallel(cols*rows, func(k int) {
		x0, y0 := float32(k%cols)*square, float32(k/cols)*square
		x1, y1 := min(x0+square, s.w), min(y0+square, s.h)
		if s.empty(x0, y0, x1, y1) {
			return
		}
		s.nucleiIn(x0, y0, x1, y1, func(n *nucleus) {
			p := s.point(n.x, n.y)
			found[k] = append(found[k], Nucleus{n.kind, p.X, p.Y, *n})
		})
	})
	var all []Nucleus
	for _, f := range found {
		all = append(all, f...)
	}
	return all
}

// Ring is the outline of a nucleus of this scene as it is drawn, as a polygon
// of 24 points in level-0 pixels.
func (s *Scene) Ring(n Nucleus) []Point {
	const points = 24
	ring := make([]Point, 0, points)
	ox, oy := n.n.texel()
	for i := range points {
		sn, cs := sincos(2 * 3.14159265 * float32(i) / points)
		lo, hi := float32(0.4), float32(2)
		for range 14 {
			q := (lo + hi) / 2
			if q*n.n.bend(s.tables.bump, q*cs*n.n.a, q*sn*n.n.b, ox, oy) < 1 {
				lo = q
			} else {
				hi = q
			}
		}
		px, py := lo*cs*n.n.a, lo*sn*n.n.b
		ring = append(ring, s.point(n.n.x+px*n.n.cos-py*n.n.sin, n.n.y+px*n.n.sin+py*n.n.cos))
	}
	return ring
}
