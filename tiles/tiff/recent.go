package tiff

import (
	"container/list"
	"sync"
)

// recent is what was decoded last, bounded in bytes: the channels of a tile whose
// samples lie together are read one by one, and tiles that are turned lie across
// stored ones. It is safe for concurrent use.
type recent[K comparable, V any] struct {
	mu    sync.Mutex // protects all below
	limit int
	bytes int
	order list.List // of recentEntry, the last used in front
	by    map[K]*list.Element
}

type recentEntry[K comparable, V any] struct {
	key   K
	value V // never changed
	cost  int
}

// recentTile names an unpacked tile.
type recentTile struct {
	image *Image
	tile  int
}

// recentBytes bounds what a slide keeps of either kind.
const recentBytes = 32 << 20

func newRecent[K comparable, V any](limit int) *recent[K, V] {
	return &recent[K, V]{limit: limit, by: map[K]*list.Element{}}
}

func (r *recent[K, V]) get(k K) (v V, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.by[k]
	if !ok {
		return v, false
	}
	r.order.MoveToFront(e)
	return e.Value.(recentEntry[K, V]).value, true
}

// put keeps a value that takes so many bytes.
func (r *recent[K, V]) put(k K, v V, cost int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, twice := r.by[k]; twice {
		return
	}
	r.by[k] = r.order.PushFront(recentEntry[K, V]{k, v, cost})
	r.bytes += cost
	for r.bytes > r.limit && r.order.Len() > 1 {
		last := r.order.Remove(r.order.Back()).(recentEntry[K, V])
		delete(r.by, last.key)
		r.bytes -= last.cost
	}
}
