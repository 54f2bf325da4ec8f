// Package openslide calls libopenslide 3.4 or 4 (openslide.h), where it is
// installed. The program needs none of it: it is the reader of last resort for
// what we do not read, and the oracle of tests.
package openslide

import (
	"errors"
	"fmt"
	"image"
	"runtime"
	"sync"
	"unsafe"

	"coverslip/tiles/native/dl"

	"github.com/ebitengine/purego"
)

// api is the functions of openslide.h that are used.
type api struct {
	path             string // under which the library was found
	open             func(path string) uintptr
	close            func(osr uintptr)
	getError         func(osr uintptr) string
	version          func() string
	levelCount       func(osr uintptr) int32
	levelDimensions  func(osr uintptr, level int32, w, h *int64)
	levelDownsample  func(osr uintptr, level int32) float64
	property         func(osr uintptr, name string) string
	propertyNames    func(osr uintptr) **byte
	associatedSize   func(osr uintptr, name string, w, h *int64)
	associatedPixels func(osr uintptr, name string, dst *uint32)
	detect           func(path string) string // the vendor; "" when it is none of OpenSlide's
	associatedNames  func(osr uintptr) **byte
	readRegion       uintptr
	profileSize      func(osr uintptr) int64 // of version 4; nil in 3
	readProfile      func(osr uintptr, dst *byte)
}

// Installed says under which name the library was found, and its version; the
// error wraps dl.ErrNotFound when there is none.
func Installed() (path, version string, err error) {
	a, err := load()
	if err != nil {
		return "", "", err
	}
	return a.path, a.version(), nil
}

var load = sync.OnceValues(func() (*api, error) {
	names := []string{"libopenslide.so.1", "libopenslide.so.0"}
	switch runtime.GOOS {
	case "windows":
		names = []string{"libopenslide-1.dll", "libopenslide-0.dll"}
	case "darwin":
		names = []string{"libopenslide.1.dylib", "/opt/homebrew/lib/libopenslide.1.dylib"}
	}
	lib, err := dl.Open(names...)
	if err != nil {
		return nil, err
	}
	a := &api{path: lib.Path()}
	for name, fn := range map[string]any{
		"openslide_open": &a.open, "openslide_close": &a.close, "openslide_get_error": &a.getError,
		"openslide_get_version": &a.version, "openslide_get_level_count": &a.levelCount,
		"openslide_get_level_dimensions": &a.levelDimensions, "openslide_get_level_downsample": &a.levelDownsample,
		"openslide_get_property_value":              &a.property,
		"openslide_get_property_names":              &a.propertyNames,
		"openslide_get_associated_image_dimensions": &a.associatedSize,
		"openslide_read_associated_image":           &a.associatedPixels,
		"openslide_detect_vendor":                   &a.detect,
		"openslide_get_associated_image_names":      &a.associatedNames,
	} {
		sym, err := lib.Symbol(name)
		if err != nil {
			return nil, err
		}
		purego.RegisterFunc(fn, sym)
	}
	if size, err := lib.Symbol("openslide_get_icc_profile_size"); err == nil {
		purego.RegisterFunc(&a.profileSize, size)
		read, err := lib.Symbol("openslide_read_icc_profile")
		if err != nil {
			return nil, err
		}
		purego.RegisterFunc(&a.readProfile, read)
	}
	a.readRegion, err = lib.Symbol("openslide_read_region")
	return a, err
})

// Version is the version of the library on this computer; the error wraps
// dl.ErrNotFound when there is none.
func Version() (string, error) {
	a, err := load()
	if err != nil {
		return "", fmt.Errorf("libopenslide: %w", err)
	}
	return a.version(), nil
}

// Detect is OpenSlide's name for the format of a file, "" when it knows none.
// The error wraps dl.ErrNotFound when libopenslide is not installed.
func Detect(path string) (string, error) {
	a, err := load()
	if err != nil {
		return "", fmt.Errorf("libopenslide: %w", err)
	}
	return a.detect(path), nil
}

// Slide is a slide opened by libopenslide.
type Slide struct {
	api *api
	osr uintptr
}

