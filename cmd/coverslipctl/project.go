package main

import (
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"coverslip/app"
	"coverslip/storage"
)

func projectNewVerb() verb {
	return verb{
		name: "project new", args: "DIR", min: 1, max: 1,
		short:   "make an empty project",
		example: "coverslipctl project new --name \"Colon 2024\" colon.coverslip",
		setup: func(f *flag.FlagSet) func(c *call) error {
			var p projectFlags
			p.declareAuthor(f)
			name := f.String("name", "", "`NAME` for people (default: the folder's)")
			return func(c *call) error {
				dir := c.args[0]
				if *name == "" {
					*name = strings.TrimSuffix(filepath.Base(filepath.Clean(dir)), app.ProjectExt)
				}
				s, err := app.CreateProject(dir, *name, p.options(false))
				if err != nil {
					return err
				}
				return closing(s, func(s *app.Session) error {
					j := projectJSON{Dir: dir, Name: s.Name(), ID: s.Project().UUID().String()}
					return c.result(j, func(w io.Writer) { fmt.Fprintf(w, "made project %q in %s\n", j.Name, dir) })
				})
			}
		},
	}
}

// projectJSON is the JSON of project new and the head of project list.
type projectJSON struct {
	Dir    string      `json:"dir"`
	Name   string      `json:"name"`
	ID     string      `json:"id"`
	Slides []slideJSON `json:"slides"`
}

type slideJSON struct {
	ID          string  `json:"id"`
	Name        string  `json:"name"`
	Path        string  `json:"path"`
	Fingerprint string  `json:"fingerprint"`
	Missing     bool    `json:"missing"`
	Width       int     `json:"width"`
	Height      int     `json:"height"`
	MPPX        float64 `json:"mppX"`
	MPPY        float64 `json:"mppY"`
	Vendor      string  `json:"vendor"`
	Case        string  `json:"case"`
	Patient     string  `json:"patient"`
	Labels      int     `json:"labels"`
	Suggestions int     `json:"suggestions"`
	Rejected    int     `json:"rejected"`
}

func slideOf(i app.SlideItem) slideJSON {
	return slideJSON{ID: i.ID.String(), Name: i.Name, Path: i.Path, Fingerprint: i.Fingerprint,
		Missing: i.Missing, Width: i.Width, Height: i.Height, MPPX: i.MPPX, MPPY: i.MPPY,
		Vendor: i.Vendor, Case: i.Case, Patient: i.Patient,
		Labels: i.Labels, Suggestions: i.Suggestions, Rejected: i.Rejected}
}

func projectAddVerb() verb {
	return verb{
		name: "project add", args: "DIR SLIDE...", min: 2, max: -1,
		short: "add slides to a project; the files stay where they are",
		long: "A slide that is in the project already is noted at its new place if it moved, and\n" +
			"takes over the case, patient and scale given here.",
		example: "coverslipctl project add --patient P-017 colon.coverslip slides/*.svs",
		setup: func(f *flag.FlagSet) func(c *call) error {
			var p projectFlags
			p.declareAuthor(f)
			mpp := f.Float64("mpp", 0, "`µm` per level-0 pixel, for slides that do not say it")
			patient := f.String("patient", "", "`NAME` of the patient; decides the split of a dataset")
			kase := f.String("case", "", "`NAME` of the case")
			return func(c *call) error {
				if *mpp < 0 || *mpp > 100 {
					return wrongUsage("--mpp must be between 0 and 100 µm")
				}
				return p.within(c.args[0], false, func(s *app.Session) error {
					return addSlides(c, s, c.args[1:], *mpp, *patient, *kase)
				})
			}
		},
	}
}

// addSlides adds each slide and notes what the user said of them.
func addSlides(c *call, s *app.Session, paths []string, mpp float64, patient, kase string) error {
	added := []slideJSON{}
	for _, path := range paths {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		twin := ""
		stop := s.Subscribe(func(e app.Event) {
			if e.Kind == app.EventNotice {
				twin = e.Text
			}
		})
		id, err := s.AddSlide(c.ctx, path)
		stop()
		if err != nil {
			return aboutFile("slide", path, err)
		}
		if twin != "" {
			c.say("%s", twin)
		}
		item, err := s.Slide(id)
		if err != nil {
			return err
		}
		sl := item.Slide
		if mpp > 0 {
			sl.MPPX, sl.MPPY, sl.MPPFrom = mpp, mpp, app.ScaleByUser
		}
		if patient != "" {
			sl.Patient = patient
		}
		if kase != "" {
			sl.Case = kase
		}
		if sl != item.Slide {
			if err := s.UpdateSlide(sl); err != nil {
				return err
			}
			item.Slide = sl
		}
		if sl.MPPX == 0 {
			c.say("%s does not say how many µm a pixel is; give it with --mpp before asking for suggestions", path)
		}
		added = append(added, slideOf(item))
	}
	return c.result(added, func(w io.Writer) {
		for _, a := range added {
			fmt.Fprintf(w, "%s  %s  %d × %d\n", a.ID, a.Name, a.Width, a.Height)
		}
	})
}

