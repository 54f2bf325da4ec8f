// Package jpegls decodes JPEG-LS (ISO/IEC 14495-1, ITU-T T.87) in Go: lossless
// and near-lossless, samples of 2 to 16 bits, one or several components in any
// of the three interleavings, preset parameters and restart intervals.
//
// Mapping tables, colour transforms of the older encoders and lines that are
// announced later (DNL) are refused by a *tiles.UnsupportedError. Sizes are
// checked against the caller's before anything is allocated; a damaged or cut
// stream is a *tiles.FormatError.
package jpegls

import (
	"encoding/binary"
	"fmt"

	"coverslip/tiles"
	"coverslip/tiles/jpegstream"
)

// Markers, T.81 table B.1 and T.87 table C.1.
const (
	markRST = 0xd0 // to 0xd7
	markSOI = 0xd8
	markEOI = 0xd9
	markSOS = 0xda
	markDNL = 0xdc
	markDRI = 0xdd
	markAPP = 0xe8 // APP8: colour transforms of HP's encoder
	markSOF = 0xf7 // SOF55
	markLSE = 0xf8
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
	return &tiles.FormatError{Format: "jpegls", What: fmt.Sprintf(format, args...)}
}

func unsupported(format string, args ...any) error {
	return &tiles.UnsupportedError{Format: "jpegls", What: fmt.Sprintf(format, args...)}
}

// preset is the parameters of LSE, T.87 C.2.4.1.1; zero stands for the default.
type preset struct {
	maxval, t1, t2, t3, reset int
}

// scan is what SOS says, T.87 C.2.3.
type scan struct {
	components []byte // identifiers
	near       int
	interleave int // 0 none, 1 by line, 2 by sample
}

// parser walks over the marker segments.
type parser struct {
	data []byte // what was not read yet
	Header
	sized   bool
	ids     [MaxComponents]byte
	preset  preset
	restart int // lines between restart markers, 0 for none
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
		return damaged("not a JPEG-LS stream")
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
	case mark == markSOF:
		return nil, p.frame(body)
	case mark == markSOS:
		return p.scan(body)
	case mark == markLSE:
		return nil, p.extension(body)
	case mark == markDRI:
		return nil, p.interval(body)
	case mark == markDNL:
		return nil, unsupported("number of lines behind the first scan (DNL)")
	case mark == markAPP && len(body) >= 5 && string(body[:4]) == "mrfx" && body[4] != 0:
		return nil, unsupported("colour transform %d", body[4])
	case mark >= 0xc0 && mark <= 0xcf && mark != 0xc4 && mark != 0xc8 && mark != 0xcc:
		return nil, damaged("a JPEG of process %d, not JPEG-LS", mark-0xc0)
	}
	return nil, nil
}

// frame reads SOF55, T.87 C.2.2.
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
		if b[7+3*i] != 0x11 {
			return unsupported("component sampled by %#02x", b[7+3*i])
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
	s := &scan{near: int(b[1+2*n]), interleave: int(b[2+2*n])}
	for i := range n {
		s.components = append(s.components, b[1+2*i])
		if b[2+2*i] != 0 {
			return nil, unsupported("mapping table %d", b[2+2*i])
		}
	}
	switch {
	case b[3+2*n] != 0:
		return nil, unsupported("point transform %d", b[3+2*n])
	case s.interleave > 2 || n == 1 != (s.interleave == 0):
		return nil, damaged("%d components interleaved by %d", n, s.interleave)
	}
	return s, nil
}

// extension reads LSE, T.87 C.2.4.
func (p *parser) extension(b []byte) error {
	if len(b) < 1 {
		return damaged("LSE is cut off")
	}
	if b[0] != 1 {
		return unsupported("LSE of type %d (mapping tables, large pictures)", b[0])
	}
	if len(b) < 11 {
		return damaged("preset parameters are cut off")
	}
	u := func(i int) int { return int(binary.BigEndian.Uint16(b[i:])) }
	p.preset = preset{u(1), u(3), u(5), u(7), u(9)}
	return nil
}

// interval reads DRI: lines in two to four bytes, T.87 C.2.5.
func (p *parser) interval(b []byte) error {
	if len(b) < 2 || len(b) > 4 {
		return damaged("restart interval of %d bytes", len(b))
	}
	p.restart = 0
	for _, v := range b {
		p.restart = p.restart<<8 | int(v)
	}
	return nil
}
