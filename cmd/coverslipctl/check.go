package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"coverslip/storage"
)

// checkInside tells a child process to do the check itself. A damaged file can
// end the process that maps it, so the check never runs in the program that a
// person waits for.
const checkInside = "COVERSLIP_CHECK_INSIDE"

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
				if os.Getenv(checkInside) != "" {
					return insideCheck(c, dir)
				}
				check := func(dir string) error { return childCheck(c, dir) }
				if *repair {
					return repairProject(c, dir, check)
				}
				if err := check(dir); err != nil {
					return aboutFile("project", dir, err)
				}
				return c.result(map[string]any{"dir": dir, "sound": true}, func(w io.Writer) {
					fmt.Fprintf(w, "%s: sound\n", dir)
				})
			}
		},
	}
}

// verdict is what the child says.
type verdict struct {
	Kind string `json:"kind"` // "sound", "damaged", "locked", "other"
	Text string `json:"text"`
}

func insideCheck(c *call, dir string) error {
	err := storage.CheckDir(dir)
	v := verdict{Kind: "sound"}
	var d *storage.DamageError
	switch {
	case err == nil:
	case errors.As(err, &d):
		v = verdict{"damaged", err.Error()}
	case errors.Is(err, storage.ErrLocked):
		v = verdict{"locked", err.Error()}
	case errors.Is(err, storage.ErrNotProject), errors.Is(err, os.ErrNotExist):
		v = verdict{"none", err.Error()}
	case errors.Is(err, storage.ErrNewer):
		v = verdict{"newer", err.Error()}
	default:
		v = verdict{"other", err.Error()}
	}
	return writeLine(c.out, v)
}

// childCheck runs this program as a child that checks.
func childCheck(c *call, dir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var out, said bytes.Buffer
	cmd := exec.CommandContext(c.ctx, self, "project", "check", "--", dir)
	cmd.Env = append(os.Environ(), checkInside+"=1")
	cmd.Stdout, cmd.Stderr = &out, &said
	runErr := cmd.Run()
	if c.ctx.Err() != nil {
		return c.ctx.Err()
	}
	var v verdict
	if runErr != nil || json.Unmarshal(out.Bytes(), &v) != nil {
		return &storage.DamageError{Path: dir, What: "reading it ended the process that read it", Err: fmt.Errorf("%v: %s", runErr, firstLine(said.String()))}
	}
	switch v.Kind {
	case "sound":
		return nil
	case "locked":
		return fmt.Errorf("%s: %w", v.Text, storage.ErrLocked)
	case "none":
		return fmt.Errorf("%s: %w", v.Text, storage.ErrNotProject)
	case "newer":
		return fmt.Errorf("%s: %w", v.Text, storage.ErrNewer)
	case "damaged":
		return &storage.DamageError{Path: dir, What: v.Text}
	}
	return errors.New(v.Text)
}

func firstLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[0]
}

func repairProject(c *call, dir string, check func(string) error) error {
	rep, err := storage.Repair(dir, check)
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
		lost := "nothing is lost"
		if rep.Lost != "" {
			lost = "lost: " + rep.Lost
		}
		fmt.Fprintf(w, "%s: repaired by %s, %d commits; %s\n", dir, rep.By, rep.Commits, lost)
		if rep.Kept != "" {
			fmt.Fprintf(w, "the damaged file is kept as %s\n", rep.Kept)
		}
	})
}
