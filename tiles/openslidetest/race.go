package openslidetest

import (
	"image"
	"math/rand/v2"
	"testing"
	"time"
)

// Race reads the same 1024² regions, at random places of a level of w×h pixels,
// by both readers in turn, and reports what counts: milliseconds of processor
// time and of the clock a region by ours ("cpu-ms", "wall-ms"), and theirs
// divided by ours ("cpu-ratio", "wall-ratio": more than 1 is better). One after
// the other, a busy machine spoils both alike.
func Race(b *testing.B, w, h int, ours, theirs func(x, y int, dst *image.RGBA) error) {
	b.Helper()
	dst := image.NewRGBA(image.Rect(0, 0, 1024, 1024))
	rnd := rand.New(rand.NewPCG(1, 2))
	var cpu, wall [2]time.Duration
	for b.Loop() {
		x, y := rnd.IntN(w-1024), rnd.IntN(h-1024)
		for i, read := range []func(x, y int, dst *image.RGBA) error{ours, theirs} {
			c, t := processorTime(), time.Now()
			if err := read(x, y, dst); err != nil {
				b.Fatal(err)
			}
			wall[i] += time.Since(t)
			cpu[i] += processorTime() - c
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
