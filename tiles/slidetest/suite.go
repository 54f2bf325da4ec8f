package slidetest

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"math"
	"strings"
	"sync"
	"testing"

	"coverslip/tiles"
)

// Run checks what every slide of every format promises (tiles.Slide). open
// must give a new slide each time it is called; the suite closes it. The slide
// must have at least one tile that can be decoded.
//
// In a short run, which the race detector makes ten times slower, only what
// several goroutines do at once is checked, and closing.
func Run(t *testing.T, open func(t testing.TB) tiles.Slide) {
	t.Helper()
	if testing.Short() {
		s := open(t)
		checkConcurrent(t, s)
		checkClose(t, s)
		return
	}
	for name, check := range map[string]func(*testing.T, tiles.Slide){
		"Info": checkInfo, "Levels": checkLevels, "Tiles": checkTiles, "Part": checkPart, "Refusals": checkRefusals,
		"Concurrent": checkConcurrent, "Associated": checkAssociated, "Region": checkRegion, "Wrappers": checkWrappers,
		"Cuts": checkCuts, "Bounds": checkBounds,
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			check(t, s)
			if err := s.Close(); err != nil {
				t.Error("Close:", err)
			}
		})
	}
	t.Run("Close", func(t *testing.T) { checkClose(t, open(t)) })
}

// Brief is Run without what reads many tiles, or the same ones again: for a
// second pass over a slide, by other decoders or by another of its files.
func Brief(t *testing.T, open func(t testing.TB) tiles.Slide) {
	t.Helper()
	s := open(t)
	for _, check := range []func(*testing.T, tiles.Slide){checkInfo, checkLevels, checkTiles, checkRefusals, checkAssociated, checkClose} {
		check(t, s) // the last closes it
	}
}

func checkInfo(t *testing.T, s tiles.Slide) {
	in := s.Info()
	if in != s.Info() {
		t.Error("Info is not shared")
	}
	if in.Format == "" || in.Vendor == "" || in.Path == "" {
		t.Errorf("format %q, vendor %q, path %q", in.Format, in.Vendor, in.Path)
	}
	if !strings.HasPrefix(in.Fingerprint, "v1-") || len(in.Fingerprint) != 3+64 {
		t.Errorf("fingerprint %q", in.Fingerprint)
	}
	if in.Background.A == 0 {
		t.Error("the background is transparent")
	}
	if len(in.Channels) == 0 || len(in.ZPlanes) == 0 {
		t.Errorf("channels %v, planes %v", in.Channels, in.ZPlanes)
	}
	for _, mpp := range []float64{in.MPPX, in.MPPY} {
		if mpp != 0 && !tiles.SaneMPP(mpp) {
			t.Errorf("MPP %v", mpp)
		}
	}
	if (in.MPPX > 0) != (in.MPPFrom != "") {
		t.Errorf("MPP %v from %q", in.MPPX, in.MPPFrom)
	}
	for _, p := range []string{"openslide.vendor", "openslide.level-count", "openslide.level[0].width"} {
		if in.Properties[p] == "" {
			t.Errorf("property %s is missing", p)
		}
	}
}

func checkLevels(t *testing.T, s tiles.Slide) {
	levels := s.Levels()
	if len(levels) == 0 {
		t.Fatal("no levels")
	}
	if levels[0].Downsample != 1 {
		t.Errorf("level 0 has downsample %v", levels[0].Downsample)
	}
	for i, l := range levels {
		if l.Width < 1 || l.Height < 1 || l.TileWidth < 1 || l.TileHeight < 1 {
			t.Errorf("level %d: %+v", i, l)
		}
		if i > 0 && (l.Width >= levels[i-1].Width || l.Height > levels[i-1].Height || l.Downsample <= levels[i-1].Downsample) {
			t.Errorf("level %d (%+v) is not smaller than the one before", i, l)
		}
	}
}

