package tower

import "math"

// resizeTable makes a from×from table of places, width numbers each, into a
// to×to one by bicubic interpolation, as torch.nn.functional.interpolate does
// with align_corners=False: Keys' kernel with a = −0.75, or, antialiased, with
// a = −0.5 and stretched when the table shrinks.
func resizeTable(table []float32, from, to, width int, antialias bool) []float32 {
	taps := make([][]tap, to)
	for i := range taps {
		taps[i] = bicubic(i, from, to, antialias)
	}
	rows := make([]float32, to*from*width) // along x first, as PyTorch
	for y := range from {
		for x := range to {
			out := rows[(y*to+x)*width:][:width]
			for _, t := range taps[x] {
				in := table[(y*from+t.at)*width:][:width]
				for c := range out {
					out[c] += t.weight * in[c]
				}
			}
		}
	}
	result := make([]float32, to*to*width)
	for y := range to {
		for x := range to {
			out := result[(y*to+x)*width:][:width]
			for _, t := range taps[y] {
				in := rows[(t.at*to+x)*width:][:width]
				for c := range out {
					out[c] += t.weight * in[c]
				}
			}
		}
	}
	return result
}

// tap is one source place and its share.
type tap struct {
	at     int
	weight float32
}

func bicubic(i, from, to int, antialias bool) []tap {
	ratio := float64(from) / float64(to)
	if !antialias {
		at := (float64(i)+0.5)*ratio - 0.5
		base := math.Floor(at)
		var out []tap
		for k := -1; k <= 2; k++ {
			d := math.Abs(at - base - float64(k))
			out = append(out, tap{min(max(int(base)+k, 0), from-1), float32(keys(d, -0.75))})
		}
		return out
	}
	stretch := max(ratio, 1)
	centre := (float64(i) + 0.5) * ratio
	low := max(int(centre-2*stretch+0.5), 0)
	high := min(int(centre+2*stretch+0.5), from)
	var out []tap
	sum := 0.0
	for k := low; k < high; k++ {
		w := keys(math.Abs((float64(k)-centre+0.5)/stretch), -0.5)
		sum += w
		out = append(out, tap{k, float32(w)})
	}
	for k := range out {
		out[k].weight = float32(float64(out[k].weight) / sum)
	}
	return out
}

// keys is the cubic convolution kernel (Keys 1981) for x ≥ 0.
func keys(x, a float64) float64 {
	switch {
	case x < 1:
		return ((a+2)*x-(a+3))*x*x + 1
	case x < 2:
		return ((a*x-5*a)*x+8*a)*x - 4*a
	}
	return 0
}
