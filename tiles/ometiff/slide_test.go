package ometiff

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/slidetest"
)

// made says what a test's file holds.
type made struct {
	z, c, t      int
	bits, format int
	samples      int    // of a pixel: channels in one directory
	planar       bool   // in planes of their own
	rows         int    // strips of so many rows instead of tiles
	deflate      bool   // tiles are packed
	photometric  int    // 0: by the samples
	typ          string // of OME
	channels     string // elements
	pixels       string // further attributes
	planes       string // further elements
	files        int    // files; 0 is 1
}

const wide, high, side = 200, 150, 64

// value is the sample of channel c (counted in samples) at (x, y) of a level.
func value(bits int, c, z, t, level, x, y int) float64 {
	v := x + 3*y + 1000*c + 300*z + 77*t + 5*level
	if bits == 8 {
		v %= 128
	}
	return float64(v)
}

// write writes the files and returns the path of the first.
func (m made) write(t testing.TB) string {
	t.Helper()
	if m.samples == 0 {
		m.samples = 1
	}
	m.files = max(1, m.files)
	dir := t.TempDir()
	name := func(i int) string { return fmt.Sprintf("slide-%d.ome.tif", i) }
	pages := make([][]slidetest.Page, m.files)
	var data strings.Builder
	n := 0
	for ti := range m.t {
		for z := range m.z {
			for c := range m.c / m.samples {
				page := func(level, w, h int) slidetest.Page {
					p := slidetest.Page{Width: w, Height: h, Bits: m.bits, Format: m.format, Samples: m.samples, Planar: m.planar, Tile: side, Photometric: m.photometric,
						Deflate: m.deflate, Sample: func(x, y, s int) float64 { return value(m.bits, c*m.samples+s, z, ti, level, x, y) }}
					if m.rows > 0 {
						p.Tile, p.Rows = 0, m.rows
					}
					return p
				}
				p := page(0, wide, high)
				if m.rows == 0 {
					p.Sub = []slidetest.Page{page(1, wide/2, high/2)}
				}
				file := n % m.files
				fmt.Fprintf(&data, `<TiffData IFD="%d" FirstC="%d" FirstZ="%d" FirstT="%d" PlaneCount="1"><UUID FileName="%s">urn:uuid:%d</UUID></TiffData>`, len(pages[file]), c, z, ti, name(file), file)
				pages[file] = append(pages[file], p)
				n++
			}
		}
	}
	for i := range pages {
		pages[i][0].Description = fmt.Sprintf(`<?xml version="1.0"?><OME UUID="urn:uuid:%d"><Instrument><Objective ID="o" NominalMagnification="20"/></Instrument>
<Image Name="it"><ObjectiveSettings ID="o"/><Pixels DimensionOrder="XYCZT" Type="%s" SizeX="%d" SizeY="%d" SizeZ="%d" SizeC="%d" SizeT="%d" PhysicalSizeX="0.5" PhysicalSizeY="0.0005" PhysicalSizeYUnit="mm" %s>%s%s%s</Pixels></Image></OME>`,
			i, m.typ, wide, high, m.z, m.c, m.t, m.pixels, m.channels, data.String(), m.planes)
		if err := os.WriteFile(filepath.Join(dir, name(i)), slidetest.BuildTIFF(t, pages[i]...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, name(0))
}

func openPath(t testing.TB, path string) (tiles.Slide, error) {
	t.Helper()
	src, err := tiles.OpenSource(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := open(context.Background(), src, codec.Default())
	if err != nil {
		if cerr := src.Close(); cerr != nil {
			t.Error(cerr)
		}
	}
	return s, err
}

func openPlanar(t testing.TB, path string) tiles.Planar {
	t.Helper()
	s, err := openPath(t, path)
	if err != nil {
		t.Fatal(err)
	}
	p, ok := s.(tiles.Planar)
	if !ok {
		t.Fatalf("%T is not Planar", s)
	}
	return p
}

// variants are files of every kind of sample and arrangement.
func variants() map[string]made {
	return map[string]made{
		"uint16":       {z: 1, c: 3, t: 1, bits: 16, typ: "uint16", pixels: `SignificantBits="14"`},
		"stack":        {z: 3, c: 2, t: 2, bits: 16, typ: "uint16", deflate: true},
		"uint8":        {z: 1, c: 2, t: 1, bits: 8, typ: "uint8"},
		"int8":         {z: 1, c: 2, t: 1, bits: 8, format: 2, typ: "int8"},
		"int16":        {z: 1, c: 1, t: 1, bits: 16, format: 2, typ: "int16"},
		"uint32":       {z: 1, c: 2, t: 1, bits: 32, typ: "uint32"},
		"float":        {z: 1, c: 2, t: 1, bits: 32, format: 3, typ: "float", deflate: true},
		"interleaved":  {z: 2, c: 5, t: 1, bits: 16, samples: 5, typ: "uint16", channels: `<Channel SamplesPerPixel="5"/>`},
		"planar":       {z: 1, c: 4, t: 1, bits: 16, samples: 4, planar: true, photometric: 1, typ: "uint16", channels: `<Channel SamplesPerPixel="4"/>`},
		"RGB 16":       {z: 1, c: 3, t: 1, bits: 16, samples: 3, typ: "uint16", channels: `<Channel SamplesPerPixel="3"/>`},
		"two RGB":      {z: 1, c: 6, t: 1, bits: 8, samples: 3, typ: "uint8", channels: `<Channel SamplesPerPixel="3"/><Channel SamplesPerPixel="3"/>`},
		"RGB stack":    {z: 3, c: 3, t: 1, bits: 8, samples: 3, typ: "uint8", channels: `<Channel SamplesPerPixel="3"/>`},
		"RGB planar":   {z: 1, c: 3, t: 2, bits: 8, samples: 3, planar: true, typ: "uint8"},
		"strips":       {z: 2, c: 2, t: 1, bits: 16, rows: 1, typ: "uint16"},
		"strips 7":     {z: 1, c: 3, t: 1, bits: 8, rows: 7, deflate: true, typ: "uint8"},
		"one strip":    {z: 1, c: 2, t: 1, bits: 16, rows: 150, typ: "uint16"},
		"three files":  {z: 3, c: 2, t: 1, bits: 16, files: 3, typ: "uint16"},
		"a file plane": {z: 1, c: 4, t: 1, bits: 16, files: 4, typ: "uint16"},
	}
}

// Every sample of every plane of every variant is what was written.
func TestVariants_Samples(t *testing.T) {
	for name, m := range variants() {
		t.Run(name, func(t *testing.T) {
			s := openPlanar(t, m.write(t))
			st := s.Stack()
			if st.Z != m.z || st.T != m.t || !st.InColor && len(st.Channels) != m.c {
				t.Fatalf("%+v", st)
			}
			if want := 2; m.rows == 0 && len(s.Levels()) != want {
				t.Fatalf("%d levels, warnings %q", len(s.Levels()), s.Info().Warnings)
			}
			for c := range max(1, len(st.Channels)) {
				for z := range m.z {
					for ti := range m.t {
						compare(t, s, m, tiles.Plane{Channel: c, Z: z, T: ti})
					}
				}
			}
			in := s.Info()
			if in.MPPX != 0.5 || in.MPPY != 0.5 || in.MPPFrom != "ome.PhysicalSizeX" || in.Objective != 20 {
				t.Errorf("%+v", in)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func compare(t *testing.T, s tiles.Planar, m made, p tiles.Plane) {
	t.Helper()
	for level, l := range s.Levels() {
		for i := range l.Cols() * l.Rows() {
			k := tiles.Key{Level: level, Col: i % l.Cols(), Row: i / l.Cols()}
			r := l.TileRect(k.Col, k.Row)
			got := &tiles.Raster{Width: r.Dx(), Height: r.Dy(), RGBA: image.NewRGBA(image.Rectangle{Max: r.Size()})}
			if !s.Stack().InColor {
				got = s.Stack().Channels[p.Channel].Raster(r.Dx(), r.Dy())
			}
			if err := s.ReadPlane(context.Background(), k, p, got); err != nil {
				t.Fatalf("%+v %+v: %v", k, p, err)
			}
			for j := range r.Dx() * r.Dy() {
				x, y := r.Min.X+j%r.Dx(), r.Min.Y+j/r.Dx()
				want := value(m.bits, p.Channel, p.Z, p.T, level, x, y)
				var have float64
				switch {
				case got.Uint16 != nil:
					have = float64(got.Uint16[j])
				case got.Float32 != nil:
					have = float64(got.Float32[j])
				default:
					have = float64(got.RGBA.Pix[4*j+2])
					want = value(m.bits, 2, p.Z, p.T, level, x, y)
				}
				if have != want {
					t.Fatalf("%+v %+v: sample at (%d,%d) is %v, written was %v", k, p, x, y, have, want)
				}
			}
		}
	}
}

func TestConformance(t *testing.T) {
	all := variants()
	for _, name := range []string{"uint16", "stack", "float", "RGB stack", "strips", "three files", "interleaved"} {
		t.Run(name, func(t *testing.T) {
			path := all[name].write(t)
			slidetest.RunPlanar(t, func(t testing.TB) tiles.Planar { return openPlanar(t, path) })
		})
	}
	t.Run("RGB", func(t *testing.T) {
		path := made{z: 1, c: 3, t: 1, bits: 8, samples: 3, typ: "uint8"}.write(t)
		slidetest.Run(t, func(t testing.TB) tiles.Slide {
			s, err := openPath(t, path)
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := s.(tiles.Planar); ok {
				t.Error("one picture in colour needs no planes")
			}
			return s
		})
	})
}

func TestChannels(t *testing.T) {
	m := made{z: 1, c: 3, t: 1, bits: 16, typ: "uint16", pixels: `SignificantBits="12"`,
		channels: `<Channel Name="DAPI" Color="16711935" ExcitationWavelength="358" EmissionWavelength="461"/><Channel Name="FITC"/><Channel/>`}
	st := openPlanar(t, m.write(t)).Stack()
	c := st.Channels
	if c[0].Color != (color.RGBA{R: 0, G: 255, B: 0, A: 255}) || c[0].Excitation != 358 || c[0].Emission != 461 || c[0].Bits != 12 {
		t.Errorf("%+v", c[0])
	}
	if !slices.Equal(tiles.ChannelNames(c), []string{"DAPI", "FITC", "Channel 3"}) || c[1].Color != tiles.ChannelColor("FITC", 0, 1) {
		t.Errorf("%+v", c)
	}
	// White throughout is what the schema assumes, not what anybody chose.
	m.channels = strings.Repeat(`<Channel Color="-1"/>`, 3)
	c = openPlanar(t, m.write(t)).Stack().Channels
	if c[0].Color == c[1].Color {
		t.Errorf("all channels are drawn in %v", c[0].Color)
	}
}

func TestFocalPlanes(t *testing.T) {
	base := made{z: 3, c: 1, t: 1, bits: 8, typ: "uint8"}
	for name, c := range map[string]struct {
		pixels, planes string
		want           []float64
		warned         bool
	}{
		"positions": {`PhysicalSizeZ="9"`, `<Plane TheZ="0" TheC="0" TheT="0" PositionZ="-1.5" PositionZUnit="µm"/><Plane TheZ="1" TheC="0" TheT="0" PositionZ="0" PositionZUnit="µm"/><Plane TheZ="2" TheC="0" TheT="0" PositionZ="0.002" PositionZUnit="mm"/>`, []float64{-1.5, 0, 2}, false},
		"step":      {`PhysicalSizeZ="800" PhysicalSizeZUnit="nm"`, `<Plane TheZ="0" TheC="0" TheT="0" PositionZ="7"/>`, []float64{0, 0.8, 1.6}, false},
		"unknown":   {"", "", []float64{0, 0, 0}, true},
	} {
		m := base
		m.pixels, m.planes = c.pixels, c.planes
		s := openPlanar(t, m.write(t))
		if got := s.Info().ZPlanes; !reflect.DeepEqual(got, c.want) || (len(s.Info().Warnings) > 0) != c.warned {
			t.Errorf("%s: %v, warnings %q", name, got, s.Info().Warnings)
		}
		if s.Stack().DefaultZ != 1 {
			t.Errorf("%s: focal plane %d is shown", name, s.Stack().DefaultZ)
		}
	}
}

// A file of several that is not there takes only its planes along.
func TestFiles_Missing(t *testing.T) {
	path := made{z: 1, c: 3, t: 1, bits: 16, files: 3, typ: "uint16"}.write(t)
	if err := os.Remove(filepath.Join(filepath.Dir(path), "slide-1.ome.tif")); err != nil {
		t.Fatal(err)
	}
	s := openPlanar(t, path)
	defer s.Close()
	if w := strings.Join(s.Info().Warnings, "; "); !strings.Contains(w, "slide-1.ome.tif") {
		t.Errorf("warnings %q", w)
	}
	for c, want := range []bool{true, false, true} {
		r := s.Stack().Channels[c].Raster(side, side)
		err := s.ReadPlane(context.Background(), tiles.Key{}, tiles.Plane{Channel: c}, r)
		var te *tiles.TileError
		if want != (err == nil) || !want && (!errors.As(err, &te) || !strings.Contains(err.Error(), "slide-1.ome.tif")) {
			t.Errorf("channel %d: %v", c, err)
		}
	}
}

// A file that was renamed is still itself; another's name is not it.
func TestFiles_Renamed(t *testing.T) {
	path := made{z: 1, c: 2, t: 1, bits: 16, typ: "uint16"}.write(t)
	renamed := filepath.Join(filepath.Dir(path), "Präparat 7.tif")
	if err := os.Rename(path, renamed); err != nil {
		t.Fatal(err)
	}
	compare(t, openPlanar(t, renamed), made{bits: 16}, tiles.Plane{Channel: 1})
}

func TestFiles_Outside(t *testing.T) {
	path := made{z: 1, c: 2, t: 1, bits: 16, files: 2, typ: "uint16"}.write(t)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b = []byte(strings.ReplaceAll(string(b), "slide-1.ome.tif", "../../etc/passw"))
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s := openPlanar(t, path)
	r := s.Stack().Channels[1].Raster(side, side)
	if err := s.ReadPlane(context.Background(), tiles.Key{}, tiles.Plane{Channel: 1}, r); err == nil || !strings.Contains(err.Error(), "out of the slide's folder") {
		t.Errorf("got %v", err)
	}
}

// A file of pixels alone reads its companion, or names it.
func TestCompanion(t *testing.T) {
	dir := t.TempDir()
	page := func(text string) slidetest.Page {
		return slidetest.Page{Width: wide, Height: high, Bits: 16, Tile: side, Description: text, Sample: func(x, y, _ int) float64 { return value(16, 0, 0, 0, 0, x, y) }}
	}
	path := filepath.Join(dir, "a.ome.tif")
	file := slidetest.BuildTIFF(t, page(`<OME UUID="urn:uuid:a"><BinaryOnly MetadataFile="all.companion.ome" UUID="urn:uuid:c"/></OME>`))
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := openPath(t, path)
	var fe *tiles.FormatError
	if !errors.As(err, &fe) || !strings.Contains(err.Error(), "all.companion.ome") {
		t.Fatalf("got %v", err)
	}
	text := fmt.Sprintf(`<OME UUID="urn:uuid:c"><Image Name="x"><Pixels DimensionOrder="XYCZT" Type="uint16" SizeX="%d" SizeY="%d" SizeZ="1" SizeC="1" SizeT="1"><Channel Name="DAPI"/><TiffData IFD="0"><UUID FileName="a.ome.tif">urn:uuid:a</UUID></TiffData></Pixels></Image></OME>`, wide, high)
	if err := os.WriteFile(filepath.Join(dir, "all.companion.ome"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := openPlanar(t, path)
	defer s.Close()
	if s.Info().Channels[0] != "DAPI" {
		t.Errorf("%v", s.Info().Channels)
	}
	compare(t, s, made{bits: 16}, tiles.Plane{})
}

// What contradicts itself is refused with a typed error that names it.
func TestOpen_Refuses(t *testing.T) {
	head := `<OME><Image><Pixels DimensionOrder="XYCZT" Type="uint16" `
	for name, c := range map[string]struct{ text, want string }{
		"sizes":       {head + `SizeX="9" SizeY="9" SizeZ="1" SizeC="1" SizeT="1"/></Image></OME>`, "promises 9×9"},
		"no size":     {head + `SizeX="0" SizeY="9" SizeZ="1" SizeC="1" SizeT="1"/></Image></OME>`, "0×9"},
		"planes":      {head + `SizeX="200" SizeY="150" SizeZ="99999999" SizeC="99999999" SizeT="1"/></Image></OME>`, "99999999 focal planes"},
		"order":       {strings.Replace(head, "XYCZT", "XYCCC", 1) + `SizeX="200" SizeY="150" SizeZ="1" SizeC="1" SizeT="1"/></Image></OME>`, "XYCCC"},
		"type":        {strings.Replace(head, "uint16", "complex", 1) + `SizeX="200" SizeY="150" SizeZ="1" SizeC="1" SizeT="1"/></Image></OME>`, "complex"},
		"first plane": {head + `SizeX="200" SizeY="150" SizeZ="1" SizeC="1" SizeT="1"><TiffData IFD="0" FirstZ="4"/></Pixels></Image></OME>`, "begins at plane"},
		"elsewhere":   {`<OME><Image/>` + head[5:] + `SizeX="200" SizeY="150" SizeZ="1" SizeC="1" SizeT="1"><TiffData IFD="0"><UUID FileName="b.tif">u</UUID></TiffData></Pixels></Image></OME>`, "b.tif"},
		"samples":     {head + `SizeX="200" SizeY="150" SizeZ="1" SizeC="4" SizeT="1"><Channel SamplesPerPixel="4"/></Pixels></Image></OME>`, "samples a pixel"},
		"bomb":        {`<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;">]><OME>&b;</OME>`, "entity"},
	} {
		path := filepath.Join(t.TempDir(), "x.ome.tif")
		page := slidetest.Page{Width: wide, Height: high, Bits: 16, Tile: side, Description: c.text, Sample: func(x, y, _ int) float64 { return 0 }}
		if err := os.WriteFile(path, slidetest.BuildTIFF(t, page), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := openPath(t, path)
		var fe *tiles.FormatError
		var ue *tiles.UnsupportedError
		if !errors.As(err, &fe) && !errors.As(err, &ue) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A plane in a directory that is not there is an error of its tiles alone.
func TestPlane_DirectoryAbsent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.ome.tif")
	page := slidetest.Page{Width: wide, Height: high, Bits: 16, Tile: side, Sample: func(x, y, _ int) float64 { return value(16, 0, 0, 0, 0, x, y) },
		Description: `<OME><Image><Pixels DimensionOrder="XYCZT" Type="uint16" SizeX="200" SizeY="150" SizeZ="1" SizeC="3" SizeT="1"><TiffData IFD="0"/><TiffData IFD="7" FirstC="1"/></Pixels></Image></OME>`}
	if err := os.WriteFile(path, slidetest.BuildTIFF(t, page), 0o600); err != nil {
		t.Fatal(err)
	}
	s := openPlanar(t, path)
	r := s.Stack().Channels[0].Raster(side, side)
	ctx := context.Background()
	if err := s.ReadPlane(ctx, tiles.Key{}, tiles.Plane{}, r); err != nil {
		t.Error(err)
	}
	var te *tiles.TileError
	if err := s.ReadPlane(ctx, tiles.Key{}, tiles.Plane{Channel: 1}, r); !errors.As(err, &te) || !strings.Contains(err.Error(), "directory 7 of 1") {
		t.Errorf("got %v", err)
	}
	if err := s.ReadPlane(ctx, tiles.Key{}, tiles.Plane{Channel: 2}, r); !errors.Is(err, tiles.ErrMissing) {
		t.Errorf("a plane that nobody mentions: %v", err)
	}
}
