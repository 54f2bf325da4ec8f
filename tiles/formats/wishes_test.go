package formats

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/slidetest"
	"coverslip/tiles/tiffwrite"
)

// What people ask of the programs that read slides, each under the name of the
// wish. Of slides without a scale see package app too, of addresses tiles/remote.

// "Unsupported or missing image file" tells nobody what to do: openslide-python
// #153, openslide #656.
func TestWish_ReasonWhyAFileDoesNotOpen(t *testing.T) {
	reasons := map[string]bool{}
	for name, data := range map[string]string{
		"a.svs": "", "b.svs": "%PDF-1.4 and so on and on", "c.svs": "II*\x00\xff\xff\xff\x7f and more bytes", "d.mrxs": "", "e.vsi": "II*\x00",
	} {
		_, err := Open(context.Background(), write(t, name, []byte(data)))
		var r *RefusedError
		if !errors.As(err, &r) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_, reason, _ := strings.Cut(err.Error(), tiles.ErrNotSlide.Error()+": ")
		if reason == "" || reasons[reason] {
			t.Errorf("%s: no reason of its own: %v", name, err)
		}
		reasons[reason] = true
	}
}

// The pyramid of an OME-TIFF lies in sub-directories: openslide PR #344.
func TestWish_OMETIFFPyramid(t *testing.T) {
	s := open(t, slidetest.Shared(t, "made/ome-subifd.ome.tif"))
	defer s.Close()
	if n := len(s.Levels()); n != 4 {
		t.Fatalf("%d levels", n)
	}
	whole, err := tiles.Thumbnail(context.Background(), s, 277)
	if err != nil {
		t.Fatal(err)
	}
	if whole.Rect.Dx() > 277 || plainColour(whole) {
		t.Errorf("a picture of %v", whole.Rect)
	}
}

func plainColour(m *image.RGBA) bool {
	for i := range m.Pix {
		if m.Pix[i] != m.Pix[i%4] {
			return false
		}
	}
	return true
}

