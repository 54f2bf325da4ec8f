package main

import (
	"os"
	"path/filepath"
	"testing"
)

// typed is what standard input holds for the next step.
func typed(t *testing.T, lines string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lines")
	if err := os.WriteFile(path, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	was := os.Stdin
	os.Stdin = f
	t.Cleanup(func() { os.Stdin = was; f.Close() })
}

// TestScript_Users enters people, changes roles and passphrases, signs the labels
// of a slide and verifies that, also after the labels were changed.
func TestScript_Users(t *testing.T) {
	dir := t.TempDir()
	slide, err := smallSlide()
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"a.svs": slide, "e.jsonl": []byte(`{"do":"draw","class":"Tumour","rect":[10,10,200,300]}` + "\n")} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, x := range []struct {
		typed string
		step  step
	}{
		{"", step{line: "project new $D/p.coverslip"}},
		{"", step{line: "project add $D/p.coverslip $D/a.svs"}},
		{"", step{line: "annotations edit --project $D/p.coverslip $D/e.jsonl"}},
		{"", step{line: "user list --project $D/p.coverslip", out: []string{"nobody has a profile"}}},
		{"short\n", step{line: "user add --project $D/p.coverslip --passphrase Ada", code: 1, err: []string{"too short"}}},
		{"correct horse\n", step{line: "user add --project $D/p.coverslip --passphrase Ada", out: []string{"Ada", "administrator", "can sign"}}},
		{"", step{line: "user add --project $D/p.coverslip ada", code: 1, err: []string{"Another profile"}}},
		{"", step{line: "user add --project $D/p.coverslip --role reviewer Bob", code: 1, err: []string{"role in this project"}}},
		{"wrong horse\n", step{line: "user add --project $D/p.coverslip --user Ada --role reviewer Bob", code: 1, err: []string{"not the right one"}}},
		{"", step{line: "user add --project $D/p.coverslip --user Ada --role reviewer Bob", code: 2, err: []string{"standard input", "Passphrase of Ada"}}},
		{"correct horse\n", step{line: "user add --project $D/p.coverslip --user Ada --role reviewer Bob", out: []string{"reviewer", "no passphrase"}}},
		{"", step{line: "user add --project $D/p.coverslip --role king Eve", code: 2, err: []string{"--role"}}},
		{"battery staple\n", step{line: "user passphrase --project $D/p.coverslip Bob", out: []string{"can sign"}}},
		{"battery staple\n", step{line: "user role --project $D/p.coverslip --user Bob Ada annotator", code: 1, err: []string{"does not allow"}}},
		{"correct horse\n", step{line: "user role --project $D/p.coverslip --user Ada Ada annotator", code: 1, err: []string{"needs one administrator"}}},
		{"correct horse\nnew horse 22\n", step{line: "user passphrase --project $D/p.coverslip --json Ada", out: []string{`"passphrase": true`, "publicKey"}}},
		{"correct horse\n", step{line: "labels sign --project $D/p.coverslip --user Ada", code: 1, err: []string{"not the right one"}}},
		{"", step{line: "labels sign --project $D/p.coverslip", code: 2, err: []string{"--user NAME"}}},
		{"", step{line: "labels sign --project $D/p.coverslip --user Ada --meaning perhaps", code: 2, err: []string{"I made these labels"}}},
		{"", step{line: "labels verify --project $D/p.coverslip", out: []string{"no signatures"}}},
		{"", step{line: "labels verify --current --project $D/p.coverslip", code: 1, err: []string{"no signature stands"}}},
		{"new horse 22\n", step{line: "labels sign --project $D/p.coverslip --user Ada", out: []string{"I made these labels", "1 label(s)", "good"}}},
		{"battery staple\n", step{line: `labels sign --project $D/p.coverslip --slide a.svs --user Bob --meaning "i appr" --json`, out: []string{`"meaning": "I approve these labels"`, `"current": true`}}},
		{"", step{line: "labels verify --current --project $D/p.coverslip", out: []string{"still those that were signed"}}},
		{"", step{line: "annotations edit --project $D/p.coverslip $D/e.jsonl"}},
		{"", step{line: "labels verify --project $D/p.coverslip", out: []string{"changed since", "!NOT GOOD"}}},
		{"", step{line: "labels verify --current --project $D/p.coverslip", code: 1, err: []string{"a.svs: no signature stands"}}},
		{"new horse 22\n", step{line: "user role --project $D/p.coverslip --user Ada Bob retired", out: []string{"retired"}}},
		{"battery staple\n", step{line: "labels sign --project $D/p.coverslip --user Bob", code: 1}},
		{"", step{line: "user list --project $D/p.coverslip --json", out: []string{`"retired": true`, `"role": "administrator"`, "!wrapped", "!salt"}}},
		{"", step{line: "user list --project $D/p.coverslip", out: []string{"Ada", "Bob", "!horse"}}},
		{"", step{line: "audit verify --project $D/p.coverslip", out: []string{"record(s)"}}},
	} {
		typed(t, x.typed)
		play(t, dir, []step{x.step})
	}
}
