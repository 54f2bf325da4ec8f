package codec

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/jpeg2000"
	"coverslip/tiles/native/jxr"
	"coverslip/tiles/native/openjpeg"
	"coverslip/tiles/native/turbojpeg"
)

func encoded(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func sets() map[string]*Set {
	return map[string]*Set{"default": Default(), "go": New(Options{NoNative: true})}
}

func TestSet_JPEG(t *testing.T) {
	src := image.NewRGBA(image.Rect(0, 0, 48, 32))
	for i := range src.Pix {
		src.Pix[i] = byte(100 + i%4*30 + i/400)
	}
	colour, grey := encoded(t, src), encoded(t, image.NewGray(src.Rect))
	for name, s := range sets() {
		dst := image.NewRGBA(src.Rect)
		if err := s.JPEG(dst, colour, 3); err != nil {
			t.Fatal(name, err)
		}
		for i := range dst.Pix {
			if d := int(dst.Pix[i]) - int(src.Pix[i]); i%4 != 3 && (d > 8 || d < -8) || i%4 == 3 && dst.Pix[i] != 255 {
				t.Fatalf("%s: byte %d is %d, want %d", name, i, dst.Pix[i], src.Pix[i])
			}
		}
		if err := s.JPEG(dst, grey, 1); err != nil || dst.Pix[0] > 2 || dst.Pix[3] != 255 {
			t.Errorf("%s: grey: %v, %v", name, err, dst.Pix[:4])
		}
		for what, err := range map[string]error{
			"grey for colour": s.JPEG(dst, grey, 3), "colour for grey": s.JPEG(dst, colour, 1), "text": s.JPEG(dst, []byte("text"), 3),
			"another size": s.JPEG(image.NewRGBA(image.Rect(0, 0, 32, 32)), colour, 3),
			"cut":          s.JPEG(dst, colour[:len(colour)-60], 3),
		} {
			if err == nil {
				t.Errorf("%s: %s: no error", name, what)
			}
		}
	}
}

func TestSet_EncodeJPEG(t *testing.T) {
	m := image.NewRGBA(image.Rect(0, 0, 20, 20))
	for name, s := range sets() {
		data, err := s.EncodeJPEG(m, 80, "420")
		if err != nil {
			t.Fatal(name, err)
		}
		if c, err := jpeg.DecodeConfig(bytes.NewReader(data)); err != nil || c.Width != 20 {
			t.Errorf("%s: %v %v", name, c, err)
		}
	}
	var u *tiles.UnsupportedError
	if _, err := New(Options{NoNative: true}).EncodeJPEG(m, 80, "444"); !errors.As(err, &u) {
		t.Errorf("444 without libjpeg-turbo: %v", err)
	}
}

func TestSet_WithoutNative(t *testing.T) {
	for _, st := range Safe().Status() {
		if st.Native || st.Library == "" && st.Name != "JPEG XR" {
			t.Errorf("%+v", st)
		}
		if (st.Name == "JPEG" || st.Name == "JPEG 2000" || st.Name == "JPEG XR") && !strings.Contains(st.Note, "memory-safe") {
			t.Errorf("%s: the note does not say why: %q", st.Name, st.Note)
		}
	}
}

// TestLoad_SelfTestFails has libraries that decode wrongly: Go takes their
// place, and Status says so.
func TestLoad_SelfTestFails(t *testing.T) {
	broken := errors.New("self-test: the decoded picture is not the encoded one")
	s := load(loaders{
		turbo: func() (*turbojpeg.Library, error) { return new(turbojpeg.Library), broken },
		j2k:   func() (*openjpeg.Library, error) { return new(openjpeg.Library), broken },
		jxr:   func() (*jxr.Library, error) { return new(jxr.Library), broken },
	})
	for _, st := range s.Status()[:3] {
		if st.Native || !strings.Contains(st.Note, broken.Error()) {
			t.Errorf("%+v", st)
		}
	}
	grey := image.NewGray(image.Rect(0, 0, 16, 16))
	if err := s.JPEG(image.NewRGBA(grey.Rect), encoded(t, grey), 1); err != nil {
		t.Error(err)
	}
	m := image.NewRGBA(image.Rect(0, 0, 4, 4))
	if err := s.JPEG2000(m, smallest(t), jpeg2000.ColourRGB); err != nil || m.Pix[4] != 60 {
		t.Error(err, m.Pix[:8])
	}
}

func BenchmarkSet_JPEG256(b *testing.B) {
	m := image.NewRGBA(image.Rect(0, 0, 256, 256))
	for i := range m.Pix {
		m.Pix[i] = byte(i*i/97 ^ i/1024)
	}
	data := encoded(b, m)
	for name, s := range sets() {
		b.Run(name, func(b *testing.B) {
			dst := image.NewRGBA(m.Rect)
			b.ReportAllocs()
			for b.Loop() {
				if err := s.JPEG(dst, data, 3); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(0, []byte{0x78, 0x9c, 3, 0, 0, 0, 0, 1})
	f.Add(1, []byte{0x80, 0x01})
	f.Add(2, []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0, 1, 0, 0})
	f.Add(1, []byte{0, 1, 2, 3, 4, 5})
	f.Add(3, []byte{0xfe, 7, 2, 1, 2, 3, 0x80, 0})
	f.Fuzz(func(t *testing.T, p int, data []byte) {
		dst := make([]byte, 4096)
		_ = Unpack(Packing(min(max(p, 0), 3)), dst, data) // any error, no panic
	})
}
