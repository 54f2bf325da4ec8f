package agreement

import (
	"errors"
	"fmt"

	"coverslip/annotate"
)

// Vote is the class that most readers gave, or -1 when two have as many: a tie
// is for a person to settle. Negative codes are no vote.
func Vote(codes []int) int {
	counts := map[int]int{}
	most, class, tied := 0, -1, false
	for _, c := range codes {
		if c < 0 {
			continue
		}
		counts[c]++
		switch n := counts[c]; {
		case n > most:
			most, class, tied = n, c, false
		case n == most:
			tied = true
		}
	}
	if tied {
		return -1
	}
	return class
}

// Majority is the pixels that at least need of the masks have; need 0 is more
// than half.
func Majority(masks []Mask, need int) (Mask, error) {
	if err := alike(masks); err != nil {
		return Mask{}, err
	}
	if need <= 0 {
		need = len(masks)/2 + 1
	}
	out := Mask{masks[0].W, masks[0].H, make([]bool, len(masks[0].On))}
	for i := range out.On {
		n := 0
		for _, m := range masks {
			if m.On[i] {
				n++
			}
		}
		out.On[i] = n >= need
	}
	return out, nil
}

func alike(masks []Mask) error {
	if len(masks) == 0 {
		return fmt.Errorf("agreement: no masks: %w", ErrShape)
	}
	for _, m := range masks {
		if err := masks[0].fits(m); err != nil {
			return err
		}
	}
	return nil
}

// maxVoters bounds MajorityArea: the intersections of half of the readers are
// as many as n over n/2.
const maxVoters = 9

// MajorityArea is the area that at least need of the areas cover, exact on their
// outlines; need 0 is more than half. It answers annotate.ErrNoArea when there
// is none, ErrTooMany above nine areas.
func MajorityArea(areas []annotate.ROI, need int) (annotate.ROI, error) {
	if need <= 0 {
		need = len(areas)/2 + 1
	}
	if len(areas) > maxVoters {
		return annotate.ROI{}, fmt.Errorf("agreement: %d areas: %w", len(areas), ErrTooMany)
	}
	if need > len(areas) {
		return annotate.ROI{}, annotate.ErrNoArea
	}
	var parts []annotate.ROI
	chosen := make([]annotate.ROI, 0, need)
	var choose func(from int) error
	choose = func(from int) error {
		if len(chosen) == need {
			both, err := annotate.Intersection(chosen...)
			if err == nil {
				parts = append(parts, both)
			} else if !errors.Is(err, annotate.ErrNoArea) {
				return err
			}
			return nil
		}
		for i := from; i <= len(areas)-(need-len(chosen)); i++ {
			chosen = append(chosen, areas[i])
			if err := choose(i + 1); err != nil {
				return err
			}
			chosen = chosen[:len(chosen)-1]
		}
		return nil
	}
	if err := choose(0); err != nil {
		return annotate.ROI{}, err
	}
	return annotate.Union(parts...)
}

// Staple is what STAPLE makes of several readers' masks.
type Staple struct {
	Weight      []float64 // of each pixel: the probability that it is in the true area
	Sensitivity []float64 // of each reader, against that
	Specificity []float64
	Prior       float64 // share of marked pixels that it began with
	Rounds      int
	Converged   bool
}

// Mask is the pixels whose weight is above one half.
func (s Staple) Mask(w int) Mask {
	m := Mask{W: w, On: make([]bool, len(s.Weight))}
	if w > 0 {
		m.H = len(s.Weight) / w
	}
	for i, p := range s.Weight {
		m.On[i] = p > 0.5
	}
	return m
}

// StapleOptions says how long STAPLE works. The zero value is that of ITK's
// filter.
type StapleOptions struct {
	Prior     float64 // share of pixels in the true area; 0 = mean share of the masks
	Tolerance float64 // it ends when no sensitivity or specificity changes by more, squared; 0 = 1e-14
	Rounds    int     // at most; 0 = 1,000
}

