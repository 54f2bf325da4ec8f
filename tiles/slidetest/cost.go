package slidetest

import (
	"runtime"
	"testing"
	"time"
)

// What a malformed file may cost at most: it is refused at once, and no memory is
// taken on its word.
const (
	BrokenTime  = 100 * time.Millisecond // of processor time of all threads
	BrokenBytes = 64 << 20               // allocated in all
)

// Cheap runs f, which opens or reads a malformed file, and reports an error when
// it costs more than BrokenTime or more than the given bytes (0: BrokenBytes).
//
// The time is what this process spends on it, the best of three runs: the clock of
// a machine that does other work says nothing of f, and a garbage collection may
// fall into a run. One run will do where it is cheap enough. No other test may run
// at the same time.
func Cheap(t testing.TB, bytes uint64, f func()) {
	t.Helper()
	if bytes == 0 {
		bytes = BrokenBytes
	}
	var took time.Duration
	var mem uint64
	for run := range 3 {
		var a, b runtime.MemStats
		runtime.ReadMemStats(&a)
		start := processorTime()
		f()
		once := processorTime() - start
		runtime.ReadMemStats(&b)
		if once < took || run == 0 {
			took = once
		}
		if n := b.TotalAlloc - a.TotalAlloc; n < mem || run == 0 {
			mem = n
		}
		if t.Failed() || took <= BrokenTime && mem <= bytes {
			break
		}
	}
	t.Logf("%v of processor time, %d kB", took.Round(time.Millisecond/10), mem>>10)
	if took > BrokenTime || mem > bytes {
		t.Errorf("it takes %v of processor time and %d bytes, more than %v and %d", took, mem, BrokenTime, bytes)
	}
}
