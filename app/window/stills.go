package window

import (
	"image"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"
)

// When panels are shown as pictures.
const (
	stillWoken = 30                     // frames of movement in which they are live after a panel was used
	stillAfter = 150 * time.Millisecond // without a movement they are live again
	stillRest  = 700 * time.Millisecond // and then are painted so, if nothing had them painted before
	stillFor   = 5 * time.Second        // from one look at what a panel shows now to the next
	stillLeast = time.Second            // the same when it may have changed
)

// Grab reads what was painted so far of the frame that is being painted: width ×
// height device pixels from x, y, counted from the window's lower left corner, into
// rgba, the lowest row first. It is called on Fyne's goroutine in the midst of
// painting and answers false when it could not.
type Grab func(x, y, width, height int, rgba []byte) bool

// stills has the panels painted as one picture each while the slide moves. Fyne
// paints the whole window in every frame, and the panels are several hundred texts
// and icons that stay as they are: they cost several times as much as the slide.
// The picture is what the frame before showed, so nothing is seen of it. It is made
// anew when the panels were painted live since, when something was handed back from
// the background, and now and then.
//
// Everything belongs to Fyne's goroutine.
type stills struct {
	grab   Grab // nil: panels stay live
	canvas func() fyne.Canvas
	now    func() time.Time
	panels []*still
	mark   paintMark
	anim   *fyne.Animation

	elsewhere func() bool // the keyboard is in a panel or above the window

	running bool
	moves   int       // frames in which the slide moved; below 0 for a while after a panel was used
	last    time.Time // the last of them
	wanted  bool      // pictures are to be taken when this frame is painted
	frozen  bool
	painted bool      // the pictures were, last
	since   time.Time // the pictures were taken; zero: never
	stale   bool      // a panel may show something else by now
}

func newStills(grab Grab) *stills {
	s := &stills{grab: grab, now: time.Now}
	s.mark.painted = s.take
	s.anim = fyne.NewAnimation(time.Second, func(float32) { s.tick() })
	s.anim.RepeatCount = fyne.AnimationRepeatForever
	return s
}

// panel is o, as one of those that become pictures.
func (s *stills) panel(o fyne.CanvasObject) fyne.CanvasObject {
	if s.grab == nil {
		return o
	}
	p := &still{content: o, all: s, picture: &canvas.Image{ScaleMode: canvas.ImageScaleFastest, FillMode: canvas.ImageFillStretch}}
	p.cover = newStillCover(s.wake)
	p.ExtendBaseWidget(p)
	s.panels = append(s.panels, p)
	return p
}

// changed says that a panel may show something else.
func (s *stills) changed() { s.stale = true }

// moved is called for every frame in which the slide moves.
func (s *stills) moved() {
	if s.grab == nil {
		return
	}
	s.moves++
	s.last = s.now()
	if !s.running { // the first frame of a movement
		s.running = true
		s.anim.Start()
		s.tick()
	}
}

// wake makes the panels live until the slide has moved on for a while.
func (s *stills) wake() {
	s.moves, s.stale = -stillWoken, true
	s.live(s.frozen || s.painted)
}

// tick is called in every turn while the slide moves, before the painting.
func (s *stills) tick() {
	now := s.now()
	s.mark.reset()
	s.wanted = false
	age, rests := now.Sub(s.since), now.Sub(s.last)
	switch {
	case rests > stillRest:
		s.live(s.painted)
		s.running = false
		s.anim.Stop()
	case rests > stillAfter:
		// Painting them live costs several frames of movement, which may go on soon.
		s.live(s.stale)
		s.moves = min(s.moves, 0)
	case s.elsewhere():
		s.wake()
	case s.moves < 1:
	case s.frozen && s.stale && age <= stillLeast:
	case s.stale || age > stillFor:
		s.live(true)
		s.wanted = true
	case !s.frozen: // what they showed when the slide last moved
		s.freeze()
	}
}

// freeze shows the pictures there are.
func (s *stills) freeze() {
	s.frozen = true
	for _, p := range s.panels {
		p.frozen = p.picture.Image != nil
	}
}

// take is called when a frame was painted. If they are wanted it reads the panels
// from it; from the next one on they are pictures.
func (s *stills) take() {
	s.painted = s.frozen
	if !s.wanted {
		s.stale = s.stale || !s.frozen // it may have shown something new
		return
	}
	s.wanted = false
	c := s.canvas()
	width, height := c.PixelCoordinateForPosition(fyne.NewPos(c.Size().Width, c.Size().Height))
	for _, p := range s.panels {
		if !p.Visible() || !p.take(s.grab, c, width, height) {
			p.picture.Image = nil
		}
	}
	s.stale, s.since = false, s.now()
	s.freeze()
}

