//go:build linux || darwin || freebsd

package flat

import "golang.org/x/sys/unix"

// freeBytes is the room that this user may fill where dir lies.
func freeBytes(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}
