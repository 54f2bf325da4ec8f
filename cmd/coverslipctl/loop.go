package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"coverslip/annotate"
	"coverslip/app"
	"coverslip/models/learn"
	"coverslip/tiles/synth"
)

// loopJSON is the JSON of bench loop.
type loopJSON struct {
	Model     string      `json:"model"`
	Untrained bool        `json:"untrained"`
	Pool      int         `json:"pool"` // patches that may be labelled
	Test      int         `json:"test"` // patches of other slides
	Classes   []string    `json:"classes"`
	Full      float64     `json:"fullBalancedAccuracy"` // with every label of the pool
	Goal      float64     `json:"goal"`
	Seeds     int         `json:"seeds"`
	Orders    []loopOrder `json:"orders"`
}

type loopOrder struct {
	Order   string     `json:"order"`
	Clicks  []int      `json:"clicks"`       // to the goal, a seed each
	Reached int        `json:"reached"`      // seeds that reached it
	Mean    float64    `json:"mean"`         // clicks
	Saved   float64    `json:"saved"`        // mean share of random's clicks that was not needed
	Range   [2]float64 `json:"saved95"`      // its paired 95 % interval
	At20    float64    `json:"balancedAt20"` // mean balanced accuracy after 20 clicks
}

func benchLoopVerb() verb {
	return verb{
		name:  "bench loop",
		short: "how many clicks each order of the queue saves, by a simulated reader",
		long: "A reader who knows the truth of generated slides labels one patch at a click, in the order that the\n" +
			"queue asks. Counted are the clicks until the model reaches 95 % of the balanced accuracy that all\n" +
			"labels give, on slides that were never labelled. Slides and embeddings are kept in --out.",
		example: "coverslipctl bench loop --out build/loop --seeds 10",
		setup: func(f *flag.FlagSet) func(c *call) error {
			out := f.String("out", "build/loop", "`FOLDER` that keeps slides and embeddings")
			seeds := f.Int("seeds", 10, "`N` runs of each order")
			orders := f.String("orders", "", "only these `ORDERS`, with commas between; random is always there")
			most := f.Int("clicks", 150, "`N` clicks at most in a run")
			slides := f.Int("slides", 4, "`N` generated slides; the last half is for testing")
			side := f.Int("side", 8192, "`pixels` of a slide's side, at level 0")
			model := f.String("model", "", "`FOLDER` of the encoder (default: the built-in one)")
			onnx := f.String("onnx", "", "`FILE` of ONNX Runtime's library (default: looked for)")
			return func(c *call) error {
				if *seeds < 1 || *most < 10 || *slides < 2 || *side < 2048 {
					return wrongUsage("--seeds at least 1, --clicks 10, --slides 2, --side 2048")
				}
				data, err := loopData(c, *out, *slides, *side, app.Options{Author: "simulated reader", Model: *model, Onnx: *onnx})
				if err != nil {
					return err
				}
				r, err := data.run(c, *seeds, *most, *orders)
				if err != nil {
					return err
				}
				b, err := json.MarshalIndent(r, "", "  ")
				if err != nil {
					return err
				}
				if err := os.WriteFile(filepath.Join(*out, "loop.json"), append(b, '\n'), 0o644); err != nil {
					return err
				}
				return c.result(r, func(w io.Writer) { printLoop(w, r) })
			}
		},
	}
}

// loopSet is patches with their truth.
type loopSet struct {
	m     learn.Matrix
	class []int
}

// loopBench is what the simulated reader works on.
type loopBench struct {
	pool, test loopSet
	names      []string
	model      string
	untrained  bool
}

// loopData makes slides and embeddings, unless they are there.
func loopData(c *call, out string, slides, side int, o app.Options) (*loopBench, error) {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, err
	}
	dir := filepath.Join(out, "loop"+app.ProjectExt)
	s, err := app.OpenProject(dir, o)
	if err != nil {
		if s, err = app.CreateProject(dir, "Loop", o); err != nil {
			return nil, err
		}
	}
	defer s.Close() // labels nothing
	d := &loopBench{}
	number := map[annotate.ID]int{}
	for i := range slides {
		path := filepath.Join(out, fmt.Sprintf("loop-%d-%d.svs", side, i+1))
		scene, err := synth.New(synth.Options{Width: side, Height: side, Seed: int64(101 + i)})
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat(path); err != nil {
			c.say("drawing slide %d of %d", i+1, slides)
			if err := synth.Write(c.ctx, scene, path, synth.FormatSVS, nil); err != nil {
				return nil, err
			}
		}
		id, err := loopSlide(c, s, path)
		if err != nil {
			return nil, err
		}
		c.say("embedding slide %d of %d", i+1, slides)
		rep, err := s.Embed(c.ctx, id, app.SuggestOptions{}, nil)
		if err != nil {
			return nil, err
		}
		d.model, d.untrained = rep.Model, rep.Untrained
		e, err := s.Embeddings(id, app.SuggestOptions{})
		if err != nil {
			return nil, err
		}
		objects, palette := truthOf(scene, scene.Truth())
		truth := annotate.NewSet(objects)
		set := &d.pool
		if i >= slides/2 {
			set = &d.test
		}
		set.m.Dim = e.Dim
		for k, b := range e.Boxes {
			class, ok := app.ClassAt(b.Center(), truth)
			cl := palette.ByID(class)
			if !ok || cl == nil {
				continue
			}
			n, known := number[class]
			if !known {
				n = len(d.names)
				number[class] = n
				d.names = append(d.names, cl.Name)
			}
			set.m.Data = append(set.m.Data, e.Vectors[k*e.Dim:(k+1)*e.Dim]...)
			set.class = append(set.class, n)
		}
	}
	return d, nil
}

