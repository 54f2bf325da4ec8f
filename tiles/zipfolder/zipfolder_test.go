package zipfolder

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"coverslip/tiles"
)

// build makes an archive of files whose content is their name.
func build(t testing.TB, method uint16, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, n := range names {
		w, err := z.CreateHeader(&zip.FileHeader{Name: n, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(n, "/") {
			continue
		}
		if _, err := io.WriteString(w, content(n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.SetComment("a comment"); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func content(name string) string { return strings.Repeat(name, 20) }

func parse(data []byte) (*Archive, error) {
	return Parse(tiles.NewSource("a.zip", bytes.NewReader(data), int64(len(data))))
}

func TestArchive_Files(t *testing.T) {
	names := []string{"top/z.dzi", "top/b/2", "top/b/1", "top/b/c/3", "x"}
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		a, err := parse(build(t, method, append(names, "top/empty/")...))
		if err != nil {
			t.Fatal(err)
		}
		if a.Len() != len(names) {
			t.Errorf("%d files", a.Len())
		}
		found := a.Find(func(n string) bool { return strings.HasSuffix(n, ".dzi") })
		src, err := a.Source(found)
		if err != nil || src.Path() != "a.zip" {
			t.Fatal(err)
		}
		if got, err := src.SiblingsIn("b"); err != nil || !slices.Equal(got, []string{"1", "2"}) {
			t.Errorf("%v, %v", got, err)
		}
		for _, n := range names[:4] {
			got, err := src.ReadSibling(strings.TrimPrefix(n, "top/"), nil, 1<<20)
			if err != nil || string(got) != content(n) {
				t.Errorf("%s: %q, %v", n, got, err)
			}
		}
		if _, err := src.OpenSibling("b/9"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("absent: %v", err)
		}
		if _, err := src.OpenSibling("../x"); err == nil {
			t.Error("a name that climbs out is opened")
		}
	}
}

func TestArchive_Broken(t *testing.T) {
	good := build(t, zip.Deflate, "a/b", "c")
	end := bytes.LastIndex(good, []byte("PK\x05\x06"))
	central := bytes.Index(good, []byte("PK\x01\x02"))
	edit := func(at int, b ...byte) []byte {
		d := bytes.Clone(good)
		copy(d[at:], b)
		return d
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"cut":              {good[:end], "end of the archive"},
		"count":            {edit(end+10, 0xfe, 0xff), "65534 files"},
		"directory size":   {edit(end+12, 0, 0, 0, 1), "lies behind"},
		"directory offset": {edit(end+16, 0xff, 0xff, 0xff, 0x7f), "lies behind"},
		"entry":            {edit(central, 0), "entry 0"},
		"name length":      {edit(central+28, 0xff, 0xff), "longer than"},
		"parts":            {edit(end+4, 1), "several parts"},
		"empty":            {nil, "EOF"},
	} {
		if _, err := parse(c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"method":     {edit(central+10, 99), "packing 99"},
		"encrypted":  {edit(central+8, 1), "encrypted"},
		"bomb":       {edit(central+24, 0xff, 0xff, 0xff, 0x7f), "claim to hold"},
		"packed":     {edit(central+20, 0xff, 0xff, 0xff, 0x7f), "reach behind"},
		"offset":     {edit(central+42, 0xff, 0xff, 0xff, 0x7f), "behind the archive's end"},
		"no header":  {edit(central+42, 1), "no file begins"},
		"checksum":   {edit(central+16, 1, 2, 3, 4), "checksum"},
		"short data": {edit(central+20, 3), "ends or breaks"},
	} {
		a, err := parse(c.data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		f, err := a.In(".").Open("a/b")
		if err == nil {
			f.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestArchive_Zip64(t *testing.T) {
	var names []string
	for i := range 70000 { // more than the short record can count
		names = append(names, fmt.Sprintf("d/%05d", i))
	}
	a, err := parse(build(t, zip.Store, names...))
	if err != nil || a.Len() != len(names) {
		t.Fatal(err)
	}
	if _, err := a.In("d").List("."); err == nil {
		t.Error("a listing of 70,000 names")
	}
	got, err := tiles.NewSourceIn("x", strings.NewReader(""), 0, nil, a.In("d")).ReadSibling("69999", nil, 1<<10)
	if err != nil || string(got) != content("d/69999") {
		t.Errorf("%q %v", got, err)
	}
}

func FuzzArchive(f *testing.F) {
	f.Add(build(f, zip.Store, "a/b", "c"))
	f.Add(build(f, zip.Deflate, "a/b.dzi", "a/c/d"))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := parse(data)
		if err != nil {
			return
		}
		for i := range min(a.Len(), 20) {
			src, err := a.In(".").Open(a.Name(i))
			if err != nil {
				continue
			}
			if _, err := io.Copy(io.Discard, io.NewSectionReader(src, 0, min(src.Size(), 1<<16))); err != nil {
				t.Log(err)
			}
			if err := src.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
