package storage

import "golang.org/x/sys/unix"

// networkKind is the name of the network file system of a path; "" for a disk
// of this machine. Locks and memory maps are not to be relied on there. The
// numbers are those of statfs(2).
func networkKind(path string) string {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return ""
	}
	switch uint32(st.Type) {
	case 0x6969:
		return "NFS"
	case 0x517B, 0xFF534D42, 0xFE534D42:
		return "SMB"
	case 0x73757245:
		return "Coda"
	case 0x5346414F:
		return "AFS"
	case 0x01021997:
		return "9P"
	case 0x00C36400:
		return "Ceph"
	}
	return ""
}
