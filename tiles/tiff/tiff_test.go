package tiff

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"sync"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"

	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// rgb is pixel (x, y) of the test picture.
func rgb(x, y int) [3]byte { return [3]byte{byte(x * 3), byte(y * 5), byte(x + y)} }

// raw is the interleaved samples of rectangle r.
func raw(r image.Rectangle) []byte {
	var b []byte
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			p := rgb(x, y)
			b = append(b, p[:]...)
		}
	}
	return b
}

// differenced is what the predictor 2 makes of rows of w pixels.
func differenced(b []byte, w int) []byte {
	out := bytes.Clone(b)
	for at := 0; at < len(b); at += 3 * w {
		for i := at + 3*w - 1; i >= at+3; i-- {
			out[i] = b[i] - b[i-3]
		}
	}
	return out
}

func deflated(b []byte) []byte {
	var out bytes.Buffer
	w, err := zlib.NewWriterLevel(&out, zlib.BestSpeed) // the others take a megabyte each
	if err != nil {
		panic(err)
	}
	w.Write(b)
	w.Close()
	return out.Bytes()
}

// zstdWriter is made once: it takes megabytes.
var zstdWriter = sync.OnceValue(func() *zstd.Encoder {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		panic(err)
	}
	return w
})

func zstded(b []byte) []byte { return zstdWriter().EncodeAll(b, nil) }

