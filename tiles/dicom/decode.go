package dicom

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"sync"

	"coverslip/tiles/codec"
	"coverslip/tiles/jpeg2000"
	"coverslip/tiles/jpegstream"
)

// buffers are scratch space for stored frames and for frames that overhang the
// image; a tile would cost two garbage allocations otherwise.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// scratch returns a pooled buffer of n bytes of any content.
func scratch(n int) *[]byte {
	b := buffers.Get().(*[]byte)
	if cap(*b) < n {
		*b = make([]byte, n)
	}
	*b = (*b)[:n]
	return b
}

// room is left before a JPEG frame for an Adobe segment.
const room = 16

// load reads frame i behind room bytes. The buffer must be given back to the
// pool.
func (in *instance) load(i int) (*[]byte, error) {
	b := scratch(room)
	var err error
	if *b, err = in.table.Append(*b, i); err != nil {
		buffers.Put(b)
		return nil, err
	}
	return b, nil
}

// readFrame decodes a frame in colour or in grey of 8 bits, of which dst shows
// the upper left part.
func (in *instance) readFrame(i int, dst *image.RGBA) error {
	b, err := in.load(i)
	if err != nil {
		return err
	}
	defer buffers.Put(b)
	data := (*b)[room:]
	switch in.coding {
	case codingJPEG:
		return in.readJPEG(*b, dst)
	case codingJPEG2000:
		return in.readJ2K(data, dst)
	case codingNative:
		if int64(len(data)) < in.frameBytes() { // encapsulated without compression
			return fmt.Errorf("%d bytes where %d are due", len(data), in.frameBytes())
		}
		in.expand8(dst, data)
		return nil
	}
	m := takeSamples()
	defer samples.Put(m)
	if err := in.unpack(m, data); err != nil {
		return err
	}
	in.drawSamples(dst, m)
	return nil
}

// samples are pictures as numbers, used again for the next frame.
var samples = sync.Pool{New: func() any { return new(codec.Samples) }}

func takeSamples() *codec.Samples { return samples.Get().(*codec.Samples) }

// unpack decodes a compressed frame into the numbers it holds.
func (in *instance) unpack(m *codec.Samples, data []byte) error {
	m.Width, m.Height, m.Components, m.Bits = in.tileW, in.tileH, in.samples, in.bits
	var err error
	switch in.coding {
	case codingJPEG2000:
		err = in.codecs.JPEG2000Samples(m, data)
	case codingJPEGLS:
		err = in.codecs.JPEGLS(m, data)
	case codingLossless:
		err = in.codecs.JPEGLossless(m, data)
	case codingRLE:
		err = in.codecs.RLE(m, data)
	default:
		err = fmt.Errorf("no samples of coding %d", in.coding)
	}
	if err == nil && m.Signed {
		err = errors.New("the stream's samples are signed, the data set's are not")
	}
	return err
}

// drawSamples turns samples of 8 bits into RGBA.
func (in *instance) drawSamples(dst *image.RGBA, m *codec.Samples) {
	g, b := 0, 0
	if m.Components == 3 {
		g, b = 1, 2
	}
	ycc := in.photometric == "YBR_FULL"
	for y := range dst.Rect.Dy() {
		row := dst.Pix[y*dst.Stride : y*dst.Stride+4*dst.Rect.Dx()]
		src := m.Pix[y*m.Width*m.Components:]
		for x := 0; x < len(row)/4; x++ {
			s, p := src[x*m.Components:], row[4*x:4*x+4:4*x+4]
			p[0], p[1], p[2], p[3] = byte(s[0]), byte(s[g]), byte(s[b]), 255
			if ycc {
				toRGB(p)
			}
		}
	}
	in.invert(dst)
}

