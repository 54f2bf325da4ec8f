//go:build !linux

package main

// processSeconds would be the processor time of this process; 0: it is not asked
// for on this system, and left out of the result.
func processSeconds() float64 { return 0 }

// threadSeconds would be the processor time of this thread; 0 as above.
func threadSeconds() float64 { return 0 }
