package jpegstream_test

import (
	"bytes"
	"image"
	"image/jpeg"
	"testing"

	"coverslip/tiles/jpegstream"
	"coverslip/tiles/native/turbojpeg"
)

// busy is a picture of many frequencies.
func busy(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	seed := uint32(1)
	for y := range h {
		for x := range w {
			seed = seed*1664525 + 1013904223
			p := m.Pix[m.PixOffset(x, y):]
			p[0], p[1], p[2], p[3] = byte(x*7)^byte(seed>>30), byte(y*5), byte(x*y/9)+byte(seed>>28), 255
		}
	}
	return m
}

// streams are JPEGs of several samplings, with odd sizes, by name.
func streams(t testing.TB) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, busy(77, 91), &jpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	out["go 420"] = bytes.Clone(b.Bytes())
	grey := image.NewGray(image.Rect(0, 0, 33, 50))
	for i := range grey.Pix {
		grey.Pix[i] = byte(i * i / 7)
	}
	b.Reset()
	if err := jpeg.Encode(&b, grey, nil); err != nil {
		t.Fatal(err)
	}
	out["go grey"] = bytes.Clone(b.Bytes())
	if l, err := turbojpeg.Load(); err == nil {
		for _, sub := range []string{"444", "422", "420"} {
			if out["turbo "+sub], err = l.Encode(busy(131, 67), 85, sub); err != nil {
				t.Fatal(err)
			}
		}
	}
	return out
}

func decoded(t testing.TB, data []byte) image.Image {
	t.Helper()
	m, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The planes of a split stream must be those that a decoder finds before it
// enlarges chroma and converts colours.
func TestSplit(t *testing.T) {
	for name, data := range streams(t) {
		t.Run(name, func(t *testing.T) {
			parts, err := jpegstream.Split(data)
			if err != nil {
				t.Fatal(err)
			}
			whole, colour := decoded(t, data).(*image.YCbCr)
			if !colour {
				if got := decoded(t, parts[0]).(*image.Gray); len(parts) != 1 || !bytes.Equal(got.Pix, decoded(t, data).(*image.Gray).Pix) {
					t.Fatal("the grey picture differs")
				}
				return
			}
			for i, want := range [][]byte{whole.Y, whole.Cb, whole.Cr} {
				got := decoded(t, parts[i]).(*image.Gray)
				stride := whole.YStride
				if i > 0 {
					stride = whole.CStride
				}
				for y := range got.Rect.Dy() {
					if !bytes.Equal(got.Pix[y*got.Stride:y*got.Stride+got.Rect.Dx()], want[y*stride:y*stride+got.Rect.Dx()]) {
						t.Fatalf("component %d, row %d differs", i, y)
					}
				}
			}
		})
	}
}

// Bands with a row of context on both sides decode to the rows of the whole
// picture.
func TestCutter(t *testing.T) {
	for name, data := range streams(t) {
		t.Run(name, func(t *testing.T) {
			whole := decoded(t, data)
			c, err := jpegstream.NewCutter(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if h := c.Header(); h.Width != whole.Bounds().Dx() || h.Height != whole.Bounds().Dy() {
				t.Fatalf("%+v", h)
			}
			rows := 0
			for at := 0; at < c.MCURows(); at += 2 {
				from, to := max(0, at-1), min(at+3, c.MCURows())
				band, height, err := c.Band(from, to)
				if err != nil {
					t.Fatal(err)
				}
				m := decoded(t, band)
				if m.Bounds().Dy() != height {
					t.Fatalf("band of %d rows where %d were told", m.Bounds().Dy(), height)
				}
				for y := at * c.MCUHeight(); y < min((at+2)*c.MCUHeight(), whole.Bounds().Dy()); y++ {
					for x := range whole.Bounds().Dx() {
						if m.At(x, y-from*c.MCUHeight()) != whole.At(x, y) {
							t.Fatalf("pixel (%d,%d): %v, want %v", x, y, m.At(x, y-from*c.MCUHeight()), whole.At(x, y))
						}
					}
					rows++
				}
			}
			if rows != whole.Bounds().Dy() {
				t.Errorf("%d rows of %d", rows, whole.Bounds().Dy())
			}
			if _, _, err := c.Band(0, 1); err == nil && c.MCURows() > 4 {
				t.Error("a band above the last one")
			}
		})
	}
}

// A band of a band has restart markers of its own, which are read too.
func TestCutter_Restarts(t *testing.T) {
	data := streams(t)["go 420"]
	c, err := jpegstream.NewCutter(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	again, _, err := c.Band(0, c.MCURows())
	if err != nil {
		t.Fatal(err)
	}
	if c, err = jpegstream.NewCutter(bytes.NewReader(again)); err != nil {
		t.Fatal(err)
	}
	third, _, err := c.Band(0, c.MCURows())
	if err != nil || !bytes.Equal(again, third) {
		t.Errorf("differs: %d and %d bytes, %v", len(again), len(third), err)
	}
	if bytes.Equal(again, data) {
		t.Error("no restart markers were put in")
	}
}

func TestCutter_Refuses(t *testing.T) {
	good := streams(t)["go 420"]
	frame := bytes.Index(good, []byte{0xff, 0xc0})
	edit := func(at int, v byte) []byte {
		b := bytes.Clone(good)
		b[at] = v
		return b
	}
	for name, data := range map[string][]byte{
		"nothing": nil, "text": []byte("text"), "progressive": edit(frame+1, 0xc2), "12 bits": edit(frame+4, 12), "no height": edit(frame+6, 0),
		"5 components": edit(frame+9, 5), "sampling": edit(frame+11, 0x52), "cut header": good[:frame+5],
	} {
		if name == "no height" {
			data[frame+5] = 0
		}
		if _, err := jpegstream.NewCutter(bytes.NewReader(data)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, n := range []int{len(good) / 2, len(good) - 30} {
		c, err := jpegstream.NewCutter(bytes.NewReader(good[:n]))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Band(0, c.MCURows()); err == nil {
			t.Errorf("cut at %d of %d: no error", n, len(good))
		}
		if _, err := jpegstream.Split(good[:n]); err == nil {
			t.Errorf("cut at %d of %d: no error", n, len(good))
		}
	}
}

func FuzzCutter(f *testing.F) {
	for _, data := range streams(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if parts, err := jpegstream.Split(data); err == nil {
			for _, p := range parts {
				if _, err := jpegstream.ParseLayout(p); err != nil {
					t.Fatal(err)
				}
			}
		}
		c, err := jpegstream.NewCutter(bytes.NewReader(data))
		if err != nil || c.MCURows() > 64 {
			return
		}
		for i := range c.MCURows() {
			if _, _, err := c.Band(i, i+1); err != nil {
				return
			}
		}
	})
}

func BenchmarkCutter(b *testing.B) {
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, busy(2048, 512), &jpeg.Options{Quality: 80}); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(buf.Len()))
	b.ReportAllocs()
	for b.Loop() {
		c, err := jpegstream.NewCutter(bytes.NewReader(buf.Bytes()))
		if err != nil {
			b.Fatal(err)
		}
		for i := range c.MCURows() {
			if _, _, err := c.Band(i, i+1); err != nil {
				b.Fatal(err)
			}
		}
	}
}