// live makes the panels live from the next frame on, and asks for one with repaint.
func (s *stills) live(repaint bool) {
	s.frozen = false
	for _, p := range s.panels {
		p.frozen = false
	}
	if c, ok := s.canvas().(interface{ SetDirty() }); ok && repaint {
		c.SetDirty()
	}
}

// still is a panel that can be painted as a picture of itself.
type still struct {
	widget.BaseWidget
	all     *stills
	content fyne.CanvasObject
	picture *canvas.Image
	cover   *stillCover
	frozen  bool
	least   fyne.Size // of the content, as last asked for
	laidOut fyne.Size // of the panel
}

// take reads what is in the window of the panel from what was painted; width and
// height are the window's, device pixels.
func (p *still) take(grab Grab, c fyne.Canvas, width, height int) bool {
	at := fyne.CurrentApp().Driver().AbsolutePositionForObject(p)
	x0, y0 := c.PixelCoordinateForPosition(at)
	x1, y1 := c.PixelCoordinateForPosition(at.Add(p.Size()))
	if x1 <= x0 || y1 <= y0 {
		return false
	}
	inside := image.Rect(x0, y0, x1, y1).Intersect(image.Rect(0, 0, width, height))
	w, h := inside.Dx(), inside.Dy()
	rows := make([]byte, 4*w*h)
	if len(rows) == 0 || !grab(inside.Min.X, height-inside.Max.Y, w, h, rows) {
		return false
	}
	m, ok := p.picture.Image.(*image.RGBA)
	if !ok || m.Rect.Dx() != w || m.Rect.Dy() != h {
		m = image.NewRGBA(image.Rect(0, 0, w, h))
	}
	for y := range h {
		row := m.Pix[y*m.Stride : y*m.Stride+4*w]
		copy(row, rows[4*w*(h-1-y):])
		for i := 3; i < len(row); i += 4 {
			row[i] = 255
		}
	}
	p.picture.Image = m
	size, unit := p.Size(), p.Size().Width/float32(x1-x0)
	if w < x1-x0 || h < y1-y0 {
		size = fyne.NewSize(float32(w)*unit, float32(h)*unit)
	}
	p.picture.Move(fyne.NewPos(float32(inside.Min.X-x0)*unit, float32(inside.Min.Y-y0)*unit))
	p.picture.Resize(size)
	p.picture.Refresh() // frees the texture of the picture before
	p.cover.Resize(p.Size())
	return true
}

// CreateRenderer implements fyne.Widget.
func (p *still) CreateRenderer() fyne.WidgetRenderer { return &stillRenderer{p} }

type stillRenderer struct{ p *still }

func (r *stillRenderer) Destroy() {}

func (r *stillRenderer) Refresh() {
	r.p.all.changed()
	r.p.content.Refresh()
}

// Layout is also called when the picture comes into the content's place.
func (r *stillRenderer) Layout(size fyne.Size) {
	if r.p.laidOut != size {
		r.p.laidOut = size
		r.p.all.changed()
	}
	r.p.content.Resize(size)
}

func (r *stillRenderer) MinSize() fyne.Size {
	if !r.p.frozen {
		r.p.least = r.p.content.MinSize()
	}
	return r.p.least
}

func (r *stillRenderer) Objects() []fyne.CanvasObject {
	if r.p.frozen {
		return []fyne.CanvasObject{r.p.picture, r.p.cover}
	}
	return []fyne.CanvasObject{r.p.content}
}

// stillCover lies over a panel that is a picture: whoever comes to it with the
// mouse finds it live.
type stillCover struct {
	widget.BaseWidget
	wake func()
}

func newStillCover(wake func()) *stillCover {
	c := &stillCover{wake: wake}
	c.ExtendBaseWidget(c)
	return c
}

// MouseIn implements desktop.Hoverable.
func (c *stillCover) MouseIn(*desktop.MouseEvent) { c.wake() }

// MouseMoved implements desktop.Hoverable.
func (c *stillCover) MouseMoved(*desktop.MouseEvent) { c.wake() }

// MouseOut implements desktop.Hoverable.
func (c *stillCover) MouseOut() {}

// CreateRenderer implements fyne.Widget.
func (c *stillCover) CreateRenderer() fyne.WidgetRenderer {
	return widget.NewSimpleRenderer(canvas.NewRectangle(nil))
}
