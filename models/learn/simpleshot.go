package learn

import (
	"fmt"
	"math"

	"coverslip/models"
)

// simpleShot is nearest class mean after centring and L2 normalisation.
type simpleShot struct {
	means [][]float32 // unit length; nil for a class without labels
	t     float64     // cosines are multiplied by it before softmax
}

// Bounds of the softmax factor of cosines, and where it is drawn to.
const (
	shotLow, shotHigh, shotUsual = 2.0, 25.0, 8.0
)

// FitSimpleShot fits class means. See Fit for the arguments.
func FitSimpleShot(examples []Example, classes int) (*Probe, error) {
	if _, err := check(examples, classes); err != nil {
		return nil, err
	}
	p := newProbe(examples, classes)
	counts := make([]int, classes)
	sums := make([][]float64, classes)
	for i, row := range p.rows {
		k := p.of[i]
		counts[k]++
		if sums[k] == nil {
			sums[k] = make([]float64, p.dim)
		}
		for j, x := range row {
			sums[k][j] += float64(x)
		}
	}
	shot := &simpleShot{means: make([][]float32, classes)}
	for k, s := range sums {
		if s != nil {
			shot.means[k] = unit(s, nil)
		}
	}
	shot.t = shotSharpness(p, shot, sums, counts)
	p.shot = shot
	p.method = fmt.Sprintf("SimpleShot (class means of %d labels)", len(examples))
	return p, nil
}

// unit is s, less one row when given, at length one.
func unit(s []float64, less []float32) []float32 {
	out := make([]float32, len(s))
	sum := 0.0
	for j, x := range s {
		if less != nil {
			x -= float64(less[j])
		}
		out[j] = float32(x)
		sum += x * x
	}
	if sum < 1e-18 { // the class mean is the centre itself: no direction
		clear(out)
		return out
	}
	f := 1 / math.Sqrt(sum)
	for j := range out {
		out[j] = float32(float64(out[j]) * f)
	}
	return out
}

// shotSharpness judges each example by means that do not hold it.
func shotSharpness(p *Probe, shot *simpleShot, sums [][]float64, counts []int) float64 {
	const most = 2000 // enough for one number
	var logits [][]float64
	var class []int
	var w []float64
	for i := range min(len(p.rows), most) {
		k := p.of[i]
		if counts[k] < 2 {
			continue
		}
		own := unit(sums[k], p.rows[i])
		row := make([]float64, p.classes)
		for c, m := range shot.means {
			switch {
			case c == k:
				row[c] = float64(models.Dot(p.rows[i], own))
			case m != nil:
				row[c] = float64(models.Dot(p.rows[i], m))
			}
		}
		logits, class, w = append(logits, row), append(class, k), append(w, 1/float64(counts[k]))
	}
	if len(logits) == 0 {
		return shotUsual
	}
	return sharpness(logits, class, w, p.present, shotLow, shotHigh, shotUsual)
}

func (s *simpleShot) scores(c []float32, present []bool) []float64 {
	logits := make([]float64, len(s.means))
	for k, m := range s.means {
		if m != nil {
			logits[k] = float64(models.Dot(c, m))
		}
	}
	return softmax(logits, present, s.t)
}
