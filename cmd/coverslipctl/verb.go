package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
	"syscall"

	"coverslip/app"
	"coverslip/storage"
)

// Exit codes, the last one as in sysexits.h (EX_TEMPFAIL).
const (
	exitDone  = 0
	exitFail  = 1
	exitUsage = 2
	exitLater = 75
)

// verb is one thing the program can do.
type verb struct {
	name     string // "info", or two words: "project new"
	args     string // the positional arguments as the help shows them
	min, max int    // how many of them; max < 0 for any number
	short    string // one line, no full stop
	long     string // more, may be empty
	example  string // lines of shell
	// setup declares the verb's flags and gives the function that does it.
	setup func(f *flag.FlagSet) func(c *call) error
}

// call is one run of a verb.
type call struct {
	ctx  context.Context
	args []string
	out  io.Writer // results only
	err  io.Writer // progress and messages
	json bool      // results as one JSON document
}

// verbs is the table, in the order of the help.
func verbs() []verb {
	return []verb{
		versionVerb(), doctorVerb(), setupVerb(), demoVerb(),
		synthVerb(), infoVerb(), regionVerb(), thumbVerb(), associatedVerb(),
		verifyVerb(), convertVerb(), deidVerb(), scanPHIVerb(),
		projectNewVerb(), projectAddVerb(), projectListVerb(), projectCheckVerb(),
		projectBackupVerb(), projectCompactVerb(), projectRelinkVerb(), annotationsImportVerb(), annotationsExportVerb(), annotationsListVerb(), annotationsFormatsVerb(),
		annotationsEditVerb(), projectTakeVerb(), projectSendVerb(), modelCheckVerb(), modelInt8Verb(), modelSegmentVerb(), modelCaptionVerb(),
		embedVerb(), suggestVerb(), suggestWordsVerb(), captionsVerb(), replayVerb(), queueVerb(), decideVerb("accept"),
		decideVerb("reject"), decideVerb("reclass"), evaluateVerb(), readingAssignVerb(), readingListVerb(), readingCollectVerb(), agreeVerb(),
		consensusVerb(), projectMergeVerb(), datasetExportVerb(), auditVerifyVerb(), auditExportVerb(), datasetVerifyVerb(), userListVerb(),
		userAddVerb(), userRoleVerb(), userPassphraseVerb(), labelsSignVerb(), labelsVerifyVerb(), benchVerb(), searchVerb(),
		benchLoopVerb(), reportVerb(),
	}
}

// usageError is a wrong command line.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

// wrongUsage makes a usageError.
func wrongUsage(format string, args ...any) error {
	return usageError{fmt.Sprintf(format, args...)}
}

// program is one run of coverslipctl.
type program struct {
	ctx      context.Context
	out, err io.Writer
}

func (p program) run(args []string) int {
	if len(args) == 0 {
		p.overview(p.err)
		return exitUsage
	}
	switch args[0] {
	case "-h", "--help", "-help", "help":
		return p.help(args[1:])
	case "--version", "-version":
		args[0] = "version"
	}
	v, rest := findVerb(args)
	if v == nil {
		return p.unknown(args)
	}
	return p.call(*v, rest)
}

// findVerb takes the words of the verb off the command line.
func findVerb(args []string) (*verb, []string) {
	for _, n := range []int{2, 1} {
		if len(args) < n {
			continue
		}
		name := strings.Join(args[:n], " ")
		for _, v := range verbs() {
			if v.name == name {
				return &v, args[n:]
			}
		}
	}
	return nil, nil
}

// unknown answers a verb that is not in the table: with the second words when
// the first is right.
func (p program) unknown(args []string) int {
	var second []string
	for _, v := range verbs() {
		if rest, ok := strings.CutPrefix(v.name, args[0]+" "); ok {
			second = append(second, rest)
		}
	}
	if len(second) == 0 {
		fmt.Fprintf(p.err, "coverslipctl: unknown verb %q; coverslipctl --help lists them\n", args[0])
		return exitUsage
	}
	if len(args) > 1 && isHelp(args[1]) {
		return p.help(args[:1])
	}
	fmt.Fprintf(p.err, "coverslipctl: %s is followed by one of: %s\n", args[0], strings.Join(second, ", "))
	return exitUsage
}

func isHelp(arg string) bool { return arg == "-h" || arg == "--help" || arg == "-help" }

// help prints the overview, or the help of the verbs that begin with words.
func (p program) help(words []string) int {
	if len(words) == 0 {
		p.overview(p.out)
		return exitDone
	}
	prefix, found := strings.Join(words, " "), false
	for _, v := range verbs() {
		if v.name == prefix || strings.HasPrefix(v.name, prefix+" ") {
			if found {
				fmt.Fprintln(p.out)
			}
			found = true
			v.help(p.out, v.flags())
		}
	}
	if !found {
		return p.unknown(words)
	}
	return exitDone
}

