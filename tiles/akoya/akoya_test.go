package akoya

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/slidetest"
)

const wide, high, side = 300, 200, 64

// channel is what a directory says of itself.
type channel struct{ name, marker, color string }

var someChannels = []channel{{"DAPI", "", "0,0,255"}, {"Opal 520", "CD8", "0,255,0"}, {"Opal 690", "PanCK", "bad"}}

// describe is the XML of a directory, as scanners write it: it claims to be
// UTF-16.
func describe(kind string, c channel) string {
	more := ""
	if c.name != "" {
		more = fmt.Sprintf("<Name>%s</Name><Biomarker>%s</Biomarker><Color>%s</Color>", c.name, c.marker, c.color)
	}
	return `<?xml version="1.0" encoding="utf-16"?>
<PerkinElmer-QPI-ImageDescription>
  <DescriptionVersion>2</DescriptionVersion><AcquisitionSoftware>VectraScan 2.0</AcquisitionSoftware>
  <ImageType>` + kind + `</ImageType><SlideID>S-1</SlideID><Objective>20x</Objective><ExposureTime>1200</ExposureTime>` + more + `
  <ScanProfile><root><Name>not the channel's</Name></root></ScanProfile>
</PerkinElmer-QPI-ImageDescription>`
}

func value(bits, c, level, x, y int) float64 {
	v := x + 2*y + 700*c + 31*level
	if bits == 8 {
		v %= 256
	}
	return float64(v)
}

// fluorescence is the directories of a slide of channels in three levels, the
// order of the specification: full resolution, thumbnail, levels, overview,
// label.
func fluorescence(bits, format int, channels []channel) []slidetest.Page {
	level := func(n, shrink int, kind string) (out []slidetest.Page) {
		for c, ch := range channels {
			out = append(out, slidetest.Page{Width: wide / shrink, Height: high / shrink, Bits: bits, Format: format, Tile: side, Deflate: true, PerCM: 20000 / float64(shrink),
				Description: describe(kind, ch), Sample: func(x, y, _ int) float64 { return value(bits, c, n, x, y) }})
		}
		return out
	}
	picture := func(w, h int, kind string) slidetest.Page {
		return slidetest.Page{Width: w, Height: h, Bits: 8, Samples: 3, Rows: 16, Subfile: 1, Description: describe(kind, channel{}), Sample: func(x, y, s int) float64 { return float64((x + y + 50*s) % 256) }}
	}
	pages := append(level(0, 1, typeFull), picture(75, 50, typeThumbnail))
	pages = append(pages, level(1, 2, typeReduced)...)
	pages = append(pages, level(2, 4, typeReduced)...)
	return append(pages, picture(90, 30, typeOverview), picture(40, 40, typeLabel))
}

func brightfield() []slidetest.Page {
	page := func(shrink int, kind string) slidetest.Page {
		return slidetest.Page{Width: wide / shrink, Height: high / shrink, Bits: 8, Samples: 3, Tile: side, PerCM: 40000 / float64(shrink), Description: describe(kind, channel{}),
			Sample: func(x, y, s int) float64 { return float64((x + 2*y + 40*s) % 256) }}
	}
	return []slidetest.Page{page(1, typeFull), page(2, typeReduced)}
}

