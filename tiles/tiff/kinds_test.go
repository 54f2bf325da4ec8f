package tiff

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"math/bits"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
)

// kind is a kind of number, with how the test writes it.
type kind struct {
	name   string
	bits   int
	format SampleFormat
	value  func(x, y, s int) float64
}

func kinds() []kind {
	ramp := func(top float64) func(x, y, s int) float64 {
		return func(x, y, s int) float64 { return math.Floor(math.Mod(float64(x*37+y*101+s*59), 251) / 251 * top) }
	}
	signed := func(top float64) func(x, y, s int) float64 {
		r := ramp(2 * top)
		return func(x, y, s int) float64 { return r(x, y, s) - top }
	}
	real := func(x, y, s int) float64 { return (float64(x*3+y) - 20) / 8 * float64(s+1) }
	return []kind{
		{"uint1", 1, FormatUint, ramp(2)}, {"uint2", 2, FormatUint, ramp(4)}, {"uint4", 4, FormatUint, ramp(16)}, {"uint8", 8, FormatUint, ramp(256)},
		{"uint12", 12, FormatUint, ramp(4096)}, {"uint16", 16, FormatUint, ramp(65536)}, {"uint32", 32, FormatUint, ramp(1 << 20)}, {"uint64", 64, FormatUint, ramp(1 << 22)},
		{"int8", 8, FormatInt, signed(128)}, {"int16", 16, FormatInt, signed(32768)}, {"int32", 32, FormatInt, signed(1 << 20)}, {"int64", 64, FormatInt, signed(1 << 20)},
		{"float16", 16, FormatFloat, real}, {"float24", 24, FormatFloat, real}, {"float32", 32, FormatFloat, real}, {"float64", 64, FormatFloat, real},
	}
}

// number is the bits of a value as the kind stores it.
func (k kind) number(v float64) uint64 {
	switch {
	case k.format != FormatFloat:
		return uint64(int64(v)) & (math.MaxUint64 >> (64 - k.bits))
	case k.bits == 64:
		return math.Float64bits(v)
	case k.bits == 32:
		return uint64(math.Float32bits(float32(v)))
	}
	expBits, fracBits := 5, 10
	if k.bits == 24 {
		expBits, fracBits = 7, 16
	}
	if v == 0 {
		return 0
	}
	frac, exp := math.Frexp(math.Abs(v)) // 0.5 <= frac < 1
	out := uint64(exp-1+1<<(expBits-1)-1)<<fracBits | uint64((2*frac-1)*float64(uint64(1)<<fracBits))
	if v < 0 {
		out |= 1 << (k.bits - 1)
	}
	return out
}

// layout is how a file keeps its samples.
type layout struct {
	order     binary.AppendByteOrder
	planar    bool
	predictor int
	packing   int
	reversed  bool
}

// rowsOf makes the plain bytes of a tile, predictor and all, of the given
// samples of each pixel.
func (k kind) rowsOf(l layout, r image.Rectangle, samples []int) []byte {
	var out []byte
	for y := r.Min.Y; y < r.Max.Y; y++ {
		var row []uint64
		for x := r.Min.X; x < r.Max.X; x++ {
			for _, s := range samples {
				row = append(row, k.number(k.value(x, y, s)))
			}
		}
		if l.predictor == 2 {
			for i := len(row) - 1; i >= len(samples); i-- {
				row[i] -= row[i-len(samples)]
			}
		}
		out = append(out, k.row(l, row, len(samples))...)
	}
	return out
}

// row stores the numbers of a row.
func (k kind) row(l layout, row []uint64, samples int) []byte {
	n := k.bits / 8
	switch {
	case k.bits%8 != 0:
		var b []byte
		have, acc := 0, uint64(0)
		for _, v := range row {
			acc, have = acc<<k.bits|v, have+k.bits
			for have >= 8 {
				have -= 8
				b = append(b, byte(acc>>have))
			}
		}
		if have > 0 {
			b = append(b, byte(acc<<(8-have)))
		}
		return b
	case l.predictor == 3: // most significant bytes of all first, then differences
		b := make([]byte, n*len(row))
		for i, v := range row {
			for j := range n {
				b[j*len(row)+i] = byte(v >> (8 * (n - 1 - j)))
			}
		}
		for i := len(b) - 1; i >= samples; i-- {
			b[i] -= b[i-samples]
		}
		return b
	}
	var b []byte
	for _, v := range row {
		for j := range n {
			if l.order.AppendUint16(nil, 1)[0] == 1 {
				b = append(b, byte(v>>(8*j)))
			} else {
				b = append(b, byte(v>>(8*(n-1-j))))
			}
		}
	}
	return b
}