// readGrey decodes a frame into the numbers it holds, of which dst takes the
// upper left part of w×h. What is white at 0 is not turned round.
func (in *instance) readGrey(i int, dst []uint16, w, h int) error {
	if in.bits == 8 && (in.coding == codingJPEG || in.coding == codingJPEG2000) {
		return in.readGrey8(i, dst, w, h)
	}
	b, err := in.load(i)
	if err != nil {
		return err
	}
	defer buffers.Put(b)
	data := (*b)[room:]
	if in.coding == codingNative {
		if int64(len(data)) < in.frameBytes() {
			return fmt.Errorf("%d bytes where %d are due", len(data), in.frameBytes())
		}
		in.copyGrey(dst, data, w, h)
		return nil
	}
	m := takeSamples()
	defer samples.Put(m)
	if err := in.unpack(m, data); err != nil {
		return err
	}
	mask := in.mask()
	for y := range h {
		src := m.Pix[y*m.Width : y*m.Width+w]
		for x, v := range src {
			dst[y*w+x] = v & mask
		}
	}
	return nil
}

// readGrey8 goes through a picture: the decoders of 8 bits give nothing else.
func (in *instance) readGrey8(i int, dst []uint16, w, h int) error {
	b := scratch(4 * w * h)
	defer buffers.Put(b)
	m := &image.RGBA{Pix: *b, Stride: 4 * w, Rect: image.Rect(0, 0, w, h)}
	if err := in.readFrame(i, m); err != nil {
		return err
	}
	in.invert(m) // back: readFrame has turned it round
	for i := range dst[:w*h] {
		dst[i] = uint16(m.Pix[4*i])
	}
	return nil
}

// mask takes away the bits above those that are stored, which may hold anything.
func (in *instance) mask() uint16 { return uint16(1<<in.stored - 1) }

// copyGrey takes plain samples, little endian.
func (in *instance) copyGrey(dst []uint16, raw []byte, w, h int) {
	mask := in.mask()
	for y := range h {
		row := dst[y*w : (y+1)*w]
		if in.bits == 8 {
			for x, v := range raw[y*in.tileW : y*in.tileW+w] {
				row[x] = uint16(v)
			}
			continue
		}
		src := raw[2*y*in.tileW:]
		for x := range row {
			row[x] = binary.LittleEndian.Uint16(src[2*x:]) & mask
		}
	}
}

// readJPEG decodes the stream that begins room bytes into b. The stream says
// what its colours are, by an Adobe or JFIF segment, names of components or
// chroma subsampling. Only a stream that says nothing is believed to be what
// the data set says: writers of both lies have been seen.
func (in *instance) readJPEG(b []byte, dst *image.RGBA) error {
	data := b[room:]
	h, err := jpegstream.ParseHeader(data)
	if err != nil {
		return err
	}
	if h.Width != in.tileW || h.Height != in.tileH { // before any memory is taken for it
		return fmt.Errorf("JPEG is %d×%d pixels where %d×%d are due", h.Width, h.Height, in.tileW, in.tileH)
	}
	if h.Precision != 8 {
		return fmt.Errorf("JPEG of %d bits per sample", h.Precision)
	}
	if in.bareRGB(h) {
		prefix, err := jpegstream.Prefix(nil, jpegstream.ColourRGB)
		if err != nil {
			return err
		}
		at := room + 2 - len(prefix) // the stream's own start-of-image is the prefix's
		if at < 0 {
			return errors.New("the Adobe segment has no room")
		}
		copy(b[at:], prefix)
		data = b[at:]
	}
	return in.whole(dst, func(full *image.RGBA) error {
		if err := in.codecs.JPEG(full, data, in.samples); err != nil {
			return err
		}
		in.invert(full)
		return nil
	})
}

// readJ2K decodes a JPEG 2000 stream. With a component transform the decoder
// gives RGB; without one the components are what the data set says.
func (in *instance) readJ2K(data []byte, dst *image.RGBA) error {
	w, h, err := codec.JPEG2000Size(data)
	if err != nil {
		return err
	}
	if w != in.tileW || h != in.tileH { // before any memory is taken for it
		return fmt.Errorf("JPEG 2000 image is %d×%d pixels where %d×%d are due", w, h, in.tileW, in.tileH)
	}
	cs, err := jpeg2000.Codestream(data)
	if err != nil {
		return err
	}
	head, err := jpeg2000.ParseHeader(cs)
	if err != nil {
		return err
	}
	colour := jpeg2000.ColourRGB
	switch {
	case in.samples == 1:
		colour = jpeg2000.ColourGrey
	case !head.MCT && in.photometric != "RGB":
		colour = jpeg2000.ColourYCbCr
	}
	return in.whole(dst, func(full *image.RGBA) error {
		if err := in.codecs.JPEG2000(full, cs, colour); err != nil {
			return err
		}
		in.invert(full)
		return nil
	})
}

