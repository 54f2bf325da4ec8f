package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"coverslip/annotate"
	"coverslip/app"
)

// readingJSON is slides given to a reader.
type readingJSON struct {
	ID        string     `json:"id"`
	Reader    string     `json:"reader"`
	Kind      string     `json:"kind"`
	Number    int        `json:"number"`
	Seed      uint64     `json:"seed"`
	Slides    []string   `json:"slides"` // names here, in the reader's order
	Between   []string   `json:"between,omitempty"`
	Made      time.Time  `json:"made"`
	NotBefore *time.Time `json:"notBefore"`
	Collected *time.Time `json:"collected"`
	Dir       string     `json:"dir"`
}

func readingOf(s *app.Session, r app.Reading) readingJSON {
	j := readingJSON{ID: r.ID.String(), Reader: r.Reader, Kind: string(r.Kind), Number: r.Number, Seed: r.Seed, Slides: []string{}, Between: r.Readers, Made: r.Made, Dir: r.Dir}
	for _, x := range r.Slides {
		name := x.Here.String()
		if item, err := s.Slide(x.Here); err == nil {
			name = item.Name
		}
		j.Slides = append(j.Slides, name)
	}
	if !r.NotBefore.IsZero() {
		j.NotBefore = &r.NotBefore
	}
	if !r.Collected.IsZero() {
		j.Collected = &r.Collected
	}
	return j
}

func (j readingJSON) text(w io.Writer) {
	state := "not collected yet"
	if j.Collected != nil {
		state = "collected " + j.Collected.Local().Format("2006-01-02 15:04")
	}
	fmt.Fprintf(w, "%s, %s %d: %d slide(s), seed %d, %s\n  %s\n", j.Reader, j.Kind, j.Number, len(j.Slides), j.Seed, state, j.Dir)
	if j.NotBefore != nil {
		fmt.Fprintf(w, "  not before %s\n", j.NotBefore.Local().Format("2006-01-02 15:04"))
	}
}

func readingAssignVerb() verb {
	return verb{
		name: "reading assign", args: "FOLDER", min: 1, max: 1,
		short: "give slides to a reader, in a drawn order, without names",
		long: "Makes a project in FOLDER that holds the classes and the slides and nothing that another reader\n" +
			"made: no labels, names, pictures of labels, scores or times. With --between it holds the labels of two\n" +
			"readers, unnamed, for a third to settle.",
		example: "coverslipctl reading assign --project colon.coverslip --reader Bob --seed 7 --wash-out 14 bob.coverslip\n" +
			"coverslipctl reading assign --project colon.coverslip --reader Cy --between \"Ada,Bob\" cy.coverslip",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p := declareProject(f, true)
			o := app.AssignOptions{}
			f.StringVar(&o.Reader, "reader", "", "`NAME` of the reader")
			f.Uint64Var(&o.Seed, "seed", 0, "`NUMBER` that the order is drawn by")
			days := f.Float64("wash-out", 0, "`DAYS` since the reader last had one of the slides")
			between := f.String("between", "", "two `READERS` as agree names them, parted by a semicolon (or a comma, where no name has one)")
			return func(c *call) error {
				if o.Reader == "" {
					return wrongUsage("--reader NAME is needed")
				}
				if !(*days >= 0 && *days <= 36500) {
					return wrongUsage("--wash-out is a number of days")
				}
				o.Dir, o.WashOut, o.Between = c.args[0], time.Duration(*days*24*float64(time.Hour)), namesIn(*between)
				if len(o.Between) != 0 && len(o.Between) != 2 {
					return wrongUsage("--between takes two readers")
				}
				return p.with(false, func(s *app.Session) error {
					if p.slide != "" {
						items, err := p.slides(s)
						if err != nil {
							return err
						}
						for _, item := range items {
							o.Slides = append(o.Slides, item.ID)
						}
					}
					r, err := s.Assign(c.ctx, o)
					if err != nil {
						return err
					}
					j := readingOf(s, r)
					return c.result(j, j.text)
				})
			}
		},
	}
}

// namesIn are names parted by semicolons, or by commas where there is none.
func namesIn(text string) []string {
	sep := ";"
	if !strings.Contains(text, sep) {
		sep = ","
	}
	var out []string
	for name := range strings.SplitSeq(text, sep) {
		if name = strings.TrimSpace(name); name != "" {
			out = append(out, name)
		}
	}
	return out
}

