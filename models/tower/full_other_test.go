//go:build !unix

package tower

import (
	"testing"
	"time"
)

var started = time.Now()

// processorTime is the time that passed, where the system's own is not asked.
func processorTime(*testing.T) time.Duration { return time.Since(started) }
