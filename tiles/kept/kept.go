// Package kept holds what was unpacked last and is wanted again: chunks and
// stored pictures that several tiles are cut from.
package kept

import (
	"container/list"
	"context"
	"errors"
	"sync"
)

// perItem is what an item counts for beyond its bytes.
const perItem = 256

// Kept is the byte slices made last, by their key. Those who ask for one key at
// once wait for one making of it. It is safe for concurrent use; what it returns
// is shared and must not be changed.
type Kept[K comparable] struct {
	mu     sync.Mutex
	limit  int // bytes
	bytes  int
	order  *list.List // of *item[K], the last used in front
	by     map[K]*list.Element
	flying map[K]*flight
}

// item is what is kept; data is nil for what does not exist.
type item[K comparable] struct {
	key  K
	data []byte
}

// flight is an item being made; its results are set when done is closed.
type flight struct {
	done chan struct{}
	data []byte
	err  error
}

// New keeps up to limit bytes, and at least the last item.
func New[K comparable](limit int) *Kept[K] {
	return &Kept[K]{limit: limit, order: list.New(), by: map[K]*list.Element{}, flying: map[K]*flight{}}
}

// Get returns what is kept under a key, made by read when it is not. nil is a
// result like any other; errors are not kept.
func (k *Kept[K]) Get(ctx context.Context, key K, read func() ([]byte, error)) ([]byte, error) {
	for {
		k.mu.Lock()
		if e, ok := k.by[key]; ok {
			k.order.MoveToFront(e)
			data := e.Value.(*item[K]).data
			k.mu.Unlock()
			return data, nil
		}
		f, ok := k.flying[key]
		if !ok {
			f = &flight{done: make(chan struct{}), err: errors.New("reading did not end")}
			k.flying[key] = f
			k.mu.Unlock()
			return k.fly(f, key, read)
		}
		k.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-f.done:
		}
		// Another's cancelled context says nothing of the item.
		if f.err == nil || !errors.Is(f.err, context.Canceled) && !errors.Is(f.err, context.DeadlineExceeded) {
			return f.data, f.err
		}
	}
}

// fly makes an item and keeps it.
func (k *Kept[K]) fly(f *flight, key K, read func() ([]byte, error)) ([]byte, error) {
	defer func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(k.flying, key)
		close(f.done)
		if f.err != nil {
			return
		}
		k.by[key] = k.order.PushFront(&item[K]{key, f.data})
		k.bytes += len(f.data) + perItem
		for k.bytes > k.limit && k.order.Len() > 1 {
			last := k.order.Remove(k.order.Back()).(*item[K])
			delete(k.by, last.key)
			k.bytes -= len(last.data) + perItem
		}
	}()
	f.data, f.err = read()
	return f.data, f.err
}
