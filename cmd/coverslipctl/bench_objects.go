package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"coverslip/annotate"
	"coverslip/annotate/synth"
	"coverslip/app"
	"coverslip/storage"
)

// benchInside tells a child process to make the project of bench --objects: its
// memory would count for what is measured.
const benchInside = "COVERSLIP_BENCH_INSIDE"

// Size of the slide that is made up when none is given, level-0 pixels: that of
// the largest slide of docs/performance.md.
const benchWidth, benchHeight = 106_632, 85_608

// benchObjectsJSON is the JSON of bench --objects. Times are by the clock, and
// by the processor where the name says so: on a shared machine the clock tells
// of the others, too.
type benchObjectsJSON struct {
	Objects     int              `json:"objects"`
	Made        float64          `json:"madeSeconds,omitempty"`
	FileMB      float64          `json:"fileMegabytes"`
	OpenSeconds float64          `json:"openSeconds"`
	OpenCPU     float64          `json:"openProcessorSeconds,omitempty"`
	Queries     []benchQueryJSON `json:"queries"`
	Edit        float64          `json:"editP95Milliseconds"`
	Undo        float64          `json:"undoP95Milliseconds"`
	Table       float64          `json:"tableSeconds"`
	MemoryMB    float64          `json:"memoryMegabytes,omitempty"`
	PrivateMB   float64          `json:"privateMegabytes,omitempty"`
	PeakMB      float64          `json:"peakMegabytes,omitempty"`
}

// benchQueryJSON is what 1,000 queries of a square took.
type benchQueryJSON struct {
	Side   float64 `json:"sidePixels"`
	Shapes bool    `json:"shapes"` // with every shape read, too
	Hits   float64 `json:"hits"`   // labels found, on average
	P99    float64 `json:"p99Milliseconds"`
	CPU    float64 `json:"p99ProcessorMilliseconds,omitempty"`
}

// benchObjects opens, asks, sorts and edits a slide's labels. Without a project
// in dir a child process makes one of n made-up labels first, on the slide, or
// on one without pixels when slide is "".
func benchObjects(c *call, slide, dir string, n int, o app.Options) (j benchObjectsJSON, err error) {
	ctx := c.ctx
	if _, serr := os.Stat(filepath.Join(dir, storage.FileName)); errors.Is(serr, os.ErrNotExist) {
		if os.Getenv(benchInside) != "" {
			return j, makeMany(ctx, slide, dir, n, o)
		}
		c.say("making a project of %d labels", n)
		from := time.Now()
		if err := makeInChild(c, slide, dir, n); err != nil {
			return j, err
		}
		j.Made = time.Since(from).Seconds()
	}
	stat, err := os.Stat(filepath.Join(dir, storage.FileName))
	if err != nil {
		return j, err
	}
	j.FileMB = float64(stat.Size()) / 1e6
	from, cpu := time.Now(), processSeconds()
	s, err := app.OpenProject(dir, o)
	if err != nil {
		return j, err
	}
	return j, closing(s, func(s *app.Session) error {
		items := s.Slides()
		if len(items) == 0 {
			return errors.New("the project has no slide")
		}
		set, err := s.Objects(items[0].ID)
		if err != nil {
			return err
		}
		j.OpenSeconds, j.OpenCPU, j.Objects = time.Since(from).Seconds(), processSeconds()-cpu, set.Len()
		from = time.Now()
		table := app.MakeTable(ctx, set, s.Palette(), app.TableSpec{Column: app.ByArea, Down: true})
		if table == nil {
			return ctx.Err()
		}
		j.Table = time.Since(from).Seconds()
		b := objectsBench{s: s, set: set, table: table, w: float64(items[0].Width), h: float64(items[0].Height), rnd: rand.New(rand.NewPCG(1, 1))}
		j.Queries = []benchQueryJSON{b.query(1000, false), b.query(4000, false), b.query(16000, false), b.query(1000, true)}
		if j.Edit, j.Undo, err = b.edits(ctx, items[0].ID); err != nil {
			return err
		}
		j.MemoryMB, j.PrivateMB, j.PeakMB = memoryMB()
		return nil
	})
}

