package preprocess

import (
	"fmt"
	"image"
	"math"
	"sync"
)

// Filter is a resampling kernel. The zero value is Bilinear.
type Filter int

// Kernels, as Pillow defines them: when an image is made smaller the kernel
// is stretched, so that every source pixel counts (antialiasing).
const (
	Bilinear Filter = iota
	Bicubic         // a = -0.5
	Lanczos         // three lobes
	Box
)

var filterNames = [...]string{Bilinear: "bilinear", Bicubic: "bicubic", Lanczos: "lanczos", Box: "box"}

func (f Filter) String() string {
	if f < 0 || int(f) >= len(filterNames) {
		return fmt.Sprintf("filter %d", int(f))
	}
	return filterNames[f]
}

// FilterNamed finds a kernel by its name in lower case: bilinear, bicubic,
// lanczos, box.
func FilterNamed(name string) (Filter, error) {
	for f, n := range filterNames {
		if n == name {
			return Filter(f), nil
		}
	}
	return 0, fmt.Errorf("preprocess: unknown interpolation %q (bilinear, bicubic, lanczos or box)", name)
}

// support is half the width of the kernel in pixels of the larger image.
func (f Filter) support() float64 {
	switch f {
	case Bicubic:
		return 2
	case Lanczos:
		return 3
	case Box:
		return 0.5
	}
	return 1
}

func (f Filter) at(x float64) float64 {
	switch f {
	case Box:
		if x > -0.5 && x <= 0.5 {
			return 1
		}
		return 0
	case Bicubic:
		return cubic(math.Abs(x))
	case Lanczos:
		if x < -3 || x >= 3 {
			return 0
		}
		return sinc(x) * sinc(x/3)
	}
	return max(0, 1-math.Abs(x))
}

// cubic is Keys' kernel (1981) with a = -0.5, for x ≥ 0. The products are
// rounded one by one: fused multiply-adds would give other last bits on other
// processors, and with them, now and then, another pixel.
func cubic(x float64) float64 {
	const a = -0.5
	switch {
	case x < 1:
		p := float64((a+2)*x) - (a + 3)
		p = float64(p * x)
		return float64(p*x) + 1
	case x < 2:
		p := float64((x-5)*x) + 8
		p = float64(p*x) - 4
		return p * a
	}
	return 0
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	x *= math.Pi
	return math.Sin(x) / x
}

// precision of the fixed-point weights: 8 bits of pixel, 2 bits of headroom
// for kernels that overshoot, the rest of 32 for the fraction.
const precision = 32 - 8 - 2

// axis holds the weights of one direction of a resize.
type axis struct {
	first  []int32 // first source pixel of each output pixel
	count  []int32 // number of source pixels of each
	weight []int32 // stride weights an output pixel
	stride int
}

// newAxis computes the weights for n source pixels resampled to m.
func newAxis(n, m int, f Filter) *axis {
	scale := float64(n) / float64(m)
	stretch := max(scale, 1)
	support := f.support() * stretch
	a := &axis{first: make([]int32, m), count: make([]int32, m), stride: int(math.Ceil(support))*2 + 1}
	a.weight = make([]int32, m*a.stride)
	w := make([]float64, a.stride)
	for i := range m {
		centre := float64((float64(i) + 0.5) * scale)
		lo := max(int(centre-support+0.5), 0)
		hi := min(int(centre+support+0.5), n)
		sum := 0.0
		for j := lo; j < hi; j++ {
			v := f.at(float64(float64(j)-centre+0.5) * (1 / stretch))
			w[j-lo] = v
			sum += v
		}
		a.first[i], a.count[i] = int32(lo), int32(hi-lo)
		for j := range hi - lo {
			v := w[j]
			if sum != 0 {
				v /= sum
			}
			a.weight[i*a.stride+j] = fixed(v)
		}
	}
	return a
}

// fixed rounds half away from zero.
func fixed(v float64) int32 {
	v *= 1 << precision // exact: a power of two
	if v < 0 {
		return int32(v - 0.5)
	}
	return int32(v + 0.5)
}

// clip rounds an accumulated value, to which half was added, to 0 … 255.
func clip(v int32) byte {
	v >>= precision
	if uint32(v) > 255 {
		if v < 0 {
			return 0
		}
		return 255
	}
	return byte(v)
}

// axes keeps the weights of the sizes in use: all patches of a slide are
// resampled alike. It is a cache of pure results.
type axes struct {
	mu  sync.Mutex // protects what follows
	all map[axisKey]*axis
}

type axisKey struct {
	n, m int
	f    Filter
}

func (c *axes) get(n, m int, f Filter) *axis {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := axisKey{n, m, f}
	if a := c.all[k]; a != nil {
		return a
	}
	if c.all == nil || len(c.all) > 32 {
		c.all = map[axisKey]*axis{}
	}
	a := newAxis(n, m, f)
	c.all[k] = a
	return a
}

