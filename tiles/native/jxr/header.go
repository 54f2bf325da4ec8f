package jxr

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Kind is the meaning of the bytes of a pixel.
type Kind int

// The kinds that are decoded. Colours of 8 bits are stored blue, green, red;
// those of 16 bits red, green, blue.
const (
	Unknown Kind = iota
	Grey8
	Grey16
	BGR24
	RGB24
	RGB48
	GreyFloat
	BGRA32
)

// Bytes is the size of a pixel, 0 for Unknown.
func (k Kind) Bytes() int { return [...]int{0, 1, 2, 3, 3, 6, 4, 4}[k] }

// Header is what a JPEG XR file says of its picture.
type Header struct {
	Width, Height int // pixels
	Kind          Kind
}

// Tags of the container, ITU-T T.832 annex A.
const (
	tagPixelFormat = 0xbc01
	tagWidth       = 0xbc80
	tagHeight      = 0xbc81
	tagOffset      = 0xbcc0
	tagBytes       = 0xbcc1
	tagAlpha       = 0xbcc2
	maxTags        = 256
)

// formatPrefix begins the names of all pixel formats, which end in one byte.
const formatPrefix = "\x24\xc3\xdd\x6f\x03\x4e\xfe\x4b\xb1\x85\x3d\x77\x76\x8d\xc9"

// kinds are the pixel formats by their last byte, T.832 table A.6.
var kinds = map[byte]Kind{0x08: Grey8, 0x0b: Grey16, 0x0c: BGR24, 0x0d: RGB24, 0x0f: BGRA32, 0x11: GreyFloat, 0x15: RGB48}

var le = binary.LittleEndian

// ParseHeader reads the container and the beginning of the codestream, and holds
// their sizes against each other: the library trusts both.
func ParseHeader(data []byte) (Header, error) {
	if len(data) < 8 || string(data[:3]) != "II\xbc" {
		return Header{}, errors.New("no JPEG XR file")
	}
	at := int64(le.Uint32(data[4:]))
	if at > int64(len(data))-2 {
		return Header{}, errors.New("JPEG XR: the directory lies behind the end")
	}
	n := int64(le.Uint16(data[at:]))
	if n > maxTags || at+2+12*n > int64(len(data)) {
		return Header{}, fmt.Errorf("JPEG XR: a directory of %d tags", n)
	}
	var h Header
	var off, length, format int64 = -1, -1, -1
	for i := range n {
		e := data[at+2+12*i:]
		v := int64(le.Uint32(e[8:]))
		if le.Uint16(e[2:]) == 3 { // short
			v &= 0xffff
		}
		switch le.Uint16(e) {
		case tagPixelFormat:
			format = v
		case tagWidth:
			h.Width = int(v)
		case tagHeight:
			h.Height = int(v)
		case tagOffset:
			off = v
		case tagBytes:
			length = v
		case tagAlpha:
			return h, errors.New("JPEG XR: a plane of transparency")
		}
	}
	if format < 0 || format > int64(len(data))-16 || string(data[format:format+15]) != formatPrefix {
		return h, errors.New("JPEG XR: no pixel format")
	}
	if h.Kind = kinds[data[format+15]]; h.Kind == Unknown {
		return h, fmt.Errorf("JPEG XR: pixel format %#x", data[format+15])
	}
	if off < 0 || off > int64(len(data)) || length < 0 || length > int64(len(data))-off {
		return h, fmt.Errorf("JPEG XR: %d bytes at %d of %d", length, off, len(data))
	}
	return h, h.checkStream(data[off:])
}

// checkStream reads the size that the codestream claims, T.832 section 8.3, and
// compares.
func (h Header) checkStream(b []byte) error {
	const fixed = 12
	if len(b) < fixed+8 || string(b[:8]) != "WMPHOTO\x00" {
		return errors.New("JPEG XR: no codestream")
	}
	w, ht := 0, 0
	if b[10]&0x80 != 0 { // short header
		w, ht = int(binary.BigEndian.Uint16(b[fixed:])), int(binary.BigEndian.Uint16(b[fixed+2:]))
	} else {
		w, ht = int(binary.BigEndian.Uint32(b[fixed:])), int(binary.BigEndian.Uint32(b[fixed+4:]))
	}
	if w+1 != h.Width || ht+1 != h.Height {
		return fmt.Errorf("JPEG XR: a codestream of %d×%d pixels in a file of %d×%d", w+1, ht+1, h.Width, h.Height)
	}
	// Output colour and depth, which decide how much is written a pixel.
	want := map[Kind][2]byte{Grey8: {0, 1}, Grey16: {0, 2}, BGR24: {7, 1}, RGB24: {7, 1}, RGB48: {7, 2}, GreyFloat: {0, 7}, BGRA32: {7, 1}}[h.Kind]
	if colour, depth := b[11]>>4, b[11]&15; colour != want[0] || depth != want[1] {
		return fmt.Errorf("JPEG XR: a codestream of colour format %d and depth %d does not fit its file", colour, depth)
	}
	return nil
}
