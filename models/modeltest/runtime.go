package modeltest

import (
	"os"
	"path/filepath"
	"testing"

	"coverslip/models/onnx"
)

// Runtime opens the ONNX Runtime that the program would use (onnx.Find), or
// skips the test with one line when there is none.
func Runtime(tb testing.TB) *onnx.Runtime {
	tb.Helper()
	path, _, err := onnx.Find("")
	if err != nil {
		tb.Skipf("needs ONNX Runtime: %v", err)
	}
	rt, err := onnx.Load(path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := rt.Close(); err != nil {
			tb.Errorf("a session was left open: %v", err)
		}
	})
	return rt
}

// File is the path of a real file for tests, given relative to the folder of
// them (COVERSLIP_TESTDATA, or shared beside the repository). The test is
// skipped with one line when it is not there.
func File(tb testing.TB, name string) string {
	tb.Helper()
	dir := os.Getenv("COVERSLIP_TESTDATA")
	if dir == "" {
		root, err := os.Getwd()
		if err != nil {
			tb.Fatal(err)
		}
		for {
			if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
				break
			}
			if root == filepath.Dir(root) {
				tb.Skip("needs the files for tests: no go.mod above the test")
			}
			root = filepath.Dir(root)
		}
		dir = filepath.Join(root, "..", "shared")
	}
	p := filepath.Join(dir, filepath.FromSlash(name))
	if _, err := os.Stat(p); err != nil {
		tb.Skipf("needs the file %s", name)
	}
	return p
}
