package app

import (
	"fmt"
	"strings"
	"time"

	"coverslip/annotate"
)

// SuggestReport says what was done.
type SuggestReport struct {
	Patches    int           // patches with tissue, and patches under labels
	Embedded   int           // of these, embedded now; the others were on disk
	Failed     int           // patches whose pixels could not be read
	FailedWhy  error         // the first reason; nil when none failed
	Given      int           // labels of the classes that may take part
	Labels     int           // of these, labels that took part
	Shared     int           // of these, labels left out because others speak for their patches
	Examples   int           // patches the labels speak for
	Classes    int           // classes they name
	Candidates int           // patches that could be suggested by their score
	Suggested  int           // of these, suggestions written: Limit at most
	Replaced   int           // undecided suggestions of the same model taken away
	Method     string        // "simpleshot", "logistic"
	Model      string        // name of the encoder
	Untrained  bool          // the encoder's weights are random
	Pixels     string        // what was done to the slide's pixels: "" nothing, "srgb" its colour profile was applied
	Planes     string        // of a slide of several planes, which the model saw, in words
	Memory     int64         // that the process for models was told to take before the run, bytes; 0 when it was not measured
	Peak       int64         // the most it had by the end of the run, bytes; 0 when it cannot be told
	Elapsed    time.Duration // all of it
}

// Summary is one line for people: how many suggestions there are, what a limit
// cut, how many labels they rest on, and why the others taught nothing.
func (r SuggestReport) Summary() string {
	text := grouped(r.Suggested, "suggestion")
	if r.Suggested < r.Candidates {
		text += fmt.Sprintf(" (the least and most certain of %s)", grouped(r.Candidates, "patch"))
	}
	unused := r.Given - r.Labels
	if unused <= 0 {
		return text + ", learned from " + grouped(r.Labels, "label")
	}
	text += fmt.Sprintf(", learned from %s of %s", digits(r.Labels), grouped(r.Given, "label"))
	if r.Shared > 0 {
		text += fmt.Sprintf("; %s lie in patches that other labels speak for", digits(r.Shared))
	}
	if rest := unused - r.Shared; rest > 0 {
		text += fmt.Sprintf("; %s had no pixels that can be read", digits(rest))
	}
	return text
}

// digits writes a number with thin spaces between groups of three.
func digits(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "\u2009" + s[i:]
	}
	return s
}

// grouped is a number and what it counts.
func grouped(n int, noun string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(noun, "ch"):
		noun += "es"
	default:
		noun += "s"
	}
	return digits(n) + " " + noun
}

// countLabels tells of all labels that may take part how many there are, and
// how many of the unused lie in patches other labels speak for.
func (e *embedding) countLabels(set *annotate.Set, o SuggestOptions, spoken map[cell]bool, used map[annotate.ID]bool) {
	set.All(func(l *annotate.Object) bool {
		if !l.IsLabel() || l.Class.IsZero() || !o.allows(l.Class) {
			return true
		}
		e.report.Given++
		if used[l.ID] {
			return true
		}
		own, inside := e.grid.cellAt(l.ROI.Bounds().Center())
		shared := inside && spoken[own] && e.vector(own) != nil
		for c := range e.grid.centresIn(l.ROI) {
			shared = shared || spoken[c] && e.vector(c) != nil
		}
		if shared {
			e.report.Shared++
		}
		return true
	})
}
