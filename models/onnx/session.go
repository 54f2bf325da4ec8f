package onnx

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unsafe"
)

// ValueInfo describes an input or output of a model.
type ValueInfo struct {
	Name    string
	Type    ElementType // 0 when the value is no tensor (a sequence, a map)
	Shape   []int64     // -1 where the size is free
	Symbols []string    // name of each free size, "" where it has none; nil when Shape is empty
}

func (v ValueInfo) String() string {
	if v.Type == 0 {
		return v.Name + " (not a tensor)"
	}
	dims := make([]string, len(v.Shape))
	for i, d := range v.Shape {
		switch {
		case d >= 0:
			dims[i] = fmt.Sprint(d)
		case i < len(v.Symbols) && v.Symbols[i] != "":
			dims[i] = v.Symbols[i]
		default:
			dims[i] = "?"
		}
	}
	return fmt.Sprintf("%s %s[%s]", v.Name, v.Type, strings.Join(dims, "×"))
}

// Session is a loaded model. It may be used from several goroutines.
type Session struct {
	rt              *Runtime
	inputs, outputs []ValueInfo
	inNames         []handle // C strings owned by the runtime's allocator, in the order of inputs
	outNames        []handle
	provider        Provider
	note            string // why it is another than the one asked for

	mu sync.RWMutex // held for reading by Run, for writing by Close; protects h
	h  handle       // 0 when closed
}

// NewSession loads a model from memory. External weights are looked for in
// o.DataFolder. The bytes may be reused afterwards. A model that the runtime
// refuses gives a *StatusError in the runtime's words.
func (rt *Runtime) NewSession(model []byte, o SessionOptions) (Model, error) {
	if len(model) == 0 {
		return nil, errors.New("onnx: load model: the model is empty")
	}
	return rt.newSession(o, func(options handle, out *handle) error {
		err := rt.call("load model", slotCreateSessionFromArray, rt.env,
			uintptr(unsafe.Pointer(unsafe.SliceData(model))), uintptr(len(model)), options,
			uintptr(unsafe.Pointer(out)))
		runtime.KeepAlive(model)
		return err
	})
}

// NewSessionFile loads a model from a file; external weights are found beside
// it. It returns an *fs.PathError when the file is missing.
func (rt *Runtime) NewSessionFile(path string, o SessionOptions) (Model, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("onnx: load model: %w", err)
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("onnx: load model %s: not a file", path)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("onnx: load model %s: %w", path, err)
	}
	if o.Optimised != "" {
		return rt.newOptimised(abs, o)
	}
	return rt.newFromFile(abs, o)
}

// newFromFile loads the model at an absolute path.
func (rt *Runtime) newFromFile(path string, o SessionOptions) (Model, error) {
	p, err := pathArgument(path)
	if err != nil {
		return nil, fmt.Errorf("onnx: load model %s: %w", path, err)
	}
	return rt.newSession(o, func(options handle, out *handle) error {
		err := rt.call("load model "+filepath.Base(path), slotCreateSession, rt.env,
			uintptr(p), options, uintptr(unsafe.Pointer(out)))
		runtime.KeepAlive(p)
		return err
	})
}

