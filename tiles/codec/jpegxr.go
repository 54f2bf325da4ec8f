package codec

import (
	"fmt"

	"coverslip/tiles"
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

// JPEGXR decodes a JPEG XR file, which must have w×h pixels of one of the kinds,
// to their bytes, row after row without gaps. It returns the kind that it is of.
func (s *Set) JPEGXR(data []byte, w, h int, kinds ...jxr.Kind) ([]byte, jxr.Kind, error) {
	if err := s.HasJPEGXR(); err != nil {
		return nil, 0, err
	}
	head, err := jxr.ParseHeader(data)
	if err != nil {
		return nil, 0, err
	}
	if head.Width != w || head.Height != h {
		return nil, 0, fmt.Errorf("JPEG XR of %d×%d pixels where %d×%d are due", head.Width, head.Height, w, h)
	}
	for _, k := range kinds {
		if k == head.Kind {
			dst := make([]byte, w*h*k.Bytes())
			return dst, k, s.jxr.Decode(dst, data, head)
		}
	}
	return nil, 0, fmt.Errorf("JPEG XR whose pixels have %d bytes and another meaning than is due", head.Kind.Bytes())
}

// statusJPEGXR says what decodes JPEG XR.
func (s *Set) statusJPEGXR() Status {
	if s.jxr != nil {
		return Status{Name: "JPEG XR", Library: s.jxr.Path(), Native: true}
	}
	return Status{Name: "JPEG XR", Note: fmt.Sprintf("Zeiss slides compressed by JPEG XR cannot be read (%v); %s", s.jxrErr, jxr.Hint())}
}
