package window

import (
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/storage"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"coverslip/annotate"
	"coverslip/app"
	"coverslip/viewer"
)

func TestWindow_Shows_InBothThemesAndSizes(t *testing.T) {
	for _, look := range []string{"dark", "light"} {
		for _, size := range [][2]float32{{1280, 800}, {1920, 1080}} {
			t.Run(fmt.Sprintf("%s-%.0f", look, size[0]), func(t *testing.T) {
				s := newStage(t, Options{Theme: look, Width: size[0], Height: size[1]})
				empty := s.win.Canvas().Capture()
				s.withSlide().label()
				s.run("suggest.run")
				s.settle()
				full := s.win.Canvas().Capture()
				if got := full.Bounds().Size(); got.X != int(size[0]) || got.Y != int(size[1]) {
					t.Fatalf("the window is %v", got)
				}
				if n := colours(full); n < 60 {
					t.Errorf("%d colours: the window is all but blank", n)
				}
				if colours(empty) < 10 {
					t.Error("the start page is blank")
				}
				ground := rgba(full.At(3, int(size[1])-40)) // of the left panel
				if dark := ground < 3*128; dark != (look == "dark") {
					t.Errorf("the panel's ground is %d of 765 in the %s theme", ground, look)
				}
				s.nothingCut()
				rows := float32(len(s.classes.shown))
				if size[1] < 1000 { // the suggestions need the room
					rows = 6
				}
				if got := s.classes.list.Size().Height; got < rows*classRow || got > (rows+1)*classRow {
					t.Errorf("%g rows of classes in %.0f units of height", rows, got)
				}
				if got := s.queue.list.Size().Height; got < 3*queueRow {
					t.Errorf("%.1f rows of suggestions", got/queueRow)
				}
				if dir := os.Getenv("COVERSLIP_SHOTS"); dir != "" {
					save(t, full, filepath.Join(dir, strings.ReplaceAll(t.Name(), "/", "_")+".png"))
				}
			})
		}
	}
}

func rgba(c interface {
	RGBA() (r, g, b, a uint32)
}) uint32 {
	r, g, b, _ := c.RGBA()
	return r>>8 + g>>8 + b>>8
}

func colours(im image.Image) int {
	seen := map[uint32]bool{}
	b := im.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y += 3 {
		for x := b.Min.X; x < b.Max.X; x += 3 {
			seen[rgba(im.At(x, y))] = true
		}
	}
	return len(seen)
}

// nothingCut fails for words that lost their end, where these are not a path
// or a file's name.
func (s *stage) nothingCut() {
	s.t.Helper()
	n := 0
	walk(s.root, func(o fyne.CanvasObject) {
		if b, ok := o.(*button); ok && !b.leading && b.Size().Width < b.MinSize().Width {
			s.t.Errorf("button %q is %.0f wide and needs %.0f", b.words, b.Size().Width, b.MinSize().Width)
		}
		line, ok := o.(*text)
		if !ok || line.shorten != nil || line.value == "" {
			return
		}
		n++
		if cut(line.value, line.Size().Width, line.size, line.style) != line.value && !strings.ContainsAny(line.value, `/\.`) {
			s.t.Errorf("%q does not fit into %.0f", line.value, line.Size().Width)
		}
	})
	if n < 60 {
		s.t.Errorf("only %d lines of text were seen", n)
	}
}

func TestWindow_Draw_ClassUndoRedo(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	s.runes("2r")
	if s.viewer.Tool() != viewer.ToolRectangle {
		t.Fatalf("R gave the tool %v", s.viewer.Tool())
	}
	s.drag(0.3, 0.3, 0.4, 0.45)
	objects := s.objects()
	if len(objects) != 1 || objects[0].ROI.Kind != annotate.KindRectangle || objects[0].Class != s.classNamed("Stroma") {
		t.Fatalf("drawn: %+v", objects)
	}
	if objects[0].By.Author != "Ada" {
		t.Errorf("author %q", objects[0].By.Author)
	}
	s.runes("1")
	if o := s.objects()[0]; o.Class != s.classNamed("Tumour") {
		t.Error("1 did not re-class the shape just drawn")
	}
	s.shortcut(&fyne.ShortcutUndo{})
	if o := s.objects()[0]; o.Class != s.classNamed("Stroma") {
		t.Error("undo did not take the class back")
	}
	if !strings.Contains(s.status.words.value, "Undone") {
		t.Errorf("the status says %q", s.status.words.value)
	}
	s.shortcut(&fyne.ShortcutUndo{})
	if n := len(s.objects()); n != 0 {
		t.Errorf("undo left %d objects", n)
	}
	s.shortcut(&fyne.ShortcutUndo{})
	if s.problem.object.Visible() {
		t.Error("nothing left to undo is no problem")
	}
	s.shortcut(&fyne.ShortcutRedo{})
	s.shortcut(shortcutOf("Ctrl+Shift+Z"))
	if o := s.objects(); len(o) != 1 || o[0].Class != s.classNamed("Tumour") {
		t.Errorf("redo gave %+v", o)
	}
	if n := s.survey.labels.Len(); n != 1 || s.labels.list.count != 1 {
		t.Errorf("the list shows %d of %d labels", s.labels.list.count, n)
	}
}

