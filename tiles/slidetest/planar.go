package slidetest

import (
	"bytes"
	"context"
	"errors"
	"image"
	"reflect"
	"strings"
	"sync"
	"testing"

	"coverslip/tiles"
)

// RunPlanar checks what every slide of several planes promises (tiles.Planar),
// with all that Run checks, of the slide and of a view of it. open must give a
// new slide each time it is called; the suite closes it.
func RunPlanar(t *testing.T, open func(t testing.TB) tiles.Planar) {
	t.Helper()
	Run(t, func(t testing.TB) tiles.Slide { return open(t) })
	if testing.Short() {
		s := open(t)
		checkPlanesConcurrent(t, s)
		if err := s.Close(); err != nil {
			t.Error("Close:", err)
		}
		return
	}
	for name, check := range map[string]func(*testing.T, tiles.Planar){
		"Stack": checkStack, "Planes": checkPlanes, "PlaneRefusals": checkPlaneRefusals,
		"PlanesConcurrent": checkPlanesConcurrent, "Default": checkDefault,
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			check(t, s)
			if err := s.Close(); err != nil {
				t.Error("Close:", err)
			}
			k := tiles.Key{}
			if err := s.ReadPlane(context.Background(), k, tiles.Plane{}, raster(s, k, tiles.Plane{})); !errors.Is(err, tiles.ErrClosed) {
				t.Errorf("ReadPlane after Close: %v", err)
			}
		})
	}
	t.Run("View", func(t *testing.T) {
		Run(t, func(t testing.TB) tiles.Slide {
			s := open(t)
			d := tiles.DefaultDisplay(s.Stack())
			d.Z, d.T = s.Stack().Z-1, s.Stack().T-1
			v, err := tiles.NewView(s, d)
			if err != nil {
				t.Fatal(err)
			}
			return v
		})
	})
}

// raster makes room for a tile of a plane.
func raster(s tiles.Planar, k tiles.Key, p tiles.Plane) *tiles.Raster {
	size := s.Levels()[k.Level].TileRect(k.Col, k.Row).Size()
	if st := s.Stack(); !st.InColor {
		return st.Channels[p.Channel].Raster(size.X, size.Y)
	}
	return &tiles.Raster{Width: size.X, Height: size.Y, RGBA: image.NewRGBA(image.Rectangle{Max: size})}
}

// dirty writes a pattern, which a decoder must replace.
func dirty(r *tiles.Raster, pattern byte) *tiles.Raster {
	for i := range r.Uint16 {
		r.Uint16[i] = uint16(pattern) * 0x101
	}
	for i := range r.Float32 {
		r.Float32[i] = float32(pattern) + 0.125
	}
	if r.RGBA != nil {
		for i := range r.RGBA.Pix {
			r.RGBA.Pix[i] = pattern
		}
	}
	return r
}

func checkStack(t *testing.T, s tiles.Planar) {
	st := s.Stack()
	if st != s.Stack() {
		t.Error("Stack is not shared")
	}
	if st.InColor != (len(st.Channels) == 0) {
		t.Errorf("in colour %v with %d channels", st.InColor, len(st.Channels))
	}
	if st.Z < 1 || st.T < 1 || st.DefaultZ < 0 || st.DefaultZ >= st.Z {
		t.Errorf("%d focal planes, default %d, %d time points", st.Z, st.DefaultZ, st.T)
	}
	if n := len(s.Info().ZPlanes); n != st.Z {
		t.Errorf("Info tells of %d focal planes, Stack of %d", n, st.Z)
	}
	if names := tiles.ChannelNames(st.Channels); !st.InColor && !reflect.DeepEqual(names, s.Info().Channels) {
		t.Errorf("Info tells of channels %v, Stack of %v", s.Info().Channels, names)
	}
	for i, c := range st.Channels {
		if c.Name == "" || c.Color.A != 255 || c.Bits < 1 || c.Bits > 32 || !(c.Gamma > 0) {
			t.Errorf("channel %d: %+v", i, c)
		}
	}
}

// somePlanes are the first and the last of each dimension, and every channel.
func somePlanes(st *tiles.Stack) []tiles.Plane {
	var out []tiles.Plane
	for c := range max(1, len(st.Channels)) {
		out = append(out, tiles.Plane{Channel: c})
		if st.Z > 1 || st.T > 1 {
			out = append(out, tiles.Plane{Channel: c, Z: st.Z - 1, T: st.T - 1})
		}
	}
	return out
}

