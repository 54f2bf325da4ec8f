package czi

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/slidetest"
)

func TestConformance(t *testing.T) {
	for name, pack := range map[string]int{"raw": packNone, "zstd": packZstd0} {
		p := save(t, colourSlide(t, pack).bytes())
		t.Run(name, func(t *testing.T) {
			slidetest.Run(t, func(t testing.TB) tiles.Slide { return openPath(t, p) })
		})
	}
	p := save(t, greySlide(t).bytes())
	t.Run("grey", func(t *testing.T) {
		slidetest.RunPlanar(t, func(t testing.TB) tiles.Planar { return openPath(t, p).(tiles.Planar) })
	})
}

// Each pixel of each level is where the scenes put it; between them is nothing.
func TestColour_Pixels(t *testing.T) {
	s := openPath(t, save(t, colourSlide(t, packZstd0).bytes()))
	defer s.Close()
	if n := len(s.Levels()); n != 3 {
		t.Fatalf("%d levels", n)
	}
	canvas := image.Rect(-1000, 200, 1120, 1280)
	for i, l := range s.Levels() {
		step := 1 << i
		if l.Width != canvas.Dx()/step || l.Height != canvas.Dy()/step || l.Downsample != float64(step) {
			t.Errorf("level %d: %+v", i, l)
		}
		for row := range l.Rows() {
			for col := range l.Cols() {
				r := l.TileRect(col, row)
				m := image.NewRGBA(image.Rectangle{Max: r.Size()})
				if err := s.ReadTile(context.Background(), tiles.Key{Level: i, Col: col, Row: row}, m); err != nil && !errors.Is(err, tiles.ErrMissing) {
					t.Fatal(err)
				}
				for y := 0; y < r.Dy(); y += 3 {
					for x := 0; x < r.Dx(); x += 3 {
						at := image.Pt(canvas.Min.X+(r.Min.X+x)*step, canvas.Min.Y+(r.Min.Y+y)*step)
						want := color.RGBA{255, 255, 255, 255}
						if at.In(image.Rect(-1000, 200, 120, 1080)) || at.In(image.Rect(0, 400, 1120, 1280)) {
							c := colourAt(at.X, at.Y)
							want = color.RGBA{c[2], c[1], c[0], 255}
						}
						if got := m.RGBAAt(x, y); got != want {
							t.Fatalf("level %d %v: %v, want %v", i, at, got, want)
						}
					}
				}
			}
		}
	}
	in := s.Info()
	if in.MPPX != 0.22 || in.MPPY != 0.23 || in.Objective != 20 || in.Properties["openslide.region[1].x"] != "1000" || in.Properties["zeiss.Scaling.Items.Distance[X].Value"] != "2.2e-07" {
		t.Errorf("%+v", in)
	}
}

func TestGrey_Channels(t *testing.T) {
	s := openPath(t, save(t, greySlide(t).bytes())).(tiles.Planar)
	defer s.Close()
	st := s.Stack()
	if len(st.Channels) != 3 || st.Z != 2 || st.T != 2 {
		t.Fatalf("%+v", st)
	}
	c := st.Channels
	if c[0].Name != "DAPI" || c[0].Color != (color.RGBA{B: 255, A: 255}) || c[0].Excitation != 353 || c[0].Emission != 465 || c[0].Gamma != 0.45 || c[0].Low != 6553.5 || c[0].High != 32767.5 {
		t.Errorf("%+v", c[0])
	}
	if !c[1].Hidden || c[1].Color != (color.RGBA{G: 255, A: 255}) || c[2].Hidden || c[2].Name != "AF647" || c[2].Low != c[2].High {
		t.Errorf("%+v %+v", c[1], c[2])
	}
	if z := s.Info().ZPlanes; z[1] != 2 {
		t.Errorf("focal planes %v", z)
	}
	for ch := range 3 {
		for z := range 2 {
			for tp := range 2 {
				r := c[ch].Raster(260, 300)
				if err := s.ReadPlane(context.Background(), tiles.Key{}, tiles.Plane{Channel: ch, Z: z, T: tp}, r); err != nil {
					t.Fatal(err)
				}
				for i, v := range r.Uint16 {
					if want := greyAt(ch, z, tp, i%260, i/260); int(v) != want {
						t.Fatalf("plane %d %d %d sample %d: %d, want %d", ch, z, tp, i, v, want)
					}
				}
			}
		}
	}
}

