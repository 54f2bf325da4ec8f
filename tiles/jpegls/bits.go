package jpegls

import "math/bits"

// reader reads the entropy-coded bits of a scan: behind a byte 0xff seven bits
// follow, T.87 A.1. It stops at a marker and gives zeros from there on.
type reader struct {
	data  []byte
	pos   int
	cache uint64 // the next bits, the first at the top
	n     int    // bits in cache
	pad   int    // of them, how many come after the end
	last  byte
}

// fill leaves at least 56 bits in the cache.
func (r *reader) fill() {
	for r.n <= 56 {
		if r.pos >= len(r.data) || r.data[r.pos] == 0xff && (r.pos+1 >= len(r.data) || r.data[r.pos+1] >= 0x80) {
			r.pad += 64 - r.n
			r.n = 64
			return
		}
		b, width := r.data[r.pos], 8
		if r.last == 0xff {
			width = 7 // its first bit is 0
		}
		r.cache |= uint64(b) << (64 - width - r.n)
		r.n += width
		r.last = b
		r.pos++
	}
}

// over says whether bits behind the end were taken.
func (r *reader) over() bool { return r.n < r.pad }

func (r *reader) bit() int {
	if r.n == 0 {
		r.fill()
	}
	v := int(r.cache >> 63)
	r.cache <<= 1
	r.n--
	return v
}

// bits reads n bits, at most 16.
func (r *reader) bits(n int) int {
	if r.n < n {
		r.fill()
	}
	v := int(r.cache >> 1 >> (63 - n))
	r.cache <<= n
	r.n -= n
	return v
}

// value reads a number in the limited Golomb code of parameter k, T.87 A.5.3.
// ok is false for a code that no encoder writes.
func (r *reader) value(k, limit, qbpp int) (v int, ok bool) {
	r.fill()
	zeros := bits.LeadingZeros64(r.cache)
	most := limit - qbpp - 1
	if zeros > most || zeros > 55 {
		return 0, false
	}
	r.cache <<= zeros + 1
	r.n -= zeros + 1
	if zeros < most {
		return zeros<<k | r.bits(k), true
	}
	return r.bits(qbpp) + 1, true
}

// next goes behind the entropy-coded bytes to the marker that ends them and
// returns the stream from there.
func (r *reader) next() []byte {
	for i := r.pos; i+1 < len(r.data); i++ {
		if r.data[i] == 0xff && r.data[i+1] >= 0x80 {
			return r.data[i:]
		}
	}
	return nil
}
