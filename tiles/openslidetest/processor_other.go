//go:build !unix

package openslidetest

import "time"

// processorTime is not known here.
func processorTime() time.Duration { return 0 }
