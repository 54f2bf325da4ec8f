package ventana

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/color"
	"io"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/slidetest"
)

var pure = codec.New(codec.Options{NoNative: true})

// made slides, by what they try. Overlaps and places are multiples of 4, so that
// levels 1 and 2 lie on whole pixels too.
var made = map[string]slidetest.BIF{
	"one area": {TileW: 80, TileH: 96, Levels: 3, Areas: []slidetest.BIFArea{
		{Cols: 5, Rows: 4, OverlapsX: []int{8}, OverlapsY: []int{12}},
	}},
	"several areas": {TileW: 80, TileH: 64, Levels: 3, Areas: []slidetest.BIFArea{
		{Cols: 3, Rows: 3, X: 40, Y: 200, OverlapsX: []int{8}, OverlapsY: []int{4}},
		{Col: 3, Cols: 2, Rows: 2, X: 400, Y: 16, OverlapsX: []int{8}, OverlapsY: []int{4}, Skipped: true},
		{Col: 5, Row: 1, Cols: 4, Rows: 2, X: 320, Y: 0, OverlapsX: []int{8}, OverlapsY: []int{4}},
		{Row: 3, Cols: 2, Rows: 1, X: 196, Y: 188, OverlapsX: []int{8}},
	}},
	"left and down": {TileW: 80, TileH: 64, Levels: 3, Turned: true, Areas: []slidetest.BIFArea{
		{Cols: 5, Rows: 3, OverlapsX: []int{0, 16, 0, 8}, OverlapsY: []int{4, 0}},
	}},
	"left and down, several areas": {TileW: 80, TileH: 64, Levels: 3, Turned: true, Areas: []slidetest.BIFArea{
		{Col: 1, Row: 2, Cols: 3, Rows: 3, OverlapsX: []int{0, 20}},
		{Col: 5, Row: 1, Cols: 2, Rows: 4, OverlapsX: []int{12}, OverlapsY: []int{0, 8, 0}},
		{Col: 0, Row: 1, Cols: 1, Rows: 1},
	}},
	"one row": {TileW: 64, TileH: 64, Levels: 2, Areas: []slidetest.BIFArea{{Cols: 4, Rows: 1, OverlapsX: []int{4}}}},
	"never stored": {TileW: 64, TileH: 64, Levels: 2, Sparse: func(c, r int) bool { return (c+r)%3 == 1 },
		Areas: []slidetest.BIFArea{{Cols: 4, Rows: 5, OverlapsX: []int{8}, OverlapsY: []int{8}}}},
}

func openMade(t testing.TB, b slidetest.BIF) (tiles.Slide, error) {
	t.Helper()
	data := b.Make(t)
	return openData(data)
}

func openData(data []byte) (tiles.Slide, error) {
	f := Format(pure)
	src := tiles.NewSource("made.bif", bytes.NewReader(data), int64(len(data)))
	if err := f.Detect(src); err != nil {
		return nil, err
	}
	return f.Open(context.Background(), src)
}

func TestConformance(t *testing.T) {
	for name, b := range made {
		t.Run(name, func(t *testing.T) {
			slidetest.Run(t, func(t testing.TB) tiles.Slide {
				s, err := openMade(t, b)
				if err != nil {
					t.Fatal(err)
				}
				return s
			})
		})
	}
}

// whole reads a level; what was never stored has the background.
func whole(t testing.TB, s tiles.Slide, level int) *image.RGBA {
	t.Helper()
	l := s.Levels()[level]
	m := image.NewRGBA(image.Rect(0, 0, l.Width, l.Height))
	for row := range l.Rows() {
		for col := range l.Cols() {
			err := s.ReadTile(t.Context(), tiles.Key{Level: level, Col: col, Row: row}, m.SubImage(l.TileRect(col, row)).(*image.RGBA))
			if err != nil && !errors.Is(err, tiles.ErrMissing) {
				t.Fatal(err)
			}
		}
	}
	return m
}

