package jpeg2000

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// tagNode is a node of a tag tree, T.800 B.10.2.
type tagNode struct {
	parent     int32 // -1 at the root
	low, value int32 // the value is at least low; value is maxInt32 until it is known
}

// tree adds a tag tree over cols×rows leaves and returns the index of the first
// leaf; the others follow row by row.
func (l *layout) tree(cols, rows int) int32 {
	first := len(l.nodes)
	for {
		next := len(l.nodes) + cols*rows
		up := (cols + 1) / 2
		for y := range rows {
			for x := range cols {
				parent := int32(next + y/2*up + x/2)
				if cols == 1 && rows == 1 {
					parent = -1
				}
				l.nodes = append(l.nodes, tagNode{parent: parent, value: math.MaxInt32})
			}
		}
		if cols == 1 && rows == 1 {
			return int32(first)
		}
		cols, rows = up, (rows+1)/2
	}
}

// below reads whether the leaf's value is less than limit.
func (l *layout) below(r *bitReader, leaf, limit int32) bool {
	var path [32]int32
	n := 0
	for i := leaf; i >= 0; i = l.nodes[i].parent {
		path[n] = i
		n++
	}
	low := int32(0)
	for n--; n >= 0; n-- {
		t := &l.nodes[path[n]]
		low = max(low, t.low)
		for low < limit && low < t.value {
			if r.bit() == 1 {
				t.value = low
			} else {
				low++
			}
		}
		t.low = low
	}
	return l.nodes[leaf].value < limit
}

// bitReader reads packet headers: a byte behind 0xff has seven bits, T.800
// B.10.1.
type bitReader struct {
	data []byte
	pos  int
	last byte
	left uint // bits of last that were not read
	over bool // read past the end
}

func (r *bitReader) bit() int {
	if r.left == 0 {
		r.left = 8
		if r.last == 0xff {
			r.left = 7
		}
		if r.pos >= len(r.data) {
			r.over, r.last = true, 0
		} else {
			r.last = r.data[r.pos]
			r.pos++
		}
	}
	r.left--
	return int(r.last>>r.left) & 1
}

func (r *bitReader) bits(n int) int {
	v := 0
	for range n {
		v = v<<1 | r.bit()
	}
	return v
}

// align goes to the next byte; one stuffed behind 0xff is skipped.
func (r *bitReader) align() {
	if r.last == 0xff && r.pos < len(r.data) {
		r.pos++
	}
	r.left, r.last = 0, 0
}

// passes reads how many coding passes are added, T.800 table B.4.
func (r *bitReader) passes() int {
	switch {
	case r.bit() == 0:
		return 1
	case r.bit() == 0:
		return 2
	}
	if n := r.bits(2); n < 3 {
		return 3 + n
	}
	if n := r.bits(5); n < 31 {
		return 6 + n
	}
	return 37 + r.bits(7)
}

// packets is where the packets of a tile come from.
type packets struct {
	body   []byte
	packed []byte // packet headers of PPM or PPT
	apart  bool   // they stand there and not in the body
	sop    bool
	eph    bool
}

// packet reads one packet: layer number layer of precinct i. T.800 B.9 and B.10.
func (l *layout) packet(s *packets, p *params, i int) error {
	pr := &l.precincts[i]
	layer := pr.layers
	pr.layers++
	if s.sop && len(s.body) >= 6 && binary.BigEndian.Uint16(s.body) == markSOP {
		s.body = s.body[6:]
	}
	from := &s.body
	if s.apart {
		from = &s.packed
	}
	if len(*from) == 0 {
		return damaged("cut off before layer %d of precinct (%d,%d) of component %d, resolution %d", layer, pr.px, pr.py, pr.comp, pr.res)
	}
	r := bitReader{data: *from}
	mark := len(l.chunks)
	if r.bit() == 1 {
		res := &l.comps[pr.comp].res[pr.res]
		style := p.comps[pr.comp].style
		for b := range res.bands {
			if err := l.blockHeaders(&r, &pr.groups[b], layer, style, res.bands[b].planes+p.comps[pr.comp].roiShift); err != nil {
				return err
			}
		}
	}
	r.align()
	if r.over {
		return damaged("a packet header is cut off")
	}
	*from = (*from)[r.pos:]
	if s.eph && len(*from) >= 2 && binary.BigEndian.Uint16(*from) == markEPH {
		*from = (*from)[2:]
	}
	for k := mark; k < len(l.chunks); k++ {
		c := &l.chunks[k]
		if c.size > len(s.body) {
			return damaged("cut off in layer %d of precinct (%d,%d) of component %d, resolution %d", layer, pr.px, pr.py, pr.comp, pr.res)
		}
		c.data, s.body = s.body[:c.size:c.size], s.body[c.size:]
	}
	return nil
}

// blockHeaders reads what the packet says of the blocks of one subband, which
// has planes bit-planes.
func (l *layout) blockHeaders(r *bitReader, g *group, layer int32, style byte, planes int) error {
	for k := range g.cols * g.rows {
		b := &l.blocks[g.first+k]
		if !b.seen {
			if !l.below(r, g.incl+k, layer+1) {
				continue
			}
			zeros := int32(1)
			for !l.below(r, g.zeros+k, zeros) {
				if zeros++; int(zeros) > planes+1 || r.over {
					return damaged("code-block of %d or more missing bit-planes of %d", zeros-1, planes)
				}
			}
			if b.planes = int16(planes - int(zeros) + 1); b.planes > maxPlanes {
				return unsupported("code-block of %d bit-planes", b.planes)
			}
			b.seen = true
		} else if r.bit() == 0 {
			continue
		}
		n := r.passes()
		for r.bit() == 1 {
			if b.bits++; b.bits > 32 {
				return damaged("code-block of a length of %d bits", b.bits)
			}
		}
		if err := l.lengths(r, b, n, style); err != nil {
			return err
		}
		if r.over {
			return damaged("a packet header is cut off")
		}
	}
	return nil
}

// lengths reads the lengths of the segments over which n new passes of b lie,
// T.800 B.10.7.
func (l *layout) lengths(r *bitReader, b *block, n int, style byte) error {
	for n > 0 {
		begins := b.room == 0
		if begins {
			b.nextSegment(style)
		}
		k := min(n, int(b.room))
		width := int(b.bits) + bits.Len(uint(k)) - 1
		if width > 31 {
			return damaged("code-block of a length of %d bits", width)
		}
		i := int32(len(l.chunks))
		l.chunks = append(l.chunks, chunk{size: r.bits(width), passes: uint8(k), begins: begins, next: -1})
		if b.head < 0 {
			b.head = i
		} else {
			l.chunks[b.tail].next = i
		}
		b.tail = i
		b.passes += int16(k)
		b.room -= uint8(k)
		n -= k
		if b.passes > 3*maxPlanes+64 {
			return damaged("code-block of %d passes", b.passes)
		}
	}
	return nil
}

// nextSegment says how many passes the segment that begins takes. T.800 D.4.2
// and table D.9.
func (b *block) nextSegment(style byte) {
	const all = 255
	switch {
	case style&styleTermAll != 0:
		b.room = 1
	case style&styleBypass == 0:
		b.room = all
	case b.head < 0:
		b.room = firstRaw
	default:
		b.raw = !b.raw
		b.room = 1
		if b.raw {
			b.room = 2
		}
	}
}
