package openjpeg

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"runtime"
	"unsafe"

	"coverslip/tiles/jpeg2000"

	"github.com/ebitengine/purego"
)

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

// Decode is jpeg2000.Decode by the native library: the same pixels, checks and
// errors before the library sees the stream.
func (l *Library) Decode(dst *image.RGBA, data []byte, o jpeg2000.Options) error {
	cs, h, err := headed(data)
	if err != nil {
		return err
	}
	if err := h.CheckPicture(dst, o.Colour, o.Reduce); err != nil {
		return err
	}
	n := 3
	if o.Colour == jpeg2000.ColourGrey {
		n = 1
	}
	return l.with(cs, extent{reduce: o.Reduce}, h, n, func(planes []jpeg2000.Plane) error {
		return jpeg2000.Paint(dst, planes, o.Colour)
	})
}

// ErrWhole says that a picture can only be decoded whole: a part of it may begin
// within a sample.
var ErrWhole = errors.New("JPEG 2000 image with subsampled components cannot be decoded in part")

// DecodePart is Decode of the pixels of r alone, which must lie in the picture;
// dst has the size of r. It costs less than the whole, by the code-blocks that r
// does not meet. It returns ErrWhole for pictures of which parts are not to be
// had.
func (l *Library) DecodePart(dst *image.RGBA, data []byte, colour jpeg2000.Colour, r image.Rectangle) error {
	cs, h, err := headed(data)
	if err != nil {
		return err
	}
	if err := h.CheckPart(dst, colour, r); err != nil {
		return err
	}
	n := 3
	if colour == jpeg2000.ColourGrey {
		n = 1
	}
	for _, s := range h.Subsampling[:min(n, h.Components)] {
		if s != [2]int{1, 1} {
			return ErrWhole
		}
	}
	e := extent{part: r}
	if r.Size() == image.Pt(h.Width, h.Height) {
		e = extent{}
	}
	return l.with(cs, e, h, n, func(planes []jpeg2000.Plane) error {
		for _, p := range planes {
			if p.Width != r.Dx() || p.Height != r.Dy() {
				return fmt.Errorf("OpenJPEG returned %d×%d samples for %v", p.Width, p.Height, r)
			}
		}
		return jpeg2000.Paint(dst, planes, colour)
	})
}

// extent is how much of a codestream is decoded.
type extent struct {
	reduce int             // resolutions left out
	part   image.Rectangle // of the picture, in its pixels; empty for all
}

// DecodeSamples is jpeg2000.DecodeSamples by the native library.
func (l *Library) DecodeSamples(dst []uint16, data []byte, reduce int) error {
	cs, h, err := headed(data)
	if err != nil {
		return err
	}
	if err := h.CheckSamples(len(dst), reduce); err != nil {
		return err
	}
	w, ht := h.Reduced(reduce)
	return l.with(cs, extent{reduce: reduce}, h, h.Components, func(planes []jpeg2000.Plane) error {
		return jpeg2000.Interleave(dst, w, ht, planes)
	})
}

func headed(data []byte) ([]byte, jpeg2000.Header, error) {
	cs, err := jpeg2000.Codestream(data)
	if err != nil {
		return nil, jpeg2000.Header{}, err
	}
	h, err := jpeg2000.ParseHeader(cs)
	return cs, h, err
}

// with decodes the codestream and gives use its first n components, which lie
// in the library's memory.
func (l *Library) with(cs []byte, e extent, h jpeg2000.Header, n int, use func([]jpeg2000.Plane) error) error {
	src := <-l.slots
	defer func() { src.data = nil; l.slots <- src }()
	src.data, src.pos, src.said = cs, 0, ""
	return l.run(src, e, func(img *cImage) error {
		planes, err := img.planes(h, n)
		if err != nil {
			return err
		}
		return use(planes)
	})
}

// run makes stream and codec, decodes, lets use have the image and frees all
// three.
func (l *Library) run(src *source, e extent, use func(*cImage) error) error {
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
	binary.NativeEndian.PutUint32(params, uint32(e.reduce)) // cp_reduce is the first field
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
	if a := e.part.Add(image.Pt(int(img.x0), int(img.y0))); !e.part.Empty() {
		r, _, _ = purego.SyscallN(l.setArea, codec, uintptr(unsafe.Pointer(img)), uintptr(a.Min.X), uintptr(a.Min.Y), uintptr(a.Max.X), uintptr(a.Max.Y))
		if int32(r) == 0 {
			return src.failure("part of the image")
		}
	}
	r, _, _ = purego.SyscallN(l.decode, codec, st, uintptr(unsafe.Pointer(img)))
	runtime.KeepAlive(src)
	if int32(r) == 0 {
		return src.failure("image data")
	}
	return use(img)
}

func (s *source) failure(what string) error {
	if s.said == "" {
		return fmt.Errorf("OpenJPEG refuses the %s", what)
	}
	return fmt.Errorf("OpenJPEG refuses the %s: %s", what, s.said)
}

// planes are the image's first n components, checked against the header that
// was read in Go.
func (img *cImage) planes(h jpeg2000.Header, n int) ([]jpeg2000.Plane, error) {
	if int(img.components) < n || img.comps == nil {
		return nil, fmt.Errorf("OpenJPEG returned %d components", img.components)
	}
	out := make([]jpeg2000.Plane, n)
	for i, c := range unsafe.Slice((*cComponent)(img.comps), n) {
		p := jpeg2000.Plane{Width: int(c.w), Height: int(c.h), StepX: int(c.dx), StepY: int(c.dy)}
		if c.data == nil || int(c.prec) != h.Precision[i] || (c.sgnd != 0) != h.Signed[i] || p.StepX != h.Subsampling[i][0] || p.StepY != h.Subsampling[i][1] ||
			p.Width < 1 || p.Height < 1 || p.Width > h.Width || p.Height > h.Height {
			return nil, fmt.Errorf("OpenJPEG returned component %d of %d×%d samples", i, c.w, c.h)
		}
		p.Pix = unsafe.Slice((*int32)(c.data), p.Width*p.Height)
		out[i] = p
	}
	return out, nil
}
