package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"coverslip/app"
	"coverslip/models/folder"
	"coverslip/models/onnx"
)

func modelCheckVerb() verb {
	return verb{
		name: "model check", args: "FOLDER", min: 1, max: 1,
		short: "say what a model folder is and whether it runs here",
		long: "Looks at what the folder holds: a snapshot of Hugging Face (transformers, timm, open_clip) with\n" +
			"ONNX files or weights alone, a model of the WSInfer zoo, a MONAI bundle with ONNX, or model.onnx\n" +
			"with model.json or coverslip.json. Says what was understood and under which licence the model is,\n" +
			"and runs a self-test when ONNX Runtime is there. The first time it also measures, in some ten\n" +
			"seconds, how many patches at once and threads do best on this computer; the program keeps to\n" +
			"that from then on. Exit code 1 when the model cannot be used.",
		example: "coverslipctl model check --json ~/models/my-encoder",
		setup: func(f *flag.FlagSet) func(c *call) error {
			lib := f.String("onnx", "", "`FILE` of ONNX Runtime's library (default: looked for)")
			again := f.Bool("measure", false, "measure anew how many patches at once do best, though it is known")
			return func(c *call) error {
				r, err := checkModel(c, *lib, c.args[0])
				if err != nil {
					return err
				}
				j := checkJSON{Report: r}
				if r.OK() && r.Runtime != "" {
					if j.Calibration, err = calibration(c, *lib, r.Encoder, *again); err != nil {
						return err
					}
				}
				if err := c.result(j, func(w io.Writer) { printModel(w, j) }); err != nil {
					return err
				}
				if !r.OK() {
					err := r.Err
					if err == nil {
						err = errors.New("the self-test failed")
					}
					return aboutFile("model", c.args[0], err)
				}
				return nil
			}
		},
	}
}

// checkJSON is the JSON of model check.
type checkJSON struct {
	folder.Report
	Calibration *app.ModelCalibration `json:"calibration,omitempty"`
}

// calibration is how the model runs best here: as it was measured once, or
// measured now.
func calibration(c *call, lib, encoder string, again bool) (*app.ModelCalibration, error) {
	set, err := app.ReadModelSettings()
	if err != nil {
		return nil, err
	}
	known, found := app.ModelCalibration{}, false
	if err := withEngine(c.ctx, lib, func(e onnx.Engine) error {
		known, found = app.Calibrated(e, set, encoder)
		return nil
	}); err != nil {
		return nil, err
	}
	if !found || again {
		if known, err = app.Calibrate(c.ctx, self(), lib, c.args[0]); err != nil {
			return nil, err
		}
	}
	return &known, nil
}

// checkModel checks with the runtime that is there, or without one.
func checkModel(c *call, lib, path string) (r folder.Report, err error) {
	err = withEngine(c.ctx, lib, func(e onnx.Engine) error {
		r = folder.CheckWith(e, path)
		return nil
	})
	if errors.Is(err, onnx.ErrNoRuntime) && lib == "" {
		return folder.CheckWith(nil, path), nil
	}
	return r, err
}

func printModel(w io.Writer, r checkJSON) {
	line := func(what, text string) {
		if text != "" {
			fmt.Fprintf(w, "%-14s %s\n", what+":", text)
		}
	}
	line("model", r.File)
	line("kind", string(r.Kind))
	line("name", r.Name)
	if r.Known != "" {
		line("catalogue", r.Known+", weights "+r.Access)
	}
	line("licence", r.License)
	line("architecture", r.Makes)
	switch {
	case r.Weights > 0:
		line("size", fmt.Sprintf("%.1f MB, %.1f million weights", float64(r.Bytes)/1e6, float64(r.Weights)/1e6))
	case r.Bytes > 0:
		line("size", fmt.Sprintf("%.1f MB, %d nodes", float64(r.Bytes)/1e6, r.Nodes))
	}
	line("sha256", r.SHA256)
	line("inputs", strings.Join(r.Inputs, "; "))
	line("outputs", strings.Join(r.Outputs, "; "))
	line("preprocessing", r.Preprocess)
	line("  stated by", r.PrepFrom)
	line("pooling", r.Pooling)
	if r.MPP > 0 {
		line("scale", fmt.Sprintf("%g µm a pixel, patches of %d pixels", r.MPP, r.PatchSize))
	}
	line("classes", strings.Join(r.Classes, ", "))
	line("texts", r.Text)
	line("tokenizer", r.Tokenizer)
	line("writes", r.Writes)
	if r.Writes != "" {
		line("  by", r.WritesBy)
	}
	line("dense", r.Dense)
	line("templates", strings.Join(r.Templates, "; "))
	if r.Dim > 0 {
		line("embedding", fmt.Sprintf("%d numbers from patches of %d pixels", r.Dim, r.PatchSize))
	}
	line("runtime", r.Runtime)
	for _, t := range r.SelfTest {
		mark := "ok"
		if !t.OK {
			mark = "FAILED"
		}
		line(mark, strings.TrimSpace(t.Name+" "+t.Detail))
	}
	if c := r.Calibration; c != nil {
		line("runs best with", c.String())
		for _, t := range c.Trials {
			text := fmt.Sprintf("%d at once: %.3g patches a second", t.Batch, t.PerSecond)
			if t.Peak > 0 {
				text += fmt.Sprintf(", %.2f GB", float64(t.Peak)/1e9)
			}
			line("  measured", text)
		}
	}
	for _, text := range r.Warnings {
		line("warning", text)
	}
	line("problem", r.Problem)
}
