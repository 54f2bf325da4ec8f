package jpeg2000

import (
	"encoding/binary"
	"fmt"

	"coverslip/tiles"
)

// Markers of a codestream, T.800 table A.2.
const (
	markSOC = 0xff4f
	markCAP = 0xff50
	markSIZ = 0xff51
	markCOD = 0xff52
	markCOC = 0xff53
	markQCD = 0xff5c
	markQCC = 0xff5d
	markRGN = 0xff5e
	markPOC = 0xff5f
	markPPM = 0xff60
	markPPT = 0xff61
	markSOT = 0xff90
	markSOP = 0xff91
	markEPH = 0xff92
	markSOD = 0xff93
	markEOC = 0xffd9
)

// Limits of what is decoded.
const (
	MaxComponents = 4       // more is never a picture of a slide
	MaxPixels     = 1 << 26 // 64 Mpx
	MaxPrecision  = 16      // bits of a sample
	maxTiles      = 1 << 14 // tiles within one codestream
	maxLevels     = 32      // decompositions, T.800 table A.15
)

// Header is what a codestream says in its main header.
type Header struct {
	Width, Height int       // pixels of the reference grid that the image covers
	Components    int       // 1 to MaxComponents
	Precision     [4]int    // bits per sample of the components, 1 to MaxPrecision
	Signed        [4]bool   // whether a component's samples are signed
	Subsampling   [4][2]int // horizontal and vertical step of the components
	MCT           bool      // a component transform makes R,G,B of the first three
	Resolutions   int       // decompositions of the default coding style
	Tiles         int64     // tiles of the codestream

	x0, y0, x1, y1 int // the image on the reference grid
	tx, ty, tw, th int // origin and size of the tile grid
}

func damaged(format string, args ...any) error {
	return &tiles.FormatError{Format: "jpeg2000", What: fmt.Sprintf(format, args...)}
}

func unsupported(format string, args ...any) error {
	return &tiles.UnsupportedError{Format: "jpeg2000", What: fmt.Sprintf(format, args...)}
}

// Codestream returns the codestream of a JP2 file (its jp2c box), or data
// itself when it is a bare codestream. T.800 annex I.
func Codestream(data []byte) ([]byte, error) {
	if len(data) >= 4 && binary.BigEndian.Uint32(data) == markSOC<<16|markSIZ {
		return data, nil
	}
	if len(data) < 12 || string(data[4:8]) != "jP  " {
		return nil, damaged("not a JPEG 2000 codestream")
	}
	for len(data) >= 8 {
		kind, body, rest, err := box(data)
		switch {
		case err != nil:
			return nil, err
		case kind == "jp2c":
			return body, nil
		case kind == "jp2h":
			if err := readable(body); err != nil {
				return nil, err
			}
		}
		data = rest
	}
	return nil, damaged("JP2 file holds no codestream")
}

// box splits data, at least 8 bytes, behind its first box.
func box(data []byte) (kind string, body, rest []byte, err error) {
	n, head := uint64(binary.BigEndian.Uint32(data)), uint64(8)
	switch {
	case n == 0:
		n = uint64(len(data))
	case n == 1 && len(data) >= 16:
		n, head = binary.BigEndian.Uint64(data[8:]), 16
	}
	if n < head || n > uint64(len(data)) {
		return "", nil, nil, damaged("JP2 box is longer than its file")
	}
	return string(data[4:8]), data[head:n], data[n:], nil
}

// readable refuses what the boxes of a JP2 header do to the samples and this
// package does not: a palette.
func readable(jp2h []byte) error {
	for len(jp2h) >= 8 {
		kind, _, rest, err := box(jp2h)
		if err != nil {
			return err
		}
		if kind == "pclr" {
			return unsupported("JP2 file with a palette")
		}
		jp2h = rest
	}
	return nil
}

