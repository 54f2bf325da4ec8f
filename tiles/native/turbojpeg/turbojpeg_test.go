package turbojpeg

import (
	"bytes"
	"errors"
	"image"
	"image/draw"
	"image/jpeg"
	"runtime"
	"strings"
	"sync"
	"testing"

	"coverslip/tiles/jpegstream"
	"coverslip/tiles/native/dl"
)

func lib(t testing.TB) *Library {
	t.Helper()
	l, err := Load()
	if err != nil {
		t.Skip("libjpeg-turbo is not installed:", err)
	}
	return l
}

// tissue is a smooth coloured picture.
func tissue(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			p := m.Pix[m.PixOffset(x, y):]
			p[0], p[1], p[2], p[3] = byte(200-x/3), byte(100+y/4), byte(150+(x+y)/8), 255
		}
	}
	return m
}

func maxDiff(a, b *image.RGBA) int {
	worst := 0
	for y := range a.Rect.Dy() {
		for x := range a.Rect.Dx() * 4 {
			d := int(a.Pix[y*a.Stride+x]) - int(b.Pix[y*b.Stride+x])
			worst = max(worst, d, -d)
		}
	}
	return worst
}

func TestOpenLibrary_Absent(t *testing.T) {
	if _, err := openLibrary("libno-such-codec.so.0"); !errors.Is(err, dl.ErrNotFound) {
		t.Fatalf("got %v", err)
	}
}

func TestLibrary_RoundTrip(t *testing.T) {
	l := lib(t)
	src := tissue(256, 200)
	for _, sub := range []string{"444", "422", "420"} {
		data, err := l.Encode(src, 90, sub)
		if err != nil {
			t.Fatal(err)
		}
		dst := image.NewRGBA(src.Rect)
		if err := l.Decode(dst, data); err != nil {
			t.Fatal(err)
		}
		if d := maxDiff(src, dst); d > 12 {
			t.Errorf("%s: worst difference %d", sub, d)
		}
		// image/jpeg, which we did not write, must read it alike.
		m, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		std := image.NewRGBA(src.Rect)
		draw.Draw(std, std.Rect, m, image.Point{}, draw.Src)
		if d := maxDiff(std, dst); d > 10 {
			t.Errorf("%s: differs from image/jpeg by %d", sub, d)
		}
	}
}

func TestLibrary_DecodeIntoPart(t *testing.T) {
	l := lib(t)
	data, err := l.Encode(tissue(64, 48), 95, "444")
	if err != nil {
		t.Fatal(err)
	}
	whole := image.NewRGBA(image.Rect(0, 0, 100, 90))
	part := whole.SubImage(image.Rect(20, 30, 84, 78)).(*image.RGBA)
	if err := l.Decode(part, data); err != nil {
		t.Fatal(err)
	}
	for y := range 90 {
		for x := range 100 {
			in := image.Pt(x, y).In(part.Rect)
			if a := whole.RGBAAt(x, y).A; in != (a == 255) {
				t.Fatalf("pixel (%d,%d): alpha %d, inside %v", x, y, a, in)
			}
		}
	}
}

