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

// broken is a file made by one edit of a good one; files beside it make it half
// of a slide.
type broken struct {
	data   []byte
	beside map[string][]byte
	when   slidetest.When
	want   string // part of the error, or of a warning
}

// find is where the value of an element of a short VR lies.
func find(t testing.TB, data []byte, tag uint32) int {
	t.Helper()
	i := bytes.Index(data[132:], []byte{byte(tag >> 16), byte(tag >> 24), byte(tag), byte(tag >> 8)})
	if i < 0 {
		t.Fatalf("the good file has no element %08x", tag)
	}
	return 132 + i + 8
}

func brokenFiles(t testing.TB) map[string]broken {
	with := func(change func(*slidetest.DICOM)) []byte { d := good(t, 0); change(&d); return d.Data() }
	edit := func(data []byte, tag uint32, shift int, v ...byte) []byte {
		copy(data[find(t, data, tag)+shift:], v)
		return data
	}
	g := good(t, 0).Data
	sp := func() []byte { return sparse(good(t, 0)).Data() }
	parts := split(good(t, 0), 4, 4, 4)
	const at, missing, warned = slidetest.AtTile, slidetest.Missing, slidetest.Warned
	soi := bytes.Index(g(), []byte{0xff, 0xd8, 0xff})
	sof := bytes.Index(g(), []byte{0xff, 0xc0, 0, 17})
	twin := good(t, 0)
	twin.UID = "1.2.3.77"
	return map[string]broken{
		"frame count too high":         {data: with(func(d *slidetest.DICOM) { d.Claim = 13 }), want: "13 frames"},
		"frame count too low":          {data: with(func(d *slidetest.DICOM) { d.Claim = 11 }), want: "frames"},
		"frame count in millions":      {data: with(func(d *slidetest.DICOM) { d.Claim = 4000000 }), want: "cannot lie"},
		"frame count 0":                {data: edit(g(), 0x00280008, 0, '0', ' '), want: "NumberOfFrames (0028,0008) is 0"},
		"frame count negative":         {data: edit(g(), 0x00280008, 0, '-', '1'), want: "is -1"},
		"frame count no number":        {data: edit(g(), 0x00280008, 0, 'x', 'y'), want: "no number"},
		"planes":                       {data: with(func(d *slidetest.DICOM) { d.FocalPlanes = 3 }), want: "3 focal planes"},
		"optical paths":                {data: with(func(d *slidetest.DICOM) { d.OptPaths = 2 }), want: "2 optical paths"},
		"two channels, one told":       {data: with(func(d *slidetest.DICOM) { d.Channels, d.OptPaths = 1, 2 }), want: "12 frames where 4×3 tiles in 1 focal planes and 2 optical paths"},
		"focal planes in millions":     {data: with(func(d *slidetest.DICOM) { d.FocalPlanes = 4000000 }), want: "is 4000000: 1 to 1024"},
		"path not described":           {data: pathless(), want: "optical path \"x\" is not described"},
		"as many planes as frames":     {data: planes2000(), want: "more than 1024 focal planes"},
		"high bit 6":                   {data: edit(g(), 0x00280102, 0, 6, 0), want: "highest bit of 8 is 6"},
		"matrix 2^32":                  {data: edit(g(), 0x00480006, 0, 0xff, 0xff, 0xff, 0xff), want: "4294967295"},
		"matrix 2^31":                  {data: edit(g(), 0x00480006, 0, 0xff, 0xff, 0xff, 0x7f), want: "tiles, more than"},
		"matrix 0":                     {data: edit(g(), 0x00480007, 0, 0, 0, 0, 0), want: "is 0"},
		"rows 0":                       {data: edit(g(), 0x00280010, 0, 0, 0), want: "Rows (0028,0010) is 0"},
		"frames of 65535":              {data: edit(edit(g(), 0x00280010, 0, 0xff, 0xff), 0x00280011, 0, 0xff, 0xff), want: "too large"},
		"samples 4":                    {data: edit(g(), 0x00280002, 0, 4, 0), want: "4 samples"},
		"bits 12":                      {data: edit(g(), 0x00280100, 0, 12, 0), want: "12 bits"},
		"stored 0 in 8":                {data: edit(g(), 0x00280101, 0, 9, 0), want: "9 bits stored"},
		"signed":                       {data: edit(g(), 0x00280103, 0, 1, 0), want: "signed"},
		"16-bit JPEG":                  {data: with(func(d *slidetest.DICOM) { d.Samples, d.Bits, d.Photometric = 1, 16, "MONOCHROME2" }), want: "16 bits"},
		"palette":                      {data: with(func(d *slidetest.DICOM) { d.Photometric = "PALETTE COLOR" }), want: "PALETTE COLOR"},
		"grey of 3 samples":            {data: with(func(d *slidetest.DICOM) { d.Photometric = "MONOCHROME2" }), want: "MONOCHROME2"},
		"HTJ2K":                        {data: with(func(d *slidetest.DICOM) { d.Syntax = "1.2.840.10008.1.2.4.202" }), want: "HTJ2K"},
		"JPEG XL":                      {data: with(func(d *slidetest.DICOM) { d.Syntax = "1.2.840.10008.1.2.4.110" }), want: "JPEG XL"},
		"no RLE":                       {data: brokenRLE(), when: at, want: "RLE"},
		"deflated":                     {data: with(func(d *slidetest.DICOM) { d.Syntax = "1.2.840.10008.1.2.1.99" }), want: "deflated"},
		"unknown syntax":               {data: with(func(d *slidetest.DICOM) { d.Syntax = "1.2.3.4.5" }), want: "transfer syntax 1.2.3.4.5"},
		"big endian":                   {data: with(func(d *slidetest.DICOM) { d.Syntax = "1.2.840.10008.1.2.2" }), want: "big endian"},
		"deep":                         {data: with(func(d *slidetest.DICOM) { d.Nested, d.OpenSequences = 1000, true }), want: "nested"},
		"deep, lengths known":          {data: with(func(d *slidetest.DICOM) { d.Nested = 1000 }), when: warned, want: ""},
		"layout unknown":               {data: edit(g(), 0x00209311, 0, 'X'), want: "XILED_FULL"},
		"position outside":             {data: edit(sp(), 0x0048021e, 0, 0x01, 0x01), want: "outside the matrix"},
		"position 0":                   {data: edit(sp(), 0x0048021e, 0, 0), want: "outside the matrix"},
		"position negative":            {data: edit(sp(), 0x0048021f, 0, 0xff, 0xff, 0xff, 0xff), want: "outside the matrix"},
		"position off the grid":        {data: edit(sp(), 0x0048021e, 0, 9), want: "off the tile grid"},
		"positions at one place":       {data: edit(sp(), 0x0048021e, 0, 129), want: "several frames at one place"},
		"positions missing":            {data: edit(sp(), 0x52009230, -6, 0x31), want: "positions of 0"},
		"window of width 0":            {data: windowless(), when: warned, want: "width 0"},
		"native, cut":                  {data: plain(3, 8, "RGB").Data()[:20000], want: "passes the end"},
		"native, too short":            {data: short(), want: "bytes where 12 frames"},
		"no pixel data":                {data: edit(g(), 0x7fe00010, -6, 0x11), want: "no pixel data"},
		"first part alone":             {data: parts[0].Data(), want: "frames from 4 on"},
		"middle part missing":          {data: parts[0].Data(), beside: map[string][]byte{"c": parts[2].Data()}, want: "frames 4 to 7 are in no file of the folder (2 of 3 parts are there)"},
		"first part missing":           {data: parts[1].Data(), beside: map[string][]byte{"c": parts[2].Data()}, want: "frames 0 to 3"},
		"two versions":                 {data: g(), beside: map[string][]byte{"c": twin.Data()}, want: "several images"},
		"only a label":                 {data: with(func(d *slidetest.DICOM) { d.Kind = "LABEL" }), want: "no level"},
		"a copy beside":                {data: g(), beside: map[string][]byte{"copy": g()}, when: warned, want: "copy"},
		"a broken level beside":        {data: g(), beside: map[string][]byte{"low": edit(good(t, 1).Data(), 0x00280010, 0, 0, 0)}, when: warned, want: "low left out"},
		"half of a lower level beside": {data: g(), beside: map[string][]byte{"low": split(good(t, 1), 2, 2)[0].Data()}, when: warned, want: "100×75 pixels left out"},
		"a cut level beside":           {data: g(), beside: map[string][]byte{"low": good(t, 1).Data()[:1200]}, when: warned, want: "low left out"},
		"odd table":                    {data: edit(g(), 0x7fe00010, 12+4, 1), when: warned, want: "offset table"},
		"table behind the end":         {data: edit(g(), 0x7fe00010, 12+7, 0x7f), when: warned, want: "offset table"},
		"spacing 0":                    {data: with(func(d *slidetest.DICOM) { d.Spacing = 1e-9 }), when: warned, want: "µm per pixel"},
		"frame of 65500":               {data: put(g(), sof+5, 0xff, 0xdc, 0xff, 0xdc), when: at, want: "65500×65500"},
		"frame too small":              {data: put(g(), sof+5, 0, 32, 0, 32), when: at, want: "32×32"},
		"frame of 12 bits":             {data: put(g(), sof+4, 12), when: at, want: "12 bits"},
		"frame is zeros":               {data: put(g(), soi, make([]byte, 20)...), when: at, want: "start-of-image"},
		"frame's item gone":            {data: put(g(), soi-8, 1, 2), when: at, want: "offset table is wrong"},
		"frame's item too long":        {data: put(g(), soi-4, 0xff, 0xff, 0xff, 0x0f), when: at, want: "offset table is wrong"},
		"frame missing":                {data: moved(t), when: missing},
	}
}

