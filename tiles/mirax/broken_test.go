package mirax

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/slidetest"
)

// bomb is a zlib stream of n zeros.
func bomb(t testing.TB, n int) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	if _, err := w.Write(make([]byte, n)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// broken is a good slide with one edit, and what opening it must say.
type broken struct {
	packed bool
	edit   func(f *slidetest.MiraxFiles)
	want   string
	kind   any // of the error; a *tiles.FormatError where it is nil
}

// repack puts bytes where the positions are and makes the index point to them.
func repack(f *slidetest.MiraxFiles, data []byte) {
	at := f.NonPages[2] + 8 + 8
	f.SetIndex(at, int32(len(f.Files["Data0000.dat"])))
	f.SetIndex(at+4, int32(len(data)))
	f.Files["Data0000.dat"] = append(f.Files["Data0000.dat"], data...)
}

// item is the offset of a number of an item of level 0.
func item(f *slidetest.MiraxFiles, i, field int) int { return f.Pages[0] + 8 + 16*i + 4*field }

// plainPositions is where plain's photos lie, as the file has it.
const plainPositions = 6 * 6

// brokenSettings are slides with an edit of Slidedat.ini or of the files.
func brokenSettings() map[string]broken {
	key := func(k, v string) func(*slidetest.MiraxFiles) {
		return func(f *slidetest.MiraxFiles) { f.SetKey(k, v) }
	}
	return map[string]broken{
		"settings too large": {edit: func(f *slidetest.MiraxFiles) { f.Files["Slidedat.ini"] = make([]byte, maxIniBytes+1) }, want: "bytes, more than"},
		"settings of a million keys": {edit: func(f *slidetest.MiraxFiles) {
			f.Files["Slidedat.ini"] = append([]byte("[A]\n"), bytes.Repeat([]byte("a=1\n"), 1<<19)...)
		}, want: "more than 65536 keys"},
		"settings empty":      {edit: cut("Slidedat.ini", 0), want: "no section [GENERAL]"},
		"settings garbage":    {edit: func(f *slidetest.MiraxFiles) { f.Files["Slidedat.ini"] = bytes.Repeat([]byte{7, 255, 0}, 900) }, want: "no section [GENERAL]"},
		"no identifier":       {edit: key("SLIDE_ID", ""), want: "SLIDE_ID"},
		"another's index":     {edit: key("SLIDE_ID", "X"+strings.Repeat("0", 31)), want: "another slide's"},
		"no images":           {edit: key("IMAGENUMBER_X", "0"), want: "IMAGENUMBER_X=0 must lie between"},
		"images not a number": {edit: key("IMAGENUMBER_Y", "many"), want: `"many" is no number`},
		"half an image":       {edit: key("IMAGENUMBER_Y", "2.5"), want: "no whole number"},
		"huge": {edit: func(f *slidetest.MiraxFiles) {
			f.SetKey("IMAGENUMBER_X", "1048576")
			f.SetKey("IMAGENUMBER_Y", "1048576")
		}, want: "make 524288×524288 photos"},
		"huge pixels":          {edit: func(f *slidetest.MiraxFiles) { f.SetKey("DIGITIZER_WIDTH", "8192"); f.SetKey("OVERLAP_X", "-8192e6") }, want: "must lie between"},
		"image side 0":         {edit: key("DIGITIZER_HEIGHT", "0"), want: "DIGITIZER_HEIGHT=0"},
		"divisions 0":          {edit: key("CameraImageDivisionsPerSide", "0"), want: "CameraImageDivisionsPerSide=0"},
		"divisions more":       {edit: key("CameraImageDivisionsPerSide", "64"), want: "make 0×0 photos"},
		"concatenated 2^40":    {edit: key("IMAGE_CONCAT_FACTOR", "40"), want: "IMAGE_CONCAT_FACTOR=40"},
		"no zoom level":        {edit: key("HIER_0_NAME", "Something"), want: "HIER_0_NAME", kind: new(*tiles.UnsupportedError)},
		"10^9 zoom levels":     {edit: key("HIER_0_COUNT", "1000000000"), want: "HIER_0_COUNT"},
		"10^9 hierarchies":     {edit: key("HIER_COUNT", "1000000000"), want: "HIER_COUNT"},
		"10^9 data files":      {edit: key("FILE_COUNT", "1000000000"), want: "FILE_COUNT"},
		"JPEG XR":              {edit: key("IMAGE_FORMAT", "JPEGXR"), want: "JPEG XR", kind: new(*tiles.UnsupportedError)},
		"unknown format":       {edit: key("IMAGE_FORMAT", "FLIF"), want: `"FLIF"`, kind: new(*tiles.UnsupportedError)},
		"data file outside":    {edit: key("FILE_0", "../made.mrxs"), want: "leads out of the slide's folder"},
		"data file absolute":   {edit: key("FILE_0", "/etc/passwd"), want: "leads out of the slide's folder"},
		"data file on a drive": {edit: key("FILE_0", `C:\x`), want: "leads out of the slide's folder"},
		"index outside":        {edit: key("INDEXFILE", `..\..\x`), want: "leads out of the slide's folder"},
		"data file missing":    {edit: func(f *slidetest.MiraxFiles) { delete(f.Files, "Data0000.dat") }, want: "file Data0000.dat is missing"},
		"index missing":        {edit: func(f *slidetest.MiraxFiles) { delete(f.Files, "Index.dat") }, want: "file Index.dat is missing"},
		"index empty":          {edit: cut("Index.dat", 0), want: "too short"},
		"index version":        {edit: func(f *slidetest.MiraxFiles) { copy(f.Files["Index.dat"], "09.99") }, want: "09.99", kind: new(*tiles.UnsupportedError)},
	}
}

// number overwrites a number of the index.
func number(at func(*slidetest.MiraxFiles) int, v int32) func(*slidetest.MiraxFiles) {
	return func(f *slidetest.MiraxFiles) { f.SetIndex(at(f), v) }
}

// cut shortens a file.
func cut(name string, n int) func(*slidetest.MiraxFiles) {
	return func(f *slidetest.MiraxFiles) { f.Files[name] = f.Files[name][:n] }
}

// brokenIndexes are slides with an edit of the index or of the positions.
func brokenIndexes(t testing.TB) map[string]broken {
	return map[string]broken{
		"index without tables":     {edit: cut("Index.dat", 5+32+8), want: "table of records"},
		"levels' table negative":   {edit: number(func(f *slidetest.MiraxFiles) int { return f.Hier - 8 }, -5), want: "table of records"},
		"levels' table past end":   {edit: number(func(f *slidetest.MiraxFiles) int { return f.Hier - 8 }, math.MaxInt32), want: "table of records"},
		"others' table past end":   {edit: number(func(f *slidetest.MiraxFiles) int { return f.Hier - 4 }, math.MaxInt32), want: "positions of the photos"},
		"record negative":          {edit: number(func(f *slidetest.MiraxFiles) int { return f.Hier }, -8), want: "record 0"},
		"record past end":          {edit: number(func(f *slidetest.MiraxFiles) int { return f.Hier }, math.MaxInt32), want: "record 0"},
		"record begins with items": {edit: number(func(f *slidetest.MiraxFiles) int { return f.Pages[0] - 8 }, 3), want: "begins with 3 items"},
		"page loop":                {edit: func(f *slidetest.MiraxFiles) { f.SetIndex(f.Pages[0]+4, int32(f.Pages[0])) }, want: "loop"},
		"empty page loop": {edit: func(f *slidetest.MiraxFiles) {
			f.SetIndex(f.Pages[0], 0)
			f.SetIndex(f.Pages[0]+4, int32(f.Pages[0]))
		}, want: "loop"},
		"page of -1 items":      {edit: number(func(f *slidetest.MiraxFiles) int { return f.Pages[0] }, -1), want: "claims -1 items"},
		"page of 2^31 items":    {edit: number(func(f *slidetest.MiraxFiles) int { return f.Pages[0] }, math.MaxInt32), want: "claims 2147483647 items"},
		"next page negative":    {edit: number(func(f *slidetest.MiraxFiles) int { return f.Pages[0] + 4 }, -1), want: "next page at -1"},
		"image negative":        {edit: number(func(f *slidetest.MiraxFiles) int { return item(f, 3, 0) }, -1), want: "item 3: image -1"},
		"image beyond":          {edit: number(func(f *slidetest.MiraxFiles) int { return item(f, 3, 0) }, 1<<30), want: "row 89478485"},
		"offset negative":       {edit: number(func(f *slidetest.MiraxFiles) int { return item(f, 3, 1) }, -1), want: "at -1"},
		"length negative":       {edit: number(func(f *slidetest.MiraxFiles) int { return item(f, 3, 2) }, -1), want: "-1 bytes"},
		"file negative":         {edit: number(func(f *slidetest.MiraxFiles) int { return item(f, 3, 3) }, -1), want: "data file -1 of 1"},
		"file beyond":           {edit: number(func(f *slidetest.MiraxFiles) int { return item(f, 3, 3) }, 1), want: "data file 1 of 1"},
		"nothing stored":        {edit: number(func(f *slidetest.MiraxFiles) int { return f.Pages[0] }, 0), want: ""},
		"positions in no file":  {edit: number(func(f *slidetest.MiraxFiles) int { return f.NonPages[2] + 24 }, 7), want: "data file 7 of 1"},
		"positions of no items": {edit: number(func(f *slidetest.MiraxFiles) int { return f.NonPages[2] }, 0), want: "0 items"},
		"positions past end":    {edit: number(func(f *slidetest.MiraxFiles) int { return f.NonPages[2] + 16 }, math.MaxInt32), want: "positions of the photos"},
		"positions 2 GiB":       {edit: number(func(f *slidetest.MiraxFiles) int { return f.NonPages[2] + 20 }, math.MaxInt32), want: "positions of the photos"},
		"positions too few":     {edit: func(f *slidetest.MiraxFiles) { repack(f, make([]byte, 9*plainPositions-9)) }, want: "324 are due"},
		"positions heaped":      {edit: func(f *slidetest.MiraxFiles) { heap(t, f) }, want: "photos overlap near"},
		"positions all at 0":    {edit: func(f *slidetest.MiraxFiles) { f.SetIndex(item(f, 0, 0), 2); repack(f, make([]byte, 9*plainPositions)) }, want: ""},
		"positions at 2^31":     {edit: func(f *slidetest.MiraxFiles) { repack(f, far(plainPositions)) }, want: ""},
		"stitching bomb":        {packed: true, edit: func(f *slidetest.MiraxFiles) { repack(f, bomb(t, 40<<20)) }, want: "holds more than"},
		"stitching short":       {packed: true, edit: func(f *slidetest.MiraxFiles) { repack(f, bomb(t, 9*plainPositions-1)) }, want: "ends or breaks"},
		"stitching garbage":     {packed: true, edit: func(f *slidetest.MiraxFiles) { repack(f, bytes.Repeat([]byte{0x55}, 500)) }, want: "stitching layer"},
		"stitching cannot hold": {packed: true, edit: func(f *slidetest.MiraxFiles) {
			f.SetKey("IMAGENUMBER_X", "4096")
			f.SetKey("IMAGENUMBER_Y", "4096")
		}, want: "cannot hold 4194304 positions"},
	}
}

// heap makes a slide of many photos that lie on one another.
func heap(t testing.TB, f *slidetest.MiraxFiles) {
	o := plain()
	o.Cols, o.Rows, o.Divisions, o.Images, o.Levels, o.Pictures = 40, 40, 1, nil, 1, 40
	o.Position = func(col, row int) image.Point { return image.Pt(col, row) }
	*f = *slidetest.MakeMirax(t, o)
}

// far is positions at the end of what a number can say.
func far(n int) (out []byte) {
	for range n {
		out = append(out, 1)
		out = binary.LittleEndian.AppendUint32(out, math.MaxInt32)
		out = binary.LittleEndian.AppendUint32(out, 1<<31)
	}
	return out
}

func TestOpen_Broken(t *testing.T) {
	o := plain()
	good := slidetest.MakeMirax(t, o)
	o.Packed = true
	packed := slidetest.MakeMirax(t, o)
	slides := brokenSettings()
	maps.Copy(slides, brokenIndexes(t))
	for name, c := range slides {
		t.Run(name, func(t *testing.T) {
			f := good.Clone()
			if c.packed {
				f = packed.Clone()
			}
			c.edit(f)
			path := f.Write(t)
			var err error
			slidetest.Cheap(t, 48<<20, func() {
				var s tiles.Slide
				if s, err = openWith(path, codec.Default()); err == nil {
					s.Close()
				}
			})
			if err == nil {
				if c.want != "" {
					t.Fatal("opens")
				}
				return
			}
			var fe *tiles.FormatError
			var ue *tiles.UnsupportedError
			typed := errors.As(err, &fe)
			if c.kind != nil {
				typed = errors.As(err, &ue)
			}
			if !typed || !strings.Contains(err.Error(), c.want) || c.want == "" {
				t.Errorf("got %v (%T), want …%s…", err, err, c.want)
			}
		})
	}
}

func TestDetect(t *testing.T) {
	path := slidetest.MakeMirax(t, plain()).Write(t)
	dir := strings.TrimSuffix(path, ".mrxs")
	if err := os.Remove(filepath.Join(dir, "Slidedat.ini")); err != nil {
		t.Fatal(err)
	}
	if _, err := openWith(path, codec.Default()); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "folder made with Slidedat.ini") {
		t.Errorf("without settings: %v", err)
	}
	other := filepath.Join(t.TempDir(), "x.tif")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openWith(other, codec.Default()); err == nil || !strings.Contains(err.Error(), ".mrxs") {
		t.Errorf("another name: %v", err)
	}
}

