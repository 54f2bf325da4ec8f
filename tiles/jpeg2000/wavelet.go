package jpeg2000

// number is what a wavelet works on: int32 for the reversible one (5/3),
// float32 for the irreversible one (9/7).
type number interface{ int32 | float32 }

// Factors of the 9/7 wavelet, T.800 table F.4. gain is OpenJPEG's for the
// high-pass samples; it is not 1/stretch, as the subbands' steps there lack the
// subband's gain.
const (
	alpha   float32 = -1.586134342
	beta    float32 = -0.052980118
	gamma   float32 = 0.882911075
	delta   float32 = 0.443506852
	stretch float32 = 1.230174105
	gain    float32 = 1.625732422
)

// margin is how far a line is mirrored on each side: what the four lifting
// steps of the 9/7 wavelet reach.
const margin = 4

// mirrored maps index i of a line of n samples, continued symmetrically on both
// sides, into it. T.800 equation F-4.
func mirrored(i, n int) int {
	if n == 1 {
		return 0
	}
	for i < 0 || i >= n {
		if i < 0 {
			i = -i
		}
		if i >= n {
			i = 2*(n-1) - i
		}
	}
	return i
}

// interleave puts low and high samples in their places of ext, behind the
// margin, and mirrors the ends. odd is 1 when the first sample is high.
func interleave[T number](ext, low, high []T, odd int) []T {
	n := len(low) + len(high)
	ext = ext[:n+2*margin]
	mid := ext[margin : margin+n]
	for i, at := 0, odd; i < len(low) && at < len(mid); i, at = i+1, at+2 {
		mid[at] = low[i]
	}
	for i, at := 0, 1-odd; i < len(high) && at < len(mid); i, at = i+1, at+2 {
		mid[at] = high[i]
	}
	for i := 1; i <= margin; i++ {
		ext[margin-i] = mid[mirrored(-i, n)]
		ext[margin+n-1+i] = mid[mirrored(n-1+i, n)]
	}
	return ext
}

// kernel is one of the two wavelets.
type kernel[T number] struct {
	// row joins a line of low and of high samples and multiplies the result by
	// factor. ext is scratch space for the line and two margins.
	row func(out, low, high, ext []T, odd int, factor T)
	// steps are the lifting steps down the columns, first the one that changes
	// low lines: line += f(above, below).
	steps []func(line, above, below []T)
	// fused does all steps at once where none meets an edge: lines[0] is high,
	// each further one lies above the one before. nil for none.
	fused func(lines [6][]T)
	// single is what becomes of a line or column of one high sample.
	single    func(T) T
	low, high T // factors of low and high lines
}

// plane holds samples line by line, w apart.
type plane[T number] struct {
	pix  []T
	w, h int
}

func (p *plane[T]) line(y int) []T { return p.pix[y*p.w : (y+1)*p.w : (y+1)*p.w] }

// synthesise makes the resolutions of a tile-component up to the last of res
// from the coefficients of the subbands, which lie in coef. The last is made in
// final, those before by turns in the two buffers. T.800 F.3.
func (k *kernel[T]) synthesise(res []resolution, coef, final, ext []T, buffers *[2][]T) plane[T] {
	subband := func(b *band) plane[T] {
		w, h := b.x1-b.x0, b.y1-b.y0
		return plane[T]{coef[b.at : b.at+w*h], w, h}
	}
	ll := subband(&res[0].bands[0])
	for r := 1; r < len(res); r++ {
		q := &res[r]
		out := plane[T]{final, q.x1 - q.x0, q.y1 - q.y0}
		if r < len(res)-1 {
			out.pix = buffers[r&1]
		}
		out.pix = out.pix[:out.w*out.h]
		if len(out.pix) > 0 {
			k.join(out, [4]plane[T]{ll, subband(&q.bands[0]), subband(&q.bands[1]), subband(&q.bands[2])}, q.x0&1, q.y0&1, ext)
		}
		ll = out
	}
	if len(res) == 1 {
		ll.pix = final[:copy(final, ll.pix)]
	}
	return ll
}

