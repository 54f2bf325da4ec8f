package openjpeg

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Header is what a JPEG 2000 codestream says in its main header.
type Header struct {
	Width, Height int       // pixels of the reference grid that the image covers
	Components    int       // 1 to MaxComponents
	Precision     [4]int    // bits per sample of the first components
	Subsampling   [4][2]int // horizontal and vertical step of the first components
	MCT           bool      // a component transform makes R,G,B of the first three
	Resolutions   int       // decompositions of the default coding style
	Tiles         int64     // tiles of the codestream
}

// Limits of what is handed to the native library.
const (
	MaxComponents = 4       // more is never a brightfield tile
	MaxPixels     = 1 << 26 // 64 Mpx
	maxTiles      = 1 << 14 // tiles within one codestream
)

// Codestream returns the codestream of a JP2 file (its jp2c box), or data
// itself when it is a bare codestream. ITU-T T.800 annex I.
func Codestream(data []byte) ([]byte, error) {
	if len(data) >= 4 && binary.BigEndian.Uint32(data) == 0xff4fff51 {
		return data, nil
	}
	if len(data) < 12 || string(data[4:8]) != "jP  " {
		return nil, errors.New("not a JPEG 2000 codestream")
	}
	for len(data) >= 8 {
		n, head := uint64(binary.BigEndian.Uint32(data)), uint64(8)
		switch {
		case n == 0:
			n = uint64(len(data))
		case n == 1 && len(data) >= 16:
			n, head = binary.BigEndian.Uint64(data[8:]), 16
		}
		if n < head || n > uint64(len(data)) {
			return nil, errors.New("JP2 box is longer than its file")
		}
		if string(data[4:8]) == "jp2c" {
			return data[head:n], nil
		}
		data = data[n:]
	}
	return nil, errors.New("JP2 file holds no codestream")
}

// ParseHeader reads SIZ and COD of a bare codestream and checks them against
// the limits above. ITU-T T.800 A.5.1 and A.6.1.
func ParseHeader(cs []byte) (Header, error) {
	var h Header
	if len(cs) < 4 || binary.BigEndian.Uint16(cs) != 0xff4f {
		return h, errors.New("not a JPEG 2000 codestream")
	}
	sized := false
	for p := cs[2:]; ; {
		if len(p) < 4 {
			return h, errors.New("JPEG 2000 main header is cut off")
		}
		marker, n := binary.BigEndian.Uint16(p), int(binary.BigEndian.Uint16(p[2:]))
		if marker == 0xff90 || marker == 0xffd9 { // SOT, EOC: the main header ends
			if !sized {
				return h, errors.New("JPEG 2000 codestream without SIZ")
			}
			return h, nil
		}
		if n < 2 || 2+n > len(p) {
			return h, errors.New("JPEG 2000 main header is cut off")
		}
		body := p[4 : 2+n]
		switch marker {
		case 0xff51:
			if err := h.size(body); err != nil {
				return h, err
			}
			sized = true
		case 0xff52:
			if len(body) < 6 {
				return h, errors.New("JPEG 2000 coding style is cut off")
			}
			h.MCT, h.Resolutions = body[4] == 1, int(body[5])
		}
		p = p[2+n:]
	}
}

// size parses the parameters of SIZ.
func (h *Header) size(b []byte) error {
	if len(b) < 36 {
		return errors.New("JPEG 2000 SIZ is cut off")
	}
	u := func(i int) int64 { return int64(binary.BigEndian.Uint32(b[i:])) }
	x1, y1, x0, y0 := u(2), u(6), u(10), u(14)
	tw, th, tx, ty := u(18), u(22), u(26), u(30)
	n := int(binary.BigEndian.Uint16(b[34:]))
	w, ht := x1-x0, y1-y0
	switch {
	case w < 1 || ht < 1 || w > MaxPixels || ht > MaxPixels || w*ht > MaxPixels:
		return fmt.Errorf("JPEG 2000 image of %d×%d pixels", w, ht)
	case n < 1 || n > MaxComponents:
		return fmt.Errorf("JPEG 2000 image of %d components", n)
	case len(b) < 36+3*n:
		return errors.New("JPEG 2000 SIZ is cut off")
	case tw < 1 || th < 1 || tx > x0 || ty > y0 || tx+tw <= x0 || ty+th <= y0:
		return errors.New("JPEG 2000 tile grid does not cover the image")
	}
	h.Tiles = ((x1 - tx + tw - 1) / tw) * ((y1 - ty + th - 1) / th)
	if h.Tiles > maxTiles {
		return fmt.Errorf("JPEG 2000 image of %d tiles", h.Tiles)
	}
	h.Width, h.Height, h.Components = int(w), int(ht), n
	for i := range n {
		c := b[36+3*i:]
		h.Precision[i] = int(c[0]&0x7f) + 1
		h.Subsampling[i] = [2]int{int(c[1]), int(c[2])}
		if c[1] < 1 || c[1] > 4 || c[2] < 1 || c[2] > 4 {
			return fmt.Errorf("JPEG 2000 component %d sampled at 1:%d,1:%d", i, c[1], c[2])
		}
		if c[0]&0x80 != 0 || h.Precision[i] != 8 {
			return fmt.Errorf("JPEG 2000 component %d of %d bits (only unsigned 8 is read)", i, h.Precision[i])
		}
	}
	return nil
}