// Every pixel of every level is where the maker put it.
func TestReadTile_EqualsMade(t *testing.T) {
	for name, b := range made {
		t.Run(name, func(t *testing.T) {
			s, err := openMade(t, b)
			if err != nil {
				t.Fatal(err)
			}
			if len(s.Levels()) != b.Levels || len(s.Info().Warnings) != 0 {
				t.Fatalf("levels %v, warnings %q", s.Levels(), s.Info().Warnings)
			}
			for level := range b.Levels {
				want, got := b.Picture(level, 235), whole(t, s, level)
				if got.Rect != want.Rect {
					t.Errorf("level %d: %v, want %v", level, got.Rect, want.Rect)
					continue
				}
				for i := range want.Pix {
					if got.Pix[i] != want.Pix[i] {
						x, y := i/4%want.Rect.Dx(), i/want.Stride
						t.Errorf("level %d: (%d,%d) is %v, want %v", level, x, y, got.RGBAAt(x, y), want.RGBAAt(x, y))
						break
					}
				}
			}
		})
	}
}

func TestOpen_Info(t *testing.T) {
	s, err := openMade(t, made["several areas"])
	if err != nil {
		t.Fatal(err)
	}
	in := s.Info()
	if in.Objective != 20 || in.MPPX != 0.465 || in.MPPFrom != "ventana.ScanRes" || in.Background != (color.NRGBA{R: 235, G: 235, B: 235, A: 255}) {
		t.Errorf("%+v", in)
	}
	for k, want := range map[string]string{
		"ventana.UnitNumber": "2000001", "openslide.vendor": "ventana", "openslide.mpp-y": "0.465", "openslide.objective-power": "20",
		"openslide.region[0].x": "40", "openslide.region[0].y": "200", "openslide.region[1].x": "320", "openslide.region[1].width": "296",
		"openslide.region[1].height": "124", "openslide.bounds-x": "40", "openslide.bounds-y": "0", "openslide.bounds-width": "576", "openslide.bounds-height": "384",
	} {
		if in.Properties[k] != want {
			t.Errorf("%s is %q, want %q", k, in.Properties[k], want)
		}
	}
	if fmt.Sprint(in.Associated) != "[macro thumbnail]" {
		t.Errorf("associated %v", in.Associated)
	}
	if l := s.Levels()[0]; l.TileWidth != 72 || l.TileHeight != 60 {
		t.Errorf("virtual tiles of %d×%d pixels, photos are 72×60 apart", l.TileWidth, l.TileHeight)
	}
}

// Ventana's TIFF has no XMP at level 0: tiles lie as they are stored.
func TestOpen_TIFF(t *testing.T) {
	b := slidetest.BIF{TileW: 64, TileH: 64, Levels: 2, Areas: []slidetest.BIFArea{{Cols: 4, Rows: 2}}}
	plain := b
	plain.XML = func(string) string { return "" }
	empty := b
	empty.XML = func(string) string { return "<EncodeInfo/>" }
	for name, b := range map[string]slidetest.BIF{"no XMP": plain, "no areas": empty} {
		s, err := openMade(t, b)
		if err != nil {
			t.Fatal(err)
		}
		if (len(s.Info().Warnings) > 0) != (name == "no areas") {
			t.Errorf("%s: warnings %q", name, s.Info().Warnings)
		}
		if !bytes.Equal(whole(t, s, 0).Pix, b.Picture(0, 0).Pix) || !bytes.Equal(whole(t, s, 1).Pix, b.Picture(1, 0).Pix) {
			t.Error(name, "differs")
		}
	}
}

// The mean of uneven overlaps lies between pixels; each photo is drawn at the
// nearest whole one.
func TestReadTile_NearestPixel(t *testing.T) {
	b := slidetest.BIF{TileW: 64, TileH: 64, Levels: 1, Areas: []slidetest.BIFArea{{Cols: 4, Rows: 2, OverlapsX: []int{3, 4, 4}, OverlapsY: []int{4}}}}
	s, err := openMade(t, b)
	if err != nil {
		t.Fatal(err)
	}
	if l := s.Levels()[0]; l.Width != 245 || l.Height != 124 { // 3×(64−11/3)+64
		t.Errorf("level of %d×%d pixels", l.Width, l.Height)
	}
	b.Areas[0].OverlapsX = []int{4, 3, 4} // 60⅓ → 60, 120⅔ → 121, 181
	if !bytes.Equal(whole(t, s, 0).Pix, b.Picture(0, 235).Pix) {
		t.Error("photos are not at the nearest pixels")
	}
}

// edit replaces the first of a text, which must be there.
func edit(from, to string) func(string) string {
	return func(s string) string {
		if !strings.Contains(s, from) {
			panic("the XML has no " + from)
		}
		return strings.Replace(s, from, to, 1)
	}
}