// makeInChild has a process of its own make the project.
func makeInChild(c *call, slide, dir string, n int) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	args := []string{"bench", "--objects", fmt.Sprint(n), "--project", dir}
	if slide != "" {
		args = append(args, "--", slide)
	}
	cmd := exec.CommandContext(c.ctx, program, args...)
	cmd.Env = append(os.Environ(), benchInside+"=1")
	cmd.Stderr = c.err
	if err := cmd.Run(); err != nil {
		return errors.Join(c.ctx.Err(), fmt.Errorf("making the project: %w", err))
	}
	return nil
}

// makeMany makes a project of one slide with n labels.
func makeMany(ctx context.Context, slide, dir string, n int, o app.Options) error {
	s, err := app.CreateProject(dir, "Many labels", o)
	if err != nil {
		return err
	}
	return closing(s, func(s *app.Session) error {
		id, err := benchSlide(ctx, s, slide)
		if err != nil {
			return err
		}
		item, err := s.Slide(id)
		if err != nil {
			return err
		}
		var classes []annotate.ID
		for _, c := range s.Palette() {
			classes = append(classes, c.ID)
		}
		var batch []*annotate.Object
		give := func() error {
			if len(batch) == 0 {
				return nil
			}
			err := s.Apply(annotate.Add(id, "Made up", batch...))
			batch = nil
			return err
		}
		for o := range synth.Nuclei(n, float64(item.Width), float64(item.Height), classes, 1) {
			if batch = append(batch, o); len(batch) == 20_000 {
				if err := errors.Join(ctx.Err(), give()); err != nil {
					return err
				}
			}
		}
		return give()
	})
}

// benchSlide adds the slide, or one of which there is only the size.
func benchSlide(ctx context.Context, s *app.Session, path string) (annotate.ID, error) {
	if path != "" {
		return s.AddSlide(ctx, path)
	}
	sl := storage.Slide{ID: annotate.NewID(), Name: "made up", Width: benchWidth, Height: benchHeight, MPPX: 0.25, MPPY: 0.25}
	return sl.ID, s.Project().AddSlide(sl, storage.Stamp{Author: synth.Author, App: "coverslipctl bench", At: time.Now()})
}

type objectsBench struct {
	s     *app.Session
	set   *annotate.Set
	table *app.Table
	w, h  float64 // of the slide, level-0 pixels
	rnd   *rand.Rand
}

// query asks 1,000 times for what lies in a square of the slide.
func (b *objectsBench) query(side float64, shapes bool) benchQueryJSON {
	runtime.LockOSThread() // its processor time is asked for
	defer runtime.UnlockOSThread()
	var times, cpus []float64
	hits := 0
	for range 1000 {
		x, y := b.rnd.Float64()*max(0, b.w-side), b.rnd.Float64()*max(0, b.h-side)
		box := annotate.Box{MinX: x, MinY: y, MaxX: x + side, MaxY: y + side}
		from, cpu := time.Now(), threadSeconds()
		if shapes {
			b.set.Search(box, func(*annotate.Object) bool { hits++; return true })
		} else {
			b.set.Briefs(box, func(*annotate.Brief) bool { hits++; return true })
		}
		times = append(times, time.Since(from).Seconds()*1000)
		cpus = append(cpus, (threadSeconds()-cpu)*1000)
	}
	return benchQueryJSON{Side: side, Shapes: shapes, Hits: float64(hits) / 1000, P99: ofSorted(times, 0.99), CPU: ofSorted(cpus, 0.99)}
}

