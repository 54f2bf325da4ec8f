package viewer

import (
	"encoding/binary"
	"image"
	"math"
)

// tiltPainter resamples pixels of a level onto a tilted plane; one per goroutine.
type tiltPainter struct {
	pix    []byte          // the pixels at hand, with a clear rim of one
	stride int             // bytes
	box    image.Rectangle // what of the level they are, with the rim
}

// begin takes up a rectangle of a level, clear at first.
func (p *tiltPainter) begin(b image.Rectangle) {
	p.box = b.Inset(-1)
	p.stride = 4 * p.box.Dx()
	n := p.stride * p.box.Dy()
	if cap(p.pix) < n {
		p.pix = make([]byte, n)
	}
	p.pix = p.pix[:n]
	clear(p.pix)
}

// put copies a tile that lies at a rectangle of the level.
func (p *tiltPainter) put(img *image.RGBA, at image.Rectangle) {
	r := at.Intersect(p.box.Inset(1))
	size := img.Rect.Size()
	r = r.Intersect(image.Rect(at.Min.X, at.Min.Y, at.Min.X+size.X, at.Min.Y+size.Y))
	if r.Empty() {
		return
	}
	for y := r.Min.Y; y < r.Max.Y; y++ {
		from := img.Pix[(y-at.Min.Y)*img.Stride+4*(r.Min.X-at.Min.X):]
		copy(p.pix[(y-p.box.Min.Y)*p.stride+4*(r.Min.X-p.box.Min.X):], from[:4*r.Dx()])
	}
}

// tear marks what cannot be had, as hatchImage does, over a pale ground.
func (p *tiltPainter) tear(at image.Rectangle) {
	const step = 16
	r := at.Intersect(p.box.Inset(1))
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			c := uint32(0xffd8d8d8)
			if (x+y)%step < 2 {
				c = 0xff1e1e96
			}
			binary.LittleEndian.PutUint32(p.pix[(y-p.box.Min.Y)*p.stride+4*(x-p.box.Min.X):], c)
		}
	}
}

// fraction is the bits of a place's fraction of a pixel.
const fraction = 16

// spread fills dst: its corner lies at (x,y) of the level, a pixel to the right is
// (way[0],way[1]) on and one down (way[2],way[3]). With squares the nearest pixel
// is taken, else the four around are mixed. What is not at hand is left.
func (p *tiltPainter) spread(dst *image.RGBA, x, y float64, way [4]float64, squares bool) {
	w, h := dst.Rect.Dx(), dst.Rect.Dy()
	fixed := func(f float64) int64 { return int64(math.Round(f * (1 << fraction))) }
	dx, dy := fixed(way[0]), fixed(way[1])
	// The middle of a pixel; four are mixed by the way from the middles of theirs.
	off := 0.5
	if squares {
		off = 0
	}
	for row := range h {
		j := float64(row) + 0.5
		fx := fixed(x + 0.5*way[0] + j*way[2] - off - float64(p.box.Min.X))
		fy := fixed(y + 0.5*way[1] + j*way[3] - off - float64(p.box.Min.Y))
		line := dst.Pix[row*dst.Stride : row*dst.Stride+4*w]
		first, end := p.reach(fx, dx, p.box.Dx(), 0, w)
		first, end = p.reach(fy, dy, p.box.Dy(), first, end)
		fx, fy = fx+int64(first)*dx, fy+int64(first)*dy
		if squares {
			p.nearest(line[4*first:4*max(first, end)], fx, fy, dx, dy)
		} else {
			p.mixed(line[4*first:4*max(first, end)], fx, fy, dx, dy)
		}
	}
}

// reach narrows the pixels [first,end) of a row to those whose places, from a
// start by steps, lie where they and their next neighbours are at hand.
func (p *tiltPainter) reach(from, step int64, n, first, end int) (int, int) {
	most := int64(n-1)<<fraction - 1
	in := func(i int) bool { v := from + int64(i)*step; return v >= 0 && v < most }
	switch {
	case step == 0:
		if !in(0) {
			return first, first
		}
		return first, end
	case step > 0:
		first = max(first, int(min((-from+step-1)/step, int64(end))))
		end = min(end, int(max((most-from+step-1)/step, int64(first))))
	default:
		first = max(first, int(min((from-most)/-step+1, int64(end))))
		end = min(end, int(max(from/-step+1, int64(first))))
	}
	for first < end && !in(first) {
		first++
	}
	for end > first && !in(end-1) {
		end--
	}
	return first, end
}

// nearest takes the pixel that a place lies in.
func (p *tiltPainter) nearest(line []byte, fx, fy, dx, dy int64) {
	for i := 0; i < len(line); i += 4 {
		at := int(fy>>fraction)*p.stride + int(fx>>fraction)*4
		binary.LittleEndian.PutUint32(line[i:], binary.LittleEndian.Uint32(p.pix[at:]))
		fx, fy = fx+dx, fy+dy
	}
}

// mixed mixes four pixels by the first eight bits of the place's fraction.
func (p *tiltPainter) mixed(line []byte, fx, fy, dx, dy int64) {
	for i := 0; i+4 <= len(line); i += 4 {
		at := int(fy>>fraction)*p.stride + int(fx>>fraction)*4
		a, b := binary.LittleEndian.Uint64(p.pix[at:]), binary.LittleEndian.Uint64(p.pix[at+p.stride:])
		u, v := uint64(fx>>(fraction-8))&0xff, uint64(fy>>(fraction-8))&0xff
		top := mix(apart(uint32(a)), apart(uint32(a>>32)), u)
		low := mix(apart(uint32(b)), apart(uint32(b>>32)), u)
		m := mix(top, low, v)
		binary.LittleEndian.PutUint32(line[i:], uint32(m)&0x00ff00ff|uint32(m>>32)&0x00ff00ff<<8)
		fx, fy = fx+dx, fy+dy
	}
}

// apart gives each channel of a pixel 16 bits.
func apart(c uint32) uint64 { return uint64(c&0x00ff00ff) | uint64(c>>8&0x00ff00ff)<<32 }

// mix mixes two pixels whose channels are apart by 256ths.
func mix(a, b, u uint64) uint64 {
	const half, low = 0x0080008000800080, 0x00ff00ff00ff00ff
	return (a*(256-u) + b*u + half) >> 8 & low
}