// An RGB JPEG whose components carry no Adobe segment is read as YCbCr unless
// the prefix says otherwise.
func TestLibrary_ForcedColour(t *testing.T) {
	l := lib(t)
	src := tissue(32, 32)
	ycc := image.NewYCbCr(src.Rect, image.YCbCrSubsampleRatio444)
	for y := range 32 { // planes hold R, G, B: an "RGB JPEG"
		for x := range 32 {
			c := src.RGBAAt(x, y)
			i := ycc.YOffset(x, y)
			ycc.Y[i], ycc.Cb[i], ycc.Cr[i] = c.R, c.G, c.B
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, ycc, &jpeg.Options{Quality: 100}); err != nil {
		t.Fatal(err)
	}
	prefix, err := jpegstream.Prefix(nil, jpegstream.ColourRGB)
	if err != nil {
		t.Fatal(err)
	}
	dst := image.NewRGBA(src.Rect)
	if err := l.Decode(dst, append(prefix, b.Bytes()[2:]...)); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(dst.Pix); i += 4 {
		if d := int(dst.Pix[i]) - int(src.Pix[i]); d > 6 || d < -6 {
			t.Fatalf("red of pixel %d is %d, want %d", i/4, dst.Pix[i], src.Pix[i])
		}
	}
}

func TestLibrary_DecodeRefuses(t *testing.T) {
	l := lib(t)
	good, err := l.Encode(tissue(64, 64), 90, "420")
	if err != nil {
		t.Fatal(err)
	}
	sof := bytes.Index(good, []byte{0xff, 0xc0})
	huge := bytes.Clone(good)
	huge[sof+5], huge[sof+6] = 0xff, 0xdc
	deep := bytes.Clone(good)
	deep[sof+4] = 12
	cmyk := bytes.Clone(good)
	cmyk[sof+9] = 4
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":     {nil, "start-of-image"},
		"text":      {[]byte("hello, world"), "start-of-image"},
		"frame 56K": {huge, "where 64×64 are due"},
		"12 bit":    {deep, "12 bits"},
		"CMYK":      {cmyk, "CMYK"},
		"cut":       {good[:len(good)-20], "remature"},
		"cut early": {good[:30], "cut off"},
	} {
		dst := image.NewRGBA(image.Rect(0, 0, 64, 64))
		err := l.Decode(dst, c.data)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want …%s…", name, err, c.want)
		}
	}
	var de *DimensionError
	if err := l.Decode(image.NewRGBA(image.Rect(0, 0, 63, 64)), good); !errors.As(err, &de) {
		t.Errorf("smaller destination: %v", err)
	}
}

func TestLibrary_EncodeRefuses(t *testing.T) {
	l := lib(t)
	m := tissue(8, 8)
	for _, c := range []struct {
		m   *image.RGBA
		q   int
		sub string
	}{{m, 0, "420"}, {m, 101, "420"}, {m, 80, "411x"}, {&image.RGBA{}, 80, "420"},
		{&image.RGBA{Pix: m.Pix, Stride: 32, Rect: image.Rect(0, 0, 8, 9)}, 80, "420"}} {
		if _, err := l.Encode(c.m, c.q, c.sub); err == nil {
			t.Errorf("%v quality %d sub %q: no error", c.m.Rect, c.q, c.sub)
		}
	}
}

func TestLibrary_Concurrent(t *testing.T) {
	l := lib(t)
	data, err := l.Encode(tissue(128, 128), 90, "420")
	if err != nil {
		t.Fatal(err)
	}
	want := image.NewRGBA(image.Rect(0, 0, 128, 128))
	if err := l.Decode(want, data); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				got := image.NewRGBA(want.Rect)
				if err := l.Decode(got, data); err != nil || !bytes.Equal(got.Pix, want.Pix) {
					t.Error("concurrent decode differs", err)
					return
				}
				if _, err := l.Encode(got, 80, "420"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkLibrary_Decode256(b *testing.B) {
	l := lib(b)
	data, err := l.Encode(tissue(256, 256), 80, "420")
	if err != nil {
		b.Fatal(err)
	}
	dst := image.NewRGBA(image.Rect(0, 0, 256, 256))
	b.ReportAllocs()
	b.SetBytes(int64(len(dst.Pix)))
	for b.Loop() {
		if err := l.Decode(dst, data); err != nil {
			b.Fatal(err)
		}
	}
}

// The library keeps its messages a thread: a harmless warning must be known as
// one, whatever other goroutines do meanwhile.
func TestLibrary_DecodeWarningsConcurrent(t *testing.T) {
	l := lib(t)
	m := image.NewRGBA(image.Rect(0, 0, 500, 500)) // long enough for the scheduler to move a goroutine
	for i := range m.Pix {
		m.Pix[i] = byte(i * i / 97)
	}
	good, err := l.Encode(m, 80, "444")
	if err != nil {
		t.Fatal(err)
	}
	// Bytes between the last MCU and the end: nothing of the picture is lost.
	stray := append(append([]byte(nil), good[:len(good)-2]...), make([]byte, 40)...)
	stray = append(stray, 0xff, 0xd9)
	cut := good[:len(good)-len(good)/3]
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			dst := image.NewRGBA(m.Rect)
			for range 4 {
				if err := l.Decode(dst, stray); err != nil {
					t.Error("stray bytes:", err)
					return
				}
				runtime.Gosched()
				if err := l.Decode(dst, cut); err == nil || strings.Contains(err.Error(), "No error") {
					t.Error("a cut stream:", err)
					return
				}
			}
		})
	}
	wg.Wait()
}
