package icc

import (
	"encoding/binary"
	"math"
)

// The profiles here are built, so that each kind of tag is met: real profiles of
// scanners are not free to copy.

func u16(v int) []byte     { return binary.BigEndian.AppendUint16(nil, uint16(v)) }
func u32(v int) []byte     { return binary.BigEndian.AppendUint32(nil, uint32(v)) }
func s15(v float64) []byte { return u32(int(int32(math.Round(v * 65536)))) }
func join(p ...[]byte) (b []byte) {
	for _, x := range p {
		b = append(b, x...)
	}
	return b
}

func pad4(b []byte) []byte {
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

type tag struct {
	name string
	data []byte
}

// build puts a profile together.
func build(version int, space, pcs string, tags ...tag) []byte {
	head := make([]byte, headerSize)
	head[8] = byte(version)
	copy(head[12:], "scnr")
	copy(head[16:], (space + "    ")[:4])
	copy(head[20:], (pcs + "    ")[:4])
	copy(head[36:], "acsp")
	copy(head[68:], join(s15(d50[0]), s15(d50[1]), s15(d50[2])))
	table, body := u32(len(tags)), []byte{}
	at := headerSize + 4 + 12*len(tags)
	for _, t := range tags {
		table = append(table, join([]byte(t.name), u32(at+len(body)), u32(len(t.data)))...)
		body = append(body, pad4(t.data)...)
	}
	out := join(head, table, body)
	copy(out, u32(len(out)))
	return out
}

// named is the tags that every profile must have.
func named(version int, name string, more ...tag) []tag {
	d := join([]byte("desc\x00\x00\x00\x00"), u32(len(name)+1), []byte(name), make([]byte, 1+4+4+2+1+67))
	if version == 4 {
		d = join([]byte("mluc\x00\x00\x00\x00"), u32(1), u32(12), []byte("enUS"), u32(2*len(name)), u32(28))
		for _, r := range name {
			d = append(d, 0, byte(r))
		}
	}
	white := tag{"wtpt", join([]byte("XYZ \x00\x00\x00\x00"), s15(d50[0]), s15(d50[1]), s15(d50[2]))}
	return append([]tag{{"desc", d}, {"cprt", d}, white}, more...)
}

func curv(points ...int) []byte {
	b := join([]byte("curv\x00\x00\x00\x00"), u32(len(points)))
	for _, p := range points {
		b = append(b, u16(p)...)
	}
	return b
}

func para(kind int, p ...float64) []byte {
	b := join([]byte("para\x00\x00\x00\x00"), u16(kind), u16(0))
	for _, v := range p {
		b = append(b, s15(v)...)
	}
	return b
}

func xyzOf(x, y, z float64) []byte {
	return join([]byte("XYZ \x00\x00\x00\x00"), s15(x), s15(y), s15(z))
}

// shaper is a profile of curves and the matrix of wide primaries.
func shaper(version int, trc []byte) []byte {
	return build(version, "RGB", "XYZ", named(version, "Scanner of a test",
		tag{"rXYZ", xyzOf(0.6097, 0.3111, 0.0195)}, tag{"gXYZ", xyzOf(0.2053, 0.6257, 0.0609)}, tag{"bXYZ", xyzOf(0.1492, 0.0632, 0.7446)},
		tag{"rTRC", trc}, tag{"gTRC", trc}, tag{"bTRC", trc})...)
}

func sRGB(version int) []byte {
	var trc []byte
	if version == 4 {
		trc = para(3, 2.4, 1/1.055, 0.055/1.055, 1/12.92, 0.04045)
	} else {
		points := make([]int, 1024)
		for i := range points {
			v := float64(i) / 1023
			if v <= 0.04045 {
				v /= 12.92
			} else {
				v = math.Pow((v+0.055)/1.055, 2.4)
			}
			points[i] = int(math.Round(65535 * v))
		}
		trc = curv(points...)
	}
	return build(version, "RGB", "XYZ", named(version, "sRGB IEC61966-2.1",
		tag{"rXYZ", xyzOf(0.43607, 0.22249, 0.01392)}, tag{"gXYZ", xyzOf(0.38515, 0.71687, 0.09708)}, tag{"bXYZ", xyzOf(0.14307, 0.06061, 0.71410)},
		tag{"rTRC", trc}, tag{"gTRC", trc}, tag{"bTRC", trc})...)
}

// scannerLab is a made-up scanner: its black is grey and its colours are twisted.
func scannerLab(r, g, b float64) (l, a, bb float64) {
	y := 0.25*r + 0.65*g + 0.1*b
	return 12 + 88*math.Pow(y, 0.8), 90*(r-g)*(1-0.3*b) + 8*b*(1-b), 80*(y-b) - 6*r*(1-r)
}

// grid calls f at every point of a table, the last channel fastest.
func grid(n int, f func(r, g, b float64)) {
	for i := range n * n * n {
		f(float64(i/(n*n))/float64(n-1), float64(i/n%n)/float64(n-1), float64(i%n)/float64(n-1))
	}
}

func clip(v, most float64) int { return int(math.Round(min(max(v, 0), most))) }

// lut16Lab is a version 2 profile of 16-bit tables.
func lut16Lab(n int) []byte {
	b := join([]byte("mft2\x00\x00\x00\x00"), []byte{3, 3, byte(n), 0})
	for i := range 9 {
		b = append(b, s15([]float64{1, 0, 0, 0, 1, 0, 0, 0, 1}[i])...)
	}
	b = join(b, u16(256), u16(2))
	for range 3 {
		for i := range 256 {
			b = append(b, u16(clip(65535*math.Pow(float64(i)/255, 1.2), 65535))...)
		}
	}
	grid(n, func(r, g, bl float64) {
		l, a, bb := scannerLab(r, g, bl)
		b = join(b, u16(clip(l*652.8, 65280)), u16(clip((a+128)*256, 65535)), u16(clip((bb+128)*256, 65535)))
	})
	for range 3 {
		b = join(b, u16(0), u16(65535))
	}
	return build(2, "RGB", "Lab", named(2, "Tables of 16 bits", tag{"A2B0", b}, tag{"A2B1", b})...)
}

// lut8Lab is the same of 8 bits.
func lut8Lab(n int) []byte {
	b := join([]byte("mft1\x00\x00\x00\x00"), []byte{3, 3, byte(n), 0})
	for i := range 9 {
		b = append(b, s15([]float64{1, 0, 0, 0, 1, 0, 0, 0, 1}[i])...)
	}
	ramp := make([]byte, 256)
	for i := range ramp {
		ramp[i] = byte(i)
	}
	b = join(b, ramp, ramp, ramp)
	grid(n, func(r, g, bl float64) {
		l, a, bb := scannerLab(r, g, bl)
		b = append(b, byte(clip(l*2.55, 255)), byte(clip(a+128, 255)), byte(clip(bb+128, 255)))
	})
	b = join(b, ramp, ramp, ramp)
	return build(2, "RGB", "Lab", named(2, "Tables of 8 bits", tag{"A2B0", b}, tag{"A2B1", b})...)
}

// aToB is a version 4 profile with every part of a lutAToBType, in XYZ or Lab.
func aToB(pcs string, n int) []byte {
	a := join(pad4(para(0, 1.3)), pad4(curv(333)), pad4(curv(0, 20000, 65535)))
	m := join(pad4(para(0, 1.0)), pad4(para(1, 1.1, 1, 0)), pad4(curv()))
	bc := join(pad4(curv()), pad4(curv()), pad4(para(0, 1)))
	var matrix []byte
	for _, v := range []float64{0.97, 0.01, 0.01, 0.01, 0.96, 0.02, 0, 0.02, 0.95, 0.01, 0.005, 0.01} {
		matrix = append(matrix, s15(v)...)
	}
	table := join([]byte{byte(n), byte(n), byte(n)}, make([]byte, 13), []byte{2, 0, 0, 0})
	grid(n, func(r, g, bl float64) {
		l, aa, bb := scannerLab(r, g, bl)
		if pcs == "Lab" {
			table = join(table, u16(clip(l*655.35, 65535)), u16(clip((aa+128)*257, 65535)), u16(clip((bb+128)*257, 65535)))
			return
		}
		for _, v := range labToXYZ([3]float64{l, aa, bb}) {
			table = join(table, u16(clip(v*32768, 65535)))
		}
	})
	table = pad4(table)
	at := 32
	head := join([]byte("mAB \x00\x00\x00\x00"), []byte{3, 3, 0, 0})
	for _, part := range [][]byte{bc, matrix, m, table, a} {
		head = append(head, u32(at)...)
		at += len(part)
	}
	whole := join(head, bc, matrix, m, table, a)
	return build(4, "RGB", pcs, named(4, "Every part", tag{"A2B0", whole}, tag{"A2B1", whole})...)
}

func grey(trc []byte) []byte {
	return build(2, "GRAY", "XYZ", named(2, "Grey of a test", tag{"kTRC", trc})...)
}

// profiles is one of each kind.
func profiles() map[string][]byte {
	return map[string][]byte{
		"gamma 1.8":    shaper(2, curv(461)),
		"sampled":      shaper(2, curv(0, 900, 6000, 20000, 65535)),
		"parametric 3": shaper(4, para(3, 2.4, 1/1.055, 0.055/1.055, 1/12.92, 0.04045)),
		"parametric 4": shaper(4, para(4, 2.2, 0.95, 0.05, 0.1, 0.05, 0, 0)),
		"16 bits":      lut16Lab(17),
		"8 bits":       lut8Lab(9),
		"A to B, Lab":  aToB("Lab", 11),
		"A to B, XYZ":  aToB("XYZ", 11),
		"grey":         grey(curv(563)),
	}
}
