package hamamatsu

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/slidetest"
)

// level of OpenSlide's that has the size of ours: it makes others by reduced
// decoding.
func theirLevel(t *testing.T, sizes []image.Point, l tiles.Level) int {
	t.Helper()
	for i, s := range sizes {
		if s == image.Pt(l.Width, l.Height) {
			return i
		}
	}
	t.Fatalf("OpenSlide has no level of %d×%d pixels: %v", l.Width, l.Height, sizes)
	return 0
}

// sameLevels compares all levels at many places.
func sameLevels(t *testing.T, path string, properties ...string) {
	t.Helper()
	theirs := peer(t, path)
	ours, err := openIndex(t, path, codec.Default())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close() })
	sizes, downsamples := theirs.Levels()
	rnd := rand.New(rand.NewPCG(9, 9))
	for level, l := range ours.Levels() {
		at := theirLevel(t, sizes, l)
		if downsamples[at] != l.Downsample {
			t.Errorf("level %d: downsample %v, OpenSlide's %v", level, l.Downsample, downsamples[at])
		}
		step := int(l.Downsample)
		for range 20 {
			size := image.Pt(1+rnd.IntN(300), 1+rnd.IntN(250))
			x, y := (rnd.IntN(l.Width+50)-25)*step, (rnd.IntN(l.Height+50)-25)*step
			got, want := image.NewRGBA(image.Rectangle{Max: size}), image.NewRGBA(image.Rectangle{Max: size})
			if err := tiles.ReadRegion(context.Background(), ours, level, x, y, got); err != nil {
				t.Fatal(err)
			}
			if err := theirs.ReadRegion(at, x, y, want); err != nil {
				t.Fatal(err)
			}
			for i := range got.Pix {
				if got.Pix[i] != want.Pix[i] {
					t.Fatalf("level %d at (%d,%d): byte %d is %d, OpenSlide's %d", level, x, y, i, got.Pix[i], want.Pix[i])
				}
			}
		}
	}
	for _, p := range append(properties, "openslide.vendor", "openslide.mpp-x", "openslide.mpp-y", "openslide.objective-power", "openslide.comment") {
		got, want := ours.Info().Properties[p], theirs.Property(p)
		x, errX := strconv.ParseFloat(got, 64) // it writes 17 digits, we as many as needed
		y, errY := strconv.ParseFloat(want, 64)
		if got != want && (errX != nil || errY != nil || x != y) {
			t.Errorf("%s: %q, OpenSlide %q", p, got, want)
		}
	}
}

func TestVMS_EqualsOpenSlide(t *testing.T) {
	t.Run("shared", func(t *testing.T) {
		sameLevels(t, slidetest.Shared(t, "made/vms/synthetic.vms"), "hamamatsu.SourceLens", "hamamatsu.PhysicalMacroWidth", "hamamatsu.ImageFile")
	})
	for _, sub := range []string{"444", "422"} {
		t.Run("grid of "+sub, func(t *testing.T) {
			m := vmsMaker{cols: []int{4, 2}, rows: []int{34, 30}, planes: 1, opt: func(b []byte) []byte { return b },
				segments: func(cols, rows, _ int) segments { return tissue(t, cols, rows, 128, 8, sub) },
				index:    replaced("MapFile=map.jpg", "MapFile=img_0_0_0.jpg")} // Go's encoder makes 4:2:0, whose markers OpenSlide 3.4.1 does not find
			path, _ := m.make(t)
			theirs := peer(t, path)
			ours, err := openIndex(t, path, codec.Default())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { ours.Close() })
			rnd := rand.New(rand.NewPCG(3, 4))
			for range 40 {
				r := image.Rectangle{Max: image.Pt(1+rnd.IntN(300), 1+rnd.IntN(200))}
				same(t, ours, theirs, 0, r.Add(image.Pt(rnd.IntN(900)-100, rnd.IntN(600)-50)))
			}
		})
	}
}

