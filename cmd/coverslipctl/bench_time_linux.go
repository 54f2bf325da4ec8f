package main

import "golang.org/x/sys/unix"

// processSeconds is the processor time of all threads of this process.
func processSeconds() float64 { return clockSeconds(unix.CLOCK_PROCESS_CPUTIME_ID) }

// threadSeconds is the processor time of this thread.
func threadSeconds() float64 { return clockSeconds(unix.CLOCK_THREAD_CPUTIME_ID) }

// clockSeconds is 0 when the system does not tell.
func clockSeconds(clock int32) float64 {
	var t unix.Timespec
	if err := unix.ClockGettime(clock, &t); err != nil {
		return 0
	}
	return float64(t.Nano()) / 1e9
}
