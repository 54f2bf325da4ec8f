package dicom_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/formats"
	"coverslip/tiles/slidetest"
)

// folder writes files and returns where.
func folder(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func open(t testing.TB, path string) tiles.Slide {
	t.Helper()
	s, err := formats.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// openUntil opens a slide and closes it when the test ends.
func openUntil(t testing.TB, path string) tiles.Slide {
	t.Helper()
	s := open(t, path)
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, tiles.ErrClosed) {
			t.Error(err)
		}
	})
	return s
}

// openWith is openUntil with the given decoders.
func openWith(t testing.TB, path string, codecs *codec.Set) tiles.Slide {
	t.Helper()
	s, err := formats.OpenWith(context.Background(), path, codecs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func tile(t testing.TB, s tiles.Slide, k tiles.Key) (*image.RGBA, error) {
	t.Helper()
	m := image.NewRGBA(image.Rectangle{Max: s.Levels()[k.Level].TileRect(k.Col, k.Row).Size()})
	return m, s.ReadTile(context.Background(), k, m)
}

// sameTiles compares all tiles of all levels.
func sameTiles(t *testing.T, a, b tiles.Slide) {
	t.Helper()
	if len(a.Levels()) != len(b.Levels()) {
		t.Fatalf("levels %v and %v", a.Levels(), b.Levels())
	}
	for i, l := range a.Levels() {
		if l != b.Levels()[i] {
			t.Fatalf("level %d: %+v and %+v", i, l, b.Levels()[i])
		}
		for row := range l.Rows() {
			for col := range l.Cols() {
				k := tiles.Key{Level: i, Col: col, Row: row}
				x, errX := tile(t, a, k)
				y, errY := tile(t, b, k)
				if errX != nil || errY != nil || !bytes.Equal(x.Pix, y.Pix) {
					t.Fatalf("tile %+v differs: %v, %v", k, errX, errY)
				}
			}
		}
	}
}

func good(t testing.TB, level int) slidetest.DICOM {
	return slidetest.GoodDICOM(t, 200>>level, 150>>level)
}

// plain is a slide of uncompressed frames whose samples count up.
func plain(samples, bits int, photometric string) slidetest.DICOM {
	d := slidetest.DICOM{Width: 100, Height: 70, Tile: 32, Samples: samples, Bits: bits, Photometric: photometric, Syntax: "1.2.840.10008.1.2.1", Spacing: 0.0005}
	for f := range 12 {
		b := make([]byte, 32*32*samples*bits/8)
		for i := range b {
			b[i] = byte(i*7 + f)
		}
		d.Frames = append(d.Frames, b)
	}
	return d
}

// sparse leaves out every third frame.
func sparse(d slidetest.DICOM) slidetest.DICOM {
	cols := (d.Width + d.Tile - 1) / d.Tile
	var kept [][]byte
	for i, f := range d.Frames {
		if i%3 != 1 {
			kept = append(kept, f)
			d.At = append(d.At, [2]int{i%cols*d.Tile + 1, i/cols*d.Tile + 1})
		}
	}
	d.Frames = kept
	return d
}

// split cuts an image into the parts of a concatenation.
func split(d slidetest.DICOM, sizes ...int) []slidetest.DICOM {
	var out []slidetest.DICOM
	at := 0
	for i, n := range sizes {
		p := d
		p.Frames, p.FirstAt, p.Concat, p.Part, p.Parts = d.Frames[at:at+n], at, "1.2.3.9", i+1, len(sizes)
		if d.At != nil {
			p.At = d.At[at : at+n]
		}
		out = append(out, p)
		at += n
	}
	return out
}

// whole is a slide of two levels and three associated images.
func whole(t testing.TB) map[string][]byte {
	files := map[string][]byte{"b0.dcm": good(t, 0).Data(), "a1.dcm": good(t, 1).Data(), "notes.txt": []byte("no DICOM"), "DICOMDIR": nil}
	for i, kind := range []string{"LABEL", "OVERVIEW", "THUMBNAIL"} {
		d := good(t, 1)
		d.Kind, d.UID = kind, "1.2.3.4.9."+kind[:1]
		files[string(rune('x'+i))+".dcm"] = d.Data()
	}
	stranger := good(t, 0)
	stranger.Series = "9.9.9"
	files["stranger.dcm"] = stranger.Data()
	return files
}

func TestConformance_Made(t *testing.T) {
	parts := split(good(t, 0), 5, 4, 3)
	undefined := good(t, 0)
	undefined.OpenSequences, undefined.Table, undefined.Fragments, undefined.ICC = true, "none", 3, []byte("profile")
	extended := good(t, 0)
	extended.Table = "extended"
	implicit := plain(3, 8, "RGB")
	implicit.Syntax = "1.2.840.10008.1.2"
	for name, files := range map[string]map[string][]byte{
		"levels and label": whole(t), "sparse": {"b0.dcm": sparse(good(t, 0)).Data(), "1.dcm": good(t, 1).Data()},
		"concatenation":  {"b0.dcm": parts[2].Data(), "1.dcm": parts[0].Data(), "2.dcm": parts[1].Data()},
		"open sequences": {"b0.dcm": undefined.Data()}, "extended table": {"b0.dcm": extended.Data()}, "native": {"b0.dcm": plain(3, 8, "RGB").Data()},
		"implicit": {"b0.dcm": implicit.Data()},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t, files)
			slidetest.Run(t, func(t testing.TB) tiles.Slide {
				s := open(t, filepath.Join(dir, "b0.dcm"))
				if in := s.Info(); in.Format != "dicom" || in.MPPX <= 0 || in.Objective != 40 || in.MPPFrom != "dicom.PixelSpacing" {
					t.Errorf("%s, MPP %v from %q, objective %v", in.Format, in.MPPX, in.MPPFrom, in.Objective)
				}
				return s
			})
		})
	}
}

