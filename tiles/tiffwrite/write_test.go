package tiffwrite

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/draw"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/image/tiff/lzw"
)

// pattern is a smooth picture with a flat right half, so that JPEG keeps it
// and tiles repeat.
func pattern(w int) Fill {
	return func(_ context.Context, x0, y0 int, dst *image.RGBA) error {
		size := dst.Rect.Size()
		for y := range size.Y {
			for x := range size.X {
				p := dst.Pix[dst.PixOffset(x, y):]
				p[0], p[1], p[2], p[3] = 240, 235, 244, 255
				if gx, gy := x0+x, y0+y; gx < w/2 {
					p[0], p[1], p[2] = uint8(60+gx/9%128), uint8(90+gy/7%100), uint8(200-(gx+gy)/13%90)
				}
			}
		}
		return nil
	}
}

func whole(w, h int, f Fill) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	if err := f(context.Background(), 0, 0, img); err != nil {
		panic(err)
	}
	return img
}

func halved(src *image.RGBA) *image.RGBA {
	w, h := src.Rect.Dx()/2, src.Rect.Dy()/2
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			for c := range 4 {
				s := 2
				for _, d := range [][2]int{{0, 0}, {1, 0}, {0, 1}, {1, 1}} {
					s += int(src.Pix[src.PixOffset(2*x+d[0], 2*y+d[1])+c])
				}
				dst.Pix[dst.PixOffset(x, y)+c] = uint8(s >> 2)
			}
		}
	}
	return dst
}

func TestWrite_LosslessPyramid_EqualsAveragedPixels(t *testing.T) {
	for _, size := range [][2]int{{1300, 1111}, {2049, 1025}, {513, 70}, {64, 64}, {1024, 513}} {
		for _, big := range []Container{Auto, Big} {
			w, h := size[0], size[1]
			path := filepath.Join(t.TempDir(), "x.tif")
			o := Options{Width: w, Height: h, TileSize: 64, Lossless: true, Smallest: 100, Container: big, Workers: 3}
			if err := Write(context.Background(), path, o, pattern(w)); err != nil {
				t.Fatal(err)
			}
			f := readTIFF(t, path)
			if f.big != (big == Big) {
				t.Errorf("%v: BigTIFF = %v", size, f.big)
			}
			want := whole(w, h, pattern(w))
			for k, d := range f.dirs {
				if k > 0 {
					want = halved(want)
				}
				got := d.pixels(t)
				if got.Rect != want.Rect {
					t.Fatalf("%v level %d is %v, want %v", size, k, got.Rect, want.Rect)
				}
				if !bytes.Equal(got.Pix, want.Pix) {
					t.Errorf("%v level %d: pixels differ", size, k)
				}
			}
			levels := 1
			for max(w, h)>>(levels-1) > 100 {
				levels++
			}
			if len(f.dirs) != levels {
				t.Errorf("%v: %d levels, want %d", size, len(f.dirs), levels)
			}
		}
	}
}

func TestWrite_OneByOnePixel_IsASlide(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.svs")
	o := Options{Width: 1, Height: 3000, Layout: Aperio}
	if err := Write(context.Background(), path, o, pattern(1)); err != nil {
		t.Fatal(err)
	}
	if f := readTIFF(t, path); f.dirs[2].one(tagImageLength) != 750 || f.dirs[2].one(tagImageWidth) != 1 {
		t.Errorf("level 1 is %d x %d", f.dirs[2].one(tagImageWidth), f.dirs[2].one(tagImageLength))
	}
}

func TestWrite_JPEG_AbbreviatedAndWhole(t *testing.T) {
	for _, complete := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "x.tif")
		o := Options{Width: 700, Height: 500, Whole: complete, Quality: 90}
		if err := Write(context.Background(), path, o, pattern(700)); err != nil {
			t.Fatal(err)
		}
		d := readTIFF(t, path).dirs[0]
		if has := d.b[tagJPEGTables] != nil; has == complete {
			t.Errorf("whole=%v: JPEGTables present = %v", complete, has)
		}
		want, got := whole(700, 500, pattern(700)), d.pixels(t)
		if m := meanDifference(got, want); m > 1.2 {
			t.Errorf("whole=%v: mean difference %.2f", complete, m)
		}
	}
}

func meanDifference(a, b *image.RGBA) float64 {
	sum := 0
	for i := range a.Pix {
		sum += max(int(a.Pix[i])-int(b.Pix[i]), int(b.Pix[i])-int(a.Pix[i]))
	}
	return float64(sum) / float64(len(a.Pix)*3/4)
}

