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
	"unsafe"

	"coverslip/tiles/jpeg2000"
	"coverslip/tiles/native/dl"

	"github.com/ebitengine/purego"
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

// TestLibrary_SelfTest has a library that reads nothing: the self-test must
// notice, since Go takes the place of one that fails it.
func TestLibrary_SelfTest(t *testing.T) {
	broken := *lib(t)
	broken.read = purego.NewCallback(func(unsafe.Pointer, uintptr, uintptr) uintptr { return ^uintptr(0) })
	if err := broken.selfTest(); err == nil {
		t.Error("a library that reads nothing passes")
	}
	if err := lib(t).selfTest(); err != nil {
		t.Error("and the whole one does not:", err)
	}
}

func TestLibrary_DecodeReduced(t *testing.T) {
	l := lib(t)
	m := image.NewRGBA(image.Rect(0, 0, 2, 2))
	if err := l.Decode(m, stream(t), jpeg2000.Options{Reduce: 1}); err != nil {
		t.Fatal(err)
	}
	if r := m.Pix[4] - m.Pix[0]; r < 90 || r > 150 { // red steps by 120 at half size
		t.Errorf("red steps by %d", r)
	}
}

func TestLibrary_DecodePart(t *testing.T) {
	l := lib(t)
	whole := image.NewRGBA(image.Rect(0, 0, 4, 4))
	if err := l.Decode(whole, stream(t), jpeg2000.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, r := range []image.Rectangle{image.Rect(1, 1, 4, 3), image.Rect(0, 0, 4, 4), image.Rect(3, 3, 4, 4), image.Rect(0, 2, 1, 4)} {
		m := image.NewRGBA(r)
		if err := l.DecodePart(m, stream(t), jpeg2000.ColourAuto, r); err != nil {
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
		if err := l.DecodePart(image.NewRGBA(r), stream(t), jpeg2000.ColourAuto, r); err == nil {
			t.Errorf("%v: no error", r)
		}
	}
	if err := l.DecodePart(image.NewRGBA(image.Rect(0, 0, 3, 3)), stream(t), jpeg2000.ColourAuto, image.Rect(1, 1, 3, 3)); err == nil {
		t.Error("a destination of another size is accepted")
	}
	halved := stream(t)
	halved[46] = 2 // the second component has a sample for two pixels
	if err := l.DecodePart(whole, halved, jpeg2000.ColourAuto, whole.Rect); !errors.Is(err, ErrWhole) {
		t.Errorf("subsampled: %v", err)
	}
}

func TestLibrary_DecodeJP2(t *testing.T) {
	cs := stream(t)
	jp2 := []byte("\x00\x00\x00\x0cjP  \r\n\x87\n")
	jp2 = binary.BigEndian.AppendUint32(jp2, uint32(len(cs)+8))
	jp2 = append(append(jp2, "jp2c"...), cs...)
	got, err := jpeg2000.Codestream(jp2)
	if err != nil || !bytes.Equal(got, cs) {
		t.Fatal("codestream of a JP2 file:", err)
	}
	for i := range jp2 { // no cut may panic
		if _, err := jpeg2000.Codestream(jp2[:i]); err == nil && i < len(jp2)-len(cs) {
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
		o    jpeg2000.Options
		want string
	}{
		"empty":            {nil, jpeg2000.Options{}, "not a JPEG 2000"},
		"2^31 wide":        {edit(8, 0x80, 0, 0, 0), jpeg2000.Options{}, "pixels"},
		"5 wide":           {edit(8, 0, 0, 0, 5), jpeg2000.Options{}, "where 4×4 are due"},
		"16384 components": {edit(40, 0x40, 0), jpeg2000.Options{}, "16384 components"},
		"16 bit":           {edit(42, 15), jpeg2000.Options{}, "16 bits"},
		"signed":           {edit(42, 0x87), jpeg2000.Options{}, "unsigned"},
		"sampled 1:0":      {edit(43, 0), jpeg2000.Options{}, "sampled"},
		"tile 0":           {edit(24, 0, 0, 0, 0), jpeg2000.Options{}, "tile grid"},
		"millions of tiles": {append(append(stream(t)[:4:4], 0, 47, 0, 0, 0, 0, 0x20, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0,
			0, 0, 0, 1, 0, 0, 0, 1), stream(t)[32:]...), jpeg2000.Options{}, "tiles"},
		"cut":         {stream(t)[:120], jpeg2000.Options{}, ""},
		"reduce":      {stream(t), jpeg2000.Options{Reduce: 9}, "reduced"},
		"grey wanted": {stream(t), jpeg2000.Options{Colour: jpeg2000.ColourGrey}, "colour"},
	} {
		m := image.NewRGBA(image.Rect(0, 0, 4, 4))
		if err := l.Decode(m, c.data, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want …%s…", name, err, c.want)
		}
	}
	var de *jpeg2000.DimensionError
	if err := l.Decode(image.NewRGBA(image.Rect(0, 0, 3, 4)), stream(t), jpeg2000.Options{}); !errors.As(err, &de) {
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
			if err := l.Decode(m, data, jpeg2000.Options{}); err != nil || m.Pix[4] != 60 {
				t.Error("concurrent decode differs", err)
			}
		})
	}
	wg.Wait()
}
