package hamamatsu

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/slidetest"
)

// vmsMaker makes a VMS of a grid of JPEGs.
type vmsMaker struct {
	cols, rows []int // segments of each column and row of JPEGs
	planes     int
	opt        func([]byte) []byte // changes the optimisation file; nil: there is none
	index      func(string) string // changes the index; may be nil
	segments   func(cols, rows, first int) segments
}

// made2x3 is two by three JPEGs of 32×16 pixels a segment.
func made2x3(t testing.TB) vmsMaker {
	same := func(b []byte) []byte { return b }
	return vmsMaker{cols: []int{5, 3}, rows: []int{20, 20, 8}, planes: 1, opt: same,
		segments: func(cols, rows, first int) segments { return pieces(t, cols, rows, first) }}
}

// make writes the slide into a folder and returns the index's path and the
// pictures of the planes at level 0, decoded segment by segment.
func (m vmsMaker) make(t testing.TB) (path string, want []*image.RGBA) {
	t.Helper()
	dir := t.TempDir()
	put := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var text strings.Builder
	var opt []byte
	size := image.Point{}
	for z := range m.planes {
		var plane *image.RGBA
		corner := image.Point{}
		for r, rows := range m.rows {
			corner.X = 0
			for c, cols := range m.cols {
				s := m.segments(cols, rows, z+2*c+r)
				data, starts := s.stream()
				name := fmt.Sprintf("img_%d_%d_%d.jpg", z, c, r)
				put(name, data)
				key := fmt.Sprintf("ImageFile(%d,%d)", c, r)
				if z > 0 {
					key = fmt.Sprintf("ImageFile(%d,%d,%d)", z, c, r)
				} else if c+r == 0 {
					key = "ImageFile"
				}
				fmt.Fprintf(&text, "%s=%s\r\n", key, name)
				for i := range rows {
					if z == 0 {
						opt = append(binary.LittleEndian.AppendUint64(opt, uint64(starts[i*cols])), make([]byte, 32)...)
					}
				}
				if plane == nil {
					size = image.Pt(sum(m.cols)*s.w, sum(m.rows)*s.h)
					plane = image.NewRGBA(image.Rectangle{Max: size})
				}
				for i, j := range s.jpegs {
					at := image.Rect(0, 0, s.w, s.h).Add(corner).Add(image.Pt(i%cols*s.w, i/cols*s.h))
					if err := pure.JPEG(plane.SubImage(at).(*image.RGBA), j, 3); err != nil {
						t.Fatal(err)
					}
				}
				corner.X += cols * s.w
				if c == len(m.cols)-1 {
					corner.Y += rows * s.h
				}
			}
		}
		want = append(want, plane)
	}
	small := pieces(t, size.X/4/segW, size.Y/4/segH, 1) // a fourth, where that is whole
	data, _ := small.stream()
	put("map.jpg", data)
	put("macro.jpg", encoded(t, image.NewRGBA(image.Rect(0, 0, 60, 30))))
	if m.opt != nil {
		put("slide.opt", m.opt(opt[:len(opt)-hintBytes])) // of the last row it is missing in real files
	}
	index := fmt.Sprintf("[Virtual Microscope Specimen]\r\nNoLayers=%d\r\nNoJpegColumns=%d\r\nNoJpegRows=%d\r\n%sMapFile=map.jpg\r\nOptimisationFile=slide.opt\r\n"+
		"MacroImage=macro.jpg\r\nSourceLens=20\r\nPhysicalWidth=%d\r\nPhysicalHeight=%d\r\nLayerSpacing=2000\r\n\r\n[Other]\r\nSourceLens=7\r\n",
		m.planes, len(m.cols), len(m.rows), text.String(), size.X*460, size.Y*460)
	if m.index != nil {
		index = m.index(index)
	}
	put("slide.vms", []byte(index))
	return filepath.Join(dir, "slide.vms"), want
}

func sum(v []int) (n int) {
	for _, x := range v {
		n += x
	}
	return n
}

