package viewer

import (
	"image"
	"image/color"
	"math"
)

// HeatMap is a grid of values over the slide, drawn beneath its objects in the
// same tiles. It must not be changed once it is shown.
type HeatMap struct {
	Values     []float32 // row by row; NaN: there is none
	Cols, Rows int
	X, Y       float64 // upper left corner of the grid, level-0 pixels
	Cell       float64 // side of a cell, level-0 pixels
	Low, High  float64 // values at the two ends of the colours
	Threshold  float64 // what is below is not drawn
	Opacity    float64 // 0..1
}

// SetHeatMap shows a heat map; nil shows none.
func (v *Viewer) SetHeatMap(h *HeatMap) {
	if h != nil && !h.valid() {
		h = nil
	}
	v.restyle(func(s *overlayStyle) { s.heat = h })
}

// HeatMap is the heat map that is shown; nil when there is none.
func (v *Viewer) HeatMap() *HeatMap { return v.style.heat }

func (h *HeatMap) valid() bool {
	return h.Cols > 0 && h.Rows > 0 && len(h.Values) == h.Cols*h.Rows && h.Cell > 0 && h.High > h.Low
}

// at is the value at a point of the slide, mixed from the four cells around it of
// those that have one; ok is false outside and where the nearest cell has none.
func (h *HeatMap) at(l0X, l0Y float64) (value float64, ok bool) {
	gx, gy := (l0X-h.X)/h.Cell, (l0Y-h.Y)/h.Cell
	if !(gx >= 0 && gy >= 0 && gx < float64(h.Cols) && gy < float64(h.Rows)) {
		return 0, false
	}
	if near := h.Values[int(gy)*h.Cols+int(gx)]; near != near {
		return 0, false
	}
	gx, gy = gx-0.5, gy-0.5
	col, row := floorInt(gx), floorInt(gy)
	fx, fy := gx-float64(col), gy-float64(row)
	sum, weight := 0.0, 0.0
	for i, w := range [4]float64{(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy} {
		c, r := max(0, min(h.Cols-1, col+i%2)), max(0, min(h.Rows-1, row+i/2))
		if v := float64(h.Values[r*h.Cols+c]); v == v {
			sum += w * v
			weight += w
		}
	}
	if weight <= 0 {
		return 0, false
	}
	return sum / weight, true
}

// heat draws the part of the heat map that lies under the tile; false when none
// does.
func (p *overlayPainter) heat(dst *image.RGBA) bool {
	h := p.style.heat
	if h == nil {
		return false
	}
	any := false
	for row := range overlayTile {
		for col := range overlayTile {
			x, y := p.style.plane.L0((p.ox+float64(col)+0.5)/p.scale, (p.oy+float64(row)+0.5)/p.scale)
			v, ok := h.at(x, y)
			if !ok || v < h.Threshold {
				continue
			}
			any = true
			c := HeatColor((v - h.Low) / (h.High - h.Low))
			at := dst.PixOffset(col, row)
			over(dst.Pix[at:at+4:at+4], ink{float32(c.R), float32(c.G), float32(c.B), 1}, float32(h.Opacity))
		}
	}
	return any
}

// HeatColor is the colour of a share 0..1 of a heat map: viridis, whose lightness
// grows evenly and which colour-blind people tell apart (S. van der Walt and N.
// Smith, 2015, for Matplotlib), by the polynomial fit of M. Zucker (public domain).
func HeatColor(t float64) color.NRGBA {
	t = max(0, min(1, t))
	var out [3]uint8
	for i, c := range [3][7]float64{
		{0.2777273272234177, 0.1050930431085774, -0.3308618287255563, -4.634230498983486, 6.228269936347081, 4.776384997670288, -5.435455855934631},
		{0.005407344544966578, 1.404613529898575, 0.214847559468213, -5.799100973351585, 14.17993336680509, -13.74514537774601, 4.645852612178535},
		{0.3340998053353061, 1.384590162594685, 0.09509516302823659, -19.33244095627987, 56.69055260068105, -65.35303263337234, 26.3124352495832},
	} {
		v := 0.0
		for k := 6; k >= 0; k-- {
			v = v*t + c[k]
		}
		out[i] = uint8(math.Round(255 * max(0, min(1, v))))
	}
	return color.NRGBA{R: out[0], G: out[1], B: out[2], A: 255}
}
