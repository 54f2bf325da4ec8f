package jpeg2000

import "math/bits"

const (
	// maxPlanes bounds the bit-planes of a code-block, so that a magnitude and
	// half a unit fit beside the sign.
	maxPlanes = 30
	// firstRaw is the pass from which bypassing coders write raw bits.
	firstRaw = 10
	// blockArea is the most samples of a code-block; a side is at most 1024.
	blockArea = 4096
	flagWords = 1026 * 3 // the widest block's: a column more on each side, a stripe above and below
)

// coder decodes code-blocks: the bit-plane coding of T.800 annex D. Its arrays
// are used again for each.
type coder struct {
	mq
	raw    rawBits
	flags  [flagWords + 64]uint32
	data   [blockArea + 3*1024]uint32 // sign and twice the magnitude; the four samples of a stripe's column together
	w, h   int
	stride int // words of flags per stripe
	zero   *[512]uint8
	causal bool
	joined []byte // a segment that lies in several packets
}

// decode decodes block b of a subband of the given orientation. The coefficients are left in c.data as
// sign and magnitude with one binary place, the uncertain bits at their middle.
func (c *coder) decode(l *layout, b *block, orient int, style byte) error {
	c.w, c.h, c.stride = int(b.w), int(b.h), int(b.w)+2
	stripes := (c.h + 3) / 4
	if c.stride*(stripes+2) > len(c.flags) || 4*c.w*stripes > len(c.data) {
		return damaged("code-block of %d×%d", c.w, c.h)
	}
	clear(c.flags[:c.stride*(stripes+2)])
	clear(c.data[:4*c.w*stripes])
	c.zero = &zeroContext[orient]
	c.causal = style&styleCausal != 0
	c.ctx = mqStart
	plane, kind, pass := int(b.planes), 2, 0
	for i := b.head; i >= 0 && plane > 0; {
		data, n, next := c.segment(l, i)
		i = next
		raw := style&styleBypass != 0 && pass >= firstRaw && kind < 2
		var d int64
		if raw {
			c.raw = rawBits{data: data}
		} else {
			d = c.start(data)
		}
		for ; n > 0 && plane > 0; n-- {
			one := uint32(1) << plane
			switch {
			case kind == 0 && raw:
				c.significanceRaw(one)
			case kind == 0:
				d = c.significance(d, one)
			case kind == 1 && raw:
				c.refinementRaw(one)
			case kind == 1:
				d = c.refinement(d, one)
			default:
				d = c.cleanup(d, one)
				if style&styleSegments != 0 {
					_, d = c.plain(d, 4) // 1010; what else it may be, is not for a viewer to refuse
				}
			}
			if style&styleReset != 0 && !raw {
				c.ctx = mqStart
			}
			pass++
			if kind++; kind == 3 {
				kind = 0
				plane--
			}
		}
	}
	return nil
}

// segment puts the chunks of the segment that begins at chunk i together: its
// bytes, its passes, and the chunk that begins the next.
func (c *coder) segment(l *layout, i int32) (data []byte, passes int, next int32) {
	first := &l.chunks[i]
	data, passes, next = first.data, int(first.passes), first.next
	if next < 0 || l.chunks[next].begins {
		return data, passes, next
	}
	c.joined = append(c.joined[:0], data...)
	for next >= 0 && !l.chunks[next].begins {
		k := &l.chunks[next]
		c.joined = append(c.joined, k.data...)
		passes, next = passes+int(k.passes), k.next
	}
	return c.joined, passes, next
}

// plain decodes n bits of the uniform context.
func (c *coder) plain(d int64, n int) (v uint, next int64) {
	for range n {
		d -= c.ctx[ctxPlain] & mqMask
		bit := c.ctx[ctxPlain] & 1
		if d < 0 {
			bit, d = c.slow(ctxPlain, d)
		}
		v = v<<1 | uint(bit)
	}
	return v, d
}

// signIndex gathers the neighbours' signs and significances for signContext:
// f are the flags at word p, row3 is three times the row within the stripe.
func (c *coder) signIndex(p int, row3 uint, f uint32) uint32 {
	i := f >> row3 & (sigN | sigW | sigE | sigS)
	i |= c.flags[p-1] >> (signThis + row3) & 1
	i |= c.flags[p+1] >> (signThis + row3) & 1 << 2
	if row3 == 0 {
		i |= f >> signAbove & 1 << 4
	} else {
		i |= f >> (signThis - 3 + row3) & 1 << 4
	}
	return i | f>>(signThis+3+row3)&1<<6 // of the lowest sample: signBelow
}

// spread tells the neighbours of a sample that became significant, and returns
// its own column's flags.
func (c *coder) spread(p int, row3 uint, f, sign uint32) uint32 {
	row3 &= 15
	c.flags[p-1] |= sigE << row3
	c.flags[p+1] |= sigW << row3
	if row3 == 0 && !c.causal {
		up := c.flags[p-c.stride-1 : p-c.stride+2 : p-c.stride+2]
		up[0] |= sigSE << 9
		up[1] |= sigS<<9 | sign<<signBelow
		up[2] |= sigSW << 9
	}
	if row3 == 9 {
		down := c.flags[p+c.stride-1 : p+c.stride+2 : p+c.stride+2]
		down[0] |= sigNE
		down[1] |= sigN | sign<<signAbove
		down[2] |= sigNW
	}
	return f | (sigThis|sign<<signThis)<<row3
}