func TestWrite_AnyWorkers_SameBytesAndSharedTiles(t *testing.T) {
	var first []byte
	for _, workers := range []int{1, 2, 5} {
		path := filepath.Join(t.TempDir(), "x.svs")
		o := Options{Width: 2100, Height: 1700, Layout: Aperio, Workers: workers, MPP: 0.25, Objective: 40}
		if err := Write(context.Background(), path, o, pattern(2100)); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = b
			offsets := map[uint64]int{}
			for _, at := range readTIFF(t, path).dirs[0].n[tagTileOffsets] {
				offsets[at]++
			}
			if len(offsets) > 48 {
				t.Errorf("63 tiles, 27 of them flat, are stored as %d", len(offsets))
			}
		} else if !bytes.Equal(b, first) {
			t.Errorf("%d workers write other bytes than one", workers)
		}
	}
}

func TestWrite_CancelledOrFailing_LeavesNothing(t *testing.T) {
	boom := errors.New("boom")
	ctx, cancel := context.WithCancel(context.Background())
	for name, c := range map[string]struct {
		ctx  context.Context
		fill Fill
		want error
	}{
		"cancel": {ctx, func(context.Context, int, int, *image.RGBA) error { cancel(); return nil }, context.Canceled},
		"fill":   {context.Background(), func(context.Context, int, int, *image.RGBA) error { return boom }, boom},
	} {
		dir := t.TempDir()
		err := Write(c.ctx, filepath.Join(dir, "x.tif"), Options{Width: 3000, Height: 3000}, c.fill)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: error %v", name, err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: left %v %v", name, left, err)
		}
	}
}

func TestWrite_BadOptions_AreRefused(t *testing.T) {
	for _, o := range []Options{{}, {Width: -1, Height: 5}, {Width: 9, Height: 9, TileSize: 100},
		{Width: 9, Height: 9, Step: 3}, {Width: 9, Height: 9, Quality: 200}, {Width: 9, Height: 9, MPP: -1}, {Width: 1 << 40, Height: 1}} {
		if err := Write(context.Background(), filepath.Join(t.TempDir(), "x"), o, pattern(9)); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
	if err := Write(context.Background(), filepath.Join(t.TempDir(), "no", "x"), Options{Width: 9, Height: 9}, pattern(9)); err == nil {
		t.Error("a folder that does not exist was accepted")
	}
}

// associated makes a label and a macro that can be told apart.
func associated(thumb *image.RGBA) (label, macro *image.RGBA) {
	label = image.NewRGBA(image.Rect(0, 0, 120, 130))
	for i := range label.Pix {
		label.Pix[i] = uint8(i / 7)
	}
	macro = image.NewRGBA(image.Rect(0, 0, thumb.Rect.Dx()+100, thumb.Rect.Dy()))
	return label, macro
}

// written makes one file of each layout for the outside readers.
func written(t *testing.T, layout Layout, ext string, c Container) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "slide"+ext)
	o := Options{Width: 3000, Height: 1801, Layout: layout, Container: c, MPP: 0.25, Objective: 40, Smallest: 400,
		Software: "Coverslip <synth> & test", Name: "slide 1", Quality: 92, Associated: associated}
	if err := Write(context.Background(), path, o, pattern(3000)); err != nil {
		t.Fatal(err)
	}
	return path
}

// tool runs an outside program, which skips the test when it is not installed.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not installed", name)
	}
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func TestWrite_OpenSlide_ReadsEveryLayout(t *testing.T) {
	for _, c := range []struct {
		layout Layout
		ext    string
		vendor string
		levels string
		mpp    string // OpenSlide 3 derives no mpp from a resolution; 40000 pixels/cm = 0.25 µm
	}{
		{Aperio, ".svs", "aperio", "3", "openslide.mpp-x: '0.25'"},
		{Generic, ".tif", "generic-tiff", "4", "tiff.XResolution: '40000'"},
		{OME, ".ome.tif", "generic-tiff", "1", "tiff.XResolution: '40000'"},
	} {
		for _, container := range []Container{Auto, Big} {
			path := written(t, c.layout, c.ext, container)
			p := tool(t, "openslide-show-properties", path)
			for _, want := range []string{"openslide.vendor: '" + c.vendor + "'", "openslide.level-count: '" + c.levels + "'",
				"openslide.level[0].width: '3000'", c.mpp} {
				if !strings.Contains(p, want) {
					t.Errorf("%s: properties lack %s:\n%s", c.ext, want, p)
				}
			}
			if c.layout == Aperio && (!strings.Contains(p, "openslide.objective-power: '40'") || !strings.Contains(p, "openslide.level[2].width: '187'")) {
				t.Errorf("properties: %s", p)
			}
			png := filepath.Join(t.TempDir(), "x.png")
			tool(t, "openslide-write-png", path, "300", "200", "0", "500", "400", png)
			got := readPNG(t, png)
			want := image.NewRGBA(image.Rect(0, 0, 500, 400))
			if err := pattern(3000)(context.Background(), 300, 200, want); err != nil {
				t.Fatal(err)
			}
			if m := meanDifference(got, want); m > 1 {
				t.Errorf("%s: openslide's pixels differ by %.2f in the mean", c.ext, m)
			}
		}
	}
}

