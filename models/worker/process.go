package worker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"coverslip/models/onnx"
)

// process is one worker from its start to its end.
type process struct {
	cmd    *exec.Cmd
	in     *os.File // requests
	out    *os.File // replies
	shared []byte   // nil when inputs go through the pipe
	slots  *slots
	said   *head
	memory int64

	writing sync.Mutex // held for one frame
	frames  *bufio.Writer

	mu      sync.Mutex // protects what follows
	last    uint64
	pending map[uint64]chan answer
	peak    int64

	ended chan struct{} // closed when the process is gone; how is set before
	how   string
}

// answer is a reply with its tensors.
type answer struct {
	reply
	tensors map[string]onnx.Tensor
}

// grace is how long a worker may take to stop a run before it is ended. The
// runtime looks between operators, the longest of which take tenths of a second.
const grace = 2 * time.Second

// startProcess starts a worker and says hello.
func startProcess(ctx context.Context, o Options) (*process, reply, error) {
	p := &process{said: &head{}, pending: map[uint64]chan answer{}, ended: make(chan struct{}), memory: o.Memory}
	if err := p.start(o); err != nil {
		return nil, reply{}, fmt.Errorf("%w: %w", ErrWorker, err)
	}
	q := request{Op: opHello, Build: build(), Library: o.Library, Memory: o.Memory, Shared: int64(len(p.shared))}
	a, err := p.ask(ctx, "load ONNX Runtime "+o.Library, q, nil, o.LoadLimit)
	if err == nil && a.Build != build() {
		err = fmt.Errorf("%w: %s answers, not %s", ErrWorker, a.Build, build())
	}
	if err != nil {
		p.end()
		return nil, reply{}, err
	}
	return p, a.reply, nil
}

func (p *process) start(o Options) error {
	stdin, requests, err := os.Pipe()
	if err != nil {
		return err
	}
	defer stdin.Close()
	replies, stdout, err := os.Pipe()
	if err != nil {
		return errors.Join(err, requests.Close())
	}
	defer stdout.Close()
	widen(requests)
	widen(replies)
	p.cmd = exec.Command(o.Program, Verb)
	p.cmd.Env = append(os.Environ(), o.Environment...)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = stdin, stdout, p.said
	p.cmd.WaitDelay = time.Second // a grandchild must not keep us waiting for its words
	apart(p.cmd)
	if !o.Pipe {
		if file, mem, err := newShared(sharedSize); err == nil {
			defer file.Close()
			p.cmd.ExtraFiles = []*os.File{file}
			p.shared, p.slots = mem, newSlots(len(mem))
		}
	}
	p.in, p.out, p.frames = requests, replies, bufio.NewWriterSize(requests, 1<<20)
	if err := p.cmd.Start(); err != nil {
		return errors.Join(err, requests.Close(), replies.Close(), p.unmap())
	}
	go p.listen()
	return nil
}

func (p *process) unmap() error {
	if p.shared == nil {
		return nil
	}
	return unmapShared(p.shared)
}

// listen hands out replies until the worker ends, then cleans up after it.
func (p *process) listen() {
	err := p.replies(bufio.NewReaderSize(p.out, 1<<20))
	if err != io.EOF {
		_ = p.cmd.Process.Kill() // it may be gone already, which is as good
	}
	// End of the replies is end of the worker, or soon will be: it has nothing
	// to say to anybody.
	late := time.AfterFunc(grace, func() { _ = p.cmd.Process.Kill() })
	waited := p.cmd.Wait()
	late.Stop()
	p.how = "it went away"
	switch {
	case errors.Is(err, errFrame):
		p.how = "its answer cannot be understood"
	case waited != nil:
		p.how = waited.Error()
	}
	_ = p.out.Close() // only read from; nothing can be lost
	close(p.ended)
	_ = p.in.Close() // its other end is gone
	p.slots.drain()
	_ = p.unmap() // that it stays mapped costs address space, no more
}

