package icc

import (
	"encoding/binary"
	"math"
	"sync"
)

// SRGB is a profile of sRGB (IEC 61966-2-1) for files that must hold one: a
// matrix and a curve, ICC.1:2001-04 (version 2), which every program reads. The
// caller must not change it.
func SRGB() []byte { return srgbProfile() }

var srgbProfile = sync.OnceValue(func() []byte {
	text := func(s string) []byte { return append([]byte("text\x00\x00\x00\x00"), s+"\x00"...) }
	xyz := func(v ...float64) []byte {
		b := []byte("XYZ \x00\x00\x00\x00")
		for _, x := range v {
			b = binary.BigEndian.AppendUint32(b, uint32(int32(math.Round(x*65536))))
		}
		return b
	}
	name := "sRGB IEC61966-2.1\x00"
	desc := binary.BigEndian.AppendUint32([]byte("desc\x00\x00\x00\x00"), uint32(len(name)))
	desc = append(append(desc, name...), make([]byte, 4+4+2+1+67)...) // no Unicode, no Macintosh text
	const steps = 1024
	curve := binary.BigEndian.AppendUint32([]byte("curv\x00\x00\x00\x00"), steps)
	for i := range steps {
		v := float64(i) / (steps - 1)
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		curve = binary.BigEndian.AppendUint16(curve, uint16(math.Round(v*65535)))
	}
	tags := []struct {
		name string
		data []byte
		as   string // the tag whose data it shares
	}{
		{"desc", desc, ""}, {"cprt", text("No copyright, use freely"), ""}, {"wtpt", xyz(0.9642, 1, 0.8249), ""},
		// The primaries, adapted to D50 by Bradford's matrix.
		{"rXYZ", xyz(0.43607, 0.22249, 0.01392), ""}, {"gXYZ", xyz(0.38515, 0.71687, 0.09708), ""}, {"bXYZ", xyz(0.14307, 0.06061, 0.71410), ""},
		{"rTRC", curve, ""}, {"gTRC", nil, "rTRC"}, {"bTRC", nil, "rTRC"},
	}
	table := binary.BigEndian.AppendUint32(nil, uint32(len(tags)))
	body, at := []byte{}, map[string][2]int{}
	start := 128 + 4 + 12*len(tags)
	for _, t := range tags {
		place, shared := at[t.as]
		if !shared {
			place = [2]int{start + len(body), len(t.data)}
			body = append(body, t.data...)
			body = append(body, make([]byte, -len(t.data)&3)...)
		}
		at[t.name] = place
		table = binary.BigEndian.AppendUint32(append(table, t.name...), uint32(place[0]))
		table = binary.BigEndian.AppendUint32(table, uint32(place[1]))
	}
	head := make([]byte, 128)
	binary.BigEndian.PutUint32(head, uint32(start+len(body)))
	head[8], head[9] = 2, 0x10
	copy(head[12:], "mntrRGB XYZ ")
	copy(head[24:], []byte{0x07, 0xd1, 0, 4, 0, 1}) // of the specification, so that the bytes never change
	copy(head[36:], "acsp")
	copy(head[68:], xyz(0.9642, 1, 0.8249)[8:])
	return append(append(head, table...), body...)
})
