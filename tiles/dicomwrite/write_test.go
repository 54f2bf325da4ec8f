package dicomwrite

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/formats"
)

// picture is w×h pixels that tell their place.
func picture(w, h, x0, y0 int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetRGBA(x, y, color.RGBA{byte(x0 + x), byte(y0 + y), byte((x0 + x) * (y0 + y) / 50), 255})
		}
	}
	return m
}

func jpegOf(t testing.TB, m *image.RGBA, sub string) []byte {
	t.Helper()
	b, err := codec.Default().EncodeJPEG(m, 80, sub)
	if err != nil {
		t.Skip(err)
	}
	return b
}

// small is a slide of two levels, 100×70 and 50×35 in tiles of 32.
func small() *Slide {
	return &Slide{Levels: []Level{{100, 70, 32, 32, 1}, {50, 35, 32, 32, 2}}, MPPX: 0.25, MPPY: 0.26, Objective: 40, Seed: "a seed",
		Time: time.Date(2024, 2, 29, 13, 14, 15, 0, time.UTC), Manufacturer: "Müller\\Co\n", Container: "S24-1", Patient: Person{Name: "Doe^Jo", ID: "7"},
		Encode: func(m *image.RGBA) ([]byte, error) { return codec.Default().EncodeJPEG(m, 90, "420") }}
}