// corners are the tiles of each level's corners and middle.
func corners(s tiles.Slide) []tiles.Key {
	var out []tiles.Key
	seen := map[tiles.Key]bool{}
	for i, l := range s.Levels() {
		for _, k := range []tiles.Key{{Level: i}, {Level: i, Col: l.Cols() - 1}, {Level: i, Row: l.Rows() - 1},
			{Level: i, Col: l.Cols() - 1, Row: l.Rows() - 1}, {Level: i, Col: l.Cols() / 2, Row: l.Rows() / 2}} {
			if !seen[k] {
				seen[k] = true
				out = append(out, k)
			}
		}
	}
	return out
}

// read reads a tile into a clear picture.
func read(t testing.TB, s tiles.Slide, k tiles.Key) (m *image.RGBA, missing bool) {
	t.Helper()
	return readOver(t, s, k, 0)
}

// readOver reads a tile over a pattern, which the decoder must replace.
func readOver(t testing.TB, s tiles.Slide, k tiles.Key, pattern byte) (m *image.RGBA, missing bool) {
	t.Helper()
	m = image.NewRGBA(image.Rectangle{Max: s.Levels()[k.Level].TileRect(k.Col, k.Row).Size()})
	for i := range m.Pix {
		m.Pix[i] = pattern
	}
	err := s.ReadTile(context.Background(), k, m)
	if err != nil && !errors.Is(err, tiles.ErrMissing) {
		t.Fatalf("tile %+v: %v", k, err)
	}
	return m, err != nil
}

func checkTiles(t *testing.T, s tiles.Slide) {
	bg := s.Info().Background
	for _, k := range corners(s) {
		a, missing := readOver(t, s, k, 0x17)
		for i := 0; i < len(a.Pix); i += 4 {
			if missing && (a.Pix[i] != bg.R || a.Pix[i+1] != bg.G || a.Pix[i+2] != bg.B) {
				t.Fatalf("missing tile %+v is not background", k)
			}
		}
		if b, _ := readOver(t, s, k, 0xe9); !bytes.Equal(a.Pix, b.Pix) {
			t.Errorf("tile %+v: the second read differs, or pixels are left unwritten", k)
		}
	}
}

// checkPart reads into a part of a larger picture: the rest must stay.
func checkPart(t *testing.T, s tiles.Slide) {
	for _, k := range corners(s) {
		want, _ := read(t, s, k)
		big := image.NewRGBA(image.Rect(0, 0, want.Rect.Dx()+7, want.Rect.Dy()+5))
		for i := range big.Pix {
			big.Pix[i] = 0x17
		}
		at := want.Rect.Add(image.Pt(3, 2))
		if err := s.ReadTile(context.Background(), k, big.SubImage(at).(*image.RGBA)); err != nil && !errors.Is(err, tiles.ErrMissing) {
			t.Fatal(err)
		}
		for y := range big.Rect.Dy() {
			for x := range big.Rect.Dx() {
				p := image.Pt(x, y)
				got := big.RGBAAt(x, y)
				switch {
				case p.In(at):
					if q := p.Sub(at.Min); got != want.RGBAAt(q.X, q.Y) {
						t.Fatalf("tile %+v: pixel %v differs in a part", k, q)
					}
				case got.R != 0x17 || got.A != 0x17:
					t.Fatalf("tile %+v: wrote outside its part at %v", k, p)
				}
			}
		}
	}
}