// ParseHeader reads SIZ and COD of a bare codestream and checks them against
// the limits above. T.800 A.5.1 and A.6.1.
func ParseHeader(cs []byte) (Header, error) {
	var h Header
	if len(cs) < 4 || binary.BigEndian.Uint16(cs) != markSOC {
		return h, damaged("not a JPEG 2000 codestream")
	}
	sized := false
	for p := cs[2:]; ; {
		if len(p) < 4 {
			return h, damaged("main header is cut off")
		}
		marker, n := binary.BigEndian.Uint16(p), int(binary.BigEndian.Uint16(p[2:]))
		if marker == markSOT || marker == markEOC { // the main header ends
			if !sized {
				return h, damaged("codestream without SIZ")
			}
			return h, nil
		}
		if n < 2 || 2+n > len(p) {
			return h, damaged("main header is cut off")
		}
		body := p[4 : 2+n]
		switch marker {
		case markSIZ:
			if err := h.size(body); err != nil {
				return h, err
			}
			sized = true
		case markCOD:
			if len(body) < 6 {
				return h, damaged("coding style is cut off")
			}
			h.MCT, h.Resolutions = body[4] == 1, int(body[5])
		}
		p = p[2+n:]
	}
}

// size parses the parameters of SIZ.
func (h *Header) size(b []byte) error {
	if len(b) < 36 {
		return damaged("SIZ is cut off")
	}
	u := func(i int) int64 { return int64(binary.BigEndian.Uint32(b[i:])) }
	x1, y1, x0, y0 := u(2), u(6), u(10), u(14)
	tw, th, tx, ty := u(18), u(22), u(26), u(30)
	n := int(binary.BigEndian.Uint16(b[34:]))
	w, ht := x1-x0, y1-y0
	switch {
	case w < 1 || ht < 1 || w > MaxPixels || ht > MaxPixels || w*ht > MaxPixels:
		return damaged("image of %d×%d pixels", w, ht)
	case n < 1 || n > MaxComponents:
		return unsupported("image of %d components", n)
	case len(b) < 36+3*n:
		return damaged("SIZ is cut off")
	case tw < 1 || th < 1 || tx > x0 || ty > y0 || tx+tw <= x0 || ty+th <= y0:
		return damaged("tile grid does not cover the image")
	}
	h.Tiles = ((x1 - tx + tw - 1) / tw) * ((y1 - ty + th - 1) / th)
	if h.Tiles > maxTiles {
		return damaged("image of %d tiles", h.Tiles)
	}
	h.Width, h.Height, h.Components = int(w), int(ht), n
	h.x0, h.y0, h.x1, h.y1 = int(x0), int(y0), int(x1), int(y1)
	h.tx, h.ty, h.tw, h.th = int(tx), int(ty), int(tw), int(th)
	for i := range n {
		c := b[36+3*i:]
		h.Signed[i], h.Precision[i] = c[0]&0x80 != 0, int(c[0]&0x7f)+1
		h.Subsampling[i] = [2]int{int(c[1]), int(c[2])}
		if c[1] < 1 || c[1] > 4 || c[2] < 1 || c[2] > 4 {
			return damaged("component %d sampled at 1:%d,1:%d", i, c[1], c[2])
		}
		if h.Precision[i] > MaxPrecision {
			return unsupported("component %d of %d bits (1 to %d are read)", i, h.Precision[i], MaxPrecision)
		}
	}
	return nil
}

// Colours8 returns nil when every component has unsigned samples of 8 bits,
// which is what a picture of colours is made of.
func (h *Header) Colours8() error {
	for i := range h.Components {
		if h.Signed[i] || h.Precision[i] != 8 {
			return unsupported("component %d of %d bits (signed: %t) as a colour of unsigned 8", i, h.Precision[i], h.Signed[i])
		}
	}
	return nil
}

// Reduced is the size in pixels of the image without its finest r resolutions.
func (h *Header) Reduced(r int) (w, ht int) {
	return ceilShift(h.x1, r) - ceilShift(h.x0, r), ceilShift(h.y1, r) - ceilShift(h.y0, r)
}

func ceilShift(v, n int) int { return (v + 1<<n - 1) >> n }

func ceilDiv(v, n int) int { return (v + n - 1) / n }
