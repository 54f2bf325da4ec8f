package jpeg2000

import "math/bits"

// rawBits reads the segments of bypassing passes: a byte behind 0xff has seven
// bits; zeros, here ones as OpenJPEG has them, follow the end.
type rawBits struct {
	data []byte
	pos  int
	last byte
	left uint
}

func (r *rawBits) bit() uint32 {
	if r.left == 0 {
		r.left = 8
		if r.last == 0xff {
			r.left = 7
		}
		switch {
		case r.pos >= len(r.data), r.last == 0xff && r.data[r.pos] > 0x8f:
			r.last, r.left = 0xff, 8
		default:
			r.last = r.data[r.pos]
			r.pos++
		}
	}
	r.left--
	return uint32(r.last>>r.left) & 1
}

// significanceRaw is the significance propagation pass of raw bits, T.800 D.6.
func (c *coder) significanceRaw(one uint32) {
	value := one | one>>1
	for stripe := 0; 4*stripe < c.h; stripe++ {
		rows := c.rows(stripe)
		p := (stripe+1)*c.stride + 1
		at := 4 * c.w * stripe
		for end := at + 4*c.w; at < end; at, p = at+4, p+1 {
			f := c.flags[p]
			for todo := candidates(f) & rows; todo != 0; {
				row3 := uint(bits.TrailingZeros32(todo)) & 15
				todo &= todo - 1
				f |= 1 << (coded + row3)
				if c.raw.bit() != 0 {
					sign := c.raw.bit()
					c.data[at+int(row3*11>>5)] = value | sign<<31
					f = c.spread(p, row3, f, sign)
					todo |= 8 << row3 & rows &^ (f >> sigSelf)
				}
			}
			c.flags[p] = f
		}
	}
}

// refinementRaw is the magnitude refinement pass of raw bits.
func (c *coder) refinementRaw(one uint32) {
	half := one >> 1
	for stripe := 0; 4*stripe < c.h; stripe++ {
		p := (stripe+1)*c.stride + 1
		at := 4 * c.w * stripe
		for end := at + 4*c.w; at < end; at, p = at+4, p+1 {
			f := c.flags[p]
			for todo := f >> sigSelf &^ (f >> coded) & eachRow; todo != 0; todo &= todo - 1 {
				row3 := uint(bits.TrailingZeros32(todo)) & 15
				c.data[at+int(row3*11>>5)] += half * (2*c.raw.bit() - 1)
				f |= 1 << (refined + row3)
			}
			c.flags[p] = f
		}
	}
}
