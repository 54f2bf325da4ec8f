package jpegstream

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// component of a frame, T.81 B.2.2.
type component struct {
	id, h, v, tq  byte
	width, height int // samples
	td, ta        int // tables of the scan
	pred          int
}

// sequential reads the blocks of a Huffman-coded sequential JPEG of one
// interleaved scan, without leaving the frequency domain.
type sequential struct {
	Layout
	comps   []component
	quant   [4][]byte // precision and identifier byte, then the table, as stored
	dc, ac  [4]*huffman
	acRaw   [4][]byte // counts and values, as stored
	keep    []byte    // APP0 and APP14 segments: they tell the colour transform
	bits    *bitReader
	cols    int // MCUs of a row
	rows    int
	mcu     int // MCUs read
	restart int
}

// maxHeader bounds the markers before a scan, of which a stream can have any
// number.
const maxHeader = 64 << 20

// readSequential parses the markers up to the scan.
func readSequential(r io.Reader) (*sequential, error) {
	s := &sequential{bits: newBitReader(r)}
	var two [2]byte
	if err := s.full(two[:]); err != nil || two[0] != 0xff || two[1] != markerSOI {
		return nil, errors.New("not a JPEG stream (no start-of-image marker)")
	}
	for total := 0; ; {
		m, body, err := s.segment()
		if err != nil {
			return nil, err
		}
		if total += len(body) + 4; total > maxHeader {
			return nil, fmt.Errorf("JPEG stream has %d bytes of markers", total)
		}
		if err := s.marker(m, body); err != nil {
			return nil, err
		}
		if m == markerSOS {
			return s, s.check()
		}
	}
}

// full reads len(p) raw bytes.
func (s *sequential) full(p []byte) error {
	for i := range p {
		c, ok := s.bits.raw()
		if !ok {
			return ErrTruncated
		}
		p[i] = c
	}
	return nil
}

// segment reads the next marker and its parameters.
func (s *sequential) segment() (m byte, body []byte, err error) {
	var b [2]byte
	if err := s.full(b[:1]); err != nil {
		return 0, nil, err
	}
	for b[0] != 0xff { // stray bytes
		if err := s.full(b[:1]); err != nil {
			return 0, nil, err
		}
	}
	for b[0] == 0xff {
		if err := s.full(b[:1]); err != nil {
			return 0, nil, err
		}
	}
	m = b[0]
	if m == markerSOI || m == 0x01 || m == 0x00 || m >= 0xd0 && m <= 0xd7 {
		return m, nil, nil
	}
	if m == markerEOI {
		return m, nil, errors.New("JPEG stream holds no scan")
	}
	if err := s.full(b[:]); err != nil {
		return 0, nil, err
	}
	n := int(binary.BigEndian.Uint16(b[:]))
	if n < 2 {
		return 0, nil, fmt.Errorf("JPEG segment %02X of %d bytes", m, n)
	}
	body = make([]byte, n-2)
	return m, body, s.full(body)
}

// marker takes what a segment says.
func (s *sequential) marker(m byte, body []byte) error {
	switch {
	case m == markerDQT:
		return s.quantisation(body)
	case m == markerDHT:
		return s.huffman(body)
	case m == markerDRI && len(body) >= 2:
		s.restart = int(binary.BigEndian.Uint16(body))
	case m == markerAPP0 && len(body) >= 5 && string(body[:4]) == "JFIF":
		s.JFIF = true
		s.keepSegment(m, body)
	case m == markerAPP14 && len(body) >= 12 && string(body[:5]) == "Adobe":
		s.Adobe, s.Transform = true, int(body[11])
		s.keepSegment(m, body)
	case isSOF(m):
		return s.frame(m, body)
	case m == markerSOS:
		return s.scan(body)
	}
	return nil
}

func (s *sequential) keepSegment(m byte, body []byte) {
	s.keep = append(s.keep, 0xff, m)
	s.keep = binary.BigEndian.AppendUint16(s.keep, uint16(len(body)+2))
	s.keep = append(s.keep, body...)
}

func (s *sequential) quantisation(b []byte) error {
	for len(b) > 0 {
		n := 65
		if b[0]>>4 != 0 {
			n = 129
		}
		if b[0]&15 > 3 || b[0]>>4 > 1 || len(b) < n {
			return errors.New("JPEG quantisation table is cut off")
		}
		s.quant[b[0]&3], b = b[:n], b[n:]
		s.Quantised = true
	}
	return nil
}

func (s *sequential) huffman(b []byte) error {
	for len(b) > 0 {
		if len(b) < 17 {
			return errors.New("JPEG Huffman table is cut off")
		}
		n := 0
		for _, c := range b[1:17] {
			n += int(c)
		}
		if b[0]&15 > 3 || b[0]>>4 > 1 || n > 256 || len(b) < 17+n {
			return errors.New("JPEG Huffman table is cut off")
		}
		t, err := newHuffman(b[1:17], b[17:17+n])
		if err != nil {
			return err
		}
		if id := b[0] & 3; b[0]>>4 == 0 {
			s.dc[id] = t
		} else {
			s.ac[id], s.acRaw[id] = t, b[1:17+n]
		}
		s.Huffman, b = true, b[17+n:]
	}
	return nil
}

