package main

import (
	"flag"
	"fmt"
	"io"
	"sort"
	"time"

	"coverslip/annotate"
	"coverslip/app"
)

// declareFormat declares --format and gives its check.
func declareFormat(f *flag.FlagSet) func() error {
	format := f.String("format", "geojson", "`FORMAT` of the file: geojson")
	return func() error {
		if *format != "geojson" {
			return wrongUsage("unknown format %q; geojson is known", *format)
		}
		return nil
	}
}

func annotationsImportVerb() verb {
	return verb{
		name: "annotations import", args: "FILE", min: 1, max: 1,
		short:   "add the labels of a file to a slide",
		long:    "Objects that are on the slide already (same identifier) are left out.",
		example: "coverslipctl annotations import --project colon.coverslip --slide A12.svs --format geojson A12.geojson",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p, format := declareProject(f, true), declareFormat(f)
			return func(c *call) error {
				if err := format(); err != nil {
					return err
				}
				return p.with(false, func(s *app.Session) error {
					item, err := p.one(s)
					if err != nil {
						return err
					}
					r, err := s.ImportGeoJSON(item.ID, c.args[0])
					if err != nil {
						return aboutFile("file", c.args[0], err)
					}
					for _, w := range r.Warnings {
						c.say("%s: %s", c.args[0], w)
					}
					j := map[string]any{"slide": item.ID.String(), "objects": r.Objects, "skipped": r.Skipped, "repaired": r.Repaired,
						"classes": append([]string{}, r.Classes...), "warnings": append([]string{}, r.Warnings...)}
					return c.result(j, func(w io.Writer) {
						fmt.Fprintf(w, "%s: %d object(s) added (%d mended), %d left out, %d class(es) new\n", item.Name, r.Objects, r.Repaired, r.Skipped, len(r.Classes))
					})
				})
			}
		},
	}
}

func annotationsExportVerb() verb {
	return verb{
		name: "annotations export", args: "FILE", min: 1, max: 1,
		short:   "write the labels of a slide into a file",
		long:    "QuPath opens the file. Authors, dates and notes are in it; a dataset export leaves them out.",
		example: "coverslipctl annotations export --project colon.coverslip --slide A12.svs --format geojson A12.geojson",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p, format := declareProject(f, true), declareFormat(f)
			all := f.Bool("all", false, "also suggestions without a decision, and rejected ones")
			return func(c *call) error {
				if err := format(); err != nil {
					return err
				}
				keep := app.LabelsOnly
				if *all {
					keep = nil
				}
				return p.with(true, func(s *app.Session) error {
					item, err := p.one(s)
					if err != nil {
						return err
					}
					n, err := s.ExportGeoJSON(item.ID, c.args[0], keep)
					if err != nil {
						return aboutFile("file", c.args[0], err)
					}
					j := map[string]any{"slide": item.ID.String(), "file": c.args[0], "objects": n}
					return c.result(j, func(w io.Writer) { fmt.Fprintf(w, "%s: %d object(s)\n", c.args[0], n) })
				})
			}
		},
	}
}

// objectJSON is one line of annotations list and of queue.
type objectJSON struct {
	ID       string     `json:"id"`
	Slide    string     `json:"slide"`
	Kind     string     `json:"kind"`
	Class    string     `json:"class"`
	Decision string     `json:"decision"`
	Box      [4]float64 `json:"box"` // level-0 pixels: left, upper, right, lower
	Author   string     `json:"author"`
	Model    string     `json:"model,omitempty"`
	Trained  *bool      `json:"trained,omitempty"`
	Method   string     `json:"method,omitempty"`
	Score    float64    `json:"score"`
	Margin   float64    `json:"margin"`
	Why      string     `json:"why,omitempty"`
	Created  time.Time  `json:"created"`
}

func objectOf(s *app.Session, slide annotate.ID, o *annotate.Object) objectJSON {
	b := o.ROI.Bounds()
	j := objectJSON{ID: o.ID.String(), Slide: slide.String(), Kind: "annotation",
		Class: className(s.Palette(), o.Class), Box: [4]float64{b.MinX, b.MinY, b.MaxX, b.MaxY},
		Author: o.By.Author, Model: o.By.Model, Method: o.By.Method,
		Score: o.By.Score, Margin: o.By.Margin, Why: o.By.Why, Created: o.Created}
	if o.Kind == annotate.Detection {
		trained := !o.By.Untrained
		j.Kind, j.Decision, j.Trained = "detection", decisionWord(o.Review.Decision), &trained
	}
	return j
}

// decisionWord is the word for a decision.
func decisionWord(d annotate.Decision) string {
	switch d {
	case annotate.Accepted:
		return "accepted"
	case annotate.Rejected:
		return "rejected"
	case annotate.Reclassed:
		return "reclassed"
	}
	return "undecided"
}

func annotationsListVerb() verb {
	return verb{
		name:  "annotations list",
		short: "list the labels of a project, or count them by class",
		long:  "With --json it prints one JSON document a line, one for each object.",
		example: "coverslipctl annotations list --project colon.coverslip\n" +
			"coverslipctl annotations list --project colon.coverslip --json | jq .class",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p := declareProject(f, true)
			return func(c *call) error {
				return p.with(true, func(s *app.Session) error {
					items, err := p.slides(s)
					if err != nil {
						return err
					}
					for _, item := range items {
						if err := listSlide(c, s, item); err != nil {
							return err
						}
					}
					return nil
				})
			}
		},
	}
}

// listSlide prints the objects of one slide.
func listSlide(c *call, s *app.Session, item app.SlideItem) error {
	set, err := s.Objects(item.ID)
	if err != nil {
		return err
	}
	if c.json {
		set.All(func(o *annotate.Object) bool {
			err = c.printLine(objectOf(s, item.ID, o))
			return err == nil
		})
		return err
	}
	fmt.Fprintf(c.out, "%s: %d label(s), %d suggestion(s), %d rejected\n", item.Name, item.Labels, item.Suggestions, item.Rejected)
	counts, palette := set.Counts(), s.Palette()
	ids := make([]annotate.ID, 0, len(counts))
	for id := range counts {
		ids = append(ids, id)
	}
	sort.Slice(ids, func(i, j int) bool { return className(palette, ids[i]) < className(palette, ids[j]) })
	for _, id := range ids {
		fmt.Fprintf(c.out, "  %-20s %d\n", className(palette, id), counts[id])
	}
	return nil
}
