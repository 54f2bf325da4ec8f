package window

import (
	"context"
	"hash/fnv"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"coverslip/annotate"
	"coverslip/models/modeltest"
	"coverslip/tiles/tiffwrite"
)

// The test slide: 1344 × 900 pixels at 1 µm, three upright bands of 384 pixels
// with colours of their own, and glass to the right.
const bandW = 384

var bandColors = [3]color.RGBA{{110, 60, 150, 255}, {225, 150, 190, 255}, {150, 110, 100, 255}}

func paintBands(_ context.Context, x0, y0 int, dst *image.RGBA) error {
	for y := range dst.Rect.Dy() {
		for x := range dst.Rect.Dx() {
			c := color.RGBA{244, 242, 245, 255}
			if band := (x0 + x) / bandW; band < len(bandColors) {
				c = bandColors[band]
				h := fnv.New32a()
				h.Write([]byte{byte((x0 + x) / 3), byte((x0 + x) / 768), byte((y0 + y) / 3), byte((y0 + y) / 768)})
				n := int(h.Sum32()%31) - 15
				c.R, c.G, c.B = uint8(int(c.R)+n), uint8(int(c.G)+n), uint8(int(c.B)+n)
			}
			dst.SetRGBA(dst.Rect.Min.X+x, dst.Rect.Min.Y+y, c)
		}
	}
	return nil
}

// slideBytes is the file of the test slide, made once.
var slideBytes = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "coverslip-window-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "slide.svs")
	o := tiffwrite.Options{Width: 1344, Height: 900, Layout: tiffwrite.Aperio, MPP: 1, Objective: 10, Quality: 90, Smallest: 256}
	if err := tiffwrite.Write(context.Background(), path, o, paintBands); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

