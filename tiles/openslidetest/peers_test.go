package openslidetest

import (
	"context"
	"errors"
	"image"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/formats"
	"coverslip/tiles/peertest"
	"coverslip/tiles/slidetest"
)

// giantSlide is a slide of 106,632×85,608 pixels of tissue, opened by us, and
// the streams of its tiles.
func giantSlide(t *testing.T) (path string, jpegs [][]byte) {
	t.Helper()
	peertest.Start(t)
	real, err := formats.Open(context.Background(), slidetest.Shared(t, "svs/TCGA-CR-7395-ts1.svs"))
	if err != nil {
		t.Fatal(err)
	}
	defer real.Close()
	jpegs = peertest.Tissue(t, real, 2048, 256, "420")
	path = filepath.Join(t.TempDir(), "giant.tif")
	peertest.WriteGiant(t, path, jpegs)
	return path, jpegs
}

func pairAt(t *testing.T, path string) (ours tiles.Slide, peer *Slide) {
	t.Helper()
	peer, err := Open(path)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(peer.Close)
	if ours, err = formats.Open(context.Background(), path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close() })
	return ours, peer
}

// places are random positions in the middle of a level, level-0 pixels.
func places(s tiles.Slide, level, side, n int) []image.Point {
	l := s.Levels()[level]
	rnd := rand.New(rand.NewPCG(7, uint64(level)))
	out := make([]image.Point, n)
	for i := range out {
		x, y := l.Width/4+rnd.IntN(max(1, l.Width/2-side)), l.Height/4+rnd.IntN(max(1, l.Height/2-side))
		out[i] = image.Pt(int(float64(x)*l.Downsample), int(float64(y)*l.Downsample))
	}
	return out
}

func regions(t *testing.T, c peertest.Case, ours tiles.Slide, peer *Slide, level, side int, at []image.Point) {
	t.Helper()
	a, b := image.NewRGBA(image.Rect(0, 0, side, side)), image.NewRGBA(image.Rect(0, 0, side, side))
	c.Note += "OpenSlide " + peer.Version()
	c.Ours = func(i int) error {
		p := at[i%len(at)]
		return tiles.ReadRegion(context.Background(), ours, level, p.X, p.Y, a)
	}
	c.Peer = func(i int) error { p := at[i%len(at)]; return peer.ReadRegionRaw(level, p.X, p.Y, b) }
	peertest.Measure(t, c)
}

func TestPeers_JPEG(t *testing.T) {
	path, jpegs := giantSlide(t)
	ours, peer := pairAt(t, path)
	for level, name := range []string{"region of 1024², JPEG, level 0", "region of 1024², JPEG, level 1"} {
		regions(t, peertest.Case{Name: name, Turns: 41, GoalCPU: 4.5, GoalWall: 7}, ours, peer, level, 1024, places(ours, level, 1024, 200))
	}
	at := places(ours, 0, 256, 4000)
	for i := range at {
		at[i] = image.Pt(at[i].X&^255, at[i].Y&^255)
	}
	regions(t, peertest.Case{Name: "aligned tile of 256², JPEG", Turns: 41, PerTurn: 32, GoalCPU: 6, GoalWall: 6}, ours, peer, 0, 256, at)

	a, b := image.NewRGBA(image.Rect(0, 0, 256, 256)), image.NewRGBA(image.Rect(0, 0, 256, 256))
	peertest.Measure(t, peertest.Case{
		Name: "tile of 256², JPEG, against the decoder alone", Note: "the same library called directly", Turns: 41, PerTurn: 64, GoalCPU: 0.9, GoalWall: 0.9,
		Ours: func(i int) error {
			return ours.ReadTile(context.Background(), tiles.Key{Col: at[i%len(at)].X / 256, Row: at[i%len(at)].Y / 256}, a)
		},
		Peer: func(i int) error { return codec.Default().JPEG(b, jpegs[i%len(jpegs)], 3) },
	})
	patches(t, ours, jpegs)
	firstPicture(t, path)
}

// patches reads tiles as a job does, on all cores, against decoding alone.
func patches(t *testing.T, ours tiles.Slide, jpegs [][]byte) {
	t.Helper()
	const n = 512
	all := func(f func(i int, dst *image.RGBA) error) error {
		var next atomic.Int64
		var wg sync.WaitGroup
		errs := make([]error, runtime.GOMAXPROCS(0))
		for g := range errs {
			wg.Go(func() {
				dst := image.NewRGBA(image.Rect(0, 0, 256, 256))
				for i := next.Add(1) - 1; i < n && errs[g] == nil; i = next.Add(1) - 1 {
					errs[g] = f(int(i), dst)
				}
			})
		}
		wg.Wait()
		return errors.Join(errs...)
	}
	loader := tiles.NewLoader(ours, tiles.NewCache(64<<20), 1, nil)
	defer loader.Close()
	peertest.Measure(t, peertest.Case{
		Name: "512 tiles of 256² as patches, all cores, against the decoder alone", Turns: 11, GoalCPU: 0.9, GoalWall: 0.9,
		Ours: func(turn int) error {
			return all(func(i int, dst *image.RGBA) error {
				return loader.ReadInto(context.Background(), tiles.Key{Col: i % 256, Row: 2*turn + i/256 + 20}, dst)
			})
		},
		Peer: func(turn int) error {
			return all(func(i int, dst *image.RGBA) error { return codec.Default().JPEG(dst, jpegs[(turn*n+i)%len(jpegs)], 3) })
		},
	})
}

