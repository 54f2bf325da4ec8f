package deid

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/formats"
	"coverslip/tiles/phiscan"
	"coverslip/tiles/slidetest"
	"coverslip/tiles/tiffwrite"
)

// The words that stand wherever something about a person can stand.
var sentinels = []string{"ZZPHI", "Secret^Patient", "M\xfcller", "1.2.3.4.555", "0123456789ABCDEF0123456789ABCDEF"}

var key = []byte("a key of the tests, 32 bytes long")

// profile is a colour profile with a text, a date and a curve.
func profile() []byte {
	p := make([]byte, 128)
	copy(p[12:], "mntrRGB XYZ ")
	copy(p[36:], "acsp")
	copy(p[48:], "ZZPHI-pr") // manufacturer, model
	desc := append([]byte("desc\x00\x00\x00\x00\x00\x00\x00\x10"), "ZZPHI-icc-text\x00\x00"...)
	curve := append([]byte("curv\x00\x00\x00\x00\x00\x00\x00\x01\x02\x33"), 0, 0)
	be := binary.BigEndian
	p = be.AppendUint32(p, 2)
	p = be.AppendUint32(be.AppendUint32(append(p, "desc"...), 156), uint32(len(desc)))
	p = be.AppendUint32(be.AppendUint32(append(p, "rTRC"...), uint32(156+len(desc))), uint32(len(curve)))
	p = append(append(p, desc...), curve...)
	be.PutUint32(p, uint32(len(p)))
	return p
}

func ascii(s string) tiffTag { return tiffTag{2, uint64(len(s) + 1), append([]byte(s), 0)} }

// commented is a JPEG stream with a comment, an EXIF segment, and words behind its
// end.
func commented(b []byte) []byte {
	if len(b) < 2 || b[0] != 0xff || b[1] != 0xd8 {
		return b
	}
	seg := func(m byte, s string) []byte {
		return append([]byte{0xff, m, byte((len(s) + 2) >> 8), byte(len(s) + 2)}, s...)
	}
	out := append([]byte{0xff, 0xd8}, seg(0xfe, "ZZPHI-comment")...)
	out = append(out, seg(0xe1, "Exif\x00\x00ZZPHI-exif")...)
	return append(append(out, b[2:]...), "ZZPHI-behind"...)
}

// poisoned writes a TIFF file anew with words in every text that a scanner knows,
// in tags nobody knows, and in the streams.
func poisoned(t *testing.T, data []byte, wide bool, edit func(i int, d *tiffDir)) string {
	t.Helper()
	in, err := readTIFF(bytes.NewReader(data), int64(len(data)), wide)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ZZPHI-file.tif")
	out, err := createTIFF(path, in)
	if err != nil {
		t.Fatal(err)
	}
	var fix func(i int, d *tiffDir)
	fix = func(i int, d *tiffDir) {
		for n, tag := range []uint16{269, 271, 272, 285, 305, 306, 315, 316, 700, 33432, 33723, 34665, 50838, 65427, 65449, 65500} {
			d.tags[tag] = ascii("ZZPHI-tag-" + string(rune('a'+n)))
		}
		d.tags[34675] = tiffTag{7, uint64(len(profile())), profile()}
		offTag, countTag := uint16(324), uint16(325)
		if d.tags[offTag].count == 0 {
			offTag, countTag = 273, 279
		}
		offs, _ := in.uints(d.tags[offTag])
		counts, _ := in.uints(d.tags[countTag])
		var at, size []byte
		for k := range offs {
			b := commented(data[offs[k] : offs[k]+counts[k]])
			if counts[k] == 0 {
				b = nil
			}
			to, err := out.write(b)
			if err != nil {
				t.Fatal(err)
			}
			at, size = out.offset(at, to), out.offset(size, uint64(len(b)))
		}
		d.tags[offTag] = tiffTag{out.offsetType(), uint64(len(offs)), at}
		d.tags[countTag] = tiffTag{out.offsetType(), uint64(len(offs)), size}
		if edit != nil {
			edit(i, d)
		}
		for _, s := range d.sub {
			fix(-1, s)
		}
	}
	for i, d := range in.dirs {
		fix(i, d)
	}
	if err := errors.Join(out.close(in.dirs), out.f.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// svs is a slide of Aperio's with label and macro.
func svs(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "good.svs")
	o := tiffwrite.Options{Width: 400, Height: 300, TileSize: 64, Layout: tiffwrite.Aperio, Smallest: 120, MPP: 0.25, Objective: 40, Whole: true,
		Properties: []tiffwrite.Property{{Key: "Filename", Value: "ZZPHI-filename"}, {Key: "Barcode", Value: "ZZPHI-barcode"}, {Key: "User", Value: "ZZPHI-user"}},
		Associated: func(m *image.RGBA) (label, macro *image.RGBA) { return m, m }}
	if err := tiffwrite.Write(t.Context(), path, o, slidetest.Rough); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return poisoned(t, data, false, nil)
}

// ome is an OME-TIFF with a name and a label.
func ome(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "good.ome.tif")
	o := tiffwrite.Options{Width: 400, Height: 300, TileSize: 64, Layout: tiffwrite.OME, Smallest: 120, MPP: 0.25, Objective: 40, Name: "ZZPHI-name",
		Whole: true, Associated: func(m *image.RGBA) (label, macro *image.RGBA) { return m, m }}
	if err := tiffwrite.Write(t.Context(), path, o, slidetest.Rough); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return poisoned(t, data, false, func(i int, d *tiffDir) {
		if i == 0 {
			text := strings.TrimRight(string(d.tags[270].data), "\x00")
			d.tags[270] = ascii(strings.Replace(text, "<Image ", `<Experimenter ID="Experimenter:0" LastName="ZZPHI-person"/><Image `, 1))
		}
	})
}