func (s *stage) objects() (list []*annotate.Object) {
	s.Window.open.Set.All(func(o *annotate.Object) bool { list = append(list, o); return true })
	return list
}

func TestWindow_ClassKey_WhileTheShapeIsOnItsWay(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	s.draw(annotate.Rectangle(10, 10, 90, 90))
	s.classKey("4") // before anything reached the disk
	s.settle()
	if o := s.objects(); len(o) != 1 || o[0].Class != s.session.Palette().ByKey("4").ID {
		t.Errorf("got %+v", o)
	}
}

func TestWindow_Review_ByKeys(t *testing.T) {
	s := newStage(t, Options{}).withSlide().label()
	s.runes("g")
	n := s.queue.waiting()
	if n < 20 {
		t.Fatalf("%d suggestions; problem: %s", n, s.problem.title.value)
	}
	if got := s.status.words.value; !strings.Contains(got, "learned from 3 labels") {
		t.Errorf("the status says %q", got)
	}
	first := s.queue.current
	if s.menuItems["suggest.accept"].Disabled {
		t.Error("the menu's Accept is grey")
	}
	if sel := s.viewer.Selection(); len(sel) != 1 || sel[0] != first {
		t.Fatalf("the viewer selects %v, the first suggestion is %v", sel, first)
	}
	where := s.viewer.Viewport()
	s.runes("a")
	if s.queue.current == first || s.queue.waiting() != n-1 {
		t.Error("A did not go on to the next suggestion")
	}
	if s.viewer.Viewport() == where {
		t.Error("the viewer did not fly to the next suggestion")
	}
	s.runes("xz")
	skipped := s.queue.waiting()
	s.runes("3")
	labels, accepted, rejected, reclassed := s.decisions()
	if labels != 3 || accepted+reclassed != 2 || rejected != 1 || skipped != n-2 {
		t.Errorf("%d labels, %d accepted, %d rejected, %d re-classed; %d left after the skip of %d", labels, accepted, rejected, reclassed, skipped, n)
	}
	if o := s.Window.open.Set.Get(first); o.Review.By != "Ada" || o.By.Model == "" || !o.By.Untrained {
		t.Errorf("provenance of the accepted one: %+v %+v", o.By, o.Review)
	}
	if !strings.Contains(s.queue.head.value, "2 taken · 1 rejected") {
		t.Errorf("the heading says %q", s.queue.head.value)
	}
	s.shortcut(&fyne.ShortcutUndo{})
	if s.queue.waiting() != n-2 {
		t.Error("undo did not bring the suggestion back")
	}
}

func TestWindow_Review_AcceptAbove(t *testing.T) {
	s := newStage(t, Options{}).withSlide().label()
	s.runes("g")
	s.threshold = 0.5
	want := 0
	for _, o := range s.queue.items {
		if o.By.Score >= 0.5 {
			want++
		}
	}
	if !s.cmds.Do("suggest.acceptAbove") {
		t.Fatal("not enabled")
	}
	s.settle()
	if _, accepted, _, _ := s.decisions(); accepted != want || want == 0 {
		t.Errorf("accepted %d, want %d", accepted, want)
	}
}

func TestWindow_Suggest_TooFewLabelsIsAProblemNotADialog(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	s.focus()
	s.runes("g")
	if !s.problem.object.Visible() || s.problem.title.value == "" || s.problem.hint.value == "" {
		t.Fatalf("no problem shown: %q %q", s.problem.title.value, s.problem.hint.value)
	}
	if s.win.Canvas().Focused() != fyne.Focusable(s.viewer) {
		t.Error("the problem took the keyboard away")
	}
	s.key(fyne.KeyEscape)
	if s.problem.object.Visible() {
		t.Error("Escape does not dismiss it")
	}
}