// rgb is packed 8-bit colour, 3 bytes a pixel, without gaps.
type rgb struct {
	w, h int
	pix  []byte
}

// Resize resamples src to w×h as Pillow's Image.resize does on an RGB image,
// bit for bit: across first, then down, each rounded to 8 bits. Transparent
// pixels count as white glass; the result is opaque.
func Resize(src *image.RGBA, w, h int, f Filter) (*image.RGBA, error) {
	if src == nil || src.Rect.Empty() || w < 1 || h < 1 {
		return nil, fmt.Errorf("preprocess: cannot resize to %d×%d", w, h)
	}
	out := resize(opaque(src), w, h, f, &axes{})
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		copy(img.Pix[4*i:4*i+3], out.pix[3*i:3*i+3])
		img.Pix[4*i+3] = 255
	}
	return img, nil
}

// opaque lays premultiplied colour over white.
func opaque(src *image.RGBA) rgb {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	out := rgb{w, h, make([]byte, 3*w*h)}
	for y := range h {
		row := src.Pix[y*src.Stride:][: 4*w : 4*w]
		dst := out.pix[3*y*w:][: 3*w : 3*w]
		for len(row) >= 4 && len(dst) >= 3 {
			white := 255 - row[3]
			dst[0], dst[1], dst[2] = row[0]+white, row[1]+white, row[2]+white
			row, dst = row[4:], dst[3:]
		}
	}
	return out
}

func resize(src rgb, w, h int, f Filter, cache *axes) rgb {
	if w != src.w {
		// Rows that no output row needs are not resampled.
		lo, hi := 0, src.h
		if h != src.h {
			v := cache.get(src.h, h, f)
			lo, hi = int(v.first[0]), int(v.first[h-1]+v.count[h-1])
		}
		src = across(src, lo, hi, w, cache.get(src.w, w, f))
	}
	if h != src.h {
		src = down(src, h, cache.get(src.h, h, f))
	}
	return src
}

// across resamples rows lo … hi-1 to width w; other rows stay zero.
//
// Red and blue ride in one 64-bit accumulator: the upper half takes blue, the
// lower red. Sums stay below 2³¹ in size, so the halves part again exactly.
func across(src rgb, lo, hi, w int, a *axis) rgb {
	out := rgb{w, src.h, make([]byte, 3*w*src.h)}
	const half = int64(1) << (precision - 1)
	for y := lo; y < hi; y++ {
		row := src.pix[3*y*src.w : 3*(y+1)*src.w]
		dst := out.pix[3*y*w : 3*(y+1)*w]
		for x := range w {
			first, n := int(a.first[x]), int(a.count[x])
			weights := a.weight[x*a.stride:][:n:n]
			p := row[3*first:][: 3*n : 3*n]
			rb, g := half|half<<32, half
			for _, k := range weights {
				if len(p) < 3 {
					break
				}
				rb += int64(uint64(p[0])|uint64(p[2])<<32) * int64(k)
				g += int64(p[1]) * int64(k)
				p = p[3:]
			}
			r := int32(rb)
			b := int32((rb - int64(r)) >> 32)
			d := dst[3*x:][:3:3]
			d[0], d[1], d[2] = clip(r), clip(int32(g)), clip(b)
		}
	}
	return out
}

// down resamples columns to height h, a whole row of sums at a time.
func down(src rgb, h int, a *axis) rgb {
	n := 3 * src.w
	out := rgb{src.w, h, make([]byte, n*h)}
	sums := make([]int32, n)
	for y := range h {
		for i := range sums {
			sums[i] = 1 << (precision - 1)
		}
		rows := src.pix[int(a.first[y])*n:]
		weights := a.weight[y*a.stride:][:a.count[y]]
		for ; len(weights) >= 4; weights = weights[4:] {
			addFour(sums, rows, weights)
			rows = rows[4*n:]
		}
		for _, k := range weights {
			row := rows[:len(sums)]
			for i, v := range row {
				sums[i] += int32(v) * k
			}
			rows = rows[n:]
		}
		dst := out.pix[y*n:][:n:n]
		for i, v := range sums {
			dst[i] = clip(v)
		}
	}
	return out
}

// addFour adds four rows at once: the sums are fetched and stored once, not
// four times.
func addFour(sums []int32, rows []byte, weights []int32) {
	n := len(sums)
	k0, k1, k2, k3 := weights[0], weights[1], weights[2], weights[3]
	r0, r1, r2, r3 := rows[:n], rows[n:][:n], rows[2*n:][:n], rows[3*n:][:n]
	for i := range sums {
		sums[i] += int32(r0[i])*k0 + int32(r1[i])*k1 + int32(r2[i])*k2 + int32(r3[i])*k3
	}
}
