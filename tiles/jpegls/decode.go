package jpegls

import (
	"math/bits"
	"sync"
)

// runOrders is J of T.87 A.2.1: how far a step of a run reaches, as exponents.
var runOrders = [32]uint8{0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15}

const contexts = 365

// context is the statistics of one context, T.87 A.2.1.
type context struct{ a, b, c, n int32 }

// runContext is that of the sample that ends a run.
type runContext struct{ a, n, nn int32 }

// decoder decodes one scan after another; its memory is used again.
type decoder struct {
	reader
	scan
	maxval, near, span         int32 // span: width of a quantisation step, 2·near+1
	limit, qbpp                int
	modulus, reset, t1, t2, t3 int32

	regular [contexts]context
	runs    [2]runContext
	run     [MaxComponents]int // run index of a component
	lines   [2 * MaxComponents][]int32
}

var decoders = sync.Pool{New: func() any { return new(decoder) }}

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
	d := decoders.Get().(*decoder)
	defer func() { d.reader.data = nil; decoders.Put(d) }()
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
		if err := d.start(&p, s); err != nil {
			return err
		}
		if err := d.picture(dst, &p, s); err != nil {
			return err
		}
		done += len(s.components)
		p.data = d.next()
	}
	return nil
}

// start computes the parameters of a scan, T.87 A.2.1 and C.2.4.1.1.
func (d *decoder) start(p *parser, s *scan) error {
	maxval := 1<<p.Bits - 1
	if p.preset.maxval != 0 {
		if p.preset.maxval > maxval {
			return damaged("samples of %d bits up to %d", p.Bits, p.preset.maxval)
		}
		maxval = p.preset.maxval
	}
	near := s.near
	if near > min(255, maxval/2) {
		return damaged("an error bound of %d for samples up to %d", near, maxval)
	}
	t1, t2, t3 := thresholds(maxval, near)
	for _, t := range []struct {
		given int
		v     *int
	}{{p.preset.t1, &t1}, {p.preset.t2, &t2}, {p.preset.t3, &t3}} {
		if t.given != 0 {
			*t.v = t.given
		}
	}
	if t1 < near+1 || t2 < t1 || t3 < t2 || t3 > maxval {
		return damaged("thresholds %d, %d, %d for samples up to %d", t1, t2, t3, maxval)
	}
	reset := 64
	if p.preset.reset != 0 {
		reset = p.preset.reset
	}
	if reset < 3 || reset > max(255, maxval) {
		return damaged("a reset after %d samples", reset)
	}
	width := (maxval+2*near)/(2*near+1) + 1 // RANGE
	d.qbpp = bits.Len(uint(width - 1))
	bpp := max(2, bits.Len(uint(maxval)))
	d.limit = 2 * (bpp + max(8, bpp))
	d.scan = *s
	d.maxval, d.near, d.span = int32(maxval), int32(near), int32(2*near+1)
	d.modulus, d.reset = int32(width)*d.span, int32(reset)
	d.t1, d.t2, d.t3 = int32(t1), int32(t2), int32(t3)
	d.reader = reader{data: p.data}
	d.clear(width)
	return nil
}

// thresholds are the defaults of T.87 C.2.4.1.1.1.
func thresholds(maxval, near int) (t1, t2, t3 int) {
	limit := func(v, least int) int {
		if v > maxval || v < least {
			return least
		}
		return v
	}
	if maxval >= 128 {
		f := (min(maxval, 4095) + 128) / 256
		t1 = limit(f+2+3*near, near+1)
		t2 = limit(4*f+3+5*near, t1)
		return t1, t2, limit(17*f+4+7*near, t2)
	}
	f := 256 / (maxval + 1)
	t1 = limit(max(2, 3/f+3*near), near+1)
	t2 = limit(max(3, 7/f+5*near), t1)
	return t1, t2, limit(max(4, 21/f+7*near), t2)
}

// clear puts the statistics to their beginning.
func (d *decoder) clear(width int) {
	a := int32(max(2, (width+32)/64))
	for i := range d.regular {
		d.regular[i] = context{a: a, n: 1}
	}
	d.runs = [2]runContext{{a: a, n: 1}, {a: a, n: 1}}
	d.run = [MaxComponents]int{}
}

