package viewer

import "sync"

// work computes on a goroutine of its own, one thing at a time; of what is asked
// meanwhile only the newest is done. Its results are taken over in a frame, on
// Fyne's goroutine.
type work[T any] struct {
	mu      sync.Mutex // protects the rest
	next    func() T
	running bool
	result  *T
	turn    int // counts forget: answers to older questions are dropped
}

// ask has f computed next.
func (w *work[T]) ask(f func() T) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next = f
	if !w.running {
		w.running = true
		go w.run()
	}
}

func (w *work[T]) run() {
	for {
		w.mu.Lock()
		f, turn := w.next, w.turn
		w.next = nil
		if f == nil {
			w.running = false
			w.mu.Unlock()
			return
		}
		w.mu.Unlock()
		r := f()
		w.mu.Lock()
		if turn == w.turn {
			w.result = &r
		}
		w.mu.Unlock()
	}
}

// take is the newest result, once.
func (w *work[T]) take() (r T, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.result == nil {
		return r, false
	}
	r, w.result = *w.result, nil
	return r, true
}

// busy tells whether a result is awaited or waits to be taken.
func (w *work[T]) busy() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.running || w.result != nil
}

// forget drops what is asked and what is done.
func (w *work[T]) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.turn++
	w.next, w.result = nil, nil
}

// toolArrived has the tool in hand take over what it computed.
func (v *Viewer) toolArrived() bool {
	t, ok := v.tool.(worker)
	return ok && t.arrived()
}

// toolWorking tells whether the tool in hand computes.
func (v *Viewer) toolWorking() bool {
	t, ok := v.tool.(worker)
	return ok && t.working()
}