func writeSlide(t testing.TB, path string) string {
	t.Helper()
	b, err := slideBytes()
	if err == nil {
		err = os.WriteFile(path, b, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// stage is a window under test. What other goroutines hand to Fyne's goroutine
// waits until the test, which is that goroutine, runs it.
type stage struct {
	*Window
	t   testing.TB
	dir string

	mu     sync.Mutex // protects posted
	posted []func()
	timed  func(func()) // runs what is posted, when it is measured
}

func newStage(t testing.TB, o Options) *stage {
	t.Helper()
	s := &stage{t: t, dir: t.TempDir()}
	t.Setenv("XDG_DATA_HOME", filepath.Join(s.dir, "data"))
	a := test.NewTempApp(t)
	o.Suggest.Encoder = modeltest.New()
	if o.Session.Author == "" {
		o.Session.Author = "Ada"
	}
	w, err := newWindow(a, o, s.post)
	if err != nil {
		t.Fatal(err)
	}
	s.Window = w
	t.Cleanup(func() {
		s.closeProject()
		s.settle()
	})
	return s
}

func (s *stage) post(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.posted = append(s.posted, f)
}

// pump runs what was posted and tells whether there was anything.
func (s *stage) pump() bool {
	s.mu.Lock()
	todo := s.posted
	s.posted = nil
	s.mu.Unlock()
	for _, f := range todo {
		if s.timed != nil {
			s.timed(f)
		} else {
			f()
		}
	}
	return len(todo) > 0
}

// settle waits until nothing is left to do and the picture is complete.
func (s *stage) settle() {
	s.t.Helper()
	end := time.Now().Add(2 * time.Minute)
	for quiet := 0; quiet < 3; {
		if time.Now().After(end) {
			s.t.Fatal("the window did not come to rest within two minutes")
		}
		s.edits.wait()
		s.counts.wait()
		s.listing.wait()
		s.text.looking.wait()
		s.review.ranks.wait()
		s.review.reads.wait()
		s.prompter.work.wait()
		s.reads.wait()
		s.thumbReads.wait()
		s.channels.changes.wait()
		s.adjust.changes.wait()
		s.sheet.makes.wait()
		s.sheet.reads.wait()
		busy := s.pump()
		if s.session != nil && s.session.JobStatus().Running {
			busy = true
		}
		if s.Window.open != nil {
			s.viewer.Settle()
			busy = busy || !s.viewer.Settled()
		}
		if busy {
			quiet = 0
			time.Sleep(2 * time.Millisecond)
			continue
		}
		quiet++
		time.Sleep(time.Millisecond) // an event may be on its way to post
	}
}

// withSlide makes a project with the test slide and opens it.
func (s *stage) withSlide() *stage {
	s.t.Helper()
	slide := writeSlide(s.t, filepath.Join(s.dir, "bands.svs"))
	s.create(filepath.Join(s.dir, "trial.coverslip"), "Trial")
	s.settle()
	s.add([]string{slide})
	s.settle()
	if s.Window.open == nil {
		s.t.Fatalf("no slide is open; problem: %s: %s", s.problem.title.value, s.problem.cause)
	}
	return s
}

// label draws a label in each band, as a person would by hand.
func (s *stage) label() *stage {
	s.t.Helper()
	for band, name := range []string{"Tumour", "Stroma", "Necrosis"} {
		x := float64(band*bandW + 64)
		if _, err := s.session.Draw(annotate.Rectangle(x, 128, x+128, 256), s.classNamed(name)); err != nil {
			s.t.Fatal(err)
		}
	}
	s.settle()
	return s
}

func (s *stage) classNamed(name string) annotate.ID {
	s.t.Helper()
	c := s.session.Palette().ByName(name)
	if c == nil {
		s.t.Fatalf("no class %s", name)
	}
	return c.ID
}

// runes types characters where the keyboard is.
func (s *stage) runes(keys string) {
	s.t.Helper()
	for _, r := range keys {
		if f := s.win.Canvas().Focused(); f != nil {
			f.TypedRune(r)
		} else {
			s.win.Canvas().OnTypedRune()(r)
		}
		s.settle()
	}
}

// key presses a key with a name where the keyboard is.
func (s *stage) key(name fyne.KeyName) {
	s.t.Helper()
	if f := s.win.Canvas().Focused(); f != nil {
		f.TypedKey(&fyne.KeyEvent{Name: name})
	} else {
		s.win.Canvas().OnTypedKey()(&fyne.KeyEvent{Name: name})
	}
	s.settle()
}

// shortcut gives the canvas a shortcut as the driver would.
func (s *stage) shortcut(c fyne.Shortcut) {
	s.t.Helper()
	canvas, ok := s.win.Canvas().(fyne.Shortcutable)
	if !ok {
		s.t.Fatal("the canvas takes no shortcuts")
	}
	canvas.TypedShortcut(c)
	s.settle()
}

// drag drags the mouse over the viewer, shares of its size.
func (s *stage) drag(x0, y0, x1, y1 float32) {
	s.t.Helper()
	size := s.viewer.Size()
	at := fyne.CurrentApp().Driver().AbsolutePositionForObject(s.viewer).AddXY(x0*size.Width, y0*size.Height)
	dx, dy := (x1-x0)*size.Width, (y1-y0)*size.Height
	for range 4 { // Fyne's Drag is one step and an end; a person's has several
		s.viewer.Dragged(&fyne.DragEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(x0*size.Width+dx/4, y0*size.Height+dy/4), AbsolutePosition: at}, Dragged: fyne.NewDelta(dx/4, dy/4)})
		x0, y0 = x0+dx/4/size.Width, y0+dy/4/size.Height
	}
	s.viewer.DragEnd()
	s.settle()
}

// walk visits every visible object of the window, outermost first.
func walk(o fyne.CanvasObject, visit func(fyne.CanvasObject)) {
	if o == nil || !o.Visible() {
		return
	}
	visit(o)
	switch o := o.(type) {
	case *fyne.Container:
		for _, c := range o.Objects {
			walk(c, visit)
		}
	case fyne.Widget:
		for _, c := range test.WidgetRenderer(o).Objects() {
			walk(c, visit)
		}
	}
}

// counts of the session's objects on the open slide.
func (s *stage) decisions() (labels, accepted, rejected, reclassed int) {
	s.Window.open.Set.All(func(o *annotate.Object) bool {
		if o.Kind == annotate.Annotation {
			labels++
		}
		switch o.Review.Decision {
		case annotate.Accepted:
			accepted++
		case annotate.Rejected:
			rejected++
		case annotate.Reclassed:
			reclassed++
		}
		return true
	})
	return
}
