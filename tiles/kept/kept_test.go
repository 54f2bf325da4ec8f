package kept

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestKept_Bounded(t *testing.T) {
	k := New[int](10 * (1000 + perItem))
	made := map[int]int{}
	get := func(i int) {
		got, err := k.Get(context.Background(), i, func() ([]byte, error) {
			made[i]++
			b := make([]byte, 1000)
			b[0] = byte(i)
			return b, nil
		})
		if err != nil || got[0] != byte(i) {
			t.Fatal(i, err)
		}
	}
	for i := range 20 {
		get(i)
		get(0) // stays, being used
	}
	if made[0] != 1 || k.order.Len() != 10 || len(k.by) != 10 || k.bytes != k.limit {
		t.Errorf("made %d times; %d items of %d bytes", made[0], k.order.Len(), k.bytes)
	}
	get(1)
	if made[1] != 2 {
		t.Error("the one used longest ago is kept")
	}
	// Something larger than all stays until the next.
	if _, err := k.Get(context.Background(), 100, func() ([]byte, error) { return make([]byte, 1<<20), nil }); err != nil || k.order.Len() != 1 {
		t.Error(err, k.order.Len())
	}
}

func TestKept_NilAndErrors(t *testing.T) {
	k := New[string](1000)
	calls := 0
	for range 2 {
		if b, err := k.Get(context.Background(), "none", func() ([]byte, error) { calls++; return nil, nil }); b != nil || err != nil {
			t.Error(b, err)
		}
	}
	if calls != 1 {
		t.Errorf("what does not exist is looked for %d times", calls)
	}
	bad := errors.New("bad")
	for range 2 {
		if _, err := k.Get(context.Background(), "bad", func() ([]byte, error) { calls++; return nil, bad }); !errors.Is(err, bad) {
			t.Error(err)
		}
	}
	if calls != 3 {
		t.Error("errors are kept")
	}
}

func TestKept_OneFlight(t *testing.T) {
	k := New[int](1000)
	var calls atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := k.Get(context.Background(), 1, func() ([]byte, error) {
				calls.Add(1)
				time.Sleep(20 * time.Millisecond)
				return []byte{1}, nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if calls.Load() != 1 {
		t.Errorf("made %d times", calls.Load())
	}
	// One who waits leaves with its context; another's cancelled one is retried.
	begun := make(chan bool)
	wg.Go(func() {
		_, err := k.Get(context.Background(), 2, func() ([]byte, error) {
			close(begun)
			time.Sleep(20 * time.Millisecond)
			return nil, context.Canceled
		})
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	<-begun
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := k.Get(cancelled, 2, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if b, err := k.Get(context.Background(), 2, func() ([]byte, error) { return []byte{2}, nil }); err != nil || b[0] != 2 {
		t.Error(b, err)
	}
	wg.Wait()
}
