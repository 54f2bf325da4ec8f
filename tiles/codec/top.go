package codec

import (
	"bytes"
	"encoding/binary"
	"image"

	"coverslip/tiles/jpegstream"
)

// JPEGTop is JPEG of which the first n rows are wanted: those below may be left
// as they are. A sequential stream is then decoded no further than is needed, and
// of damage below that nothing is said.
//
// data is altered while it is decoded.
func (s *Set) JPEGTop(dst *image.RGBA, data []byte, components, n int) error {
	l, err := jpegstream.ParseLayout(data)
	if err != nil || s.turbo == nil || n < 1 || l.Height != dst.Rect.Dy() || l.Width != dst.Rect.Dx() || !inOneScan(data, &l) {
		return s.JPEG(dst, data, components)
	}
	rows := topRows(&l, n)
	if rows >= l.Height {
		return s.JPEG(dst, data, components)
	}
	// The library reads as many rows as the frame says and passes over the rest.
	binary.BigEndian.PutUint16(data[l.Frame:], uint16(rows))
	defer binary.BigEndian.PutUint16(data[l.Frame:], uint16(l.Height))
	top := *dst
	top.Rect.Max.Y = top.Rect.Min.Y + rows
	return s.JPEG(&top, data, components)
}

// topRows is how many rows are decoded to see n: whole MCUs, and one row more
// than is seen, because enlarged chroma depends on the row below (T.81 leaves
// that to the decoder; libjpeg-turbo's "fancy" upsampling looks one row ahead).
func topRows(l *jpegstream.Layout, n int) int {
	return (n + 1 + l.MCUHeight - 1) / l.MCUHeight * l.MCUHeight
}

// inOneScan says whether a Huffman-coded sequential stream has all components in
// its first scan, T.81 B.2.3.
func inOneScan(data []byte, l *jpegstream.Layout) bool {
	const sof0, sof1, sos = 0xc0, 0xc1, 0xda
	if l.SOF != sof0 && l.SOF != sof1 || l.Components > 4 {
		return false
	}
	length := 6 + 2*l.Components
	at := l.Scan - length - 2
	return at > 0 && bytes.Equal(data[at:at+5], []byte{0xff, sos, 0, byte(length), byte(l.Components)})
}
