package main

import "testing"

// A study from assignment to consensus, by the tool alone.
func TestScript_Readers(t *testing.T) {
	dir := workplace(t)
	play(t, dir, []step{
		{line: "project new $D/p.coverslip"},
		{line: "project add $D/p.coverslip $D/a.svs"},
		{line: "agree --project $D/p.coverslip", code: 1, err: []string{"not enough readers"}},
		{line: "evaluate --project $D/p.coverslip --held-out", code: 1, err: []string{"too few labels"}},
		{line: "evaluate --project $D/p.coverslip --held-out --slide a.svs", code: 2},
		{line: "reading assign --project $D/p.coverslip $D/b.coverslip", code: 2, err: []string{"--reader"}},
		{line: "reading assign --project $D/p.coverslip --reader Bob --between Ada $D/b.coverslip", code: 2, err: []string{"two readers"}},
		{line: "reading assign --project $D/p.coverslip --reader Bob --seed 7 --wash-out 14 $D/b.coverslip", out: []string{"Bob", "1 slide(s), seed 7", "not collected"}},
		{line: "reading list --project $D/p.coverslip --json", out: []string{`"reader": "Bob"`, `"seed": 7`, `"collected": null`}},
		{line: "project list $D/b.coverslip", out: []string{"Slide 001", "!a.svs"}},
		{line: "reading collect --project $D/p.coverslip $D/b.coverslip", out: []string{"0 label(s) added"}},
		{line: "reading collect --project $D/b.coverslip $D/p.coverslip", code: 1, err: []string{"not given to a reader by this project"}},
		{line: "project merge --project $D/p.coverslip $D/b.coverslip", out: []string{"0 label(s) added", "0 new slide(s)"}},
		{line: "reading assign --project $D/p.coverslip --reader Bob --wash-out 14 $D/again.coverslip", out: []string{"blinded reading 2", "not before"}},
		{line: "consensus --project $D/p.coverslip --method mean", code: 2},
		{line: "consensus --project $D/p.coverslip", code: 1, err: []string{"not enough readers"}},
	})
}
