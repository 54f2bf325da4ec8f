package flat

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/slidetest"
)

// chunk is a chunk of PNG with its sum.
func chunk(name string, body []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	b = append(append(b, name...), body...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// withChunk puts a chunk behind IHDR.
func withChunk(data []byte, name string, body []byte) []byte {
	const at = 8 + 12 + 13
	return append(append(bytes.Clone(data[:at]), chunk(name, body)...), data[at:]...)
}

// pngOf is a PNG of raw rows with their filters.
func pngOf(w, h uint32, depth, kind, interlace byte, raw []byte, chunks ...[]byte) []byte {
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	b := append([]byte(pngSignature), chunk("IHDR", append(head, depth, kind, 0, 0, interlace))...)
	for _, c := range chunks {
		b = append(b, c...)
	}
	var z bytes.Buffer
	zw := zlib.NewWriter(&z)
	zw.Write(raw)
	zw.Close()
	half := z.Len() / 2
	b = append(b, chunk("IDAT", z.Bytes()[:half])...)
	b = append(b, chunk("IDAT", z.Bytes()[half:])...)
	return append(b, chunk("IEND", nil)...)
}

// adam7 are the rows of an interlaced grey picture of 8 bits.
func adam7(w, h int, at func(x, y int) byte) []byte {
	var out []byte
	for _, p := range [][4]int{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}} {
		for y := p[1]; y < h; y += p[3] {
			row := []byte{0}
			for x := p[0]; x < w; x += p[2] {
				row = append(row, at(x, y))
			}
			if len(row) > 1 {
				out = append(out, row...)
			}
		}
	}
	return out
}

func TestPNG_Interlaced(t *testing.T) {
	at := func(x, y int) byte { return byte(x*7 + y*13) }
	s, err := openPNG(context.Background(), source("x.png", pngOf(33, 21, 8, pngGrey, 1, adam7(33, 21, at))), usual())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	m := pixels(t, s, 0)
	for y := range 21 {
		for x := range 33 {
			if v := at(x, y); m.RGBAAt(x, y) != (color.RGBA{v, v, v, 255}) {
				t.Fatalf("pixel (%d,%d) is %v, want %d", x, y, m.RGBAAt(x, y), v)
			}
		}
	}
}

// Colour types and depths against package image/png.
func TestPNG_Kinds(t *testing.T) {
	palette := chunk("PLTE", []byte{10, 20, 30, 200, 100, 50, 0, 0, 0, 255, 255, 255})
	for name, data := range map[string][]byte{
		"1 bit":             pngOf(10, 2, 1, pngGrey, 0, []byte{0, 0xa5, 0xc0, 2, 0x5a, 0}),
		"2 bits":            pngOf(5, 1, 2, pngGrey, 0, []byte{1, 0x1b, 0x80}),
		"4 bits":            pngOf(3, 1, 4, pngGrey, 0, []byte{0, 0x1f, 0x70}),
		"grey, one clear":   pngOf(2, 1, 8, pngGrey, 0, []byte{0, 7, 8}, chunk("tRNS", []byte{0, 8})),
		"RGB, one clear":    pngOf(2, 1, 8, pngRGB, 0, []byte{0, 1, 2, 3, 4, 5, 6}, chunk("tRNS", []byte{0, 4, 0, 5, 0, 6})),
		"palette":           pngOf(5, 1, 2, pngPalette, 0, []byte{0, 0x1b, 0x80}, palette),
		"palette and alpha": pngOf(5, 1, 2, pngPalette, 0, []byte{0, 0x1b, 0x80}, palette, chunk("tRNS", []byte{255, 0, 0})),
		"all filters": pngOf(3, 5, 8, pngRGB, 0, []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9,
			3, 9, 8, 7, 6, 5, 4, 3, 2, 1, 4, 200, 100, 50, 25, 12, 6, 3, 1, 0}),
		"grey and alpha": pngOf(2, 1, 8, pngGreyAlpha, 0, []byte{0, 100, 255, 200, 0}),
		"RGBA":           pngOf(2, 1, 8, pngRGBA, 0, []byte{0, 1, 2, 3, 255, 4, 5, 6, 0}),
	} {
		t.Run(name, func(t *testing.T) {
			want, err := png.Decode(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			s, err := openPNG(context.Background(), source("x.png", data), usual())
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			got := pixels(t, s, 0)
			for y := range got.Rect.Dy() {
				for x := range got.Rect.Dx() {
					if w := color.RGBAModel.Convert(want.At(x, y)); got.RGBAAt(x, y) != w {
						t.Errorf("pixel (%d,%d) is %v, want %v", x, y, got.RGBAAt(x, y), w)
					}
				}
			}
		})
	}
}

// brokenPictures are pictures that must be refused, with a part of the reason.
func brokenPictures(t testing.TB) map[string]struct {
	format string
	data   []byte
	want   string
} {
	all := encoded(t, gradient(64, 48))
	p, j := all["png"], all["jpeg"]
	edit := func(data []byte, at int, b ...byte) []byte {
		out := bytes.Clone(data)
		copy(out[at:], b)
		return out
	}
	frame := bytes.Index(j, []byte{0xff, 0xc0})
	big := uint32(1 << 19)
	type broken = struct {
		format string
		data   []byte
		want   string
	}
	return map[string]broken{
		"png signature alone":    {"png", p[:8], "ends before"},
		"png sum":                {"png", edit(p, 20, 9), "sum is wrong"},
		"png cut":                {"png", p[:len(p)/2], "row"},
		"png width 0":            {"png", pngOf(0, 1, 8, 0, 0, nil), "0×1 pixels"},
		"png bomb":               {"png", pngOf(big, big, 8, pngRGBA, 0, make([]byte, 1000)), "do not fit"},
		"png of 2^31":            {"png", pngOf(1<<31-1, 1<<31-1, 16, pngRGBA, 0, nil), "sides up to"},
		"png 3 bits":             {"png", pngOf(8, 8, 3, 0, 0, nil), "3 bits"},
		"png interlace 2":        {"png", pngOf(8, 8, 8, 0, 2, nil), "methods"},
		"png without palette":    {"png", pngOf(2, 1, 8, pngPalette, 0, []byte{0, 1, 2}), "without a palette"},
		"png filter 7":           {"png", pngOf(2, 1, 8, 0, 0, []byte{7, 1, 2}), "filter 7"},
		"png short":              {"png", pngOf(2, 9, 8, 0, 0, []byte{0, 1, 2}), "row 1 of 9"},
		"png chunk of 2 GiB":     {"png", edit(withChunk(p, "iCCP", []byte("x")), 33, 0x7f), "chunk"},
		"jpeg markers alone":     {"jpeg", j[:frame], "ends before"},
		"jpeg cut":               {"jpeg", j[:len(j)-len(j)/3], ""},
		"jpeg of 65535":          {"jpeg", edit(j, frame+5, 0xff, 0xff, 0xff, 0xff), "do not fit"},
		"jpeg 0 high":            {"jpeg", edit(j, frame+5, 0, 0), "pixels"},
		"jpeg 12 bits":           {"jpeg", edit(j, frame+4, 12), "12 bits"},
		"jpeg CMYK":              {"jpeg", edit(j, frame+9, 4), "four inks"},
		"jpeg lossless":          {"jpeg", edit(j, frame+1, 0xc3), "process C3"},
		"jpeg 2 components":      {"jpeg", edit(j, frame+9, 2), "2 components"},
		"bmp cut":                {"bmp", all["bmp"][:100], ""},
		"bmp bomb":               {"bmp", edit(all["bmp"], 18, 0, 0x10, 0, 0, 0, 0x10, 0, 0), "do not fit"},
		"bmp header":             {"bmp", all["bmp"][:20], ""},
		"tiff bomb":              {"tiff-strips", tiffFile(nil, map[uint16][]uint32{256: {60000}, 257: {60000}, 258: {8}, 259: {8}, 262: {1}, 273: {8}, 278: {1000}, 279: {10}}), ""},
		"tiff raw that is short": {"tiff-strips", tiffFile(nil, map[uint16][]uint32{256: {60000}, 257: {60000}, 258: {8}, 259: {1}, 262: {1}, 273: {8}, 278: {60000}, 279: {10}}), "do not fit"},
	}
}

func TestBroken(t *testing.T) {
	for name, b := range brokenPictures(t) {
		t.Run(name, func(t *testing.T) {
			for kind, lim := range map[string]limits{"memory": usual(), "disk": tight(t)} {
				var err error
				slidetest.Cheap(t, 16<<20, func() {
					var s tiles.Slide
					if s, err = openers(lim)[b.format](source("x", b.data)); err == nil {
						s.Close()
					}
				})
				if err == nil {
					t.Fatal(kind, "opens")
				}
				var f *tiles.FormatError
				var u *tiles.UnsupportedError
				if !errors.As(err, &f) && !errors.As(err, &u) || !strings.Contains(err.Error(), b.want) {
					t.Errorf("%s: got %v, want …%s…", kind, err, b.want)
				}
			}
		})
	}
}

func FuzzOpen(f *testing.F) {
	for _, b := range brokenPictures(f) {
		f.Add(b.data)
	}
	for _, data := range encoded(f, gradient(70, 40)) {
		f.Add(data)
	}
	f.Add(pngOf(33, 21, 8, pngGrey, 1, adam7(33, 21, func(x, y int) byte { return byte(x) })))
	codecs := codec.New(codec.Options{NoNative: true})
	lim := limits{memory: 32 << 20, band: 1 << 10, dir: f.TempDir()}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, format := range []tiles.Format{FormatTIFF(codecs), FormatPNG(), FormatJPEG(codecs), FormatBMP()} {
			src := source("x", data)
			if format.Detect(src) != nil {
				continue
			}
			var s tiles.Slide
			var err error
			switch format.Name {
			case pngName:
				s, err = openPNG(context.Background(), src, lim)
			case jpegName:
				s, err = openJPEG(context.Background(), src, codecs, lim)
			case tiffName:
				s, err = openTIFF(context.Background(), src, codecs, lim)
			default:
				s, err = openBMP(context.Background(), src)
			}
			if err != nil {
				var f *tiles.FormatError
				var u *tiles.UnsupportedError
				if !errors.As(err, &f) && !errors.As(err, &u) {
					t.Fatalf("error of no known kind: %v", err)
				}
				continue
			}
			for i, l := range s.Levels() {
				err := s.ReadTile(context.Background(), tiles.Key{Level: i}, image.NewRGBA(image.Rectangle{Max: l.TileRect(0, 0).Size()}))
				var te *tiles.TileError
				if err != nil && !errors.As(err, &te) && !errors.Is(err, tiles.ErrMissing) {
					t.Fatalf("tile error of no known kind: %v", err)
				}
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	for name, data := range encoded(b, gradient(4096, 2048)) {
		for kind, lim := range map[string]limits{"memory": usual(), "disk": tight(b)} {
			b.Run(name+" in "+kind, func(b *testing.B) {
				b.SetBytes(4096 * 2048)
				b.ReportAllocs()
				for b.Loop() {
					s, err := openers(lim)[name](source("x", data))
					if err != nil {
						b.Fatal(err)
					}
					s.Close()
				}
			})
		}
	}
}

func BenchmarkReadTile(b *testing.B) {
	for name, data := range encoded(b, gradient(4096, 2048)) {
		b.Run(name, func(b *testing.B) {
			s, err := openers(usual())[name](source("x", data))
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			dst := image.NewRGBA(image.Rect(0, 0, 256, 256))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := s.ReadTile(context.Background(), tiles.Key{Col: i % 16, Row: i / 16 % 8}, dst); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
