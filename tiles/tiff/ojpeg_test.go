package tiff

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/jpegstream"
)

// tissue is a smooth coloured picture.
func tissue(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			p := m.Pix[m.PixOffset(x, y):]
			p[0], p[1], p[2], p[3] = byte(200-x), byte(90+y), byte(150+x/2-y/2), 255
		}
	}
	return m
}

func jpegOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 92}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// oldParts takes a stream of package image/jpeg apart as the tags of the old
// compression want it: quantisation tables of 64 bytes, Huffman tables of counts
// and values, and the bare data.
func oldParts(t testing.TB, data []byte) (quant, dc, ac [][]byte, scan []byte) {
	t.Helper()
	l, err := jpegstream.ParseLayout(data)
	if err != nil {
		t.Fatal(err)
	}
	for at := 2; at < l.Scan; {
		m, n := data[at+1], int(binary.BigEndian.Uint16(data[at+2:]))
		body := data[at+4 : at+2+n]
		for m == 0xdb && len(body) > 0 {
			quant, body = append(quant, body[1:65]), body[65:]
		}
		for m == 0xc4 && len(body) > 0 {
			values := 0
			for _, c := range body[1:17] {
				values += int(c)
			}
			if body[0]>>4 == 0 {
				dc = append(dc, body[1:17+values])
			} else {
				ac = append(ac, body[1:17+values])
			}
			body = body[17+values:]
		}
		at += 2 + n
	}
	return quant, dc, ac, data[l.Scan : len(data)-2]
}

// oldTags are the tags of tables that lie one after the other from at on.
func oldTags(at int, quant, dc, ac [][]byte) ([]byte, []tag) {
	var blob []byte
	place := func(tables [][]byte) []uint64 {
		var out []uint64
		for i := range 3 {
			out = append(out, uint64(at+len(blob)))
			blob = append(blob, tables[min(i, 1)]...)
		}
		return out
	}
	return blob, []tag{long(TagJPEGQTables, place(quant)...), long(TagJPEGDCTables, place(dc)...), long(TagJPEGACTables, place(ac)...), short(TagJPEGProc, 1)}
}

// plainYCC is a picture by the formulas of the specification, from the samples of
// a decoder.
func plainYCC(m *image.YCbCr, x, y int) color.RGBA {
	cb, cr := float64(m.Cb[y/2*m.CStride+x/2])-128, float64(m.Cr[y/2*m.CStride+x/2])-128
	l := float64(m.Y[y*m.YStride+x])
	to8 := func(v float64) byte { return byte(min(max(v+0.5, 0), 255)) }
	return color.RGBA{to8(l + 1.402*cr), to8(l - 0.344136*cb - 0.714136*cr), to8(l + 1.772*cb), 255}
}

