package tiles_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"math"
	"sync"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/slidetest"
)

func sixteen(n int) []tiles.Channel {
	out := make([]tiles.Channel, n)
	for i := range out {
		out[i].Bits = 16
	}
	return out
}

func readTile(t testing.TB, s tiles.Slide, k tiles.Key) *image.RGBA {
	t.Helper()
	m := image.NewRGBA(image.Rectangle{Max: s.Levels()[k.Level].TileRect(k.Col, k.Row).Size()})
	must(t, s.ReadTile(context.Background(), k, m))
	return m
}

// To move a window or to hide a channel must not read the file again.
func TestView_WithSharesSamples(t *testing.T) {
	s := slidetest.NewPlanar(sixteen(3), 2, 1)
	v, err := tiles.NewView(s, tiles.DefaultDisplay(s.Stack()))
	must(t, err)
	first := readTile(t, v, tiles.Key{})
	reads := s.Reads.Load()
	d, err := v.Resolved(context.Background())
	must(t, err)
	d.Channels[0].High *= 2
	d.Channels[1].Hidden = true
	w, err := v.With(d)
	must(t, err)
	second := readTile(t, w, tiles.Key{})
	if n := s.Reads.Load(); n != reads {
		t.Errorf("%d planes were read again", n-reads)
	}
	if bytes.Equal(first.Pix, second.Pix) {
		t.Error("the change of the display changed nothing")
	}
	d.Z = 1 - d.Z
	z, err := w.With(d)
	must(t, err)
	readTile(t, z, tiles.Key{})
	if n := s.Reads.Load(); n != reads+2 {
		t.Errorf("another focal plane of two channels cost %d reads", n-reads)
	}
	if got := w.Info().Channels; len(got) != 2 || got[0] != "Channel 1" || got[1] != "Channel 3" {
		t.Errorf("Info tells of channels %v", got)
	}
	if z.Info().Properties["coverslip.shown.z"] != "0" || s.Info().Properties["coverslip.shown.z"] != "" {
		t.Error("Info of the view and of the slide")
	}
}

// What was not asked is found from the pixels; what was, stays.
func TestView_WindowIsFound(t *testing.T) {
	c := sixteen(2)
	c[1].Low, c[1].High = 10, 20
	s := slidetest.NewPlanar(c, 1, 1)
	v, err := tiles.NewView(s, tiles.DefaultDisplay(s.Stack()))
	must(t, err)
	d, err := v.Resolved(context.Background())
	must(t, err)
	low, high, err := tiles.AutoWindow(context.Background(), s, tiles.Plane{})
	must(t, err)
	// Samples of level 1 go from 1 to 149+2·99+1; 0.1 % lie beyond either end.
	if low < 1 || low > 10 || high > 348 || high < 338 {
		t.Errorf("window %v to %v", low, high)
	}
	if d.Channels[0].Low != low || d.Channels[0].High != high || d.Channels[1].Low != 10 || d.Channels[1].High != 20 {
		t.Errorf("display %+v", d)
	}
	if v.Display().Channels[0].High != 0 {
		t.Error("Display is not what was asked")
	}
	views := d.Channels
	m := readTile(t, v, tiles.Key{Level: 1, Col: 1})
	for _, p := range []image.Point{{0, 0}, {20, 30}, {63, 63}} {
		want := exact(views, []float64{s.Sample(1, 64+p.X, p.Y, tiles.Plane{}), s.Sample(1, 64+p.X, p.Y, tiles.Plane{Channel: 1})})
		got := m.RGBAAt(p.X, p.Y)
		for k, g := range []uint8{got.R, got.G, got.B} {
			if math.Abs(float64(g)-want[k]) > 1 {
				t.Errorf("at %v: %v, want %v", p, got, want)
			}
		}
	}
}

func TestView_Missing(t *testing.T) {
	s := slidetest.NewPlanar(sixteen(2), 1, 1)
	s.Lost = func(k tiles.Key, p tiles.Plane) bool { return k.Col == 1 || k.Col == 2 && p.Channel == 0 }
	d := tiles.DefaultDisplay(s.Stack())
	for i := range d.Channels {
		d.Channels[i].Low, d.Channels[i].High, d.Channels[i].Color = -500, 3000, color.RGBA{R: 200, A: 255}
	}
	v, err := tiles.NewView(s, d)
	must(t, err)
	m := image.NewRGBA(image.Rect(0, 0, 64, 64))
	if err := v.ReadTile(context.Background(), tiles.Key{Col: 1}, m); !errors.Is(err, tiles.ErrMissing) {
		t.Errorf("a tile without planes: %v", err)
	}
	if m.RGBAAt(5, 5) != (color.RGBA{A: 255}) {
		t.Errorf("it is %v", m.RGBAAt(5, 5))
	}
	must(t, v.ReadTile(context.Background(), tiles.Key{Col: 2}, m))
	// The channel that is not there adds nothing, though 0 lies in its window.
	want := exact(d.Channels[1:], []float64{s.Sample(0, 128, 0, tiles.Plane{Channel: 1})})
	if got := m.RGBAAt(0, 0).R; math.Abs(float64(got)-want[0]) > 1 {
		t.Errorf("one of two channels: %v, want %v", got, want[0])
	}
}

