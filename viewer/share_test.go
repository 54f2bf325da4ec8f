package viewer

import (
	"image/color"
	"slices"
	"testing"

	"coverslip/tiles"
)

func TestShare_WishesOfAllViewers(t *testing.T) {
	src := newFakeSource(newFakeSlide(4096, 4096, 256, func(x, y float64) color.RGBA { return color.RGBA{9, 9, 9, 255} }))
	key := func(col int) tiles.Key { return tiles.Key{Col: col} }
	a := NewShare(src)
	a.Want([]tiles.Key{key(1), key(2), key(3)})
	if !slices.Equal(src.wish, []tiles.Key{key(1), key(2), key(3)}) || a.Pending() != 3 {
		t.Fatalf("one viewer: %v, %d to come", src.wish, a.Pending())
	}
	b := a.Another()
	b.Want([]tiles.Key{key(8), key(2)})
	if want := []tiles.Key{key(1), key(8), key(2), key(2), key(3)}; !slices.Equal(src.wish, want) {
		t.Fatalf("two viewers: %v, want %v", src.wish, want)
	}
	src.deliver(2) // 1 and 8
	if a.Pending() != 2 || b.Pending() != 1 {
		t.Errorf("%d and %d to come, want 2 and 1", a.Pending(), b.Pending())
	}
	if _, ok := b.Get(key(1)); !ok {
		t.Error("the second viewer does not have what the first one had fetched")
	}
	a.End()
	if want := []tiles.Key{key(8), key(2)}; !slices.Equal(src.wish, want) {
		t.Errorf("after the first ended: %v, want %v", src.wish, want)
	}
	a.Want([]tiles.Key{key(5)})
	if want := []tiles.Key{key(8), key(2)}; !slices.Equal(src.wish, want) {
		t.Errorf("one that ended still wishes: %v", src.wish)
	}
}
