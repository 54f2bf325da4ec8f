package onnx

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
)

// Choices are a person's wishes for every model that is loaded.
type Choices struct {
	Provider Provider // what computes; "" = CPU. What cannot be used is replaced by the CPU, and Computed says so
	Threads  int      // inside one operator; 0 = one a physical core
	Graphs   string   // folder in which rewritten graphs are kept for the next time; "" = nowhere
}

// Configured is an engine that loads models as chosen; what a caller of its
// methods states itself is left alone.
func Configured(e Engine, c Choices) Engine { return configured{e, c} }

type configured struct {
	Engine
	c Choices
}

func (e configured) with(o SessionOptions) SessionOptions {
	if o.Provider == "" {
		o.Provider, o.Fallback = e.c.Provider, true
	}
	if o.Threads == 0 {
		o.Threads = e.c.Threads
	}
	return o
}

// PeakMemory is the most memory that what computes had, bytes; 0 when the engine
// does not say.
func (e configured) PeakMemory() int64 {
	if p, ok := e.Engine.(interface{ PeakMemory() int64 }); ok {
		return p.PeakMemory()
	}
	return 0
}

// NewSession implements Engine.
func (e configured) NewSession(model []byte, o SessionOptions) (Model, error) {
	return e.Engine.NewSession(model, e.with(o))
}

// NewSessionFile implements Engine.
func (e configured) NewSessionFile(path string, o SessionOptions) (Model, error) {
	o = e.with(o)
	if o.Optimised == "" && e.c.Graphs != "" {
		o.Optimised = e.kept(path, o)
	}
	return e.Engine.NewSessionFile(path, o)
}

// Only graphs of middling size are worth keeping: a small one is rewritten in no
// time, a large one would be a second copy of somebody's weights.
const (
	minKept = 1 << 20
	maxKept = 400 << 20
)

// kept names the file of a rewritten graph after all that it depends on; "" when
// it is not worth keeping.
func (e configured) kept(path string, o SessionOptions) string {
	st, err := os.Stat(path)
	if err != nil || st.Size() < minKept || st.Size() > maxKept || o.Provider != "" && o.Provider != CPU {
		return ""
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%d\n%d\n%s\n%s\n%d", abs, st.Size(), st.ModTime().UnixNano(),
		e.Version(), Platform(), o.Optimise))
	return filepath.Join(e.c.Graphs, hex.EncodeToString(sum[:16])+".onnx")
}

// PruneGraphs removes the oldest kept graphs until those that remain take no
// more than limit bytes.
func PruneGraphs(folder string, limit int64) error {
	entries, err := os.ReadDir(folder)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("onnx: kept graphs: %w", err)
	}
	var files []os.FileInfo
	total := int64(0)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			files = append(files, info)
			total += info.Size()
		}
	}
	for total > limit && len(files) > 0 {
		oldest := 0
		for i := range files {
			if cmp.Compare(files[i].ModTime().UnixNano(), files[oldest].ModTime().UnixNano()) < 0 {
				oldest = i
			}
		}
		if err := os.Remove(filepath.Join(folder, files[oldest].Name())); err != nil {
			return fmt.Errorf("onnx: kept graphs: %w", err)
		}
		total -= files[oldest].Size()
		files = append(files[:oldest], files[oldest+1:]...)
	}
	return nil
}