func checkOld(t *testing.T, m *Image, streams map[image.Point][]byte) {
	t.Helper()
	img, err := m.ReadAll(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for at, data := range streams {
		d, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		ycc := d.(*image.YCbCr)
		for y := range ycc.Rect.Dy() {
			for x := range ycc.Rect.Dx() {
				if at.X+x >= m.Width || at.Y+y >= m.Height {
					continue
				}
				want, got := plainYCC(ycc, x, y), img.RGBAAt(at.X+x, at.Y+y)
				for _, d := range []int{int(want.R) - int(got.R), int(want.G) - int(got.G), int(want.B) - int(got.B)} {
					if d > 2 || d < -2 { // another decoder's cosine transform, and fixed-point numbers
						t.Fatalf("pixel (%d,%d) of the part at %v is %v, want %v", x, y, at, got, want)
					}
				}
			}
		}
	}
}

var oldSize = []tag{short(TagBitsPerSample, 8, 8, 8), short(TagSamplesPerPixel, 3), short(TagPhotometric, 6), short(TagCompression, 6),
	short(TagYCbCrSubsampling, 2, 2)}

// Strips of bare data whose tables lie in tags.
func TestOldJPEG_TablesInTags(t *testing.T) {
	pic := tissue(48, 56)
	streams := map[image.Point][]byte{}
	var blobs [][]byte
	var quant, dc, ac [][]byte
	for y := 0; y < 56; y += 16 {
		part := image.NewRGBA(image.Rect(0, 0, 48, min(16, 56-y)))
		copy(part.Pix, pic.Pix[y*pic.Stride:])
		data := jpegOf(t, part)
		var scan []byte
		quant, dc, ac, scan = oldParts(t, data)
		streams[image.Pt(0, y)] = data
		blobs = append(blobs, scan)
	}
	tables, tags := oldTags(8, quant, dc, ac)
	tags = append(append(tags, oldSize...), short(TagImageWidth, 48), short(TagImageLength, 56), short(TagRowsPerStrip, 16))
	m := imageOf(t, withLead(tables, blobs, TagStripOffsets, TagStripByteCounts, tags...))
	checkOld(t, m, streams)
}

// withLead builds a file that begins with bytes that no table of offsets names.
func withLead(lead []byte, blobs [][]byte, offTag, countTag uint16, tags ...tag) []byte {
	at := uint64(8 + len(lead))
	var offs, counts []uint64
	all := bytes.Clone(lead)
	for _, b := range blobs {
		offs, counts = append(offs, at), append(counts, uint64(len(b)))
		all, at = append(all, b...), at+uint64(len(b))
	}
	tags = append(tags, long(offTag, offs...), long(countTag, counts...))
	return build(binary.LittleEndian, false, [][]byte{all}, 60001, 60002, tags...)
}

// One whole stream elsewhere in the file.
func TestOldJPEG_WholeStream(t *testing.T) {
	data := jpegOf(t, tissue(40, 30))
	tags := append([]tag{long(TagJPEGFormat, 8), long(TagJPEGFormatLength, uint64(len(data))), short(TagImageWidth, 40), short(TagImageLength, 30)}, oldSize...)
	for name, m := range map[string]*Image{
		"no strips":     imageOf(t, build(binary.LittleEndian, false, [][]byte{data}, 60001, 60002, tags...)),
		"strip tags":    imageOf(t, build(binary.LittleEndian, false, [][]byte{data}, TagStripOffsets, TagStripByteCounts, tags...)),
		"stream as one": imageOf(t, build(binary.LittleEndian, false, [][]byte{data}, TagStripOffsets, TagStripByteCounts, append(tags[2:], short(TagRowsPerStrip, 30))...)),
	} {
		t.Run(name, func(t *testing.T) { checkOld(t, m, map[image.Point][]byte{{}: data}) })
	}
}

// A header elsewhere, bare data in strips.
func TestOldJPEG_HeaderElsewhere(t *testing.T) {
	pic := tissue(32, 32)
	streams := map[image.Point][]byte{}
	var blobs [][]byte
	var head []byte
	for y := 0; y < 32; y += 16 {
		part := image.NewRGBA(image.Rect(0, 0, 32, 16))
		copy(part.Pix, pic.Pix[y*pic.Stride:])
		data := jpegOf(t, part)
		l, err := jpegstream.ParseLayout(data)
		if err != nil {
			t.Fatal(err)
		}
		head, streams[image.Pt(0, y)] = data[:l.Scan], data
		blobs = append(blobs, data[l.Scan:])
	}
	head = bytes.Clone(head) // its frame is of another height than the strips
	l, _ := jpegstream.ParseLayout(head)
	binary.BigEndian.PutUint16(head[l.Frame:], 77)
	tags := append([]tag{long(TagJPEGFormat, 8), short(TagImageWidth, 32), short(TagImageLength, 32), short(TagRowsPerStrip, 16)}, oldSize...)
	checkOld(t, imageOf(t, withLead(head, blobs, TagStripOffsets, TagStripByteCounts, tags...)), streams)
}

func TestOldJPEG_Broken(t *testing.T) {
	data := jpegOf(t, tissue(16, 16))
	_, _, _, scan := oldParts(t, data)
	size := append([]tag{short(TagImageWidth, 16), short(TagImageLength, 16)}, oldSize...)
	m := imageOf(t, build(binary.LittleEndian, false, [][]byte{scan}, TagStripOffsets, TagStripByteCounts, size...))
	dst := image.NewRGBA(image.Rect(0, 0, 16, 16))
	if err := m.ReadTile(context.Background(), 0, 0, dst); err == nil || !strings.Contains(err.Error(), "tables are missing") {
		t.Errorf("no tables: %v", err)
	}
	for name, tags := range map[string][]tag{
		"tables behind the end": {long(TagJPEGQTables, 1<<30, 1<<30, 1<<30), long(TagJPEGDCTables, 8, 8, 8), long(TagJPEGACTables, 8, 8, 8)},
		"two tables":            {long(TagJPEGQTables, 8, 8)},
		"stream behind the end": {long(TagJPEGFormat, 1<<30)},
		"too many values":       {long(TagJPEGQTables, 8, 8, 8), long(TagJPEGDCTables, 8, 8, 8), long(TagJPEGACTables, 8, 8, 8)},
	} {
		blob := bytes.Repeat([]byte{0xff}, 100)
		f := parse(t, build(binary.LittleEndian, false, [][]byte{blob}, TagStripOffsets, TagStripByteCounts, append(tags, size...)...))
		_, err := f.Directories()[0].Image(codec.Default())
		var fe *tiles.FormatError
		if !errors.As(err, &fe) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Uncompressed YCbCr in units of a square, in every subsampling, one of them in
// strips that end inside a unit.
func TestImage_SubsampledYCbCr(t *testing.T) {
	for _, sub := range [][2]int{{1, 1}, {2, 1}, {2, 2}, {4, 2}, {4, 4}, {1, 2}} {
		h, v := sub[0], sub[1]
		const w, ht = 13, 11
		luma := func(x, y int) byte { return byte(40 + 9*x + 5*y) }
		chroma := func(x, y int) (cb, cr byte) { return byte(100 + 10*x + y), byte(160 - 7*y - x) }
		var blob []byte
		for y := 0; y < ht; y += v {
			for x := 0; x < w; x += h {
				for i := range h * v {
					blob = append(blob, luma(x+i%h, y+i/h))
				}
				cb, cr := chroma(x/h, y/v)
				blob = append(blob, cb, cr)
			}
		}
		m := imageOf(t, build(binary.LittleEndian, false, [][]byte{deflated(blob)}, TagStripOffsets, TagStripByteCounts, short(TagImageWidth, w), short(TagImageLength, ht),
			short(TagBitsPerSample, 8, 8, 8), short(TagSamplesPerPixel, 3), short(TagPhotometric, 6), short(TagCompression, 8), short(TagYCbCrSubsampling, uint64(h), uint64(v))))
		img, err := m.ReadAll(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for y := range ht {
			for x := range w {
				cb, cr := chroma(x/h, y/v)
				r, g, b := color.YCbCrToRGB(luma(x, y), cb, cr)
				got := img.RGBAAt(x, y)
				for _, d := range []int{int(r) - int(got.R), int(g) - int(got.G), int(b) - int(got.B)} {
					if d > 2 || d < -2 {
						t.Fatalf("%v: pixel (%d,%d) is %v, want %d %d %d", sub, x, y, got, r, g, b)
					}
				}
			}
		}
	}
}
