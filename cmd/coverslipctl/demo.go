package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"coverslip/annotate"
	"coverslip/app"
	"coverslip/tiles/synth"
)

// demo is one run of the whole way.
type demo struct {
	c     *call
	s     *app.Session
	out   string
	slide string        // the slide's file
	truth *annotate.Set // what is true of a generated slide; nil for the user's own
	id    annotate.ID   // the slide in the project
	size  string
	seed  int64
	mpp   float64
	step  int
	from  time.Time
	r     demoJSON
}

// demoJSON is the JSON of demo.
type demoJSON struct {
	Project   string   `json:"project"`
	Slide     string   `json:"slide"`
	Truth     string   `json:"truth,omitempty"`
	GeoJSON   string   `json:"geojson"`
	Dataset   string   `json:"dataset"`
	Model     string   `json:"model"`
	Untrained bool     `json:"untrained"`
	Patches   int      `json:"patches"`
	Labels    int      `json:"labels"`
	Waiting   int      `json:"suggestionsWaiting"`
	First     *float64 `json:"accuracyFirst"` // share of right suggestions before decisions; null when not measured
	Second    *float64 `json:"accuracySecond"`
	Seconds   float64  `json:"seconds"`
}

const demoSteps = 7

func demoVerb() verb {
	return verb{
		name:  "demo",
		short: "do the whole job on a generated slide, or on your own",
		long: "Makes a project with a large generated slide (kept in the cache), finds tissue, embeds its\n" +
			"patches, draws a handful of labels where the truth says so, asks for suggestions, decides on\n" +
			"some by the truth, and exports a dataset and GeoJSON. What is there already is not done again.\n" +
			"With --slide there is no truth: the darkest and the palest patches get two placeholder\n" +
			"classes, so that the way can be walked; those labels mean nothing in pathology.",
		example: "coverslipctl demo --out demo\ncoverslipctl demo --out mine --slide CMU-1.svs",
		setup: func(f *flag.FlagSet) func(c *call) error {
			d := &demo{}
			var p projectFlags
			p.declareModel(f)
			f.StringVar(&d.out, "out", "coverslip-demo", "`FOLDER` for project and exports")
			f.StringVar(&d.slide, "slide", "", "your own slide `FILE`, instead of the generated one")
			f.Float64Var(&d.mpp, "mpp", 0, "`µm` per level-0 pixel of your slide, when it does not say")
			f.StringVar(&d.size, "size", "40960x30720", "`WxH` of the generated slide, level-0 pixels")
			f.Int64Var(&d.seed, "seed", 1, "`N` that the generated slide is drawn from")
			return func(c *call) error {
				p.author = "demo"
				d.c = c
				return d.run(&p)
			}
		},
	}
}