// edits moves labels by hand and takes each move back, to the disk each time;
// it answers the p95 of both in milliseconds.
func (b *objectsBench) edits(ctx context.Context, slide annotate.ID) (edit, undo float64, err error) {
	var edits, undos []float64
	for range 200 {
		o := b.table.Object(b.rnd.IntN(b.table.Len()))
		if o == nil {
			return 0, 0, errors.Join(errors.New("a label cannot be read"), b.set.Err())
		}
		after := *o
		after.ROI = o.ROI.Translate(1, 1)
		e := annotate.Replace(slide, "Move polygon", o, &after)
		from := time.Now()
		if err := b.s.Apply(e); err != nil {
			return 0, 0, err
		}
		edits = append(edits, time.Since(from).Seconds()*1000)
		from = time.Now()
		back, err := b.s.Project().Undo(slide, storage.Stamp{Author: "bench", App: "coverslipctl bench", At: from})
		if err != nil {
			return 0, 0, err
		}
		if err := b.set.Apply(back); err != nil {
			return 0, 0, err
		}
		undos = append(undos, time.Since(from).Seconds()*1000)
		if ctx.Err() != nil {
			return 0, 0, ctx.Err()
		}
	}
	return ofSorted(edits, 0.95), ofSorted(undos, 0.95), nil
}

func ofSorted(times []float64, q float64) float64 {
	slices.Sort(times)
	return times[int(q*float64(len(times)-1))]
}

// memoryMB is the memory of this process that is in the machine, that part of it
// which is no mapped file, and the most there ever was, in megabytes, where the
// system tells (Linux); 0 elsewhere.
func memoryMB() (all, private, peak float64) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, 0, 0
	}
	for line := range strings.Lines(string(text)) {
		var name string
		var kB float64
		if n, _ := fmt.Sscanf(line, "%s %f kB", &name, &kB); n == 2 {
			switch name {
			case "VmRSS:":
				all = kB * 1024 / 1e6
			case "RssAnon:":
				private = kB * 1024 / 1e6
			case "VmHWM:":
				peak = kB * 1024 / 1e6
			}
		}
	}
	return all, private, peak
}

// write is a table: what, what is wanted of a million labels, what was measured.
func (j benchObjectsJSON) write(w io.Writer) {
	if j.Made > 0 {
		fmt.Fprintf(w, "made in %.0f s\n", j.Made)
	}
	fmt.Fprintf(w, "%d labels of one slide\n", j.Objects)
	row := func(what, wanted, format string, a ...any) {
		fmt.Fprintf(w, "  %-46s %-9s %s\n", what, wanted, fmt.Sprintf(format, a...))
	}
	cpu := func(format string, v float64) string {
		if v == 0 {
			return ""
		}
		return fmt.Sprintf("; "+format+" of processor time", v)
	}
	row("", "wanted", "measured")
	row("project's file", "450 MB", "%.0f MB", j.FileMB)
	row("open until it can be asked", "3 s", "%.2f s%s", j.OpenSeconds, cpu("%.2f s", j.OpenCPU))
	for _, q := range j.Queries {
		what, wanted := fmt.Sprintf("query of %.0f² px, %.0f labels, p99", q.Side, q.Hits), "1 ms"
		if q.Shapes {
			what, wanted = fmt.Sprintf("the same of %.0f² px with all shapes, p99", q.Side), "–"
		}
		row(what, wanted, "%.3f ms%s", q.P99, cpu("%.3f ms", q.CPU))
	}
	row("an edit with its commit to disk, p95", "50 ms", "%.1f ms", j.Edit)
	row("its undo with its commit to disk, p95", "50 ms", "%.1f ms", j.Undo)
	row("a table of all labels sorted by area", "–", "%.2f s", j.Table)
	if j.MemoryMB > 0 {
		row("memory after all of that", "500 MB", "%.0f MB, %.0f MB without pages of the file; at most %.0f MB", j.MemoryMB, j.PrivateMB, j.PeakMB)
	}
}
