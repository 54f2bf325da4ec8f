package app

import (
	"context"
	"errors"
	"fmt"
	"image"
	"runtime"
	"sync"
	"sync/atomic"

	"coverslip/tiles"
)

// ErrBadTiles: parts of the slide cannot be read.
var ErrBadTiles = errors.New("parts of the slide cannot be read")

// BadTile is a part of a slide that cannot be read: a tile of a plane, or an
// associated image.
type BadTile struct {
	Tile       tiles.Key
	Plane      tiles.Plane
	Associated string // name of the image; "" for a tile
	Reason     string
}

// VerifyLevel counts the tiles of a level, all planes together.
type VerifyLevel struct {
	Level   int
	Tiles   int // in all
	Missing int // never stored
	Bad     int // stored, and cannot be read
}

// VerifyReport is what VerifySlide found.
type VerifyReport struct {
	Levels     []VerifyLevel
	Planes     int // of each tile
	Tiles      int
	Missing    int
	Bad        int       // tiles and associated images
	BadTiles   []BadTile // in the order of levels, planes, rows, columns; at most maxListed
	Associated int       // images that were read
}

// VerifySlide reads every tile of every plane and level, and every associated
// image, on so many goroutines (0: one per processor). Memory is bounded by a
// tile a goroutine.
//
// Errors: ctx's, and the slide's when it broke while it was read; then the report
// holds what was found before. Bad tiles are no error: see VerifyReport.Err.
func VerifySlide(ctx context.Context, s tiles.Slide, workers int, p Progress) (VerifyReport, error) {
	v := &verification{slide: s, workers: workers, progress: p, planes: []tiles.Plane{{}}}
	if v.workers <= 0 {
		v.workers = runtime.GOMAXPROCS(0)
	}
	if planar, ok := s.(tiles.Planar); ok {
		v.planar = planar
		v.planes = allPlanes(planar.Stack())
	}
	v.report.Planes = len(v.planes)
	for _, l := range s.Levels() {
		v.total += l.Cols() * l.Rows() * len(v.planes)
	}
	for level := range s.Levels() {
		if err := v.level(ctx, level); err != nil {
			return v.report, err
		}
	}
	for _, name := range s.Info().Associated {
		if err := ctx.Err(); err != nil {
			return v.report, err
		}
		_, err := s.AssociatedImage(ctx, name)
		if err == nil {
			v.report.Associated++
			continue
		}
		if ctx.Err() != nil {
			return v.report, ctx.Err()
		}
		v.report.Bad++
		v.list(BadTile{Associated: name, Reason: err.Error()})
	}
	return v.report, nil
}

// Err is ErrBadTiles with their number, nil when everything could be read.
func (r *VerifyReport) Err() error {
	if r.Bad == 0 {
		return nil
	}
	return fmt.Errorf("%w: %d of %d tiles and %d images", ErrBadTiles, r.Bad, r.Tiles, r.Associated)
}

// allPlanes lists the planes of a stack.
func allPlanes(st *tiles.Stack) []tiles.Plane {
	var out []tiles.Plane
	for t := range st.T {
		for z := range st.Z {
			for c := range max(1, len(st.Channels)) {
				out = append(out, tiles.Plane{Channel: c, Z: z, T: t})
			}
		}
	}
	return out
}

// verification is one VerifySlide.
type verification struct {
	slide    tiles.Slide
	planar   tiles.Planar // nil for a slide of one picture a tile
	planes   []tiles.Plane
	workers  int
	progress Progress
	total    int // tiles of all levels
	done     int
	report   VerifyReport
}

func (v *verification) list(b BadTile) {
	if len(v.report.BadTiles) < maxListed {
		v.report.BadTiles = append(v.report.BadTiles, b)
	}
}

// level reads the tiles of one level, a row of a plane at a time.
func (v *verification) level(ctx context.Context, level int) error {
	l := v.slide.Levels()[level]
	sum := VerifyLevel{Level: level, Tiles: l.Cols() * l.Rows() * len(v.planes)}
	v.report.Tiles += sum.Tiles
	defer func() {
		v.report.Levels = append(v.report.Levels, sum)
		v.report.Missing, v.report.Bad = v.report.Missing+sum.Missing, v.report.Bad+sum.Bad
	}()
	for _, plane := range v.planes {
		for row := range l.Rows() {
			bad, missing, err := v.row(ctx, level, row, plane)
			sum.Missing, sum.Bad = sum.Missing+missing, sum.Bad+len(bad)
			for _, b := range bad {
				v.list(b)
			}
			if err != nil {
				return err
			}
			v.done += l.Cols()
			v.progress.report("Reading tiles", v.done, v.total)
		}
	}
	return nil
}

// row reads the tiles of a row of a plane.
func (v *verification) row(ctx context.Context, level, row int, plane tiles.Plane) (bad []BadTile, missing int, err error) {
	l := v.slide.Levels()[level]
	answers := make([]error, l.Cols())
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(v.workers, l.Cols()) {
		group.Go(func() {
			for col := int(next.Add(1)) - 1; col < l.Cols() && ctx.Err() == nil; col = int(next.Add(1)) - 1 {
				answers[col] = v.read(ctx, tiles.Key{Level: level, Col: col, Row: row}, plane)
			}
		})
	}
	group.Wait()
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	for col, answer := range answers {
		var tile *tiles.TileError
		switch {
		case answer == nil:
		case errors.Is(answer, tiles.ErrMissing):
			missing++
		case errors.As(answer, &tile):
			bad = append(bad, BadTile{Tile: tiles.Key{Level: level, Col: col, Row: row}, Plane: plane, Reason: tile.Err.Error()})
		default:
			return bad, missing, answer
		}
	}
	return bad, missing, nil
}

// read reads one tile of a plane.
func (v *verification) read(ctx context.Context, k tiles.Key, p tiles.Plane) error {
	size := v.slide.Levels()[k.Level].TileRect(k.Col, k.Row).Size()
	if v.planar == nil {
		return v.slide.ReadTile(ctx, k, image.NewRGBA(image.Rectangle{Max: size}))
	}
	st := v.planar.Stack()
	if st.InColor {
		return v.planar.ReadPlane(ctx, k, p, &tiles.Raster{Width: size.X, Height: size.Y, RGBA: image.NewRGBA(image.Rectangle{Max: size})})
	}
	return v.planar.ReadPlane(ctx, k, p, st.Channels[p.Channel].Raster(size.X, size.Y))
}
