package tiles_test

import (
	"context"
	"image"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"coverslip/tiles"
)

// big makes a level of tiles of 512 pixels: 1 MiB each.
func big(w, h int, downsample float64) tiles.Level {
	return tiles.Level{Width: w, Height: h, Downsample: downsample, TileWidth: 512, TileHeight: 512}
}

func TestCache_BudgetAndPins(t *testing.T) {
	s := newFake(big(51200, 5120, 1), big(1024, 512, 50))
	c := tiles.NewCache(0) // the least: 16 MiB
	l := tiles.NewLoader(s, c, 1, nil)
	defer l.Close()
	coarse := tiles.Key{Level: 1}
	for i, k := range append([]tiles.Key{coarse, {Level: 1, Col: 1}}, keys(60)...) {
		if _, err := l.Read(context.Background(), k); err != nil {
			t.Fatal(err)
		}
		if c.Used() > c.Budget() {
			t.Fatalf("after %d tiles %d bytes are in a cache of %d", i+1, c.Used(), c.Budget())
		}
	}
	if _, ok := l.Get(coarse); !ok {
		t.Error("the coarsest level has gone")
	}
	if _, ok := l.Get(tiles.Key{}); ok {
		t.Error("60 MiB fit into 16")
	}
	if _, ok := l.Get(keys(60)[59]); !ok {
		t.Error("the newest tile has gone")
	}
}

// A picture that was given away keeps its pixels whatever the cache does later.
func TestCache_LentPicturesStay(t *testing.T) {
	s := newFake(big(51200, 51200, 1))
	c := tiles.NewCache(0)
	l := tiles.NewLoader(s, c, 1, nil)
	defer l.Close()
	ctx := context.Background()
	lent := map[tiles.Key]*image.RGBA{}
	dst := image.NewRGBA(image.Rect(0, 0, 512, 512))
	for i := range 200 {
		k := tiles.Key{Col: rand.IntN(100), Row: rand.IntN(100)}
		if i%5 == 0 {
			img, err := l.Read(ctx, k)
			must(t, err)
			lent[k] = img
			continue
		}
		must(t, l.ReadInto(ctx, k, dst))
		if got, want := dst.RGBAAt(300, 7), pixel(0, k.Col*512+300, k.Row*512+7); got != want {
			t.Fatalf("tile %v: pixel %v, want %v", k, got, want)
		}
	}
	for k, img := range lent {
		if got, want := img.RGBAAt(200, 9), pixel(0, k.Col*512+200, k.Row*512+9); got != want {
			t.Errorf("the picture of %v has become another: %v, want %v", k, got, want)
		}
	}
}

// Many readers of few tiles in a cache that holds fewer: every pixel must be of
// the tile that was asked for.
func TestCache_CopiesUnderPressure(t *testing.T) {
	s := newFake(big(51200, 512, 1))
	l := tiles.NewLoader(s, tiles.NewCache(0), 2, nil)
	defer l.Close()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			dst := image.NewRGBA(image.Rect(0, 0, 512, 512))
			for range 40 {
				k := tiles.Key{Col: rand.IntN(24)}
				l.Want([]tiles.Key{{Col: rand.IntN(24)}})
				if err := l.ReadInto(context.Background(), k, dst); err != nil {
					t.Error(err)
					return
				}
				for _, x := range []int{0, 511} {
					if got, want := dst.RGBAAt(x, 511), pixel(0, k.Col*512+x, 511); got != want {
						t.Errorf("tile %v: pixel %v, want %v", k, got, want)
					}
				}
			}
		})
	}
	wg.Wait()
}

