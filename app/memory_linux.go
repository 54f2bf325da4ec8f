package app

import "golang.org/x/sys/unix"

// machineMemory is the memory of the computer, bytes; 0 when it cannot be told.
func machineMemory() int64 {
	var i unix.Sysinfo_t
	if err := unix.Sysinfo(&i); err != nil {
		return 0
	}
	return int64(uint64(i.Totalram) * uint64(i.Unit))
}
