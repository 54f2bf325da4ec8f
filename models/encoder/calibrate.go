package encoder

import (
	"context"
	"fmt"
	"image"
	"time"
)

// Trial is one measurement of a calibration.
type Trial struct {
	Batch     int     `json:"batch"`     // patches a run
	PerSecond float64 `json:"perSecond"` // patches a second, preprocessing included
	Peak      int64   `json:"peak"`      // most memory of what runs the model up to then, bytes; 0 = not known
}

// Calibration is how many patches a run this computer does best with.
type Calibration struct {
	Trial
	Trials []Trial `json:"trials"` // all of them, in the order they were made
}

// enoughGain is how much faster a larger batch must be to be worth its memory.
const enoughGain = 1.04

// Calibrate measures growing batches of made-up patches until one is hardly
// faster than the one before, or budget is used up, and sets the best. peak
// tells the most memory used so far; it may be nil. A model that fixes its
// batch is measured with that alone.
func (e *Encoder) Calibrate(ctx context.Context, budget time.Duration, peak func() int64) (Calibration, error) {
	sizes := []int{1, 2, 4, 8, 16}
	if e.fixed || e.alone {
		sizes = []int{int(e.batch.Load())}
	}
	var c Calibration
	end := time.Now().Add(budget)
	for _, n := range sizes {
		if e.SetBatch(n); int(e.batch.Load()) != n {
			return c, fmt.Errorf("encoder: a batch of %d cannot be set", n)
		}
		t, err := e.trial(ctx, n, end)
		if err != nil {
			return c, fmt.Errorf("encoder: calibration with %d patches: %w", n, err)
		}
		if peak != nil {
			t.Peak = peak()
		}
		c.Trials = append(c.Trials, t)
		if c.Batch > 0 && t.PerSecond < c.PerSecond*enoughGain {
			break
		}
		c.Trial = t
		if time.Now().After(end) {
			break
		}
	}
	e.SetBatch(c.Batch)
	return c, nil
}

// trial takes the best of up to three runs after one that warms up.
func (e *Encoder) trial(ctx context.Context, n int, end time.Time) (Trial, error) {
	patches := make([]*image.RGBA, n)
	for i := range patches {
		patches[i] = e.paint(i)
	}
	best := time.Duration(0)
	for i := range 4 {
		begun := time.Now()
		if _, err := e.Encode(ctx, patches); err != nil {
			return Trial{}, err
		}
		took := time.Since(begun)
		if i > 0 && (best == 0 || took < best) {
			best = took
		}
		if i > 0 && time.Now().After(end) {
			break
		}
	}
	return Trial{Batch: n, PerSecond: float64(n) / best.Seconds()}, nil
}

// paint makes a patch of a texture that nothing can be said about quickly.
func (e *Encoder) paint(seed int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, e.info.PatchSize, e.info.PatchSize))
	state := uint32(seed)*2654435761 + 1
	for i := range img.Pix {
		state = state*1664525 + 1013904223
		img.Pix[i] = uint8(state >> 24)
		if i%4 == 3 {
			img.Pix[i] = 255
		}
	}
	return img
}

// Batch is how many patches go into one run.
func (e *Encoder) Batch() int { return int(e.batch.Load()) }

// SetBatch changes how many patches go into one run, for calls of Encode from
// now on. A model that fixes the number, or needs its patches one by one, keeps
// it. Embeddings do not depend on it.
func (e *Encoder) SetBatch(n int) {
	if n >= 1 && n <= 256 && !e.fixed && !e.alone {
		e.batch.Store(int32(n))
	}
}
