package flat

import "fmt"

// unfilter undoes the filter of a row, ISO/IEC 15948 section 9; step is the bytes
// of a pixel.
func unfilter(filter byte, row, above []byte, step int) error {
	switch filter {
	case 0:
	case 1: // the pixel at the left
		for i := step; i < len(row); i++ {
			row[i] += row[i-step]
		}
	case 2: // the pixel above
		for i, a := range above {
			row[i] += a
		}
	case 3: // the mean of both
		for i := range row[:min(step, len(row))] {
			row[i] += above[i] / 2
		}
		for i := step; i < len(row); i++ {
			row[i] += byte((int(row[i-step]) + int(above[i])) / 2)
		}
	case 4:
		for i := range row[:min(step, len(row))] {
			row[i] += above[i]
		}
		for i := step; i < len(row); i++ {
			row[i] += paeth(int(row[i-step]), int(above[i]), int(above[i-step]))
		}
	default:
		return fmt.Errorf("filter %d", filter)
	}
	return nil
}

// paeth is the neighbour that is nearest to left + above - corner.
func paeth(left, above, corner int) byte {
	pa, pb := above-corner, left-corner
	pc := max(pa+pb, -pa-pb)
	pa, pb = max(pa, -pa), max(pb, -pb)
	switch {
	case pa <= pb && pa <= pc:
		return byte(left)
	case pb <= pc:
		return byte(above)
	}
	return byte(corner)
}

// multiplied is a colour multiplied by its alpha, rounded.
func multiplied(r, g, b, a byte) [4]byte {
	m := func(v byte) byte { return byte((uint32(v)*uint32(a) + 127) / 255) }
	return [4]byte{m(r), m(g), m(b), a}
}

// convert makes a row of cells of an unfiltered row.
func (f *pngFile) convert(out, row []byte) {
	n := f.cell().bytes()
	switch {
	case f.depth == 16: // the upper byte comes first
		step, samples := 2*f.stored(), n/2
		for x := range f.width {
			for s := range samples {
				out[x*n+2*s], out[x*n+2*s+1] = row[x*step+2*s+1], row[x*step+2*s]
			}
		}
	case f.kind == pngPalette:
		for x := range f.width {
			copy(out[x*n:x*n+n], f.palette[f.sample(row, x)][:n])
		}
	case f.kind == pngGrey:
		f.grey(out, row, n)
	case f.kind == pngGreyAlpha:
		for x := range f.width {
			v := row[2*x]
			c := multiplied(v, v, v, row[2*x+1])
			copy(out[4*x:], c[:])
		}
	case f.kind == pngRGBA:
		for x := range f.width {
			s := row[4*x : 4*x+4 : 4*x+4]
			if s[3] == 255 {
				copy(out[4*x:4*x+4], s)
				continue
			}
			c := multiplied(s[0], s[1], s[2], s[3])
			copy(out[4*x:4*x+4], c[:])
		}
	case n == 3:
		copy(out, row)
	default: // RGB of which one colour is transparent
		for x := range f.width {
			s, p := row[3*x:3*x+3:3*x+3], out[4*x:4*x+4:4*x+4]
			if s[0] == f.clear[1] && s[1] == f.clear[3] && s[2] == f.clear[5] {
				clear(p)
			} else {
				p[0], p[1], p[2], p[3] = s[0], s[1], s[2], 255
			}
		}
	}
}

// grey converts grey of up to 8 bits, of which one may be transparent.
func (f *pngFile) grey(out, row []byte, n int) {
	by := byte(255 / (1<<f.depth - 1))
	for x := range f.width {
		s := f.sample(row, x)
		v := s * by
		if n == 1 {
			out[x] = v
			continue
		}
		p := out[4*x : 4*x+4 : 4*x+4]
		p[0], p[1], p[2], p[3] = v, v, v, 255
		if s == f.clear[1] {
			clear(p)
		}
	}
}

// sample is the x-th sample of up to 8 bits of a row.
func (f *pngFile) sample(row []byte, x int) byte {
	if f.depth == 8 {
		return row[x]
	}
	per := 8 / f.depth
	return row[x/per] >> (8 - f.depth*(x%per+1)) & (1<<f.depth - 1)
}