func TestConformance_Real(t *testing.T) {
	for _, name := range []string{"made/dicom-full-jpeg/level0.dcm", "made/dicom-full-jpeg/level1.dcm", "made/dicom-sparse-jpeg/level0.dcm",
		"made/dicom-full-j2k/level1.dcm", "dicom-boxes/boxes_0.dcm", "dicom-highdicom/sm_image.dcm", "dicom-highdicom/sm_image_grayscale.dcm",
		"dicom-highdicom/sm_image_numbers.dcm"} {
		t.Run(name, func(t *testing.T) {
			path := slidetest.Shared(t, name)
			slidetest.Run(t, func(t testing.TB) tiles.Slide { return open(t, path) })
		})
	}
}

// Whichever file is opened, or their folder: it is the same slide.
func TestOpen_AnyFile(t *testing.T) {
	files := whole(t)
	stranger := files["stranger.dcm"]
	delete(files, "stranger.dcm")
	dir := folder(t, files)
	want := openUntil(t, dir)
	if got := want.Info().Associated; strings.Join(got, " ") != "label macro thumbnail" || len(want.Levels()) != 2 || len(want.Info().Warnings) != 0 {
		t.Errorf("%v, %v, %q", got, want.Levels(), want.Info().Warnings)
	}
	if err := os.WriteFile(filepath.Join(dir, "stranger.dcm"), stranger, 0o600); err != nil {
		t.Fatal(err)
	}
	for name := range files {
		if !strings.HasSuffix(name, ".dcm") {
			continue
		}
		s := openUntil(t, filepath.Join(dir, name))
		if s.Info().Fingerprint != want.Info().Fingerprint || s.Info().Path != filepath.Join(dir, name) {
			t.Errorf("%s: another identity, or path %s", name, s.Info().Path)
		}
		sameTiles(t, s, want)
	}
	if _, err := formats.Open(context.Background(), dir); err == nil || !strings.Contains(err.Error(), "several DICOM slides") {
		t.Errorf("a folder of two slides: %v", err)
	}
}

func TestOpen_Concatenation(t *testing.T) {
	one := openUntil(t, folder(t, map[string][]byte{"a.dcm": good(t, 0).Data()}))
	p := split(good(t, 0), 1, 7, 4)
	many := openUntil(t, folder(t, map[string][]byte{"a.dcm": p[1].Data(), "b.dcm": p[2].Data(), "c.dcm": p[0].Data()}))
	sameTiles(t, one, many)
}

