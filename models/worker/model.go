package worker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"

	"coverslip/models/onnx"
)

// model is a model loaded in a worker; when that ends, it is loaded again in the
// next one by the first run.
type model struct {
	e       *Engine
	file    string // "" when graph is the model
	graph   []byte
	options onnx.SessionOptions
	name    string
	key     string // for counting crashes

	using sync.RWMutex // held for reading by Run, for writing by Close

	mu     sync.Mutex // protects what follows; held while it is loaded
	in     *process   // where it is loaded
	said   reply      // of that loading
	closed bool
}

var _ onnx.Model = (*model)(nil)

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// loaded gives the worker that has the model, loading it there if need be. leave
// must be called when the worker was used.
func (m *model) loaded(ctx context.Context) (p *process, id uint64, leave func(), err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, 0, nil, fmt.Errorf("onnx: run: %w", onnx.ErrClosed)
	}
	if err := m.e.barred(m.key, m.name); err != nil {
		return nil, 0, nil, err
	}
	p, err = m.e.enter(ctx)
	if err != nil {
		return nil, 0, nil, err
	}
	if m.in == p {
		return p, m.said.Model, m.e.leave, nil
	}
	q := request{Op: opOpen, File: m.file, Options: &m.options}
	var body [][]byte
	if m.file == "" {
		body = [][]byte{m.graph}
	}
	a, err := p.ask(ctx, "load "+m.name, q, body, m.e.o.LoadLimit)
	if err != nil {
		m.e.leave()
		m.judge(err)
		return nil, 0, nil, err
	}
	m.in, m.said = p, a.reply
	return p, a.Model, m.e.leave, nil
}

// judge notes an error that is the end of a worker.
func (m *model) judge(err error) {
	var crash *CrashError
	var hang *HangError
	if errors.As(err, &crash) || errors.As(err, &hang) {
		m.e.blame(m.key, err)
	}
}

// Inputs implements onnx.Model.
func (m *model) Inputs() []onnx.ValueInfo {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.said.Inputs)
}

// Outputs implements onnx.Model.
func (m *model) Outputs() []onnx.ValueInfo {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.said.Outputs)
}

// Computed implements onnx.Model.
func (m *model) Computed() (onnx.Provider, string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.said.Provider, m.said.Note
}

// Run implements onnx.Model.
func (m *model) Run(ctx context.Context, in map[string]onnx.Tensor) (map[string]onnx.Tensor, error) {
	return m.RunOutputs(ctx, in, nil)
}

// RunOutputs implements onnx.Model.
func (m *model) RunOutputs(ctx context.Context, in map[string]onnx.Tensor, want []string) (map[string]onnx.Tensor, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	m.using.RLock()
	defer m.using.RUnlock()
	p, id, leave, err := m.loaded(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	q := request{Op: opRun, Model: id, Want: want}
	body, give, err := p.place(&q, in)
	defer give()
	if err != nil {
		return nil, err
	}
	a, err := p.ask(ctx, "run "+m.name, q, body, m.e.o.RunLimit)
	if err != nil {
		m.judge(err)
		return nil, err
	}
	return a.tensors, nil
}

// place puts the inputs into shared memory, or into the body when there is no
// room. give returns the room.
func (p *process) place(q *request, in map[string]onnx.Tensor) (body [][]byte, give func(), err error) {
	var taken []tensorHead
	give = func() {
		for _, h := range taken {
			p.slots.give(h.At, h.Bytes)
		}
	}
	names := make([]string, 0, len(in))
	for name := range in {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		t := in[name]
		b := t.Bytes()
		n, err := t.Len()
		if err != nil {
			return nil, give, fmt.Errorf("input %q: %w", name, err)
		}
		if t.Type() == 0 {
			return nil, give, fmt.Errorf("onnx: input %q: elements of %T cannot be passed", name, t.Data)
		}
		if n*t.Type().Size() != len(b) {
			return nil, give, fmt.Errorf("onnx: input %q: %d elements for the shape %v, which holds %d", name, len(b)/t.Type().Size(), t.Shape, n)
		}
		h := tensorHead{Name: name, Type: t.Type(), Shape: t.Shape, Bytes: len(b)}
		if h.Shape == nil {
			h.Shape = []int64{}
		}
		if at, ok := p.slots.take(len(b)); ok {
			h.Shared, h.At = true, at
			taken = append(taken, h)
			copy(p.shared[at:at+len(b)], b)
		} else {
			body = append(body, b)
		}
		q.Tensors = append(q.Tensors, h)
	}
	return body, give, nil
}

// Close implements onnx.Model; it waits for runs in progress.
func (m *model) Close() error {
	m.using.Lock()
	defer m.using.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil
	}
	m.closed = true
	if m.in == nil || m.in.dead() {
		return nil // its memory is back already
	}
	_, err := m.in.ask(context.Background(), "unload "+m.name, request{Op: opClose, Model: m.said.Model}, nil, m.e.o.LoadLimit)
	var crash *CrashError
	if errors.As(err, &crash) {
		return nil // so is it then
	}
	return err
}
