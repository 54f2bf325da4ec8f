//go:build e2e

package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"coverslip/tiles/formats"
	"coverslip/tiles/peertest"
	"coverslip/tiles/slidetest"
)

// frame is a line of what the program writes about a turn of its loop
// (COVERSLIP_FRAMES).
type frame struct {
	at      time.Time
	cpu     time.Duration // of the window's thread, without the swap of buffers
	swap    time.Duration
	events  time.Duration // of cpu, before the frame: events, results handed back
	paint   time.Duration // of cpu, the frame itself
	waited  time.Duration // ready, while others had the processor
	clock   time.Duration // of the frame, by the clock
	uploads int
	painted bool
}

func readFrames(path string) ([]frame, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var list []frame
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) != 9 || fields[0] == "at" || !strings.HasSuffix(line, "\n") {
			continue // the head, or a line half written
		}
		var n [9]int64
		for i, f := range fields {
			if n[i], err = strconv.ParseInt(f, 10, 64); err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
		}
		us := func(i int) time.Duration { return time.Duration(n[i]) * time.Microsecond }
		list = append(list, frame{time.UnixMicro(n[0]), us(1), us(2), us(3), us(4), us(5), us(6), int(n[7]), n[8] == 1})
	}
	return list, nil
}

// tempo is what the frames of a time are like.
type tempo struct {
	frames        int // painted
	p50, p95, max time.Duration
	swap95        time.Duration
	gap95, gapMax time.Duration // between frames that follow each other in movement
	late, stalls  int           // gaps over 33 ms and over 50 ms
	missed        int           // thirtieths of a second without a new picture: a long gap is many late frames
	long          int           // frames whose own processor time is over 50 ms
	uploads       int
	worst         []frame
}

func at(list []time.Duration, q float64) time.Duration {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return list[int(q*float64(len(list)-1))]
}

// between are the frames of a time.
func between(list []frame, from, to time.Time) []frame {
	var some []frame
	for _, f := range list {
		if !f.at.Before(from) && f.at.Before(to) {
			some = append(some, f)
		}
	}
	return some
}

