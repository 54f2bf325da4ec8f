package czi

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"math"

	"coverslip/tiles"
	"coverslip/tiles/tiff"
)

// Bounds of a level's index.
const (
	bucketSide = 4 * tileSide // pixels
	maxItems   = 1 << 23      // pieces in buckets
	maxHeap    = 4096         // pieces that meet one bucket of one plane
)

// level is a planar.Grid of pieces.
type level struct {
	file       *file
	picture    *picture
	sizes      tiles.Level
	background color.NRGBA
	pieces     []piece        // x and y are pixels of the level; ascending from bottom to top
	buckets    map[bucket]int // places in lists
	lists      [][]int32      // pieces that meet a bucket
}

// bucket is a square of the level in one plane.
type bucket struct{ c, z, t, x, y int32 }

// newLevel places pieces on the level of a factor.
func (p *picture) newLevel(f *file, factor int, pieces []piece) (*level, error) {
	w, h := (p.canvas.Dx()+factor-1)/factor, (p.canvas.Dy()+factor-1)/factor
	l := &level{file: f, picture: p, pieces: pieces, buckets: map[bucket]int{}}
	l.sizes = tiles.Level{Width: w, Height: h, Downsample: float64(factor), TileWidth: tileSide, TileHeight: tileSide}
	if n := int64(l.sizes.Cols()) * int64(l.sizes.Rows()); n > tiff.MaxTiles {
		return nil, bad("%d×%d pixels make %d tiles, more than %d", w, h, n, tiff.MaxTiles)
	}
	items := 0
	for i := range pieces {
		b := &pieces[i]
		b.x = int32(math.Floor(float64(int(b.x)-p.canvas.Min.X)/float64(factor) + 0.5))
		b.y = int32(math.Floor(float64(int(b.y)-p.canvas.Min.Y)/float64(factor) + 0.5))
		r := b.stored().Intersect(image.Rect(0, 0, w, h))
		if r.Empty() {
			continue
		}
		items += (r.Max.X/bucketSide - r.Min.X/bucketSide + 1) * (r.Max.Y/bucketSide - r.Min.Y/bucketSide + 1)
		if items > maxItems {
			return nil, bad("%d sub-blocks cover each other more often than a slide's can", len(pieces))
		}
		for y := r.Min.Y / bucketSide; y <= (r.Max.Y-1)/bucketSide; y++ {
			for x := r.Min.X / bucketSide; x <= (r.Max.X-1)/bucketSide; x++ {
				k := bucket{b.c, b.z, b.t, int32(x), int32(y)}
				at, ok := l.buckets[k]
				if !ok {
					at = len(l.lists)
					l.buckets[k], l.lists = at, append(l.lists, nil)
				}
				if l.lists[at] = append(l.lists[at], int32(i)); len(l.lists[at]) > maxHeap {
					return nil, bad("more than %d sub-blocks lie near (%d,%d)", maxHeap, x*bucketSide, y*bucketSide)
				}
			}
		}
	}
	return l, nil
}

// stored is where a piece's pixels lie on the level.
func (b *piece) stored() image.Rectangle {
	return image.Rect(int(b.x), int(b.y), int(b.x)+int(b.sw), int(b.y)+int(b.sh))
}

// Level implements tiff.Grid.
func (l *level) Level() tiles.Level { return l.sizes }

// ReadTile implements tiff.Grid, for a slide in colour.
func (l *level) ReadTile(ctx context.Context, col, row int, dst *image.RGBA) error {
	return l.ReadPlane(ctx, col, row, tiles.Plane{}, &tiles.Raster{Width: dst.Rect.Dx(), Height: dst.Rect.Dy(), RGBA: dst})
}

// ReadPlane implements planar.Grid. Where nothing is stored, samples are zero and
// colours the background.
func (l *level) ReadPlane(ctx context.Context, col, row int, p tiles.Plane, dst *tiles.Raster) error {
	want := l.sizes.TileRect(col, row)
	if col < 0 || row < 0 || want.Empty() || want.Size() != image.Pt(dst.Width, dst.Height) {
		return fmt.Errorf("destination of %d×%d for a tile of %v pixels", dst.Width, dst.Height, want.Size())
	}
	// A tile lies in one bucket: a bucket's side is a multiple of a tile's.
	k := bucket{int32(p.Channel), int32(p.Z), int32(p.T), int32(want.Min.X / bucketSide), int32(want.Min.Y / bucketSide)}
	var met []int32
	covered := false
	at, ok := l.buckets[k]
	if !ok {
		return tiles.ErrMissing
	}
	for _, i := range l.lists[at] {
		r := l.pieces[i].stored()
		if r.Intersect(want).Empty() {
			continue
		}
		if want.In(r) { // what lies below it is not to be seen
			met, covered = met[:0], true
		}
		met = append(met, i)
	}
	if len(met) == 0 {
		return tiles.ErrMissing
	}
	if !covered {
		l.blank(dst)
	}
	for _, i := range met {
		b := &l.pieces[i]
		data, err := l.file.pixels(ctx, b)
		if err != nil {
			return err
		}
		part := b.stored().Intersect(want)
		size := pixelBytes(b.pixel)
		for y := part.Min.Y; y < part.Max.Y; y++ {
			from := ((y-int(b.y))*int(b.sw) + part.Min.X - int(b.x)) * size
			copyRow(dst, part.Min.X-want.Min.X, y-want.Min.Y, part.Dx(), b.pixel, data[from:from+part.Dx()*size])
		}
	}
	return nil
}

// blank erases what was in dst.
func (l *level) blank(dst *tiles.Raster) {
	clear(dst.Uint16)
	clear(dst.Float32)
	if dst.RGBA != nil {
		tiles.Fill(dst.RGBA, l.background)
	}
}

// copyRow copies n pixels of a type to (x, y) of dst.
func copyRow(dst *tiles.Raster, x, y, n int, pixel int32, src []byte) {
	switch pixel {
	case gray8:
		row := dst.Uint16[y*dst.Width+x:][:n]
		for i := range row {
			row[i] = uint16(src[i])
		}
	case gray16:
		row := dst.Uint16[y*dst.Width+x:][:n]
		for i := range row {
			row[i] = le.Uint16(src[2*i:])
		}
	case gray32, gray32f:
		row := dst.Float32[y*dst.Width+x:][:n]
		for i := range row {
			v := le.Uint32(src[4*i:])
			if row[i] = float32(v); pixel == gray32f {
				row[i] = math.Float32frombits(v)
			}
		}
	default:
		row := dst.RGBA.Pix[y*dst.RGBA.Stride+4*x:][:4*n]
		copyColours(row, pixel, src)
	}
}

// copyColours copies pixels of blue, green and red; of 16 bits the high byte.
func copyColours(row []byte, pixel int32, src []byte) {
	size := pixelBytes(pixel)
	b, g, r := 0, 1, 2
	if pixel == bgr48 {
		b, g, r = 1, 3, 5
	}
	for i, j := 0, 0; i < len(row); i, j = i+4, j+size {
		p, s := row[i:i+4:i+4], src[j:j+size:j+size]
		p[0], p[1], p[2], p[3] = s[r], s[g], s[b], 255
	}
}
