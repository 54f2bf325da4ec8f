package dicomfile_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/dicomfile"
	"coverslip/tiles/slidetest"
)

func parse(t testing.TB, data []byte) *dicomfile.File {
	t.Helper()
	f, err := dicomfile.Parse(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// frames are of odd and even lengths and begin as JPEG streams do.
func small() slidetest.DICOM {
	d := slidetest.DICOM{Width: 8, Height: 12, Tile: 4, Spacing: 0.00025, Table: "basic"}
	for i := range 6 {
		d.Frames = append(d.Frames, append([]byte{0xff, 0xd8, byte(i)}, bytes.Repeat([]byte{byte(i)}, 20+i)...))
	}
	return d
}

func checkFrames(t *testing.T, f *dicomfile.File, want [][]byte) *dicomfile.Frames {
	t.Helper()
	fr, err := f.Frames(len(want), int64(len(want[0])))
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range want {
		got, err := fr.Append([]byte("head"), i)
		if err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		if string(got[:4]) != "head" || !bytes.HasPrefix(got[4:], w) || len(got) > 4+len(w)+1 {
			t.Errorf("frame %d is %x, want %x", i, got, w)
		}
	}
	for _, i := range []int{-1, len(want)} {
		if _, err := fr.Append(nil, i); err == nil {
			t.Errorf("frame %d of %d is read", i, len(want))
		}
	}
	return fr
}

func TestFrames_ByEveryTable(t *testing.T) {
	for _, table := range []string{"basic", "extended", "none"} {
		for _, fragments := range []int{1, 3} {
			d := small()
			d.Table, d.Fragments = table, fragments
			if table == "extended" && fragments > 1 {
				continue // the standard forbids it
			}
			fr := checkFrames(t, parse(t, d.Data()), d.Frames)
			if fr.Warning != "" {
				t.Errorf("%s, %d fragments: %s", table, fragments, fr.Warning)
			}
		}
	}
}

func TestFrames_Native(t *testing.T) {
	for _, syntax := range []string{dicomfile.ImplicitLittle, dicomfile.ExplicitLittle} {
		d := small()
		d.Syntax = syntax
		for i := range d.Frames {
			d.Frames[i] = bytes.Repeat([]byte{byte(i)}, 48)
		}
		f := parse(t, d.Data())
		checkFrames(t, f, d.Frames)
		if _, err := f.Frames(7, 48); err == nil || !strings.Contains(err.Error(), "288 bytes where 7 frames") {
			t.Errorf("one frame too many: %v", err)
		}
	}
}

// A wrong table is passed over, with a warning.
func TestFrames_WrongTable(t *testing.T) {
	d := small()
	good := d.Data()
	at := bytes.Index(good, []byte{0xe0, 0x7f, 0x10, 0}) + 12 + 8
	for name, edit := range map[string]func([]byte){
		"odd": func(b []byte) { b[at+4]++ }, "behind the end": func(b []byte) { b[at+11] = 0x7f },
		"descending": func(b []byte) { copy(b[at+8:], []byte{0, 0, 0, 0}) }, "first": func(b []byte) { b[at] = 8 },
		"length": func(b []byte) { binary.LittleEndian.PutUint32(b[at-4:], 20); copy(b[at+20:], make([]byte, 4)) },
	} {
		b := bytes.Clone(good)
		edit(b)
		f := parse(t, b)
		fr, err := f.Frames(6, 0)
		if name == "length" { // what follows the table is no item then
			if err == nil {
				t.Error("a table that is too short is accepted")
			}
			continue
		}
		if err != nil || !strings.Contains(fr.Warning, "offset table") {
			t.Errorf("%s: %v", name, err)
			continue
		}
		checkFrames(t, f, d.Frames)
	}
	d.Table = "extended"
	b := d.Data()
	b[bytes.Index(b, []byte{0xe0, 0x7f, 1, 0})+12+8+6] = 1
	if fr := checkFrames(t, parse(t, b), d.Frames); !strings.Contains(fr.Warning, "behind the file's end") {
		t.Errorf("extended: %q", fr.Warning)
	}
}

func TestDataset_Values(t *testing.T) {
	for _, open := range []bool{false, true} {
		for _, syntax := range []string{dicomfile.ImplicitLittle, dicomfile.ExplicitLittle, dicomfile.JPEGBaseline} {
			d := small()
			d.Syntax, d.OpenSequences, d.Nested, d.ICC = syntax, open, 5, []byte("profile!")
			d.At = [][2]int{{1, 1}, {5, 1}, {1, 5}, {5, 5}, {1, 9}, {5, 9}}
			f := parse(t, d.Data())
			data := f.Data()
			if f.Syntax() != syntax {
				t.Errorf("syntax %s", f.Syntax())
			}
			if v, err := data.Texts(dicomfile.ImageType); err != nil || strings.Join(v, "|") != "ORIGINAL|PRIMARY|VOLUME|NONE" {
				t.Errorf("image type %q, %v", v, err)
			}
			if v, err := data.Text(0x00080070); err != nil || v != "Müller" {
				t.Errorf("Latin-1: %q, %v", v, err)
			}
			if v, err := data.Int(dicomfile.TotalRows, 0); err != nil || v != 12 {
				t.Errorf("rows %d, %v", v, err)
			}
			if v, err := data.Int(0x00990099, 7); err != nil || v != 7 {
				t.Errorf("absent: %d, %v", v, err)
			}
			if _, err := data.Floats(dicomfile.SOPClassUID); err == nil {
				t.Error("a UID is a number")
			}
			path, err := data.First(dicomfile.OpticalPaths)
			if err != nil || path == nil {
				t.Fatal(path, err)
			}
			if v, err := path.Bytes(dicomfile.ICCProfile, 100); err != nil || string(v) != "profile!" {
				t.Errorf("profile %q, %v", v, err)
			}
			if _, err := path.Bytes(dicomfile.ICCProfile, 7); err == nil {
				t.Error("the limit is passed")
			}
			var n int64
			err = data.Items(dicomfile.PerFrameGroups, func(i int, item *dicomfile.Dataset) error {
				p, err := item.First(dicomfile.PlanePositionSlide)
				if err != nil {
					return err
				}
				v, err := p.Int(dicomfile.RowPosition, 0)
				n += v
				return err
			})
			if err != nil || n != 30 {
				t.Errorf("rows of positions sum to %d, %v", n, err)
			}
		}
	}
}

func TestParse_Refuses(t *testing.T) {
	d := small()
	deep := func(open bool) []byte {
		d := small()
		d.Nested, d.OpenSequences = dicomfile.MaxDepth+3, open
		return d.Data()
	}
	good := d.Data()
	edit := func(tag uint32, shift int, v ...byte) []byte {
		b := bytes.Clone(good)
		at := bytes.Index(b[132:], []byte{byte(tag >> 16), byte(tag >> 24), byte(tag), byte(tag >> 8)}) + 132
		copy(b[at+shift:], v)
		return b
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty": {nil, "0 bytes"}, "short": {good[:100], "100 bytes"}, "no letters": {bytes.Replace(good, []byte("DICM"), []byte("DICN"), 1), "no DICM"},
		"TIFF": {append([]byte("II*\x00"), make([]byte, 200)...), "no DICM"}, "deep": {deep(true), "nested"},
		"unknown VR":                 {edit(0x00080016, 4, 'Z', 'Z'), "unknown VR"},
		"passes the end":             {edit(0x00480105, 8, 0xff, 0xff, 0xff, 0x7f), "passes the end"},
		"undefined length of a text": {edit(0x00480105, 4, 'U', 'T', 0, 0, 0xff, 0xff, 0xff, 0xff), "undefined length"},
		"item past the end":          {edit(0x00480105, 8, 0xff, 0xff, 0xff, 0xff), "an item is due"},
		"cut":                        {good[:bytes.Index(good, []byte{0x48, 0, 5, 1})+24], "passes the end"},
	} {
		_, err := dicomfile.Parse(bytes.NewReader(c.data), int64(len(c.data)))
		var fe *tiles.FormatError
		if !errors.As(err, &fe) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want …%s…", name, err, c.want)
		}
	}
	for _, syntax := range []string{dicomfile.Deflated, dicomfile.ExplicitBig} {
		d := small()
		d.Syntax = syntax
		b := d.Data()
		var ue *tiles.UnsupportedError
		if _, err := dicomfile.Parse(bytes.NewReader(b), int64(len(b))); !errors.As(err, &ue) || ue.Hint == "" {
			t.Errorf("%s: %v", syntax, err)
		}
	}
	// Deep sequences of defined length are skipped, and refused when walked.
	f := parse(t, deep(false))
	var into func(d *dicomfile.Dataset, tag dicomfile.Tag) error
	into = func(d *dicomfile.Dataset, tag dicomfile.Tag) error {
		return d.Items(tag, func(_ int, item *dicomfile.Dataset) error { return into(item, 0x00081140) })
	}
	if err := into(f.Data(), dicomfile.SharedGroups); err == nil || !strings.Contains(err.Error(), "nested") {
		t.Errorf("deep walk: %v", err)
	}
}

func TestFrames_Refuses(t *testing.T) {
	d := small()
	d.Table = "none"
	good := d.Data()
	pixels := bytes.Index(good, []byte{0xe0, 0x7f, 0x10, 0}) + 12
	edit := func(at int, v ...byte) []byte { b := bytes.Clone(good); copy(b[at:], v); return b }
	for name, c := range map[string]struct {
		data []byte
		n    int
		want string
	}{
		"more frames": {good, 7, "6 fragments"}, "fewer frames": {good, 5, "6 fragments"}, "no frame": {good, 0, "0 frames"},
		"millions": {good, 1 << 21, "cannot lie"}, "too many": {good, 1 << 30, "are read"},
		"fragment past the end": {edit(pixels+8+4, 0xff, 0xff, 0xff, 0x0f), 6, "passes the file's end"},
		"no item":               {edit(pixels+8, 1, 2), 6, "a fragment is due"}, "no table": {edit(pixels, 1, 2), 6, "offset table is due"},
		"no end": {good[:len(good)-8], 6, "has no end"}, "cut": {good[:len(good)-60], 6, "passes the file's end"},
	} {
		_, err := parse(t, c.data).Frames(c.n, 0)
		var fe *tiles.FormatError
		if !errors.As(err, &fe) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want …%s…", name, err, c.want)
		}
	}
	// An error of reading is not taken for one of the table.
	d.Table = "basic"
	b := d.Data()
	if _, err := dicomfile.Parse(broken{bytes.NewReader(b)}, int64(len(b))); !errors.Is(err, errGone) {
		t.Errorf("got %v", err)
	}
}

