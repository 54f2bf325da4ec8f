package mosaic

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"coverslip/tiles"
)

// album is pictures of one size, each of a colour pattern of its own.
type album struct {
	n, w, h int
	missing int // a picture that was never stored, -1 for none
	broken  int // a picture that cannot be decoded, -1 for none
	reads   atomic.Int64
}

func (a *album) Size(i int) image.Point {
	if i < 0 || i >= a.n {
		return image.Point{}
	}
	return image.Pt(a.w, a.h)
}

var errBroken = errors.New("broken")

func (a *album) ReadPicture(_ context.Context, i int, dst *image.RGBA) error {
	a.reads.Add(1)
	if i == a.missing {
		return tiles.ErrMissing
	}
	if i == a.broken {
		return errBroken
	}
	for y := range a.h {
		for x := range a.w {
			dst.SetRGBA(x, y, color.RGBA{R: byte(40 + 13*i), G: byte(3*x + i), B: byte(5*y + i), A: 255})
		}
	}
	return nil
}

// onCanvas draws pieces one by one.
func onCanvas(t testing.TB, a *album, level tiles.Level, pieces []Piece) *image.RGBA {
	t.Helper()
	canvas := image.NewRGBA(image.Rect(0, 0, level.Width, level.Height))
	draw.Draw(canvas, canvas.Rect, image.White, image.Point{}, draw.Src)
	for i := range pieces {
		p := &pieces[i]
		m := image.NewRGBA(image.Rectangle{Max: a.Size(int(p.Picture))})
		if err := a.ReadPicture(t.Context(), int(p.Picture), m); errors.Is(err, tiles.ErrMissing) {
			continue
		}
		draw.Draw(canvas, p.rect(), m, image.Pt(int(p.CropX), int(p.CropY)), draw.Src)
	}
	return canvas
}

func scattered(level tiles.Level, n int) []Piece {
	rnd := rand.New(rand.NewPCG(1, 2))
	var out []Piece
	for range n {
		cx, cy := rnd.IntN(20), rnd.IntN(20)
		out = append(out, Piece{
			Picture: rnd.Int32N(9), CropX: uint16(cx), CropY: uint16(cy), W: uint16(rnd.IntN(40 - cx + 1)), H: uint16(rnd.IntN(30 - cy + 1)),
			X: rnd.Int32N(int32(level.Width+60)) - 30, Y: rnd.Int32N(int32(level.Height+60)) - 30,
		})
	}
	return out
}

func readAll(t testing.TB, g *Placed) *image.RGBA {
	t.Helper()
	l := g.Level()
	out := image.NewRGBA(image.Rect(0, 0, l.Width, l.Height))
	for row := range l.Rows() {
		for col := range l.Cols() {
			err := g.ReadTile(t.Context(), col, row, out.SubImage(l.TileRect(col, row)).(*image.RGBA))
			if err != nil && !errors.Is(err, tiles.ErrMissing) {
				t.Fatal(err)
			}
		}
	}
	return out
}

func TestPlaced_EqualsDrawing(t *testing.T) {
	for _, c := range []struct{ w, h, tw, th, n int }{
		{300, 230, 70, 90, 200}, {300, 230, 16, 16, 60}, {3000, 100, 8, 8, 3}, {90, 90, 100, 100, 40}, {64, 64, 2, 2, 80}, {50, 50, 50, 50, 0},
	} {
		level := tiles.Level{Width: c.w, Height: c.h, TileWidth: c.tw, TileHeight: c.th}
		a := &album{n: 9, w: 40, h: 30, missing: 4, broken: -1}
		pieces := scattered(level, c.n)
		kept := NewKept(5 * 40 * 30 * 4)
		g, err := NewPlaced("test", level, a, pieces, white, kept)
		if err != nil {
			t.Fatal(err)
		}
		want, got := onCanvas(t, a, level, pieces), readAll(t, g)
		if !bytes.Equal(want.Pix, got.Pix) {
			t.Errorf("%+v differs", c)
		}
		if kept.bytes > kept.limit || kept.bytes < 0 || len(kept.flying) != 0 {
			t.Errorf("%d bytes are kept, limit %d; %d are being decoded", kept.bytes, kept.limit, len(kept.flying))
		}
		for e := kept.order.Front(); e != nil; e = e.Next() {
			if n := e.Value.(*keptTile).users; n != 0 {
				t.Errorf("a tile has %d users left", n)
			}
		}
	}
}

// Many readers at once see the same pixels; buffers of tiles in use are not
// given to others.
func TestPlaced_Concurrent(t *testing.T) {
	level := tiles.Level{Width: 300, Height: 230, TileWidth: 33, TileHeight: 29}
	a := &album{n: 9, w: 40, h: 30, missing: -1, broken: -1}
	pieces := scattered(level, 300)
	g, err := NewPlaced("test", level, a, pieces, white, NewKept(2*40*30*4))
	if err != nil {
		t.Fatal(err)
	}
	want := onCanvas(t, a, level, pieces)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			if got := readAll(t, g); !bytes.Equal(want.Pix, got.Pix) {
				t.Error("pixels differ")
			}
		})
	}
	wg.Wait()
}

