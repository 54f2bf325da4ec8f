package jpegstream

import (
	"errors"
	"fmt"
	"io"
)

// Tables and bits of Huffman-coded sequential JPEG, T.81 annexes C, F and K.

// errCodes: the entropy-coded data do not follow the tables.
var errCodes = errors.New("JPEG data hold a code that no table defines")

const lookBits = 9

// huffman decodes the codes of one table.
type huffman struct {
	look   [1 << lookBits]uint16 // length<<8 | value of short codes, 0 for others
	limit  [18]int32             // first code of a length that is too large, aligned to 16 bits
	first  [17]int32             // value index less the code, by length
	values []byte
}

// newHuffman builds the codes of T.81 C.2: counts of the lengths 1 to 16, then
// the values in order.
func newHuffman(counts, values []byte) (*huffman, error) {
	t := &huffman{values: values}
	code, at := int32(0), int32(0)
	for n := 1; n <= 16; n++ {
		c := int32(counts[n-1])
		t.first[n] = at - code
		if code+c > 1<<n {
			return nil, errors.New("JPEG Huffman table has too many codes")
		}
		for i := range c {
			if n > lookBits {
				break
			}
			shift := lookBits - n
			for j := range 1 << shift {
				t.look[int(code+i)<<shift|j] = uint16(n)<<8 | uint16(values[at+i])
			}
		}
		code, at = code+c, at+c
		t.limit[n] = code << (16 - n)
		code <<= 1
	}
	t.limit[17] = 1 << 30
	return t, nil
}

// bitReader takes bits from entropy-coded data, of which it removes the stuffed
// zeros, up to the next marker.
type bitReader struct {
	r      io.Reader
	buf    []byte
	at     int
	acc    uint64
	n      uint // bits of acc
	padded uint // zero bits put behind the data's end
	marker byte // that ended the data; 0: none yet
	err    error
}

func newBitReader(r io.Reader) *bitReader { return &bitReader{r: r, buf: make([]byte, 0, 64<<10)} }

// raw is the next byte as it is stored; false at the end.
func (b *bitReader) raw() (byte, bool) {
	if b.at == len(b.buf) {
		if b.err != nil {
			return 0, false
		}
		n, err := b.r.Read(b.buf[:cap(b.buf)])
		b.buf, b.at, b.err = b.buf[:n], 0, err
		if n == 0 {
			if err == nil {
				b.err = io.ErrNoProgress
			}
			return 0, false
		}
	}
	b.at++
	return b.buf[b.at-1], true
}

// fill makes at least 32 bits ready, with zeros behind the end.
func (b *bitReader) fill() {
	for b.n <= 48 {
		var c byte
		if b.marker == 0 {
			c = b.next()
		}
		if b.marker != 0 {
			c = 0
			b.padded += 8
		}
		b.acc, b.n = b.acc<<8|uint64(c), b.n+8
	}
}

// next is the next byte of data; at a marker it sets marker.
func (b *bitReader) next() byte {
	c, ok := b.raw()
	if !ok {
		b.marker = markerEOI
		return 0
	}
	if c != 0xff {
		return c
	}
	for c == 0xff { // fill bytes may come before a marker
		if c, ok = b.raw(); !ok {
			b.marker = markerEOI
			return 0
		}
	}
	if c == 0 {
		return 0xff
	}
	b.marker = c
	return 0
}

// take removes n ≤ 16 bits.
func (b *bitReader) take(n uint) uint32 {
	if b.n < n {
		b.fill()
	}
	b.n -= n
	return uint32(b.acc>>b.n) & (1<<n - 1)
}

// symbol decodes a value and tells its code.
func (b *bitReader) symbol(t *huffman) (value byte, code uint32, length uint, err error) {
	if b.n < 16 {
		b.fill()
	}
	bits := uint32(b.acc>>(b.n-16)) & 0xffff
	if e := t.look[bits>>(16-lookBits)]; e != 0 {
		length = uint(e >> 8)
		b.n -= length
		return byte(e), bits >> (16 - length), length, nil
	}
	n := lookBits + 1
	for n < 17 && int32(bits) >= t.limit[n] {
		n++
	}
	if n > 16 {
		return 0, 0, 0, errCodes
	}
	code = bits >> (16 - n)
	at := int(t.first[n]) + int(code)
	if at < 0 || at >= len(t.values) {
		return 0, 0, 0, errCodes
	}
	b.n -= uint(n)
	return t.values[at], code, uint(n), nil
}

// spent says whether more bits were taken than there are.
func (b *bitReader) spent() bool { return b.padded > b.n }

// restart drops bits up to the next restart marker and passes it.
func (b *bitReader) restart() error {
	for b.marker == 0 {
		b.next()
	}
	if b.marker < 0xd0 || b.marker > 0xd7 {
		return fmt.Errorf("%w: marker %02X where a restart is due", ErrTruncated, b.marker)
	}
	b.acc, b.n, b.padded, b.marker = 0, 0, 0, 0
	return nil
}

// extend is the signed number of n bits of T.81 F.2.2.1.
func extend(v uint32, n uint) int {
	if n > 0 && v < 1<<(n-1) {
		return int(v) - 1<<n + 1
	}
	return int(v)
}

// bitWriter puts bits behind one another; with stuff it writes entropy-coded
// data.
type bitWriter struct {
	out   []byte
	acc   uint64
	n     uint
	stuff bool
}

// put appends the n ≤ 32 low bits of v.
func (w *bitWriter) put(v uint32, n uint) {
	w.acc, w.n = w.acc<<n|uint64(v)&(1<<n-1), w.n+n
	for w.n >= 8 {
		w.n -= 8
		c := byte(w.acc >> w.n)
		w.out = append(w.out, c)
		if c == 0xff && w.stuff {
			w.out = append(w.out, 0)
		}
	}
}

// flush fills the last byte with ones, as T.81 F.1.2.3 demands.
func (w *bitWriter) flush() {
	if w.n > 0 {
		w.put(1<<(8-w.n)-1, 8-w.n)
	}
	w.acc, w.n = 0, 0
}

// bits is how many were put since the start, without stuffing.
func (w *bitWriter) bits() int { return 8*len(w.out) + int(w.n) }

// dcCounts is the table of differences that is written, T.81 K.3: it has a code
// for every difference of 8-bit samples, which the table of the file need not.
var dcCounts = [16]byte{0, 1, 5, 1, 1, 1, 1, 1, 1}

// dcValues are its values, 0 to 11.
const dcValues = "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b"

// putDC writes a difference by that table.
func (w *bitWriter) putDC(diff int) error {
	size, v := uint(0), diff
	for a := max(diff, -diff); a > 0; a >>= 1 {
		size++
	}
	if diff < 0 {
		v = diff + 1<<size - 1
	}
	switch {
	case size == 0:
		w.put(0, 2)
	case size < 6:
		w.put(uint32(size)+1, 3)
	case size < 12: // one more leading 1 for each
		w.put(1<<(size-2)-2, size-2)
	default:
		return errors.New("JPEG data hold a step of brightness that is too large")
	}
	w.put(uint32(v), size)
	return nil
}
