package openjpeg

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"image"
	"strings"
	"sync"
	"testing"

	"coverslip/tiles/native/dl"
)

func lib(t testing.TB) *Library {
	t.Helper()
	l, err := Load()
	if err != nil {
		t.Skip("OpenJPEG is not installed:", err)
	}
	return l
}

func stream(t testing.TB) []byte {
	t.Helper()
	b, err := hex.DecodeString(testStream)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOpenLibrary_Absent(t *testing.T) {
	if _, err := openLibrary("libno-such-codec.so.0"); !errors.Is(err, dl.ErrNotFound) {
		t.Fatalf("got %v", err)
	}
}

func TestLibrary_Load(t *testing.T) {
	if l := lib(t); !strings.HasPrefix(l.Version(), "2.") {
		t.Errorf("version %q", l.Version())
	}
}

func TestLibrary_DecodeReduced(t *testing.T) {
	l := lib(t)
	m := image.NewRGBA(image.Rect(0, 0, 2, 2))
	if err := l.Decode(m, stream(t), Options{Reduce: 1}); err != nil {
		t.Fatal(err)
	}
	if r := m.Pix[4] - m.Pix[0]; r < 90 || r > 150 { // red steps by 120 at half size
		t.Errorf("red steps by %d", r)
	}
}

func TestLibrary_DecodeArea(t *testing.T) {
	l := lib(t)
	whole := image.NewRGBA(image.Rect(0, 0, 4, 4))
	if err := l.Decode(whole, stream(t), Options{}); err != nil {
		t.Fatal(err)
	}
	for _, r := range []image.Rectangle{image.Rect(1, 1, 4, 3), image.Rect(0, 0, 4, 4), image.Rect(3, 3, 4, 4), image.Rect(0, 2, 1, 4)} {
		m := image.NewRGBA(r)
		if err := l.Decode(m, stream(t), Options{Area: r}); err != nil {
			t.Fatal(err)
		}
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				if m.RGBAAt(x, y) != whole.RGBAAt(x, y) {
					t.Errorf("%v: pixel (%d,%d) is %v, of the whole %v", r, x, y, m.RGBAAt(x, y), whole.RGBAAt(x, y))
				}
			}
		}
	}
	for _, r := range []image.Rectangle{image.Rect(2, 2, 5, 4), image.Rect(-1, 0, 2, 2)} {
		if err := l.Decode(image.NewRGBA(r), stream(t), Options{Area: r}); err == nil {
			t.Errorf("%v: no error", r)
		}
	}
	if err := l.Decode(image.NewRGBA(image.Rect(0, 0, 3, 3)), stream(t), Options{Area: image.Rect(1, 1, 3, 3)}); err == nil {
		t.Error("a destination of another size is accepted")
	}
	halved := stream(t)
	halved[46] = 2 // the second component has a sample for two pixels
	if err := l.Decode(whole, halved, Options{Area: whole.Rect}); !errors.Is(err, ErrWhole) {
		t.Errorf("subsampled: %v", err)
	}
}

func TestLibrary_DecodeJP2(t *testing.T) {
	cs := stream(t)
	jp2 := []byte("\x00\x00\x00\x0cjP  \r\n\x87\n")
	jp2 = binary.BigEndian.AppendUint32(jp2, uint32(len(cs)+8))
	jp2 = append(append(jp2, "jp2c"...), cs...)
	got, err := Codestream(jp2)
	if err != nil || !bytes.Equal(got, cs) {
		t.Fatal("codestream of a JP2 file:", err)
	}
	for i := range jp2 { // no cut may panic
		if _, err := Codestream(jp2[:i]); err == nil && i < len(jp2)-len(cs) {
			t.Errorf("cut at %d: no error", i)
		}
	}
}

func TestLibrary_DecodeRefuses(t *testing.T) {
	l := lib(t)
	edit := func(off int, b ...byte) []byte {
		c := stream(t)
		copy(c[off:], b)
		return c
	}
	for name, c := range map[string]struct {
		data []byte
		o    Options
		want string
	}{
		"empty":            {nil, Options{}, "not a JPEG 2000"},
		"2^31 wide":        {edit(8, 0x80, 0, 0, 0), Options{}, "pixels"},
		"5 wide":           {edit(8, 0, 0, 0, 5), Options{}, "where 4×4 are due"},
		"16384 components": {edit(40, 0x40, 0), Options{}, "16384 components"},
		"16 bit":           {edit(42, 15), Options{}, "16 bits"},
		"signed":           {edit(42, 0x87), Options{}, "unsigned"},
		"sampled 1:0":      {edit(43, 0), Options{}, "sampled"},
		"tile 0":           {edit(24, 0, 0, 0, 0), Options{}, "tile grid"},
		"millions of tiles": {append(append(stream(t)[:4:4], 0, 47, 0, 0, 0, 0, 0x20, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0,
			0, 0, 0, 1, 0, 0, 0, 1), stream(t)[32:]...), Options{}, "tiles"},
		"cut":         {stream(t)[:120], Options{}, ""},
		"reduce":      {stream(t), Options{Reduce: 9}, "reduced"},
		"grey wanted": {stream(t), Options{Colour: ColourGrey}, "colour"},
	} {
		m := image.NewRGBA(image.Rect(0, 0, 4, 4))
		if err := l.Decode(m, c.data, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want …%s…", name, err, c.want)
		}
	}
	var de *DimensionError
	if err := l.Decode(image.NewRGBA(image.Rect(0, 0, 3, 4)), stream(t), Options{}); !errors.As(err, &de) {
		t.Errorf("small destination: %v", err)
	}
}

func TestLibrary_Concurrent(t *testing.T) {
	l := lib(t)
	data := stream(t)
	var wg sync.WaitGroup
	for range 2 * maxDecodes {
		wg.Go(func() {
			m := image.NewRGBA(image.Rect(0, 0, 4, 4))
			if err := l.Decode(m, data, Options{}); err != nil || m.Pix[4] != 60 {
				t.Error("concurrent decode differs", err)
			}
		})
	}
	wg.Wait()
}

func TestConvert_YCbCr(t *testing.T) {
	pl := [3]plane{
		{pix: []int32{76, 150, 29, 255}, w: 4, h: 1, sx: 1, sy: 1},
		{pix: []int32{85, 255}, w: 2, h: 1, sx: 2, sy: 1},
		{pix: []int32{255, 107}, w: 2, h: 1, sx: 2, sy: 1},
	}
	row := make([]byte, 16)
	yccRow(row, pl, 0)
	want := []byte{254, 0, 0, 255, 255, 74, 74, 255, 0, 1, 254, 255, 226, 227, 255, 255}
	for i := range want {
		if d := int(want[i]) - int(row[i]); d > 1 || d < -1 {
			t.Fatalf("got %v, want %v", row, want)
		}
	}
}

func FuzzParseHeader(f *testing.F) {
	b, err := hex.DecodeString(testStream)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:60])
	f.Fuzz(func(t *testing.T, data []byte) {
		cs, err := Codestream(data)
		if err != nil {
			return
		}
		h, err := ParseHeader(cs)
		if err == nil && (h.Width*h.Height > MaxPixels || h.Width < 1 || h.Height < 1 || h.Components < 1 || h.Components > MaxComponents) {
			t.Fatalf("accepted %+v", h)
		}
	})
}
