package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"coverslip/models"
	"coverslip/models/encoder"
	"coverslip/models/folder"
	"coverslip/models/onnx"
)

// ModelCalibration is how a model runs best on this computer, as it was measured
// once and is kept for this user.
type ModelCalibration struct {
	Model     string          `json:"model"`             // its name, for people
	Encoder   string          `json:"encoder"`           // models.EncoderInfo's Hash
	Path      string          `json:"path,omitempty"`    // of its folder; "" is the built-in network
	Machine   string          `json:"machine"`           // what it was measured on: processor, library, device
	Batch     int             `json:"batch"`             // patches a run
	Threads   int             `json:"threads,omitempty"` // inside an operator; 0 = one a physical core
	PerSecond float64         `json:"perSecond"`         // patches a second
	Default   float64         `json:"default,omitempty"` // patches a second with the batch and the threads that a model is opened with
	Peak      int64           `json:"peak,omitempty"`    // most memory of the process for models, bytes; 0 = not known
	Trials    []encoder.Trial `json:"trials"`
	At        time.Time       `json:"at"`
}

// String tells the calibration to a person.
func (c ModelCalibration) String() string {
	threads := "one thread a core"
	if c.Threads > 0 {
		threads = fmt.Sprintf("%d threads", c.Threads)
	}
	text := fmt.Sprintf("%d patches at once on %s: %.3g a second", c.Batch, threads, c.PerSecond)
	if c.Peak > 0 {
		text += fmt.Sprintf(", needs %.2f GB of memory", float64(c.Peak)/1e9)
	}
	return text
}

const (
	calibrationsFile = "calibrations.json" // in the user's data folder
	maxCalibrations  = 100                 // the oldest are forgotten
	// calibrationTime bounds the measurements of one model, without loading it.
	calibrationTime = 10 * time.Second
	// worthCalibrating is how many patches must be missing before a job measures
	// first: fewer are done sooner as they are.
	worthCalibrating = 512
)

// calibrations protects the file against this process; another one that writes
// at the same time costs a measurement at most.
var calibrations sync.Mutex

// machineKey names what a calibration holds for.
func machineKey(e onnx.Engine, set ModelSettings) string {
	provider := set.Provider
	if provider == "" {
		provider = onnx.CPU
	}
	return fmt.Sprintf("%s/%s, %s, %d cores, ONNX Runtime %s, %s", runtime.GOOS, runtime.GOARCH, processorName(), runtime.NumCPU(), e.Version(), provider)
}

func calibrationsPath() (string, error) {
	dir, err := DataDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, calibrationsFile), nil
}

// readCalibrations reads what was measured. A file that is not sound counts as
// empty: what it held can be measured again.
func readCalibrations() []ModelCalibration {
	calibrations.Lock()
	defer calibrations.Unlock()
	name, err := calibrationsPath()
	if err != nil {
		return nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	var list []ModelCalibration
	if err := json.NewDecoder(io.LimitReader(f, 1<<20)).Decode(&list); err != nil {
		return nil
	}
	return slices.DeleteFunc(list, func(c ModelCalibration) bool {
		return c.Batch < 1 || c.Batch > 256 || c.Threads < 0 || c.Threads > 1024
	})
}

// keepCalibration adds a calibration in place of the one for the same model and
// machine.
func keepCalibration(c ModelCalibration) error {
	list := slices.DeleteFunc(readCalibrations(), func(o ModelCalibration) bool {
		return o.Encoder == c.Encoder && o.Machine == c.Machine
	})
	list = append(list, c)
	if len(list) > maxCalibrations {
		list = list[len(list)-maxCalibrations:]
	}
	return writeCalibrations(list)
}

func writeCalibrations(list []ModelCalibration) error {
	calibrations.Lock()
	defer calibrations.Unlock()
	name, err := calibrationsPath()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("calibrations: %w", err)
	}
	b, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return fmt.Errorf("calibrations: %w", err)
	}
	return WriteFile(name, func(w io.Writer) error {
		_, err := w.Write(append(b, '\n'))
		return err
	})
}

// ForgetCalibrations has every model measured anew when it next has much to do.
func ForgetCalibrations() error {
	calibrations.Lock()
	defer calibrations.Unlock()
	name, err := calibrationsPath()
	if err != nil {
		return err
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("calibrations: %w", err)
	}
	return nil
}

// Calibrated is what was measured of an encoder with this engine on this
// computer; false when nothing was.
func Calibrated(e onnx.Engine, set ModelSettings, encoderHash string) (ModelCalibration, bool) {
	return findCalibration(machineKey(e, set), func(c ModelCalibration) bool { return c.Encoder == encoderHash })
}

// calibratedPath is what was measured of the model that was in a folder then.
func calibratedPath(e onnx.Engine, set ModelSettings, path string) ModelCalibration {
	if path != "" {
		if abs, err := filepath.Abs(path); err == nil {
			path = abs
		}
	}
	c, _ := findCalibration(machineKey(e, set), func(c ModelCalibration) bool { return c.Path == path })
	return c
}

// CalibrationsOf tells what was measured of the model in a folder, "" being the
// built-in one, on any library and device of this computer, the newest first.
func CalibrationsOf(path string) []ModelCalibration {
	var list []ModelCalibration
	for _, c := range slices.Backward(readCalibrations()) {
		if c.Path == path {
			list = append(list, c)
		}
	}
	return list
}

