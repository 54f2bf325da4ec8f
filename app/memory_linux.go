package app

import (
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// machineMemory is the memory of the computer, bytes; 0 when it cannot be told.
func machineMemory() int64 {
	var i unix.Sysinfo_t
	if err := unix.Sysinfo(&i); err != nil {
		return 0
	}
	return int64(uint64(i.Totalram) * uint64(i.Unit))
}

// cpuInfo is what Linux says of the processors.
const cpuInfo = "/proc/cpuinfo"

// processorName is what the processor calls itself; empty when it cannot be told.
func processorName() string {
	b, err := os.ReadFile(cpuInfo)
	if err != nil {
		return ""
	}
	return cpuField(string(b), "model name")
}

// physicalCores counts the cores that are no second thread of another; as many
// as there are threads when it cannot be told.
func physicalCores() int {
	b, err := os.ReadFile(cpuInfo)
	if err != nil {
		return runtime.NumCPU()
	}
	return coresOf(string(b), runtime.NumCPU())
}

// coresOf counts the pairs of socket and core in the text of /proc/cpuinfo.
func coresOf(text string, other int) int {
	cores := map[string]bool{}
	for part := range strings.SplitSeq(text, "\n\n") {
		if core := cpuField(part, "core id"); core != "" {
			cores[cpuField(part, "physical id")+"/"+core] = true
		}
	}
	if len(cores) == 0 {
		return other
	}
	return len(cores)
}

// cpuField is the first value of that name.
func cpuField(text, name string) string {
	for line := range strings.SplitSeq(text, "\n") {
		key, value, ok := strings.Cut(line, ":")
		if ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