// ngrFile is an NGR of a smooth picture.
func ngrFile(w, h, column int) []byte {
	le := binary.LittleEndian
	b := append([]byte("GN\x00\x01"), make([]byte, 24)...)
	le.PutUint32(b[4:], uint32(w))
	le.PutUint32(b[8:], uint32(h))
	le.PutUint32(b[12:], uint32(column))
	le.PutUint32(b[24:], 64)
	b = append(b, make([]byte, 64-len(b))...)
	for c := range w / column {
		for y := range h {
			for x := range column {
				at := c*column + x
				for _, v := range []int{at * 9, y * 13, (at*y + 5) % 4096} {
					b = le.AppendUint16(b, uint16(v%4096))
				}
			}
		}
	}
	return b
}

// makeVMU writes a VMU of level 0 and a map a fourth of its size.
func makeVMU(t testing.TB, edit func(index string, image []byte) (string, []byte)) string {
	t.Helper()
	dir := t.TempDir()
	index := "[Uncompressed Virtual Microscope Specimen]\nNoLayers=1\nImageFile=level0.ngr\nMapFile=map.ngr\nMapScale=4\nSourceLens=40\nPixelWidth=480\nPixelHeight=352\n" +
		"PhysicalWidth=110400\nPhysicalHeight=80960\nMacroImage=\nBitsPerPixel=36\nPixelOrder=RGB\n"
	data := ngrFile(480, 352, 32)
	if edit != nil {
		index, data = edit(index, data)
	}
	for name, b := range map[string][]byte{"slide.vmu": []byte(index), "level0.ngr": data, "map.ngr": ngrFile(120, 88, 8)} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "slide.vmu")
}

func TestVMU_EqualsOpenSlide(t *testing.T) { sameLevels(t, makeVMU(t, nil), "hamamatsu.MapScale") }

func TestVMU_Conformance(t *testing.T) {
	path := makeVMU(t, nil)
	slidetest.Run(t, func(t testing.TB) tiles.Slide {
		s, err := openIndex(t, path, pure)
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

// Broken NGR files name what is wrong.
func TestVMU_Broken(t *testing.T) {
	number := func(at int, v uint32) func(string, []byte) (string, []byte) {
		return func(s string, b []byte) (string, []byte) { binary.LittleEndian.PutUint32(b[at:], v); return s, b }
	}
	for name, c := range map[string]struct {
		edit func(string, []byte) (string, []byte)
		want string
	}{
		"magic": {func(s string, b []byte) (string, []byte) { b[0] = 'X'; return s, b }, "not an NGR"},
		"short": {func(s string, b []byte) (string, []byte) { return s, b[:20] }, "20 bytes"},
		"cut":   {func(s string, b []byte) (string, []byte) { return s, b[:len(b)-1] }, "behind the file's end"},
		"width": {number(4, 1<<31-1), "NGR of"}, "width negative": {number(4, 0xffffffff), "NGR of"}, "height 0": {number(8, 0), "NGR of"},
		"height": {number(8, 1<<31-1), "behind the file's end"}, "column 0": {number(12, 0), "NGR of"}, "column": {number(12, 63), "NGR of"},
		"begin": {number(24, 1<<31-1), "behind the file's end"}, "begin negative": {number(24, 1<<31), "NGR of"},
		"bits":   {func(s string, b []byte) (string, []byte) { return strings.Replace(s, "=36", "=48", 1), b }, "48 bits per pixel"},
		"order":  {func(s string, b []byte) (string, []byte) { return strings.Replace(s, "RGB", "BGR", 1), b }, "order BGR"},
		"no key": {func(s string, b []byte) (string, []byte) { return strings.Replace(s, "ImageFile", "Image", 1), b }, "is not named"},
	} {
		_, err := openIndex(t, makeVMU(t, c.edit), pure)
		var f *tiles.FormatError
		var u *tiles.UnsupportedError
		if !errors.As(err, &f) && !errors.As(err, &u) || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
