package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"coverslip/app"
	"coverslip/models/onnx"
	"coverslip/models/runtimes"
	"coverslip/models/worker"
	"coverslip/tiles/formats"
)

// finding is one line of doctor.
type finding struct {
	What   string `json:"what"`
	Good   bool   `json:"good"`
	Text   string `json:"text"`
	Remedy string `json:"remedy,omitempty"`

	no bool // a file's: "missing" would be the wrong word
}

// doctorJSON is the JSON of doctor.
type doctorJSON struct {
	versionInfo
	CPUs     int       `json:"cpus"`
	Findings []finding `json:"findings"`
}

func doctorVerb() verb {
	return verb{
		name:  "doctor",
		short: "say what is found on this computer, and the remedy for what is missing",
		args:  "[FILE]", max: 1,
		long: "With a FILE it says which reader opens it, or why each of them does not.\n" +
			"Exit code 0 whenever the look itself worked: nothing it looks for is needed for everything.",
		example: "coverslipctl doctor\n" +
			"coverslipctl doctor case-7.svs\n" +
			"coverslipctl doctor --json | jq '.findings[] | select(.good|not)'",
		setup: func(f *flag.FlagSet) func(c *call) error {
			lib := f.String("onnx", "", "`FILE` of ONNX Runtime's library to look at first")
			return func(c *call) error {
				d := doctorJSON{versionInfo: versions(), CPUs: runtime.NumCPU()}
				for _, path := range c.args {
					d.Findings = append(d.Findings, fileFindings(c.ctx, path)...)
				}
				d.Findings = append(d.Findings, codecFindings()...)
				d.Findings = append(d.Findings, runtimeFindings(c.ctx, *lib)...)
				d.Findings = append(d.Findings, gpuFinding(), displayFinding())
				d.Findings = append(d.Findings, folderFindings()...)
				return c.result(d, d.text)
			}
		},
	}
}

func (d doctorJSON) text(w io.Writer) {
	fmt.Fprintf(w, "coverslip %s, %s, %s/%s, %d processors\n", d.Version, d.Go, d.OS, d.Arch, d.CPUs)
	for _, f := range d.Findings {
		mark := "ok     "
		if !f.Good {
			mark = "missing"
		}
		if f.no {
			mark = "no     "
		}
		fmt.Fprintf(w, "%s  %-22s %s\n", mark, f.What, f.Text)
		if f.Remedy != "" {
			fmt.Fprintf(w, "         %-22s → %s\n", "", f.Remedy)
		}
	}
}

// fileFindings tells which reader opens a file, or what each says against it.
func fileFindings(ctx context.Context, path string) []finding {
	s, err := formats.Open(ctx, path)
	if err != nil {
		p := app.Explain(err)
		all := []finding{{What: "file", Text: err.Error(), Remedy: p.Hint, no: true}}
		var refused *formats.RefusedError
		if errors.As(err, &refused) {
			for _, r := range refused.Reasons {
				all = append(all, finding{What: "  " + r.Format, Text: r.Err.Error(), no: true})
			}
		}
		return all
	}
	i, l := s.Info(), s.Levels()[0]
	all := []finding{{What: "file", Good: true, Text: fmt.Sprintf("%s: %s (%s), %d × %d pixels", path, i.Vendor, i.Format, l.Width, l.Height)}}
	for _, w := range i.Warnings {
		all = append(all, finding{What: "  note", Good: true, Text: w})
	}
	if err := s.Close(); err != nil {
		all = append(all, finding{What: "  closing", Text: err.Error()})
	}
	return all
}

