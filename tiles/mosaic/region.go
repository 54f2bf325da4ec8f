package mosaic

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"runtime"
	"sync"
	"sync/atomic"

	"coverslip/tiles"
)

// TopPictures are Pictures of which the upper rows can be decoded for less than
// the whole.
type TopPictures interface {
	Pictures
	// ReadTop is ReadPicture of which the first n rows are wanted: those below
	// may be left as they are.
	ReadTop(ctx context.Context, i int, dst *image.RGBA, n int) error
}

// regionPieces bounds the pieces of a region that is drawn at once: each is
// compared with each. A screen of photos has some hundred.
const regionPieces = 512

// shown is a stored picture and what a region shows of it.
type shown struct {
	picture  int
	parts    []image.Rectangle // of the level
	from     []image.Point     // where each part begins in the picture
	straight bool              // the one part is the whole picture
	shared   bool              // the region's edge cuts it: the next region shows the rest
	bottom   int               // rows of the picture that are seen
}

// ReadRegion decodes the pixels of want, a rectangle of the level of whatever
// size, into dst, whose bounds must have its size; where nothing is stored, dst
// is transparent. It is tile by tile what ReadScanned gives, but each picture is
// decoded once, and no further down than it is seen; on all cores.
//
// A picture that cannot be decoded leaves its part transparent, and the first
// such error is returned, a *tiles.TileError that names the given level. Of a
// level that has no Finder, and of regions of very many pieces, it is
// errors.ErrUnsupported, and nothing was done.
func (p *Placed) ReadRegion(ctx context.Context, level int, want image.Rectangle, dst *image.RGBA) error {
	if p.finder == nil {
		return errors.ErrUnsupported
	}
	pieces := p.finder.Pieces(want, nil)
	if len(pieces) > regionPieces {
		return errors.ErrUnsupported
	}
	job := &regionJob{Placed: p, level: level, want: want, dst: dst, shift: dst.Rect.Min.Sub(want.Min)}
	if err := job.plan(pieces); err != nil {
		return err
	}
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(job.shown)) - 1 {
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
	*Placed
	level int
	want  image.Rectangle
	dst   *image.RGBA
	shift image.Point // from the level to dst
	shown []*shown
	next  atomic.Int64
	first atomic.Pointer[error]
}

// at is a part of the level in dst.
func (j *regionJob) at(r image.Rectangle) *image.RGBA {
	return j.dst.SubImage(r.Add(j.shift)).(*image.RGBA)
}

// plan finds what is seen of each picture, and clears what no picture covers.
// The parts do not overlap: they may be drawn in any order.
func (j *regionJob) plan(pieces []Piece) error {
	rects := make([]image.Rectangle, len(pieces))
	for i := range pieces {
		if err := j.check(&pieces[i]); err != nil {
			return err
		}
		rects[i] = pieces[i].rect().Intersect(j.want)
	}
	of := map[int32]*shown{}
	var above []image.Rectangle
	for i := range pieces {
		c := &pieces[i]
		above = above[:0]
		for _, r := range rects[i+1:] {
			if r.Overlaps(rects[i]) {
				above = append(above, r)
			}
		}
		seen, ok := visible(rects[i], above)
		if !ok {
			return errors.ErrUnsupported
		}
		if len(seen) == 0 {
			continue
		}
		s := of[c.Picture]
		if s == nil {
			s = &shown{picture: int(c.Picture)}
			of[c.Picture] = s
			j.shown = append(j.shown, s)
		}
		s.straight = len(s.parts) == 0 && len(seen) == 1 && seen[0] == c.rect() && seen[0].Size() == j.pictures.Size(int(c.Picture))
		s.shared = s.shared || rects[i] != c.rect()
		for _, r := range seen {
			from := r.Min.Sub(image.Pt(int(c.X)-int(c.CropX), int(c.Y)-int(c.CropY)))
			s.parts, s.from = append(s.parts, r), append(s.from, from)
			s.bottom = max(s.bottom, from.Y+r.Dy())
		}
	}
	for _, r := range bare(j.want, rects) {
		tiles.Fill(j.at(r), color.NRGBA{})
	}
	return nil
}

// visible is what of a rectangle none of those above it hides, in rectangles
// that do not overlap; ok is false where they are too many.
func visible(r image.Rectangle, above []image.Rectangle) (seen []image.Rectangle, ok bool) {
	if r.Empty() {
		return nil, true
	}
	seen = bare(r, above)
	return seen, len(above) == 0 || len(seen) != 1 || seen[0] != r // bare gives up by all of it
}

// run decodes pictures until none is left or the context ends.
func (j *regionJob) run(ctx context.Context) {
	for ctx.Err() == nil {
		i := int(j.next.Add(1) - 1)
		if i >= len(j.shown) {
			return
		}
		s := j.shown[i]
		err := j.draw(ctx, s)
		if err == nil {
			continue
		}
		for _, r := range s.parts {
			tiles.Fill(j.at(r), color.NRGBA{})
		}
		if errors.Is(err, tiles.ErrMissing) {
			continue
		}
		at := s.parts[0].Min
		err = &tiles.TileError{Key: tiles.Key{Level: j.level, Col: at.X / j.Placed.level.TileWidth, Row: at.Y / j.Placed.level.TileHeight}, Err: fmt.Errorf("stored picture %d: %w", s.picture, err)}
		j.first.CompareAndSwap(nil, &err)
	}
}

// scratch is pictures of which a part is copied.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

// draw decodes a picture and copies what is seen of it.
func (j *regionJob) draw(ctx context.Context, s *shown) error {
	size := j.pictures.Size(s.picture)
	if size.X < 1 || size.Y < 1 {
		return errors.New("it has no size")
	}
	t := j.kept.have(keptKey{j.Placed, s.picture, 0})
	tops, ok := j.pictures.(TopPictures)
	switch {
	case t != nil:
	case s.straight:
		return j.pictures.ReadPicture(ctx, s.picture, j.at(s.parts[0]))
	case !ok || s.shared && s.bottom == size.Y:
		var err error
		if t, err = j.Placed.picture(ctx, s.picture); err != nil {
			return err
		}
	}
	if t != nil {
		defer j.kept.release(t)
		if t.missing {
			return tiles.ErrMissing
		}
		j.copy(s, t.img)
		return nil
	}
	b := scratch.Get().(*[]byte)
	defer scratch.Put(b)
	if cap(*b) < 4*size.X*size.Y {
		*b = make([]byte, 4*size.X*size.Y)
	}
	m := &image.RGBA{Pix: (*b)[:4*size.X*size.Y], Stride: 4 * size.X, Rect: image.Rectangle{Max: size}}
	if err := tops.ReadTop(ctx, s.picture, m, s.bottom); err != nil {
		return err
	}
	j.copy(s, m)
	return nil
}

func (j *regionJob) copy(s *shown, m *image.RGBA) {
	for i, r := range s.parts {
		copyPart(j.at(r), m, s.from[i])
	}
}
