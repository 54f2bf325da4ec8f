package tiles

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
)

// pictures are scratch tiles for those that overhang a region.
var pictures = sync.Pool{New: func() any { return new(image.RGBA) }}

// scratchPicture returns a pooled picture of any content.
func scratchPicture(w, h int) *image.RGBA {
	m := pictures.Get().(*image.RGBA)
	if cap(m.Pix) < 4*w*h {
		m.Pix = make([]byte, 4*w*h)
	}
	m.Pix, m.Stride, m.Rect = m.Pix[:4*w*h], 4*w, image.Rect(0, 0, w, h)
	return m
}

// ReadRegion fills dst with pixels of a level, its upper left corner at the
// level's pixel nearest to (x0, y0), a position in level-0 pixels. Pixels are
// never interpolated. Outside the slide, where no tile was stored and, of a
// ScannedReader, where nothing was scanned, dst is transparent, as OpenSlide's
// read_region leaves it.
//
// A tile that cannot be decoded leaves its part transparent; the rest is
// filled, and the first such error is returned.
func ReadRegion(ctx context.Context, s Slide, level, x0, y0 int, dst *image.RGBA) error {
	levels := s.Levels()
	if level < 0 || level >= len(levels) {
		return fmt.Errorf("tiles: no level %d: the slide has %d", level, len(levels))
	}
	l := levels[level]
	size := dst.Rect.Size()
	lx := int(math.Round(float64(x0) / l.Downsample))
	ly := int(math.Round(float64(y0) / l.Downsample))
	want := image.Rect(lx, ly, lx+size.X, ly+size.Y)
	have := want.Intersect(image.Rect(0, 0, l.Width, l.Height))
	if have != want {
		clearPicture(dst)
	}
	if have.Empty() {
		return ctx.Err()
	}
	if r, ok := s.(RegionReader); ok {
		err := r.ReadLevelRegion(ctx, level, have, part(dst, have.Add(dst.Rect.Min.Sub(want.Min))))
		if !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	job := regionJob{slide: s, level: level, l: l, want: want, have: have, dst: dst}
	job.col0, job.row0 = have.Min.X/l.TileWidth, have.Min.Y/l.TileHeight
	job.cols = (have.Max.X-1)/l.TileWidth - job.col0 + 1
	rows := (have.Max.Y-1)/l.TileHeight - job.row0 + 1
	job.total = int64(job.cols) * int64(rows)
	var wg sync.WaitGroup
	for range min(int64(runtime.GOMAXPROCS(0)), job.total) - 1 {
		wg.Go(func() { job.run(ctx) })
	}
	job.run(ctx)
	wg.Wait()
	if err := job.first.Load(); err != nil {
		return *err
	}
	return ctx.Err()
}

// regionJob is one ReadRegion, shared by its goroutines.
type regionJob struct {
	slide            Slide
	level            int
	l                Level
	want, have       image.Rectangle // of the level; have is want inside the level
	dst              *image.RGBA
	col0, row0, cols int
	total            int64
	next             atomic.Int64
	first            atomic.Pointer[error]
}

// run reads tiles until none is left or the context ends.
func (j *regionJob) run(ctx context.Context) {
	for ctx.Err() == nil {
		i := j.next.Add(1) - 1
		if i >= j.total {
			return
		}
		k := Key{j.level, j.col0 + int(i)%j.cols, j.row0 + int(i)/j.cols}
		if err := j.tile(ctx, k); err != nil {
			j.first.CompareAndSwap(nil, &err)
		}
	}
}

// tile decodes a tile straight into dst when it lies inside, else the part of it
// that does.
func (j *regionJob) tile(ctx context.Context, k Key) error {
	r := j.l.TileRect(k.Col, k.Row)
	inside := r.Intersect(j.have)
	shift := j.dst.Rect.Min.Sub(j.want.Min)
	to := part(j.dst, inside.Add(shift))
	if scanned, ok := j.slide.(ScannedReader); ok {
		err := scanned.ReadScanned(ctx, k, inside, to)
		if err != nil {
			clearPicture(to)
		}
		return present(err)
	}
	var err error
	if parts, ok := j.slide.(PartReader); inside == r {
		err = j.slide.ReadTile(ctx, k, to)
	} else if ok {
		err = parts.ReadPart(ctx, k, inside, to)
	} else {
		err = ReadWholeFor(ctx, j.slide, k, inside, to)
	}
	if err != nil {
		clearPicture(to)
	}
	return present(err)
}

// present is err, but nil for a tile that was never stored.
func present(err error) error {
	if errors.Is(err, ErrMissing) {
		return nil
	}
	return err
}

// clearPicture makes all of m transparent.
func clearPicture(m *image.RGBA) {
	for y := range m.Rect.Dy() {
		clear(m.Pix[y*m.Stride : y*m.Stride+4*m.Rect.Dx()])
	}
}
