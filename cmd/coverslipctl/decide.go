package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"

	"coverslip/annotate"
	"coverslip/app"
)

// decideVerb is "decide accept", "decide reject" or "decide reclass".
func decideVerb(what string) verb {
	short := map[string]string{
		"accept":  "take suggestions over as labels",
		"reject":  "refuse suggestions",
		"reclass": "take suggestions over with another class",
	}
	v := verb{
		name: "decide " + what, args: "[ID...]", min: 0, max: -1,
		short: short[what],
		long: "Suggestions are named by identifier (see queue). The model's provenance stays with the label,\n" +
			"with who decided and when. All decisions of one call are one edit, undone at once.",
		example: "coverslipctl decide " + what + " --project colon.coverslip 0190c1e4-7d5c-7000-8000-000000000001",
	}
	if what == "accept" {
		v.args = "[--above SCORE | ID...]"
		v.example += "\ncoverslipctl decide accept --project colon.coverslip --slide A12.svs --above 0.95"
	}
	if what == "reclass" {
		v.example = "coverslipctl decide reclass --project colon.coverslip --class Stroma 0190c1e4-7d5c-7000-8000-000000000001"
	}
	v.setup = func(f *flag.FlagSet) func(c *call) error {
		p := declareProject(f, what == "accept")
		above, class := -1.0, ""
		switch what {
		case "accept":
			// Not Float64Var: its help would tell the -1 that means "not given".
			f.Func("above", "accept all of the slide with at least this `SCORE`, 0 to 1", func(v string) error {
				x, err := strconv.ParseFloat(v, 64)
				if err != nil || !(x >= 0 && x <= 1) {
					return errors.New("must be a number from 0 to 1")
				}
				above = x
				return nil
			})
		case "reclass":
			f.StringVar(&class, "class", "", "`NAME` of the class")
		}
		return func(c *call) error {
			if (len(c.args) == 0) == (above < 0) {
				return wrongUsage("give identifiers%s", map[bool]string{true: ", or --above SCORE"}[what == "accept"])
			}
			if what == "reclass" && class == "" {
				return wrongUsage("--class NAME is needed")
			}
			ids, err := parseIDs(c.args)
			if err != nil {
				return err
			}
			return p.with(false, func(s *app.Session) error {
				n, err := decide(s, p, what, ids, above, class)
				if err != nil {
					return err
				}
				return c.result(map[string]any{"decided": n}, func(w io.Writer) {
					fmt.Fprintf(w, "%d suggestion(s): %s\n", n, map[string]string{"accept": "accepted", "reject": "rejected", "reclass": "re-classed as " + class}[what])
				})
			})
		}
	}
	return v
}

func parseIDs(args []string) ([]annotate.ID, error) {
	ids := make([]annotate.ID, len(args))
	for i, a := range args {
		id, err := annotate.ParseID(a)
		if err != nil {
			return nil, wrongUsage("%q is not an identifier; coverslipctl queue lists them", a)
		}
		ids[i] = id
	}
	return ids, nil
}

// decide does what the words say and counts.
func decide(s *app.Session, p *projectFlags, what string, ids []annotate.ID, above float64, class string) (int, error) {
	if above >= 0 {
		items, err := p.slides(s)
		if err != nil {
			return 0, err
		}
		sum := 0
		for _, item := range items {
			n, err := s.AcceptAbove(item.ID, above)
			if err != nil {
				return sum, err
			}
			sum += n
		}
		return sum, nil
	}
	switch what {
	case "accept":
		return len(ids), s.Accept(ids...)
	case "reject":
		return len(ids), s.Reject(ids...)
	}
	id, err := classNamed(s.Palette(), class)
	if err != nil {
		return 0, err
	}
	return len(ids), s.Reclass(id, ids...)
}
