package dicom

import (
	"errors"
	"fmt"
	"image"
	"sync"

	"coverslip/tiles/codec"
	"coverslip/tiles/dicomfile"
	"coverslip/tiles/jpegstream"
	"coverslip/tiles/native/openjpeg"
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

// readFrame decodes a frame, of which dst shows the upper left part.
func (in *instance) readFrame(i int, dst *image.RGBA) error {
	b := scratch(room)
	defer buffers.Put(b)
	var err error
	if *b, err = in.table.Append(*b, i); err != nil {
		return err
	}
	data := (*b)[room:]
	switch in.syntax {
	case dicomfile.JPEGBaseline, dicomfile.JPEGExtended:
		return in.readJPEG(*b, dst)
	case dicomfile.JPEG2000Exact, dicomfile.JPEG2000:
		return in.readJ2K(data, dst)
	}
	if int64(len(data)) < in.frameBytes() { // encapsulated without compression
		return fmt.Errorf("%d bytes where %d are due", len(data), in.frameBytes())
	}
	if in.window != nil {
		in.expand16(dst, data)
	} else {
		in.expand8(dst, data)
	}
	return nil
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
	if in.photometric == "RGB" && !h.Adobe && !h.JFIF && !h.NamedRGB && !h.Subsampled && in.samples == 3 {
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
	cs, err := openjpeg.Codestream(data)
	if err != nil {
		return err
	}
	head, err := openjpeg.ParseHeader(cs)
	if err != nil {
		return err
	}
	colour := openjpeg.ColourRGB
	switch {
	case in.samples == 1:
		colour = openjpeg.ColourGrey
	case !head.MCT && in.photometric != "RGB":
		colour = openjpeg.ColourYCbCr
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

// toRGB converts a pixel of YBR_FULL, PS3.3 C.7.6.3.1.2, in 16-bit fixed point.
func toRGB(p []byte) {
	y, cb, cr := int32(p[0]), int32(p[1])-128, int32(p[2])-128
	clamp := func(v int32) byte { return byte(min(max(v, 0), 255)) }
	p[0] = clamp(y + (91881*cr+32768)>>16)
	p[1] = clamp(y + (-22554*cb-46802*cr+32768)>>16)
	p[2] = clamp(y + (116130*cb+32768)>>16)
}

// expand16 turns plain grey samples of 16 bits, little endian, into RGBA
// through the display window.
func (in *instance) expand16(dst *image.RGBA, raw []byte) {
	for y := range dst.Rect.Dy() {
		row := dst.Pix[y*dst.Stride : y*dst.Stride+4*dst.Rect.Dx()]
		src := raw[2*y*in.tileW:]
		for x := 0; x < len(row)/4; x++ {
			v, p := in.window[int(src[2*x])|int(src[2*x+1])<<8], row[4*x:4*x+4:4*x+4]
			p[0], p[1], p[2], p[3] = v, v, v, 255
		}
	}
	in.invert(dst)
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
