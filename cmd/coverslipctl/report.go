package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"coverslip/annotate"
	"coverslip/app"
)

func reportVerb() verb {
	return verb{
		name:  "report",
		short: "write a report of a project, a case or a slide as one HTML file",
		long: "Without --case and --slide: progress, readers, and how the models' suggestions fared. With one\n" +
			"of them: a synoptic report whose fields a template (JSON) names; without --template every class\n" +
			"with its count and area. Only labels count, and of a model's sentences those that a person\n" +
			"accepted. The file needs no other and prints on A4. For research use only.",
		example: "coverslipctl report --project colon.coverslip -o colon.html\ncoverslipctl report --project colon.coverslip --case C-17 --template colon.json -o C-17.html",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p := declareProject(f, false)
			out := f.String("o", "", "`FILE`.html to write")
			ofCase := f.String("case", "", "report the slides of this `CASE`")
			slide := f.String("slide", "", "report this `SLIDE`, by name or identifier")
			file := f.String("template", "", "`FILE`.json of the report's fields")
			return func(c *call) error {
				if *out == "" {
					return wrongUsage("-o FILE is needed")
				}
				if *ofCase != "" && *slide != "" {
					return wrongUsage("--case and --slide do not go together")
				}
				return p.with(true, func(s *app.Session) error {
					return c.writeReport(s, *out, *ofCase, *slide, *file)
				})
			}
		},
	}
}

// writeReport writes one of the two reports.
func (c *call) writeReport(s *app.Session, out, ofCase, slide, file string) error {
	pr := c.newProgress()
	defer pr.done()
	n := 0
	err := app.WriteFile(out, func(w io.Writer) error {
		if ofCase == "" && slide == "" {
			n = len(s.Slides())
			return s.WriteProjectReport(c.ctx, w, pr.show)
		}
		var ids []annotate.ID
		for _, item := range s.Slides() {
			if ofCase != "" && item.Case == ofCase || slide != "" && (item.Name == slide || item.ID.String() == slide) {
				ids = append(ids, item.ID)
			}
		}
		if n = len(ids); n == 0 {
			return fmt.Errorf("no slide of the project is %s", strings.TrimSpace(ofCase+slide))
		}
		t := app.StandardTemplate(s.Palette())
		if file != "" {
			f, err := os.Open(file)
			if err != nil {
				return err
			}
			t, err = app.ReadTemplate(f)
			if err = errors.Join(err, f.Close()); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
		}
		return s.WriteSlideReport(c.ctx, w, ids, t, pr.show)
	})
	if err != nil {
		return err
	}
	return c.result(map[string]any{"out": out, "slides": n}, func(w io.Writer) { fmt.Fprintf(w, "%s: a report of %d slide(s)\n", out, n) })
}
