package mosaic

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/slidetest"
	"coverslip/tiles/tiff"
	"coverslip/tiles/tiffwrite"
)

var white = color.NRGBA{R: 255, G: 255, B: 255, A: 255}

// stored is an image of 200×150 pixels in tiles of 64.
func stored(t testing.TB) *tiff.Image {
	t.Helper()
	data := slidetest.Good(t, tiffwrite.Generic, true)
	f, err := tiff.Parse(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	m, err := f.Directories()[0].Image(codec.New(codec.Options{NoNative: true}))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Every tile of the grid must be what drawing the stored tiles one by one on a
// canvas gives.
func TestReadTile_EqualsDrawing(t *testing.T) {
	m := stored(t)
	for name, layers := range map[string][]Layer{
		"overlap":     {{m, 0, 0, 50, 44}},
		"place":       {{m, 37, 21, 64, 64}},
		"outside":     {{m, -70, -10, 64, 64}, {m, 250, 200, 64, 64}},
		"two overlap": {{m, 30, 40, 64, 64}, {m, 90, 10, 60, 60}},
	} {
		t.Run(name, func(t *testing.T) {
			level := tiles.Level{Width: 300, Height: 230, TileWidth: 70, TileHeight: 90}
			g, err := New("test", level, layers, white, NewKept(5*64*64*4))
			if err != nil {
				t.Fatal(err)
			}
			canvas := image.NewRGBA(image.Rect(0, 0, 300, 230))
			draw.Draw(canvas, canvas.Rect, image.White, image.Point{}, draw.Src)
			for i := len(layers) - 1; i >= 0; i-- {
				l := layers[i]
				for r := range m.Rows() {
					for c := range m.Cols() {
						part := image.NewRGBA(image.Rectangle{Max: m.Rect(c, r).Size()})
						if err := m.ReadTile(context.Background(), c, r, part); err != nil {
							t.Fatal(err)
						}
						at := image.Pt(l.X+c*l.AdvanceX, l.Y+r*l.AdvanceY)
						draw.Draw(canvas, part.Rect.Add(at), part, image.Point{}, draw.Src)
					}
				}
			}
			for row := range level.Rows() {
				for col := range level.Cols() {
					rect := level.TileRect(col, row)
					dst := image.NewRGBA(image.Rectangle{Max: rect.Size()})
					if err := g.ReadTile(context.Background(), col, row, dst); err != nil && !errors.Is(err, tiles.ErrMissing) {
						t.Fatal(err)
					}
					for y := range rect.Dy() {
						a := canvas.Pix[canvas.PixOffset(rect.Min.X, rect.Min.Y+y):][:4*rect.Dx()]
						if !bytes.Equal(a, dst.Pix[y*dst.Stride:][:4*rect.Dx()]) {
							t.Fatalf("tile (%d,%d): line %d differs", col, row, y)
						}
					}
				}
			}
			if used := g.kept.bytes; used > g.kept.limit || used < 0 {
				t.Errorf("%d bytes are kept, more than %d", used, g.kept.limit)
			}
		})
	}
}

func TestNew_Refuses(t *testing.T) {
	m := stored(t)
	level := tiles.Level{Width: 300, Height: 230, TileWidth: 70, TileHeight: 90}
	huge := level
	huge.Width, huge.Height = 1<<30, 1<<30
	for name, c := range map[string]struct {
		level tiles.Level
		layer Layer
	}{
		"apart by 0": {level, Layer{m, 0, 0, 0, 64}}, "overlap of most": {level, Layer{m, 0, 0, 64, 20}},
		"gaps": {level, Layer{m, 0, 0, 65, 64}}, "far away": {level, Layer{m, 1 << 40, 0, 64, 64}}, "huge": {huge, Layer{m, 0, 0, 64, 64}},
	} {
		_, err := New("test", c.level, []Layer{c.layer}, white, NewKept(1))
		var f *tiles.FormatError
		if !errors.As(err, &f) || f.Format != "test" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func BenchmarkReadTile(b *testing.B) {
	g, err := New("test", tiles.Level{Width: 300, Height: 230, TileWidth: 64, TileHeight: 64}, []Layer{{stored(b), 37, 21, 64, 64}}, white, NewKept(1<<20))
	if err != nil {
		b.Fatal(err)
	}
	dst := image.NewRGBA(image.Rect(0, 0, 64, 64))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := g.ReadTile(context.Background(), 1+i%2, 1, dst); err != nil {
			b.Fatal(err)
		}
	}
}
