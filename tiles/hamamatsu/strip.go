package hamamatsu

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"

	"coverslip/tiles"
	"coverslip/tiles/tiff"
)

// Size of a virtual tile: about tilePixels, and at least tileWidth wide where
// segments are narrower. A tile of one segment's width is read without decoding
// what lies beside it; a megabyte of pixels stays in a core's cache.
const (
	tilePixels = 1 << 18
	tileWidth  = 512 // pixels
)

// errStarts says that a table of segments does not fit the strip.
var errStarts = errors.New("restart markers are not where the file says")

// strip is a segmented image as a grid of virtual tiles, each of some restart
// segments beside and below each other. Segments are counted row by row.
type strip struct {
	*picture
	segW, segH   int // pixels of a segment
	cols, rows   int // segments
	across, down int // segments of a virtual tile
	// Segments that are glued and decoded at once, beside and below each other.
	// A decoder smooths chroma over what it decodes at once. OpenSlide decodes
	// each segment alone, and the pixels shall be the same.
	gluedCols, gluedRows int
	told                 told
	scanned              scanned
}

func newStrip(p *picture) *strip {
	l := p.layout
	s := &strip{picture: p, segW: l.Restart * l.MCUWidth, segH: l.MCUHeight}
	s.cols = p.mcus() / l.Restart
	s.rows = (p.height + s.segH - 1) / s.segH
	s.across = min(max(1, tileWidth/s.segW), s.cols)
	s.down = min(max(1, tilePixels/(s.across*s.segW*s.segH)), s.rows)
	s.gluedCols, s.gluedRows = s.across, min(s.down, maxJPEGSide/s.segH)
	if l.MCUWidth > blockSide { // chroma has fewer columns
		s.gluedCols = 1
	}
	if l.MCUHeight > blockSide { // and fewer rows
		s.gluedRows = 1
	}
	return s
}

// blockSide is the side of a DCT block in pixels: an MCU is larger where a
// component is subsampled.
const blockSide = 8

// Level implements tiff.Grid.
func (s *strip) Level() tiles.Level {
	return tiles.Level{Width: s.width, Height: s.height, TileWidth: s.across * s.segW, TileHeight: s.down * s.segH}
}

// ReadTile implements tiff.Grid.
func (s *strip) ReadTile(ctx context.Context, col, row int, dst *image.RGBA) error {
	r := s.Level().TileRect(col, row)
	if col < 0 || row < 0 || r.Empty() || dst.Rect.Size() != r.Size() {
		return fmt.Errorf("destination of %v for tile of %v pixels", dst.Rect.Size(), r.Size())
	}
	return s.readPart(ctx, r, dst)
}

// readPart decodes pixels of the level into dst, which has the size of r.
func (s *strip) readPart(ctx context.Context, r image.Rectangle, dst *image.RGBA) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if starts, err := s.told.load(s); err == nil {
		if err := s.decode(ctx, starts, r, dst); !errors.Is(err, errStarts) {
			return err
		}
	}
	_, rows := s.segments(r)
	starts, err := s.scanned.upTo(ctx, s, rows.Y*s.cols+1)
	if err != nil {
		return err
	}
	return s.decode(ctx, starts, r, dst)
}

// segments are the columns and rows of segments that a rectangle of pixels
// touches, each half-open.
func (s *strip) segments(r image.Rectangle) (cols, rows image.Point) {
	return image.Pt(r.Min.X/s.segW, (r.Max.X-1)/s.segW+1), image.Pt(r.Min.Y/s.segH, (r.Max.Y-1)/s.segH+1)
}

// decode decodes the pixels of r into dst, glued segments by glued segments.
func (s *strip) decode(ctx context.Context, starts []uint64, r image.Rectangle, dst *image.RGBA) error {
	cols, rows := s.segments(r)
	for row := rows.X; row < rows.Y; row += s.gluedRows {
		if err := ctx.Err(); err != nil {
			return err
		}
		for col := cols.X; col < cols.Y; col += s.gluedCols {
			block := image.Rect(col, row, min(col+s.gluedCols, cols.Y), min(row+s.gluedRows, rows.Y))
			if err := s.decodeBlock(starts, block, r, dst); err != nil {
				return err
			}
		}
	}
	return nil
}

