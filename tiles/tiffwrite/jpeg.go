package tiffwrite

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
)

// GoJPEG encodes with Go's own image/jpeg: YCbCr, chroma halved both ways.
func GoJPEG(img *image.RGBA, quality int) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(img.Rect.Dx() * img.Rect.Dy() / 4)
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// jpegStream is what the TIFF tags must know of a JPEG stream.
type jpegStream struct {
	tables     []byte // SOI, every DQT and DHT, EOI: the stream of TIFF tag 347
	rest       []byte // the stream without DQT, DHT and JFIF: an abbreviated image
	subX, subY int    // chroma subsampling, 1 or 2 (TIFF tag 530)
	rgb        bool   // components are R, G, B and not Y, Cb, Cr
}

// JPEG markers (ISO/IEC 10918-1, Table B.1; APP14 of Adobe Technical Note 5116).
const (
	mSOI   = 0xD8
	mEOI   = 0xD9
	mSOS   = 0xDA
	mDQT   = 0xDB
	mDHT   = 0xC4
	mSOF0  = 0xC0
	mSOF1  = 0xC1
	mSOF2  = 0xC2
	mAPP0  = 0xE0
	mAPP14 = 0xEE
)

var errJPEG = errors.New("encoder returned no valid JPEG stream")

// splitJPEG takes a complete stream apart into tables and image.
func splitJPEG(b []byte) (jpegStream, error) {
	s := jpegStream{subX: 1, subY: 1}
	if len(b) < 4 || b[0] != 0xFF || b[1] != mSOI {
		return s, errJPEG
	}
	s.tables = []byte{0xFF, mSOI}
	s.rest = append(make([]byte, 0, len(b)), 0xFF, mSOI)
	for at := 2; ; {
		if at+4 > len(b) || b[at] != 0xFF {
			return s, errJPEG
		}
		marker, n := b[at+1], int(b[at+2])<<8|int(b[at+3])
		end := at + 2 + n
		if n < 2 || end > len(b) {
			return s, errJPEG
		}
		segment, body := b[at:end], b[at+4:end]
		switch marker {
		case mDQT, mDHT:
			s.tables = append(s.tables, segment...)
		case mAPP0:
		case mSOS:
			s.rest = append(s.rest, b[at:]...)
			s.tables = append(s.tables, 0xFF, mEOI)
			return s, nil
		case mSOF0, mSOF1, mSOF2:
			if err := s.frame(body); err != nil {
				return s, err
			}
			s.rest = append(s.rest, segment...)
		default:
			if marker == mAPP14 && len(body) >= 12 && bytes.HasPrefix(body, []byte("Adobe")) {
				s.rgb = body[11] == 0
			}
			s.rest = append(s.rest, segment...)
		}
		at = end
	}
}

// frame reads the frame header: the body of a SOF segment.
func (s *jpegStream) frame(body []byte) error {
	if len(body) < 6 || len(body) < 6+3*int(body[5]) {
		return errJPEG
	}
	if body[5] != 3 {
		return errors.New("encoder returned a JPEG that has not three components")
	}
	s.subX, s.subY = int(body[7]>>4), int(body[7]&15)
	s.rgb = s.rgb || body[6] == 'R' && body[9] == 'G' && body[12] == 'B'
	return nil
}
