package jpeg2000

import "slices"

// Progression orders, T.800 table A.16.
const (
	orderLRCP = iota
	orderRLCP
	orderRPCL
	orderPCRL
	orderCPRL
)

// place is a precinct with what the position orders compare: the point of the
// reference grid at which its packets come.
type place struct {
	index int
	res   int
	comp  int
	x, y  int
}

// readPackets reads all packets of the tile in the order that p says. T.800 B.12.
func (l *layout) readPackets(s *packets, h *Header, p *params, tile int) error {
	changes := p.changes
	if len(changes) == 0 {
		changes = []change{{order: p.order, toRes: maxLevels + 1, toComp: MaxComponents, toLayer: p.layers}}
	}
	l.places(h, tile)
	for i := range changes {
		c := &changes[i]
		layers := min(c.toLayer, p.layers)
		l.list = l.list[:0]
		for _, q := range l.all {
			if q.res >= c.fromRes && q.res < c.toRes && q.comp >= c.fromComp && q.comp < c.toComp &&
				int(l.precincts[q.index].layers) < layers {
				l.list = append(l.list, q)
			}
		}
		if err := l.volume(s, p, l.list, c.order, layers); err != nil {
			return err
		}
	}
	for i := range l.precincts {
		if pr := &l.precincts[i]; int(pr.layers) < p.layers {
			return damaged("the progression leaves out component %d, resolution %d", pr.comp, pr.res)
		}
	}
	return nil
}

// volume reads the packets of one progression up to layer layers.
func (l *layout) volume(s *packets, p *params, list []place, order byte, layers int) error {
	slices.SortFunc(list, func(a, b place) int { return a.compare(&b, order) })
	// runs are read layer by layer: all precincts, those of one resolution, or
	// each precinct for itself.
	for len(list) > 0 {
		n := 1
		switch order {
		case orderLRCP:
			n = len(list)
		case orderRLCP:
			for n < len(list) && list[n].res == list[0].res {
				n++
			}
		}
		done := layers
		for i := range list[:n] {
			done = min(done, int(l.precincts[list[i].index].layers))
		}
		for layer := done; layer < layers; layer++ {
			for i := range list[:n] {
				if int(l.precincts[list[i].index].layers) > layer {
					continue // an earlier progression had it
				}
				if err := l.packet(s, p, list[i].index); err != nil {
					return err
				}
			}
		}
		list = list[n:]
	}
	return nil
}

// compare orders two precincts.
func (a *place) compare(b *place, order byte) int {
	var keys [5]int
	switch order {
	case orderLRCP, orderRLCP:
		keys = [5]int{a.res - b.res, a.comp - b.comp}
	case orderRPCL:
		keys = [5]int{a.res - b.res, a.y - b.y, a.x - b.x, a.comp - b.comp}
	case orderPCRL:
		keys = [5]int{a.y - b.y, a.x - b.x, a.comp - b.comp, a.res - b.res}
	case orderCPRL:
		keys = [5]int{a.comp - b.comp, a.y - b.y, a.x - b.x, a.res - b.res}
	}
	for _, k := range keys {
		if k != 0 {
			return k
		}
	}
	return a.index - b.index
}

// places finds for each precinct the point of the reference grid at which the
// position orders come to it: its corner, or the tile's edge when its corner
// lies outside.
func (l *layout) places(h *Header, tile int) {
	cols := ceilDiv(h.x1-h.tx, h.tw)
	tx, ty := max(h.tx+tile%cols*h.tw, h.x0), max(h.ty+tile/cols*h.th, h.y0)
	l.all = l.all[:0]
	for i := range l.precincts {
		pr := &l.precincts[i]
		tc := &l.comps[pr.comp]
		res := &tc.res[pr.res]
		down := len(tc.res) - 1 - int(pr.res)
		x := (res.x0>>res.ppx + int(pr.px)) << res.ppx
		y := (res.y0>>res.ppy + int(pr.py)) << res.ppy
		q := place{index: i, res: int(pr.res), comp: int(pr.comp), x: tx, y: ty}
		if x >= res.x0 {
			q.x = x << down * h.Subsampling[pr.comp][0]
		}
		if y >= res.y0 {
			q.y = y << down * h.Subsampling[pr.comp][1]
		}
		l.all = append(l.all, q)
	}
}
