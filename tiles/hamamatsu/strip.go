package hamamatsu

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"sync"
	"sync/atomic"

	"coverslip/tiles"
	"coverslip/tiles/tiff"
)

// Size of a virtual tile: about tilePixels, and at least tileWidth wide where
// segments are narrower.
const (
	tilePixels = 1 << 18
	tileWidth  = 512 // pixels
)

// scanBlock is how many bytes are searched for markers at once.
const scanBlock = 1 << 20

// errStarts says that a table of segments does not fit the strip.
var errStarts = errors.New("restart markers are not where the file says")

// strip is a segmented image as a grid of virtual tiles, each of some restart
// segments beside and below each other. Segments are counted row by row.
type strip struct {
	*picture
	segW, segH   int // pixels of a segment
	cols, rows   int // segments
	across, down int // segments of a virtual tile

	mu      sync.Mutex // held while a table is made
	told    atomic.Pointer[table]
	scanned atomic.Pointer[table]
}

// table is where segments begin, counted from the strip's beginning, or why
// that is not known.
type table struct {
	starts []int64
	err    error
}

func newStrip(p *picture) *strip {
	s := &strip{picture: p, segW: p.layout.Restart * p.layout.MCUWidth, segH: p.layout.MCUHeight}
	s.cols = p.mcus() / p.layout.Restart
	s.rows = (p.height + s.segH - 1) / s.segH
	s.across = min(max(1, tileWidth/s.segW), s.cols)
	s.down = min(max(1, tilePixels/(s.across*s.segW*s.segH)), s.rows, maxJPEGSide/s.segH)
	return s
}

// Level implements tiff.Grid.
func (s *strip) Level() tiles.Level {
	return tiles.Level{Width: s.width, Height: s.height, TileWidth: s.across * s.segW, TileHeight: s.down * s.segH}
}

// ReadTile implements tiff.Grid.
func (s *strip) ReadTile(ctx context.Context, col, row int, dst *image.RGBA) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if want := s.Level().TileRect(col, row).Size(); col < 0 || row < 0 || want.X == 0 || dst.Rect.Size() != want {
		return fmt.Errorf("destination of %v for tile of %v pixels", dst.Rect.Size(), want)
	}
	c0, r0 := col*s.across, row*s.down
	part := image.Rect(c0, r0, min(c0+s.across, s.cols), min(r0+s.down, s.rows))
	t := s.table(&s.told, s.readStarts)
	if t.err == nil {
		if err := s.decode(t.starts, part, dst); !errors.Is(err, errStarts) {
			return err
		}
	}
	t = s.table(&s.scanned, func() ([]int64, error) { return s.scan(ctx) })
	if t.err != nil {
		return t.err
	}
	return s.decode(t.starts, part, dst)
}

// table returns a table, made at first need; the end of a context is not kept.
func (s *strip) table(at *atomic.Pointer[table], make func() ([]int64, error)) *table {
	if t := at.Load(); t != nil {
		return t
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := at.Load(); t != nil { // another tile made it meanwhile
		return t
	}
	t := &table{}
	t.starts, t.err = make()
	if !errors.Is(t.err, context.Canceled) && !errors.Is(t.err, context.DeadlineExceeded) {
		at.Store(t)
	}
	return t
}

// readStarts reads the file's own table and checks that it can be right.
func (s *strip) readStarts() ([]int64, error) {
	n := s.cols * s.rows
	low, err := s.dir.Uints(tagStarts, n)
	if err != nil {
		return nil, err
	}
	var high []uint64
	if s.dir.Has(tagStartsHigh) {
		if high, err = s.dir.Uints(tagStartsHigh, n); err != nil {
			return nil, err
		}
	}
	if len(low) != n || high != nil && len(high) != n {
		return nil, fmt.Errorf("%d starts of %d segments", len(low), n)
	}
	out := make([]int64, n)
	for i, v := range low {
		if high != nil {
			v |= high[i] << 32
		}
		if v >= uint64(s.size) || i > 0 && int64(v) < out[i-1]+2 {
			return nil, fmt.Errorf("segment %d begins at %d", i, v)
		}
		out[i] = int64(v)
	}
	if out[0] != int64(len(s.header)) {
		return nil, errStarts
	}
	return out, nil
}

// scan searches the strip for restart markers.
func (s *strip) scan(ctx context.Context) ([]int64, error) {
	n := s.cols * s.rows
	out := []int64{int64(len(s.header))}
	buf := scratch(scanBlock)
	defer buffers.Put(buf)
	// Blocks overlap by a byte, so that no marker is cut in two.
	for off := out[0]; len(out) < n && off < s.size-1; off += scanBlock - 1 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b := (*buf)[:min(scanBlock, s.size-off)]
		if err := s.read(b, off); err != nil {
			return nil, err
		}
		for i := 0; len(out) < n; {
			j := bytes.IndexByte(b[i:], 0xff)
			if j < 0 || i+j+1 >= len(b) {
				break
			}
			i += j + 1
			if isRestart(b[i]) {
				out = append(out, off+int64(i)+1)
			}
		}
	}
	if len(out) < n {
		return nil, fmt.Errorf("the JPEG holds %d restart segments where %d are due", len(out), n)
	}
	return out, nil
}

