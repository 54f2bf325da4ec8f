package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"coverslip/models/onnx"
	"coverslip/models/worker"
)

// RuntimeState is what is known of the native runtime, for people.
type RuntimeState struct {
	Path, Version string
	Warning       string           // of that version; empty when nothing
	Providers     []onnx.Provider  // that may be chosen
	Tried         []onnx.Candidate // libraries that were looked at, the one taken last when there is one
	Settings      ModelSettings    //
	Apart         bool             // models run in a process of their own
	MemoryMB      int64            // ceiling of that process; 0 = none
	Err           error            // why there is no runtime; nil when there is one
}

// FindRuntime looks for the runtime without opening a model, each library in a
// process of its own when program names what to start.
func FindRuntime(ctx context.Context, program, library string) RuntimeState {
	st := RuntimeState{Apart: program != ""}
	if st.Settings, st.Err = ReadModelSettings(); st.Err != nil {
		return st
	}
	if library == "" {
		library = st.Settings.Library
	}
	st.MemoryMB = st.Settings.ceiling() >> 20
	if program != "" {
		st.Path, st.Tried, st.Err = worker.Find(ctx, program, library)
	} else {
		st.Path, st.Tried, st.Err = onnx.Find(library)
	}
	if st.Err == nil {
		taken := st.Tried[len(st.Tried)-1]
		st.Version, st.Warning, st.Providers = taken.Version, taken.Note, onnx.Usable(taken.Providers)
	}
	return st
}

// ceiling is the memory that the process for models may take, bytes.
func (m ModelSettings) ceiling() int64 {
	if m.MemoryMB > 0 {
		return m.MemoryMB << 20
	}
	return machineMemory() / 4 * 3
}

// StartEngine finds the runtime and starts it as the settings say, in a process
// of its own when program names what to start. Close ends it.
func StartEngine(ctx context.Context, program, library string) (e onnx.Engine, closing func() error, err error) {
	e, _, closing, err = startEngine(ctx, program, library)
	return e, closing, err
}

// startEngine is StartEngine, with what tells the memory of the process for models;
// nil when there is none.
func startEngine(ctx context.Context, program, library string) (e onnx.Engine, peak peakTeller, closing func() error, err error) {
	st := FindRuntime(ctx, program, library)
	if st.Err != nil {
		return nil, nil, nil, st.Err
	}
	if program == "" {
		rt, err := onnx.Load(st.Path)
		if err != nil {
			return nil, nil, nil, err
		}
		e, closing = rt, rt.Close
	} else {
		w, err := worker.Start(ctx, worker.Options{Library: st.Path, Program: program, Memory: st.Settings.ceiling()})
		if err != nil {
			return nil, nil, nil, err
		}
		e, peak, closing = w, w, w.Close
	}
	return onnx.Configured(e, onnx.Choices{Provider: st.Settings.Provider, Threads: st.Settings.Threads, Graphs: graphsFolder(st.Settings)}), peak, closing, nil
}

// graphsLimit bounds the kept graphs on disk, bytes.
const graphsLimit = 2 << 30

// graphsFolder is where rewritten graphs are kept; "" when they are not.
func graphsFolder(m ModelSettings) string {
	cache, err := os.UserCacheDir()
	if err != nil || m.NoGraphs {
		return ""
	}
	dir := filepath.Join(cache, "coverslip", "graphs")
	if err := onnx.PruneGraphs(dir, graphsLimit); err != nil {
		return "" // a folder that cannot be kept tidy is not written to
	}
	return dir
}

// Engine is what the session's models run on, started when first wanted.
// Without ONNX Runtime's library it returns an error that Explain turns into the
// remedy; the next call tries again.
func (s *Session) Engine() (onnx.Engine, error) {
	s.encoderMu.Lock()
	defer s.encoderMu.Unlock()
	return s.startedEngine()
}

// startedEngine is Engine; encoderMu is held.
func (s *Session) startedEngine() (onnx.Engine, error) {
	if s.engine != nil {
		return s.engine, nil
	}
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return nil, ErrClosed
	}
	e, peak, closing, err := startEngine(context.Background(), s.options.Worker, s.options.Onnx)
	if err != nil {
		return nil, err
	}
	s.engine, s.worker, s.release = e, peak, closing
	return e, nil
}

// RestartModels lets go of the models and of what they run on; the next use
// opens them with the settings of then. It waits for runs in progress.
func (s *Session) RestartModels() error { return s.closeEncoder() }

// closeEncoder frees the encoder and what it rests on.
func (s *Session) closeEncoder() error {
	s.encoderMu.Lock()
	defer s.encoderMu.Unlock()
	err := s.closeModel()
	if s.outliner != nil {
		err = errors.Join(err, s.outliner.models.Close())
		s.outliner = nil
	}
	if s.release != nil {
		err = errors.Join(err, s.release())
	}
	s.engine, s.worker, s.release, s.plans = nil, nil, nil, nil
	return err
}

// closeModel frees what is open of the model that suggests. encoderMu is held.
func (s *Session) closeModel() error {
	var err error
	if s.encoder != nil {
		err = s.encoder.Close()
		s.encoder = nil
	}
	if s.text != nil {
		err = errors.Join(err, s.text.Close())
		s.text = nil
	}
	if s.looker != nil {
		err = errors.Join(err, s.looker.Close())
		s.looker = nil
	}
	return err
}
