package pyramid

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"coverslip/tiles"
)

// run is one level of the source with those that are averaged from it.
type run struct {
	*Walk
	first   int     // its number
	steps   []*step // the level, then the averaged ones
	form    *form   // of the stored tiles, nil when they are encoded anew
	flat    []byte  // a tile of background in that form
	scratch []*tiles.Raster
	done    int // tiles put, of all levels
}

// step is a level of a run: pixels come in from above into a band of one tile
// row, go out as tiles, and are averaged into the next band.
type step struct {
	Level
	number int
	band   *tiles.Raster
	next   *step
}

func (w *Walk) newRun(ctx context.Context, first, end int, copies bool) (*run, error) {
	r := &run{Walk: w, first: first}
	for i := first; i < end; i++ {
		s := &step{Level: w.Levels[i], number: i}
		if n := len(r.steps); n > 0 {
			r.steps[n-1].next = s
			s.band = w.Source.New(s.Width, min(s.Height, s.TileHeight))
		}
		r.steps = append(r.steps, s)
	}
	l := w.Levels[first]
	if end-first > 1 && (l.TileWidth%2 != 0 || l.TileHeight%2 != 0) {
		return nil, fmt.Errorf("pyramid: tiles of %d×%d pixels cannot be halved", l.TileWidth, l.TileHeight)
	}
	for range w.Workers {
		r.scratch = append(r.scratch, w.Source.New(l.TileWidth, l.TileHeight))
	}
	if copies {
		return r, r.findForm(ctx)
	}
	return r, nil
}

// findForm looks at the first stored tile of the level.
func (r *run) findForm(ctx context.Context) error {
	l := r.steps[0]
	for row := range l.Rows() {
		for col := range l.Cols() {
			data, err := r.Source.Coded(ctx, l.From, l.Rect(col, row), nil)
			if errors.Is(err, tiles.ErrMissing) {
				continue
			}
			if errors.Is(err, tiles.ErrNotCoded) {
				return nil
			}
			var bad *tiles.TileError
			if errors.As(err, &bad) { // the pixels' way says what becomes of it
				return nil
			}
			if err != nil {
				return err
			}
			f, err := formOf(data)
			if err != nil || f.width != l.TileWidth || f.height != l.TileHeight {
				return nil
			}
			r.form = &f
			r.flat = f.flat(r.Background)
			return nil
		}
	}
	return nil
}

func (r *run) walk(ctx context.Context) error {
	for row := range r.steps[0].Rows() {
		if err := r.row(ctx, r.steps[0], row); err != nil {
			return err
		}
	}
	return nil
}

// row makes and puts one row of tiles, averages it into the next level, and goes
// on there when that level's row is full.
func (r *run) row(ctx context.Context, s *step, row int) error {
	out := make([][]byte, s.Cols())
	err := r.each(ctx, s.Cols(), func(worker, col int) error {
		data, err := r.tile(ctx, s, col, row, r.scratch[worker])
		out[col] = data
		return err
	})
	if err != nil {
		return err
	}
	for col, data := range out {
		if err := r.Put(s.number, col, row, data); err != nil {
			return err
		}
	}
	if r.done += len(out); r.Progress != nil {
		r.Progress(min(r.done, r.total()), r.total())
	}
	if s.next != nil && (row%2 == 1 || row == s.Rows()-1) && row/2 < s.next.Rows() {
		return r.row(ctx, s.next, row/2)
	}
	return nil
}

// tile makes one tile, with its pixels when the next level needs them.
func (r *run) tile(ctx context.Context, s *step, col, row int, m *tiles.Raster) ([]byte, error) {
	rect := s.Rect(col, row)
	w, h := rect.Dx(), rect.Dy()
	if s.band != nil {
		copyOut(m, s.band, col*s.TileWidth, w, h)
		average(s, m, col, row, w, h)
		return r.encode(s, col, row, m, w, h)
	}
	var data []byte
	needs := r.form == nil || s.next != nil
	if r.form != nil {
		var err error
		data, err = r.Source.Coded(ctx, s.From, rect, nil)
		switch {
		case errors.Is(err, tiles.ErrMissing):
			needs = true
		case errors.Is(err, tiles.ErrNotCoded), errors.As(err, new(*tiles.TileError)):
			return nil, errMixed
		case err != nil:
			return nil, err
		default:
			if f, err := formOf(data); err != nil || f != *r.form {
				return nil, errMixed
			}
		}
	}
	if !needs {
		return data, nil
	}
	missing, err := r.Source.Read(ctx, s.From, rect, sized(m, w, h))
	if err != nil {
		return nil, err
	}
	spread(m, w, h)
	average(s, m, col, row, w, h)
	switch {
	case r.form == nil:
		return r.encode(s, col, row, m, w, h)
	case data != nil:
		return data, nil
	case missing:
		return r.flat, nil
	}
	return nil, errMixed // not stored, and yet there are pixels: they were made from another level
}

func (r *run) encode(s *step, col, row int, m *tiles.Raster, w, h int) ([]byte, error) {
	extend(m, w, h)
	data, err := r.Encode(&Tile{Level: s.number, Col: col, Row: row, Raster: m})
	if err != nil {
		return nil, fmt.Errorf("level %d tile (%d,%d): %w", s.number, col, row, err)
	}
	return data, nil
}

// each calls f(worker, i) for i in 0..n-1 on the goroutines and returns the
// first error; after an error, or when the context ends, it starts no more.
func (r *run) each(ctx context.Context, n int, f func(worker, i int) error) error {
	var (
		at    atomic.Int64
		once  sync.Once
		first error
		stop  atomic.Bool
		group sync.WaitGroup
	)
	for worker := range min(r.Workers, n) {
		group.Go(func() {
			for !stop.Load() {
				i := int(at.Add(1)) - 1
				if i >= n {
					return
				}
				err := ctx.Err()
				if err == nil {
					err = f(worker, i)
				}
				if err != nil {
					once.Do(func() { first = err })
					stop.Store(true)
				}
			}
		})
	}
	group.Wait()
	return first
}