func put(data []byte, at int, v ...byte) []byte { copy(data[at:], v); return data }

// pathless names an optical path that is not described.
func pathless() []byte {
	d := plain(1, 8, "MONOCHROME2")
	d.Frames, d.At, d.PathOf = d.Frames[:1], [][2]int{{1, 1}}, []string{"x"}
	d.Paths = []slidetest.DICOMPath{{ID: "a"}, {ID: "b"}}
	return d.Data()
}

// planes2000 says of each of 2000 frames that it is a focal plane of its own.
func planes2000() []byte {
	d := slidetest.DICOM{Width: 16, Height: 16, Tile: 16, Samples: 1, Photometric: "MONOCHROME2", Syntax: "1.2.840.10008.1.2.1"}
	for i := range 2000 {
		d.Frames, d.At, d.ZOf = append(d.Frames, make([]byte, 256)), append(d.At, [2]int{1, 1}), append(d.ZOf, float64(i))
	}
	return d.Data()
}

// brokenRLE holds one frame of run-length encoding that is none; the others
// are a flat picture.
func brokenRLE() []byte {
	d := plain(1, 8, "MONOCHROME2")
	d.Syntax = "1.2.840.10008.1.2.5"
	for i := range d.Frames {
		d.Frames[i] = runs(32*32, byte(i))
	}
	d.Frames[0] = []byte("nothing of the kind")
	return d.Data()
}

