package tiles

import (
	"image"
	"sync/atomic"
)

// Cache keeps decoded tiles, bounded in bytes and shared between slides: a
// slide that is looked at may use what another one no longer needs. It is safe
// for concurrent use.
type Cache struct {
	lru    *lru[cacheKey, *image.RGBA]
	slides atomic.Uint64
}

// cacheKey is a tile of one of the loaders of a cache.
type cacheKey struct {
	slide uint64
	key   Key
}

// DefaultCacheBytes is a budget that holds some 75 screens of full HD.
const DefaultCacheBytes = 1 << 30

// minCacheBytes is a screen and its surroundings.
const minCacheBytes = 16 << 20

// NewCache makes a cache of at most the given bytes of pixels, at least 16 MiB.
func NewCache(bytes int64) *Cache {
	return &Cache{lru: newLRU[cacheKey, *image.RGBA](max(bytes, minCacheBytes))}
}

// Used is the bytes of pixels in the cache.
func (c *Cache) Used() int64 {
	c.lru.mu.Lock()
	defer c.lru.mu.Unlock()
	return c.lru.used
}

// Budget is the bytes of pixels the cache may hold.
func (c *Cache) Budget() int64 { return c.lru.budget }

// register numbers a loader's tiles apart from all others'.
func (c *Cache) register() uint64 { return c.slides.Add(1) }

// forget drops the tiles of a loader.
func (c *Cache) forget(slide uint64) {
	c.lru.removeIf(func(k cacheKey) bool { return k.slide == slide })
}