// loopSlide is a slide of the project, added when it is not there.
func loopSlide(c *call, s *app.Session, path string) (annotate.ID, error) {
	for _, item := range s.Slides() {
		if item.Name == filepath.Base(path) || strings.HasSuffix(item.Path, filepath.Base(path)) {
			return item.ID, nil
		}
	}
	return s.AddSlide(c.ctx, path)
}

// loopOrders are those compared, the first with the others.
var loopOrders = [...]struct {
	name  string
	order learn.Order
}{{"random", learn.OrderRandom}, {"uncertain", learn.OrderUncertain}, {"entropy", learn.OrderEntropy},
	{"mixed", learn.OrderMixed}, {"diverse", learn.OrderDiverse}, {"confident", learn.OrderConfident}}

func (d *loopBench) run(c *call, seeds, most int, only string) (*loopJSON, error) {
	r := &loopJSON{Model: d.model, Untrained: d.untrained, Pool: len(d.pool.class), Test: len(d.test.class), Classes: d.names, Seeds: seeds}
	var all []learn.Example
	for i, k := range d.pool.class {
		all = append(all, learn.Example{Vector: d.pool.m.Row(i), Class: k})
	}
	full, err := learn.FitContext(c.ctx, all, len(d.names))
	if err != nil {
		return nil, err
	}
	if r.Full, err = full.Balanced(c.ctx, d.test.m, d.test.class, len(d.names)); err != nil {
		return nil, err
	}
	r.Goal = 0.95 * r.Full
	var random []int
	for _, by := range loopOrders {
		if only != "" && by.order != learn.OrderRandom && !strings.Contains(","+only+",", ","+by.name+",") {
			continue
		}
		o := loopOrder{Order: by.name}
		var saved []float64
		all, err := d.runs(c, by.order, seeds, most)
		if err != nil {
			return nil, err
		}
		for seed, points := range all {
			n, ok := learn.ClicksTo(points, r.Goal)
			if ok {
				o.Reached++
			}
			o.Clicks = append(o.Clicks, n)
			o.Mean += float64(n) / float64(seeds)
			o.At20 += balancedAt(points, 20) / float64(seeds)
			if len(random) == seeds {
				saved = append(saved, 1-float64(n)/float64(random[seed]))
			}
		}
		if random == nil {
			random = o.Clicks
		} else {
			o.Saved, o.Range[0], o.Range[1] = learn.Paired(saved, 1)
		}
		r.Orders = append(r.Orders, o)
		c.say("%s: %.0f clicks", by.name, o.Mean)
	}
	return r, nil
}

// runs are the runs of one order, a seed each, on all cores.
func (d *loopBench) runs(c *call, order learn.Order, seeds, most int) ([][]learn.SimPoint, error) {
	all, errs := make([][]learn.SimPoint, seeds), make([]error, seeds)
	var wg sync.WaitGroup
	for seed := range seeds {
		wg.Add(1)
		go func() {
			defer wg.Done()
			sim := learn.Simulation{Pool: d.pool.m, PoolClass: d.pool.class, Test: d.test.m, TestClass: d.test.class,
				Classes: len(d.names), Order: order, Seed: uint64(seed + 1), Most: most}
			all[seed], errs[seed] = sim.Run(c.ctx)
		}()
	}
	wg.Wait()
	return all, errors.Join(errs...)
}

// balancedAt is the balanced accuracy at the last look before so many clicks.
func balancedAt(points []learn.SimPoint, clicks int) (b float64) {
	for _, p := range points {
		if p.Clicks <= clicks {
			b = p.Balanced
		}
	}
	return b
}

func printLoop(w io.Writer, r *loopJSON) {
	note := ""
	if r.Untrained {
		note = " (" + untrainedNote + ")"
	}
	fmt.Fprintf(w, "%s%s: %d patches to label, %d of other slides to test, %d classes (%s)\n", r.Model, note, r.Pool, r.Test, len(r.Classes), strings.Join(r.Classes, ", "))
	fmt.Fprintf(w, "all labels: balanced accuracy %.3f; the goal is %.3f; %d seeds\n", r.Full, r.Goal, r.Seeds)
	fmt.Fprintf(w, "  %-10s %8s %8s %22s %12s\n", "order", "clicks", "reached", "fewer than random", "at 20 clicks")
	for _, o := range r.Orders {
		saved := ""
		if o.Order != "random" {
			saved = fmt.Sprintf("%+.0f %% (%+.0f to %+.0f)", 100*o.Saved, 100*o.Range[0], 100*o.Range[1])
		}
		fmt.Fprintf(w, "  %-10s %8.1f %5d/%-2d %22s %12.3f\n", o.Order, o.Mean, o.Reached, r.Seeds, saved, o.At20)
	}
}
