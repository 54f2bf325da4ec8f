package worker

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"coverslip/models/onnx"
)

// Options of an engine. Library is needed; the rest may stay zero.
type Options struct {
	Library     string        // absolute path of ONNX Runtime's library
	Program     string        // what to start; "" = this program
	Memory      int64         // ceiling in bytes of what the worker may allocate; 0 = none. See CanLimitMemory
	LoadLimit   time.Duration // longest loading of a model; 0 = 5 minutes
	RunLimit    time.Duration // longest single run; 0 = 10 minutes
	IdleAfter   time.Duration // the worker ends when unused for so long, and its memory comes back; 0 = 5 minutes
	Pipe        bool          // inputs go through the pipe though there is shared memory
	Environment []string      // further NAME=VALUE for the worker
}

// Defaults of Options.
const (
	defaultLoadLimit = 5 * time.Minute
	defaultRunLimit  = 10 * time.Minute
	defaultIdleAfter = 5 * time.Minute
)

// maxCrashes is how often a model may end the worker before it is not tried
// again: twice, because the first time may have been another's fault.
const maxCrashes = 2

// Engine is an onnx.Engine in another process. It is safe for concurrent use.
type Engine struct {
	o Options

	mu      sync.Mutex // protects what follows; held while a worker starts
	proc    *process   // nil before the first use, and after an end
	library reply      // what the last worker said of the library
	starts  int
	peak    int64
	busy    int
	idle    *time.Timer
	closed  bool
	crashes map[string]int // by key of the model
	lastWhy map[string]error
}

var _ onnx.Engine = (*Engine)(nil)

// Start starts a worker with a library. An error of the library's is told as
// onnx.Load tells it; ErrWorker says that no worker can run at all.
func Start(ctx context.Context, o Options) (*Engine, error) {
	if o.Program == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrWorker, err)
		}
		o.Program = self
	}
	if o.LoadLimit <= 0 {
		o.LoadLimit = defaultLoadLimit
	}
	if o.RunLimit <= 0 {
		o.RunLimit = defaultRunLimit
	}
	if o.IdleAfter <= 0 {
		o.IdleAfter = defaultIdleAfter
	}
	e := &Engine{o: o, crashes: map[string]int{}, lastWhy: map[string]error{}}
	if _, err := e.enter(ctx); err != nil {
		return nil, err
	}
	e.leave()
	return e, nil
}

// enter gives a living worker, started if need be, and keeps it from being
// ended as idle until leave.
func (e *Engine) enter(ctx context.Context) (*process, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, ErrClosed
	}
	if e.proc == nil || e.proc.dead() {
		p, said, err := startProcess(ctx, e.o)
		if err != nil {
			return nil, err
		}
		e.proc, e.library = p, said
		e.starts++
	}
	e.busy++
	if e.idle != nil {
		e.idle.Stop()
	}
	return e.proc, nil
}

func (e *Engine) leave() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.busy--
	if e.proc != nil {
		e.proc.mu.Lock()
		e.peak = max(e.peak, e.proc.peak)
		e.proc.mu.Unlock()
	}
	if e.busy == 0 && !e.closed {
		e.idle = time.AfterFunc(e.o.IdleAfter, e.rest)
	}
}

// rest ends a worker that nobody used for a while.
func (e *Engine) rest() {
	e.mu.Lock()
	p := e.proc
	if e.busy > 0 || p == nil {
		e.mu.Unlock()
		return
	}
	e.proc = nil
	e.mu.Unlock()
	p.end()
}

// Close ends the worker. Runs in progress fail with a CrashError; later calls
// give ErrClosed.
func (e *Engine) Close() error {
	e.mu.Lock()
	p := e.proc
	e.proc, e.closed = nil, true
	if e.idle != nil {
		e.idle.Stop()
	}
	e.mu.Unlock()
	if p != nil {
		p.end()
	}
	return nil
}

// Version implements onnx.Engine.
func (e *Engine) Version() string { return e.said().Version }

// Warning implements onnx.Engine.
func (e *Engine) Warning() string { return e.said().Warning }

// Path implements onnx.Engine.
func (e *Engine) Path() string { return e.said().Path }

// Providers implements onnx.Engine.
func (e *Engine) Providers() []string { return slices.Clone(e.said().Providers) }

func (e *Engine) said() reply {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.library
}

// Starts is how many workers there were: 1 when none ended.
func (e *Engine) Starts() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.starts
}

// PeakMemory is the most memory a worker of this engine had, in bytes, as of the
// last reply; 0 where the system does not say.
func (e *Engine) PeakMemory() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.peak
}

// PID is the process number of the worker; 0 when none runs.
func (e *Engine) PID() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.proc == nil || e.proc.dead() {
		return 0
	}
	return e.proc.cmd.Process.Pid
}

// Fault has the worker end badly; see FaultsEnvironment. It returns what the
// caller of a model would be told.
func (e *Engine) Fault(ctx context.Context, kind string, limit time.Duration) error {
	p, err := e.enter(ctx)
	if err != nil {
		return err
	}
	defer e.leave()
	_, err = p.ask(ctx, "fault "+kind, request{Op: opFault, Fault: kind}, nil, limit)
	return err
}

// blame counts the ends of a worker against the model that it ran.
func (e *Engine) blame(key string, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.crashes[key]++
	e.lastWhy[key] = err
}

// barred is why a model is not tried again; nil when it may be.
func (e *Engine) barred(key, name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if n := e.crashes[key]; n >= maxCrashes {
		return &QuarantineError{Model: name, Crashes: n, Err: e.lastWhy[key]}
	}
	return nil
}

// NewSession implements onnx.Engine. The bytes are kept for the next worker, and
// must not be changed.
func (e *Engine) NewSession(graph []byte, o onnx.SessionOptions) (onnx.Model, error) {
	if len(graph) == 0 {
		return nil, fmt.Errorf("onnx: load model: the model is empty")
	}
	return e.open(&model{e: e, graph: graph, options: o, name: "model", key: sumOf(graph)})
}

// NewSessionFile implements onnx.Engine.
func (e *Engine) NewSessionFile(path string, o onnx.SessionOptions) (onnx.Model, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("onnx: load model: %w", err)
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("onnx: load model %s: not a file", path)
	}
	abs, err := filepath.Abs(path) // the worker may stand elsewhere
	if err != nil {
		return nil, fmt.Errorf("onnx: load model %s: %w", path, err)
	}
	return e.open(&model{e: e, file: abs, options: o, name: filepath.Base(abs), key: abs})
}

func (e *Engine) open(m *model) (onnx.Model, error) {
	_, _, leave, err := m.loaded(context.Background())
	if err != nil {
		return nil, err
	}
	leave()
	return m, nil
}
