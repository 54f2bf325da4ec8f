package window

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/test"

	"coverslip/annotate"
	"coverslip/app"
)

func TestWindow_Open_BadInputIsTold(t *testing.T) {
	dir := t.TempDir()
	words := filepath.Join(dir, "words.svs")
	if err := os.WriteFile(words, []byte("this is no slide at all"), 0o644); err != nil {
		t.Fatal(err)
	}
	good, err := slideBytes()
	if err != nil {
		t.Fatal(err)
	}
	stump := filepath.Join(dir, "stump.svs")
	if err := os.WriteFile(stump, good[:len(good)/3], 0o644); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "folder")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	s := newStage(t, Options{}).withSlide()
	for _, path := range []string{filepath.Join(dir, "nowhere.svs"), words, stump, folder} {
		s.problem.dismiss()
		s.Open(path)
		s.settle()
		if !s.problem.object.Visible() || !strings.Contains(s.problem.title.value+s.problem.cause, filepath.Base(path)) || s.problem.hint.value == "" {
			t.Errorf("%s: %q / %q / %q", filepath.Base(path), s.problem.title.value, s.problem.hint.value, s.problem.cause)
		}
		if s.Window.open == nil || s.opening != "" {
			t.Fatalf("%s: what was open is gone, or still opening %q", filepath.Base(path), s.opening)
		}
	}
}

func TestWindow_MissingSlide_IsShown(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	dir := s.session.Dir()
	s.closeProject()
	s.settle()
	if err := os.Rename(filepath.Join(s.dir, "bands.svs"), filepath.Join(s.dir, "away")); err != nil {
		t.Fatal(err)
	}
	s.Open(dir)
	s.settle()
	if s.Window.open != nil || !s.problem.object.Visible() || len(s.slides.items) != 1 || !s.slides.items[0].Missing {
		t.Fatalf("missing slide: problem %q, items %+v", s.problem.title.value, s.slides.items)
	}
	if !strings.Contains(s.problem.title.value, "bands.svs") || !s.problem.find.Visible() || !s.cmds.CanDo("file.relink") {
		t.Errorf("problem %q, find offered %v", s.problem.title.value, s.problem.find.Visible())
	}
	if got := slideWords(s.slides.items[0]); got != "file not found" {
		t.Errorf("the list says %q", got)
	}
}

func TestPalette_Search_SaysWhenNothingFits(t *testing.T) {
	s := newStage(t, Options{})
	p := &palette{w: s.Window, entry: &paletteEntry{}}
	p.list = newRows(paletteRow, newPaletteRow, p.fill)
	for query, want := range map[string]string{"theme": "Dark or light theme", "qqqq": "Nothing is called that"} {
		p.entry.Text = query
		p.search()
		if len(p.found) == 0 || !strings.HasPrefix(p.found[0].words, want) {
			t.Errorf("%q: %+v", query, p.found)
		}
	}
	p.entry.Text = "qqqq"
	p.search()
	if p.take(); len(p.found) != 1 || p.found[0].enabled {
		t.Errorf("what is not there can be chosen: %+v", p.found)
	}
}

