package tiles_test

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"testing"

	"coverslip/tiles"
)

// exact blends one pixel in floating point.
func exact(views []tiles.ChannelView, samples []float64) [3]float64 {
	var sum [3]float64
	for i, v := range views {
		if v.Hidden {
			continue
		}
		t := math.Pow(min(max((samples[i]-v.Low)/(v.High-v.Low), 0), 1), v.Gamma)
		for k, c := range []uint8{v.Color.R, v.Color.G, v.Color.B} {
			sum[k] += t * float64(c)
		}
	}
	for k := range sum {
		sum[k] = min(sum[k], 255)
	}
	return sum
}

func TestBlender_EqualsFloat(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 2, 3, 7, 16, 40} {
		st := &tiles.Stack{Z: 1, T: 1}
		var views []tiles.ChannelView
		var planes []*tiles.Raster
		const w, h = 700, 3
		for i := range n {
			c := tiles.Channel{Bits: []int{8, 12, 16, 32}[i%4], Float: i%8 == 7}
			st.Channels = append(st.Channels, c)
			most := math.Exp2(float64(min(c.Bits, 16))) - 1
			v := tiles.ChannelView{Hidden: n > 1 && i%5 == 4, Low: math.Floor(rng.Float64() * most / 2), Gamma: []float64{1, 0.45, 2.2}[i%3],
				Color: color.RGBA{R: uint8(rng.IntN(256)), G: uint8(rng.IntN(256)), B: uint8(rng.IntN(256)), A: 255}}
			v.High = v.Low + 1 + math.Floor(rng.Float64()*most/2)
			if i == 1 { // inverted
				v.Low, v.High = v.High, v.Low
			}
			views = append(views, v)
			r := c.Raster(w, h)
			for j := range r.Uint16 {
				r.Uint16[j] = uint16(rng.Float64() * (most + 1))
			}
			for j := range r.Float32 {
				r.Float32[j] = float32(rng.Float64()*most*1.2 - 0.1*most)
			}
			planes = append(planes, r)
		}
		b, err := tiles.NewBlender(st, views)
		must(t, err)
		// A part of a larger picture.
		big := image.NewRGBA(image.Rect(0, 0, w+5, h+2))
		dst := big.SubImage(image.Rect(3, 1, 3+w, 1+h)).(*image.RGBA)
		b.Blend(dst, planes)
		for i := range w * h {
			samples := make([]float64, n)
			for j, p := range planes {
				if p.Uint16 != nil {
					samples[j] = float64(p.Uint16[i])
				} else {
					samples[j] = float64(p.Float32[i])
				}
			}
			want := exact(views, samples)
			got := dst.RGBAAt(3+i%w, 1+i/w)
			for k, g := range []uint8{got.R, got.G, got.B} {
				// Half a step of rounding; a table of 4096 places adds to it where gamma is steep.
				if d := math.Abs(float64(g) - want[k]); d > 1.3 {
					t.Fatalf("%d channels: pixel %d colour %d is %d, exactly %v", n, i, k, g, want[k])
				}
			}
			if got.A != 255 {
				t.Fatalf("alpha %d", got.A)
			}
		}
		if c := big.RGBAAt(2, 1); c.A != 0 {
			t.Error("wrote outside its part")
		}
	}
}

// 8-bit grey with the full window must stay what it is.
func TestBlender_GreyIsUnchanged(t *testing.T) {
	c := []tiles.Channel{{Bits: 8}}
	tiles.CompleteChannels(c)
	st := &tiles.Stack{Channels: c, Z: 1, T: 1}
	b, err := tiles.NewBlender(st, tiles.DefaultDisplay(st).Channels)
	must(t, err)
	r := c[0].Raster(256, 1)
	for i := range r.Uint16 {
		r.Uint16[i] = uint16(i)
	}
	dst := image.NewRGBA(image.Rect(0, 0, 256, 1))
	b.Blend(dst, []*tiles.Raster{r})
	for i := range 256 {
		if want := (color.RGBA{uint8(i), uint8(i), uint8(i), 255}); dst.RGBAAt(i, 0) != want {
			t.Fatalf("%d becomes %v", i, dst.RGBAAt(i, 0))
		}
	}
}

