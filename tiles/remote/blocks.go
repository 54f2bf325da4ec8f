package remote

import (
	"container/list"
	"sync"
)

// blocks is the parts of one file that were read last, bounded in bytes.
type blocks struct {
	mu    sync.Mutex
	limit int
	used  int
	order list.List // of *block, newest first
	by    map[int64]*list.Element
}

type block struct {
	at   int64 // number of the block
	data []byte
}

func newBlocks(limit int) *blocks { return &blocks{limit: limit, by: map[int64]*list.Element{}} }

func (b *blocks) get(at int64) ([]byte, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.by[at]
	if e == nil {
		return nil, false
	}
	b.order.MoveToFront(e)
	return e.Value.(*block).data, true
}

func (b *blocks) has(at int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.by[at] != nil
}

// put keeps a block; data must not be changed afterwards.
func (b *blocks) put(at int64, data []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.by[at] != nil {
		return
	}
	b.by[at] = b.order.PushFront(&block{at, data})
	b.used += len(data)
	for b.used > b.limit && b.order.Len() > maxRun {
		old := b.order.Remove(b.order.Back()).(*block)
		delete(b.by, old.at)
		b.used -= len(old.data)
	}
}
