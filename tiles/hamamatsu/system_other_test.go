//go:build !unix

package hamamatsu

import "testing"

// sparse: not known here, so the tests of large files are skipped.
func sparse(testing.TB) bool { return false }