// damagedFirst makes a project of two slides, of which the first is damaged
// afterwards, and closes it.
func damagedFirst(t *testing.T) (s *stage, dir string) {
	t.Helper()
	s = newStage(t, Options{}).withSlide()
	dir = s.session.Dir()
	second := writeSlide(t, filepath.Join(s.dir, "second.svs"))
	f, err := os.OpenFile(second, os.O_APPEND|os.O_WRONLY, 0)
	if err == nil { // other bytes, so that it is another slide
		_, err = f.WriteString("second")
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	s.add([]string{second})
	s.settle()
	s.closeProject()
	s.settle()
	if err := os.WriteFile(filepath.Join(s.dir, "bands.svs"), []byte("no slide any more"), 0o644); err != nil {
		t.Fatal(err)
	}
	return s, dir
}

func TestWindow_Open_FirstSlideDamaged_ShowsTheNext(t *testing.T) {
	s, dir := damagedFirst(t)
	s.Open(dir)
	s.settle()
	if s.Window.open == nil || s.Window.open.Item.Name != "second.svs" {
		t.Fatalf("shown: %+v, problem %q", s.Window.open, s.problem.title.value)
	}
	if !s.problem.object.Visible() || !strings.Contains(s.problem.title.value, "bands.svs") {
		t.Errorf("nothing is said of the damaged slide: %q", s.problem.title.value)
	}
}

func TestWindow_Problem_GoesWithTheNextSlide(t *testing.T) {
	s, dir := damagedFirst(t)
	s.Open(dir)
	s.settle()
	good := s.Window.open.Item.ID
	for _, item := range s.slides.items {
		if item.ID != good {
			s.openSlide(item.ID)
			s.settle()
		}
	}
	if !s.problem.object.Visible() || s.Window.open.Item.ID != good {
		t.Fatal("the damaged slide was opened, or nothing is said of it")
	}
	s.openSlide(good)
	s.settle()
	if s.problem.object.Visible() {
		t.Errorf("still complains: %q", s.problem.title.value)
	}
}

func TestWindow_CancelJob_IsTold(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	started := make(chan struct{})
	s.startJob("Suggest labels", func(j *job) error {
		close(started)
		<-j.ctx.Done()
		return j.ctx.Err()
	})
	<-started
	s.run("job.cancel")
	s.settle()
	if got := s.status.words.value; got != "Suggest labels: stopped" || s.problem.object.Visible() {
		t.Errorf("the status says %q, problem %v", got, s.problem.object.Visible())
	}
}

// A long job's words once made the window wider than the screen.
func TestWindow_Job_LeavesTheWindowItsSize(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	for _, width := range []float32{1000, 1280, 1920} {
		s.win.Resize(fyne.NewSize(width, 700))
		s.status.hover(annotate.Point{X: 10, Y: 10}, true)
		s.status.person()
		st := app.JobStatus{Running: true, Name: "Suggest labels", Stage: "Embedding CMU-1-Small-Region-of-a-slide.svs", Done: 12345, Total: 99999}
		s.status.job(st)
		if need := s.status.object.MinSize().Width; need > width {
			t.Errorf("%g wide: the bar needs %g", width, need)
		}
		if !s.status.jobName.Visible() || s.status.jobName.MinSize().Width < 100 {
			t.Errorf("%g wide: %g left for the job", width, s.status.jobName.MinSize().Width)
		}
		s.status.job(app.JobStatus{})
		if !s.status.pos.Visible() {
			t.Errorf("%g wide: the position does not come back", width)
		}
	}
}

func TestWindow_Untrusted_OpensTheSlideAnew(t *testing.T) {
	s := newStage(t, Options{}).withSlide().label()
	first := s.Window.open
	s.run("file.untrusted")
	s.settle()
	if s.Window.open == nil || s.Window.open == first || !s.Window.open.Untrusted() || len(s.objects()) != 3 {
		t.Fatalf("open %+v, problem %q", s.Window.open, s.problem.cause)
	}
	if s.status.words.value != untrustedWords || !s.menuItems["file.untrusted"].Checked {
		t.Errorf("the status says %q", s.status.words.value)
	}
	dir := s.session.Dir()
	s.closeProject()
	s.settle()
	s.Open(dir) // it stays so until the program ends
	s.settle()
	if s.Window.open == nil || !s.Window.open.Untrusted() {
		t.Errorf("after reopening the project: %q", s.problem.cause)
	}
	s.run("file.untrusted")
	s.settle()
	if s.Window.open == nil || s.Window.open.Untrusted() || s.status.words.value == untrustedWords || s.menuItems["file.untrusted"].Checked {
		t.Errorf("native decoders again: the status says %q", s.status.words.value)
	}
	s.closeProject()
	s.settle()
	s.run("file.untrusted") // without a project
	if s.status.words.value != untrustedWords {
		t.Errorf("the status says %q", s.status.words.value)
	}
}

func TestWindow_About_NamesTheDecoders(t *testing.T) {
	s := newStage(t, Options{})
	s.run("help.about")
	top := s.win.Canvas().Overlays().Top()
	if top == nil {
		t.Fatal("no About")
	}
	words := ""
	for _, o := range test.LaidOutObjects(top) {
		if t, ok := o.(*canvas.Text); ok {
			words += t.Text + " "
		}
	}
	if !strings.Contains(words, "JPEG 2000 by") {
		t.Errorf("About says %q", words)
	}
}