// runs is a frame of n samples of one value, PS3.5 annex G.
func runs(n int, v byte) []byte {
	out := make([]byte, 64)
	out[0], out[4] = 1, 64
	for ; n > 0; n -= 128 {
		out = append(out, byte(257-min(n, 128)), v)
	}
	return out
}

// windowless has a display window of no width.
func windowless() []byte {
	d := plain(1, 16, "MONOCHROME2")
	d.Window = []float64{100, 0}
	return d.Data()
}

// short lacks the last frame.
func short() []byte {
	d := plain(3, 8, "RGB")
	d.Frames, d.Claim = d.Frames[:11], 12
	return d.Data()
}

// moved has no frame at tile (0,0).
func moved(t testing.TB) []byte {
	d := good(t, 0)
	d.Frames, d.At = d.Frames[:1], [][2]int{{65, 65}}
	return d.Data()
}

func TestBroken(t *testing.T) {
	for name, b := range brokenFiles(t) {
		t.Run(name, func(t *testing.T) {
			dir := folder(t, b.beside)
			path := filepath.Join(dir, "broken.dcm")
			if err := os.WriteFile(path, b.data, 0o600); err != nil {
				t.Fatal(err)
			}
			slidetest.Cheap(t, 16<<20, func() { check(t, b, path) })
		})
	}
}

