package storage

import (
	"golang.org/x/sys/unix"

	bolt "go.etcd.io/bbolt"
)

// release takes the pages of the file out of this process's memory; they stay in
// the system's cache, from which they come back when they are read. After a walk
// over a large project they would count as its memory though nothing uses them.
// It needs an open transaction, so that the map stays where it is.
func release(tx *bolt.Tx) error {
	size := uintptr(tx.Size())
	if size < releaseFrom {
		return nil
	}
	_, _, errno := unix.Syscall(unix.SYS_MADVISE, tx.DB().Info().Data, size, unix.MADV_DONTNEED)
	if errno != 0 {
		return errno
	}
	return nil
}

// releaseFrom is the size of a file, bytes, from which on it is worth the while.
const releaseFrom = 64 << 20