// packed compresses as the layout says.
func (l layout) packed(t testing.TB, b []byte) []byte {
	switch l.packing {
	case CompressionDeflate:
		b = deflated(b)
	case CompressionZstd:
		b = zstded(b)
	case CompressionPackBits:
		b = runs(b)
	case CompressionLZW:
		b = lzwed(b)
	}
	if l.reversed {
		b = bytes.Clone(b)
		for i := range b {
			b[i] = bits.Reverse8(b[i])
		}
	}
	return b
}

// runs is PackBits: runs of equal bytes, and what is between them.
func runs(b []byte) []byte {
	var out []byte
	for len(b) > 0 {
		n := 1
		for n < len(b) && n < 128 && b[n] == b[0] {
			n++
		}
		if n > 1 {
			out, b = append(out, byte(257-n), b[0]), b[n:]
			continue
		}
		for n < len(b) && n < 128 && b[n] != b[n-1] {
			n++
		}
		out, b = append(append(out, byte(n-1)), b[:n]...), b[n:]
	}
	return out
}

// lzwed writes each byte as a code of its own, with a clear before codes grow
// wider; the decoder's strings are tested by the specification's example and by
// files of other programs.
func lzwed(b []byte) []byte {
	var out []byte
	acc, have := uint32(0), 0
	put := func(code uint32) {
		acc, have = acc<<9|code, have+9
		for have >= 8 {
			have -= 8
			out = append(out, byte(acc>>have))
		}
	}
	for i, c := range b {
		if i%200 == 0 {
			put(256)
		}
		put(uint32(c))
	}
	put(257)
	return append(out, byte(acc<<(8-have)))
}

// imageOfKind builds a file of two by two tiles, of which the last ones overhang.
func imageOfKind(t testing.TB, k kind, l layout, samples int, tags ...tag) *Image {
	t.Helper()
	const w, h, tw, th = 27, 40, 16, 32
	all := make([]int, samples)
	for i := range all {
		all[i] = i
	}
	groups := [][]int{all}
	if l.planar {
		groups = nil
		for i := range all {
			groups = append(groups, []int{i})
		}
	}
	var blobs [][]byte
	for _, g := range groups {
		for row := range 2 {
			for col := range 2 {
				blobs = append(blobs, l.packed(t, k.rowsOf(l, image.Rect(col*tw, row*th, col*tw+tw, row*th+th), g)))
			}
		}
	}
	bps, format := make([]uint64, samples), make([]uint64, samples)
	for i := range bps {
		bps[i], format[i] = uint64(k.bits), uint64(k.format)
	}
	config, fill := uint64(1), uint64(1)
	if l.planar {
		config = 2
	}
	if l.reversed {
		fill = 2
	}
	tags = append([]tag{short(TagImageWidth, w), short(TagImageLength, h), short(TagTileWidth, tw), short(TagTileLength, th), short(TagBitsPerSample, bps...),
		short(TagSampleFormat, format...), short(TagSamplesPerPixel, uint64(samples)), short(TagCompression, uint64(l.packing)),
		short(TagPredictor, uint64(l.predictor)), short(TagPlanarConfig, config), short(TagFillOrder, fill)}, tags...)
	return imageOf(t, build(l.order, false, blobs, TagTileOffsets, TagTileByteCounts, tags...))
}

// Every kind of number in every layout gives the numbers that were written.
func TestImage_ReadSamples(t *testing.T) {
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			for _, l := range layouts(k) {
				for _, samples := range []int{1, 3} {
					if l.planar && samples == 1 {
						continue
					}
					m := imageOfKind(t, k, l, samples, short(TagPhotometric, 1))
					for s := range samples {
						if err := checkSamples(m, k, s); err != nil {
							t.Fatalf("%+v, %d samples: %v", l, samples, err)
						}
					}
				}
			}
		})
	}
}

