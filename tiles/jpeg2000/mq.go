package jpeg2000

import "math/bits"

// Contexts of the coder, T.800 table D.1 to D.5 and D.4.
const (
	ctxZero  = 0  // 9 contexts of significance
	ctxSign  = 9  // 5 contexts
	ctxMore  = 14 // 3 contexts of refinement
	ctxRun   = 17
	ctxPlain = 18
	contexts = 19
)

// Numbers of the arithmetic decoder are scaled by 2^32: the 16 bits of the
// standard's registers stand above 32 bits that are read ahead.
const (
	mqScale = 32
	mqHalf  = 0x8000 << mqScale
	mqMask  = -1 << mqScale
)

// mqStates is T.800 table C.2: probability of the less probable symbol, states
// that follow, whether the symbols change places.
var mqStates = [47]struct {
	qe         uint16
	nmps, nlps uint8
	change     bool
}{
	{0x5601, 1, 1, true}, {0x3401, 2, 6, false}, {0x1801, 3, 9, false}, {0x0ac1, 4, 12, false},
	{0x0521, 5, 29, false}, {0x0221, 38, 33, false}, {0x5601, 7, 6, true}, {0x5401, 8, 14, false},
	{0x4801, 9, 14, false}, {0x3801, 10, 14, false}, {0x3001, 11, 17, false}, {0x2401, 12, 18, false},
	{0x1c01, 13, 20, false}, {0x1601, 29, 21, false}, {0x5601, 15, 14, true}, {0x5401, 16, 14, false},
	{0x5101, 17, 15, false}, {0x4801, 18, 16, false}, {0x3801, 19, 17, false}, {0x3401, 20, 18, false},
	{0x3001, 21, 19, false}, {0x2801, 22, 19, false}, {0x2401, 23, 20, false}, {0x2201, 24, 21, false},
	{0x1c01, 25, 22, false}, {0x1801, 26, 23, false}, {0x1601, 27, 24, false}, {0x1401, 28, 25, false},
	{0x1201, 29, 26, false}, {0x1101, 30, 27, false}, {0x0ac1, 31, 28, false}, {0x09c1, 32, 29, false},
	{0x08a1, 33, 30, false}, {0x0521, 34, 31, false}, {0x0441, 35, 32, false}, {0x02a1, 36, 33, false},
	{0x0221, 37, 34, false}, {0x0141, 38, 35, false}, {0x0111, 39, 36, false}, {0x0085, 40, 37, false},
	{0x0049, 41, 38, false}, {0x0025, 42, 39, false}, {0x0015, 43, 40, false}, {0x0009, 44, 41, false},
	{0x0005, 45, 42, false}, {0x0001, 45, 43, false}, {0x5601, 46, 46, false},
}

// mqEntry is a state and its more probable symbol as the decoder keeps it for a
// context: qe scaled, then the index of mqNext, whose lowest bit is the symbol.
func mqEntry(state, symbol int) int64 {
	return int64(mqStates[state].qe)<<mqScale | int64(state<<1|symbol)
}

// mqNext is the entry that follows each entry when the more and when the less
// probable symbol came.
var mqNext = func() (t [128][2]int64) {
	for i, s := range mqStates {
		for symbol := range 2 {
			other := symbol
			if s.change {
				other ^= 1
			}
			t[i<<1|symbol] = [2]int64{mqEntry(int(s.nmps), symbol), mqEntry(int(s.nlps), other)}
		}
	}
	return t
}()

// mqStart is the contexts at the beginning, T.800 table D.7.
var mqStart = func() (t [contexts]int64) {
	for i := range t {
		t[i] = mqEntry(0, 0)
	}
	t[ctxZero], t[ctxRun], t[ctxPlain] = mqEntry(4, 0), mqEntry(3, 0), mqEntry(46, 0)
	return t
}()

// mq is the arithmetic decoder of T.800 annex C.
//
// The registers A and C both lose qe with each symbol, and nothing else happens
// as long as neither C nor A-0x8000 becomes negative. So the caller keeps the
// smaller of the two, d, in a register of its own:
//
//	d -= ctx[i] & mqMask
//	bit := ctx[i] & 1
//	if d < 0 {
//		bit, d = m.slow(i, d)
//	}
//
// and a and c hold what the registers have beyond d.
type mq struct {
	ctx  [contexts]int64
	a, c int64
	free int // lowest bits of c that were not read yet
	data []byte
	pos  int
}

// start begins a segment and returns d.
func (m *mq) start(data []byte) int64 {
	m.data, m.pos = data, 0
	m.c, m.free = 0, 47
	m.a = mqHalf // and d is 0: A-0x8000
	m.fill()
	return 0
}

// fill reads ahead. A byte behind 0xff carries seven bits and maybe a carry;
// a marker or the end of the segment is followed by ones for ever.
func (m *mq) fill() {
	for m.free >= 8 {
		if m.pos >= len(m.data) {
			m.c += 0xff << (m.free - 8)
			m.free -= 8
			continue
		}
		b := int64(m.data[m.pos])
		if m.pos > 0 && m.data[m.pos-1] == 0xff {
			if b > 0x8f {
				m.pos = len(m.data)
				continue
			}
			m.free++
		}
		m.pos++
		m.free -= 8
		m.c += b << m.free
	}
}

// slow decodes the symbol of context i when d became negative: the less
// probable one, or one that makes the interval small. T.800 figures C.16 to
// C.18.
func (m *mq) slow(i uint8, d int64) (bit, next int64) {
	e := m.ctx[i]
	a, c, qe := m.a+d, m.c+d, e&mqMask
	bit = e & 1
	less := int64(0) // whether the less probable symbol came
	if c < 0 {
		c += qe
		if a >= qe {
			less = 1
		}
		a = qe
	} else if a < qe {
		less = 1
	}
	bit ^= less
	m.ctx[i] = mqNext[e&127][less]
	n := bits.LeadingZeros64(uint64(a)) - (63 - 15 - mqScale)
	a <<= n & 63
	c <<= n & 63
	if m.free += n; m.free > 24 {
		m.c = c
		m.fill()
		c = m.c
	}
	d = min(a-mqHalf, c)
	m.a, m.c = a-d, c-d
	return bit, d
}