func TestTraffic_JobsGiveWay(t *testing.T) {
	var tr tiles.Traffic
	screen := newFake(level(160, 160, 1))
	screen.gate = make(chan struct{})
	lead := tiles.NewLoader(screen, nil, 1, nil)
	lead.Lead(&tr)
	job := tiles.NewLoader(newFake(level(160, 160, 1)), nil, 1, nil)
	job.Follow(&tr)
	defer job.Close()
	lead.Want(keys(3))
	wait := func() time.Duration {
		start := time.Now()
		_, err := job.Read(context.Background(), tiles.Key{Col: rand.IntN(10), Row: rand.IntN(10)})
		must(t, err)
		return time.Since(start)
	}
	if took := wait(); took < 20*time.Millisecond || took > 5*time.Second {
		t.Errorf("while the screen waits a job's tile takes %v: it must wait a little and not for ever", took)
	}
	close(screen.gate)
	eventually(t, "the screen has its tiles", func() bool { return lead.Pending() == 0 })
	quick := false
	for range 20 { // a loaded machine may be slow by itself
		quick = quick || wait() < 10*time.Millisecond
	}
	if !quick {
		t.Error("a job waits for nobody")
	}
	lead.Want(keys(50)[40:])
	lead.Close() // a closed slide must not hold up jobs for ever
	var none *tiles.Traffic
	none.Yield(context.Background())
	start := time.Now()
	tr.Yield(context.Background())
	if time.Since(start) > 15*time.Millisecond {
		t.Error("a closed loader still leads")
	}
}

func BenchmarkLoader_ReadInto(b *testing.B) {
	s := newFake(big(512, 512, 1))
	l := tiles.NewLoader(s, nil, 1, nil)
	defer l.Close()
	dst := image.NewRGBA(image.Rect(0, 0, 512, 512))
	b.ReportAllocs()
	b.SetBytes(1 << 20)
	for b.Loop() {
		if err := l.ReadInto(context.Background(), tiles.Key{}, dst); err != nil {
			b.Fatal(err)
		}
	}
}

// A tile that a job reads whole is not kept; one it reads in part is, and the
// parts are right.
func TestLoader_ReadPartInto_Keeps(t *testing.T) {
	s := newFake(big(51200, 51200, 1))
	c := tiles.NewCache(0)
	l := tiles.NewLoader(s, c, 1, nil)
	defer l.Close()
	ctx, k := context.Background(), tiles.Key{Col: 3, Row: 4}
	whole := image.NewRGBA(image.Rect(0, 0, 512, 512))
	must(t, l.ReadInto(ctx, k, whole))
	if _, ok := l.Get(k); ok || c.Used() != 0 {
		t.Error("a tile read whole is kept")
	}
	if got, want := whole.RGBAAt(9, 500), pixel(0, 3*512+9, 4*512+500); got != want {
		t.Errorf("pixel %v, want %v", got, want)
	}
	for _, from := range []image.Point{{500, 3}, {0, 0}, {7, 480}} { // the first and last reach beyond the tile
		dst := image.NewRGBA(image.Rect(40, 50, 80, 90))
		must(t, l.ReadPartInto(ctx, k, from, dst))
		for _, at := range []image.Point{{0, 0}, {11, 31}} {
			if got, want := dst.RGBAAt(40+at.X, 50+at.Y), whole.RGBAAt(from.X+at.X, from.Y+at.Y); got != want {
				t.Errorf("%v from %v: pixel %v, want %v", at, from, got, want)
			}
		}
	}
	if c.Used() != 1<<20 {
		t.Errorf("%d bytes are kept of a tile read in part", c.Used())
	}
	must(t, l.ReadPartInto(ctx, k, image.Pt(600, 0), whole)) // nothing of it
	if err := l.ReadInto(ctx, tiles.Key{Col: 1 << 20}, whole); err == nil {
		t.Error("a tile beside the slide is read")
	}
}

// A smaller budget takes away at once what was used longest ago, and nothing else.
func TestCache_SetBudget(t *testing.T) {
	s := newFake(big(51200, 5120, 1), big(1024, 512, 50))
	c := tiles.NewCache(64 << 20)
	l := tiles.NewLoader(s, c, 1, nil)
	defer l.Close()
	all := keys(40)
	for _, k := range all {
		if _, err := l.Read(context.Background(), k); err != nil {
			t.Fatal(err)
		}
	}
	if c.Used() != 40<<20 {
		t.Fatalf("%d bytes of 40 tiles of 1 MiB", c.Used())
	}
	c.SetBudget(20 << 20)
	if c.Used() != 20<<20 || c.Budget() != 20<<20 {
		t.Errorf("%d bytes in a cache of %d, want 20 MiB", c.Used(), c.Budget())
	}
	if _, ok := l.Get(all[19]); ok {
		t.Error("what was used longest ago stays")
	}
	if _, ok := l.Get(all[20]); !ok {
		t.Error("what was used last has gone")
	}
}
