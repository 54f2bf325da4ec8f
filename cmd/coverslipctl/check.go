package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"coverslip/app"
)

func projectCheckVerb() verb {
	return verb{
		name: "project check", args: "DIR", min: 1, max: 1,
		short: "check that nothing in a project is damaged, and repair it",
		long: "The check runs in a process of its own, which a damaged file may end. With --repair a damaged\n" +
			"project is brought back by what helps first: the older meta page, single values from history,\n" +
			"journal or backup, the journal alone, the newest sound backup. The damaged file is kept.",
		example: "coverslipctl project check --repair colon.coverslip",
		setup: func(f *flag.FlagSet) func(c *call) error {
			repair := f.Bool("repair", false, "bring a damaged project back")
			return func(c *call) error {
				dir := c.args[0]
				program, err := os.Executable()
				if err != nil {
					return err
				}
				if *repair {
					return repairProject(c, program, dir)
				}
				if err := app.CheckProject(c.ctx, program, dir); err != nil {
					return aboutFile("project", dir, err)
				}
				return c.result(map[string]any{"dir": dir, "sound": true}, func(w io.Writer) {
					fmt.Fprintf(w, "%s: sound\n", dir)
				})
			}
		},
	}
}

func repairProject(c *call, program, dir string) error {
	rep, err := app.RepairProject(c.ctx, program, dir)
	for _, step := range rep.Steps {
		c.say("  %s", step)
	}
	if err != nil {
		return aboutFile("project", dir, err)
	}
	j := map[string]any{"dir": dir, "damage": rep.Damage, "by": rep.By, "steps": rep.Steps, "commits": rep.Commits, "lost": rep.Lost, "kept": rep.Kept}
	return c.result(j, func(w io.Writer) {
		if rep.Damage == "" {
			fmt.Fprintf(w, "%s: sound\n", dir)
			return
		}
		fmt.Fprintf(w, "%s: repaired by %s\n", dir, rep.By)
		for _, words := range app.RepairWords(rep) {
			fmt.Fprintln(w, words)
		}
	})
}