// stackFiles is an OME-Zarr of two channels of 16 bits and three focal planes, 130
// by 70 pixels.
func stackFiles(t testing.TB) map[string]string {
	t.Helper()
	f := map[string]string{
		".zgroup": `{"zarr_format":2}`,
		".zattrs": `{"multiscales":[{"version":"0.4","axes":[{"name":"c","type":"channel"},{"name":"z","type":"space","unit":"micrometer"},{"name":"y","type":"space","unit":"micrometer"},{"name":"x","type":"space","unit":"micrometer"}],` +
			`"datasets":[{"path":"0","coordinateTransformations":[{"type":"scale","scale":[1,2,0.5,0.5]}]}]}],` +
			`"omero":{"channels":[{"label":"DAPI","color":"0000FF","active":true,"window":{"start":0,"end":40000,"min":0,"max":65535}},{"label":"FITC","color":"00FF00","active":true,"window":{"start":0,"end":40000,"min":0,"max":65535}}]}}`,
		"0/.zarray": `{"zarr_format":2,"shape":[2,3,70,130],"chunks":[1,1,70,130],"dtype":"<u2","compressor":{"id":"zlib","level":1},"fill_value":0,"order":"C","filters":null,"dimension_separator":"/"}`,
	}
	for c := range 2 {
		for z := range 3 {
			var b bytes.Buffer
			w := zlib.NewWriter(&b)
			for y := range 70 {
				for x := range 130 {
					if err := binary.Write(w, binary.LittleEndian, stackSample(c, z, x, y)); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			f[fmt.Sprintf("0/%d/%d/0/0", c, z)] = b.String()
		}
	}
	return f
}

func stackSample(c, z, x, y int) uint16 { return uint16(20000*c + 5000*z + 30*x + y) }

// Fluorescence in 16 bits, not squeezed into 8 and not taken for RGB: openslide
// #42, #611, qupath #49.
func TestWish_FluorescenceAnd16Bit(t *testing.T) {
	s, ok := open(t, folder(t, stackFiles(t), ".zattrs")).(tiles.Planar)
	if !ok {
		t.Fatal("its planes are not to be had")
	}
	defer s.Close()
	st := s.Stack()
	if names := tiles.ChannelNames(st.Channels); !reflect.DeepEqual(names, []string{"DAPI", "FITC"}) || st.Channels[0].Bits != 16 || st.Channels[1].Color.G != 255 {
		t.Fatalf("channels %+v", st.Channels)
	}
	for c := range 2 {
		r := st.Channels[c].Raster(130, 70)
		if err := s.ReadPlane(context.Background(), tiles.Key{}, tiles.Plane{Channel: c, Z: 1}, r); err != nil {
			t.Fatal(err)
		}
		for y := range 70 {
			for x := range 130 {
				if got, want := r.Uint16[y*130+x], stackSample(c, 1, x, y); got != want {
					t.Fatalf("channel %d at (%d,%d): %d, want %d", c, x, y, got, want)
				}
			}
		}
	}
	d := tiles.DefaultDisplay(st)
	d.Channels[0].Hidden = true
	v, err := tiles.NewView(s, d)
	if err != nil {
		t.Fatal(err)
	}
	m := image.NewRGBA(image.Rect(0, 0, 130, 70))
	if err := v.ReadTile(context.Background(), tiles.Key{}, m); err != nil {
		t.Fatal(err)
	}
	if p := m.RGBAAt(60, 30); p.R != 0 || p.B != 0 || p.G == 0 {
		t.Errorf("the green channel alone is drawn as %v", p)
	}
}

// Every focal plane is there, not the first alone: openslide #31, large_image
// #1772.
func TestWish_ZStack(t *testing.T) {
	for _, path := range []string{folder(t, stackFiles(t), ".zattrs"), slidetest.Shared(t, "ometiff/multi-channel-z-series.ome.tif")} {
		s, ok := open(t, path).(tiles.Planar)
		if !ok {
			t.Errorf("%s: its planes are not to be had", path)
			continue
		}
		seen := map[string]bool{}
		for z := range s.Stack().Z {
			size := s.Levels()[0].TileRect(0, 0).Size()
			r := s.Stack().Channels[0].Raster(size.X, size.Y)
			if err := s.ReadPlane(context.Background(), tiles.Key{}, tiles.Plane{Z: z}, r); err != nil {
				t.Fatal(err)
			}
			seen[fmt.Sprint(r.Uint16, r.Float32)] = true
		}
		if n := s.Stack().Z; n < 3 || len(seen) != n || len(s.Info().ZPlanes) != n {
			t.Errorf("%s: %d focal planes, %d of them differ, %v", path, n, len(seen), s.Info().ZPlanes)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// What was not scanned is background to people and transparent to programs, never
// black: openslide #443, openslide-python #255.
func TestWish_NoBlackBorders(t *testing.T) {
	ctx := context.Background()
	missing := slidetest.MakeMirax(t, slidetest.Mirax{Cols: 16, Rows: 16, Divisions: 2, Size: image.Pt(64, 48), Levels: 3, Overlap: 8, Fill: 0xffffff,
		Missing: func(c, r int) bool { return c != 1 || r != 1 }, Position: func(c, r int) image.Point { return image.Pt(c*120, r*88) }}).Write(t)
	for _, path := range []string{missing, slidetest.Shared(t, "made/leica.scn"), slidetest.Shared(t, "made/mirax.mrxs"), slidetest.Shared(t, "made/generic-sparse-bigtiff.tif"), slidetest.Shared(t, "made/philips.tiff"), slidetest.Shared(t, "made/trestle.tif")} {
		s := open(t, path)
		name := filepath.Base(path)
		bg := s.Info().Background
		if int(bg.R)+int(bg.G)+int(bg.B) < 3*200 {
			t.Errorf("%s: the background is %v", name, bg)
		}
		// No pixel of a made slide is black: 48 leaves room for what JPEG adds.
		dark := func(m *image.RGBA) (n int) {
			for i := 0; i < len(m.Pix); i += 4 {
				if m.Pix[i+3] == 255 && max(m.Pix[i], m.Pix[i+1], m.Pix[i+2]) < 12 {
					n++
				}
			}
			return n
		}
		thumb, err := tiles.Thumbnail(ctx, tiles.Filled(s), 256)
		if err != nil {
			t.Fatal(err)
		}
		if n := dark(thumb); n > 0 && name != "made.mrxs" {
			t.Errorf("%s: %d black pixels of the thumbnail's %d", name, n, len(thumb.Pix)/4)
		}
		l := s.Levels()[0]
		beside := image.NewRGBA(image.Rect(0, 0, 64, 64))
		for i := range beside.Pix {
			beside.Pix[i] = 9
		}
		if err := tiles.ReadRegion(ctx, s, 0, l.Width+100, l.Height+100, beside); err != nil {
			t.Fatal(err)
		}
		if beside.Pix[3] != 0 || beside.Pix[len(beside.Pix)-1] != 0 {
			t.Errorf("%s: beside the slide lies %v", name, beside.Pix[:4])
		}
		blank := 0
		whole := image.NewRGBA(image.Rect(0, 0, l.TileWidth, l.TileHeight))
		for i := range min(120, l.Cols()*l.Rows()) {
			k := tiles.Key{Col: i % l.Cols(), Row: i / l.Cols()}
			m := whole.SubImage(image.Rectangle{Max: l.TileRect(k.Col, k.Row).Size()}).(*image.RGBA)
			if err := s.ReadTile(ctx, k, m); errors.Is(err, tiles.ErrMissing) {
				blank++
				if m.Pix[0] != bg.R || m.Pix[3] != 255 {
					t.Errorf("%s: a missing tile is %v", name, m.Pix[:4])
				}
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if blank == 0 && (name == "made.mrxs" || name == "leica.scn") {
			t.Errorf("%s: no tile is missing", name)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// The colour profile is there: openslide #237, qupath #982.
func TestWish_ICC(t *testing.T) {
	d := slidetest.GoodDICOM(t, 200, 150)
	d.ICC = slidetest.SwappedProfile()
	s := open(t, write(t, "a.dcm", d.Data()))
	defer s.Close()
	if !bytes.Equal(bytes.TrimRight(s.ICC(), "\x00"), bytes.TrimRight(d.ICC, "\x00")) {
		t.Errorf("a profile of %d bytes, want %d", len(s.ICC()), len(d.ICC))
	}
	real := open(t, slidetest.Shared(t, "svs/TCGA-CR-7395-ts1.svs"))
	defer real.Close()
	if n := len(real.ICC()); n != 3144 {
		t.Errorf("a profile of %d bytes", n)
	}
}

// A slide that does not say its µm per pixel opens, and no number is made up:
// qupath #221, openslide #247.
func TestWish_UnknownMPPOpens(t *testing.T) {
	f := slidetest.Edit(t, slidetest.Good(t, tiffwrite.Generic, false))
	f.Value(296, 2).Put(f.Where(282), 72, 0, 0, 0, 1, 0, 0, 0) // 72 dots an inch would be 353 µm
	s := open(t, write(t, "a.tif", f.Data))
	defer s.Close()
	if in := s.Info(); in.MPPX != 0 || in.MPPY != 0 || in.MPPFrom != "" || in.Properties["openslide.mpp-x"] != "" {
		t.Errorf("MPP %v×%v from %q, %q", in.MPPX, in.MPPY, in.MPPFrom, in.Properties["openslide.mpp-x"])
	}
	if _, bad := readAll(t, s); bad != nil {
		t.Error(bad)
	}
}

// Joints of Ventana slides that point LEFT and DOWN: openslide #234.
func TestWish_BIFLeftAndDown(t *testing.T) {
	b := slidetest.BIF{TileW: 80, TileH: 64, Levels: 2, Turned: true, Areas: []slidetest.BIFArea{{Cols: 4, Rows: 3, OverlapsX: []int{8}, OverlapsY: []int{6}}}}
	s := open(t, write(t, "a.bif", b.Make(t)))
	defer s.Close()
	want := b.Picture(0, 235)
	got := image.NewRGBA(want.Rect)
	if err := tiles.ReadRegion(context.Background(), s, 0, 0, 0, got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Pix, want.Pix) {
		t.Error("the photos do not lie where the joints say")
	}
}

// Names in every script, and paths longer than old systems bear, open; the files
// beside a slide are found there too: openslide #259, #427, ASAP #66.
func TestWish_NonASCIIAndLongPaths(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "Präparate Ж 病理 🔬", "año – №7")
	for len(dir) < 300 {
		dir = filepath.Join(dir, "a folder with a rather long name of its own")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Skip("this system does not bear such paths:", err)
	}
	made := miraxOf(t, func(*slidetest.MiraxFiles) {})
	copyTree(t, made, filepath.Join(dir, "Größe 切片.mrxs"))
	copyTree(t, strings.TrimSuffix(made, ".mrxs"), filepath.Join(dir, "Größe 切片"))
	put := func(name string, data []byte) {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o700), os.WriteFile(p, data, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	put("Größe 切片.svs", slidetest.Good(t, tiffwrite.Aperio, false))
	put("Größe 切片.dcm", slidetest.GoodDICOM(t, 200, 150).Data())
	for name, data := range deepZoom(t) {
		put(strings.Replace(name, "a", "Größe 切片", 1), []byte(data))
	}
	for name, data := range zarrFiles() {
		put("Größe 切片.zarr/"+name, []byte(data))
	}
	for _, name := range []string{"Größe 切片.mrxs", "Größe 切片.svs", "Größe 切片.dcm", "Größe 切片.dzi", "Größe 切片.zarr", "Größe 切片"} {
		for set, codecs := range decoders() {
			s, err := OpenWith(context.Background(), filepath.Join(dir, name), codecs)
			if err != nil {
				t.Errorf("%s, %s: %v", name, set, err)
				continue
			}
			if _, bad := readAll(t, s); bad != nil {
				t.Errorf("%s, %s: %v", name, set, bad)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// Several slides share one cache, and its bytes are a bound for all of them:
// openslide #657, openslide-python #24.
func TestWish_OneCacheForSeveralSlides(t *testing.T) {
	cache := tiles.NewCache(16 << 20)
	budget := cache.Budget()
	var loaders []*tiles.Loader
	for _, name := range []string{"made/aperio.svs", "made/philips.tiff", "svs/CMU-1-Small-Region.svs"} {
		s := open(t, slidetest.Shared(t, name))
		defer s.Close()
		loaders = append(loaders, tiles.NewLoader(s, cache, 1, func() {}))
	}
	most := int64(0)
	for i := range 50 {
		for _, l := range loaders {
			level := l.Slide().Levels()[0]
			k := tiles.Key{Col: i % level.Cols(), Row: i / level.Cols()}
			if _, err := l.Read(context.Background(), k); err != nil && !errors.Is(err, tiles.ErrMissing) {
				t.Fatal(err)
			}
			most = max(most, cache.Used())
		}
	}
	if most > budget || most < budget/2 {
		t.Errorf("%d bytes of %d used by three slides", most, budget)
	}
	last := tiles.Key{Col: 49 % loaders[0].Slide().Levels()[0].Cols(), Row: 49 / loaders[0].Slide().Levels()[0].Cols()}
	if _, ok := loaders[0].Get(last); !ok {
		t.Error("what was read last is not kept")
	}
	for _, l := range loaders {
		l.Close()
	}
	if used := cache.Used(); used != 0 {
		t.Errorf("%d bytes are kept for closed slides", used)
	}
}

// One bad tile never stops a slide: libvips #3151, openslide #546.
func TestWish_OneBadTileStopsNothing(t *testing.T) {
	f := slidetest.Edit(t, slidetest.Good(t, tiffwrite.Generic, false)).JPEG(65500, 65500, 3)
	s := open(t, write(t, "a.tif", f.Data))
	defer s.Close()
	for range 3 {
		sound, bad := readAll(t, s)
		if l := s.Levels()[0]; bad == nil || sound != l.Cols()*l.Rows()-1 {
			t.Errorf("%d sound tiles, %v", sound, bad)
		}
	}
}