func projectListVerb() verb {
	return verb{
		name: "project list", args: "DIR", min: 1, max: 1,
		short:   "list the slides of a project with their labels",
		example: "coverslipctl project list --json colon.coverslip",
		setup: func(f *flag.FlagSet) func(c *call) error {
			var p projectFlags
			return func(c *call) error {
				return p.within(c.args[0], true, func(s *app.Session) error {
					j := projectJSON{Dir: c.args[0], Name: s.Name(), ID: s.Project().UUID().String(), Slides: []slideJSON{}}
					for _, item := range s.Slides() {
						j.Slides = append(j.Slides, slideOf(item))
					}
					return c.result(j, j.text)
				})
			}
		},
	}
}

func (j projectJSON) text(w io.Writer) {
	fmt.Fprintf(w, "%s: %d slide(s)\n", j.Name, len(j.Slides))
	for _, s := range j.Slides {
		where := ""
		if s.Missing {
			where = "  MISSING, last seen at " + s.Path
		}
		fmt.Fprintf(w, "  %s  %s  %d × %d  labels %d, suggestions %d, rejected %d%s\n",
			s.ID, s.Name, s.Width, s.Height, s.Labels, s.Suggestions, s.Rejected, where)
	}
}

func projectBackupVerb() verb {
	return verb{
		name: "project backup", args: "DIR FILE", min: 2, max: 2,
		short:   "write a checked copy of a project's file",
		example: "coverslipctl project backup colon.coverslip colon-monday.backup",
		setup: func(f *flag.FlagSet) func(c *call) error {
			var p projectFlags
			return func(c *call) error {
				return p.within(c.args[0], true, func(s *app.Session) error {
					if err := s.Project().Backup(c.args[1]); err != nil {
						return aboutFile("project", c.args[0], err)
					}
					return c.result(map[string]any{"dir": c.args[0], "file": c.args[1]}, func(w io.Writer) {
						fmt.Fprintf(w, "%s: backed up to %s; to open that, put it into a new folder as %s\n", c.args[0], c.args[1], storage.FileName)
					})
				})
			}
		},
	}
}

func projectCompactVerb() verb {
	return verb{
		name: "project compact", args: "DIR", min: 1, max: 1,
		short:   "give unused space of a project's file back to the disk",
		example: "coverslipctl project compact colon.coverslip",
		setup: func(f *flag.FlagSet) func(c *call) error {
			var p projectFlags
			return func(c *call) error {
				return p.within(c.args[0], false, func(s *app.Session) error {
					if err := s.Project().Compact(); err != nil {
						return aboutFile("project", c.args[0], err)
					}
					return c.result(map[string]any{"dir": c.args[0]}, func(w io.Writer) {
						fmt.Fprintf(w, "%s: compacted\n", c.args[0])
					})
				})
			}
		},
	}
}

func projectRelinkVerb() verb {
	return verb{
		name: "project relink", args: "DIR FOLDER", min: 2, max: 2,
		short:   "find the files of missing slides in a folder",
		long:    "A file counts as the slide when its bytes do, whatever its name.",
		example: "coverslipctl project relink colon.coverslip /media/archive/colon",
		setup: func(f *flag.FlagSet) func(c *call) error {
			var p projectFlags
			p.declareAuthor(f)
			return func(c *call) error {
				return p.within(c.args[0], false, func(s *app.Session) error {
					found, err := s.Relink(c.ctx, c.args[1])
					if err != nil {
						return aboutFile("folder", c.args[1], err)
					}
					missing := 0
					for _, item := range s.Slides() {
						if item.Missing {
							missing++
						}
					}
					j := map[string]any{"found": found, "missing": missing}
					return c.result(j, func(w io.Writer) {
						fmt.Fprintf(w, "%d slide(s) found, %d still missing\n", found, missing)
					})
				})
			}
		},
	}
}
