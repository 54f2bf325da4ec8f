package synth

import (
	"math"
	"runtime"
	"sync"
)

// piece is one section of tissue on the glass.
type piece struct {
	x, y     float32 // centre
	rx, ry   float32 // half axes
	cos, sin float32 // of the tilt
	size     float32 // geometric mean of the half axes: the unit of its zones
	seed     uint32

	tumours []blob
	dead    []blob // necrosis, within the tumour
	lymph   []blob
	glands  []blob
	fatX    float32 // direction in which fat lies
	fatY    float32
	fatFrom float32 // distance from the centre at which it begins
}

// blob is a disc before the noise bends it.
type blob struct{ x, y, r float32 }

// plan lays the pieces out and rasters their fields.
func (s *Scene) makePlan(r *random) {
	s.layPieces(r)
	// One node every 16 µm, or fewer where the slide is huge.
	area := float64(s.w) * float64(s.h)
	step := float32(max(16, math.Sqrt(area/1_000_000)))
	if short := min(s.w, s.h) / 40; step > short {
		step = short
	}
	g := &s.plan
	g.step = step
	g.w, g.h = int(s.w/step)+2, int(s.h/step)+2
	g.v = make([][planned]float32, g.w*g.h)
	parallel(g.h, func(y int) {
		for x := range g.w {
			g.v[y*g.w+x] = s.planned(float32(x)*step, float32(y)*step)
		}
	})
	if !s.o.Clean {
		s.layArtefacts(r)
	}
	s.markOccupied()
	s.layGlands()
	s.layVessels()
}

// parallel calls f(0) .. f(n-1) on every processor.
func parallel(n int, f func(i int)) {
	var group sync.WaitGroup
	workers := min(runtime.GOMAXPROCS(0), n)
	for k := range workers {
		group.Go(func() {
			for i := k; i < n; i += workers {
				f(i)
			}
		})
	}
	group.Wait()
}

// layPieces places one to three pieces along the longer side of the slide, so
// that they cover about a third of it.
func (s *Scene) layPieces(r *random) {
	n := s.o.Pieces
	if byChance := 1 + int(r.bits()%3); n == 0 {
		n = byChance
	}
	long, short := s.w, s.h
	if s.h > s.w {
		long, short = s.h, s.w
	}
	cover := r.between(0.36, 0.42)
	shares := make([]float32, n)
	var sum float32
	for i := range shares {
		shares[i] = r.between(0.75, 1.25)
		sum += shares[i]
	}
	at := float32(0)
	for i := range n {
		share := shares[i] / sum
		slot := long * share
		size := sqrt(cover * s.w * s.h * share / math.Pi)
		aspect := min(r.between(1.0, 1.6), 0.40*short/size)
		if aspect < 0.5 {
			aspect = 0.5
		}
		across, along := size*aspect, min(size/aspect, 0.40*slot)
		along = max(along, 0.3*size)
		centre := at + slot/2 + slot*r.between(-0.03, 0.03)
		p := piece{x: centre, y: short/2 + short*r.between(-0.03, 0.03), rx: along, ry: across,
			size: sqrt(along * across), seed: uint32(r.bits())}
		p.sin, p.cos = sincos(r.between(-0.35, 0.35))
		if s.h > s.w {
			p.x, p.y, p.rx, p.ry = p.y, p.x, p.ry, p.rx
		}
		p.layZones(r, i == 0 || r.float() < 0.75)
		s.pieces = append(s.pieces, p)
		at += slot
	}
}