func (s *sequential) frame(m byte, b []byte) error {
	if m > 0xc1 {
		return fmt.Errorf("JPEG of process %02X: only sequential Huffman coding can be cut", m)
	}
	if len(b) < 6 || len(b) < 6+3*int(b[5]) || s.comps != nil {
		return errors.New("JPEG frame header is cut off or comes twice")
	}
	s.SOF, s.Precision = m, int(b[0])
	s.Height, s.Width = int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
	s.Components = int(b[5])
	if s.Precision != 8 || s.Width == 0 || s.Height == 0 || s.Components < 1 || s.Components > 4 {
		return fmt.Errorf("JPEG of %d×%d pixels in %d components of %d bits", s.Width, s.Height, s.Components, s.Precision)
	}
	s.readComponents(b[6:])
	var hMax, vMax int
	for i := range s.Components {
		c := component{id: b[6+3*i], h: b[7+3*i] >> 4, v: b[7+3*i] & 15, tq: b[8+3*i]}
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 || c.tq > 3 {
			return errors.New("JPEG component of absurd sampling")
		}
		hMax, vMax = max(hMax, int(c.h)), max(vMax, int(c.v))
		s.comps = append(s.comps, c)
	}
	if len(s.comps) == 1 { // never interleaved: its MCU is one block
		s.comps[0].h, s.comps[0].v, hMax, vMax = 1, 1, 1, 1
	}
	for i := range s.comps {
		c := &s.comps[i]
		c.width = (s.Width*int(c.h) + hMax - 1) / hMax
		c.height = (s.Height*int(c.v) + vMax - 1) / vMax
	}
	s.MCUWidth, s.MCUHeight = 8*hMax, 8*vMax
	s.cols, s.rows = (s.Width+s.MCUWidth-1)/s.MCUWidth, (s.Height+s.MCUHeight-1)/s.MCUHeight
	return nil
}

func (s *sequential) scan(b []byte) error {
	if s.comps == nil {
		return errors.New("JPEG scan before its frame header")
	}
	if len(b) < 1 || len(b) < 1+2*int(b[0])+3 {
		return errors.New("JPEG scan header is cut off")
	}
	if int(b[0]) != len(s.comps) {
		return fmt.Errorf("JPEG scan of %d of %d components: only one scan of all can be cut", b[0], len(s.comps))
	}
	for i := range s.comps {
		if b[1+2*i] != s.comps[i].id {
			return errors.New("JPEG scan names another component than the frame")
		}
		s.comps[i].td, s.comps[i].ta = int(b[2+2*i]>>4), int(b[2+2*i]&15)
	}
	return nil
}

// check says what tables are missing.
func (s *sequential) check() error {
	for _, c := range s.comps {
		switch {
		case s.quant[c.tq] == nil:
			return errors.New("JPEG tables are missing")
		case c.td > 3 || c.ta > 3 || s.dc[c.td] == nil || s.ac[c.ta] == nil:
			return errors.New("JPEG Huffman tables are missing")
		}
	}
	return nil
}

// next reads one MCU. block is called for each of its blocks with the number of
// the component, whose pred is then the block's absolute DC value, and the
// block's place in the MCU; it must copy the block's AC codes by copyAC.
func (s *sequential) next(block func(comp, x, y int) error) error {
	if s.restart > 0 && s.mcu > 0 && s.mcu%s.restart == 0 {
		if err := s.bits.restart(); err != nil {
			return err
		}
		for i := range s.comps {
			s.comps[i].pred = 0
		}
	}
	for i := range s.comps {
		c := &s.comps[i]
		for y := range int(c.v) {
			for x := range int(c.h) {
				size, _, _, err := s.bits.symbol(s.dc[c.td])
				if err != nil {
					return err
				}
				if size > 11 {
					return errCodes
				}
				c.pred += extend(s.bits.take(uint(size)), uint(size))
				if err := block(i, x, y); err != nil {
					return err
				}
			}
		}
	}
	if s.bits.spent() {
		return fmt.Errorf("%w in its data", ErrTruncated)
	}
	s.mcu++
	return nil
}

// copyAC copies the codes of a block's AC coefficients.
func (s *sequential) copyAC(c *component, w *bitWriter) error {
	t := s.ac[c.ta]
	for k := 1; k < 64; k++ {
		v, code, n, err := s.bits.symbol(t)
		if err != nil {
			return err
		}
		size := uint(v & 15)
		if size == 0 {
			w.put(code, n)
			if v>>4 != 15 {
				return nil
			}
			k += 15
			continue
		}
		w.put(code<<size|s.bits.take(size), n+size)
		k += int(v >> 4)
	}
	return nil
}

// segmentTo appends a marker with its parameters.
func segmentTo(b []byte, m byte, parts ...[]byte) []byte {
	n := 2
	for _, p := range parts {
		n += len(p)
	}
	b = append(b, 0xff, m, byte(n>>8), byte(n))
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}