func check(t *testing.T, b broken, path string) {
	t.Helper()
	s, err := formats.Open(context.Background(), path)
	if b.when == slidetest.AtOpen {
		var f *tiles.FormatError
		var u *tiles.UnsupportedError
		switch {
		case err == nil:
			t.Errorf("opens with levels %v", s.Levels())
			s.Close()
		case !errors.As(err, &f) && !errors.As(err, &u) || !strings.Contains(err.Error(), b.want) || !strings.Contains(err.Error(), path):
			t.Errorf("got %v (%T), want …%s…", err, err, b.want)
		}
		return
	}
	if err != nil {
		t.Fatal("must open:", err)
	}
	defer s.Close()
	m, err := tile(t, s, tiles.Key{})
	var te *tiles.TileError
	switch b.when {
	case slidetest.AtTile:
		if !errors.As(err, &te) || !strings.Contains(err.Error(), b.want) {
			t.Errorf("tile: got %v, want …%s…", err, b.want)
		}
	case slidetest.Missing:
		if !errors.Is(err, tiles.ErrMissing) || m.Pix[0] != 255 {
			t.Errorf("tile: got %v, pixel %v", err, m.Pix[:4])
		}
	case slidetest.Warned:
		if err != nil || !strings.Contains(strings.Join(s.Info().Warnings, "\n"), b.want) {
			t.Errorf("tile %v, warnings %q", err, s.Info().Warnings)
		}
	}
	if _, err := tile(t, s, tiles.Key{Col: 1, Row: 1}); err != nil { // the slide must stay usable
		t.Errorf("the next tile: %v", err)
	}
}

// A link that leads out of the folder is not followed.
func TestOpen_StaysInFolder(t *testing.T) {
	outside := folder(t, map[string][]byte{"a1.dcm": good(t, 1).Data()})
	dir := folder(t, map[string][]byte{"b0.dcm": good(t, 0).Data()})
	if err := os.Symlink(filepath.Join(outside, "a1.dcm"), filepath.Join(dir, "a1.dcm")); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	s := openUntil(t, filepath.Join(dir, "b0.dcm"))
	if len(s.Levels()) != 1 || !strings.Contains(strings.Join(s.Info().Warnings, ""), "leads out") {
		t.Errorf("levels %v, warnings %q", s.Levels(), s.Info().Warnings)
	}
}

func FuzzOpen(f *testing.F) {
	for _, b := range brokenFiles(f) {
		if len(b.data) < 30000 {
			f.Add(b.data)
		}
	}
	f.Add(good(f, 1).Data())
	f.Add(sparse(good(f, 0)).Data())
	for _, d := range []slidetest.DICOM{stack(), spread(), packed(), halfChroma()} {
		d.Width, d.Height = 32, 32
		if d.At == nil {
			d.Frames = d.Frames[:max(1, d.FocalPlanes)*max(1, d.OptPaths)]
		}
		f.Add(d.Data())
	}
	codecs := codec.New(codec.Options{NoNative: true}) // C libraries have fuzzers of their own
	f.Fuzz(func(t *testing.T, data []byte) {
		src := tiles.NewSource("fuzz", bytes.NewReader(data), int64(len(data)))
		s, err := formats.OpenSource(context.Background(), src, codecs)
		if err != nil {
			return
		}
		defer s.Close()
		for level, l := range s.Levels() {
			r := l.TileRect(0, 0)
			if r.Dx()*r.Dy() > 1<<20 {
				continue
			}
			err = s.ReadTile(context.Background(), tiles.Key{Level: level}, image.NewRGBA(image.Rectangle{Max: r.Size()}))
			var te *tiles.TileError
			if err != nil && !errors.As(err, &te) && !errors.Is(err, tiles.ErrMissing) {
				t.Fatalf("tile error of no known kind: %v", err)
			}
		}
	})
}
