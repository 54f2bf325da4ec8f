package tiff

import (
	"context"
	"errors"
	"fmt"

	"coverslip/tiles"
)

// CodedTile implements tiles.Coded.
func (s *Slide) CodedTile(ctx context.Context, k tiles.Key, dst []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return dst, err
	}
	if err := s.src.Err(); err != nil {
		return dst, err
	}
	if k.Level < 0 || k.Level >= len(s.images) || s.levels[k.Level].TileRect(k.Col, k.Row).Empty() || k.Col < 0 || k.Row < 0 {
		return dst, &tiles.TileError{Key: k, Err: fmt.Errorf("the slide has %d levels, and no such tile", len(s.images))}
	}
	m, ok := s.images[k.Level].(interface {
		coded(col, row int, dst []byte) ([]byte, error)
	})
	if !ok {
		return dst, tiles.ErrNotCoded
	}
	out, err := m.coded(k.Col, k.Row, dst)
	switch {
	case err == nil, errors.Is(err, tiles.ErrMissing), errors.Is(err, tiles.ErrNotCoded):
		return out, err
	}
	if broken := s.src.Err(); broken != nil {
		return dst, broken
	}
	return dst, &tiles.TileError{Key: k, Err: err}
}

// coded appends a tile as a whole stream.
func (m *Image) coded(col, row int, dst []byte) ([]byte, error) {
	if m.Compression != CompressionJPEG || !m.oneJPEG() || m.Strips || m.offsets == nil || m.Photometric == photoWhiteIsZero {
		return dst, tiles.ErrNotCoded
	}
	i := row*m.Cols() + col
	if !m.stored(i) {
		return dst, tiles.ErrMissing
	}
	b, err := m.load(i, 0)
	if err != nil {
		return dst, err
	}
	defer buffers.Put(b)
	if len(*b) < 4 || (*b)[0] != 0xff || (*b)[1] != 0xd8 {
		return dst, errors.New("not a JPEG stream (no start-of-image marker)")
	}
	return append(append(dst, m.prefix...), (*b)[2:]...), nil
}

// CodedTile is ErrNotCoded: what ReadTile gives is drawn from channels.
func (s *PlanarSlide) CodedTile(_ context.Context, _ tiles.Key, dst []byte) ([]byte, error) {
	return dst, tiles.ErrNotCoded
}