func TestWrite_Tiffinfo_HasNoComplaint(t *testing.T) {
	for layout, ext := range map[Layout]string{Aperio: ".svs", Generic: ".tif", OME: ".ome.tif"} {
		for _, c := range []Container{Auto, Big} {
			out := tool(t, "tiffinfo", "-D", written(t, layout, ext, c))
			for _, bad := range []string{"Warning", "warning", "Error", "error"} {
				if strings.Contains(out, bad) {
					t.Errorf("%s: tiffinfo says:\n%s", ext, out)
					break
				}
			}
		}
	}
}

// TestWrite_Tifffile_AgreesOnSeries asks Python's tifffile for levels and
// pixels, and xmlschema or ome_types for the validity of the OME-XML, where
// they are installed. COVERSLIP_PYTHON names the interpreter.
func TestWrite_Tifffile_AgreesOnSeries(t *testing.T) {
	python := os.Getenv("COVERSLIP_PYTHON")
	if python == "" {
		python = "python3"
	}
	if err := exec.Command(python, "-c", "import tifffile, imagecodecs").Run(); err != nil {
		t.Skip("python tifffile is not installed")
	}
	const script = `
import sys, tifffile
t = tifffile.TiffFile(sys.argv[1])
s = t.series[0]
print([l.shape for l in s.levels], t.is_ome, t.is_svs, [x.name for x in t.series])
a = s.levels[1].asarray()
print(a[100, 50].tolist(), a.shape)
if t.is_ome:
    try:
        import ome_types
    except ImportError:
        print("no ome_types")
    else:
        o = ome_types.from_tiff(sys.argv[1])
        print(o.images[0].pixels.physical_size_x, o.images[0].pixels.physical_size_x_unit.value, len(o.images))
        ome_types.validate_xml(t.ome_metadata) if hasattr(ome_types, 'validate_xml') else ome_types.from_xml(t.ome_metadata, validate=True)
`
	for _, c := range []struct {
		layout Layout
		ext    string
		want   []string
	}{
		{Aperio, ".svs", []string{"[(1801, 3000, 3), (450, 750, 3), (112, 187, 3)] False True", "'Label'", "'Macro'", "'Thumbnail'"}},
		{OME, ".ome.tif", []string{"[(1801, 3000, 3), (900, 1500, 3), (450, 750, 3), (225, 375, 3)] True", "0.25 µm 3", "label image"}},
	} {
		out, err := exec.Command(python, "-c", script, written(t, c.layout, c.ext, Auto)).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, w := range c.want {
			if strings.Contains(string(out), "no ome_types") && strings.HasPrefix(w, "0.25") {
				continue
			}
			if !strings.Contains(string(out), w) {
				t.Errorf("%s: tifffile's answer lacks %q:\n%s", c.ext, w, out)
			}
		}
	}
}

func TestSplitJPEG_Garbage_IsAnError(t *testing.T) {
	for _, b := range [][]byte{nil, {0xFF, 0xD8}, {0xFF, 0xD8, 0xFF, 0xC0, 0, 2, 0xFF}, []byte("GIF89a...")} {
		if _, err := splitJPEG(b); err == nil {
			t.Errorf("%x was accepted", b)
		}
	}
}

func FuzzSplitJPEG(f *testing.F) {
	img := image.NewRGBA(image.Rect(0, 0, 16, 16))
	b, err := GoJPEG(img, 50)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := splitJPEG(b)
		if err == nil && len(s.tables)+len(s.rest) > len(b)+6 {
			t.Errorf("%d bytes became %d", len(b), len(s.tables)+len(s.rest))
		}
	})
}

func FuzzLZW(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("banana banana banana"))
	long := make([]byte, 70000)
	for i := range long {
		long[i] = byte(i * i >> 7)
	}
	f.Add(long)
	f.Add(bytes.Repeat([]byte{7}, 9000))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := io.ReadAll(lzw.NewReader(bytes.NewReader(compressLZW13(b)), lzw.MSB, 8))
		if err != nil || !bytes.Equal(got, b) {
			t.Errorf("%d bytes came back as %d: %v", len(b), len(got), err)
		}
	})
}

func BenchmarkWrite_Aperio(b *testing.B) {
	b.ReportAllocs()
	b.SetBytes(4096 * 4096 * 4)
	path := filepath.Join(b.TempDir(), "x.svs")
	for range b.N {
		if err := Write(context.Background(), path, Options{Width: 4096, Height: 4096, Layout: Aperio}, pattern(4096)); err != nil {
			b.Fatal(err)
		}
	}
}

func readPNG(t *testing.T, path string) *image.RGBA {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	out := image.NewRGBA(img.Bounds())
	draw.Draw(out, out.Rect, img, image.Point{}, draw.Src)
	return out
}
