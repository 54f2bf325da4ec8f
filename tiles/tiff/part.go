package tiff

import (
	"context"
	"errors"
	"fmt"
	"image"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/native/openjpeg"
)

// parter is a level whose tiles can be decoded in part for less than the whole.
type parter interface {
	// parts says whether it is so.
	parts() bool
	// readPart decodes the pixels of r, a rectangle of the level inside the
	// tile, into dst, which has its size. It returns tiles.ErrMissing for a tile
	// that was never stored.
	readPart(ctx context.Context, col, row int, r image.Rectangle, dst *image.RGBA) error
}

// TilePart decodes the pixels of r, a rectangle of the level inside the tile,
// into dst, which has its size: what a tiles.PartReader does, for the readers
// that embed a Slide and want to be one. ok is false, and nothing was done, when
// the whole tile must be read: parts of its kind are not to be had cheaper.
func (s *Slide) TilePart(ctx context.Context, k tiles.Key, r image.Rectangle, dst *image.RGBA) (ok bool, err error) {
	if k.Level < 0 || k.Level >= len(s.images) {
		return false, nil
	}
	tile := s.levels[k.Level].TileRect(k.Col, k.Row)
	p, ok := s.images[k.Level].(parter)
	if !ok || !p.parts() || k.Col < 0 || k.Row < 0 || r.Empty() || !r.In(tile) || r.Size() != dst.Rect.Size() {
		return false, nil
	}
	if err := ctx.Err(); err != nil {
		return true, err
	}
	if err := s.src.Err(); err != nil {
		return true, err
	}
	err = p.readPart(ctx, k.Col, k.Row, r, dst)
	switch broken := s.src.Err(); {
	case err == nil:
		return true, nil
	case errors.Is(err, tiles.ErrMissing):
		tiles.Fill(dst, s.info.Background)
		return true, err
	case broken != nil: // the slide is at fault, not the tile
		return true, broken
	}
	return true, &tiles.TileError{Key: k, Err: err}
}

// parts implements parter.
func (m *Image) parts() bool {
	return m.wholeJ2K() && m.codecs.JPEG2000Parts() || m.topJPEG()
}

// topJPEG says whether of the tiles the upper rows can be decoded alone.
func (m *Image) topJPEG() bool {
	return m.Compression == CompressionJPEG && m.oneJPEG() && !m.Strips && m.offsets != nil
}

// readPart implements parter.
func (m *Image) readPart(_ context.Context, col, row int, r image.Rectangle, dst *image.RGBA) error {
	i := row*m.Cols() + col
	if !m.stored(i) {
		return tiles.ErrMissing
	}
	r = r.Sub(image.Pt(col*m.TileWidth, row*m.TileHeight))
	if m.Compression == CompressionJPEG {
		return m.readJPEGPart(i, r, dst)
	}
	return m.readJ2KPart(i, r, dst)
}

// readJPEGPart decodes pixels of tile i: no rows below them.
func (m *Image) readJPEGPart(i int, r image.Rectangle, dst *image.RGBA) error {
	b, err := m.load(i, len(m.prefix)-2)
	if err != nil {
		return err
	}
	defer buffers.Put(b)
	data, err := m.joined(*b)
	if err != nil {
		return err
	}
	if _, err := m.frameHeight(data, m.TileHeight); err != nil {
		return err
	}
	pix := scratch(4 * m.TileWidth * m.TileHeight)
	defer buffers.Put(pix)
	full := &image.RGBA{Pix: *pix, Stride: 4 * m.TileWidth, Rect: image.Rect(0, 0, m.TileWidth, m.TileHeight)}
	if err := m.codecs.JPEGTop(full, data, m.Samples, r.Max.Y); err != nil {
		return err
	}
	copyRows(dst, full, r)
	if m.Photometric == photoWhiteIsZero {
		invert(dst)
	}
	return nil
}

// copyRows copies the pixels of r, which has dst's size.
func copyRows(dst, full *image.RGBA, r image.Rectangle) {
	from := full.Pix[full.PixOffset(r.Min.X, r.Min.Y):]
	for y := range r.Dy() {
		copy(dst.Pix[y*dst.Stride:y*dst.Stride+4*r.Dx()], from[y*full.Stride:])
	}
}

// readJ2KPart decodes pixels of tile i, of JPEG 2000.
func (m *Image) readJ2KPart(i int, r image.Rectangle, dst *image.RGBA) error {
	b, err := m.load(i, 0)
	if err != nil {
		return err
	}
	defer buffers.Put(b)
	if w, h, err := codec.JPEG2000Size(*b); err != nil {
		return err
	} else if w != m.TileWidth || h != m.TileHeight {
		return fmt.Errorf("JPEG 2000 image is %d×%d pixels where %d×%d are due", w, h, m.TileWidth, m.TileHeight)
	}
	err = m.codecs.JPEG2000Part(dst, *b, m.j2kColour(), r)
	if !errors.Is(err, openjpeg.ErrWhole) {
		return err
	}
	pix := scratch(4 * m.TileWidth * m.TileHeight)
	defer buffers.Put(pix)
	full := &image.RGBA{Pix: *pix, Stride: 4 * m.TileWidth, Rect: image.Rect(0, 0, m.TileWidth, m.TileHeight)}
	if err := m.codecs.JPEG2000(full, *b, m.j2kColour()); err != nil {
		return err
	}
	copyRows(dst, full, r)
	return nil
}