// Open opens a slide; the error wraps dl.ErrNotFound when libopenslide is not
// installed.
func Open(path string) (*Slide, error) {
	a, err := load()
	if err != nil {
		return nil, fmt.Errorf("libopenslide: %w", err)
	}
	osr := a.open(path)
	if osr == 0 {
		return nil, errors.New("libopenslide: not a file that OpenSlide can recognize")
	}
	s := &Slide{a, osr}
	if err := s.err(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Slide) err() error {
	if msg := s.api.getError(s.osr); msg != "" {
		return errors.New("libopenslide: " + msg)
	}
	return nil
}

// Version is the library's.
func (s *Slide) Version() string { return s.api.version() }

// Close frees the slide.
func (s *Slide) Close() { s.api.close(s.osr) }

// Levels lists width and height of each level and its downsample.
func (s *Slide) Levels() (sizes []image.Point, downsamples []float64) {
	for i := range s.api.levelCount(s.osr) {
		var w, h int64
		s.api.levelDimensions(s.osr, i, &w, &h)
		sizes = append(sizes, image.Pt(int(w), int(h)))
		downsamples = append(downsamples, s.api.levelDownsample(s.osr, i))
	}
	return sizes, downsamples
}

// Properties is all properties of the slide.
func (s *Slide) Properties() map[string]string {
	out := map[string]string{}
	for _, name := range s.PropertyNames() {
		out[name] = s.api.property(s.osr, name)
	}
	return out
}

// PropertyNames lists the names of the properties.
func (s *Slide) PropertyNames() []string { return names(s.api.propertyNames(s.osr)) }

// AssociatedNames lists the associated images.
func (s *Slide) AssociatedNames() []string { return names(s.api.associatedNames(s.osr)) }

// maxNames bounds a list of the library's: one without an end must not be
// followed through all memory.
const maxNames = 1 << 16

// names reads a list of strings that ends with NULL.
func names(list **byte) []string {
	if list == nil {
		return nil
	}
	var out []string
	for _, p := range unsafe.Slice(list, maxNames) {
		if p == nil {
			break
		}
		n := 0
		for *(*byte)(unsafe.Add(unsafe.Pointer(p), n)) != 0 {
			n++
		}
		out = append(out, string(unsafe.Slice(p, n)))
	}
	return out
}

// ICC is the colour profile of the slide; nil when it has none or the library is
// older than 4.
func (s *Slide) ICC() []byte {
	const most = 64 << 20
	if s.api.profileSize == nil {
		return nil
	}
	n := s.api.profileSize(s.osr)
	if n <= 0 || n > most {
		return nil
	}
	out := make([]byte, n)
	s.api.readProfile(s.osr, &out[0])
	return out
}

// Property is a property's value, "" when there is none.
func (s *Slide) Property(name string) string { return s.api.property(s.osr, name) }

// ReadRegion is openslide_read_region; dst's bounds give the size.
func (s *Slide) ReadRegion(level, x0, y0 int, dst *image.RGBA) error {
	err := s.ReadRegionRaw(level, x0, y0, dst)
	rgba(dst.Pix)
	return err
}

// ReadRegionRaw is ReadRegion that leaves the pixels in OpenSlide's own order of
// bytes: a benchmark must not count our turning them.
func (s *Slide) ReadRegionRaw(level, x0, y0 int, dst *image.RGBA) error {
	w, h := dst.Rect.Dx(), dst.Rect.Dy()
	if dst.Stride != 4*w || w < 1 || h < 1 {
		return errors.New("libopenslide: the destination must be whole")
	}
	purego.SyscallN(s.api.readRegion, s.osr, uintptr(unsafe.Pointer(&dst.Pix[0])), uintptr(x0), uintptr(y0), uintptr(level), uintptr(w), uintptr(h))
	return s.err()
}

// maxAssociated bounds the pixels of an associated image.
const maxAssociated = 64 << 20

// Associated reads an associated image.
func (s *Slide) Associated(name string) (*image.RGBA, error) {
	var w, h int64
	s.api.associatedSize(s.osr, name, &w, &h)
	if w < 1 || h < 1 {
		return nil, fmt.Errorf("libopenslide: no associated image %q", name)
	}
	if w > maxAssociated/h {
		return nil, fmt.Errorf("libopenslide: associated image %q of %d×%d pixels is too large", name, w, h)
	}
	m := image.NewRGBA(image.Rect(0, 0, int(w), int(h)))
	s.api.associatedPixels(s.osr, name, (*uint32)(unsafe.Pointer(&m.Pix[0])))
	rgba(m.Pix)
	return m, s.err()
}

// rgba turns OpenSlide's pixels (premultiplied ARGB in words of the machine,
// here little endian: B, G, R, A) into those of image.RGBA, also premultiplied.
func rgba(p []byte) {
	for i := 0; i+3 < len(p); i += 4 {
		p[i], p[i+2] = p[i+2], p[i]
	}
}
