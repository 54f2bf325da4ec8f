package tiles

import (
	"container/list"
	"sync"
)

// lru is a map bounded by the cost of its values; the least recently used go
// first. The newest value stays even when it alone is over the budget: a tile
// that never fits would be decoded again and again. It is safe for concurrent
// use.
type lru[K comparable, V any] struct {
	mu     sync.Mutex // protects all below
	budget int64
	used   int64
	order  list.List // of *lruEntry, newest first
	items  map[K]*list.Element
}

type lruEntry[K comparable, V any] struct {
	key   K
	value V
	cost  int64
}

func newLRU[K comparable, V any](budget int64) *lru[K, V] {
	return &lru[K, V]{budget: budget, items: map[K]*list.Element{}}
}

// get returns the value and marks it as used.
func (c *lru[K, V]) get(k K) (v V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.items[k]
	if !ok {
		return v, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*lruEntry[K, V]).value, true
}

// put stores a value of the given cost in bytes, replacing one of the same key.
func (c *lru[K, V]) put(k K, v V, cost int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.items[k]; ok {
		c.remove(e)
	}
	c.items[k] = c.order.PushFront(&lruEntry[K, V]{k, v, cost})
	c.used += cost
	for c.used > c.budget && c.order.Len() > 1 {
		c.remove(c.order.Back())
	}
}

// remove is called with the lock held.
func (c *lru[K, V]) remove(e *list.Element) {
	it := e.Value.(*lruEntry[K, V])
	c.order.Remove(e)
	delete(c.items, it.key)
	c.used -= it.cost
}
