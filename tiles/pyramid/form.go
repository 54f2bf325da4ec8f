package pyramid

import (
	"errors"
	"image/color"

	"coverslip/tiles/jpegstream"
)

// form is what all JPEG tiles of one level of a file must have in common.
type form struct {
	width, height int // pixels
	components    int
	mcuW, mcuH    int  // pixels: 8 and 8 without chroma subsampling
	rgb           bool // components are R, G, B and not Y, Cb, Cr
}

// formOf reads the header of a stream. Only the baseline process with 8 bits is
// a form that every reader of every format knows.
func formOf(data []byte) (form, error) {
	h, err := jpegstream.ParseLayout(data)
	switch {
	case err != nil:
		return form{}, err
	case h.SOF != 0xc0 || h.Precision != 8 || !h.Quantised || !h.Huffman:
		return form{}, errors.New("not a baseline JPEG stream of 8 bits with its tables")
	case h.Components != 3:
		return form{}, errors.New("not a JPEG in colour")
	}
	rgb := h.Adobe && h.Transform == 0 || !h.Adobe && !h.JFIF && h.NamedRGB
	return form{h.Width, h.Height, h.Components, h.MCUWidth, h.MCUHeight, rgb}, nil
}

// flat is a stream of the form that is one colour all over: a tile that the
// source never stored, for files that must hold something.
func (f form) flat(c color.NRGBA) []byte {
	comp := [3]byte{c.R, c.G, c.B}
	if !f.rgb {
		comp[0], comp[1], comp[2] = color.RGBToYCbCr(c.R, c.G, c.B)
	}
	out := []byte{0xff, 0xd8}
	if f.components == 3 { // Adobe Technical Note 5116
		transform := byte(1)
		if f.rgb {
			transform = 0
		}
		out = append(out, 0xff, 0xee, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, transform)
	}
	// One quantisation table of 8: the mean of a block is then its first
	// coefficient as it is (T.81 A.3.3, A.3.4).
	out = append(out, 0xff, 0xdb, 0, 67, 0)
	for range 64 {
		out = append(out, 8)
	}
	out = append(out, 0xff, 0xc0, 0, byte(8+3*f.components), 8, byte(f.height>>8), byte(f.height), byte(f.width>>8), byte(f.width), byte(f.components))
	blocks := [3]int{1, 1, 1}
	for i := range f.components {
		sampling := byte(0x11)
		if i == 0 && f.components == 3 {
			sampling = byte(f.mcuW/8)<<4 | byte(f.mcuH/8)
			blocks[0] = f.mcuW / 8 * f.mcuH / 8
		}
		out = append(out, byte(i), sampling, 0)
	}
	// DC codes of one length, 4 bits, for the categories 0 to 8; the only AC code
	// is that of the end of a block (T.81 F.1.2).
	out = append(out, 0xff, 0xc4, 0, 19+9, 0x00, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8)
	out = append(out, 0xff, 0xc4, 0, 19+1, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	out = append(out, 0xff, 0xda, 0, byte(6+2*f.components), byte(f.components))
	for i := range f.components {
		out = append(out, byte(i), 0)
	}
	out = append(out, 0, 63, 0)
	b := bitWriter{out: out}
	var last [3]int
	mcus := ((f.width + f.mcuW - 1) / f.mcuW) * ((f.height + f.mcuH - 1) / f.mcuH)
	for range mcus {
		for i := range f.components {
			for range blocks[i] {
				v := int(comp[i]) - 128
				b.difference(v - last[i])
				last[i] = v
			}
		}
	}
	return b.end()
}

// bitWriter writes the entropy-coded segment.
type bitWriter struct {
	out  []byte
	acc  uint32
	bits uint
}

func (w *bitWriter) put(v uint32, n uint) {
	w.acc = w.acc<<n | v&(1<<n-1)
	for w.bits += n; w.bits >= 8; w.bits -= 8 {
		c := byte(w.acc >> (w.bits - 8))
		if w.out = append(w.out, c); c == 0xff {
			w.out = append(w.out, 0) // T.81 B.1.1.5
		}
	}
}

// difference writes a block of nothing but its mean, as the difference from the
// block before.
func (w *bitWriter) difference(d int) {
	n, v := uint(0), d
	for a := max(d, -d); a > 0; a >>= 1 {
		n++
	}
	if d < 0 {
		v = d + 1<<n - 1
	}
	w.put(uint32(n), 4)
	if n > 0 {
		w.put(uint32(v), n)
	}
	w.put(0, 1) // end of block
}

func (w *bitWriter) end() []byte {
	if w.bits > 0 {
		w.put(1<<7-1, 8-w.bits) // padded with ones
	}
	return append(w.out, 0xff, 0xd9)
}