// What is wrong with a higher level, an associated image or a flag does not keep
// the slide from opening.
func TestOpen_Warned(t *testing.T) {
	good := slidetest.MakeMirax(t, plain())
	for name, c := range map[string]struct {
		edit   func(*slidetest.MiraxFiles)
		want   string
		levels int
	}{
		"level 2 loops":         {func(f *slidetest.MiraxFiles) { f.SetIndex(f.Pages[2]+4, int32(f.Pages[2])) }, "zoom level 2 left out", 3},
		"level 3 is JPEG XR":    {func(f *slidetest.MiraxFiles) { lastKey(f, "IMAGE_FORMAT", "JPEGXR") }, "JPEG XR", 3},
		"level 3 not joined":    {func(f *slidetest.MiraxFiles) { lastKey(f, "IMAGE_CONCAT_FACTOR", "0") }, "IMAGE_CONCAT_FACTOR=0", 3},
		"level 3 off its grid":  {func(f *slidetest.MiraxFiles) { f.SetIndex(f.Pages[3]+8, 1) }, "multiples of 8", 3},
		"label in no file":      {func(f *slidetest.MiraxFiles) { f.SetIndex(f.NonPages[0]+24, 9) }, "label image left out", 4},
		"label of odd kind":     {func(f *slidetest.MiraxFiles) { f.SetKey("BARCODE_IMAGE_TYPE", "TIFF") }, "label image left out", 4},
		"mpp":                   {func(f *slidetest.MiraxFiles) { f.SetKey("MICROMETER_PER_PIXEL_X", "352.8") }, "MICROMETER_PER_PIXEL", 4},
		"objective":             {func(f *slidetest.MiraxFiles) { f.SetKey("OBJECTIVE_MAGNIFICATION", "big") }, "objective", 4},
		"lines without meaning": {func(f *slidetest.MiraxFiles) { f.Files["Slidedat.ini"] = append(f.Files["Slidedat.ini"], "what?\n"...) }, "1 lines", 4},
		"flag": {func(f *slidetest.MiraxFiles) {
			b := f.Files["Data0000.dat"]
			b[len(b)-9] = 8
		}, "flag of unknown meaning", 4},
		"fill colour": {func(f *slidetest.MiraxFiles) { f.SetKey("IMAGE_FILL_COLOR_BGR", "none") }, "no fill colour", 4},
	} {
		t.Run(name, func(t *testing.T) {
			f := good.Clone()
			c.edit(f)
			s := mustOpen(t, f.Write(t))
			defer s.Close()
			if got := strings.Join(s.Info().Warnings, "\n"); !strings.Contains(got, c.want) {
				t.Errorf("warnings %q", got)
			}
			if len(s.Levels()) != c.levels {
				t.Errorf("levels %+v", s.Levels())
			}
			m := image.NewRGBA(image.Rectangle{Max: s.Levels()[0].TileRect(0, 0).Size()})
			if err := s.ReadTile(context.Background(), tiles.Key{}, m); err != nil {
				t.Error(err)
			}
		})
	}
}