func write(t testing.TB, pages []slidetest.Page) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "slide.qptiff")
	for i := range pages {
		pages[i].Software = "PerkinElmer-QPI"
	}
	if err := os.WriteFile(path, slidetest.BuildTIFF(t, pages...), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
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

func planarOf(t testing.TB, path string) tiles.Planar {
	t.Helper()
	s, err := openPath(t, path)
	if err != nil {
		t.Fatal(err)
	}
	p, ok := s.(tiles.Planar)
	if !ok {
		t.Fatalf("%T", s)
	}
	return p
}

func TestConformance(t *testing.T) {
	for name, pages := range map[string][]slidetest.Page{"16 bit": fluorescence(16, 1, someChannels), "float": fluorescence(32, 3, someChannels), "one": fluorescence(8, 1, someChannels[:1])} {
		t.Run(name, func(t *testing.T) {
			path := write(t, pages)
			slidetest.RunPlanar(t, func(t testing.TB) tiles.Planar { return planarOf(t, path) })
		})
	}
	t.Run("brightfield", func(t *testing.T) {
		path := write(t, brightfield())
		slidetest.Run(t, func(t testing.TB) tiles.Slide {
			s, err := openPath(t, path)
			if err != nil {
				t.Fatal(err)
			}
			return s
		})
	})
}

func TestFluorescence(t *testing.T) {
	for _, k := range []struct{ bits, format int }{{8, 1}, {16, 1}, {32, 3}} {
		s := planarOf(t, write(t, fluorescence(k.bits, k.format, someChannels)))
		in, st := s.Info(), s.Stack()
		if !slices.Equal(in.Channels, []string{"DAPI", "CD8 (Opal 520)", "PanCK (Opal 690)"}) || in.MPPX != 0.5 || in.Objective != 20 || in.Format != "qptiff" {
			t.Errorf("%+v", in)
		}
		if !slices.Equal(in.Associated, []string{"label", "macro", "thumbnail"}) || len(in.Warnings) != 0 || in.Properties["akoya.SlideID"] != "S-1" || in.Properties["akoya.Name"] != "" {
			t.Errorf("%v, warnings %q, %v", in.Associated, in.Warnings, in.Properties)
		}
		if st.Channels[0].Color != (color.RGBA{B: 255, A: 255}) || st.Channels[2].Color != tiles.ChannelColor("PanCK (Opal 690)", 0, 2) {
			t.Errorf("%+v", st.Channels)
		}
		if len(s.Levels()) != 3 || s.Levels()[2].Downsample != 4 {
			t.Fatalf("%+v", s.Levels())
		}
		for c := range st.Channels {
			for level, l := range s.Levels() {
				key := tiles.Key{Level: level, Col: l.Cols() - 1, Row: l.Rows() - 1}
				r := l.TileRect(key.Col, key.Row)
				got := st.Channels[c].Raster(r.Dx(), r.Dy())
				if err := s.ReadPlane(context.Background(), key, tiles.Plane{Channel: c}, got); err != nil {
					t.Fatal(err)
				}
				for i := range r.Dx() * r.Dy() {
					have := 0.0
					if got.Uint16 != nil {
						have = float64(got.Uint16[i])
					} else {
						have = float64(got.Float32[i])
					}
					if want := value(k.bits, c, level, r.Min.X+i%r.Dx(), r.Min.Y+i/r.Dx()); have != want {
						t.Fatalf("%d bits: channel %d level %d sample %d: %v, want %v", k.bits, c, level, i, have, want)
					}
				}
			}
		}
	}
}

// A level that lacks a channel, or is of another kind, is left out and told; so
// is a directory whose XML is broken.
func TestLevels_Odd(t *testing.T) {
	pages := fluorescence(16, 1, someChannels)
	lacking := slices.Delete(slices.Clone(pages), 4, 5) // a channel of level 1
	s := planarOf(t, write(t, lacking))
	if len(s.Levels()) != 2 || !strings.Contains(strings.Join(s.Info().Warnings, ";"), "150×100") {
		t.Errorf("%+v, warnings %q", s.Levels(), s.Info().Warnings)
	}
	broken := slices.Clone(pages)
	broken[3].Description = "<PerkinElmer-QPI-ImageDescription><ImageType>Thumb"
	s = planarOf(t, write(t, broken))
	if len(s.Levels()) != 3 || slices.Contains(s.Info().Associated, "thumbnail") || !strings.Contains(strings.Join(s.Info().Warnings, ";"), "directory 3 left out") {
		t.Errorf("%v, warnings %q", s.Info().Associated, s.Info().Warnings)
	}
}

func TestOpen_Refuses(t *testing.T) {
	good := fluorescence(16, 1, someChannels)
	with := func(i int, edit func(p *slidetest.Page)) []slidetest.Page {
		out := slices.Clone(good)
		edit(&out[i])
		return out
	}
	for name, c := range map[string]struct {
		pages []slidetest.Page
		want  string
	}{
		"XML of the first": {with(0, func(p *slidetest.Page) { p.Description = p.Description[:300] }), "XML"},
		"deep": {with(0, func(p *slidetest.Page) {
			p.Description = "<PerkinElmer-QPI-ImageDescription>" + strings.Repeat("<a>", 400)
		}), "deeper"},
		"bomb": {with(0, func(p *slidetest.Page) {
			p.Description = `<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">]><PerkinElmer-QPI-ImageDescription>&a;</PerkinElmer-QPI-ImageDescription>`
		}), "entity"},
		"kinds of samples": {with(1, func(p *slidetest.Page) { p.Bits = 8 }), "channel 1 has"},
		"colour twice":     {slices.Concat(brightfield()[:1], brightfield()[:1]), "channels of 3 samples"},
	} {
		_, err := openPath(t, write(t, c.pages))
		var fe *tiles.FormatError
		var ue *tiles.UnsupportedError
		if !errors.As(err, &fe) && !errors.As(err, &ue) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What tifffile makes of the same files. Run this test with COVERSLIP_QPTIFF set to
// an empty folder to have them written there together with what is expected:
//
//	python -c 'import tifffile,sys;[print(s.name,s.axes,[l.shape for l in s.levels]) for s in tifffile.TiffFile(sys.argv[1]).series]' FILE
func TestWriteForPeers(t *testing.T) {
	dir := os.Getenv("COVERSLIP_QPTIFF")
	if dir == "" {
		t.Skip("COVERSLIP_QPTIFF names no folder")
	}
	for name, pages := range map[string][]slidetest.Page{"fluorescence": fluorescence(16, 1, someChannels), "brightfield": brightfield()} {
		path := filepath.Join(dir, name+".qptiff")
		for i := range pages {
			pages[i].Software = "PerkinElmer-QPI"
		}
		if err := os.WriteFile(path, slidetest.BuildTIFF(t, pages...), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := openPath(t, path)
		if err != nil {
			t.Fatal(err)
		}
		said, err := json.MarshalIndent(map[string]any{"levels": s.Levels(), "channels": s.Info().Channels, "associated": s.Info().Associated}, "", " ")
		if err == nil {
			err = os.WriteFile(path+".json", said, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(describe(typeFull, someChannels[1]))
	f.Add("<PerkinElmer-QPI-ImageDescription><Color>999,-1,</Color><Objective>x</Objective></PerkinElmer-QPI-ImageDescription>")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := parse(s)
		if err != nil {
			return
		}
		if c := d.color(); c.A != 0 && c.A != 255 || d.objective() < 0 || d.objective() > 200 {
			t.Fatal(c, d.objective())
		}
		_ = d.channelName()
	})
}

func FuzzOpen(f *testing.F) {
	for _, pages := range [][]slidetest.Page{fluorescence(16, 1, someChannels[:2]), brightfield()} {
		for i := range pages { // small inputs are mutated faster
			pages[i].Width, pages[i].Height = pages[i].Width/10, pages[i].Height/10
			pages[i].Tile, pages[i].Rows = min(pages[i].Tile, 16), min(pages[i].Rows, 2)
		}
		f.Add(slidetest.BuildTIFF(f, pages...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		src := tiles.NewSource("x.qptiff", strings.NewReader(string(b)), int64(len(b)))
		if _, err := detect(src); err != nil {
			return
		}
		s, err := open(context.Background(), src, codec.Safe())
		if err != nil {
			return
		}
		defer s.Close()
		r := s.Levels()[0].TileRect(0, 0)
		if r.Dx()*r.Dy() > 1<<20 {
			return
		}
		m := image.NewRGBA(image.Rectangle{Max: r.Size()})
		if err := s.ReadTile(context.Background(), tiles.Key{}, m); err != nil {
			t.Log(err)
		}
	})
}
