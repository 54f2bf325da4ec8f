package window

import (
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Memory that opening a slide of many labels leaves behind.
const (
	trimAfter = 4 * time.Second // when counting and painting have come to an end
	trimFrom  = 48 << 20        // bytes of the heap that nobody uses
)

// trimSoon gives back to the system what opening a slide took and nobody uses any
// more: the runtime itself would keep it for minutes. It is called on Fyne's goroutine
// and works on another one.
func (w *Window) trimSoon() {
	if !w.opts.Trim {
		return
	}
	if w.trim != nil {
		w.trim.Stop()
	}
	w.trim = time.AfterFunc(trimAfter, func() {
		if idleHeap() >= trimFrom {
			debug.FreeOSMemory()
		}
	})
}

// idleHeap is how many bytes the heap keeps from the system for nobody.
func idleHeap() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/free:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}}
	metrics.Read(s)
	n := uint64(0)
	for _, m := range s {
		if m.Value.Kind() == metrics.KindUint64 {
			n += m.Value.Uint64()
		}
	}
	return n
}
