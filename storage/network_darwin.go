package storage

import "golang.org/x/sys/unix"

// networkKind is the name of the network file system of a path; "" for a disk of this
// machine. Locks and memory maps are not to be relied on there.
func networkKind(path string) string {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil || st.Flags&unix.MNT_LOCAL != 0 {
		return ""
	}
	return unix.ByteSliceToString(st.Fstypename[:])
}
