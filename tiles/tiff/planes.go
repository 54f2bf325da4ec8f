package tiff

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"math"

	"coverslip/tiles"
)

// Channels describes the samples of a pixel as channels, without an alpha: red,
// green and blue of an RGB image by its full range, others by a window to be
// found from the pixels. It is nil for an image in colour (InColor).
func (m *Image) Channels() []tiles.Channel {
	if m.InColor() {
		return nil
	}
	n := m.Samples
	if m.HasAlpha() {
		n = m.colours()
	}
	out := make([]tiles.Channel, n)
	for i := range out {
		out[i].Bits, out[i].Float = min(m.Bits, 32), m.Format != FormatUint
	}
	if m.Photometric == photoRGB {
		for i, name := range []string{"R", "G", "B"} {
			c := &out[i]
			c.Name, c.Color.A = name, 255
			switch m.Format {
			case FormatUint:
				c.High = float64(m.largest())
			case FormatFloat:
				c.High = 1
			}
		}
		out[0].Color.R, out[1].Color.G, out[2].Color.B = 255, 255, 255
	}
	tiles.CompleteChannels(out)
	return out
}

// largest is the largest number that an unsigned sample can be.
func (m *Image) largest() uint64 { return math.MaxUint64 >> (64 - m.Bits) }

// ReadSamples decodes one channel of one tile into dst, which has the tile's
// size and Uint16 for unsigned numbers of up to 16 bits, else Float32. Samples of
// a white-is-zero image are turned round, so that larger is lighter.
//
// Errors as ReadTile; for tiles.ErrMissing dst is zero.
func (m *Image) ReadSamples(ctx context.Context, col, row, channel int, dst *tiles.Raster) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if col < 0 || row < 0 || col >= m.Cols() || row >= m.Rows() {
		return fmt.Errorf("outside the grid of %d×%d tiles", m.Cols(), m.Rows())
	}
	if channel < 0 || channel >= m.Samples {
		return fmt.Errorf("sample %d of %d: %w", channel, m.Samples, errNoSample)
	}
	want := m.Rect(col, row).Size()
	n := want.X * want.Y
	narrow := m.Format == FormatUint && m.Bits <= 16
	if dst.Width != want.X || dst.Height != want.Y || narrow && len(dst.Uint16) != n || !narrow && len(dst.Float32) != n {
		return fmt.Errorf("raster of %d×%d samples for a tile of %v", dst.Width, dst.Height, want)
	}
	t, done, err := m.tileOf(col, row, want.Y, channel)
	if err != nil {
		if errors.Is(err, tiles.ErrMissing) {
			clear(dst.Uint16)
			clear(dst.Float32)
		}
		return err
	}
	defer done()
	first := channel * t.next
	if narrow {
		m.narrow(dst, t, first)
	} else {
		m.wide(dst, t, first)
	}
	return nil
}

// tileOf unpacks a tile, or the plane of a channel; tiles whose samples lie
// together are kept for the other channels. done gives the memory back.
func (m *Image) tileOf(col, row, rows, channel int) (t rawTile, done func(), err error) {
	i := row*m.Cols() + col
	keep := m.recent != nil && !m.planar && m.Samples > 1
	if keep {
		if t, ok := m.recent.get(recentTile{m, i}); ok {
			return t, func() {}, nil
		}
	}
	if !m.planar && !m.stored(i) {
		return t, nil, tiles.ErrMissing
	}
	if keep {
		t, err = m.raw(i, rows, -1, make([]byte, m.rawBytes(rows)))
		if err == nil {
			m.recent.put(recentTile{m, i}, t, len(t.pix))
		}
		return t, func() {}, err
	}
	if m.planar { // only this plane: the tile's other planes are left out of the buffer
		return m.planeOf(i, rows, channel)
	}
	buf := scratch(m.rawBytes(rows))
	done = func() { buffers.Put(buf) }
	if t, err = m.raw(i, rows, channel, *buf); err != nil {
		done()
	}
	return t, done, err
}

// planeOf unpacks one plane of a tile.
func (m *Image) planeOf(i, rows, channel int) (t rawTile, done func(), err error) {
	at := i + channel*m.Cols()*m.Rows()
	if !m.stored(at) {
		return t, nil, tiles.ErrMissing
	}
	n := m.sampleBytes()
	buf := scratch(n * m.TileWidth * rows)
	done = func() { buffers.Put(buf) }
	if err := m.rawPart(at, rows, 1, *buf); err != nil {
		done()
		return t, nil, err
	}
	// No distance between samples: the plane is the first of its channel.
	return rawTile{pix: *buf, size: n, stride: n * m.TileWidth, step: n}, done, nil
}

