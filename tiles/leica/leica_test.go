package leica

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
	"coverslip/tiles/tiffwrite"
)

var pure = codec.New(codec.Options{NoNative: true})

// region is an image of 200×150 pixels of 1 µm at a place of the glass, in nm.
func region(name, x, y, light string) string {
	return `<image name="` + name + `"><creationDate>2026-01-02</creationDate><device model="SCN400" version="1"/><pixels sizeX="200" sizeY="150">` +
		`<dimension sizeX="100" sizeY="75" r="1" ifd="2"/><dimension sizeX="200" sizeY="150" r="0" ifd="0"/></pixels>` +
		`<view sizeX="200000" sizeY="150000" offsetX="` + x + `" offsetY="` + y + `"/><scanSettings><objectiveSettings><objective>20</objective></objectiveSettings>` +
		`<illuminationSettings><illuminationSource>` + light + `</illuminationSource></illuminationSettings></scanSettings></image>`
}

const macro = `<image name="macro"><pixels><dimension sizeX="50" sizeY="37" ifd="3"/></pixels><view sizeX="600000" sizeY="300000" offsetX="0" offsetY="0"/></image>`

func glass(images ...string) string {
	return `<?xml version="1.0"?><scn xmlns="http://www.leica-microsystems.com/scn/2010/10/01"><collection sizeX="600000" sizeY="300000"><barcode>U1lOVEg=</barcode>` +
		strings.Join(images, "") + `</collection></scn>`
}

// good is a glass of two regions that do not lie on a grid of tiles.
var good = glass(macro, region("a", "50000", "40000", "brightfield"), region("b", "310000", "120000", "brightfield"))

func openMade(t testing.TB, xml string) (tiles.Slide, error) {
	t.Helper()
	data := slidetest.Edit(t, slidetest.Good(t, tiffwrite.Aperio, false)).Text(270, xml).Data
	f := Format(pure)
	src := tiles.NewSource("made.scn", bytes.NewReader(data), int64(len(data)))
	if err := f.Detect(src); err != nil {
		return nil, err
	}
	return f.Open(context.Background(), src)
}

