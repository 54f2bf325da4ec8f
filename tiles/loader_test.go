package tiles_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"coverslip/tiles"
)

// eventually waits until f is true.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatal("never:", what)
}

func keys(n int) []tiles.Key {
	out := make([]tiles.Key, n)
	for i := range out {
		out[i] = tiles.Key{Col: i % 10, Row: i / 10}
	}
	return out
}

func TestLoader_WantReplaces(t *testing.T) {
	s := newFake(level(160, 160, 1))
	s.gate = make(chan struct{})
	l := tiles.NewLoader(s, nil, 1, nil)
	first, second := tiles.Key{Col: 1}, tiles.Key{Col: 9, Row: 9}
	l.Want([]tiles.Key{first, {Col: 2}, {Col: 3}})
	eventually(t, "the first read begins", func() bool { return len(s.begun()) == 1 })
	if n := l.Pending(); n != 3 {
		t.Errorf("%d pending", n)
	}
	l.Want([]tiles.Key{second, first})
	s.gate <- struct{}{}
	s.gate <- struct{}{}
	eventually(t, "nothing is pending", func() bool { return l.Pending() == 0 })
	if got := s.begun(); len(got) != 2 || got[0] != first || got[1] != second {
		t.Errorf("read %v: the wishes that were replaced must not be read", got)
	}
	close(s.gate)
	l.Close()
	if _, ok := l.Get(first); ok {
		t.Error("tiles outlive Close")
	}
}

func TestLoader_PixelsAndFailures(t *testing.T) {
	s := newFake(level(160, 155, 1))
	missing, bad, worse := tiles.Key{Col: 3}, tiles.Key{Col: 4}, tiles.Key{Col: 5}
	s.bad[missing], s.bad[bad], s.bad[worse] = tiles.ErrMissing, tileError(bad), errors.New("panic")
	outside := tiles.Key{Level: 7}
	l := tiles.NewLoader(s, nil, 2, nil)
	defer l.Close()
	last := tiles.Key{Col: 9, Row: 9}
	l.Want([]tiles.Key{{Col: 2, Row: 1}, missing, bad, worse, outside, last})
	eventually(t, "nothing is pending", func() bool { return l.Pending() == 0 })
	img, ok := l.Get(last)
	if !ok || img.Rect.Dy() != 11 || img.Stride != 4*16 || img.RGBAAt(5, 6) != pixel(0, 149, 150) {
		t.Errorf("last tile: %v", ok)
	}
	if img, ok := l.Get(missing); !ok || img.Pix[0] != 255 || l.Failed(missing) != nil {
		t.Error("a missing tile is there as background")
	}
	for _, k := range []tiles.Key{bad, worse, outside} {
		var te *tiles.TileError
		if _, ok := l.Get(k); ok || !errors.As(l.Failed(k), &te) {
			t.Errorf("tile %v: %v", k, l.Failed(k))
		}
		if _, err := l.Read(context.Background(), k); err == nil {
			t.Errorf("tile %v reads", k)
		}
	}
	if l.Failed(last) != nil {
		t.Error("a good tile failed")
	}
}

func TestLoader_Singleflight(t *testing.T) {
	s := newFake(level(160, 160, 1))
	s.gate = make(chan struct{})
	l := tiles.NewLoader(s, nil, 3, nil)
	defer l.Close()
	k := tiles.Key{Col: 5, Row: 5}
	l.Want([]tiles.Key{k})
	eventually(t, "the read begins", func() bool { return len(s.begun()) == 1 })
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if img, err := l.Read(context.Background(), k); err != nil || img.RGBAAt(1, 1) != pixel(0, 81, 81) {
				t.Error(err)
			}
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := l.Read(ctx, k); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	time.Sleep(5 * time.Millisecond)
	close(s.gate)
	wg.Wait()
	if n := s.reads.Load(); n != 1 {
		t.Errorf("%d reads of one tile", n)
	}
}

