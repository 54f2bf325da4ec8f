package flat

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/slidetest"

	"golang.org/x/image/bmp"
)

// gradient is a smooth picture, whose means are easy to tell, with some edges.
func gradient(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			p := m.Pix[m.PixOffset(x, y):]
			p[0], p[1], p[2], p[3] = byte(x/3), byte(y/2+x/64*20), byte((x+y)/5), 255
		}
	}
	return m
}

// tight are limits that make small pictures large ones.
func tight(t testing.TB) limits {
	return limits{memory: 1000, band: 1000, dir: filepath.Join(t.TempDir(), "pyramids")}
}

func source(name string, data []byte) *tiles.Source {
	return tiles.NewSource(name, bytes.NewReader(data), int64(len(data)))
}

// encoded are the same picture in every format; jpeg is another by its losses.
func encoded(t testing.TB, m image.Image) map[string][]byte {
	t.Helper()
	var p, j, b bytes.Buffer
	if err := errors.Join(png.Encode(&p, m), jpeg.Encode(&j, m, &jpeg.Options{Quality: 90}), bmp.Encode(&b, m)); err != nil {
		t.Fatal(err)
	}
	rgba := m.(*image.RGBA)
	return map[string][]byte{"png": p.Bytes(), "jpeg": j.Bytes(), "bmp": b.Bytes(), "tiff-strips": stripTIFF(rgba, 16)}
}

// stripTIFF writes uncompressed RGB strips of so many rows.
func stripTIFF(m *image.RGBA, rows int) []byte {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	var raw []byte
	for i := 0; i < len(m.Pix); i += 4 {
		raw = append(raw, m.Pix[i:i+3]...)
	}
	n := (h + rows - 1) / rows
	var offs, counts []uint32
	for i := range n {
		offs = append(offs, uint32(8+i*rows*w*3))
		counts = append(counts, uint32(min(rows, h-i*rows)*w*3))
	}
	return tiffFile(raw, map[uint16][]uint32{256: {uint32(w)}, 257: {uint32(h)}, 258: {8, 8, 8}, 259: {1}, 262: {2}, 273: offs, 277: {3}, 278: {uint32(rows)}, 279: counts})
}

// tiffFile writes a little-endian file of one directory whose tags are LONGs.
func tiffFile(data []byte, tags map[uint16][]uint32) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32([]byte("II*\x00"), 0)
	b = append(b, data...)
	at := map[uint16]uint32{}
	for id, v := range tags {
		if len(v) > 1 {
			at[id] = uint32(len(b))
			for _, x := range v {
				b = le.AppendUint32(b, x)
			}
		}
	}
	le.PutUint32(b[4:], uint32(len(b)))
	b = le.AppendUint16(b, uint16(len(tags)))
	for id := range uint16(1000) {
		if v, ok := tags[id]; ok {
			b = le.AppendUint16(le.AppendUint16(b, id), 4)
			b = le.AppendUint32(b, uint32(len(v)))
			if len(v) > 1 {
				b = le.AppendUint32(b, at[id])
			} else {
				b = le.AppendUint32(b, v[0])
			}
		}
	}
	return le.AppendUint32(b, 0)
}

// openers are the readers by name.
func openers(lim limits) map[string]func(src *tiles.Source) (tiles.Slide, error) {
	ctx, codecs := context.Background(), codec.Default()
	return map[string]func(src *tiles.Source) (tiles.Slide, error){
		"png":         func(src *tiles.Source) (tiles.Slide, error) { return openPNG(ctx, src, lim) },
		"jpeg":        func(src *tiles.Source) (tiles.Slide, error) { return openJPEG(ctx, src, codecs, lim) },
		"bmp":         func(src *tiles.Source) (tiles.Slide, error) { return openBMP(ctx, src) },
		"tiff-strips": func(src *tiles.Source) (tiles.Slide, error) { return openTIFF(ctx, src, codecs, lim) },
	}
}

