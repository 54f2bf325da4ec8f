package app

import (
	"errors"
	"image"
	"math"
	"math/rand"
	"path/filepath"
	"testing"

	"coverslip/annotate"
	"coverslip/tiles"
)

func at(x, y float64) annotate.Point { return annotate.Point{X: x, Y: y} }

func apart(a, b annotate.Point) float64 { return math.Hypot(a.X-b.X, a.Y-b.Y) }

// TestRegister_KnownMaps: points that were moved by a known map give it back.
func TestRegister_KnownMaps(t *testing.T) {
	r := rand.New(rand.NewSource(4))
	point := func() annotate.Point { return at(r.Float64()*120_000, r.Float64()*90_000) }
	for range 2000 {
		turn, scale := r.Float64()*2*math.Pi, math.Exp(r.NormFloat64()/2)
		c, s := scale*math.Cos(turn), scale*math.Sin(turn)
		like := annotate.Affine{XX: c, XY: -s, X: r.NormFloat64() * 1e4, YX: s, YY: c, Y: r.NormFloat64() * 1e4}
		any := annotate.Affine{XX: r.NormFloat64(), XY: r.NormFloat64(), X: like.X, YX: r.NormFloat64(), YY: r.NormFloat64(), Y: like.Y}
		if math.Abs(any.Det()) < 0.05 {
			continue
		}
		p, q, o := point(), point(), point()
		if apart(p, q) < 1000 || math.Abs((q.X-p.X)*(o.Y-p.Y)-(q.Y-p.Y)*(o.X-p.X)) < 1e7 {
			continue
		}
		pairs := func(m annotate.Affine, ps ...annotate.Point) (out []PointPair) {
			for _, p := range ps {
				out = append(out, PointPair{From: p, To: m.Apply(p)})
			}
			return out
		}
		for _, try := range []struct {
			want annotate.Affine
			in   []PointPair
		}{{like, pairs(like, p, q)}, {like, pairs(like, p, q, o)}, {any, pairs(any, p, q, o)}} {
			got, err := Register(try.in, 1)
			if err != nil {
				t.Fatal(err)
			}
			for _, pair := range try.in { // through the points, to a billionth of a pixel of 1e5
				if d := apart(got.Apply(pair.From), pair.To); d > 2e-9 {
					t.Fatalf("%d pairs: off its own point by %g px", len(try.in), d)
				}
			}
			if x := point(); apart(got.Apply(x), try.want.Apply(x)) > 1e-5 {
				t.Fatalf("%d pairs: %+v, want %+v", len(try.in), got, try.want)
			}
			back, err := got.Inverse()
			if err != nil {
				t.Fatal(err)
			}
			if x := point(); apart(back.Apply(got.Apply(x)), x) > 1e-4 {
				t.Fatalf("there and back is off by %g px", apart(back.Apply(got.Apply(x)), x))
			}
		}
	}
}

// TestRegister_Exact: integers whose solution is a float64 give exactly it,
// where a solution in floats is off.
func TestRegister_Exact(t *testing.T) {
	got, err := Register([]PointPair{{at(0, 0), at(7, -3)}, {at(3, 0), at(7, 3)}}, 1)
	if want := (annotate.Affine{XX: 0, XY: -2, X: 7, YX: 2, YY: 0, Y: -3}); err != nil || got != want {
		t.Errorf("quarter turn, twice as large: %+v, %v, want %+v", got, err, want)
	}
	// 1e7 away, the three points are one pixel apart: floats lose the difference of products.
	got, err = Register([]PointPair{{at(9999990, 9999990), at(0, 0)}, {at(9999991, 9999990), at(3, 1)}, {at(9999990, 9999991), at(-1, 2)}}, 1)
	if want := (annotate.Affine{XX: 3, XY: -1, X: -2 * 9999990, YX: 1, YY: 2, Y: -3 * 9999990}); err != nil || got != want {
		t.Errorf("affine far out: %+v, %v, want %+v", got, err, want)
	}
	if got, err = Register([]PointPair{{at(10, 20), at(100, 100)}}, 2); err != nil || got != (annotate.Affine{XX: 2, YY: 2, X: 80, Y: 60}) {
		t.Errorf("one pair: %+v, %v", got, err)
	}
}

func TestRegister_Refuses(t *testing.T) {
	p := PointPair{at(1, 1), at(5, 5)}
	for name, try := range map[string]struct {
		pairs []PointPair
		want  error
	}{
		"none":              {nil, ErrPairs},
		"four":              {[]PointPair{p, p, p, p}, ErrPairs},
		"one twice":         {[]PointPair{p, p}, ErrPairsAlike},
		"same place there":  {[]PointPair{p, {at(9, 9), at(5, 5)}}, ErrPairsAlike},
		"on a line":         {[]PointPair{{at(0, 0), at(0, 0)}, {at(1, 1), at(1, 0)}, {at(2, 2), at(0, 1)}}, ErrPairsAlike},
		"on a line there":   {[]PointPair{{at(0, 0), at(0, 0)}, {at(1, 0), at(1, 1)}, {at(0, 1), at(2, 2)}}, ErrPairsAlike},
		"almost on a line":  {[]PointPair{{at(0, 0), at(0, 0)}, {at(1e6, 1e6), at(1e6, 0)}, {at(2e6, 2e6+1e-7), at(0, 1e6)}}, ErrPairsAlike},
		"not a number":      {[]PointPair{{at(math.NaN(), 0), at(0, 0)}}, annotate.ErrInvalidROI},
		"beyond everything": {[]PointPair{{at(1e9, 0), at(0, 0)}, p}, annotate.ErrInvalidROI},
	} {
		if m, err := Register(try.pairs, 1); !errors.Is(err, try.want) {
			t.Errorf("%s: %+v, %v, want %v", name, m, err, try.want)
		}
	}
}

