package window

import (
	"sync/atomic"
	"testing"
	"time"
)

func TestLane_Do_KeepsOrder(t *testing.T) {
	l := newLane()
	var got []int
	for i := range 200 {
		l.do(func() {
			if i%50 == 0 {
				time.Sleep(time.Millisecond)
			}
			got = append(got, i)
		})
	}
	l.wait()
	if len(got) != 200 {
		t.Fatalf("%d of 200 ran", len(got))
	}
	for i, v := range got {
		if v != i {
			t.Fatalf("place %d holds %d", i, v)
		}
	}
}

func TestLatest_Do_DropsWhatIsReplaced(t *testing.T) {
	l := newLatest()
	start, gate := make(chan struct{}), make(chan struct{})
	var ran atomic.Int32
	var last atomic.Int32
	l.do(func() { close(start); <-gate })
	<-start
	for i := range 10 {
		l.do(func() { ran.Add(1); last.Store(int32(i)) })
	}
	close(gate)
	l.wait()
	if ran.Load() != 1 || last.Load() != 9 {
		t.Errorf("ran %d times, last %d; want the last one only", ran.Load(), last.Load())
	}
}
