// Command coverslip is the window: look at whole slides, label them, let a model
// suggest, decide, export. It is the only program here that links the window
// system; everything it can do without one is in coverslipctl.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"fyne.io/fyne/v2"
	fyneapp "fyne.io/fyne/v2/app"

	"coverslip/app"
	"coverslip/app/window"
	"coverslip/assets"
	"coverslip/models/worker"
)

const usage = `Usage: coverslip [options] [PATH]

PATH is a slide file, or the folder of a project. With none the window begins
with a choice. What cannot be opened or written is told here and in the window,
which stays; the exit status is not 0 only when there is no window to show.

Options:
`

func main() {
	if worker.IsWorker(os.Args) { // this process is for models; there is no window
		os.Exit(worker.Main())
	}
	if app.Inside(os.Getenv) { // this one is to look at a project that may be damaged
		os.Exit(app.ServeInside(os.Getenv, os.Stdout))
	}
	o, err := parse(os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp), errors.Is(err, errDone):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "coverslip:", err)
		os.Exit(2)
	}
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "coverslip:", err)
		os.Exit(1)
	}
}

// errDone says that everything asked for was done already.
var errDone = errors.New("done")

// settings is what the command line and the environment say.
type settings struct {
	window window.Options
	path   string
	frames string // file for a line about every frame; "" for none
}

// debugWords are the switches of COVERSLIP_DEBUG.
var debugWords = []struct{ word, what string }{
	{"window", "a line on standard error when a slide is shown or an edit is saved"},
}

// parse reads the command line; env looks up the environment.
func parse(args []string, env func(string) string, stdout, stderr io.Writer) (settings, error) {
	var o settings
	f := flag.NewFlagSet("coverslip", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		fmt.Fprint(stderr, usage)
		f.PrintDefaults()
	}
	size := f.String("size", "", "`WIDTHxHEIGHT` of the window, in the desktop's units; as it was left last time when not given")
	f.StringVar(&o.window.Theme, "theme", "", "dark, light or contrast; as it was left last time when not given")
	f.StringVar(&o.window.Session.Author, "author", "", "`NAME` written beside labels and decisions; the user's name when not given")
	f.BoolVar(&o.window.Session.ReadOnly, "read-only", false, "open without the right to change anything")
	f.BoolVar(&o.window.Session.Network, "network", false, "slides may be read from web addresses (https://…)")
	f.BoolVar(&o.window.Session.Untrusted, "untrusted", false, "slides come from strangers: decode them by memory-safe decoders only")
	f.StringVar(&o.window.Session.Onnx, "onnx", "", "`PATH` of ONNX Runtime's library; looked for when not given")
	f.StringVar(&o.window.Session.Model, "model", "", "`FOLDER` of the encoder; the built-in, untrained one when not given")
	version := f.Bool("version", false, "print the version and end")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if *version {
		fmt.Fprintf(stdout, "coverslip %s%s\n", app.Version, revision())
		return o, errDone
	}
	if n, err := fmt.Sscanf(*size, "%fx%f", &o.window.Width, &o.window.Height); *size != "" && (n != 2 || err != nil ||
		o.window.Width < 200 || o.window.Height < 200) {
		return o, fmt.Errorf("--size %s: want WIDTHxHEIGHT such as 1280x800, each at least 200", *size)
	}
	switch o.window.Theme {
	case "", "dark", "light", "contrast":
	default:
		return o, fmt.Errorf("--theme %s: want dark, light or contrast", o.window.Theme)
	}
	if f.NArg() > 1 {
		return o, fmt.Errorf("one PATH at a time, not %d; add more slides in the window", f.NArg())
	}
	o.path = f.Arg(0)
	if program, err := os.Executable(); err == nil { // else models run in this process
		o.window.Session.Worker = program
	}
	o.frames = env("COVERSLIP_FRAMES")
	return o, debugSwitches(env("COVERSLIP_DEBUG"), &o, stderr)
}

// debugSwitches reads COVERSLIP_DEBUG; an unknown word prints the table.
func debugSwitches(words string, o *settings, stderr io.Writer) error {
	for _, word := range strings.FieldsFunc(words, func(r rune) bool { return r == ',' || r == ' ' }) {
		switch word {
		case "window":
			o.window.Debug = stderr
		default:
			for _, d := range debugWords {
				fmt.Fprintf(stderr, "  %-10s %s\n", d.word, d.what)
			}
			return fmt.Errorf("COVERSLIP_DEBUG: no switch %q; the table is above", word)
		}
	}
	return nil
}

// revision is the version control's word for what was built, "" when unknown.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return " (" + s.Value[:12] + ")"
		}
	}
	return ""
}

// run shows the window until it is closed.
func run(o settings) (err error) {
	keepMemory()
	// Most of the heap are pictures without pointers: collecting them more often costs
	// little, and a third as much memory waits for it.
	debug.SetGCPercent(30)
	fyneapp.SetMetadata(fyne.AppMetadata{ID: "coverslip", Name: "Coverslip", Version: app.Version, Build: 1,
		Icon: fyne.NewStaticResource("coverslip.png", assets.AppIcon()), Migrations: map[string]bool{"fyneDo": true}})
	started := false
	defer func() { // the driver panics where there is no display or no OpenGL
		if r := recover(); r != nil {
			if started { // then it is our fault: the trace must be seen
				panic(r)
			}
			err = fmt.Errorf("no window can be shown here (%v); coverslipctl does the same work without one", r)
		}
	}()
	o.window.Demo = demo()
	o.window.Grab = grab
	o.window.Trim = true
	o.window.AskWho = o.window.Session.Author == ""
	o.window.Session.Backups = true
	// Whoever started the program from a terminal reads there what the window says.
	o.window.Told = func(p app.Problem) { fmt.Fprintln(os.Stderr, "coverslip:", p.Error()) }
	if o.frames != "" {
		f, err := os.Create(o.frames)
		if err != nil {
			return fmt.Errorf("COVERSLIP_FRAMES: %w", err)
		}
		defer f.Close()
		o.window.Frames = f
	}
	a := fyneapp.NewWithID("coverslip")
	w, err := window.New(a, o.window)
	if err != nil {
		return err
	}
	a.Lifecycle().SetOnStarted(func() {
		started = true
		hearPinches(w, o.window.Debug)
	})
	w.Show()
	if o.path != "" {
		w.Open(o.path)
	}
	a.Run()
	return nil
}

// demo is the folder of the demo project, "" when it was not made: in the user's
// data folder, or beside the program's folder, where make demo puts it.
func demo() string {
	var places []string
	if data, err := app.DataDir(); err == nil {
		places = append(places, filepath.Join(data, "demo"))
	}
	if program, err := os.Executable(); err == nil {
		places = append(places, filepath.Join(filepath.Dir(program), "..", "build", "demo"))
	}
	for _, place := range places {
		found, err := filepath.Glob(filepath.Join(place, "*"+app.ProjectExt))
		if err == nil && len(found) > 0 {
			return found[0]
		}
	}
	return ""
}