func checkImage(t *testing.T, m *Image) {
	t.Helper()
	img, err := m.ReadAll(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for y := range m.Height {
		for x := range m.Width {
			p := rgb(x, y)
			if got := img.RGBAAt(x, y); got != (color.RGBA{p[0], p[1], p[2], 255}) {
				t.Fatalf("pixel (%d,%d) is %v, want %v", x, y, got, p)
			}
		}
	}
}

func TestImage_Tiles(t *testing.T) {
	orders := map[string]binary.AppendByteOrder{"little": binary.LittleEndian, "big": binary.BigEndian}
	packings := map[string]struct {
		compression uint64
		predictor   uint64
		pack        func([]byte) []byte
	}{
		"none":              {1, 1, bytes.Clone},
		"deflate":           {8, 1, deflated},
		"deflate predictor": {8, 2, func(b []byte) []byte { return deflated(differenced(b, 16)) }},
		"old deflate":       {32946, 1, deflated},
		"zstd predictor":    {50000, 2, func(b []byte) []byte { return zstded(differenced(b, 16)) }},
	}
	for on, order := range orders {
		for _, big := range []bool{false, true} {
			for pn, p := range packings {
				t.Run(fmt.Sprintf("%s endian, big %v, %s", on, big, pn), func(t *testing.T) {
					var blobs [][]byte
					for row := range 2 {
						for col := range 3 {
							blobs = append(blobs, p.pack(raw(image.Rect(col*16, row*32, col*16+16, row*32+32))))
						}
					}
					m := imageOf(t, build(order, big, blobs, TagTileOffsets, TagTileByteCounts,
						short(TagImageWidth, 41), long(TagImageLength, 50), short(TagBitsPerSample, 8, 8, 8), short(TagCompression, p.compression),
						short(TagPhotometric, 2), short(TagSamplesPerPixel, 3), short(TagPredictor, p.predictor), short(TagTileWidth, 16), short(TagTileLength, 32)))
					checkImage(t, m)
				})
			}
		}
	}
}

func TestImage_StripsAndPlanes(t *testing.T) {
	size := []tag{short(TagImageWidth, 10), short(TagImageLength, 11), short(TagBitsPerSample, 8, 8, 8), short(TagPhotometric, 2), short(TagSamplesPerPixel, 3)}
	t.Run("strips", func(t *testing.T) {
		blobs := [][]byte{raw(image.Rect(0, 0, 10, 4)), raw(image.Rect(0, 4, 10, 8)), raw(image.Rect(0, 8, 10, 11))}
		checkImage(t, imageOf(t, build(binary.LittleEndian, false, blobs, TagStripOffsets, TagStripByteCounts, append(size, short(TagRowsPerStrip, 4))...)))
	})
	t.Run("one strip of many rows", func(t *testing.T) {
		blobs := [][]byte{raw(image.Rect(0, 0, 10, 11))}
		checkImage(t, imageOf(t, build(binary.LittleEndian, false, blobs, TagStripOffsets, TagStripByteCounts, append(size, long(TagRowsPerStrip, math.MaxUint32))...)))
	})
	t.Run("planes", func(t *testing.T) {
		planes := make([][]byte, 3)
		all := raw(image.Rect(0, 0, 10, 11))
		for i, v := range all {
			planes[i%3] = append(planes[i%3], v)
		}
		checkImage(t, imageOf(t, build(binary.BigEndian, true, planes, TagStripOffsets, TagStripByteCounts, append(size, short(TagPlanarConfig, 2))...)))
	})
	t.Run("tiles by the strips' tags", func(t *testing.T) {
		blobs := [][]byte{raw(image.Rect(0, 0, 16, 16))}
		checkImage(t, imageOf(t, build(binary.LittleEndian, false, blobs, TagStripOffsets, TagStripByteCounts, append(size, short(TagTileWidth, 16), short(TagTileLength, 16))...)))
	})
}

func TestImage_GreyAndAlpha(t *testing.T) {
	for name, c := range map[string]struct {
		samples []byte
		tags    []tag
		want    color.RGBA
	}{
		"black is 0":     {[]byte{200}, []tag{short(TagPhotometric, 1)}, color.RGBA{200, 200, 200, 255}},
		"white is 0":     {[]byte{200}, []tag{short(TagPhotometric, 0)}, color.RGBA{55, 55, 55, 255}},
		"grey and alpha": {[]byte{200, 128}, []tag{short(TagPhotometric, 1), short(TagExtraSamples, 2)}, color.RGBA{100, 100, 100, 128}},
		"separate alpha": {[]byte{200, 100, 50, 51}, []tag{short(TagPhotometric, 2), short(TagExtraSamples, 2)}, color.RGBA{40, 20, 10, 51}},
		"associated":     {[]byte{40, 20, 10, 51}, []tag{short(TagPhotometric, 2), short(TagExtraSamples, 1)}, color.RGBA{40, 20, 10, 51}},
		"meaningless":    {[]byte{40, 20, 10, 51}, []tag{short(TagPhotometric, 2), short(TagExtraSamples, 0)}, color.RGBA{40, 20, 10, 255}},
	} {
		t.Run(name, func(t *testing.T) {
			tags := append(c.tags, short(TagImageWidth, 1), short(TagImageLength, 1), short(TagBitsPerSample, 8), short(TagSamplesPerPixel, uint64(len(c.samples))))
			m := imageOf(t, build(binary.LittleEndian, false, [][]byte{c.samples}, TagStripOffsets, TagStripByteCounts, tags...))
			img, err := m.ReadAll(context.Background())
			if err != nil || img.RGBAAt(0, 0) != c.want {
				t.Errorf("got %v, %v, want %v", img, err, c.want)
			}
		})
	}
}

// The example of TIFF 6.0 section 13.
func TestUnpack_LZWOfTheSpecification(t *testing.T) {
	var bits uint64
	var n uint
	var packed []byte
	for _, code := range []uint64{256, 7, 258, 8, 8, 258, 6, 6, 257} {
		bits, n = bits<<9|code, n+9
		for n >= 8 {
			packed = append(packed, byte(bits>>(n-8)))
			n -= 8
		}
	}
	packed = append(packed, byte(bits<<(8-n)))
	dst := make([]byte, 9)
	if err := codec.Unpack(codec.LZW, dst, packed); err != nil || !bytes.Equal(dst, []byte{7, 7, 7, 8, 8, 7, 7, 6, 6}) {
		t.Errorf("got %v, %v", dst, err)
	}
}

func TestUnpack_StopsAtSize(t *testing.T) {
	bomb := make([]byte, 64<<20)
	for p, pack := range map[codec.Packing]func([]byte) []byte{codec.Deflate: deflated, codec.Zstd: zstded} {
		packed := pack(bomb)
		dst := make([]byte, 1000)
		if err := codec.Unpack(p, dst, packed); err != nil {
			t.Errorf("%v: %v", p, err)
		}
		for _, cut := range [][]byte{nil, packed[:1], packed[:5]} {
			if err := codec.Unpack(p, dst, cut); err == nil {
				t.Errorf("%v of %d bytes: no error", p, len(cut))
			}
		}
		if err := codec.Unpack(p, dst, pack(bomb[:999])); err == nil {
			t.Errorf("%v that ends early: no error", p)
		}
		if err := codec.Unpack(p, dst[:999], pack(bomb[:999])); err != nil {
			t.Errorf("%v after an error: %v", p, err)
		}
	}
}

func TestDirectory_Values(t *testing.T) {
	data := build(binary.BigEndian, true, nil, 0, 0, text(TagMake, "Zei\xdf"), tag{TagXResolution, typeRational, []uint64{20000<<32 | 1}},
		tag{TagYResolution, typeRational, []uint64{5 << 32}}, short(TagResolutionUnit, 3), tag{700, typeLong8, []uint64{1 << 40, 7}})
	d := parse(t, data).Directories()[0]
	if s, err := d.Text(TagMake); s != "Zeiß" || err != nil {
		t.Errorf("Latin-1 text: %q, %v", s, err)
	}
	if v, err := d.Uints(700, 2); err != nil || v[0] != 1<<40 || v[1] != 7 {
		t.Errorf("LONG8: %v, %v", v, err)
	}
	if _, err := d.Uints(700, 1); err == nil {
		t.Error("more values than asked for")
	}
	if _, err := d.Uints(TagMake, 10); err == nil {
		t.Error("a text as numbers")
	}
	if v, ok, err := d.Rational(TagXResolution); v != 20000 || !ok || err != nil {
		t.Errorf("rational: %v %v %v", v, ok, err)
	}
	if x, y := d.ResolutionMPP(); x != 0 || y != 0 { // one of them divides by 0
		t.Errorf("MPP %v, %v", x, y)
	}
	props, warnings := d.Properties()
	if props["tiff.ResolutionUnit"] != "centimeter" || len(warnings) != 1 {
		t.Errorf("%v, %v", props, warnings)
	}
}

func TestDirectory_ResolutionMPP(t *testing.T) {
	for _, c := range []struct{ unit, res, want uint64 }{{3, 40000, 250}, {2, 101600, 250}, {2, 72, 0}, {2, 300, 0}, {3, 118, 0}, {1, 40000, 0}, {3, 0, 0}, {9, 40000, 0}} {
		d := parse(t, build(binary.LittleEndian, false, nil, 0, 0, short(TagResolutionUnit, c.unit),
			tag{TagXResolution, typeRational, []uint64{c.res<<32 | 1}}, tag{TagYResolution, typeRational, []uint64{c.res<<32 | 1}})).Directories()[0]
		if x, y := d.ResolutionMPP(); x != y || math.Abs(x*1000-float64(c.want)) > 1e-9 {
			t.Errorf("%d per unit %d: %v", c.res, c.unit, x)
		}
	}
}

func TestParse_SubDirectories(t *testing.T) {
	data := build(binary.LittleEndian, false, nil, 0, 0, long(TagSubIFDs, 8), short(TagImageWidth, 5))
	first := binary.LittleEndian.Uint32(data[4:])
	if first != 8 {
		t.Fatalf("the directory lies at %d", first)
	}
	var fe *tiles.FormatError
	if _, err := Parse(bytes.NewReader(data), int64(len(data))); !errors.As(err, &fe) {
		t.Errorf("a directory that is its own child: %v", err)
	}
	binary.LittleEndian.PutUint32(data[8+2+8:], 0xffffff00)
	if _, err := Parse(bytes.NewReader(data), int64(len(data))); !errors.As(err, &fe) {
		t.Errorf("a child behind the end: %v", err)
	}
}

func TestParse_TooManyDirectories(t *testing.T) {
	b := []byte("II*\x00\x08\x00\x00\x00")
	for i := range MaxDirectories + 1 {
		b = append(b, 1, 0, 0, 1, 3, 0, 1, 0, 0, 0, 5, 0, 0, 0)
		b = binary.LittleEndian.AppendUint32(b, uint32(8+(i+1)*18))
	}
	binary.LittleEndian.PutUint32(b[len(b)-4:], 0)
	var fe *tiles.FormatError
	if _, err := Parse(bytes.NewReader(b), int64(len(b))); !errors.As(err, &fe) {
		t.Errorf("got %v", err)
	}
}

func TestNewSlide_DropsBadLevels(t *testing.T) {
	img := func(w, h int) *Image { return &Image{Width: w, Height: h, TileWidth: 16, TileHeight: 16} }
	src := tiles.NewSource("x.tif", bytes.NewReader(make([]byte, 100)), 100)
	s, err := NewSlide(Parts{Source: src, Levels: []Grid{img(400, 300), img(400, 300), img(200, 150), img(210, 160), img(100, 20), img(50, 38)}})
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, l := range s.Levels() {
		got = append(got, l.Width)
	}
	if fmt.Sprint(got) != "[400 200 50]" || len(s.Info().Warnings) != 3 {
		t.Errorf("levels %v, warnings %q", got, s.Info().Warnings)
	}
}

// farTile is a file whose first bytes lie at 0 and whose tile lies at far.
type farTile struct {
	head, tile []byte
	far        int64
}

func (f *farTile) ReadAt(p []byte, off int64) (int, error) {
	if off >= f.far {
		return bytes.NewReader(f.tile).ReadAt(p, off-f.far)
	}
	return bytes.NewReader(f.head).ReadAt(p, off)
}

func TestImage_TileBehind4GiB(t *testing.T) {
	const far = 5<<32 + 12345
	tile := raw(image.Rect(0, 0, 16, 16))
	head := build(binary.LittleEndian, true, nil, 0, 0, short(TagImageWidth, 16), short(TagImageLength, 16), short(TagBitsPerSample, 8, 8, 8),
		short(TagPhotometric, 2), short(TagSamplesPerPixel, 3), short(TagTileWidth, 16), short(TagTileLength, 16),
		tag{TagTileOffsets, typeLong8, []uint64{far}}, long(TagTileByteCounts, uint64(len(tile))))
	f, err := Parse(&farTile{head, tile, far}, far+int64(len(tile)))
	if err != nil {
		t.Fatal(err)
	}
	m, err := f.Directories()[0].Image(codec.Default())
	if err != nil {
		t.Fatal(err)
	}
	checkImage(t, m)
}

func FuzzParse(f *testing.F) {
	f.Add(build(binary.LittleEndian, false, [][]byte{raw(image.Rect(0, 0, 16, 16))}, TagTileOffsets, TagTileByteCounts,
		short(TagImageWidth, 16), short(TagImageLength, 16), short(TagBitsPerSample, 8, 8, 8), short(TagPhotometric, 2), short(TagSamplesPerPixel, 3),
		short(TagTileWidth, 16), short(TagTileLength, 16), text(TagImageDescription, "seed")))
	f.Add(build(binary.BigEndian, true, nil, 0, 0, long(TagSubIFDs, 8), short(TagImageWidth, 5)))
	addKinds(f)
	codecs := codec.New(codec.Options{NoNative: true})
	f.Fuzz(func(t *testing.T, data []byte) {
		if wide, err := ParseWide(bytes.NewReader(data), int64(len(data))); err == nil {
			for _, d := range wide.Directories() {
				d.Properties()
			}
		}
		file, err := Parse(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			var fe *tiles.FormatError
			if !errors.As(err, &fe) {
				t.Fatalf("error of no known kind: %v", err)
			}
			return
		}
		for _, d := range file.Directories() {
			d.Properties()
			d.ResolutionMPP()
			m, err := d.Image(codecs)
			if err != nil || m.TileWidth*m.TileHeight > 1<<20 {
				continue
			}
			r := m.Rect(m.Cols()-1, m.Rows()-1)
			if r.Empty() {
				t.Fatalf("empty last tile of %+v", m)
			}
			_ = m.ReadTile(context.Background(), m.Cols()-1, m.Rows()-1, image.NewRGBA(image.Rectangle{Max: r.Size()})) // any error, no panic
			for c, ch := range m.Channels() {
				if c < 8 {
					_ = m.ReadSamples(context.Background(), m.Cols()-1, m.Rows()-1, c, ch.Raster(r.Dx(), r.Dy()))
				}
			}
		}
	})
}

// addKinds adds a file of every kind of sample and compression.
func addKinds(f *testing.F) {
	size := []tag{short(TagImageWidth, 16), short(TagImageLength, 8), short(TagTileWidth, 16), short(TagTileLength, 8)}
	for _, k := range kinds() {
		for _, l := range layouts(k) {
			if l.planar || l.order != binary.AppendByteOrder(binary.BigEndian) {
				continue
			}
			blob := l.packed(f, k.rowsOf(l, image.Rect(0, 0, 16, 8), []int{0}))
			f.Add(build(l.order, false, [][]byte{blob}, TagTileOffsets, TagTileByteCounts, append([]tag{short(TagBitsPerSample, uint64(k.bits)),
				short(TagSampleFormat, uint64(k.format)), short(TagCompression, uint64(l.packing)), short(TagPredictor, uint64(l.predictor)), short(TagPhotometric, 1)}, size...)...))
		}
	}
	stream := jpegOf(f, tissue(16, 8))
	for _, tags := range [][]tag{
		{short(TagCompression, 6), long(TagJPEGFormat, 8)}, {short(TagCompression, 6), long(TagJPEGQTables, 20, 20, 20), long(TagJPEGDCTables, 90, 90, 90), long(TagJPEGACTables, 200, 200, 200)},
		{short(TagCompression, 7)}, {short(TagCompression, 50001)}, {short(TagCompression, 32773), short(TagFillOrder, 2)},
	} {
		f.Add(build(binary.LittleEndian, false, [][]byte{stream}, TagTileOffsets, TagTileByteCounts, append(append(tags, size...),
			short(TagBitsPerSample, 8, 8, 8), short(TagSamplesPerPixel, 3), short(TagPhotometric, 6), short(TagYCbCrSubsampling, 2, 2))...))
	}
}
