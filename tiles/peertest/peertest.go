// Package peertest measures us against programs we did not write, in one run on
// one machine: the source of the ratios in docs/performance.md. Only tests
// import it.
//
// Both sides do the same work turn by turn, so that what else the machine does
// falls on both. Of each the median turn counts, in wall time and in processor
// time of all threads.
package peertest

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"
)

// Env names the environment variable with the file that results are appended
// to, one JSON object a line. Without it nothing is measured.
const Env = "COVERSLIP_PEERS"

// Result is one figure against a peer. A ratio above 1 says that we are better.
type Result struct {
	Name  string  `json:"name"`
	Ours  float64 `json:"ours"`
	Peer  float64 `json:"peer"`
	Unit  string  `json:"unit"`
	Ratio float64 `json:"ratio"`
	Goal  float64 `json:"goal"`           // least ratio wanted; 0 where none is set
	Note  string  `json:"note,omitempty"` // the peer's version, the work
}

// Start skips the test unless figures are asked for.
func Start(t testing.TB) {
	t.Helper()
	if os.Getenv(Env) == "" {
		t.Skipf("measured by make bench-peers (%s)", Env)
	}
}

// Record appends a result to the file. A ratio of 0 is computed as Peer/Ours:
// of times, bytes and counts the smaller is the better.
func Record(t testing.TB, r Result) {
	t.Helper()
	if r.Ratio == 0 && r.Ours != 0 {
		r.Ratio = r.Peer / r.Ours
	}
	line, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(os.Getenv(Env), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: ours %.4g, peer %.4g %s: %.2f times (goal %.2f)", r.Name, r.Ours, r.Peer, r.Unit, r.Ratio, r.Goal)
}

// Case is the same work done by two programs.
type Case struct {
	Name     string
	Note     string
	Turns    int // of each; 0 = 25
	PerTurn  int // calls in a turn; 0 = 1
	GoalCPU  float64
	GoalWall float64
	Ours     func(i int) error // the i-th piece of work
	Peer     func(i int) error
	NoCPU    bool // the peer is another process
	Warm     bool // do the whole work once before it is measured
}

// Measure runs a case and records "NAME, CPU" and "NAME, wall" in milliseconds
// a call.
func Measure(t *testing.T, c Case) {
	t.Helper()
	turns, per := max(c.Turns, 1), max(c.PerTurn, 1)
	if c.Turns == 0 {
		turns = 25
	}
	both := [2]func(int) error{c.Ours, c.Peer}
	run := func(side, turn int) (wall, cpu float64) {
		start, used := time.Now(), processorTime()
		for i := range per {
			if err := both[side](turn*per + i); err != nil {
				t.Fatalf("%s: %v", c.Name, err)
			}
		}
		n := float64(per) * float64(time.Millisecond)
		return float64(time.Since(start)) / n, float64(processorTime()-used) / n
	}
	warm := min(turns, 3)
	if c.Warm {
		warm = turns
	}
	for i := range warm {
		run(0, i)
		run(1, i)
	}
	var wall, cpu [2][]float64
	for i := range turns {
		for side := range both {
			w, p := run((side+i)%2, i) // who goes first changes
			wall[(side+i)%2] = append(wall[(side+i)%2], w)
			cpu[(side+i)%2] = append(cpu[(side+i)%2], p)
		}
	}
	if !c.NoCPU {
		Record(t, Result{Name: c.Name + ", CPU", Ours: median(cpu[0]), Peer: median(cpu[1]), Unit: "ms", Goal: c.GoalCPU, Note: c.Note})
	}
	Record(t, Result{Name: c.Name + ", wall", Ours: median(wall[0]), Peer: median(wall[1]), Unit: "ms", Goal: c.GoalWall, Note: c.Note})
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