func TestWindow_NothingButTheViewerTakesTheFocus(t *testing.T) {
	s := newStage(t, Options{}).withSlide().label()
	s.runes("g")
	walk(s.root, func(o fyne.CanvasObject) {
		if _, ok := o.(fyne.Focusable); ok && o != fyne.CanvasObject(s.viewer) && o != fyne.CanvasObject(s.slides.filter) {
			t.Errorf("%T takes the focus: single keys would stop", o)
		}
	})
}

func TestWindow_Keys_BelongToTheEntryWhileTyping(t *testing.T) {
	s := newStage(t, Options{}).withSlide().label()
	s.runes("g")
	n := s.queue.waiting()
	s.shortcut(shortcutOf("Ctrl+K"))
	if _, ok := s.win.Canvas().Focused().(*paletteEntry); !ok {
		t.Fatalf("the palette's entry has no focus: %T", s.win.Canvas().Focused())
	}
	s.runes("axr")
	if s.queue.waiting() != n || s.viewer.Tool() != viewer.ToolPan {
		t.Error("typing in the palette ran commands")
	}
	s.key(fyne.KeyEscape)
	if s.win.Canvas().Overlays().Top() != nil || s.win.Canvas().Focused() != fyne.Focusable(s.viewer) {
		t.Error("Escape did not give the keyboard back to the slide")
	}
	s.shortcut(shortcutOf("Ctrl+K"))
	s.runes("polyg")
	s.key(fyne.KeyReturn)
	if s.viewer.Tool() != viewer.ToolPolygon {
		t.Error("the palette did not run what it found")
	}
}

func TestWindow_Commands_AllBoundAndReachable(t *testing.T) {
	s := newStage(t, Options{})
	if u := s.cmds.Unbound(); len(u) > 0 {
		t.Errorf("nothing is bound to %v", u)
	}
	for _, cmd := range s.cmds.All() {
		if item := s.menuItems[cmd.ID]; (item == nil) != cmd.Hidden {
			t.Errorf("%s: in the menu %v, hidden %v", cmd.ID, item != nil, cmd.Hidden)
		}
		for _, key := range []string{cmd.Key, cmd.AltKey} {
			if strings.HasPrefix(key, "Ctrl+") && shortcutOf(key) == nil {
				t.Errorf("%s: %s gives no shortcut", cmd.ID, key)
			}
		}
	}
	for _, m := range s.win.MainMenu().Items {
		for _, item := range m.Items {
			if !item.IsSeparator && item.Action == nil {
				t.Errorf("menu line %q does nothing", item.Label)
			}
		}
	}
	if !s.menuItems["edit.undo"].Disabled || s.menuItems["file.open"].Disabled {
		t.Error("with nothing open only opening makes sense")
	}
}

func TestWindow_Keys_PanelsOverlayAndTools(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	for name, shut := range map[fyne.KeyName]*bool{fyne.KeyF8: &s.dock.leftShut, fyne.KeyF9: &s.dock.rightShut} {
		width := s.viewer.Size().Width
		s.key(name)
		if !*shut || s.viewer.Size().Width <= width {
			t.Errorf("%s did not fold its panel: viewer %.0f, before %.0f", name, s.viewer.Size().Width, width)
		}
		s.key(name)
		if *shut || s.viewer.Size().Width != width {
			t.Errorf("%s did not unfold its panel", name)
		}
	}
	s.key(fyne.KeyTab)
	if s.viewer.OverlayVisible() {
		t.Error("Tab did not hide the annotations")
	}
	s.key(fyne.KeyTab)
	for r, tool := range map[rune]viewer.Tool{'h': viewer.ToolPan, 'v': viewer.ToolSelect, 'r': viewer.ToolRectangle, 'p': viewer.ToolPolygon} {
		s.runes(string(r))
		if s.viewer.Tool() != tool || !s.toolbar.tools[tool].active {
			t.Errorf("%c gave %v", r, s.viewer.Tool())
		}
	}
	s.key(fyne.KeyF1)
	if s.win.Canvas().Overlays().Top() == nil {
		t.Error("F1 shows no keys")
	}
	s.key(fyne.KeyEscape)
	if s.win.Canvas().Overlays().Top() != nil {
		t.Error("Escape does not close the keys")
	}
}

