package jpegstream

import "bytes"

// Split takes a sequential JPEG apart into one grey JPEG for each component, in
// the order of the frame, without changing a coefficient: decoded, they are the
// samples before any change of size or colour. A subsampled component is
// smaller.
//
// It is an error when the stream is progressive, is damaged, or has several
// scans.
func Split(data []byte) ([][]byte, error) {
	s, err := readSequential(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	blocks := 0 // of an MCU
	for _, c := range s.comps {
		blocks += int(c.h) * int(c.v)
	}
	if int64(s.cols)*int64(s.rows)*int64(blocks) > int64(len(data))*8 { // a block has a bit or more
		return nil, ErrTruncated
	}
	planes := make([]plane, len(s.comps))
	for i, c := range s.comps {
		planes[i] = plane{stride: s.cols * int(c.h), blocks: make([]block, s.cols*int(c.h)*s.rows*int(c.v))}
	}
	for s.mcu < s.cols*s.rows {
		col, row := s.mcu%s.cols, s.mcu/s.cols
		err := s.next(func(i, x, y int) error {
			c, p := &s.comps[i], &planes[i]
			b := block{dc: int32(c.pred), at: int64(p.ac.bits())}
			err := s.copyAC(c, &p.ac)
			b.n = int32(int64(p.ac.bits()) - b.at)
			p.blocks[(row*int(c.v)+y)*p.stride+col*int(c.h)+x] = b
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	out := make([][]byte, len(planes))
	for i := range planes {
		if out[i], err = s.grey(&s.comps[i], &planes[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// plane is the blocks of one component, row after row.
type plane struct {
	stride int // blocks of a row
	blocks []block
	ac     bitWriter // the AC codes of all blocks in the order of the scan
}

// block is an absolute DC value and where n bits of AC codes lie.
type block struct {
	dc, n int32
	at    int64
}

// grey writes a component as a stream of its own.
func (s *sequential) grey(c *component, p *plane) ([]byte, error) {
	p.ac.flush()
	w := bitWriter{stuff: true, out: []byte{0xff, markerSOI}}
	quant := s.quant[c.tq]
	w.out = segmentTo(w.out, markerDQT, []byte{quant[0] &^ 15}, quant[1:])
	w.out = segmentTo(w.out, s.SOF, []byte{8, byte(c.height >> 8), byte(c.height), byte(c.width >> 8), byte(c.width), 1, 1, 0x11, 0})
	w.out = segmentTo(w.out, markerDHT, []byte{0}, dcCounts[:], []byte(dcValues))
	w.out = segmentTo(w.out, markerDHT, []byte{0x10}, s.acRaw[c.ta])
	w.out = segmentTo(w.out, markerSOS, []byte{1, 1, 0, 0, 63, 0})
	pred := int32(0)
	for y := range (c.height + 7) / 8 {
		for _, b := range p.blocks[y*p.stride : y*p.stride+(c.width+7)/8] {
			if err := w.putDC(int(b.dc - pred)); err != nil {
				return nil, err
			}
			pred = b.dc
			w.copyBits(p.ac.out, b.at, int(b.n))
		}
	}
	w.flush()
	return append(w.out, 0xff, markerEOI), nil
}

// copyBits appends n bits of src from bit at on.
func (w *bitWriter) copyBits(src []byte, at int64, n int) {
	for n > 0 {
		skip := int(at & 7)
		take := min(n, 8-skip)
		w.put(uint32(src[at>>3])>>(8-skip-take), uint(take))
		at, n = at+int64(take), n-take
	}
}
