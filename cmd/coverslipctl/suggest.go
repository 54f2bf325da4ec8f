package main

import (
	"flag"
	"fmt"
	"io"
	"math"
	"time"

	"coverslip/app"
)

// declareSuggest declares the flags that embed and suggest share.
func declareSuggest(f *flag.FlagSet) (*projectFlags, *app.SuggestOptions) {
	p, o := declareProject(f, true), &app.SuggestOptions{}
	p.declareModel(f)
	f.Float64Var(&o.MPP, "mpp", 0, "`µm` per pixel of a patch (default: the model's, else 0.5)")
	f.IntVar(&o.Patch, "patch", 0, "`pixels` of a patch's side (default: the model's, else 224)")
	f.BoolVar(&o.SRGB, "srgb", false, "the model sees colours converted by the slide's profile (default: the scanner's own)")
	declarePlanes(f, &o.Planes)
	return p, o
}

// checkPatch refuses patches that cannot be; 0 stands for the default.
func checkPatch(o *app.SuggestOptions) error {
	if o.Patch < 0 || !(o.MPP >= 0) || math.IsInf(o.MPP, 0) {
		return wrongUsage("--patch and --mpp must be positive")
	}
	return nil
}

// suggestJSON is the JSON of embed and suggest, one a slide.
type suggestJSON struct {
	Slide     string  `json:"slide"`
	Name      string  `json:"name"`
	Model     string  `json:"model"`
	Untrained bool    `json:"untrained"`
	Patches   int     `json:"patches"`
	Embedded  int     `json:"embedded"`
	Failed    int     `json:"failed"`
	Method    string  `json:"method,omitempty"`
	Given     int     `json:"labelsGiven,omitempty"`
	Labels    int     `json:"labels,omitempty"`
	Shared    int     `json:"labelsSharingPatches,omitempty"`
	Examples  int     `json:"examples,omitempty"`
	Classes   int     `json:"classes,omitempty"`
	Possible  int     `json:"candidates,omitempty"`
	Suggested int     `json:"suggested"`
	Replaced  int     `json:"replaced"`
	Seconds   float64 `json:"seconds"`
	Memory    int64   `json:"memoryTold,omitempty"` // bytes that the process for models was told to take before the run
	Peak      int64   `json:"memoryPeak,omitempty"` // bytes it had at most
}

func suggestOf(item app.SlideItem, r app.SuggestReport) suggestJSON {
	return suggestJSON{Slide: item.ID.String(), Name: item.Name, Model: r.Model, Untrained: r.Untrained,
		Patches: r.Patches, Embedded: r.Embedded, Failed: r.Failed, Method: r.Method, Given: r.Given, Labels: r.Labels,
		Shared: r.Shared, Possible: r.Candidates,
		Examples: r.Examples, Classes: r.Classes, Suggested: r.Suggested, Replaced: r.Replaced,
		Seconds: r.Elapsed.Seconds(), Memory: r.Memory, Peak: r.Peak}
}

// memoryText says what memory was told before a run, and what it came to.
func memoryText(r app.SuggestReport) string {
	if r.Memory <= 0 {
		return ""
	}
	return fmt.Sprintf("; memory of the model's process: %d MB told before, %d MB at most", r.Memory>>20, r.Peak>>20)
}

// untrainedNote is said wherever an untrained encoder was used.
const untrainedNote = "random weights, for trying out only"

func embedVerb() verb {
	return verb{
		name:  "embed",
		short: "compute the embeddings of the tissue patches",
		long: "What is on disk is not computed again; a run that was stopped goes on where it was.\n" +
			"Without --slide it takes every slide whose file is there.",
		example: "coverslipctl embed --project colon.coverslip --slide A12.svs",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p, o := declareSuggest(f)
			return func(c *call) error {
				if err := checkPatch(o); err != nil {
					return err
				}
				return p.with(false, func(s *app.Session) error {
					return eachSlide(c, s, p, func(item app.SlideItem, pr app.Progress) (any, error) {
						r, err := s.Embed(c.ctx, item.ID, *o, pr)
						if err != nil {
							return nil, err
						}
						sayFailed(c, r)
						if !c.json {
							fmt.Fprintf(c.out, "%s: %d patches of tissue, %d embedded now by %s%s, %s%s\n", item.Name,
								r.Patches, r.Embedded, r.Model, untrainedText(r.Untrained), r.Elapsed.Round(time.Millisecond), memoryText(r))
						}
						return suggestOf(item, r), nil
					})
				})
			}
		},
	}
}

func untrainedText(untrained bool) string {
	if untrained {
		return " (" + untrainedNote + ")"
	}
	return ""
}

func sayFailed(c *call, r app.SuggestReport) {
	if r.Failed > 0 {
		c.say("%d patch(es) could not be read, for example: %v", r.Failed, r.FailedWhy)
	}
}

// eachSlide does f for the chosen slides with progress and prints the JSON.
func eachSlide(c *call, s *app.Session, p *projectFlags, f func(app.SlideItem, app.Progress) (any, error)) error {
	items, err := p.slides(s)
	if err != nil {
		return err
	}
	all := []any{}
	for _, item := range items {
		if p.slide == "" && item.Missing && len(items) > 1 {
			c.say("%s: left out, its file is missing", item.Name)
			continue
		}
		pr := c.newProgress()
		r, err := f(item, pr.show)
		pr.done()
		if err != nil {
			return aboutFile("slide", item.Name, err)
		}
		if r != nil {
			all = append(all, r)
		}
	}
	if c.json {
		return c.printJSON(all)
	}
	return nil
}

func suggestVerb() verb {
	return verb{
		name:  "suggest",
		short: "learn from the labels and suggest classes for the other patches",
		long: "Needs labels of two classes at least. Replaces the undecided suggestions of the same model\n" +
			"in one edit. Without --slide it takes every slide with labels.",
		example: "coverslipctl suggest --project colon.coverslip --slide A12.svs --min-score 0.6",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p, o := declareSuggest(f)
			f.Float64Var(&o.MinScore, "min-score", 0, "least `probability` of a suggestion, 0 to 1")
			f.IntVar(&o.Limit, "limit", 0, "most suggestions a slide (default 2000)")
			return func(c *call) error {
				if !(o.MinScore >= 0 && o.MinScore <= 1) || o.Limit < 0 {
					return wrongUsage("--min-score must be 0 to 1, --limit not negative")
				}
				if err := checkPatch(o); err != nil {
					return err
				}
				return p.with(false, func(s *app.Session) error {
					items, err := p.slides(s)
					if err != nil {
						return err
					}
					return eachSlide(c, s, p, func(item app.SlideItem, pr app.Progress) (any, error) {
						if p.slide == "" && item.Labels == 0 && len(items) > 1 {
							c.say("%s: left out, it has no labels", item.Name)
							return nil, nil
						}
						r, err := s.Suggest(c.ctx, item.ID, *o, pr)
						if err != nil {
							return nil, err
						}
						sayFailed(c, r)
						if !c.json {
							printSuggest(c.out, item, r)
						}
						return suggestOf(item, r), nil
					})
				})
			}
		},
	}
}

func printSuggest(w io.Writer, item app.SlideItem, r app.SuggestReport) {
	fmt.Fprintf(w, "%s: %s\n", item.Name, r.Summary())
	fmt.Fprintf(w, "    suggestions by %s%s, learned by %s from %d patches of %d classes; %d embedded now; %d older ones replaced; %s\n",
		r.Model, untrainedText(r.Untrained), r.Method, r.Examples, r.Classes,
		r.Embedded, r.Replaced, r.Elapsed.Round(time.Millisecond))
}
