//go:build !linux

package app

import "testing"

// smallDisk would be a file system of its own.
func smallDisk(t *testing.T, _ int) string {
	t.Helper()
	t.Skip("small file systems are mounted on Linux only")
	return ""
}
