package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"coverslip/annotate"
	"coverslip/storage"
)

func TestSession_Draw_IsThereAfterReopening(t *testing.T) {
	s, slide := newProject(t)
	id := draw(t, s, "Tumour", 10, 20, 110, 220)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := OpenProject(s.Dir(), Options{Author: "Ben"})
	if err != nil {
		t.Fatal(err)
	}
	defer closeChecked(t, again)
	o := object(t, again, slide, id)
	if o == nil {
		t.Fatal("the rectangle is gone")
	}
	want := annotate.Box{MinX: 10, MinY: 20, MaxX: 110, MaxY: 220}
	if o.ROI.Bounds() != want || o.By.Author != "Ada" || o.By.Method != "manual" || o.Kind != annotate.Annotation {
		t.Errorf("got %+v by %+v", o.ROI.Bounds(), o.By)
	}
	if again.Palette().ByID(o.Class).Name != "Tumour" {
		t.Errorf("class %v", o.Class)
	}
}

func TestOpenProject_RelativeFolder_IsMadeWhole(t *testing.T) {
	s, _ := newProject(t)
	dir := s.Dir()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Dir(dir))
	again, err := OpenProject(filepath.Base(dir), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closeChecked(t, again)
	if !filepath.IsAbs(again.Dir()) {
		t.Errorf("folder %q depends on the working folder", again.Dir())
	}
}

func TestSession_Undo_ListenersHearThatItWasOne(t *testing.T) {
	s, _ := newProject(t)
	draw(t, s, "Tumour", 0, 0, 10, 10)
	var mu sync.Mutex
	var words []string
	defer s.Subscribe(func(e Event) {
		if e.Kind == EventSaved {
			mu.Lock()
			words = append(words, e.Text)
			mu.Unlock()
		}
	})()
	if label, err := s.Undo(); err != nil || label != "Draw rectangle" {
		t.Fatal(label, err)
	}
	if _, err := s.Redo(); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if want := []string{"Undone: Draw rectangle", "Done again: Draw rectangle"}; !slices.Equal(words, want) {
		t.Errorf("heard %q, want %q", words, want)
	}
}

func TestSession_Draw_RepairsBowTie(t *testing.T) {
	s, slide := newProject(t)
	id, err := s.Draw(annotate.Area(annotate.Ring{{X: 0, Y: 0}, {X: 100, Y: 100}, {X: 100, Y: 0}, {X: 0, Y: 100}}), annotate.ID{})
	if err != nil {
		t.Fatal(err)
	}
	o := object(t, s, slide, id)
	if err := o.ROI.Validate(); err != nil {
		t.Error(err)
	}
	if a := o.ROI.Area(); a < 4990 || a > 5010 {
		t.Errorf("area %g, want two triangles of 2500", a)
	}
	if _, err := s.Draw(annotate.Area(annotate.Ring{{X: 0, Y: 0}, {X: 100, Y: 100}}), annotate.ID{}); !errors.Is(err, annotate.ErrInvalidROI) {
		t.Errorf("a line as polygon: %v", err)
	}
	if _, err := s.Draw(annotate.Rectangle(0, 0, 5, 5), annotate.NewID()); !errors.Is(err, ErrNoClass) {
		t.Errorf("an unknown class: %v", err)
	}
}

