package window

import "testing"

// The runtime knows what is asked of it by these names: a heap without any slack there
// is not.
func TestIdleHeap(t *testing.T) {
	if idleHeap() == 0 {
		t.Error("not a byte of the heap is idle")
	}
}
