//go:build !linux

package storage

import "os"

const populate = 0

// syncData brings what was written to the disk.
func syncData(f *os.File) error { return f.Sync() }
