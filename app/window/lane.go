package window

import "sync"

// lane runs functions one after the other on a goroutine of its own, in the
// order they were given: a person's edits must reach the disk in the order they
// were made, and the window must not wait for the disk.
type lane struct {
	mu      sync.Mutex // protects what follows
	queue   []func()
	running bool
	ended   *sync.Cond // told when the queue ran empty
}

func newLane() *lane {
	l := &lane{}
	l.ended = sync.NewCond(&l.mu)
	return l
}

// do queues f and returns at once. It may be called from any goroutine.
func (l *lane) do(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue = append(l.queue, f)
	if !l.running {
		l.running = true
		go l.run()
	}
}

func (l *lane) run() {
	for {
		l.mu.Lock()
		if len(l.queue) == 0 {
			l.running = false
			l.ended.Broadcast()
			l.mu.Unlock()
			return
		}
		f := l.queue[0]
		l.queue = l.queue[1:]
		l.mu.Unlock()
		f()
	}
}

// wait returns when everything given so far has run. It may be called from any
// goroutine but the lane's own.
func (l *lane) wait() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.running {
		l.ended.Wait()
	}
}

// latest runs a function on a goroutine of its own, at most one at a time; of
// the calls that come meanwhile only the last one runs afterwards. It is for
// summaries that a newer one replaces.
type latest struct {
	mu      sync.Mutex // protects what follows
	next    func()
	running bool
	ended   *sync.Cond
}

func newLatest() *latest {
	l := &latest{}
	l.ended = sync.NewCond(&l.mu)
	return l
}

// do runs f soon, unless a later call comes before. Any goroutine may call it.
func (l *latest) do(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next = f
	if !l.running {
		l.running = true
		go l.run()
	}
}

func (l *latest) run() {
	for {
		l.mu.Lock()
		f := l.next
		l.next = nil
		if f == nil {
			l.running = false
			l.ended.Broadcast()
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		f()
	}
}

// wait returns when nothing is left to run.
func (l *latest) wait() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.running {
		l.ended.Wait()
	}
}
