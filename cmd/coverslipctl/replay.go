package main

import (
	"errors"
	"flag"
	"fmt"
	"io"

	"coverslip/annotate"
	"coverslip/app"
)

// replayJSON is the JSON of replay, one a suggestion.
type replayJSON struct {
	Slide      string  `json:"slide"`
	ID         string  `json:"id"`
	Class      string  `json:"class"`
	Method     string  `json:"method"`
	Stored     float64 `json:"stored"`
	Now        float64 `json:"now"`
	Difference float64 `json:"difference"`
	Same       bool    `json:"same"`
	Labels     int     `json:"labels,omitempty"`
	Params     string  `json:"params"`
}

func replayVerb() verb {
	return verb{
		name:  "replay",
		short: "compute stored suggestions again and compare the scores",
		long: "Reads the patch from the slide, encodes it anew and judges it by the labels as they were just\n" +
			"before the suggestion was written, out of the project's history. Exit code 1 when a score is\n" +
			"further than 0.0001 from the stored one. Without --id it takes the undecided ones, --max at most.",
		example: "coverslipctl replay --project colon.coverslip --slide A12.svs --max 5",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p := declareProject(f, true)
			p.declareModel(f)
			id := f.String("id", "", "`ID` of one suggestion, as queue prints it")
			most := f.Int("max", 10, "repeat `N` at most")
			return func(c *call) error {
				return p.with(true, func(s *app.Session) error {
					item, err := p.one(s)
					if err != nil {
						return err
					}
					ids, err := replayed(s, item, *id, *most)
					if err != nil {
						return err
					}
					return replayAll(c, s, item, ids)
				})
			}
		},
	}
}

// replayed are the suggestions that are meant.
func replayed(s *app.Session, item app.SlideItem, id string, most int) ([]annotate.ID, error) {
	if id != "" {
		one, err := annotate.ParseID(id)
		if err != nil {
			return nil, wrongUsage("--id %s: %v", id, err)
		}
		return []annotate.ID{one}, nil
	}
	var ids []annotate.ID
	for _, o := range s.Queue(item.ID) {
		if len(ids) < most {
			ids = append(ids, o.ID)
		}
	}
	return ids, nil
}

func replayAll(c *call, s *app.Session, item app.SlideItem, ids []annotate.ID) error {
	all, differ := []replayJSON{}, 0
	for _, id := range ids {
		pr := c.newProgress()
		r, err := s.Replay(c.ctx, item.ID, id, app.WordOptions{}, pr.show)
		pr.done()
		if err != nil {
			return aboutFile("suggestion", id.String(), err)
		}
		if !r.Same {
			differ++
		}
		all = append(all, replayJSON{item.ID.String(), id.String(), className(s.Palette(), r.Class), r.Method, r.Stored, r.Now, r.Difference, r.Same, r.Labels, r.Params})
	}
	err := c.result(all, func(w io.Writer) {
		for _, j := range all {
			mark := "same  "
			if !j.Same {
				mark = "OTHER "
			}
			fmt.Fprintf(w, "%s %s  %s  stored %.6f  now %.6f\n", mark, j.ID, j.Class, j.Stored, j.Now)
		}
		fmt.Fprintf(w, "%d of %d suggestions have the same score again\n", len(all)-differ, len(all))
	})
	if err == nil && differ > 0 {
		err = errors.New("a stored score could not be repeated")
	}
	return err
}