// Of two that overlap, the one of the higher mosaic index is on top, whatever
// their order in the file.
func TestOverlap(t *testing.T) {
	for _, order := range [][2]int{{0, 1}, {1, 0}} {
		w := newBuilder()
		for _, m := range order {
			w.add(t, block{x: 50 * m, w: 100, h: 100, s: 0, m: m, pixel: gray8, data: bytes.Repeat([]byte{byte(100 + m)}, 100*100)})
		}
		s := openPath(t, save(t, w.bytes())).(tiles.Planar)
		r := s.Stack().Channels[0].Raster(150, 100)
		if err := s.ReadPlane(context.Background(), tiles.Key{}, tiles.Plane{}, r); err != nil || r.Uint16[49] != 100 || r.Uint16[50] != 101 || r.Uint16[99] != 101 {
			t.Errorf("%v: %v %d %d %d", order, err, r.Uint16[49], r.Uint16[50], r.Uint16[99])
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestPixelTypes(t *testing.T) {
	const n = 20 * 10
	many := func(size int) []byte {
		b := make([]byte, n*size)
		for i := range b {
			b[i] = byte(i*7 + i/256)
		}
		return b
	}
	one := func(pixel int, data []byte) tiles.Slide {
		w := newBuilder()
		w.add(t, block{w: 20, h: 10, s: -1, m: -1, pixel: pixel, data: data})
		return openPath(t, save(t, w.bytes()))
	}
	f := one(gray32f, floats(n, func(i int) float32 { return float32(i) / 3 })).(tiles.Planar)
	r := f.Stack().Channels[0].Raster(20, 10)
	if err := f.ReadPlane(context.Background(), tiles.Key{}, tiles.Plane{}, r); err != nil || r.Float32[100] != float32(100)/3 {
		t.Errorf("%v %v", err, r.Float32[100])
	}
	for pixel, at := range map[int][3]int{bgr48: {5, 3, 1}, bgra32: {2, 1, 0}} {
		data := many(pixelBytes(int32(pixel)))
		s := one(pixel, data)
		m := image.NewRGBA(image.Rect(0, 0, 20, 10))
		p := data[7*pixelBytes(int32(pixel)):]
		if err := s.ReadTile(context.Background(), tiles.Key{}, m); err != nil || m.RGBAAt(7, 0) != (color.RGBA{p[at[0]], p[at[1]], p[at[2]], 255}) {
			t.Errorf("type %d: %v %v", pixel, err, m.RGBAAt(7, 0))
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func TestAttachments(t *testing.T) {
	m := image.NewRGBA(image.Rect(0, 0, 64, 48))
	tiles.Fill(m, color.NRGBA{R: 10, G: 200, B: 30, A: 255})
	jpeg, err := codec.Default().EncodeJPEG(m, 95, "420")
	if err != nil {
		t.Fatal(err)
	}
	inner := newBuilder()
	inner.add(t, block{x: 5, y: 6, w: 600, h: 30, s: -1, m: 0, pixel: bgr24, data: bgr(5, 6, 600, 30, 1)})
	w := colourSlide(t, packZstd0)
	w.attach = []attached{{"Label", "CZI", inner.bytes()}, {"Thumbnail", "JPG", jpeg}, {"SlidePreview", "CZI", []byte("rubbish")}, {"EventList", "CZEVL", nil}}
	s := openPath(t, save(t, w.bytes()))
	defer s.Close()
	if got := strings.Join(s.Info().Associated, " "); got != "label macro thumbnail" {
		t.Errorf("%s", got)
	}
	label, err := s.AssociatedImage(context.Background(), "label")
	if c := colourAt(5+550, 6+20); err != nil || label.Rect.Dx() != 600 || label.RGBAAt(550, 20) != (color.RGBA{c[2], c[1], c[0], 255}) {
		t.Errorf("label: %v", err)
	}
	thumb, err := s.AssociatedImage(context.Background(), "thumbnail")
	if err != nil || thumb.Rect.Dx() != 64 {
		t.Errorf("thumbnail: %v", err)
	}
	if _, err := s.AssociatedImage(context.Background(), "macro"); !typed(err) {
		t.Errorf("macro: %v", err)
	}
}

// typed says whether an error is one that package tiles promises.
func typed(err error) bool {
	var f *tiles.FormatError
	var u *tiles.UnsupportedError
	return errors.As(err, &f) || errors.As(err, &u)
}

func TestBroken(t *testing.T) {
	good := colourSlide(t, packZstd0).bytes()
	dir := int(le.Uint64(good[segmentHeader+52:]))
	first := dir + segmentHeader + directoryData // the first entry
	one := func(b block) []byte {
		w := newBuilder()
		w.add(t, b)
		return w.bytes()
	}
	big := []byte{255, 255, 255, 127}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"cut in the header":    {good[:60], "reaches behind"},
		"cut":                  {good[:dir], "reaches behind"},
		"version":              {edit(good, segmentHeader, 2), "version 2"},
		"part":                 {edit(good, segmentHeader+48, 1), "part 1"},
		"part by name":         {edit(good, segmentHeader+16, 'x'), "of several"},
		"no directory":         {edit(good, segmentHeader+52, 0, 0, 0, 0), "no directory"},
		"directory elsewhere":  {edit(good, segmentHeader+52, 32, 0, 0, 0), "not ZISRAWDIRECTORY"},
		"directory behind end": {edit(good, segmentHeader+52, big...), "reaches behind"},
		"directory negative":   {edit(good, segmentHeader+59, 255), "reaches behind"},
		"count":                {edit(good, dir+segmentHeader, big...), "2147483647 sub-blocks"},
		"count 0":              {edit(good, dir+segmentHeader, 0), "0 sub-blocks"},
		"count negative":       {edit(good, dir+segmentHeader, 255, 255, 255, 255), "-1 sub-blocks"},
		"count too high":       {edit(good, dir+segmentHeader, byte(good[dir+segmentHeader]+1)), `kind "\x00\x00"`},
		"entry kind":           {edit(good, first, 'D', 'E'), `"DE"`},
		"entry part":           {edit(good, first+14, 3), "part 3"},
		"dimensions":           {edit(good, first+28, 99), "99 dimensions"},
		"width 0":              {edit(good, first+entryHead+8, 0, 0, 0, 0), "0×320"},
		"width 2^31":           {edit(good, first+entryHead+8, big...), "2147483647×320"},
		"position":             {edit(good, first+entryHead+4, big...), "at (2147483647"},
		"stored as more":       {edit(good, first+entryHead+16, 0, 2), "stored as more"},
		"pixel type":           {one(block{w: 4, h: 4, s: -1, m: -1, pixel: gray64c, data: make([]byte, 256)}), "Gray64ComplexFloat"},
		"only a pyramid":       {one(block{w: 400, h: 400, sw: 200, sh: 200, s: -1, m: -1, pixel: gray8, data: make([]byte, 40000)}), "full resolution"},
		"huge sub-block":       {one(block{w: 100000, h: 100000, s: -1, m: -1, pixel: gray8}), "too large"},
	} {
		p := save(t, c.data)
		var err error
		slidetest.Cheap(t, 16<<20, func() {
			var s tiles.Slide
			if s, err = tryPath(p, codec.Default()); err == nil {
				s.Close()
			}
		})
		if err == nil || !typed(err) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v (%T), want …%s…", name, err, err, c.want)
		}
	}
}

// Sub-blocks heaped up or spread without end are refused before they fill the
// memory.
func TestBroken_Heaps(t *testing.T) {
	w := newBuilder()
	w.add(t, block{w: 100, h: 100, s: -1, m: -1, pixel: gray8, data: make([]byte, 10000)})
	for range maxHeap {
		w.entries = append(w.entries, (&block{w: 100, h: 100, sw: 100, sh: 100, s: -1, m: -1}).entry(512)...)
		w.count++
	}
	if _, err := tryPath(save(t, w.bytes()), codec.Default()); err == nil || !strings.Contains(err.Error(), "lie near") {
		t.Errorf("heap: %v", err)
	}
	w = newBuilder()
	w.add(t, block{w: 100, h: 100, s: -1, m: -1, pixel: gray8, data: make([]byte, 10000)})
	w.entries = append(w.entries, (&block{x: 1 << 28, y: 1 << 28, w: 100, h: 100, sw: 100, sh: 100, s: -1, m: -1}).entry(512)...)
	w.count++
	if _, err := tryPath(save(t, w.bytes()), codec.Default()); err == nil || !strings.Contains(err.Error(), "tiles, more than") {
		t.Errorf("spread: %v", err)
	}
}

// One bad sub-block never stops the slide; bad metadata are told of.
func TestBroken_Parts(t *testing.T) {
	w := newBuilder()
	for i := range 2 {
		w.add(t, block{x: 512 * i, w: 512, h: 512, s: 0, m: i, pixel: gray8, pack: packZstd0, data: bytes.Repeat([]byte{9, 8, 7, byte(i)}, 512*128)})
	}
	w.xml = "<ImageDocument><Metadata><Scaling>"
	good := w.bytes()
	at := bytes.Index(good, []byte(idSubBlock))
	entry := int(le.Uint64(good[segmentHeader+52:])) + segmentHeader + directoryData
	for name, data := range map[string][]byte{
		"name":        edit(good, at, 'X'),
		"length":      edit(good, at+segmentHeader+8, 255, 255, 255, 127),
		"metadata":    edit(good, at+segmentHeader, 255, 255, 255, 255),
		"pixels":      edit(good, at+segmentHeader+blockLeast+7, 1, 2, 3, 4, 5, 6, 7, 8),
		"compression": edit(good, entry+18, 99),
		"LZW":         edit(good, entry+18, packLZW),
		"JPEG":        edit(good, entry+18, packJPEG),
		"JPEG XR":     edit(good, entry+18, packJXR),
		"raw":         edit(good, entry+18, packNone),
		"position":    edit(good, entry+6, 255, 255, 255, 127),
	} {
		s := openPath(t, save(t, data)).(tiles.Planar)
		r := s.Stack().Channels[0].Raster(512, 512)
		var te *tiles.TileError
		if err := s.ReadPlane(context.Background(), tiles.Key{}, tiles.Plane{}, r); !errors.As(err, &te) {
			t.Errorf("%s: %v", name, err)
		}
		if err := s.ReadPlane(context.Background(), tiles.Key{Col: 1}, tiles.Plane{}, r); err != nil || r.Uint16[3] != 1 {
			t.Errorf("%s: the next tile: %v", name, err)
		}
		if !strings.Contains(strings.Join(s.Info().Warnings, "\n"), "metadata are left out") {
			t.Errorf("%s: %q", name, s.Info().Warnings)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Without libjxr the error names what is missing and what to install.
func TestJPEGXR_Missing(t *testing.T) {
	w := newBuilder()
	w.add(t, block{w: 8, h: 8, s: -1, m: -1, pixel: gray8, pack: packJXR, data: make([]byte, 64)})
	_, err := tryPath(save(t, w.bytes()), codec.Safe())
	var u *tiles.UnsupportedError
	if !errors.As(err, &u) || !strings.Contains(u.What, "JPEG XR") || !strings.Contains(u.Hint, "libjxr") {
		t.Errorf("%v", err)
	}
	// Where other parts can be read, they are, and a warning tells.
	w.add(t, block{x: 8, w: 8, h: 8, s: -1, m: -1, pixel: gray8, data: make([]byte, 64)})
	s, err := tryPath(save(t, w.bytes()), codec.Safe())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if !strings.Contains(strings.Join(s.Info().Warnings, "\n"), "1 of 2 sub-blocks cannot be decoded") {
		t.Errorf("%q", s.Info().Warnings)
	}
}

func FuzzOpen(f *testing.F) {
	small := newBuilder()
	small.add(f, block{w: 30, h: 20, s: 0, m: 0, pixel: bgr24, pack: packZstd0, data: bgr(0, 0, 30, 20, 1)})
	small.add(f, block{w: 30, h: 20, sw: 15, sh: 10, s: 0, m: -1, pixel: bgr24, data: bgr(0, 0, 15, 10, 2)})
	small.xml = greySlide(f).xml
	small.attach = []attached{{"Label", "CZI", nil}, {"Thumbnail", "JPG", []byte{0xff, 0xd8}}}
	good := small.bytes()
	f.Add(good)
	f.Add(edit(good, int(le.Uint64(good[segmentHeader+52:]))+segmentHeader, 9))
	grey := newBuilder()
	grey.add(f, block{w: 9, h: 9, c: 3, z: -1, s: -1, m: -1, pixel: gray16, pack: packZstd1, data: make([]byte, 162)})
	f.Add(grey.bytes())
	codecs := codec.Safe() // C libraries have fuzzers of their own
	f.Fuzz(func(t *testing.T, data []byte) {
		src := tiles.NewSource("a.czi", bytes.NewReader(data), int64(len(data)))
		if detect(src) != nil {
			return
		}
		s, err := open(context.Background(), src, codecs)
		if err != nil {
			if !typed(err) {
				t.Errorf("%T: %v", err, err)
			}
			return
		}
		for i, l := range s.Levels() {
			r := l.TileRect(0, 0)
			if err := s.ReadTile(context.Background(), tiles.Key{Level: i}, image.NewRGBA(image.Rectangle{Max: r.Size()})); err != nil && i > 3 {
				break
			}
		}
		for _, a := range s.Info().Associated {
			if _, err := s.AssociatedImage(context.Background(), a); err != nil {
				t.Log(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func BenchmarkTile(b *testing.B) {
	s := openPath(b, save(b, colourSlide(b, packZstd0).bytes()))
	defer s.Close()
	m := image.NewRGBA(image.Rect(0, 0, tileSide, tileSide))
	b.ReportAllocs()
	for b.Loop() {
		if err := s.ReadTile(context.Background(), tiles.Key{}, m); err != nil {
			b.Fatal(err)
		}
	}
}

// Metadata meant to fill the memory are left out; the slide opens without them.
func TestBroken_Metadata(t *testing.T) {
	for what, c := range map[string]struct{ xml, want string }{
		"bomb": {`<!DOCTYPE z [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><ImageDocument>&b;</ImageDocument>`, "entity"},
		"deep": {"<ImageDocument>" + strings.Repeat("<a>", 100_000) + strings.Repeat("</a>", 100_000) + "</ImageDocument>", "left out"},
		"cut":  {"<ImageDocument><Metadata", "left out"},
		"long": {"<ImageDocument>" + strings.Repeat(" ", maxXML), "bytes of XML"},
	} {
		w := newBuilder()
		w.add(t, block{w: 64, h: 64, s: -1, m: -1, pixel: gray8, data: make([]byte, 64*64)})
		w.xml = c.xml
		p := save(t, w.bytes())
		var s tiles.Slide
		slidetest.Cheap(t, 0, func() { s = openPath(t, p) })
		if got := strings.Join(s.Info().Warnings, "\n"); !strings.Contains(got, c.want) {
			t.Errorf("%s: warnings %q", what, got)
		}
		if err := s.ReadTile(context.Background(), tiles.Key{}, image.NewRGBA(image.Rect(0, 0, 64, 64))); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
