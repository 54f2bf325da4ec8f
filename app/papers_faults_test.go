package app

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	testName = regexp.MustCompile("`(Test[A-Za-z0-9_]+)`")
	testFunc = regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9_]+)\(t \*testing\.T\)`)
)

// TestPapers_Faults holds the table of the forty faults to the tests: each has a
// row, and every test that a row names is there.
func TestPapers_Faults(t *testing.T) {
	there := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range testFunc.FindAllSubmatch(text, -1) {
			there[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(paper(t, "docs/validation.md"), "## The forty faults")
	table, _, _ = strings.Cut(table, "\n## ")
	next := 1
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 6 {
			continue
		}
		n, err := strconv.Atoi(strings.TrimSpace(cells[1]))
		if err != nil {
			continue // the head
		}
		if n != next {
			t.Errorf("fault %d comes where %d should", n, next)
		}
		next = n + 1
		names := testName.FindAllStringSubmatch(cells[4], -1)
		if len(names) == 0 {
			t.Errorf("fault %d has no test", n)
		}
		for _, m := range names {
			if !there[m[1]] {
				t.Errorf("fault %d: there is no %s", n, m[1])
			}
		}
	}
	if next != 41 {
		t.Errorf("%d faults are listed, not 40", next-1)
	}
}
