//go:build !linux

package app

// machineMemory is the memory of the computer, bytes; 0 when it cannot be told.
func machineMemory() int64 { return 0 }