// tempoOf sums frames up. A turn that painted nothing counts with its time.
func tempoOf(list []frame) (r tempo) {
	var cpu, swap, gap []time.Duration
	var last time.Time
	for _, f := range list {
		cpu = append(cpu, f.cpu)
		r.uploads += f.uploads
		if f.cpu > 50*time.Millisecond {
			r.long++
		}
		if !f.painted {
			continue
		}
		r.frames++
		swap = append(swap, f.swap)
		if !last.IsZero() {
			gap = append(gap, f.at.Sub(last))
			if f.at.Sub(last) > 33*time.Millisecond {
				r.late++
			}
			r.missed += int(f.at.Sub(last) / (33 * time.Millisecond))
			if f.at.Sub(last) > 50*time.Millisecond {
				r.stalls++
			}
		}
		last = f.at
	}
	r.p50, r.p95, r.max = at(cpu, 0.5), at(cpu, 0.95), at(cpu, 1)
	r.swap95, r.gap95, r.gapMax = at(swap, 0.95), at(gap, 0.95), at(gap, 1)
	r.worst = slices.Clone(list)
	slices.SortFunc(r.worst, func(a, b frame) int { return cmp.Compare(b.cpu, a.cpu) })
	r.worst = r.worst[:min(3, len(r.worst))]
	return r
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func (r tempo) String() string {
	return fmt.Sprintf("%d frames, thread %.1f / %.1f / %.1f ms (swap %.1f), between frames %.0f / %.0f ms, %d late, %d over 50, %d thirtieths missed, %d uploads",
		r.frames, ms(r.p50), ms(r.p95), ms(r.max), ms(r.swap95), ms(r.gap95), ms(r.gapMax), r.late, r.stalls, r.missed, r.uploads)
}

// bench is the place of what is measured with: a giant slide and projects of many
// labels on it, made once and kept in build/peers.
type bench struct {
	t     testing.TB
	bin   string
	dir   string
	giant string // the slide
}

func newBench(t testing.TB) *bench {
	t.Helper()
	peertest.Start(t)
	bin := os.Getenv("COVERSLIP_BIN")
	if bin == "" {
		t.Fatal("COVERSLIP_BIN must name the folder of the built programs; run this by `make bench-peers`")
	}
	for _, tool := range []string{"Xvfb", "xdotool"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed; .ci/setup ci does that", tool)
		}
	}
	dir, err := filepath.Abs(filepath.Join("..", "..", "..", "build", "peers"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, bin: bin, dir: dir, giant: filepath.Join(dir, "giant.tif")}
	if _, err := os.Stat(b.giant); err == nil {
		return b
	}
	real, err := formats.Open(context.Background(), slidetest.Shared(t, "svs/TCGA-CR-7395-ts1.svs"))
	if err != nil {
		t.Fatal(err)
	}
	defer real.Close()
	peertest.WriteGiant(t, b.giant+".part", peertest.Tissue(t, real, 2048, 256, "420"))
	if err := os.Rename(b.giant+".part", b.giant); err != nil {
		t.Fatal(err)
	}
	return b
}

// project is one with n made-up labels on the slide.
func (b *bench) project(n int) string {
	b.t.Helper()
	dir := filepath.Join(b.dir, fmt.Sprintf("many-%d.coverslip", n))
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	run := func(args ...string) {
		b.t.Helper()
		if out, err := exec.Command(filepath.Join(b.bin, "coverslipctl"), args...).CombinedOutput(); err != nil {
			os.RemoveAll(dir)
			b.t.Fatalf("coverslipctl %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	if n == 0 {
		run("project", "new", dir)
		run("project", "add", dir, b.giant)
	} else {
		run("bench", "--objects", strconv.Itoa(n), "--project", dir, b.giant)
	}
	return dir
}

// window shows a project with frames written; the path of that file.
func (b *bench) window(d *display, project string, env ...string) (s *session, frames string) {
	b.t.Helper()
	dir := b.t.(*testing.T).TempDir()
	frames = filepath.Join(dir, "frames")
	env = append(env, "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir, "HOME="+dir, "COVERSLIP_FRAMES="+frames)
	p, err := d.start(env, filepath.Join(b.bin, "coverslip"), "--author", "Bench", project)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.(*testing.T).Cleanup(p.kill)
	s = &session{t: b.t.(*testing.T), program: p, display: d}
	if s.shown, err = p.fill(3 * time.Minute); err != nil {
		b.t.Fatal(err)
	}
	return s, frames
}

// memory is what a process and its children hold: pages in the machine, and the
// same with shared ones divided among those who share them, megabytes.
func memory(pids ...int) (rss, pss float64) {
	for _, pid := range pids {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			continue // it ended
		}
		for line := range bytes.Lines(data) {
			var kB float64
			if n, _ := fmt.Sscanf(string(line), "Rss: %f kB", &kB); n == 1 {
				rss += kB / 1000
			}
			if n, _ := fmt.Sscanf(string(line), "Pss: %f kB", &kB); n == 1 {
				pss += kB / 1000
			}
		}
	}
	return rss, pss
}

// middle is the middle of the slide's part of a window of this size, pixels: it
// lies between the panels, whose sizes are those of a first start.
func (s *session) middle() (x, y int) {
	return (330 + s.display.width - 297) / 2, (60 + s.display.height - 30) / 2
}

// run is what was measured of one window.
type run struct {
	all      tempo
	phases   []tempo
	again    tempo // the pan once more: every tile was seen
	rss, pss float64
}

// wander has the window go the path, and once more its pan.
func (b *bench) wander(s *session, frames string) (r run) {
	b.t.Helper()
	h, err := s.display.newHand()
	if err != nil {
		b.t.Fatal(err)
	}
	defer h.close()
	x, y := s.middle()
	do := h.byHand(x, y)
	b.must(do(step{}))
	for range 12 { // from the whole slide to where its cells begin to show
		b.must(do(step{what: stepIn}))
		time.Sleep(80 * time.Millisecond)
	}
	s.rest()
	path, phases := wander()
	from, err := play(path, do)
	b.must(err)
	time.Sleep(300 * time.Millisecond)
	s.rest()
	pan := path[:slices.IndexFunc(path, func(p step) bool { return p.what == stepUp })+1]
	_, err = play(pan, do) // where the first one ended is not where it began
	b.must(err)
	s.rest()
	again, err := play(pan, do)
	b.must(err)
	panned := time.Now()
	s.rest()
	list, err := readFrames(frames)
	b.must(err)
	r.all = tempoOf(between(list, from, from.Add(phases[len(phases)-1].to)))
	for _, p := range phases {
		r.phases = append(r.phases, tempoOf(between(list, from.Add(p.from), from.Add(p.to))))
	}
	r.again = tempoOf(between(list, again, panned))
	r.rss, r.pss = memory(s.program.cmd.Process.Pid)
	b.t.Logf("all: %v", r.all)
	for i, p := range phases {
		b.t.Logf("%-5s: %v", p.name, r.phases[i])
	}
	b.t.Logf("the pan again: %v", r.again)
	for _, f := range r.all.worst {
		b.t.Logf("worst: %.1f ms (events %.1f, frame %.1f), kept waiting %.0f ms, %d uploads", ms(f.cpu), ms(f.events), ms(f.paint), ms(f.waited), f.uploads)
	}
	b.t.Logf("memory %.0f MB (shared pages divided: %.0f MB)", r.rss, r.pss)
	return r
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// counts are the numbers of labels to measure with: COVERSLIP_PEERS_OBJECTS, else all.
func counts(t testing.TB) []int {
	words := os.Getenv("COVERSLIP_PEERS_OBJECTS")
	if words == "" {
		words = "0,10000,100000,1000000"
	}
	var list []int
	s := bufio.NewScanner(strings.NewReader(strings.ReplaceAll(words, ",", "\n")))
	for s.Scan() {
		n, err := strconv.Atoi(s.Text())
		if err != nil {
			t.Fatalf("COVERSLIP_PEERS_OBJECTS: %v", err)
		}
		list = append(list, n)
	}
	return list
}

// goal records a figure whose peer is the goal.
func goal(t testing.TB, name string, ours, wanted float64, unit string) {
	t.Helper()
	peertest.Record(t, peertest.Result{Name: name, Ours: ours, Peer: wanted, Ratio: wanted / max(ours, 1e-3), Unit: unit, Goal: 1, Note: "the peer is the goal"})
}

// TestPeers_Frames drives the real window by X events and reads what its thread
// spent on each frame.
func TestPeers_Frames(t *testing.T) {
	b := newBench(t)
	for _, size := range [][2]int{{1280, 800}, {1920, 1080}} {
		for _, n := range counts(t) {
			t.Run(fmt.Sprintf("%dx%d/%d", size[0], size[1], n), func(t *testing.T) {
				b.t = t
				s, frames := b.window(newDisplay(t, size[0], size[1]), b.project(n))
				r := b.wander(s, frames)
				name := fmt.Sprintf("window %d×%d, %d polygons: ", size[0], size[1], n)
				most := 3.0
				if n > 0 {
					most = 5
				}
				goal(t, name+"thread a frame, p95", ms(r.all.p95), most, "ms")
				goal(t, name+"thread a frame, longest", ms(r.all.max), 50, "ms")
				goal(t, name+"memory", r.rss, 500, "MB")
				if r.again.uploads > 0 {
					t.Errorf("%d textures made by a pan over tiles seen before", r.again.uploads)
				}
				s.quit()
			})
		}
	}
}
