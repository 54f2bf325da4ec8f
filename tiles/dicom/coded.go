package dicom

import (
	"context"
	"errors"

	"coverslip/tiles"
	"coverslip/tiles/jpegstream"
)

// CodedTile implements tiles.Coded for the planes that ReadTile shows.
func (s *slide) CodedTile(ctx context.Context, k tiles.Key, dst []byte) ([]byte, error) {
	if err := s.ready(ctx, k); err != nil {
		return dst, err
	}
	p := s.pictures[k.Level]
	if p.lead.coding != codingJPEG || p.lead.photometric == "MONOCHROME1" {
		return dst, tiles.ErrNotCoded
	}
	size := p.level().TileRect(k.Col, k.Row).Size()
	in, frame, err := p.find(s.layer(k.Level, tiles.Plane{Z: s.stack.DefaultZ}), k.Col, k.Row, size)
	if errors.Is(err, tiles.ErrMissing) {
		return dst, err
	}
	if err == nil {
		var out []byte
		if out, err = in.coded(frame, dst); err == nil {
			return out, nil
		}
	}
	return dst, s.tileError(k, err)
}

// CodedTile is ErrNotCoded for a slide whose tiles are drawn from channels.
func (p *planar) CodedTile(ctx context.Context, k tiles.Key, dst []byte) ([]byte, error) {
	if !p.stack.InColor {
		return dst, tiles.ErrNotCoded
	}
	return p.slide.CodedTile(ctx, k, dst)
}

// coded appends frame i as a stream that every decoder reads as readJPEG does.
func (in *instance) coded(i int, dst []byte) ([]byte, error) {
	b, err := in.load(i)
	if err != nil {
		return dst, err
	}
	defer buffers.Put(b)
	data := (*b)[room:]
	h, err := jpegstream.ParseHeader(data)
	if err != nil {
		return dst, err
	}
	if !in.bareRGB(h) {
		return append(dst, data...), nil
	}
	prefix, err := jpegstream.Prefix(nil, jpegstream.ColourRGB)
	if err != nil {
		return dst, err
	}
	return append(append(dst, prefix...), data[2:]...), nil
}

// bareRGB says whether only the data set tells that the stream's components are
// red, green and blue.
func (in *instance) bareRGB(h jpegstream.Header) bool {
	return in.photometric == "RGB" && !h.Adobe && !h.JFIF && !h.NamedRGB && !h.Subsampled && in.samples == 3
}
