package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"

	"coverslip/annotate"
)

// PointPair is one place as it lies on two slides, level-0 pixels of each.
type PointPair struct {
	From annotate.Point `json:"from"`
	To   annotate.Point `json:"to"`
}

// Registration says how one slide lies on another: the pairs of points that a
// person picked, and the map that goes through them.
type Registration struct {
	From, To annotate.ID     // slides
	Pairs    []PointPair     // one to three
	Map      annotate.Affine // level-0 pixels of From to those of To
}

// Why points give no registration.
var (
	// ErrPairs: there are none, or more than three.
	ErrPairs = errors.New("a registration takes one to three pairs of points")
	// ErrPairsAlike: points lie on one another, or three lie on a line, on one of
	// the slides.
	ErrPairsAlike = errors.New("the points lie on one another or on a line")
)

// Register finds the map through pairs of points: one pair shifts (and scales by
// scale, level-0 pixels of the second slide per pixel of the first), two pairs
// give a similarity (shift, turn, scale), three an affine map. It goes through
// the points as exactly as a float64 can say: the equations are solved in
// rational numbers and rounded once.
func Register(pairs []PointPair, scale float64) (annotate.Affine, error) {
	for _, p := range pairs {
		for _, v := range [...]float64{p.From.X, p.From.Y, p.To.X, p.To.Y} {
			if math.IsNaN(v) || math.Abs(v) > farthest {
				return annotate.Affine{}, fmt.Errorf("point %v of a pair: %w", v, annotate.ErrInvalidROI)
			}
		}
	}
	switch len(pairs) {
	case 1:
		if !(scale > 0) || math.IsInf(scale, 0) {
			scale = 1
		}
		from, to := pairs[0].From, pairs[0].To
		return annotate.Affine{XX: scale, YY: scale, X: to.X - scale*from.X, Y: to.Y - scale*from.Y}, nil
	case 2:
		return similarity(pairs[0], pairs[1])
	case 3:
		return affine(pairs[0], pairs[1], pairs[2])
	}
	return annotate.Affine{}, ErrPairs
}

// farthest bounds positions, level-0 pixels, as annotate does.
const farthest = 1e7

// exact is a float64 as a rational number; the caller has seen to it that it is
// finite.
func exact(f float64) *big.Rat { return new(big.Rat).SetFloat64(f) }

func sub(a, b float64) *big.Rat      { return new(big.Rat).Sub(exact(a), exact(b)) }
func times(a, b *big.Rat) *big.Rat   { return new(big.Rat).Mul(a, b) }
func plus(a, b *big.Rat) *big.Rat    { return new(big.Rat).Add(a, b) }
func minus(a, b *big.Rat) *big.Rat   { return new(big.Rat).Sub(a, b) }
func over(a, b *big.Rat) *big.Rat    { return new(big.Rat).Quo(a, b) }
func rounded(r *big.Rat) (f float64) { f, _ = r.Float64(); return f }

// similarity solves z' = a·z + b in complex numbers for two points.
func similarity(p, q PointPair) (annotate.Affine, error) {
	dx, dy := sub(q.From.X, p.From.X), sub(q.From.Y, p.From.Y)
	ex, ey := sub(q.To.X, p.To.X), sub(q.To.Y, p.To.Y)
	long := plus(times(dx, dx), times(dy, dy))
	if long.Sign() == 0 || ex.Sign() == 0 && ey.Sign() == 0 {
		return annotate.Affine{}, ErrPairsAlike
	}
	c := over(plus(times(ex, dx), times(ey, dy)), long)
	s := over(minus(times(ey, dx), times(ex, dy)), long)
	return through(c, new(big.Rat).Neg(s), s, c, p), nil
}