func all(from, to string) func(string) string {
	return func(s string) string { return strings.ReplaceAll(s, from, to) }
}

// broken XML of level 0, with a part of the error it must give.
var broken = map[string]struct {
	edit func(string) string
	want string
}{
	"negative rows":          {edit(`NumRows="3"`, `NumRows="-3"`), "NumRows"},
	"no rows":                {edit(`NumRows="3"`, `NumRows="0"`), "NumRows"},
	"rows and columns":       {edit(`NumRows="3" NumCols="3"`, `NumRows="65536" NumCols="65536"`), "are more than"},
	"columns overflow":       {edit(`NumCols="3"`, `NumCols="9223372036854775807"`), "NumCols"},
	"more rows than stored":  {edit(`NumRows="3"`, `NumRows="9"`), "outside the 9×4 stored"},
	"columns not a number":   {edit(`NumCols="3"`, `NumCols="NaN"`), "NumCols"},
	"tile number 0":          {edit(`Tile1="`, `Tile1="0" X="`), "Tile1"},
	"tile number too large":  {edit(`Tile2="`, `Tile2="10" X="`), "Tile2"},
	"confidence 0":           {all(`Confidence="99"`, `Confidence="0"`), "confidence 0"},
	"confidence negative":    {edit(`Confidence="99"`, `Confidence="-1"`), "Confidence"},
	"no direction":           {edit(`Direction="RIGHT"`, ``), "direction"},
	"direction":              {edit(`"RIGHT"`, `"SIDEWAYS"`), "SIDEWAYS"},
	"overlap of more":        {all(`OverlapX="8"`, `OverlapX="80"`), "lie"},
	"overlap infinite":       {edit(`OverlapX="8"`, `OverlapX="Inf"`), "OverlapX"},
	"wide gap":               {all(`OverlapX="8"`, `OverlapX="-800"`), "lie"},
	"position far":           {edit(`Pos-X="40.0"`, `Pos-X="1e300"`), "Pos-X"},
	"position absent":        {edit(`Pos-Y=`, `Pos-Z=`), "Pos-Y"},
	"area miles away":        {edit(`Pos-X="40.0"`, `Pos-X="2e9"`), "level"},
	"other tile size":        {edit(`Width="80"`, `Width="96"`), "96×64"},
	"origin between tiles":   {edit(`OriginX="400"`, `OriginX="401"`), "not divisible"},
	"origin outside":         {edit(`OriginX="400"`, `OriginX="4000"`), "outside"},
	"fewer origins":          {edit(`<AOI0 OriginX="0" OriginY="0"/>`, ``), "none of them its own"},
	"cut off":                {func(s string) string { return s[:len(s)/2] }, "XML"},
	"value without quotes":   {edit(`NumRows="3"`, `NumRows=3`), "quotes"},
	"unknown entity":         {edit(`NumRows="3"`, `NumRows="&x;"`), "entity"},
	"other root":             {all(`EncodeInfo`, `Info`), "no EncodeInfo"},
	"bomb":                   {func(string) string { return bomb }, "entity"},
	"deep":                   {func(string) string { return strings.Repeat("<a>", 100000) }, "deeper than"},
	"ends twice":             {edit(`</AoiOrigin>`, `</AoiOrigin></AoiOrigin>`), "ends nothing"},
	"areas over and over":    {func(s string) string { return repeatAreas(s, 40) }, "claim"},
	"more areas than can be": {func(s string) string { return repeatAreas(s, 5000) }, "more than"},
}

const bomb = `<?xml version="1.0"?><!DOCTYPE z [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><EncodeInfo X="&b;"/>`

// repeatAreas claims the same stored tiles many times.
func repeatAreas(s string, n int) string {
	i, j := strings.Index(s, "<ImageInfo"), strings.Index(s, "</ImageInfo>")+len("</ImageInfo>")
	one, origin := s[i:j], `<AOI0 OriginX="0" OriginY="0"/>`
	return strings.Replace(s[:i]+strings.Repeat(one, n)+s[j:], origin, strings.Repeat(origin, n), 1)
}

