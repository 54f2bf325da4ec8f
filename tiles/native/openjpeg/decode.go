package openjpeg

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Colour is the meaning of a codestream's components.
type Colour int

// The meanings a container can declare.
const (
	ColourAuto  Colour = iota // RGB (after the component transform when there is one)
	ColourRGB                 // R, G, B
	ColourYCbCr               // Y, Cb, Cr, maybe subsampled, converted after decoding (Aperio 33003)
	ColourGrey                // one component
)

// Options of a decode.
type Options struct {
	Colour Colour
	Reduce int // resolutions to leave out: the picture is 2^Reduce times smaller
	// Area is the part of the picture to decode, in its pixels; empty for all.
	// It costs less than the whole, by the code-blocks that it does not meet.
	// Reduce must be 0.
	Area image.Rectangle
}

// ErrWhole says that a picture can only be decoded whole: a part of it may begin
// within a sample.
var ErrWhole = errors.New("JPEG 2000 image with subsampled components cannot be decoded in part")

// DimensionError says that a codestream is not the size asked for.
type DimensionError struct {
	GotWidth, GotHeight   int // pixels of the codestream
	WantWidth, WantHeight int // pixels of the destination
}

func (e *DimensionError) Error() string {
	return fmt.Sprintf("JPEG 2000 image is %d×%d pixels where %d×%d are due", e.GotWidth, e.GotHeight, e.WantWidth, e.WantHeight)
}

// C structs of openjpeg.h (2.1 to 2.5), 64-bit layout.
type (
	cComponent struct {
		dx, dy, w, h, x0, y0, prec, bpp, sgnd, resno, factor uint32
		_                                                    uint32
		data                                                 unsafe.Pointer // int32 per sample
		_                                                    uint64         // alpha, padding
	}
	cImage struct {
		x0, y0, x1, y1, components uint32
		colourSpace                int32
		comps                      unsafe.Pointer
	}
)

// parametersSize is more than sizeof(opj_dparameters_t), about 8.3 kB: two
// paths of 4096 bytes and some numbers.
const parametersSize = 16384

// Decode fills dst, whose size must be the codestream's (divided by 2^Reduce,
// rounded up) or that of Options.Area, with opaque pixels; dst may be part of a larger picture. data is
// a bare codestream or a JP2 file.
//
// Errors: *DimensionError and ErrWhole before the library sees the stream; an error for
// anything but unsigned 8-bit samples of 1, 3 or 4 components (the fourth is
// ignored), and for a damaged or cut stream.
func (l *Library) Decode(dst *image.RGBA, data []byte, o Options) error {
	cs, err := Codestream(data)
	if err != nil {
		return err
	}
	h, err := ParseHeader(cs)
	if err != nil {
		return err
	}
	if err := check(dst, h, o); err != nil {
		return err
	}
	src := <-l.slots
	defer func() { src.data = nil; l.slots <- src }()
	src.data, src.pos, src.said = cs, 0, ""
	return l.run(dst, src, h, o)
}

// check compares what the stream says with what was asked for.
func check(dst *image.RGBA, h Header, o Options) error {
	if o.Reduce < 0 || o.Reduce > h.Resolutions {
		return fmt.Errorf("JPEG 2000 image of %d resolutions cannot be reduced %d times", h.Resolutions, o.Reduce)
	}
	w, ht := dst.Rect.Dx(), dst.Rect.Dy()
	step := 1 << o.Reduce
	if a := o.Area; !a.Empty() {
		if h.subsampled() {
			return ErrWhole
		}
		if !a.In(image.Rect(0, 0, h.Width, h.Height)) || o.Reduce != 0 {
			return fmt.Errorf("no part %v of a JPEG 2000 image of %d×%d pixels reduced %d times", a, h.Width, h.Height, o.Reduce)
		}
		if w != a.Dx() || ht != a.Dy() {
			return fmt.Errorf("destination of %d×%d pixels for %v", w, ht, a)
		}
	} else if (h.Width+step-1)/step != w || (h.Height+step-1)/step != ht {
		return &DimensionError{h.Width, h.Height, w * step, ht * step}
	}
	grey := h.Components < 3
	if grey != (o.Colour == ColourGrey) || grey && h.Components != 1 {
		return fmt.Errorf("JPEG 2000 image of %d components does not fit the slide's colour", h.Components)
	}
	if dst.Stride < 4*w || len(dst.Pix) < (ht-1)*dst.Stride+4*w {
		return fmt.Errorf("destination of %d bytes is too small for %d×%d pixels", len(dst.Pix), w, ht)
	}
	return nil
}

