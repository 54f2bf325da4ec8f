// Package slidetest is the conformance suite that every format of slides
// passes, makers of broken files, and the way to the real files that tests
// use. Only tests import it.
package slidetest

import (
	"os"
	"path/filepath"
	"testing"
)

// Shared returns the path of a real test file, "svs/CMU-1-Small-Region.svs":
// below the folder slides of COVERSLIP_TESTDATA, or of ../shared beside the
// repository. The test is skipped where it is absent.
func Shared(t testing.TB, name string) string {
	t.Helper()
	p := filepath.Join(SharedDir(t), filepath.FromSlash(name))
	if _, err := os.Stat(p); err != nil {
		t.Skip("test file is absent:", name)
	}
	return p
}

// SharedDir is the folder of real slides; the test is skipped where it is
// absent.
func SharedDir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("COVERSLIP_TESTDATA")
	if dir == "" {
		root, err := moduleRoot()
		if err != nil {
			t.Fatal(err)
		}
		for up := root; ; up = filepath.Dir(up) {
			dir = filepath.Join(up, "shared")
			if _, err := os.Stat(filepath.Join(dir, "slides")); err == nil || up == filepath.Dir(up) {
				break
			}
		}
	}
	slides := filepath.Join(dir, "slides")
	if _, err := os.Stat(slides); err != nil {
		t.Skip("no test slides: set COVERSLIP_TESTDATA")
	}
	return slides
}

// moduleRoot is the folder of go.mod at or above the working folder.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for up := dir; up != filepath.Dir(up); up = filepath.Dir(up) {
		if _, err := os.Stat(filepath.Join(up, "go.mod")); err == nil {
			return up, nil
		}
	}
	return "", os.ErrNotExist
}
