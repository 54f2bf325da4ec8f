package czi

import (
	"cmp"
	"fmt"
	"image"
	"maps"
	"math"
	"slices"
	"strings"

	"coverslip/tiles"
	"coverslip/tiles/tiff"
)

// picture is the levels and planes that the sub-blocks of a file make.
type picture struct {
	levels  []*level
	stack   tiles.Stack
	canvas  image.Rectangle           // pixels of full resolution, as the file counts them
	scenes  map[int32]image.Rectangle // by number, the same plane
	c, z, t []int32                   // the numbers of the planes in the file, ascending
	pixel   []int32                   // pixel type of each channel
}

// picture puts the sub-blocks in order.
func (f *file) picture(warn func(string, ...any)) (*picture, error) {
	for _, id := range slices.Sorted(maps.Keys(f.others)) {
		warn("of dimension %s the first place alone is shown", id)
	}
	p := &picture{scenes: map[int32]image.Rectangle{}}
	pieces, err := p.choose(f.pieces, warn)
	if err != nil {
		return nil, err
	}
	for i := range pieces {
		if b := &pieces[i]; b.sw == b.w && b.sh == b.h {
			r := b.rect()
			p.canvas = p.canvas.Union(r)
			p.scenes[b.scene] = p.scenes[b.scene].Union(r)
		}
	}
	if p.canvas.Empty() {
		return nil, bad("no sub-block is of full resolution")
	}
	if p.canvas.Dx() > tiff.MaxSide || p.canvas.Dy() > tiff.MaxSide {
		return nil, bad("picture of %v pixels", p.canvas.Size())
	}
	slices.SortStableFunc(pieces, func(a, b piece) int { return cmp.Compare(a.index, b.index) })
	by, err := group(pieces)
	if err != nil {
		return nil, err
	}
	for _, factor := range slices.Sorted(maps.Keys(by)) {
		if missing := p.missing(by[factor]); missing != "" {
			warn("levels from 1/%d on are left out: %s", factor, missing)
			break
		}
		l, err := p.newLevel(f, factor, by[factor])
		if err != nil {
			return nil, err
		}
		p.levels = append(p.levels, l)
	}
	return p, nil
}

// rect is what a piece shows.
func (b *piece) rect() image.Rectangle {
	return image.Rect(int(b.x), int(b.y), int(b.x)+int(b.w), int(b.y)+int(b.h))
}

// choose decides what is shown: channels of grey, or one in colour. It returns a
// copy of the pieces that belong to it, numbered by channel, plane and time.
func (p *picture) choose(all []piece, warn func(string, ...any)) ([]piece, error) {
	kind := map[int32]int32{} // pixel type by channel
	var unread int32 = noPixel
	grey := false
	for i := range all {
		b := &all[i]
		if b.pixel == noPixel {
			continue
		}
		if pixelBytes(b.pixel) == 0 {
			unread = b.pixel
			continue
		}
		if _, ok := kind[b.c]; !ok {
			kind[b.c] = b.pixel
			grey = grey || !inColour(b.pixel)
		}
	}
	if len(kind) == 0 {
		if unread != noPixel {
			return nil, unsupported("", "pixel type %s", pixelName(unread))
		}
		return nil, bad("no sub-block has pixels")
	}
	if unread != noPixel {
		warn("sub-blocks of pixel type %s are left out", pixelName(unread))
	}
	var channels []int32
	for _, c := range slices.Sorted(maps.Keys(kind)) {
		if inColour(kind[c]) == grey || !grey && len(channels) > 0 {
			warn("channel %d (%s) is left out: a slide is shown in colour or in channels", c, pixelName(kind[c]))
			continue
		}
		channels = append(channels, c)
	}
	var out []piece
	zs, ts := map[int32]bool{}, map[int32]bool{}
	odd := 0
	for _, b := range all {
		if b.pixel == noPixel || pixelBytes(b.pixel) == 0 || !slices.Contains(channels, b.c) {
			continue
		}
		if b.pixel != kind[b.c] {
			odd++
			continue
		}
		if n := int64(b.sw) * int64(b.sh) * int64(pixelBytes(b.pixel)); n > maxPieceBytes {
			return nil, bad("a sub-block of %d×%d pixels is too large", b.sw, b.sh)
		}
		zs[b.z], ts[b.t] = true, true
		out = append(out, b)
	}
	if odd > 0 {
		warn("%d sub-blocks are left out: their pixels are of another type than the others of their channel", odd)
	}
	p.c, p.z, p.t = channels, slices.Sorted(maps.Keys(zs)), slices.Sorted(maps.Keys(ts))
	if len(p.c) > maxPlanes || len(p.z) > maxPlanes || len(p.t) > maxPlanes {
		return nil, bad("%d channels, %d focal planes, %d time points", len(p.c), len(p.z), len(p.t))
	}
	for i := range out {
		b := &out[i]
		b.c, b.z, b.t = place(p.c, b.c), place(p.z, b.z), place(p.t, b.t)
	}
	p.setStack(kind)
	return out, nil
}

