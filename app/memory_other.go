//go:build !linux

package app

// machineMemory is the memory of the computer, bytes; 0 when it cannot be told.
func machineMemory() int64 { return 0 }

// processorName is what the processor calls itself; empty when it cannot be told.
func processorName() string { return "" }

// physicalCores counts the cores that are no second thread of another; 0, where
// it cannot be told, has both numbers of threads tried.
func physicalCores() int { return 0 }
