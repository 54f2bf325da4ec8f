package viewer

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"math"
	"sync"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"

	"coverslip/annotate"
	"coverslip/tiles"
)

// fakeSlide is a slide painted by a function of level-0 coordinates.
type fakeSlide struct {
	info   tiles.Info
	levels []tiles.Level
	at     func(l0X, l0Y float64) color.RGBA
}

func (s *fakeSlide) Info() *tiles.Info     { return &s.info }
func (s *fakeSlide) Levels() []tiles.Level { return s.levels }
func (s *fakeSlide) ICC() []byte           { return nil }
func (s *fakeSlide) Close() error          { return nil }
func (s *fakeSlide) AssociatedImage(context.Context, string) (*image.RGBA, error) {
	return nil, tiles.ErrNoAssociated
}

func (s *fakeSlide) ReadTile(_ context.Context, k tiles.Key, dst *image.RGBA) error {
	l := s.levels[k.Level]
	r := l.TileRect(k.Col, k.Row)
	for y := range r.Dy() {
		for x := range r.Dx() {
			c := s.at((float64(r.Min.X+x)+0.5)*l.Downsample, (float64(r.Min.Y+y)+0.5)*l.Downsample)
			p := dst.Pix[y*dst.Stride+4*x:]
			p[0], p[1], p[2], p[3] = c.R, c.G, c.B, c.A
		}
	}
	return nil
}

// newFakeSlide makes a slide that steps by 2 down to 512 pixels.
func newFakeSlide(w, h, tile int, at func(l0X, l0Y float64) color.RGBA) *fakeSlide {
	s := &fakeSlide{info: tiles.Info{MPPX: 0.25, MPPY: 0.25}, at: at}
	for d := 1; ; d *= 2 {
		s.levels = append(s.levels, tiles.Level{
			Width: max(1, w/d), Height: max(1, h/d), Downsample: float64(d), TileWidth: tile, TileHeight: tile,
		})
		if max(w/d, h/d) <= 512 {
			return s
		}
	}
}

// fakeSource holds tiles back until they are released.
type fakeSource struct {
	slide *fakeSlide
	mu    sync.Mutex
	tiles map[tiles.Key]*image.RGBA
	bad   map[tiles.Key]error
	wish  []tiles.Key
	wants int
}

func newFakeSource(s *fakeSlide) *fakeSource {
	return &fakeSource{slide: s, tiles: map[tiles.Key]*image.RGBA{}, bad: map[tiles.Key]error{}}
}

func (f *fakeSource) Slide() tiles.Slide { return f.slide }

func (f *fakeSource) Want(keys []tiles.Key) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wants++
	f.wish = append(f.wish[:0], keys...)
}

func (f *fakeSource) Get(k tiles.Key) (*image.RGBA, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	im, ok := f.tiles[k]
	return im, ok
}

func (f *fakeSource) Failed(k tiles.Key) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.bad[k]
}

func (f *fakeSource) Pending() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, k := range f.wish {
		if f.tiles[k] == nil && f.bad[k] == nil {
			n++
		}
	}
	return n
}

// deliver loads at most n wished tiles and tells how many it loaded.
func (f *fakeSource) deliver(n int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	did := 0
	for _, k := range f.wish {
		if did == n {
			break
		}
		if f.tiles[k] != nil || f.bad[k] != nil {
			continue
		}
		im := image.NewRGBA(image.Rectangle{Max: f.slide.levels[k.Level].TileRect(k.Col, k.Row).Size()})
		if err := f.slide.ReadTile(context.Background(), k, im); err != nil {
			f.bad[k] = err
		} else {
			f.tiles[k] = im
		}
		did++
	}
	return did
}

var errTorn = errors.New("tile is torn")

// pink is a slide of one colour, on which a seam or an overlay is plain to see.
func pink(float64, float64) color.RGBA { return color.RGBA{R: 230, G: 170, B: 200, A: 255} }

// waves is a slide whose colour tells the position.
func waves(l0X, l0Y float64) color.RGBA {
	return color.RGBA{
		R: uint8(128 + 100*math.Sin(l0X/700)), G: uint8(128 + 100*math.Sin(l0Y/900)),
		B: uint8(128 + 100*math.Sin((l0X+l0Y)/1100)), A: 255,
	}
}

// pictures leaves out, under the race detector, a test that is about pictures
// only: painting in software is ten times slower there, and what runs beside the
// UI is watched by the other tests.
func pictures(t *testing.T) {
	t.Helper()
	if raced {
		t.Skip("about pictures only")
	}
}

// stage is a viewer in a window of the test driver, with a clock of its own.
type stage struct {
	t   testing.TB
	v   *Viewer
	w   fyne.Window
	src *fakeSource
	now time.Time
}

// newStage shows a slide in a window of device pixels at scale 1.
func newStage(t testing.TB, slide *fakeSlide, w, h float32) *stage {
	t.Helper()
	test.NewTempApp(t)
	s := &stage{t: t, v: New(), now: time.Unix(1000, 0)}
	s.v.clock.now = func() time.Time { return s.now }
	s.w = test.NewTempWindow(t, s.v)
	s.w.SetPadded(false)
	s.w.Resize(fyne.NewSize(w, h))
	if slide != nil {
		s.src = newFakeSource(slide)
		s.v.SetSlide(s.src, &slide.info)
	}
	s.frame()
	return s
}