func TestReadTile_Sparse(t *testing.T) {
	all := openUntil(t, folder(t, map[string][]byte{"a.dcm": good(t, 0).Data()}))
	p := split(sparse(good(t, 0)), 3, 5)
	for name, files := range map[string]map[string][]byte{
		"one file": {"a.dcm": sparse(good(t, 0)).Data()}, "two": {"a.dcm": p[0].Data(), "b.dcm": p[1].Data()},
	} {
		s := openUntil(t, folder(t, files))
		l := s.Levels()[0]
		for i := range l.Cols() * l.Rows() {
			k := tiles.Key{Col: i % l.Cols(), Row: i / l.Cols()}
			m, err := tile(t, s, k)
			if i%3 == 1 {
				if !errors.Is(err, tiles.ErrMissing) || m.Pix[0] != 255 || m.Pix[3] != 255 {
					t.Errorf("%s: tile %d: %v, %v", name, i, err, m.Pix[:4])
				}
				continue
			}
			if want, _ := tile(t, all, k); err != nil || !bytes.Equal(m.Pix, want.Pix) {
				t.Errorf("%s: tile %d differs: %v", name, i, err)
			}
		}
	}
}

// Names and numbers of the file, without those of the patient.
func TestInfo_Properties(t *testing.T) {
	d := good(t, 0)
	d.ICC = []byte("a profile")
	s := openUntil(t, folder(t, map[string][]byte{"a.dcm": d.Data()}))
	p := s.Info().Properties
	if s.Info().Vendor != "Müller" {
		t.Errorf("vendor %q", s.Info().Vendor)
	}
	for k, want := range map[string]string{
		"dicom.Manufacturer": "Müller", "dicom.ImageType[2]": "VOLUME", "dicom.TotalPixelMatrixColumns": "200", "openslide.vendor": "dicom",
		"dicom.OpticalPathSequence[0].ObjectiveLensPower": "40", "openslide.mpp-x": "0.25", "openslide.objective-power": "40",
		"dicom.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing[1]": "0.00025", "dicom.TransferSyntaxUID": "1.2.840.10008.1.2.4.50",
	} {
		if p[k] != want {
			t.Errorf("%s is %q, want %q", k, p[k], want)
		}
	}
	for k, v := range p {
		if strings.Contains(v, "Secret") {
			t.Errorf("%s tells the patient's name", k)
		}
	}
	if !bytes.HasPrefix(s.ICC(), d.ICC) {
		t.Errorf("profile %q", s.ICC())
	}
}

func TestReadTile_PlainSamples(t *testing.T) {
	window := plain(1, 16, "MONOCHROME2")
	window.Window = []float64{1000, 500}
	for i := range window.Frames {
		for x, v := range []uint16{0, 750, 1000, 1249, 65535} {
			window.Frames[i][2*x], window.Frames[i][2*x+1] = byte(v), byte(v>>8)
		}
	}
	rescaled := window // 2·v − 1000, in a window of twice the width
	rescaled.Window, rescaled.Slope, rescaled.Intercept = []float64{1000.5, 999}, 2, -1000
	for name, c := range map[string]struct {
		d    slidetest.DICOM
		want []byte // of the first pixels, RGBA
	}{
		"RGB":         {plain(3, 8, "RGB"), []byte{0, 7, 14, 255, 21, 28, 35, 255}},
		"grey":        {plain(1, 8, "MONOCHROME2"), []byte{0, 0, 0, 255, 7, 7, 7, 255}},
		"white is 0":  {plain(1, 8, "MONOCHROME1"), []byte{255, 255, 255, 255, 248, 248, 248, 255}},
		"YBR":         {plain(3, 8, "YBR_FULL"), []byte{0, 123, 0, 255, 0, 122, 0, 255}},
		"YBR 4:2:2":   {halfChroma(), []byte{228, 10, 228, 255, 235, 17, 235, 255}},
		"RLE":         {packed(), []byte{9, 9, 9, 255, 9, 9, 9, 255}},
		"rescaled":    {rescaled, []byte{0, 0, 0, 255, 0, 0, 0, 255, 128, 128, 128, 255, 255, 255, 255, 255, 255, 255, 255, 255}},
		"with window": {window, []byte{0, 0, 0, 255, 0, 0, 0, 255, 128, 128, 128, 255, 255, 255, 255, 255, 255, 255, 255, 255}},
	} {
		s := openUntil(t, folder(t, map[string][]byte{"a.dcm": c.d.Data()}))
		m, err := tile(t, s, tiles.Key{})
		if err != nil || !bytes.HasPrefix(m.Pix, c.want) {
			t.Errorf("%s: %v, got %v, want %v", name, err, m.Pix[:len(c.want)], c.want)
		}
	}
}

// halfChroma is a slide of pairs of pixels that share their chroma.
func halfChroma() slidetest.DICOM {
	d := plain(3, 8, "YBR_FULL_422")
	for i, f := range d.Frames {
		f = f[:32*32*2]
		copy(f, []byte{100, 107, 200, 219})
		d.Frames[i] = f
	}
	return d
}

