package window

import (
	"image"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
)

// rowsGrab paints every row by its number from the window's upper edge.
func rowsGrab(height int) Grab {
	return func(_, y, w, h int, rgba []byte) bool {
		for row := range h {
			for i := range 4 * w {
				rgba[4*w*row+i] = byte(height - 1 - y - row)
			}
		}
		return true
	}
}

// paint walks the window as Fyne does to paint a frame.
func (m *paintMark) paint() {
	m.MinSize()
	m.Position()
	m.Visible()
	m.MinSize()
	m.Position()
	m.Visible()
}

// movement is a window whose slide moves frame by frame, by the test's own clock.
type movement struct {
	*stage
	clock time.Time
	now   *stills
}

func newMovement(t *testing.T) *movement {
	t.Helper()
	s := newStage(t, Options{Grab: rowsGrab(800)}).withSlides(1)
	m := &movement{s, time.Unix(1000, 0), s.stills}
	m.now.now = func() time.Time { return m.clock }
	m.now.stale, m.now.moves, m.now.last = false, 0, m.clock
	c := s.win.Canvas()
	_, height := c.PixelCoordinateForPosition(fyne.NewPos(0, c.Size().Height))
	m.now.grab = rowsGrab(height)
	return m
}

// frame is one in which the slide moves.
func (m *movement) frame() {
	m.clock = m.clock.Add(16 * time.Millisecond)
	m.now.moved()
	m.now.tick()
	m.now.mark.paint()
}

// pictures counts the panels that are painted as pictures.
func (m *movement) pictures() (n int) {
	m.t.Helper()
	for _, p := range m.now.panels {
		if o := test.WidgetRenderer(p).Objects(); len(o) == 2 && o[0] == p.picture {
			n++
		} else if len(o) != 1 || o[0] != p.content {
			m.t.Fatalf("a panel shows %v", o)
		}
	}
	return n
}

// While the slide moves the panels are the pictures of what they showed, upright.
func TestStills_PicturesWhileTheSlideMoves(t *testing.T) {
	s := newMovement(t)
	s.frame()
	if s.pictures() != len(s.now.panels) || len(s.now.panels) != 5 {
		t.Fatalf("%d of %d panels are pictures", s.pictures(), len(s.now.panels))
	}
	c := s.win.Canvas()
	for i, p := range s.now.panels {
		at := fyne.CurrentApp().Driver().AbsolutePositionForObject(p)
		x0, y0 := c.PixelCoordinateForPosition(at)
		x1, y1 := c.PixelCoordinateForPosition(at.Add(p.Size()))
		m := p.picture.Image.(*image.RGBA)
		x0, y0 = max(0, x0), max(0, y0) // a panel may reach beyond the window
		if m.Rect.Dx() != x1-x0 || m.Rect.Dy() != y1-y0 {
			t.Errorf("panel %d: a picture of %v for %d × %d pixels", i, m.Rect, x1-x0, y1-y0)
		}
		for _, y := range []int{0, m.Rect.Dy() / 2, m.Rect.Dy() - 1} {
			if got := m.RGBAAt(m.Rect.Dx()/2, y); got.R != byte(y0+y) || got.A != 255 {
				t.Errorf("panel %d: row %d of the window holds %v", i, y0+y, got)
			}
		}
	}
}

// Whoever comes to a panel finds it live, and so does everybody once the slide
// rests; what came from the background is shown after a moment.
func TestStills_LiveAgain(t *testing.T) {
	s := newMovement(t)
	st := s.now
	s.frame()
	s.frame()
	st.changed()
	s.frame()
	if !st.frozen {
		t.Error("live at once: a job's progress would make every frame dear")
	}
	s.clock = s.clock.Add(stillLeast)
	st.moved()
	st.tick()
	if st.frozen || !st.wanted {
		t.Error("what changed is not looked at")
	}
	st.mark.paint()
	if s.pictures() != len(s.now.panels) {
		t.Error("no new pictures")
	}
	for _, p := range st.panels { // the picture comes into the content's place
		test.WidgetRenderer(p).Layout(p.Size())
	}
	if st.stale {
		t.Error("a panel of the same size counts as changed")
	}

	st.panels[0].cover.MouseIn(nil)
	if s.pictures() != 0 {
		t.Error("a picture under the mouse")
	}
	for range stillWoken + 1 {
		s.frame()
	}
	if s.pictures() != len(s.now.panels) {
		t.Error("the movement that goes on is not seen")
	}
	s.clock = s.clock.Add(stillAfter + 1)
	st.tick()
	if s.pictures() != 0 || !st.running {
		t.Error("the slide rests, the panels stay pictures")
	}
	st.moved() // moving on soon after, the pictures are still good
	st.tick()
	if s.pictures() != len(s.now.panels) || st.wanted {
		t.Error("good pictures are taken anew")
	}
	s.clock = s.clock.Add(stillRest + 1)
	st.tick()
	if s.pictures() != 0 || st.running {
		t.Error("the slide rests, the panels stay pictures")
	}
	st.moved() // nothing was painted meanwhile
	if s.pictures() != len(s.now.panels) || st.wanted {
		t.Error("good pictures are taken anew")
	}
	s.clock = s.clock.Add(stillAfter + 1)
	st.tick()
	st.mark.paint() // perhaps for a panel
	st.moved()
	st.tick()
	if s.pictures() != 0 || !st.wanted {
		t.Error("pictures of what was are shown")
	}
	st.mark.paint()
	if s.pictures() != len(s.now.panels) {
		t.Error("no new pictures")
	}
	s.run("view.grid")
	if s.pictures() != 0 {
		t.Error("a command leaves pictures")
	}
}

// Where nothing can be read the panels stay live, and are what they were.
func TestStills_NoneWithoutGrab(t *testing.T) {
	s := newStage(t, Options{})
	if s.dock.left != fyne.CanvasObject(s.left) || len(s.stills.panels) != 0 {
		t.Error("a panel is wrapped")
	}
	s.stills.moved()
	if s.stills.running {
		t.Error("frames are counted")
	}
	fails := newStage(t, Options{Grab: func(_, _, _, _ int, _ []byte) bool { return false }})
	for range 5 {
		fails.stills.moved()
		fails.stills.tick()
		fails.stills.mark.paint()
	}
	for _, p := range fails.stills.panels {
		if o := test.WidgetRenderer(p).Objects(); len(o) != 1 || o[0] != p.content {
			t.Errorf("nothing was read, and %v is shown", o)
		}
	}
}

// A hit test is no painting.
func TestPaintMark_HitTestIsNoPainting(t *testing.T) {
	n := 0
	m := &paintMark{painted: func() { n++ }}
	m.reset()
	m.Visible()
	m.Position()
	m.Visible()
	m.Size()
	m.MinSize()
	m.Position()
	m.Visible()
	if n != 0 || m.done {
		t.Errorf("%d paintings", n)
	}
	m.reset()
	m.paint()
	if n != 1 || !m.done {
		t.Errorf("%d paintings of one frame", n)
	}
}
