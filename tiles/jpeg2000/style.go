package jpeg2000

import "encoding/binary"

// Flags of a code-block style, T.800 table A.19.
const (
	styleBypass   = 1 << 0 // raw bits in the later bit-planes
	styleReset    = 1 << 1 // contexts start anew in every pass
	styleTermAll  = 1 << 2 // every pass is a segment of its own
	styleCausal   = 1 << 3 // no context from the stripe below
	stylePredTerm = 1 << 4 // predictable termination: nothing to do for a decoder
	styleSegments = 1 << 5 // a known symbol ends every clean-up pass
	styleKnown    = 1<<6 - 1
	styleHT       = 1 << 6 // high throughput, T.814
)

// Quantisation styles, T.800 table A.28.
const (
	quantNone = iota
	quantDerived
	quantExpounded
)

// Where a parameter of a component was said; a later one replaces an earlier
// one of no higher rank. T.800 A.6.
const (
	fromMain = iota + 1
	fromMainComponent
	fromTile
	fromTileComponent
)

// coding is the coding style of one component: T.800 A.6.1 and A.6.2.
type coding struct {
	rank       int
	levels     int  // decompositions
	xcb, ycb   uint // exponents of the code-block's sides
	style      byte
	reversible bool
	precincts  [maxLevels + 1]byte // exponents of the precinct's sides, y in the high half
}

// quantisation of one component: T.800 A.6.4 and A.6.5.
type quantisation struct {
	rank     int
	style    int
	guard    int
	steps    int                     // how many are given
	exponent [3*maxLevels + 1]int8   // of each subband
	mantissa [3*maxLevels + 1]uint16 // of each subband
}

// component is what the headers say about the coding of one component.
type component struct {
	coding
	quant    quantisation
	roiRank  int
	roiShift int // bit-planes by which the region of interest is raised
}

// step is exponent and mantissa of subband i, 0 for the lowest, then three a
// resolution. T.800 equation E-5 for the derived ones.
func (q *quantisation) step(i int) (exponent, mantissa int, ok bool) {
	if q.style == quantDerived {
		e := int(q.exponent[0])
		if i > 0 {
			e -= (i - 1) / 3
		}
		return max(e, 0), int(q.mantissa[0]), q.steps > 0
	}
	if i >= q.steps {
		return 0, 0, false
	}
	return int(q.exponent[i]), int(q.mantissa[i]), true
}

// change is one progression order change, T.800 A.6.6.
type change struct {
	order    byte
	fromRes  int
	toRes    int // exclusive
	fromComp int
	toComp   int // exclusive
	toLayer  int // exclusive
}

// params is what the headers say about the coding of one tile.
type params struct {
	comps   [MaxComponents]component
	order   byte
	layers  int
	mct     bool
	sop     bool
	eph     bool
	changes []change
}

// apply reads a marker segment that may stand in the main header or in a
// tile-part's. tile says which.
func (p *params) apply(marker uint16, b []byte, n int, tile bool) error {
	rank := fromMain
	if tile {
		rank = fromTile
	}
	switch marker {
	case markCOD:
		return p.cod(b, n, rank)
	case markCOC:
		c, b, err := component8(b, n)
		if err != nil || len(b) < 1 {
			return damaged("coding style of a component is cut off")
		}
		var s coding
		if err := s.parse(b[1:], b[0]); err != nil {
			return err
		}
		s.rank = rank + 1
		if p.comps[c].rank <= s.rank {
			p.comps[c].coding = s
		}
	case markQCD:
		var q quantisation
		if err := q.parse(b); err != nil {
			return err
		}
		q.rank = rank
		for c := range n {
			if p.comps[c].quant.rank <= rank {
				p.comps[c].quant = q
			}
		}
	case markQCC:
		c, b, err := component8(b, n)
		if err != nil {
			return err
		}
		var q quantisation
		if err := q.parse(b); err != nil {
			return err
		}
		q.rank = rank + 1
		if p.comps[c].quant.rank <= q.rank {
			p.comps[c].quant = q
		}
	case markRGN:
		return p.rgn(b, n, rank)
	case markPOC:
		return p.poc(b, n)
	}
	return nil
}

// component8 splits off a component's number, one byte as there are fewer than
// 257 of them.
func component8(b []byte, n int) (int, []byte, error) {
	if len(b) < 1 || int(b[0]) >= n {
		return 0, nil, damaged("a marker segment names no component")
	}
	return int(b[0]), b[1:], nil
}

