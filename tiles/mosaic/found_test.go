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

// list is a Finder that knows no better than to name all pieces.
type all []Piece

func (l all) Pieces(_ image.Rectangle, out []Piece) []Piece { return append(out, l...) }

// shifted is an album whose destinations may begin anywhere.
type shifted struct{ *album }

func (s shifted) ReadPicture(ctx context.Context, i int, dst *image.RGBA) error {
	at := *dst
	at.Rect = image.Rectangle{Max: dst.Rect.Size()}
	return s.album.ReadPicture(ctx, i, &at)
}

// Pieces that are found, and parts of tiles, show what listed pieces show.
func TestFound_EqualsPlaced(t *testing.T) {
	level := tiles.Level{Width: 500, Height: 400, TileWidth: 128, TileHeight: 96}
	a := &album{n: 9, w: 40, h: 30, missing: -1, broken: -1}
	pieces := scattered(level, 120)
	whole := color.NRGBA{R: 255, G: 255, B: 255, A: 255}
	listed, err := NewPlaced("test", level, shifted{a}, pieces, whole, NewKept(1<<20))
	if err != nil {
		t.Fatal(err)
	}
	found, err := NewFound("test", level, shifted{a}, all(pieces), whole, NewKept(1<<20))
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	for row := range level.Rows() {
		for col := range level.Cols() {
			r := level.TileRect(col, row)
			want, got := image.NewRGBA(image.Rectangle{Max: r.Size()}), image.NewRGBA(r.Add(image.Pt(7, 9)))
			errWant, errGot := listed.ReadTile(t.Context(), col, row, want), found.ReadTile(t.Context(), col, row, got)
			if !errors.Is(errGot, errWant) || !bytes.Equal(want.Pix, got.Pix) {
				t.Fatalf("tile (%d,%d) differs: %v, %v", col, row, errWant, errGot)
			}
			x, y := rnd.IntN(r.Dx()-20), rnd.IntN(r.Dy()-10)
			cut := image.Rect(x, y, x+1+rnd.IntN(20), y+1+rnd.IntN(10))
			for _, p := range []*Placed{listed, found} {
				part := image.NewRGBA(image.Rectangle{Max: cut.Size()})
				if err := p.ReadPart(t.Context(), col, row, cut.Add(r.Min), part); !errors.Is(err, errWant) {
					t.Fatalf("part of (%d,%d): %v, tile: %v", col, row, err, errWant)
				}
				for py := range cut.Dy() {
					if w := want.Pix[want.PixOffset(cut.Min.X, cut.Min.Y+py):][:4*cut.Dx()]; !bytes.Equal(w, part.Pix[py*part.Stride:][:4*cut.Dx()]) {
						t.Fatalf("part %v of tile (%d,%d) differs", cut, col, row)
					}
				}
			}
		}
	}
	if err := found.ReadPart(t.Context(), 0, 0, image.Rect(100, 0, 140, 10), image.NewRGBA(image.Rect(0, 0, 40, 10))); err == nil {
		t.Error("a part beside its tile is read")
	}
	outside, err := NewFound("test", level, shifted{a}, all{{Picture: 1, W: 41, H: 30}}, whole, NewKept(1<<20))
	if err != nil {
		t.Fatal(err)
	}
	var fe *tiles.FormatError
	if err := outside.ReadTile(t.Context(), 0, 0, image.NewRGBA(image.Rect(0, 0, 128, 96))); !errors.As(err, &fe) {
		t.Errorf("a piece larger than its picture: %v", err)
	}
}

func TestBare(t *testing.T) {
	want := image.Rect(0, 0, 30, 20)
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		var parts []image.Rectangle
		for range rnd.IntN(8) {
			x, y := rnd.IntN(28), rnd.IntN(18)
			parts = append(parts, image.Rect(x, y, x+1+rnd.IntN(30-x), y+1+rnd.IntN(20-y)))
		}
		left := bare(want, parts)
		for y := range 20 {
			for x := range 30 {
				p, covered, n := image.Pt(x, y), false, 0
				for _, r := range parts {
					covered = covered || p.In(r)
				}
				for _, r := range left {
					if p.In(r) {
						n++
					}
				}
				if covered && n != 0 || !covered && n != 1 {
					t.Fatalf("%v lies in %d of %v, parts %v", p, n, left, parts)
				}
			}
		}
	}
}
