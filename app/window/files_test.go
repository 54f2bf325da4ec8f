package window

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/storage"

	"coverslip/annotate"
)

// browse waits until the dialog has listed and looked at what it shows.
func (s *stage) browse() {
	s.t.Helper()
	for range 400 {
		s.settle()
		if s.files == nil {
			return
		}
		s.files.reads.wait()
		s.settle()
		if !strings.HasPrefix(s.files.state.value, "Reading") && len(s.files.pending) == 0 {
			return
		}
	}
	s.t.Fatalf("the dialog did not come to rest: %s", s.files.state.value)
}

// TestFileDialog_ByKeysAlone: a folder is entered, a slide found, looked at and
// opened without the mouse; the folder is remembered for its purpose.
func TestFileDialog_ByKeysAlone(t *testing.T) {
	s := newStage(t, Options{})
	home := filepath.Join(s.dir, "home")
	deep := filepath.Join(home, "cohort")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	writeSlide(t, filepath.Join(deep, "b.svs"))
	for name, data := range map[string]string{"a.tif": "II*\x00nothing", "notes.txt": "x", ".hidden.svs": ""} {
		if err := os.WriteFile(filepath.Join(deep, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s.keepFolder(home)
	s.run("file.open")
	s.browse()
	if s.files == nil || len(s.files.shown) != 1 || !s.files.shown[0].Folder {
		t.Fatalf("the folder shows %+v", s.files.shown)
	}
	if s.win.Canvas().Focused() != fyne.Focusable(s.files.filter) {
		t.Fatal("the filter has no keyboard")
	}
	press := func(k fyne.KeyName) {
		s.files.filter.TypedKey(&fyne.KeyEvent{Name: k})
		s.browse()
	}
	press(fyne.KeyDown)
	press(fyne.KeyReturn)
	if s.files.dir != deep || len(s.files.shown) != 2 {
		t.Fatalf("in %s are %+v", s.files.dir, s.files.shown)
	}
	press(fyne.KeyBackspace)
	if s.files.dir != home || s.files.current != 0 {
		t.Fatalf("Backspace went to %s and chose %d", s.files.dir, s.files.current)
	}
	press(fyne.KeyReturn)
	press(fyne.KeyDown) // the file that is no slide
	if p := s.files.previews[filepath.Join(deep, "a.tif")]; !p.wrong || p.words == "" || !s.files.use.Disabled() {
		t.Errorf("a file that is no slide: %+v", p)
	}
	press(fyne.KeyReturn)
	if s.files == nil {
		t.Fatal("a file that cannot be opened was taken")
	}
	s.files.filter.SetText("b.s")
	s.browse()
	if p := s.files.previews[filepath.Join(deep, "b.svs")]; p.picture == nil || s.files.use.Disabled() {
		t.Errorf("the slide has no picture: %+v", p)
	}
	press(fyne.KeyReturn)
	s.settle()
	if s.files != nil || s.Window.open == nil || s.Window.open.Item.Name != "b.svs" {
		t.Fatalf("nothing was opened; problem %q", s.problem.title.value)
	}
	if got := s.folderFor("slide"); got != deep {
		t.Errorf("the next dialog begins in %s", got)
	}
	if got := s.folderFor("labels"); got == deep && got != s.app.Preferences().String(prefFolder) {
		t.Errorf("another purpose begins in %s", got)
	}
	s.run("file.open")
	s.browse()
	press(fyne.KeyEscape)
	if s.files != nil || s.win.Canvas().Focused() != fyne.Focusable(s.viewer) {
		t.Error("Escape does not give the keyboard back")
	}
}

func TestFileDialog_FolderThatIsNotThere(t *testing.T) {
	s := newStage(t, Options{})
	s.keepFolder(s.dir)
	s.run("file.openProject")
	s.browse()
	s.files.place.OnSubmitted(filepath.Join(s.dir, "nowhere"))
	s.browse()
	if !strings.Contains(s.files.state.value, "nowhere") {
		t.Errorf("the dialog says %q", s.files.state.value)
	}
	s.files.hide()
	s.settle()
}

const oneSquare = `{"type":"FeatureCollection","features":[{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[10,10],[90,10],[90,90],[10,90],[10,10]]]},"properties":{"objectType":"annotation","classification":{"name":"Tumour","color":[200,0,0]}}}]}`

// TestDrop_Labels: GeoJSON dropped on a pane goes onto that pane's slide, in one
// edit; without a slide, and read-only, it is told why not.
func TestDrop_Labels(t *testing.T) {
	s := newStage(t, Options{})
	file := filepath.Join(s.dir, "labels.geojson")
	if err := os.WriteFile(file, []byte(oneSquare), 0o644); err != nil {
		t.Fatal(err)
	}
	uris := []fyne.URI{storage.NewFileURI(file)}
	s.dropped(fyne.NewPos(5, 5), uris)
	s.settle()
	if !s.problem.object.Visible() {
		t.Error("nothing says that no slide is open")
	}
	s.withSlides(2)
	s.run("view.beside")
	s.quiet()
	at := fyne.CurrentApp().Driver().AbsolutePositionForObject(s.panes[0].viewer).AddXY(50, 50)
	s.dropped(at, uris)
	s.settle()
	a, b := s.panes[0].open.Set, s.panes[1].open.Set
	if a.Len() != 1 || b.Len() != 0 {
		t.Fatalf("%d and %d labels after dropping on the first pane; %q", a.Len(), b.Len(), s.problem.title.value)
	}
	a.All(func(o *annotate.Object) bool {
		if o.ROI.Bounds() != (annotate.Box{MinX: 10, MinY: 10, MaxX: 90, MaxY: 90}) {
			t.Errorf("the label lies at %v", o.ROI.Bounds())
		}
		return true
	})
	s.run("edit.undo")
	s.settle()
	if a.Len() != 0 {
		t.Error("one undo does not take the import back")
	}
	// A folder that is no model is told, and the encoder stays.
	model := filepath.Join(s.dir, "weights")
	if err := os.MkdirAll(model, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(model, "net.onnx"), []byte("no graph"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.problem.dismiss()
	s.dropped(at, []fyne.URI{storage.NewFileURI(model)})
	s.settle()
	if !s.problem.object.Visible() || s.opts.Suggest.Encoder == nil {
		t.Error("a broken model was taken, or nothing says why not")
	}
}
