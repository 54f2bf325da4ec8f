package slidetest

import "encoding/binary"

// SwappedProfile is a small ICC profile of version 2 that says a device's red is
// green and its green red, both of sRGB's primaries and of gamma 2.2: applied, it
// changes every coloured pixel and no grey one by much.
func SwappedProfile() []byte {
	u32 := func(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }
	fixed := func(v ...float64) (b []byte) {
		for _, f := range v {
			b = append(b, u32(uint32(int32(f*65536)))...)
		}
		return b
	}
	xyz := func(x, y, z float64) []byte { return append([]byte("XYZ \x00\x00\x00\x00"), fixed(x, y, z)...) }
	name := "Swapped red and green"
	desc := append([]byte("desc\x00\x00\x00\x00"), u32(uint32(len(name)+1))...)
	desc = append(append(desc, name...), make([]byte, 1+78+3)...)
	gamma := []byte("curv\x00\x00\x00\x00\x00\x00\x00\x01\x02\x33\x00\x00")
	tags := []struct {
		name string
		data []byte
	}{
		{"desc", desc[:len(desc)&^3]}, {"wtpt", xyz(0.9642, 1, 0.8249)},
		{"rXYZ", xyz(0.38515, 0.71687, 0.09708)}, {"gXYZ", xyz(0.43607, 0.22249, 0.01392)}, {"bXYZ", xyz(0.14307, 0.06061, 0.71410)},
		{"rTRC", gamma}, {"gTRC", gamma}, {"bTRC", gamma},
	}
	head := make([]byte, 128)
	head[8] = 2
	copy(head[12:], "scnrRGB XYZ ")
	copy(head[36:], "acsp")
	copy(head[68:], fixed(0.9642, 1, 0.8249))
	out := append(head, u32(uint32(len(tags)))...)
	at := len(out) + 12*len(tags)
	var body []byte
	for _, t := range tags {
		out = append(append(append(out, t.name...), u32(uint32(at+len(body)))...), u32(uint32(len(t.data)))...)
		body = append(body, t.data...)
	}
	out = append(out, body...)
	binary.BigEndian.PutUint32(out, uint32(len(out)))
	return out
}