// A picture that neighbours share is decoded once.
func TestPlaced_DecodesOnce(t *testing.T) {
	level := tiles.Level{Width: 40, Height: 30, TileWidth: 5, TileHeight: 5}
	a := &album{n: 1, w: 40, h: 30, missing: -1, broken: -1}
	g, err := NewPlaced("test", level, a, []Piece{{W: 40, H: 30}}, white, NewKept(1<<20))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { readAll(t, g) })
	}
	wg.Wait()
	if n := a.reads.Load(); n != 1 {
		t.Errorf("decoded %d times", n)
	}
}

// What is hidden is not decoded, unless that which hides it is missing.
func TestPlaced_Hidden(t *testing.T) {
	level := tiles.Level{Width: 40, Height: 30, TileWidth: 40, TileHeight: 30}
	for missing, want := range map[int]int64{-1: 1, 2: 2} {
		a := &album{n: 3, w: 40, h: 30, missing: missing, broken: 0}
		g, err := NewPlaced("test", level, a, []Piece{{Picture: 0, W: 20, H: 20}, {Picture: 1, W: 40, H: 30}, {Picture: 2, W: 40, H: 30}}, white, NewKept(1<<20))
		if err != nil {
			t.Fatal(err)
		}
		readAll(t, g)
		if n := a.reads.Load(); n != want {
			t.Errorf("picture %d missing: %d are decoded, want %d", missing, n, want)
		}
	}
}

func TestPlaced_Errors(t *testing.T) {
	level := tiles.Level{Width: 80, Height: 30, TileWidth: 40, TileHeight: 30}
	a := &album{n: 3, w: 40, h: 30, missing: 2, broken: 1}
	g, err := NewPlaced("test", level, a, []Piece{{W: 40, H: 30, X: 0, Picture: 2}, {W: 40, H: 30, X: 40, Picture: 1}}, white, NewKept(1<<20))
	if err != nil {
		t.Fatal(err)
	}
	dst := image.NewRGBA(image.Rect(0, 0, 40, 30))
	if err := g.ReadTile(t.Context(), 0, 0, dst); !errors.Is(err, tiles.ErrMissing) {
		t.Errorf("missing picture: %v", err)
	}
	for range 2 { // an error is not kept
		if err := g.ReadTile(t.Context(), 1, 0, dst); !errors.Is(err, errBroken) {
			t.Errorf("broken picture: %v", err)
		}
	}
	if a.reads.Load() != 3 {
		t.Errorf("%d reads", a.reads.Load())
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.ReadTile(cancelled, 1, 0, dst); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	for _, k := range [][2]int{{-1, 0}, {2, 0}, {0, 1}} {
		if err := g.ReadTile(t.Context(), k[0], k[1], dst); err == nil {
			t.Errorf("tile %v is read", k)
		}
	}
}

func TestNewPlaced_Refuses(t *testing.T) {
	a := &album{n: 2, w: 40, h: 30, missing: -1, broken: -1}
	level := tiles.Level{Width: 400, Height: 300, TileWidth: 64, TileHeight: 64}
	heap := make([]Piece, 5000)
	for i := range heap {
		heap[i] = Piece{W: 40, H: 30, X: int32(i % 7), Y: int32(i % 5)}
	}
	huge, flat := level, level
	huge.Width, huge.Height, flat.TileHeight = 1<<30, 1<<30, 0
	for name, c := range map[string]struct {
		level  tiles.Level
		from   *album
		pieces []Piece
	}{
		"heaped": {level, a, heap}, "outside its picture": {level, a, []Piece{{CropX: 1, W: 40, H: 30}}},
		"no such picture": {level, a, []Piece{{Picture: 2, W: 1, H: 1}}}, "negative picture": {level, a, []Piece{{Picture: -1, W: 1, H: 1}}},
		"huge level": {huge, a, nil}, "flat tiles": {flat, a, nil}, "huge picture": {level, &album{n: 1, w: 1 << 14, h: 1 << 14}, []Piece{{}}},
	} {
		_, err := NewPlaced("test", c.level, c.from, c.pieces, white, NewKept(1))
		var f *tiles.FormatError
		if !errors.As(err, &f) || f.Format != "test" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func BenchmarkPlaced_ReadTile(b *testing.B) {
	level := tiles.Level{Width: 1 << 16, Height: 1 << 16, TileWidth: 256, TileHeight: 256}
	a := &album{n: 4, w: 256, h: 256, missing: -1, broken: -1}
	var pieces []Piece
	for y := range 270 {
		for x := range 270 {
			pieces = append(pieces, Piece{Picture: int32((x + y) % 4), X: int32(240*x + y), Y: int32(240*y + x), W: 256, H: 256})
		}
	}
	g, err := NewPlaced("test", level, a, pieces, white, NewKept(1<<24))
	if err != nil {
		b.Fatal(err)
	}
	dst := image.NewRGBA(image.Rect(0, 0, 256, 256))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := g.ReadTile(context.Background(), i%200, i/200%200, dst); err != nil {
			b.Fatal(err)
		}
	}
}
