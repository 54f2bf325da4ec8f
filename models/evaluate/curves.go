package evaluate

import (
	"math"
	"sort"
)

// Bin is the cases whose scores lie together.
type Bin struct {
	Low, High float64 // of the scores; Low itself belongs to the bin below, but 0 to the first
	Cases     float64
	Score     float64 // mean of the scores; NaN without cases
	Share     float64 // of cases for which the score spoke true; NaN without cases
}

// edges are the borders between n bins of one width, without 0 and 1.
func edges(n int) []float64 {
	out := make([]float64, n-1)
	for i := range out {
		out[i] = float64(i+1) * (1 / float64(n))
	}
	return out
}

// binned puts scores with what became of them into n bins.
func binned(n int, each func(add func(score, weight float64, true bool))) []Bin {
	n = max(n, 1)
	between := edges(n)
	out := make([]Bin, n)
	each(func(score, weight float64, true bool) {
		b := &out[sort.SearchFloat64s(between, score)]
		b.Cases += weight
		b.Score += weight * score
		if true {
			b.Share += weight
		}
	})
	for i := range out {
		b := &out[i]
		b.Low, b.High = float64(i)/float64(n), float64(i+1)/float64(n)
		if b.Cases > 0 {
			b.Score, b.Share = b.Score/b.Cases, b.Share/b.Cases
		} else {
			b.Score, b.Share = math.NaN(), math.NaN()
		}
	}
	return out
}

// Calibration is how often the highest score was right, by the score: a
// classifier that knows what it knows is right in 80 of 100 cases of 0.8.
func (j *Judge) Calibration(n int, times []float64) []Bin {
	return binned(n, func(add func(float64, float64, bool)) {
		for i, c := range j.cases {
			add(c.Scores[j.guess[i]], count(times, i), j.guess[i] == c.Truth)
		}
	})
}

// ClassCalibration is how often a case was of the class, by the class's score:
// the reliability diagram of DeGroot & Fienberg, Statistician 32 (1983) 12.
func (j *Judge) ClassCalibration(class, n int, times []float64) []Bin {
	return binned(n, func(add func(float64, float64, bool)) {
		for i, c := range j.cases {
			add(c.Scores[class], count(times, i), c.Truth == class)
		}
	})
}

// calibrationError is the mean distance between score and share, by cases.
func (j *Judge) calibrationError(times []float64) float64 {
	sum, n := 0.0, 0.0
	for _, b := range j.Calibration(bins, times) {
		if b.Cases > 0 {
			sum += b.Cases * math.Abs(b.Share-b.Score)
			n += b.Cases
		}
	}
	return sum / n
}

// Point is a place of a curve: what a threshold on the score gives.
type Point struct {
	Threshold   float64 // cases of at least this score count as of the class
	Sensitivity float64
	Specificity float64
	Precision   float64
}

// Curve is sensitivity, specificity and precision of one class at every score
// that occurs, from the highest threshold on: the points of its ROC curve and of
// its precision–recall curve. NaN where a class or all others are missing.
func (j *Judge) Curve(class int, times []float64) []Point {
	all, of := 0.0, 0.0
	for i, c := range j.cases {
		all += count(times, i)
		if c.Truth == class {
			of += count(times, i)
		}
	}
	var out []Point
	hits, misses := 0.0, 0.0
	j.steps(class, times, func(score, positive, negative float64) {
		hits += positive
		misses += negative
		out = append(out, Point{score, hits / of, 1 - misses/(all-of), hits / (hits + misses)})
	})
	return out
}
