package mirax

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"io/fs"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/slidetest"
)

// memory is a folder that cannot be listed, as a web server's.
type memory map[string][]byte

// List implements tiles.Folder.
func (m memory) List(string) ([]string, error) { return nil, nil }

// Open implements tiles.Folder.
func (m memory) Open(name string) (*tiles.Source, error) {
	data, ok := m[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return tiles.NewSourceIn(name, bytes.NewReader(data), int64(len(data)), nil, m), nil
}

// openMemory opens a slide of the given files.
func openMemory(files map[string][]byte, codecs *codec.Set) (tiles.Slide, error) {
	in := memory{}
	for name, data := range files {
		in["made/"+name] = data
	}
	src := tiles.NewSourceIn("http://somewhere/made.mrxs", bytes.NewReader(nil), 0, nil, in)
	f := Format(codecs)
	if err := f.Detect(src); err != nil {
		return nil, err
	}
	return f.Open(context.Background(), src)
}

// A slide is read from anywhere, not from disk alone.
func TestOpen_FolderWithoutListing(t *testing.T) {
	f := slidetest.MakeMirax(t, plain())
	s, err := openMemory(f.Files, codec.Default())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	onDisk := mustOpen(t, f.Write(t))
	defer onDisk.Close()
	if s.Info().Fingerprint != onDisk.Info().Fingerprint {
		t.Error("the fingerprint depends on where a slide lies")
	}
}

// small is a slide of few bytes, for fuzzers.
func small(packed bool) slidetest.Mirax {
	o := slidetest.Mirax{Cols: 4, Rows: 4, Divisions: 2, Size: image.Pt(16, 16), Levels: 3, Overlap: 4, Position: shifted(image.Pt(32, 32)), Packed: packed}
	o.Filters, o.Focus = filters[2:], []float64{0, 1}
	return o
}

func FuzzSettings(f *testing.F) {
	for _, o := range []slidetest.Mirax{small(false), plain()} {
		f.Add(slidetest.MakeMirax(f, o).Files["Slidedat.ini"])
	}
	good := slidetest.MakeMirax(f, plain())
	for _, c := range brokenSettings() {
		m := good.Clone()
		if !c.packed {
			c.edit(m)
		}
		if settings := m.Files["Slidedat.ini"]; len(settings) < 1<<14 {
			f.Add(settings)
		}
	}
	f.Add([]byte("\xff\xfe[\x00G\x00"))
	f.Add([]byte("[GENERAL]\r\n=x\r\n[\r\n]\r\n[]\n=\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseSettings(data)
		if err != nil {
			typedOrFail(t, err)
			return
		}
		if w, h, err := s.size(); err == nil && (w < 1 || h < 1) {
			t.Fatalf("%d×%d", w, h)
		}
		if len(s.levels) == 0 || s.images.X < 1 || s.divisions < 1 || len(s.data) == 0 {
			t.Fatalf("%+v", s)
		}
	})
}

func typedOrFail(t *testing.T, err error) {
	t.Helper()
	var fe *tiles.FormatError
	var ue *tiles.UnsupportedError
	if !errors.As(err, &fe) && !errors.As(err, &ue) {
		t.Fatalf("%v (%T)", err, err)
	}
}

func FuzzIndex(f *testing.F) {
	good := slidetest.MakeMirax(f, small(false))
	f.Add(good.Files["Index.dat"], uint8(4))
	loop := good.Clone()
	loop.SetIndex(loop.Pages[0]+4, int32(loop.Pages[0]))
	f.Add(loop.Files["Index.dat"], uint8(4))
	empty := loop.Clone()
	empty.SetIndex(empty.Pages[0], 0)
	f.Add(empty.Files["Index.dat"], uint8(4))
	id := string(good.Files["Index.dat"][5:37])
	f.Fuzz(func(t *testing.T, data []byte, side uint8) {
		n := int(side) + 1
		x, err := openIndex(bytes.NewReader(data), int64(len(data)), id)
		if err != nil {
			typedOrFail(t, err)
			return
		}
		for record := range 8 {
			if has, err := x.holds(record, n, n, 3); has && err != nil {
				t.Fatal("holds and fails")
			}
			all, err := x.images(record, n, n, 1+record%2, 3)
			if err != nil && !errors.Is(err, errNoRecord) {
				typedOrFail(t, err)
			}
			if len(all) > len(data)/imageItem {
				t.Fatalf("%d images in %d bytes", len(all), len(data))
			}
			for i, m := range all {
				if int(m.image) >= n*n || m.offset < 0 || m.length < 0 || m.file < 0 || m.file >= 3 || i > 0 && all[i-1].image >= m.image {
					t.Fatalf("image %+v", m)
				}
			}
			if s, err := x.other(record, 3); err == nil && (s.offset < 0 || s.length < 0 || s.file < 0 || s.file >= 3) {
				t.Fatalf("%+v", s)
			}
		}
	})
}

func FuzzPositions(f *testing.F) {
	plainBytes := binary.LittleEndian.AppendUint32([]byte{1}, 7)
	plainBytes = binary.LittleEndian.AppendUint32(plainBytes, 0xffffff00)
	f.Add(plainBytes, false, uint8(1), uint8(0))
	f.Add(bomb(f, 9*16), true, uint8(16), uint8(1))
	f.Add(bomb(f, 1<<20), true, uint8(16), uint8(3))
	f.Add(far(4), false, uint8(4), uint8(9))
	f.Fuzz(func(t *testing.T, data []byte, packed bool, count, exponent uint8) {
		n := int(count)
		if packed {
			var err error
			if data, err = unpackPositions(data, n); err != nil {
				typedOrFail(t, err)
				return
			}
		}
		points, _, err := parsePositions(data, n, 1<<(exponent%31))
		if err != nil {
			typedOrFail(t, err)
			return
		}
		if len(points) != n || n == 0 {
			return
		}
		// Whatever the positions, what is found lies on the tile asked for.
		set := &settings{divisions: 1, images: image.Pt(n, 1), levels: []zoomLevel{{size: image.Pt(16, 16)}}}
		var all []stored
		for i := range n {
			all = append(all, stored{image: uint32(i)})
		}
		y, err := newLayout(set, &cameras{cols: n, rows: 1, at: points}, 1, all)
		if err != nil {
			typedOrFail(t, err)
			return
		}
		s, _ := y.newShape(2, image.Pt(16, 16))
		want := image.Rect(3, 5, 40, 60)
		for _, p := range y.pieces(&s, want, nil) {
			if !p.at.Overlaps(want) || p.from.X < 0 || p.from.Y < 0 || p.from.X+p.at.Dx() > 16 || p.from.Y+p.at.Dy() > 16 {
				t.Fatalf("%+v", p)
			}
		}
	})
}

// The whole reader, over files that contradict each other.
func FuzzOpen(f *testing.F) {
	for _, packed := range []bool{false, true} {
		m := slidetest.MakeMirax(f, small(packed))
		f.Add(m.Files["Slidedat.ini"], m.Files["Index.dat"], m.Files["Data0000.dat"])
	}
	codecs := codec.New(codec.Options{NoNative: true})
	f.Fuzz(func(t *testing.T, settings, index, data []byte) {
		s, err := openMemory(map[string][]byte{"Slidedat.ini": settings, "Index.dat": index, "Data0000.dat": data}, codecs)
		if err != nil {
			return
		}
		defer s.Close()
		for i, l := range s.Levels() {
			size := l.TileRect(0, 0).Size()
			if l.Width < 1 || l.Height < 1 || size.X*size.Y > 1<<20 {
				return
			}
			dst := image.NewRGBA(image.Rectangle{Max: size})
			var te *tiles.TileError
			if err := s.ReadTile(context.Background(), tiles.Key{Level: i}, dst); err != nil && !errors.As(err, &te) && !errors.Is(err, tiles.ErrMissing) {
				t.Fatal(err)
			}
			if p, ok := s.(tiles.Planar); ok && !p.Stack().InColor {
				r := &tiles.Raster{Width: size.X, Height: size.Y, Uint16: make([]uint16, size.X*size.Y)}
				if err := p.ReadPlane(context.Background(), tiles.Key{Level: i}, tiles.Plane{Z: p.Stack().Z - 1}, r); err != nil && !errors.As(err, &te) && !errors.Is(err, tiles.ErrMissing) {
					t.Fatal(err)
				}
			}
		}
	})
}
