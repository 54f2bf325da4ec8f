package onnx

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"unsafe"
)

// newOptimised loads the rewritten graph that an earlier call kept at
// o.Optimised, or loads the model and keeps it there. The caller names the file
// after everything the rewriting depends on: the model's bytes, the library's
// version, the provider, the level. A kept file that cannot be loaded is made
// anew; one that cannot be written only costs the time.
func (rt *Runtime) newOptimised(path string, o SessionOptions) (Model, error) {
	kept := o.Optimised
	o.Optimised = ""
	if st, err := os.Stat(kept); err == nil && st.Mode().IsRegular() {
		ready := o
		ready.Optimise = OptimiseNone // it was rewritten already
		if m, err := rt.newFromFile(kept, ready); err == nil {
			return m, nil
		}
		if err := os.Remove(kept); err != nil {
			return rt.newFromFile(path, o)
		}
	}
	if err := os.MkdirAll(filepath.Dir(kept), 0o755); err != nil {
		return rt.newFromFile(path, o)
	}
	part := fmt.Sprintf("%s.%d.part", kept, os.Getpid())
	m, err := rt.newKeeping(path, part, o)
	if err == nil {
		err = os.Rename(part, kept)
	}
	if err != nil {
		_ = os.Remove(part) // a rest of an attempt; the next one has another name
	}
	if m != nil {
		return m, nil
	}
	return rt.newFromFile(path, o)
}

// newKeeping loads the model and has the runtime write the rewritten graph.
func (rt *Runtime) newKeeping(path, part string, o SessionOptions) (Model, error) {
	out, err := pathArgument(part)
	if err != nil {
		return nil, err
	}
	in, err := pathArgument(path)
	if err != nil {
		return nil, err
	}
	return rt.newSession(o, func(options handle, h *handle) error {
		if err := rt.call("keep the optimised graph", slotSetOptimizedModelFilePath, options, uintptr(out)); err != nil {
			return err
		}
		err := rt.call("load model "+filepath.Base(path), slotCreateSession, rt.env,
			uintptr(in), options, uintptr(unsafe.Pointer(h)))
		runtime.KeepAlive(out)
		runtime.KeepAlive(in)
		return err
	})
}
