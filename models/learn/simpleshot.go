package learn

import (
	"fmt"
	"math"

	"coverslip/models"
)

// simpleShot is nearest class mean after centring and L2 normalisation.
//
// The mean of few labels is noisier, and noise makes it longer. Dividing it by
// its own length, as for a cosine, would push every patch away from the
// classes with few labels. So it is divided by an estimate of the length that
// the mean of endless labels would have.
type simpleShot struct {
	means [][]float32 // scaled class means; nil for a class without labels
	t     float64     // products with them are multiplied by it before softmax
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
	lengths := trueLengths(sums, counts)
	shot := &simpleShot{means: make([][]float32, classes)}
	for k, s := range sums {
		if s != nil {
			shot.means[k] = scaled(s, nil, 1/(float64(counts[k])*lengths[k]))
		}
	}
	shot.t = shotSharpness(p, shot, sums, counts, lengths)
	p.shot = shot
	p.method = fmt.Sprintf("SimpleShot (class means of %d labels)", len(examples))
	return p, nil
}

// trueLengths estimates the length of each class's mean without the noise of
// its few labels. The mean product of two different labels of a class has the
// squared length as its expectation; classes with few pairs lean on the rest.
func trueLengths(sums [][]float64, counts []int) []float64 {
	const lean = 6       // a class's own estimate counts half at this many ordered pairs
	const shortest = 0.2 // a class spread all around the centre has no length to divide by
	square := make([]float64, len(sums))
	var all, pairs float64
	for k, s := range sums {
		n := float64(counts[k])
		for _, x := range s {
			square[k] += x * x
		}
		square[k] -= n // less each label with itself, which has length one
		if n < 2 {
			square[k] = 0
		} else {
			all += square[k] / (n * (n - 1))
			pairs++
		}
	}
	pooled := 0.5
	if pairs > 0 {
		pooled = all / pairs
	}
	lengths := make([]float64, len(sums))
	for k := range sums {
		n := float64(counts[k])
		lengths[k] = math.Sqrt(max((square[k]+lean*pooled)/(n*(n-1)+lean), shortest*shortest))
	}
	return lengths
}

// scaled is s, less one row when given, times f.
func scaled(s []float64, less []float32, f float64) []float32 {
	out := make([]float32, len(s))
	for j, x := range s {
		if less != nil {
			x -= float64(less[j])
		}
		out[j] = float32(x * f)
	}
	return out
}

// shotSharpness judges each example by means that do not hold it.
func shotSharpness(p *Probe, shot *simpleShot, sums [][]float64, counts []int, lengths []float64) float64 {
	const most = 2000 // enough for one number
	var logits [][]float64
	var class []int
	var w []float64
	for i := range min(len(p.rows), most) {
		k := p.of[i]
		if counts[k] < 2 {
			continue
		}
		own := scaled(sums[k], p.rows[i], 1/(float64(counts[k]-1)*lengths[k]))
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
