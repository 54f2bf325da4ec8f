package codec

import (
	"encoding/binary"
	"fmt"
)

// Sizes of the header of a DICOM RLE frame, PS3.5 G.5: the number of segments
// and fifteen offsets, little endian.
const (
	rleHeader   = 64
	rleSegments = 15
)

// RLE decodes a frame of DICOM's run-length encoding (PS3.5 annex G) into dst:
// a segment of PackBits a byte of a sample, the highest byte first. Samples of
// up to 8 bits take one byte, others two.
//
// Errors: a number of segments that contradicts dst, offsets outside the frame,
// a segment that ends before the picture is full.
func (s *Set) RLE(dst *Samples, data []byte) error {
	if err := dst.prepare(); err != nil {
		return err
	}
	if len(data) < rleHeader {
		return fmt.Errorf("RLE frame of %d bytes has no header", len(data))
	}
	depth := (dst.Bits + 7) / 8
	want := dst.Components * depth
	if n := binary.LittleEndian.Uint32(data); n != uint32(want) || n > rleSegments {
		return fmt.Errorf("RLE frame of %d segments where %d are due", n, want)
	}
	clear(dst.Pix)
	for i := range want {
		segment, err := rleSegment(data, i, want)
		if err != nil {
			return err
		}
		shift := 8 * (depth - 1 - i%depth)
		if err := spreadBits(dst.Pix[i/depth:], dst.Components, dst.Width*dst.Height, shift, segment); err != nil {
			return fmt.Errorf("RLE segment %d: %w", i+1, err)
		}
	}
	return nil
}

// rleSegment is the i-th of n segments; it ends where the next begins.
func rleSegment(data []byte, i, n int) ([]byte, error) {
	from, to := int64(binary.LittleEndian.Uint32(data[4+4*i:])), int64(len(data))
	if i+1 < n {
		to = int64(binary.LittleEndian.Uint32(data[8+4*i:]))
	}
	if from < rleHeader || to < from || to > int64(len(data)) {
		return nil, fmt.Errorf("RLE segment %d lies at %d to %d of %d bytes", i+1, from, to, len(data))
	}
	return data[from:to], nil
}

// spreadBits expands runs as unpackBits does and fills one byte of n samples, which lie step apart in dst.
func spreadBits(dst []uint16, step, n, shift int, src []byte) error {
	at := 0
	for p := 0; at < n; {
		if p >= len(src) {
			return fmt.Errorf("ends after %d of %d bytes", at, n)
		}
		k := int(int8(src[p]))
		p++
		switch {
		case k >= 0:
			k++
			if p+k > len(src) {
				return fmt.Errorf("ends after %d of %d bytes", at, n)
			}
			for _, v := range src[p:min(p+k, p+n-at)] {
				dst[at*step] |= uint16(v) << shift
				at++
			}
			p += k
		case k > -128:
			if p >= len(src) {
				return fmt.Errorf("ends after %d of %d bytes", at, n)
			}
			v := uint16(src[p]) << shift
			for range min(1-k, n-at) {
				dst[at*step] |= v
				at++
			}
			p++
		}
	}
	return nil
}