// whole decodes a frame straight into dst when dst is that large, else into
// scratch space of which dst's part is copied.
func (in *instance) whole(dst *image.RGBA, decode func(*image.RGBA) error) error {
	w, h := dst.Rect.Dx(), dst.Rect.Dy()
	if w == in.tileW && h == in.tileH {
		return decode(dst)
	}
	b := scratch(4 * in.tileW * in.tileH)
	defer buffers.Put(b)
	full := &image.RGBA{Pix: *b, Stride: 4 * in.tileW, Rect: image.Rect(0, 0, in.tileW, in.tileH)}
	if err := decode(full); err != nil {
		return err
	}
	for y := range h {
		copy(dst.Pix[y*dst.Stride:y*dst.Stride+4*w], full.Pix[y*full.Stride:])
	}
	return nil
}

// expand8 turns plain samples of 8 bits into RGBA.
func (in *instance) expand8(dst *image.RGBA, raw []byte) {
	step, next := in.samples, 1 // from pixel to pixel, from sample to sample
	if in.planar {
		step, next = 1, in.tileW*in.tileH
	}
	g, b := next, 2*next
	if in.samples == 1 {
		g, b = 0, 0
	}
	if in.photometric == "YBR_FULL_422" {
		in.expand422(dst, raw)
		return
	}
	ycc := in.photometric == "YBR_FULL"
	for y := range dst.Rect.Dy() {
		row := dst.Pix[y*dst.Stride : y*dst.Stride+4*dst.Rect.Dx()]
		src := raw[y*in.tileW*step:]
		for x := 0; x < len(row)/4; x++ {
			s, p := x*step, row[4*x:4*x+4:4*x+4]
			p[0], p[1], p[2], p[3] = src[s], src[s+g], src[s+b], 255
			if ycc {
				toRGB(p)
			}
		}
	}
	in.invert(dst)
}

// expand422 turns plain samples Y, Y, Cb, Cr of two pixels each into RGBA.
func (in *instance) expand422(dst *image.RGBA, raw []byte) {
	for y := range dst.Rect.Dy() {
		row := dst.Pix[y*dst.Stride : y*dst.Stride+4*dst.Rect.Dx()]
		src := raw[2*y*in.tileW:]
		for x := 0; x < len(row)/4; x++ {
			q, p := src[x/2*4:x/2*4+4], row[4*x:4*x+4:4*x+4]
			p[0], p[1], p[2], p[3] = q[x%2], q[2], q[3], 255
			toRGB(p)
		}
	}
}

// toRGB converts a pixel of YBR_FULL, PS3.3 C.7.6.3.1.2, in 16-bit fixed point.
func toRGB(p []byte) {
	y, cb, cr := int32(p[0]), int32(p[1])-128, int32(p[2])-128
	clamp := func(v int32) byte { return byte(min(max(v, 0), 255)) }
	p[0] = clamp(y + (91881*cr+32768)>>16)
	p[1] = clamp(y + (-22554*cb-46802*cr+32768)>>16)
	p[2] = clamp(y + (116130*cb+32768)>>16)
}

// invert turns a picture whose white is 0 (MONOCHROME1) into one whose black is
// 0.
func (in *instance) invert(m *image.RGBA) {
	if in.photometric != "MONOCHROME1" {
		return
	}
	for y := range m.Rect.Dy() {
		row := m.Pix[y*m.Stride : y*m.Stride+4*m.Rect.Dx()]
		for x := 0; x < len(row); x += 4 {
			row[x], row[x+1], row[x+2] = 255-row[x], 255-row[x+1], 255-row[x+2]
		}
	}
}
