// Package jpeglossless decodes the lossless process of JPEG (SOF3, ITU-T T.81
// annex H) in Go: Huffman-coded differences of samples of 2 to 16 bits under
// any of the seven predictors, several components, restart intervals and point
// transforms. DICOM stores so under 1.2.840.10008.1.2.4.57 and .70.
//
// Subsampled components and arithmetic coding are refused by a
// *tiles.UnsupportedError. Sizes are checked against the caller's before
// anything is allocated; a damaged or cut stream is a *tiles.FormatError.
package jpeglossless

import (
	"encoding/binary"
	"fmt"

	"coverslip/tiles"
	"coverslip/tiles/jpegstream"
)

// Markers, T.81 table B.1.
const (
	markSOF3 = 0xc3
	markDHT  = 0xc4
	markRST  = 0xd0
	markSOI  = 0xd8
	markEOI  = 0xd9
	markSOS  = 0xda
	markDNL  = 0xdc
	markDRI  = 0xdd
)

// Limits of what is decoded.
const (
	MaxComponents = 4       // more is never a picture of a slide
	MaxPixels     = 1 << 26 // 64 Mpx
)

// Header is what a stream says of its picture.
type Header struct {
	Width, Height int // pixels
	Components    int // 1 to MaxComponents
	Bits          int // of a sample, 2 to 16
}

func damaged(format string, args ...any) error {
	return &tiles.FormatError{Format: "jpeglossless", What: fmt.Sprintf(format, args...)}
}

func unsupported(format string, args ...any) error {
	return &tiles.UnsupportedError{Format: "jpeglossless", What: fmt.Sprintf(format, args...)}
}

// scan is what SOS says, T.81 B.2.3.
type scan struct {
	n         int
	places    [MaxComponents]int // of the scan's components among the frame's
	tables    [MaxComponents]int // their Huffman tables
	predictor int
	transform int // point transform: bits that were cut off
}

// parser walks over the marker segments.
type parser struct {
	data []byte // what was not read yet
	Header
	sized   bool
	ids     [MaxComponents]byte
	tables  [4]table
	restart int // pixels between restart markers, 0 for none
}

// ParseHeader reads up to the frame header.
func ParseHeader(data []byte) (Header, error) {
	p := parser{data: data}
	if err := p.begin(); err != nil {
		return Header{}, err
	}
	for !p.sized {
		if _, err := p.segment(); err != nil {
			return Header{}, err
		}
	}
	return p.Header, nil
}

func (p *parser) begin() error {
	if len(p.data) < 2 || p.data[0] != 0xff || p.data[1] != markSOI {
		return damaged("not a JPEG stream")
	}
	p.data = p.data[2:]
	return nil
}

// segment reads one marker segment and returns the scan that begins behind it,
// or nil. At the end of the picture it is an error.
func (p *parser) segment() (*scan, error) {
	mark, body, rest, err := jpegstream.Segment(p.data)
	if err != nil {
		return nil, damaged("%v", err)
	}
	p.data = rest
	switch {
	case mark == markSOF3:
		return nil, p.frame(body)
	case mark == markSOS:
		return p.scan(body)
	case mark == markDHT:
		return nil, p.huffman(body)
	case mark == markDRI:
		if len(body) < 2 {
			return nil, damaged("restart interval is cut off")
		}
		p.restart = int(binary.BigEndian.Uint16(body))
	case mark == markDNL:
		return nil, unsupported("number of lines behind the first scan (DNL)")
	case mark >= 0xc0 && mark <= 0xcf && mark != 0xc8 && mark != 0xcc:
		return nil, unsupported("JPEG of process %d (process 3 is lossless)", mark-0xc0)
	}
	return nil, nil
}

// frame reads SOF3, T.81 B.2.2.
func (p *parser) frame(b []byte) error {
	if p.sized || len(b) < 6 {
		return damaged("a second or a cut frame header")
	}
	h := Header{Bits: int(b[0]), Height: int(binary.BigEndian.Uint16(b[1:])), Width: int(binary.BigEndian.Uint16(b[3:])), Components: int(b[5])}
	switch {
	case h.Height == 0 || h.Width == 0:
		return unsupported("picture of %d×%d pixels (sizes said elsewhere)", h.Width, h.Height)
	case h.Width*h.Height > MaxPixels:
		return damaged("picture of %d×%d pixels", h.Width, h.Height)
	case h.Components < 1 || h.Components > MaxComponents:
		return unsupported("picture of %d components", h.Components)
	case h.Bits < 2 || h.Bits > 16:
		return damaged("samples of %d bits", h.Bits)
	case len(b) < 6+3*h.Components:
		return damaged("frame header is cut off")
	}
	for i := range h.Components {
		p.ids[i] = b[6+3*i]
		if b[7+3*i] != b[7] {
			return unsupported("component sampled by %#02x beside %#02x", b[7+3*i], b[7])
		}
	}
	p.Header, p.sized = h, true
	return nil
}

func (p *parser) scan(b []byte) (*scan, error) {
	if !p.sized || len(b) < 1 {
		return nil, damaged("a scan without a frame")
	}
	n := int(b[0])
	if n < 1 || n > p.Components || len(b) < 4+2*n {
		return nil, damaged("a scan of %d components", n)
	}
	s := &scan{n: n, predictor: int(b[1+2*n]), transform: int(b[3+2*n] & 15)}
	for i := range n {
		s.places[i] = -1
		for c := range p.Components {
			if p.ids[c] == b[1+2*i] {
				s.places[i] = c
			}
		}
		s.tables[i] = int(b[2+2*i] >> 4)
		if s.places[i] < 0 || s.tables[i] > 3 || !p.tables[s.tables[i]].defined {
			return nil, damaged("a scan of component %d, which the frame lacks, or whose Huffman table %d is missing", b[1+2*i], b[2+2*i]>>4)
		}
	}
	if s.predictor < 1 || s.predictor > 7 || s.transform >= p.Bits {
		return nil, damaged("predictor %d, point transform %d of %d bits", s.predictor, s.transform, p.Bits)
	}
	return s, nil
}

// huffman reads DHT, T.81 B.2.4.2.
func (p *parser) huffman(b []byte) error {
	for len(b) > 0 {
		if len(b) < 17 {
			return damaged("Huffman table is cut off")
		}
		class, id, n := b[0]>>4, b[0]&15, 0
		for _, k := range b[1:17] {
			n += int(k)
		}
		if class != 0 || id > 3 || n > 17 || len(b) < 17+n {
			return damaged("Huffman table %d of class %d with %d codes", id, class, n)
		}
		if err := p.tables[id].build(b[1:17], b[17:17+n]); err != nil {
			return err
		}
		b = b[17+n:]
	}
	return nil
}