var errGone = errors.New("gone")

// broken fails behind the preamble.
type broken struct{ io.ReaderAt }

func (broken) ReadAt([]byte, int64) (int, error) { return 0, errGone }

func FuzzParse(f *testing.F) {
	for _, table := range []string{"basic", "extended", "none"} {
		for _, syntax := range []string{dicomfile.JPEGBaseline, dicomfile.ImplicitLittle, dicomfile.ExplicitLittle} {
			d := small()
			d.Table, d.Syntax, d.OpenSequences, d.Nested = table, syntax, table == "none", 2
			d.At = [][2]int{{1, 1}, {5, 1}}
			f.Add(d.Data())
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := dicomfile.Parse(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		seen := 0
		var visit func(d *dicomfile.Dataset, depth int)
		visit = func(d *dicomfile.Dataset, depth int) {
			if depth > dicomfile.MaxDepth+2 {
				t.Fatal("deeper than the limit")
			}
			for _, e := range d.Elements() {
				if seen++; seen > 1<<12 {
					return
				}
				if _, err := d.Texts(e.Tag); err != nil {
					continue
				}
				if v, err := d.Bytes(e.Tag, 1<<16); err == nil && len(v) > len(b) {
					t.Fatal("a value is longer than the file")
				}
				if err := d.Items(e.Tag, func(_ int, item *dicomfile.Dataset) error { visit(item, depth+1); return nil }); err != nil {
					continue
				}
			}
		}
		visit(file.Meta(), 0)
		visit(file.Data(), 0)
		n, err := file.Data().Int(dicomfile.NumberOfFrames, 1)
		if err != nil {
			return
		}
		fr, err := file.Frames(int(n), 48)
		if err != nil {
			return
		}
		for i := range min(fr.Len(), 16) {
			if got, err := fr.Append(nil, i); err == nil && len(got) > len(b) {
				t.Fatal("a frame is longer than the file")
			}
		}
	})
}

func BenchmarkDataset_Items(b *testing.B) {
	d := small()
	for i := range 10000 {
		d.At = append(d.At, [2]int{i, i})
	}
	data := d.Data()
	b.ReportAllocs()
	for b.Loop() {
		f := parse(b, data)
		n := 0
		err := f.Data().Items(dicomfile.PerFrameGroups, func(_ int, item *dicomfile.Dataset) error {
			p, err := item.First(dicomfile.PlanePositionSlide)
			if err != nil {
				return err
			}
			_, err = p.Int(dicomfile.RowPosition, 0)
			n++
			return err
		})
		if err != nil || n != 10000 {
			b.Fatal(n, err)
		}
	}
}

func BenchmarkFrames_Append(b *testing.B) {
	d := small()
	data := d.Data()
	fr, err := parse(b, data).Frames(6, 0)
	if err != nil {
		b.Fatal(err)
	}
	var buf []byte
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if buf, err = fr.Append(buf[:0], i%6); err != nil {
			b.Fatal(err)
		}
	}
}
