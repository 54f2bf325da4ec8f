package icc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
)

// MaxBytes is the longest profile that is read; those of scanners have a few
// hundred kilobytes, some with tables a few megabytes.
const MaxBytes = 16 << 20

const (
	headerSize = 128 // the specification, 7.2
	maxTags    = 256
)

// Profile is a parsed profile of an input or display device.
type Profile struct {
	Description string // its own name, for people; "" when it has none
	Space       string // colour space of the device: "RGB" or "GRAY"
	PCS         string // connection space: "XYZ" or "Lab"
	Version     int    // major version: 2 or 4

	toPCS pipeline // device values of 0 to 1 → connection space
}

// tagTable is the tags of a profile by signature.
type tagTable map[string][]byte

// Parse reads a profile. It returns an error that says what is wrong or not
// supported; a slide with such a profile is shown in its raw colours.
func Parse(data []byte) (*Profile, error) {
	if len(data) < headerSize+4 {
		return nil, fmt.Errorf("a profile of %d bytes is shorter than its header", len(data))
	}
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("a profile of %d bytes is longer than %d", len(data), MaxBytes)
	}
	if string(data[36:40]) != "acsp" {
		return nil, errors.New("not a colour profile (no signature acsp)")
	}
	p := &Profile{Version: int(data[8]), Space: strings.TrimSpace(string(data[16:20])), PCS: strings.TrimSpace(string(data[20:24]))}
	if p.Version < 2 || p.Version > 4 {
		return nil, fmt.Errorf("profile version %d", p.Version)
	}
	if p.Space != "RGB" && p.Space != "GRAY" {
		return nil, fmt.Errorf("profile of colour space %q (RGB and GRAY are read)", p.Space)
	}
	if p.PCS != "XYZ" && p.PCS != "Lab" {
		return nil, fmt.Errorf("profile with connection space %q", p.PCS)
	}
	tags, err := readTags(data)
	if err != nil {
		return nil, err
	}
	p.Description = description(tags["desc"])
	if p.toPCS, err = p.pipeline(tags); err != nil {
		return nil, err
	}
	return p, nil
}

// readTags reads the tag table (the specification, 7.3).
func readTags(data []byte) (tagTable, error) {
	n := binary.BigEndian.Uint32(data[headerSize:])
	if n > maxTags {
		return nil, fmt.Errorf("%d tags are more than %d", n, maxTags)
	}
	if len(data) < headerSize+4+12*int(n) {
		return nil, fmt.Errorf("the table of %d tags is cut off", n)
	}
	tags := tagTable{}
	for i := range int(n) {
		e := data[headerSize+4+12*i:]
		at, size := uint64(binary.BigEndian.Uint32(e[4:])), uint64(binary.BigEndian.Uint32(e[8:]))
		if at+size > uint64(len(data)) {
			return nil, fmt.Errorf("tag %q lies behind the profile's end", e[:4])
		}
		tags[string(e[:4])] = data[at : at+size]
	}
	return tags, nil
}

// pipeline chooses what leads to the connection space: tables when the profile
// has them, as section 8.10 of the specification demands, else curves.
func (p *Profile) pipeline(tags tagTable) (pipeline, error) {
	// Relative colorimetric, else perceptual, which a profile must have.
	for _, name := range []string{"A2B1", "A2B0"} {
		if b, ok := tags[name]; ok && p.Space == "RGB" {
			l, err := readLUT(b, p.PCS)
			if err != nil {
				return nil, fmt.Errorf("tag %s: %w", name, err)
			}
			return l, nil
		}
	}
	if p.Space == "GRAY" {
		c, err := curveTag(tags, "kTRC")
		if err != nil {
			return nil, err
		}
		return &greyCurve{c, p.PCS}, nil
	}
	if p.PCS != "XYZ" {
		return nil, errors.New("a profile of curves must lead to XYZ")
	}
	m := &matrixCurves{}
	for i, name := range []string{"r", "g", "b"} {
		c, err := curveTag(tags, name+"TRC")
		if err != nil {
			return nil, err
		}
		v, err := xyzTag(tags, name+"XYZ")
		if err != nil {
			return nil, err
		}
		m.curves[i] = c
		for row := range 3 {
			m.matrix[row][i] = v[row]
		}
	}
	return m, nil
}

func curveTag(tags tagTable, name string) (curve, error) {
	b, ok := tags[name]
	if !ok {
		return curve{}, fmt.Errorf("tag %s is missing", name)
	}
	c, _, err := readCurve(b)
	if err != nil {
		return curve{}, fmt.Errorf("tag %s: %w", name, err)
	}
	return c, nil
}

// xyzTag reads one XYZ number (the specification, 10.31).
func xyzTag(tags tagTable, name string) (v [3]float64, err error) {
	b, ok := tags[name]
	if !ok {
		return v, fmt.Errorf("tag %s is missing", name)
	}
	if len(b) < 20 || string(b[:4]) != "XYZ " {
		return v, fmt.Errorf("tag %s is not an XYZ number", name)
	}
	for i := range v {
		v[i] = fixed(b[8+4*i:])
	}
	return v, nil
}

// fixed is an s15Fixed16Number (the specification, 4.6).
func fixed(b []byte) float64 { return float64(int32(binary.BigEndian.Uint32(b))) / 65536 }

// description reads the profile's name, of version 2 (textDescriptionType) or 4
// (multiLocalizedUnicodeType, the first language).
func description(b []byte) string {
	if len(b) < 12 {
		return ""
	}
	switch string(b[:4]) {
	case "desc":
		n := int64(binary.BigEndian.Uint32(b[8:]))
		if n > int64(len(b)-12) {
			return ""
		}
		return clean(string(b[12 : 12+n]))
	case "mluc":
		if len(b) < 28 || binary.BigEndian.Uint32(b[8:]) == 0 {
			return ""
		}
		n, at := int64(binary.BigEndian.Uint32(b[20:])), int64(binary.BigEndian.Uint32(b[24:]))
		if n > 4096 || at+n > int64(len(b)) {
			return ""
		}
		u := make([]uint16, n/2)
		for i := range u {
			u[i] = binary.BigEndian.Uint16(b[at+2*int64(i):])
		}
		return clean(string(utf16.Decode(u)))
	}
	return ""
}

// clean makes a name fit for a line on screen.
func clean(s string) string {
	s, _, _ = strings.Cut(s, "\x00")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0xfffd {
			return -1
		}
		return r
	}, s)
	if r := []rune(s); len(r) > 80 {
		s = string(r[:80]) + "…"
	}
	return strings.TrimSpace(s)
}
