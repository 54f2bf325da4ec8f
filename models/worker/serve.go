package worker

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"coverslip/models/onnx"
)

// FaultsEnvironment allows the faults that tests ask for: a crash, an endless
// loop, all memory. Without it a worker refuses them.
const FaultsEnvironment = "COVERSLIP_WORKER_FAULTS"

// IsWorker tells whether a command line starts a worker.
func IsWorker(args []string) bool { return len(args) == 2 && args[1] == Verb }

// Main is the worker: it serves requests from standard input until that ends,
// which it does when the program that started it ends, however it ends. It
// returns the exit status.
func Main() int {
	replies, err := takeOutput()
	if err != nil {
		fmt.Fprintln(os.Stderr, "coverslip model worker:", err)
		return 1
	}
	beHumble()
	s := &server{out: bufio.NewWriterSize(replies, 1<<20), models: map[uint64]onnx.Model{}, runs: map[uint64]context.CancelFunc{}}
	err = s.serve(bufio.NewReaderSize(os.Stdin, 1<<20))
	if err != io.EOF {
		fmt.Fprintln(os.Stderr, "coverslip model worker:", err)
		return 1
	}
	// Nobody listens any more. Native threads that still compute would keep a
	// tidy end waiting; the system frees what is left.
	return 0
}

// server is the worker's side.
type server struct {
	rt     *onnx.Runtime
	shared []byte

	writing sync.Mutex // held for one frame
	out     *bufio.Writer

	mu     sync.Mutex // protects what follows
	models map[uint64]onnx.Model
	last   uint64
	runs   map[uint64]context.CancelFunc
}

// serve answers until the input ends, which is io.EOF.
func (s *server) serve(in io.Reader) error {
	for {
		var q request
		if err := readHead(in, &q); err != nil {
			return err
		}
		if q.Body < 0 || q.Body > maxBody {
			return fmt.Errorf("%w: a body of %d bytes", errFrame, q.Body)
		}
		var body []byte
		var tensors map[string]onnx.Tensor
		var err error
		if q.Op == opRun {
			tensors, err = s.tensors(in, q)
		} else if q.Body > 0 {
			body = make([]byte, q.Body)
			_, err = io.ReadFull(in, body)
		}
		if err != nil {
			return err
		}
		switch q.Op {
		case opCancel:
			s.cancel(q.Of)
		case opRun: // beside other runs, and beside the cancel that may come
			ctx, cancel := context.WithCancel(context.Background())
			s.mu.Lock()
			s.runs[q.ID] = cancel
			s.mu.Unlock()
			go func() {
				defer s.cancel(q.ID)
				s.answer(q, s.run(ctx, q, tensors))
			}()
		default:
			s.answer(q, s.do(q, body))
		}
	}
}

func (s *server) cancel(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.runs[id]; cancel != nil {
		cancel()
		delete(s.runs, id)
	}
}

// answered is a reply with its tensors in the order of its heads.
type answered struct {
	reply
	data [][]byte
	err  error
}

