package tiles

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Histogram is the distribution of a plane's samples.
type Histogram struct {
	Low, High float64 // least and greatest sample value; equal when there is none
	Total     int64   // samples counted
	sorted    []float32
	counts    []uint32 // by value, of integer samples
}

const (
	histogramTiles   = 64      // of the smallest level that are read at most
	histogramSamples = 4 << 20 // bound of what is read, unless one tile has more
	histogramKept    = 1 << 18 // floating-point samples that are kept
)

// HistogramOf counts the samples of a plane in the slide's smallest level: all,
// or, of a level without end, those of at most 64 tiles spread over it. Tiles
// that were never stored or cannot be decoded are left out; it is an error when
// none is left for that reason.
func HistogramOf(ctx context.Context, s Planar, p Plane) (*Histogram, error) {
	st, levels := s.Stack(), s.Levels()
	if err := st.Check(p); err != nil {
		return nil, fmt.Errorf("tiles: histogram: %w", err)
	}
	if st.InColor || len(levels) == 0 {
		return nil, errors.New("tiles: histogram: a slide in colour has no channels")
	}
	h := &Histogram{}
	c := &st.Channels[p.Channel]
	if !c.wide() {
		h.counts = make([]uint32, 1<<c.Bits)
	}
	keys := histogramKeys(levels)
	var first error
	for _, k := range keys {
		r := levels[k.Level].TileRect(k.Col, k.Row)
		m := c.Raster(r.Dx(), r.Dy())
		err := s.ReadPlane(ctx, k, p, m)
		var bad *TileError
		switch {
		case err == nil:
			h.add(m, len(keys))
		case errors.Is(err, ErrMissing):
		case errors.As(err, &bad):
			if first == nil {
				first = err
			}
		default: // cancelled, or the slide broke
			return nil, fmt.Errorf("tiles: histogram: %w", err)
		}
	}
	if h.Total == 0 && first != nil {
		return nil, fmt.Errorf("tiles: histogram: no tile can be read: %w", first)
	}
	h.finish()
	return h, nil
}

// histogramKeys picks the tiles to count: evenly over the smallest level.
func histogramKeys(levels []Level) []Key {
	at := len(levels) - 1
	l := levels[at]
	all := l.Cols() * l.Rows()
	tile := l.TileRect(0, 0)
	n := min(all, histogramTiles, max(1, histogramSamples/(tile.Dx()*tile.Dy())))
	keys := make([]Key, n)
	for i := range keys {
		j := (2*i + 1) * all / (2 * n) // the middle of the i-th of n equal parts
		keys[i] = Key{at, j % l.Cols(), j / l.Cols()}
	}
	return keys
}

// add counts the samples of one of n tiles.
func (h *Histogram) add(m *Raster, n int) {
	if h.counts != nil {
		last := len(h.counts) - 1
		for _, v := range m.Uint16 {
			h.counts[min(int(v), last)]++
		}
		h.Total += int64(len(m.Uint16))
		return
	}
	step := max(1, len(m.Float32)*n/histogramKept)
	for i := 0; i < len(m.Float32); i += step {
		if v := m.Float32[i]; !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0) {
			h.sorted = append(h.sorted, v)
			h.Total++
		}
	}
}

// finish finds the range.
func (h *Histogram) finish() {
	if h.Total == 0 {
		return
	}
	if h.counts == nil {
		slices.Sort(h.sorted)
		h.Low, h.High = float64(h.sorted[0]), float64(h.sorted[len(h.sorted)-1])
		return
	}
	lo, hi := 0, len(h.counts)-1
	for h.counts[lo] == 0 {
		lo++
	}
	for h.counts[hi] == 0 {
		hi--
	}
	h.Low, h.High = float64(lo), float64(hi)
}

// Percentile is the least sample value that a share of all samples (0 to 1) is
// not above; 0 when there are no samples.
func (h *Histogram) Percentile(share float64) float64 {
	if h.Total == 0 {
		return 0
	}
	rank := min(max(int64(math.Ceil(share*float64(h.Total))), 1), h.Total) // counted from 1
	if h.counts == nil {
		return float64(h.sorted[rank-1])
	}
	var sum int64
	for v := int(h.Low); v < len(h.counts); v++ {
		if sum += int64(h.counts[v]); sum >= rank {
			return float64(v)
		}
	}
	return h.High
}

// Bins counts the samples in n equal parts of the interval from low to high,
// which is half-open but for the last part; n is at least 1.
func (h *Histogram) Bins(low, high float64, n int) []int64 {
	out := make([]int64, max(1, n))
	if !(high > low) {
		return out
	}
	per := float64(len(out)) / (high - low)
	count := func(v float64, c int64) {
		switch at := (v - low) * per; {
		case v < low || v > high:
		default:
			out[min(int(at), len(out)-1)] += c
		}
	}
	for v, c := range h.counts {
		if c > 0 {
			count(float64(v), int64(c))
		}
	}
	for _, v := range h.sorted {
		count(float64(v), 1)
	}
	return out
}

// AutoWindow is the window that suits a plane: from the value that 0.1 % of its
// samples in the slide's smallest level are not above, to the one that 99.9 %
// are not. The two differ. It reads pixels; see HistogramOf for bounds and
// errors.
func AutoWindow(ctx context.Context, s Planar, p Plane) (low, high float64, err error) {
	h, err := HistogramOf(ctx, s, p)
	if err != nil {
		return 0, 0, err
	}
	low, high = h.Percentile(0.001), h.Percentile(0.999)
	if !(high > low) {
		low, high = h.Low, h.High
	}
	if !(high > low) { // one value everywhere: nothing is seen, whatever is drawn
		high = low + 1
	}
	return low, high, nil
}

// fullWindow is the range of a channel's samples as far as it is known.
func fullWindow(c *Channel) (low, high float64) {
	if c.Float || c.Bits < 1 {
		return 0, 1
	}
	return 0, math.Exp2(float64(min(c.Bits, 32))) - 1
}
