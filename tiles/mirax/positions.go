package mirax

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"io"
	"math"

	"coverslip/tiles"
)

// positionBytes is a camera position in the file: a flag and two numbers of 32
// bits.
const positionBytes = 9

// maxPositions bounds the photos of a slide; real ones have 50,000.
const maxPositions = 1 << 22

// Layers whose first record holds the camera positions.
const (
	positionLayer  = "VIMSLIDE_POSITION_BUFFER" // plain
	stitchingLayer = "StitchingIntensityLayer"  // a zlib stream, of slides of version 2.2 and later
)

// point is where a photo lies: level-0 pixels before any that a slide was made
// smaller when it was saved.
type point struct{ x, y int32 }

// unpackPositions expands a stitching layer of n positions; a stream that holds
// fewer or more is an error, found without expanding more.
func unpackPositions(packed []byte, n int) ([]byte, error) {
	// Deflate packs 1032 to 1 at the best: memory is taken only for what can be there.
	want := positionBytes * n
	if want > 1032*(len(packed)+16) {
		return nil, bad("stitching layer of %d bytes cannot hold %d positions", len(packed), n)
	}
	broken := func(err error) error { return &tiles.FormatError{Format: name, What: "stitching layer", Err: err} }
	z, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, broken(err)
	}
	out := make([]byte, want)
	if got, err := io.ReadFull(z, out); err != nil {
		return nil, bad("stitching layer ends or breaks after %d of %d bytes: %v", got, want, err)
	}
	switch n, err := z.Read(make([]byte, 1)); {
	case n > 0:
		return nil, bad("stitching layer holds more than %d bytes", want)
	case !errors.Is(err, io.EOF):
		return nil, broken(err)
	}
	return out, nil
}

// parsePositions reads n camera positions, row by row. scale is how many images
// of the camera one of level 0 is put together from, a side.
//
// Source: "Slide Position File" of the MIRAX page of OpenSlide's description of
// formats. Flags other than the documented ones are counted in odd.
func parsePositions(b []byte, n, scale int) (out []point, odd int, err error) {
	if len(b) != positionBytes*n {
		return nil, 0, bad("positions of %d photos in %d bytes, %d are due", n, len(b), positionBytes*n)
	}
	out = make([]point, n)
	for i := range out {
		p := b[positionBytes*i : positionBytes*(i+1)]
		if p[0] > 1 {
			odd++
		}
		x, y := int64(int32(binary.LittleEndian.Uint32(p[1:])))*int64(scale), int64(int32(binary.LittleEndian.Uint32(p[5:])))*int64(scale)
		if x != int64(int32(x)) || y != int64(int32(y)) {
			return nil, 0, bad("photo %d lies at (%d,%d)", i, x, y)
		}
		out[i] = point{int32(x), int32(y)}
	}
	return out, odd, nil
}

// cameras are the photos of a slide: where each lies.
type cameras struct {
	cols, rows int
	at         []point // row by row; nil where a photo lies at multiples of advance
	advance    [2]float64
}

// position is where photo (col, row) lies.
func (c *cameras) position(col, row int) point {
	if c.at != nil {
		return c.at[row*c.cols+col]
	}
	return point{int32(float64(col) * c.advance[0]), int32(float64(row) * c.advance[1])}
}

// nominal computes the positions of a slide without a position file from the
// distance between photos: their size less the nominal overlap.
func nominal(cols, rows int, advanceX, advanceY float64) (*cameras, error) {
	if float64(cols)*math.Abs(advanceX) > math.MaxInt32 || float64(rows)*math.Abs(advanceY) > math.MaxInt32 {
		return nil, bad("%d×%d photos lie %g and %g pixels apart", cols, rows, advanceX, advanceY)
	}
	return &cameras{cols: cols, rows: rows, advance: [2]float64{advanceX, advanceY}}, nil
}
