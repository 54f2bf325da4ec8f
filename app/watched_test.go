package app

import "testing"

// The tiles that are kept follow what is seen, between bounds, unless asked for.
func TestSession_Watched(t *testing.T) {
	s := newSession(Options{Author: "a"})
	for _, c := range []struct {
		pixels int
		want   int64
	}{{640 * 700, leastCacheBytes}, {1920 * 1000, 4 * cacheScreens * 1920 * 1000}, {2 * 3840 * 2000, defaultCacheBytes}, {0, defaultCacheBytes}} {
		if s.Watched(c.pixels); s.cache.Budget() != c.want {
			t.Errorf("%d pixels: %d bytes, want %d", c.pixels, s.cache.Budget(), c.want)
		}
	}
	asked := newSession(Options{Author: "a", CacheBytes: 99 << 20})
	if asked.Watched(1920 * 1080); asked.cache.Budget() != 99<<20 {
		t.Errorf("%d bytes, 99 MB were asked for", asked.cache.Budget())
	}
}
