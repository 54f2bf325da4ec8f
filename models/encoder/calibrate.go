package encoder

import (
	"context"
	"errors"
	"fmt"
	"image"
	"slices"
	"time"
)

// Trial is one measurement of a calibration.
type Trial struct {
	Batch     int     `json:"batch"`     // patches a run
	PerSecond float64 `json:"perSecond"` // patches a second, preprocessing included
	Peak      int64   `json:"peak"`      // most memory of what runs the model with batches up to this one, bytes; 0 = not known
}

// Calibration is how many patches a run this computer does best with.
type Calibration struct {
	Trial
	Trials []Trial `json:"trials"` // all of them, by batch
}

// CalibrateOptions of Calibrate. The zero value measures for ten seconds.
type CalibrateOptions struct {
	Budget  time.Duration // of time; 0 = ten seconds. The first measurement is made however long it takes
	Ceiling int64         // of memory, bytes: a batch that needs more is not chosen; 0 = none
	Peak    func() int64  // most memory used so far, bytes; nil = not known
}

// enoughGain is how much faster than the batch it has an encoder must become to
// be given another: less is noise, and the larger one costs memory.
const enoughGain = 1.03

// rounds is how often each batch is measured, in turns with the others.
const rounds = 3

// Calibrate measures batches of made-up patches in turns, the one that the
// encoder has among them, and sets the fastest. Another than that is set only
// when it is faster by more than noise, so that nothing becomes slower. A
// model that fixes its batch is measured with that alone. On an error the
// batch is what it was.
func (e *Encoder) Calibrate(ctx context.Context, o CalibrateOptions) (Calibration, error) {
	if o.Budget <= 0 {
		o.Budget = 10 * time.Second
	}
	had := e.Batch()
	sizes := []int{had}
	if !e.fixed && !e.alone {
		sizes = append(sizes, 1, 2, 4, 8, 16)
		slices.Sort(sizes)
		sizes = slices.Compact(sizes)
	}
	c, err := e.measure(ctx, sizes, had, o)
	if err != nil {
		e.SetBatch(had)
		return c, err
	}
	c.Trial = fastest(c.Trials, had, o.Ceiling)
	e.SetBatch(c.Batch)
	return c, nil
}

// measure makes the trials. The first round goes from small to large, so that
// the memory of each is known, and leaves out what the time does not allow.
func (e *Encoder) measure(ctx context.Context, sizes []int, had int, o CalibrateOptions) (Calibration, error) {
	var c Calibration
	end := time.Now().Add(o.Budget)
	patches := make([]*image.RGBA, slices.Max(sizes))
	for i := range patches {
		patches[i] = e.paint(i)
	}
	run := func(n int) (time.Duration, error) {
		if e.SetBatch(n); e.Batch() != n {
			return 0, fmt.Errorf("encoder: a batch of %d cannot be set", n)
		}
		begun := time.Now()
		if _, err := e.Encode(ctx, patches[:n]); err != nil {
			return 0, fmt.Errorf("encoder: calibration with %d patches: %w", n, err)
		}
		return time.Since(begun), nil
	}
	each := time.Duration(0) // a patch, in the last run
	for _, n := range sizes {
		left := time.Until(end)
		if n != had && len(c.Trials) > 0 && 2*each*time.Duration(n) > left {
			continue // it would not be measured a second time, and the first warms up
		}
		took, err := run(n)
		if err != nil {
			return c, err
		}
		t := Trial{Batch: n}
		if o.Peak != nil {
			t.Peak = o.Peak()
		}
		each = took / time.Duration(n)
		if o.Ceiling > 0 && t.Peak > o.Ceiling && n > had {
			break
		}
		c.Trials = append(c.Trials, t)
	}
	best := make([]time.Duration, len(c.Trials))
	for round := range rounds {
		for i := range c.Trials {
			n := c.Trials[i].Batch
			if round > 0 && time.Now().Add(each*time.Duration(n)).After(end) {
				continue
			}
			took, err := run(n)
			if err != nil {
				return c, err
			}
			if best[i] == 0 || took < best[i] {
				best[i] = took
				c.Trials[i].PerSecond = float64(n) / max(took, time.Microsecond).Seconds()
			}
		}
	}
	if len(c.Trials) == 0 {
		return c, errors.New("encoder: nothing could be measured")
	}
	return c, nil
}

// fastest picks among trials: the fastest that fits, or the one of batch had
// unless another is faster by enough.
func fastest(trials []Trial, had int, ceiling int64) Trial {
	fits := func(t Trial) bool { return ceiling <= 0 || t.Peak <= ceiling }
	var best, own Trial
	for _, t := range trials {
		if t.Batch == had {
			own = t
		}
		if fits(t) && t.PerSecond > best.PerSecond {
			best = t
		}
	}
	switch {
	case best.Batch == 0:
		return trials[0] // nothing fits: the smallest is the least wrong
	case own.Batch > 0 && fits(own) && best.PerSecond < own.PerSecond*enoughGain:
		return own
	}
	return best
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