// subsampled says whether a component has fewer samples than the picture pixels.
func (h Header) subsampled() bool {
	for _, s := range h.Subsampling[:min(h.Components, 3)] {
		if s != [2]int{1, 1} {
			return true
		}
	}
	return false
}

// run makes stream and codec, decodes, converts and frees all three.
func (l *Library) run(dst *image.RGBA, src *source, h Header, o Options) error {
	const bufferSize = 1 << 16 // of the library's own stream buffer
	st, _, _ := purego.SyscallN(l.streamCreate, uintptr(min(len(src.data)+1, bufferSize)), 1)
	if st == 0 {
		return errors.New("OpenJPEG: no memory for a stream")
	}
	defer purego.SyscallN(l.close, st)
	id := uintptr(src.id)
	purego.SyscallN(l.streamUserData, st, id, 0)
	purego.SyscallN(l.streamLength, st, uintptr(len(src.data)))
	purego.SyscallN(l.streamRead, st, l.read)
	purego.SyscallN(l.streamSkip, st, l.skip)
	purego.SyscallN(l.streamSeek, st, l.seek)
	const codecJ2K = 0 // OPJ_CODEC_J2K
	codec, _, _ := purego.SyscallN(l.createDecompress, codecJ2K)
	if codec == 0 {
		return errors.New("OpenJPEG: no memory for a codec")
	}
	defer purego.SyscallN(l.codecDestroy, codec)
	purego.SyscallN(l.errorHandler, codec, l.message, id)

	params := src.params[:]
	purego.SyscallN(l.defaultParameters, uintptr(unsafe.Pointer(&params[0])))
	binary.NativeEndian.PutUint32(params, uint32(o.Reduce)) // cp_reduce is the first field
	if r, _, _ := purego.SyscallN(l.setup, codec, uintptr(unsafe.Pointer(&params[0]))); int32(r) == 0 {
		return src.failure("decoder setup")
	}
	out := new(*cImage)
	r, _, _ := purego.SyscallN(l.readHeader, st, codec, uintptr(unsafe.Pointer(out)))
	img := *out
	if img != nil {
		defer func() { purego.SyscallN(l.imageDestroy, uintptr(unsafe.Pointer(img))) }()
	}
	if int32(r) == 0 || img == nil {
		return src.failure("header")
	}
	if a := o.Area.Add(image.Pt(int(img.x0), int(img.y0))); !o.Area.Empty() && o.Area.Size() != image.Pt(h.Width, h.Height) {
		r, _, _ = purego.SyscallN(l.setArea, codec, uintptr(unsafe.Pointer(img)), uintptr(a.Min.X), uintptr(a.Min.Y), uintptr(a.Max.X), uintptr(a.Max.Y))
		if int32(r) == 0 {
			return src.failure("area")
		}
	}
	r, _, _ = purego.SyscallN(l.decode, codec, st, uintptr(unsafe.Pointer(img)))
	runtime.KeepAlive(src)
	if int32(r) == 0 {
		return src.failure("image data")
	}
	return convert(dst, img, o)
}

func (s *source) failure(what string) error {
	if s.said == "" {
		return fmt.Errorf("OpenJPEG refuses the %s", what)
	}
	return fmt.Errorf("OpenJPEG refuses the %s: %s", what, s.said)
}