func (p *params) cod(b []byte, n, rank int) error {
	if len(b) < 10 {
		return damaged("coding style is cut off")
	}
	if b[0]&^7 != 0 || b[1] > 4 || b[4] > 1 {
		return unsupported("coding style %#x, progression order %d, component transform %d", b[0], b[1], b[4])
	}
	p.sop, p.eph = b[0]&2 != 0, b[0]&4 != 0
	p.order = b[1]
	p.layers = int(binary.BigEndian.Uint16(b[2:]))
	p.mct = b[4] == 1
	if p.layers < 1 {
		return damaged("no quality layers")
	}
	var s coding
	if err := s.parse(b[5:], b[0]); err != nil {
		return err
	}
	s.rank = rank
	for c := range n {
		if p.comps[c].rank <= rank {
			p.comps[c].coding = s
		}
	}
	return nil
}

// parse reads SPcod or SPcoc, T.800 table A.20.
func (s *coding) parse(b []byte, scod byte) error {
	if len(b) < 5 {
		return damaged("coding style is cut off")
	}
	if b[3]&styleHT != 0 {
		return unsupported("high-throughput JPEG 2000 (HTJ2K)")
	}
	s.levels, s.xcb, s.ycb, s.style = int(b[0]), uint(b[1])+2, uint(b[2])+2, b[3]
	switch {
	case s.levels > maxLevels:
		return damaged("%d decompositions", s.levels)
	case s.xcb > 10 || s.ycb > 10 || s.xcb+s.ycb > 12:
		return damaged("code-blocks of 2^%d×2^%d", s.xcb, s.ycb)
	case s.style&^styleKnown != 0:
		return unsupported("code-block style %#x", s.style)
	case b[4] > 1:
		return unsupported("wavelet %d", b[4])
	}
	s.reversible = b[4] == 1
	for r := range s.precincts {
		s.precincts[r] = 0xff
	}
	if scod&1 == 0 {
		return nil
	}
	if len(b) < 6+s.levels {
		return damaged("precinct sizes are cut off")
	}
	for r := range s.levels + 1 {
		s.precincts[r] = b[5+r]
		if r > 0 && (b[5+r]&15 == 0 || b[5+r]>>4 == 0) {
			return damaged("precinct of 2^%d×2^%d at resolution %d", b[5+r]&15, b[5+r]>>4, r)
		}
	}
	return nil
}

// parse reads QCD or the tail of QCC, T.800 tables A.27 to A.30.
func (q *quantisation) parse(b []byte) error {
	if len(b) < 1 {
		return damaged("quantisation is cut off")
	}
	q.style, q.guard = int(b[0]&31), int(b[0]>>5)
	b = b[1:]
	switch q.style {
	case quantNone:
		q.steps = min(len(b), len(q.exponent))
		for i := range q.steps {
			q.exponent[i] = int8(b[i] >> 3)
		}
	case quantDerived, quantExpounded:
		q.steps = min(len(b)/2, len(q.exponent))
		for i := range q.steps {
			v := binary.BigEndian.Uint16(b[2*i:])
			q.exponent[i], q.mantissa[i] = int8(v>>11), v&0x7ff
		}
	default:
		return unsupported("quantisation style %d", q.style)
	}
	if q.steps < 1 {
		return damaged("quantisation is cut off")
	}
	return nil
}

// rgn reads a region of interest, T.800 A.6.3.
func (p *params) rgn(b []byte, n, rank int) error {
	c, b, err := component8(b, n)
	if err != nil {
		return err
	}
	if len(b) < 2 {
		return damaged("region of interest is cut off")
	}
	if b[0] != 0 {
		return unsupported("region of interest of style %d", b[0])
	}
	if p.comps[c].roiRank <= rank {
		p.comps[c].roiRank, p.comps[c].roiShift = rank, int(b[1])
	}
	return nil
}

// poc reads progression order changes, T.800 A.6.6. Those of a tile replace
// those of the main header; those of later tile-parts go on.
func (p *params) poc(b []byte, n int) error {
	const entry = 7
	if len(b) == 0 || len(b)%entry != 0 {
		return damaged("progression order changes are cut off")
	}
	for ; len(b) > 0; b = b[entry:] {
		c := change{fromRes: int(b[0]), fromComp: int(b[1]), toLayer: int(binary.BigEndian.Uint16(b[2:])),
			toRes: int(b[4]), toComp: int(b[5]), order: b[6]}
		if c.toComp == 0 {
			c.toComp = 256
		}
		if c.order > 4 || c.fromRes >= c.toRes || c.fromComp >= c.toComp {
			return damaged("progression order change %v", b[:entry])
		}
		c.toComp = min(c.toComp, n)
		p.changes = append(p.changes, c)
		if len(p.changes) > 128 {
			return damaged("more than 128 progression order changes")
		}
	}
	return nil
}