func readingListVerb() verb {
	return verb{
		name:    "reading list",
		short:   "list what was given to readers",
		example: "coverslipctl reading list --project colon.coverslip",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p := declareProject(f, false)
			return func(c *call) error {
				return p.with(true, func(s *app.Session) error {
					all, err := s.Readings()
					if err != nil {
						return err
					}
					list := []readingJSON{}
					for _, r := range all {
						list = append(list, readingOf(s, r))
					}
					return c.result(list, func(w io.Writer) {
						if len(list) == 0 {
							fmt.Fprintln(w, "nothing was given to readers")
						}
						for _, j := range list {
							j.text(w)
						}
					})
				})
			}
		},
	}
}

// mergeJSON is what was taken over from another project.
type mergeJSON struct {
	From      string         `json:"from"`
	Slides    int            `json:"slides"`
	NewSlides int            `json:"newSlides"`
	Classes   int            `json:"newClasses"`
	Added     int            `json:"added"`
	Same      int            `json:"same"`
	Updated   int            `json:"updated"`
	Removed   int            `json:"removed"`
	Conflicts []conflictJSON `json:"conflicts"`
}

type conflictJSON struct {
	Slide  string `json:"slide"`
	Object string `json:"object"`
	Other  string `json:"other,omitempty"` // the other version's identifier; none when it was removed there
	What   string `json:"differs"`
}

func mergeOf(m app.MergeReport) mergeJSON {
	j := mergeJSON{m.From, m.Slides, m.NewSlides, m.Classes, m.Added, m.Same, m.Updated, m.Removed, []conflictJSON{}}
	for _, k := range m.Conflicts {
		other := ""
		if k.Other != (annotate.ID{}) {
			other = k.Other.String()
		}
		j.Conflicts = append(j.Conflicts, conflictJSON{k.Slide.String(), k.Object.String(), other, k.What})
	}
	return j
}

func (j mergeJSON) text(w io.Writer) {
	fmt.Fprintf(w, "%s: %d label(s) added, %d the same, %d updated, %d removed; %d new slide(s), %d new class(es)\n",
		j.From, j.Added, j.Same, j.Updated, j.Removed, j.NewSlides, j.Classes)
	for _, k := range j.Conflicts {
		fmt.Fprintf(w, "  conflict: label %s differs in %s", k.Object, k.What)
		if k.Other != "" {
			fmt.Fprintf(w, "; the other version lies beside it as %s", k.Other)
		}
		fmt.Fprintln(w)
	}
}

func readingCollectVerb() verb {
	return mergingVerb("reading collect", "take the labels of readers' projects into this one",
		"Each label carries its reader and its reading. Collecting again takes over what the reader did since;\n"+
			"what was changed here meanwhile is kept in both versions and told as a conflict.",
		"coverslipctl reading collect --project colon.coverslip bob.coverslip eve.coverslip", (*app.Session).Collect)
}

func projectMergeVerb() verb {
	return mergingVerb("project merge", "take over slides, classes and labels of other projects, losing nothing",
		"Slides are known by their bytes. A label that is held in two versions stays as it is here, and the other\n"+
			"version lies beside it. The edit logs of the other projects are not taken over.",
		"coverslipctl project merge --project colon.coverslip copy.coverslip", (*app.Session).MergeProject)
}

func takeAll(c *call, s *app.Session, take func(*app.Session, context.Context, string) (app.MergeReport, error)) error {
	all := []mergeJSON{}
	for _, dir := range c.args {
		m, err := take(s, c.ctx, dir)
		if err != nil {
			return err
		}
		all = append(all, mergeOf(m))
	}
	return c.result(all, func(w io.Writer) {
		for _, j := range all {
			j.text(w)
		}
	})
}

func mergingVerb(name, short, long, example string, take func(*app.Session, context.Context, string) (app.MergeReport, error)) verb {
	return verb{
		name: name, args: "FOLDER...", min: 1, max: -1, short: short, long: long, example: example,
		setup: func(f *flag.FlagSet) func(c *call) error {
			p := declareProject(f, false)
			return func(c *call) error {
				return p.with(false, func(s *app.Session) error { return takeAll(c, s, take) })
			}
		},
	}
}