// plane is one decoded component.
type plane struct {
	pix    []int32
	w, h   int // samples
	sx, sy int // pixels of the picture per sample
}

// convert copies the components into dst.
func convert(dst *image.RGBA, img *cImage, o Options) error {
	w, h := dst.Rect.Dx(), dst.Rect.Dy()
	n := 3
	if o.Colour == ColourGrey {
		n = 1
	}
	if int(img.components) < n || img.comps == nil {
		return fmt.Errorf("OpenJPEG returned %d components", img.components)
	}
	var planes [3]plane
	for i, c := range unsafe.Slice((*cComponent)(img.comps), n) {
		p := plane{w: int(c.w), h: int(c.h), sx: int(c.dx), sy: int(c.dy)}
		if c.data == nil || c.prec != 8 || p.sx < 1 || p.sy < 1 ||
			p.w < (w+p.sx-1)/p.sx || p.h < (h+p.sy-1)/p.sy || p.w > MaxPixels || p.h > MaxPixels {
			return fmt.Errorf("OpenJPEG returned component %d of %d×%d samples", i, c.w, c.h)
		}
		p.pix = unsafe.Slice((*int32)(c.data), p.w*p.h)
		planes[i] = p
	}
	for y := range h {
		row := dst.Pix[y*dst.Stride : y*dst.Stride+4*w : y*dst.Stride+4*w]
		switch {
		case n == 1:
			greyRow(row, planes[0].row(y))
		case o.Colour == ColourYCbCr:
			yccRow(row, planes, y)
		default:
			rgbRow(row, planes, y)
		}
	}
	return nil
}

// row is the samples that picture row y lies on.
func (p plane) row(y int) []int32 { return p.pix[y/p.sy*p.w : (y/p.sy+1)*p.w] }

func greyRow(row []byte, s []int32) {
	for x := range len(row) / 4 {
		v := clamp(s[x])
		p := row[4*x : 4*x+4 : 4*x+4]
		p[0], p[1], p[2], p[3] = v, v, v, 255
	}
}

func rgbRow(row []byte, pl [3]plane, y int) {
	r, g, b := pl[0].row(y), pl[1].row(y), pl[2].row(y)
	if pl[0].sx != 1 || pl[1].sx != 1 || pl[2].sx != 1 {
		for x := range len(row) / 4 {
			p := row[4*x : 4*x+4 : 4*x+4]
			p[0], p[1], p[2], p[3] = clamp(r[x/pl[0].sx]), clamp(g[x/pl[1].sx]), clamp(b[x/pl[2].sx]), 255
		}
		return
	}
	for x := range len(row) / 4 {
		p := row[4*x : 4*x+4 : 4*x+4]
		p[0], p[1], p[2], p[3] = clamp(r[x]), clamp(g[x]), clamp(b[x]), 255
	}
}

// yccRow converts by the equations of ITU-T T.871 section 7 in 16-bit fixed
// point, rounded as libjpeg rounds; chroma is taken from the sample that
// covers the pixel, as OpenSlide takes it.
func yccRow(row []byte, pl [3]plane, y int) {
	ys, cbs, crs := pl[0].row(y), pl[1].row(y), pl[2].row(y)
	for x := range len(row) / 4 {
		yy := ys[x/pl[0].sx]
		cb, cr := cbs[x/pl[1].sx]-128, crs[x/pl[2].sx]-128
		p := row[4*x : 4*x+4 : 4*x+4]
		p[0] = clamp(yy + (91881*cr+32768)>>16)
		p[1] = clamp(yy + (-22554*cb-46802*cr+32768)>>16)
		p[2] = clamp(yy + (116130*cb+32768)>>16)
		p[3] = 255
	}
}

func clamp(v int32) byte { return byte(min(max(v, 0), 255)) }
