package deid

import (
	"bytes"
	"encoding/binary"
)

// blankJPEG overwrites with zeros what a JPEG stream says beside the picture:
// comments and application segments (T.81 B.2.4.5, B.2.4.6), but for the numbers
// of JFIF and Adobe that decoders need. Lengths stay, so offsets into the stream
// stay right. What lies behind the end of the picture is blanked as well when the
// stream is whole.
func blankJPEG(b []byte, whole bool) {
	if len(b) < 4 || b[0] != 0xff || b[1] != 0xd8 {
		return
	}
	i := 2
	for i+4 <= len(b) {
		if b[i] != 0xff {
			return
		}
		m := b[i+1]
		if m == 0xff { // fill byte
			i++
			continue
		}
		if m == 0x01 || m >= 0xd0 && m <= 0xd8 {
			i += 2
			continue
		}
		if m == 0xd9 {
			break
		}
		n := int(binary.BigEndian.Uint16(b[i+2:]))
		end := min(i+2+n, len(b))
		if n < 2 {
			return
		}
		blankSegment(m, b[min(i+4, end):end])
		i = end
		if m != 0xda {
			continue
		}
		for i+1 < len(b) && (b[i] != 0xff || b[i+1] == 0 || b[i+1] >= 0xd0 && b[i+1] <= 0xd7) { // entropy-coded
			next := bytes.IndexByte(b[i+1:], 0xff)
			if next < 0 {
				return
			}
			i += 1 + next
		}
	}
	if whole && i+2 <= len(b) {
		clear(b[i+2:])
	}
}

// blankSegment blanks one segment's payload.
func blankSegment(m byte, p []byte) {
	switch {
	case m == 0xfe: // COM
	case m == 0xe0 && len(p) >= 14 && string(p[:5]) == "JFIF\x00": // version and density; a thumbnail may follow
		p[12], p[13] = 0, 0
		p = p[14:]
	case m == 0xee && len(p) >= 12 && string(p[:5]) == "Adobe":
		p = p[12:]
	case m >= 0xe0 && m <= 0xef:
	default:
		return
	}
	clear(p)
}

// blankJ2K blanks comments in the headers of a JPEG 2000 codestream (T.800 A.9.2).
func blankJ2K(b []byte) {
	if len(b) < 4 || b[0] != 0xff || b[1] != 0x4f {
		return
	}
	for i := 2; i+4 <= len(b); {
		m := binary.BigEndian.Uint16(b[i:])
		n := int(binary.BigEndian.Uint16(b[i+2:]))
		end := min(i+2+n, len(b))
		if m < 0xff4f || n < 2 {
			return
		}
		if m == 0xff64 {
			clear(b[min(i+6, end):end])
		}
		if m == 0xff93 || m == 0xff90 { // tile-parts: their headers hold comments seldom
			blankTileParts(b[i:])
			return
		}
		i = end
	}
}

// blankTileParts goes from tile-part to tile-part by the lengths in SOT.
func blankTileParts(b []byte) {
	for len(b) >= 12 && binary.BigEndian.Uint16(b) == 0xff90 {
		length := int(binary.BigEndian.Uint32(b[6:]))
		for i := 12; i+4 <= len(b); {
			m := binary.BigEndian.Uint16(b[i:])
			if m == 0xff93 || m < 0xff4f {
				break
			}
			end := min(i+2+int(binary.BigEndian.Uint16(b[i+2:])), len(b))
			if m == 0xff64 {
				clear(b[min(i+6, end):end])
			}
			if end <= i {
				return
			}
			i = end
		}
		if length < 14 || length > len(b) {
			return
		}
		b = b[length:]
	}
}

// profileTags are the elements of a colour profile that are numbers (ICC.1:2010
// section 9).
const profileTags = "rXYZgXYZbXYZrTRCgTRCbTRCwtptbkptchadkTRClumiA2B0A2B1A2B2B2A0B2A1B2A2gamtD2B0B2D0"

// cleanProfile is a colour profile without texts and dates; nil for what is none.
func cleanProfile(p []byte) []byte {
	if len(p) < 132 || string(p[36:40]) != "acsp" {
		return nil
	}
	n := int(binary.BigEndian.Uint32(p[128:]))
	if n > 100 || len(p) < 132+12*n {
		return nil
	}
	head := bytes.Clone(p[:128])
	clear(head[24:36])  // date
	clear(head[48:64])  // manufacturer, model, attributes
	clear(head[80:128]) // creator, identifier, reserved
	clear(head[4:8])    // preferred engine
	text := append([]byte("desc\x00\x00\x00\x00"), 0, 0, 0, 2, '-', 0)
	text = append(text, make([]byte, 79)...)
	rights := []byte("text\x00\x00\x00\x00-\x00")
	type element struct {
		sig  string
		data []byte
	}
	elements := []element{{"desc", text}, {"cprt", rights}}
	for i := range n {
		e := p[132+12*i:]
		sig, off, size := string(e[:4]), int(binary.BigEndian.Uint32(e[4:])), int(binary.BigEndian.Uint32(e[8:]))
		known := false
		for k := 0; k < len(profileTags); k += 4 {
			known = known || profileTags[k:k+4] == sig
		}
		if known && off >= 128 && size >= 8 && off <= len(p) && size <= len(p)-off {
			elements = append(elements, element{sig, p[off : off+size]})
		}
	}
	be := binary.BigEndian
	table := be.AppendUint32(nil, uint32(len(elements)))
	var body []byte
	base := 132 + 12*len(elements)
	for _, e := range elements {
		table = append(table, e.sig...)
		table = be.AppendUint32(be.AppendUint32(table, uint32(base+len(body))), uint32(len(e.data)))
		body = append(body, e.data...)
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
	}
	out := append(append(head, table...), body...)
	be.PutUint32(out, uint32(len(out)))
	return out
}
