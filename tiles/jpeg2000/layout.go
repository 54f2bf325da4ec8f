package jpeg2000

import "math"

// Orientation of a subband: which of its directions are high-pass.
const (
	bandLL = iota
	bandHL // horizontally high
	bandLH // vertically high
	bandHH
)

// layout is the division of one tile: components, resolutions, precincts,
// code-blocks. Everything lies in a few slices that are used again for the next
// tile. T.800 annex B.
type layout struct {
	comps     []tileComponent
	precincts []precinct
	blocks    []block
	nodes     []tagNode
	chunks    []chunk
	all, list []place // precincts in a progression's order
}

// tileComponent is one component of a tile; coordinates are the component's.
type tileComponent struct {
	x0, y0, x1, y1 int
	res            []resolution // the lowest first
}

// resolution of a tile-component; coordinates are the resolution's.
type resolution struct {
	x0, y0, x1, y1 int
	ppx, ppy       uint // exponents of the precincts' sides
	pw, ph         int  // precincts across and down
	first          int  // index of the first precinct
	bands          []band
}

// band is a subband; coordinates are the subband's.
type band struct {
	orient         int
	x0, y0, x1, y1 int
	planes         int     // magnitude bit-planes, Mb of T.800 equation E-2
	step           float32 // one unit of a coefficient (irreversible wavelet)
	at             int     // where its coefficients begin in the component's
}

// precinct is a precinct of a resolution: its packets carry the code-blocks of
// its groups, one a subband.
type precinct struct {
	comp, res int32
	px, py    int32
	layers    int32 // of which packets were read
	groups    [3]group
}

// group is the code-blocks of a precinct in one subband.
type group struct {
	cols, rows  int32
	first       int32 // index of the first block
	incl, zeros int32 // index of the first leaves of the tag trees
}

// block is a code-block.
type block struct {
	x, y, w, h int32 // in samples from the subband's corner
	planes     int16 // bit-planes that are coded
	passes     int16 // coding passes so far
	bits       uint8 // Lblock, T.800 B.10.7
	room       uint8 // passes that the current segment still takes
	raw        bool  // bypass: the current segment holds raw passes
	seen       bool  // was included in a packet
	head, tail int32 // chunks, -1 for none
}

// chunk is what one packet adds to a segment of a code-block.
type chunk struct {
	data   []byte
	size   int
	passes uint8
	begins bool  // a new segment
	next   int32 // -1 for none
}

// Limits of a tile's parts. A block costs at least a bit of packet header
// unless it shares it with others through a tag tree.
const (
	freeBlocks    = 1 << 18
	blocksPerByte = 64
)

// build lays out tile number t under p. size is how many bytes the tile's
// packets have: each precinct takes at least one of them.
func (l *layout) build(h *Header, p *params, t, size int) error {
	l.precincts, l.blocks, l.nodes, l.chunks = l.precincts[:0], l.blocks[:0], l.nodes[:0], l.chunks[:0]
	if cap(l.comps) < h.Components {
		l.comps = make([]tileComponent, h.Components)
	}
	l.comps = l.comps[:h.Components]
	cols := ceilDiv(h.x1-h.tx, h.tw)
	col, row := t%cols, t/cols
	x0, y0 := max(h.tx+col*h.tw, h.x0), max(h.ty+row*h.th, h.y0)
	x1, y1 := min(h.tx+(col+1)*h.tw, h.x1), min(h.ty+(row+1)*h.th, h.y1)
	for c := range l.comps {
		sx, sy := h.Subsampling[c][0], h.Subsampling[c][1]
		tc := &l.comps[c]
		tc.x0, tc.y0, tc.x1, tc.y1 = ceilDiv(x0, sx), ceilDiv(y0, sy), ceilDiv(x1, sx), ceilDiv(y1, sy)
		if err := l.resolutions(tc, c, &p.comps[c], h.Precision[c], size); err != nil {
			return err
		}
	}
	return nil
}

func (l *layout) resolutions(tc *tileComponent, c int, p *component, precision, size int) error {
	n := p.levels + 1
	if cap(tc.res) < n {
		tc.res = make([]resolution, n)
	}
	tc.res = tc.res[:n]
	at := 0
	for r := range tc.res {
		res, down := &tc.res[r], p.levels-r
		res.x0, res.y0, res.x1, res.y1 = ceilShift(tc.x0, down), ceilShift(tc.y0, down), ceilShift(tc.x1, down), ceilShift(tc.y1, down)
		res.ppx, res.ppy = uint(p.precincts[r]&15), uint(p.precincts[r]>>4)
		res.pw, res.ph, res.first = 0, 0, len(l.precincts)
		if res.x1 > res.x0 && res.y1 > res.y0 {
			res.pw = ceilShift(res.x1, int(res.ppx)) - res.x0>>res.ppx
			res.ph = ceilShift(res.y1, int(res.ppy)) - res.y0>>res.ppy
		}
		if res.pw > size || res.ph > size || len(l.precincts)+res.pw*res.ph > size {
			return damaged("%d×%d precincts at resolution %d in %d bytes", res.pw, res.ph, r, size)
		}
		if err := res.makeBands(p, tc, r, precision, &at); err != nil {
			return err
		}
		for i := range res.pw * res.ph {
			if err := l.precinct(res, c, r, i, p, size); err != nil {
				return err
			}
		}
	}
	return nil
}