func TestWindow_Delete_AndSelectionFromTheList(t *testing.T) {
	s := newStage(t, Options{}).withSlide().label()
	s.labels.tapped(1, 0)
	s.settle()
	want := s.survey.labels.Brief(1).ID
	if sel := s.viewer.Selection(); len(sel) != 1 || sel[0] != want {
		t.Fatalf("selected %v, want %v", sel, want)
	}
	c := s.Window.open.Set.Get(want).ROI.Bounds()
	if v := s.viewer.Viewport(); v.CX < c.MinX || v.CX > c.MaxX || v.CY < c.MinY || v.CY > c.MaxY {
		t.Errorf("the view is at %.0f,%.0f, the label at %+v", v.CX, v.CY, c)
	}
	s.labels.tapped(2, fyne.KeyModifierShift)
	if n := len(s.viewer.Selection()); n != 2 {
		t.Errorf("Shift selected %d", n)
	}
	s.key(fyne.KeyDelete)
	if n := len(s.objects()); n != 1 {
		t.Errorf("%d objects after the deletion of two of three", n)
	}
}

func TestWindow_Classes_HideAndChoose(t *testing.T) {
	s := newStage(t, Options{}).withSlide().label()
	if s.survey.counts[s.classNamed("Stroma")] != 1 {
		t.Errorf("counts %v", s.survey.counts)
	}
	s.classes.toggle(s.classNamed("Stroma"))
	if !s.hidden[s.classNamed("Stroma")] {
		t.Error("not hidden")
	}
	s.classes.list.tapped(4, 0)
	if s.class != s.classes.shown[4].ID {
		t.Error("a click did not choose the class")
	}
}

func TestWindow_Reopen_EverythingIsThere(t *testing.T) {
	s := newStage(t, Options{}).withSlide().label()
	dir := s.session.Dir()
	if title := s.win.Title(); title != "bands.svs — Trial — Coverslip" {
		t.Errorf("title %q", title)
	}
	s.closeProject()
	s.settle()
	if s.win.Title() != "Coverslip" || !s.start.object.Visible() {
		t.Error("a closed project leaves its title or hides the start page")
	}
	s.Open(dir)
	s.settle()
	if s.Window.open == nil || len(s.objects()) != 3 {
		t.Fatalf("after reopening: %v", s.problem.cause)
	}
	s.cover.changed() // something was looked at since, and is not written yet
	s.Open(dir)       // while it is open
	s.settle()
	if s.Window.open == nil || len(s.objects()) != 3 || s.problem.object.Visible() {
		t.Errorf("opening what is open: %q %q", s.problem.title.value, s.problem.cause)
	}
}

func TestWindow_ReadOnly_ShowsAndRefuses(t *testing.T) {
	s := newStage(t, Options{}).withSlide().label()
	dir := s.session.Dir()
	s.opts.Session.ReadOnly = true
	s.closeProject()
	s.settle()
	s.Open(dir)
	s.settle()
	if !strings.Contains(s.win.Title(), "(read-only)") {
		t.Errorf("title %q", s.win.Title())
	}
	for _, id := range []string{"edit.undo", "tool.rectangle", "suggest.run", "file.addSlide"} {
		if s.cmds.CanDo(id) {
			t.Errorf("%s can be done in a read-only project", id)
		}
	}
	s.labels.tapped(0, 0)
	s.key(fyne.KeyDelete)
	s.runes("5")
	if len(s.objects()) != 3 || s.problem.object.Visible() {
		t.Errorf("%d objects, problem %q", len(s.objects()), s.problem.title.value)
	}
}

func TestWindow_Dropped_FilesAndFolders(t *testing.T) {
	s := newStage(t, Options{})
	slide := writeSlide(t, filepath.Join(s.dir, "dropped.svs"))
	s.dropped(fyne.NewPos(600, 400), []fyne.URI{storage.NewFileURI(slide)})
	s.settle()
	if s.Window.open == nil || s.Window.open.Item.Name != "dropped.svs" {
		t.Fatalf("a dropped slide was not opened: %s", s.problem.cause)
	}
	dir := s.session.Dir()
	s.create(filepath.Join(s.dir, "other.coverslip"), "Other")
	s.settle()
	s.dropped(fyne.NewPos(600, 400), []fyne.URI{storage.NewFileURI(slide)})
	s.settle()
	if s.session.Name() != "Other" || len(s.slides.items) != 1 {
		t.Errorf("a slide dropped on a project: %s has %d slides", s.session.Name(), len(s.slides.items))
	}
	s.dropped(fyne.NewPos(600, 400), []fyne.URI{storage.NewFileURI(dir)})
	s.settle()
	if s.session.Dir() != dir {
		t.Errorf("a dropped folder opened %s", s.session.Dir())
	}
}

