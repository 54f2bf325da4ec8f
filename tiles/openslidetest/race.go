package openslidetest

import (
	"image"
	"math/rand/v2"
	"testing"
	"time"
)

// Race reads the same 1024² regions, at random places of a level of w×h pixels,
// by both readers in turn; see Duel.
func Race(b *testing.B, w, h int, ours, theirs func(x, y int, dst *image.RGBA) error) {
	b.Helper()
	dst := image.NewRGBA(image.Rect(0, 0, 1024, 1024))
	at := func(i int) (x, y int) {
		rnd := rand.New(rand.NewPCG(1, uint64(i)))
		return rnd.IntN(w - 1024), rnd.IntN(h - 1024)
	}
	read := func(by func(x, y int, dst *image.RGBA) error) func(i int) error {
		return func(i int) error {
			x, y := at(i)
			return by(x, y, dst)
		}
	}
	Duel(b, read(ours), read(theirs))
}

// Duel does the same work by ours and by theirs in turn, i being the round, and
// reports what counts: milliseconds of processor time and of the clock a round by
// ours ("cpu-ms", "wall-ms"), and theirs divided by ours ("cpu-ratio",
// "wall-ratio": more than 1 is better). One after the other, a busy machine
// spoils both alike.
func Duel(b *testing.B, ours, theirs func(i int) error) {
	b.Helper()
	var cpu, wall [2]time.Duration
	for i := 0; b.Loop(); i++ {
		for side, work := range []func(i int) error{ours, theirs} {
			c, t := processorTime(), time.Now()
			if err := work(i); err != nil {
				b.Fatal(err)
			}
			wall[side] += time.Since(t)
			cpu[side] += processorTime() - c
		}
	}
	n := float64(b.N) * 1e6
	b.ReportMetric(float64(wall[0])/n, "wall-ms")
	b.ReportMetric(float64(wall[1])/float64(wall[0]), "wall-ratio")
	if cpu[0] > 0 { // else this system does not tell
		b.ReportMetric(float64(cpu[0])/n, "cpu-ms")
		b.ReportMetric(float64(cpu[1])/float64(cpu[0]), "cpu-ratio")
	}
}