func layouts(k kind) []layout {
	var out []layout
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, planar := range []bool{false, true} {
			for _, p := range []int{CompressionNone, CompressionLZW, CompressionDeflate, CompressionPackBits, CompressionZstd} {
				out = append(out, layout{order, planar, 1, p, false})
				if k.format != FormatFloat && k.bits%8 == 0 && p != CompressionNone && p != CompressionPackBits {
					out = append(out, layout{order, planar, 2, p, false})
				}
			}
			out = append(out, layout{order, planar, 1, CompressionNone, true}, layout{order, planar, 1, CompressionLZW, true})
			if k.format == FormatFloat {
				out = append(out, layout{order, planar, 3, CompressionDeflate, false})
			}
		}
	}
	return out
}

// checkSamples compares one channel of all tiles.
func checkSamples(m *Image, k kind, s int) error {
	for row := range m.Rows() {
		for col := range m.Cols() {
			r := m.Rect(col, row)
			dst := &tiles.Raster{Width: r.Dx(), Height: r.Dy()}
			if k.format == FormatUint && k.bits <= 16 {
				dst.Uint16 = make([]uint16, r.Dx()*r.Dy())
			} else {
				dst.Float32 = make([]float32, r.Dx()*r.Dy())
			}
			if err := m.ReadSamples(context.Background(), col, row, s, dst); err != nil {
				return err
			}
			for i := range r.Dx() * r.Dy() {
				x, y := r.Min.X+i%r.Dx(), r.Min.Y+i/r.Dx()
				want, got := k.value(x, y, s), 0.0
				if dst.Uint16 != nil {
					got = float64(dst.Uint16[i])
				} else {
					got = float64(dst.Float32[i])
				}
				if got != want {
					return fmt.Errorf("sample %d of pixel (%d,%d) is %v, want %v", s, x, y, got, want)
				}
			}
		}
	}
	return nil
}

