package mirax

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/slidetest"
)

// openWith opens a slide as tiles/formats does.
func openWith(path string, codecs *codec.Set) (tiles.Slide, error) {
	src, err := tiles.OpenSource(path)
	if err != nil {
		return nil, err
	}
	f := Format(codecs)
	if err := f.Detect(src); err != nil {
		return nil, errors.Join(err, src.Close())
	}
	s, err := f.Open(context.Background(), src)
	if err != nil {
		if cerr := src.Close(); cerr != nil {
			return nil, errors.Join(err, cerr)
		}
		return nil, err
	}
	return s, nil
}

func mustOpen(t testing.TB, path string) tiles.Slide {
	t.Helper()
	s, err := openWith(path, codec.Default())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// shifted places photos of a size that overlap by 16 pixels, each a little off.
func shifted(size image.Point) func(col, row int) image.Point {
	return func(col, row int) image.Point {
		return image.Pt(col*(size.X-16)+(row*5+col)%7, row*(size.Y-16)+(col*3)%5)
	}
}

var imageSize = image.Pt(64, 48)

func plain() slidetest.Mirax {
	return slidetest.Mirax{Cols: 12, Rows: 12, Divisions: 2, Size: imageSize, Levels: 4, Overlap: 16, Position: shifted(imageSize.Mul(2)), Fill: 0xf0e0d0,
		Images: map[string]*image.RGBA{"ScanDataLayer_SlideBarcode": slidetest.TestPicture(image.Pt(20, 30), 1), "ScanDataLayer_SlideThumbnail": slidetest.TestPicture(image.Pt(40, 30), 2)}}
}

var filters = []slidetest.MiraxFilter{
	{Name: "DAPI", Color: color.RGBA{0, 0, 255, 255}, Level: 0, Storing: 0}, {Name: "FITC", Color: color.RGBA{0, 255, 0, 255}, Level: 0, Storing: 1},
	{Name: "TRITC", Color: color.RGBA{255, 0, 0, 255}, Level: 0, Storing: 2}, {Name: "Cy5", Color: color.RGBA{255, 0, 255, 255}, Level: 1, Storing: 2},
}

// variants are slides of every kind that is read.
func variants() map[string]slidetest.Mirax {
	with := func(f func(*slidetest.Mirax)) slidetest.Mirax {
		o := plain()
		f(&o)
		return o
	}
	return map[string]slidetest.Mirax{
		"positions": plain(),
		"stitching layer, many files": with(func(o *slidetest.Mirax) {
			o.Packed, o.Files, o.UTF16 = true, 2*maxOpen+3, true
			o.Missing = func(col, row int) bool { return (col+row)%3 == 2 }
		}),
		"PNG":            with(func(o *slidetest.Mirax) { o.Format, o.Cols, o.Rows = "PNG", 6, 6 }),
		"BMP":            with(func(o *slidetest.Mirax) { o.Format, o.Cols, o.Rows = "BMP24", 6, 6 }),
		"no positions":   with(func(o *slidetest.Mirax) { o.Position = nil }),
		"regular":        with(func(o *slidetest.Mirax) { o.Position, o.Overlap, o.Size = nil, 0, image.Pt(128, 128) }),
		"odd edges":      with(func(o *slidetest.Mirax) { o.Cols, o.Rows = 13, 11 }),
		"made smaller":   with(func(o *slidetest.Mirax) { o.Exponent, o.Levels, o.Cols, o.Rows = 2, 2, 16, 16 }),
		"fluorescence":   with(func(o *slidetest.Mirax) { o.Filters, o.Format, o.Cols, o.Rows = filters, "PNG", 8, 8 }),
		"focus":          with(func(o *slidetest.Mirax) { o.Focus, o.Cols, o.Rows = []float64{-1.5, 0, 1.5}, 8, 8 }),
		"light, focus":   with(func(o *slidetest.Mirax) { o.Filters, o.Focus, o.Cols, o.Rows = filters[:3], []float64{0, 2}, 8, 8 }),
		"own background": with(func(o *slidetest.Mirax) { o.Missing = func(col, row int) bool { return col > 1 } }),
	}
}

func TestConformance(t *testing.T) {
	for name, o := range variants() {
		t.Run(name, func(t *testing.T) {
			path := slidetest.MakeMirax(t, o).Write(t)
			sets := map[string]*codec.Set{"native": codec.Default()}
			if name == "positions" || name == "light, focus" {
				sets["go"] = codec.New(codec.Options{NoNative: true})
			}
			for native, codecs := range sets {
				t.Run(native, func(t *testing.T) {
					slidetest.Run(t, func(t testing.TB) tiles.Slide {
						s, err := openWith(path, codecs)
						if err != nil {
							t.Fatal(err)
						}
						return s
					})
				})
			}
		})
	}
}

func TestConformance_Real(t *testing.T) {
	path := slidetest.Shared(t, "made/mirax.mrxs")
	slidetest.Run(t, func(t testing.TB) tiles.Slide { return mustOpen(t, path) })
}

func TestInfo(t *testing.T) {
	s := mustOpen(t, slidetest.MakeMirax(t, plain()).Write(t))
	defer s.Close()
	in := s.Info()
	if in.Format != "mirax" || in.MPPX != 0.25 || in.MPPFrom != "mirax.LAYER_0_LEVEL_0_SECTION.MICROMETER_PER_PIXEL_X" || in.Objective != 20 {
		t.Errorf("%+v", in)
	}
	if want := (color.NRGBA{R: 0xd0, G: 0xe0, B: 0xf0, A: 255}); in.Background != want {
		t.Errorf("background %v, want %v", in.Background, want)
	}
	if len(in.Warnings) != 0 {
		t.Errorf("warnings %q", in.Warnings)
	}
	if got := in.Properties["mirax.GENERAL.SLIDE_NAME"]; got != "Café" {
		t.Errorf("name %q", got)
	}
	if strings.Join(in.Associated, " ") != "label macro" {
		t.Errorf("associated %v", in.Associated)
	}
	m, err := s.AssociatedImage(context.Background(), "label")
	if err != nil || m.Rect.Size() != image.Pt(20, 30) {
		t.Errorf("label: %v, %v", m, err)
	}
}

// A photo lies where the position file says, the later on top, pixel for pixel.
func TestReadRegion_WherePhotosLie(t *testing.T) {
	o := plain()
	o.Format = "PNG"
	s := mustOpen(t, slidetest.MakeMirax(t, o).Write(t))
	defer s.Close()
	l := s.Levels()[0]
	got := image.NewRGBA(image.Rect(0, 0, l.Width, l.Height))
	if err := tiles.ReadRegion(context.Background(), s, 0, 0, 0, got); err != nil {
		t.Fatal(err)
	}
	want := image.NewRGBA(got.Rect)
	tiles.Fill(want, s.Info().Background)
	for row := range o.Rows {
		for col := range o.Cols {
			m := slidetest.TestPicture(imageSize, row*o.Cols+col)
			at := o.Position(col/2, row/2).Add(image.Pt(col%2*imageSize.X, row%2*imageSize.Y))
			for y := range imageSize.Y {
				for x := range imageSize.X {
					want.SetRGBA(at.X+x, at.Y+y, m.RGBAAt(x, y))
				}
			}
		}
	}
	for y := range l.Height {
		for x := range l.Width {
			if g, w := got.RGBAAt(x, y), want.RGBAAt(x, y); g != w && g.A != 0 {
				t.Fatalf("pixel (%d,%d) is %v, want %v", x, y, g, w)
			}
		}
	}
}

// The .mrxs file says nothing: what tells slides apart lies in the folder.
func TestFingerprint(t *testing.T) {
	print := func(f *slidetest.MiraxFiles) string {
		s := mustOpen(t, f.Write(t))
		defer s.Close()
		return s.Info().Fingerprint
	}
	one := slidetest.MakeMirax(t, plain())
	if print(one) != print(slidetest.MakeMirax(t, plain())) {
		t.Error("equal slides in different folders have different fingerprints")
	}
	base := print(one)
	for file, at := range map[string]int{"Data0000.dat": len(one.Files["Data0000.dat"]) - 3, "Index.dat": one.Pages[0] + 8 + 8, "Slidedat.ini": 20} {
		edited := slidetest.MakeMirax(t, plain())
		if file != "Slidedat.ini" {
			edited.Files[file][at]++
		} else {
			edited.Files[file] = append(edited.Files[file], "[MORE]\r\n"...)
		}
		if print(edited) == base {
			t.Errorf("another %s gives the same fingerprint", file)
		}
	}
	o := plain()
	o.Rows += 2
	if print(slidetest.MakeMirax(t, o)) == base {
		t.Error("another slide has the same fingerprint")
	}
}

func TestFluorescence(t *testing.T) {
	o := plain()
	o.Filters, o.Format, o.Cols, o.Rows = filters, "PNG", 8, 8
	s := mustOpen(t, slidetest.MakeMirax(t, o).Write(t))
	defer s.Close()
	p, ok := s.(tiles.Planar)
	if !ok {
		t.Fatal("no Planar")
	}
	st := p.Stack()
	if st.InColor || len(st.Channels) != 4 || st.Z != 1 || strings.Join(s.Info().Channels, " ") != "DAPI FITC TRITC Cy5" {
		t.Fatalf("%+v, %v", st, s.Info().Channels)
	}
	if c := st.Channels[3]; c.Color != filters[3].Color || c.Bits != 8 || c.High != 255 || c.Excitation != 403 || c.Emission != 503 {
		t.Errorf("%+v", c)
	}
	// Photo (0,0) is on top of nothing and under its neighbours: its first
	// pixels are its own. The first filter is stored as blue.
	size := s.Levels()[0].TileRect(0, 0).Size()
	for i, component := range []int{2, 1, 0, 0} {
		seed := 0
		if i == 3 {
			seed = 5 // slidetest draws the images of the second filter level so
		}
		dst := &tiles.Raster{Width: size.X, Height: size.Y, Uint16: make([]uint16, size.X*size.Y)}
		if err := p.ReadPlane(context.Background(), tiles.Key{}, tiles.Plane{Channel: i}, dst); err != nil {
			t.Fatal(err)
		}
		want := slidetest.TestPicture(imageSize, seed)
		for x := range 40 {
			if got, w := dst.Uint16[10*size.X+x], want.Pix[want.PixOffset(x, 10)+component]; got != uint16(w) {
				t.Fatalf("channel %d, pixel %d: %d, want %d", i, x, got, w)
			}
		}
	}
	// The tile drawn is the sum of the channels in their colours.
	m := image.NewRGBA(image.Rectangle{Max: size})
	if err := s.ReadTile(context.Background(), tiles.Key{}, m); err != nil {
		t.Fatal(err)
	}
	a, b := slidetest.TestPicture(imageSize, 0).RGBAAt(7, 10), slidetest.TestPicture(imageSize, 5).RGBAAt(7, 10)
	add := func(x, y uint8) uint8 { return uint8(min(255, int(x)+int(y))) }
	if got, want := m.RGBAAt(7, 10), (color.RGBA{add(a.R, b.R), a.G, add(a.B, b.R), 255}); got != want {
		t.Errorf("drawn %v, want %v", got, want)
	}
	if s.Info().Background != (color.NRGBA{A: 255}) {
		t.Errorf("background %v", s.Info().Background)
	}
	for _, bad := range []tiles.Plane{{Channel: 4}, {Channel: -1}, {Z: 1}, {T: 1}} {
		if err := p.ReadPlane(context.Background(), tiles.Key{}, bad, &tiles.Raster{Width: size.X, Height: size.Y, Uint16: make([]uint16, size.X*size.Y)}); err == nil {
			t.Errorf("plane %+v is read", bad)
		}
	}
}

func TestFocus(t *testing.T) {
	o := plain()
	o.Focus, o.Format, o.Cols, o.Rows = []float64{-1.5, 0, 1.5}, "PNG", 8, 8
	s := mustOpen(t, slidetest.MakeMirax(t, o).Write(t))
	defer s.Close()
	p, ok := s.(tiles.Planar)
	if !ok {
		t.Fatal("no Planar")
	}
	if st := p.Stack(); !st.InColor || st.Z != 3 || st.DefaultZ != 0 || fmt.Sprint(s.Info().ZPlanes) != "[-1.5 0 1.5]" {
		t.Fatalf("%+v, planes %v", st, s.Info().ZPlanes)
	}
	size := s.Levels()[0].TileRect(0, 0).Size()
	for z := range 3 {
		dst := &tiles.Raster{Width: size.X, Height: size.Y, RGBA: image.NewRGBA(image.Rectangle{Max: size})}
		if err := p.ReadPlane(context.Background(), tiles.Key{}, tiles.Plane{Z: z}, dst); err != nil {
			t.Fatal(err)
		}
		if got, want := dst.RGBA.RGBAAt(9, 8), slidetest.TestPicture(imageSize, 17*z).RGBAAt(9, 8); got != want {
			t.Errorf("plane %d: %v, want %v", z, got, want)
		}
	}
}

// Without the extended focus the plane in focus is shown.
func TestFocus_FirstPlaneEmpty(t *testing.T) {
	o := plain()
	o.Focus, o.Cols, o.Rows, o.Levels = []float64{0, -2, 0, 2}, 8, 8, 1
	f := slidetest.MakeMirax(t, o)
	f.SetIndex(f.Hier, 0)
	s := mustOpen(t, f.Write(t))
	defer s.Close()
	st := s.(tiles.Planar).Stack()
	if st.Z != 3 || st.DefaultZ != 1 || fmt.Sprint(s.Info().ZPlanes) != "[-2 0 2]" {
		t.Fatalf("%+v, planes %v", st, s.Info().ZPlanes)
	}
	m := image.NewRGBA(image.Rectangle{Max: s.Levels()[0].TileRect(0, 0).Size()})
	if err := s.ReadTile(context.Background(), tiles.Key{}, m); err != nil {
		t.Fatal(err)
	}
	if got, want := m.RGBAAt(9, 8), slidetest.TestPicture(imageSize, 34).RGBAAt(9, 8); near(got, want) > 24 {
		t.Errorf("%v, want %v", got, want)
	}
}

func near(a, b color.RGBA) int {
	d := func(x, y uint8) int { return max(int(x)-int(y), int(y)-int(x)) }
	return max(d(a.R, b.R), d(a.G, b.G), d(a.B, b.B))
}

// A slide of more files than may be open at once reads all of them.
func TestHandles(t *testing.T) {
	o := plain()
	o.Files = 3 * maxOpen
	s := mustOpen(t, slidetest.MakeMirax(t, o).Write(t))
	defer s.Close()
	l := s.Levels()[0]
	for row := range l.Rows() {
		for col := range l.Cols() {
			k := tiles.Key{Col: col, Row: row}
			if err := s.ReadTile(context.Background(), k, image.NewRGBA(image.Rectangle{Max: l.TileRect(col, row).Size()})); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestOpen_NamesInOtherCase(t *testing.T) {
	path := slidetest.MakeMirax(t, plain()).Write(t)
	dir := strings.TrimSuffix(path, ".mrxs")
	for from, to := range map[string]string{"Slidedat.ini": "SLIDEDAT.INI", "Data0000.dat": "data0000.DAT"} {
		if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	mustOpen(t, path).Close()
}

func TestFileIn(t *testing.T) {
	path := slidetest.MakeMirax(t, plain()).Write(t)
	dir := strings.TrimSuffix(path, ".mrxs")
	if got, err := FileIn(dir + "/"); got != path || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := FileIn(filepath.Dir(dir)); got != "" || err != nil {
		t.Errorf("another folder: %q, %v", got, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	var fe *tiles.FormatError
	if _, err := FileIn(dir); !errors.As(err, &fe) || !strings.Contains(err.Error(), "made.mrxs") {
		t.Errorf("without the file: %v", err)
	}
}