// readPlane reads a tile of a plane over a pattern.
func readPlane(t testing.TB, s tiles.Planar, k tiles.Key, p tiles.Plane, pattern byte) *tiles.Raster {
	t.Helper()
	r := dirty(raster(s, k, p), pattern)
	if err := s.ReadPlane(context.Background(), k, p, r); err != nil && !errors.Is(err, tiles.ErrMissing) {
		t.Fatalf("tile %+v of plane %+v: %v", k, p, err)
	}
	return r
}

func samePlane(a, b *tiles.Raster) bool {
	if a.RGBA != nil {
		return bytes.Equal(a.RGBA.Pix, b.RGBA.Pix)
	}
	return reflect.DeepEqual(a.Uint16, b.Uint16) && reflect.DeepEqual(a.Float32, b.Float32)
}

func checkPlanes(t *testing.T, s tiles.Planar) {
	for _, p := range somePlanes(s.Stack()) {
		for _, k := range corners(s) {
			if !samePlane(readPlane(t, s, k, p, 0x17), readPlane(t, s, k, p, 0xe9)) {
				t.Errorf("tile %+v of plane %+v: the second read differs, or samples are left unwritten", k, p)
			}
		}
	}
}

func checkPlaneRefusals(t *testing.T, s tiles.Planar) {
	ctx := context.Background()
	st := s.Stack()
	dst := raster(s, tiles.Key{}, tiles.Plane{})
	for _, p := range []tiles.Plane{{Channel: -1}, {Channel: max(1, len(st.Channels))}, {Z: -1}, {Z: st.Z}, {T: -1}, {T: st.T}} {
		if err := s.ReadPlane(ctx, tiles.Key{}, p, dst); err == nil {
			t.Errorf("plane %+v: no error", p)
		}
		if p.Channel == 0 {
			d := tiles.DefaultDisplay(st)
			d.Z, d.T = p.Z, p.T
			if _, err := tiles.NewView(s, d); err == nil {
				t.Errorf("view of plane %+v: no error", p)
			}
		}
	}
	l := s.Levels()[0]
	for _, k := range []tiles.Key{{Level: -1}, {Level: len(s.Levels())}, {Col: -1}, {Row: -1}, {Col: l.Cols()}, {Row: l.Rows()}, {Col: 1 << 40, Row: 1 << 40}} {
		var te *tiles.TileError
		if err := s.ReadPlane(ctx, k, tiles.Plane{}, dst); !errors.As(err, &te) || te.Key != k {
			t.Errorf("tile %+v: got %v, want a TileError", k, err)
		}
	}
	small := *dst
	small.Width++
	if err := s.ReadPlane(ctx, tiles.Key{}, tiles.Plane{}, &small); err == nil {
		t.Error("a destination of another size is accepted")
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.ReadPlane(cancelled, tiles.Key{}, tiles.Plane{}, dst); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled context: %v", err)
	}
}

func checkPlanesConcurrent(t *testing.T, s tiles.Planar) {
	type one struct {
		k    tiles.Key
		p    tiles.Plane
		want *tiles.Raster
	}
	var all []one
	for _, p := range somePlanes(s.Stack()) {
		for _, k := range corners(s) {
			if all = append(all, one{k, p, readPlane(t, s, k, p, 0)}); len(all) == 64 {
				break
			}
		}
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for _, o := range all {
				r := raster(s, o.k, o.p)
				if err := s.ReadPlane(context.Background(), o.k, o.p, r); err != nil && !errors.Is(err, tiles.ErrMissing) {
					t.Errorf("tile %+v of plane %+v: %v", o.k, o.p, err)
				} else if !samePlane(r, o.want) {
					t.Errorf("tile %+v of plane %+v differs when read concurrently", o.k, o.p)
				}
			}
		})
	}
	wg.Wait()
}

// checkDefault compares the slide's own tiles with those of a view of
// DefaultDisplay, and looks at what the view says of itself.
func checkDefault(t *testing.T, s tiles.Planar) {
	v, err := tiles.NewView(s, tiles.DefaultDisplay(s.Stack()))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range corners(s) {
		own, missing := read(t, s, k)
		drawn, missingToo := read(t, v, k)
		if missing != missingToo || !bytes.Equal(own.Pix, drawn.Pix) {
			t.Errorf("tile %+v: the slide draws it unlike a view of DefaultDisplay", k)
		}
	}
	if st := s.Stack(); !st.InColor {
		in := v.Info()
		if got := in.Properties["coverslip.shown.channels"]; got != strings.Join(in.Channels, ", ") || len(in.Channels) == 0 {
			t.Errorf("shown channels %q, %v", got, in.Channels)
		}
	}
}
