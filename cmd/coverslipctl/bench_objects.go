package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"coverslip/annotate"
	"coverslip/annotate/synth"
	"coverslip/app"
	"coverslip/storage"
)

// benchObjectsJSON is the JSON of bench --objects. Times are by the clock.
type benchObjectsJSON struct {
	Objects     int     `json:"objects"`
	Made        float64 `json:"madeSeconds,omitempty"`
	FileMB      float64 `json:"fileMegabytes"`
	OpenSeconds float64 `json:"openSeconds"`
	Query4000   float64 `json:"query4000pxP99Milliseconds"`
	Shapes1000  float64 `json:"shapes1000pxP99Milliseconds"`
	Edit        float64 `json:"editP95Milliseconds"`
	Undo        float64 `json:"undoP95Milliseconds"`
	Table       float64 `json:"tableSeconds"`
	MemoryMB    float64 `json:"memoryMegabytes,omitempty"`
	PrivateMB   float64 `json:"privateMegabytes,omitempty"`
}

// benchObjects opens, asks, sorts and edits a slide's labels. Without a project
// in dir it makes one of n made-up labels on the slide first; the memory is then
// that of the making, so it is measured when called again.
func benchObjects(ctx context.Context, slide, dir string, n int, o app.Options) (j benchObjectsJSON, err error) {
	if _, serr := os.Stat(filepath.Join(dir, storage.FileName)); errors.Is(serr, os.ErrNotExist) {
		from := time.Now()
		if err := makeMany(ctx, slide, dir, n, o); err != nil {
			return j, err
		}
		j.Made = time.Since(from).Seconds()
		debug.FreeOSMemory()
	}
	stat, err := os.Stat(filepath.Join(dir, storage.FileName))
	if err != nil {
		return j, err
	}
	j.FileMB = float64(stat.Size()) / 1e6
	from := time.Now()
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
		j.OpenSeconds, j.Objects = time.Since(from).Seconds(), set.Len()
		from = time.Now()
		table := app.MakeTable(ctx, set, s.Palette(), app.TableSpec{Column: app.ByArea, Down: true})
		if table == nil {
			return ctx.Err()
		}
		j.Table = time.Since(from).Seconds()
		b := objectsBench{s: s, set: set, table: table, w: float64(items[0].Width), h: float64(items[0].Height), rnd: rand.New(rand.NewPCG(1, 1))}
		j.Query4000, j.Shapes1000 = b.query(4000, false), b.query(1000, true)
		if j.Edit, j.Undo, err = b.edits(ctx, items[0].ID); err != nil {
			return err
		}
		if j.Made == 0 {
			j.MemoryMB, j.PrivateMB = memoryMB()
		}
		return nil
	})
}

// makeMany makes a project of one slide with n labels.
func makeMany(ctx context.Context, slide, dir string, n int, o app.Options) error {
	s, err := app.CreateProject(dir, "Many labels", o)
	if err != nil {
		return err
	}
	return closing(s, func(s *app.Session) error {
		id, err := s.AddSlide(ctx, slide)
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

type objectsBench struct {
	s     *app.Session
	set   *annotate.Set
	table *app.Table
	w, h  float64 // of the slide, level-0 pixels
	rnd   *rand.Rand
}

// query asks for what lies in a square of the slide, and answers the p99 in
// milliseconds.
func (b *objectsBench) query(side float64, shapes bool) float64 {
	var times []float64
	for range 1000 {
		x, y := b.rnd.Float64()*max(0, b.w-side), b.rnd.Float64()*max(0, b.h-side)
		box := annotate.Box{MinX: x, MinY: y, MaxX: x + side, MaxY: y + side}
		from := time.Now()
		if shapes {
			b.set.Search(box, func(*annotate.Object) bool { return true })
		} else {
			b.set.Briefs(box, func(*annotate.Brief) bool { return true })
		}
		times = append(times, time.Since(from).Seconds()*1000)
	}
	return ofSorted(times, 0.99)
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

// memoryMB is the memory of this process that is in the machine, and that part of
// it which is no mapped file, in megabytes, where the system tells (Linux); 0
// elsewhere.
func memoryMB() (all, private float64) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(text)) {
		var name string
		var kB float64
		if n, _ := fmt.Sscanf(line, "%s %f kB", &name, &kB); n == 2 {
			switch name {
			case "VmRSS:":
				all = kB / 1000
			case "RssAnon:":
				private = kB / 1000
			}
		}
	}
	return all, private
}

func (j benchObjectsJSON) write(w io.Writer) {
	if j.Made > 0 {
		fmt.Fprintf(w, "made in %.0f s\n", j.Made)
	}
	fmt.Fprintf(w, "%d labels, %.0f MB on disk: open in %.2f s; 99 of 100 queries of 4000² px below %.2f ms, with shapes of 1000² below %.2f ms; 95 of 100 edits below %.1f ms, undos %.1f ms; sorted in %.2f s\n",
		j.Objects, j.FileMB, j.OpenSeconds, j.Query4000, j.Shapes1000, j.Edit, j.Undo, j.Table)
	if j.MemoryMB > 0 {
		fmt.Fprintf(w, "memory: %.0f MB, of which %.0f MB are not pages of the project's file\n", j.MemoryMB, j.PrivateMB)
	}
}
