package jpeglossless

import "sync"

// lookBits is how many bits of a code are looked up at once.
const lookBits = 9

// table is a Huffman table of the categories 0 to 16 of differences, T.81
// annex C and table H.2.
type table struct {
	defined bool
	look    [1 << lookBits]uint16 // length of the code ·256 + category, 0 for a longer code
	most    [17]int32             // largest code of each length, −1 for none
	first   [17]int32             // index of a length's first value minus its first code
	values  [17]uint8
}

func (t *table) build(counts, values []byte) error {
	*t = table{defined: true}
	copy(t.values[:], values)
	code, k := int32(0), int32(0)
	for n := 1; n <= 16; n++ {
		t.first[n] = k - code
		for range counts[n-1] {
			if t.values[k] > 16 || code>>n != 0 {
				return damaged("Huffman table of category %d, code %#x", t.values[k], code)
			}
			if n <= lookBits {
				for i := range int32(1) << (lookBits - n) {
					t.look[code<<(lookBits-n)|i] = uint16(n)<<8 | uint16(t.values[k])
				}
			}
			code++
			k++
		}
		t.most[n] = code - 1
		if counts[n-1] == 0 {
			t.most[n] = -1
		}
		code <<= 1
	}
	return nil
}

// reader reads the entropy-coded bits of a scan; 0xff is followed by a stuffed
// zero byte. It stops at a marker and gives zeros from there on.
type reader struct {
	data  []byte
	pos   int
	cache uint64 // the next bits, the first at the top
	n     int    // bits in cache
	pad   int    // of them, how many come after the end
}

func (r *reader) fill() {
	for r.n <= 56 {
		if r.pos >= len(r.data) || r.data[r.pos] == 0xff && (r.pos+1 >= len(r.data) || r.data[r.pos+1] != 0) {
			r.pad += 64 - r.n
			r.n = 64
			return
		}
		b := r.data[r.pos]
		r.pos++
		if b == 0xff {
			r.pos++
		}
		r.cache |= uint64(b) << (56 - r.n)
		r.n += 8
	}
}

// over says whether bits behind the end were taken.
func (r *reader) over() bool { return r.n < r.pad }

// next returns the stream from the marker that ends the scan.
func (r *reader) next() []byte {
	for i := r.pos; i+1 < len(r.data); i++ {
		if r.data[i] == 0xff && r.data[i+1] != 0 && r.data[i+1] != 0xff {
			return r.data[i:]
		}
	}
	return nil
}

// difference reads one difference, T.81 F.2.2.1 and H.2. ok is false for a code
// that the table lacks.
func (r *reader) difference(t *table) (d int32, ok bool) {
	if r.n < 32 {
		r.fill()
	}
	n, v := 0, uint8(0)
	if e := t.look[r.cache>>(64-lookBits)]; e != 0 {
		n, v = int(e>>8), uint8(e)
	} else {
		for n = lookBits + 1; ; n++ {
			if n > 16 {
				return 0, false
			}
			if code := int32(r.cache >> (64 - n)); code <= t.most[n] {
				i := t.first[n] + code
				if i < 0 || i >= int32(len(t.values)) {
					return 0, false
				}
				v = t.values[i]
				break
			}
		}
	}
	r.cache <<= n
	r.n -= n
	switch v {
	case 0:
		return 0, true
	case 16:
		return 32768, true
	}
	d = int32(r.cache >> (64 - v))
	r.cache <<= v
	r.n -= int(v)
	if d < 1<<(v-1) {
		d += 1 - 1<<v
	}
	return d, true
}

// lines are pooled: two lines of each component.
type lines [2 * MaxComponents][]int32

var pool = sync.Pool{New: func() any { return new(lines) }}

// Decode fills dst with the picture's samples, those of a pixel behind each
// other. len(dst) must be their number: width × height × components.
//
// Errors: another number (found before anything is decoded),
// *tiles.UnsupportedError, *tiles.FormatError. Then dst may be partly
// overwritten.
func Decode(dst []uint16, data []byte) error {
	p := parser{data: data}
	if err := p.begin(); err != nil {
		return err
	}
	l := pool.Get().(*lines)
	defer pool.Put(l)
	for done := 0; !p.sized || done < p.Components; {
		s, err := p.segment()
		if err != nil {
			return err
		}
		if p.sized && len(dst) != p.Width*p.Height*p.Components {
			return damaged("%d×%d pixels of %d components where %d samples are due", p.Width, p.Height, p.Components, len(dst))
		}
		if s == nil {
			continue
		}
		r := reader{data: p.data}
		if err := p.picture(dst, s, &r, l); err != nil {
			return err
		}
		done += s.n
		p.data = r.next()
	}
	return nil
}

// picture decodes one scan, T.81 H.1 and H.2.
func (p *parser) picture(dst []uint16, s *scan, r *reader, l *lines) error {
	for i := range 2 * s.n {
		if cap(l[i]) < p.Width {
			l[i] = make([]int32, p.Width)
		}
		l[i] = l[i][:p.Width]
	}
	start := int32(1) << (p.Bits - s.transform - 1)
	left, marks := p.restart, 0
	fresh := true // nothing lies above: the picture or a restart interval begins
	for y := range p.Height {
		cur, prev := l[:s.n], l[s.n:2*s.n]
		for i := range cur {
			cur[i], prev[i] = prev[i], cur[i]
		}
		top := fresh
		fresh = false
		for x := range p.Width {
			if p.restart > 0 && left == 0 {
				if x != 0 {
					return unsupported("restart interval of %d pixels, which is not whole lines of %d", p.restart, p.Width)
				}
				if err := r.restart(marks); err != nil {
					return err
				}
				marks++
				left, top = p.restart, true
			}
			left--
			for i := range cur {
				d, ok := r.difference(&p.tables[s.tables[i]])
				if !ok {
					return damaged("no Huffman code in line %d of %d", y, p.Height)
				}
				v := predict(s.predictor, cur[i], prev[i], x, top, start) + d
				cur[i][x] = v & 0xffff
			}
		}
		if r.over() {
			return damaged("cut off in line %d of %d", y, p.Height)
		}
		for i := range cur {
			out := dst[y*p.Width*p.Components+s.places[i]:]
			for x, v := range cur[i] {
				out[x*p.Components] = uint16(v << s.transform)
			}
		}
	}
	return nil
}

// predict is T.81 table H.1 with the rules of H.1.2.1 for the edges.
func predict(predictor int, cur, prev []int32, x int, top bool, start int32) int32 {
	switch {
	case top && x == 0:
		return start
	case top:
		return cur[x-1]
	case x == 0:
		return prev[0]
	}
	ra, rb, rc := cur[x-1], prev[x], prev[x-1]
	switch predictor {
	case 1:
		return ra
	case 2:
		return rb
	case 3:
		return rc
	case 4:
		return ra + rb - rc
	case 5:
		return ra + (rb-rc)>>1
	case 6:
		return rb + (ra-rc)>>1
	}
	return (ra + rb) >> 1
}

// restart reads restart marker number i and goes behind it.
func (r *reader) restart(i int) error {
	data := r.next()
	if len(data) < 2 || data[1] != markRST+byte(i&7) {
		return damaged("restart marker %d is missing", i&7)
	}
	*r = reader{data: data[2:]}
	return nil
}
