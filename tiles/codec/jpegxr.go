package codec

import (
	"fmt"
	"slices"

	"coverslip/tiles"
	"coverslip/tiles/native/dl"
	"coverslip/tiles/native/jxr"
)

// HasJPEGXR returns nil when JPEG XR can be decoded, else an
// *tiles.UnsupportedError with the hint what to install.
func (s *Set) HasJPEGXR() error {
	if s.jxr != nil {
		return nil
	}
	return &tiles.UnsupportedError{Format: "codec", What: fmt.Sprintf("JPEG XR compression: codec missing (%v)", s.jxrErr), Hint: jxr.Hint()}
}

// JPEGXR decodes a JPEG XR file of one of the kinds, and of up to maxBytes of
// pixels, to their bytes, row after row without gaps. It returns what the file
// says of itself.
func (s *Set) JPEGXR(data []byte, maxBytes int, kinds ...jxr.Kind) ([]byte, jxr.Header, error) {
	if err := s.HasJPEGXR(); err != nil {
		return nil, jxr.Header{}, err
	}
	h, err := jxr.ParseHeader(data)
	if err != nil {
		return nil, h, err
	}
	if !slices.Contains(kinds, h.Kind) {
		return nil, h, fmt.Errorf("JPEG XR whose pixels have %d bytes and another meaning than is due", h.Kind.Bytes())
	}
	if h.Width < 1 || h.Height < 1 || h.Width > maxBytes/h.Height/h.Kind.Bytes() {
		return nil, h, fmt.Errorf("JPEG XR of %d×%d pixels is too large", h.Width, h.Height)
	}
	dst := make([]byte, h.Width*h.Height*h.Kind.Bytes())
	return dst, h, s.jxr.Decode(dst, data, h)
}

// statusJPEGXR says what decodes JPEG XR.
func (s *Set) statusJPEGXR() Status {
	if s.jxr != nil {
		return Status{Name: "JPEG XR", Library: s.jxr.Path(), Found: dl.Found(s.jxr.Path()), Native: true}
	}
	return Status{Name: "JPEG XR", Note: fmt.Sprintf("Zeiss slides compressed by JPEG XR cannot be read (%v); %s", s.jxrErr, jxr.Hint())}
}
