package aperio

import (
	"context"
	"errors"
	"image"
	"math"

	"coverslip/tiles"
	"coverslip/tiles/tiff"
)

// maxRepairRatio bounds the pixels of the finer level that one missing tile may
// cost; Aperio's levels step by 4 at most.
const maxRepairRatio = 8

// slide is a TIFF slide whose missing tiles of lower levels are made from the
// next finer level.
type slide struct{ *tiff.Slide }

// ReadTile implements tiles.Slide.
func (s *slide) ReadTile(ctx context.Context, k tiles.Key, dst *image.RGBA) error {
	err := s.Slide.ReadTile(ctx, k, dst)
	if k.Level == 0 || !errors.Is(err, tiles.ErrMissing) {
		return err
	}
	levels := s.Levels()
	l, fine := levels[k.Level], levels[k.Level-1]
	rx, ry := float64(fine.Width)/float64(l.Width), float64(fine.Height)/float64(l.Height)
	if max(rx, ry) > maxRepairRatio {
		return err
	}
	r := l.TileRect(k.Col, k.Row)
	under := image.Rect(int(math.Floor(float64(r.Min.X)*rx)), int(math.Floor(float64(r.Min.Y)*ry)),
		int(math.Ceil(float64(r.Max.X)*rx)), int(math.Ceil(float64(r.Max.Y)*ry))).Intersect(image.Rect(0, 0, fine.Width, fine.Height))
	if under.Dx() < r.Dx() || under.Dy() < r.Dy() {
		return err
	}
	src := image.NewRGBA(image.Rectangle{Max: under.Size()})
	x0, y0 := math.Round(float64(under.Min.X)*fine.Downsample), math.Round(float64(under.Min.Y)*fine.Downsample)
	// ReadRegion reads through this ReadTile, so a gap may be filled over
	// several levels.
	if rerr := tiles.ReadRegion(ctx, s, k.Level-1, int(x0), int(y0), src); rerr != nil {
		var bad *tiles.TileError
		if errors.As(rerr, &bad) {
			return &tiles.TileError{Key: k, Err: rerr}
		}
		return rerr
	}
	small := tiles.Shrink(src, r.Dx(), r.Dy())
	if !over(dst, small) {
		return err
	}
	return nil
}

// ReadPart implements tiles.PartReader: tiles of JPEG 2000 are decoded in part.
func (s *slide) ReadPart(ctx context.Context, k tiles.Key, r image.Rectangle, dst *image.RGBA) error {
	ok, err := s.TilePart(ctx, k, r, dst)
	if ok && (k.Level == 0 || !errors.Is(err, tiles.ErrMissing)) {
		return err
	}
	return tiles.ReadWholeFor(ctx, s, k, r, dst)
}

// over draws src, both of one size, over the background that dst holds, and
// says whether there was anything to draw.
func over(dst, src *image.RGBA) (any bool) {
	w, h := dst.Rect.Dx(), dst.Rect.Dy()
	for y := range h {
		to, from := dst.Pix[y*dst.Stride:y*dst.Stride+4*w], src.Pix[y*src.Stride:]
		for x := 0; x < len(to); x += 4 {
			a := uint32(from[x+3])
			if a == 0 {
				continue
			}
			any = true
			for c := range 4 {
				to[x+c] = byte(min(255, uint32(from[x+c])+(uint32(to[x+c])*(255-a)+127)/255))
			}
		}
	}
	return any
}
