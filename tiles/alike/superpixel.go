package alike

import "math"

// Regions is a picture cut into small regions of one look.
type Regions struct {
	W, H  int
	Label []int32 // of each pixel, 0 to N-1
	N     int
}

// compactness weighs distance against colour: at 10 the regions follow edges
// of the tissue and stay about as wide as long (Achanta and others 2012, SLIC).
const compactness = 10.0

// slicRuns is how often the centres are moved; they hardly move after.
const slicRuns = 6

// Superpixels cuts the picture into regions of about size×size pixels by SLIC:
// k-means of colour and place, each centre looking only around itself. Pieces
// that are cut off from their region join a neighbour.
func (p *Picture) Superpixels(size int) *Regions {
	size = max(4, size)
	r := &Regions{W: p.W, H: p.H, Label: make([]int32, p.W*p.H)}
	centres := p.seeds(size)
	best := make([]float32, len(r.Label))
	for range slicRuns {
		p.assign(centres, size, r.Label, best)
		p.recentre(centres, r.Label)
	}
	r.join(size * size / 4)
	return r
}

// centre is the mean of a region: colour and place.
type centre struct{ l, a, b, x, y float64 }

// seeds lays the centres on a grid.
func (p *Picture) seeds(size int) []centre {
	var out []centre
	for y := size / 2; y < p.H || len(out) == 0; y += size {
		for x := size / 2; x < p.W || len(out) == 0; x += size {
			i := min(y, p.H-1)*p.W + min(x, p.W-1)
			out = append(out, centre{float64(p.lab[0][i]), float64(p.lab[1][i]), float64(p.lab[2][i]), float64(min(x, p.W-1)), float64(min(y, p.H-1))})
		}
	}
	return out
}

// assign gives each pixel to the nearest centre among those around it.
func (p *Picture) assign(centres []centre, size int, label []int32, best []float32) {
	for i := range best {
		best[i] = math.MaxFloat32
	}
	k := float32(compactness*compactness) / float32(size*size)
	for n, c := range centres {
		l, a, b := float32(c.l), float32(c.a), float32(c.b)
		for y := max(0, int(c.y)-size); y < min(p.H, int(c.y)+size+1); y++ {
			dy := float32(y) - float32(c.y)
			for x := max(0, int(c.x)-size); x < min(p.W, int(c.x)+size+1); x++ {
				i := y*p.W + x
				dx := float32(x) - float32(c.x)
				dl, da, db := p.lab[0][i]-l, p.lab[1][i]-a, p.lab[2][i]-b
				if d := dl*dl + da*da + db*db + k*(dx*dx+dy*dy); d < best[i] {
					best[i], label[i] = d, int32(n)
				}
			}
		}
	}
}

// recentre moves the centres to the means of their regions.
func (p *Picture) recentre(centres []centre, label []int32) {
	sums := make([]centre, len(centres))
	counts := make([]float64, len(centres))
	for i, n := range label {
		s := &sums[n]
		s.l += float64(p.lab[0][i])
		s.a += float64(p.lab[1][i])
		s.b += float64(p.lab[2][i])
		s.x += float64(i % p.W)
		s.y += float64(i / p.W)
		counts[n]++
	}
	for n, c := range counts {
		if c > 0 {
			s := sums[n]
			centres[n] = centre{s.l / c, s.a / c, s.b / c, s.x / c, s.y / c}
		}
	}
}

// join numbers the connected pieces anew; a piece of fewer than least pixels
// joins the one before it.
func (r *Regions) join(least int) {
	if len(r.Label) == 0 {
		return
	}
	out := make([]int32, len(r.Label))
	for i := range out {
		out[i] = -1
	}
	m := Mask{W: r.W, H: r.H}
	n := int32(0)
	for i := range out {
		if out[i] >= 0 {
			continue
		}
		piece := []int{i}
		out[i] = n
		beside := int32(-1)
		for k := 0; k < len(piece); k++ {
			m.beside(piece[k], func(q int) {
				switch {
				case out[q] < 0 && r.Label[q] == r.Label[i]:
					out[q] = n
					piece = append(piece, q)
				case out[q] >= 0 && out[q] != n:
					beside = out[q]
				}
			})
		}
		if len(piece) < least && beside >= 0 {
			for _, k := range piece {
				out[k] = beside
			}
			continue
		}
		n++
	}
	r.Label, r.N = out, int(n)
}

// At is the region of a pixel; -1 outside the picture.
func (r *Regions) At(x, y int) int {
	if x < 0 || y < 0 || x >= r.W || y >= r.H {
		return -1
	}
	return int(r.Label[y*r.W+x])
}

// Mask is the pixels of some regions.
func (r *Regions) Mask(regions map[int]bool) *Mask {
	m := NewMask(r.W, r.H)
	for i, n := range r.Label {
		m.On[i] = regions[int(n)]
	}
	return m
}
