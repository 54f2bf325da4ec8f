// Package preprocess turns a patch into a network's input.
//
// A model was trained on images that Python's Pillow resized, and it sees the
// difference: another kernel, or the right one without antialiasing, moves
// every embedding. Everything here therefore agrees with Pillow, torchvision
// and transformers bit for bit, and is tested against them.
package preprocess

import (
	"fmt"
	"image"
	"math"
	"strconv"
	"strings"
)

// Spec is how a model wants its input.
type Spec struct {
	Resize int        // the shorter side is resized to this many pixels; 0 = no resize
	Crop   int        // then the centre square of this side is taken; 0 = Resize
	Filter Filter     // kernel of the resize
	Scale  float32    // factor from 0 … 255 to the model's range; 0 = 1/255
	Mean   [3]float32 // subtracted after Scale; red, green, blue
	Std    [3]float32 // divided by after that; zeros = 1
	BGR    bool       // the model wants blue first
	NHWC   bool       // the model wants the channel last

	// Exact resizes both sides to Resize, whatever the patch's proportions.
	Exact bool
	// Torchvision rounds as torchvision does where it differs from
	// transformers: an odd margin of the crop to the even side, and colours
	// divided by 255 instead of multiplied by its inverse.
	Torchvision bool
}

// Means and spreads that models share.
var (
	imageNetMean = [3]float32{0.485, 0.456, 0.406}
	imageNetStd  = [3]float32{0.229, 0.224, 0.225}
)

// ImageNet is the commonest preprocessing: bilinear, ImageNet's mean and std.
func ImageNet(size int) Spec {
	return Spec{Resize: size, Crop: size, Filter: Bilinear, Mean: imageNetMean, Std: imageNetStd}
}

// normalised fills in the defaults.
func (s Spec) normalised() Spec {
	if s.Crop == 0 {
		s.Crop = s.Resize
	}
	if s.Scale == 0 {
		s.Scale = 1.0 / 255
	}
	if s.Std == ([3]float32{}) {
		s.Std = [3]float32{1, 1, 1}
	}
	return s
}

// MaxSide is the largest input that is accepted, in pixels.
const MaxSide = 4096

// Check says what is wrong with a specification.
func (s Spec) Check() error {
	s = s.normalised()
	if s.Resize < 0 || s.Resize > MaxSide || s.Crop < 1 || s.Crop > MaxSide {
		return fmt.Errorf("preprocess: resize to %d and crop to %d pixels (1 to %d are possible)", s.Resize, s.Crop, MaxSide)
	}
	if s.Resize != 0 && s.Crop > s.Resize {
		return fmt.Errorf("preprocess: a crop of %d pixels out of %d", s.Crop, s.Resize)
	}
	if s.Filter < 0 || int(s.Filter) >= len(filterNames) {
		return fmt.Errorf("preprocess: %s", s.Filter)
	}
	for _, v := range append(append(s.Mean[:], s.Std[:]...), s.Scale) {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("preprocess: mean %v, std %v, scale %v", s.Mean, s.Std, s.Scale)
		}
	}
	if s.Torchvision && s.Scale != 1.0/255 {
		return fmt.Errorf("preprocess: torchvision divides by 255; a scale of %v is not possible with it", s.Scale)
	}
	for _, v := range s.Std {
		if v <= 0 {
			return fmt.Errorf("preprocess: std %v must be above zero", s.Std)
		}
	}
	return nil
}

// ID is the canonical text of a specification: equal texts mean equal inputs.
// It goes into the hash that embeddings are kept under.
func (s Spec) ID() string {
	s = s.normalised()
	var b strings.Builder
	fmt.Fprintf(&b, "resize=%d:%s crop=%d scale=%s mean=%s std=%s", s.Resize, s.Filter, s.Crop,
		number(s.Scale), numbers(s.Mean), numbers(s.Std))
	if s.BGR {
		b.WriteString(" bgr")
	}
	if s.NHWC {
		b.WriteString(" nhwc")
	}
	if s.Exact {
		b.WriteString(" exact")
	}
	if s.Torchvision {
		b.WriteString(" torchvision")
	}
	return b.String()
}

