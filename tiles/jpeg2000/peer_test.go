package jpeg2000_test

import (
	"encoding/hex"
	"errors"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coverslip/tiles/jpeg2000"
	"coverslip/tiles/native/openjpeg"
)

// peer is libopenjp2, or nil.
func peer(t testing.TB) *openjpeg.Library {
	t.Helper()
	l, err := openjpeg.Load()
	if err != nil {
		t.Skip("OpenJPEG is not installed:", err)
	}
	return l
}

// samples decodes data by f.
func samples(t testing.TB, h jpeg2000.Header, reduce int, f func([]uint16, []byte, int) error, data []byte) ([]uint16, error) {
	t.Helper()
	w, ht := h.Reduced(reduce)
	out := make([]uint16, w*ht*h.Components)
	return out, f(out, data, reduce)
}

// compare decodes data by both and reports every difference.
func compare(t *testing.T, l *openjpeg.Library, data []byte, reduce int) {
	t.Helper()
	cs, err := jpeg2000.Codestream(data)
	if err != nil {
		t.Fatal(err)
	}
	h, err := jpeg2000.ParseHeader(cs)
	if err != nil {
		t.Fatal(err)
	}
	want, perr := samples(t, h, reduce, l.DecodeSamples, data)
	got, err := samples(t, h, reduce, jpeg2000.DecodeSamples, data)
	if err != nil || perr != nil {
		t.Errorf("reduce %d: ours: %v, OpenJPEG: %v", reduce, err, perr)
		return
	}
	differ, most, first := 0, 0, -1
	for i := range want {
		if d := int(int16(got[i] - want[i])); d != 0 {
			differ, most = differ+1, max(most, d, -d)
			if first < 0 {
				first = i
			}
		}
	}
	if differ > 0 {
		w, _ := h.Reduced(reduce)
		t.Errorf("reduce %d: %d of %d samples differ by up to %d, the first at (%d,%d) of component %d", reduce, differ, len(want), most,
			first/h.Components%w, first/h.Components/w, first%h.Components)
	}
}

// TestPeer_Folder compares all codestreams of a folder, for checks by hand over
// what an encoder can write: COVERSLIP_J2K=folder go test -run Folder.
func TestPeer_Folder(t *testing.T) {
	dir := os.Getenv("COVERSLIP_J2K")
	if dir == "" {
		t.Skip("COVERSLIP_J2K names no folder")
	}
	l := peer(t)
	files, err := filepath.Glob(filepath.Join(dir, "*.j[2p]*"))
	if err != nil || len(files) == 0 {
		t.Fatal("no codestreams in", dir, err)
	}
	slices.Sort(files)
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), filepath.Ext(f)), func(t *testing.T) {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for reduce := range 3 {
				if !reducible(data, reduce) {
					break
				}
				compare(t, l, data, reduce)
			}
		})
	}
}

func reducible(data []byte, reduce int) bool {
	cs, err := jpeg2000.Codestream(data)
	if err != nil {
		return true
	}
	h, err := jpeg2000.ParseHeader(cs)
	return err != nil || reduce <= h.Resolutions
}

// smallest is a lossless codestream of 4×4 pixels: red = 60·x, green = 60·y,
// blue = 200 − 20·x.
const smallest = "ff4fff51002f00000000000400000004000000000000000000000004000000040000000000000000000307010107010107" +
	"0101ff52000c00000001010204040001ff5c000a4040484850484850ff640025000143726561746564206279204f70656e4a504547" +
	"2076657273696f6e20322e352e30ff90000a00000000005c0001ff93c7d40207cfb408017fc02103c1f3818fb40803047fc3ea029f" +
	"801005df0739cfc00a7e004004890739c0f901c1f383000cff5f0b3849c1f38387d4060e09640c1528c3ea0387d4060cf78f0c1528ffd9"

func TestDecode_Smallest(t *testing.T) {
	data, err := hex.DecodeString(smallest)
	if err != nil {
		t.Fatal(err)
	}
	m := image.NewRGBA(image.Rect(0, 0, 4, 4))
	if err := jpeg2000.Decode(m, data, jpeg2000.Options{}); err != nil {
		t.Fatal(err)
	}
	for y := range 4 {
		for x := range 4 {
			p := m.Pix[m.PixOffset(x, y):]
			if p[0] != byte(60*x) || p[1] != byte(60*y) || p[2] != byte(200-20*x) || p[3] != 255 {
				t.Errorf("pixel (%d,%d) is %v", x, y, p[:4])
			}
		}
	}
	var de *jpeg2000.DimensionError
	if err := jpeg2000.Decode(image.NewRGBA(image.Rect(0, 0, 3, 4)), data, jpeg2000.Options{}); !errors.As(err, &de) {
		t.Error("another size:", err)
	}
}
