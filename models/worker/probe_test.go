//go:build unix

package worker_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"coverslip/models/onnx"
	"coverslip/models/worker"
)

// TestFind_InAnotherProcess: a broken library before the good one is passed over
// with its reason, and what the good one says is passed on.
func TestFind_InAnotherProcess(t *testing.T) {
	path, _, err := onnx.Find("")
	if err != nil {
		t.Skipf("needs ONNX Runtime: %v", err)
	}
	got, tried, err := worker.Find(context.Background(), "", path)
	if err != nil || got != path {
		t.Fatalf("%s, %v", got, err)
	}
	if last := tried[len(tried)-1]; last.Version == "" || len(last.Providers) == 0 || last.Err != nil {
		t.Errorf("%+v", last)
	}
	junk := filepath.Join(t.TempDir(), onnx.LibraryNames(runtime.GOOS)[0])
	if err := os.WriteFile(junk, []byte("\x7fELF nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, tried, err = worker.Find(context.Background(), "", junk)
	if err == nil || len(tried) != 1 || tried[0].Err == nil {
		t.Errorf("%+v, %v", tried, err)
	}
}
