package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// testdata finds the real slides: COVERSLIP_TESTDATA, or the folder "shared"
// beside the project.
func testdata(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("COVERSLIP_TESTDATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	if _, err := os.Stat(filepath.Join(dir, "slides", "svs")); err != nil {
		t.Skip("no real slides here:", err)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

func TestScript_RealSlides(t *testing.T) {
	slides := filepath.Join(testdata(t), "slides")
	dir := t.TempDir()
	cmu, tcga := filepath.Join(slides, "svs", "CMU-1-Small-Region.svs"), filepath.Join(slides, "svs", "TCGA-CR-7395-ts1.svs")
	play(t, dir, []step{
		{line: "info --json " + cmu, out: []string{`"mppX": 0.499`, `"width": 2220`, `"height": 2967`, `"objective": 20`, `"label"`}},
		{line: "info --json " + tcga, out: []string{`"mppX": null`, `"width": 4443`}},
		{line: "region " + cmu + " --level 0 --x 1000 --y 1000 --w 300 --h 200 -o $D/r.png", err: []string{"300 × 200"}},
		{line: "thumb " + tcga + " --max 500 -o $D/t.png", err: []string{"500 × "}},
		{line: "associated " + cmu + " macro -o $D/m.png"},
		{line: "project new $D/p.coverslip"},
		{line: "project add $D/p.coverslip " + cmu + " " + tcga, out: []string{"2220 × 2967"}, err: []string{"TCGA", "--mpp"}},
		{line: "annotations import --project $D/p.coverslip --slide CMU $D/none", code: 1, err: []string{"none does not exist"}},
		{line: "project add --mpp 0.25 $D/p.coverslip " + tcga},
		{line: "project list --json $D/p.coverslip", out: []string{`"mppX": 0.25`}},
	})
}

// Whatever is wrong with a file, the answer is an exit code and a message with
// its name and what to do; never a panic.
func TestScript_BadSlides(t *testing.T) {
	bad := filepath.Join(testdata(t), "slides", "bad")
	entries, err := os.ReadDir(bad)
	if err != nil {
		t.Skip(err)
	}
	out := filepath.Join(t.TempDir(), "t.png")
	for _, e := range entries {
		path := filepath.Join(bad, e.Name())
		for _, args := range [][]string{{"info", path}, {"thumb", path, "--max", "64", "-o", out}} {
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), args, &stdout, &stderr)
			text := stderr.String()
			switch {
			case code == exitDone:
			case code != exitFail, !strings.Contains(text, e.Name()), !strings.Contains(text, "what to do"),
				strings.Contains(text, "went wrong"):
				t.Errorf("%v: exit code %d\n%s", args[:2], code, text)
			}
		}
	}
}