func findCalibration(machine string, is func(ModelCalibration) bool) (ModelCalibration, bool) {
	for _, c := range slices.Backward(readCalibrations()) {
		if c.Machine == machine && is(c) {
			return c, true
		}
	}
	return ModelCalibration{}, false
}

// Calibrate measures how the model in a folder ("" is the built-in one) runs
// best, each number of threads in a process of its own, and keeps the result.
// It takes about ten seconds and the loading. program is what to start; it is
// needed, because the memory of this process would say nothing.
func Calibrate(ctx context.Context, program, library, path string) (ModelCalibration, error) {
	return calibrate(ctx, program, library, path, calibrationTime)
}

func calibrate(ctx context.Context, program, library, path string, budget time.Duration) (ModelCalibration, error) {
	if path != "" {
		abs, err := filepath.Abs(path)
		if err != nil {
			return ModelCalibration{}, fmt.Errorf("calibration: %w", err)
		}
		path = abs
	}
	var best ModelCalibration
	choices := threadChoices()
	for _, threads := range choices {
		c, err := calibrateWith(ctx, program, library, path, threads, budget/time.Duration(len(choices)))
		if err != nil {
			return best, fmt.Errorf("calibration: %w", err)
		}
		// More threads than cores must earn what they take from others.
		if best.Batch == 0 {
			best = c
		} else if c.PerSecond > best.PerSecond*1.05 {
			c.Default = best.Default
			best = c
		}
	}
	return best, keepCalibration(best)
}

// threadChoices are the numbers of threads that are tried: one a physical core,
// which is what 0 means, and as many as the system lets run at once when that
// is another number.
func threadChoices() []int {
	if n := runtime.NumCPU(); n != physicalCores() {
		return []int{0, n}
	}
	return []int{0}
}

func calibrateWith(ctx context.Context, program, library, path string, threads int, budget time.Duration) (c ModelCalibration, err error) {
	set, err := ReadModelSettings()
	if err != nil {
		return c, err
	}
	e, closing, err := StartEngine(ctx, program, library)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, closing()) }()
	enc, err := openEncoder(onnx.Configured(e, onnx.Choices{Threads: threads}), path)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, enc.Close()) }()
	measured, ok := enc.(interface {
		Batch() int
		Calibrate(context.Context, encoder.CalibrateOptions) (encoder.Calibration, error)
	})
	if !ok {
		return c, fmt.Errorf("%s cannot be measured", enc.Info().Name)
	}
	had := measured.Batch()
	o := encoder.CalibrateOptions{Budget: budget, Ceiling: set.ceiling()}
	if p, ok := e.(interface{ PeakMemory() int64 }); ok {
		o.Peak = p.PeakMemory
	}
	m, err := measured.Calibrate(ctx, o)
	if err != nil {
		return c, err
	}
	c = ModelCalibration{Model: enc.Info().Name, Encoder: enc.Info().Hash, Path: path, Machine: machineKey(e, set), Batch: m.Batch,
		Threads: threads, PerSecond: m.PerSecond, Peak: m.Peak, Trials: m.Trials, At: time.Now().UTC().Truncate(time.Second)}
	for _, t := range m.Trials {
		if t.Batch == had {
			c.Default = t.PerSecond
		}
	}
	return c, nil
}

// openEncoder opens the model in a folder, or the built-in network.
func openEncoder(e onnx.Engine, path string) (models.Encoder, error) {
	if path == "" {
		return ownEncoder(e)
	}
	enc, err := folder.Open(e, path)
	return enc, about("model", path, err)
}

// tuned gives the encoder for many patches: the session's own is measured first
// when it never was on this computer, and opened anew when it does better with
// another number of threads. Settings that a person made are left alone, and so
// is an encoder that the caller brought.
func (s *Session) tuned(ctx context.Context, enc models.Encoder, missing int, p Progress) models.Encoder {
	set, err := ReadModelSettings()
	s.encoderMu.Lock()
	own, e, program, path := enc == s.encoder, s.engine, s.options.Worker, s.options.Model
	library := s.options.Onnx
	s.encoderMu.Unlock()
	if err != nil || !own || e == nil || program == "" || missing < worthCalibrating || set.Batch > 0 || set.Threads > 0 {
		return enc
	}
	if _, ok := Calibrated(e, set, enc.Info().Hash); ok {
		return enc // it was opened so
	}
	p.report("Measuring how the model runs best here", 0, 0)
	c, err := Calibrate(ctx, program, library, path)
	if err != nil {
		return enc // as it is it works too
	}
	if c.Threads == 0 {
		setBatch(enc, c.Batch)
		return enc
	}
	s.encoderMu.Lock()
	if s.encoder == enc {
		s.encoder = nil
	}
	s.encoderMu.Unlock()
	again, err := s.Encoder()
	if err != nil {
		return enc
	}
	_ = enc.Close() // its process goes with the engine in any case
	return again
}

// setBatch sets the patches a run of an encoder that lets it be set.
func setBatch(enc models.Encoder, n int) {
	if b, ok := enc.(interface{ SetBatch(n int) }); ok && n > 0 {
		b.SetBatch(n)
	}
}
