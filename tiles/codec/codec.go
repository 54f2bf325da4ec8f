// Package codec chooses the decoders of compressed tiles: a native library
// where one is installed, Go elsewhere. Which is which, a person can ask
// (Status).
package codec

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"os"
	"sync"

	"coverslip/tiles"
	"coverslip/tiles/jpeg2000"
	"coverslip/tiles/jpegstream"
	"coverslip/tiles/native/dl"
	"coverslip/tiles/native/jxr"
	"coverslip/tiles/native/openjpeg"
	"coverslip/tiles/native/turbojpeg"
)

// EnvNative names the environment variable that turns the native libraries
// off when it is "off": a defect in a C library cannot be recovered from in
// Go, so a file of doubtful origin can be opened without them.
const EnvNative = "COVERSLIP_NATIVE"

// Options of a Set.
type Options struct {
	NoNative bool // memory-safe decoders only: those written in Go
}

// Set is the decoders in use. Its methods are safe for concurrent use.
type Set struct {
	turbo    *turbojpeg.Library
	turboErr error
	j2k      *openjpeg.Library
	j2kErr   error
	jxr      *jxr.Library
	jxrErr   error
	goOnly   bool // no native library may be called
}

// Status says what decodes one kind of compression.
type Status struct {
	Name    string // the compression: "JPEG"
	Library string // what decodes it: "libturbojpeg.so.0", "Go image/jpeg", "" for nothing
	Version string // of a native library
	Found   string // how a native library was found: "by the system", "beside the program"
	Native  bool   // a native library decodes it
	Note    string // for people: what is slow or missing, and what to do about it
}

// Why no native library is in use.
var (
	errEnv   = fmt.Errorf("native libraries are turned off by %s=off", EnvNative)
	errAsked = errors.New("memory-safe decoders only were asked for")
)

// loaders find the native libraries; each has passed its self-test.
type loaders struct {
	turbo func() (*turbojpeg.Library, error)
	j2k   func() (*openjpeg.Library, error)
	jxr   func() (*jxr.Library, error)
}

// New loads what the options allow. A library that is absent or fails its
// self-test is replaced by Go; Status says why.
func New(o Options) *Set {
	if o.NoNative {
		return &Set{turboErr: errAsked, j2kErr: errAsked, jxrErr: errAsked, goOnly: true}
	}
	return load(loaders{turbojpeg.Load, openjpeg.Load, jxr.Load})
}

func load(l loaders) *Set {
	s := &Set{}
	if s.turbo, s.turboErr = l.turbo(); s.turboErr != nil {
		s.turbo = nil
	}
	if s.j2k, s.j2kErr = l.j2k(); s.j2kErr != nil {
		s.j2k = nil
	}
	if s.jxr, s.jxrErr = l.jxr(); s.jxrErr != nil {
		s.jxr = nil
	}
	return s
}

// standard is loaded once a process, at first use.
var standard = sync.OnceValue(func() *Set {
	if os.Getenv(EnvNative) == "off" {
		return &Set{turboErr: errEnv, j2kErr: errEnv, jxrErr: errEnv, goOnly: true}
	}
	return New(Options{})
})

// Default is the set that this computer and the environment offer.
func Default() *Set { return standard() }

// safe has no state of its own.
var safe = New(Options{NoNative: true})

// Safe is the set for files of doubtful origin: a defect in a C library can be
// used against the person who opens a slide, one in Go ends in an error.
func Safe() *Set { return safe }

// GoOnly tells that no native library may see the file.
func (s *Set) GoOnly() bool { return s.goOnly }

// Status lists the compressions and what decodes each.
func (s *Set) Status() []Status {
	j := Status{Name: "JPEG", Library: "Go image/jpeg"}
	if s.turbo != nil {
		j = Status{Name: "JPEG", Library: s.turbo.Path(), Version: s.turbo.Version(), Found: dl.Found(s.turbo.Path()), Native: true}
	} else {
		j.Note = fmt.Sprintf("about 4 times slower than libjpeg-turbo (%v); install libturbojpeg0", s.turboErr)
	}
	k := Status{Name: "JPEG 2000", Library: "Go (Coverslip's own)"}
	if s.j2k != nil {
		k = Status{Name: "JPEG 2000", Library: s.j2k.Path(), Version: s.j2k.Version(), Found: dl.Found(s.j2k.Path()), Native: true}
	} else {
		k.Note = fmt.Sprintf("somewhat slower than OpenJPEG (%v); %s", s.j2kErr, openjpeg.Hint())
	}
	return []Status{j, k, s.statusJPEGXR(),
		{Name: "JPEG-LS", Library: "Go (Coverslip's own)"},
		{Name: "JPEG lossless", Library: "Go (Coverslip's own)"},
		{Name: "DICOM RLE", Library: "Go (Coverslip's own)"},
		{Name: "Deflate", Library: "Go klauspost/compress"},
		{Name: "LZW", Library: "Go x/image/tiff/lzw"},
		{Name: "Zstandard", Library: "Go klauspost/compress"},
		{Name: "WebP", Library: "Go x/image/webp"},
	}
}