// sign decodes the sign of a sample that became significant, sets it to value
// and tells the neighbours.
func (c *coder) sign(d int64, p, at int, row3 uint, f, value uint32) (uint32, int64) {
	s := signContext[c.signIndex(p, row3, f)&255]
	i := s & 31
	d -= c.ctx[i] & mqMask
	bit := c.ctx[i] & 1
	if d < 0 {
		bit, d = c.slow(i, d)
	}
	bit ^= int64(s >> 7)
	c.data[at] = value | uint32(bit)<<31
	return c.spread(p, row3, f, uint32(bit)), d
}

// rows is the samples of a stripe that exist: bit 3·k for sample k.
func (c *coder) rows(stripe int) uint32 {
	return eachRow & (1<<(3*min(4, c.h-4*stripe)) - 1)
}

// candidates is the samples of a column that are not significant and have a
// significant neighbour: bit 3·k for sample k.
func candidates(f uint32) uint32 {
	t := f | f>>1 | f>>2 // bit 3·k: something is significant in row k-1
	return (t | t>>3 | t>>6) &^ (f >> sigSelf)
}

// significance is the significance propagation pass, T.800 D.3.1. one is the
// bit-plane's unit.
func (c *coder) significance(d int64, one uint32) int64 {
	value, zero := one|one>>1, c.zero
	for stripe := 0; 4*stripe < c.h; stripe++ {
		rows := c.rows(stripe)
		p := (stripe+1)*c.stride + 1
		at := 4 * c.w * stripe
		for end := at + 4*c.w; at < end; at, p = at+4, p+1 {
			f := c.flags[p]
			if f == 0 {
				continue
			}
			for todo := candidates(f) & rows; todo != 0; {
				row3 := uint(bits.TrailingZeros32(todo)) & 15
				todo &= todo - 1
				i := zero[f>>row3&around] & 31
				d -= c.ctx[i] & mqMask
				bit := c.ctx[i] & 1
				if d < 0 {
					bit, d = c.slow(i, d)
				}
				f |= 1 << (coded + row3)
				if bit != 0 {
					f, d = c.sign(d, p, at+int(row3*11>>5), row3, f, value)
					// The sample below has a significant neighbour now.
					todo |= 8 << row3 & rows &^ (f >> sigSelf)
				}
			}
			c.flags[p] = f
		}
	}
	return d
}

// refinement is the magnitude refinement pass, T.800 D.3.3.
func (c *coder) refinement(d int64, one uint32) int64 {
	half := one >> 1
	for stripe := 0; 4*stripe < c.h; stripe++ {
		p := (stripe+1)*c.stride + 1
		at := 4 * c.w * stripe
		for end := at + 4*c.w; at < end; at, p = at+4, p+1 {
			f := c.flags[p]
			todo := f >> sigSelf &^ (f >> coded) & eachRow
			if todo == 0 {
				continue
			}
			for ; todo != 0; todo &= todo - 1 {
				row3 := uint(bits.TrailingZeros32(todo)) & 15
				i := uint8(ctxMore)
				if f>>(refined+row3)&1 != 0 {
					i = ctxMore + 2
				} else if f>>row3&around != 0 {
					i = ctxMore + 1
				}
				d -= c.ctx[i] & mqMask
				bit := c.ctx[i] & 1
				if d < 0 {
					bit, d = c.slow(i, d)
				}
				// The middle of the old interval becomes that of its upper or lower half.
				c.data[at+int(row3*11>>5)] += half * uint32(2*bit-1)
				f |= 1 << (refined + row3)
			}
			c.flags[p] = f
		}
	}
	return d
}

// cleanup is the clean-up pass, T.800 D.3.4.
func (c *coder) cleanup(d int64, one uint32) int64 {
	value, zero := one|one>>1, c.zero
	for stripe := 0; 4*stripe < c.h; stripe++ {
		rows := c.rows(stripe)
		p := (stripe+1)*c.stride + 1
		at := 4 * c.w * stripe
		for end := at + 4*c.w; at < end; at, p = at+4, p+1 {
			f := c.flags[p]
			todo := rows &^ (f>>sigSelf | f>>coded)
			if f == 0 && rows == eachRow {
				d -= c.ctx[ctxRun] & mqMask
				bit := c.ctx[ctxRun] & 1
				if d < 0 {
					bit, d = c.slow(ctxRun, d)
				}
				if bit == 0 {
					continue
				}
				var row uint
				row, d = c.plain(d, 2)
				f, d = c.sign(d, p, at+int(row), 3*row, f, value)
				todo = eachRow &^ (8<<(3*row) - 1)
			}
			for ; todo != 0; todo &= todo - 1 {
				row3 := uint(bits.TrailingZeros32(todo)) & 15
				i := zero[f>>row3&around] & 31
				d -= c.ctx[i] & mqMask
				bit := c.ctx[i] & 1
				if d < 0 {
					bit, d = c.slow(i, d)
				}
				if bit != 0 {
					f, d = c.sign(d, p, at+int(row3*11>>5), row3, f, value)
				}
			}
			c.flags[p] = f &^ allCoded
		}
	}
	return d
}
