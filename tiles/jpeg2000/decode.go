package jpeg2000

import (
	"image"
	"math"
	"sync"
)

// Options of a decode.
type Options struct {
	Colour Colour
	Reduce int // resolutions to leave out: the picture is 2^Reduce times smaller
}

// decoders are used again: a tile costs no garbage beyond small change.
var decoders = sync.Pool{New: func() any { return new(decoder) }}

// keep is the largest tile, in samples of a component, after which a decoder
// goes back to the pool.
const keep = 1 << 20

// decoder is the memory of one decode.
type decoder struct {
	stream
	layout
	coder
	params params
	reals  buffers[float32]
	ints   buffers[int32]
	planes [MaxComponents]Plane
	body   []byte
	packed []byte
}

// buffers are what a wavelet works in.
type buffers[T number] struct {
	coef  []T                // of the component that is being decoded
	half  [2][]T             // resolutions on the way
	ext   []T                // a line with its margins
	final [MaxComponents][]T // the components of the tile
}

func grown[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// Decode fills dst, whose size must be the codestream's (divided by 2^Reduce,
// rounded up), with opaque pixels; dst may be part of a larger picture. data is
// a bare codestream or a JP2 file.
//
// Errors: *DimensionError before anything is decoded; *tiles.UnsupportedError
// for what this package does not read and for samples that are not unsigned
// bytes of 1, 3 or 4 components (the fourth is ignored); *tiles.FormatError for
// a damaged or cut stream. Then dst may be partly overwritten.
func Decode(dst *image.RGBA, data []byte, o Options) error {
	cs, h, err := headed(data)
	if err != nil {
		return err
	}
	if err := h.CheckPicture(dst, o.Colour, o.Reduce); err != nil {
		return err
	}
	n := 3
	if o.Colour == ColourGrey {
		n = 1
	}
	d := decoders.Get().(*decoder)
	defer d.release()
	if err := d.decode(cs, h, o.Reduce, n); err != nil {
		return err
	}
	return Paint(dst, d.planes[:n], o.Colour)
}

// DecodeSamples fills dst with all components of the codestream, pixel by
// pixel, without any conversion but the stream's own component transform; those
// of signed components are in two's complement. Components sampled more
// coarsely than the picture are repeated. len(dst) must be the number of
// samples.
//
// Errors: as Decode.
func DecodeSamples(dst []uint16, data []byte, reduce int) error {
	cs, h, err := headed(data)
	if err != nil {
		return err
	}
	if err := h.CheckSamples(len(dst), reduce); err != nil {
		return err
	}
	d := decoders.Get().(*decoder)
	defer d.release()
	if err := d.decode(cs, h, reduce, h.Components); err != nil {
		return err
	}
	w, ht := h.Reduced(reduce)
	return Interleave(dst, w, ht, d.planes[:h.Components])
}

// CheckSamples compares the number of samples asked for with the stream's.
func (h *Header) CheckSamples(n, reduce int) error {
	if err := h.checkReduce(reduce); err != nil {
		return err
	}
	if w, ht := h.Reduced(reduce); w*ht*h.Components != n {
		return damaged("%d×%d pixels of %d components where %d samples are due", w, ht, h.Components, n)
	}
	return nil
}

// Interleave puts planes of w×h pixels together, the samples of a pixel behind
// each other.
func Interleave(dst []uint16, w, h int, planes []Plane) error {
	n := len(planes)
	for c := range planes {
		p := &planes[c]
		if !p.covers(w, h) || len(dst) < w*h*n {
			return damaged("component %d of %d×%d samples for %d×%d pixels", c, p.Width, p.Height, w, h)
		}
		for y := range h {
			row, out := p.row(y), dst[y*w*n+c:]
			for x := range w {
				out[x*n] = uint16(row[x/p.StepX])
			}
		}
	}
	return nil
}

func headed(data []byte) ([]byte, Header, error) {
	cs, err := Codestream(data)
	if err != nil {
		return nil, Header{}, err
	}
	h, err := ParseHeader(cs)
	return cs, h, err
}

// release gives the decoder back without what belongs to the caller.
func (d *decoder) release() {
	clear(d.chunks[:cap(d.chunks)])
	clear(d.parts[:cap(d.parts)])
	d.mq.data, d.coder.raw.data = nil, nil
	if max(cap(d.reals.coef), cap(d.ints.coef), cap(d.planes[0].Pix)) > keep || cap(d.blocks) > freeBlocks || cap(d.body) > 8*keep {
		return
	}
	decoders.Put(d)
}

// decode fills the first n planes from the codestream cs, whose header is h,
// leaving out its finest reduce resolutions.
func (d *decoder) decode(cs []byte, h Header, reduce, n int) error {
	if err := d.read(cs, h); err != nil {
		return err
	}
	for c := range n {
		p := &d.planes[c]
		p.StepX, p.StepY = h.Subsampling[c][0], h.Subsampling[c][1]
		p.Width = ceilShift(ceilDiv(h.x1, p.StepX), reduce) - ceilShift(ceilDiv(h.x0, p.StepX), reduce)
		p.Height = ceilShift(ceilDiv(h.y1, p.StepY), reduce) - ceilShift(ceilDiv(h.y0, p.StepY), reduce)
		p.Pix = grown(p.Pix, p.Width*p.Height)
	}
	parts := d.parts
	for t := range int(h.Tiles) {
		k := 0
		for k < len(parts) && parts[k].tile == t {
			k++
		}
		if k == 0 {
			return damaged("tile %d of %d is missing", t, h.Tiles)
		}
		if err := d.tile(t, parts[:k], reduce, n); err != nil {
			return err
		}
		parts = parts[k:]
	}
	return nil
}

// tile decodes tile t into the planes.
func (d *decoder) tile(t int, parts []part, reduce, n int) error {
	d.params = d.main
	ppt, err := d.tileHeaders(&d.params, parts)
	if err != nil {
		return err
	}
	s := packets{body: parts[0].body, packed: ppt, apart: d.ppm || ppt != nil, sop: d.params.sop, eph: d.params.eph}
	if len(parts) > 1 {
		d.body = d.body[:0]
		for i := range parts {
			d.body = append(d.body, parts[i].body...)
		}
		s.body = d.body
	}
	if d.ppm {
		d.packed = d.packed[:0]
		for i := range parts {
			d.packed = append(d.packed, parts[i].packed...)
		}
		s.packed = d.packed
	}
	if err := d.build(&d.Header, &d.params, t, len(s.body)+len(s.packed)); err != nil {
		return err
	}
	if err := d.readPackets(&s, &d.Header, &d.params, t); err != nil {
		return err
	}
	need := n
	if d.params.mct {
		if err := d.checkTransform(); err != nil {
			return err
		}
		need = max(n, 3)
	}
	for c := range need {
		if err := d.component(c, reduce); err != nil {
			return err
		}
	}
	return d.output(reduce, n)
}

// checkTransform checks that the first three components can be transformed
// together.
func (d *decoder) checkTransform() error {
	if d.Components < 3 {
		return damaged("a component transform of %d components", d.Components)
	}
	a := &d.comps[0]
	for c := 1; c < 3; c++ {
		b := &d.comps[c]
		if a.x0 != b.x0 || a.x1 != b.x1 || a.y0 != b.y0 || a.y1 != b.y1 ||
			d.params.comps[0].reversible != d.params.comps[c].reversible {
			return damaged("a component transform of components that differ")
		}
	}
	return nil
}

// component decodes the coefficients of component c and transforms them.
func (d *decoder) component(c, reduce int) error {
	p := &d.params.comps[c]
	res := d.comps[c].res
	if reduce >= len(res) {
		return damaged("component %d of %d resolutions cannot be reduced %d times", c, len(res), reduce)
	}
	res = res[:len(res)-reduce]
	if p.reversible {
		return run(&d.ints, d, c, res, &reversible, func(b *block, q *band, out []int32) { d.integers(b, q, out) })
	}
	return run(&d.reals, d, c, res, &irreversible, func(b *block, q *band, out []float32) { d.floats(b, q, out) })
}

// run decodes all blocks of a component's resolutions, stores their
// coefficients by store and makes the samples of them.
func run[T number](m *buffers[T], d *decoder, c int, res []resolution, k *kernel[T], store func(*block, *band, []T)) error {
	top := &res[len(res)-1]
	w, h := top.x1-top.x0, top.y1-top.y0
	if w < 1 || h < 1 {
		m.final[c] = m.final[c][:0]
		return nil
	}
	m.coef = grown(m.coef, w*h)
	m.ext = grown(m.ext, w+2*margin)
	m.final[c] = grown(m.final[c], w*h)
	for i := range m.half {
		m.half[i] = grown(m.half[i], (w/2+1)*(h/2+1))
	}
	p := &d.params.comps[c]
	for r := range res {
		q := &res[r]
		for j := range q.pw * q.ph {
			for i := range q.bands {
				b, g := &q.bands[i], &d.precincts[q.first+j].groups[i]
				for k := range g.cols * g.rows {
					blk := &d.blocks[g.first+k]
					if err := d.coder.decode(&d.layout, blk, b.orient, p.style); err != nil {
						return err
					}
					d.coder.lower(p.roiShift)
					store(blk, b, m.coef[b.at:])
				}
			}
		}
	}
	k.synthesise(res, m.coef, m.final[c], m.ext, &m.half)
	return nil
}

// lower brings the coefficients of a region of interest, which are 2^shift and
// more, back to their place. T.800 H.1.
func (c *coder) lower(shift int) {
	if shift == 0 {
		return
	}
	data := c.data[:4*c.w*((c.h+3)/4)]
	for i, v := range data {
		if m := v &^ (1 << 31); m>>1>>shift != 0 {
			data[i] = v&(1<<31) | m>>shift
		}
	}
}

// integers stores the block's coefficients for the reversible wavelet.
func (d *decoder) integers(b *block, q *band, out []int32) {
	w := q.x1 - q.x0
	for y := range int(b.h) {
		src := d.coder.data[y/4*4*d.w+y&3:]
		line := out[(int(b.y)+y)*w+int(b.x):][:b.w]
		for x := range line {
			v := src[4*x]
			s := int32(v) >> 31
			line[x] = (int32(v&^(1<<31)>>1) ^ s) - s
		}
	}
}

// floats stores the block's coefficients for the irreversible wavelet.
func (d *decoder) floats(b *block, q *band, out []float32) {
	w, step := q.x1-q.x0, 0.5*q.step
	for y := range int(b.h) {
		src := d.coder.data[y/4*4*d.w+y&3:]
		line := out[(int(b.y)+y)*w+int(b.x):][:b.w]
		for x := range line {
			v := src[4*x]
			s := int32(v) >> 31
			line[x] = float32((int32(v&^(1<<31))^s)-s) * step
		}
	}
}

// output transforms the tile's components, shifts and limits their samples and
// puts them into the first n planes. T.800 annex G.
func (d *decoder) output(reduce, n int) error {
	if d.params.mct {
		if d.params.comps[0].reversible {
			inverseRCT(d.ints.final[0], d.ints.final[1], d.ints.final[2])
		} else {
			inverseICT(d.reals.final[0], d.reals.final[1], d.reals.final[2])
		}
	}
	for c := range n {
		res := d.comps[c].res
		q, p := &res[len(res)-1-reduce], &d.planes[c]
		w, h := q.x1-q.x0, q.y1-q.y0
		x := q.x0 - ceilShift(ceilDiv(d.x0, p.StepX), reduce)
		y := q.y0 - ceilShift(ceilDiv(d.y0, p.StepY), reduce)
		if w < 1 || h < 1 {
			continue
		}
		if x < 0 || y < 0 || x+w > p.Width || y+h > p.Height {
			return damaged("component %d of a tile lies outside the image", c)
		}
		lo, hi, shift := int32(0), int32(1)<<d.Precision[c]-1, int32(1)<<(d.Precision[c]-1)
		if d.Signed[c] {
			lo, hi, shift = -shift, shift-1, 0
		}
		for row := range h {
			out := p.Pix[(y+row)*p.Width+x:][:w]
			if d.params.comps[c].reversible {
				limitInts(out, d.ints.final[c][row*w:(row+1)*w], shift, lo, hi)
			} else {
				limitReals(out, d.reals.final[c][row*w:(row+1)*w], shift, lo, hi)
			}
		}
	}
	return nil
}

func limitInts(out, in []int32, shift, lo, hi int32) {
	in = in[:len(out)]
	for i := range out {
		out[i] = min(max(in[i]+shift, lo), hi)
	}
}

// limitReals rounds half to even: adding 1.5·2^23 leaves no place for a
// fraction.
func limitReals(out []int32, in []float32, shift, lo, hi int32) {
	const magic, reach = 3 << 22, 1 << 20
	in = in[:len(out)]
	for i, v := range in {
		if v > reach {
			v = reach
		} else if !(v > -reach) {
			v = -reach
		}
		r := int32(math.Float32bits(v+magic)) - 0x4b400000
		out[i] = min(max(r+shift, lo), hi)
	}
}

// inverseRCT is T.800 G.2.2.
func inverseRCT(a, b, c []int32) {
	b, c = b[:len(a)], c[:len(a)]
	for i, y := range a {
		u, v := b[i], c[i]
		g := y - (u+v)>>2
		a[i], b[i], c[i] = v+g, g, u+g
	}
}

// inverseICT is T.800 G.3.2, in OpenJPEG's order.
func inverseICT(a, b, c []float32) {
	b, c = b[:len(a)], c[:len(a)]
	for i, y := range a {
		u, v := b[i], c[i]
		a[i] = y + float32(v*1.402)
		b[i] = y - float32(u*0.34413) - float32(v*0.71414)
		c[i] = y + float32(u*1.772)
	}
}
