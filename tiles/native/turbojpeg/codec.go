package turbojpeg

import (
	"fmt"
	"image"
	"runtime"
	"strings"
	"unsafe"

	"coverslip/tiles/jpegstream"

	"github.com/ebitengine/purego"
)

// Constants of turbojpeg.h.
const (
	pixelRGBA = 7 // TJPF_RGBA

	samp444 = 0 // TJSAMP_444
	samp422 = 1 // TJSAMP_422
	samp420 = 2 // TJSAMP_420

	flagNoRealloc  = 1024  // TJFLAG_NOREALLOC
	flagLimitScans = 32768 // TJFLAG_LIMITSCANS: a progressive stream of > 500 scans is an attack

	errWarning = 0 // TJERR_WARNING
)

// MaxSide is the largest side of a JPEG (T.81 B.2.2: 16-bit numbers).
const MaxSide = 65535

// DimensionError says that a stream's frame is not the size asked for.
type DimensionError struct {
	GotWidth, GotHeight   int // pixels of the stream's frame
	WantWidth, WantHeight int // pixels of the destination
}

func (e *DimensionError) Error() string {
	return fmt.Sprintf("JPEG is %d×%d pixels where %d×%d are due", e.GotWidth, e.GotHeight, e.WantWidth, e.WantHeight)
}

// Decode fills dst, whose size must be the stream's, with opaque pixels; dst
// may be part of a larger picture (its Stride is kept). The colour transform
// is the stream's own: Adobe segment, else JFIF's rule. To force another,
// build the stream with jpegstream.Prefix.
//
// Errors: *DimensionError before anything is decoded, and an error for a
// stream that is not 8-bit with 1 or 3 components, is damaged or is cut off.
// Then dst may be partly overwritten.
func (l *Library) Decode(dst *image.RGBA, data []byte) error {
	h, err := jpegstream.ParseHeader(data)
	if err != nil {
		return err
	}
	w, ht := dst.Rect.Dx(), dst.Rect.Dy()
	switch {
	case h.Width != w || h.Height != ht || w < 1 || ht < 1:
		return &DimensionError{h.Width, h.Height, w, ht}
	case h.Precision != 8:
		return fmt.Errorf("JPEG of %d bits per sample", h.Precision)
	case h.Components != 1 && h.Components != 3:
		return fmt.Errorf("JPEG of %d components (CMYK?) where colour or grey is due", h.Components)
	case dst.Stride < 4*w || len(dst.Pix) < (ht-1)*dst.Stride+4*w:
		return fmt.Errorf("destination of %d bytes is too small for %d×%d pixels", len(dst.Pix), w, ht)
	}
	tj, err := l.take(l.decoders, l.initDecompress)
	if err != nil {
		return err
	}
	defer l.put(l.decoders, tj)
	runtime.LockOSThread() // the library keeps its message a thread
	defer runtime.UnlockOSThread()
	r, _, _ := purego.SyscallN(l.decompress, uintptr(tj),
		uintptr(unsafe.Pointer(unsafe.SliceData(data))), uintptr(len(data)),
		uintptr(unsafe.Pointer(unsafe.SliceData(dst.Pix))),
		uintptr(w), uintptr(dst.Stride), uintptr(ht), pixelRGBA, flagLimitScans)
	if int32(r) == 0 {
		return nil
	}
	return l.failure(tj)
}

// failure turns the handle's last message into an error, nil for a warning
// that leaves the picture whole.
func (l *Library) failure(tj handle) error {
	msg := l.message(tj)
	code, _, _ := purego.SyscallN(l.errorCode, uintptr(tj))
	if int32(code) == errWarning && harmless(msg) {
		return nil
	}
	return fmt.Errorf("libjpeg-turbo: %s", msg)
}

// harmless tells the warnings after which every pixel is still right: stray
// bytes between segments and odd version numbers, both written by real
// scanners.
func harmless(msg string) bool {
	return strings.Contains(msg, "extraneous bytes before marker") ||
		strings.Contains(msg, "unknown JFIF revision")
}

// message copies the NUL-terminated text of tjGetErrorStr2 (at most 200 bytes,
// JMSG_LENGTH_MAX).
func (l *Library) message(tj handle) string {
	r, _, _ := purego.SyscallN(l.errorStr, uintptr(tj))
	p := *(*unsafe.Pointer)(unsafe.Pointer(&r)) // C memory, does not move
	if p == nil {
		return "unknown error"
	}
	var b strings.Builder
	for i := range 200 {
		c := *(*byte)(unsafe.Add(p, i))
		if c == 0 {
			break
		}
		b.WriteByte(c)
	}
	return b.String()
}

// Encode compresses img (alpha is ignored) at quality 1–100 with chroma
// subsampling "444", "422" or "420".
func (l *Library) Encode(img *image.RGBA, quality int, sub string) ([]byte, error) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	samp, ok := map[string]uintptr{"444": samp444, "422": samp422, "420": samp420}[sub]
	switch {
	case !ok:
		return nil, fmt.Errorf("JPEG subsampling %q: want 444, 422 or 420", sub)
	case w < 1 || h < 1 || w > MaxSide || h > MaxSide:
		return nil, fmt.Errorf("JPEG of %d×%d pixels: sides must be 1 to %d", w, h, MaxSide)
	case quality < 1 || quality > 100:
		return nil, fmt.Errorf("JPEG quality %d: must be 1 to 100", quality)
	case img.Stride < 4*w || len(img.Pix) < (h-1)*img.Stride+4*w:
		return nil, fmt.Errorf("picture of %d bytes is too small for %d×%d pixels", len(img.Pix), w, h)
	}
	tj, err := l.take(l.encoders, l.initCompress)
	if err != nil {
		return nil, err
	}
	defer l.put(l.encoders, tj)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	n, _, _ := purego.SyscallN(l.bufSize, uintptr(w), uintptr(h), samp)
	if n == 0 || int64(n) > 1<<33 {
		return nil, fmt.Errorf("JPEG of %d×%d pixels is too large", w, h)
	}
	// NOREALLOC with the worst-case size lets the library write into Go memory.
	// buf and size are C's in/out parameters; pinning keeps the pointer to buf
	// legal while C holds the address of the variable that holds it.
	buf := make([]byte, n)
	var pin runtime.Pinner
	pin.Pin(&buf[0])
	defer pin.Unpin()
	args := &struct {
		buf  *byte
		size uint64 // unsigned long: 8 bytes on Unix, the low 4 on Windows
	}{&buf[0], uint64(n)}
	r, _, _ := purego.SyscallN(l.compress, uintptr(tj),
		uintptr(unsafe.Pointer(unsafe.SliceData(img.Pix))),
		uintptr(w), uintptr(img.Stride), uintptr(h), pixelRGBA,
		uintptr(unsafe.Pointer(&args.buf)), uintptr(unsafe.Pointer(&args.size)),
		samp, uintptr(quality), flagNoRealloc)
	runtime.KeepAlive(args)
	if int32(r) != 0 {
		return nil, l.failure(tj)
	}
	if args.size == 0 || args.size > uint64(n) {
		return nil, fmt.Errorf("libjpeg-turbo: wrote %d of at most %d bytes", args.size, n)
	}
	return append([]byte(nil), buf[:args.size]...), nil
}
