package modeltest

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Python runs scripts in an interpreter that has the modules, or skips the
// test with one line when there is none. COVERSLIP_PYTHON names one to use.
// The programs compared with are judges, not parts: nothing else needs them.
func Python(tb testing.TB, modules ...string) func(script string, args ...string) string {
	tb.Helper()
	python := os.Getenv("COVERSLIP_PYTHON")
	if python == "" {
		python = "python3"
	}
	if out, err := exec.Command(python, "-c", "import "+strings.Join(modules, ",")).CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		tb.Skipf("needs %s with %s: %v %s", python, strings.Join(modules, ", "), err, lines[len(lines)-1])
	}
	return func(script string, args ...string) string {
		tb.Helper()
		cmd := exec.Command(python, append([]string{"-c", script}, args...)...)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil {
			tb.Fatalf("%s: %v\n%s", python, err, stderr.String())
		}
		return stdout.String()
	}
}
