//go:build e2e

package main

import (
	"fmt"
	"image"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"coverslip/tiles/slidetest"
)

// moment is what was seen of a part of the screen after an event.
type moment struct {
	first, last time.Duration // from the event until it changed, and until it did so no more
	changed     int           // pixels, first
}

// watch does something and looks at a part of the screen until it has not changed for
// quiet; least is how many pixels have to change to count.
func (b *bench) watch(d *display, r image.Rectangle, quiet time.Duration, least int, do func() error) (m moment, from time.Time) {
	b.t.Helper()
	before, err := d.picture()
	b.must(err)
	from = time.Now()
	b.must(do())
	for time.Since(from) < 30*time.Second {
		now, err := d.picture()
		b.must(err)
		at := time.Since(from)
		if n := differing(before, now, r); n >= least || n > 0 && m.first > 0 {
			if m.first == 0 {
				m.first, m.changed = at, n
			}
			m.last, before = at, now
		}
		if m.first > 0 && at-m.last > quiet {
			return m, from
		}
		time.Sleep(2 * time.Millisecond)
	}
	if m.first == 0 {
		b.t.Fatal("the screen did not change within 30 s")
	}
	return m, from
}

// TestPeers_Moments times by the pixels of the screen what a person waits for: the
// first picture of a slide after the click on it, and a shape after the mouse let it go.
func TestPeers_Moments(t *testing.T) {
	b := newBench(t)
	t.Run("first picture", func(t *testing.T) {
		b.t = t
		dir := filepath.Join(t.TempDir(), "two.coverslip")
		for _, args := range [][]string{{"project", "new", dir}, {"project", "add", dir, b.giant, slidetest.Shared(t, "svs/TCGA-CR-7395-ts1.svs")}} {
			if out, err := exec.Command(filepath.Join(b.bin, "coverslipctl"), args...).CombinedOutput(); err != nil {
				t.Fatalf("coverslipctl %v: %v\n%s", args, err, out)
			}
		}
		d := newDisplay(t, 1280, 800)
		s, _ := b.window(d, dir)
		x, y := s.middle()
		view := image.Rect(x-200, y-200, x+200, y+200)
		h, err := d.newHand()
		b.must(err)
		defer h.close()
		for i, row := range []int{1, 0, 1, 0} {
			b.must(h.move(110, slideRow(row)))
			s.rest()
			m, _ := b.watch(d, view, 600*time.Millisecond, 4000, func() error {
				if err := h.press(1); err != nil {
					return err
				}
				return h.release(1)
			})
			t.Logf("click %d: first picture after %.0f ms, complete after %.0f ms", i+1, ms(m.first), ms(m.last))
			goal(t, fmt.Sprintf("click %d on a slide: first picture", i+1), ms(m.first), 200, "ms")
		}
		s.quit()
	})
	for _, n := range counts(t) {
		t.Run(fmt.Sprintf("edit among %d", n), func(t *testing.T) {
			b.t = t
			d := newDisplay(t, 1280, 800)
			s, file := b.window(d, b.project(n))
			x, y := s.middle()
			h, err := d.newHand()
			b.must(err)
			defer h.close()
			b.must(h.byHand(x, y)(step{}))
			for range 16 {
				b.must(h.byHand(x, y)(step{what: stepIn}))
				time.Sleep(60 * time.Millisecond)
			}
			s.rest()
			if _, err := d.xdo("key", "r"); err != nil {
				t.Fatal(err)
			}
			s.rest()
			b.must(h.move(x-50, y-40))
			b.must(h.press(1))
			for k := 1; k <= 20; k++ {
				b.must(h.move(x-50+5*k, y-40+4*k))
				time.Sleep(mouseStep)
			}
			s.rest()
			m, from := b.watch(d, image.Rect(x-60, y-50, x+60, y+50), 600*time.Millisecond, 1, func() error { return h.release(1) })
			time.Sleep(300 * time.Millisecond) // the file is written ten times a second
			list, err := readFrames(file)
			b.must(err)
			painted := func(until time.Duration) (k int) {
				for _, f := range between(list, from, from.Add(until)) {
					if f.painted {
						k++
					}
				}
				return k
			}
			t.Logf("the shape changed after %.0f ms, in frame %d; at rest after %.0f ms, frame %d", ms(m.first), painted(m.first)+1, ms(m.last), painted(m.last)+1)
			goal(t, fmt.Sprintf("an edit among %d polygons: first seen in frame", n), float64(max(1, painted(m.first))), 2, "frames")
			s.quit()
		})
	}
}

// slideRow is where a row of the list of slides lies, pixels, in a window as it is
// first shown.
func slideRow(i int) int { return 152 + 56*i }
