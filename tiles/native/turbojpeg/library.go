// Package turbojpeg decodes and encodes JPEG through libjpeg-turbo's
// TurboJPEG API, loaded at run time without cgo.
//
// The hot path uses purego.SyscallN (about 0.1 µs a call); the registered
// function wrappers of purego cost several allocations a call.
//
// A defect in the C library cannot be recovered from in Go. So everything
// that can be checked is checked in Go before the call: dimensions, component
// count, precision and buffer sizes.
package turbojpeg

import (
	"errors"
	"fmt"
	"image"
	"runtime"
	"sync"

	"coverslip/tiles/native/dl"

	"github.com/ebitengine/purego"
)

// Library is a loaded, self-tested libjpeg-turbo. Its methods are safe for
// concurrent use; each call in flight has a native handle of its own.
type Library struct {
	lib     *dl.Library
	version string

	initDecompress, initCompress, destroy uintptr
	decompress, compress, bufSize         uintptr
	errorStr, errorCode                   uintptr

	decoders chan handle // idle decompressors, reused so that a tile costs no malloc
	encoders chan handle // idle compressors
}

// handle is a tjhandle.
type handle uintptr

// idle is how many native handles are kept for reuse of each kind; a handle
// holds about 50 kB once used.
const idle = 64

// names are the library's file names per system. The number after .so is the
// ABI of the TurboJPEG API, 0 since 2010.
func names() []string {
	switch runtime.GOOS {
	case "windows":
		return []string{"turbojpeg.dll", "libturbojpeg.dll", `C:\libjpeg-turbo64\bin\turbojpeg.dll`}
	case "darwin":
		return []string{"libturbojpeg.0.dylib", "/opt/homebrew/opt/jpeg-turbo/lib/libturbojpeg.0.dylib",
			"/usr/local/opt/jpeg-turbo/lib/libturbojpeg.0.dylib"}
	}
	return []string{"libturbojpeg.so.0", "libturbojpeg.so"}
}

// load is done once a process: the answer cannot change while it runs.
var load = sync.OnceValues(func() (*Library, error) { return openLibrary(names()...) })

// Load finds libjpeg-turbo on this computer and tests it by a picture of
// 16×16 pixels. The error wraps dl.ErrNotFound when there is none; it is the
// same at every call.
func Load() (*Library, error) { return load() }

func openLibrary(names ...string) (*Library, error) {
	d, err := dl.Open(names...)
	if err != nil {
		return nil, fmt.Errorf("libjpeg-turbo: %w", err)
	}
	l := &Library{lib: d, decoders: make(chan handle, idle), encoders: make(chan handle, idle)}
	err = d.Symbols(map[string]*uintptr{
		"tjInitDecompress": &l.initDecompress, "tjInitCompress": &l.initCompress, "tjDestroy": &l.destroy,
		"tjDecompress2": &l.decompress, "tjCompress2": &l.compress, "tjBufSize": &l.bufSize,
		// Both came with 2.0 and tell a warning from an error.
		"tjGetErrorStr2": &l.errorStr, "tjGetErrorCode": &l.errorCode,
	})
	if err != nil {
		return nil, fmt.Errorf("libjpeg-turbo older than 2.0: %w", err)
	}
	l.version = "2.x"
	if _, err := d.Symbol("tj3Init"); err == nil {
		l.version = "3.x"
	}
	if err := l.selfTest(); err != nil {
		return nil, fmt.Errorf("libjpeg-turbo %s: self-test: %w", d.Path(), err)
	}
	return l, nil
}

// Path is the name under which the library was found.
func (l *Library) Path() string { return l.lib.Path() }

// Version is the generation of the TurboJPEG API, "2.x" or "3.x"; the API
// offers no exact number.
func (l *Library) Version() string { return l.version }

// selfTest encodes and decodes a small gradient: a library of another ABI
// fails here, not on a patient's slide.
func (l *Library) selfTest() error {
	const n = 16
	src := image.NewRGBA(image.Rect(0, 0, n, n))
	for y := range n {
		for x := range n {
			p := src.Pix[src.PixOffset(x, y):]
			p[0], p[1], p[2], p[3] = byte(x*15), byte(y*15), byte(255-x*8-y*7), 255
		}
	}
	data, err := l.Encode(src, 95, "444")
	if err != nil {
		return err
	}
	dst := image.NewRGBA(src.Rect)
	if err := l.Decode(dst, data); err != nil {
		return err
	}
	for i := range src.Pix {
		if d := int(src.Pix[i]) - int(dst.Pix[i]); d > 16 || d < -16 {
			return errors.New("the decoded picture is not the encoded one")
		}
	}
	return nil
}

// take gives an idle handle of the pool or a new one.
func (l *Library) take(pool chan handle, create uintptr) (handle, error) {
	select {
	case h := <-pool:
		return h, nil
	default:
	}
	h, _, _ := purego.SyscallN(create)
	if h == 0 {
		return 0, errors.New("libjpeg-turbo: no memory for a codec")
	}
	return handle(h), nil
}

// put returns a handle to its pool.
func (l *Library) put(pool chan handle, h handle) {
	select {
	case pool <- h:
	default:
		purego.SyscallN(l.destroy, uintptr(h))
	}
}
