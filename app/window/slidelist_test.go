package window

import (
	"fmt"
	"slices"
	"testing"

	"fyne.io/fyne/v2"

	"coverslip/annotate"
	"coverslip/storage"
)

// shownNames are the lines of the list of slides, a case with a star.
func (s *stage) shownNames() (names []string) {
	for _, line := range s.slides.lines {
		if g := line.group; g != nil {
			names = append(names, "*"+g.Case)
		} else {
			names = append(names, s.slides.items[line.item].Name)
		}
	}
	return names
}

func TestSlideList_FilterAndCases(t *testing.T) {
	s := newStage(t, Options{}).withSlides(3)
	for i, item := range s.slides.items {
		sl := item.Slide
		sl.Case = map[int]string{0: "S1", 1: "S2", 2: "S1"}[i]
		if err := s.session.UpdateSlide(sl); err != nil {
			t.Fatal(err)
		}
	}
	s.settle()
	want := func(names ...string) {
		t.Helper()
		if got := s.shownNames(); !slices.Equal(got, names) {
			t.Errorf("%q shows %q, want %q", s.slides.filter.Text, got, names)
		}
	}
	want("*S1", "bands1.svs", "bands3.svs", "*S2", "bands2.svs")
	s.slides.tapped(0, 0)
	want("*S1", "*S2", "bands2.svs")
	s.slides.tapped(0, 0)
	s.run("view.groupCases")
	want("bands1.svs", "bands2.svs", "bands3.svs")
	s.run("view.filterSlides")
	if s.win.Canvas().Focused() != fyne.Focusable(s.slides.filter) {
		t.Fatal("the filter has no keyboard")
	}
	s.slides.filter.SetText("bands3")
	want("bands3.svs")
	s.slides.filter.SetText("bands3 colour:red")
	want("bands1.svs", "bands2.svs", "bands3.svs")
	if !s.slides.wrong.Visible() {
		t.Error("nothing says that the filter is not understood")
	}
	s.slides.addTerm("reviewed:yes")
	s.slides.filter.SetText("reviewed:yes")
	want()
	s.run("view.markReviewed")
	s.settle()
	want("bands1.svs")
	s.slides.filter.SetText(`class:tumour`)
	want()
	if _, err := s.session.Draw(annotate.Rectangle(10, 10, 200, 200), s.classNamed("Tumour")); err != nil {
		t.Fatal(err)
	}
	s.settle()
	s.slides.arrange()
	want("bands1.svs")
	s.slides.filter.SetText("bands2")
	s.slides.filter.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	s.settle()
	if s.Window.open.Item.Name != "bands2.svs" {
		t.Errorf("Enter opened %s", s.Window.open.Item.Name)
	}
	s.run("view.filterSlides")
	s.slides.filter.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape})
	if s.slides.filter.Text != "" || s.win.Canvas().Focused() != fyne.Focusable(s.viewer) {
		t.Error("Escape neither empties the filter nor gives the keyboard back")
	}
}

// TestSlideList_Thousands: ten thousand slides cost as many rows as are seen, to
// show, to filter and to scroll.
func TestSlideList_Thousands(t *testing.T) {
	s := newStage(t, Options{}).withSlides(1)
	one := s.slides.items[0]
	s.slides.items = nil
	for i := range 10_000 {
		item := one
		item.ID, item.Missing = annotate.NewID(), true
		item.Slide = storage.Slide{ID: item.ID, Name: fmt.Sprintf("S%05d.svs", i), Case: fmt.Sprintf("C%04d", i/4)}
		s.slides.items = append(s.slides.items, item)
	}
	s.slides.update()
	if n := len(s.slides.lines); n != 12_500 {
		t.Fatalf("%d lines of 10,000 slides of 2,500 cases", n)
	}
	s.slides.list.Reveal(9000)
	if n := len(s.slides.list.body.used); n > 40 {
		t.Errorf("%d rows exist", n)
	}
	s.slides.filter.SetText("s0123")
	if n := len(s.slides.lines); n != 10+3 { // of three cases
		t.Errorf("%d lines of ten slides", n)
	}
}

// lines of the menu that is shown, with a minus before those that are off.
func (s *stage) menuLines() (words []string) {
	s.t.Helper()
	if s.menuShown == nil || !s.menuShown.Visible() {
		s.t.Fatal("no menu is shown")
	}
	for _, o := range s.menuShown.Items {
		if _, ok := o.(fyne.Widget); ok {
			words = append(words, fmt.Sprintf("%T", o))
		}
	}
	return words
}

func TestContextMenus(t *testing.T) {
	s := newStage(t, Options{}).withSlide().label()
	find := func(items []*fyne.MenuItem, words string) *fyne.MenuItem {
		t.Helper()
		for _, i := range items {
			if i.Label == words {
				return i
			}
		}
		t.Fatalf("no line %q", words)
		return nil
	}
	// On the slide where nothing is, and on an annotation.
	s.viewer.OnMenu(annotate.Point{X: 20, Y: 20}, fyne.NewPos(500, 400))
	if len(s.menuLines()) < 8 {
		t.Errorf("the slide's menu has %d lines", len(s.menuLines()))
	}
	s.menuShown.OnDismiss()
	if s.win.Canvas().Focused() != fyne.Focusable(s.viewer) {
		t.Error("the menu kept the keyboard")
	}
	on := annotate.Point{X: 100, Y: 200}
	o := s.objectAt(on)
	if o == nil || o.Class != s.classNamed("Tumour") {
		t.Fatalf("under the pointer is %+v", o)
	}
	s.viewer.OnMenu(on, fyne.NewPos(500, 400))
	s.menuLines()
	if got := s.viewer.Selection(); len(got) != 1 || got[0] != o.ID {
		t.Errorf("the menu's annotation is not selected: %v", got)
	}
	s.menuShown.OnDismiss()
	find(find(s.objectMenu(o), "Class").ChildMenu.Items, "Stroma").Action()
	s.settle()
	if got := s.Window.open.Set.Get(o.ID).Class; got != s.classNamed("Stroma") {
		t.Error("the menu gave no class")
	}
	find(s.objectMenu(o), "Delete selection").Action()
	s.settle()
	if s.Window.open.Set.Get(o.ID) != nil {
		t.Error("the menu deleted nothing")
	}
	// On a slide's row, and on a class.
	s.slides.list.menu(0, fyne.NewPos(900, 790))
	s.menuLines()
	at := s.menuShown.Position()
	if size := s.win.Canvas().Size(); at.X < 0 || at.Y < 0 || at.X+s.menuShown.MinSize().Width > size.Width || at.Y+s.menuShown.MinSize().Height > size.Height {
		t.Errorf("the menu stands outside the window, at %v", at)
	}
	s.menuShown.OnDismiss()
	s.classes.list.menu(1, fyne.NewPos(1000, 120))
	s.menuLines()
	s.menuShown.OnDismiss()
	s.selectClass(s.classNamed("Stroma"))
	s.settle()
	if n := len(s.viewer.Selection()); n != 1 {
		t.Errorf("%d annotations of the class are selected", n)
	}
	// Nothing opens above a dialog.
	s.openAbout()
	last := s.menuShown
	s.slides.list.menu(0, fyne.NewPos(10, 10))
	if s.menuShown != last {
		t.Error("a menu opened above a dialog")
	}
}
