//go:build unix

package hamamatsu

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// sparse says whether the test's folder stores no holes of files.
func sparse(t testing.TB) bool {
	path := filepath.Join(t.TempDir(), "hole")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(8 << 20); err != nil {
		return false
	}
	if _, err := f.WriteAt([]byte{1}, 8<<20); err != nil {
		return false
	}
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	return ok && int64(sys.Blocks)*512 < 4<<20
}