// pixels reads a whole level.
func pixels(t testing.TB, s tiles.Slide, level int) *image.RGBA {
	t.Helper()
	l := s.Levels()[level]
	m := image.NewRGBA(image.Rect(0, 0, l.Width, l.Height))
	if err := tiles.ReadRegion(context.Background(), s, level, 0, 0, m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestConformance(t *testing.T) {
	m := gradient(600, 301)
	for name, data := range encoded(t, m) {
		for kind, lim := range map[string]limits{"memory": usual(), "disk": tight(t)} {
			t.Run(name+" in "+kind, func(t *testing.T) {
				slidetest.Run(t, func(t testing.TB) tiles.Slide {
					s, err := openers(lim)[name](source("x."+name, data))
					if err != nil {
						t.Fatal(err)
					}
					return s
				})
			})
		}
	}
}

func TestConformance_Wide(t *testing.T) {
	m := image.NewGray16(image.Rect(0, 0, 530, 200))
	for i := range m.Pix {
		m.Pix[i] = byte(i / 300)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	for kind, lim := range map[string]limits{"memory": usual(), "disk": tight(t)} {
		t.Run(kind, func(t *testing.T) {
			slidetest.RunPlanar(t, func(t testing.TB) tiles.Planar {
				s, err := openPNG(context.Background(), source("x.png", b.Bytes()), lim)
				if err != nil {
					t.Fatal(err)
				}
				return s.(tiles.Planar)
			})
		})
	}
}

// Level 0 is the picture; every further level the mean of four pixels.
func TestPixels(t *testing.T) {
	m := gradient(1111, 701)
	for name, data := range encoded(t, m) {
		for kind, lim := range map[string]limits{"memory": usual(), "disk": tight(t)} {
			t.Run(name+" in "+kind, func(t *testing.T) {
				s, err := openers(lim)[name](source("x", data))
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				got := pixels(t, s, 0)
				if name == "jpeg" {
					want := image.NewRGBA(m.Rect)
					if err := codec.Default().JPEG(want, data, 3); err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(got.Pix, want.Pix) {
						t.Error("bands differ from the picture decoded as a whole")
					}
				} else if !bytes.Equal(got.Pix, m.Pix) {
					t.Error("level 0 is another picture")
				}
				for i := 1; i < len(s.Levels()); i++ {
					finer := got
					got = pixels(t, s, i)
					if w, h := (finer.Rect.Dx()+1)/2, (finer.Rect.Dy()+1)/2; got.Rect.Dx() != w || got.Rect.Dy() != h {
						t.Fatalf("level %d has %v", i, got.Rect)
					}
					for _, p := range []image.Point{{}, {7, 9}, {got.Rect.Dx() - 1, got.Rect.Dy() - 1}, {got.Rect.Dx() - 1, 3}} {
						if want := mean(finer, p); got.RGBAAt(p.X, p.Y) != want {
							t.Errorf("level %d, pixel %v is %v, want %v", i, p, got.RGBAAt(p.X, p.Y), want)
						}
					}
				}
			})
		}
	}
}

func mean(m *image.RGBA, p image.Point) color.RGBA {
	var sum [3]int
	for i := range 4 {
		c := m.RGBAAt(min(2*p.X+i%2, m.Rect.Dx()-1), min(2*p.Y+i/2, m.Rect.Dy()-1))
		sum[0], sum[1], sum[2] = sum[0]+int(c.R), sum[1]+int(c.G), sum[2]+int(c.B)
	}
	return color.RGBA{byte((sum[0] + 2) / 4), byte((sum[1] + 2) / 4), byte((sum[2] + 2) / 4), 255}
}

// A temporary pyramid is gone when the slide is closed, when opening fails or is
// given up; what a crash left is removed by the next one.
func TestTemporaryFiles(t *testing.T) {
	lim := tight(t)
	left := func() []string {
		found, err := filepath.Glob(filepath.Join(lim.dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if err := os.MkdirAll(lim.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	stale, other := filepath.Join(lim.dir, "pyramid-123.tmp"), filepath.Join(lim.dir, "other.txt")
	for _, f := range []string{stale, other} {
		if err := os.WriteFile(f, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	data := encoded(t, gradient(1000, 900))["png"]
	s, err := openPNG(context.Background(), source("x.png", data), lim)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := left(); len(got) != 1 || got[0] != other {
		t.Errorf("left after closing: %v", got)
	}
	if err := s.Close(); !errors.Is(err, tiles.ErrClosed) {
		t.Errorf("second Close: %v", err)
	}
	if _, err := openPNG(context.Background(), source("x.png", data[:len(data)/2]), lim); err == nil {
		t.Error("half a picture opens")
	}
	if got := left(); len(got) != 1 {
		t.Errorf("left after a failure: %v", got)
	}
	ctx, cancel := context.WithCancel(context.Background())
	steps := 0
	ctx = tiles.WithProgress(ctx, func(done, total int64) {
		if steps++; done > total/2 {
			cancel()
		}
	})
	if _, err := openPNG(ctx, source("x.png", data), lim); !errors.Is(err, context.Canceled) || steps < 10 {
		t.Errorf("given up after %d steps: %v", steps, err)
	}
	if got := left(); len(got) != 1 {
		t.Errorf("left after giving up: %v", got)
	}
}

// A picture whose pyramid does not fit the disk is refused before anything is
// written, and the room is named.
func TestNewDisk_Room(t *testing.T) {
	dir := t.TempDir()
	_, err := newDisk(dir, 1<<16, 1<<60)
	var room *roomError
	if !errors.As(err, &room) || !strings.Contains(err.Error(), "1152921504.6 GB") || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v", err)
	}
	if found, _ := os.ReadDir(dir); len(found) != 0 {
		t.Errorf("left: %v", found)
	}
}

// A strip that is damaged spoils its tiles alone.
func TestStrips_OneBad(t *testing.T) {
	data := stripTIFF(gradient(600, 1200), 100)
	table := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, 8), 8+100*600*3) // of offsets begins so
	at := bytes.LastIndex(data, table)
	binary.LittleEndian.PutUint32(data[at:], 0x7fffffff)
	s, err := openTIFF(context.Background(), source("x.tif", data), codec.Default(), usual())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var te *tiles.TileError
	dst := image.NewRGBA(image.Rect(0, 0, 256, 256))
	if err := s.ReadTile(context.Background(), tiles.Key{}, dst); !errors.As(err, &te) {
		t.Errorf("the bad tile: %v", err)
	}
	if err := s.ReadTile(context.Background(), tiles.Key{Row: 2}, dst); err != nil {
		t.Errorf("another tile: %v", err)
	}
	if err := s.ReadTile(context.Background(), tiles.Key{Level: 1}, dst); err != nil {
		t.Errorf("a smaller level: %v", err)
	}
	if !strings.Contains(strings.Join(s.Info().Warnings, "\n"), "not all of the picture") {
		t.Errorf("warnings %q", s.Info().Warnings)
	}
}

// A picture in one strip is read by place: a tile at its lower end must not
// unpack what lies above.
func TestStrips_OneStripIsCut(t *testing.T) {
	m := gradient(700, 2000)
	data := stripTIFF(m, 2000)
	s, err := openTIFF(context.Background(), source("x.tif", data), codec.Default(), usual())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := pixels(t, s, 0); !bytes.Equal(got.Pix, m.Pix) {
		t.Error("level 0 is another picture")
	}
	dir := s.(*slide)
	if rows := dir.pyramid.height; rows != 2000 {
		t.Errorf("%d rows", rows)
	}
}

func TestOrientation(t *testing.T) {
	m := gradient(90, 50)
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	for o, at := range map[int]image.Point{1: {0, 0}, 2: {89, 0}, 3: {89, 49}, 4: {0, 49}, 5: {0, 0}, 6: {49, 0}, 7: {49, 89}, 8: {0, 89}} {
		exif := tiffFile(nil, map[uint16][]uint32{274: {uint32(o)}})
		data := withChunk(b.Bytes(), "eXIf", exif)
		s, err := openPNG(context.Background(), source("x.png", data), usual())
		if err != nil {
			t.Fatal(err)
		}
		got := pixels(t, s, 0)
		if size := got.Rect.Size(); o >= 5 && size != image.Pt(50, 90) || o < 5 && size != image.Pt(90, 50) {
			t.Errorf("orientation %d: %v", o, size)
		}
		if c := got.RGBAAt(at.X, at.Y); c != m.RGBAAt(0, 0) {
			t.Errorf("orientation %d: pixel %v is %v", o, at, c)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestMPP(t *testing.T) {
	m := gradient(10, 10)
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	for perMetre, want := range map[uint32]float64{2835: 0, 11811: 0, 4000000: 0.25} {
		phys := append(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, perMetre), perMetre), 1)
		s, err := openPNG(context.Background(), source("x.png", withChunk(b.Bytes(), "pHYs", phys)), usual())
		if err != nil {
			t.Fatal(err)
		}
		in := s.Info()
		if in.MPPX != want || in.MPPY != want || (want == 0) != strings.Contains(fmt.Sprint(in.Warnings), "size of a pixel is unknown") {
			t.Errorf("%d per metre: MPP %v, warnings %q", perMetre, in.MPPX, in.Warnings)
		}
		s.Close()
	}
}
