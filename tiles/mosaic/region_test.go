package mosaic

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"math/rand/v2"
	"testing"

	"coverslip/tiles"
)

// tall is an album that leaves rubbish below the rows that are wanted.
type tall struct{ shifted }

func (a tall) ReadTop(ctx context.Context, i int, dst *image.RGBA, n int) error {
	if err := a.ReadPicture(ctx, i, dst); err != nil {
		return err
	}
	tiles.Fill(dst.SubImage(image.Rect(0, dst.Rect.Min.Y+n, 1<<20, 1<<20)).(*image.RGBA), color.NRGBA{R: 1, A: 255})
	return nil
}

// A region shows what its tiles show.
func TestPlaced_ReadRegion_EqualsTiles(t *testing.T) {
	level := tiles.Level{Width: 500, Height: 400, TileWidth: 128, TileHeight: 96}
	a := &album{n: 9, w: 40, h: 30, missing: -1, broken: -1}
	rnd := rand.New(rand.NewPCG(8, 9))
	for name, pictures := range map[string]Pictures{"whole pictures": shifted{a}, "upper rows": tall{shifted{a}}} {
		for _, n := range []int{0, 30, 120, 300} {
			p, err := NewFound("test", level, pictures, all(scattered(level, n)), white, NewKept(1<<20))
			if err != nil {
				t.Fatal(err)
			}
			whole := image.NewRGBA(image.Rect(0, 0, level.Width, level.Height))
			for row := range level.Rows() {
				for col := range level.Cols() {
					r := level.TileRect(col, row)
					if err := p.ReadScanned(t.Context(), col, row, r, whole.SubImage(r).(*image.RGBA)); err != nil && !errors.Is(err, tiles.ErrMissing) {
						t.Fatal(err)
					}
				}
			}
			for range 40 {
				x, y := rnd.IntN(level.Width), rnd.IntN(level.Height)
				r := image.Rect(x, y, x+1+rnd.IntN(level.Width-x), y+1+rnd.IntN(level.Height-y))
				got := image.NewRGBA(r.Sub(image.Pt(11, 5)))
				tiles.Fill(got, color.NRGBA{G: 9, A: 255})
				if err := p.ReadRegion(t.Context(), 0, r, got); err != nil {
					t.Fatal(err)
				}
				for py := range r.Dy() {
					at := whole.PixOffset(r.Min.X, r.Min.Y+py)
					if !bytes.Equal(got.Pix[py*got.Stride:][:4*r.Dx()], whole.Pix[at:at+4*r.Dx()]) {
						t.Fatalf("%s, %d pieces: row %d of %v differs", name, n, py, r)
					}
				}
			}
			for e := p.kept.order.Front(); e != nil; e = e.Next() {
				if n := e.Value.(*keptTile).users; n != 0 {
					t.Errorf("a picture has %d users left", n)
				}
			}
		}
	}
}

func TestPlaced_ReadRegion_Errors(t *testing.T) {
	level := tiles.Level{Width: 200, Height: 90, TileWidth: 64, TileHeight: 64}
	a := &album{n: 4, w: 40, h: 30, missing: 3, broken: 2}
	pieces := all{{Picture: 1, W: 40, H: 30}, {Picture: 2, W: 40, H: 30, X: 100, Y: 50}, {Picture: 3, W: 40, H: 30, X: 50}}
	p, err := NewFound("test", level, tall{shifted{a}}, pieces, white, NewKept(1<<20))
	if err != nil {
		t.Fatal(err)
	}
	m := image.NewRGBA(image.Rect(0, 0, 200, 90))
	tiles.Fill(m, color.NRGBA{B: 1, A: 255})
	err = p.ReadRegion(t.Context(), 7, m.Rect, m)
	var bad *tiles.TileError
	if !errors.As(err, &bad) || !errors.Is(err, errBroken) || bad.Key != (tiles.Key{Level: 7, Col: 1}) {
		t.Errorf("broken picture: %v", err)
	}
	if m.RGBAAt(10, 10).A != 255 || m.RGBAAt(110, 60).A != 0 || m.RGBAAt(60, 10).A != 0 {
		t.Error("a broken picture takes others along, or leaves what was there")
	}
	many := make(all, regionPieces+1)
	for i := range many {
		many[i] = Piece{Picture: 1, W: 1, H: 1, X: int32(i % 200), Y: int32(i / 200)}
	}
	if p, err = NewFound("test", level, tall{shifted{a}}, many, white, NewKept(1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := p.ReadRegion(t.Context(), 0, m.Rect, m); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("many pieces: %v", err)
	}
	if p, err = NewPlaced("test", level, a, nil, white, NewKept(1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := p.ReadRegion(t.Context(), 0, m.Rect, m); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("no finder: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if p, err = NewFound("test", level, tall{shifted{a}}, pieces, white, NewKept(1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := p.ReadRegion(ctx, 0, m.Rect, m); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
