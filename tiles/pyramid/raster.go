package pyramid

import (
	"image"

	"coverslip/tiles"
)

// A tile's raster is a full one. What the source fills of it lies at its
// beginning as a raster of the part's own size; spread takes it to its rows.

// sized is the part of m's memory that w×h pixels need, as a raster of that size.
func sized(m *tiles.Raster, w, h int) *tiles.Raster {
	p := &tiles.Raster{Width: w, Height: h}
	switch {
	case m.RGBA != nil:
		p.RGBA = &image.RGBA{Pix: m.RGBA.Pix[:4*w*h], Stride: 4 * w, Rect: image.Rect(0, 0, w, h)}
	case m.Uint16 != nil:
		p.Uint16 = m.Uint16[:w*h]
	default:
		p.Float32 = m.Float32[:w*h]
	}
	return p
}

// spread moves the rows of a part of w×h pixels to where the full raster has
// them.
func spread(m *tiles.Raster, w, h int) {
	if w == m.Width {
		return
	}
	switch {
	case m.RGBA != nil:
		spreadRows(m.RGBA.Pix, 4*m.Width, 4*w, h)
	case m.Uint16 != nil:
		spreadRows(m.Uint16, m.Width, w, h)
	default:
		spreadRows(m.Float32, m.Width, w, h)
	}
}

func spreadRows[T any](p []T, stride, w, h int) {
	for y := h - 1; y > 0; y-- {
		copy(p[y*stride:y*stride+w], p[y*w:(y+1)*w])
	}
}

// extend repeats the last column and row of the w×h pixels over the rest of m,
// so that the edge of a slide does not ring in its JPEG tiles.
func extend(m *tiles.Raster, w, h int) {
	switch {
	case m.RGBA != nil:
		extendRows(m.RGBA.Pix, 4, m.Width, m.Height, w, h)
	case m.Uint16 != nil:
		extendRows(m.Uint16, 1, m.Width, m.Height, w, h)
	default:
		extendRows(m.Float32, 1, m.Width, m.Height, w, h)
	}
}

func extendRows[T any](p []T, n, fullW, fullH, w, h int) {
	stride := n * fullW
	for y := range h {
		row := p[y*stride : (y+1)*stride]
		for x := w; x < fullW; x++ {
			copy(row[n*x:n*x+n], row[n*(w-1):n*w])
		}
	}
	for y := h; y < fullH; y++ {
		copy(p[y*stride:(y+1)*stride], p[(h-1)*stride:h*stride])
	}
}

// copyOut takes w×h pixels from x on out of a band.
func copyOut(m, band *tiles.Raster, x, w, h int) {
	switch {
	case m.RGBA != nil:
		copyRows(m.RGBA.Pix, 4*m.Width, band.RGBA.Pix, 4*band.Width, 4*x, 4*w, h)
	case m.Uint16 != nil:
		copyRows(m.Uint16, m.Width, band.Uint16, band.Width, x, w, h)
	default:
		copyRows(m.Float32, m.Width, band.Float32, band.Width, x, w, h)
	}
}

func copyRows[T any](dst []T, dstStride int, src []T, srcStride, x, w, h int) {
	for y := range h {
		copy(dst[y*dstStride:y*dstStride+w], src[y*srcStride+x:])
	}
}

// average writes the means of 2×2 pixels of a tile into the next level's band.
// An odd last column or row is dropped, as the next level's size is rounded
// down; of a level that is one pixel wide or high nothing is dropped.
func average(s *step, m *tiles.Raster, col, row, w, h int) {
	n := s.next
	if n == nil {
		return
	}
	x, y := col*s.TileWidth/2, row%2*s.TileHeight/2
	dw, dh := w/2, h/2
	if s.Width == 1 {
		dw = 1
	}
	if s.Height == 1 {
		dh = 1
	}
	dw, dh = min(dw, n.Width-x), min(dh, n.band.Height-y)
	switch {
	case m.RGBA != nil:
		halve(n.band.RGBA.Pix, 4, n.band.Width, x, y, dw, dh, m.RGBA.Pix, m.Width, w, h)
	case m.Uint16 != nil:
		halve(n.band.Uint16, 1, n.band.Width, x, y, dw, dh, m.Uint16, m.Width, w, h)
	default:
		halveFloat(n.band.Float32, n.band.Width, x, y, dw, dh, m.Float32, m.Width, w, h)
	}
}

// halve writes dw×dh means of n samples a pixel, rounded, at (x, y) of dst.
func halve[T uint8 | uint16](dst []T, n, dstW, x, y, dw, dh int, src []T, srcW, w, h int) {
	if dw <= 0 {
		return
	}
	step := n // to the right neighbour, of which a level one pixel wide has none
	if w == 1 {
		step = 0
	}
	for j := range dh {
		a := src[min(2*j, h-1)*srcW*n:]
		b := src[min(2*j+1, h-1)*srcW*n:]
		d := dst[((y+j)*dstW+x)*n:][:dw*n]
		for i := 0; i < len(d); i += n {
			for c := range n {
				k := 2*i + c
				d[i+c] = T((uint32(a[k]) + uint32(a[k+step]) + uint32(b[k]) + uint32(b[k+step]) + 2) / 4)
			}
		}
	}
}

func halveFloat(dst []float32, dstW, x, y, dw, dh int, src []float32, srcW, w, h int) {
	step := 1
	if w == 1 {
		step = 0
	}
	for j := range dh {
		a, b := src[min(2*j, h-1)*srcW:], src[min(2*j+1, h-1)*srcW:]
		for i := range max(0, dw) {
			dst[(y+j)*dstW+x+i] = (a[2*i] + a[2*i+step] + b[2*i] + b[2*i+step]) / 4
		}
	}
}
