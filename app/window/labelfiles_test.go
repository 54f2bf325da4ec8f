package window

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fyne.io/fyne/v2"

	"coverslip/app"
)

// TestImport_Asks: a file that does not say the names of its classes asks for
// them, Enter goes on, and the labels are there.
func TestImport_Asks(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	file := filepath.Join(s.dir, "boxes.txt")
	if err := os.WriteFile(file, []byte("0 0.5 0.5 0.25 0.25\n1 0.2 0.2 0.1 0.1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.importLabels([]string{file}, app.LabelFile{})
	s.settle()
	entry, ok := s.win.Canvas().Focused().(*formEntry)
	if !ok || !strings.HasPrefix(entry.Text, "Tumour,") {
		t.Fatalf("no question: %+v", s.win.Canvas().Focused())
	}
	entry.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	s.settle()
	if n := s.open.Set.Len(); n != 2 {
		t.Errorf("%d labels; %q %q", n, s.problem.title.value, s.status.words.value)
	}
}

// TestImport_Dialog lists the formats, and Escape closes it.
func TestImport_Dialog(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	if got := labelTitles(false); len(got) < 20 || got[0] != byContent {
		t.Errorf("formats: %v", got)
	}
	s.run("file.importGeoJSON")
	s.settle()
	if s.win.Canvas().Overlays().Top() == nil {
		t.Fatal("no dialog")
	}
	s.key(fyne.KeyEscape)
	if s.win.Canvas().Overlays().Top() != nil {
		t.Error("Escape does not close it")
	}
	if got := withEnding("/a/b.geojson.gz", ".xml"); got != "/a/b.xml" {
		t.Errorf("ending: %s", got)
	}
}