// lastKey overwrites the last value of a key.
func lastKey(f *slidetest.MiraxFiles, key, value string) {
	s := string(f.Files["Slidedat.ini"])
	i := strings.LastIndex(s, "\n"+key+" = ") + len(key) + 4
	f.Files["Slidedat.ini"] = []byte(s[:i] + value + s[i+strings.IndexAny(s[i:], "\r\n"):])
}

// One bad image spoils the tiles it lies on and no others.
func TestReadTile_Broken(t *testing.T) {
	good := slidetest.MakeMirax(t, plain())
	for name, c := range map[string]struct {
		edit func(f *slidetest.MiraxFiles)
		want string
	}{
		"past end": {func(f *slidetest.MiraxFiles) { f.SetIndex(item(f, 0, 1), math.MaxInt32) }, "lie behind the file's end"},
		"2 GiB":    {func(f *slidetest.MiraxFiles) { f.SetIndex(item(f, 0, 2), math.MaxInt32) }, "more than"},
		"cut": {func(f *slidetest.MiraxFiles) {
			f.SetIndex(item(f, 0, 2), 300)
		}, "image 0 (300 bytes"},
		"not a JPEG":   {func(f *slidetest.MiraxFiles) { f.SetIndex(item(f, 0, 1), 20) }, "image 0"},
		"another size": {func(f *slidetest.MiraxFiles) { label(f) }, "20×30"},
	} {
		t.Run(name, func(t *testing.T) {
			f := good.Clone()
			c.edit(f)
			s := mustOpen(t, f.Write(t))
			defer s.Close()
			l := s.Levels()[0]
			var te *tiles.TileError
			err := s.ReadTile(context.Background(), tiles.Key{}, image.NewRGBA(image.Rectangle{Max: l.TileRect(0, 0).Size()}))
			if !errors.As(err, &te) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want …%s…", err, c.want)
			}
			k := tiles.Key{Col: 1}
			if err := s.ReadTile(context.Background(), k, image.NewRGBA(image.Rectangle{Max: l.TileRect(1, 0).Size()})); err != nil {
				t.Error("the next tile:", err)
			}
		})
	}
	f := good.Clone()
	f.SetIndex(item(f, 0, 2), 0) // no bytes: never stored
	s := mustOpen(t, f.Write(t))
	defer s.Close()
	m := image.NewRGBA(image.Rectangle{Max: s.Levels()[0].TileRect(0, 0).Size()})
	if err := s.ReadTile(context.Background(), tiles.Key{}, m); err != nil {
		t.Error(err)
	}
	if b := s.Info().Background; m.Pix[0] != b.R || m.Pix[1] != b.G || m.Pix[2] != b.B {
		t.Errorf("where nothing is stored there is %v", m.Pix[:4])
	}
}

