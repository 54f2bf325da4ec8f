package window

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// threadClocks are the processor time of the calling thread
// (clock_gettime(2), CLOCK_THREAD_CPUTIME_ID), and how long it was ready to run
// while others had the processor (second number of /proc/self/task/N/schedstat;
// Documentation/scheduler/sched-stats); the latter is 0 where it is not kept.
func threadClocks() (cpu, waited func() time.Duration) {
	cpu = func() time.Duration {
		var t unix.Timespec
		if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) != nil {
			return 0
		}
		return time.Duration(t.Nano())
	}
	var file *os.File
	var buf [96]byte
	waited = func() time.Duration {
		if file == nil { // opened here: the calls come from Fyne's thread
			f, err := os.Open(fmt.Sprintf("/proc/self/task/%d/schedstat", unix.Gettid()))
			if err != nil {
				return 0
			}
			file = f
		}
		n, _ := unix.Pread(int(file.Fd()), buf[:], 0) // n < 1 leaves no fields
		fields := bytes.Fields(buf[:max(0, n)])
		if len(fields) < 2 {
			return 0
		}
		ns, err := strconv.ParseInt(string(fields[1]), 10, 64)
		if err != nil {
			return 0
		}
		return time.Duration(ns)
	}
	return cpu, waited
}