func (rt *Runtime) newSession(o SessionOptions, create func(options handle, out *handle) error) (Model, error) {
	s, err := rt.create(o, create)
	if err != nil && o.Fallback && o.Provider != CPU && o.Provider != "" {
		// Whether the provider or the model is at fault shows when the
		// processor tries.
		onCPU := o
		onCPU.Provider = CPU
		again, cpuErr := rt.create(onCPU, create)
		if cpuErr != nil {
			return nil, cpuErr
		}
		again.note = fmt.Sprintf("%s was asked for and cannot be used, so the processor computes: %v", o.Provider, err)
		return again, nil
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// create makes the session with the options as they are.
func (rt *Runtime) create(o SessionOptions, create func(options handle, out *handle) error) (*Session, error) {
	if err := rt.enter(); err != nil {
		return nil, err
	}
	options, err := o.create(rt)
	if err != nil {
		rt.leave()
		return nil, err
	}
	defer rt.release(slotReleaseSessionOptions, options)
	s := &Session{rt: rt, provider: o.Provider}
	if s.provider == "" {
		s.provider = CPU
	}
	if err := create(options, &s.h); err != nil {
		rt.leave()
		return nil, err
	}
	if err := s.describe(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// describe reads names, types and shapes of all inputs and outputs.
func (s *Session) describe() error {
	var err error
	s.inputs, s.inNames, err = s.describeSide("input", slotSessionGetInputCount, slotSessionGetInputName, slotSessionGetInputTypeInfo)
	if err != nil {
		return err
	}
	s.outputs, s.outNames, err = s.describeSide("output", slotSessionGetOutputCount, slotSessionGetOutputName, slotSessionGetOutputTypeInfo)
	return err
}

func (s *Session) describeSide(side string, count, name, typeInfo int) ([]ValueInfo, []handle, error) {
	var n uintptr
	if err := s.rt.call("count "+side+"s", count, s.h, uintptr(unsafe.Pointer(&n))); err != nil {
		return nil, nil, err
	}
	if n > 1<<16 {
		return nil, nil, fmt.Errorf("onnx: the model has %d %ss", n, side)
	}
	var infos []ValueInfo
	var names []handle
	for i := range n {
		var p handle
		if err := s.rt.call("name "+side, name, s.h, i, s.rt.alloc, uintptr(unsafe.Pointer(&p))); err != nil {
			return infos, names, err
		}
		names = append(names, p)
		info, err := s.describeValue(side, typeInfo, i)
		if err != nil {
			return infos, names, err
		}
		info.Name = goString(p)
		infos = append(infos, info)
	}
	return infos, names, nil
}

func (s *Session) describeValue(side string, typeInfo int, i uintptr) (ValueInfo, error) {
	var info, tensor handle
	if err := s.rt.call("type of "+side, typeInfo, s.h, i, uintptr(unsafe.Pointer(&info))); err != nil {
		return ValueInfo{}, err
	}
	defer s.rt.release(slotReleaseTypeInfo, info)
	var kind int32
	const kindTensor = 1 // ONNX_TYPE_TENSOR
	if err := s.rt.call("kind of "+side, slotGetOnnxTypeFromTypeInfo, info, uintptr(unsafe.Pointer(&kind))); err != nil {
		return ValueInfo{}, err
	}
	if kind != kindTensor {
		return ValueInfo{}, nil
	}
	if err := s.rt.call("type of "+side, slotCastTypeInfoToTensorInfo, info, uintptr(unsafe.Pointer(&tensor))); err != nil {
		return ValueInfo{}, err
	}
	typ, shape, symbols, err := s.rt.shapeOf(tensor, true)
	return ValueInfo{Type: typ, Shape: shape, Symbols: symbols}, err
}

// Computed implements Model.
func (s *Session) Computed() (Provider, string) { return s.provider, s.note }

// Inputs describes the model's inputs in the model's order.
func (s *Session) Inputs() []ValueInfo { return slices.Clone(s.inputs) }

// Outputs describes the model's outputs in the model's order.
func (s *Session) Outputs() []ValueInfo { return slices.Clone(s.outputs) }

// Run computes all outputs of the model. Every input of the model must be
// given. When ctx is cancelled the runtime is told to stop, which it does
// within some milliseconds, and the cause of ctx is returned.
func (s *Session) Run(ctx context.Context, in map[string]Tensor) (map[string]Tensor, error) {
	return s.RunOutputs(ctx, in, nil)
}

// RunOutputs computes only the named outputs; none named means all.
func (s *Session) RunOutputs(ctx context.Context, in map[string]Tensor, want []string) (map[string]Tensor, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.h == 0 {
		return nil, fmt.Errorf("onnx: run: %w", ErrClosed)
	}
	names, values, err := s.nativeInputs(in)
	defer func() {
		for _, v := range values {
			s.rt.release(slotReleaseValue, v)
		}
	}()
	if err != nil {
		return nil, err
	}
	wantNames, wanted, err := s.selectOutputs(want)
	if err != nil {
		return nil, err
	}
	results := make([]handle, len(wanted))
	defer func() {
		for _, v := range results {
			s.rt.release(slotReleaseValue, v)
		}
	}()
	if err := s.run(ctx, names, values, wanted, results); err != nil {
		return nil, err
	}
	out := make(map[string]Tensor, len(results))
	for i, h := range results {
		t, err := s.rt.fromNative(wantNames[i], h)
		if err != nil {
			return nil, err
		}
		out[wantNames[i]] = t
	}
	return out, nil
}

// nativeInputs copies the inputs, in the model's order. What was made before
// an error is returned too, for release.
func (s *Session) nativeInputs(in map[string]Tensor) (names, values []handle, err error) {
	for i, info := range s.inputs {
		t, ok := in[info.Name]
		if !ok {
			return names, values, fmt.Errorf("onnx: run: input %q is missing", info.Name)
		}
		if typ := t.Type(); typ != info.Type && typ != 0 {
			return names, values, fmt.Errorf("onnx: run: input %q wants %s, not %s", info.Name, info.Type, typ)
		}
		h, err := s.rt.toNative(info.Name, t)
		if err != nil {
			return names, values, err
		}
		names, values = append(names, s.inNames[i]), append(values, h)
	}
	if len(in) == len(s.inputs) {
		return names, values, nil
	}
	for name := range in {
		if !slices.ContainsFunc(s.inputs, func(v ValueInfo) bool { return v.Name == name }) {
			return names, values, fmt.Errorf("onnx: run: the model has no input %q", name)
		}
	}
	return names, values, nil
}

func (s *Session) selectOutputs(want []string) ([]string, []handle, error) {
	if len(want) == 0 {
		names := make([]string, len(s.outputs))
		for i, o := range s.outputs {
			names[i] = o.Name
		}
		return names, s.outNames, nil
	}
	handles := make([]handle, len(want))
	for i, name := range want {
		k := slices.IndexFunc(s.outputs, func(v ValueInfo) bool { return v.Name == name })
		if k < 0 {
			return nil, nil, fmt.Errorf("onnx: run: the model has no output %q", name)
		}
		handles[i] = s.outNames[k]
	}
	return want, handles, nil
}

// run calls Run, with a watcher on ctx when ctx can be cancelled at all.
func (s *Session) run(ctx context.Context, names, values, wanted, results []handle) error {
	if len(wanted) == 0 {
		return nil
	}
	var options handle
	if ctx.Done() != nil {
		if err := s.rt.call("create run options", slotCreateRunOptions, uintptr(unsafe.Pointer(&options))); err != nil {
			return err
		}
		defer s.rt.release(slotReleaseRunOptions, options)
		told := make(chan struct{})
		stop := context.AfterFunc(ctx, func() {
			defer close(told)
			// A refusal only means that the run goes on to its end.
			_ = s.rt.call("stop run", slotRunOptionsSetTerminate, options)
		})
		defer func() {
			if !stop() {
				<-told // it is using the options that are about to be released
			}
		}()
	}
	err := s.rt.call("run", slotRun, s.h, options,
		uintptr(unsafe.Pointer(unsafe.SliceData(names))), uintptr(unsafe.Pointer(unsafe.SliceData(values))), uintptr(len(values)),
		uintptr(unsafe.Pointer(unsafe.SliceData(wanted))), uintptr(len(wanted)),
		uintptr(unsafe.Pointer(unsafe.SliceData(results))))
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
	}
	return err
}

// Close waits for the runs in progress and releases the model.
func (s *Session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.h == 0 {
		return nil
	}
	var errs []error
	for _, p := range append(s.inNames, s.outNames...) {
		errs = append(errs, s.rt.call("free name", slotAllocatorFree, s.rt.alloc, p))
	}
	s.inNames, s.outNames = nil, nil
	s.rt.release(slotReleaseSession, s.h)
	s.h = 0
	s.rt.leave()
	return errors.Join(errs...)
}