func TestBlender_StraySamples(t *testing.T) {
	st := &tiles.Stack{Channels: []tiles.Channel{{Bits: 10}, {Bits: 32, Float: true}}, Z: 1, T: 1}
	white := color.RGBA{255, 255, 255, 255}
	views := []tiles.ChannelView{{Color: white, High: 1023, Gamma: 1}, {Color: white, High: 1, Gamma: 1}}
	b, err := tiles.NewBlender(st, views)
	must(t, err)
	nan := float32(math.NaN())
	inf := float32(math.Inf(1))
	dst := image.NewRGBA(image.Rect(0, 0, 4, 1))
	b.Blend(dst, []*tiles.Raster{nil, {Width: 4, Height: 1, Float32: []float32{nan, inf, -inf, 1e30}}})
	for i, want := range []uint8{0, 255, 0, 255} {
		if got := dst.RGBAAt(i, 0).R; got != want {
			t.Errorf("float %d is drawn as %d, not %d", i, got, want)
		}
	}
	b.Blend(dst, []*tiles.Raster{{Width: 4, Height: 1, Uint16: []uint16{1023, 1024, 65535, 0}}, nil})
	for i, want := range []uint8{255, 255, 255, 0} {
		if got := dst.RGBAAt(i, 0).R; got != want {
			t.Errorf("a sample beyond its bits, %d, is drawn as %d, not %d", i, got, want)
		}
	}
}

func TestNewBlender_Refuses(t *testing.T) {
	st := &tiles.Stack{Channels: []tiles.Channel{{Bits: 16}}, Z: 1, T: 1}
	for name, views := range map[string][]tiles.ChannelView{
		"none":         nil,
		"empty window": {{Low: 5, High: 5, Gamma: 1}},
		"NaN":          {{Low: math.NaN(), High: 5, Gamma: 1}},
		"endless":      {{High: math.Inf(1), Gamma: 1}},
		"gamma 0":      {{High: 1}},
		"gamma -1":     {{High: 1, Gamma: -1}},
	} {
		if _, err := tiles.NewBlender(st, views); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func benchmarkBlend(b *testing.B, n int, c tiles.Channel) {
	st := &tiles.Stack{Z: 1, T: 1}
	var planes []*tiles.Raster
	rng := rand.New(rand.NewPCG(3, 4))
	for range n {
		st.Channels = append(st.Channels, c)
		r := c.Raster(512, 512)
		for i := range r.Uint16 {
			r.Uint16[i] = uint16(200 + 4000*rng.ExpFloat64()/8)
		}
		for i := range r.Float32 {
			r.Float32[i] = float32(rng.ExpFloat64())
		}
		planes = append(planes, r)
	}
	tiles.CompleteChannels(st.Channels)
	d := tiles.DefaultDisplay(st)
	for i := range d.Channels {
		d.Channels[i].Low, d.Channels[i].High = 0, 4000
	}
	bl, err := tiles.NewBlender(st, d.Channels)
	must(b, err)
	dst := image.NewRGBA(image.Rect(0, 0, 512, 512))
	b.SetBytes(512 * 512)
	b.ReportAllocs()
	for b.Loop() {
		bl.Blend(dst, planes)
	}
}

// One op is a tile of 512×512 pixels; MB/s are megapixels a second.
func BenchmarkBlend_4x16bit(b *testing.B) { benchmarkBlend(b, 4, tiles.Channel{Bits: 16}) }
func BenchmarkBlend_1x8bit(b *testing.B)  { benchmarkBlend(b, 1, tiles.Channel{Bits: 8}) }
func BenchmarkBlend_4xFloat(b *testing.B) {
	benchmarkBlend(b, 4, tiles.Channel{Bits: 32, Float: true})
}
