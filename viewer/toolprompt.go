package viewer

import (
	"image/color"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"coverslip/annotate"
)

// Prompt is what a person pointed at, for a network that outlines it.
type Prompt struct {
	On, Beside []annotate.Point // level-0 pixels: what is meant, and what is not
	Box        *annotate.Box    // level-0 pixels; nil = none
}

// Empty tells whether nothing was pointed at.
func (p Prompt) Empty() bool { return len(p.On)+len(p.Beside) == 0 && p.Box == nil }

// SetOutline shows the answer to the last prompt; words say how good it is, or
// what it waits for. A shape without points shows the words alone.
func (v *Viewer) SetOutline(roi annotate.ROI, words string) {
	if t, ok := v.tool.(*promptTool); ok && t.busy() {
		t.shown, t.words = roi, words
		v.touchHint()
	}
}

// ForgetPrompt drops what was pointed at.
func (v *Viewer) ForgetPrompt() {
	if t, ok := v.tool.(*promptTool); ok {
		t.cancel()
	}
}

// promptTool points: a click is what is meant, with Alt or the other button what
// is not, a drag is a box around it. Each sends the whole prompt; Enter accepts the
// outline that is shown.
type promptTool struct {
	idle
	v      *Viewer
	prompt Prompt
	order  []byte // '+', '-' and 'b', in the order they were made
	corner annotate.Point
	pulled *annotate.Box // while it is dragged
	down   bool
	shown  annotate.ROI
	words  string
}

var (
	promptOn     = color.NRGBA{R: 20, G: 150, B: 60, A: 255}
	promptBeside = color.NRGBA{R: 200, G: 40, B: 40, A: 255}
)

// leastBox is the least side of a box, Fyne units: less was meant as a click.
const leastBox = 6.0

func (t *promptTool) hint() string {
	switch {
	case !t.busy():
		return "Point and outline — click: what you mean · drag: a box around it · Space+drag: move the slide · 1–9: class"
	case t.shown.Vertices() == 0:
		return "Point and outline — waiting for the outline · click: more of it · Alt or right click: not this · Esc: cancel"
	}
	return "Point and outline — Enter: accept · click: more of it · Alt or right click: not this · Backspace: take back · Esc: cancel"
}

func (*promptTool) cursor() desktop.Cursor { return desktop.CrosshairCursor }

func (t *promptTool) busy() bool { return !t.prompt.Empty() || t.pulled != nil }

func (t *promptTool) press(e pointer) bool {
	t.down, t.corner, t.pulled = true, t.v.onSlide(e.p), nil
	if !t.busy() {
		t.v.chose(nil) // what is outlined is a new annotation
	}
	return true
}

func (t *promptTool) drag(e pointer) {
	if !t.down || e.alt {
		return
	}
	q := t.v.onSlide(e.p)
	t.pulled = &annotate.Box{MinX: math.Min(t.corner.X, q.X), MinY: math.Min(t.corner.Y, q.Y), MaxX: math.Max(t.corner.X, q.X), MaxY: math.Max(t.corner.Y, q.Y)}
	t.v.touch()
}

func (t *promptTool) release(e pointer, dragged bool) {
	if !t.down {
		return
	}
	t.down = false
	b := t.pulled
	t.pulled = nil
	if least := t.v.l0(leastBox); b != nil && b.Width() >= least && b.Height() >= least {
		t.prompt.Box = b
		t.added('b')
		return
	}
	t.point(t.v.onSlide(e.p), e.alt)
}

// other is a click of the other button of the mouse: what is not meant.
func (t *promptTool) other(e pointer) bool {
	if !t.busy() { // nothing to take away from: the menu may come
		return false
	}
	t.point(t.v.onSlide(e.p), true)
	return true
}

func (t *promptTool) point(p annotate.Point, beside bool) {
	if beside {
		t.prompt.Beside = append(t.prompt.Beside, p)
		t.added('-')
	} else {
		t.prompt.On = append(t.prompt.On, p)
		t.added('+')
	}
}

func (t *promptTool) added(what byte) {
	t.order = append(t.order, what)
	t.tell()
}

// tell sends the prompt as it is now.
func (t *promptTool) tell() {
	t.v.touchHint()
	if t.v.OnPrompt == nil {
		return
	}
	p := Prompt{On: append([]annotate.Point(nil), t.prompt.On...), Beside: append([]annotate.Point(nil), t.prompt.Beside...)}
	if t.prompt.Box != nil {
		b := *t.prompt.Box
		p.Box = &b
	}
	t.v.OnPrompt(p)
}

func (t *promptTool) key(name fyne.KeyName) bool {
	if !t.busy() {
		return false
	}
	switch name {
	case fyne.KeyReturn, fyne.KeyEnter:
		if t.shown.Vertices() > 0 && t.v.OnAcceptOutline != nil {
			t.v.OnAcceptOutline()
		}
	case fyne.KeyBackspace:
		t.back()
	case fyne.KeyEscape:
		t.cancel()
		if t.v.OnPrompt != nil {
			t.v.OnPrompt(Prompt{})
		}
	default:
		return false
	}
	return true
}

// back takes back what was added last.
func (t *promptTool) back() {
	if len(t.order) == 0 {
		return
	}
	last := t.order[len(t.order)-1]
	t.order = t.order[:len(t.order)-1]
	switch last {
	case '+':
		t.prompt.On = t.prompt.On[:len(t.prompt.On)-1]
	case '-':
		t.prompt.Beside = t.prompt.Beside[:len(t.prompt.Beside)-1]
	case 'b':
		t.prompt.Box = nil
	}
	if t.prompt.Empty() {
		t.shown, t.words = annotate.ROI{}, ""
	}
	t.tell()
}

func (t *promptTool) cancel() {
	t.prompt, t.order, t.pulled, t.down = Prompt{}, nil, nil, false
	t.shown, t.words = annotate.ROI{}, ""
	t.v.touchHint()
}

func (t *promptTool) draw(l *live) {
	if !t.busy() {
		return
	}
	c := t.v.drawColor()
	if t.shown.Vertices() > 0 {
		l.roi(&t.shown, c, liveLines)
	}
	for _, b := range []*annotate.Box{t.prompt.Box, t.pulled} {
		if b != nil {
			r := annotate.Rectangle(b.MinX, b.MinY, b.MaxX, b.MaxY)
			l.roi(&r, handleRim, 8)
		}
	}
	for _, p := range t.prompt.On {
		l.square(l.pixelOf(p), promptOn, handleColor)
	}
	for _, p := range t.prompt.Beside {
		l.square(l.pixelOf(p), promptBeside, handleColor)
	}
	if t.words != "" {
		l.text(l.pixelOf(t.last()), t.words)
	}
}

// last is where words about the answer stand: at what was pointed at last.
func (t *promptTool) last() annotate.Point {
	for i := len(t.order) - 1; i >= 0; i-- {
		switch {
		case t.order[i] == '+' && len(t.prompt.On) > 0:
			return t.prompt.On[len(t.prompt.On)-1]
		case t.order[i] == '-' && len(t.prompt.Beside) > 0:
			return t.prompt.Beside[len(t.prompt.Beside)-1]
		case t.prompt.Box != nil:
			return annotate.Point{X: t.prompt.Box.MaxX, Y: t.prompt.Box.MaxY}
		}
	}
	return t.corner
}