func TestOpen_Broken(t *testing.T) {
	for name, c := range broken {
		t.Run(name, func(t *testing.T) {
			b := made["several areas"]
			b.XML = c.edit
			data := b.Make(t)
			var err error
			slidetest.Cheap(t, 0, func() { _, err = openData(data) })
			var f *tiles.FormatError
			if !errors.As(err, &f) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want a FormatError with %q", err, c.want)
			}
		})
	}
}

// Odd, but readable.
func TestOpen_Warned(t *testing.T) {
	for name, c := range map[string]struct {
		edit, scan func(string) string
		want       string
	}{
		"no neighbours":      {edit: edit(`Tile1="7"`, `Tile1="1"`), want: "no neighbours"},
		"MPP of 72 dpi":      {scan: edit(`0.465`, `352.8`), want: "352.8"},
		"MPP is no number":   {scan: edit(`0.465`, `fine`), want: "fine"},
		"magnification huge": {scan: edit(`Magnification="20"`, `Magnification="1e9"`), want: "1e9"},
	} {
		b := made["several areas"]
		b.XML, b.Scan = c.edit, c.scan
		s, err := openMade(t, b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if w := strings.Join(s.Info().Warnings, "\n"); !strings.Contains(w, c.want) {
			t.Errorf("%s: warnings %q", name, w)
		}
	}
}

func TestDetect_Refuses(t *testing.T) {
	for name, scan := range map[string]func(string) string{
		"no iScan": all("iScan", "Other"), "too deep": edit("<Metadata>", "<Metadata><x>"), "cut off": edit("</Metadata>", ""), "no XMP": func(string) string { return "" },
	} {
		b := made["one area"]
		b.Scan = scan
		if _, err := openMade(t, b); err == nil {
			t.Errorf("%s is taken for Ventana's", name)
		}
	}
}

// Levels that cannot be are left out with a warning; a bad photo is a tile error
// where it is seen and nowhere else.
func TestOpen_Levels(t *testing.T) {
	b := made["one area"]
	data := b.Make(t)
	for name, c := range map[string]struct {
		level    int
		from, to string
		levels   int // 0: opening fails
	}{
		"magnification of a third": {1, "mag=10", "mag=13", 2}, "no magnification": {2, "mag=5", "gam=5", 2},
		"level 0 again": {1, "level=1", "level=0", 2}, "no level 0": {0, "level=0", "level=7", 0}, "level -1": {2, "level=2", "level=-", 2},
		"smaller magnification first": {0, "mag=20 ", "mag=2  ", 1},
	} {
		i := bytes.Index(data, []byte(fmt.Sprintf("level=%d", c.level)))
		edited := bytes.Clone(data)
		copy(edited[i:], bytes.Replace(data[i:i+30], []byte(c.from), []byte(c.to), 1))
		s, err := openData(edited)
		if c.levels == 0 {
			var f *tiles.FormatError
			if !errors.As(err, &f) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || len(s.Levels()) != c.levels || len(s.Info().Warnings) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadTile_BadPhoto(t *testing.T) {
	b := made["one area"]
	e := slidetest.Edit(t, b.Make(t)).Directory(2)
	at := int(e.Data[e.Entry(325)+8]) | int(e.Data[e.Entry(325)+9])<<8 | int(e.Data[e.Entry(325)+10])<<16
	e.Data[at+4*6] = 7 // the byte count of photo (1,1): far too few
	e.Data[at+4*6+1], e.Data[at+4*6+2] = 0, 0
	s, err := openData(e.Data)
	if err != nil {
		t.Fatal(err)
	}
	bad := 0
	l := s.Levels()[0]
	for row := range l.Rows() {
		for col := range l.Cols() {
			err := s.ReadTile(t.Context(), tiles.Key{Col: col, Row: row}, image.NewRGBA(image.Rectangle{Max: l.TileRect(col, row).Size()}))
			var te *tiles.TileError
			if errors.As(err, &te) {
				bad++
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
	if bad != 1 {
		t.Errorf("%d virtual tiles of %d cannot be read", bad, l.Cols()*l.Rows())
	}
}

// maxSeed keeps seeds short: the fuzzer would spend its time on making long ones
// shorter. TestOpen_Broken has them all.
const maxSeed = 8 << 10

func FuzzOpen(f *testing.F) {
	for _, c := range broken {
		b := slidetest.BIF{TileW: 16, TileH: 16, Levels: 2, Areas: made["several areas"].Areas}
		xml := ""
		b.XML = func(s string) string { xml = s; return s }
		b.Make(f)
		func() {
			defer func() { _ = recover() }() // an edit that finds nothing in this smaller slide
			if seed := c.edit(xml); len(seed) < maxSeed {
				f.Add([]byte(seed))
			}
		}()
	}
	small := slidetest.BIF{TileW: 16, TileH: 16, Levels: 2, Areas: []slidetest.BIFArea{{Cols: 9, Rows: 4}}}
	data := small.Make(f)
	f.Fuzz(func(t *testing.T, xml []byte) {
		if len(xml) == 0 {
			return
		}
		s, err := openData(slidetest.Edit(t, data).Directory(2).Text(700, string(xml)).Data)
		if err != nil {
			var fe *tiles.FormatError
			if !errors.As(err, &fe) {
				t.Fatalf("error of no known kind: %v", err)
			}
			return
		}
		for i, l := range s.Levels() {
			err := s.ReadTile(t.Context(), tiles.Key{Level: i}, image.NewRGBA(image.Rectangle{Max: l.TileRect(0, 0).Size()}))
			if err != nil && !errors.Is(err, tiles.ErrMissing) {
				t.Fatal(err)
			}
		}
	})
}

// What encoding/xml and walk both read is the same.
func FuzzWalk(f *testing.F) {
	for _, c := range broken {
		func() {
			defer func() { _ = recover() }()
			b := slidetest.BIF{TileW: 16, TileH: 16, Areas: []slidetest.BIFArea{{Cols: 3, Rows: 3, OverlapsX: []int{8}}}}
			if seed := c.edit(b.EncodeInfo()); len(seed) < maxSeed {
				f.Add(seed)
			}
		}()
	}
	f.Add(`<?xml version="1.0"?><!-- <x> --><!DOCTYPE a><a:b c='1"' d = "&lt;&#65;'"><![CDATA[<z>]]><e/>text &amp; more</a:b >`)
	f.Fuzz(func(t *testing.T, text string) {
		var ours, theirs []string
		if walk([]byte(text), func(path [][]byte, attrs values) error {
			line := fmt.Sprintf("%d %s", len(path), path[len(path)-1])
			for _, a := range attrs {
				line += fmt.Sprintf(" %s=%q", a.name, a.value)
			}
			ours = append(ours, line)
			return nil
		}) != nil || strings.Contains(text, "\r") { // which encoding/xml turns into line ends
			return
		}
		dec := xml.NewDecoder(strings.NewReader(text))
		dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
		for depth := 0; ; {
			tok, err := dec.RawToken()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return // it is stricter with texts and names
			}
			switch e := tok.(type) {
			case xml.StartElement:
				depth++
				line := fmt.Sprintf("%d %s", depth, e.Name.Local)
				for _, a := range e.Attr {
					line += fmt.Sprintf(" %s=%q", a.Name.Local, a.Value)
				}
				theirs = append(theirs, line)
			case xml.EndElement:
				depth--
			}
		}
		if strings.Join(ours, "\n") != strings.Join(theirs, "\n") {
			t.Fatalf("ours:\n%s\nencoding/xml's:\n%s", strings.Join(ours, "\n"), strings.Join(theirs, "\n"))
		}
	})
}

func FuzzParseScan(f *testing.F) {
	f.Add([]byte(`<?xml version="1.0"?><Metadata><iScan Magnification="20" ScanRes="0.465"><AOI0/></iScan></Metadata>`))
	f.Add([]byte(`<iScan X='1'/>`))
	f.Add([]byte(bomb))
	f.Fuzz(func(t *testing.T, data []byte) {
		scan, err := parseScan(data)
		if err != nil {
			return
		}
		for _, a := range scan {
			if a.value == "" || len(a.name)+len(a.value) > 2*maxValue {
				t.Fatalf("%q", a)
			}
		}
	})
}

// The XML of 20,000 photos.
func BenchmarkParseEncodeInfo(b *testing.B) {
	slide := slidetest.BIF{TileW: 1024, TileH: 1024, Areas: []slidetest.BIFArea{{Cols: 100, Rows: 200, OverlapsX: []int{8}}}}
	data := []byte(slide.EncodeInfo())
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseEncodeInfo(data); err != nil {
			b.Fatal(err)
		}
	}
}
