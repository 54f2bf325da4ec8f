package tiffwrite

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"image"
	"math"
	"os"
	"path/filepath"
	"sync"
)

// thumbnailSide is the longest side of the thumbnail in pixels, as Aperio's.
const thumbnailSide = 1024

// headerRoom is left free at the start for either header: 8 bytes of classic
// TIFF, 16 of BigTIFF.
const headerRoom = 16

type writer struct {
	o      Options
	levels []*level
	out    *bufio.Writer
	at     uint64 // file offset of the next byte

	seed [2]maphash.Seed
	mu   sync.RWMutex // protects seen
	seen map[[2]uint64]span

	tables    []byte // shared JPEG tables, from the first tile
	jpeg      jpegStream
	scratch   []*image.RGBA // one tile a worker
	smallest  *image.RGBA   // the last level of the chain, whole
	tilesDone int
	tilesAll  int
}

// span is a piece of the file.
type span struct{ at, n uint64 }

// Write paints level 0 by calling fill once for each tile and writes the whole
// pyramid to path. path appears only when the file is complete; on any error,
// ctx's among them, nothing is left. Tiles with the same pixels are stored
// once. The bytes depend on the options and the pixels alone, not on Workers.
func Write(ctx context.Context, path string, o Options, fill Fill) (err error) {
	if err := o.complete(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.part")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(f.Name()))
		}
	}()
	if err := writeTo(ctx, f, o, fill); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func writeTo(ctx context.Context, f *os.File, o Options, fill Fill) error {
	w := &writer{
		o: o, levels: chain(&o),
		out: bufio.NewWriterSize(f, 1<<20), at: headerRoom,
		seed: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		seen: map[[2]uint64]span{},
	}
	if _, err := w.out.Write(make([]byte, headerRoom)); err != nil {
		return err
	}
	for range o.Workers {
		w.scratch = append(w.scratch, image.NewRGBA(image.Rect(0, 0, o.TileSize, o.TileSize)))
	}
	for k, l := range w.levels {
		if k > 0 {
			l.band = image.NewRGBA(image.Rect(0, 0, l.w, min(l.h, o.TileSize)))
		}
	}
	last := w.levels[len(w.levels)-1]
	w.smallest = image.NewRGBA(image.Rect(0, 0, last.w, last.h))
	l0 := w.levels[0]
	w.tilesAll = l0.cols * l0.rows
	for row := range l0.rows {
		if err := w.row(ctx, 0, row, fill); err != nil {
			return err
		}
		w.tilesDone += l0.cols
		if o.Progress != nil {
			o.Progress(w.tilesDone, w.tilesAll)
		}
	}
	header, err := w.directories()
	if err != nil {
		return err
	}
	if err := w.out.Flush(); err != nil {
		return err
	}
	_, err = f.WriteAt(header, 0)
	return err
}

// row takes one complete row of tiles of level k: it stores the tiles, halves
// them into the next level, and goes on there when that level's row is full.
func (w *writer) row(ctx context.Context, k, row int, fill Fill) error {
	l, t := w.levels[k], w.o.TileSize
	encoded := make([]tile, l.cols)
	height := min(t, l.h-row*t)
	err := w.each(ctx, l.cols, func(worker, col int) error {
		width := min(t, l.w-col*t)
		img := w.scratch[worker]
		if fill != nil {
			// Fill sees the pixels of the slide alone, not the padding.
			view := img.SubImage(image.Rect(0, 0, width, height)).(*image.RGBA)
			if err := fill(ctx, col*t, row*t, view); err != nil {
				return err
			}
		} else {
			for y := range height {
				copy(img.Pix[y*img.Stride:y*img.Stride+4*width], l.band.Pix[y*l.band.Stride+4*col*t:])
			}
		}
		if n := l.next; n != nil {
			x, y := col*t/2, row%2*t/2
			if l.w == 1 || l.h == 1 {
				thin(n.band, x, y, img, width, height)
			} else {
				halve(n.band, x, y, img, width, height)
			}
		} else {
			for y := range height {
				copy(w.smallest.Pix[(row*t+y)*w.smallest.Stride+4*col*t:], img.Pix[y*img.Stride:y*img.Stride+4*width])
			}
		}
		if !l.stored {
			return nil
		}
		extend(img, width, height)
		var err error
		encoded[col], err = w.encode(img)
		if err != nil {
			return fmt.Errorf("level %d tile (%d,%d): %w", k, col, row, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if l.stored {
		for col := range encoded {
			s, err := w.store(&encoded[col])
			if err != nil {
				return err
			}
			l.offsets, l.counts = append(l.offsets, s.at), append(l.counts, s.n)
		}
	}
	if l.next != nil && (row%2 == 1 || row == l.rows-1) && row/2 < l.next.rows {
		return w.row(ctx, k+1, row/2, nil)
	}
	return nil
}

// encode compresses the pixels of one full tile, or only names them when the
// same pixels are in the file already.
func (w *writer) encode(img *image.RGBA) (tile, error) {
	t := tile{sum: [2]uint64{maphash.Bytes(w.seed[0], img.Pix), maphash.Bytes(w.seed[1], img.Pix)}}
	w.mu.RLock()
	_, known := w.seen[t.sum]
	w.mu.RUnlock()
	if known {
		return t, nil
	}
	if w.o.Lossless {
		var err error
		t.data, err = deflate(packRGB(img))
		return t, err
	}
	whole, err := w.o.Encode(img, w.o.Quality)
	if err != nil {
		return t, err
	}
	t.data = whole
	t.sub, err = splitJPEG(whole)
	return t, err
}

// store appends a tile to the file, once for the same pixels.
func (w *writer) store(t *tile) (span, error) {
	w.mu.RLock()
	s, known := w.seen[t.sum]
	w.mu.RUnlock()
	if known {
		return s, nil
	}
	data := t.data
	if !w.o.Lossless {
		if w.tables == nil {
			w.tables, w.jpeg = t.sub.tables, t.sub
		}
		if t.sub.subX != w.jpeg.subX || t.sub.subY != w.jpeg.subY || t.sub.rgb != w.jpeg.rgb {
			return s, errors.New("encoder changed its colour model between tiles")
		}
		if !w.o.Whole && bytes.Equal(t.sub.tables, w.tables) {
			data = t.sub.rest
		}
	}
	s, err := w.append(data)
	if err != nil {
		return s, err
	}
	w.mu.Lock()
	w.seen[t.sum] = s
	w.mu.Unlock()
	return s, nil
}

// append writes data at the end of the file.
func (w *writer) append(data []byte) (span, error) {
	s := span{w.at, uint64(len(data))}
	if w.o.Container == Classic && s.at+s.n > math.MaxUint32 {
		return s, ErrTooLarge
	}
	n, err := w.out.Write(data)
	w.at += uint64(n)
	return s, err
}

func packRGB(img *image.RGBA) []byte {
	size := img.Rect.Size()
	out := make([]byte, 0, size.X*size.Y*3)
	for y := range size.Y {
		row := img.Pix[y*img.Stride : y*img.Stride+4*size.X]
		for i := 0; i < len(row); i += 4 {
			out = append(out, row[i], row[i+1], row[i+2])
		}
	}
	return out
}

func deflate(raw []byte) ([]byte, error) {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	if _, err := z.Write(raw); err != nil {
		return nil, err
	}
	err := z.Close()
	return b.Bytes(), err
}