// makeBands places the subbands of resolution r. T.800 equation B-15.
func (res *resolution) makeBands(p *component, tc *tileComponent, r, precision int, at *int) error {
	first, last, level := bandHL, bandHH, p.levels-r+1
	if r == 0 {
		first, last, level = bandLL, bandLL, p.levels
	}
	if cap(res.bands) < 3 {
		res.bands = make([]band, 3)
	}
	res.bands = res.bands[:last-first+1]
	for i := range res.bands {
		b := &res.bands[i]
		b.orient = first + i
		ox, oy := 0, 0
		if level > 0 {
			ox, oy = b.orient&1<<(level-1), b.orient>>1<<(level-1)
		}
		b.x0, b.y0 = ceilShift(tc.x0-ox, level), ceilShift(tc.y0-oy, level)
		b.x1, b.y1 = ceilShift(tc.x1-ox, level), ceilShift(tc.y1-oy, level)
		b.at = *at
		*at += (b.x1 - b.x0) * (b.y1 - b.y0)
		index := 0
		if r > 0 {
			index = 3*(r-1) + b.orient
		}
		e, m, ok := p.quant.step(index)
		if !ok {
			return damaged("no quantisation for subband %d", index)
		}
		b.planes = e + p.quant.guard - 1
		if p.reversible != (p.quant.style == quantNone) && p.quant.style == quantNone {
			m = 0 // the irreversible wavelet without quantisation: steps of one
		}
		// OpenJPEG leaves out the subband's gain here and makes up for it in the
		// wavelet's high-pass factor; so must whoever wants its numbers.
		b.step = float32((1 + float64(m)/2048) * math.Pow(2, float64(precision-e)))
	}
	return nil
}

// precinct adds the i-th precinct of a resolution with its code-blocks.
// T.800 B.6 and B.7.
func (l *layout) precinct(res *resolution, c, r, i int, p *component, size int) error {
	l.precincts = append(l.precincts, precinct{comp: int32(c), res: int32(r), px: int32(i % res.pw), py: int32(i / res.pw)})
	pr := &l.precincts[len(l.precincts)-1]
	// The precinct in the coordinates of the subbands, which are half as large
	// above the lowest resolution.
	ppx, ppy := res.ppx, res.ppy
	x0, y0 := (res.x0>>ppx+int(pr.px))<<ppx, (res.y0>>ppy+int(pr.py))<<ppy
	if r > 0 {
		ppx, ppy, x0, y0 = ppx-1, ppy-1, x0>>1, y0>>1
	}
	xcb, ycb := min(p.xcb, ppx), min(p.ycb, ppy)
	for i := range res.bands {
		b, g := &res.bands[i], &pr.groups[i]
		gx0, gy0 := max(x0, b.x0), max(y0, b.y0)
		gx1, gy1 := min(x0+1<<ppx, b.x1), min(y0+1<<ppy, b.y1)
		g.first = int32(len(l.blocks))
		if gx0 >= gx1 || gy0 >= gy1 {
			continue
		}
		left, top := gx0>>xcb, gy0>>ycb
		cols, rows := ceilShift(gx1, int(xcb))-left, ceilShift(gy1, int(ycb))-top
		if n := len(l.blocks) + cols*rows; cols > MaxPixels || rows > MaxPixels || n > freeBlocks+blocksPerByte*size {
			return damaged("%d×%d code-blocks in %d bytes", cols, rows, size)
		}
		g.cols, g.rows = int32(cols), int32(rows)
		for row := range rows {
			for col := range cols {
				bx0, by0 := max((left+col)<<xcb, gx0), max((top+row)<<ycb, gy0)
				bx1, by1 := min((left+col+1)<<xcb, gx1), min((top+row+1)<<ycb, gy1)
				l.blocks = append(l.blocks, block{x: int32(bx0 - b.x0), y: int32(by0 - b.y0), w: int32(bx1 - bx0), h: int32(by1 - by0),
					bits: 3, head: -1, tail: -1})
			}
		}
		g.incl = l.tree(cols, rows)
		g.zeros = l.tree(cols, rows)
	}
	return nil
}
