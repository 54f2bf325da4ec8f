package app

// Watched says how many pixels of slides a person sees at once, in all viewers: the
// decoded tiles that are kept follow it, unless Options.CacheBytes sets them.
func (s *Session) Watched(pixels int) {
	if s.fixedCache || pixels <= 0 {
		return
	}
	s.cache.SetBudget(min(defaultCacheBytes, max(leastCacheBytes, 4*cacheScreens*int64(pixels))))
}