func (p program) overview(w io.Writer) {
	fmt.Fprintln(w, "coverslipctl: annotate gigapixel pathology slides, without a window")
	fmt.Fprintln(w, "\nUsage: coverslipctl VERB [flags] ...")
	fmt.Fprintln(w)
	for _, v := range verbs() {
		fmt.Fprintf(w, "  %-20s %s\n", v.name, v.short)
	}
	fmt.Fprintln(w, "\ncoverslipctl VERB --help tells more. Exit codes: 0 done, 1 failed, 2 wrong usage, 75 try again later.")
}

// flags is the verb's flag set, for its help.
func (v verb) flags() *flag.FlagSet {
	f := flag.NewFlagSet(v.name, flag.ContinueOnError)
	f.Bool("json", false, "print one JSON document on standard output")
	v.setup(f)
	return f
}

func (v verb) help(w io.Writer, f *flag.FlagSet) {
	fmt.Fprintf(w, "%s\n\nUsage: coverslipctl %s [flags] %s\n", v.short, v.name, v.args)
	if v.long != "" {
		fmt.Fprintf(w, "\n%s\n", v.long)
	}
	fmt.Fprintln(w, "\nFlags:")
	f.VisitAll(func(fl *flag.Flag) {
		kind, use := flag.UnquoteUsage(fl)
		name := "--" + fl.Name
		if len(fl.Name) == 1 {
			name = "-" + fl.Name
		}
		if kind != "" {
			name += " " + kind
		}
		if fl.DefValue != "" && fl.DefValue != "0" && fl.DefValue != "false" {
			use += " (default " + fl.DefValue + ")"
		}
		fmt.Fprintf(w, "  %-20s %s\n", name, use)
	})
	fmt.Fprintf(w, "\nExample:\n  %s\n", strings.ReplaceAll(v.example, "\n", "\n  "))
}

// call parses the flags, wherever they stand, and does the verb.
func (p program) call(v verb, args []string) int {
	f := flag.NewFlagSet(v.name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	asJSON := f.Bool("json", false, "")
	do := v.setup(f)
	rest, err := parse(f, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		v.help(p.out, v.flags())
		return exitDone
	case err != nil:
		return p.wrong(v, err.Error())
	case len(rest) < v.min || v.max >= 0 && len(rest) > v.max:
		return p.wrong(v, fmt.Sprintf("takes %s, got %d argument(s)", argsText(v), len(rest)))
	}
	err = do(&call{ctx: p.ctx, args: rest, out: p.out, err: p.err, json: *asJSON})
	return p.finish(v, err)
}

func argsText(v verb) string {
	if v.args == "" {
		return "no arguments"
	}
	return v.args
}

// parse is flag.Parse that also takes flags after positional arguments; what
// follows "--" is positional.
func parse(f *flag.FlagSet, args []string) ([]string, error) {
	var rest []string
	for len(args) > 0 {
		before := len(args)
		if err := f.Parse(args); err != nil {
			return nil, err
		}
		left := f.Args()
		ended := len(left) < before && args[before-len(left)-1] == "--"
		if ended || len(left) == 0 {
			return append(rest, left...), nil
		}
		rest, args = append(rest, left[0]), left[1:]
	}
	return rest, nil
}

func (p program) wrong(v verb, text string) int {
	fmt.Fprintf(p.err, "coverslipctl %s: %s\nUsage: coverslipctl %s [flags] %s\nSee coverslipctl %s --help\n", v.name, text, v.name, v.args, v.name)
	return exitUsage
}

// finish says what went wrong, why, and what to do, and picks the exit code.
func (p program) finish(v verb, err error) int {
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &usage):
		return p.wrong(v, usage.text)
	case errors.Is(err, syscall.EPIPE):
		return exitFail // the reader of our output went away: nothing to say, nobody to hear
	}
	pr := app.Explain(err)
	fmt.Fprintf(p.err, "coverslipctl %s: %s\n", v.name, pr.Title)
	if pr.Err != nil {
		fmt.Fprintf(p.err, "  details: %s\n", oneLine(pr.Err.Error()))
	}
	if pr.Hint != "" {
		fmt.Fprintf(p.err, "  what to do: %s\n", pr.Hint)
	}
	return exitCode(err)
}

// oneLine keeps the parts of a joined error on one line.
func oneLine(s string) string { return strings.Join(strings.Split(strings.TrimSpace(s), "\n"), "; ") }

// exitCode tells what may go well later from what will not.
func exitCode(err error) int {
	for _, later := range []error{context.Canceled, context.DeadlineExceeded, storage.ErrLocked, syscall.ENOSPC, syscall.EDQUOT} {
		if errors.Is(err, later) {
			return exitLater
		}
	}
	return exitFail
}

// printJSON writes v as the one document of the call.
func (c *call) printJSON(v any) error {
	e := json.NewEncoder(c.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// result writes v as JSON when asked, else calls text.
func (c *call) result(v any, text func(w io.Writer)) error {
	if c.json {
		return c.printJSON(v)
	}
	text(c.out)
	return nil
}

// say writes a message for people, never on standard output.
func (c *call) say(format string, args ...any) {
	fmt.Fprintf(c.err, format+"\n", args...)
}

// sortedKeys lists the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// terminal tells whether w is a screen that a person looks at.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}

// printLine writes v as one line of JSON.
func (c *call) printLine(v any) error { return writeLine(c.out, v) }

func writeLine(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
