// Package jxr decodes JPEG XR (ITU-T T.832) through Microsoft's reference
// library as Debian and others package it (libjxrglue, libjpegxr), loaded at run
// time without cgo.
//
// The library trusts what it reads. So container and codestream are held against
// each other and against the size that is due before any native call; a file of
// doubtful origin is best opened without native libraries.
package jxr

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"coverslip/tiles/native/dl"

	"github.com/ebitengine/purego"
)

// Library is a loaded, self-tested libjxr. Its methods are safe for concurrent
// use.
type Library struct {
	lib                                     *dl.Library
	stream, closeStream                     uintptr
	create, initialize, size, copy, release uintptr
}

func names() []string {
	switch runtime.GOOS {
	case "windows":
		return []string{"jxrglue.dll", "libjxrglue.dll"}
	case "darwin":
		return []string{"libjxrglue.0.dylib", "libjxrglue.dylib", "/opt/homebrew/lib/libjxrglue.dylib", "/usr/local/lib/libjxrglue.dylib"}
	}
	return []string{"libjxrglue.so.0"}
}

// Hint says what to install.
func Hint() string { return "install libjxr0 (Debian, Ubuntu) or jxrlib" }

// load is done once a process: the answer cannot change while it runs.
var load = sync.OnceValues(func() (*Library, error) { return openLibrary(names()...) })

// Load finds libjxr on this computer and tests it by a small picture. The error
// wraps dl.ErrNotFound when there is none; it is the same at every call.
func Load() (*Library, error) { return load() }

func openLibrary(names ...string) (*Library, error) {
	d, err := dl.Open(names...)
	if err != nil {
		return nil, fmt.Errorf("libjxr: %w", err)
	}
	l := &Library{lib: d}
	err = d.Symbols(map[string]*uintptr{
		"CreateWS_Memory": &l.stream, "CloseWS_Memory": &l.closeStream, "PKImageDecode_Create_WMP": &l.create,
		"PKImageDecode_Initialize_WMP": &l.initialize, "PKImageDecode_GetSize_WMP": &l.size,
		"PKImageDecode_Copy_WMP": &l.copy, "PKImageDecode_Release_WMP": &l.release,
	})
	if err != nil {
		return nil, fmt.Errorf("libjxr: %w", err)
	}
	if err := l.selfTest(); err != nil {
		return nil, fmt.Errorf("libjxr %s: self-test: %w", d.Path(), err)
	}
	return l, nil
}

// Path is the name under which the library was found.
func (l *Library) Path() string { return l.lib.Path() }

// handle holds what C writes for a decode, in memory that does not move.
type handle struct {
	stream, decoder uintptr
	rect            [4]int32
	w, h            int32
}

// Decode fills dst with the picture's pixels, row after row without gaps; header
// is what ParseHeader said of data, and dst as large as it says.
func (l *Library) Decode(dst, data []byte, header Header) error {
	bytes := header.Width * header.Kind.Bytes()
	if bytes < 1 || header.Height < 1 || len(dst) != bytes*header.Height {
		return fmt.Errorf("JPEG XR: %d bytes for %d×%d pixels", len(dst), header.Width, header.Height)
	}
	// C keeps these addresses from one call to the next.
	var pins runtime.Pinner
	defer pins.Unpin()
	c := new(handle)
	pins.Pin(c)
	pins.Pin(&data[0])
	pins.Pin(&dst[0])
	if r, _, _ := purego.SyscallN(l.stream, uintptr(unsafe.Pointer(&c.stream)), uintptr(unsafe.Pointer(&data[0])), uintptr(len(data))); int32(r) < 0 || c.stream == 0 {
		return failure("stream", r)
	}
	defer func() {
		if c.stream != 0 {
			purego.SyscallN(l.closeStream, uintptr(unsafe.Pointer(&c.stream)))
		}
	}()
	if r, _, _ := purego.SyscallN(l.create, uintptr(unsafe.Pointer(&c.decoder))); int32(r) < 0 || c.decoder == 0 {
		return failure("decoder", r)
	}
	defer func() { purego.SyscallN(l.release, uintptr(unsafe.Pointer(&c.decoder))) }()
	if r, _, _ := purego.SyscallN(l.initialize, c.decoder, c.stream); int32(r) < 0 {
		return failure("header", r)
	}
	purego.SyscallN(l.size, c.decoder, uintptr(unsafe.Pointer(&c.w)), uintptr(unsafe.Pointer(&c.h)))
	if int(c.w) != header.Width || int(c.h) != header.Height {
		return fmt.Errorf("JPEG XR: the library sees %d×%d pixels, the file says %d×%d", c.w, c.h, header.Width, header.Height)
	}
	c.rect = [4]int32{0, 0, c.w, c.h}
	r, _, _ := purego.SyscallN(l.copy, c.decoder, uintptr(unsafe.Pointer(&c.rect)), uintptr(unsafe.Pointer(&dst[0])), uintptr(bytes))
	runtime.KeepAlive(data)
	runtime.KeepAlive(dst)
	if int32(r) < 0 {
		return failure("pixels", r)
	}
	return nil
}

func failure(what string, r uintptr) error {
	return fmt.Errorf("libjxr: %s: error %d", what, int32(r))
}

// selfTest decodes a picture of 8×8 grey pixels, whose values are known.
func (l *Library) selfTest() error {
	h, err := ParseHeader(sample)
	if err != nil {
		return err
	}
	dst := make([]byte, h.Width*h.Height*h.Kind.Bytes())
	if err := l.Decode(dst, sample, h); err != nil {
		return err
	}
	for i, v := range dst {
		if want := byte(i*3 + i/h.Width*5); v != want {
			return errors.New("the decoded picture is not the encoded one")
		}
	}
	return nil
}
