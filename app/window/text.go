package window

import (
	"image/color"
	"math"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// text is one line in a colour of the theme; too long for its place, it ends in
// an ellipsis. It is tighter than widget.Label and costs one canvas object.
type text struct {
	widget.BaseWidget
	value string
	size  float32
	color fyne.ThemeColorName
	style fyne.TextStyle
	align fyne.TextAlign
	width float32 // least width; 0: as wide as the text

	// shorten makes what is shown of a text too long for its place; nil cuts it
	// with an ellipsis.
	shorten func(value string, width float32) string
}

func newText(value string, size float32, c fyne.ThemeColorName) *text {
	t := &text{value: value, size: size, color: c}
	t.ExtendBaseWidget(t)
	return t
}

func boldText(value string, size float32) *text {
	t := newText(value, size, theme.ColorNameForeground)
	t.style.Bold = true
	return t
}

// fixed gives the line a least width that does not follow its text, so that
// long text is cut instead of pushing its neighbours.
func (t *text) fixed(width float32) *text {
	t.width = width
	return t
}

func (t *text) trailing() *text {
	t.align = fyne.TextAlignTrailing
	return t
}

// Set changes the line; nothing is drawn again when it is the same.
func (t *text) Set(value string) {
	if t.value != value {
		t.value = value
		t.Refresh()
	}
}

// SetColor changes the colour by its name in the theme.
func (t *text) SetColor(c fyne.ThemeColorName) {
	if t.color != c {
		t.color = c
		t.Refresh()
	}
}

// CreateRenderer implements fyne.Widget.
func (t *text) CreateRenderer() fyne.WidgetRenderer {
	r := &textRenderer{t: t, line: canvas.NewText("", color.Transparent)}
	r.Refresh()
	return r
}

type textRenderer struct {
	t    *text
	line *canvas.Text
}

func (r *textRenderer) Destroy()                     {}
func (r *textRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.line} }

func (r *textRenderer) MinSize() fyne.Size {
	value := r.t.value
	if r.t.shorten != nil {
		value = r.t.shorten(value, math.MaxFloat32)
	}
	m := fyne.MeasureText(value, r.t.size, r.t.style)
	if r.t.width > 0 {
		m.Width = r.t.width
	}
	return m
}

func (r *textRenderer) Layout(s fyne.Size) {
	shown := ""
	if r.t.shorten != nil {
		shown = r.t.shorten(r.t.value, s.Width)
	} else {
		shown = cut(r.t.value, s.Width, r.t.size, r.t.style)
	}
	if shown != r.line.Text {
		r.line.Text = shown
		r.line.Refresh()
	}
	m := r.line.MinSize()
	x := float32(0)
	switch r.t.align {
	case fyne.TextAlignTrailing:
		x = s.Width - m.Width
	case fyne.TextAlignCenter:
		x = (s.Width - m.Width) / 2
	}
	r.line.Move(fyne.NewPos(x, (s.Height-m.Height)/2))
	r.line.Resize(m)
}

func (r *textRenderer) Refresh() {
	r.line.TextSize, r.line.TextStyle, r.line.Color = r.t.size, r.t.style, themeColor(r.t.color)
	r.line.Text = ""
	r.Layout(r.t.Size())
	canvas.Refresh(r.line)
}

