package hamamatsu

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/draw"
	"image/jpeg"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/slidetest"
)

var pure = codec.New(codec.Options{NoNative: true})

func openMade(t testing.TB, m *maker) tiles.Slide {
	t.Helper()
	s, err := Format(pure).Open(context.Background(), tiles.NewSource("made.ndpi", m, m.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	slidetest.Run(t, func(t testing.TB) tiles.Slide { return openMade(t, made(t, 0, tagStarts)) })
}

func TestOpen_Info(t *testing.T) {
	s := openMade(t, made(t, 0, tagStarts))
	in := s.Info()
	if in.Objective != 20 || in.MPPX < 0.499 || in.MPPX > 0.4991 || in.MPPFrom != "tiff.XResolution" || len(in.Warnings) != 0 {
		t.Errorf("%+v", in)
	}
	for k, want := range map[string]string{"hamamatsu.SourceLens": "20", "hamamatsu.XOffsetFromSlideCentre": "-10", "hamamatsu.Product": "made", "openslide.vendor": "hamamatsu"} {
		if in.Properties[k] != want {
			t.Errorf("%s is %q", k, in.Properties[k])
		}
	}
	if len(s.Levels()) != 2 || len(in.Associated) != 1 || in.Associated[0] != "macro" {
		t.Errorf("levels %v, associated %v", s.Levels(), in.Associated)
	}
}

// checkPixels compares level 0 with its segments decoded one by one.
func checkPixels(t *testing.T, s tiles.Slide, cols, rows int) {
	t.Helper()
	got := image.NewRGBA(image.Rect(0, 0, cols*segW, rows*segH))
	if err := tiles.ReadRegion(context.Background(), s, 0, 0, 0, got); err != nil {
		t.Fatal(err)
	}
	for r := range rows {
		for c := range cols {
			m, err := jpeg.Decode(bytes.NewReader(encoded(t, piece(c%5, r%8))))
			if err != nil {
				t.Fatal(err)
			}
			want := image.NewRGBA(m.Bounds())
			draw.Draw(want, want.Rect, m, image.Point{}, draw.Src)
			for y := range segH {
				a := got.Pix[got.PixOffset(c*segW, r*segH+y):][:4*segW]
				if !bytes.Equal(a, want.Pix[want.PixOffset(0, y):][:4*segW]) {
					t.Fatalf("segment (%d,%d), line %d differs", c, r, y)
				}
			}
		}
	}
}

func TestReadTile_Segments(t *testing.T) { checkPixels(t, openMade(t, made(t, 0, tagStarts)), 5, 6) }

// Without tag 65426, the markers are searched.
func TestReadTile_NoStarts(t *testing.T) { checkPixels(t, openMade(t, made(t, 0, 65000)), 5, 6) }

// Beyond 4 GiB: directories, values and strips lie by the upper words.
func TestReadTile_Beyond4GiB(t *testing.T) {
	s := openMade(t, made(t, 5<<30, tagStarts))
	checkPixels(t, s, 5, 6)
	if s.Info().Properties["hamamatsu.Created"] != "2026/01/02" {
		t.Error("a value beyond 4 GiB was not read")
	}
}

// A side above 65,500 pixels is 0 in the JPEG.
func TestReadTile_Wide(t *testing.T) {
	m := newMaker(t, 0)
	m.image(2100, 2, 20, tagStarts)
	s := openMade(t, m)
	if l := s.Levels()[0]; l.Width != 67200 || l.TileWidth < tileWidth {
		t.Fatalf("%+v", l)
	}
	checkPixels(t, s, 2100, 2)
}

// edit spoils a good file in one place.
type edit struct {
	name string
	when slidetest.When
	want string
	edit func(*maker)
}

// edits of level 0; Missing stands for those that a search for markers mends.
func edits(t testing.TB) []edit {
	le := binary.LittleEndian
	at := func(m *maker, tag uint16) int {
		d := int(le.Uint64(m.data[4:]))
		for i := range int(le.Uint16(m.data[d:])) {
			if e := d + 2 + 12*i; le.Uint16(m.data[e:]) == tag {
				return e
			}
		}
		t.Fatal("no tag", tag)
		return 0
	}
	value := func(tag uint16, v uint32) func(*maker) {
		return func(m *maker) { le.PutUint32(m.data[at(m, tag)+8:], v) }
	}
	starts := func(i int, v uint32) func(*maker) {
		return func(m *maker) { le.PutUint32(m.data[int(le.Uint32(m.data[at(m, tagStarts)+8:]))+4*i:], v) }
	}
	return []edit{
		{"starts unsorted", slidetest.Missing, "", starts(7, 1)},
		{"starts behind the end", slidetest.Missing, "", starts(3, 0x7fffffff)},
		{"a start beside its marker", slidetest.Missing, "", func(m *maker) {
			p := int(le.Uint32(m.data[at(m, tagStarts)+8:])) + 4*7
			le.PutUint32(m.data[p:], le.Uint32(m.data[p:])+1)
		}},
		{"fewer starts", slidetest.Missing, "", func(m *maker) { le.PutUint32(m.data[at(m, tagStarts)+4:], 29) }},
		{"table behind the end", slidetest.Missing, "", value(tagStarts, 0x7fffffff)},
		{"a marker is gone", slidetest.AtTile, "segment 1 of the JPEG is damaged", func(m *maker) {
			p := int(le.Uint32(m.data[int(le.Uint32(m.data[at(m, tagStarts)+8:]))+4:])) - 1
			m.data[int(le.Uint32(m.data[at(m, 273)+8:]))+p] = 0
		}},
		{"width 0", slidetest.AtOpen, "image of 0×96", value(256, 0)},
		{"another width", slidetest.AtOpen, "160×96 pixels where 192×96", value(256, 192)},
		{"JPEG XR", slidetest.AtOpen, "compression 22610 (JPEG XR)", value(259, 22610)},
		{"strip behind the end", slidetest.AtOpen, "behind the file's end", value(273, 0x7fffffff)},
		{"strip too long", slidetest.AtOpen, "behind the file's end", value(279, 0x7fffffff)},
		{"strip of 100 bytes", slidetest.AtOpen, "cut off", value(279, 100)},
		{"upper word of the strip", slidetest.AtOpen, "behind the file's end", func(m *maker) {
			d := int(le.Uint64(m.data[4:]))
			n := int(le.Uint16(m.data[d:]))
			le.PutUint32(m.data[d+2+12*n+8+4*((at(m, 273)-d-2)/12):], 9)
		}},
		{"directory loop", slidetest.AtOpen, "loop", func(m *maker) {
			d := le.Uint64(m.data[4:])
			le.PutUint64(m.data[int(d)+2+12*int(le.Uint16(m.data[d:])):], d)
		}},
		{"only another plane", slidetest.Warned, "focal plane at 0 nm left out", value(tagFocalPlane, 5000)},
		{"resolution divides by 0", slidetest.Warned, "resolution", func(m *maker) { clear(m.data[le.Uint32(m.data[at(m, 282)+8:]):][:8]) }},
		{"lens of 900", slidetest.Warned, "objective 900", value(tagLens, 0x44610000)},
	}
}

// Files made by one edit of a good one.
func TestBroken(t *testing.T) {
	for _, c := range edits(t) {
		t.Run(c.name, func(t *testing.T) {
			m := made(t, 0, tagStarts)
			c.edit(m)
			s, err := Format(pure).Open(context.Background(), tiles.NewSource("broken.ndpi", m, m.Size()))
			if c.when == slidetest.AtOpen {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want …%s…", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			err = s.ReadTile(context.Background(), tiles.Key{}, image.NewRGBA(image.Rectangle{Max: s.Levels()[0].TileRect(0, 0).Size()}))
			var te *tiles.TileError
			switch c.when {
			case slidetest.AtTile:
				if !errors.As(err, &te) || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v", err)
				}
			case slidetest.Warned:
				if err != nil || !strings.Contains(strings.Join(s.Info().Warnings, "\n"), c.want) {
					t.Errorf("tile %v, warnings %q", err, s.Info().Warnings)
				}
			default: // the edit is mended
				checkPixels(t, s, 5, 6)
			}
		})
	}
}

// A search that is given up is not remembered as a failure, and goes on where
// it was.
func TestScanned_Cancelled(t *testing.T) {
	m := made(t, 0, 65000)
	src := tiles.NewSource("made.ndpi", m, m.Size())
	f, err := detect(src)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPicture(src, pure, f.Directories()[0])
	if err != nil {
		t.Fatal(err)
	}
	s := newStrip(p)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.scanned.upTo(ctx, s, 30); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	dst := image.NewRGBA(image.Rectangle{Max: s.Level().TileRect(0, 0).Size()})
	if err := s.ReadTile(context.Background(), 0, 0, dst); err != nil {
		t.Error(err)
	}
}

// A marker that is gone takes its own tile along and no other.
func TestReadTile_MarkerGone(t *testing.T) {
	for name, tag := range map[string]uint16{"with a table": tagStarts, "without": 65000} {
		t.Run(name, func(t *testing.T) {
			m := newMaker(t, 0)
			m.image(40, 80, 20, tag)
			want := openMade(t, m)
			_, starts := pieces(t, 40, 80, 0).stream()
			m.data[bytes.Index(m.data, []byte{0xff, 0xd8, 0xff})+int(starts[40*20+3])-1] = 0 // before segment (3,20)
			s := openMade(t, m)
			l := s.Levels()[0]
			for row := range l.Rows() {
				for col := range l.Cols() {
					r, k := l.TileRect(col, row), tiles.Key{Col: col, Row: row}
					a, b := image.NewRGBA(r), image.NewRGBA(r)
					err := s.ReadTile(context.Background(), k, a)
					if image.Pt(3*segW, 20*segH).In(r) {
						var te *tiles.TileError
						if !errors.As(err, &te) || !strings.Contains(err.Error(), "damaged") {
							t.Errorf("the damaged tile: %v", err)
						}
						continue
					}
					if werr := want.ReadTile(context.Background(), k, b); werr != nil || err != nil || !bytes.Equal(a.Pix, b.Pix) {
						t.Errorf("tile (%d,%d) differs: %v, %v", col, row, err, werr)
					}
				}
			}
		})
	}
}

// Without a table, a tile waits for no more of the file than it needs.
func TestScanned_Lazy(t *testing.T) {
	m := newMaker(t, 0)
	m.image(40, 3600, 20, 65000)
	s := openMade(t, m)
	dst := image.NewRGBA(image.Rectangle{Max: s.Levels()[0].TileRect(0, 0).Size()})
	if err := s.ReadTile(context.Background(), tiles.Key{}, dst); err != nil {
		t.Fatal(err)
	}
	g := s.(*slide).grids[0].(*strip)
	if g.size < 4*scanBlock || g.scanned.off > scanBlock+headerLen+maxHeader {
		t.Errorf("%d bytes of %d were searched", g.scanned.off, g.size)
	}
	last := tiles.Key{Row: s.Levels()[0].Rows() - 1}
	if err := s.ReadTile(context.Background(), last, image.NewRGBA(s.Levels()[0].TileRect(last.Col, last.Row))); err != nil {
		t.Error(err)
	}
}

// pictureOf is a smooth picture.
func pictureOf(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := 0; i < len(m.Pix); i += 4 {
		m.Pix[i], m.Pix[i+1], m.Pix[i+2], m.Pix[i+3] = byte(i/4%w/8), byte(i/4/w/8), 90, 255
	}
	return m
}

// An image without restart markers is decoded at once and cut into tiles.
func TestWhole(t *testing.T) {
	const w, h = 1700, 1300
	img := pictureOf(w, h)
	m := newMaker(t, 0)
	m.any(encoded(t, img), w, h, 20)
	slidetest.Run(t, func(t testing.TB) tiles.Slide { return openMade(t, m) })
	s := openMade(t, m)
	if l := s.Levels()[0]; l.TileWidth != wholeSide || l.Cols() != 2 || l.Rows() != 2 {
		t.Fatalf("%+v", l)
	}
	got := image.NewRGBA(img.Rect)
	if err := tiles.ReadRegion(context.Background(), s, 0, 0, 0, got); err != nil {
		t.Fatal(err)
	}
	for i := range got.Pix {
		if d := int(got.Pix[i]) - int(img.Pix[i]); d > 12 || d < -12 {
			t.Fatalf("byte %d is %d, was %d", i, got.Pix[i], img.Pix[i])
		}
	}
}

// Of images that cannot be decoded in parts, large ones are left out; of the
// largest of all that is an error, because positions are counted in its pixels.
func TestOpen_WholeTooLarge(t *testing.T) {
	huge := func(w, h int) []byte { // its pixels are never reached
		b := encoded(t, pictureOf(16, 16))
		sof := bytes.Index(b, []byte{0xff, 0xc0})
		binary.BigEndian.PutUint16(b[sof+5:], uint16(h))
		binary.BigEndian.PutUint16(b[sof+7:], uint16(w))
		return b
	}
	m := newMaker(t, 0)
	m.image(260, 521, 20, tagStarts)
	m.any(huge(8192, 8200), 8192, 8200, 10)
	s := openMade(t, m)
	if got := strings.Join(s.Info().Warnings, "\n"); len(s.Levels()) != 1 || !strings.Contains(got, "8192×8200 pixels without restart markers") {
		t.Errorf("%d levels, warnings %q", len(s.Levels()), got)
	}
	m = newMaker(t, 0)
	m.any(huge(8192, 8200), 8192, 8200, 20)
	_, err := Format(pure).Open(context.Background(), tiles.NewSource("huge.ndpi", m, m.Size()))
	var u *tiles.UnsupportedError
	if !errors.As(err, &u) || !strings.Contains(err.Error(), "level 0") {
		t.Errorf("got %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(made(f, 0, tagStarts).data)
	f.Add(made(f, 0, 65000).data)
	f.Add(stacked(f).data)
	f.Add(fluorescent(f, "DAPI 2", 461, 2).data)
	for _, e := range edits(f) {
		m := made(f, 0, tagStarts)
		e.edit(m)
		f.Add(m.data)
	}
	small := newMaker(f, 0)
	small.image(1, 2, 40, tagStarts)
	f.Add(small.data)
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Format(pure).Open(context.Background(), tiles.NewSource("fuzz", bytes.NewReader(data), int64(len(data))))
		if err != nil {
			return
		}
		for i, l := range s.Levels() {
			size := l.TileRect(0, 0).Size()
			if size.X*size.Y > 1<<21 {
				continue
			}
			err := s.ReadTile(context.Background(), tiles.Key{Level: i}, image.NewRGBA(image.Rectangle{Max: size}))
			var te *tiles.TileError
			if err != nil && !errors.As(err, &te) {
				t.Fatalf("tile error of no known kind: %v", err)
			}
			part := image.Rect(size.X/3, size.Y/2, size.X, size.Y)
			err = s.(tiles.PartReader).ReadPart(context.Background(), tiles.Key{Level: i}, part, image.NewRGBA(part))
			if err != nil && !errors.As(err, &te) {
				t.Fatalf("part's error of no known kind: %v", err)
			}
			p, ok := s.(tiles.Planar)
			if !ok {
				continue
			}
			r := &tiles.Raster{Width: size.X, Height: size.Y, RGBA: image.NewRGBA(image.Rectangle{Max: size})}
			err = p.ReadPlane(context.Background(), tiles.Key{Level: i}, tiles.Plane{Z: p.Stack().Z - 1}, r)
			if err != nil && !errors.As(err, &te) && !errors.Is(err, tiles.ErrMissing) {
				t.Fatalf("plane's error of no known kind: %v", err)
			}
		}
	})
}

func FuzzParseProperties(f *testing.F) {
	f.Add("Created=2011/05/23\r\nUpdated=2017/01/27\r\n;NDP Shading Data;Version=1\r\n=x\r\nno value")
	f.Add("\r\n\n=")
	f.Fuzz(func(t *testing.T, s string) {
		p := parseProperties(s)
		if len(p) > maxLines {
			t.Fatal("too many")
		}
		for k := range p {
			if k == "" || strings.Contains(k, "=") || strings.Contains(k, "\r\n") {
				t.Fatalf("key %q", k)
			}
		}
	})
}

func BenchmarkReadTile(b *testing.B) {
	src, err := tiles.OpenSource(slidetest.Shared(b, "made/hamamatsu.ndpi"))
	if err != nil {
		b.Fatal(err)
	}
	s, err := Format(codec.Default()).Open(context.Background(), src)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	dst := image.NewRGBA(image.Rectangle{Max: s.Levels()[0].TileRect(1, 1).Size()})
	b.ReportAllocs()
	for b.Loop() {
		if err := s.ReadTile(context.Background(), tiles.Key{Col: 1, Row: 1}, dst); err != nil {
			b.Fatal(err)
		}
	}
}
