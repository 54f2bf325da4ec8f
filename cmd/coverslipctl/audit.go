package main

import (
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"coverslip/annotate"
	"coverslip/app"
)

func auditVerifyVerb() verb {
	return verb{
		name: "audit verify", args: "[FILE]", max: 1,
		short: "check the hash chain of a project's edit log, or of an exported one",
		long: "With FILE (csv, json, jsonl) an exported log is checked, without the project, or against it\n" +
			"with --project. It finds any record that was altered, removed or put elsewhere; what was cut\n" +
			"off the end of a jsonl file only with --project, for such a file does not name its last record.\n" +
			"The chain shows an accidental or careless change of the log. Who can write the file can\n" +
			"write a whole new chain: keep the head printed here somewhere else.",
		example: "coverslipctl audit verify --project colon.coverslip",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p := declareProject(f, false)
			from := f.Uint64("from", 0, "`N` is the number of the first record of FILE, if it begins later than the log")
			return func(c *call) error {
				if len(c.args) == 1 {
					if !app.VerifiableAudit(c.args[0]) {
						return wrongUsage("FILE ends in .csv, .json or .jsonl; other formats are for reading and printing")
					}
					return verifyExport(c, p, *from)
				}
				return p.with(true, func(s *app.Session) error {
					r, err := s.Project().VerifyAudit()
					if err != nil {
						return aboutFile("project", p.dir, err)
					}
					j := auditJSON{r.FirstBad == 0, r.Records, hex.EncodeToString(r.Head[:]), r.FirstBad, r.Problem}
					err = c.result(j, func(w io.Writer) {
						fmt.Fprintf(w, "%s: %d record(s), head %s\n", p.dir, j.Records, j.Head)
					})
					if err == nil && !j.Sound {
						err = &app.Problem{Title: "The edit log of " + p.dir + " was changed from outside",
							Hint: "Compare with a backup; records before the first bad one are sound.",
							Err:  fmt.Errorf("record %d: %s", j.FirstBad, j.Problem)}
					}
					return err
				})
			}
		},
	}
}

// verifyExport checks an exported log, against the project when one is given.
func verifyExport(c *call, p *projectFlags, from uint64) error {
	var id annotate.ID
	head := ""
	if p.dir != "" {
		err := p.with(true, func(s *app.Session) error {
			id = s.Project().UUID()
			r, err := s.Project().VerifyAudit()
			head = hex.EncodeToString(r.Head[:])
			return err
		})
		if err != nil {
			return err
		}
	}
	found, err := app.VerifyAuditFile(c.args[0], id, from)
	if err != nil {
		return err
	}
	j := map[string]any{"sound": found.Problem == "", "records": found.Records, "head": found.Head, "problem": found.Problem}
	if head != "" {
		j["complete"] = head == found.Head
	}
	err = c.result(j, func(w io.Writer) {
		fmt.Fprintf(w, "%s: %d record(s), head %s\n", c.args[0], found.Records, found.Head)
		if head != "" && head != found.Head && found.Problem == "" {
			fmt.Fprintln(w, "the project holds later records than these")
		}
	})
	if err == nil && found.Problem != "" {
		err = &app.Problem{Title: "The exported log " + c.args[0] + " was changed",
			Hint: "Export it anew from the project.", Err: errors.New(found.Problem)}
	}
	return err
}

func auditExportVerb() verb {
	return verb{
		name:    "audit export",
		args:    "FILE",
		min:     1,
		max:     1,
		short:   "write the edit log as CSV, JSON, JSON lines, or HTML to print",
		example: "coverslipctl audit export --project colon.coverslip log.html",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p := declareProject(f, false)
			from := f.Uint64("from", 0, "first record, by its number")
			format := f.String("format", "", "csv, json, jsonl or html (default: by the name of the file)")
			return func(c *call) error {
				kind := *format
				if kind == "" {
					kind = strings.TrimPrefix(strings.ToLower(filepath.Ext(c.args[0])), ".")
				}
				if !slices.Contains(app.AuditFormats(), kind) {
					return wrongUsage("--format is one of %s", strings.Join(app.AuditFormats(), ", "))
				}
				return p.with(true, func(s *app.Session) error {
					n := 0
					err := app.WriteFile(c.args[0], func(w io.Writer) (err error) {
						n, err = s.ExportAudit(w, kind, *from)
						return err
					})
					if err != nil {
						return aboutFile("file", c.args[0], err)
					}
					return c.result(map[string]any{"file": c.args[0], "records": n}, func(w io.Writer) {
						fmt.Fprintf(w, "%s: %d record(s)\n", c.args[0], n)
					})
				})
			}
		},
	}
}

// auditJSON is the JSON of audit verify.
type auditJSON struct {
	Sound    bool   `json:"sound"`
	Records  uint64 `json:"records"`
	Head     string `json:"head"`
	FirstBad uint64 `json:"firstBad"`
	Problem  string `json:"problem"`
}
