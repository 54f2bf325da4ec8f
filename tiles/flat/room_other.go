//go:build !linux && !darwin && !freebsd && !windows

package flat

import "errors"

// freeBytes is not known here; large pictures are refused rather than filling
// the disk.
func freeBytes(string) (int64, error) { return 0, errors.ErrUnsupported }
