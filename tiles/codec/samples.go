package codec

import (
	"fmt"
	"image"

	"coverslip/tiles"
	"coverslip/tiles/jpeg2000"
	"coverslip/tiles/jpeglossless"
	"coverslip/tiles/jpegls"
)

// maxSamples bounds a decoded picture: 64 Mpx of four components.
const maxSamples = 1 << 28

// Samples is a picture as the numbers that are stored, before they become
// colours: microscopes' 10, 12 and 16 bits, and colour spaces that the
// container names.
//
// A caller fills in what its container promises and keeps the value for the
// next tile: Pix is grown when it is too small and used again otherwise.
type Samples struct {
	Width, Height int      // pixels, as the container promises them
	Components    int      // samples of a pixel, as the container promises them
	Bits          int      // of a sample: before decoding the most that may come (1 to 16), after it what the stream has
	Signed        bool     // the numbers are in two's complement of 16 bits; set by decoding
	Pix           []uint16 // row by row, the components of a pixel together
}

// prepare checks what the caller asks for and makes Pix that large.
func (m *Samples) prepare() error {
	switch {
	case m.Width < 1 || m.Height < 1 || m.Components < 1 || m.Components > 4096 ||
		m.Width > maxSamples || m.Height > maxSamples || m.Width*m.Height > maxSamples/m.Components:
		return fmt.Errorf("a picture of %d×%d pixels of %d components", m.Width, m.Height, m.Components)
	case m.Bits < 1 || m.Bits > 16:
		return fmt.Errorf("samples of %d bits (1 to 16 are read)", m.Bits)
	}
	n := m.Width * m.Height * m.Components
	if cap(m.Pix) < n {
		m.Pix = make([]uint16, n)
	}
	m.Pix = m.Pix[:n]
	m.Signed = false
	return nil
}

// fits compares what a stream says of itself with what is due.
func (m *Samples) fits(w, h, components, bits int) error {
	switch {
	case w != m.Width || h != m.Height:
		return fmt.Errorf("is %d×%d pixels where %d×%d are due", w, h, m.Width, m.Height)
	case components != m.Components:
		return fmt.Errorf("of %d components where %d are due", components, m.Components)
	case bits > m.Bits:
		return fmt.Errorf("of %d bits where at most %d are due", bits, m.Bits)
	}
	return nil
}

// Draw paints unsigned samples of one (grey) or three (red, green, blue)
// components into dst, whose size must be theirs; more than 8 bits lose the
// lowest, fewer are spread.
func (m *Samples) Draw(dst *image.RGBA) error {
	switch {
	case dst.Rect.Dx() != m.Width || dst.Rect.Dy() != m.Height || len(m.Pix) < m.Width*m.Height*m.Components:
		return fmt.Errorf("a picture of %d×%d pixels into one of %v", m.Width, m.Height, dst.Rect.Size())
	case m.Components != 1 && m.Components != 3 || m.Signed:
		return &tiles.UnsupportedError{Format: "codec", What: fmt.Sprintf("colours of %d components (signed: %t)", m.Components, m.Signed)}
	}
	full := 1<<m.Bits - 1
	to8 := func(v uint16) byte {
		if m.Bits >= 8 {
			return byte(v >> (m.Bits - 8))
		}
		return byte((int(v)*255 + full/2) / full)
	}
	g, b := 0, 0
	if m.Components == 3 {
		g, b = 1, 2
	}
	for y := range m.Height {
		row := dst.Pix[y*dst.Stride : y*dst.Stride+4*m.Width]
		src := m.Pix[y*m.Width*m.Components : (y+1)*m.Width*m.Components]
		for x := range m.Width {
			s, p := src[x*m.Components:], row[4*x:4*x+4:4*x+4]
			p[0], p[1], p[2], p[3] = to8(s[0]), to8(s[g]), to8(s[b]), 255
		}
	}
	return nil
}

// JPEG2000Samples decodes a JPEG 2000 codestream or JP2 file into dst: all its
// components without any conversion but the stream's own component transform.
// Components that are sampled more coarsely than the first are repeated.
//
// Errors: what contradicts dst (found before anything is decoded), features
// that are not read (*tiles.UnsupportedError), damage.
func (s *Set) JPEG2000Samples(dst *Samples, data []byte) error {
	if err := dst.prepare(); err != nil {
		return err
	}
	h, err := JPEG2000Header(data)
	if err != nil {
		return err
	}
	if err := dst.fits(h.Width, h.Height, h.Components, h.Precision[0]); err != nil {
		return fmt.Errorf("JPEG 2000 image %w", err)
	}
	for c := 1; c < h.Components; c++ {
		if h.Precision[c] != h.Precision[0] || h.Signed[c] != h.Signed[0] {
			return &tiles.UnsupportedError{Format: "codec", What: "JPEG 2000 image of components of different bits"}
		}
	}
	dst.Bits, dst.Signed = h.Precision[0], h.Signed[0]
	if s.j2k != nil {
		return s.j2k.DecodeSamples(dst.Pix, data, 0)
	}
	return jpeg2000.DecodeSamples(dst.Pix, data, 0)
}

// JPEGLS decodes a JPEG-LS stream (ITU-T T.87) into dst.
//
// Errors: as JPEG2000Samples.
func (s *Set) JPEGLS(dst *Samples, data []byte) error {
	if err := dst.prepare(); err != nil {
		return err
	}
	h, err := jpegls.ParseHeader(data)
	if err != nil {
		return err
	}
	if err := dst.fits(h.Width, h.Height, h.Components, h.Bits); err != nil {
		return fmt.Errorf("JPEG-LS picture %w", err)
	}
	dst.Bits = h.Bits
	return jpegls.Decode(dst.Pix, data)
}

// JPEGLossless decodes a JPEG stream of the lossless process (SOF3, ITU-T T.81
// annex H) into dst.
//
// Errors: as JPEG2000Samples.
func (s *Set) JPEGLossless(dst *Samples, data []byte) error {
	if err := dst.prepare(); err != nil {
		return err
	}
	h, err := jpeglossless.ParseHeader(data)
	if err != nil {
		return err
	}
	if err := dst.fits(h.Width, h.Height, h.Components, h.Bits); err != nil {
		return fmt.Errorf("lossless JPEG %w", err)
	}
	dst.Bits = h.Bits
	return jpeglossless.Decode(dst.Pix, data)
}
