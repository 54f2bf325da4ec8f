// Package mosaic makes a level of a slide out of stored tiles that do not lie on
// the level's grid: regions scanned at any position of the glass, tiles that
// overlap their neighbours.
//
// The grid of the level is a virtual one; each of its tiles is put together from
// the stored tiles below it. Neighbours share those, so the last ones decoded
// are kept. Where stored tiles overlap, the lower right one is on top and an
// earlier layer on a later one, as in OpenSlide.
package mosaic

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"

	"coverslip/tiles"
	"coverslip/tiles/tiff"
)

// maxTilePixels bounds what is taken for a stored tile before it is decoded;
// real ones have 512×512 pixels at most.
const maxTilePixels = 1 << 22

// Layer is a stored image on the canvas of a level.
type Layer struct {
	Image *tiff.Image
	X, Y  int // where the image begins, pixels of the level
	// Distance between neighbouring tiles in pixels: the tile's size less the
	// overlap.
	AdvanceX, AdvanceY int
}

// Grid is a level made of layers; it implements tiff.Grid.
type Grid struct {
	level      tiles.Level
	layers     []Layer
	background color.NRGBA
	kept       *Kept
}

// New makes a level. It refuses layers whose tiles overlap wholly and levels of
// too many tiles, with a *tiles.FormatError of the named format.
func New(format string, level tiles.Level, layers []Layer, background color.NRGBA, kept *Kept) (*Grid, error) {
	bad := func(f string, args ...any) (*Grid, error) {
		return nil, &tiles.FormatError{Format: format, What: fmt.Sprintf(f, args...)}
	}
	if level.Width < 1 || level.Height < 1 || level.Width > tiff.MaxSide || level.Height > tiff.MaxSide {
		return bad("level of %d×%d pixels", level.Width, level.Height)
	}
	if n := int64(level.Cols()) * int64(level.Rows()); n > tiff.MaxTiles {
		return bad("%d×%d pixels make %d tiles, more than %d", level.Width, level.Height, n, tiff.MaxTiles)
	}
	for _, l := range layers {
		if l.Image.TileWidth*l.Image.TileHeight > maxTilePixels {
			return bad("tiles of %d×%d pixels are too large", l.Image.TileWidth, l.Image.TileHeight)
		}
		// A tile would be decoded for each of many virtual ones.
		if l.AdvanceX < (l.Image.TileWidth+1)/2 || l.AdvanceY < (l.Image.TileHeight+1)/2 || l.AdvanceX > l.Image.TileWidth || l.AdvanceY > l.Image.TileHeight {
			return bad("tiles of %d×%d pixels lie %d×%d apart", l.Image.TileWidth, l.Image.TileHeight, l.AdvanceX, l.AdvanceY)
		}
		if l.X < -tiff.MaxSide || l.Y < -tiff.MaxSide || l.X > tiff.MaxSide || l.Y > tiff.MaxSide {
			return bad("an image lies at (%d,%d)", l.X, l.Y)
		}
	}
	return &Grid{level, layers, background, kept}, nil
}

// Level implements tiff.Grid.
func (g *Grid) Level() tiles.Level { return g.level }

// ReadTile implements tiff.Grid. Where nothing is stored, dst is background.
func (g *Grid) ReadTile(ctx context.Context, col, row int, dst *image.RGBA) error {
	want := g.level.TileRect(col, row)
	if col < 0 || row < 0 || want.Empty() || dst.Rect.Size() != want.Size() {
		return fmt.Errorf("destination of %v for a tile of %v pixels", dst.Rect.Size(), want.Size())
	}
	return g.read(ctx, want, dst, g.background)
}

// ReadScanned implements tiff.ScannedGrid.
func (g *Grid) ReadScanned(ctx context.Context, col, row int, want image.Rectangle, dst *image.RGBA) error {
	tile := g.level.TileRect(col, row)
	if col < 0 || row < 0 || want.Empty() || !want.In(tile) || dst.Rect.Size() != want.Size() {
		return fmt.Errorf("destination of %v for %v of a tile at %v", dst.Rect.Size(), want, tile)
	}
	return g.read(ctx, want, dst, color.NRGBA{})
}

// read draws the pixels of want on a ground.
func (g *Grid) read(ctx context.Context, want image.Rectangle, dst *image.RGBA, ground color.NRGBA) error {
	tiles.Fill(dst, ground)
	drawn := false
	for i := len(g.layers) - 1; i >= 0; i-- { // the first is on top
		l := &g.layers[i]
		cols := span(want.Min.X-l.X, want.Max.X-l.X, l.AdvanceX, l.Image.TileWidth, l.Image.Cols())
		rows := span(want.Min.Y-l.Y, want.Max.Y-l.Y, l.AdvanceY, l.Image.TileHeight, l.Image.Rows())
		for r := rows[0]; r < rows[1]; r++ {
			for c := cols[0]; c < cols[1]; c++ {
				err := g.draw(ctx, l, c, r, want, dst)
				switch {
				case err == nil:
					drawn = true
				case errors.Is(err, errBeside), errors.Is(err, tiles.ErrMissing):
				default:
					return fmt.Errorf("stored tile (%d,%d): %w", c, r, err)
				}
			}
		}
	}
	if !drawn {
		return tiles.ErrMissing
	}
	return nil
}

// errBeside says that a stored tile does not meet the virtual one.
var errBeside = errors.New("beside the tile")

// span is the range of n stored tiles that can meet the pixels from lo to hi.
func span(lo, hi, advance, size, n int) [2]int {
	if hi <= 0 {
		return [2]int{}
	}
	first := 0
	if lo >= size { // tile i ends at i*advance+size
		first = (lo-size)/advance + 1
	}
	return [2]int{min(first, n), min((hi-1)/advance+1, n)}
}

// draw copies the part of a stored tile that lies in want.
func (g *Grid) draw(ctx context.Context, l *Layer, col, row int, want image.Rectangle, dst *image.RGBA) error {
	size := l.Image.Rect(col, row).Size()
	at := image.Rectangle{Max: size}.Add(image.Pt(l.X+col*l.AdvanceX, l.Y+row*l.AdvanceY))
	part := at.Intersect(want)
	if part.Empty() {
		return errBeside
	}
	to := dst.SubImage(part.Sub(want.Min).Add(dst.Rect.Min)).(*image.RGBA)
	if part == at {
		return l.Image.ReadTile(ctx, col, row, to)
	}
	t, err := g.kept.tile(ctx, keptKey{l, col, row}, size, func(dst *image.RGBA) error { return l.Image.ReadTile(ctx, col, row, dst) })
	if err != nil {
		return err
	}
	defer g.kept.release(t)
	if t.missing {
		return tiles.ErrMissing
	}
	copyPart(to, t.img, part.Min.Sub(at.Min))
	return nil
}

// copyPart fills dst with the pixels of src from a point on.
func copyPart(dst, src *image.RGBA, from image.Point) {
	w := 4 * dst.Rect.Dx()
	for y := range dst.Rect.Dy() {
		i := src.PixOffset(src.Rect.Min.X+from.X, src.Rect.Min.Y+from.Y+y)
		copy(dst.Pix[y*dst.Stride:y*dst.Stride+w], src.Pix[i:])
	}
}
