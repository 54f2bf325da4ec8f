package onnx

import (
	"runtime"
	"slices"
	"unsafe"
)

// Optimisation is how far a graph is rewritten while it is loaded.
type Optimisation int

// Levels of GraphOptimizationLevel. Embeddings of different levels differ in
// their last bits, so a program should stay with one.
const (
	OptimiseAll      Optimisation = iota // everything; the default
	OptimiseNone                         // the graph as written
	OptimiseBasic                        // constants folded, dead nodes removed
	OptimiseExtended                     // and nodes fused
)

// SessionOptions of a model about to be loaded. The zero value is right for
// nearly everything.
type SessionOptions struct {
	Threads       int               // threads inside one operator; 0 = one a physical core
	InterThreads  int               // threads across operators; 0 = left to the runtime (sequential)
	Optimise      Optimisation      //
	Spinning      bool              // let idle threads burn the processor; off, because a window must stay quick
	Deterministic bool              // ask for kernels that repeat bit for bit where there is a choice
	NoArena       bool              // give memory back after every run instead of keeping it for the next
	Provider      Provider          // what computes; "" = CPU
	Fallback      bool              // when the provider cannot be used the CPU takes over, and the model's Computed says so
	Optimised     string            // file in which the rewritten graph is kept for the next time, for NewSessionFile; "" = nowhere
	Mapped        bool              // weights are read where they lie in their file, not copied in the order that products like best
	DataFolder    string            // folder of external weights, for a model given as bytes
	Config        map[string]string // further session configuration keys, as the runtime names them
}

// Keys of onnxruntime_session_options_config_keys.h.
const (
	keyIntraSpinning = "session.intra_op.allow_spinning"
	keyInterSpinning = "session.inter_op.allow_spinning"
	keyDataFolder    = "session.model_external_initializers_file_folder_path"
	keyNoPrepacking  = "session.disable_prepacking"
	keyPackParallel  = "session.prepack.enable_parallel" // since 1.31; older ones ignore it
)

// create makes an OrtSessionOptions, to be released by the caller.
func (o SessionOptions) create(rt *Runtime) (handle, error) {
	var h handle
	if err := rt.call("create session options", slotCreateSessionOptions, uintptr(unsafe.Pointer(&h))); err != nil {
		return 0, err
	}
	if err := o.fill(rt, h); err != nil {
		rt.release(slotReleaseSessionOptions, h)
		return 0, err
	}
	return h, nil
}

func (o SessionOptions) fill(rt *Runtime, h handle) error {
	level := map[Optimisation]uintptr{OptimiseAll: 99, OptimiseNone: 0, OptimiseBasic: 1, OptimiseExtended: 2}[o.Optimise]
	if err := rt.call("set optimisation", slotSetSessionGraphOptimizationLevel, h, level); err != nil {
		return err
	}
	const fatalOnly = 4
	if err := rt.call("set log level", slotSetSessionLogSeverityLevel, h, fatalOnly); err != nil {
		return err
	}
	if o.Threads > 0 {
		if err := rt.call("set threads", slotSetIntraOpNumThreads, h, uintptr(o.Threads)); err != nil {
			return err
		}
	}
	if o.InterThreads > 0 {
		if err := rt.call("set inter-op threads", slotSetInterOpNumThreads, h, uintptr(o.InterThreads)); err != nil {
			return err
		}
	}
	if o.NoArena {
		if err := rt.call("set arena", slotDisableCPUMemArena, h); err != nil {
			return err
		}
	}
	if o.Deterministic {
		if err := rt.call("set deterministic", slotSetDeterministicCompute, h, 1); err != nil {
			return err
		}
	}
	config := map[string]string{keyPackParallel: "1"}
	if o.Mapped {
		config[keyNoPrepacking] = "1"
	}
	if !o.Spinning {
		config[keyIntraSpinning], config[keyInterSpinning] = "0", "0"
	}
	if o.DataFolder != "" {
		config[keyDataFolder] = o.DataFolder
	}
	for k, v := range o.Config {
		config[k] = v
	}
	keys := make([]string, 0, len(config))
	for k := range config {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		key, value := cString(k), cString(config[k])
		err := rt.call("set "+k, slotAddSessionConfigEntry, h,
			uintptr(unsafe.Pointer(key)), uintptr(unsafe.Pointer(value)))
		runtime.KeepAlive(key)
		runtime.KeepAlive(value)
		if err != nil {
			return err
		}
	}
	return o.Provider.append(rt, h)
}