// narrow copies unsigned samples of up to 16 bits.
func (m *Image) narrow(dst *tiles.Raster, t rawTile, first int) {
	flip := uint16(0)
	if m.Photometric == photoWhiteIsZero {
		flip = uint16(m.largest())
	}
	for y := range dst.Height {
		out, src := dst.Uint16[y*dst.Width:(y+1)*dst.Width], t.pix[y*t.stride+first:]
		if t.size == 1 {
			for x := range out {
				out[x] = uint16(src[x*t.step]) ^ flip
			}
			continue
		}
		for x := range out {
			out[x] = binary.LittleEndian.Uint16(src[x*t.step:]) ^ flip
		}
	}
}

// wide converts all other samples.
func (m *Image) wide(dst *tiles.Raster, t rawTile, first int) {
	number := m.number()
	flip := m.Photometric == photoWhiteIsZero // of unsigned numbers only
	for y := range dst.Height {
		out, src := dst.Float32[y*dst.Width:(y+1)*dst.Width], t.pix[y*t.stride+first:]
		for x := range out {
			v := number(src[x*t.step:])
			if flip {
				v = float64(m.largest()) - v
			}
			out[x] = float32(v)
		}
	}
}

// number reads one little-endian sample.
func (m *Image) number() func(b []byte) float64 {
	le := binary.LittleEndian
	switch f, n := m.Format, m.sampleBytes(); {
	case f == FormatFloat && n == 2:
		return func(b []byte) float64 { return float64(half(le.Uint16(b))) }
	case f == FormatFloat && n == 3:
		return func(b []byte) float64 { return float24(uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16) }
	case f == FormatFloat && n == 4:
		return func(b []byte) float64 { return float64(math.Float32frombits(le.Uint32(b))) }
	case f == FormatFloat:
		return func(b []byte) float64 { return math.Float64frombits(le.Uint64(b)) }
	case f == FormatInt && n == 1:
		return func(b []byte) float64 { return float64(int8(b[0])) }
	case f == FormatInt && n == 2:
		return func(b []byte) float64 { return float64(int16(le.Uint16(b))) }
	case f == FormatInt && n == 4:
		return func(b []byte) float64 { return float64(int32(le.Uint32(b))) }
	case f == FormatInt:
		return func(b []byte) float64 { return float64(int64(le.Uint64(b))) }
	case n == 1:
		return func(b []byte) float64 { return float64(b[0]) }
	case n == 2:
		return func(b []byte) float64 { return float64(le.Uint16(b)) }
	case n == 4:
		return func(b []byte) float64 { return float64(le.Uint32(b)) }
	}
	return func(b []byte) float64 { return float64(le.Uint64(b)) }
}

// half is a number of IEEE 754 binary16.
func half(b uint16) float32 {
	sign, exp, frac := uint32(b>>15)<<31, uint32(b>>10&31), uint32(b&0x3ff)
	switch exp {
	case 0: // zero, or a number below the smallest exponent
		v := float32(frac) / (1 << 24)
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 31:
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+127-15)<<23 | frac<<13)
}

// float24 is a number of 1 bit of sign, 7 of exponent and 16 of fraction, Adobe
// Photoshop TIFF Technical Note 3.
func float24(b uint32) float64 {
	sign, exp, frac := 1.0, int(b>>16&0x7f), float64(b&0xffff)/(1<<16)
	if b>>23 != 0 {
		sign = -1
	}
	switch exp {
	case 0:
		return sign * math.Ldexp(frac, -62)
	case 0x7f:
		if frac != 0 {
			return math.NaN()
		}
		return math.Inf(int(sign))
	}
	return sign * math.Ldexp(1+frac, exp-63)
}

// likeness draws samples that are no picture of eight bits, by their full range
// (floating-point numbers from 0 to 1): the first of a pixel, or red, green and
// blue.
func (m *Image) likeness(dst *image.RGBA, t rawTile) {
	low, high := 0.0, 1.0
	switch m.Format {
	case FormatUint:
		high = float64(m.largest())
	case FormatInt:
		high = float64(uint64(math.MaxInt64) >> (64 - m.Bits))
		low = -high - 1
	}
	number, scale := m.number(), 255/(high-low)
	places := [3]int{}
	if m.Photometric == photoRGB {
		places = [3]int{0, t.next, 2 * t.next}
	}
	for y := range dst.Rect.Dy() {
		row, src := dst.Pix[y*dst.Stride:y*dst.Stride+4*dst.Rect.Dx()], t.pix[y*t.stride:]
		for x := range len(row) / 4 {
			for c, at := range places {
				v := (number(src[x*t.step+at:]) - low) * scale
				if !(v > 0) { // also for what is no number
					v = 0
				}
				row[4*x+c] = byte(min(v+0.5, 255))
			}
			row[4*x+3] = 255
		}
	}
	if m.Photometric == photoWhiteIsZero {
		invert(dst)
	}
}
