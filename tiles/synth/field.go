package synth

// The fields of a site: how far inside something it lies, in µm, positive
// inside; and quantities that vary slowly. The first planned fields come from
// the plan's grid, the others are computed where they are needed.
const (
	fTissue = iota
	fTumour // the tumour as an annotator would outline it, nests and septa
	fNecrosis
	fLymph
	fFat
	fGland // the zone in which normal glands lie
	planned

	fNest   = iota - 1 // inside a nest of tumour cells
	fAlong             // µm along the collagen fibres
	fAcross            // µm across them
	fLoose             // -1 dense .. 1 loose connective tissue
	fThick             // section thickness, about 1
	fHole              // inside a lumen between tumour cells
	fLobule            // µm from the middle of a strand between fat lobules, signed
	fDense             // how much dye connective tissue takes, about 1
	fields
)

type site [fields]float32

// grid is the plan's coarse raster.
type grid struct {
	w, h int
	step float32 // µm between nodes
	v    [][planned]float32
}

// at is the bilinear value of the planned fields at (x, y) µm, clamped at the
// rim.
func (g *grid) at(x, y float32, out *site) {
	fx, fy := x/g.step, y/g.step
	xi, yi := int(floor(fx)), int(floor(fy))
	xi, yi = min(max(xi, 0), g.w-2), min(max(yi, 0), g.h-2)
	tx, ty := clamp01(fx-float32(xi)), clamp01(fy-float32(yi))
	a, b := &g.v[yi*g.w+xi], &g.v[yi*g.w+xi+1]
	c, d := &g.v[(yi+1)*g.w+xi], &g.v[(yi+1)*g.w+xi+1]
	for i := range planned {
		p, q := a[i]+(b[i]-a[i])*tx, c[i]+(d[i]-c[i])*tx
		out[i] = p + (q-p)*ty
	}
}

// site evaluates every field at (x, y) µm. Positions are bent before the plan
// is asked, so that borders wander at the scale of a few cells and the plan's
// raster does not show.
func (s *Scene) site(x, y float32) (f site) {
	n := s.noiseSeed
	wx := 13*noise(n+1, x/47, y/47) + 3.5*noise(n+2, x/11, y/11)
	wy := 13*noise(n+3, x/47, y/47) + 3.5*noise(n+4, x/11, y/11)
	s.plan.at(x+wx, y+wy, &f)
	f[fTissue] += 22*noise(n+5, x/120, y/120) + 7*noise(n+18, x/26, y/26)

	u, v := x*s.fibreCos+y*s.fibreSin, y*s.fibreCos-x*s.fibreSin
	slow := noise(n+6, x/520, y/520)
	v += 170*slow + 26*noise(n+7, x/105, y/105) + 6*noise(n+8, x/26, y/26)
	f[fAlong], f[fAcross] = u+90*noise(n+9, x/400, y/400), v
	f[fLoose] = noise(n+10, x/260, y/260) + 0.4*noise(n+11, x/60, y/60)
	f[fThick] = 1 + 0.10*noise(n+12, x/900, y/900) + 0.05*slow
	f[fDense] = 1 + 0.22*noise(n+13, x/700, y/700) + 0.16*noise(n+14, x/190, y/190)
	f[fLoose] += 0.7*noise(n+15, x/950, y/950) - 0.15
	if f[fFat] > -20 {
		f[fLobule] = 300 * (noise(n+16, x/480, y/480) + 0.3*noise(n+17, x/130, y/130))
		// Fibres run along the strands between lobules, close together.
		in := ramp(-6, 8, f[fFat])
		f[fAcross] += (f[fLobule] - f[fAcross]) * in
		f[fLoose] -= 0.7 * in
	}
	f[fNest], f[fHole] = -1000, -1000
	if f[fTumour] > -40 {
		s.nest(x+wx*0.5, y+wy*0.5, &f)
	}
	return f
}

// nest divides the tumour into nests of cells by a network of septa: the zero
// lines of two noises of different scale.
func (s *Scene) nest(x, y float32, f *site) {
	n, k := s.noiseSeed, s.nestScale
	a := noise(n+20, x/(k*1.25), y/(k*1.25))
	b := noise(n+21, x/(k*0.62), y/(k*0.62))
	if a < 0 {
		a = -a
	}
	if b < 0 {
		b = -b
	}
	wide := s.septum * (1 + 0.6*noise(n+22, x/310, y/310))
	d := min((a-0.16*wide)*k*0.62, (b-0.07*wide)*k*0.36)
	f[fNest] = min(d, f[fTumour])
	if f[fNest] > 0 {
		hole := noise(n+23, x/s.holeScale, y/s.holeScale) - s.holeLevel - 0.25*noise(n+24, x/500, y/500)
		f[fHole] = min(hole*s.holeScale*0.45, f[fNest]-11)
	}
	// Fibres run along the nests they surround.
	f[fAcross] -= 0.9 * max(d, -60)
}
