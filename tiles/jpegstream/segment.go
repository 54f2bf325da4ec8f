package jpegstream

import (
	"encoding/binary"
	"errors"
	"fmt"
)

const markerFill = 0xff

// Segment takes the marker segment that data begins with (T.81 B.1.1.4; fill
// bytes before it are skipped) off of it: its marker, its parameters and what
// follows. Unlike ParseHeader it forgives nothing, which is for the processes of
// JPEG whose decoders are our own: an error where no marker is, at the end of the
// picture, and where the segment is cut off.
func Segment(data []byte) (marker byte, body, rest []byte, err error) {
	for len(data) >= 2 && data[0] == markerFill && data[1] == markerFill {
		data = data[1:]
	}
	if len(data) < 4 || data[0] != markerFill {
		return 0, nil, nil, errors.New("cut off, or no marker where one is due")
	}
	marker = data[1]
	n := int(binary.BigEndian.Uint16(data[2:]))
	if marker == markerEOI {
		return 0, nil, nil, errors.New("the picture ends before all its components")
	}
	if n < 2 || 2+n > len(data) {
		return 0, nil, nil, fmt.Errorf("marker segment %#02x is cut off", marker)
	}
	return marker, data[4 : 2+n], data[2+n:], nil
}
