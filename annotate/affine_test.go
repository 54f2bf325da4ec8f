package annotate

import (
	"errors"
	"math"
	"math/rand"
	"testing"
)

// TestAffine_InverseAndThen: there and back is where one began, one map after
// another is the product, and scale and angle are those it was made of.
func TestAffine_InverseAndThen(t *testing.T) {
	r := rand.New(rand.NewSource(2))
	for range 5000 {
		turn, scale := (r.Float64()*2-1)*math.Pi, math.Exp(r.NormFloat64())
		c, s := scale*math.Cos(turn), scale*math.Sin(turn)
		a := Affine{XX: c, XY: -s, X: r.NormFloat64() * 1e5, YX: s, YY: c, Y: r.NormFloat64() * 1e5}
		if math.Abs(a.Scale()/scale-1) > 1e-12 || math.Abs(math.Remainder(a.Angle()-turn, 2*math.Pi)) > 1e-12 {
			t.Fatalf("scale %g turn %g of %g, %g", a.Scale(), a.Angle(), scale, turn)
		}
		if r.Intn(2) == 0 {
			a.XX, a.YX = -a.XX, -a.YX
		}
		if math.Abs(math.Remainder(a.Angle()-turn, 2*math.Pi)) > 1e-12 {
			t.Fatalf("angle %g of a mirrored map, want %g", a.Angle(), turn)
		}
		b := Affine{XX: r.NormFloat64(), XY: r.NormFloat64(), X: 3, YX: r.NormFloat64(), YY: r.NormFloat64(), Y: -8}
		p := Point{r.Float64() * 1e5, r.Float64() * 1e5}
		back, err := a.Inverse()
		if err != nil {
			t.Fatal(err)
		}
		if q := back.Apply(a.Apply(p)); math.Hypot(q.X-p.X, q.Y-p.Y) > 1e-6 {
			t.Fatalf("back at %v, began at %v", q, p)
		}
		x, y := a.Then(b).Apply(p), b.Apply(a.Apply(p))
		if math.Hypot(x.X-y.X, x.Y-y.Y) > 1e-6*math.Max(1, math.Hypot(y.X, y.Y)) {
			t.Fatalf("a then b gives %v, want %v", x, y)
		}
	}
	for _, flat := range []Affine{{}, {XX: 1, XY: 2, YX: 2, YY: 4}, {XX: math.Inf(1), YY: 1}, {XX: math.NaN(), YY: 1}, {XX: 1, YY: 1, X: math.NaN()}} {
		if _, err := flat.Inverse(); !errors.Is(err, ErrFlatMap) {
			t.Errorf("%+v has a way back: %v", flat, err)
		}
	}
}