// picture decodes the lines of a scan into dst.
func (d *decoder) picture(dst []uint16, p *parser, s *scan) error {
	var at [MaxComponents]int // places of the scan's components among all
	n := len(s.components)
	for i, id := range s.components {
		at[i] = -1
		for c := range p.Components {
			if p.ids[c] == id {
				at[i] = c
			}
		}
		if at[i] < 0 {
			return damaged("a scan of component %d, which the frame lacks", id)
		}
	}
	// Each line has a sample on the left and one on the right of the picture.
	for i := range d.lines[:2*n] {
		if cap(d.lines[i]) < p.Width+2 {
			d.lines[i] = make([]int32, p.Width+2)
		}
		d.lines[i] = d.lines[i][:p.Width+2]
		clear(d.lines[i])
	}
	for y := range p.Height {
		if p.restart > 0 && y > 0 && y%p.restart == 0 {
			if err := d.restart(byte(y/p.restart - 1)); err != nil {
				return err
			}
		}
		cur, prev := d.lines[:n], d.lines[n:2*n]
		for i := range n {
			cur[i], prev[i] = prev[i], cur[i]
			cur[i][0] = prev[i][1]
			prev[i][p.Width+1] = prev[i][p.Width]
		}
		ok := true
		if s.interleave == 2 {
			ok = d.samples(cur, prev, p.Width)
		} else {
			for i := range n {
				ok = ok && d.line(cur[i], prev[i], p.Width, i)
			}
		}
		if !ok || d.over() {
			return damaged("damaged or cut off in line %d of %d", y, p.Height)
		}
		for i := range n {
			out := dst[y*p.Width*p.Components+at[i]:]
			for x, v := range cur[i][1 : p.Width+1] {
				out[x*p.Components] = uint16(v)
			}
		}
	}
	return nil
}

// restart reads the i-th restart marker and begins anew behind it.
func (d *decoder) restart(i byte) error {
	data := d.next()
	if len(data) < 2 || data[1] != markRST+i&7 {
		return damaged("restart marker %d is missing", i&7)
	}
	d.reader = reader{data: data[2:]}
	d.clear(int(d.modulus / d.span))
	for i := range d.lines[:2*len(d.scan.components)] {
		clear(d.lines[i])
	}
	return nil
}

// gradient quantises a difference of neighbours, T.87 A.3.3.
func (d *decoder) gradient(v int32) int32 {
	switch {
	case v <= -d.t3:
		return -4
	case v <= -d.t2:
		return -3
	case v <= -d.t1:
		return -2
	case v < -d.near:
		return -1
	case v <= d.near:
		return 0
	case v < d.t1:
		return 1
	case v < d.t2:
		return 2
	case v < d.t3:
		return 3
	}
	return 4
}

// where is the context of a sample with its neighbours, 0 for a run.
func (d *decoder) where(ra, rb, rc, rd int32) int32 {
	return 81*d.gradient(rd-rb) + 9*d.gradient(rb-rc) + d.gradient(rc-ra)
}

// line decodes one line of one component.
func (d *decoder) line(cur, prev []int32, w, component int) bool {
	for x := 1; x <= w; {
		ra, rb, rc, rd := cur[x-1], prev[x], prev[x-1], prev[x+1]
		if q := d.where(ra, rb, rc, rd); q != 0 {
			v, ok := d.sample(q, ra, rb, rc)
			if !ok {
				return false
			}
			cur[x] = v
			x++
			continue
		}
		n := d.length(w+1-x, component)
		for i := range cur[x : x+n] {
			cur[x+i] = ra
		}
		if x += n; x > w {
			break
		}
		v, ok := d.interrupt(ra, prev[x], component, false)
		if !ok {
			return false
		}
		cur[x] = v
		x++
		d.run[component] = max(d.run[component]-1, 0)
	}
	return true
}

