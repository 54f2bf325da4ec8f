package main

import (
	"flag"
	"fmt"
	"io"

	"coverslip/app"
	"coverslip/storage"
)

func projectTakeVerb() verb {
	return verb{
		name: "project take", args: "DIR COPY", min: 2, max: 2,
		short: "make a working copy of a project on a network drive",
		long: "A project on a network drive can be looked at there, and not changed: locks are not to be\n" +
			"relied on. Work in the new folder COPY, then send it back with project send. Slides stay\n" +
			"where they are.",
		example: "coverslipctl project take /mnt/lab/colon.coverslip ~/colon.coverslip",
		setup: func(f *flag.FlagSet) func(c *call) error {
			return func(c *call) error {
				o, err := storage.WorkingCopy(c.ctx, c.args[0], c.args[1])
				if err != nil {
					return aboutFile("project", c.args[0], err)
				}
				return c.result(map[string]any{"dir": c.args[1], "origin": o.Dir, "commits": o.Commits}, func(w io.Writer) {
					fmt.Fprintf(w, "%s: the working copy of %s, %d commit(s)\n", c.args[1], o.Dir, o.Commits)
				})
			}
		},
	}
}

func projectSendVerb() verb {
	return verb{
		name: "project send", args: "COPY", min: 1, max: 1,
		short: "send a working copy back to where it was taken from",
		long: "Nothing is written when the project there was changed meanwhile: the edit logs of both tell.\n" +
			"The file of before stays there among the backups.",
		example: "coverslipctl project send ~/colon.coverslip",
		setup: func(f *flag.FlagSet) func(c *call) error {
			var p projectFlags
			return func(c *call) error {
				return p.within(c.args[0], false, func(s *app.Session) error {
					n, err := s.SendBack(c.ctx)
					if err != nil {
						return err
					}
					return c.result(map[string]any{"dir": c.args[0], "origin": s.Origin(), "commits": n}, func(w io.Writer) {
						fmt.Fprintf(w, "%s: %d commit(s) sent back to %s\n", c.args[0], n, s.Origin())
					})
				})
			}
		},
	}
}
