// Package likeness tells pictures that are nearly the same from pictures that
// only look alike: the same patch cut twice, a copy that was compressed anew, a
// neighbour that overlaps almost wholly.
//
// A Hash is the signs of the differences of neighbours in a picture of 17 by 17
// and one of 16 by 17 grey cells ("dHash", 256 bits a direction). Pictures of one
// even tone have no such signs worth the name; they have no hash.
package likeness

import (
	"cmp"
	"image"
	"math/bits"
	"slices"
)

// Hash is what is compared: 512 signs.
type Hash [8]uint64

// Near is the number of signs in which nearly the same pictures may differ; two
// tissue patches that have nothing in common differ in about 256.
const Near = 24

// side is the cells of the reduced picture.
const side = 17

// leastSpread is the least difference of grey, of 255, between the lightest and
// the darkest cell of a picture that says something.
const leastSpread = 12

// margin is the difference of grey, in 256ths of a step, below which two cells
// count as equal: noise must not make signs.
const margin = 3 * 256

// Of hashes a picture; false for one that is even in tone or smaller than the
// grid of cells.
func Of(m *image.RGBA) (Hash, bool) {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	var hash Hash
	if w < side || h < side {
		return hash, false
	}
	var cells [side][side]int
	lo, hi := 1<<30, 0
	for r := range side {
		y0, y1 := r*h/side, (r+1)*h/side
		for c := range side {
			x0, x1 := c*w/side, (c+1)*w/side
			sum := 0
			for y := y0; y < y1; y++ {
				line := m.Pix[y*m.Stride+4*x0 : y*m.Stride+4*x1]
				for i := 0; i+4 <= len(line); i += 4 {
					sum += 77*int(line[i]) + 150*int(line[i+1]) + 29*int(line[i+2])
				}
			}
			v := sum / ((y1 - y0) * (x1 - x0))
			cells[r][c] = v
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	if hi-lo < leastSpread*256 {
		return hash, false
	}
	bit := 0
	for r := range side - 1 {
		for c := range side - 1 {
			if cells[r][c]+margin < cells[r][c+1] {
				hash[bit/64] |= 1 << (bit % 64)
			}
			if cells[r][c]+margin < cells[r+1][c] {
				hash[4+bit/64] |= 1 << (bit % 64)
			}
			bit++
		}
	}
	return hash, true
}

// Distance is the number of signs in which two hashes differ.
func (h Hash) Distance(o Hash) int {
	n := 0
	for i := range h {
		n += bits.OnesCount64(h[i] ^ o[i])
	}
	return n
}

// Pair is two nearly equal pictures by their numbers, A < B.
type Pair struct{ A, B, Distance int }

// Pairs finds every pair of hashes at most Near apart for which ask says yes, in
// order. ask is given numbers of hashes; it keeps what is compared small.
//
// Two hashes that differ in at most 24 of 512 signs agree in one of 32 pieces of
// 16 signs at least, so only those that share a piece are compared.
func Pairs(hashes []Hash, ask func(a, b int) bool) []Pair {
	const pieces = 32
	var out []Pair
	for p := range pieces {
		buckets := map[uint16][]int32{}
		piece := func(h Hash, p int) uint16 { return uint16(h[p/4] >> (16 * (p % 4))) }
		for i, h := range hashes {
			buckets[piece(h, p)] = append(buckets[piece(h, p)], int32(i))
		}
		for _, bucket := range buckets {
			for n, j := range bucket {
				for _, i := range bucket[:n] {
					a, b := hashes[i], hashes[j]
					d := a.Distance(b)
					if d > Near || !ask(int(i), int(j)) {
						continue
					}
					first := true // in no earlier piece, or the pair was told there
					for q := range p {
						if piece(a, q) == piece(b, q) {
							first = false
							break
						}
					}
					if first {
						out = append(out, Pair{int(i), int(j), d})
					}
				}
			}
		}
	}
	sortPairs(out)
	return out
}

func sortPairs(p []Pair) {
	slices.SortFunc(p, func(a, b Pair) int { return cmp.Or(cmp.Compare(a.A, b.A), cmp.Compare(a.B, b.B)) })
}
