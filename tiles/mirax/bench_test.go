package mirax

import (
	"context"
	"image"
	"math/rand/v2"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/slidetest"
)

// wide is a slide of 40,000 images in photos that overlap.
func wide(b *testing.B) string {
	b.Helper()
	size := image.Pt(256, 256)
	return slidetest.MakeMirax(b, slidetest.Mirax{Cols: 200, Rows: 200, Divisions: 4, Size: size, Levels: 6, Overlap: 16, Position: shifted(size.Mul(4)), Packed: true, Pictures: 16}).Write(b)
}

func BenchmarkOpen(b *testing.B) {
	path := wide(b)
	b.ReportAllocs()
	for b.Loop() {
		s, err := openWith(path, codec.Default())
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}

func BenchmarkReadTile(b *testing.B) {
	s, err := openWith(wide(b), codec.Default())
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for _, level := range []int{0, 2, 5} {
		b.Run([]string{"level 0", "", "level 2", "", "", "level 5"}[level], func(b *testing.B) {
			l := s.Levels()[level]
			rnd := rand.New(rand.NewPCG(1, 2))
			dst := image.NewRGBA(image.Rectangle{Max: l.TileRect(0, 0).Size()})
			b.ReportAllocs()
			for b.Loop() {
				k := tiles.Key{Level: level, Col: rnd.IntN(l.Width / l.TileWidth), Row: rnd.IntN(l.Height / l.TileHeight)}
				if err := s.ReadTile(context.Background(), k, dst); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
