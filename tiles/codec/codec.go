// Package codec chooses the decoders of compressed tiles: a native library
// where one is installed, Go elsewhere. Which is which, a person can ask
// (Status).
package codec

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"os"
	"sync"

	"coverslip/tiles"
	"coverslip/tiles/jpegstream"
	"coverslip/tiles/native/openjpeg"
	"coverslip/tiles/native/turbojpeg"
)

// EnvNative names the environment variable that turns the native libraries
// off when it is "off": a defect in a C library cannot be recovered from in
// Go, so a file of doubtful origin can be opened without them.
const EnvNative = "COVERSLIP_NATIVE"

// Options of a Set.
type Options struct {
	NoNative bool // use Go decoders only
}

// Set is the decoders in use. Its methods are safe for concurrent use.
type Set struct {
	turbo    *turbojpeg.Library
	turboErr error
	j2k      *openjpeg.Library
	j2kErr   error
}

// Status says what decodes one kind of compression.
type Status struct {
	Name    string // the compression: "JPEG"
	Library string // what decodes it: "libturbojpeg.so.0", "Go image/jpeg", "" for nothing
	Version string // of a native library
	Native  bool   // a native library decodes it
	Note    string // for people: what is slow or missing, and what to do about it
}

var errOff = fmt.Errorf("turned off by %s=off", EnvNative)

// New loads what the options allow.
func New(o Options) *Set {
	if o.NoNative {
		return &Set{turboErr: errOff, j2kErr: errOff}
	}
	s := &Set{}
	s.turbo, s.turboErr = turbojpeg.Load()
	s.j2k, s.j2kErr = openjpeg.Load()
	return s
}

// standard is loaded once a process, at first use.
var standard = sync.OnceValue(func() *Set {
	return New(Options{NoNative: os.Getenv(EnvNative) == "off"})
})

// Default is the set that this computer and the environment offer.
func Default() *Set { return standard() }

// Status lists the compressions and what decodes each.
func (s *Set) Status() []Status {
	j := Status{Name: "JPEG", Library: "Go image/jpeg"}
	if s.turbo != nil {
		j = Status{Name: "JPEG", Library: s.turbo.Path(), Version: s.turbo.Version(), Native: true}
	} else {
		j.Note = fmt.Sprintf("about 4 times slower than libjpeg-turbo (%v); install libturbojpeg0", s.turboErr)
	}
	k := Status{Name: "JPEG 2000"}
	if s.j2k != nil {
		k = Status{Name: "JPEG 2000", Library: s.j2k.Path(), Version: s.j2k.Version(), Native: true}
	} else {
		k.Note = fmt.Sprintf("slides compressed by JPEG 2000 cannot be read (%v); %s", s.j2kErr, openjpeg.Hint())
	}
	return []Status{j, k,
		{Name: "Deflate", Library: "Go klauspost/compress"},
		{Name: "LZW", Library: "Go x/image/tiff/lzw"},
		{Name: "Zstandard", Library: "Go klauspost/compress"},
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

// HasJPEG2000 returns nil when JPEG 2000 can be decoded, else an
// *tiles.UnsupportedError with the hint what to install.
func (s *Set) HasJPEG2000() error {
	if s.j2k != nil {
		return nil
	}
	return &tiles.UnsupportedError{Format: "codec", What: fmt.Sprintf("JPEG 2000 compression: codec missing (%v)", s.j2kErr), Hint: openjpeg.Hint()}
}

// JPEG2000 decodes a JPEG 2000 codestream or JP2 file into dst, whose size must
// be the stream's.
func (s *Set) JPEG2000(dst *image.RGBA, data []byte, colour openjpeg.Colour) error {
	if err := s.HasJPEG2000(); err != nil {
		return err
	}
	return s.j2k.Decode(dst, data, openjpeg.Options{Colour: colour})
}

// JPEG2000Parts says whether JPEG2000Part decodes a part for less than the whole.
func (s *Set) JPEG2000Parts() bool { return s.j2k != nil }

// JPEG2000Part decodes the pixels of r into dst, whose size must be that of r. It
// returns openjpeg.ErrWhole for a picture that must be decoded whole.
func (s *Set) JPEG2000Part(dst *image.RGBA, data []byte, colour openjpeg.Colour, r image.Rectangle) error {
	if err := s.HasJPEG2000(); err != nil {
		return err
	}
	return s.j2k.Decode(dst, data, openjpeg.Options{Colour: colour, Area: r})
}

// JPEG2000Size is the size in pixels that a JPEG 2000 codestream or JP2 file
// claims; an error when it is not one that would be decoded.
func JPEG2000Size(data []byte) (w, h int, err error) {
	cs, err := openjpeg.Codestream(data)
	if err != nil {
		return 0, 0, err
	}
	head, err := openjpeg.ParseHeader(cs)
	return head.Width, head.Height, err
}
