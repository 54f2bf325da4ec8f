// Tally reads what `go test -json` prints on standard input, shows it the
// short way (a line a package, and all output of what failed) and counts.
//
//	go test -json ./... | go run .ci/tally/main.go [-o COUNTS] [-v]
//
// With -o it adds a line "passed failed skipped" to the file COUNTS; .ci/run sums these
// lines up. Its exit status is 1 when anything failed or nothing ran, because the shell's
// pipe hides that of go test.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
)

// event is one line of `go test -json`; see `go doc test2json`.
type event struct {
	Action     string
	Package    string
	ImportPath string // of build-output and build-fail
	Test       string
	Output     string
	Elapsed    float64 // seconds
}

type key struct{ pkg, test string }

// tally is what has been read so far.
type tally struct {
	out                     io.Writer
	verbose                 bool
	passed, failed, skipped int
	output                  map[key][]string
	failedIn                map[string]int    // failed tests of a package
	skips                   map[string]int    // reason → how often
	lastLine                map[key]string    // the last line a test printed: a skip's reason
	build                   map[string]string // import path → the compiler's words
}

func main() {
	counts := flag.String("o", "", "add the counts to this file")
	verbose := flag.Bool("v", false, "also name every test that passed")
	flag.Parse()
	t := &tally{
		out: os.Stdout, verbose: *verbose,
		output: map[key][]string{}, failedIn: map[string]int{}, skips: map[string]int{},
		lastLine: map[key]string{}, build: map[string]string{},
	}
	if err := t.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "tally:", err)
		os.Exit(1)
	}
	t.summary()
	if *counts != "" {
		if err := appendCounts(*counts, t); err != nil {
			fmt.Fprintln(os.Stderr, "tally:", err)
			os.Exit(1)
		}
	}
	if t.failed > 0 || t.passed == 0 {
		os.Exit(1)
	}
}

func appendCounts(path string, t *tally) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(f, t.passed, t.failed, t.skipped); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

func (t *tally) read(r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 1<<16), 1<<26)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			// Something that is not JSON, such as the go command's own complaint.
			fmt.Fprintln(t.out, lines.Text())
			continue
		}
		t.take(e)
	}
	return lines.Err()
}

func (t *tally) take(e event) {
	k := key{e.Package, e.Test}
	switch e.Action {
	case "output":
		t.output[k] = append(t.output[k], e.Output)
		t.lastLine[k] = firstOf(e.Output, t.lastLine[k])
	case "build-output":
		t.build[e.ImportPath] += e.Output
	case "build-fail":
		fmt.Fprintf(t.out, "FAIL  %s does not build\n%s", e.ImportPath, t.build[e.ImportPath])
	case "pass", "skip":
		if e.Test == "" {
			t.closePackage(e)
		} else if e.Action == "pass" {
			t.passed++
			if t.verbose {
				fmt.Fprintf(t.out, "      %s %s (%.2fs)\n", e.Package, e.Test, e.Elapsed)
			}
		} else {
			t.skipped++
			t.skips[reason(t.lastLine[k])]++
		}
		delete(t.output, k)
	case "fail":
		if e.Test == "" {
			t.closePackage(e)
		} else {
			t.failed++
			t.failedIn[e.Package]++
			t.print(k)
		}
		delete(t.output, k)
	}
}

// closePackage handles the event that ends a package. A package may fail without a failed
// test: it does not build, it panicked, it ran out of time. That counts as one failure.
func (t *tally) closePackage(e event) {
	switch {
	case e.Action == "fail":
		if t.failedIn[e.Package] == 0 {
			t.failed++
			t.print(key{e.Package, ""})
		}
		fmt.Fprintf(t.out, "FAIL  %s (%.1fs)\n", e.Package, e.Elapsed)
	case e.Action == "pass":
		fmt.Fprintf(t.out, "ok    %s (%.1fs)\n", e.Package, e.Elapsed)
	}
}

func (t *tally) print(k key) {
	for _, line := range t.output[k] {
		fmt.Fprint(t.out, line)
	}
}

// firstOf keeps the line that tells why a test skipped: the indented one, not the "--- SKIP".
func firstOf(line, before string) string {
	if len(line) > 4 && line[:4] == "    " {
		return line
	}
	return before
}

// reason takes the place in the source off a test's last words, so that equal reasons are
// told once.
func reason(line string) string {
	if _, words, ok := strings.Cut(strings.TrimSpace(line), ".go:"); ok {
		if _, words, ok := strings.Cut(words, ": "); ok {
			return words
		}
	}
	return strings.TrimSpace(line)
}

func (t *tally) summary() {
	reasons := make([]string, 0, len(t.skips))
	for reason := range t.skips {
		reasons = append(reasons, reason)
	}
	sort.Strings(reasons)
	for _, reason := range reasons {
		fmt.Fprintf(t.out, "skip  %d × %s\n", t.skips[reason], reason)
	}
	fmt.Fprintf(t.out, "%d passed, %d failed, %d skipped\n", t.passed, t.failed, t.skipped)
}