// layZones divides a piece: tumour on one side with necrosis in it, glands and
// fat on the others, lymphocytes at the tumour's margin and scattered.
func (p *piece) layZones(r *random, tumour bool) {
	turn := r.between(0, 2*math.Pi)
	place := func(angle, distance, radius float32) blob {
		sn, cs := sincos(turn + angle)
		return blob{p.x + cs*distance*p.rx, p.y + sn*distance*p.ry, radius * p.size}
	}
	if tumour {
		main := place(0, r.between(0.22, 0.42), r.between(0.46, 0.60))
		p.tumours = append(p.tumours, main)
		if r.float() < 0.6 {
			p.tumours = append(p.tumours, place(r.between(0.8, 1.3), r.between(0.5, 0.65), r.between(0.16, 0.26)))
		}
		p.dead = append(p.dead, blob{main.x + main.r*r.between(-0.3, 0.3), main.y + main.r*r.between(-0.3, 0.3), main.r * r.between(0.26, 0.40)})
		if r.float() < 0.5 {
			p.dead = append(p.dead, blob{main.x + main.r*r.between(-0.6, 0.6), main.y + main.r*r.between(-0.6, 0.6), main.r * r.between(0.10, 0.18)})
		}
		for range 3 + int(r.bits()%4) {
			sn, cs := sincos(r.between(0, 2*math.Pi))
			d := main.r * r.between(0.95, 1.15)
			p.lymph = append(p.lymph, blob{main.x + cs*d, main.y + sn*d, p.size * r.between(0.05, 0.13)})
		}
	}
	p.glands = append(p.glands, place(math.Pi+r.between(-0.5, 0.5), r.between(0.35, 0.5), r.between(0.40, 0.55)))
	if !tumour {
		p.glands = append(p.glands, place(r.between(-0.6, 0.6), r.between(0.2, 0.5), r.between(0.40, 0.55)))
	}
	for range 2 + int(r.bits()%4) {
		p.lymph = append(p.lymph, place(r.between(0, 2*math.Pi), r.between(0.2, 0.8), r.between(0.04, 0.09)))
	}
	side := float32(math.Pi / 2)
	if r.float() < 0.5 {
		side = -side
	}
	p.fatY, p.fatX = sincos(turn + side + r.between(-0.3, 0.3))
	p.fatFrom = p.size * r.between(0.42, 0.60)
}

// planned evaluates the planned fields at (x, y) µm: the nearest piece decides.
func (s *Scene) planned(x, y float32) (f [planned]float32) {
	for i := range f {
		f[i] = -1e6
	}
	for i := range s.pieces {
		p := &s.pieces[i]
		t := p.outline(x, y)
		if t <= f[fTissue] {
			continue
		}
		f[fTissue] = t
		if t > -100 {
			p.zones(x, y, &f)
		}
	}
	return f
}

// outline is how far inside the piece (x, y) lies, in µm, before the finest
// noise: an ellipse bent by noise of three scales.
func (p *piece) outline(x, y float32) float32 {
	k := p.size
	dx := k * (0.30*noise(p.seed+1, x/(0.9*k), y/(0.9*k)) + 0.11*noise(p.seed+2, x/(0.33*k), y/(0.33*k)) + 0.035*noise(p.seed+3, x/(0.1*k), y/(0.1*k)))
	dy := k * (0.30*noise(p.seed+4, x/(0.9*k), y/(0.9*k)) + 0.11*noise(p.seed+5, x/(0.33*k), y/(0.33*k)) + 0.035*noise(p.seed+6, x/(0.1*k), y/(0.1*k)))
	qx, qy := x-p.x+dx, y-p.y+dy
	ex, ey := (qx*p.cos+qy*p.sin)/p.rx, (qy*p.cos-qx*p.sin)/p.ry
	return (1 - hypot(ex, ey)) * min(p.rx, p.ry)
}

func (p *piece) zones(x, y float32, f *[planned]float32) {
	k := p.size
	wx := k * (0.16*noise(p.seed+11, x/(0.45*k), y/(0.45*k)) + 0.06*noise(p.seed+12, x/(0.15*k), y/(0.15*k)))
	wy := k * (0.16*noise(p.seed+13, x/(0.45*k), y/(0.45*k)) + 0.06*noise(p.seed+14, x/(0.15*k), y/(0.15*k)))
	qx, qy := x+wx, y+wy
	union := func(all []blob) float32 {
		best := float32(-1e6)
		for _, b := range all {
			best = max(best, b.r-hypot(qx-b.x, qy-b.y))
		}
		return best
	}
	f[fTumour] = union(p.tumours)
	f[fNecrosis] = min(union(p.dead), f[fTumour]-0.05*k)
	f[fLymph] = min(union(p.lymph), f[fTissue]-0.01*k)
	f[fFat] = (qx-p.x)*p.fatX + (qy-p.y)*p.fatY - p.fatFrom + 0.12*k*noise(p.seed+15, x/(0.2*k), y/(0.2*k))
	f[fFat] = min(f[fFat], -f[fTumour]-0.04*k)
	f[fGland] = min(union(p.glands), -f[fTumour]-0.03*k, -f[fFat]-0.02*k)
}
