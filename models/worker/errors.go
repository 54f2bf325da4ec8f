package worker

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrWorker: the worker process cannot be started or is not one of ours.
	ErrWorker = errors.New("the process for models cannot be started")
	// ErrClosed: the engine was closed.
	ErrClosed = errors.New("the process for models is closed")
)

// CrashError says that the worker ended in the middle of something.
type CrashError struct {
	Doing  string // what was asked: "run model.onnx"
	How    string // as the system says: "signal: segmentation fault", "exit status 2"
	Said   string // the first line it wrote, "" when nothing
	Memory int64  // ceiling in bytes under which it ran; 0 = none
}

func (e *CrashError) Error() string {
	s := fmt.Sprintf("%s: the process for models ended: %s", e.Doing, e.How)
	if e.Said != "" {
		s += ": " + e.Said
	}
	return s
}

// HangError says that the worker did not answer in time and was stopped, and
// ended where that did not help.
type HangError struct {
	Doing string
	After time.Duration
}

func (e *HangError) Error() string {
	return fmt.Sprintf("%s: no answer within %v; it was stopped", e.Doing, e.After)
}

// QuarantineError says that a model is not tried again in this session, because
// it ended the worker too often.
type QuarantineError struct {
	Model   string // name of the file
	Crashes int
	Err     error // of the last time
}

func (e *QuarantineError) Error() string {
	return fmt.Sprintf("%s ended the process for models %d times and is not tried again: %v", e.Model, e.Crashes, e.Err)
}

// Unwrap gives the last crash.
func (e *QuarantineError) Unwrap() error { return e.Err }