func openIndex(t testing.TB, path string, codecs *codec.Set) (tiles.Slide, error) {
	t.Helper()
	src, err := tiles.OpenSource(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := FormatVMS(codecs).Open(context.Background(), src)
	if err != nil {
		if cerr := src.Close(); cerr != nil {
			t.Error(cerr)
		}
	}
	return s, err
}

func mustOpen(t testing.TB, m vmsMaker) (tiles.Slide, []*image.RGBA) {
	t.Helper()
	path, want := m.make(t)
	s, err := openIndex(t, path, pure)
	if err != nil {
		t.Fatal(err)
	}
	return s, want
}

func TestVMS_Conformance(t *testing.T) {
	m := made2x3(t)
	reopen := func() func(testing.TB) tiles.Slide {
		path, _ := m.make(t)
		return func(t testing.TB) tiles.Slide {
			s, err := openIndex(t, path, pure)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	}
	open := reopen()
	t.Run("grid", func(t *testing.T) { slidetest.Run(t, open) })
	m.planes = 3
	planes := reopen()
	t.Run("planes", func(t *testing.T) {
		slidetest.RunPlanar(t, func(t testing.TB) tiles.Planar { return planes(t).(tiles.Planar) })
	})
}

// equal compares level 0, whole and in pieces across the edges of JPEGs.
func equal(t *testing.T, s tiles.Slide, want *image.RGBA) {
	t.Helper()
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if l := s.Levels()[0]; image.Pt(l.Width, l.Height) != want.Rect.Size() {
		t.Fatalf("%+v, want %v", l, want.Rect)
	}
	for _, r := range []image.Rectangle{image.Rect(150, 300, 180, 330), want.Rect, image.Rect(1, 319, 250, 321), image.Rect(159, 640, 160, 768)} {
		got := image.NewRGBA(r)
		if err := tiles.ReadRegion(context.Background(), s, 0, r.Min.X, r.Min.Y, got); err != nil {
			t.Fatal(err)
		}
		for y := r.Min.Y; y < r.Max.Y; y++ {
			if !bytes.Equal(got.Pix[got.PixOffset(r.Min.X, y):][:4*r.Dx()], want.Pix[want.PixOffset(r.Min.X, y):][:4*r.Dx()]) {
				t.Fatalf("%v: line %d differs", r, y)
			}
		}
	}
}

// A grid of JPEGs is one picture, whatever the optimisation file says.
func TestVMS_Pixels(t *testing.T) {
	at := func(row int, v uint64) func([]byte) []byte {
		return func(b []byte) []byte { binary.LittleEndian.PutUint64(b[hintBytes*row:], v); return b }
	}
	for name, c := range map[string]struct {
		opt   func([]byte) []byte
		wrong bool // hints of the first JPEG are not believed
	}{
		"as it is": {func(b []byte) []byte { return b }, false},
		"none":     {nil, false}, "empty": {func([]byte) []byte { return nil }, false},
		"cut off":             {func(b []byte) []byte { return b[:3*hintBytes+5] }, false},
		"behind end":          {at(4, 1<<40), true},
		"a byte off":          {func(b []byte) []byte { b[hintBytes*7]++; return b }, true},
		"a row unknown":       {at(9, 0), false},
		"of the row before":   {func(b []byte) []byte { copy(b[hintBytes*6:], b[hintBytes*5:hintBytes*6]); return b }, true},
		"first in the header": {at(0, 3), false},
	} {
		t.Run(name, func(t *testing.T) {
			m := made2x3(t)
			m.opt = c.opt
			s, want := mustOpen(t, m)
			f := s.(*manyFiles).grids[0].(*sheet).files[0]
			equal(t, s, want[0])
			if f.wrong != c.wrong {
				t.Errorf("hints wrong: %v", f.wrong)
			}
			if searched := f.scanned.starts != nil; searched != (c.wrong || f.heads == nil) {
				t.Errorf("the JPEG was searched for markers: %v", searched)
			}
		})
	}
}

func TestVMS_Planes(t *testing.T) {
	m := made2x3(t)
	m.planes = 3
	s, want := mustOpen(t, m)
	p := s.(tiles.Planar)
	if in := s.Info(); fmt.Sprint(in.ZPlanes) != "[0 2 4]" || len(in.Warnings) != 0 {
		t.Errorf("planes %v, warnings %q", in.ZPlanes, in.Warnings)
	}
	for z := range want {
		v, err := tiles.NewView(p, tiles.Display{Z: z})
		if err != nil {
			t.Fatal(err)
		}
		got := image.NewRGBA(want[z].Rect)
		if err := tiles.ReadRegion(context.Background(), v, 0, 0, 0, got); err != nil || !bytes.Equal(got.Pix, want[z].Pix) {
			t.Errorf("plane %d differs: %v", z, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestVMS_Info(t *testing.T) {
	s, _ := mustOpen(t, made2x3(t))
	defer s.Close()
	in := s.Info()
	if in.Objective != 20 || in.MPPX != 0.46 || in.MPPFrom != "hamamatsu.PhysicalWidth" || len(in.Warnings) != 0 || fmt.Sprint(in.Associated) != "[macro]" {
		t.Errorf("%+v", in)
	}
	for k, want := range map[string]string{"hamamatsu.SourceLens": "20", "hamamatsu.ImageFile(1,2)": "img_0_1_2.jpg", "openslide.vendor": "hamamatsu", "openslide.mpp-x": "0.46"} {
		if in.Properties[k] != want {
			t.Errorf("%s is %q", k, in.Properties[k])
		}
	}
	if l := s.Levels(); len(l) != 2 || l[1].Width != 64 || l[1].Height != 192 {
		t.Errorf("levels %+v", l)
	}
	// Another picture under the same index is another slide.
	m := made2x3(t)
	m.segments = func(cols, rows, first int) segments { return pieces(t, cols, rows, first+1) }
	o, _ := mustOpen(t, m)
	defer o.Close()
	if o.Info().Fingerprint == in.Fingerprint {
		t.Error("slides of other images have one fingerprint")
	}
}

// replaced replaces a text that must be there.
func replaced(from, to string) func(string) string {
	return func(s string) string {
		if !strings.Contains(s, from) {
			panic("the index has no " + from)
		}
		return strings.Replace(s, from, to, 1)
	}
}

// brokenIndexes must not open; the error names what is wrong.
var brokenIndexes = map[string]struct {
	edit func(string) string
	want string
}{
	"no columns":      {replaced("NoJpegColumns=2\r\n", ""), "0×3 images"},
	"columns 0":       {replaced("NoJpegColumns=2", "NoJpegColumns=0"), "NoJpegColumns=0"},
	"columns -1":      {replaced("NoJpegColumns=2", "NoJpegColumns=-1"), "NoJpegColumns=-1"},
	"a billion":       {replaced("NoJpegColumns=2\r\nNoJpegRows=3", "NoJpegColumns=511\r\nNoJpegRows=511"), "511×511"},
	"overflow":        {replaced("NoJpegColumns=2", "NoJpegColumns=99999999999999999999"), "NoJpegColumns"},
	"layers":          {replaced("NoLayers=1", "NoLayers=500"), "500 focal planes"},
	"fewer columns":   {replaced("NoJpegColumns=2", "NoJpegColumns=1"), "outside the 1×3"},
	"more columns":    {replaced("NoJpegColumns=2", "NoJpegColumns=3"), "is not named"},
	"named twice":     {replaced("ImageFile(1,0)", "ImageFile(0,0)"), "named twice"},
	"place":           {replaced("ImageFile(1,0)", "ImageFile(x,0)"), "place of an image"},
	"negative place":  {replaced("ImageFile(1,0)", "ImageFile(-1,0)"), "place of an image"},
	"dimensions":      {replaced("ImageFile(1,0)", "ImageFile(0,1,0,0)"), "4 dimensions"},
	"file is missing": {replaced("img_0_1_0.jpg", "img_0_9_0.jpg"), "img_0_9_0.jpg: the file is missing"},
	"outside":         {replaced("img_0_1_0.jpg", "../img.jpg"), "leads out"},
	"absolute":        {replaced("img_0_1_0.jpg", "/etc/passwd"), "leads out"},
	"drive":           {replaced("img_0_1_0.jpg", `C:\img.jpg`), "leads out"},
	"no JPEG":         {replaced("img_0_1_0.jpg", "slide.vms"), "JPEG"},
	"empty file":      {replaced("img_0_1_0.jpg", "."), "leads out"},
	"does not fit":    {replaced("img_0_1_0.jpg", "img_0_0_0.jpg"), "does not fit"},
	"not cut":         {replaced("img_0_1_0.jpg", "macro.jpg"), "without restart markers"},
	"too many keys":   {func(s string) string { return s[:31] + many(5000) }, "more than 4096 keys"},
	"NGR bits":        {replaced("[Virtual", "[Uncompressed Virtual"), "bits per pixel"},
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d=1\n", i)
	}
	return b.String()
}

func TestVMS_Broken(t *testing.T) {
	for name, c := range brokenIndexes {
		t.Run(name, func(t *testing.T) {
			m := made2x3(t)
			m.index = c.edit
			path, _ := m.make(t)
			_, err := openIndex(t, path, pure)
			var f *tiles.FormatError
			var u *tiles.UnsupportedError
			if !errors.As(err, &f) && !errors.As(err, &u) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want …%s…", err, c.want)
			}
		})
	}
}

// Odd, but readable.
func TestVMS_Warned(t *testing.T) {
	for name, c := range map[string]struct {
		planes int
		edit   func(string) string
		want   string
	}{
		"no map file": {1, replaced("map.jpg", "gone.jpg"), "gone.jpg"}, "no macro": {1, replaced("MacroImage=macro.jpg", "MacroImage=../x.jpg"), "macro image left out"},
		"no opt": {1, replaced("slide.opt", "gone.opt"), "gone.opt"}, "lens": {1, replaced("SourceLens=20", "SourceLens=much"), "much"},
		"size": {1, replaced("PhysicalWidth=", "PhysicalWidth=0"), ""}, "no size": {1, replaced("PhysicalWidth=", "Width="), "physical size"},
		"a plane of another size": {2, replaced("img_1_1_0.jpg", "img_0_0_0.jpg"), "focal plane 1 left out"},
		"map of another shape":    {1, replaced("MapFile=map.jpg", "MapFile=macro.jpg"), "does not follow"},
		"planes without spacing":  {2, replaced("LayerSpacing", "L"), "1 µm"},
	} {
		t.Run(name, func(t *testing.T) {
			m := made2x3(t)
			m.planes, m.index = c.planes, c.edit
			s, _ := mustOpen(t, m)
			if w := strings.Join(s.Info().Warnings, "\n"); !strings.Contains(w, c.want) {
				t.Errorf("warnings %q", w)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// An image file that is cut while open gives tile errors there and nowhere else.
func TestVMS_FileCut(t *testing.T) {
	m := made2x3(t)
	path, _ := m.make(t)
	s, err := openIndex(t, path, pure)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := os.Truncate(filepath.Join(filepath.Dir(path), "img_0_1_2.jpg"), 700); err != nil {
		t.Fatal(err)
	}
	got := image.NewRGBA(image.Rect(0, 0, 40, 40))
	if err := tiles.ReadRegion(context.Background(), s, 0, 0, 0, got); err != nil {
		t.Error(err)
	}
	var te *tiles.TileError
	if err := tiles.ReadRegion(context.Background(), s, 0, 200, 700, got); !errors.As(err, &te) {
		t.Errorf("got %v", err)
	}
}

func TestComment(t *testing.T) {
	one := encoded(t, image.NewRGBA(image.Rect(0, 0, 8, 8)))
	with := append([]byte{0xff, 0xd8, 0xff, 0xfe, 0, 8, 'm', 'a', 'd', 'e', 0, 'x'}, one[2:]...)
	for want, data := range map[string][]byte{"": one, "made": with} {
		if got := comment(data); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	comment([]byte{0xff, 0xd8, 0xff, 0xfe, 0xff, 0xff, 1})
	comment([]byte{0xff, 0xd8, 0xff, 0xe0, 0, 0, 1, 2, 3})
}

func FuzzIndex(f *testing.F) {
	const good = "[Virtual Microscope Specimen]\r\nNoLayers=2\r\nNoJpegColumns=2\r\nNoJpegRows=1\r\nImageFile=a.jpg\nImageFile(1,0)=b.jpg\nImageFile(1,0,0)=c\nImageFile(1,1,0)=d\n[x]\nk=v"
	f.Add(good)
	f.Add("\ufeff[Uncompressed Virtual Microscope Specimen]\nBitsPerPixel=36\nPixelOrder=RGB\nImageFile=a.ngr")
	for _, to := range []string{"NoJpegRows=-1", "NoJpegRows=512", "NoJpegRows=1=2", "[", "NoJpegRows=\x00"} {
		f.Add(strings.Replace(good, "NoJpegRows=1", to, 1))
	}
	for _, to := range []string{"ImageFile(1,0", "ImageFile()", "ImageFile(1,)", "ImageFile(9,9,9,9)", "ImageFile(99999999999999999999,0)"} {
		f.Add(strings.Replace(good, "ImageFile(1,0)", to, 1))
	}
	f.Fuzz(func(t *testing.T, text string) {
		x, err := parseIndex(text)
		if err != nil {
			return
		}
		layers, err := x.layers()
		if err != nil {
			var fe *tiles.FormatError
			var ue *tiles.UnsupportedError
			if !errors.As(err, &fe) && !errors.As(err, &ue) {
				t.Fatalf("error of no known kind: %v", err)
			}
			return
		}
		n := 0
		for _, l := range layers {
			for _, name := range l.names {
				if n++; name == "" || n > maxFiles {
					t.Fatalf("image %d is %q", n, name)
				}
			}
		}
	})
}

// The hints of one JPEG, and the segments they lead to.
func FuzzHints(f *testing.F) {
	s := pieces(f, 3, 9, 0)
	data, starts := s.stream()
	var good []byte
	for r := range 8 {
		good = binary.LittleEndian.AppendUint64(good, uint64(starts[3*r]))
	}
	f.Add(good)
	f.Add(good[:24])
	f.Add(append(append([]byte{}, good[:24]...), bytes.Repeat([]byte{0xff}, 40)...))
	f.Add(bytes.Repeat(good[8:16], 9))
	want := image.NewRGBA(image.Rect(0, 0, 3*segW, 9*segH))
	for i, j := range s.jpegs {
		if err := pure.JPEG(want.SubImage(image.Rect(0, 0, segW, segH).Add(image.Pt(i%3*segW, i/3*segH))).(*image.RGBA), j, 3); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, hints []byte) {
		p, err := filePicture(tiles.NewSource("a.jpg", bytes.NewReader(data), int64(len(data))), pure)
		if err != nil {
			t.Fatal(err)
		}
		heads := make([]uint64, 9)
		for i := range heads {
			if len(hints) >= 8*i+8 {
				heads[i] = binary.LittleEndian.Uint64(hints[8*i:])
			}
		}
		h := &hinted{strip: newStrip(p), heads: heads}
		got := image.NewRGBA(want.Rect)
		for y := 0; y < got.Rect.Dy(); y += 40 {
			r := image.Rect(0, y, got.Rect.Dx(), min(y+40, got.Rect.Dy()))
			if err := h.readPart(t.Context(), r, got.SubImage(r).(*image.RGBA)); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(got.Pix, want.Pix) {
			t.Fatal("hints change the picture")
		}
	})
}
