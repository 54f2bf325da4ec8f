// Package openjpeg decodes JPEG 2000 through OpenJPEG (libopenjp2), loaded at
// run time without cgo.
//
// OpenJPEG has had heap overflows on crafted headers. So the SIZ segment (ITU-T
// T.800 A.5.1) is parsed and bounded in Go before any native call.
package openjpeg

import (
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"coverslip/tiles/native/dl"

	"github.com/ebitengine/purego"
)

// Library is a loaded, self-tested libopenjp2. Its methods are safe for
// concurrent use.
type Library struct {
	lib     *dl.Library
	version string

	createDecompress, defaultParameters, setup            uintptr
	streamCreate, streamUserData, streamLength            uintptr
	streamRead, streamSkip, streamSeek                    uintptr
	readHeader, decode, imageDestroy, codecDestroy, close uintptr
	errorHandler, setArea                                 uintptr

	read, skip, seek, message uintptr // callbacks, made once: purego never frees them

	slots chan *source // sources not in use; their count bounds the decodes in flight
	all   [maxDecodes]source
}

// maxDecodes bounds the decodes in flight; each holds a few megabytes.
const maxDecodes = 32

// source is the memory a decode reads from, and what the library said of it.
// C knows it by its number, never by a Go pointer.
type source struct {
	id   int
	data []byte
	pos  int64
	said string // first message of the error handler

	params [parametersSize]byte // opj_dparameters_t
}

func names() []string {
	switch runtime.GOOS {
	case "windows":
		return []string{"openjp2.dll", "libopenjp2.dll", "libopenjp2-7.dll"}
	case "darwin":
		return []string{"libopenjp2.7.dylib", "/opt/homebrew/lib/libopenjp2.7.dylib", "/usr/local/lib/libopenjp2.7.dylib"}
	}
	return []string{"libopenjp2.so.7"}
}

// Hint tells a person how to get the library.
func Hint() string {
	switch runtime.GOOS {
	case "windows":
		return "put openjp2.dll (OpenJPEG 2.x) beside the program"
	case "darwin":
		return "install OpenJPEG: brew install openjpeg"
	}
	return "install OpenJPEG: package libopenjp2-7 (Debian, Ubuntu) or openjpeg2 (Fedora)"
}

// load is done once a process: the answer cannot change while it runs.
var load = sync.OnceValues(func() (*Library, error) { return openLibrary(names()...) })

// Load finds libopenjp2 on this computer and tests it by a picture of 4×4
// pixels. The error wraps dl.ErrNotFound when there is none; it is the same at
// every call.
func Load() (*Library, error) { return load() }

func openLibrary(names ...string) (*Library, error) {
	d, err := dl.Open(names...)
	if err != nil {
		return nil, fmt.Errorf("OpenJPEG: %w", err)
	}
	l := &Library{lib: d, slots: make(chan *source, maxDecodes)}
	var version uintptr
	err = d.Symbols(map[string]*uintptr{
		"opj_version":           &version,
		"opj_create_decompress": &l.createDecompress, "opj_set_default_decoder_parameters": &l.defaultParameters,
		"opj_setup_decoder": &l.setup, "opj_stream_create": &l.streamCreate,
		"opj_stream_set_user_data": &l.streamUserData, "opj_stream_set_user_data_length": &l.streamLength,
		"opj_stream_set_read_function": &l.streamRead, "opj_stream_set_skip_function": &l.streamSkip,
		"opj_stream_set_seek_function": &l.streamSeek, "opj_read_header": &l.readHeader, "opj_decode": &l.decode,
		"opj_image_destroy": &l.imageDestroy, "opj_destroy_codec": &l.codecDestroy,
		"opj_stream_destroy": &l.close, "opj_set_error_handler": &l.errorHandler, "opj_set_decode_area": &l.setArea,
	})
	if err != nil {
		return nil, fmt.Errorf("OpenJPEG: %w", err)
	}
	v, _, _ := purego.SyscallN(version)
	l.version = cString(v)
	for i := range l.all {
		l.all[i].id = i
		l.slots <- &l.all[i]
	}
	l.makeCallbacks()
	if err := l.selfTest(); err != nil {
		return nil, fmt.Errorf("OpenJPEG %s (%s): self-test: %w", l.version, d.Path(), err)
	}
	return l, nil
}

// Path is the name under which the library was found.
func (l *Library) Path() string { return l.lib.Path() }

// Version is the library's own, "2.5.0".
func (l *Library) Version() string { return l.version }

// makeCallbacks makes the four functions C calls. A process may make 2000 in
// all, so the source is found by its number.
func (l *Library) makeCallbacks() {
	l.read = purego.NewCallback(func(buf unsafe.Pointer, n, id uintptr) uintptr {
		s := l.source(id)
		if s == nil || s.pos >= int64(len(s.data)) {
			return ^uintptr(0) // end of stream
		}
		k := copy(unsafe.Slice((*byte)(buf), n), s.data[s.pos:])
		s.pos += int64(k)
		return uintptr(k)
	})
	l.skip = purego.NewCallback(func(n, id uintptr) uintptr {
		s := l.source(id)
		if s == nil {
			return ^uintptr(0)
		}
		// A skip past the end leaves the stream at its end: the next read says so.
		by := min(max(int64(n), -s.pos), int64(len(s.data))-s.pos)
		s.pos += by
		return uintptr(by)
	})
	l.seek = purego.NewCallback(func(to, id uintptr) uintptr {
		s := l.source(id)
		if s == nil || int64(to) < 0 || int64(to) > int64(len(s.data)) {
			return 0
		}
		s.pos = int64(to)
		return 1
	})
	l.message = purego.NewCallback(func(msg, id uintptr) uintptr {
		if s := l.source(id); s != nil && s.said == "" {
			s.said = cString(msg)
		}
		return 0
	})
}

func (l *Library) source(id uintptr) *source {
	if id >= maxDecodes {
		return nil
	}
	return &l.all[id]
}

// cString copies a NUL-terminated text of C, at most 512 bytes (OpenJPEG's
// message buffer), without its line end.
func cString(r uintptr) string {
	p := *(*unsafe.Pointer)(unsafe.Pointer(&r)) // C memory, does not move
	if p == nil {
		return ""
	}
	b := make([]byte, 0, 64)
	for i := range 512 {
		c := *(*byte)(unsafe.Add(p, i))
		if c == 0 || c == '\n' {
			break
		}
		b = append(b, c)
	}
	return string(b)
}
