package app

import (
	"context"
	"image"
	"math"

	"coverslip/tiles"
)

// denseReader reads a slide on the grid of a model's pixels, which begins at the
// slide's upper left corner. Every pixel of that grid comes out the same whatever
// rectangle it is read in: the kernel lies at absolute places, so tiles that
// overlap agree.
type denseReader struct {
	slide  tiles.Slide
	loader *tiles.Loader
	level  int
	ratio  float64 // pixels of the level a pixel of the model
	of     float64 // level-0 pixels a pixel of the level
}

// newDenseReader prepares reading at side level-0 pixels a pixel of the model.
// It gives way to the screen, as traffic tells.
func newDenseReader(t tiles.Slide, side float64, traffic *tiles.Traffic) *denseReader {
	t, level, loader := loaderAt(t, side, traffic)
	down := t.Levels()[level].Downsample
	return &denseReader{slide: t, loader: loader, level: level, ratio: side / down, of: down}
}

// close stops the loader; the slide stays open.
func (r *denseReader) close() { r.loader.Close() }

// read implements dense.Reader; what the slide does not have is white.
func (r *denseReader) read(ctx context.Context, at image.Rectangle) (*image.RGBA, error) {
	xs, x0, x1 := kernels(at.Min.X, at.Max.X, r.ratio)
	ys, y0, y1 := kernels(at.Min.Y, at.Max.Y, r.ratio)
	img := image.NewRGBA(image.Rect(0, 0, x1-x0, y1-y0))
	place := func(v int) int { return int(math.Round(float64(v) * r.of)) } // ReadRegion finds the level's pixel again
	if err := tiles.ReadRegion(ctx, cachedSlide{r.slide, r.loader}, r.level, place(x0), place(y0), img); err != nil {
		return nil, err
	}
	onWhite(img)
	if r.ratio == 1 {
		return img, nil
	}
	return resampled(img, xs, ys), nil
}

// kernel is what one pixel of the model takes of a row or column of the level.
type kernel struct {
	first  int // place in what is read
	weight []float32
}

// kernels are those of pixels from a up to b, and from where to where they reach:
// a triangle as wide as a pixel of the coarser of the two, as Pillow's bilinear.
func kernels(a, b int, ratio float64) (list []kernel, from, to int) {
	if ratio == 1 {
		return nil, a, b
	}
	width := math.Max(1, ratio)
	from = int(math.Floor((float64(a)+0.5)*ratio - width))
	for i := a; i < b; i++ {
		centre := (float64(i) + 0.5) * ratio
		first := int(math.Floor(centre - width))
		k := kernel{first: first - from}
		sum := 0.0
		for j := first; float64(j) < centre+width; j++ {
			w := math.Max(0, 1-math.Abs(float64(j)+0.5-centre)/width)
			k.weight = append(k.weight, float32(w))
			sum += w
		}
		for j := range k.weight {
			k.weight[j] /= float32(sum)
		}
		list = append(list, k)
		to = first + len(k.weight)
	}
	return list, from, to
}

// resampled applies the kernels, rows first.
func resampled(img *image.RGBA, xs, ys []kernel) *image.RGBA {
	h := img.Rect.Dy()
	rows := make([]float32, len(xs)*h*3)
	for y := range h {
		line := img.Pix[y*img.Stride:]
		for x, k := range xs {
			var sum [3]float32
			for j, w := range k.weight {
				p := line[4*(k.first+j):]
				sum[0] += w * float32(p[0])
				sum[1] += w * float32(p[1])
				sum[2] += w * float32(p[2])
			}
			copy(rows[(y*len(xs)+x)*3:], sum[:])
		}
	}
	out := image.NewRGBA(image.Rect(0, 0, len(xs), len(ys)))
	for y, k := range ys {
		for x := range xs {
			var sum [3]float32
			for j, w := range k.weight {
				p := rows[((k.first+j)*len(xs)+x)*3:]
				sum[0] += w * p[0]
				sum[1] += w * p[1]
				sum[2] += w * p[2]
			}
			q := out.Pix[y*out.Stride+4*x:]
			q[0], q[1], q[2], q[3] = uint8(sum[0]+0.5), uint8(sum[1]+0.5), uint8(sum[2]+0.5), 255
		}
	}
	return out
}