func TestSession_Undo_SurvivesRestart(t *testing.T) {
	s, slide := newProject(t)
	first := draw(t, s, "Tumour", 0, 0, 10, 10)
	second := draw(t, s, "Stroma", 20, 0, 30, 10)
	if err := s.SetClass([]annotate.ID{first}, class(t, s, "Necrosis")); err != nil {
		t.Fatal(err)
	}
	if label, ok := s.UndoLabel(); !ok || label != "Set class Necrosis" {
		t.Errorf("undo label %q %v", label, ok)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := OpenProject(s.Dir(), Options{Author: "Ada"})
	if err != nil {
		t.Fatal(err)
	}
	defer closeChecked(t, s)
	if _, err := s.Undo(); !errors.Is(err, ErrNothingOpen) {
		t.Errorf("undo without a slide: %v", err)
	}
	if _, err := s.OpenSlide(t.Context(), slide); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := s.Undo(); err != nil {
			t.Fatal(err)
		}
	}
	if object(t, s, slide, second) != nil || object(t, s, slide, first).Class != class(t, s, "Tumour") {
		t.Error("two undos did not take back the class and the second rectangle")
	}
	if label, err := s.Redo(); err != nil || label != "Draw rectangle" {
		t.Errorf("redo: %q %v", label, err)
	}
	if object(t, s, slide, second) == nil {
		t.Error("redo did not bring the rectangle back")
	}
	for range 2 {
		if _, err := s.Undo(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Undo(); !errors.Is(err, storage.ErrNothingToUndo) {
		t.Errorf("undo of nothing: %v", err)
	}
	if n := s.Current().Set.Len(); n != 0 {
		t.Errorf("%d objects left", n)
	}
}

func TestSession_Apply_RefusesStaleBefore(t *testing.T) {
	s, slide := newProject(t)
	id := draw(t, s, "Tumour", 0, 0, 10, 10)
	stale := object(t, s, slide, id)
	if err := s.Move(stale, annotate.Rectangle(5, 5, 15, 15)); err != nil {
		t.Fatal(err)
	}
	if err := s.Move(stale, annotate.Rectangle(50, 50, 60, 60)); !errors.Is(err, annotate.ErrConflict) {
		t.Errorf("a move of what is not there any more: %v", err)
	}
	if b := object(t, s, slide, id).ROI.Bounds(); b.MinX != 5 {
		t.Errorf("the conflict changed the object: %v", b)
	}
}

func TestSession_Events_FollowTheDisk(t *testing.T) {
	s, slide := newProject(t)
	var mu sync.Mutex
	var got []Event
	cancel := s.Subscribe(func(e Event) {
		if e.Kind == EventObjects {
			// What is announced is on disk, and the session can be used.
			disk, err := s.Project().Objects(slide)
			if err != nil || len(disk) != s.Current().Set.Len() {
				t.Errorf("at the event: %d on disk, %v", len(disk), err)
			}
		}
		mu.Lock()
		got = append(got, e)
		mu.Unlock()
	})
	id := draw(t, s, "Tumour", 0, 0, 10, 10)
	if err := s.Move(object(t, s, slide, id), annotate.Rectangle(100, 0, 110, 10)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := s.Delete([]annotate.ID{id}); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	var kinds []EventKind
	for _, e := range got {
		if e.Kind != EventTiles {
			kinds = append(kinds, e.Kind)
		}
	}
	if len(kinds) != 4 || kinds[0] != EventObjects || kinds[1] != EventSaved || kinds[2] != EventObjects {
		t.Fatalf("kinds %v", kinds)
	}
	for _, e := range got {
		if e.Kind == EventObjects && e.Text == "Move rectangle" && len(e.Boxes) != 2 {
			t.Errorf("a move must name the old and the new place: %v", e.Boxes)
		}
	}
}

func TestSession_ReadOnly_RefusesAndReads(t *testing.T) {
	s, slide := newProject(t)
	id := draw(t, s, "Tumour", 0, 0, 10, 10)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	ro, err := OpenProject(s.Dir(), Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer ro.Close()
	if object(t, ro, slide, id) == nil {
		t.Error("the label cannot be read")
	}
	if err := ro.Delete([]annotate.ID{id}); !errors.Is(err, storage.ErrReadOnly) {
		t.Errorf("delete: %v", err)
	}
	if object(t, ro, slide, id) == nil {
		t.Error("the refused delete took the label from memory")
	}
}

func TestSession_Locked_ObjectStays(t *testing.T) {
	s, slide := newProject(t)
	id := draw(t, s, "Tumour", 0, 0, 10, 10)
	o := object(t, s, slide, id)
	locked := *o
	locked.Locked = true
	if err := s.Apply(annotate.Replace(slide, "Lock", o, &locked)); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"delete": s.Delete([]annotate.ID{id}),
		"class":  s.SetClass([]annotate.ID{id}, class(t, s, "Stroma")),
		"move":   s.Move(object(t, s, slide, id), annotate.Rectangle(1, 1, 2, 2)),
	} {
		if !errors.Is(err, ErrObjectLocked) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSession_OpenSlide_FindsMovedAndRefusesOther(t *testing.T) {
	s, slide := newProject(t)
	parent := filepath.Dir(s.Dir())
	old := filepath.Join(parent, "slide.svs")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	reopen := func() *Session {
		t.Helper()
		s, err := OpenProject(s.Dir(), Options{Author: "Ada"})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}

	// Gone.
	away := filepath.Join(t.TempDir(), "renamed.svs")
	if err := os.Rename(old, away); err != nil {
		t.Fatal(err)
	}
	s = reopen()
	if !s.Slides()[0].Missing {
		t.Error("the slide is not called missing")
	}
	if _, err := s.OpenSlide(t.Context(), slide); !errors.Is(err, ErrSlideMissing) {
		t.Errorf("opening a missing slide: %v", err)
	}
	// Found again by its bytes, under another name.
	if n, err := s.Relink(t.Context(), filepath.Dir(away)); err != nil || n != 1 {
		t.Fatalf("relink: %d %v", n, err)
	}
	if _, err := s.OpenSlide(t.Context(), slide); err != nil {
		t.Error(err)
	}
	closeChecked(t, s)

	// Another slide under the old name.
	if err := os.Remove(away); err != nil {
		t.Fatal(err)
	}
	writeSlide(t, away, 2)
	s = reopen()
	defer closeChecked(t, s)
	if _, err := s.OpenSlide(t.Context(), slide); !errors.Is(err, ErrOtherSlide) {
		t.Errorf("opening another slide: %v", err)
	}
}

func TestSession_OpenSlide_FollowsAMovedFolder(t *testing.T) {
	s, slide := newProject(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	moved := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.Rename(filepath.Dir(s.Dir()), moved); err != nil {
		t.Fatal(err)
	}
	again, err := OpenProject(filepath.Join(moved, "test.coverslip"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closeChecked(t, again)
	open, err := again.OpenSlide(t.Context(), slide)
	if err != nil {
		t.Fatal(err)
	}
	if open.Slide.Levels()[0].Width != slideW {
		t.Errorf("levels %v", open.Slide.Levels())
	}
}

func TestSession_AddSlide_Twice_IsOne(t *testing.T) {
	s, slide := newProject(t)
	path := filepath.Join(filepath.Dir(s.Dir()), "slide.svs")
	again, err := s.AddSlide(t.Context(), path)
	if err != nil || again != slide || len(s.Slides()) != 1 {
		t.Errorf("%v %v, %d slides", again, err, len(s.Slides()))
	}
}

func TestProjectForSlide_ReopensByFingerprint(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	dir := t.TempDir()
	path := filepath.Join(dir, "A 12.svs")
	writeSlide(t, path, 3)
	s, id, err := ProjectForSlide(t.Context(), path, Options{Author: "Ada"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.OpenSlide(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	label := draw(t, s, "Fat", 1, 1, 5, 5)
	closeChecked(t, s)
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("files appeared beside the slide: %v %v", entries, err)
	}

	renamed := filepath.Join(t.TempDir(), "B.svs")
	if err := os.Rename(path, renamed); err != nil {
		t.Fatal(err)
	}
	s, again, err := ProjectForSlide(t.Context(), renamed, Options{Author: "Ada"})
	if err != nil {
		t.Fatal(err)
	}
	defer closeChecked(t, s)
	if again != id {
		t.Fatal("the renamed slide got another project")
	}
	if _, err := s.OpenSlide(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if object(t, s, id, label) == nil {
		t.Error("the label is gone")
	}
}

func TestProjectForSlide_PrefersTheProjectBeside(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	dir := t.TempDir()
	path := filepath.Join(dir, "A.svs")
	writeSlide(t, path, 3)
	own, err := CreateProject(filepath.Join(dir, "A.coverslip"), "A", Options{})
	if err != nil {
		t.Fatal(err)
	}
	want, err := own.AddSlide(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	closeChecked(t, own)
	s, id, err := ProjectForSlide(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closeChecked(t, s)
	if id != want || s.Dir() != own.Dir() {
		t.Errorf("opened %s", s.Dir())
	}
}

func TestSession_Start_OneJobAtATimeAndCancel(t *testing.T) {
	s, _ := newProject(t)
	started := make(chan struct{})
	err := s.Start("wait", func(ctx context.Context, p Progress) error {
		p("waiting", 1, 2)
		close(started)
		<-ctx.Done()
		return ctx.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	<-started
	if st := s.JobStatus(); !st.Running || st.Name != "wait" || st.Stage != "waiting" || st.Done != 1 || st.Total != 2 {
		t.Errorf("status %+v", st)
	}
	if err := s.Start("second", nil); !errors.Is(err, ErrBusy) {
		t.Errorf("second job: %v", err)
	}
	s.CancelJob()
	s.job.wait()
	if st := s.JobStatus(); st.Running || st.Err != nil {
		t.Errorf("a cancelled job is no failure: %+v", st)
	}
	boom := errors.New("boom")
	if err := s.Start("fail", func(context.Context, Progress) error { return boom }); err != nil {
		t.Fatal(err)
	}
	s.job.wait()
	if st := s.JobStatus(); st.Err != boom {
		t.Errorf("status %+v", st)
	}
}

func TestSession_Close_StopsTheJob(t *testing.T) {
	s, _ := newProject(t)
	ended := make(chan struct{})
	if err := s.Start("wait", func(ctx context.Context, p Progress) error {
		defer close(ended)
		<-ctx.Done()
		return ctx.Err()
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Fatal("the job outlived the session")
	}
	if err := s.Start("late", nil); !errors.Is(err, ErrClosed) {
		t.Errorf("a job after Close: %v", err)
	}
	if _, err := s.Objects(annotate.NewID()); !errors.Is(err, ErrClosed) {
		t.Errorf("objects after Close: %v", err)
	}
}

// Many goroutines draw, undo and read at once; in the end memory is disk.
func TestSession_Concurrent_KeepsDiskAndMemoryOne(t *testing.T) {
	s, _ := newProject(t)
	tumour := class(t, s, "Tumour")
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range 12 {
				x := float64(100*n + 5*i)
				if _, err := s.Draw(annotate.Rectangle(x, 0, x+4, 4), tumour); err != nil {
					t.Error(err)
				}
				if i%4 == 3 {
					if _, err := s.Undo(); err != nil {
						t.Error(err)
					}
				}
				s.Slides()
			}
		}()
	}
	wg.Wait()
	if n := s.Current().Set.Len(); n != 4*12-4*3 {
		t.Errorf("%d objects", n)
	}
}
