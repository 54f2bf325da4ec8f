package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"

	"coverslip/app"
)

// queuedJSON is the JSON of one line of a queue.
type queuedJSON struct {
	objectJSON
	Now    string  `json:"now,omitempty"`    // class by what the labels teach now
	Score  float64 `json:"scoreNow"`         // its probability
	Second string  `json:"second,omitempty"` // the runner-up
	Other  float64 `json:"scoreSecond,omitempty"`
	Unsure bool    `json:"unsure,omitempty"` // below the coverage
	Doubt  bool    `json:"doubt,omitempty"`  // a label that the model speaks against
	Must   string  `json:"must,omitempty"`   // the rule it must be seen by
}

// declareRules declares the rules of what a person must look at.
func declareRules(f *flag.FlagSet) func(s *app.Session) (app.ReviewRules, error) {
	var band, classes string
	every, kept := 0, false
	f.StringVar(&band, "band", "", "must be seen: scores `FROM-TO`, for example 0.3-0.7")
	f.StringVar(&classes, "class", "", "must be seen: these classes, `NAMES` with commas between")
	f.IntVar(&every, "every", 0, "must be seen: every `N`-th, as an audit")
	f.BoolVar(&kept, "rules", false, "the rules that the project keeps")
	return func(s *app.Session) (r app.ReviewRules, err error) {
		if kept {
			r = s.ReviewRules()
		}
		if band != "" {
			from, to, ok := strings.Cut(band, "-")
			var e1, e2 error
			r.Low, e1 = strconv.ParseFloat(from, 64)
			r.High, e2 = strconv.ParseFloat(to, 64)
			if !ok || e1 != nil || e2 != nil {
				return r, wrongUsage("--band is FROM-TO, two numbers from 0 to 1")
			}
		}
		if classes != "" {
			for _, name := range strings.Split(classes, ",") {
				id, err := classNamed(s.Palette(), strings.TrimSpace(name))
				if err != nil {
					return r, err
				}
				r.Classes = append(r.Classes, id)
			}
		}
		if every != 0 {
			r.Every = every
		}
		if err := r.Check(); err != nil {
			return r, wrongUsage("%v", err)
		}
		return r, nil
	}
}

func queueVerb() verb {
	var words []string
	for _, q := range app.QueueOrders() {
		words = append(words, string(q))
	}
	return verb{
		name:  "queue",
		short: "list the suggestions without a decision, in an order",
		long: "The order is by what the labels and decisions of this moment teach; where the embeddings are not\n" +
			"on disk, by the scores written with the suggestions. --order doubts lists labels that the model\n" +
			"speaks against. Rules (--band, --class, --every, --rules) leave what a person need not see to\n" +
			"--accept-rest. With --json it prints one JSON document a line.",
		example: "coverslipctl queue --project colon.coverslip --slide A12.svs --order mixed --max 10\n" +
			"coverslipctl queue --project colon.coverslip --band 0.3-0.8 --every 20 --accept-rest",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p := declareProject(f, true)
			most := f.Int("max", 0, "print `N` at most; 0 for all")
			word := f.String("order", "", "one of "+strings.Join(words, ", ")+" (default uncertain)")
			seed := f.Uint64("seed", 1, "`N` of --order random")
			coverage := f.Float64("coverage", 0, "`share` of the patches that a class is named for; the rest are unsure")
			measure := f.Bool("calibration", false, "say how far the scores can be believed, on labels held out")
			accept := f.Bool("accept-rest", false, "accept what the rules let pass unseen, and keep the rules with the project")
			rules := declareRules(f)
			return func(c *call) error {
				order, err := app.ParseQueueOrder(*word)
				if err != nil {
					return wrongUsage("%v", err)
				}
				if *most < 0 || !(*coverage >= 0 && *coverage <= 1) {
					return wrongUsage("--max must not be negative, --coverage 0 to 1")
				}
				return p.with(!*accept, func(s *app.Session) error {
					r, err := rules(s)
					if err != nil {
						return err
					}
					if *accept {
						return acceptRest(c, s, p, r)
					}
					items, err := p.slides(s)
					if err != nil {
						return err
					}
					o := app.QueueOptions{Order: order, Seed: *seed, Rules: r, Coverage: *coverage, Most: *most, Measure: *measure}
					for _, item := range items {
						if err := printQueue(c, s, item, o, p.slide != ""); err != nil {
							return err
						}
					}
					return nil
				})
			}
		},
	}
}

// acceptRest accepts what the rules let pass.
func acceptRest(c *call, s *app.Session, p *projectFlags, r app.ReviewRules) error {
	if r.Empty() {
		return wrongUsage("--accept-rest needs a rule: --band, --class, --every or --rules")
	}
	if err := s.SetReviewRules(r); err != nil {
		return err
	}
	items, err := p.slides(s)
	if err != nil {
		return err
	}
	n := 0
	for _, item := range items {
		k, err := s.AcceptRest(item.ID, r)
		if err != nil {
			return err
		}
		n += k
	}
	return c.result(map[string]any{"decided": n, "rules": r.String()}, func(w io.Writer) {
		fmt.Fprintf(w, "%d suggestion(s) accepted unseen by the rules (%s)\n", n, r)
	})
}

// printQueue prints the queue of one slide. A slide that cannot answer is an
// error where it was named, and is left out otherwise.
func printQueue(c *call, s *app.Session, item app.SlideItem, o app.QueueOptions, named bool) error {
	q, err := s.RankQueue(c.ctx, item.ID, o)
	if err != nil {
		if o.Order == app.QueueDoubts && !named && (errors.Is(err, app.ErrFewLabels) || c.ctx.Err() == nil) {
			c.say("%s: left out: %v", item.Name, err)
			return nil
		}
		return aboutFile("slide", item.Name, err)
	}
	if q.Why != "" && len(q.Items) > 0 {
		c.say("%s: %s", item.Name, q.Why)
	}
	if q.Passed > 0 {
		c.say("%s: %d of %d need not be seen by the rules", item.Name, q.Passed, q.Waiting)
	}
	if k := q.Calibration; k != nil {
		c.say("%s: %s; of %d labels held out %d are named right; calibration error %.3f, with temperature %.2f %.3f",
			item.Name, q.Method, k.Labels, k.Right, k.Before, k.Temperature, k.After)
	}
	for _, x := range q.Items {
		if err := printQueued(c, s, item, x); err != nil {
			return err
		}
	}
	return nil
}

func printQueued(c *call, s *app.Session, item app.SlideItem, x app.Queued) error {
	j := queuedJSON{objectJSON: objectOf(s, item.ID, x.Object), Score: x.Score, Other: x.Other, Unsure: x.Unsure, Doubt: x.Doubt, Must: x.Must}
	j.Now = className(s.Palette(), x.Class)
	if !x.Second.IsZero() {
		j.Second = className(s.Palette(), x.Second)
	}
	if c.json {
		return c.printLine(j)
	}
	text := fmt.Sprintf("%s  %s  %.0f,%.0f  score %.3f  margin %.3f", j.ID, j.Class, j.Box[0], j.Box[1], x.Object.By.Score, x.Object.By.Margin)
	if x.Live {
		text += fmt.Sprintf("  now %s %.3f", j.Now, x.Score)
	}
	switch {
	case x.Doubt:
		text += "  label in doubt"
	case x.Unsure:
		text += "  I don't know"
	}
	if x.Must != "" {
		text += "  (" + x.Must + ")"
	}
	_, err := fmt.Fprintln(c.out, text)
	return err
}