// packed is a slide of run-length encoded frames.
func packed() slidetest.DICOM {
	d := plain(1, 8, "MONOCHROME2")
	d.Syntax = "1.2.840.10008.1.2.5"
	for i := range d.Frames {
		d.Frames[i] = runs(32*32, 9+byte(i))
	}
	return d
}

// The stream decides on colours; the data set only where the stream says
// nothing.
func TestReadTile_JPEGColours(t *testing.T) {
	d := good(t, 0)
	m := image.NewRGBA(image.Rect(0, 0, 64, 64))
	for i := 0; i < len(m.Pix); i += 4 {
		m.Pix[i], m.Pix[i+1], m.Pix[i+2], m.Pix[i+3] = 200, 40, 90, 255
	}
	jfif, err := codec.Default().EncodeJPEG(m, 95, "444")
	if err != nil {
		t.Skip("needs libjpeg-turbo:", err)
	}
	if !bytes.Equal(jfif[2:4], []byte{0xff, 0xe0}) {
		t.Fatal("the encoder writes no JFIF segment")
	}
	bare := append([]byte{0xff, 0xd8}, jfif[4+int(jfif[4])<<8+int(jfif[5]):]...)
	adobe := append(append([]byte{0xff, 0xd8, 0xff, 0xee, 0, 14}, "Adobe\x00\x64\x00\x00\x00\x00\x00"...), bare[2:]...)
	ycc := [3]int{94, 126, 204} // of 200, 40, 90 by T.871
	rgb := [3]int{200, 40, 90}
	for name, c := range map[string]struct {
		stream      []byte
		photometric string
		want        [3]int
	}{
		"JFIF, truthful": {jfif, "YBR_FULL", rgb}, "JFIF, called RGB": {jfif, "RGB", rgb}, "bare YBR": {bare, "YBR_FULL", rgb},
		"bare RGB": {bare, "RGB", ycc}, "Adobe RGB": {adobe, "RGB", ycc}, "Adobe RGB, called YBR": {adobe, "YBR_FULL_422", ycc},
	} {
		d := d
		d.Photometric = c.photometric
		d.Frames = make([][]byte, 12)
		for i := range d.Frames {
			d.Frames[i] = c.stream
		}
		path := filepath.Join(folder(t, map[string][]byte{"a.dcm": d.Data()}), "a.dcm")
		for which, codecs := range map[string]*codec.Set{"native": codec.Default(), "go": codec.New(codec.Options{NoNative: true})} {
			s, err := formats.OpenWith(context.Background(), path, codecs)
			if err != nil {
				t.Fatal(err)
			}
			got, err := tile(t, s, tiles.Key{})
			for i, w := range c.want {
				if v := int(got.Pix[i]); err != nil || v < w-3 || v > w+3 {
					t.Errorf("%s by %s: %v, pixel %v, want %v", name, which, err, got.Pix[:3], c.want)
					break
				}
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// A file that is cut while it is open breaks the slide for good.
func TestSlide_CutWhileOpen(t *testing.T) {
	dir := folder(t, map[string][]byte{"a.dcm": good(t, 0).Data(), "b.dcm": good(t, 1).Data()})
	s := openUntil(t, filepath.Join(dir, "a.dcm"))
	if err := os.Truncate(filepath.Join(dir, "b.dcm"), 100); err != nil {
		t.Fatal(err)
	}
	if _, err := tile(t, s, tiles.Key{}); err != nil {
		t.Errorf("the sound file: %v", err)
	}
	_, first := tile(t, s, tiles.Key{Level: 1})
	if first == nil || !strings.Contains(first.Error(), "cut off while it was open") {
		t.Fatalf("got %v", first)
	}
	if _, again := tile(t, s, tiles.Key{}); again == nil || again.Error() != first.Error() {
		t.Errorf("the error is not latched: %v", again)
	}
}

func BenchmarkSlide_ReadTile(b *testing.B) {
	s := openUntil(b, slidetest.Shared(b, "made/dicom-full-jpeg"))
	l := s.Levels()[0]
	dst := image.NewRGBA(image.Rectangle{Max: l.TileRect(1, 1).Size()})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := s.ReadTile(context.Background(), tiles.Key{Col: i % (l.Cols() - 1), Row: i / 3 % (l.Rows() - 1)}, dst); err != nil {
			b.Fatal(err)
		}
	}
}
