//go:build linux || darwin || freebsd

package storage

import "golang.org/x/sys/unix"

// FreeBytes is what an ordinary user may still write where the path lies;
// false when the system does not say.
func FreeBytes(path string) (uint64, bool) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, false
	}
	return uint64(st.Bavail) * uint64(st.Bsize), true
}