// place is the index of a number that is in a sorted list.
func place(list []int32, v int32) int32 {
	i, _ := slices.BinarySearch(list, v)
	return int32(i)
}

// pixelName is the name of a pixel type.
func pixelName(pixel int32) string {
	if names := strings.Fields(pixelNames); pixel >= 0 && int(pixel) < len(names) {
		return names[pixel]
	}
	return fmt.Sprint(pixel)
}

// setStack describes the planes as far as the pixels tell.
func (p *picture) setStack(kind map[int32]int32) {
	p.stack = tiles.Stack{Z: len(p.z), T: len(p.t), DefaultZ: len(p.z) / 2}
	for _, c := range p.c {
		p.pixel = append(p.pixel, kind[c])
		switch kind[c] {
		case gray8:
			p.stack.Channels = append(p.stack.Channels, tiles.Channel{Bits: 8})
		case gray16:
			p.stack.Channels = append(p.stack.Channels, tiles.Channel{Bits: 16})
		case gray32:
			p.stack.Channels = append(p.stack.Channels, tiles.Channel{Bits: 32})
		case gray32f:
			p.stack.Channels = append(p.stack.Channels, tiles.Channel{Bits: 32, Float: true})
		default:
			p.stack.InColor = true
		}
	}
}

// large is the stored side from which on a sub-block tells its factor surely: at
// the edges of a pyramid a few pixels stand for an uneven number.
const large = 64

// group sorts the pieces by the factor by which they are smaller than what they
// show.
func group(pieces []piece) (map[int][]piece, error) {
	ratio := func(b *piece) float64 {
		if b.sw >= b.sh {
			return float64(b.w) / float64(b.sw)
		}
		return float64(b.h) / float64(b.sh)
	}
	by := map[int][]piece{}
	var small []piece
	for i := range pieces {
		b := &pieces[i]
		switch {
		case b.sw == b.w && b.sh == b.h:
			by[1] = append(by[1], *b)
		case max(b.sw, b.sh) < large:
			small = append(small, *b)
		default:
			factor := int(math.Round(ratio(b)))
			if factor < 2 || factor > maxFactor {
				return nil, bad("a sub-block of %d×%d pixels is stored as %d×%d", b.w, b.h, b.sw, b.sh)
			}
			by[factor] = append(by[factor], *b)
		}
	}
	factors := slices.Sorted(maps.Keys(by))
	for i := range small {
		b := &small[i]
		want, best := ratio(b), max(2, int(math.Round(ratio(b))))
		nearest := math.Log(1.35) // beyond it the level has small pieces alone
		for _, f := range factors {
			if d := math.Abs(math.Log(want / float64(f))); f > 1 && d < nearest {
				nearest, best = d, f
			}
		}
		by[best] = append(by[best], *b)
	}
	for f := range by {
		slices.SortStableFunc(by[f], func(a, b piece) int { return cmp.Compare(a.index, b.index) })
	}
	return by, nil
}

// missing says which scene has no pieces of a level, "" for none: a level is of
// use only if it shows all.
func (p *picture) missing(pieces []piece) string {
	has := map[int32]bool{}
	for i := range pieces {
		has[pieces[i].scene] = true
	}
	for s := range p.scenes {
		if !has[s] {
			return fmt.Sprintf("not all scenes have them, %d does not", s)
		}
	}
	return ""
}
