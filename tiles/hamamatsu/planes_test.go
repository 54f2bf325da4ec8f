package hamamatsu

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/slidetest"
)

// stacked is a slide of three focal planes of two levels each, whose pieces are
// shifted by the number of the plane; that at +2 µm lacks the smaller level.
func stacked(t testing.TB) *maker {
	m := newMaker(t, 0)
	for i, nm := range []int32{0, 2000, -2000} {
		z := entry{tagFocalPlane, 9, 1, uint64(uint32(nm))}
		m.cut(pieces(t, 5, 6, i), 20, tagStarts, z)
		if nm <= 0 {
			m.any(encoded(t, image.NewRGBA(image.Rect(0, 0, 40, 24))), 40, 24, 4, z)
		}
	}
	return m
}

func planar(t testing.TB, m *maker) tiles.Planar {
	t.Helper()
	p, ok := openMade(t, m).(tiles.Planar)
	if !ok {
		t.Fatal("no tiles.Planar")
	}
	return p
}

func TestStack_Conformance(t *testing.T) {
	slidetest.RunPlanar(t, func(t testing.TB) tiles.Planar { return planar(t, stacked(t)) })
}

func TestStack_Planes(t *testing.T) {
	s := planar(t, stacked(t))
	if st := s.Stack(); !st.InColor || st.Z != 3 || st.T != 1 || st.DefaultZ != 1 || len(st.Channels) != 0 {
		t.Fatalf("%+v", st)
	}
	if z := s.Info().ZPlanes; !slices.Equal(z, []float64{-2, 0, 2}) || len(s.Info().Warnings) != 0 {
		t.Fatalf("planes at %v µm, warnings %q", z, s.Info().Warnings)
	}
	r := s.Levels()[0].TileRect(0, 0)
	for z, first := range []int{2, 0, 1} {
		got := &tiles.Raster{Width: r.Dx(), Height: r.Dy(), RGBA: image.NewRGBA(r)}
		if err := s.ReadPlane(context.Background(), tiles.Key{}, tiles.Plane{Z: z}, got); err != nil {
			t.Fatal(err)
		}
		want := image.NewRGBA(image.Rect(0, 0, segW, segH))
		if err := pure.JPEG(want, encoded(t, piece(first, 0)), 3); err != nil {
			t.Fatal(err)
		}
		for y := range segH {
			if !bytes.Equal(got.RGBA.Pix[y*got.RGBA.Stride:][:4*segW], want.Pix[y*want.Stride:][:4*segW]) {
				t.Fatalf("plane %d, line %d is another plane's", z, y)
			}
		}
	}
	l := s.Levels()[1].TileRect(0, 0)
	got := &tiles.Raster{Width: l.Dx(), Height: l.Dy(), RGBA: image.NewRGBA(l)}
	if err := s.ReadPlane(context.Background(), tiles.Key{Level: 1}, tiles.Plane{Z: 2}, got); !errors.Is(err, tiles.ErrMissing) || got.RGBA.Pix[0] != 255 {
		t.Errorf("a level that the plane lacks: %v, %v", err, got.RGBA.Pix[:4])
	}
}

// What is shown of a stack is what OpenSlide shows, which knows one plane.
func TestStack_EqualsOpenSlide(t *testing.T) {
	m := newMaker(t, 0)
	for i, nm := range []int32{-1000, 0, 1000} {
		s := tissue(t, 2, 40, 512, 8, "422")
		s.jpegs = append(s.jpegs[7*i:len(s.jpegs):len(s.jpegs)], s.jpegs[:7*i]...)
		m.cut(s, 40, tagStarts, entry{tagFocalPlane, 9, 1, uint64(uint32(nm))})
	}
	path := m.file("stack.ndpi")
	ours := openFile(t, path)
	if p, ok := ours.(tiles.Planar); !ok || p.Stack().DefaultZ != 1 {
		t.Fatal("no stack whose middle plane is shown")
	}
	same(t, ours, peer(t, path), 0, image.Rect(100, 50, 900, 300))
}