// ndpi is a slide of Hamamatsu's: an image, a smaller one, a macro.
func ndpi(t *testing.T) string {
	t.Helper()
	le := binary.LittleEndian
	in := &tiffIn{order: le, wide: true}
	path := filepath.Join(t.TempDir(), "ZZPHI.ndpi")
	out, err := createTIFF(path, in)
	if err != nil {
		t.Fatal(err)
	}
	long := func(v int) tiffTag { return tiffTag{4, 1, le.AppendUint32(nil, uint32(v))} }
	short := func(v int) tiffTag { return tiffTag{3, 1, le.AppendUint16(nil, uint16(v))} }
	res := tiffTag{5, 1, le.AppendUint32(le.AppendUint32(nil, 40000), 1)}
	for i, lens := range []float32{20, 10, -1} {
		w, h := 400>>i, 304>>i
		m := image.NewRGBA(image.Rect(0, 0, w, h))
		for k := range w * h {
			m.SetRGBA(k%w, k/w, color.RGBA{byte(k), byte(k / w), 100, 255})
		}
		var b bytes.Buffer
		if err := jpeg.Encode(&b, m, nil); err != nil {
			t.Fatal(err)
		}
		data := commented(b.Bytes())
		at, err := out.write(data)
		if err != nil {
			t.Fatal(err)
		}
		in.dirs = append(in.dirs, &tiffDir{tags: map[uint16]tiffTag{256: long(w), 257: long(h), 258: {3, 3, []byte{8, 0, 8, 0, 8, 0}}, 259: short(7), 262: short(6), 271: ascii("ZZPHI-make"),
			273: long(int(at)), 277: short(3), 278: long(h), 279: long(len(data)), 282: res, 283: res, 296: short(3), 306: ascii("ZZPHI-date"), 65420: long(1),
			65421: {11, 1, le.AppendUint32(nil, math.Float32bits(lens))}, 65427: ascii("ZZPHI-reference"), 65449: ascii("Created=ZZPHI-created"), 65500: ascii("ZZPHI-unknown")}})
	}
	if err := errors.Join(out.close(in.dirs), out.f.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// dicom is a folder with a slide and its label.
func dicom(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "ZZPHI-folder")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for i, kind := range []string{"VOLUME", "LABEL"} {
		d := slidetest.GoodDICOM(t, 200, 150)
		d.Kind, d.Series, d.UID = kind, "1.2.3.4.555.1", "1.2.3.4.555.2"+string(rune('0'+i))
		d.Paths = []slidetest.DICOMPath{{ID: "ZZPHI-path", Name: "ZZPHI-path-name"}}
		for k := range d.Frames {
			d.Frames[k] = commented(d.Frames[k])
		}
		if err := os.WriteFile(filepath.Join(dir, "ZZPHI"+kind+".dcm"), d.Data(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// mirax is a slide with a barcode and words in its settings.
func mirax(t *testing.T) string {
	t.Helper()
	f := slidetest.MakeMirax(t, slidetest.Mirax{Cols: 4, Rows: 4, Size: image.Pt(64, 48), Levels: 2, Position: func(col, row int) image.Point { return image.Pt(col*60, row*44) },
		Images: map[string]*image.RGBA{"ScanDataLayer_SlideBarcode": slidetest.TestPicture(image.Pt(50, 60), 3)}, Extra: "[NOTES]\r\nOPERATOR = ZZPHI-operator\r\n",
		Encode: func(m *image.RGBA) []byte {
			var b bytes.Buffer
			if err := jpeg.Encode(&b, m, nil); err != nil {
				t.Error(err)
			}
			return commented(b.Bytes())
		}})
	f.SetKey("SLIDE_NAME", "ZZPHI-slide")
	return f.Write(t)
}

type vendor struct {
	name, ext string
	make      func(t *testing.T) string
	rules     []rule // that this vendor's slides need
}

func vendors() []vendor {
	return []vendor{
		{"aperio", ".svs", svs, []rule{ruleImages, ruleTags, ruleText, ruleSegments, ruleProfile}},
		{"hamamatsu", ".ndpi", ndpi, []rule{ruleImages, ruleTags, ruleSegments}},
		{"ome", ".ome.tif", ome, []rule{ruleImages, ruleTags, ruleText, ruleSegments, ruleProfile}},
		{"dicom", "", dicom, []rule{ruleImages, ruleElements, ruleSegments, ruleValues, ruleIDs}},
		{"mirax", ".mrxs", mirax, []rule{ruleText, ruleSegments, ruleIDs, ruleFolders}},
	}
}

// cleaned writes a clean copy under a name that says nothing and counts what it
// tells: words in any byte, and images that show the label.
func cleaned(t *testing.T, path, ext string, off rule) (hits int, out string, r Report) {
	t.Helper()
	dir := t.TempDir()
	out = filepath.Join(dir, "copy"+ext)
	r, err := Clean(t.Context(), path, out, Options{Key: key, off: off})
	if err != nil {
		t.Fatal(err)
	}
	found, err := phiscan.Scan(t.Context(), dir, phiscan.Options{Words: sentinels})
	if err != nil {
		t.Fatal(err)
	}
	if off == ruleNone {
		for _, h := range found[:min(len(found), 5)] {
			t.Errorf("%+v", h)
		}
	}
	s, err := formats.Open(t.Context(), out)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if ext == ".ome.tif" { // images that no description names are there all the same
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		in, err := readTIFF(bytes.NewReader(data), int64(len(data)), false)
		if err != nil {
			t.Fatal(err)
		}
		hits += len(in.dirs) - 1
	}
	return hits + len(found) + len(s.Info().Associated), out, r
}

func TestClean_TellsNothingAndKeepsPixels(t *testing.T) {
	for _, v := range vendors() {
		t.Run(v.name, func(t *testing.T) {
			path := v.make(t)
			before, err := phiscan.Scan(t.Context(), path, phiscan.Options{Words: sentinels})
			if err != nil || v.name != "mirax" && len(before) < 5 {
				t.Fatalf("the slide itself tells only %d words: %v", len(before), err)
			}
			hits, out, r := cleaned(t, path, v.ext, ruleNone)
			if hits != 0 || len(r.Dropped) == 0 || len(r.Mind) == 0 {
				t.Errorf("%d hits, %+v", hits, r)
			}
			same(t, path, out)
			if _, err := Clean(t.Context(), path, out, Options{Key: key}); err == nil {
				t.Error("it wrote over a file")
			}
		})
	}
}

// same compares all pixels of all levels.
func same(t *testing.T, a, b string) {
	t.Helper()
	var slides [2]tiles.Slide
	for i, path := range []string{a, b} {
		s, err := formats.Open(context.Background(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		slides[i] = s
	}
	for level, l := range slides[0].Levels() {
		var m [2]*image.RGBA
		for i, s := range slides {
			m[i] = image.NewRGBA(image.Rect(0, 0, l.Width, l.Height))
			if err := tiles.ReadRegion(t.Context(), s, level, 0, 0, m[i]); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(m[0].Pix, m[1].Pix) {
			t.Errorf("level %d has other pixels", level)
		}
	}
	x, y := slides[0].Info(), slides[1].Info()
	if math.Abs(x.MPPX-y.MPPX) > 1e-4 || x.Objective != y.Objective || x.Format != y.Format {
		t.Errorf("scale %v %v, objective %v %v, format %s %s", x.MPPX, y.MPPX, x.Objective, y.Objective, x.Format, y.Format)
	}
}

// Every rule is needed: without it a slide of every vendor it is for tells
// something.
func TestClean_EveryRuleIsNeeded(t *testing.T) {
	seen := map[rule]bool{}
	for _, v := range vendors() {
		path := v.make(t)
		for _, off := range v.rules {
			seen[off] = true
			if hits, _, _ := cleaned(t, path, v.ext, off); hits == 0 {
				t.Errorf("%s without rule %d tells nothing: the test could not fail", v.name, off)
			}
		}
	}
	for r := ruleNone + 1; r < ruleCount; r++ {
		if !seen[r] {
			t.Errorf("rule %d has no test", r)
		}
	}
}

func TestClean_RefusesWhatItDoesNotKnow(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.tif")
	if err := os.WriteFile(path, slidetest.Good(t, tiffwrite.Generic, false), 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "b.tif")
	if _, err := Clean(t.Context(), path, out, Options{Key: key}); !errors.Is(err, ErrUnknown) {
		t.Errorf("a TIFF of nobody: %v", err)
	}
	if _, err := Clean(t.Context(), path, out, Options{}); err == nil {
		t.Error("no key was taken")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left: %v %v", entries, err)
	}
}

// Slides as libopenslide's testdata and others' scanners have them.
func TestClean_RealSlides(t *testing.T) {
	names := []string{"svs/openslide-small.svs", "ometiff/multi-channel-z-series.ome.tif", "made/mirax.mrxs", "made/dicom-full-jpeg"}
	if os.Getenv("COVERSLIP_LONG") != "" {
		names = append(names, "svs/CMU-1-Small-Region.svs", "ndpi/test3-TRITC-2-560.ndpi", "made/hamamatsu.ndpi")
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			path := slidetest.Shared(t, name)
			out := filepath.Join(t.TempDir(), "copy"+filepath.Ext(name))
			if strings.HasSuffix(name, ".ome.tif") {
				out = filepath.Join(t.TempDir(), "copy.ome.tif")
			}
			r, err := Clean(t.Context(), path, out, Options{Key: key})
			if err != nil {
				t.Fatal(err)
			}
			hits, err := phiscan.Scan(t.Context(), out, phiscan.Options{Marks: true})
			if err != nil || len(hits) > 0 {
				t.Errorf("%v %v", hits, err)
			}
			t.Logf("dropped %q", r.Dropped)
			same(t, path, out)
		})
	}
}

func FuzzClean_TIFF(f *testing.F) {
	good := slidetest.Good(f, tiffwrite.Aperio, false)
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte("II*\x00\x08\x00\x00\x00\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 16 || len(data) > 1<<20 {
			return
		}
		for _, wide := range []bool{false, true} {
			in, err := readTIFF(bytes.NewReader(data), int64(len(data)), wide)
			if err != nil {
				continue
			}
			for _, d := range in.dirs {
				for _, tag := range d.tags {
					_, _ = in.uints(tag)
				}
			}
		}
	})
}

func FuzzSegments(f *testing.F) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, 8, 8)), nil); err != nil {
		f.Fatal(err)
	}
	f.Add(commented(b.Bytes()))
	f.Add([]byte{0xff, 0x4f, 0xff, 0x64, 0, 1, 0xff, 0x90})
	f.Add(profile())
	f.Fuzz(func(t *testing.T, data []byte) {
		blankJPEG(bytes.Clone(data), true)
		blankJ2K(bytes.Clone(data))
		blankPNG(bytes.Clone(data))
		cleanProfile(data)
		_, _ = parseOME(string(data))
		parseIni(data)
	})
}