// onReady is called after the last tile, never twice at once, and once for
// several tiles that come while it runs.
func TestLoader_OnReady(t *testing.T) {
	s := newFake(level(160, 160, 1))
	var calls, inside atomic.Int64
	hold := make(chan struct{})
	var l *tiles.Loader
	seen := make(chan int, 1000)
	l = tiles.NewLoader(s, nil, 4, func() {
		if inside.Add(1) > 1 {
			t.Error("onReady overlaps")
		}
		calls.Add(1)
		<-hold
		n := 0
		for _, k := range keys(100) {
			if _, ok := l.Get(k); ok {
				n++
			}
		}
		seen <- n
		inside.Add(-1)
	})
	defer l.Close()
	l.Want(keys(100))
	eventually(t, "all are read", func() bool { return l.Pending() == 0 })
	close(hold)
	for n := range seen {
		if n == 100 {
			break
		}
	}
	if n := calls.Load(); n > 10 {
		t.Errorf("%d calls for tiles that came during the first", n)
	}
}

func TestLoader_CloseWaitsForReads(t *testing.T) {
	s := newFake(level(160, 160, 1))
	s.gate = make(chan struct{})
	l := tiles.NewLoader(s, nil, 2, nil)
	l.Want(keys(10))
	eventually(t, "two reads begin", func() bool { return len(s.begun()) == 2 })
	closed := make(chan struct{})
	go func() { l.Close(); close(closed) }()
	select {
	case <-closed:
		t.Fatal("Close did not wait")
	case <-time.After(20 * time.Millisecond):
	}
	close(s.gate)
	<-closed
	if _, err := l.Read(context.Background(), tiles.Key{}); !errors.Is(err, tiles.ErrClosed) {
		t.Errorf("Read after Close: %v", err)
	}
	l.Want(keys(3)) // must do nothing
	l.Close()       // must not hang
}

func TestCache_Budget(t *testing.T) {
	c := tiles.NewCache(0) // the least there is
	s := tiles.Level{Width: 256 * 10, Height: 256 * 20, Downsample: 1, TileWidth: 256, TileHeight: 256}
	a, b := tiles.NewLoader(newFake(s), c, 1, nil), tiles.NewLoader(newFake(s), c, 1, nil)
	for _, k := range keys(200) {
		if _, err := a.Read(context.Background(), k); err != nil {
			t.Fatal(err)
		}
		if c.Used() > c.Budget() {
			t.Fatalf("%d bytes of %d", c.Used(), c.Budget())
		}
	}
	if _, ok := a.Get(keys(200)[199]); !ok {
		t.Error("the newest tile is gone")
	}
	if _, ok := a.Get(keys(1)[0]); ok {
		t.Error("the oldest tile is still there")
	}
	if _, ok := b.Get(keys(200)[199]); ok {
		t.Error("slides share tiles")
	}
	a.Close()
	if c.Used() != 0 {
		t.Errorf("%d bytes after Close", c.Used())
	}
	b.Close()
}

// Many goroutines wish, read and look at once; for the race detector.
func TestLoader_Race(t *testing.T) {
	s := newFake(level(1600, 1600, 1), level(400, 400, 4))
	h := tiles.Halved(s)
	c := tiles.NewCache(0)
	l := tiles.NewLoader(h, c, 3, func() {})
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 1))
			for range 60 {
				lv := r.IntN(len(h.Levels()))
				at := tiles.Region{X: r.Float64() * 1500, Y: r.Float64() * 1500, W: 200, H: 200}
				want := tiles.Visible(h.Levels(), lv, at)
				l.Want(want)
				l.Pending()
				for _, k := range want {
					l.Get(k)
					l.Failed(k)
				}
				if _, err := l.Read(context.Background(), want[0]); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	l.Close()
}

func BenchmarkLoader_Get(b *testing.B) {
	s := newFake(level(160, 160, 1))
	l := tiles.NewLoader(s, nil, 1, nil)
	defer l.Close()
	if _, err := l.Read(context.Background(), tiles.Key{}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := l.Get(tiles.Key{}); !ok {
			b.Fatal("gone")
		}
	}
}

func BenchmarkLoader_Want54(b *testing.B) {
	s := newFake(level(1600, 1600, 1))
	l := tiles.NewLoader(s, nil, 1, nil)
	defer l.Close()
	want := tiles.Visible(s.levels, 0, tiles.Region{X: 100, Y: 100, W: 9*16 - 1, H: 6*16 - 1})
	for _, k := range want {
		if _, err := l.Read(context.Background(), k); err != nil {
			b.Fatal(err)
		}
	}
	b.Run(fmt.Sprint(len(want)), func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			l.Want(want)
			if l.Pending() != 0 {
				b.Fatal("all tiles are there")
			}
		}
	})
}
