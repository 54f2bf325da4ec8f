package tiles_test

import (
	"context"
	"errors"
	"image"
	"image/color"
	"sync"
	"sync/atomic"
	"testing"

	"coverslip/tiles"
)

// fake is a slide whose pixels are a function of their position: red and green
// are x and y of the level modulo 256, blue is the level.
type fake struct {
	levels []tiles.Level
	info   tiles.Info
	bad    map[tiles.Key]error // what a tile answers
	gate   chan struct{}       // when not nil, every read takes one value first
	reads  atomic.Int64

	mu    sync.Mutex
	order []tiles.Key // tiles read, in the order they began
}

func newFake(levels ...tiles.Level) *fake {
	return &fake{levels: levels, info: tiles.Info{Format: "fake", Background: color.NRGBA{R: 255, G: 255, B: 255, A: 255}}, bad: map[tiles.Key]error{}}
}

// level makes a level of tiles of 16 pixels.
func level(w, h int, downsample float64) tiles.Level {
	return tiles.Level{Width: w, Height: h, Downsample: downsample, TileWidth: 16, TileHeight: 16}
}

func (f *fake) Info() *tiles.Info     { return &f.info }
func (f *fake) Levels() []tiles.Level { return f.levels }
func (f *fake) ICC() []byte           { return nil }
func (f *fake) Close() error          { return nil }
func (f *fake) AssociatedImage(context.Context, string) (*image.RGBA, error) {
	return nil, tiles.ErrNoAssociated
}

func pixel(level, x, y int) color.RGBA {
	return color.RGBA{R: byte(x), G: byte(y), B: byte(level), A: 255}
}

func (f *fake) ReadTile(ctx context.Context, k tiles.Key, dst *image.RGBA) error {
	f.mu.Lock()
	f.order = append(f.order, k)
	f.mu.Unlock()
	f.reads.Add(1)
	if f.gate != nil {
		<-f.gate
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	r := f.levels[k.Level].TileRect(k.Col, k.Row)
	if r.Size() != dst.Rect.Size() {
		return errors.New("destination of another size")
	}
	if err := f.bad[k]; err != nil {
		if errors.Is(err, tiles.ErrMissing) {
			tiles.Fill(dst, f.info.Background)
		}
		if err.Error() == "panic" {
			panic("a decoder's defect")
		}
		return err
	}
	for y := range r.Dy() {
		for x := range r.Dx() {
			dst.SetRGBA(dst.Rect.Min.X+x, dst.Rect.Min.Y+y, pixel(k.Level, r.Min.X+x, r.Min.Y+y))
		}
	}
	return nil
}

func (f *fake) begun() []tiles.Key {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]tiles.Key(nil), f.order...)
}

func tileError(k tiles.Key) error { return &tiles.TileError{Key: k, Err: errors.New("spoilt")} }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
