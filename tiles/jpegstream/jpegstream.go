// Package jpegstream reads and joins the markers of JPEG streams without
// decoding them: dimensions before a decoder allocates anything, colour
// transform, and the tables that TIFF keeps apart from the tiles.
//
// Marker numbers follow ITU-T T.81 table B.1; the Adobe segment follows Adobe
// Technical Note 5116.
package jpegstream

import (
	"errors"
	"fmt"
)

// Markers of T.81 table B.1 that this package names.
const (
	markerSOI   = 0xd8
	markerEOI   = 0xd9
	markerSOS   = 0xda
	markerDQT   = 0xdb
	markerDHT   = 0xc4
	markerDRI   = 0xdd
	markerAPP0  = 0xe0
	markerAPP14 = 0xee
)

// ErrTruncated: the stream ends before the part that was looked for.
var ErrTruncated = errors.New("JPEG stream is cut off")

// Colour is the meaning of the three components of a JPEG without an Adobe
// segment.
type Colour int

// The meanings a container can declare.
const (
	ColourAuto  Colour = iota // let the decoder guess (JFIF rule: YCbCr)
	ColourRGB                 // components are R, G, B
	ColourYCbCr               // components are Y, Cb, Cr
	ColourGrey                // one component
)

// Header is what a JPEG stream says before its first scan.
type Header struct {
	Width, Height int  // pixels
	Components    int  // 1 grey, 3 colour, 4 CMYK or YCCK
	Precision     int  // bits per sample
	SOF           byte // start-of-frame marker: 0xC0 baseline, 0xC2 progressive, ...
	JFIF          bool // a JFIF APP0 segment is present: YCbCr by its rule
	NamedRGB      bool // the components are called R, G, B
	Subsampled    bool // components differ in sampling: the later ones are chroma
	Adobe         bool // an Adobe APP14 segment is present
	Transform     int  // its colour transform: 0 none, 1 YCbCr, 2 YCCK; meaningful if Adobe
	Quantised     bool // the stream carries quantisation tables of its own
	Huffman       bool // the stream carries Huffman tables of its own
}

// ParseHeader reads the markers up to the first scan. It touches no pixel and
// allocates nothing.
func ParseHeader(data []byte) (Header, error) {
	l, err := parse(data)
	return l.Header, err
}

// Layout is a Header with where its parts lie, which is what cutting a stream at
// its restart markers needs.
type Layout struct {
	Header
	Frame               int // offset of the frame's height, two bytes, before its width
	Scan                int // offset of the first byte of the first scan's data
	Restart             int // MCUs between restart markers, 0 when there are none
	RestartAt           int // offset of that number, two bytes, 0 when there is none
	MCUWidth, MCUHeight int // pixels of an MCU, T.81 section A.2
}

// ParseLayout reads the markers up to the first scan.
func ParseLayout(data []byte) (Layout, error) {
	l, err := parse(data)
	if err == nil && l.MCUWidth == 0 {
		err = errors.New("JPEG frame names no sampling factors")
	}
	return l, err
}

func parse(data []byte) (Layout, error) {
	var h Layout
	if len(data) < 4 || data[0] != 0xff || data[1] != markerSOI {
		return h, errors.New("not a JPEG stream (no start-of-image marker)")
	}
	framed := false
	for i := 2; ; {
		m, body, next, err := segment(data, i)
		if err != nil {
			return h, err
		}
		i = next
		switch {
		case m == markerSOS:
			if !framed {
				return h, errors.New("JPEG scan before its frame header")
			}
			h.Scan = next
			return h, nil
		case m == markerDRI && len(body) >= 2:
			h.Restart = int(body[0])<<8 | int(body[1])
			h.RestartAt = next - len(body)
		case m == markerEOI:
			return h, errors.New("JPEG stream holds no scan")
		case m == markerDQT:
			h.Quantised = true
		case m == markerDHT:
			h.Huffman = true
		case m == markerAPP0 && len(body) >= 5 && string(body[:4]) == "JFIF":
			h.JFIF = true
		case m == markerAPP14 && len(body) >= 12 && string(body[:5]) == "Adobe":
			h.Adobe, h.Transform = true, int(body[11])
		case isSOF(m):
			if len(body) < 6 {
				return h, ErrTruncated
			}
			framed = true
			h.SOF, h.Precision = m, int(body[0])
			h.Height = int(body[1])<<8 | int(body[2])
			h.Width = int(body[3])<<8 | int(body[4])
			h.Components = int(body[5])
			h.Frame = next - len(body) + 1
			h.MCUWidth, h.MCUHeight = mcu(body[6:], h.Components)
			h.readComponents(body[6:])
		}
	}
}