// frame lets one frame pass.
func (s *stage) frame() {
	s.now = s.now.Add(time.Second / 60)
	s.v.Tick()
}

// settle delivers tiles and waits for the overlay until nothing is awaited.
func (s *stage) settle() {
	s.t.Helper()
	for end := time.Now().Add(2 * time.Minute); ; {
		if s.src != nil {
			s.src.deliver(1000)
		}
		s.frame()
		if s.v.Settled() {
			return
		}
		if time.Now().After(end) {
			s.t.Fatal("the viewer does not come to rest")
		}
		if s.v.clock.more {
			time.Sleep(time.Millisecond) // the overlay's workers are real
		}
	}
}

// picture is the window as painted, after everything has arrived.
func (s *stage) picture() *image.NRGBA {
	s.t.Helper()
	s.settle()
	im, ok := s.w.Canvas().Capture().(*image.NRGBA)
	if !ok {
		s.t.Fatal("the painter gives another kind of image")
	}
	return im
}

// bare leaves nothing on the slide but tiles and objects.
func (s *stage) bare() {
	s.v.overview.on = false
	s.v.bar.objs = nil
}

// click presses and releases the main button at a position.
func (s *stage) click(x, y float32) {
	s.press(x, y)
	s.release(x, y)
}

func (s *stage) press(x, y float32) {
	e := mouse(x, y)
	s.v.MouseDown(e)
}

func (s *stage) release(x, y float32) {
	s.v.MouseUp(mouse(x, y))
	s.now = s.now.Add(time.Second) // the next press is no double click
}

// drag presses at the first position and moves through the others, releasing
// at the last.
func (s *stage) drag(at ...fyne.Position) {
	s.press(at[0].X, at[0].Y)
	for i := 1; i < len(at); i++ {
		s.now = s.now.Add(16 * time.Millisecond)
		e := &fyne.DragEvent{Dragged: fyne.NewDelta(at[i].X-at[i-1].X, at[i].Y-at[i-1].Y)}
		e.Position = at[i]
		s.v.Dragged(e)
	}
	last := at[len(at)-1]
	s.v.MouseUp(mouse(last.X, last.Y))
	s.v.DragEnd()
	s.now = s.now.Add(time.Second)
}

// fakeObjects is the plainest store of objects: everything is looked at.
type fakeObjects struct {
	mu   sync.Mutex
	list []*annotate.Object
}

func (f *fakeObjects) Get(id annotate.ID) *annotate.Object {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range f.list {
		if o.ID == id {
			return o
		}
	}
	return nil
}

func (f *fakeObjects) Search(b annotate.Box, yield func(*annotate.Object) bool) {
	f.mu.Lock()
	list := f.list
	f.mu.Unlock()
	for _, o := range list {
		q := o.ROI.Bounds()
		if q.MinX <= b.MaxX && q.MaxX >= b.MinX && q.MinY <= b.MaxY && q.MaxY >= b.MinY && !yield(o) {
			return
		}
	}
}

func (f *fakeObjects) At(p annotate.Point, _ float64) []*annotate.Object {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []*annotate.Object
	for _, o := range f.list {
		if o.ROI.Contains(p) {
			out = append(out, o)
		}
	}
	return out
}

var (
	classA = annotate.ID{1}
	classB = annotate.ID{2}
	colorA = color.NRGBA{R: 220, G: 30, B: 30, A: 255}
	colorB = color.NRGBA{R: 30, G: 90, B: 220, A: 255}
)

func palette() annotate.Palette {
	return annotate.Palette{{ID: classA, Name: "A", Color: colorA, Key: "1"}, {ID: classB, Name: "B", Color: colorB, Key: "2"}}
}

func label(class annotate.ID, roi annotate.ROI) *annotate.Object {
	return &annotate.Object{ID: annotate.NewID(), Kind: annotate.Annotation, Class: class, ROI: roi}
}

func suggestion(class annotate.ID, roi annotate.ROI) *annotate.Object {
	return &annotate.Object{ID: annotate.NewID(), Kind: annotate.Detection, Class: class, ROI: roi}
}

// same tells whether two pictures are equal byte by byte.
func same(a, b *image.NRGBA) bool { return a.Rect == b.Rect && bytes.Equal(a.Pix, b.Pix) }

// off is the largest difference of a component between two colours.
func off(a, b color.NRGBA) int {
	d := func(x, y uint8) int { return max(int(x)-int(y), int(y)-int(x)) }
	return max(d(a.R, b.R), d(a.G, b.G), d(a.B, b.B))
}

// mouse is an event of the main button.
func mouse(x, y float32) *desktop.MouseEvent {
	e := &desktop.MouseEvent{Button: desktop.MouseButtonPrimary}
	e.Position = fyne.NewPos(x, y)
	return e
}
