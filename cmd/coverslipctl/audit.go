package main

import (
	"flag"
	"fmt"
	"io"

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
					return c.result(r, func(w io.Writer) { printAudit(w, p.dir, r) })
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
							return writeLine(w, r)
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