// checkCuts reads rectangles of tiles where the slide offers it: their pixels are
// those of the tile.
func checkCuts(t *testing.T, s tiles.Slide) {
	p, ok := s.(tiles.PartReader)
	if !ok {
		t.Skip("no tiles.PartReader")
	}
	ctx := context.Background()
	for _, k := range corners(s) {
		tile := s.Levels()[k.Level].TileRect(k.Col, k.Row)
		want, missing := read(t, s, k)
		w, h := tile.Dx(), tile.Dy()
		for _, r := range []image.Rectangle{image.Rect(0, 0, w, h), image.Rect(w/2, h/3, w, h), image.Rect(0, 0, (w+2)/3, (h+1)/2), image.Rect(w-1, h-1, w, h)} {
			got := image.NewRGBA(r)
			err := p.ReadPart(ctx, k, r.Add(tile.Min), got)
			if errors.Is(err, tiles.ErrMissing) != missing || err != nil && !missing {
				t.Fatalf("tile %+v, %v: %v", k, r, err)
			}
			for y := r.Min.Y; y < r.Max.Y; y++ {
				if !bytes.Equal(got.Pix[got.PixOffset(r.Min.X, y):][:4*r.Dx()], want.Pix[want.PixOffset(r.Min.X, y):][:4*r.Dx()]) {
					t.Fatalf("tile %+v, %v: line %d differs from the tile", k, r, y)
				}
			}
		}
		var te *tiles.TileError
		for _, r := range []image.Rectangle{{}, tile.Add(image.Pt(1, 0)), tile.Add(image.Pt(0, -1))} {
			if err := p.ReadPart(ctx, k, r, image.NewRGBA(r)); !errors.As(err, &te) || te.Key != k {
				t.Errorf("tile %+v, %v: got %v, want a TileError", k, r, err)
			}
		}
	}
	var te *tiles.TileError
	for _, k := range []tiles.Key{{Level: -1}, {Level: len(s.Levels())}, {Col: -1}, {Row: 1 << 40}} {
		if err := p.ReadPart(ctx, k, image.Rect(0, 0, 1, 1), image.NewRGBA(image.Rect(0, 0, 1, 1))); !errors.As(err, &te) || te.Key != k {
			t.Errorf("tile %+v: got %v, want a TileError", k, err)
		}
	}
}

func checkRefusals(t *testing.T, s tiles.Slide) {
	ctx := context.Background()
	l := s.Levels()[0]
	size := l.TileRect(0, 0).Size()
	dst := image.NewRGBA(image.Rectangle{Max: size})
	for _, k := range []tiles.Key{{Level: -1}, {Level: len(s.Levels())}, {Col: -1}, {Row: -1}, {Col: l.Cols()}, {Row: l.Rows()}, {Col: 1 << 40, Row: 1 << 40}} {
		var te *tiles.TileError
		if err := s.ReadTile(ctx, k, dst); !errors.As(err, &te) || te.Key != k {
			t.Errorf("tile %+v: got %v, want a TileError", k, err)
		}
	}
	small := image.NewRGBA(image.Rect(0, 0, max(1, size.X-1), size.Y+1))
	if err := s.ReadTile(ctx, tiles.Key{}, small); err == nil {
		t.Error("a destination of another size is accepted")
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.ReadTile(cancelled, tiles.Key{}, dst); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled context: %v", err)
	}
	if _, err := s.AssociatedImage(ctx, "no such image"); !errors.Is(err, tiles.ErrNoAssociated) {
		t.Errorf("unknown associated image: %v", err)
	}
	if err := tiles.ReadRegion(ctx, s, len(s.Levels()), 0, 0, dst); err == nil {
		t.Error("a region of a level that is not there")
	}
}

func checkConcurrent(t *testing.T, s tiles.Slide) {
	keys := corners(s)
	want := make([]*image.RGBA, len(keys))
	for i, k := range keys {
		want[i], _ = read(t, s, k)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i, k := range keys {
				m := image.NewRGBA(want[i].Rect)
				if err := s.ReadTile(context.Background(), k, m); err != nil && !errors.Is(err, tiles.ErrMissing) {
					t.Errorf("tile %+v: %v", k, err)
				} else if !bytes.Equal(m.Pix, want[i].Pix) {
					t.Errorf("tile %+v differs when read concurrently", k)
				}
			}
		})
	}
	wg.Wait()
}