// screen is the size of the viewer in a window of 1280×800.
var screen = image.Pt(1280, 800)

// look is what the viewer asks for.
func look(s tiles.Slide, cx, cy, downsample float64) tiles.Scene {
	w, h := float64(screen.X)*downsample, float64(screen.Y)*downsample
	return tiles.Scene{
		Seen:  tiles.Region{X: cx - w/2, Y: cy - h/2, W: w, H: h, Downsample: downsample},
		Level: tiles.BestLevel(s.Levels(), downsample), FocusX: cx, FocusY: cy,
	}
}

// firstPicture opens a slide and waits until the window would be full.
func firstPicture(t *testing.T, path string) {
	t.Helper()
	b := image.NewRGBA(image.Rectangle{Max: screen})

	peertest.Measure(t, peertest.Case{
		Name: "open to the first full picture of 1280×800", Turns: 15, Note: "the whole slide in the window; goal of ours: 50 ms", GoalWall: 1,
		Ours: func(int) error {
			s, err := formats.Open(context.Background(), path)
			if err != nil {
				return err
			}
			defer s.Close()
			shown := tiles.Halved(tiles.Filled(s))
			ready := make(chan struct{}, 1)
			l := tiles.NewLoader(shown, nil, 2, func() {
				select {
				case ready <- struct{}{}:
				default:
				}
			})
			defer l.Close()
			first := shown.Levels()[0]
			l.Want(tiles.Visible(shown.Levels(), tiles.BestLevel(shown.Levels(), float64(first.Width)/float64(screen.X)), tiles.Region{W: float64(first.Width), H: float64(first.Height)}))
			for l.Pending() > 0 {
				<-ready
			}
			return nil
		},
		Peer: func(int) error {
			p, err := Open(path)
			if err != nil {
				return err
			}
			defer p.Close()
			_, ds := p.Levels()
			level := 0
			for i, d := range ds {
				if d <= float64(peertest.GiantWidth)/float64(screen.X)*1.01 {
					level = i
				}
			}
			return p.ReadRegionRaw(level, 0, 0, b)
		},
	})
}

// slow decodes every tile several times: what a JPEG 2000 tile costs.
type slow struct {
	tiles.Slide
	times int
}

func (s slow) ReadTile(ctx context.Context, k tiles.Key, dst *image.RGBA) error {
	for range s.times - 1 {
		if err := s.Slide.ReadTile(ctx, k, dst); err != nil {
			return err
		}
	}
	return s.Slide.ReadTile(ctx, k, dst)
}

// A hand that flings the slide, stops, jumps and flings again, 60 frames a
// second: how many of the frames in which the picture moves are fully sharp?
func TestPeers_Fling(t *testing.T) {
	path, _ := giantSlide(t)
	s, err := formats.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, c := range []struct {
		name  string
		times int
		goal  float64
	}{{"JPEG", 1, 0.97}, {"cost of JPEG 2000", 14, 0.92}} {
		cache := tiles.NewCache(256 << 20)
		l := tiles.NewLoader(tiles.Halved(tiles.Filled(slow{s, c.times})), cache, 2, nil)
		sharp, moving := fling(l)
		share := float64(sharp) / float64(moving)
		peertest.Record(t, peertest.Result{Name: "fling, moving frames fully sharp, " + c.name, Ours: share, Peer: c.goal, Ratio: share / c.goal, Unit: "share", Goal: 1, Note: "the peer is the goal"})
		used := float64(cache.Used())
		peertest.Record(t, peertest.Result{Name: "fling, tiles in memory, " + c.name, Ours: used / (1 << 20), Peer: float64(cache.Budget()) / (1 << 20), Unit: "MiB", Goal: 1 / 1.1, Note: "the peer is the budget"})
		l.Close()
	}
}

// fling plays the path and counts frames.
func fling(l *tiles.Loader) (sharp, moving int) {
	s := l.Slide()
	levels := s.Levels()
	const frame = time.Second / 60
	x, y, vx, vy, ds := 30000.0, 30000.0, 0.0, 0.0, 1.0
	there := func(k tiles.Key) bool { _, ok := l.Get(k); return ok }
	var list []tiles.Key
	clock := time.NewTicker(frame)
	defer clock.Stop()
	for i := range 414 { // 6.9 s
		switch i {
		case 30:
			vx, vy = 2400, 300
		case 150:
			vx, vy = -1200, 1500
		case 240:
			x, y, vx, vy = 70000, 50000, 0, 0 // a click on the overview
		case 280:
			vx, vy = 1800, -900
		case 340:
			ds, vx, vy = 2, 3000, 0
		}
		was := image.Pt(int(x), int(y))
		x, y = x+vx*ds/60, y+vy*ds/60
		vx, vy = vx*0.985, vy*0.985
		scene := look(s, x, y, ds)
		scene.VelX, scene.VelY = vx*ds, vy*ds
		whole := true
		for _, k := range tiles.Visible(levels, scene.Level, scene.Seen) {
			whole = whole && there(k)
		}
		if was != image.Pt(int(x), int(y)) && i != 240 {
			moving++
			if whole {
				sharp++
			}
		}
		list = tiles.Plan(levels, scene, there, list[:0])
		l.Want(list)
		<-clock.C
	}
	return sharp, moving
}