// join makes a resolution of the one below and three subbands: each line across
// as it comes, and behind it the lifting steps down the columns, so that a line
// is touched while it is in the nearest cache.
func (k *kernel[T]) join(out plane[T], in [4]plane[T], oddX, oddY int, ext []T) {
	n := out.h
	for p := 0; p < n+len(k.steps); p++ {
		if p < n {
			left, right, factor := &in[bandLL], &in[bandHL], k.low
			if (p+oddY)&1 == 1 {
				left, right, factor = &in[bandLH], &in[bandHH], k.high
			}
			if n == 1 {
				factor = 1
			}
			k.row(out.line(p), left.line(p/2), right.line(p/2), ext, oddX, factor)
		}
		if n == 1 {
			if oddY == 1 {
				line := out.line(0)
				for i := range line {
					line[i] = k.single(line[i])
				}
			}
			return
		}
		if (p+oddY)&1 == 0 {
			continue // a low line waits for the high one behind it
		}
		if k.fused != nil && p < n && p >= 5 {
			k.fused([6][]T{out.line(p), out.line(p - 1), out.line(p - 2), out.line(p - 3), out.line(p - 4), out.line(p - 5)})
			continue
		}
		for s, lift := range k.steps {
			if q := p - 1 - s; q >= 0 && q < n {
				lift(out.line(q), out.line(mirrored(q-1, n)), out.line(mirrored(q+1, n)))
			}
		}
	}
}

// reversible is the 5/3 wavelet, T.800 F.3.8.2.1.1.
var reversible = kernel[int32]{
	row: reversibleRow,
	steps: []func(line, above, below []int32){
		func(line, above, below []int32) {
			above, below = above[:len(line)], below[:len(line)]
			for i := range line {
				line[i] -= (above[i] + below[i] + 2) >> 2
			}
		},
		func(line, above, below []int32) {
			above, below = above[:len(line)], below[:len(line)]
			for i := range line {
				line[i] += (above[i] + below[i]) >> 1
			}
		},
	},
	single: func(v int32) int32 { return v / 2 },
	low:    1, high: 1,
}

func reversibleRow(out, low, high, ext []int32, odd int, _ int32) {
	n := len(low) + len(high)
	if n == 1 {
		if odd == 0 {
			out[0] = low[0]
		} else {
			out[0] = high[0] / 2
		}
		return
	}
	ext = interleave(ext, low, high, odd)
	at := 3 - odd // of a high sample, one whose results are not needed yet
	h0, l0 := ext[at], int32(0)
	for at += 2; at-6 < n; at += 2 {
		h := ext[at]
		l := ext[at-1] - (h0+h+2)>>2
		g := h0 + (l0+l)>>1
		if i := at - 6; uint(i) < uint(n-1) {
			out[i], out[i+1] = g, l
		} else if i == -1 {
			out[0] = l
		} else if i == n-1 {
			out[i] = g
		}
		h0, l0 = h, l
	}
}

// irreversible is the 9/7 wavelet, T.800 F.3.8.2.1.2. The conversions keep the
// products from being fused with the sums.
var irreversible = kernel[float32]{
	row: irreversibleRow,
	steps: []func(line, above, below []float32){
		lift(delta), lift(gamma), lift(beta), lift(alpha),
	},
	fused:  liftAll,
	single: func(v float32) float32 { return v },
	low:    stretch, high: gain,
}

func lift(factor float32) func(line, above, below []float32) {
	return func(line, above, below []float32) {
		above, below = above[:len(line)], below[:len(line)]
		for i := range line {
			line[i] -= float32((above[i] + below[i]) * factor)
		}
	}
}

func liftAll(lines [6][]float32) {
	a := lines[0]
	b, c, d, e, f := lines[1][:len(a)], lines[2][:len(a)], lines[3][:len(a)], lines[4][:len(a)], lines[5][:len(a)]
	for i := range a {
		l := b[i] - float32((a[i]+c[i])*delta)
		h := c[i] - float32((l+d[i])*gamma)
		m := d[i] - float32((h+e[i])*beta)
		b[i], c[i], d[i] = l, h, m
		e[i] -= float32((m + f[i]) * alpha)
	}
}

func irreversibleRow(out, low, high, ext []float32, odd int, factor float32) {
	n := len(low) + len(high)
	if n == 1 {
		if odd == 1 {
			low = high
		}
		out[0] = low[0] * factor
		return
	}
	ext = interleave(ext, low, high, odd)
	// at is the place of a high sample. Four steps follow it at once: at the low
	// sample before it, at the high one before that, and so on; the first three
	// turns only fill them.
	at := 1 - odd
	h0, l1, h1, l2 := ext[at]*gain, float32(0), float32(0), float32(0)
	for at += 2; at-8 < n && at < len(ext); at += 2 {
		h := ext[at] * gain
		l := float32(ext[at-1]*stretch) - float32((h0+h)*delta)
		g := h0 - float32((l1+l)*gamma)
		m := l1 - float32((h1+g)*beta)
		e := h1 - float32((l2+m)*alpha)
		if i := at - 8; uint(i) < uint(n-1) {
			out[i], out[i+1] = float32(e*factor), float32(m*factor)
		} else if i == -1 {
			out[0] = float32(m * factor)
		} else if i == n-1 {
			out[i] = float32(e * factor)
		}
		h0, l1, h1, l2 = h, l, g, m
	}
}
