package tiffwrite

import (
	"context"
	"image"
	"sync"
	"sync/atomic"
)

// level is one step of the halving chain: pixels come in from above into a
// band of one tile row, go out as tiles, and are halved into the next band.
type level struct {
	w, h       int
	cols, rows int
	stored     bool // in the file; otherwise only a stepping stone
	band       *image.RGBA
	next       *level

	offsets, counts []uint64 // of the stored tiles, row by row
}

// chain is level 0 and every halving of it down to the smallest stored level
// and to one whose longest side is at most thumbnailSide.
func chain(o *Options) []*level {
	longest := max(o.Width, o.Height)
	stored := map[int]bool{0: true}
	last, step := 0, o.Step/2 // halvings between stored levels: 1 or 2
	for longest>>last > o.Smallest {
		last += step
		stored[last] = true
	}
	var all []*level
	for k := 0; k <= last || longest>>(k-1) > thumbnailSide; k++ {
		l := &level{w: max(o.Width>>k, 1), h: max(o.Height>>k, 1), stored: stored[k]}
		l.cols, l.rows = tilesIn(l.w, o.TileSize), tilesIn(l.h, o.TileSize)
		if k > 0 {
			all[k-1].next = l
		}
		all = append(all, l)
	}
	return all
}

func tilesIn(n, tile int) int { return (n + tile - 1) / tile }

// tile is one encoded tile on its way to the file.
type tile struct {
	data []byte
	sum  [2]uint64 // of its pixels
	sub  jpegStream
}

// each calls f(worker, i) for i in 0..n-1 on the writer's goroutines and
// returns the first error; after an error, or when the context ends, it starts
// no more.
func (w *writer) each(ctx context.Context, n int, f func(worker, i int) error) error {
	var (
		at    atomic.Int64
		once  sync.Once
		first error
		stop  atomic.Bool
		group sync.WaitGroup
	)
	fail := func(err error) {
		once.Do(func() { first = err })
		stop.Store(true)
	}
	for worker := range min(w.o.Workers, n) {
		group.Go(func() {
			for !stop.Load() {
				i := int(at.Add(1)) - 1
				if i >= n {
					return
				}
				if err := ctx.Err(); err != nil {
					fail(err)
					return
				}
				if err := f(worker, i); err != nil {
					fail(err)
					return
				}
			}
		})
	}
	group.Wait()
	return first
}

// halve averages src 2x2 into dst at (x, y) in dst's pixels; an odd last
// column or row of src is dropped, as the level's size is rounded down.
func halve(dst *image.RGBA, x, y int, src *image.RGBA, w, h int) {
	w, h = min(w/2, dst.Rect.Dx()-x), min(h/2, dst.Rect.Dy()-y)
	for j := range max(h, 0) {
		a := src.Pix[2*j*src.Stride:]
		b := src.Pix[(2*j+1)*src.Stride:]
		d := dst.Pix[(y+j)*dst.Stride+4*x:]
		a, b, d = a[:8*w], b[:8*w], d[:4*w]
		for i := 0; i+8 <= len(a); i += 8 {
			p, q, r := a[i:i+8:i+8], b[i:i+8:i+8], d[i/2:i/2+4:i/2+4]
			r[0] = uint8((uint(p[0]) + uint(p[4]) + uint(q[0]) + uint(q[4]) + 2) >> 2)
			r[1] = uint8((uint(p[1]) + uint(p[5]) + uint(q[1]) + uint(q[5]) + 2) >> 2)
			r[2] = uint8((uint(p[2]) + uint(p[6]) + uint(q[2]) + uint(q[6]) + 2) >> 2)
			r[3] = 255
		}
	}
}

// thin handles a level that is one pixel wide or high, where there is nothing
// to pair: it copies instead of averaging.
func thin(dst *image.RGBA, x, y int, src *image.RGBA, w, h int) {
	w, h = max(w/2, 1), max(h/2, 1)
	for j := range min(h, dst.Rect.Dy()-y) {
		for i := range min(w, dst.Rect.Dx()-x) {
			s := src.Pix[min(2*j, src.Rect.Dy()-1)*src.Stride+4*min(2*i, src.Rect.Dx()-1):]
			copy(dst.Pix[(y+j)*dst.Stride+4*(x+i):], s[:4])
		}
	}
}

// extend repeats the last column and row of the w x h pixels in img over the
// rest of it, so that the edge of a slide does not ring in its JPEG tiles.
func extend(img *image.RGBA, w, h int) {
	full := img.Rect.Size()
	if w < full.X {
		for y := range h {
			row := img.Pix[y*img.Stride:]
			for x := w; x < full.X; x++ {
				copy(row[4*x:4*x+4], row[4*w-4:4*w])
			}
		}
	}
	for y := h; y < full.Y; y++ {
		copy(img.Pix[y*img.Stride:y*img.Stride+4*full.X], img.Pix[(h-1)*img.Stride:])
	}
}
