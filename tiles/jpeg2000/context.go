package jpeg2000

// A word of flags stands for the four samples of a stripe's column. Sample k
// of them has its bits 3·k higher:
//
//	bits 0–17  significance of the 3×6 samples around, row by row from above
//	bits 18–31 of the column alone: sign of the sample above; for each sample its
//	           sign, "refined before" and "coded in this bit-plane"; sign of the
//	           sample below
const (
	sigNW   = 1 << 0
	sigN    = 1 << 1
	sigNE   = 1 << 2
	sigW    = 1 << 3
	sigThis = 1 << 4
	sigE    = 1 << 5
	sigSW   = 1 << 6
	sigS    = 1 << 7
	sigSE   = 1 << 8
	sigSelf = 4 // shift of sigThis
	around  = 0x1ef

	signAbove = 18 // shifts
	signThis  = 19
	refined   = 20
	coded     = 21
	signBelow = 31

	allCoded = 1<<coded | 1<<(coded+3) | 1<<(coded+6) | 1<<(coded+9)
	eachRow  = 0x249 // bit 3·k for each of the four samples
)

// zeroContext gives the context of significance by orientation and by the bits
// of the neighbours, T.800 table D.1.
var zeroContext = func() (t [4][512]uint8) {
	for orient := range t {
		for f := range t[orient] {
			bit := func(m int) int {
				if f&m != 0 {
					return 1
				}
				return 0
			}
			h, v := bit(sigW)+bit(sigE), bit(sigN)+bit(sigS)
			d := bit(sigNW) + bit(sigNE) + bit(sigSW) + bit(sigSE)
			t[orient][f] = ctxZero + uint8(significance(orient, h, v, d))
		}
	}
	return t
}()

func significance(orient, h, v, d int) int {
	if orient == bandHH {
		switch {
		case d >= 3:
			return 8
		case d == 2:
			return 6 + min(h+v, 1)
		case d == 1:
			return 3 + min(h+v, 2)
		}
		return min(h+v, 2)
	}
	if orient == bandHL {
		h, v = v, h
	}
	switch {
	case h == 2:
		return 8
	case h == 1 && v >= 1:
		return 7
	case h == 1:
		return 5 + min(d, 1)
	case v > 0:
		return 2 + v
	}
	return min(d, 2)
}

// signContext gives the context of a sign (low bits) and whether the decoded
// bit is inverted (bit 7), T.800 tables D.2 and D.3. The index: bit 1, 3, 5 and
// 7 are the significance of north, west, east and south as in the flags; bits
// 0, 2, 4 and 6 the signs of west, east, north and south.
var signContext = func() (t [256]uint8) {
	// contexts by horizontal and vertical contribution, each −1, 0 or 1
	table := [3][3]uint8{{4 | 0x80, 3 | 0x80, 2 | 0x80}, {1 | 0x80, 0, 1}, {2, 3, 4}}
	for i := range t {
		one := func(sig, sign int) int {
			switch {
			case i&sig == 0:
				return 0
			case i>>sign&1 == 1:
				return -1
			}
			return 1
		}
		limit := func(v int) int { return min(max(v, -1), 1) }
		h := limit(one(sigW, 0) + one(sigE, 2))
		v := limit(one(sigN, 4) + one(sigS, 6))
		t[i] = ctxSign + table[h+1][v+1]
	}
	return t
}()