// JPEG decodes a whole 8-bit JPEG stream into dst, whose size must be the
// stream's. components is how many the container promises, 1 or 3.
//
// Errors are of the stream: dimensions or components that contradict the
// container (found before anything is decoded), missing tables, damage.
func (s *Set) JPEG(dst *image.RGBA, data []byte, components int) error {
	h, err := jpegstream.ParseHeader(data)
	if err != nil {
		return err
	}
	w, ht := dst.Rect.Dx(), dst.Rect.Dy()
	switch {
	case h.Width != w || h.Height != ht:
		return &turbojpeg.DimensionError{GotWidth: h.Width, GotHeight: h.Height, WantWidth: w, WantHeight: ht}
	case h.Components != components:
		return fmt.Errorf("JPEG of %d components where %d are due", h.Components, components)
	case !h.Quantised:
		return fmt.Errorf("JPEG tables are missing")
	case !h.Huffman && h.SOF == 0xc0:
		return fmt.Errorf("JPEG Huffman tables are missing")
	}
	if s.turbo != nil {
		return s.turbo.Decode(dst, data)
	}
	m, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return err
	}
	if m.Bounds().Size() != dst.Rect.Size() {
		return fmt.Errorf("JPEG decodes to %v where %v are due", m.Bounds().Size(), dst.Rect.Size())
	}
	draw.Draw(dst, dst.Rect, m, m.Bounds().Min, draw.Src)
	return nil
}

// SkipsToRestart says whether JPEG decodes a stream whose restart segments hold
// more MCUs than its header says, and leaves the others out: a segment is then
// decoded only as far as it is seen. Go's decoder refuses such a stream.
//
// Of a stream so read, only the first segment is checked for damage; what a
// later one holds of it is shown.
func (s *Set) SkipsToRestart() bool { return s.turbo != nil }

// JPEGImage decodes a whole JPEG stream of whatever size it says, up to
// maxPixels: a label or a macro image that no container describes.
func (s *Set) JPEGImage(data []byte, maxPixels int) (*image.RGBA, error) {
	h, err := jpegstream.ParseHeader(data)
	if err != nil {
		return nil, err
	}
	if h.Width < 1 || h.Height < 1 || h.Width*h.Height > maxPixels {
		return nil, fmt.Errorf("JPEG image of %d×%d pixels", h.Width, h.Height)
	}
	if h.Components != 1 && h.Components != 3 {
		return nil, fmt.Errorf("JPEG image of %d components", h.Components)
	}
	dst := image.NewRGBA(image.Rect(0, 0, h.Width, h.Height))
	return dst, s.JPEG(dst, data, h.Components)
}

// EncodeJPEG compresses img at quality 1–100 with chroma subsampling "420",
// "422" or "444"; only "420" is to be had without libjpeg-turbo.
func (s *Set) EncodeJPEG(img *image.RGBA, quality int, sub string) ([]byte, error) {
	if s.turbo != nil {
		return s.turbo.Encode(img, quality, sub)
	}
	if sub != "420" {
		return nil, &tiles.UnsupportedError{Format: "jpeg", What: "subsampling " + sub + " without libjpeg-turbo", Hint: "install libturbojpeg0"}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// JPEG2000 decodes a JPEG 2000 codestream or JP2 file into dst, whose size must
// be the stream's. Native library and Go give the same pixels.
//
// Errors: as jpeg2000.Decode.
func (s *Set) JPEG2000(dst *image.RGBA, data []byte, colour jpeg2000.Colour) error {
	return s.JPEG2000Reduced(dst, data, colour, 0)
}

// JPEG2000Reduced is JPEG2000 without the finest reduce resolutions: dst is
// 2^reduce times smaller than the stream, rounded up.
func (s *Set) JPEG2000Reduced(dst *image.RGBA, data []byte, colour jpeg2000.Colour, reduce int) error {
	o := jpeg2000.Options{Colour: colour, Reduce: reduce}
	if s.j2k != nil {
		return s.j2k.Decode(dst, data, o)
	}
	return jpeg2000.Decode(dst, data, o)
}

// JPEG2000Header is what a JPEG 2000 codestream or JP2 file says of itself; an
// error when it is not one that would be decoded.
func JPEG2000Header(data []byte) (jpeg2000.Header, error) {
	cs, err := jpeg2000.Codestream(data)
	if err != nil {
		return jpeg2000.Header{}, err
	}
	return jpeg2000.ParseHeader(cs)
}

// JPEG2000Parts says whether JPEG2000Part decodes a part for less than the whole.
func (s *Set) JPEG2000Parts() bool { return s.j2k != nil }

// JPEG2000Part decodes the pixels of r into dst, whose size must be that of r. It
// returns openjpeg.ErrWhole for a picture that must be decoded whole.
func (s *Set) JPEG2000Part(dst *image.RGBA, data []byte, colour jpeg2000.Colour, r image.Rectangle) error {
	if s.j2k == nil {
		return openjpeg.ErrWhole
	}
	return s.j2k.DecodePart(dst, data, colour, r)
}

// JPEG2000Size is the size in pixels that a JPEG 2000 codestream or JP2 file
// claims; an error when it is not one that would be decoded.
func JPEG2000Size(data []byte) (w, h int, err error) {
	head, err := JPEG2000Header(data)
	return head.Width, head.Height, err
}
