package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"coverslip/models/onnx"
)

// ModelSettings is how models run on this computer. The zero value leaves all to
// the program. They are the user's, not a project's: another computer has other
// devices.
type ModelSettings struct {
	Library  string        `json:"library,omitempty"`  // path of ONNX Runtime's library; "" looks for it
	Provider onnx.Provider `json:"provider,omitempty"` // what computes; "" = the processor
	Threads  int           `json:"threads,omitempty"`  // 0 = one a core
	MemoryMB int64         `json:"memoryMB,omitempty"` // ceiling of the process for models; 0 = three quarters of the computer's
	Batch    int           `json:"batch,omitempty"`    // patches at once; 0 = measured
	NoGraphs bool          `json:"noGraphs,omitempty"` // do not keep rewritten graphs for the next time
}

// settingsFile holds the settings in the user's data folder.
const settingsFile = "models.json"

// maxSettingsFile is more than the file can need, bytes.
const maxSettingsFile = 64 << 10

func (m ModelSettings) check() error {
	if m.Threads < 0 || m.Threads > 1024 {
		return fmt.Errorf("%d threads", m.Threads)
	}
	if m.MemoryMB < 0 {
		return fmt.Errorf("%d MB of memory", m.MemoryMB)
	}
	if m.MemoryMB > 0 && m.MemoryMB < minMemoryMB {
		return fmt.Errorf("%d MB of memory; the process for models needs %d before it holds a model", m.MemoryMB, minMemoryMB)
	}
	if m.Batch < 0 || m.Batch > 256 {
		return fmt.Errorf("%d patches at once, not 1 to 256", m.Batch)
	}
	_, err := onnx.ParseProvider(string(m.Provider))
	return err
}

// minMemoryMB is what the library itself and the program around it take.
const minMemoryMB = 512

// ReadModelSettings reads the user's settings; the zero value when there are
// none.
func ReadModelSettings() (ModelSettings, error) {
	dir, err := DataDir()
	if err != nil {
		return ModelSettings{}, err
	}
	return readModelSettings(filepath.Join(dir, settingsFile))
}

func readModelSettings(name string) (ModelSettings, error) {
	var m ModelSettings
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return m, fmt.Errorf("settings of models: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSettingsFile))
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err == nil {
		err = m.check()
	}
	if err != nil {
		return ModelSettings{}, fmt.Errorf("settings of models: %s: %w", name, err)
	}
	return m, nil
}

// WriteModelSettings keeps the settings for all sessions of this user. They take
// effect when a model is next opened; see Session.RestartModels.
func WriteModelSettings(m ModelSettings) error {
	if err := m.check(); err != nil {
		return fmt.Errorf("settings of models: %w", err)
	}
	dir, err := DataDir()
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("settings of models: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("settings of models: %w", err)
	}
	return WriteFile(filepath.Join(dir, settingsFile), func(w io.Writer) error {
		_, err := w.Write(append(b, '\n'))
		return err
	})
}