func (s *server) answer(q request, a answered) {
	a.ID, a.Peak = q.ID, peakMemory()
	if a.err != nil {
		a.reply.Err = failureOf(a.err)
		a.Tensors, a.data = nil, nil
	}
	a.Body = 0
	for _, d := range a.data {
		a.Body += len(d)
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	err := writeFrame(s.out, a.reply, a.data...)
	if err == nil {
		err = s.out.Flush()
	}
	if err != nil {
		// The program is gone, or will see a broken frame: either way this
		// process is of no use any more.
		fmt.Fprintln(os.Stderr, "coverslip model worker:", err)
		os.Exit(1)
	}
}

// tensors reads a run's inputs; those in shared memory stay where they are.
func (s *server) tensors(in io.Reader, q request) (map[string]onnx.Tensor, error) {
	var piped []tensorHead
	here := map[string]onnx.Tensor{}
	for _, h := range q.Tensors {
		if !h.Shared {
			piped = append(piped, h)
			continue
		}
		if h.At < 0 || h.Bytes < 0 || h.At > len(s.shared)-h.Bytes {
			return nil, fmt.Errorf("%w: tensor %q lies outside the shared memory", errFrame, h.Name)
		}
		t, err := onnx.Fixed(h.Type, h.Shape, s.shared[h.At:h.At+h.Bytes])
		if err != nil {
			return nil, fmt.Errorf("%w: tensor %q: %w", errFrame, h.Name, err)
		}
		here[h.Name] = t
	}
	tensors, err := readTensors(in, piped, q.Body)
	if err != nil {
		return nil, err
	}
	for name, t := range here {
		tensors[name] = t
	}
	return tensors, nil
}

// do answers what is not a run.
func (s *server) do(q request, body []byte) answered {
	switch q.Op {
	case opHello:
		return s.hello(q)
	case opOpen:
		return s.open(q, body)
	case opClose:
		s.mu.Lock()
		m := s.models[q.Model]
		delete(s.models, q.Model)
		s.mu.Unlock()
		if m == nil {
			return answered{err: fmt.Errorf("worker: no model %d", q.Model)}
		}
		return answered{err: m.Close()}
	case opFault:
		return answered{err: fault(q.Fault)}
	}
	return answered{err: fmt.Errorf("worker: no request %q", q.Op)}
}

func (s *server) hello(q request) answered {
	if q.Build != build() {
		return answered{err: fmt.Errorf("worker: another build of the program asks: %s, not %s", q.Build, build())}
	}
	if err := limitMemory(q.Memory); err != nil {
		return answered{err: fmt.Errorf("worker: ceiling of %d bytes: %w", q.Memory, err)}
	}
	if q.Shared > 0 {
		mem, err := mapShared(q.Shared)
		if err != nil {
			return answered{err: fmt.Errorf("worker: shared memory: %w", err)}
		}
		s.shared = mem
	}
	rt, err := onnx.Load(q.Library)
	if err != nil {
		return answered{err: err}
	}
	s.rt = rt
	return answered{reply: reply{Build: build(), Version: rt.Version(), Warning: rt.Warning(), Path: rt.Path(),
		Info: rt.BuildInfo(), Providers: rt.Providers()}}
}

func (s *server) open(q request, model []byte) answered {
	if s.rt == nil || q.Options == nil {
		return answered{err: fmt.Errorf("worker: a model before the library")}
	}
	var m onnx.Model
	var err error
	if q.File != "" {
		m, err = s.rt.NewSessionFile(q.File, *q.Options)
	} else {
		m, err = s.rt.NewSession(model, *q.Options)
	}
	if err != nil {
		return answered{err: err}
	}
	s.mu.Lock()
	s.last++
	id := s.last
	s.models[id] = m
	s.mu.Unlock()
	provider, note := m.Computed()
	return answered{reply: reply{Model: id, Inputs: m.Inputs(), Outputs: m.Outputs(), Provider: provider, Note: note}}
}

func (s *server) run(ctx context.Context, q request, in map[string]onnx.Tensor) answered {
	s.mu.Lock()
	m := s.models[q.Model]
	s.mu.Unlock()
	if m == nil {
		return answered{err: fmt.Errorf("worker: no model %d", q.Model)}
	}
	out, err := m.RunOutputs(ctx, in, q.Want)
	if err != nil {
		return answered{err: err}
	}
	var a answered
	names := make([]string, 0, len(out))
	for name := range out {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		t := out[name]
		a.Tensors = append(a.Tensors, tensorHead{Name: name, Type: t.Type(), Shape: t.Shape, Bytes: len(t.Bytes())})
		a.data = append(a.data, t.Bytes())
	}
	return a
}

// fault ends badly on purpose.
func fault(kind string) error {
	if os.Getenv(FaultsEnvironment) == "" {
		return fmt.Errorf("worker: faults are for tests")
	}
	switch kind {
	case "crash":
		crash()
	case "exit":
		os.Exit(3)
	case "hang": // the whole process stands still, as after a deadlock
		for {
			time.Sleep(time.Hour)
		}
	case "spin":
		for {
			runtime.Gosched()
		}
	case "memory":
		var all [][]byte
		for {
			b := make([]byte, 64<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			all = append(all, b)
			runtime.KeepAlive(all)
		}
	case "noise": // something else writes into the replies
		_, err := os.Stdout.WriteString("hello from native code\n")
		return err
	}
	return fmt.Errorf("worker: no fault %q", kind)
}
