//go:build unix

package folder

import (
	"context"
	"image"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"coverslip/models/modeltest"
)

// TestOpen_FullSizeIsReady says how long models of their real size take to be
// ready (COVERSLIP_FULLSIZE, see models/tower): the second time, when the sum of
// their weights is known.
func TestOpen_FullSizeIsReady(t *testing.T) {
	root := os.Getenv("COVERSLIP_FULLSIZE")
	if root == "" {
		t.Skip("needs COVERSLIP_FULLSIZE, the folder that models/tower/testdata/fullsize.py wrote")
	}
	rt := modeltest.Runtime(t)
	found, err := filepath.Glob(filepath.Join(root, "*", "model.safetensors"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no folders in %s: %v", root, err)
	}
	for _, f := range found {
		for i, when := range []string{"first", "again"} {
			start, used := time.Now(), processorTime(t)
			e, err := Open(rt, filepath.Dir(f))
			if err != nil {
				t.Fatal(err)
			}
			ready, readyUsed := time.Since(start), processorTime(t)-used
			if i == 1 {
				img := image.NewRGBA(image.Rect(0, 0, e.Info().PatchSize, e.Info().PatchSize))
				if _, err := e.Encode(context.Background(), []*image.RGBA{img}); err != nil {
					t.Error(err)
				}
			}
			t.Logf("%s, %s: ready in %v by the clock, %v of processor; with one embedding %v", filepath.Base(filepath.Dir(f)), when,
				ready.Round(time.Millisecond), readyUsed.Round(time.Millisecond), time.Since(start).Round(time.Millisecond))
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// processorTime is what this process has used so far.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
