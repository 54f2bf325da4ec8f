package synth

import "image"

// margin is how many pixels the lens reaches.
const margin = 2

// patchPx is the edge of the rectangles that Render works in, in pixels.
const patchPx = 256

// Render paints the slide from level-0 pixel (level0X, level0Y) into all of
// dst, one pixel of dst for downsample x downsample level-0 pixels, which are
// averaged. Beyond the slide's edge the glass goes on. It is pure: the same
// scene and place give the same pixels whatever the rectangle, and any number
// of goroutines may call it at once. A downsample below 1 counts as 1.
func (s *Scene) Render(level0X, level0Y int, downsample int, dst *image.RGBA) {
	size := dst.Rect.Size()
	if downsample <= 1 {
		for y := 0; y < size.Y; y += patchPx {
			for x := 0; x < size.X; x += patchPx {
				r := image.Rect(x, y, min(x+patchPx, size.X), min(y+patchPx, size.Y)).Add(dst.Rect.Min)
				s.patch(level0X+x, level0Y+y, dst.SubImage(r).(*image.RGBA))
			}
		}
		return
	}
	// Whole output pixels at a time: as many as a patch holds.
	each := max(patchPx/downsample, 1)
	work := image.NewRGBA(image.Rect(0, 0, each*downsample, each*downsample))
	for y := 0; y < size.Y; y += each {
		for x := 0; x < size.X; x += each {
			nx, ny := min(each, size.X-x), min(each, size.Y-y)
			part := work.SubImage(image.Rect(0, 0, nx*downsample, ny*downsample)).(*image.RGBA)
			s.Render(level0X+x*downsample, level0Y+y*downsample, 1, part)
			for j := range ny {
				for i := range nx {
					average(dst.Pix[dst.PixOffset(dst.Rect.Min.X+x+i, dst.Rect.Min.Y+y+j):], part, i*downsample, j*downsample, downsample)
				}
			}
		}
	}
}

// average writes the mean of n x n pixels of src at (x, y) to p.
func average(p []uint8, src *image.RGBA, x, y, n int) {
	var sum [3]int
	for j := range n {
		row := src.Pix[src.PixOffset(x, y+j):]
		for i := 0; i < 4*n; i += 4 {
			sum[0] += int(row[i])
			sum[1] += int(row[i+1])
			sum[2] += int(row[i+2])
		}
	}
	for c := range sum {
		p[c] = uint8((sum[c] + n*n/2) / (n * n))
	}
	p[3] = 255
}

// patch paints one rectangle at level 0.
func (s *Scene) patch(x0, y0 int, dst *image.RGBA) {
	size := dst.Rect.Size()
	m := s.mpp
	if s.empty(float32(x0-margin)*m, float32(y0-margin)*m, float32(x0+size.X+margin)*m, float32(y0+size.Y+margin)*m) {
		s.copyGlass(x0, y0, dst)
		return
	}
	t := s.buffers.Get().(*tile)
	defer s.buffers.Put(t)
	t.reset(s, x0-margin, y0-margin, size.X+2*margin, size.Y+2*margin)
	t.ground()
	t.objects()
	t.folded()
	t.develop(dst, margin)
}

// copyGlass fills dst with empty glass.
func (s *Scene) copyGlass(x0, y0 int, dst *image.RGBA) {
	size := dst.Rect.Size()
	for y := range size.Y {
		row := dst.Pix[dst.PixOffset(dst.Rect.Min.X, dst.Rect.Min.Y+y):]
		from := s.glass.Pix[((y0+y)&(field-1))*s.glass.Stride:]
		for x := 0; x < size.X; {
			at := (x0 + x) & (field - 1)
			n := min(field-at, size.X-x)
			copy(row[4*x:4*(x+n)], from[4*at:4*(at+n)])
			x += n
		}
	}
}
