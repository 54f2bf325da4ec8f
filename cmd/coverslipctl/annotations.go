package main

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"time"

	"coverslip/annotate"
	"coverslip/annotate/interchange"
	"coverslip/annotate/interchange/exchange"
	"coverslip/app"
)

// labelFlags are the flags of a file of annotations.
type labelFlags struct {
	format  *string
	answers answers
}

// answers are --answer key=value, given as often as needed.
type answers map[string]string

func (a answers) String() string { return "" }

// Set implements flag.Value.
func (a answers) Set(v string) error {
	key, value, ok := strings.Cut(v, "=")
	if !ok {
		return fmt.Errorf("%q is no KEY=VALUE", v)
	}
	a[key] = value
	return nil
}

// declareLabelFile declares --format and --answer.
func declareLabelFile(f *flag.FlagSet, written bool) *labelFlags {
	l := &labelFlags{answers: answers{}}
	l.format = f.String("format", "", "`FORMAT` of the file: "+strings.Join(interchange.Names(written), ", ")+"; by its content or name when not given")
	f.Var(l.answers, "answer", "`KEY=VALUE`: what the file does not say and was asked for, such as mpp=0.25; may be given several times")
	return l
}

// how is the flags as the session takes them.
func (l *labelFlags) how(written bool) (app.LabelFile, error) {
	if names := interchange.Names(written); *l.format != "" && !slices.Contains(names, *l.format) {
		return app.LabelFile{}, wrongUsage("unknown format %q; known are %s", *l.format, strings.Join(names, ", "))
	}
	return app.LabelFile{Format: *l.format, Answers: exchange.Answers(l.answers)}, nil
}

// asked turns the questions of a format into advice.
func asked(err error) error {
	questions := app.AsksFor(err)
	if len(questions) == 0 {
		return err
	}
	var texts []string
	for _, q := range questions {
		t := q.Text + " Give --answer " + q.Key + "="
		switch {
		case len(q.Choices) > 0:
			t += strings.Join(q.Choices, "|")
		case q.Guess != "":
			t += q.Guess + ", for example"
		}
		texts = append(texts, t)
	}
	return &app.Problem{Title: "A question must be answered first", Hint: strings.Join(texts, "\n"), Err: err}
}

func annotationsImportVerb() verb {
	return verb{
		name: "annotations import", args: "FILE", min: 1, max: 1,
		short: "add the labels of a file to a slide",
		long: "The file may be packed (.gz, .zip). Objects that are on the slide already (same identifier) are\n" +
			"left out. A damaged file brings nothing. annotations formats lists the formats.",
		example: "coverslipctl annotations import --project colon.coverslip --slide A12.svs --format geojson A12.geojson",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p, file := declareProject(f, true), declareLabelFile(f, false)
			return func(c *call) error {
				how, err := file.how(false)
				if err != nil {
					return err
				}
				return p.with(false, func(s *app.Session) error {
					item, err := p.one(s)
					if err != nil {
						return err
					}
					r, err := s.ImportLabels(c.ctx, item.ID, c.args[0], how)
					if err != nil {
						return aboutFile("file", c.args[0], asked(err))
					}
					for _, w := range r.Warnings {
						c.say("%s: %s", c.args[0], w)
					}
					j := map[string]any{"slide": item.ID.String(), "format": r.Format, "objects": r.Objects, "skipped": r.Skipped, "repaired": r.Repaired,
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
		short: "write the labels of a slide into a file",
		long: "What the format cannot hold is said before the file is written; with --lossless nothing is\n" +
			"written then. A file called .gz is packed. GeoJSON holds authors, dates and notes; a dataset\n" +
			"export leaves them out. annotations formats lists the formats.",
		example: "coverslipctl annotations export --project colon.coverslip --slide A12.svs --format geojson A12.geojson",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p, file := declareProject(f, true), declareLabelFile(f, true)
			all := f.Bool("all", false, "also suggestions without a decision, and rejected ones")
			lossless := f.Bool("lossless", false, "write nothing when the format cannot hold all of it")
			return func(c *call) error {
				how, err := file.how(true)
				if err != nil {
					return err
				}
				how.Keep = app.LabelsOnly
				if *all {
					how.Keep = nil
				}
				return p.with(true, func(s *app.Session) error {
					item, err := p.one(s)
					if err != nil {
						return err
					}
					return exportLabels(c, s, item, how, *lossless)
				})
			}
		},
	}
}

// exportLabels tells the losses and writes the file.
func exportLabels(c *call, s *app.Session, item app.SlideItem, how app.LabelFile, lossless bool) error {
	path := c.args[0]
	format, err := app.LabelFormat(how.Format, path)
	if err != nil {
		return aboutFile("file", path, err)
	}
	losses, err := s.LabelLosses(item.ID, format, how.Keep)
	if err != nil {
		return err
	}
	lost := []string{}
	for _, l := range losses {
		if l.Count > 0 {
			lost = append(lost, l.Text)
		}
		c.say("%s: %s", format.Title, l.Text)
	}
	if lossless && len(lost) > 0 {
		return &app.Problem{Title: format.Title + " cannot hold all of it; nothing was written", Hint: strings.Join(lost, "; ") + ". GeoJSON holds everything."}
	}
	n, err := s.ExportLabels(c.ctx, item.ID, path, how)
	if err != nil {
		return aboutFile("file", path, asked(err))
	}
	j := map[string]any{"slide": item.ID.String(), "file": path, "format": format.Name, "objects": n, "losses": lost}
	return c.result(j, func(w io.Writer) { fmt.Fprintf(w, "%s: %d object(s)\n", path, n) })
}

func annotationsFormatsVerb() verb {
	return verb{
		name:    "annotations formats",
		short:   "list the formats of annotations, and what each can hold",
		example: "coverslipctl annotations formats",
		setup: func(f *flag.FlagSet) func(c *call) error {
			return func(c *call) error {
				list := []map[string]any{}
				for _, f := range interchange.Formats() {
					list = append(list, map[string]any{"name": f.Name, "title": f.Title, "extensions": f.Extensions, "read": f.Read != nil, "written": f.Write != nil, "about": f.Line, "holds": f.Keeps.Summary()})
				}
				return c.result(list, func(w io.Writer) {
					for _, f := range interchange.Formats() {
						way := "in, out"
						if f.Write == nil {
							way = "in"
						}
						fmt.Fprintf(w, "%-14s %-8s %s\n%24s%s; %s\n", f.Name, way, f.Title, "", f.Line, f.Keeps.Summary())
					}
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
