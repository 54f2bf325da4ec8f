package deepzoom

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/slidetest"
)

// files is a picture as its files, by slash-separated name.
type files map[string][]byte

// pixel is the colour of a level's pixel in the pictures that tests make.
func pixel(level, x, y int) color.RGBA {
	return color.RGBA{R: byte(x), G: byte(y), B: byte(40*level + x/256*16 + y/256), A: 255}
}

const dzi = `<?xml version="1.0" encoding="utf-8"?><Image TileSize="%d" Overlap="%d" Format="png" xmlns="http://schemas.microsoft.com/deepzoom/%d"><Size Width="%d" Height="%d"/></Image>`

// make writes a Deep Zoom picture with PNG tiles.
func makePicture(t testing.TB, w, h, tile, overlap int) files {
	t.Helper()
	f := files{"a.dzi": fmt.Appendf(nil, dzi, tile, overlap, 2008, w, h)}
	depth := 0
	for 1<<depth < max(w, h) {
		depth++
	}
	for level := 0; depth >= 0; level, depth = level+1, depth-1 {
		for row := 0; row*tile < h; row++ {
			for col := 0; col*tile < w; col++ {
				r := image.Rect(col*tile-overlap, row*tile-overlap, (col+1)*tile+overlap, (row+1)*tile+overlap).Intersect(image.Rect(0, 0, w, h))
				f[fmt.Sprintf("a_files/%d/%d_%d.png", depth, col, row)] = pngOf(t, level, r)
			}
		}
		w, h = (w+1)/2, (h+1)/2
	}
	return f
}

