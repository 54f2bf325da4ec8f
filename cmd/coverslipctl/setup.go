package main

import (
	"errors"
	"flag"
	"fmt"
	"io"

	"coverslip/models/onnx"
	"coverslip/models/runtimes"
	"coverslip/models/worker"
)

// setupJSON is the JSON of setup.
type setupJSON struct {
	Path    string `json:"path"`
	Version string `json:"version"`
	From    string `json:"from"`
	Note    string `json:"note"`
}

func setupVerb() verb {
	return verb{
		name:  "setup",
		short: "install ONNX Runtime, the library that runs models",
		long: "Without flags: does nothing when a usable library is there; otherwise downloads the small\n" +
			"package pinned in this program and checks its sum. --from takes a library, a package\n" +
			"(.tgz, .zip), a folder or an https address instead. The path of the library is printed.",
		example: "coverslipctl setup\ncoverslipctl setup --from sherpa-onnx-linux-x64-1.13.8.tgz",
		setup: func(f *flag.FlagSet) func(c *call) error {
			check := f.Bool("check", false, "only look: succeed when a usable library is there")
			from := f.String("from", "", "`FILE`, folder or https address to install from")
			show := f.Bool("print-package", false, "print name, version and library of the pinned package")
			lib := f.String("onnx", "", "`FILE` of a library to look at first")
			return func(c *call) error {
				switch {
				case *show:
					return printPackage(c)
				case *from != "":
					return install(c, *from)
				}
				path, tried, err := worker.Find(c.ctx, self(), *lib)
				if err == nil {
					taken := tried[len(tried)-1]
					return c.result(setupJSON{path, taken.Version, taken.From, taken.Note}, func(w io.Writer) {
						c.say("ONNX Runtime %s is there (%s)", taken.Version, taken.From)
						fmt.Fprintln(w, path)
					})
				}
				if *check {
					return err
				}
				return download(c)
			}
		},
	}
}

func printPackage(c *call) error {
	p, ok := runtimes.Here()
	if !ok {
		return fmt.Errorf("no package of ONNX Runtime is pinned for this system: %w", onnx.ErrNoRuntime)
	}
	return c.result(p, func(w io.Writer) { fmt.Fprintln(w, p.Name, p.Version, p.Library) })
}

// download tries the addresses of the pinned package in order.
func download(c *call) error {
	urls := runtimes.DownloadURLs(runtimes.Registry())
	if len(urls) == 0 {
		return fmt.Errorf("no package of ONNX Runtime is pinned for this system: %w", onnx.ErrNoRuntime)
	}
	var failed error
	for _, url := range urls {
		c.say("downloading %s", url)
		err := install(c, url)
		if err == nil || c.ctx.Err() != nil {
			return err
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// install installs from one source and prints where the library is.
func install(c *call, source string) error {
	pr := c.newProgress()
	probe := func(path string) (onnx.Library, error) { return worker.Probe(c.ctx, self(), path) }
	done, err := runtimes.InstallBy(c.ctx, source, probe, func(stage string, done, total int64) {
		const kB = 1000
		pr.show(stage+" (kB)", int(done/kB), int(total/kB))
	})
	pr.done()
	if err != nil {
		return aboutFile("source", source, err)
	}
	return c.result(setupJSON{done.Path, done.Version, source, done.Note}, func(w io.Writer) {
		c.say("ONNX Runtime %s installed", done.Version)
		if done.Note != "" {
			c.say("%s", done.Note)
		}
		fmt.Fprintln(w, done.Path)
	})
}
