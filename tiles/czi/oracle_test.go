package czi

import (
	"context"
	"encoding/json"
	"errors"
	"image"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
)

// Files that Zeiss's library wrote, see testdata/files.py, compared pixel by
// pixel with what it reads back.
func TestOracle(t *testing.T) {
	dir := os.Getenv("COVERSLIP_CZI_FILES")
	if dir == "" {
		t.Skip("no files of Zeiss's library: see testdata/files.py")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.czi"))
	if err != nil || len(files) == 0 {
		t.Fatal(err, "no files")
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			if strings.HasPrefix(filepath.Base(f), "jxr") && codec.Default().HasJPEGXR() != nil {
				t.Skip("libjxr is absent")
			}
			compareFile(t, f)
		})
	}
}

func compareFile(t *testing.T, file string) {
	var shape [6]int // c, z, t, y, x, samples
	base := strings.TrimSuffix(file, ".czi")
	raw, err := os.ReadFile(base + ".json")
	if err == nil {
		err = json.Unmarshal(raw, &shape)
	}
	if err == nil {
		raw, err = os.ReadFile(base + ".f8")
	}
	if err != nil {
		t.Fatal(err)
	}
	at := func(plane, y, x, sample int) float64 {
		return math.Float64frombits(le.Uint64(raw[8*((((plane*shape[3])+y)*shape[4]+x)*shape[5]+sample):]))
	}
	s := openPath(t, file)
	defer s.Close()
	l := s.Levels()[0]
	if l.Height != shape[3] || l.Width != shape[4] || s.Info().MPPX != 0.25 || s.Info().MPPY != 0.26 {
		t.Fatalf("%d×%d, want %v; MPP %v", l.Width, l.Height, shape, s.Info().MPPX)
	}
	planar, _ := s.(tiles.Planar)
	for row := range l.Rows() {
		for col := range l.Cols() {
			r, k := l.TileRect(col, row), tiles.Key{Col: col, Row: row}
			if planar == nil {
				shift := 1.0
				if strings.Contains(file, "Bgr48") {
					shift = 256
				}
				m := image.NewRGBA(image.Rectangle{Max: r.Size()})
				if err := s.ReadTile(context.Background(), k, m); err != nil && !errors.Is(err, tiles.ErrMissing) {
					t.Fatal(err)
				}
				for y := range r.Dy() {
					for x := range r.Dx() {
						c := m.RGBAAt(x, y)
						for i, got := range []uint8{c.B, c.G, c.R} {
							if want := math.Floor(at(0, r.Min.Y+y, r.Min.X+x, i) / shift); float64(got) != want {
								t.Fatalf("(%d,%d) sample %d: %d, want %v", r.Min.X+x, r.Min.Y+y, i, got, want)
							}
						}
					}
				}
				continue
			}
			st := planar.Stack()
			if len(st.Channels) != shape[0] || st.Z != shape[1] || st.T != shape[2] {
				t.Fatalf("%+v, want %v", st, shape)
			}
			for i := range shape[0] * shape[1] * shape[2] {
				p := tiles.Plane{Channel: i / (shape[1] * shape[2]), Z: i / shape[2] % shape[1], T: i % shape[2]}
				dst := st.Channels[p.Channel].Raster(r.Dx(), r.Dy())
				if err := planar.ReadPlane(context.Background(), k, p, dst); err != nil && !errors.Is(err, tiles.ErrMissing) {
					t.Fatal(err)
				}
				for j := range r.Dx() * r.Dy() {
					got := 0.0
					if dst.Uint16 != nil {
						got = float64(dst.Uint16[j])
					} else {
						got = float64(dst.Float32[j])
					}
					if want := at(i, r.Min.Y+j/r.Dx(), r.Min.X+j%r.Dx(), 0); got != want {
						t.Fatalf("plane %+v sample %d: %v, want %v", p, j, got, want)
					}
				}
			}
		}
	}
}

// tryPath opens a slide by its path.
func tryPath(path string, codecs *codec.Set) (tiles.Slide, error) {
	src, err := tiles.OpenSource(path)
	if err != nil {
		return nil, err
	}
	f := Format(codecs)
	if err := f.Detect(src); err != nil {
		return nil, errors.Join(err, src.Close())
	}
	s, err := f.Open(context.Background(), src)
	if err != nil {
		return nil, errors.Join(err, src.Close())
	}
	return s, nil
}

func openPath(t testing.TB, path string) tiles.Slide {
	t.Helper()
	s, err := tryPath(path, codec.Default())
	if err != nil {
		t.Fatal(err)
	}
	return s
}
