//go:build unix

package storage

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"coverslip/annotate"
	"coverslip/annotate/synth"

	"golang.org/x/sys/unix"
)

// slideSide is the slide's size that the nuclei lie on, level-0 pixels.
const slideWidth, slideHeight = 100_000, 80_000

// fillNuclei puts n nuclei on the slide, in edits of 50,000, as an import does.
func fillNuclei(t testing.TB, p *Project, slide annotate.ID, n int) {
	t.Helper()
	palette, err := p.Palette()
	if err != nil {
		t.Fatal(err)
	}
	var classes []annotate.ID
	for _, c := range palette {
		classes = append(classes, c.ID)
	}
	batch := make([]*annotate.Object, 0, 50_000)
	for o := range synth.Nuclei(n, slideWidth, slideHeight, classes, 1) {
		if batch = append(batch, o); len(batch) == cap(batch) {
			commit(t, p, annotate.Add(slide, "Import", batch...))
			batch = batch[:0]
		}
	}
	if len(batch) > 0 {
		commit(t, p, annotate.Add(slide, "Import", batch...))
	}
}

// heapNow is what is in use on the heap after a collection.
func heapNow() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// processorTime is what all threads of this process have used. On a shared
// machine it is the figure to look at; the clock measures the others too.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// threadTime is what this thread has used.
func threadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// manyProject opens the project of n nuclei in a folder, or makes it.
func manyProject(b *testing.B, dir string, n int) *Project {
	b.Helper()
	p, err := Open(dir, Options{})
	if err == nil {
		return p
	}
	if p, err = Create(dir, "Million", testStamp); err != nil {
		b.Fatal(err)
	}
	slide := Slide{ID: annotate.NewID(), Name: "million.svs", Path: filepath.Join(dir, "million.svs"), Width: slideWidth, Height: slideHeight, MPPX: 0.25, MPPY: 0.25}
	if err := p.AddSlide(slide, testStamp); err != nil {
		b.Fatal(err)
	}
	fillNuclei(b, p, slide.ID, n)
	return p
}

// BenchmarkProject_1M opens, asks and edits a project of a million polygons.
// With COVERSLIP_1M the project is kept in that folder for the next time.
func BenchmarkProject_1M(b *testing.B) {
	n := 1_000_000
	if v, err := strconv.Atoi(os.Getenv("COVERSLIP_1M_N")); err == nil {
		n = v
	}
	dir := os.Getenv("COVERSLIP_1M")
	if dir == "" {
		dir = filepath.Join(b.TempDir(), "million")
	}
	p := manyProject(b, dir, n)
	slides, err := p.Slides()
	if err != nil {
		b.Fatal(err)
	}
	slide := slides[0].ID
	if err := p.Close(); err != nil {
		b.Fatal(err)
	}
	stat, err := os.Stat(filepath.Join(dir, FileName))
	if err != nil {
		b.Fatal(err)
	}
	before := heapNow()
	var set *annotate.Set
	b.Run("open", func(b *testing.B) {
		from := processorTime()
		defer func() { b.ReportMetric((processorTime()-from).Seconds()*1e3/float64(b.N), "ms-cpu") }()
		for b.Loop() {
			if p, err = Open(dir, Options{}); err != nil {
				b.Fatal(err)
			}
			x, err := p.Index(slide)
			if err != nil {
				b.Fatal(err)
			}
			if set = annotate.NewIndexedSet(x); set.Len() < n {
				b.Fatalf("%d objects", set.Len())
			}
			b.StopTimer()
			if err := p.Close(); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	})
	b.ReportMetric(float64(stat.Size())/1e6, "MB-file")
	b.ReportMetric(float64(heapNow()-before)/1e6, "MB-heap")
	if p, err = Open(dir, Options{}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { p.Close() })
	x, err := p.Index(slide)
	if err != nil {
		b.Fatal(err)
	}
	set = annotate.NewIndexedSet(x)
	b.Logf("%d objects, file %.0f MB, heap %.0f MB", set.Len(), float64(stat.Size())/1e6, float64(heapNow()-before)/1e6)
	b.Run("tally", func(b *testing.B) {
		for b.Loop() {
			if n, err := p.Tally(slide); err != nil || n.Labels < 1 {
				b.Fatal(n, err)
			}
		}
	})
	rnd := rand.New(rand.NewPCG(5, 5))
	for _, side := range []float64{1000, 4000, 16000} {
		b.Run(fmt.Sprintf("query%.0f", side), func(b *testing.B) { benchQuery(b, set, rnd, side, false) })
	}
	b.Run("shapes1000", func(b *testing.B) { benchQuery(b, set, rnd, 1000, true) })
	b.Run("edit", func(b *testing.B) { benchEdit(b, p, set, slide, rnd) })
}

func benchQuery(b *testing.B, set *annotate.Set, rnd *rand.Rand, side float64, shapes bool) {
	b.ReportAllocs()
	hits := 0
	times := sampleThread(b, func() {
		x, y := rnd.Float64()*(slideWidth-side), rnd.Float64()*(slideHeight-side)
		v := annotate.Box{MinX: x, MinY: y, MaxX: x + side, MaxY: y + side}
		if shapes {
			set.Search(v, func(*annotate.Object) bool { hits++; return true })
		} else {
			set.Briefs(v, func(*annotate.Brief) bool { hits++; return true })
		}
	})
	b.ReportMetric(float64(hits)/float64(len(times)), "hits")
	b.ReportMetric(float64(quantile(times, 0.99).Microseconds()), "µs-p99-cpu")
}

// benchEdit moves a label and takes that back: disk, then set.
func benchEdit(b *testing.B, p *Project, set *annotate.Set, slide annotate.ID, rnd *rand.Rand) {
	roll := set.Roll()
	var brief annotate.Brief
	times := sample(b, func() {
		i := rnd.IntN(roll.Len())
		if !roll.Brief(i, &brief) {
			return
		}
		before := set.Get(brief.ID)
		after := *before
		after.ROI = before.ROI.Translate(2, 2)
		e := annotate.Replace(slide, "Move polygon", before, &after)
		if _, err := p.Commit(e, testStamp); err != nil {
			b.Fatal(err)
		}
		if err := set.Apply(e); err != nil {
			b.Fatal(err)
		}
		back, err := p.Undo(slide, testStamp)
		if err != nil {
			b.Fatal(err)
		}
		if err := set.Apply(back); err != nil {
			b.Fatal(err)
		}
	})
	b.ReportMetric(float64(quantile(times, 0.95).Microseconds())/2e3, "ms-p95-an-edit")
}

// sample runs f and answers how long each run took, by the clock.
func sample(b *testing.B, f func()) []time.Duration {
	var times []time.Duration
	for b.Loop() {
		from := time.Now()
		f()
		times = append(times, time.Since(from))
	}
	return times
}

// sampleThread is sample by the time of this thread on a processor.
func sampleThread(b *testing.B, f func()) []time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var times []time.Duration
	for b.Loop() {
		from := threadTime()
		f()
		times = append(times, threadTime()-from)
	}
	return times
}

func quantile(times []time.Duration, q float64) time.Duration {
	slices.Sort(times)
	return times[int(q*float64(len(times)-1))]
}
