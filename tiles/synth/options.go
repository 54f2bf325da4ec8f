package synth

import (
	"fmt"
	"math"
)

// Options says which slide to draw. Width and Height are required.
type Options struct {
	Width, Height int     // level-0 pixels, at least 64
	Seed          int64   // the same seed and size give the same slide, pixel by pixel
	MPP           float64 // µm per level-0 pixel, 0.1..4; 0 = 0.25
	Pieces        int     // pieces of tissue, 1..3; 0 = by seed
	Stain         Stain
	Clean         bool // no pen mark, no fold, no dust
}

// Stain is the strength of the two dyes; 1 is usual, 0 means by seed.
type Stain struct {
	Haematoxylin, Eosin float64
	Brown               bool    // an immunohistochemical section: no eosin, marked nuclei in the brown of DAB
	Positive            float64 // share of the nuclei that the marker marks, 0..1
}

func (o *Options) complete() error {
	if o.MPP == 0 {
		o.MPP = 0.25
	}
	const most = 1 << 20
	switch {
	case o.Width < 64 || o.Height < 64 || o.Width > most || o.Height > most:
		return fmt.Errorf("synth: size %d x %d px is outside 64..%d", o.Width, o.Height, most)
	case !(o.MPP >= 0.1 && o.MPP <= 4):
		return fmt.Errorf("synth: mpp %g µm is outside 0.1..4", o.MPP)
	case o.Pieces < 0 || o.Pieces > 3:
		return fmt.Errorf("synth: %d pieces of tissue; 1 to 3 are possible", o.Pieces)
	case !(o.Stain.Haematoxylin >= 0 && o.Stain.Haematoxylin <= 3 && o.Stain.Eosin >= 0 && o.Stain.Eosin <= 3):
		return fmt.Errorf("synth: stain strengths %g and %g are outside 0..3", o.Stain.Haematoxylin, o.Stain.Eosin)
	case !(o.Stain.Positive >= 0 && o.Stain.Positive <= 1):
		return fmt.Errorf("synth: a share of %g positive nuclei is outside 0..1", o.Stain.Positive)
	}
	return nil
}

// stains are the optical densities per unit of dye in red, green and blue.
type stains [3][3]float32

// The dyes of a pixel.
const (
	dyeH = iota // haematoxylin
	dyeE        // eosin
	dyeB        // blood: eosin on haemoglobin, more orange
)

// Stain vectors. Haematoxylin is Ruifrok and Johnston's (Anal. Quant. Cytol.
// Histol. 23:291, 2001). Their eosin, (0.07, 0.99, 0.11), was measured on
// eosin alone; on whole slides, where it is estimated together with
// haematoxylin, it is warmer: Macenko et al. (ISBI 2009) find
// (0.22, 0.80, 0.56). Laboratories lie between the two.
var (
	ruifrokH = [3]float64{0.650, 0.704, 0.286}
	ruifrokE = [3]float64{0.072, 0.990, 0.105}
	macenkoH = [3]float64{0.563, 0.720, 0.406}
	macenkoE = [3]float64{0.216, 0.801, 0.558}
	// Diaminobenzidine, also by Ruifrok and Johnston.
	ruifrokDAB = [3]float64{0.268, 0.570, 0.776}
)

// stainsBySeed chooses the colour of the dyes of one laboratory.
func stainsBySeed(r *random, o Stain) stains {
	between := func(a, b [3]float64, t float64) (v [3]float64) {
		n := 0.0
		for i := range v {
			v[i] = a[i] + (b[i]-a[i])*t
			n += v[i] * v[i]
		}
		for i := range v {
			v[i] /= math.Sqrt(n)
		}
		return v
	}
	h := between(ruifrokH, macenkoH, float64(r.between(0.35, 0.95)))
	e := between(ruifrokE, macenkoE, float64(r.between(0.6, 0.95)))
	blood := between(e, [3]float64{0.10, 0.72, 0.70}, 0.6)
	strengthH, strengthE := o.Haematoxylin, o.Eosin
	if byH := float64(r.between(0.9, 1.15)); strengthH == 0 {
		strengthH = byH
	}
	if byE := float64(r.between(0.8, 1.15)); strengthE == 0 {
		strengthE = byE
	}
	if o.Brown { // the third dye marks, and what eosin would stain is left pale and grey
		e, blood, strengthE = between(h, e, 0.35), ruifrokDAB, 0.22*strengthE
	}
	var s stains
	for c := range 3 {
		s[dyeH][c] = float32(h[c] * strengthH)
		s[dyeE][c] = float32(e[c] * strengthE)
		s[dyeB][c] = float32(blood[c] * strengthE)
		if o.Brown {
			s[dyeB][c] = float32(blood[c])
		}
	}
	return s
}
