package learn

import (
	"context"
	"errors"
	"testing"
)

// simulation is a pool with one rare class beside three common ones.
func simulation(order Order, seed uint64) Simulation {
	s := Simulation{Classes: 4, Order: order, Seed: seed, Most: 40, Step: 4}
	split := func(examples []Example) (Matrix, []int) {
		var class []int
		for _, e := range examples {
			class = append(class, e.Class)
		}
		return matrixOf(examples), class
	}
	s.Pool, s.PoolClass = split(clouds(11, 24, 0.8, 120, 120, 120, 12))
	s.Test, s.TestClass = split(clouds(12, 24, 0.8, 40, 40, 40, 40))
	return s
}

// The queue finds the rare class with fewer clicks than chance does.
func TestSimulation_UncertainNeedsFewerClicks(t *testing.T) {
	var saved []float64
	for seed := range uint64(5) {
		clicks := map[Order]int{}
		for _, o := range []Order{OrderRandom, OrderUncertain} {
			points, err := simulation(o, seed).Run(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			for i := 1; i < len(points); i++ {
				if points[i].Clicks <= points[i-1].Clicks {
					t.Fatalf("clicks %d after %d", points[i].Clicks, points[i-1].Clicks)
				}
			}
			clicks[o], _ = ClicksTo(points, 0.9)
		}
		saved = append(saved, float64(clicks[OrderRandom]-clicks[OrderUncertain]))
	}
	mean, low, high := Paired(saved, 1)
	t.Logf("clicks saved %v: mean %.1f (%.1f to %.1f)", saved, mean, low, high)
	if mean <= 0 || low > mean || high < mean {
		t.Errorf("mean %.1f (%.1f to %.1f)", mean, low, high)
	}
}

func TestSimulation_Refuses(t *testing.T) {
	s := simulation(OrderMixed, 1)
	s.PoolClass = s.PoolClass[1:]
	if _, err := s.Run(context.Background()); err == nil {
		t.Error("a patch without a class was taken")
	}
	s = simulation(OrderMixed, 1)
	clear(s.PoolClass)
	if _, err := s.Run(context.Background()); !errors.Is(err, ErrOneClass) {
		t.Errorf("one class: %v", err)
	}
	if n, ok := ClicksTo([]SimPoint{{3, 0.2}, {4, 0.95}, {5, 0.5}, {6, 0.9}}, 0.9); n != 6 || !ok {
		t.Errorf("a goal that was lost again: %d %v", n, ok)
	}
	if n, ok := ClicksTo([]SimPoint{{3, 0.2}}, 0.9); n != 3 || ok {
		t.Errorf("a goal never reached: %d %v", n, ok)
	}
}
