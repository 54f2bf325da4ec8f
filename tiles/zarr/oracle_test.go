package zarr

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"coverslip/tiles"
)

// Stores that zarr-python wrote, see testdata/stores.py, compared sample by
// sample.
func TestOracle(t *testing.T) {
	dir := os.Getenv("COVERSLIP_ZARR_STORES")
	if dir == "" {
		t.Skip("no stores of zarr-python: see testdata/stores.py")
	}
	stores, err := filepath.Glob(filepath.Join(dir, "*-*"))
	if err != nil || len(stores) == 0 {
		t.Fatal(err, "no stores")
	}
	for _, store := range stores {
		t.Run(filepath.Base(store), func(t *testing.T) { compareStore(t, store) })
	}
}

func compareStore(t *testing.T, store string) {
	var shape [5]int // t, c, z, y, x
	raw, err := os.ReadFile(filepath.Join(store, "expect.json"))
	if err == nil {
		err = json.Unmarshal(raw, &shape)
	}
	if err == nil {
		raw, err = os.ReadFile(filepath.Join(store, "expect.f8"))
	}
	if err != nil {
		t.Fatal(err)
	}
	s := openFolder(t, store).(tiles.Planar)
	defer s.Close()
	st, l := s.Stack(), s.Levels()[0]
	if st.T != shape[0] || len(st.Channels) != shape[1] || st.Z != shape[2] || l.Height != shape[3] || l.Width != shape[4] || s.Info().MPPX != 0.25 || s.Info().MPPY != 0.26 {
		t.Fatalf("%d×%d×%d×%d×%d, want %v; MPP %v", st.T, len(st.Channels), st.Z, l.Height, l.Width, shape, s.Info().MPPX)
	}
	for p := range planes(st) {
		for row := range l.Rows() {
			for col := range l.Cols() {
				r := l.TileRect(col, row)
				dst := st.Channels[p.Channel].Raster(r.Dx(), r.Dy())
				if err := s.ReadPlane(context.Background(), tiles.Key{Col: col, Row: row}, p, dst); err != nil && !errors.Is(err, tiles.ErrMissing) {
					t.Fatal(err)
				}
				for i := range dst.Width * dst.Height {
					x, y := r.Min.X+i%dst.Width, r.Min.Y+i/dst.Width
					at := (((p.T*shape[1]+p.Channel)*shape[2]+p.Z)*shape[3]+y)*shape[4] + x
					want := math.Float64frombits(le.Uint64(raw[8*at:]))
					got := 0.0
					if dst.Uint16 != nil {
						got = float64(dst.Uint16[i])
					} else {
						got, want = float64(dst.Float32[i]), float64(float32(want))
					}
					if got != want {
						t.Fatalf("plane %+v (%d,%d): %v, want %v", p, x, y, got, want)
					}
				}
			}
		}
	}
}

// planes are all planes of a stack.
func planes(st *tiles.Stack) func(func(tiles.Plane) bool) {
	return func(yield func(tiles.Plane) bool) {
		for c := range max(1, len(st.Channels)) {
			for z := range st.Z {
				for i := range st.T {
					if !yield(tiles.Plane{Channel: c, Z: z, T: i}) {
						return
					}
				}
			}
		}
	}
}

// tryFolder opens a store by its folder.
func tryFolder(dir string) (tiles.Slide, error) {
	file, err := FileIn(dir)
	if err != nil {
		return nil, err
	}
	if file == "" {
		return nil, errors.New("no store")
	}
	return tryFile(file)
}

func tryFile(file string) (tiles.Slide, error) {
	src, err := tiles.OpenSource(file)
	if err != nil {
		return nil, err
	}
	f := Format()
	if err := f.Detect(src); err != nil {
		return nil, errors.Join(err, src.Close())
	}
	s, err := f.Open(context.Background(), src)
	if err != nil {
		return nil, errors.Join(err, src.Close())
	}
	return s, nil
}

func openFolder(t testing.TB, dir string) tiles.Slide {
	t.Helper()
	s, err := tryFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