func checkAssociated(t *testing.T, s tiles.Slide) {
	for i, name := range s.Info().Associated {
		if i > 0 && name <= s.Info().Associated[i-1] {
			t.Errorf("names are not sorted: %v", s.Info().Associated)
		}
		m, err := s.AssociatedImage(context.Background(), name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if m.Rect.Empty() || m.Rect.Min != (image.Point{}) {
			t.Errorf("%s: bounds %v", name, m.Rect)
		}
	}
}

// checkRegion compares a region over the middle and one over the lower right
// corner with the tiles it is made of.
func checkRegion(t *testing.T, s tiles.Slide) {
	for level, l := range s.Levels() {
		for _, at := range []image.Point{{l.Width/2 - 40, l.Height/2 - 30}, {l.Width - 50, l.Height - 40}, {-20, -10}} {
			x0, y0 := int(math.Round(float64(at.X)*l.Downsample)), int(math.Round(float64(at.Y)*l.Downsample))
			got := image.NewRGBA(image.Rect(5, 6, 105, 86))
			if err := tiles.ReadRegion(context.Background(), s, level, x0, y0, got); err != nil {
				t.Fatal(err)
			}
			compareTiles(t, s, level, at, got)
		}
	}
}

func compareTiles(t *testing.T, s tiles.Slide, level int, at image.Point, got *image.RGBA) {
	t.Helper()
	l := s.Levels()[level]
	type tile struct {
		img     *image.RGBA
		missing bool
	}
	cache := map[tiles.Key]tile{}
	_, scanned := s.(tiles.ScannedReader)
	ground := color.RGBAModel.Convert(s.Info().Background).(color.RGBA)
	for y := range got.Rect.Dy() {
		for x := range got.Rect.Dx() {
			p := at.Add(image.Pt(x, y))
			c := got.RGBAAt(got.Rect.Min.X+x, got.Rect.Min.Y+y)
			if !p.In(image.Rect(0, 0, l.Width, l.Height)) {
				if c.A != 0 {
					t.Fatalf("level %d: outside the slide at %v there is %v", level, p, c)
				}
				continue
			}
			k := tiles.Key{Level: level, Col: p.X / l.TileWidth, Row: p.Y / l.TileHeight}
			m, ok := cache[k]
			if !ok {
				m.img, m.missing = read(t, s, k)
				cache[k] = m
			}
			if m.missing {
				if c.A != 0 {
					t.Fatalf("level %d: where nothing is stored at %v there is %v", level, p, c)
				}
				continue
			}
			want := m.img.RGBAAt(p.X-k.Col*l.TileWidth, p.Y-k.Row*l.TileHeight)
			if scanned && c == (color.RGBA{}) && want == ground { // not scanned
				continue
			}
			if c != want {
				t.Fatalf("level %d: pixel %v is %v in the region, %v in its tile", level, p, c, want)
			}
		}
	}
}

// checkWrappers reads a thumbnail and the completed pyramid.
func checkWrappers(t *testing.T, s tiles.Slide) {
	l := s.Levels()[0]
	m, err := tiles.Thumbnail(context.Background(), s, 64)
	if err != nil {
		t.Fatal(err)
	}
	if long := max(m.Rect.Dx(), m.Rect.Dy()); long != min(64, max(l.Width, l.Height)) {
		t.Errorf("thumbnail of %v", m.Rect)
	}
	h := tiles.Halved(s)
	checkLevels(t, h)
	last := h.Levels()[len(h.Levels())-1]
	if max(last.Width, last.Height) > 512 {
		t.Errorf("the completed pyramid ends at %d×%d", last.Width, last.Height)
	}
	for _, k := range corners(h) {
		read(t, h, k)
	}
}

func checkClose(t *testing.T, s tiles.Slide) {
	dst := image.NewRGBA(image.Rectangle{Max: s.Levels()[0].TileRect(0, 0).Size()})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); !errors.Is(err, tiles.ErrClosed) {
		t.Errorf("second Close: %v", err)
	}
	if err := s.ReadTile(context.Background(), tiles.Key{}, dst); !errors.Is(err, tiles.ErrClosed) {
		t.Errorf("ReadTile after Close: %v", err)
	}
	if h, ok := s.(tiles.ScannedReader); ok {
		if err := h.ReadScanned(context.Background(), tiles.Key{}, dst.Rect, dst); !errors.Is(err, tiles.ErrClosed) {
			t.Errorf("ReadScanned after Close: %v", err)
		}
	}
	for _, a := range s.Info().Associated {
		if _, err := s.AssociatedImage(context.Background(), a); !errors.Is(err, tiles.ErrClosed) {
			t.Errorf("AssociatedImage after Close: %v", err)
		}
	}
}
