package app

import (
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"coverslip/tiles"
)

// spent is the processor time of this process.
func spent(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestPeers_DatasetExport measures what an export costs beside decoding and
// encoding its patches, turn by turn in one process: processor time, and time on
// the clock. Run with COVERSLIP_PEERS=1; docs/performance.md has the figures.
func TestPeers_DatasetExport(t *testing.T) {
	if os.Getenv("COVERSLIP_PEERS") == "" {
		t.Skip("COVERSLIP_PEERS is not set")
	}
	s, slide := newProject(t)
	item, err := s.Slide(slide)
	if err != nil {
		t.Fatal(err)
	}
	draw(t, s, "Tumour", 0, 0, float64(item.Width), float64(item.Height))
	const patch, stride = 64, 16
	bare := func() int {
		g, err := newGrid(item.Slide, patch, 1)
		if err != nil {
			t.Fatal(err)
		}
		g = g.strided(item.Slide, stride)
		o, _, err := s.find(t.Context(), item.Slide)
		if err != nil {
			t.Fatal(err)
		}
		defer o.Close()
		seen, err := seenBy(t.Context(), o, false, tiles.Choice{})
		if err != nil {
			t.Fatal(err)
		}
		r := newPatchReader(seen, g, &s.traffic)
		defer r.close()
		todo := make(chan cell)
		var group sync.WaitGroup
		for range readers {
			group.Go(func() {
				for c := range todo {
					img, err := r.read(t.Context(), g.box(c))
					if err == nil {
						_, err = encodeImage(img, "png")
					}
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		n := 0
		for row := range g.rows {
			for col := range g.cols {
				todo <- cell{col, row}
				n++
			}
		}
		close(todo)
		group.Wait()
		return n
	}
	var cpu, wall []float64
	for range 5 {
		c0, w0 := spent(t), time.Now()
		n := bare()
		c1, w1 := spent(t), time.Now()
		o := DatasetOptions{Out: filepath.Join(t.TempDir(), "set"), Patch: patch, Stride: stride, MPP: 1, Rule: RuleCover, Cover: 0.01}
		r, err := ExportDataset(t.Context(), s, o, nil)
		if err != nil {
			t.Fatal(err)
		}
		c2, w2 := spent(t), time.Now()
		if r.Patches != n {
			t.Fatalf("%d patches exported, %d decoded and encoded", r.Patches, n)
		}
		cpu = append(cpu, float64(c1-c0)/float64(c2-c1))
		wall = append(wall, float64(w1.Sub(w0))/float64(w2.Sub(w1)))
		t.Logf("%d patches: decode and encode alone %v of processor time, export %v; clock %v and %v", n, c1-c0, c2-c1, w1.Sub(w0), w2.Sub(w1))
	}
	slices.Sort(cpu)
	slices.Sort(wall)
	t.Logf("share of the export that is decoding and encoding, median of 5: %.2f of processor time, %.2f on the clock", cpu[2], wall[2])
}