// run walks the way.
func (d *demo) run(p *projectFlags) error {
	start := time.Now()
	own := d.slide != ""
	if err := d.findSlide(own); err != nil {
		return err
	}
	if err := d.openProject(p); err != nil {
		return err
	}
	err := closing(d.s, func(*app.Session) error {
		steps := []func() error{d.addSlide, d.embed, d.label, d.suggest, d.decide, d.export}
		for _, step := range steps {
			if err := step(); err != nil {
				return aboutFile("slide", d.slide, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	d.r.Seconds = time.Since(start).Seconds()
	return d.finish()
}

// title begins a step.
func (d *demo) title(text string) {
	d.step++
	d.from = time.Now()
	d.c.say("%d/%d %s", d.step, demoSteps, text)
}

// found says what a step brought and how long it took.
func (d *demo) found(format string, args ...any) {
	d.c.say("    %s (%s)", fmt.Sprintf(format, args...), time.Since(d.from).Round(10*time.Millisecond))
}

// findSlide takes the user's slide, or the generated one from the cache, which
// is filled first when needed.
func (d *demo) findSlide(own bool) error {
	if own {
		d.title("Your slide")
		// Before there is a project: a file that is no slide leaves nothing behind.
		slide, err := d.c.openSlide(d.slide)
		if err != nil {
			return err
		}
		if err := slide.Close(); err != nil {
			return aboutFile("slide", d.slide, err)
		}
		d.r.Slide = d.slide
		d.found("%s", d.slide)
		return nil
	}
	d.title("A generated H&E-like slide of " + d.size + " pixels")
	w, h, err := parseSize(d.size)
	if err != nil {
		return err
	}
	cache, err := cacheDir()
	if err != nil {
		return err
	}
	dir := filepath.Join(cache, "slides")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	// The version is in the name: a newer program may paint another slide.
	d.slide = filepath.Join(dir, fmt.Sprintf("synthetic-%dx%d-seed%d-v%s.svs", w, h, d.seed, app.Version))
	d.r.Slide, d.r.Truth = d.slide, d.slide+truthSuffix
	if there(d.slide) && there(d.r.Truth) {
		d.found("in the cache: %s", d.slide)
	} else {
		pr := d.c.newProgress()
		j, err := generate(d.c.ctx, synth.Options{Width: w, Height: h, Seed: d.seed}, d.slide, synth.FormatSVS, pr.show)
		pr.done()
		if err != nil {
			return aboutFile("slide", d.slide, err)
		}
		d.found("painted %d regions and %d nuclei into %s", j.Regions, j.Nuclei, d.slide)
	}
	d.truth, err = app.ReadTruth(d.r.Truth, annotate.DefaultPalette())
	return err
}

func there(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// openProject makes the project, or opens the one of an earlier run.
func (d *demo) openProject(p *projectFlags) error {
	d.title("A project")
	out, err := filepath.Abs(d.out)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	stem := strings.TrimSuffix(filepath.Base(d.slide), filepath.Ext(d.slide))
	if d.truth != nil {
		stem = "demo"
	}
	d.out = out
	d.r.Project = filepath.Join(out, stem+app.ProjectExt)
	d.r.Dataset = filepath.Join(out, stem+"-dataset")
	d.r.GeoJSON = filepath.Join(out, stem+".geojson")
	d.s, err = app.OpenProject(d.r.Project, p.options(false))
	word := "opened"
	if errors.Is(err, os.ErrNotExist) {
		word = "made"
		d.s, err = app.CreateProject(d.r.Project, "Coverslip demo: "+stem, p.options(false))
	}
	if err != nil {
		return err
	}
	d.found("%s %s", word, d.r.Project)
	return nil
}

// addSlide adds the slide and makes it current; it belongs to step 2.
func (d *demo) addSlide() error {
	id, err := d.s.AddSlide(d.c.ctx, d.slide)
	if err != nil {
		return err
	}
	d.id = id
	item, err := d.s.Slide(id)
	if err != nil {
		return err
	}
	sl := item.Slide
	if d.mpp > 0 && sl.MPPX == 0 {
		sl.MPPX, sl.MPPY, sl.MPPFrom = d.mpp, d.mpp, app.ScaleByUser
	}
	if d.truth != nil && sl.Patient == "" {
		sl.Patient = "synthetic " + fmt.Sprint(d.seed)
	}
	if sl != item.Slide {
		if err := d.s.UpdateSlide(sl); err != nil {
			return err
		}
	}
	open, err := d.s.OpenSlide(d.c.ctx, id)
	if err != nil {
		return err
	}
	info := open.Slide.Info()
	d.found("slide %s: %s, %d × %d pixels, %g µm per pixel", sl.Name, info.Vendor, sl.Width, sl.Height, sl.MPPX)
	return nil
}

// embed finds tissue and embeds its patches.
func (d *demo) embed() error {
	d.title("Tissue and embeddings")
	pr := d.c.newProgress()
	r, err := d.s.Embed(d.c.ctx, d.id, app.SuggestOptions{}, pr.show)
	pr.done()
	if err != nil {
		return err
	}
	d.r.Model, d.r.Untrained, d.r.Patches = r.Model, r.Untrained, r.Patches
	sayFailed(d.c, r)
	d.found("%d patches of tissue; %d embedded now by %s%s", r.Patches, r.Embedded, r.Model, untrainedText(r.Untrained))
	return nil
}

// suggest asks for suggestions, unless an earlier run did.
func (d *demo) suggest() error {
	d.title("Suggestions for all other patches")
	if n := len(d.s.Queue(d.id)); n > 0 {
		d.found("%d suggestions are waiting from an earlier run", n)
		return nil
	}
	acc, err := d.learn()
	d.r.First = acc
	return err
}

// learn asks for suggestions and measures the waiting ones by the truth.
func (d *demo) learn() (*float64, error) {
	pr := d.c.newProgress()
	r, err := d.s.Suggest(d.c.ctx, d.id, app.SuggestOptions{}, pr.show)
	pr.done()
	if err != nil {
		return nil, err
	}
	d.found("%s: %d patches of %d classes, by %s", r.Summary(), r.Examples, r.Classes, r.Method)
	if d.truth == nil {
		return nil, nil
	}
	acc, err := d.accuracy()
	if acc != nil {
		d.found("%.1f %% of them are right by the truth; guessing among %d classes would give %.1f %%", 100**acc, r.Classes, 100/float64(r.Classes))
	}
	return acc, err
}

// export writes dataset and GeoJSON, unless they are there.
func (d *demo) export() error {
	d.title("Exports")
	n, err := d.s.ExportGeoJSON(d.id, d.r.GeoJSON, nil)
	if err != nil {
		return err
	}
	d.found("%s: %d objects", d.r.GeoJSON, n)
	if there(filepath.Join(d.r.Dataset, "dataset.json")) {
		d.found("%s is there from an earlier run; remove it to export again", d.r.Dataset)
		return nil
	}
	pr := d.c.newProgress()
	r, err := app.ExportDataset(d.c.ctx, d.s, app.DatasetOptions{Out: d.r.Dataset, Seed: 1}, pr.show)
	pr.done()
	if err != nil {
		return err
	}
	d.found("%s: %d patches of %d classes", r.Out, r.Patches, len(r.Classes))
	for _, w := range r.Warnings {
		d.c.say("    mind: %s", w)
	}
	return nil
}

// finish says where everything lies.
func (d *demo) finish() error {
	if d.c.json {
		return d.c.printJSON(d.r)
	}
	w := d.c.out
	fmt.Fprintf(w, "Done in %.1f s. %d labels, %d suggestions waiting for a decision.\n", d.r.Seconds, d.r.Labels, d.r.Waiting)
	fmt.Fprintf(w, "slide:   %s\n", d.r.Slide)
	if d.r.Truth != "" {
		fmt.Fprintf(w, "truth:   %s\n", d.r.Truth)
	}
	fmt.Fprintf(w, "dataset: %s\n", d.r.Dataset)
	fmt.Fprintf(w, "geojson: %s\n", d.r.GeoJSON)
	if d.r.Untrained {
		fmt.Fprintf(w, "The encoder is untrained: %s.\n", untrainedNote)
	}
	_, err := fmt.Fprintf(w, "project: %s\n", d.r.Project)
	return err
}