// each calls f for every frame in order.
func each(s *Slide, f func(plane, level, col, row int) error) error {
	for level, l := range s.Levels {
		for plane := range s.Planes() {
			for row := range (l.Height + l.TileHeight - 1) / l.TileHeight {
				for col := range (l.Width + l.TileWidth - 1) / l.TileWidth {
					if err := f(plane, level, col, row); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

func open(t *testing.T, dir string) tiles.Slide {
	t.Helper()
	s, err := formats.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if w := s.Info().Warnings; len(w) > 0 {
		t.Errorf("warnings %q", w)
	}
	return s
}

// Streams come back as they were put, in every kind of table.
func TestWrite_JPEG(t *testing.T) {
	for name, c := range map[string]struct {
		sub   string
		limit int64
		want  string // photometric interpretation
	}{"4:2:0": {"420", 0, "YBR_FULL_422"}, "4:4:4": {"444", 0, "YBR_FULL"}, "extended offset table": {"422", 1000, "YBR_FULL_422"}} {
		t.Run(name, func(t *testing.T) {
			s := small()
			s.limit = c.limit
			dir := filepath.Join(t.TempDir(), "out")
			tile := func(level, col, row int) []byte { return jpegOf(t, picture(32, 32, 32*col+level, 32*row), c.sub) }
			err := Write(t.Context(), dir, s, func(put Put) error {
				if err := put(0, 0, 0, 0, []byte("to be dropped")); err == nil {
					t.Error("no JPEG is accepted")
				}
				return each(s, func(plane, level, col, row int) error { return put(plane, level, col, row, tile(level, col, row)) })
			})
			if err != nil {
				t.Fatal(err)
			}
			got := open(t, dir)
			p := got.Info().Properties
			if len(got.Levels()) != 2 || got.Info().MPPX != 0.25 || math.Abs(got.Info().MPPY-0.26) > 1e-9 || got.Info().Objective != 40 || p["dicom.Manufacturer"] != "Müller Co" ||
				p["dicom.PhotometricInterpretation"] != c.want || p["dicom.ContainerIdentifier"] != "S24-1" || p["dicom.AcquisitionDateTime"] != "20240229131415" ||
				p["dicom.LossyImageCompression"] != "01" || p["dicom.LossyImageCompressionRatio"] == "" || len(got.ICC()) < 1000 {
				t.Errorf("levels %v, scale %v, %d properties", got.Levels(), got.Info().MPPY, len(p))
			}
			err = each(s, func(_, level, col, row int) error {
				b, err := got.(tiles.Coded).CodedTile(t.Context(), tiles.Key{Level: level, Col: col, Row: row}, nil)
				if err == nil && !bytes.Equal(bytes.TrimRight(b, "\x00"), tile(level, col, row)) {
					t.Errorf("level %d tile (%d,%d) was changed", level, col, row)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// Plain and run-length encoded frames come back exactly.
func TestWrite_Plain(t *testing.T) {
	for name, limit := range map[string]int64{"plain": 0, "run lengths": 20000} {
		s := small()
		s.Coding, s.limit, s.LossyRatio = Plain, limit, 12.34
		s.Label, s.Overview, s.Thumbnail = picture(31, 17, 0, 0), picture(40, 20, 0, 0), picture(25, 17, 0, 0)
		dir := filepath.Join(t.TempDir(), "out")
		err := Write(t.Context(), dir, s, func(put Put) error {
			return each(s, func(plane, level, col, row int) error {
				b, err := PlainTile(&tiles.Raster{Width: 32, Height: 32, RGBA: picture(32, 32, 32*col+level, 32*row)}, 8)
				if err != nil {
					return err
				}
				return put(plane, level, col, row, b)
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		got := open(t, dir)
		if a := strings.Join(got.Info().Associated, " "); a != "label macro thumbnail" || got.Info().Properties["dicom.LossyImageCompressionRatio"] != "12.34" {
			t.Errorf("%s: %q", name, a)
		}
		if syntax := got.Info().Properties["dicom.TransferSyntaxUID"]; (syntax == syntaxRLE) != (limit > 0) {
			t.Errorf("%s: transfer syntax %s", name, syntax)
		}
		m, err := got.AssociatedImage(t.Context(), "label")
		if err != nil || !bytes.Equal(m.Pix, s.Label.Pix) {
			t.Errorf("%s: the label differs: %v", name, err)
		}
		err = each(s, func(_, level, col, row int) error {
			k := tiles.Key{Level: level, Col: col, Row: row}
			r := got.Levels()[level].TileRect(col, row)
			m := image.NewRGBA(image.Rectangle{Max: r.Size()})
			err := got.ReadTile(t.Context(), k, m)
			if want := picture(r.Dx(), r.Dy(), 32*col+level, 32*row); err == nil && !bytes.Equal(m.Pix, want.Pix) {
				t.Errorf("%s: tile %+v differs", name, k)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// Channels in focal planes come back as planes.
func TestWrite_Planes(t *testing.T) {
	s := small()
	s.Coding, s.Bits, s.ZPlanes = Plain, 16, []float64{-1.5, 0, 1.5}
	s.Channels = []tiles.Channel{{Name: "DAPI", Color: color.RGBA{0, 0, 255, 255}, Excitation: 405, Emission: 450}, {Name: "Cy5", Color: color.RGBA{255, 0, 64, 255}}}
	dir := filepath.Join(t.TempDir(), "out")
	value := func(plane, level, col, row int) uint16 { return uint16(10000*plane + 1000*level + 10*row + col) }
	err := Write(t.Context(), dir, s, func(put Put) error {
		return each(s, func(plane, level, col, row int) error {
			m := &tiles.Raster{Width: 32, Height: 32, Uint16: make([]uint16, 1024)}
			for i := range m.Uint16 {
				m.Uint16[i] = value(plane, level, col, row)
			}
			b, err := PlainTile(m, 16)
			if err != nil {
				return err
			}
			return put(plane, level, col, row, b)
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	got := open(t, dir).(tiles.Planar)
	st := got.Stack()
	if st.Z != 3 || len(st.Channels) != 2 || st.Channels[0].Name != "DAPI" || st.Channels[0].Excitation != 405 || st.Channels[0].Emission != 450 || st.Channels[1].Color != s.Channels[1].Color {
		t.Fatalf("%+v", st)
	}
	if z := got.Info().ZPlanes; z[0] != -1.5 || z[2] != 1.5 {
		t.Errorf("focal planes at %v", z)
	}
	err = each(s, func(plane, level, col, row int) error {
		r := got.Levels()[level].TileRect(col, row)
		dst := st.Channels[0].Raster(r.Dx(), r.Dy())
		err := got.ReadPlane(t.Context(), tiles.Key{Level: level, Col: col, Row: row}, tiles.Plane{Channel: plane / 3, Z: plane % 3}, dst)
		if want := value(plane, level, col, row); err == nil && dst.Uint16[0] != want {
			t.Errorf("plane %d level %d tile (%d,%d): %d, want %d", plane, level, col, row, dst.Uint16[0], want)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// The same seed gives the same bytes; no seed, new identifiers each time.
func TestWrite_Seed(t *testing.T) {
	write := func(seed string) []byte {
		s := small()
		s.Seed, s.Levels = seed, s.Levels[1:]
		dir := filepath.Join(t.TempDir(), "out")
		err := Write(t.Context(), dir, s, func(put Put) error {
			return each(s, func(plane, level, col, row int) error {
				return put(plane, level, col, row, jpegOf(t, picture(32, 32, col, row), "420"))
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(dir, "level-0.dcm"))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if a, b := write("one"), write("one"); !bytes.Equal(a, b) {
		t.Error("one seed, two files")
	}
	if a, b := write(""), write(""); bytes.Equal(a, b) {
		t.Error("no seed, one file")
	}
}

// What cannot be written leaves nothing behind.
func TestWrite_Refuses(t *testing.T) {
	stop := errors.New("stop")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	good := func(s *Slide, put Put) error {
		return each(s, func(plane, level, col, row int) error {
			return put(plane, level, col, row, jpegOf(t, picture(32, 32, 0, 0), "420"))
		})
	}
	for name, c := range map[string]struct {
		ctx    context.Context
		change func(*Slide)
		feed   func(*Slide, Put) error
		want   string
	}{
		"no scale":         {change: func(s *Slide) { s.MPPX = 0 }, want: "size of a pixel"},
		"no time":          {change: func(s *Slide) { s.Time = time.Time{} }, want: "time"},
		"no level":         {change: func(s *Slide) { s.Levels = nil }, want: "no level"},
		"12 bits":          {change: func(s *Slide) { s.Channels, s.Bits = make([]tiles.Channel, 1), 12 }, want: "12 bits"},
		"channels as JPEG": {change: func(s *Slide) { s.Channels, s.Bits = make([]tiles.Channel, 1), 8 }, want: "uncompressed"},
		"stopped":          {feed: func(*Slide, Put) error { return stop }, want: "stop"},
		"too few":          {feed: func(*Slide, Put) error { return nil }, want: "0 of 12 frames"},
		"out of order":     {feed: func(_ *Slide, put Put) error { return put(0, 0, 1, 0, jpegOf(t, picture(32, 32, 0, 0), "420")) }, want: "frame 1 where 0 is due"},
		"another size":     {feed: func(_ *Slide, put Put) error { return put(0, 0, 0, 0, jpegOf(t, picture(16, 16, 0, 0), "420")) }, want: "not of the form"},
		"no such level":    {feed: func(_ *Slide, put Put) error { return put(0, 2, 0, 0, nil) }, want: "no level 2"},
		"cancelled":        {ctx: cancelled, want: "canceled"},
	} {
		s := small()
		if c.change != nil {
			c.change(s)
		}
		if c.feed == nil {
			c.feed = good
		}
		if c.ctx == nil {
			c.ctx = t.Context()
		}
		parent := t.TempDir()
		err := Write(c.ctx, filepath.Join(parent, "out"), s, func(put Put) error { return c.feed(s, put) })
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want …%s…", name, err, c.want)
		}
		if left, _ := os.ReadDir(parent); len(left) != 0 {
			t.Errorf("%s: left %v", name, left)
		}
	}
	dir := t.TempDir()
	if err := Write(t.Context(), dir, small(), nil); !errors.Is(err, ErrExists) {
		t.Errorf("a folder that is there: %v", err)
	}
}

func TestRunLength_ComesBack(t *testing.T) {
	frame := bytes.Repeat([]byte{1, 2, 3, 3, 3, 3, 9, 8, 7, 7}, 77)[:32*12*2]
	for i := 300; i < 600; i++ {
		frame[i] = 0
	}
	m := codec.Samples{Width: 32, Height: 12, Components: 1, Bits: 16}
	if err := codec.Default().RLE(&m, runLength(frame, 1, 2)); err != nil {
		t.Fatal(err)
	}
	for i, v := range m.Pix {
		if want := uint16(frame[2*i]) | uint16(frame[2*i+1])<<8; v != want {
			t.Fatalf("sample %d is %d, want %d", i, v, want)
		}
	}
}

func TestDecimal(t *testing.T) {
	for v, want := range map[float64]string{0.00025: "0.00025", 0: "0", -1: "-1", 1.0 / 3: "0.33333333333333", -1e-300: "-1e-300"} {
		if got := decimal(v); got != want || len(got) > 16 {
			t.Errorf("%g: %q, want %q", v, got, want)
		}
	}
}