func TestConformance(t *testing.T) {
	slidetest.Run(t, func(t testing.TB) tiles.Slide {
		s, err := openMade(t, good)
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

func TestOpen_Info(t *testing.T) {
	s, err := openMade(t, good)
	if err != nil {
		t.Fatal(err)
	}
	in := s.Info()
	if l := s.Levels(); len(l) != 2 || l[0].Width != 600 || l[0].Height != 300 || l[1].Width != 300 || l[1].Downsample != 2 {
		t.Errorf("levels %+v", l)
	}
	if in.Objective != 20 || len(in.Warnings) != 0 || len(in.Associated) != 1 {
		t.Errorf("%+v", in)
	}
	for k, want := range map[string]string{"openslide.bounds-x": "50", "openslide.bounds-y": "40", "openslide.bounds-width": "460", "openslide.bounds-height": "230",
		"openslide.region[1].x": "310", "leica.barcode": "SYNTH", "leica.device-model": "SCN400"} {
		if in.Properties[k] != want {
			t.Errorf("%s is %q, want %q", k, in.Properties[k], want)
		}
	}
}

// Both regions hold the same picture: they must be equal on the canvas, and
// what lies between them missing or background.
func TestReadRegion_Places(t *testing.T) {
	s, err := openMade(t, good)
	if err != nil {
		t.Fatal(err)
	}
	for level, down := range []int{1, 2} {
		size := image.Rect(0, 0, 200/down, 150/down)
		a, b := image.NewRGBA(size), image.NewRGBA(size)
		for dst, at := range map[*image.RGBA]image.Point{a: {50, 40}, b: {310, 120}} {
			if err := tiles.ReadRegion(context.Background(), s, level, at.X, at.Y, dst); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(a.Pix, b.Pix) {
			t.Errorf("level %d: the regions differ", level)
		}
		if a.Pix[3] != 255 || a.RGBAAt(10, 10) == a.RGBAAt(size.Max.X-1, 10) {
			t.Errorf("level %d: no picture", level)
		}
	}
	dst := image.NewRGBA(image.Rect(0, 0, 24, 44))
	if err := s.ReadTile(context.Background(), tiles.Key{Col: 9, Row: 0}, image.NewRGBA(image.Rectangle{Max: s.Levels()[0].TileRect(9, 0).Size()})); !errors.Is(err, tiles.ErrMissing) {
		t.Errorf("a tile beside the regions: %v", err)
	}
	if err := tiles.ReadRegion(context.Background(), s, 0, 45, 40, dst); err != nil || dst.RGBAAt(4, 5) != (color.RGBA{}) || dst.RGBAAt(5, 5).A != 255 {
		t.Errorf("at the edge of a region there are %v and %v, %v", dst.RGBAAt(4, 5), dst.RGBAAt(5, 5), err)
	}
	tile := image.NewRGBA(image.Rectangle{Max: s.Levels()[0].TileRect(0, 0).Size()})
	if err := s.ReadTile(context.Background(), tiles.Key{}, tile); err != nil || tile.RGBAAt(49, 45) != (color.RGBA{R: 255, G: 255, B: 255, A: 255}) {
		t.Errorf("beside a region a tile shows %v, %v", tile.RGBAAt(49, 45), err)
	}
}

func TestBroken(t *testing.T) {
	one := region("a", "50000", "40000", "brightfield")
	for _, c := range []struct{ name, xml, open, warned string }{
		{"cut XML", good[:400], "XML", ""},
		{"bomb", `<!DOCTYPE l [<!ENTITY a "aaaa">]>` + strings.Replace(good, "SCN400", "&a;", 1), "XML", ""},
		{"deep", glass(strings.Repeat("<a>", 300)), "deeper", ""},
		{"no size", strings.Replace(good, `sizeX="600000"`, `sizeX="x"`, 1), "has a size", ""},
		{"glass of 10^15 nm", strings.Replace(glass(one), `sizeX="600000"`, `sizeX="999999999999999"`, 1), "glass of", ""},
		{"no region", glass(macro), "no scanned region", ""},
		{"region of size 0", glass(strings.Replace(one, `sizeX="200000"`, `sizeX="0"`, 1)), "of 0×150000 nm", ""},
		{"directory 77", glass(strings.Replace(one, `ifd="0"`, `ifd="77"`, 1)), "directory 77", ""},
		{"width of a dimension", glass(strings.Replace(one, `<dimension sizeX="200"`, `<dimension sizeX="201"`, 1)), "201×150", ""},
		{"two collections", strings.Replace(good, "</scn>", `<collection/></scn>`, 1), "more than one", ""},
		{"other light", glass(region("a", "50000", "40000", "phase contrast")), "phase contrast", ""},
		{"fluorescence in colour", glass(region("a", "50000", "40000", "fluorescence")), "", ""},
		{"two channels in colour", glass(strings.Replace(one, "</pixels>", `<dimension sizeX="200" sizeY="150" c="1" ifd="0"/></pixels>`, 1)), "2 channels of pictures in colour", ""},
		{"a focal plane elsewhere", glass(strings.Replace(one, "</pixels>", `<dimension sizeX="200" sizeY="150" z="1" ifd="99"/></pixels>`, 1)), "", "directory 99 of 4"},
		{"focal planes with gaps", glass(strings.Replace(one, "</pixels>", `<dimension sizeX="200" sizeY="150" z="900" ifd="0"/></pixels>`, 1)), "901 focal planes", ""},
		{"channel -1", glass(strings.Replace(one, "</pixels>", `<dimension sizeX="200" sizeY="150" c="-1" ifd="0"/></pixels>`, 1)), "focal plane", ""},
		{"mixed light", glass(one, region("b", "5000", "4000", "fluorescence")), "", `light is "fluorescence"`},
		{"another objective", glass(one, strings.Replace(one, "<objective>20", "<objective>40", 1)), "", "resolutions"},
		{"outside the glass", glass(one, region("b", "99000000000000", "-4", "brightfield")), "", ""},
		{"level 1 elsewhere", glass(strings.Replace(one, `ifd="2"`, `ifd="1"`, 1)), "", "level 1 left out"},
		{"macro of no directory", glass(one, strings.Replace(macro, `ifd="3"`, `ifd="8"`, 1)), "", "macro left out"},
		{"objective", glass(strings.Replace(one, ">20<", ">x<", 1)), "", "objective"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := openMade(t, c.xml)
			if c.open != "" {
				var f *tiles.FormatError
				var u *tiles.UnsupportedError
				if !errors.As(err, &f) && !errors.As(err, &u) || !strings.Contains(err.Error(), c.open) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(s.Info().Warnings, "\n"); !strings.Contains(got, c.warned) {
				t.Errorf("warnings %q", got)
			}
			if err := s.ReadTile(context.Background(), tiles.Key{Col: 1, Row: 1}, image.NewRGBA(image.Rect(0, 0, 64, 64))); err != nil {
				t.Error(err)
			}
		})
	}
}

// Focal planes in colour: the first is what a slide of one plane shows.
func TestFocalPlanes(t *testing.T) {
	xml := strings.ReplaceAll(good, "</pixels><view sizeX=\"200000\"", `<dimension sizeX="200" sizeY="150" z="1" ifd="0"/></pixels><view spacingZ="1500" sizeX="200000"`)
	open := func(t testing.TB) tiles.Planar {
		s, err := openMade(t, xml)
		if err != nil {
			t.Fatal(err)
		}
		return s.(tiles.Planar)
	}
	slidetest.RunPlanar(t, open)
	s := open(t)
	defer s.Close()
	if st := s.Stack(); !st.InColor || st.Z != 2 || s.Info().ZPlanes[1] != 1.5 {
		t.Errorf("%+v, planes at %v µm", st, s.Info().ZPlanes)
	}
	flat, err := openMade(t, good)
	if err != nil {
		t.Fatal(err)
	}
	a, b := image.NewRGBA(image.Rect(0, 0, 90, 70)), image.NewRGBA(image.Rect(0, 0, 90, 70))
	for dst, from := range map[*image.RGBA]tiles.Slide{a: s, b: flat} {
		if err := tiles.ReadRegion(context.Background(), from, 0, 30, 20, dst); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(a.Pix, b.Pix) || a.Pix[3] != 0 || a.RGBAAt(89, 69).A != 255 {
		t.Error("the first focal plane is not that of the flat slide")
	}
}

func FuzzParseXML(f *testing.F) {
	f.Add(good)
	f.Add(glass(strings.Replace(macro, "50", "-1", 1)))
	f.Add(lit(2, 2))
	f.Add(`<!DOCTYPE l [<!ENTITY a "aaaa">]>` + strings.Replace(good, "SCN400", "&a;", 1))
	f.Add(glass(strings.Repeat("<a>", 300)))
	f.Add(strings.Replace(good, `sizeX="600000"`, `sizeX="999999999999999"`, 1))
	f.Add(good[:400])
	f.Fuzz(func(t *testing.T, s string) {
		c, err := parseXML(s)
		if err != nil {
			return
		}
		if c.width < 1 || c.height < 1 || len(c.scans) > maxScans {
			t.Fatalf("accepted %+v", c)
		}
		for _, m := range c.scans {
			if len(m.dimensions)+len(m.others) > maxDimensions || len(m.channels) > maxChannels {
				t.Fatalf("%d and %d dimensions", len(m.dimensions), len(m.others))
			}
		}
	})
}
