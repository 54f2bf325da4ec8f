package main

import (
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"time"

	"coverslip/app"
	"coverslip/storage"
)

func auditVerifyVerb() verb {
	return verb{
		name:  "audit verify",
		short: "check the hash chain of a project's edit log",
		long: "The chain shows an accidental or careless change of the log. Who can write the file can\n" +
			"write a whole new chain: keep the head printed here somewhere else.",
		example: "coverslipctl audit verify --project colon.coverslip",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p := declareProject(f, false)
			return func(c *call) error {
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

func auditExportVerb() verb {
	return verb{
		name:    "audit export",
		args:    "FILE",
		min:     1,
		max:     1,
		short:   "write the edit log as JSON lines",
		example: "coverslipctl audit export --project colon.coverslip log.jsonl",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p := declareProject(f, false)
			from := f.Uint64("from", 0, "first record, by its number")
			return func(c *call) error {
				return p.with(true, func(s *app.Session) error {
					n := 0
					err := app.WriteFile(c.args[0], func(w io.Writer) error {
						return s.Project().Audit(*from, func(r storage.AuditRecord) error {
							n++
							if err := c.ctx.Err(); err != nil {
								return err
							}
							return writeLine(w, recordOf(r))
						})
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

// recordJSON is one line of audit export.
type recordJSON struct {
	Seq     uint64    `json:"seq"`
	At      time.Time `json:"at"`
	Author  string    `json:"author"`
	Session string    `json:"session"`
	App     string    `json:"app"`
	Op      string    `json:"op"`
	Of      uint64    `json:"of,omitempty"`
	Slide   string    `json:"slide,omitempty"`
	Label   string    `json:"label"`
	Reason  string    `json:"reason,omitempty"`
	Changes int       `json:"changes"`
	Digest  string    `json:"digest"`
	Prev    string    `json:"prev"`
	Hash    string    `json:"hash"`
}

func recordOf(r storage.AuditRecord) recordJSON {
	j := recordJSON{Seq: r.Seq, At: r.At, Author: r.Author, Session: r.Session, App: r.App,
		Op: fmt.Sprint(r.Op), Of: r.Of, Label: r.Label, Reason: r.Reason, Changes: r.Changes,
		Digest: hex.EncodeToString(r.Digest[:]), Prev: hex.EncodeToString(r.Prev[:]), Hash: hex.EncodeToString(r.Hash[:])}
	if !r.Slide.IsZero() {
		j.Slide = r.Slide.String()
	}
	return j
}
