package main

import (
	"flag"
	"fmt"
	"io"
	"time"

	"coverslip/annotate"
	"coverslip/app"
)

// segmentJSON is the JSON of model segment, one a slide.
type segmentJSON struct {
	Slide     string   `json:"slide"`
	Name      string   `json:"name"`
	Model     string   `json:"model"`
	Untrained bool     `json:"untrained"`
	Note      string   `json:"note,omitempty"`
	Tiles     int      `json:"tiles"`
	Found     int      `json:"found"`
	Suggested int      `json:"suggested"`
	Replaced  int      `json:"replaced"`
	Refused   int      `json:"rejectedBefore"`
	Classes   []string `json:"classes"`
	Seconds   float64  `json:"seconds"`
}

func modelSegmentVerb() verb {
	return verb{
		name: "model segment", args: "FOLDER", min: 1, max: 1,
		short: "outline what a dense model finds, as suggestions",
		long: "FOLDER holds a model that says something of every pixel: a coverslip.json with \"dense\", a MONAI\n" +
			"bundle, or a WSInfer model whose output is a map. Tiles overlap by as much as the model looks\n" +
			"around a pixel, so that no seam shows. What is found waits for a person's decision; a class that\n" +
			"the project lacks is added. Without --region it is the whole slide, without --slide every slide.",
		example: "coverslipctl model segment --project colon.coverslip --slide A12.svs --region 12000,8000,4096,4096 ~/models/nuclei",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p := declareProject(f, true)
			f.StringVar(&p.onnx, "onnx", "", "`FILE` of ONNX Runtime's library (default: looked for)")
			o := app.DenseOptions{}
			region := f.String("region", "", "`X,Y,W,H` in level-0 pixels (default: the whole slide)")
			f.Float64Var(&o.MPP, "mpp", 0, "`µm` per pixel of the model (default: the model's, else 0.5)")
			f.Float64Var(&o.MinScore, "min-score", 0, "least `score` of what is suggested, 0 to 1")
			f.IntVar(&o.Limit, "limit", 0, "most suggestions, `N` (default 20000)")
			f.BoolVar(&o.SRGB, "srgb", false, "the model sees colours converted by the slide's profile (default: the scanner's own)")
			declarePlanes(f, &o.Planes)
			return func(c *call) error {
				if *region != "" {
					var x, y, w, h float64
					if n, err := fmt.Sscanf(*region, "%f,%f,%f,%f", &x, &y, &w, &h); n != 4 || err != nil || !(w > 0) || !(h > 0) {
						return wrongUsage("--region is X,Y,W,H with W and H above zero")
					}
					o.Regions = []annotate.ROI{annotate.Rectangle(x, y, x+w, y+h)}
				}
				if !(o.MPP >= 0) || !(o.MinScore >= 0 && o.MinScore <= 1) || o.Limit < 0 {
					return wrongUsage("--mpp, --min-score and --limit must not be below zero, --min-score not above one")
				}
				o.Model = c.args[0]
				return p.with(false, func(s *app.Session) error {
					return eachSlide(c, s, p, func(item app.SlideItem, pr app.Progress) (any, error) {
						r, err := s.SegmentRegions(c.ctx, item.ID, o, pr)
						if err != nil {
							return nil, err
						}
						if !c.json {
							printSegment(c.out, item, r)
						}
						return segmentJSON{Slide: item.ID.String(), Name: item.Name, Model: r.Model, Untrained: r.Untrained, Note: r.Note, Tiles: r.Tiles, Found: r.Found,
							Suggested: r.Suggested, Replaced: r.Replaced, Refused: r.Refused, Classes: r.Classes, Seconds: r.Elapsed.Seconds()}, nil
					})
				})
			}
		},
	}
}

func printSegment(w io.Writer, item app.SlideItem, r app.DenseReport) {
	fmt.Fprintf(w, "%s: %d suggestions of %d objects found by %s%s in %d tiles; %d older ones replaced; %s\n", item.Name, r.Suggested, r.Found,
		r.Model, untrainedText(r.Untrained), r.Tiles, r.Replaced, r.Elapsed.Round(time.Millisecond))
	if r.Note != "" {
		fmt.Fprintf(w, "  note: %s\n", r.Note)
	}
}

func modelCaptionVerb() verb {
	return verb{
		name: "model caption", args: "FOLDER", min: 1, max: 1,
		short: "have a model write about a place (generated text)",
		long: "FOLDER holds a model that writes: ViT-GPT2, BLIP, GIT or CoCa as Optimum exports them to ONNX, or\n" +
			"ViT-GPT2, ViT-BERT and BLIP as weights. The sentence is made up by a network and may be wrong in\n" +
			"every word; it is printed and not entered anywhere. --generate says that you know.",
		example: "coverslipctl model caption --generate --project colon.coverslip --slide A12.svs --at 12000,8000 ~/models/vit-gpt2",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p := declareProject(f, true)
			f.StringVar(&p.onnx, "onnx", "", "`FILE` of ONNX Runtime's library (default: looked for)")
			o := app.WriteOptions{}
			yes := f.Bool("generate", false, "let the network make the sentence up; needed")
			at := f.String("at", "", "`X,Y` in level-0 pixels")
			f.Float64Var(&o.MPP, "mpp", 0, "`µm` per pixel of the patch (default: the model's, else 0.5)")
			f.IntVar(&o.Beams, "beams", 0, "`N` beams of the search (default: the model's)")
			f.IntVar(&o.MaxLength, "max-length", 0, "at most `N` tokens (default: the model's)")
			f.BoolVar(&o.SRGB, "srgb", false, "the model sees colours converted by the slide's profile (default: the scanner's own)")
			declarePlanes(f, &o.Planes)
			return func(c *call) error {
				where, err := parseAt(*at)
				if err != nil {
					return err
				}
				if !*yes {
					return wrongUsage("--generate is needed: the sentence is made up; for sentences that people wrote see coverslipctl captions")
				}
				if !(o.MPP >= 0) || o.Beams < 0 || o.MaxLength < 0 {
					return wrongUsage("--mpp, --beams and --max-length must not be below zero")
				}
				o.Model = c.args[0]
				return p.with(true, func(s *app.Session) error {
					item, err := p.one(s)
					if err != nil {
						return err
					}
					pr := c.newProgress()
					w, err := s.WriteCaption(c.ctx, item.ID, annotate.ID{}, where, o, pr.show)
					pr.done()
					if err != nil {
						return err
					}
					return c.result(w, func(out io.Writer) {
						fmt.Fprintf(out, "generated: %s\n", w.Text)
						for _, other := range w.Others {
							fmt.Fprintf(out, "or:        %s\n", other)
						}
						fmt.Fprintf(out, "by:        %s%s, no person wrote or checked this\n", w.Model, untrainedText(w.Untrained))
						if w.Note != "" {
							fmt.Fprintf(out, "note:      %s\n", w.Note)
						}
					})
				})
			}
		},
	}
}