// affine solves for three points by Cramer's rule.
func affine(p, q, r PointPair) (annotate.Affine, error) {
	ux, uy := sub(q.From.X, p.From.X), sub(q.From.Y, p.From.Y)
	vx, vy := sub(r.From.X, p.From.X), sub(r.From.Y, p.From.Y)
	fx, fy := sub(q.To.X, p.To.X), sub(q.To.Y, p.To.Y)
	gx, gy := sub(r.To.X, p.To.X), sub(r.To.Y, p.To.Y)
	det := minus(times(ux, vy), times(uy, vx))
	if det.Sign() == 0 || minus(times(fx, gy), times(fy, gx)).Sign() == 0 {
		return annotate.Affine{}, ErrPairsAlike
	}
	xx := over(minus(times(fx, vy), times(gx, uy)), det)
	xy := over(minus(times(gx, ux), times(fx, vx)), det)
	yx := over(minus(times(fy, vy), times(gy, uy)), det)
	yy := over(minus(times(gy, ux), times(fy, vx)), det)
	m := through(xx, xy, yx, yy, p)
	if _, err := m.Inverse(); err != nil { // as good as on a line
		return annotate.Affine{}, ErrPairsAlike
	}
	return m, nil
}

// through is the map with a linear part that takes the first point of a pair to
// its second.
func through(xx, xy, yx, yy *big.Rat, p PointPair) annotate.Affine {
	x, y := exact(p.From.X), exact(p.From.Y)
	return annotate.Affine{
		XX: rounded(xx), XY: rounded(xy), X: rounded(minus(exact(p.To.X), plus(times(xx, x), times(xy, y)))),
		YX: rounded(yx), YY: rounded(yy), Y: rounded(minus(exact(p.To.Y), plus(times(yx, x), times(yy, y)))),
	}
}

// ScaleBetween is the level-0 pixels of slide b per pixel of slide a, from their
// µm per pixel; 1 when either is unknown.
func ScaleBetween(a, b *OpenSlide) float64 {
	x, y := a.Slide.Info().MPPX, b.Slide.Info().MPPX
	if x > 0 && y > 0 {
		return x / y
	}
	return 1
}

// registrationKey names the setting that keeps the registration of two slides.
func registrationKey(from, to annotate.ID) string {
	return "registration." + from.String() + "." + to.String()
}

// KeepRegistration finds the map through pairs of points of two slides of the
// project and keeps the pairs with it, in the place of those kept before.
// Errors as of Register.
func (s *Session) KeepRegistration(from, to annotate.ID, pairs []PointPair) (Registration, error) {
	r, err := s.registration(from, to, pairs)
	if err != nil {
		return r, err
	}
	text, err := json.Marshal(pairs)
	if err != nil {
		return r, err
	}
	// One of both directions is enough, and two could contradict each other.
	return r, errors.Join(s.SetSetting(registrationKey(from, to), string(text)), s.SetSetting(registrationKey(to, from), ""))
}

// ForgetRegistration drops the registration of two slides, in both directions.
func (s *Session) ForgetRegistration(a, b annotate.ID) error {
	return errors.Join(s.SetSetting(registrationKey(a, b), ""), s.SetSetting(registrationKey(b, a), ""))
}

// Registration is the one that was kept of two slides, in either direction;
// false when there is none. What was kept and cannot be read is an error.
func (s *Session) Registration(from, to annotate.ID) (Registration, bool, error) {
	for _, turned := range [...]bool{false, true} {
		key := registrationKey(from, to)
		if turned {
			key = registrationKey(to, from)
		}
		text, ok := s.Setting(key)
		if !ok || text == "" {
			continue
		}
		pairs, err := ParsePairs([]byte(text))
		if err != nil {
			return Registration{}, false, fmt.Errorf("registration of slides %s and %s: %w", from, to, err)
		}
		if turned {
			for i, p := range pairs {
				pairs[i] = PointPair{From: p.To, To: p.From}
			}
		}
		r, err := s.registration(from, to, pairs)
		return r, err == nil, err
	}
	return Registration{}, false, nil
}

func (s *Session) registration(from, to annotate.ID, pairs []PointPair) (Registration, error) {
	scale := 1.0
	if a, err := s.Slide(from); err == nil {
		if b, err := s.Slide(to); err == nil && a.MPPX > 0 && b.MPPX > 0 {
			scale = a.MPPX / b.MPPX
		}
	}
	m, err := Register(pairs, scale)
	return Registration{From: from, To: to, Pairs: pairs, Map: m}, err
}

// ParsePairs reads pairs of points as they are kept with a project: at most
// three, with finite positions.
func ParsePairs(data []byte) ([]PointPair, error) {
	var pairs []PointPair
	if err := json.Unmarshal(data, &pairs); err != nil {
		return nil, err
	}
	if _, err := Register(pairs, 1); err != nil {
		return nil, err
	}
	return pairs, nil
}