func number(v float32) string { return strconv.FormatFloat(float64(v), 'g', -1, 32) }

func numbers(v [3]float32) string { return number(v[0]) + "," + number(v[1]) + "," + number(v[2]) }

// Prep applies one specification. It is safe for concurrent use.
type Prep struct {
	spec   Spec
	table  [3][256]float32 // of red, green, blue: what each byte becomes
	caches axes
}

// New prepares a specification for use.
func New(s Spec) (*Prep, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	p := &Prep{spec: s.normalised()}
	for c := range 3 {
		for i := range 256 {
			v := float32(float32(i) * p.spec.Scale) // rounded, as numpy does
			if p.spec.Torchvision {
				v = float32(i) / 255 // ToTensor
			}
			p.table[c][i] = (v - p.spec.Mean[c]) / p.spec.Std[c]
		}
	}
	return p, nil
}

// Spec is the specification, with its defaults filled in.
func (p *Prep) Spec() Spec { return p.spec }

// Len is how many numbers one patch becomes: 3·Crop².
func (p *Prep) Len() int { return 3 * p.spec.Crop * p.spec.Crop }

// Apply writes the input for one patch to dst, which holds Len() numbers. A
// patch smaller than the crop is an error unless Resize makes it larger.
func (p *Prep) Apply(patch *image.RGBA, dst []float32) error {
	if patch == nil || patch.Rect.Empty() {
		return fmt.Errorf("preprocess: the patch is empty")
	}
	if len(dst) != p.Len() {
		return fmt.Errorf("preprocess: room for %d numbers, %d are needed", len(dst), p.Len())
	}
	img := opaque(patch)
	if p.spec.Resize > 0 {
		w, h := p.spec.Resize, p.spec.Resize
		if !p.spec.Exact {
			w, h = ShorterSide(img.w, img.h, p.spec.Resize)
		}
		if w > 1<<16 || h > 1<<16 {
			return fmt.Errorf("preprocess: a patch of %d×%d pixels is too narrow", img.w, img.h)
		}
		img = resize(img, w, h, p.spec.Filter, &p.caches)
	}
	if img.w < p.spec.Crop || img.h < p.spec.Crop {
		return fmt.Errorf("preprocess: a patch of %d×%d pixels is smaller than the input of %d", img.w, img.h, p.spec.Crop)
	}
	p.lay(img, dst)
	return nil
}

// lay takes the centre square and writes it plane by plane, or pixel by pixel
// when the model wants that. An odd margin leaves its larger part on the
// right and below, as transformers does.
func (p *Prep) lay(img rgb, dst []float32) {
	n := p.spec.Crop
	top, left := (img.h-n)/2, (img.w-n)/2
	if p.spec.Torchvision {
		top, left = evenHalf(img.h-n), evenHalf(img.w-n)
	}
	order := [3]int{0, 1, 2}
	if p.spec.BGR {
		order = [3]int{2, 1, 0}
	}
	for c, source := range order {
		table := &p.table[source]
		for y := range n {
			row := img.pix[3*((y+top)*img.w+left):][: 3*n : 3*n]
			if p.spec.NHWC {
				out := dst[3*y*n:][: 3*n : 3*n]
				for x := c; x < 3*n; x += 3 {
					out[x] = table[row[x-c+source]]
				}
				continue
			}
			out := dst[(c*n+y)*n:][:n:n]
			for x := range out {
				out[x] = table[row[3*x+source]]
			}
		}
	}
}

// evenHalf is Python's round(n/2): a half goes to the even number.
func evenHalf(n int) int { return int(math.RoundToEven(float64(n) / 2)) }

// ShorterSide is the size that torchvision's and transformers' Resize(n) give:
// the shorter side becomes n, the longer one follows, rounded down.
func ShorterSide(w, h, n int) (int, int) {
	if w <= h {
		return n, int(float64(n) * float64(h) / float64(w))
	}
	return int(float64(n) * float64(w) / float64(h)), n
}