// pngOf is a part of a level of the test picture.
func pngOf(t testing.TB, level int, r image.Rectangle) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rectangle{Max: r.Size()})
	for y := range r.Dy() {
		for x := range r.Dx() {
			m.SetRGBA(x, y, pixel(level, r.Min.X+x, r.Min.Y+y))
		}
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// write puts the files into a folder and returns the path of one of them.
func (f files) write(t testing.TB, first string) string {
	t.Helper()
	dir := t.TempDir()
	for n, data := range f {
		p := filepath.Join(dir, filepath.FromSlash(n))
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, first)
}

// archive puts the files into a ZIP archive.
func (f files) archive(t testing.TB, method uint16) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "a.szi")
	out, err := os.Create(p)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(out)
	for n, data := range f {
		w, err := z.CreateHeader(&zip.FileHeader{Name: "a/" + n, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(z.Close(), out.Close()); err != nil {
		t.Fatal(err)
	}
	return p
}

// tryOpen opens a slide by its path.
func tryOpen(path string, codecs *codec.Set) (tiles.Slide, error) {
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
		return nil, errors.Join(err, src.Close())
	}
	return s, nil
}

func open1(t testing.TB, path string) tiles.Slide {
	t.Helper()
	s, err := tryOpen(path, codec.Default())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// checkPixels compares every tile with the test picture.
func checkPixels(t *testing.T, s tiles.Slide) {
	t.Helper()
	for i, l := range s.Levels() {
		for row := range l.Rows() {
			for col := range l.Cols() {
				r := l.TileRect(col, row)
				m := image.NewRGBA(image.Rectangle{Max: r.Size()})
				if err := s.ReadTile(context.Background(), tiles.Key{Level: i, Col: col, Row: row}, m); err != nil {
					t.Fatal(err)
				}
				for y := range r.Dy() {
					for x := range r.Dx() {
						if got, want := m.RGBAAt(x, y), pixel(i, r.Min.X+x, r.Min.Y+y); got != want {
							t.Fatalf("level %d tile (%d,%d) pixel (%d,%d): %v, want %v", i, col, row, x, y, got, want)
						}
					}
				}
			}
		}
	}
}

func TestDeepZoom_Pixels(t *testing.T) {
	for _, c := range []struct{ w, h, tile, overlap int }{{300, 211, 64, 1}, {129, 65, 64, 0}, {128, 128, 62, 2}, {65, 1000, 254, 1}, {50, 40, 254, 1}, {1, 1, 256, 0}, {97, 97, 16, 16}} {
		f := makePicture(t, c.w, c.h, c.tile, c.overlap)
		for _, p := range []string{f.write(t, "a.dzi"), f.archive(t, zip.Store), f.archive(t, zip.Deflate)} {
			s := open1(t, p)
			if l := s.Levels()[0]; l.Width != c.w || l.Height != c.h || l.TileWidth != c.tile {
				t.Errorf("%+v: level 0 is %+v", c, l)
			}
			checkPixels(t, s)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestConformance(t *testing.T) {
	f := makePicture(t, 600, 411, 254, 1)
	delete(f, "a_files/10/1_1.png") // sparse
	for name, p := range map[string]string{"dzi": f.write(t, "a.dzi"), "szi": f.archive(t, zip.Store), "zoomify": zoomify(t, 600, 411).write(t, "ImageProperties.xml")} {
		t.Run(name, func(t *testing.T) {
			slidetest.Run(t, func(t testing.TB) tiles.Slide { return open1(t, p) })
		})
	}
}

func TestConformance_Shared(t *testing.T) {
	for _, name := range []string{"made/deepzoom/cmu.dzi", "made/deepzoom/cmu.zip"} {
		p := slidetest.Shared(t, name)
		t.Run(path.Ext(name), func(t *testing.T) {
			for _, codecs := range []*codec.Set{codec.Default(), codec.New(codec.Options{NoNative: true})} {
				slidetest.Run(t, func(t testing.TB) tiles.Slide {
					s, err := tryOpen(p, codecs)
					if err != nil {
						t.Fatal(err)
					}
					if l := s.Levels()[0]; l.Width != 2220 || l.Height != 2967 || len(s.Levels()) != 5 {
						t.Errorf("levels %+v", s.Levels())
					}
					return s
				})
			}
		})
	}
	s := open1(t, slidetest.Shared(t, "made/deepzoom/cmu.zip"))
	defer s.Close()
	if in := s.Info(); in.MPPX != 0.499 || in.MPPFrom != "openslide.mpp-x" || in.Objective != 20 || in.Properties["aperio.AppMag"] != "20" {
		t.Errorf("%+v", in)
	}
}

// A tile is its file without the overlap, decoded by the same decoder.
func TestDeepZoom_TileIsFile(t *testing.T) {
	p := slidetest.Shared(t, "made/deepzoom/cmu.dzi")
	data, err := os.ReadFile(filepath.Join(filepath.Dir(p), "cmu_files", "12", "3_4.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := codec.Default().JPEGImage(data, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	s := open1(t, p)
	defer s.Close()
	got := image.NewRGBA(image.Rect(0, 0, 254, 254))
	if err := s.ReadTile(context.Background(), tiles.Key{Col: 3, Row: 4}, got); err != nil {
		t.Fatal(err)
	}
	if want.Rect.Dx() != 256 {
		t.Fatal("the file has no overlap", want.Rect)
	}
	for y := range 254 {
		for x := range 254 {
			if got.RGBAAt(x, y) != want.RGBAAt(x+1, y+1) {
				t.Fatalf("pixel (%d,%d): %v, in the file %v", x, y, got.RGBAAt(x, y), want.RGBAAt(x+1, y+1))
			}
		}
	}
}

// zoomify writes a Zoomify picture; its JPEG tiles are of one colour each, the
// number of the tile.
func zoomify(t testing.TB, w, h int) files {
	t.Helper()
	const tile = 64
	f := files{"ImageProperties.xml": fmt.Appendf(nil, `<IMAGE_PROPERTIES WIDTH="%d" HEIGHT="%d" NUMTILES="1" NUMIMAGES="1" VERSION="1.8" TILESIZE="%d"/>`, w, h, tile)}
	var sizes []image.Point
	for {
		sizes = append(sizes, image.Pt(w, h))
		if w <= tile && h <= tile {
			break
		}
		w, h = w/2, h/2
	}
	n := 0
	for depth := range sizes {
		s := sizes[len(sizes)-1-depth]
		for row := 0; row*tile < s.Y; row++ {
			for col := 0; col*tile < s.X; col++ {
				m := image.NewRGBA(image.Rect(0, 0, min(tile, s.X-col*tile), min(tile, s.Y-row*tile)))
				tiles.Fill(m, color.NRGBA{R: byte(n), G: byte(n), B: byte(n), A: 255})
				data, err := codec.Default().EncodeJPEG(m, 95, "420")
				if err != nil {
					t.Fatal(err)
				}
				f[fmt.Sprintf("TileGroup%d/%d-%d-%d.jpg", n/256, depth, col, row)] = data
				n++
			}
		}
	}
	return f
}

func TestZoomify_Groups(t *testing.T) {
	s := open1(t, zoomify(t, 1500, 1300).write(t, "ImageProperties.xml"))
	defer s.Close()
	n := 0
	for i := len(s.Levels()) - 1; i >= 0; i-- {
		l := s.Levels()[i]
		for row := range l.Rows() {
			for col := range l.Cols() {
				m := image.NewRGBA(image.Rectangle{Max: l.TileRect(col, row).Size()})
				if err := s.ReadTile(context.Background(), tiles.Key{Level: i, Col: col, Row: row}, m); err != nil {
					t.Fatal(err)
				}
				if d := int(m.Pix[0]) - int(byte(n)); d < -2 || d > 2 {
					t.Fatalf("level %d tile (%d,%d) is %d, want %d", i, col, row, m.Pix[0], byte(n))
				}
				n++
			}
		}
	}
	if n <= 256 || s.Info().Vendor != "Zoomify" {
		t.Errorf("%d tiles of %s: the second group is not reached", n, s.Info().Vendor)
	}
}

func TestDeepZoom_Broken(t *testing.T) {
	good := makePicture(t, 300, 211, 64, 1)
	manifest := func(s string) files {
		f := files{}
		for n, d := range good {
			f[n] = d
		}
		f["a.dzi"] = []byte(s)
		return f
	}
	ns := `xmlns="http://schemas.microsoft.com/deepzoom/2009"`
	for name, c := range map[string]struct {
		f    files
		want string
	}{
		"no tiles":         {files{"a.dzi": good["a.dzi"]}, "no tiles are found"},
		"tile size 0":      {manifest(`<Image TileSize="0" Overlap="0" Format="png" ` + ns + `><Size Width="1" Height="1"/></Image>`), "tiles of 0 pixels"},
		"no tile size":     {manifest(`<Image Overlap="0" Format="png" ` + ns + `><Size Width="1" Height="1"/></Image>`), "no TileSize"},
		"huge tile":        {manifest(`<Image TileSize="60000" Overlap="0" Format="png" ` + ns + `><Size Width="60000" Height="60000"/></Image>`), "too large"},
		"overlap":          {manifest(`<Image TileSize="4" Overlap="5" Format="png" ` + ns + `><Size Width="60000" Height="60000"/></Image>`), "overlap of 5"},
		"too many tiles":   {manifest(`<Image TileSize="1" Overlap="0" Format="png" ` + ns + `><Size Width="60000" Height="60000"/></Image>`), "tiles, more than"},
		"width 2^31":       {manifest(`<Image TileSize="256" Overlap="0" Format="png" ` + ns + `><Size Width="2147483648" Height="1"/></Image>`), "not a number of pixels"},
		"negative":         {manifest(`<Image TileSize="256" Overlap="0" Format="png" ` + ns + `><Size Width="-5" Height="1"/></Image>`), "-5×1"},
		"no size":          {manifest(`<Image TileSize="256" Overlap="0" Format="png" ` + ns + `></Image>`), "no size"},
		"format":           {manifest(`<Image TileSize="256" Overlap="0" Format="tif" ` + ns + `><Size Width="5" Height="1"/></Image>`), `format "tif"`},
		"collection":       {manifest(`<Collection MaxLevel="7" ` + ns + `></Collection>`), "collection"},
		"cut":              {manifest(`<Image TileSize="256" Overlap="0" Format="png" ` + ns + `><Size Wid`), "damaged"},
		"entity":           {manifest(`<Image TileSize="&x;" Overlap="0" Format="png" ` + ns + `><Size Width="5" Height="1"/></Image>`), "entity"},
		"deep":             {manifest(`<Image TileSize="256" Overlap="0" Format="png" ` + ns + `>` + strings.Repeat("<a>", 40)), "nested"},
		"charset":          {manifest(`<?xml version="1.0" encoding="ebcdic"?><Image ` + ns + `/>`), "ebcdic"},
		"another element":  {manifest(`<Other ` + ns + `/>`), "<Other>"},
		"not a manifest":   {manifest(`hello`), "not the XML"},
		"manifest too big": {manifest(`<Image ` + ns + `>` + strings.Repeat(" ", 1<<20)), "more than"},
	} {
		s, err := tryOpen(c.f.write(t, "a.dzi"), codec.Default())
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want …%s…", name, err, c.want)
		}
		var f *tiles.FormatError
		var u *tiles.UnsupportedError
		if name != "not a manifest" && !errors.As(err, &f) && !errors.As(err, &u) {
			t.Errorf("%s: %T is not typed", name, err)
		}
	}
}

// One bad tile never stops the slide.
func TestDeepZoom_BadTiles(t *testing.T) {
	f := makePicture(t, 300, 211, 64, 1)
	f["a_files/9/0_0.png"] = f["a_files/9/1_1.png"]                                                                                             // of another size
	f["a_files/9/1_0.png"] = f["a_files/9/1_0.png"][:60]                                                                                        // cut
	f["a_files/9/2_0.png"] = nil                                                                                                                // empty
	f["a_files/9/3_0.png"] = []byte("\xff\xd8\xff\xc0\x00\x0b\x08\xff\xff\xff\xff\x01\x01\x11\x00\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\x00") // a JPEG of 65,535 pixels
	delete(f, "a_files/9/4_0.png")
	s := open1(t, f.write(t, "a.dzi"))
	defer s.Close()
	for col, want := range []string{"66×66", "png", "", "65535×65535", "not stored", ""} {
		if col == 5 {
			break
		}
		m := image.NewRGBA(image.Rectangle{Max: s.Levels()[0].TileRect(col, 0).Size()})
		err := s.ReadTile(context.Background(), tiles.Key{Col: col}, m)
		var te *tiles.TileError
		if err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, tiles.ErrMissing) != (col == 4) || col != 4 && !errors.As(err, &te) {
			t.Errorf("tile %d: %v", col, err)
		}
	}
	m := image.NewRGBA(image.Rectangle{Max: s.Levels()[0].TileRect(1, 1).Size()})
	if err := s.ReadTile(context.Background(), tiles.Key{Col: 1, Row: 1}, m); err != nil || m.RGBAAt(0, 0) != pixel(0, 64, 64) {
		t.Errorf("a good tile: %v", err)
	}
}

// A folder that vanishes is an error, not an empty slide.
func TestDeepZoom_FolderGone(t *testing.T) {
	p := makePicture(t, 300, 211, 64, 1).write(t, "a.dzi")
	s := open1(t, p)
	defer s.Close()
	if err := os.RemoveAll(filepath.Dir(p)); err != nil {
		t.Skip("files in use cannot be removed here:", err)
	}
	m := image.NewRGBA(image.Rectangle{Max: s.Levels()[0].TileRect(0, 0).Size()})
	if err := s.ReadTile(context.Background(), tiles.Key{}, m); err == nil || errors.Is(err, tiles.ErrMissing) {
		t.Errorf("%v", err)
	}
}

// Two pictures of one size differ in their fingerprints; a copy does not.
func TestDeepZoom_Fingerprint(t *testing.T) {
	f := makePicture(t, 300, 211, 64, 1)
	a, b := open1(t, f.write(t, "a.dzi")), open1(t, f.write(t, "a.dzi"))
	f["a_files/9/0_0.png"] = append(bytes.Clone(f["a_files/9/0_0.png"]), 0)
	c := open1(t, f.write(t, "a.dzi"))
	for _, s := range []tiles.Slide{a, b, c} {
		defer s.Close()
	}
	if a.Info().Fingerprint != b.Info().Fingerprint || a.Info().Fingerprint == c.Info().Fingerprint {
		t.Errorf("%s %s %s", a.Info().Fingerprint, b.Info().Fingerprint, c.Info().Fingerprint)
	}
}

func TestDeepZoom_Properties(t *testing.T) {
	f := makePicture(t, 300, 211, 64, 1)
	f["scan-properties.xml"] = []byte(`<image><properties><property><name>MicronsPerPixelX</name><value type="double">0.25</value></property><property><name>MicronsPerPixelY</name><value>0.26</value></property><property><name>ObjectiveMagnification</name><value>40</value></property></properties></image>`)
	f["associated_images/label.png"] = pngOf(t, 0, image.Rect(0, 0, 30, 20))
	s := open1(t, f.archive(t, zip.Store))
	defer s.Close()
	in := s.Info()
	if in.MPPX != 0.25 || in.MPPY != 0.26 || in.MPPFrom != "MicronsPerPixelX" || in.Objective != 40 || len(in.Associated) != 1 {
		t.Errorf("%+v", in)
	}
	m, err := s.AssociatedImage(context.Background(), "label")
	if err != nil || m.Rect.Dx() != 30 || m.RGBAAt(3, 4) != pixel(0, 3, 4) {
		t.Errorf("label: %v", err)
	}
}

func FuzzManifest(f *testing.F) {
	f.Add(fmt.Appendf(nil, dzi, 254, 1, 2009, 2220, 2967))
	f.Add([]byte(`<IMAGE_PROPERTIES WIDTH="9" HEIGHT="9" NUMTILES="1" NUMIMAGES="1" VERSION="1.8" TILESIZE="256"/>`))
	f.Add([]byte(`<Image TileSize="1" Overlap="0" Format="png" xmlns="http://schemas.microsoft.com/deepzoom/2009"><Size Width="60000" Height="60000"/></Image>`))
	f.Add([]byte(`<!DOCTYPE z [<!ENTITY a "aaaa">]><Image TileSize="&a;" Overlap="0" Format="png"/>`))
	f.Add([]byte(`<Image TileSize="256" Overlap="0" Format="png" xmlns="http://schemas.microsoft.com/deepzoom/2009">` + strings.Repeat("<a>", 40)))
	f.Add([]byte(`<Image TileSize="-1" Overlap="99" Format="../x" xmlns="http://schemas.microsoft.com/deepzoom/2008"><Size Width="2147483648" Height="-5"/></Image>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseXML(data)
		if err != nil {
			return
		}
		s, err := newTileset(m, nil, nil, "a.dzi", true)
		if err != nil {
			return
		}
		if s.file(0, 0, 0) == "" || len(s.levels) > 33 {
			t.Errorf("%d levels", len(s.levels))
		}
		s.sample("a.dzi")
	})
}

func BenchmarkTile(b *testing.B) {
	s := open1(b, slidetest.Shared(b, "made/deepzoom/cmu.dzi"))
	defer s.Close()
	m := image.NewRGBA(image.Rect(0, 0, 254, 254))
	b.ReportAllocs()
	for b.Loop() {
		if err := s.ReadTile(context.Background(), tiles.Key{Col: 3, Row: 4}, m); err != nil {
			b.Fatal(err)
		}
	}
}
