package synth

import "math"

// Kind is what sort of cell a nucleus belongs to.
type Kind uint8

// The kinds of nuclei.
const (
	Tumour Kind = iota
	Mitosis
	Lymphocyte
	Fibroblast
	Epithelium
	Endothelium
	Muscle
	Adipocyte
	Debris // karyorrhexis: fragments of dead nuclei
)

var kindNames = [...]string{"Tumour cell", "Mitosis", "Lymphocyte", "Fibroblast", "Epithelial cell",
	"Endothelial cell", "Smooth muscle cell", "Adipocyte", "Debris"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// nucleus is one nucleus as it is drawn.
type nucleus struct {
	x, y     float32 // µm
	a, b     float32 // half axes, µm
	cos, sin float32 // of the long axis
	kind     Kind
	seed     uint32
	shift    float32 // this one's darkness, about -1..1
	look     *look
}

// look is how the nuclei of a kind are stained and built.
type look struct {
	h, e    float32 // dye
	vary    float32 // how much h differs from nucleus to nucleus
	chrom   float32 // contrast of the chromatin
	grain   float32 // texels per µm of the chromatin: high is fine
	rim     float32 // extra dye at the membrane
	open    float32 // how much paler the middle is
	rough   float32 // irregularity of the outline
	nucleol float32 // chance of a nucleolus
	edge    float32 // µm over which the outline is soft
}

var looks = [...]look{
	Tumour:      {h: 0.56, e: 0.17, vary: 0.22, chrom: 0.19, grain: 2.9, rim: 0.26, open: 0.30, rough: 0.075, nucleol: 0.75, edge: 0.45},
	Mitosis:     {h: 1.15, e: 0.12, vary: 0.05, chrom: 0.10, grain: 4.0, rim: 0, open: 0, rough: 0.22, edge: 0.40},
	Lymphocyte:  {h: 0.88, e: 0.16, vary: 0.13, chrom: 0.23, grain: 3.8, rim: 0.16, open: 0.06, rough: 0.035, edge: 0.45},
	Fibroblast:  {h: 0.66, e: 0.18, vary: 0.18, chrom: 0.13, grain: 3.6, rim: 0.12, open: 0.05, rough: 0.11, edge: 0.45},
	Epithelium:  {h: 0.64, e: 0.16, vary: 0.12, chrom: 0.15, grain: 3.6, rim: 0.22, open: 0.15, rough: 0.05, nucleol: 0.25, edge: 0.45},
	Endothelium: {h: 0.74, e: 0.18, vary: 0.10, chrom: 0.10, grain: 4.0, rim: 0.10, rough: 0.10, edge: 0.45},
	Muscle:      {h: 0.56, e: 0.18, vary: 0.10, chrom: 0.10, grain: 4.0, rim: 0.10, rough: 0.08, edge: 0.45},
	Adipocyte:   {h: 0.74, e: 0.16, vary: 0.10, chrom: 0.08, grain: 4.0, rim: 0.05, rough: 0.08, edge: 0.45},
	Debris:      {h: 0.72, e: 0.17, vary: 0.32, chrom: 0.08, grain: 4.0, rough: 0.09, edge: 0.55},
}

func (s *Scene) nucleus(k Kind, x, y, a, b, angle float32, r *random) nucleus {
	sn, cs := sincos(angle)
	return nucleus{x: x, y: y, a: a, b: b, cos: cs, sin: sn, kind: k, seed: uint32(r.bits()), shift: r.bell(), look: &looks[k]}
}

// largest is the greatest half axis of any nucleus in µm: how far beyond a
// rectangle one must look for those that reach into it.
const largest = 14

// nucleiIn calls f for every nucleus whose centre lies in the rectangle of µm.
func (s *Scene) nucleiIn(x0, y0, x1, y1 float32, f func(n *nucleus)) {
	inside := func(n nucleus) {
		if n.x >= x0 && n.x < x1 && n.y >= y0 && n.y < y1 {
			f(&n)
		}
	}
	if s.most(fTumour, x0, y0, x1, y1) > 0 {
		s.tumourNuclei(x0, y0, x1, y1, inside)
	}
	s.scatteredNuclei(x0, y0, x1, y1, inside)
	if s.most(fNecrosis, x0, y0, x1, y1) > 0 {
		s.debrisIn(x0, y0, x1, y1, inside)
	}
	if s.most(fFat, x0, y0, x1, y1) > 0 {
		s.fatNuclei(x0, y0, x1, y1, inside)
	}
	for _, t := range s.tubes.in(x0, y0, x1, y1, nil) {
		s.tubeNuclei(t, inside)
	}
}

func (s *Scene) tumourNuclei(x0, y0, x1, y1 float32, f func(nucleus)) {
	tumourCells.each(s, x0, y0, x1, y1, func(x, y float32, r *random) {
		p := s.site(x, y)
		if p[fNest] < 1.5 || p[fTissue] < 3 || p[fLymph] > 0 || p[fNecrosis] > -3 || p[fHole] > -3.5 {
			return
		}
		*r = random(mix(uint64(*r) ^ 0x7A)) // the cell's tone used the first numbers
		roll := r.float()
		size := float32(math.Exp(float64(0.20 * s.pleomorphic * r.bell())))
		angle := r.between(0, math.Pi)
		switch {
		case roll > 0.93:
			return // cut above or below its nucleus
		case roll > 0.915:
			f(s.nucleus(Mitosis, x, y, r.between(3.6, 5.2), r.between(1.3, 2.4), angle, r))
		case roll > 0.903: // apoptotic: shrunken and dark
			f(s.nucleus(Debris, x, y, r.between(1.6, 2.6), r.between(1.5, 2.4), angle, r))
		default:
			long := 1 + 0.34*r.float()*s.pleomorphic
			a := min(5.0*size*long, 11)
			f(s.nucleus(Tumour, x, y, a, min(5.0*size/sqrt(long), a), angle, r))
		}
	})
}

// scatteredNuclei are lymphocytes and fibroblasts.
func (s *Scene) scatteredNuclei(x0, y0, x1, y1 float32, f func(nucleus)) {
	lymphocytes.each(s, x0, y0, x1, y1, func(x, y float32, r *random) {
		roll := r.float()
		p := s.site(x, y)
		if roll > s.lymphDensity(x, y, &p) || p[fTissue] < 4 || s.tubes.hit(x, y, 2) != nil {
			return
		}
		a := r.between(2.9, 3.7)
		if p[fLymph] > 45 && noise(s.noiseSeed+31, x/90, y/90) > 0.25 {
			a *= 1.25 // a germinal centre has larger cells
		}
		f(s.nucleus(Lymphocyte, x, y, a, a*r.between(0.82, 1), r.between(0, math.Pi), r))
	})
	fibroblasts.each(s, x0, y0, x1, y1, func(x, y float32, r *random) {
		roll := r.float()
		p := s.site(x, y)
		share := 0.34 + 0.22*p[fLoose]*p[fLoose] + 0.25*noise(s.noiseSeed+32, x/70, y/70)
		if p[fTumour] > 0 {
			share += 0.2
		}
		if roll > share || p[fTissue] < 4 || p[fNest] > -2.5 || p[fLymph] > 0 || p[fNecrosis] > 0 || p.lobular() || s.tubes.hit(x, y, 2.5) != nil {
			return
		}
		// The long axis follows the fibres: along it fAcross does not change.
		gx, gy := s.site(x+1.5, y), s.site(x, y+1.5)
		dx, dy := gy[fAcross]-p[fAcross], p[fAcross]-gx[fAcross]
		angle := float32(math.Atan2(float64(dy), float64(dx))) + 0.15*r.bell()
		a := 3.8 + 6*r.float()*r.float()
		f(s.nucleus(Fibroblast, x, y, a, r.between(1.15, 2.3), angle, r))
	})
}

// lobular says whether a site lies among adipocytes and not in a strand
// between their lobules.
func (f *site) lobular() bool { return f[fFat] > 0 && absolute(f[fLobule]) > 4.5 }

// lymphDensity is the chance that a place for a lymphocyte is taken.
func (s *Scene) lymphDensity(x, y float32, p *site) float32 {
	if p[fLymph] > 0 {
		return 0.62 + 0.32*ramp(0, 30, p[fLymph]) - 0.15*max(noise(s.noiseSeed+31, x/90, y/90), 0)
	}
	if p[fNecrosis] > 0 {
		return 0.012
	}
	d := 0.016 * s.inflamed * (1 + 1.5*max(noise(s.noiseSeed+33, x/130, y/130), -0.6))
	if p[fNest] > 0 {
		return d * 0.6
	}
	switch {
	case p[fTumour] > -60:
		d *= 5
	case p.lobular():
		return 0
	case p[fGland] > 0:
		d *= 5.5
	}
	if p[fLymph] > -120 {
		near := 1 + p[fLymph]/120
		d += 0.42 * near * near * near
	}
	return d
}

func (s *Scene) debrisIn(x0, y0, x1, y1 float32, f func(nucleus)) {
	debris.each(s, x0, y0, x1, y1, func(x, y float32, r *random) {
		roll := r.float()
		if roll > 0.75 {
			return
		}
		p := s.site(x, y)
		if p[fNecrosis] < 1 || p[fTissue] < 3 {
			return
		}
		crowd := 0.16 + 0.42*noise(s.noiseSeed+34, x/30, y/30) + 0.3*ramp(60, 0, p[fNecrosis])
		if roll > crowd {
			return
		}
		a := r.between(0.45, 1.5)
		if r.float() < 0.12 {
			a = r.between(1.8, 3.0)
		}
		f(s.nucleus(Debris, x, y, a, a*r.between(0.6, 1), r.between(0, math.Pi), r))
	})
}

// fatNuclei lie flat in the wall between two adipocytes.
func (s *Scene) fatNuclei(x0, y0, x1, y1 float32, f func(nucleus)) {
	const far = 70
	var all []seed
	adipocytes.each(s, x0-3*far, y0-3*far, x1+3*far, y1+3*far, func(x, y float32, r *random) {
		all = append(all, seed{x, y, uint64(*r)})
	})
	for _, q := range all {
		x, y, r := q.x, q.y, random(q.id)
		if x < x0-far || x > x1+far || y < y0-far || y > y1+far || r.float() > 0.45 {
			continue
		}
		// The nearest other place shares a wall with this one for certain.
		bx, by, best := float32(0), float32(0), float32(1e9)
		for _, o := range all {
			if d := hypot(o.x-x, o.y-y); d > 1 && d < best {
				bx, by, best = o.x, o.y, d
			}
		}
		mx, my := (x+bx)/2, (y+by)/2
		if mx < x0 || mx >= x1 || my < y0 || my >= y1 {
			continue
		}
		p := s.site(mx, my)
		if p[fFat] < 2 || p[fTissue] < 5 || p[fTumour] > 0 || p[fLymph] > 0 {
			continue
		}
		angle := float32(math.Atan2(float64(by-y), float64(bx-x))) + math.Pi/2
		f(s.nucleus(Adipocyte, mx, my, r.between(4, 6.5), r.between(1.1, 1.7), angle, &r))
	}
}

// tubeNuclei are the palisade of a gland, or endothelium and muscle of a vessel.
func (s *Scene) tubeNuclei(t *tube, f func(nucleus)) {
	for i := range t.cells {
		r := randomAt(t.seed, i, 1)
		along := (float32(i) + 0.5 + 0.12*r.bell()) * t.arc[rays] / float32(t.cells)
		along = min(max(along, 0), t.arc[rays])
		if !t.vessel {
			depth := t.wall * (0.30 + 0.055*r.bell())
			x, y, ux, uy := t.on(along, depth)
			angle := float32(math.Atan2(float64(uy), float64(ux))) + 0.1*r.bell()
			if r.float() < 0.95 {
				a := min(t.wall*0.235, 5.0) * r.between(0.85, 1.15)
				f(s.nucleus(Epithelium, x, y, a, r.between(2.1, 2.75), angle, &r))
			}
			if r.float() < 0.10 {
				x, y, _, _ = t.on(along, depth+t.wall*0.24)
				f(s.nucleus(Epithelium, x, y, r.between(2.8, 4), r.between(2.0, 2.6), angle, &r))
			}
			continue
		}
		if r.float() < 0.62 {
			x, y, ux, uy := t.on(along, t.wall-0.4)
			angle := float32(math.Atan2(float64(uy), float64(ux))) + math.Pi/2
			f(s.nucleus(Endothelium, x, y, r.between(3, 5.5), r.between(0.95, 1.5), angle, &r))
		}
		for range int(t.wall / 6) {
			x, y, ux, uy := t.on(along, t.wall*r.between(0.1, 0.85))
			angle := float32(math.Atan2(float64(uy), float64(ux))) + math.Pi/2 + 0.1*r.bell()
			if r.float() < 0.7 {
				f(s.nucleus(Muscle, x, y, r.between(5, 8.5), r.between(1.1, 1.7), angle, &r))
			}
		}
	}
}
