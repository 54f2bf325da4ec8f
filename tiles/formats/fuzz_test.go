package formats

import (
	"bytes"
	"context"
	"errors"
	"image"
	"io/fs"
	"path"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/slidetest"
	"coverslip/tiles/tiffwrite"
)

// maxSeed bounds the seeds: a fuzzer makes little of large ones.
const maxSeed = 20_000

// FuzzOpen opens files of any kind. The decoders are ours alone, and libopenslide
// is never asked: C libraries have fuzzers of their own, and a crash in one would
// hide what is wrong here.
func FuzzOpen(f *testing.F) {
	f.Add(slidetest.Good(f, tiffwrite.Aperio, false)[:4000])
	for _, b := range slidetest.BrokenFiles(f) {
		if len(b.Data) < maxSeed {
			f.Add(b.Data)
		}
	}
	f.Add(slidetest.GoodDICOM(f, 64, 64).Data())
	f.Add((&slidetest.BIF{TileW: 16, TileH: 16, Levels: 2, Areas: []slidetest.BIFArea{{Cols: 2, Rows: 2}}}).Make(f))
	f.Add(bigTIFF(1 << 60))
	f.Add(bigTIFF(10, tiled(1024, [4]uint64{324, 16, 1, 16})...))
	f.Add(chain(50, 8+18*20))
	d := slidetest.GoodDICOM(f, 64, 64)
	d.Syntax, d.Photometric, d.Frames[0] = "1.2.840.10008.1.2.4.91", "YBR_ICT", j2k(64, 64, 1, 1, 3)
	f.Add(d.Data())
	for _, head := range []string{"ZISRAWFILE", "%PDF", "PK\x03\x04", "\xff\xd8\xff\xe0", "\x89PNG\r\n\x1a\n", "BM", vmsOf("a.jpg"), setOf("a.ndpi"), zarrFiles()[".zattrs"], deepZoom(f)["a.dzi"]} {
		f.Add([]byte(head))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tryOpen(t, tiles.NewSource("fuzz", bytes.NewReader(data), int64(len(data))))
	})
}

// tryOpen opens a source and reads a tile of every level: errors must be of known
// kinds, and nothing else may happen.
func tryOpen(t *testing.T, src *tiles.Source) {
	s, err := OpenSource(context.Background(), src, codec.Safe())
	if err != nil {
		if !typed(err) && !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("error of no known kind: %v", err)
		}
		return
	}
	defer s.Close()
	for i, l := range s.Levels() {
		if i > 2 && i < len(s.Levels())-1 {
			continue
		}
		r := l.TileRect(l.Cols()-1, l.Rows()-1)
		if r.Dx()*r.Dy() > 1<<20 {
			continue
		}
		k := tiles.Key{Level: i, Col: l.Cols() - 1, Row: l.Rows() - 1}
		err := s.ReadTile(context.Background(), k, image.NewRGBA(image.Rectangle{Max: r.Size()}))
		var te *tiles.TileError
		if err != nil && !errors.As(err, &te) && !errors.Is(err, tiles.ErrMissing) {
			t.Fatalf("tile error of no known kind: %v", err)
		}
	}
	for _, name := range s.Info().Associated {
		if _, err := s.AssociatedImage(context.Background(), name); errors.Is(err, tiles.ErrNoAssociated) {
			t.Fatalf("%s is named and is not there", name)
		}
	}
}

// twoFiles is a folder in memory in which every name but one is the same file.
type twoFiles struct {
	name        string
	data, other []byte
}

// List implements tiles.Folder.
func (d *twoFiles) List(dir string) ([]string, error) {
	if dir == "." {
		return []string{d.name, "other.dcm"}, nil
	}
	return []string{"0_0.png", "Slidedat.ini"}, nil
}

// Open implements tiles.Folder.
func (d *twoFiles) Open(name string) (*tiles.Source, error) {
	data := d.other
	if path.Base(name) == d.name {
		data = d.data
	}
	return tiles.NewSourceIn(name, bytes.NewReader(data), int64(len(data)), nil, d), nil
}

// FuzzFolder opens slides of several files: the one that is opened and what every
// other name gives.
func FuzzFolder(f *testing.F) {
	names := []string{"a.vms", "a.ndpis", "a.dzi", ".zattrs", "zarr.json", "a.mrxs", "a.dcm", "a.ome.tif", "a.vmu"}
	seed := func(kind uint8, data, other string) { f.Add(kind, []byte(data), []byte(other)) }
	picture := deepZoom(f)["a_files/7/0_0.png"]
	seed(0, vmsOf("a.jpg"), "\xff\xd8\xff\xe0")
	seed(0, vmsOf("../a.jpg"), "")
	seed(1, setOf("a.ndpi"), "II*\x00\x08\x00\x00\x00")
	seed(1, setOf("/etc/passwd"), "")
	seed(2, deepZoom(f)["a.dzi"], picture)
	seed(3, zarrFiles()[".zattrs"], zarrFiles()["0/.zarray"])
	seed(3, stackFiles(f)[".zattrs"], stackFiles(f)["0/.zarray"])
	mirax := slidetest.MakeMirax(f, slidetest.Mirax{Cols: 2, Rows: 2, Divisions: 1, Size: image.Pt(16, 16), Levels: 1})
	seed(5, "", string(mirax.Files["Slidedat.ini"]))
	seed(6, string(slidetest.GoodDICOM(f, 64, 64).Data()), string(slidetest.GoodDICOM(f, 64, 64).Data()))
	seed(7, string(slidetest.Good(f, tiffwrite.OME, false)[:6000]), "II*\x00")
	f.Fuzz(func(t *testing.T, kind uint8, data, other []byte) {
		in := &twoFiles{names[int(kind)%len(names)], data, other}
		src, err := in.Open(in.name)
		if err != nil {
			t.Fatal(err)
		}
		tryOpen(t, src)
	})
}
