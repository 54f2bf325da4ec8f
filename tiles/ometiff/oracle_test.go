package ometiff

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"image"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/slidetest"
)

// Files that tifffile wrote, see testdata/files.py, compared sample by sample
// with what it reads back.
func TestOracle(t *testing.T) {
	dir := os.Getenv("COVERSLIP_OME_FILES")
	if dir == "" {
		t.Skip("no files of tifffile: see testdata/files.py")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal(err, "no files")
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".json"), func(t *testing.T) { compareOracle(t, f) })
	}
}

type oracle struct {
	Path   string
	Levels [][5]int // sizes of C, Z, T, Y, X
	raw    []byte
}

func compareOracle(t *testing.T, file string) {
	var o oracle
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &o)
	}
	if err == nil {
		o.raw, err = os.ReadFile(strings.TrimSuffix(file, ".json") + ".f8")
	}
	if err != nil {
		t.Fatal(err)
	}
	s, err := openPath(t, o.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if len(s.Levels()) != len(o.Levels) {
		t.Fatalf("%d levels, want %d; warnings %q", len(s.Levels()), len(o.Levels), s.Info().Warnings)
	}
	at := 0
	for level, shape := range o.Levels {
		l := s.Levels()[level]
		if l.Height != shape[3] || l.Width != shape[4] {
			t.Fatalf("level %d: %+v, want %v", level, l, shape)
		}
		size := shape[0] * shape[1] * shape[2] * shape[3] * shape[4]
		compareLevel(t, s, level, shape, o.raw[8*at:8*(at+size)])
		at += size
	}
}

func compareLevel(t *testing.T, s tiles.Slide, level int, n [5]int, raw []byte) {
	t.Helper()
	want := func(c, z, ti, y, x int) float64 {
		return math.Float64frombits(binary.LittleEndian.Uint64(raw[8*((((c*n[1]+z)*n[2]+ti)*n[3]+y)*n[4]+x):]))
	}
	l := s.Levels()[level]
	p, isPlanar := s.(tiles.Planar)
	inColor := !isPlanar || p.Stack().InColor
	if isPlanar {
		if st := p.Stack(); !inColor && len(st.Channels) != n[0] || st.Z != n[1] || st.T != n[2] {
			t.Fatalf("%+v, want %v", st, n)
		}
	}
	channels := n[0]
	if inColor {
		channels = 1
	}
	for i := range channels * n[1] * n[2] * l.Cols() * l.Rows() {
		tile := i % (l.Cols() * l.Rows())
		plane := i / (l.Cols() * l.Rows())
		q := tiles.Plane{Channel: plane / (n[1] * n[2]), Z: plane / n[2] % n[1], T: plane % n[2]}
		k := tiles.Key{Level: level, Col: tile % l.Cols(), Row: tile / l.Cols()}
		r := l.TileRect(k.Col, k.Row)
		m := image.NewRGBA(image.Rectangle{Max: r.Size()})
		got := &tiles.Raster{Width: r.Dx(), Height: r.Dy(), RGBA: m}
		var err error
		switch {
		case !isPlanar:
			err = s.ReadTile(context.Background(), k, m)
		case inColor:
			err = p.ReadPlane(context.Background(), k, q, got)
		default:
			got = p.Stack().Channels[q.Channel].Raster(r.Dx(), r.Dy())
			err = p.ReadPlane(context.Background(), k, q, got)
		}
		if err != nil {
			t.Fatalf("%+v %+v: %v", k, q, err)
		}
		for j := range r.Dx() * r.Dy() {
			x, y := r.Min.X+j%r.Dx(), r.Min.Y+j/r.Dx()
			for c := range n[0] / channels {
				var have float64
				switch {
				case inColor:
					have = float64(m.Pix[4*j+c])
				case got.Uint16 != nil:
					have = float64(got.Uint16[j])
				default:
					have = float64(got.Float32[j])
				}
				w := want(q.Channel+c, q.Z, q.T, y, x)
				if have != w && have != float64(float32(w)) {
					t.Fatalf("%+v %+v: sample %d at (%d,%d) is %v, tifffile reads %v", k, q, c, x, y, have, w)
				}
			}
		}
	}
}

// The sample file of the OME consortium: 3 channels of 5 focal planes, signed
// bytes in strips of single rows, big-endian.
func TestShared_ZSeries(t *testing.T) {
	path := slidetest.Shared(t, "ometiff/multi-channel-z-series.ome.tif")
	slidetest.RunPlanar(t, func(t testing.TB) tiles.Planar { return openPlanar(t, path) })
	s := openPlanar(t, path)
	defer s.Close()
	st := s.Stack()
	if len(st.Channels) != 3 || st.Z != 5 || st.T != 1 || !st.Channels[0].Float || st.Channels[0].Bits != 8 {
		t.Errorf("%+v", st)
	}
	if l := s.Levels()[0]; l.Width != 439 || l.Height != 167 || l.TileHeight != 256 {
		t.Errorf("%+v", l)
	}
}

// FuzzOpen: whatever the file says, it opens or is refused, and a tile of it can
// be asked for.
func FuzzOpen(f *testing.F) {
	head := `<OME><Image><Pixels DimensionOrder="XYCZT" Type="uint8" SizeX="30" SizeY="20" `
	for _, c := range []struct {
		text          string
		pages, sample int
		rows          int
	}{
		{head + `SizeZ="2" SizeC="2" SizeT="1"><Channel Color="-1"/><TiffData IFD="0" PlaneCount="3"/><TiffData IFD="3" FirstC="1" FirstZ="1"/></Pixels></Image></OME>`, 4, 1, 0},
		{head + `SizeZ="1" SizeC="3" SizeT="1"><Channel SamplesPerPixel="3"/></Pixels></Image></OME>`, 1, 3, 0},
		{head + `SizeZ="1" SizeC="2" SizeT="1"><TiffData/></Pixels></Image></OME>`, 2, 1, 3},
	} {
		var pages []slidetest.Page
		for range c.pages {
			p := slidetest.Page{Width: 30, Height: 20, Bits: 8, Samples: c.sample, Tile: 16, Sample: func(x, y, s int) float64 { return float64(x + y + s) }}
			p.Sub = []slidetest.Page{p}
			p.Sub[0].Width, p.Sub[0].Height = 15, 10
			if c.rows > 0 {
				p.Tile, p.Rows = 0, c.rows
			}
			pages = append(pages, p)
		}
		pages[0].Description = c.text
		f.Add(slidetest.BuildTIFF(f, pages...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		src := tiles.NewSource("x.ome.tif", strings.NewReader(string(b)), int64(len(b)))
		if _, err := detect(src); err != nil {
			return
		}
		s, err := open(context.Background(), src, codec.Safe())
		if err != nil {
			return
		}
		defer s.Close()
		r := s.Levels()[0].TileRect(0, 0)
		if r.Dx()*r.Dy() > 1<<20 {
			return
		}
		m := image.NewRGBA(image.Rectangle{Max: r.Size()})
		if err := s.ReadTile(context.Background(), tiles.Key{}, m); err != nil {
			t.Log(err)
		}
	})
}