// One bad tile must not stop a slide, not even when it is the one the window is
// to be found from.
func TestView_BadTiles(t *testing.T) {
	s := slidetest.NewPlanar(sixteen(1), 1, 1)
	s.Bad = map[tiles.Key]error{}
	for col := range 3 {
		for row := range 2 {
			k := tiles.Key{Level: 1, Col: col, Row: row}
			s.Bad[k] = tileError(k)
		}
	}
	v, err := tiles.NewView(s, tiles.DefaultDisplay(s.Stack()))
	must(t, err)
	readTile(t, v, tiles.Key{})
	var te *tiles.TileError
	if err := v.ReadTile(context.Background(), tiles.Key{Level: 1}, image.NewRGBA(image.Rect(0, 0, 64, 64))); !errors.As(err, &te) || te.Key.Level != 1 {
		t.Errorf("got %v", err)
	}
	d, err := v.Resolved(context.Background())
	must(t, err)
	if d.Channels[0].High != 65535 {
		t.Errorf("window %+v", d.Channels[0])
	}
}

func TestView_Colour(t *testing.T) {
	s := slidetest.NewPlanar(nil, 3, 2)
	v, err := tiles.NewView(s, tiles.Display{Z: 2, T: 1})
	must(t, err)
	if got := readTile(t, v, tiles.Key{}).RGBAAt(3, 4); got != (color.RGBA{R: 221, G: 2, B: 1, A: 255}) {
		t.Errorf("%v", got)
	}
	if _, _, err := tiles.AutoWindow(context.Background(), s, tiles.Plane{}); err == nil {
		t.Error("a window for colours")
	}
}

func TestView_Concurrent(t *testing.T) {
	s := slidetest.NewPlanar(sixteen(4), 1, 1)
	v, err := tiles.NewView(s, tiles.DefaultDisplay(s.Stack()))
	must(t, err)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			d := tiles.DefaultDisplay(s.Stack())
			d.Channels[i%4].Hidden = true
			w, err := v.With(d)
			if err == nil {
				m := image.NewRGBA(image.Rect(0, 0, 64, 64))
				err = errors.Join(w.ReadTile(context.Background(), tiles.Key{}, m), v.ReadTile(context.Background(), tiles.Key{Row: 1}, m))
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestHistogram(t *testing.T) {
	for _, c := range []tiles.Channel{{Bits: 16}, {Bits: 8}, {Bits: 32, Float: true}} {
		s := slidetest.NewPlanar([]tiles.Channel{c}, 1, 1)
		h, err := tiles.HistogramOf(context.Background(), s, tiles.Plane{})
		must(t, err)
		want := 348.0
		if c.Bits == 8 {
			want = 255
		}
		if h.Total != 150*100 || h.Low != 1 || h.High != want {
			t.Errorf("%+v: %d samples from %v to %v", c, h.Total, h.Low, h.High)
		}
		if h.Percentile(0) != 1 || h.Percentile(1) != want {
			t.Errorf("%+v: percentiles %v, %v", c, h.Percentile(0), h.Percentile(1))
		}
		var sum int64
		for _, n := range h.Bins(h.Low, h.High, 40) {
			sum += n
		}
		if sum != h.Total {
			t.Errorf("%+v: bins hold %d of %d", c, sum, h.Total)
		}
	}
}

func TestChannelColor(t *testing.T) {
	if tiles.ChannelColor("DAPI", 0, 3) == tiles.ChannelColor("FITC", 0, 3) {
		t.Error("dyes are drawn alike")
	}
	if tiles.ChannelColor("x", 461, 0) != tiles.ChannelColor("Hoechst 33342", 0, 5) {
		t.Error("a wavelength names no colour")
	}
	seen := map[color.RGBA]bool{}
	for i := range 7 {
		seen[tiles.ChannelColor("", 0, i)] = true
	}
	if len(seen) != 7 {
		t.Errorf("the series has %d colours", len(seen))
	}
}
