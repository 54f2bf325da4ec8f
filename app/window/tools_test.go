package window

import (
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"coverslip/annotate"
	"coverslip/viewer"
)

// shown is the objects of the open slide by kind.
func (s *stage) kinds() map[annotate.Kind]int {
	n := map[annotate.Kind]int{}
	s.Window.open.Set.All(func(o *annotate.Object) bool {
		n[o.ROI.Kind]++
		return true
	})
	return n
}

func TestWindow_ToolsDrawByKey(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	s.runes("o")
	s.drag(0.4, 0.4, 0.5, 0.5)
	s.runes("l")
	s.drag(0.55, 0.4, 0.65, 0.5)
	s.runes("m")
	s.drag(0.55, 0.55, 0.65, 0.6)
	s.runes("b")
	s.drag(0.3, 0.6, 0.4, 0.6)
	if k := s.kinds(); k[annotate.KindEllipse] != 1 || k[annotate.KindLine] != 2 || k[annotate.KindPolygon] != 1 {
		t.Fatalf("drew %v", k)
	}
	// The brush goes on with what it painted; the eraser takes from it.
	s.drag(0.4, 0.6, 0.45, 0.65)
	if k := s.kinds(); k[annotate.KindPolygon] != 1 {
		t.Errorf("the second stroke made another: %v", k)
	}
	before := s.chosen()[0].ROI.Area()
	s.runes("e")
	s.drag(0.42, 0.6, 0.42, 0.66)
	if after := s.chosen(); len(after) != 1 || after[0].ROI.Area() >= before {
		t.Errorf("the eraser left %v of %v", after, before)
	}
	rulers := 0
	s.Window.open.Set.All(func(o *annotate.Object) bool {
		if o.Meta[viewer.MetaMeasure] == "ruler" {
			rulers++
		}
		return true
	})
	if rulers != 1 {
		t.Errorf("%d rulers", rulers)
	}
}

func TestWindow_ShapeCommands(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	class := s.classNamed("Tumour")
	var ids []annotate.ID
	for _, r := range []annotate.ROI{annotate.Rectangle(100, 100, 200, 200), annotate.Rectangle(150, 150, 250, 250)} {
		id, err := s.session.Draw(r, class)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	s.settle()
	do := func(id string) {
		t.Helper()
		if !s.cmds.CanDo(id) {
			t.Fatalf("%s cannot be done", id)
		}
		s.run(id)
		s.settle()
		if s.problem.object.Visible() {
			t.Fatalf("%s: %s", id, s.problem.title.value)
		}
	}
	do("choose.class")
	if n := len(s.viewer.Selection()); n != 2 {
		t.Fatalf("%d chosen of the class", n)
	}
	do("clip.copy")
	do("area.union")
	if k := s.kinds(); k[annotate.KindPolygon] != 1 || s.chosen()[0].ID != ids[0] || s.chosen()[0].ROI.Area() != 17500 {
		t.Fatalf("merged: %v", k)
	}
	do("clip.paste")
	if k := s.kinds(); k[annotate.KindRectangle] != 2 {
		t.Errorf("pasted: %v", k)
	}
	do("edit.delete")
	do("choose.all")
	for _, id := range []string{"form.hull", "form.smooth", "form.simplify", "form.fill", "turn.right", "turn.left", "turn.mirror", "turn.flip", "clip.duplicate", "shape.lock", "shape.lock", "area.apart"} {
		do(id)
	}
	if n := s.Window.open.Set.Len(); n != 2 {
		t.Errorf("%d objects at the end, want the hull and its copy", n)
	}
	do("choose.invert")
	do("shape.measures")
	if s.win.Canvas().Overlays().Top() == nil {
		t.Error("no measures are shown")
	}
}

func TestWindow_MetaChanges(t *testing.T) {
	o := &annotate.Object{Meta: map[string]string{"grade": "2", "color": "#112233", "coverslip.x": "kept"}}
	if w := metaWords(o); w != "grade=2" {
		t.Errorf("%q", w)
	}
	set, err := metaChanges([]*annotate.Object{o}, "site = left; note=a=b", "D55E00")
	if err != nil || set["grade"] != "" || set["site"] != "left" || set["note"] != "a=b" || set["color"] != "#d55e00" {
		t.Errorf("%v %v", set, err)
	}
	if _, ok := set["coverslip.x"]; ok {
		t.Error("an attribute of the program is touched")
	}
	if set, err := metaChanges([]*annotate.Object{o}, several, several); err != nil || len(set) != 0 {
		t.Errorf("left alone: %v %v", set, err)
	}
	for _, bad := range [][2]string{{"grade", ""}, {"=2", ""}, {"", "red"}, {"", "#12"}} {
		if _, err := metaChanges([]*annotate.Object{o}, bad[0], bad[1]); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestWindow_ChangeKey(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	if err := s.changeKey("tool.ellipse", "y"); err != nil {
		t.Fatal(err)
	}
	s.runes("y")
	if s.viewer.Tool() != viewer.ToolEllipse {
		t.Errorf("Y gave %s", s.viewer.Tool())
	}
	if err := s.changeKey("tool.polygon", "R"); err != nil { // from the rectangle
		t.Fatal(err)
	}
	s.runes("r")
	if s.viewer.Tool() != viewer.ToolPolygon {
		t.Errorf("R gave %s", s.viewer.Tool())
	}
	if err := s.changeKey("tool.polygon", "Meta+R"); err == nil || !strings.Contains(err.Error(), "no key") {
		t.Errorf("a key that is none: %v", err)
	}
	if err := s.changeKey("area.hull", "Ctrl+Shift+Y"); err == nil {
		t.Error("an unknown command got a key")
	}
	if err := s.changeKey("form.hull", "Ctrl+Y"); err != nil {
		t.Fatal(err)
	}
	again, err := newWindow(s.app, Options{}, s.post)
	if err != nil {
		t.Fatal(err)
	}
	if c, _ := again.cmds.ByKey("Y"); c.ID != "tool.ellipse" {
		t.Errorf("after the next start Y is %q", c.ID)
	}
	if c, _ := again.cmds.Get("edit.redo"); c.Key != "" || c.AltKey != "Ctrl+Shift+Z" {
		t.Errorf("redo has %q and %q", c.Key, c.AltKey)
	}
}

func TestWindow_ClassLooks(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	c := *s.session.Palette().ByName("Stroma")
	c.Name = "Desmoplastic stroma"
	s.saveClass(c, classLook{Opacity: 0.4, Locked: true})
	s.settle()
	if got := s.session.Palette().ByName("Desmoplastic stroma"); got == nil || got.ID != c.ID {
		t.Fatal("the class has not its new name")
	}
	if l := readLooks(s.session)[c.ID]; l.Opacity != 0.4 || !l.Locked {
		t.Errorf("looks %+v", l)
	}
	if _, err := s.session.Draw(annotate.Rectangle(100, 100, 1200, 800), c.ID); err != nil {
		t.Fatal(err)
	}
	s.settle()
	s.key(fyne.KeyEscape)
	s.runes("v")
	size := s.viewer.Size()
	s.viewer.MouseDown(mouseAt(size.Width/2, size.Height/2))
	s.viewer.MouseUp(mouseAt(size.Width/2, size.Height/2))
	s.settle()
	if len(s.viewer.Selection()) != 0 {
		t.Error("a click took an object of a locked class")
	}
}

func mouseAt(x, y float32) *desktop.MouseEvent {
	e := &desktop.MouseEvent{Button: desktop.MouseButtonPrimary}
	e.Position = fyne.NewPos(x, y)
	return e
}