// samples decodes one line of components that are interleaved by sample.
func (d *decoder) samples(cur, prev [][]int32, w int) bool {
	var q [MaxComponents]int32
	for x := 1; x <= w; {
		any := int32(0)
		for i := range cur {
			q[i] = d.where(cur[i][x-1], prev[i][x], prev[i][x-1], prev[i][x+1])
			any |= q[i]
		}
		if any != 0 {
			for i := range cur {
				v, ok := d.sample(q[i], cur[i][x-1], prev[i][x], prev[i][x-1])
				if !ok {
					return false
				}
				cur[i][x] = v
			}
			x++
			continue
		}
		n := d.length(w+1-x, 0)
		for i := range cur {
			ra := cur[i][x-1]
			for k := range n {
				cur[i][x+k] = ra
			}
		}
		if x += n; x > w {
			break
		}
		for i := range cur {
			v, ok := d.interrupt(cur[i][x-1], prev[i][x], 0, true)
			if !ok {
				return false
			}
			cur[i][x] = v
		}
		x++
		d.run[0] = max(d.run[0]-1, 0)
	}
	return true
}

// sample decodes one sample outside runs in context q, T.87 A.4 to A.6.
func (d *decoder) sample(q, ra, rb, rc int32) (int32, bool) {
	sign := q >> 31 // −1 for a context whose mirror image is used
	cx := &d.regular[(q^sign)-sign]
	px := ra + rb - rc
	switch {
	case rc >= max(ra, rb):
		px = min(ra, rb)
	case rc <= min(ra, rb):
		px = max(ra, rb)
	}
	px = min(max(px+((cx.c^sign)-sign), 0), d.maxval)
	k := 0
	for cx.n<<k < cx.a && k < 31 {
		k++
	}
	m, ok := d.value(min(k, 16), d.limit, d.qbpp)
	if !ok || k > 16 {
		return 0, false
	}
	e := int32(m>>1) ^ -int32(m&1)
	if d.near == 0 && k == 0 && 2*cx.b <= -cx.n {
		e = ^e
	}
	cx.update(e, d.span, d.reset)
	return d.rebuild(px, (e^sign)-sign), true
}

// update is T.87 A.6.
func (cx *context) update(e, span, reset int32) {
	cx.b += e * span
	cx.a += max(e, -e)
	if cx.n == reset {
		cx.a, cx.b, cx.n = cx.a>>1, cx.b>>1, cx.n>>1
	}
	cx.n++
	if cx.b <= -cx.n {
		cx.b = max(cx.b+cx.n, 1-cx.n)
		cx.c = max(cx.c-1, -128)
	} else if cx.b > 0 {
		cx.b = min(cx.b-cx.n, 0)
		cx.c = min(cx.c+1, 127)
	}
}

// rebuild adds the error of a prediction, T.87 A.4.4 and A.4.5 backwards.
func (d *decoder) rebuild(px, e int32) int32 {
	v := px + e*d.span
	if v < -d.near {
		v += d.modulus
	} else if v > d.maxval+d.near {
		v -= d.modulus
	}
	return min(max(v, 0), d.maxval)
}

// length reads how many of the left samples a run takes, T.87 A.7.1.
func (d *decoder) length(left, component int) int {
	n, i := 0, &d.run[component]
	for d.bit() == 1 {
		step := 1 << runOrders[*i]
		if n+step > left {
			return left
		}
		n += step
		*i = min(*i+1, 31)
		if n == left {
			return n
		}
	}
	return min(n+d.bits(int(runOrders[*i])), left)
}

// interrupt decodes the sample that ends a run, T.87 A.7.2. Of samples that are
// interleaved by pixel all are of the first kind.
func (d *decoder) interrupt(ra, rb int32, component int, together bool) (int32, bool) {
	kind, px, sign := int32(0), rb, int32(1)
	if diff := ra - rb; !together && max(diff, -diff) <= d.near {
		kind, px = 1, ra
	} else if diff > 0 {
		sign = -1
	}
	cx := &d.runs[kind]
	a := cx.a + kind*(cx.n>>1)
	k := 0
	for cx.n<<k < a && k < 31 {
		k++
	}
	m, ok := d.value(min(k, 16), d.limit-int(runOrders[d.run[component]])-1, d.qbpp)
	if !ok || k > 16 {
		return 0, false
	}
	t := int32(m) + kind
	e := (t + 1) / 2
	if (k != 0 || 2*cx.nn >= cx.n) == (t&1 == 1) {
		e = -e
	}
	if e < 0 {
		cx.nn++
	}
	cx.a += (int32(m) + 1 - kind) >> 1
	if cx.n == d.reset {
		cx.a, cx.n, cx.nn = cx.a>>1, cx.n>>1, cx.nn>>1
	}
	cx.n++
	return d.rebuild(px, e*sign), true
}
