package blosc

import "errors"

var errBloscLZ = errors.New("BloscLZ stream is damaged")

// farthest is the greatest distance that 13 bits tell; farther matches carry 16
// bits more.
const farthest = 8191

// unpackBloscLZ unpacks a stream of literals and matches: a control byte below
// 32 announces that many literals and one; else its upper three bits are the
// match's length and its lower five the upper bits of the distance.
func unpackBloscLZ(dst, src []byte) error {
	if len(src) == 0 {
		return errBloscLZ
	}
	at, out := 1, 0
	ctrl := int(src[0] & 31) // the first ones are literals
	for {
		if ctrl < 32 {
			n := ctrl + 1
			if n > len(src)-at || n > len(dst)-out {
				return errBloscLZ
			}
			copy(dst[out:], src[at:at+n])
			at, out = at+n, out+n
		} else {
			n, distance := ctrl>>5-1, ctrl&31<<8
			if n == 6 {
				for {
					if at >= len(src) {
						return errBloscLZ
					}
					b := src[at]
					at++
					if n += int(b); b != 255 {
						break
					}
				}
			}
			if at >= len(src) {
				return errBloscLZ
			}
			low := int(src[at])
			at++
			n += 3
			if low == 255 && distance == 31<<8 {
				if len(src)-at < 2 {
					return errBloscLZ
				}
				distance = int(src[at])<<8 + int(src[at+1]) + farthest
				at += 2
			} else {
				distance += low
			}
			distance++
			if distance > out || n > len(dst)-out {
				return errBloscLZ
			}
			repeat(dst[out-distance:out+n], distance)
			out += n
		}
		if at >= len(src) {
			break
		}
		ctrl = int(src[at])
		at++
	}
	if out != len(dst) {
		return errBloscLZ
	}
	return nil
}

// repeat fills b with its first period bytes over and over.
func repeat(b []byte, period int) {
	for have := period; have < len(b); {
		have += copy(b[have:], b[:have])
	}
}
