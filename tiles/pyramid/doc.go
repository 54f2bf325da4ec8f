// Package pyramid takes a slide apart for those that write it anew: level by
// level and row by row, each tile as the file holds it where that will do, else
// decoded and encoded again. Levels that the slide lacks are averaged on the
// way. Memory is bounded by a row of tiles a level, whatever the slide's height.
//
// It knows no file format: a writer gives Encode and Put.
package pyramid

import (
	"context"
	"errors"
	"image"
	"image/color"
	"runtime"

	"coverslip/tiles"
)

// Level is one step of what is written.
type Level struct {
	Width, Height         int     // pixels
	TileWidth, TileHeight int     // pixels; even, unless it is the only level
	Downsample            float64 // pixels of the first level per pixel, >= 1
	From                  int     // the source's level it is taken from, -1: averaged from the level before
}

// Cols is the number of tile columns.
func (l Level) Cols() int { return (l.Width + l.TileWidth - 1) / l.TileWidth }

// Rows is the number of tile rows.
func (l Level) Rows() int { return (l.Height + l.TileHeight - 1) / l.TileHeight }

// Rect is a tile in pixels of the level, clipped at its edges.
func (l Level) Rect(col, row int) image.Rectangle {
	r := image.Rect(col*l.TileWidth, row*l.TileHeight, (col+1)*l.TileWidth, (row+1)*l.TileHeight)
	return r.Intersect(image.Rect(0, 0, l.Width, l.Height))
}

// Source is where pixels come from.
type Source interface {
	// New makes a raster of the source's kind.
	New(w, h int) *tiles.Raster
	// Read fills dst, which has r's size, with pixels of a level of the source.
	// missing says that nothing of them was ever stored: dst is background.
	Read(ctx context.Context, level int, r image.Rectangle, dst *tiles.Raster) (missing bool, err error)
	// Coded appends the tile that begins at r.Min as a whole JPEG stream;
	// tiles.ErrNotCoded and tiles.ErrMissing as tiles.Coded says.
	Coded(ctx context.Context, level int, r image.Rectangle, dst []byte) ([]byte, error)
}

// Tile is one tile on its way to a file.
type Tile struct {
	Level, Col, Row int
	Raster          *tiles.Raster // a full tile: at the slide's edge the last pixels are repeated
}

// Walk says what is walked through, and where the tiles go.
type Walk struct {
	Levels     []Level
	Source     Source
	Background color.NRGBA
	// Copy takes tiles as they are stored, where a whole level can be taken so;
	// only JPEG streams of the baseline process with 8 bits.
	Copy bool
	// Encode compresses a tile. It is called from several goroutines at once and
	// must not keep the raster.
	Encode func(t *Tile) ([]byte, error)
	// Put takes the tiles of each level row by row, on one goroutine. A level
	// that begins again with tile (0,0) replaces what was put before.
	Put func(level, col, row int, data []byte) error
	// Progress is called on the walking goroutine; nil is allowed.
	Progress func(done, total int)
	Workers  int // goroutines; 0 = one per processor
	Copied   int // result: tiles that were taken as they are stored
}

// errMixed: a level whose tiles are not all stored in one form cannot be copied.
var errMixed = errors.New("tiles of one level are stored in different forms")

// Run walks through all levels. Errors are the source's, Encode's and Put's, and
// ctx's.
func (w *Walk) Run(ctx context.Context) error {
	if w.Workers <= 0 {
		w.Workers = runtime.GOMAXPROCS(0)
	}
	done := 0
	for i := 0; i < len(w.Levels); {
		n := i + 1
		for n < len(w.Levels) && w.Levels[n].From < 0 {
			n++
		}
		copies := w.Copy
		for {
			r, err := w.newRun(ctx, i, n, copies)
			if err != nil {
				return err
			}
			r.done = done
			err = r.walk(ctx)
			if errors.Is(err, errMixed) && r.form != nil {
				copies = false
				continue
			}
			if err != nil {
				return err
			}
			done = r.done
			if l := w.Levels[i]; r.form != nil {
				w.Copied += l.Cols() * l.Rows()
			}
			break
		}
		i = n
	}
	return nil
}

// total is the number of tiles of all levels.
func (w *Walk) total() int {
	n := 0
	for _, l := range w.Levels {
		n += l.Cols() * l.Rows()
	}
	return n
}
