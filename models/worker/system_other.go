//go:build !linux

package worker

import (
	"errors"
	"os"
	"os/exec"
)

// takeOutput is standard output: native code that prints there breaks a frame,
// and the program then starts another worker.
func takeOutput() (*os.File, error) { return os.Stdout, nil }

func beHumble() {}

// limitMemory does nothing: the system has no such bound that can be relied on.
func limitMemory(int64) error { return nil }

// CanLimitMemory tells whether a ceiling is held on this system.
func CanLimitMemory() bool { return false }

// errNoShared: inputs go through the pipe here.
var errNoShared = errors.New("no shared memory on this system")

func mapShared(int64) ([]byte, error) { return nil, errNoShared }

func newShared(int64) (*os.File, []byte, error) { return nil, nil, errNoShared }

func unmapShared([]byte) error { return nil }

func apart(*exec.Cmd) {}

func widen(*os.File) {}

func peakMemory() int64 { return 0 }

func crash() { os.Exit(139) }