// decodeBlock decodes a rectangle of segments: straight into dst where all of it
// lies in r, the picture of dst, else beside it.
func (s *strip) decodeBlock(starts []uint64, block, r image.Rectangle, dst *image.RGBA) error {
	buf, err := s.glue(starts, block)
	if err != nil {
		return err
	}
	defer buffers.Put(buf)
	corner := image.Pt(block.Min.X*s.segW, block.Min.Y*s.segH)
	w, h := block.Dx()*s.segW, block.Dy()*s.segH
	if n := s.needed(block, r); n < s.layout.Restart {
		w = n * s.layout.MCUWidth
		binary.BigEndian.PutUint16((*buf)[s.layout.RestartAt:], uint16(n))
	}
	s.setSize(*buf, w, h)
	at := image.Rect(0, 0, w, h).Add(corner)
	seen := at.Intersect(r)
	to := dst.SubImage(seen.Sub(r.Min).Add(dst.Rect.Min)).(*image.RGBA)
	if seen == at {
		return s.codecs.JPEG(to, *buf, s.layout.Components)
	}
	pix := scratch(4 * w * h)
	defer buffers.Put(pix)
	full := &image.RGBA{Pix: *pix, Stride: 4 * w, Rect: at}
	if err := s.codecs.JPEG(full, *buf, s.layout.Components); err != nil {
		return err
	}
	copyPart(to, full, seen)
	return nil
}

// needed is how many MCUs of each segment of a block have to be decoded for r:
// all of them, or, where r ends well before the segment and the decoder can skip
// the rest, as many as r meets. The decoder smooths chroma over two pixels, so
// the last pixel that it decodes is not the right one and must not be seen.
func (s *strip) needed(block, r image.Rectangle) int {
	all := s.layout.Restart
	if block.Dx() != 1 || !s.codecs.SkipsToRestart() {
		return all
	}
	n := (r.Max.X + 1 - block.Min.X*s.segW + s.layout.MCUWidth - 1) / s.layout.MCUWidth
	if n > all-all/8 { // nothing to gain, and a whole segment is checked for damage
		return all
	}
	return n
}

// copyPart copies the pixels of r from src to dst, which has the size of r.
func copyPart(dst, src *image.RGBA, r image.Rectangle) {
	from := src.Pix[src.PixOffset(r.Min.X, r.Min.Y):]
	for y := range r.Dy() {
		copy(dst.Pix[y*dst.Stride:y*dst.Stride+4*r.Dx()], from[y*src.Stride:])
	}
}

// end is where the segments before number i end, with their last marker.
func (s *strip) end(starts []uint64, i int) int64 {
	if i < len(starts) {
		return int64(starts[i])
	}
	return s.size
}

// glue joins header and segments to one stream: markers between them numbered
// anew, an end. It returns errStarts when a segment does not begin behind a
// marker. The buffer must be given back.
func (s *strip) glue(starts []uint64, block image.Rectangle) (*[]byte, error) {
	total := int64(len(s.header)) + 2
	for r := block.Min.Y; r < block.Max.Y; r++ {
		for i := r*s.cols + block.Min.X; i <= r*s.cols+block.Max.X && i < len(starts); i++ {
			if starts[i] == lost {
				return nil, fmt.Errorf("restart segment %d of the JPEG is damaged", i)
			}
		}
		total += s.end(starts, r*s.cols+block.Max.X) - int64(starts[r*s.cols+block.Min.X])
		if total > tiff.MaxTileBytes {
			return nil, fmt.Errorf("its compressed bytes are more than %d", tiff.MaxTileBytes)
		}
	}
	buf := scratch(int(total))
	out := append((*buf)[:0], s.header...)
	marker := byte(0)
	var err error
	for r := block.Min.Y; r < block.Max.Y && err == nil; r++ {
		out, err = s.glueRow(out, starts, r*s.cols+block.Min.X, r*s.cols+block.Max.X, &marker)
	}
	if err != nil {
		buffers.Put(buf)
		return nil, err
	}
	if n := len(out); isRestart(out[n-1]) && out[n-2] == 0xff {
		out = out[:n-2] // nothing follows it here
	}
	*buf = append(out, 0xff, 0xd9)
	return buf, nil
}

// glueRow appends the segments from first to before last, which lie one behind
// the other in the file, and numbers their markers.
func (s *strip) glueRow(out []byte, starts []uint64, first, last int, marker *byte) ([]byte, error) {
	from, to := int64(starts[first]), s.end(starts, last)
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
		at := m + int(int64(starts[i])-from) - 2
		if out[at] != 0xff || !isRestart(out[at+1]) {
			return nil, errStarts
		}
		out[at+1] = 0xd0 | *marker&7
		*marker++
	}
	return out, nil
}

func isRestart(marker byte) bool { return marker >= 0xd0 && marker <= 0xd7 }
