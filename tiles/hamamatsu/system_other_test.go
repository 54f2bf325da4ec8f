//go:build !unix

package hamamatsu

import (
	"testing"
	"time"
)

// processorTime: not known here.
func processorTime() time.Duration { return 0 }

// sparse: not known here, so the tests of large files are skipped.
func sparse(testing.TB) bool { return false }