// cut shortens a line to a width, with an ellipsis at its end.
func cut(s string, width, size float32, style fyne.TextStyle) string {
	if s == "" || width <= 0 || fyne.MeasureText(s, size, style).Width <= width+0.5 {
		return s
	}
	runes := []rune(s)
	lo, hi := 0, len(runes)
	for lo < hi {
		mid := (lo + hi + 1) / 2
		if fyne.MeasureText(string(runes[:mid])+"…", size, style).Width <= width {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	if lo == 0 {
		return ""
	}
	return string(runes[:lo]) + "…"
}

// cutMiddle shortens a line to a width, with an ellipsis in its middle.
func cutMiddle(s string, width, size float32) string {
	if s == "" || width <= 0 || fyne.MeasureText(s, size, fyne.TextStyle{}).Width <= width+0.5 {
		return s
	}
	runes := []rune(s)
	keep := func(n int) string { return string(runes[:n/2]) + "…" + string(runes[len(runes)-(n-n/2):]) }
	lo, hi := 0, len(runes)-1
	for lo < hi {
		mid := (lo + hi + 1) / 2
		if fyne.MeasureText(keep(mid), size, fyne.TextStyle{}).Width <= width {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	if lo == 0 {
		return ""
	}
	return keep(lo)
}

// wrap breaks text into lines of at most width; what does not fit into max
// lines ends in an ellipsis.
func wrap(s string, width, size float32, max int) []string {
	var lines []string
	line := ""
	words := strings.Fields(s)
	for i, w := range words {
		next := w
		if line != "" {
			next = line + " " + w
		}
		if line == "" || fyne.MeasureText(next, size, fyne.TextStyle{}).Width <= width {
			line = next
			continue
		}
		if len(lines) == max-1 {
			rest := strings.Join(append([]string{line}, words[i:]...), " ")
			return append(lines, cut(rest, width, size, fyne.TextStyle{}))
		}
		lines = append(lines, line)
		line = w
	}
	if line != "" {
		lines = append(lines, cut(line, width, size, fyne.TextStyle{}))
	}
	return lines
}

// paragraph is text over several lines that follows its width; its height is
// the one of max lines at most.
type paragraph struct {
	widget.BaseWidget
	value string
	size  float32
	color fyne.ThemeColorName
	max   int
	least int // lines that are kept free even when the text is shorter
	align fyne.TextAlign
}

func newParagraph(size float32, c fyne.ThemeColorName, max int) *paragraph {
	p := &paragraph{size: size, color: c, max: max, least: 1}
	p.ExtendBaseWidget(p)
	return p
}

// Set changes the text.
func (p *paragraph) Set(value string) {
	if p.value != value {
		p.value = value
		p.Refresh()
	}
}

// CreateRenderer implements fyne.Widget.
func (p *paragraph) CreateRenderer() fyne.WidgetRenderer {
	r := &paragraphRenderer{p: p}
	for range p.max {
		r.lines = append(r.lines, canvas.NewText("", color.Transparent))
	}
	r.Refresh()
	return r
}

type paragraphRenderer struct {
	p     *paragraph
	lines []*canvas.Text
	used  int
	width float32
}

func (r *paragraphRenderer) Destroy() {}
func (r *paragraphRenderer) Objects() []fyne.CanvasObject {
	objs := make([]fyne.CanvasObject, len(r.lines))
	for i, l := range r.lines {
		objs[i] = l
	}
	return objs
}

func (r *paragraphRenderer) lineHeight() float32 {
	return fyne.MeasureText("Ag", r.p.size, fyne.TextStyle{}).Height
}

func (r *paragraphRenderer) MinSize() fyne.Size {
	return fyne.NewSize(60, r.lineHeight()*float32(max(r.used, r.p.least)))
}

func (r *paragraphRenderer) Layout(s fyne.Size) {
	if s.Width != r.width {
		r.fill(s.Width)
	}
	for i, l := range r.lines {
		x := float32(0)
		if r.p.align == fyne.TextAlignCenter {
			x = (s.Width - l.MinSize().Width) / 2
		}
		l.Move(fyne.NewPos(x, float32(i)*r.lineHeight()))
		l.Resize(l.MinSize())
	}
}

func (r *paragraphRenderer) fill(width float32) {
	r.width = width
	lines := []string(nil)
	if width > 0 {
		lines = wrap(r.p.value, width, r.p.size, r.p.max)
	}
	r.used = len(lines)
	for i, l := range r.lines {
		l.Text = ""
		if i < len(lines) {
			l.Text = lines[i]
		}
		l.TextSize, l.Color = r.p.size, themeColor(r.p.color)
		l.Refresh()
	}
}

func (r *paragraphRenderer) Refresh() {
	r.fill(r.p.Size().Width)
	r.Layout(r.p.Size())
}

// tippedParagraph is a paragraph that shows its whole text in a tip, since its
// place may be too small for it.
type tippedParagraph struct {
	paragraph
	tips *tips
}

func newTippedParagraph(t *tips, size float32, c fyne.ThemeColorName, max int) *tippedParagraph {
	p := &tippedParagraph{paragraph: paragraph{size: size, color: c, max: max, least: 1}, tips: t}
	p.ExtendBaseWidget(p)
	return p
}

// MouseIn implements desktop.Hoverable.
func (p *tippedParagraph) MouseIn(*desktop.MouseEvent) {
	if p.value != "" {
		p.tips.show(p, p.value)
	}
}

// MouseMoved implements desktop.Hoverable.
func (p *tippedParagraph) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (p *tippedParagraph) MouseOut() { p.tips.hide() }
