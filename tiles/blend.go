package tiles

import (
	"encoding/binary"
	"fmt"
	"image"
	"math"
	"math/bits"
)

// Blender draws the samples of channels as one picture: each channel's samples
// are stretched from its window to 0..1, raised to its gamma, multiplied by its
// colour, and the channels are added; only the sum is cut off at white. It is
// safe for concurrent use.
//
// Sums are fixed-point numbers, red, green and blue side by side in one 64-bit
// word: a sample costs one look-up and one addition. A field of 21 bits leaves,
// behind the eight of the picture, 13 bits of fraction for one channel and 9 for
// 16, so that the result is within one step of the exact sum.
type Blender struct {
	shift    uint      // bits of fraction
	channels []blended // those that are drawn
}

// blended is one drawn channel.
type blended struct {
	index int // in Stack.Channels
	view  ChannelView
	wide  bool
	// scale and offset take a wide sample to its place in table.
	scale, offset float64
	table         []uint64 // what a sample, or a place, adds
}

const (
	fieldBits   = 21
	fieldMask   = 1<<fieldBits - 1
	wideSteps   = 4095 // of the table of a channel of wide samples
	maxChannels = 4096 // drawn at once: beyond, a field overflows
)

// NewBlender prepares to draw the channels of a stack that views do not hide.
// There must be a view for each channel, with a window of two different values.
func NewBlender(stack *Stack, views []ChannelView) (*Blender, error) {
	return newBlender(stack, views, nil)
}

// newBlender is NewBlender that shares the tables of an earlier one where a
// channel is drawn as before.
func newBlender(stack *Stack, views []ChannelView, before *Blender) (*Blender, error) {
	if len(views) != len(stack.Channels) {
		return nil, fmt.Errorf("tiles: %d views of %d channels", len(views), len(stack.Channels))
	}
	b := &Blender{}
	for i, v := range views {
		if v.Hidden {
			continue
		}
		if err := v.check(); err != nil {
			return nil, fmt.Errorf("tiles: channel %d: %w", i, err)
		}
		b.channels = append(b.channels, blended{index: i, view: v, wide: stack.Channels[i].wide()})
	}
	if len(b.channels) > maxChannels {
		return nil, fmt.Errorf("tiles: %d channels cannot be drawn at once, %d can", len(b.channels), maxChannels)
	}
	// The most that channels, and the rounding, add up to fits a field.
	most := uint(255*max(1, len(b.channels)) + 1)
	b.shift = uint(fieldBits - bits.Len(most))
	for i := range b.channels {
		c := &b.channels[i]
		if before == nil || !before.lend(c, b.shift) {
			c.build(stack.Channels[c.index].Bits, b.shift)
		}
	}
	return b, nil
}

// check says what is wrong with the window or the gamma of a view.
func (v *ChannelView) check() error {
	if d := v.High - v.Low; d == 0 || math.IsNaN(d) || math.IsInf(d, 0) {
		return fmt.Errorf("window from %g to %g", v.Low, v.High)
	}
	if !(v.Gamma > 0) || math.IsInf(v.Gamma, 0) {
		return fmt.Errorf("gamma %g", v.Gamma)
	}
	return nil
}

// lend gives c the table of the same channel drawn in the same way.
func (b *Blender) lend(c *blended, shift uint) bool {
	for i := range b.channels {
		if o := &b.channels[i]; o.index == c.index && o.view == c.view && b.shift == shift {
			c.scale, c.offset, c.table = o.scale, o.offset, o.table
			return true
		}
	}
	return false
}

// build makes the table of a channel whose samples have the given bits.
func (c *blended) build(sampleBits int, shift uint) {
	v := &c.view
	perSample := 1 / (v.High - v.Low)
	steps := wideSteps + 1
	at := func(i int) float64 { return float64(i) / wideSteps }
	if c.wide {
		c.scale, c.offset = wideSteps*perSample, -v.Low*wideSteps*perSample+0.5
	} else {
		steps = 1 << sampleBits
		at = func(i int) float64 { return min(max((float64(i)-v.Low)*perSample, 0), 1) }
	}
	one := float64(uint(1) << shift)
	r, g, bl := float64(v.Color.R)*one, float64(v.Color.G)*one, float64(v.Color.B)*one
	c.table = make([]uint64, steps)
	for i := range c.table {
		t := at(i)
		if v.Gamma != 1 && t > 0 && t < 1 {
			t = math.Pow(t, v.Gamma)
		}
		c.table[i] = uint64(t*r+0.5) | uint64(t*g+0.5)<<fieldBits | uint64(t*bl+0.5)<<(2*fieldBits)
	}
}

// Blend draws planes, one for each channel of the stack and of dst's size, nil
// for a channel that was not stored there, into dst. It allocates nothing.
func (b *Blender) Blend(dst *image.RGBA, planes []*Raster) {
	const chunk = 512
	var sums [chunk]uint64
	half := uint64(1) << b.shift >> 1
	half |= half<<fieldBits | half<<(2*fieldBits)
	w, h := dst.Rect.Dx(), dst.Rect.Dy()
	for y := range h {
		row := dst.Pix[y*dst.Stride : y*dst.Stride+4*w]
		for x := 0; x < w; x += chunk {
			sum := sums[:min(chunk, w-x)]
			for i := range sum {
				sum[i] = half
			}
			for i := range b.channels {
				c := &b.channels[i]
				if p := planes[c.index]; p != nil {
					c.add(sum, p, y*w+x)
				}
			}
			store(row[4*x:], sum, b.shift)
		}
	}
}

// add adds the samples from at on to sums.
func (c *blended) add(sums []uint64, p *Raster, at int) {
	table := c.table
	if len(table) == 0 {
		return
	}
	if c.wide {
		samples := p.Float32[at : at+len(sums)]
		sums = sums[:len(samples)]
		for i, v := range samples {
			place := float64(v)*c.scale + c.offset
			switch {
			case place >= wideSteps:
				sums[i] += table[len(table)-1]
			case place > 0: // false for what is no number
				sums[i] += table[int(place)]
			default:
				sums[i] += table[0]
			}
		}
		return
	}
	last := len(table) - 1
	samples := p.Uint16[at : at+len(sums)]
	sums = sums[:len(samples)]
	for i, v := range samples {
		sums[i] += table[min(int(v), last)]
	}
}

// store writes a row's sums as opaque pixels.
func store(row []byte, sums []uint64, shift uint) {
	row = row[:4*len(sums)]
	shift &= 31 // spares the processor the question whether it is 64
	whole := uint64(fieldMask) >> shift
	for i, s := range sums {
		s >>= shift
		r, g, b := s&whole, s>>fieldBits&whole, s>>(2*fieldBits)&whole
		if r|g|b > 255 {
			r, g, b = min(r, 255), min(g, 255), min(b, 255)
		}
		binary.LittleEndian.PutUint32(row[4*i:4*i+4:4*i+4], uint32(r|g<<8|b<<16|0xff<<24))
	}
}
