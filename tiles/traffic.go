package tiles

import (
	"context"
	"sync/atomic"
	"time"
)

// Traffic lets those who read many tiles give way to the one who waits for a
// few: models and exports to the person at the screen. The zero value is ready.
// It is safe for concurrent use.
type Traffic struct {
	urgent atomic.Int32 // loaders of the screen that have something to read
}

const (
	// A person who moves without a pause would stop a job for good: a job waits
	// this long for each tile at most.
	longestYield = 25 * time.Millisecond
	yieldStep    = time.Millisecond
)

// Yield waits while the screen waits for tiles, for 25 ms at most. A nil Traffic
// waits for nothing.
func (t *Traffic) Yield(ctx context.Context) {
	if t == nil || t.urgent.Load() == 0 {
		return
	}
	end := time.Now().Add(longestYield)
	for t.urgent.Load() > 0 && ctx.Err() == nil && time.Now().Before(end) {
		time.Sleep(yieldStep)
	}
}
