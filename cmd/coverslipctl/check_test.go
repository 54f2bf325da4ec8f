package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestScript_Repair damages a project and brings it back, edits by script, and
// checks exported logs.
func TestScript_Repair(t *testing.T) {
	dir := t.TempDir()
	slide, err := smallSlide()
	if err != nil {
		t.Fatal(err)
	}
	put := func(name string, b []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("a.svs", slide)
	put("edits.jsonl", []byte(`{"do":"draw","class":"Tumour","rect":[10,10,200,300]}
{"do":"draw","class":"Stroma","ring":[[0,0],[100,0],[50,80]]}
{"do":"undo"}
{"do":"redo"}
`))
	play(t, dir, []step{
		{line: "project new $D/p.coverslip"},
		{line: "project add $D/p.coverslip $D/a.svs"},
		{line: "annotations edit --project $D/p.coverslip $D/edits.jsonl", out: []string{`"line":4`, `"did":"Draw polygon"`}},
		{line: "project check $D/p.coverslip", out: []string{"sound"}},
		{line: "project check --repair $D/p.coverslip", out: []string{"sound"}},
		{line: "audit export --project $D/p.coverslip $D/log.csv", out: []string{"6 record"}},
		{line: "audit export --project $D/p.coverslip $D/log.json", out: []string{"6 record"}},
		{line: "audit export --project $D/p.coverslip $D/log.html", out: []string{"6 record"}},
		{line: "audit verify $D/log.csv", out: []string{"6 record"}},
		{line: "audit verify --json --project $D/p.coverslip $D/log.json", out: []string{`"complete": true`, `"sound": true`}},
		{line: "audit export --project $D/p.coverslip $D/log.pdf", code: 2},
	})
	file := filepath.Join(dir, "p.coverslip", "project.bolt")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	put("p.coverslip/project.bolt", b[:20000])
	play(t, dir, []step{
		{line: "project check $D/p.coverslip", code: 1, err: []string{"damaged", "--repair"}},
		{line: "project check --repair $D/p.coverslip", out: []string{"repaired by journal", "Nothing that had been saved is lost", "kept as"}, err: []string{"older meta page: no"}},
		{line: "project check $D/p.coverslip", out: []string{"sound"}},
		{line: "annotations list --project $D/p.coverslip", out: []string{"Tumour", "Stroma"}},
		{line: "audit verify --project $D/p.coverslip", out: []string{"6 record"}},
	})
}
