//go:build linux

package app

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coverslip/tiles/peertest"
)

// cpuOf is the processor time that this process and the worker have used.
func cpuOf(t *testing.T, pid int) (here, there time.Duration) {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	here = time.Duration(u.Utime.Nano() + u.Stime.Nano())
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(after)
	ticks := 0
	for _, s := range f[11:13] { // utime, stime; proc(5)
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return here, time.Duration(ticks) * time.Second / 100
}

// recordCPU compares the processor time of a way with that of the runtime alone,
// which a busy machine does not change.
func recordCPU(t *testing.T, name, note string, pid int, goal float64, ours, peer func(i int) error) {
	t.Helper()
	var cpu [2]time.Duration
	var parent time.Duration
	for turn := range 3 {
		for side, f := range []func(int) error{ours, peer} {
			h0, w0 := cpuOf(t, pid)
			if err := f(turn); err != nil {
				t.Fatal(err)
			}
			h1, w1 := cpuOf(t, pid)
			cpu[side] += h1 - h0 + w1 - w0
			if side == 0 {
				parent += h1 - h0
			}
		}
	}
	t.Logf("%s: %v of %v outside the runtime", name, parent, cpu[0])
	peertest.Record(t, peertest.Result{Name: name + ", CPU", Ours: cpu[0].Seconds() * 1000 / 3, Peer: cpu[1].Seconds() * 1000 / 3, Unit: "ms", Goal: goal, Note: note})
}