// mcu is the size of an MCU in pixels by the components of a frame, 0 and 0 when
// they are cut off or absurd. A single component is never interleaved: its MCU
// is one block.
func mcu(components []byte, n int) (w, h int) {
	if n < 1 || len(components) < 3*n {
		return 0, 0
	}
	if n == 1 {
		return 8, 8
	}
	for i := range n {
		x, y := int(components[3*i+1]>>4), int(components[3*i+1]&15)
		if x < 1 || x > 4 || y < 1 || y > 4 {
			return 0, 0
		}
		w, h = max(w, 8*x), max(h, 8*y)
	}
	return w, h
}

// readComponents looks at names and sampling of a frame's components, T.81
// B.2.2: three bytes each.
func (h *Header) readComponents(b []byte) {
	if h.Components != 3 || len(b) < 9 {
		return
	}
	h.NamedRGB = b[0] == 'R' && b[3] == 'G' && b[6] == 'B'
	h.Subsampled = b[1] != b[4] || b[1] != b[7]
}

// isSOF: C0..CF without DHT, JPG and DAC.
func isSOF(m byte) bool {
	return m >= 0xc0 && m <= 0xcf && m != markerDHT && m != 0xc8 && m != 0xcc
}

// segment reads the marker at or after data[i] (fill bytes are skipped) and
// its parameters.
func segment(data []byte, i int) (m byte, body []byte, next int, err error) {
	for i < len(data) && data[i] != 0xff { // tolerate stray bytes as libjpeg does
		i++
	}
	for i < len(data) && data[i] == 0xff {
		i++
	}
	if i >= len(data) {
		return 0, nil, 0, ErrTruncated
	}
	m = data[i]
	i++
	if m == markerSOI || m == markerEOI || m == 0x01 || m == 0x00 || m >= 0xd0 && m <= 0xd7 {
		return m, nil, i, nil
	}
	if i+2 > len(data) {
		return 0, nil, 0, ErrTruncated
	}
	n := int(data[i])<<8 | int(data[i+1])
	if n < 2 || i+n > len(data) {
		return 0, nil, 0, fmt.Errorf("%w (segment %02X of %d bytes)", ErrTruncated, m, n)
	}
	return m, data[i+2 : i+n], i + n, nil
}

// app14 is an Adobe segment with colour transform 0; the last byte is the
// transform.
var app14 = [16]byte{0xff, markerAPP14, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, 0}

// Prefix builds the bytes that turn an abbreviated tile into a whole stream:
// SOI, an Adobe segment when colour must be forced, and the tables of the
// container (tag 347), which may be nil. A tile is appended to it from the
// tile's third byte on, the tile's own SOI being the prefix's.
//
// It returns an error when tables are not a JPEG table stream: an image whose
// tables are garbage is refused when it is opened, not tile by tile.
func Prefix(tables []byte, colour Colour) ([]byte, error) {
	out := []byte{0xff, markerSOI}
	adobe := colour == ColourRGB || colour == ColourYCbCr
	var body []byte
	if len(tables) > 0 {
		var err error
		if body, err = tablesBody(tables); err != nil {
			return nil, err
		}
	}
	if adobe {
		out = append(out, app14[:]...)
		if colour == ColourYCbCr {
			out[len(out)-1] = 1
		}
	}
	return append(out, body...), nil
}

// tablesBody checks a tables-only stream and strips SOI and EOI.
func tablesBody(t []byte) ([]byte, error) {
	if len(t) < 4 || t[0] != 0xff || t[1] != markerSOI {
		return nil, errors.New("JPEG tables do not begin with a start-of-image marker")
	}
	for i := 2; ; {
		m, _, next, err := segment(t, i)
		if err != nil {
			return nil, fmt.Errorf("JPEG tables: %w", err)
		}
		switch {
		case m == markerEOI:
			return t[2 : next-2], nil
		case m == markerSOS || isSOF(m):
			return nil, errors.New("JPEG tables hold an image")
		case next >= len(t): // EOI left out: seen in the wild, harmless
			return t[2:next], nil
		}
		i = next
	}
}
