package tiles_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"coverslip/tiles"
)

// pyramid is four levels of tiles of 16 pixels, each half of the one before.
func pyramid() []tiles.Level {
	return []tiles.Level{level(1600, 1600, 1), level(800, 800, 2), level(400, 400, 4), level(50, 50, 32)}
}

func nothing(tiles.Key) bool { return false }

func TestPlan_Order(t *testing.T) {
	levels := pyramid()
	seen := tiles.Region{X: 320, Y: 320, W: 64, H: 64, Downsample: 1}
	list := tiles.Plan(levels, tiles.Scene{Seen: seen, FocusX: 380, FocusY: 325}, nothing, nil)
	top := 4 * 4 // tiles of the coarsest level
	for i, k := range list[:top] {
		if k.Level != 3 {
			t.Fatalf("place %d: %v is not of the coarsest level", i, k)
		}
	}
	if k := list[top]; k.Level != 2 {
		t.Errorf("then comes a rough picture, not %v", k)
	}
	fine := list[slices.IndexFunc(list, func(k tiles.Key) bool { return k.Level == 0 }):]
	if fine[0] != (tiles.Key{Col: 23, Row: 20}) {
		t.Errorf("the tile under the pointer comes first, not %v", fine[0])
	}
	for i, k := range fine[:16] {
		if k.Level != 0 || k.Col < 20 || k.Col > 23 || k.Row < 20 || k.Row > 23 {
			t.Errorf("place %d: %v is not seen", i, k)
		}
	}
	if k := fine[16]; k.Level != 0 {
		t.Errorf("the ring comes before %v", k)
	}
	once := map[tiles.Key]bool{}
	for _, k := range list {
		if once[k] {
			t.Errorf("%v is wished twice", k)
		}
		once[k] = true
	}
}

func TestPlan_WhatIsThereIsNotWished(t *testing.T) {
	s := tiles.Scene{Seen: tiles.Region{X: 320, Y: 320, W: 32, H: 32, Downsample: 1}}
	for _, k := range tiles.Plan(pyramid(), s, func(k tiles.Key) bool { return k.Level != 0 || k.Col == 20 }, nil) {
		if k.Level != 0 || k.Col == 20 {
			t.Errorf("%v is wished", k)
		}
	}
}

func TestPlan_MovementIsReadAhead(t *testing.T) {
	s := tiles.Scene{Seen: tiles.Region{X: 320, Y: 320, W: 64, H: 64, Downsample: 1}, VelX: 100}
	there := func(k tiles.Key) bool { return k.Level != 0 || k.Col >= 20 && k.Col < 24 && k.Row >= 20 && k.Row < 24 }
	list := tiles.Plan(pyramid(), s, there, nil)
	// 35 pixels to the right: the columns 24, 25 and 26.
	for i, k := range list[:12] {
		if k.Col < 24 || k.Col > 26 || k.Row < 20 || k.Row > 23 {
			t.Errorf("place %d: %v does not lie ahead", i, k)
		}
	}
	s.VelX = 1e12 // a jump must not wish the whole slide
	if n := len(tiles.Plan(pyramid(), s, nothing, nil)); n > 200 {
		t.Errorf("%d wishes", n)
	}
}

func TestPlan_ZoomLeads(t *testing.T) {
	seen := tiles.Region{X: 320, Y: 320, W: 128, H: 128, Downsample: 2}
	there := func(k tiles.Key) bool { return k.Level == 1 || k.Level == 3 }
	in := tiles.Plan(pyramid(), tiles.Scene{Seen: seen, Level: 1, FocusX: 400, FocusY: 400, Zooming: 1}, there, nil)
	if len(in) == 0 || in[0].Level != 0 {
		t.Errorf("zooming in wishes %v", in)
	}
	out := tiles.Plan(pyramid(), tiles.Scene{Seen: seen, Level: 1, Zooming: -1}, there, nil)
	still := tiles.Plan(pyramid(), tiles.Scene{Seen: seen, Level: 1}, there, nil)
	if len(out) <= len(still) || out[0].Level != 2 {
		t.Errorf("zooming out wishes %v, resting %v", out, still)
	}
}

func TestPlan_Bounds(t *testing.T) {
	for _, s := range []tiles.Scene{{Level: -1}, {Level: 9}, {}, {Seen: tiles.Region{X: -1e9, Y: 1e9, W: 5, H: 5}}} {
		tiles.Plan(pyramid(), s, nothing, nil) // no panic
	}
	if got := tiles.Plan(nil, tiles.Scene{}, nothing, nil); got != nil {
		t.Errorf("no levels: %v", got)
	}
}

func BenchmarkPlan(b *testing.B) {
	levels := []tiles.Level{}
	for w := 100000; w > 500; w /= 2 {
		l := level(w, w, float64(100000/w))
		l.TileWidth, l.TileHeight = 256, 256
		levels = append(levels, l)
	}
	there := map[tiles.Key]bool{}
	s := tiles.Scene{Seen: tiles.Region{X: 5e4, Y: 5e4, W: 1920, H: 1080, Downsample: 1}, VelX: 2000}
	for _, k := range tiles.Plan(levels, s, nothing, nil) {
		there[k] = rand.IntN(8) > 0
	}
	var list []tiles.Key
	b.ReportAllocs()
	for b.Loop() {
		list = tiles.Plan(levels, s, func(k tiles.Key) bool { return there[k] }, list[:0])
	}
}
