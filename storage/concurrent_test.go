package storage

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"coverslip/annotate"
)

// TestProject_Concurrent has writers and readers at work beside a backup, a
// compaction and a check; at the end everything is there, and whoever comes
// after Close is told so.
func TestProject_Concurrent(t *testing.T) {
	p, slide := newProject(t)
	const writers, each = 4, 12
	var wg sync.WaitGroup
	run := func(f func() error) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := f(); err != nil {
				t.Error(err)
			}
		}()
	}
	for range writers {
		run(func() error {
			for i := range each {
				o := square(float64(i), 0)
				if _, err := p.Commit(annotate.Add(slide, "Draw", o), testStamp); err != nil {
					return err
				}
				c := *o
				c.Name = "again"
				if _, err := p.Commit(annotate.Replace(slide, "Change", o, &c), testStamp); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for range 3 {
		run(func() error {
			for range 20 {
				if _, err := p.Objects(slide); err != nil {
					return err
				}
				if err := p.Audit(1, func(AuditRecord) error { p.UndoLabel(slide); return nil }); err != nil {
					return err
				}
			}
			return nil
		})
	}
	run(func() error {
		return errors.Join(p.Check(), p.Backup(filepath.Join(p.Dir(), BackupDir, "b.bolt")), p.Compact(), p.Check(), p.Compact())
	})
	wg.Wait()
	if got := objects(t, p, slide); len(got) != writers*each {
		t.Errorf("%d objects, want %d", len(got), writers*each)
	}
	rep, err := p.VerifyAudit()
	if err != nil || rep.FirstBad != 0 || rep.Records != 2+2*writers*each {
		t.Error(rep, err)
	}
	if err := errors.Join(p.Close(), p.Close()); err != nil {
		t.Error(err)
	}
	if _, err := p.Commit(annotate.Add(slide, "late", square(1, 1)), testStamp); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}