// fluorescent is one channel: its signal lies in one component.
func fluorescent(t testing.TB, filter string, nm float32, band int, more ...entry) *maker {
	m := newMaker(t, 0)
	img := image.NewRGBA(image.Rect(0, 0, segW, segH))
	for i := 0; i < len(img.Pix); i += 4 {
		img.Pix[i+band], img.Pix[i+3] = byte(i/16), 255
	}
	s := segments{cols: 5, rows: 6, w: segW, h: segH, restart: segW / 16}
	for range s.cols * s.rows {
		s.jpegs = append(s.jpegs, encoded(t, img))
	}
	text := m.put([]byte(filter + "\x00"))
	m.cut(s, 20, tagStarts, append(more, entry{tagFluorescence, 2, uint32(len(filter) + 1), text},
		entry{tagEmission, 11, 1, uint64(math.Float32bits(nm))})...)
	return m
}

// writeSet writes a set and its files into one folder and returns its path.
func writeSet(t testing.TB, text string, files map[string]*maker) string {
	t.Helper()
	dir := t.TempDir()
	for name, m := range files {
		if err := os.WriteFile(filepath.Join(dir, name), m.data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "slide.ndpis")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func setText(names ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\r\nNoImages=%d\r\n", setHead, len(names))
	for i, n := range names {
		fmt.Fprintf(&b, "Image%d=%s\r\n", i, n)
	}
	return b.String()
}

func openSetFile(t testing.TB, path string) (tiles.Planar, error) {
	t.Helper()
	src, err := tiles.OpenSource(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := FormatSet(codec.Default()).Open(context.Background(), src)
	if err != nil {
		if cerr := src.Close(); cerr != nil {
			t.Error(cerr)
		}
		return nil, err
	}
	return s.(tiles.Planar), nil
}

func threeChannels(t testing.TB) string {
	return writeSet(t, setText("a DAPI.ndpi", "b.ndpi", "c.ndpi"), map[string]*maker{
		"a DAPI.ndpi": fluorescent(t, "DAPI 2 (387)", 461, 2), "b.ndpi": fluorescent(t, "FITC 2 (485)", 520, 1), "c.ndpi": fluorescent(t, "far red", 900, 0),
	})
}

func TestSet_Conformance(t *testing.T) {
	path := threeChannels(t)
	slidetest.RunPlanar(t, func(t testing.TB) tiles.Planar {
		s, err := openSetFile(t, path)
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

func TestSet_Channels(t *testing.T) {
	s, err := openSetFile(t, threeChannels(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	st := s.Stack()
	if len(st.Channels) != 3 || st.InColor || st.Channels[0].Name != "DAPI 2 (387)" || st.Channels[1].Emission != 520 || st.Channels[2].Name != "far red" {
		t.Fatalf("%+v", st)
	}
	if blue, green := st.Channels[0].Color, st.Channels[1].Color; blue.B < blue.R || green.G < green.B {
		t.Errorf("colours %v", st.Channels)
	}
	in := s.Info()
	if in.Background != (color.NRGBA{A: 255}) || in.Format != setName || len(in.Warnings) != 0 || in.Fingerprint == "" {
		t.Errorf("%+v", in)
	}
	l := s.Levels()[0].TileRect(0, 0)
	for c := range st.Channels {
		dst := st.Channels[c].Raster(l.Dx(), l.Dy())
		if err := s.ReadPlane(context.Background(), tiles.Key{}, tiles.Plane{Channel: c}, dst); err != nil {
			t.Fatal(err)
		}
		// A ramp along the lines, darker at the top.
		if a, b := dst.Uint16[0], dst.Uint16[(segH-1)*l.Dx()+segW-1]; a > 12 || b < 110 || b > 140 {
			t.Errorf("channel %d runs from %d to %d", c, a, b)
		}
	}
}

func TestSet_Broken(t *testing.T) {
	good := map[string]*maker{"a.ndpi": fluorescent(t, "A", 461, 2), "b.ndpi": fluorescent(t, "B", 520, 1), "c.ndpi": made(t, 0, tagStarts), "d.ndpi": stacked(t)}
	for name, c := range map[string]struct {
		text, want string
		opens      bool
	}{
		"a file is missing":     {setText("a.ndpi", "gone.ndpi"), "gone.ndpi: the file is missing", true},
		"all are missing":       {setText("gone.ndpi"), "gone.ndpi: the file is missing", false},
		"leads out":             {setText("a.ndpi", "../../etc/passwd"), "leads out of the slide's folder", true},
		"an absolute name":      {setText("/etc/passwd"), "leads out of the slide's folder", false},
		"another pyramid":       {setText("a.ndpi", "c.ndpi"), "c.ndpi: its pyramid of 160×96 pixels", true},
		"another stack":         {setText("a.ndpi", "d.ndpi"), "d.ndpi: its pyramid", true},
		"itself":                {setText("slide.ndpis"), "slide.ndpis", false},
		"no count":              {setHead + "\r\nImage0=a.ndpi\r\n", `a set of "" images`, false},
		"too many":              {setHead + "\nNoImages=1000000000\nImage0=a.ndpi", `"1000000000" images`, false},
		"a name is left out":    {setHead + "\nNoImages=2\nImage0=a.ndpi", "image 1 of 2 is not named", false},
		"not a set":             {"[Virtual Microscope Specimen]\r\n", "does not begin with", false},
		"lines end without \\r": {setHead + "\nNoImages=2\nImage0=a.ndpi\nImage1=b.ndpi", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := openSetFile(t, writeSet(t, c.text, good))
			if !c.opens {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if got := strings.Join(s.Info().Warnings, "\n"); !strings.Contains(got, c.want) || (c.want == "") != (got == "") {
				t.Errorf("warnings %q", got)
			}
		})
	}
}

// The real channel that came with the task, as a set of one.
func TestSet_Real(t *testing.T) {
	from := slidetest.Shared(t, "ndpi/test3-TRITC-2-560.ndpi")
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	path := writeSet(t, setText("TRITC.ndpi"), map[string]*maker{"TRITC.ndpi": {data: data}})
	s, err := openSetFile(t, path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := s.Stack().Channels[0]
	if c.Name != "TRITC 2 (560)" || c.Emission != 622 || c.Excitation != 560 || s.Info().Associated[0] != "macro" {
		t.Errorf("%+v, %v", c, s.Info().Associated)
	}
	alone := openFile(t, from)
	r := s.Levels()[0].TileRect(0, 10)
	want, got := image.NewRGBA(r), c.Raster(r.Dx(), r.Dy())
	if err := alone.ReadTile(context.Background(), tiles.Key{Row: 10}, want); err != nil {
		t.Fatal(err)
	}
	if err := s.ReadPlane(context.Background(), tiles.Key{Row: 10}, tiles.Plane{}, got); err != nil {
		t.Fatal(err)
	}
	for i, v := range got.Uint16 {
		if v != uint16(want.Pix[4*i]) {
			t.Fatalf("sample %d is %d, red is %d", i, v, want.Pix[4*i])
		}
	}
}

func FuzzParseSet(f *testing.F) {
	f.Add(setText("a.ndpi", "b c.ndpi"))
	f.Add(setHead + "\nNoImages=-1\n")
	f.Add("NoImages=64\nImage63=x")
	f.Fuzz(func(t *testing.T, s string) {
		names, err := parseSet(s)
		if err == nil && (len(names) == 0 || len(names) > maxChannels || slices.Contains(names, "")) {
			t.Fatalf("accepted %q", names)
		}
	})
}