// FuzzParsePairs: whatever stands in a project gives pairs that make a map, or
// an error.
func FuzzParsePairs(f *testing.F) {
	for _, s := range []string{``, `[]`, `null`, `{}`, `[{"from":{"X":1,"Y":2},"to":{"X":3,"Y":4}}]`, `[{"from":{"X":1e999}}]`,
		`[{"from":{"X":1,"Y":2},"to":{"X":3,"Y":4}},{"from":{"X":1,"Y":2},"to":{"X":3,"Y":4}}]`, `[1,2,3]`, `[{},{},{}]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		pairs, err := ParsePairs(data)
		if err != nil {
			return
		}
		m, err := Register(pairs, 1)
		if err != nil {
			t.Fatalf("parsed but not registered: %v", err)
		}
		for _, v := range [...]float64{m.XX, m.XY, m.X, m.YX, m.YY, m.Y} {
			if math.IsNaN(v) {
				t.Fatalf("%+v of %s", m, data)
			}
		}
	})
}

// TestSession_SideBySide: several slides are open at once, one is current;
// registrations are kept with the project and known in both directions.
func TestSession_SideBySide(t *testing.T) {
	dir := t.TempDir()
	s, err := CreateProject(filepath.Join(dir, "p.coverslip"), "P", Options{Author: "Ada"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := t.Context()
	var ids []annotate.ID
	for i, name := range []string{"a.svs", "b.svs", "c.svs"} {
		path := filepath.Join(dir, name)
		writeSlide(t, path, uint64(1+i))
		id, err := s.AddSlide(ctx, path)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	a, err := s.OpenSlide(ctx, ids[0])
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.OpenBeside(ctx, ids[1])
	if err != nil {
		t.Fatal(err)
	}
	if s.Current() != b || len(s.OpenSlides()) != 2 || s.Opened(ids[0]) != a {
		t.Fatalf("current %v, %d open", s.Current().Item.Name, len(s.OpenSlides()))
	}
	roi := annotate.Rectangle(10, 10, 60, 60)
	if _, err := s.Draw(roi, annotate.ID{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Activate(ids[0]); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.UndoLabel(); ok {
		t.Error("undo on the first slide offers the edit of the second")
	}
	if _, err := s.Draw(roi, annotate.ID{}); err != nil {
		t.Fatal(err)
	}
	if a.Set.Len() != 1 || b.Set.Len() != 1 {
		t.Errorf("%d and %d labels, want one on each slide", a.Set.Len(), b.Set.Len())
	}
	// OpenSlide takes the place of the current slide alone.
	c, err := s.OpenSlide(ctx, ids[2])
	if err != nil || s.Current() != c || s.Opened(ids[0]) != nil || s.Opened(ids[1]) != b {
		t.Fatalf("after another slide: %v; %d open", err, len(s.OpenSlides()))
	}
	if err := s.CloseSlide(ids[2]); err != nil || s.Current() != b {
		t.Fatalf("closed the current slide: %v; %+v is current", err, s.Current())
	}
	if err := s.Activate(ids[2]); !errors.Is(err, ErrNoSlide) {
		t.Errorf("a closed slide was activated: %v", err)
	}
	if err := b.Slide.ReadTile(ctx, tiles.Key{}, image.NewRGBA(b.Slide.Levels()[0].TileRect(0, 0))); err != nil {
		t.Errorf("the slide that stayed cannot be read: %v", err)
	}

	pairs := []PointPair{{at(0, 0), at(10, 0)}, {at(100, 0), at(10, 100)}}
	if _, err := s.KeepRegistration(ids[0], ids[1], pairs); err != nil {
		t.Fatal(err)
	}
	for _, way := range [][2]annotate.ID{{ids[0], ids[1]}, {ids[1], ids[0]}} {
		r, ok, err := s.Registration(way[0], way[1])
		if err != nil || !ok || len(r.Pairs) != 2 || apart(r.Map.Apply(r.Pairs[1].From), r.Pairs[1].To) > 1e-9 {
			t.Errorf("registration: %+v %v %v", r, ok, err)
		}
	}
	if err := s.ForgetRegistration(ids[1], ids[0]); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := s.Registration(ids[0], ids[1]); ok || err != nil {
		t.Errorf("a forgotten registration is there: %v", err)
	}
}
