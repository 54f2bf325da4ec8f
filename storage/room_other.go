//go:build !linux && !darwin && !freebsd

package storage

// FreeBytes would be what an ordinary user may still write where the path lies;
// this system is not asked.
func FreeBytes(string) (uint64, bool) { return 0, false }
