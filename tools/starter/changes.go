package main

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"math"
	"math/rand/v2"
)

// changes is what scanner, focus and file format do to a patch.
type changes struct {
	Density [3]float64 `json:"density"` // factors of optical density in red, green, blue: another dye, another lamp
	Gamma   float64    `json:"gamma"`
	White   [3]float64 `json:"white"`   // factors of light
	Blur    float64    `json:"blur"`    // standard deviation, pixels of the patch
	Sharpen float64    `json:"sharpen"` // unsharp mask, share
	Noise   float64    `json:"noise"`   // standard deviation, grey levels
	Quality int        `json:"quality"` // of JPEG, 0..100
}

// lab is what the patches of one slide share.
type lab struct {
	density, white [3]float64
	gamma, sharpen float64
}

func drawLab(r *rand.Rand, beyond bool) lab {
	l := lab{gamma: spread(r, beyond, 1, 1.25, 1.45), sharpen: r.Float64() * 0.8}
	for c := range 3 {
		l.density[c] = spread(r, beyond, 1, 1.2, 1.4)
		l.white[c] = 0.92 + 0.1*r.Float64()
	}
	return l
}

// one is the changes of one patch: mostly those of its slide, now and then out
// of focus or pressed into too small a file.
func (l lab) one(r *rand.Rand) changes {
	c := changes{Density: l.density, White: l.white, Gamma: l.gamma, Sharpen: l.sharpen, Blur: 0.6 * r.Float64(), Noise: 3 * r.Float64(), Quality: 60 + r.IntN(36)}
	switch roll := r.Float64(); {
	case roll < 0.10:
		c.Blur, c.Sharpen = 1.5+1.5*r.Float64(), 0
	case roll < 0.15:
		c.Quality = 8 + r.IntN(14)
	case roll < 0.30:
		c.Blur = 0.6 + 0.5*r.Float64()
	}
	return c
}

// apply gives the changed picture.
func (c changes) apply(img *image.RGBA, r *rand.Rand) (*image.RGBA, error) {
	n := side * side
	var light [3][]float64
	for k := range 3 {
		// Density against the scanner's own white, so that glass stays glass.
		var table [256]float64
		for v := range table {
			table[v] = 0.95 * math.Pow(min(max(float64(v), 1)/244, 1), c.Density[k])
		}
		light[k] = make([]float64, n)
		for i := range n {
			light[k][i] = table[img.Pix[4*i+k]]
		}
		if c.Blur > 0.05 {
			light[k] = blurred(light[k], c.Blur)
		}
		if c.Sharpen > 0 {
			soft := blurred(light[k], 1)
			for i, v := range light[k] {
				light[k][i] = v + c.Sharpen*(v-soft[i])
			}
		}
	}
	out := image.NewRGBA(img.Rect)
	var bright [2048]float64 // light of 0 … 2 by gamma
	for i := range bright {
		bright[i] = 255 * math.Pow(float64(i)/1024, c.Gamma)
	}
	for i := range n {
		common := r.NormFloat64()
		for k := range 3 {
			v := c.White[k] * bright[int(min(max(light[k][i], 0)*1024+0.5, 2047))]
			v += c.Noise * 0.7 * (common + r.NormFloat64())
			out.Pix[4*i+k] = uint8(min(max(v+0.5, 0), 255))
		}
		out.Pix[4*i+3] = 255
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, out, &jpeg.Options{Quality: c.Quality}); err != nil {
		return nil, fmt.Errorf("JPEG: %w", err)
	}
	pressed, err := jpeg.Decode(&b)
	if err != nil {
		return nil, fmt.Errorf("JPEG: %w", err)
	}
	draw.Draw(out, out.Rect, pressed, image.Point{}, draw.Src)
	return out, nil
}

// blurred convolves a square picture with a Gaussian; beyond the rim the
// nearest pixel counts.
func blurred(p []float64, sigma float64) []float64 {
	reach := int(math.Ceil(2.5 * sigma))
	kernel := make([]float64, reach+1)
	sum := 0.0
	for i := range kernel {
		kernel[i] = math.Exp(-float64(i*i) / (2 * sigma * sigma))
		sum += kernel[i]
		if i > 0 {
			sum += kernel[i]
		}
	}
	pass := func(in []float64, along, across int) []float64 {
		out := make([]float64, len(in))
		for j := range side {
			for i := range side {
				v := kernel[0] * in[j*across+i*along]
				for d := 1; d <= reach; d++ {
					v += kernel[d] * (in[j*across+max(i-d, 0)*along] + in[j*across+min(i+d, side-1)*along])
				}
				out[j*across+i*along] = v / sum
			}
		}
		return out
	}
	return pass(pass(p, 1, side), side, 1)
}