// NewStaple estimates the true area and each reader's sensitivity and
// specificity together, by expectation and maximisation: Warfield, Zou & Wells,
// IEEE Trans Med Imaging 23 (2004) 903, begun with the share of readers that
// marked a pixel, as ITK begins. It
// depends on how much empty ground the masks have around them and can turn
// areas inside out where readers disagree much, so a vote belongs beside it.
func NewStaple(masks []Mask, o StapleOptions) (Staple, error) {
	if err := alike(masks); err != nil {
		return Staple{}, err
	}
	if o.Tolerance <= 0 {
		o.Tolerance = 1e-14
	}
	if o.Rounds <= 0 {
		o.Rounds = 1000
	}
	counts, of := patterns(masks)
	n := len(masks)
	s := Staple{Prior: o.Prior, Weight: make([]float64, len(of)), Sensitivity: make([]float64, n), Specificity: make([]float64, n)}
	if s.Prior <= 0 {
		marked := 0
		for _, p := range counts {
			for _, on := range p.on {
				if on {
					marked += p.pixels
				}
			}
		}
		s.Prior = float64(marked) / float64(max(1, len(of)*n))
	}
	for k, p := range counts {
		for _, on := range p.on {
			if on {
				counts[k].weight += 1 / float64(n)
			}
		}
	}
	for s.Rounds < o.Rounds && !s.Converged {
		s.Rounds++
		s.Converged = s.maximise(counts) <= o.Tolerance
		s.expect(counts)
	}
	for i, k := range of {
		s.Weight[i] = counts[k].weight
	}
	return s, nil
}

// pattern is pixels that the same readers marked; they share their weight.
type pattern struct {
	on     []bool // by reader
	pixels int
	weight float64
}

// patterns groups the pixels; of is the pattern of each.
func patterns(masks []Mask) (all []pattern, of []int) {
	of = make([]int, len(masks[0].On))
	at := map[string]int{}
	key := make([]byte, len(masks))
	for i := range of {
		for r, m := range masks {
			key[r] = 0
			if m.On[i] {
				key[r] = 1
			}
		}
		k, ok := at[string(key)]
		if !ok {
			k = len(all)
			at[string(key)] = k
			p := pattern{on: make([]bool, len(masks))}
			for r := range masks {
				p.on[r] = masks[r].On[i]
			}
			all = append(all, p)
		}
		all[k].pixels++
		of[i] = k
	}
	return all, of
}

// expect gives each pattern its weight.
func (s *Staple) expect(all []pattern) {
	for k := range all {
		in, out := s.Prior, 1-s.Prior
		for r, on := range all[k].on {
			if on {
				in *= s.Sensitivity[r]
				out *= 1 - s.Specificity[r]
			} else {
				in *= 1 - s.Sensitivity[r]
				out *= s.Specificity[r]
			}
		}
		all[k].weight = 0
		if in+out > 0 {
			all[k].weight = in / (in + out)
		}
	}
}

// maximise estimates the readers anew and answers with the largest squared
// change.
func (s *Staple) maximise(all []pattern) float64 {
	var inside, outside sum
	for _, p := range all {
		inside.add(float64(p.pixels) * p.weight)
		outside.add(float64(p.pixels) * (1 - p.weight))
	}
	change := 0.0
	for r := range s.Sensitivity {
		var hit, clear sum
		for _, p := range all {
			if p.on[r] {
				hit.add(float64(p.pixels) * p.weight)
			} else {
				clear.add(float64(p.pixels) * (1 - p.weight))
			}
		}
		sens, spec := s.Sensitivity[r], s.Specificity[r]
		if inside.value() > 0 {
			sens = hit.value() / inside.value()
		}
		if outside.value() > 0 {
			spec = clear.value() / outside.value()
		}
		a, b := sens-s.Sensitivity[r], spec-s.Specificity[r]
		change = max(change, a*a, b*b)
		s.Sensitivity[r], s.Specificity[r] = sens, spec
	}
	return change
}