// Samples of up to 8 bits are a picture, spread to the range of a byte.
func TestImage_FewBits(t *testing.T) {
	for _, k := range kinds()[:4] {
		top := float64(int(1)<<k.bits - 1)
		palette := make([]uint64, 3<<k.bits)
		for i := range palette {
			palette[i] = uint64(i*77%256) << 8
		}
		for name, c := range map[string]struct {
			tags []tag
			want func(v float64) color.RGBA
		}{
			"black is 0": {[]tag{short(TagPhotometric, 1)}, func(v float64) color.RGBA { g := byte(v * 255 / top); return color.RGBA{g, g, g, 255} }},
			"white is 0": {[]tag{short(TagPhotometric, 0)}, func(v float64) color.RGBA { g := 255 - byte(v*255/top); return color.RGBA{g, g, g, 255} }},
			"palette": {[]tag{short(TagPhotometric, 3), short(TagColorMap, palette...)}, func(v float64) color.RGBA {
				n := 1 << k.bits
				return color.RGBA{byte(palette[int(v)] >> 8), byte(palette[n+int(v)] >> 8), byte(palette[2*n+int(v)] >> 8), 255}
			}},
		} {
			t.Run(k.name+" "+name, func(t *testing.T) {
				m := imageOfKind(t, k, layout{binary.BigEndian, false, 1, CompressionLZW, false}, 1, c.tags...)
				if !m.InColor() {
					t.Fatal("not a picture")
				}
				img, err := m.ReadAll(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				for y := range m.Height {
					for x := range m.Width {
						if want := c.want(k.value(x, y, 0)); img.RGBAAt(x, y) != want {
							t.Fatalf("pixel (%d,%d) is %v, want %v", x, y, img.RGBAAt(x, y), want)
						}
					}
				}
			})
		}
	}
}

// A likeness of samples that are no picture is there for labels and thumbnails.
func TestImage_Likeness(t *testing.T) {
	k := kinds()[5]
	m := imageOfKind(t, k, layout{binary.LittleEndian, false, 1, CompressionNone, false}, 3, short(TagPhotometric, 2))
	img, err := m.ReadAll(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []image.Point{{}, {5, 7}, {26, 39}} {
		to8 := func(s int) byte { return byte((int(k.value(p.X, p.Y, s)) + 128) / 257) }
		if want := (color.RGBA{to8(0), to8(1), to8(2), 255}); img.RGBAAt(p.X, p.Y) != want {
			t.Errorf("pixel %v is %v, want %v", p, img.RGBAAt(p.X, p.Y), want)
		}
	}
}

func TestImage_CMYK(t *testing.T) {
	k := kinds()[3]
	for _, planar := range []bool{false, true} {
		m := imageOfKind(t, k, layout{binary.LittleEndian, planar, 1, CompressionDeflate, false}, 4, short(TagPhotometric, 5))
		img, err := m.ReadAll(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		ink := func(s int) int { return int(k.value(9, 33, s)) }
		light := func(s int) byte { return byte((255 - ink(3)) * (255 - ink(s)) / 255) }
		if want := (color.RGBA{light(0), light(1), light(2), 255}); img.RGBAAt(9, 33) != want {
			t.Errorf("planar %v: %v, want %v", planar, img.RGBAAt(9, 33), want)
		}
	}
}

// Planes of JPEG: each is a grey stream of its own.
func TestImage_PlanesOfJPEG(t *testing.T) {
	var blobs [][]byte
	var want []*image.Gray
	for s := range 5 {
		g := image.NewGray(image.Rect(0, 0, 16, 16))
		for i := range g.Pix {
			g.Pix[i] = byte(30*s + i%16*2 + i/16)
		}
		data := jpegOf(t, g)
		d, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		blobs, want = append(blobs, data), append(want, d.(*image.Gray))
	}
	tags := []tag{short(TagImageWidth, 14), short(TagImageLength, 15), short(TagTileWidth, 16), short(TagTileLength, 16), short(TagCompression, 7), short(TagPlanarConfig, 2)}
	near := func(a, b byte) bool { return a-b < 2 || b-a < 2 } // another decoder's cosine transform
	m := imageOf(t, build(binary.LittleEndian, false, blobs, TagTileOffsets, TagTileByteCounts, append(tags, short(TagSamplesPerPixel, 5),
		short(TagBitsPerSample, 8, 8, 8, 8, 8), short(TagPhotometric, 1))...))
	for s := range 5 {
		r := m.Channels()[s].Raster(14, 15)
		if err := m.ReadSamples(context.Background(), 0, 0, s, r); err != nil {
			t.Fatal(err)
		}
		if got, want := byte(r.Uint16[9*14+5]), want[s].GrayAt(5, 9).Y; !near(got, want) {
			t.Errorf("sample %d is %d, want %d", s, got, want)
		}
	}
	m = imageOf(t, build(binary.LittleEndian, false, blobs[:3], TagTileOffsets, TagTileByteCounts, append(tags, short(TagSamplesPerPixel, 3),
		short(TagBitsPerSample, 8, 8, 8), short(TagPhotometric, 2))...))
	img, err := m.ReadAll(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	c := img.RGBAAt(5, 9)
	for s, got := range []byte{c.R, c.G, c.B} {
		if !near(got, want[s].GrayAt(5, 9).Y) {
			t.Errorf("colour %d is %d, want %d", s, got, want[s].GrayAt(5, 9).Y)
		}
	}
}

func TestImage_Unsupported(t *testing.T) {
	size := []tag{short(TagImageWidth, 16), short(TagImageLength, 16), short(TagTileWidth, 16), short(TagTileLength, 16)}
	for name, tags := range map[string][]tag{
		"CIELab":         {short(TagPhotometric, 8), short(TagBitsPerSample, 8), short(TagSamplesPerPixel, 3)},
		"mask":           {short(TagPhotometric, 4), short(TagBitsPerSample, 1)},
		"complex":        {short(TagPhotometric, 1), short(TagBitsPerSample, 64), short(TagSampleFormat, 6)},
		"7 bits":         {short(TagPhotometric, 1), short(TagBitsPerSample, 7)},
		"mixed bits":     {short(TagPhotometric, 2), short(TagBitsPerSample, 5, 6, 5), short(TagSamplesPerPixel, 3)},
		"float 8":        {short(TagPhotometric, 1), short(TagBitsPerSample, 8), short(TagSampleFormat, 3)},
		"LERC":           {short(TagPhotometric, 1), short(TagBitsPerSample, 8), short(TagCompression, 34887)},
		"JPEG XL":        {short(TagPhotometric, 1), short(TagBitsPerSample, 8), short(TagCompression, 50002)},
		"12-bit JPEG":    {short(TagPhotometric, 1), short(TagBitsPerSample, 12), short(TagCompression, 7)},
		"grey WebP":      {short(TagPhotometric, 1), short(TagBitsPerSample, 8), short(TagCompression, 50001)},
		"predictor 3":    {short(TagPhotometric, 1), short(TagBitsPerSample, 16), short(TagCompression, 8), short(TagPredictor, 3)},
		"predictor of 4": {short(TagPhotometric, 1), short(TagBitsPerSample, 4), short(TagCompression, 8), short(TagPredictor, 2)},
		"16-bit palette": {short(TagPhotometric, 3), short(TagBitsPerSample, 16)},
		"5000 samples":   {short(TagPhotometric, 1), short(TagBitsPerSample, 8), short(TagSamplesPerPixel, 5000)},
		"white float":    {short(TagPhotometric, 0), short(TagBitsPerSample, 32), short(TagSampleFormat, 3)},
		"other inks":     {short(TagPhotometric, 5), short(TagBitsPerSample, 8), short(TagSamplesPerPixel, 4), short(TagInkSet, 2)},
		"lossless old":   {short(TagPhotometric, 1), short(TagBitsPerSample, 8), short(TagCompression, 6), short(TagJPEGProc, 14)},
		"planar YCbCr":   {short(TagPhotometric, 6), short(TagBitsPerSample, 8), short(TagSamplesPerPixel, 3), short(TagPlanarConfig, 2)},
		"YCbCr of 16":    {short(TagPhotometric, 6), short(TagBitsPerSample, 16), short(TagSamplesPerPixel, 3)},
		"fill order 3":   {short(TagPhotometric, 1), short(TagBitsPerSample, 8), short(TagFillOrder, 3)},
	} {
		t.Run(name, func(t *testing.T) {
			data := build(binary.LittleEndian, false, [][]byte{make([]byte, 10)}, TagTileOffsets, TagTileByteCounts, append(tags, size...)...)
			_, err := parse(t, data).Directories()[0].Image(codec.Default())
			if _, ok := err.(*tiles.UnsupportedError); !ok {
				t.Errorf("got %v", err)
			}
		})
	}
}

func BenchmarkImage_Kinds(b *testing.B) {
	k := kinds()
	for name, c := range map[string]struct {
		k       kind
		l       layout
		samples int
	}{
		"uint8 RGB none": {k[3], layout{binary.LittleEndian, false, 1, CompressionNone, false}, 3}, "uint8 RGB LZW": {k[3], layout{binary.LittleEndian, false, 1, CompressionLZW, false}, 3},
		"uint8 RGB deflate 2": {k[3], layout{binary.LittleEndian, false, 2, CompressionDeflate, false}, 3}, "uint8 RGB zstd 2": {k[3], layout{binary.LittleEndian, false, 2, CompressionZstd, false}, 3},
		"uint8 RGB PackBits": {k[3], layout{binary.LittleEndian, false, 1, CompressionPackBits, false}, 3},
	} {
		b.Run(name, func(b *testing.B) {
			const n = 256
			blob := c.l.packed(b, c.k.rowsOf(c.l, image.Rect(0, 0, n, n), []int{0, 1, 2}))
			m := imageOf(b, build(c.l.order, false, [][]byte{blob}, TagTileOffsets, TagTileByteCounts, short(TagImageWidth, n), short(TagImageLength, n),
				short(TagTileWidth, n), short(TagTileLength, n), short(TagBitsPerSample, 8, 8, 8), short(TagSamplesPerPixel, 3), short(TagPhotometric, 2),
				short(TagCompression, uint64(c.l.packing)), short(TagPredictor, uint64(c.l.predictor))))
			dst := image.NewRGBA(image.Rect(0, 0, n, n))
			b.ReportAllocs()
			for b.Loop() {
				if err := m.ReadTile(context.Background(), 0, 0, dst); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
