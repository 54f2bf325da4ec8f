package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"

	"coverslip/app"
	"coverslip/tiles/synth"
)

// truthSuffix is added to the name of a generated slide.
const truthSuffix = ".truth.geojson"

// synthJSON is the JSON of synth.
type synthJSON struct {
	File    string  `json:"file"`
	Truth   string  `json:"truth"`
	Width   int     `json:"width"`
	Height  int     `json:"height"`
	MPP     float64 `json:"mpp"`
	Seed    int64   `json:"seed"`
	Regions int     `json:"regions"`
	Nuclei  int     `json:"nuclei"`
}

func synthVerb() verb {
	return verb{
		name:  "synth",
		short: "generate an H&E-like slide with its ground truth",
		long: "The truth (regions, glands, nuclei) goes to OUT" + truthSuffix + ". The same size and seed\n" +
			"give the same slide.",
		example: "coverslipctl synth --out slide.svs --size 20000x15000 --seed 7",
		setup: func(f *flag.FlagSet) func(c *call) error {
			var o synth.Options
			out := f.String("out", "", "slide `FILE` to write")
			size := f.String("size", "8192x6144", "`WxH`, level-0 pixels")
			f.Int64Var(&o.Seed, "seed", 1, "`N` that everything is drawn from")
			f.Float64Var(&o.MPP, "mpp", 0.25, "`µm` per level-0 pixel")
			format := f.String("format", "svs", "`FORMAT`: svs, ome or tiff")
			return func(c *call) error {
				if *out == "" {
					return wrongUsage("--out FILE is needed")
				}
				switch *format {
				case synth.FormatSVS, synth.FormatOME, synth.FormatGeneric:
				default:
					return wrongUsage("unknown format %q; svs, ome and tiff are known", *format)
				}
				var err error
				if o.Width, o.Height, err = parseSize(*size); err != nil {
					return err
				}
				pr := c.newProgress()
				j, err := generate(c.ctx, o, *out, *format, pr.show)
				pr.done()
				if err != nil {
					return aboutFile("slide", *out, err)
				}
				return c.result(j, func(w io.Writer) {
					fmt.Fprintf(w, "%s: %d × %d pixels at %g µm, seed %d\n", j.File, j.Width, j.Height, j.MPP, j.Seed)
					fmt.Fprintf(w, "%s: %d regions, %d nuclei\n", j.Truth, j.Regions, j.Nuclei)
				})
			}
		},
	}
}

// generate writes a slide and its truth. The truth comes first: a slide that is
// there has its truth.
func generate(ctx context.Context, o synth.Options, out, format string, p app.Progress) (synthJSON, error) {
	scene, err := synth.New(o)
	if err != nil { // the options are all it can refuse
		return synthJSON{}, wrongUsage("%v", err)
	}
	j := synthJSON{File: out, Truth: out + truthSuffix, Width: o.Width, Height: o.Height,
		MPP: scene.Options().MPP, Seed: o.Seed}
	p("Writing the truth", 0, 0)
	if j.Regions, j.Nuclei, err = writeTruth(j.Truth, scene); err != nil {
		return j, err
	}
	err = synth.Write(ctx, scene, out, format, func(done, total int) { p("Painting tiles", done, total) })
	return j, err
}

// parseSize reads "20000x15000".
func parseSize(text string) (w, h int, err error) {
	ws, hs, ok := strings.Cut(strings.ToLower(text), "x")
	if ok {
		w, err = strconv.Atoi(ws)
		if err == nil {
			h, err = strconv.Atoi(hs)
		}
	}
	if !ok || err != nil || w < 64 || h < 64 || w > 1<<20 || h > 1<<20 {
		return 0, 0, wrongUsage("--size %q is not WxH with 64 to 1048576 pixels each", text)
	}
	return w, h, nil
}
