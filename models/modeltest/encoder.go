// Package modeltest is a deterministic Encoder for the tests of other rooms:
// no runtime, no model, microseconds a patch. Only tests import it.
package modeltest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"math"
	"sync"

	"coverslip/models"
)

// Dim is the length of the fake's embeddings.
const Dim = 12

const name = "colour statistics (test)"

// Encoder describes a patch by its colour statistics: mean, spread and
// roughness of each channel and the share of pale pixels. Patches of unlike
// colour get unlike vectors, patches of the same texture nearly the same one,
// whatever their size. The zero value is ready; it is safe for concurrent use.
type Encoder struct {
	// Fail, when set, is asked before each call of Encode with the number of
	// calls so far; an error it returns is Encode's.
	Fail func(call int) error

	mu      sync.Mutex // protects what follows
	calls   int
	patches int
	closed  bool
}

// New is a fresh fake.
func New() *Encoder { return &Encoder{} }

// Info describes the fake; its patches are 64 pixels at 1 µm a pixel.
func (e *Encoder) Info() models.EncoderInfo {
	sum := sha256.Sum256([]byte(name))
	return models.EncoderInfo{
		Name: name, Architecture: "statistics", Hash: hex.EncodeToString(sum[:]),
		Dim: Dim, PatchSize: 64, MPP: 1, Untrained: true,
		Note: "a fake for tests", Preprocess: "none", Pair: Pair,
	}
}

// Encode implements models.Encoder.
func (e *Encoder) Encode(ctx context.Context, patches []*image.RGBA) ([][]float32, error) {
	e.mu.Lock()
	call, closed := e.calls, e.closed
	e.calls++
	e.patches += len(patches)
	e.mu.Unlock()
	if closed {
		return nil, models.ErrClosed
	}
	if e.Fail != nil {
		if err := e.Fail(call); err != nil {
			return nil, err
		}
	}
	out := make([][]float32, len(patches))
	for i, p := range patches {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		if p == nil || p.Rect.Empty() || p.Rect.Dx() != p.Rect.Dy() {
			return nil, fmt.Errorf("modeltest: patch %d: %w", i, models.ErrPatch)
		}
		out[i] = statistics(p)
	}
	return out, nil
}

// Close makes further calls of Encode fail.
func (e *Encoder) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	return nil
}

// Calls counts the calls of Encode and the patches in them.
func (e *Encoder) Calls() (calls, patches int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.calls, e.patches
}

func statistics(p *image.RGBA) []float32 {
	w, h := p.Rect.Dx(), p.Rect.Dy()
	var sum, sq, rough [3]float64
	var pale, glass float64
	for y := range h {
		row := p.Pix[y*p.Stride : y*p.Stride+4*w]
		for x := range w {
			white := 255 - float64(row[4*x+3]) // premultiplied alpha over white glass
			low := 255.0
			for c := range 3 {
				v := float64(row[4*x+c]) + white
				low = min(low, v)
				sum[c] += v
				sq[c] += v * v
				if x > 0 {
					rough[c] += math.Abs(v - float64(row[4*x+c-4]) - 255 + float64(row[4*x-1]))
				}
			}
			if low > 200 {
				pale++
			}
			if low > 235 {
				glass++
			}
		}
	}
	n := float64(w * h)
	v := make([]float32, 0, Dim)
	for c := range 3 {
		mean := sum[c] / n
		v = append(v, float32((mean-160)/96),
			float32(math.Sqrt(max(sq[c]/n-mean*mean, 0))/64), float32(rough[c]/n/32))
	}
	v = append(v, float32(pale/n), float32(glass/n), 0.25) // the last keeps v from ever being zero
	models.Normalise(v)
	return v
}