// label makes the first image of level 0 the label.
func label(f *slidetest.MiraxFiles) {
	for i := range 2 {
		b := f.Files["Index.dat"]
		f.SetIndex(item(f, 0, 1+i), int32(binary.LittleEndian.Uint32(b[f.NonPages[0]+16+4*i:])))
	}
}

// A file that is cut while the slide is open breaks the slide, with its name.
func TestReadTile_CutWhileOpen(t *testing.T) {
	path := slidetest.MakeMirax(t, plain()).Write(t)
	s := mustOpen(t, path)
	defer s.Close()
	if err := os.Truncate(filepath.Join(strings.TrimSuffix(path, ".mrxs"), "Data0000.dat"), 400); err != nil {
		t.Fatal(err)
	}
	dst := image.NewRGBA(image.Rectangle{Max: s.Levels()[0].TileRect(1, 0).Size()})
	var te *tiles.TileError
	for range 2 {
		err := s.ReadTile(context.Background(), tiles.Key{Col: 1}, dst)
		if err == nil || errors.As(err, &te) || !strings.Contains(err.Error(), "Data0000.dat") || !strings.Contains(err.Error(), "cut off") {
			t.Errorf("got %v", err)
		}
	}
}

func TestOpen_FilterFileMissing(t *testing.T) {
	o := plain()
	o.Filters, o.Files, o.Cols, o.Rows = filters, 3, 8, 8
	f := slidetest.MakeMirax(t, o)
	f.SetKey("FILE_COUNT", "4")
	f.Files["Slidedat.ini"] = bytes.Replace(f.Files["Slidedat.ini"], []byte("FILE_COUNT = 4\r\n"), []byte("FILE_COUNT = 4\r\nFILE_3 = Data0003.dat\r\n"), 1)
	s := mustOpen(t, f.Write(t))
	defer s.Close()
	if got := strings.Join(s.Info().Warnings, "\n"); !strings.Contains(got, "Data0003.dat is missing") {
		t.Errorf("warnings %q", got)
	}
}

func TestBroken_Shared(t *testing.T) {
	_, err := openWith(slidetest.Shared(t, "bad/33-mirax-loop.mrxs"), codec.Default())
	var fe *tiles.FormatError
	if !errors.As(err, &fe) || !strings.Contains(err.Error(), "loop") {
		t.Errorf("got %v", err)
	}
}