func TestWindow_Exports_DatasetAndGeoJSON(t *testing.T) {
	s := newStage(t, Options{}).withSlide().label()
	out := filepath.Join(s.dir, "set")
	s.exportDataset(app.DatasetOptions{Out: out, Patch: 64, MPP: 1})
	s.settle()
	if _, err := os.Stat(filepath.Join(out, "manifest.csv")); err != nil {
		t.Errorf("%v; problem %q %q", err, s.problem.title.value, s.problem.cause)
	}
	file := filepath.Join(s.dir, "labels.geojson")
	s.exportLabels(file, app.LabelFile{})
	s.settle()
	if b, err := os.ReadFile(file); err != nil || strings.Count(string(b), `"Feature"`) < 3 {
		t.Errorf("%v: %.200s", err, b)
	}
	if got := s.status.words.value; !strings.HasSuffix(got, "3 labels to "+file) {
		t.Errorf("the status says %q", got)
	}
	if got := s.status.shorten("Wrote 3 labels to "+file, 200); !strings.HasPrefix(got, "Wrote 3") || !strings.HasSuffix(got, ".geojson") {
		t.Errorf("shortened: %q", got)
	}
	s.keepFolder(filepath.Join(s.dir, "elsewhere"))
	s.run("file.exportGeoJSON")
	entry, ok := s.win.Canvas().Focused().(*formEntry)
	if want := filepath.Join(s.dir, "bands.geojson"); !ok || entry.Text != want {
		t.Errorf("proposed %+v, want %s", entry, want)
	}
	s.key(fyne.KeyEscape)
	s.exportDataset(app.DatasetOptions{Out: out, Patch: 64, MPP: 1})
	s.settle()
	if !s.problem.object.Visible() {
		t.Error("exporting over a dataset is no problem?")
	}
}

func TestWindow_Dialogs_OpenAndClose(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	for _, id := range []string{"file.open", "file.openProject", "file.newProject", "file.addSlide", "file.exportDataset", "file.exportGeoJSON", "edit.author"} {
		s.run(id)
		s.settle()
		if s.win.Canvas().Overlays().Top() == nil {
			t.Errorf("%s shows no dialog", id)
			continue
		}
		s.runes("g") // under a dialog no command runs
		if s.session.JobStatus().Name != "" {
			t.Fatalf("%s: a key ran a command under the dialog", id)
		}
		s.key(fyne.KeyEscape)
		if s.win.Canvas().Overlays().Top() != nil {
			t.Errorf("%s: Escape does not close it", id)
		}
		if s.win.Canvas().Focused() != fyne.Focusable(s.viewer) {
			t.Errorf("%s: the keyboard did not come back to the slide", id)
		}
	}
}

func TestWindow_Author_IsWrittenBesideLabels(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	s.run("edit.author")
	entry, ok := s.win.Canvas().Focused().(*formEntry)
	if !ok {
		t.Fatalf("focus on %T", s.win.Canvas().Focused())
	}
	entry.SetText("")
	s.key(fyne.KeyReturn)
	if s.win.Canvas().Overlays().Top() == nil {
		t.Error("an empty name was taken")
	}
	entry.SetText("Grace")
	s.key(fyne.KeyReturn)
	s.draw(annotate.Rectangle(1, 1, 50, 50))
	s.settle()
	if o := s.objects(); len(o) != 1 || o[0].By.Author != "Grace" {
		t.Errorf("drawn by %+v", o)
	}
}

func TestWindow_Theme_IsRemembered(t *testing.T) {
	s := newStage(t, Options{Theme: "dark"})
	s.run("view.theme")
	if !s.light() || s.app.Preferences().String(prefTheme) != "light" {
		t.Error("the theme did not change or is not kept")
	}
	if c := themeColor(theme.ColorNameForeground); rgba(c) > 3*100 {
		t.Errorf("the foreground of the light theme is %v", c)
	}
}

func TestWindow_Fail_CancelledIsNoProblem(t *testing.T) {
	s := newStage(t, Options{})
	s.fail(nil)
	s.fail(fmt.Errorf("opening: %w", errCanceled()))
	if s.problem.object.Visible() {
		t.Error("a cancelled action is shown as a problem")
	}
	s.Problem(errors.New("the disk is full"))
	if !s.problem.object.Visible() {
		t.Error("an error is not shown")
	}
}

func TestWindow_EntriesAreKnown(t *testing.T) {
	for _, o := range []fyne.Focusable{widget.NewEntry(), newFormEntry(""), &paletteEntry{}} {
		if !isEntry(o) {
			t.Errorf("%T is an entry", o)
		}
	}
	s := newStage(t, Options{})
	if isEntry(s.viewer) || slices.Contains([]fyne.Focusable{s.viewer}, nil) {
		t.Error("the viewer is no entry")
	}
}
