package dense

import (
	"math"
	"slices"
	"sort"
)

// star is an object as StarDist describes it: rays from a point.
type star struct {
	x, y  float64 // pixels of the model
	score float64
	class uint8
	rays  []float32 // distances, at equal angles from the x axis towards y
}

// polygon is the ends of the rays: x + d·cos φ, y + d·sin φ, φ = 2πk/n
// (stardist/geometry/geom2d.py, dist_to_coord).
func (s star) polygon() Ring {
	r := make(Ring, len(s.rays))
	for k, d := range s.rays {
		sin, cos := math.Sincos(2 * math.Pi * float64(k) / float64(len(s.rays)))
		r[k] = Point{s.x + float64(d)*cos, s.y + float64(d)*sin}
	}
	return r
}

// cellSide of the grid in which kept objects are looked up, pixels.
const cellSide = 64

// suppress keeps of objects that share more than overlap of the smaller one's
// area only the likeliest (stardist/nms.py, non_maximum_suppression): in the
// order of their scores each one goes when one that was kept covers it so.
func suppress(all []star, overlap float64, tick func(done int) error) ([]star, []Ring, error) {
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return all[order[a]].score > all[order[b]].score })
	type one struct {
		ring  Ring
		box   [4]float64
		area  float64
		edges []edge
	}
	grid := map[[2]int][]int{}
	var kept []star
	var known []one
	var rings []Ring
	tried := []int{} // by kept object, the last candidate it was held against
	for n, i := range order {
		if n%256 == 0 {
			if err := tick(n); err != nil {
				return nil, nil, err
			}
		}
		o := one{ring: all[i].polygon()}
		o.box[0], o.box[1], o.box[2], o.box[3] = o.ring.bounds()
		o.area = math.Abs(o.ring.Area())
		if !(o.area > 0) || math.IsInf(o.area, 0) {
			continue
		}
		covered := false
		cells(o.box, func(c [2]int) bool {
			for _, k := range grid[c] {
				q := &known[k]
				if tried[k] == n || q.box[0] >= o.box[2] || q.box[2] <= o.box[0] || q.box[1] >= o.box[3] || q.box[3] <= o.box[1] {
					continue
				}
				tried[k] = n
				if o.edges == nil {
					o.edges = edgesOf(o.ring)
				}
				if shared(q.edges, o.edges) > overlap*math.Min(q.area, o.area) {
					covered = true
					return false
				}
			}
			return true
		})
		if covered {
			continue
		}
		if o.edges == nil {
			o.edges = edgesOf(o.ring)
		}
		cells(o.box, func(c [2]int) bool {
			grid[c] = append(grid[c], len(known))
			return true
		})
		known, kept, rings, tried = append(known, o), append(kept, all[i]), append(rings, o.ring), append(tried, -1)
	}
	return kept, rings, tick(len(order))
}

// cells calls f with the grid's cells under a box until it says no.
func cells(box [4]float64, f func(c [2]int) bool) {
	for y := int(math.Floor(box[1] / cellSide)); y <= int(math.Floor(box[3]/cellSide)); y++ {
		for x := int(math.Floor(box[0] / cellSide)); x <= int(math.Floor(box[2]/cellSide)); x++ {
			if !f([2]int{x, y}) {
				return
			}
		}
	}
}

// edge is a line of a ring from its upper to its lower end.
type edge struct{ x0, y0, x1, y1 float64 }

func (e edge) at(y float64) float64 { return e.x0 + (y-e.y0)/(e.y1-e.y0)*(e.x1-e.x0) }

// edgesOf leaves out level lines, which bound no area between two heights.
func edgesOf(r Ring) []edge {
	out := make([]edge, 0, len(r))
	for i, p := range r {
		q := r[(i+1)%len(r)]
		switch {
		case p.Y < q.Y:
			out = append(out, edge{p.X, p.Y, q.X, q.Y})
		case p.Y > q.Y:
			out = append(out, edge{q.X, q.Y, p.X, p.Y})
		}
	}
	return out
}

// shared is the area that two rings have in common. Between two heights at
// which neither a corner lies nor two lines cross, what they share is trapezia,
// whose area is their width at half the height times the height.
func shared(a, b []edge) float64 {
	var levels []float64
	top, bottom := math.Inf(-1), math.Inf(1) // where both are
	for _, list := range [][]edge{a, b} {
		lo, hi := math.Inf(1), math.Inf(-1)
		for _, e := range list {
			levels = append(levels, e.y0, e.y1)
			lo, hi = math.Min(lo, e.y0), math.Max(hi, e.y1)
		}
		top, bottom = math.Max(top, lo), math.Min(bottom, hi)
	}
	for _, e := range a {
		for _, f := range b {
			lo, hi := math.Max(e.y0, f.y0), math.Min(e.y1, f.y1)
			if lo >= hi {
				continue
			}
			d0, d1 := e.at(lo)-f.at(lo), e.at(hi)-f.at(hi)
			if d0 < 0 != (d1 < 0) {
				levels = append(levels, lo+(hi-lo)*d0/(d0-d1))
			}
		}
	}
	slices.Sort(levels)
	sum := 0.0
	var cutA, cutB []float64
	for i := 0; i+1 < len(levels); i++ {
		lo, hi := math.Max(levels[i], top), math.Min(levels[i+1], bottom)
		if hi-lo <= 0 {
			continue
		}
		mid := (lo + hi) / 2
		cutA, cutB = cuts(a, mid, cutA[:0]), cuts(b, mid, cutB[:0])
		sum += (hi - lo) * together(cutA, cutB)
	}
	return sum
}

// cuts is where a height crosses lines, from left to right.
func cuts(list []edge, y float64, out []float64) []float64 {
	for _, e := range list {
		if e.y0 <= y && y < e.y1 {
			out = append(out, e.at(y))
		}
	}
	slices.Sort(out)
	return out
}

// together is the length that two lists of intervals share.
func together(a, b []float64) float64 {
	sum := 0.0
	for i, j := 0, 0; i+1 < len(a) && j+1 < len(b); {
		sum += math.Max(0, math.Min(a[i+1], b[j+1])-math.Max(a[i], b[j]))
		if a[i+1] < b[j+1] {
			i += 2
		} else {
			j += 2
		}
	}
	return sum
}