// runtimeFindings looks for ONNX Runtime and what it can run on.
func runtimeFindings(ctx context.Context, setting string) []finding {
	st := app.FindRuntime(ctx, self(), setting)
	var f []finding
	if st.Err != nil {
		remedy := "coverslipctl setup. " + runtimes.Remedy()
		if !errors.Is(st.Err, onnx.ErrNoRuntime) {
			remedy = st.Err.Error()
		}
		f = append(f, finding{What: "ONNX Runtime", Text: "not found; models cannot run", Remedy: remedy})
	} else {
		f = append(f, finding{What: "ONNX Runtime", Good: true, Text: fmt.Sprintf("%s at %s", st.Version, st.Path), Remedy: st.Warning},
			finding{What: "execution providers", Good: true, Text: fmt.Sprint(st.Providers)})
	}
	for _, t := range st.Tried {
		if t.Err != nil {
			f = append(f, finding{What: "  looked at", Text: fmt.Sprintf("%s (%s): %v", t.Path, t.From, t.Err), no: true})
		}
	}
	how := "in a process of their own"
	if st.MemoryMB > 0 && worker.CanLimitMemory() {
		how += fmt.Sprintf(", which may take %d MB", st.MemoryMB)
	}
	return append(f, finding{What: "models run", Good: true, Text: how})
}

// codecFindings tells what decodes each kind of compression.
func codecFindings() []finding {
	var all []finding
	for _, s := range formats.Codecs(nil) {
		f := finding{What: s.Name, Good: s.Version != "" || s.Library != "", Text: s.Library}
		if s.Version != "" {
			f.Text += " " + s.Version
		}
		if s.Found != "" {
			f.Text += ", " + s.Found
		}
		if !f.Good {
			f.Text = "no library found"
		}
		f.Remedy = s.Note
		all = append(all, f)
	}
	return append(all, finding{What: "untrusted slides", Good: true,
		Text: "--untrusted, or COVERSLIP_NATIVE=off, decodes by Go only: " + app.Decoders(true)})
}

// gpuFinding looks for the device files of a graphics processor.
func gpuFinding() finding {
	f := finding{What: "graphics processor", Good: true, Text: "not looked for on " + runtime.GOOS}
	if runtime.GOOS != "linux" {
		return f
	}
	for name, pattern := range map[string]string{"NVIDIA": "/dev/nvidia[0-9]*", "AMD": "/dev/kfd"} {
		if have, err := filepath.Glob(pattern); err == nil && len(have) > 0 {
			f.Text = fmt.Sprintf("%s (%d)", name, len(have))
			return f
		}
	}
	f.Good, f.Text = false, "none with compute drivers; models run on the processor"
	return f
}

// displayFinding looks for a screen.
func displayFinding() finding {
	f := finding{What: "display", Good: true, Text: runtime.GOOS}
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		return f
	}
	for _, name := range []string{"WAYLAND_DISPLAY", "DISPLAY"} {
		if v := os.Getenv(name); v != "" {
			f.Text = name + "=" + v
			return f
		}
	}
	f.Good, f.Text = false, "none; the window needs one"
	f.Remedy = "use coverslipctl, or a virtual display: xvfb-run coverslip"
	return f
}

// folderFindings tells where things are kept and whether that is possible.
func folderFindings() []finding {
	var all []finding
	add := func(what string, dir string, err error) {
		f := finding{What: what, Text: dir}
		if err == nil {
			err = writable(dir)
		}
		if f.Good = err == nil; err != nil {
			f.Text, f.Remedy = fmt.Sprintf("%s: %v", dir, err), "give your user the right to write there"
		}
		all = append(all, f)
	}
	data, err := app.DataDir()
	add("own projects", data, err)
	cache, err := cacheDir()
	add("cache", cache, err)
	return all
}

// writable tries the nearest folder that exists.
func writable(dir string) error {
	for {
		st, err := os.Stat(dir)
		if err == nil && !st.IsDir() {
			return fmt.Errorf("%s is not a folder", dir)
		}
		if err == nil {
			break
		}
		if parent := filepath.Dir(dir); parent != dir {
			dir = parent
			continue
		}
		return err
	}
	f, err := os.CreateTemp(dir, ".coverslip-doctor-*")
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Remove(f.Name())
}

// cacheDir is where generated slides are kept.
func cacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "coverslip"), nil
}