// replies hands out replies until there is an error, io.EOF at a tidy end.
func (p *process) replies(in io.Reader) error {
	for {
		var r reply
		if err := readHead(in, &r); err != nil {
			return err
		}
		tensors, err := readTensors(in, r.Tensors, r.Body)
		if err != nil {
			return err
		}
		p.mu.Lock()
		c := p.pending[r.ID]
		delete(p.pending, r.ID)
		p.peak = max(p.peak, r.Peak)
		p.mu.Unlock()
		if c == nil {
			return fmt.Errorf("%w: an answer to no question", errFrame)
		}
		c <- answer{r, tensors} // has room for one
	}
}

// dead tells whether the process is gone.
func (p *process) dead() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// end ends the worker and waits until it is gone.
func (p *process) end() {
	_ = p.cmd.Process.Kill() // it may be gone already, which is as good
	<-p.ended
}

// crashed is what to tell of the end.
func (p *process) crashed(doing string) error {
	return &CrashError{Doing: doing, How: p.how, Said: p.said.firstLine(), Memory: p.memory}
}

// ask sends a request and waits for the reply. When ctx ends, or limit is over,
// the worker is told to stop, and ended when it does not.
func (p *process) ask(ctx context.Context, doing string, q request, body [][]byte, limit time.Duration) (answer, error) {
	c := make(chan answer, 1)
	p.mu.Lock()
	p.last++
	q.ID = p.last
	p.pending[q.ID] = c
	p.mu.Unlock()
	for _, b := range body {
		q.Body += len(b)
	}
	done := make(chan struct{})
	defer close(done)
	why := make(chan error, 1)
	go p.watch(ctx, doing, q.ID, limit, done, why)

	if err := p.send(q, body...); err != nil {
		// A pipe breaks when the other end dies; let that be told as what it is.
		_ = p.cmd.Process.Kill()
	}
	select {
	case a := <-c:
		if err := context.Cause(ctx); err != nil {
			return answer{}, err
		}
		if a.Err != nil {
			select {
			case err := <-why: // it stopped because its time was over
				return answer{}, err
			default:
			}
			return answer{}, a.Err.err()
		}
		return a, nil
	case <-p.ended:
	}
	select {
	case err := <-why:
		return answer{}, err
	default:
	}
	if err := context.Cause(ctx); err != nil {
		return answer{}, err
	}
	return answer{}, p.crashed(doing)
}

// watch stops a request whose time is over.
func (p *process) watch(ctx context.Context, doing string, id uint64, limit time.Duration, done <-chan struct{}, why chan<- error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return
	case <-p.ended:
		return
	case <-ctx.Done():
		why <- context.Cause(ctx)
	case <-timer.C:
		why <- &HangError{Doing: doing, After: limit}
	}
	// The send may be what hangs: it must not be waited for.
	go func() { _ = p.send(request{Op: opCancel, Of: id}) }()
	after := time.NewTimer(grace)
	defer after.Stop()
	select {
	case <-done:
	case <-p.ended:
	case <-after.C:
		_ = p.cmd.Process.Kill()
	}
}

func (p *process) send(q request, body ...[]byte) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	if err := writeFrame(p.frames, q, body...); err != nil {
		return err
	}
	return p.frames.Flush()
}

// head keeps the beginning of what a worker writes: it names the cause, what
// follows are registers.
type head struct {
	mu sync.Mutex
	b  []byte
}

// headBytes holds some lines.
const headBytes = 4096

// Write implements io.Writer.
func (h *head) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if room := headBytes - len(h.b); room > 0 {
		h.b = append(h.b, b[:min(room, len(b))]...)
	}
	return len(b), nil
}

func (h *head) firstLine() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for line := range strings.Lines(string(h.b)) {
		if line = strings.TrimSpace(line); line != "" {
			return line
		}
	}
	return ""
}
