package zarr

import (
	"container/list"
	"context"
	"errors"
	"sync"
)

// kept is the unpacked chunks used last, and the indices of shards. Those who
// ask for one chunk at once wait for one unpacking of it. It is safe for
// concurrent use.
type kept struct {
	mu     sync.Mutex
	limit  int // bytes
	bytes  int
	order  *list.List // of *keptChunk, the last used in front
	by     map[keptKey]*list.Element
	flying map[keptKey]*flight
}

// keptKey names a chunk by its number in an array, or an index by its file.
type keptKey struct {
	array *array
	chunk int64
	file  string
}

type keptChunk struct {
	key  keptKey
	data []byte // nil: never stored
}

// flight is a chunk being unpacked; its results are set when done is closed.
type flight struct {
	done chan struct{}
	data []byte
	err  error
}

func newKept(limit int) *kept {
	return &kept{limit: limit, order: list.New(), by: map[keptKey]*list.Element{}, flying: map[keptKey]*flight{}}
}

// get returns a chunk, made when it is not kept; errors are not kept.
func (k *kept) get(ctx context.Context, key keptKey, read func() ([]byte, error)) ([]byte, error) {
	for {
		k.mu.Lock()
		if e, ok := k.by[key]; ok {
			k.order.MoveToFront(e)
			data := e.Value.(*keptChunk).data
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
		// Another's cancelled context says nothing of the chunk.
		if f.err == nil || !errors.Is(f.err, context.Canceled) && !errors.Is(f.err, context.DeadlineExceeded) {
			return f.data, f.err
		}
	}
}

// fly reads a chunk and keeps it.
func (k *kept) fly(f *flight, key keptKey, read func() ([]byte, error)) ([]byte, error) {
	defer func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(k.flying, key)
		close(f.done)
		if f.err != nil {
			return
		}
		k.by[key] = k.order.PushFront(&keptChunk{key, f.data})
		k.bytes += len(f.data) + 256
		for k.bytes > k.limit && k.order.Len() > 1 {
			last := k.order.Remove(k.order.Back()).(*keptChunk)
			delete(k.by, last.key)
			k.bytes -= len(last.data) + 256
		}
	}()
	f.data, f.err = read()
	return f.data, f.err
}