func isRestart(marker byte) bool { return marker >= 0xd0 && marker <= 0xd7 }

// end is where the segments before number i end, with their last marker.
func (s *strip) end(starts []int64, i int) int64 {
	if i < len(starts) {
		return starts[i]
	}
	return s.size
}

// decode glues a rectangle of segments to one stream and decodes it into dst.
// It returns errStarts when a segment does not begin behind a marker.
func (s *strip) decode(starts []int64, part image.Rectangle, dst *image.RGBA) error {
	total := int64(len(s.header)) + 2
	for r := part.Min.Y; r < part.Max.Y; r++ {
		total += s.end(starts, r*s.cols+part.Max.X) - starts[r*s.cols+part.Min.X]
		if total > tiff.MaxTileBytes {
			return fmt.Errorf("its compressed bytes are more than %d", tiff.MaxTileBytes)
		}
	}
	buf := scratch(int(total))
	defer buffers.Put(buf)
	out, err := s.glue((*buf)[:0], starts, part)
	if err != nil {
		return err
	}
	w, h := part.Dx()*s.segW, part.Dy()*s.segH
	s.setSize(out, w, h)
	if dst.Rect.Dx() == w && dst.Rect.Dy() == h {
		return s.codecs.JPEG(dst, out, s.layout.Components)
	}
	pix := scratch(4 * w * h)
	defer buffers.Put(pix)
	full := &image.RGBA{Pix: *pix, Stride: 4 * w, Rect: image.Rect(0, 0, w, h)}
	if err := s.codecs.JPEG(full, out, s.layout.Components); err != nil {
		return err
	}
	for y := range dst.Rect.Dy() {
		copy(dst.Pix[y*dst.Stride:y*dst.Stride+4*dst.Rect.Dx()], full.Pix[y*full.Stride:])
	}
	return nil
}

// glue joins header and segments, numbers the markers between them anew and
// ends the stream. out has room for all of it.
func (s *strip) glue(out []byte, starts []int64, part image.Rectangle) ([]byte, error) {
	out = append(out, s.header...)
	marker := byte(0)
	for r := part.Min.Y; r < part.Max.Y; r++ {
		first, last := r*s.cols+part.Min.X, r*s.cols+part.Max.X
		from, to := starts[first], s.end(starts, last)
		// Two bytes more are read in front, over what is there already, to see
		// the marker before the first segment of the row.
		lead := 2
		if first == 0 {
			lead = 0
		}
		m := len(out)
		kept := [2]byte{out[m-2], out[m-1]}
		out = out[:m+int(to-from)]
		if err := s.read(out[m-lead:], from-int64(lead)); err != nil {
			return nil, err
		}
		if lead > 0 && (out[m-2] != 0xff || !isRestart(out[m-1])) {
			return nil, errStarts
		}
		out[m-2], out[m-1] = kept[0], kept[1]
		for i := first + 1; i <= last && i < len(starts); i++ {
			at := m + int(starts[i]-from) - 2
			if out[at] != 0xff || !isRestart(out[at+1]) {
				return nil, errStarts
			}
			out[at+1] = 0xd0 | marker&7
			marker++
		}
	}
	if n := len(out); isRestart(out[n-1]) && out[n-2] == 0xff {
		out = out[:n-2] // nothing follows it here
	}
	return append(out, 0xff, 0xd9), nil
}
