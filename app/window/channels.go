package window

import (
	"context"
	"errors"
	"fmt"
	"image/color"
	"math"
	"strconv"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"coverslip/app"
	"coverslip/tiles"
)

// channelsPanel says which channels, focal plane and time point of a slide of
// several are shown, and how. It is there for such slides alone.
type channelsPanel struct {
	w      *Window
	object *fyne.Container
	head   *text
	list   *rows
	height *heightLayout

	editor          *fyne.Container // of the current channel
	levels          *levels
	low, high       *formEntry
	gamma           *slider
	gammaWords      *text
	channelsSection *fyne.Container
	z, t            *planeSlider
	changes         *latest // displays on their way to the session

	slide   tiles.Planar // nil: none
	display tiles.Display
	current int
	known   map[int]*tiles.Histogram
	reading map[int]bool
}

const (
	channelRow  = 22
	channelsMax = 6.5 // rows before the list scrolls
	gammaMost   = 4.0 // the slider goes from 1/4 to 4
)

func newChannelsPanel(w *Window) *channelsPanel {
	p := &channelsPanel{w: w, changes: newLatest(), height: &heightLayout{height: channelRow}}
	p.head = newText("", textTiny, colorQuiet)
	p.list = newRows(channelRow, func() rowView { return newChannelRow(p) }, p.fill)
	p.list.chosen = func(i int) bool { return i == p.current }
	p.list.tapped = func(i int, _ fyne.KeyModifier) { p.choose(i); w.focus() }

	p.levels = newLevels(w.tips, p.dragged)
	entry := func() *formEntry {
		e := newFormEntry("")
		e.OnSubmitted = func(string) { p.typed(); w.focus() }
		e.escape = func() { p.show(); w.focus() }
		e.Scroll = fyne.ScrollNone
		return e
	}
	p.low, p.high = entry(), entry()
	auto := newButton(w.tips, nil, "Auto", "", "Find the window of this channel from its pixels: 0.1 % to 99.9 %", func() { p.auto(); w.focus() }).filled().sized(42, 22)
	reset := newButton(w.tips, nil, "Reset", "", "Show all channels as at first", func() { p.reset(); w.focus() }).filled().sized(46, 22)
	p.gammaWords = newText("", textSmall, colorQuiet).fixed(52)
	p.gamma = newSlider(w.tips, "Gamma: below 1 brightens what is dim, above 1 darkens it", 0.5, func(v float64) {
		p.edit(func(c *tiles.ChannelView) { c.Gamma = gammaOf(v) })
	})
	p.gamma.step = 0.01
	windowRow := container.NewBorder(nil, nil, nil, hbox(4, container.NewCenter(auto), container.NewCenter(reset)),
		container.New(&pairLayout{gap: 4, height: p.low.MinSize().Height}, p.low, p.high))
	p.editor = padded(vbox(4, p.levels, windowRow, container.NewBorder(nil, nil, p.gammaWords, nil, p.gamma)), 5, 3, 8, 8)
	p.channelsSection = section("CHANNELS", p.head, container.NewVBox(padded(container.New(p.height, p.list), 2, 2, 0, 0), p.editor))

	p.z = newPlaneSlider(w, "Focal plane  ([ and ])", func(i int) { p.plane(i, p.display.T) })
	p.t = newPlaneSlider(w, "Time point  (Ctrl+[ and Ctrl+])", func(i int) { p.plane(p.display.Z, i) })
	p.object = onPanel(container.NewVBox(newFill(theme.ColorNameSeparator, 0), p.channelsSection, p.z.box, p.t.box))
	p.object.Hide()
	return p
}

// gammaOf is the gamma of a place of the slider, which is logarithmic with 1 in
// its middle; placeOf is the place of a gamma.
func gammaOf(place float64) float64 {
	return math.Round(100*math.Pow(gammaMost, 2*place-1)) / 100
}

func placeOf(gamma float64) float64 {
	return min(max((math.Log(gamma)/math.Log(gammaMost)+1)/2, 0), 1)
}

// pairLayout lays two objects out side by side, equally wide.
type pairLayout struct{ gap, height float32 }

// MinSize implements fyne.Layout.
func (l *pairLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(90, l.height) }

// Layout implements fyne.Layout.
func (l *pairLayout) Layout(objects []fyne.CanvasObject, s fyne.Size) {
	w := (s.Width - l.gap*float32(len(objects)-1)) / float32(len(objects))
	for i, o := range objects {
		o.Resize(fyne.NewSize(w, s.Height))
		o.Move(fyne.NewPos(float32(i)*(w+l.gap), 0))
	}
}

// channelRowView is a channel of the list.
type channelRowView struct {
	row
	eye          *button
	swatch       *colourChip
	name, window *text
	index        int
}

func newChannelRow(p *channelsPanel) rowView {
	v := &channelRowView{name: newText("", textBody, theme.ColorNameForeground).fixed(40), window: newText("", textTiny, colorQuiet).trailing()}
	v.eye = newButton(p.w.tips, icon("eye"), "", "", "Show or hide this channel", func() { p.toggle(v.index); p.w.focus() }).sized(24, 20)
	v.swatch = newColourChip(p.w.tips, 14, "Choose the colour of this channel", func(at fyne.CanvasObject) { p.askColour(v.index, at) })
	v.box = padded(container.NewBorder(nil, nil, hbox(3, container.NewCenter(v.eye), container.NewCenter(v.swatch)),
		v.window, padded(v.name, 0, 0, 5, 3)), 0, 0, 5, 8)
	return v
}

func (p *channelsPanel) fill(i int, o rowView) {
	v, ok := o.(*channelRowView)
	if !ok || p.slide == nil || i >= len(p.display.Channels) {
		return
	}
	v.index = i
	c := p.display.Channels[i]
	v.name.Set(p.slide.Stack().Channels[i].Name)
	v.window.Set(p.valueText(i, c.Low) + "–" + p.valueText(i, c.High))
	if c.Low == c.High { // still to be found
		v.window.Set("…")
	}
	v.swatch.Set(c.Color)
	name, ink := "eye", fyne.ThemeColorName(theme.ColorNameForeground)
	if c.Hidden {
		name, ink = "eye-off", colorQuiet
	}
	v.name.SetColor(ink)
	if s, ok := v.eye.icon.(*strokeIcon); !ok || s.name != name {
		v.eye.SetIcon(iconIn(name, ink))
	}
}

// valueText is a sample value of a channel.
func (p *channelsPanel) valueText(i int, v float64) string {
	if p.slide.Stack().Channels[i].Float && math.Abs(v) < 1e5 {
		return strconv.FormatFloat(v, 'g', 4, 64)
	}
	return strconv.FormatFloat(math.Round(v), 'f', -1, 64)
}

// update follows the slide that is open.
func (p *channelsPanel) update() {
	open := p.w.open
	var slide tiles.Planar
	if open != nil {
		slide = open.Planar()
	}
	if slide != p.slide {
		p.slide, p.display, p.current = slide, tiles.Display{}, 0
		p.known, p.reading = map[int]*tiles.Histogram{}, map[int]bool{}
		if slide != nil {
			p.load(open)
		}
	}
	defer p.w.left.Refresh() // what lies above moves
	show(p.object, slide != nil)
	if slide == nil {
		return
	}
	st := slide.Stack()
	show(p.channelsSection, len(st.Channels) > 0)
	show(p.z.box, st.Z > 1)
	show(p.t.box, st.T > 1)
	p.z.setCount(st.Z)
	p.t.setCount(st.T)
	p.height.height = channelRow * min(float32(len(st.Channels)), channelsMax)
	p.show()
}

// load takes over what is shown of a slide; windows may have to be found in the
// background first.
func (p *channelsPanel) load(open *app.OpenSlide) {
	p.display = open.Asked()
	slide := p.slide
	p.w.reads.do(func() {
		d, err := open.Display(context.Background())
		p.w.post(func() {
			if p.slide != slide || err != nil { // the viewer tells of a damaged slide
				return
			}
			for i := range p.display.Channels {
				if c := &p.display.Channels[i]; c.Low == c.High {
					c.Low, c.High = d.Channels[i].Low, d.Channels[i].High
				}
			}
			p.show()
		})
	})
	p.read(0)
}

// read counts the samples of a channel in the background.
func (p *channelsPanel) read(i int) {
	slide := p.slide
	if slide == nil || p.reading[i] || p.known[i] != nil || i >= len(slide.Stack().Channels) {
		return
	}
	p.reading[i] = true
	p.w.reads.do(func() {
		h, err := tiles.HistogramOf(context.Background(), slide, tiles.Plane{Channel: i, Z: slide.Stack().DefaultZ})
		p.w.post(func() {
			if p.slide != slide || err != nil {
				return
			}
			p.known[i] = h
			if i == p.current {
				p.show()
			}
		})
	})
}

// show brings the panel up to the display.
func (p *channelsPanel) show() {
	d := p.display
	shown := 0
	for _, c := range d.Channels {
		if !c.Hidden {
			shown++
		}
	}
	p.head.Set(fmt.Sprintf("%d of %d shown", shown, len(d.Channels)))
	p.list.Update(len(d.Channels))
	p.z.set(d.Z, p.planeWords())
	p.t.set(d.T, fmt.Sprintf("%d of %d", d.T+1, max(1, p.t.count)))
	if p.current >= len(d.Channels) {
		return
	}
	c := d.Channels[p.current]
	p.showLevels(c)
	for _, e := range []struct {
		entry *formEntry
		v     float64
	}{{p.low, c.Low}, {p.high, c.High}} {
		if t := p.valueText(p.current, e.v); e.entry.Text != t {
			e.entry.SetText(t)
		}
	}
	p.gamma.Set(placeOf(c.Gamma))
	p.gammaWords.Set(fmt.Sprintf("γ %.2f", c.Gamma))
}

// showLevels shows the histogram over the values that matter: those that occur,
// but for a few outliers, and those of the window. The edges stay while the
// window moves between them.
func (p *channelsPanel) showLevels(c tiles.ChannelView) {
	l := p.levels
	low, high := min(c.Low, c.High), max(c.Low, c.High)
	h := p.known[p.current]
	if h == nil {
		l.SetRange(low, max(high, low+1), nil, c.Color)
		l.SetWindow(c.Low, c.High)
		return
	}
	from, to := h.Low, h.Percentile(0.9995)
	to += 0.15 * (to - from)
	from, to = min(from, low), max(to, high, from+1)
	if l.bins == nil || l.from > from || l.to < to || l.held == 0 || l.ink != color.Color(c.Color) {
		if l.held == 0 || l.from > from || l.to < to {
			l.SetRange(from, to, h.Bins(from, to, levelBins), c.Color)
		}
	}
	l.SetWindow(c.Low, c.High)
}

// planeWords says which focal plane is shown.
func (p *channelsPanel) planeWords() string {
	words := fmt.Sprintf("%d of %d", p.display.Z+1, max(1, p.z.count))
	if p.w.open == nil {
		return words
	}
	at := p.w.open.Slide.Info().ZPlanes
	if p.display.Z < len(at) && len(at) > 1 && at[0] != at[len(at)-1] {
		words += fmt.Sprintf(" · %+.3g µm", at[p.display.Z]-at[min(p.slide.Stack().DefaultZ, len(at)-1)])
	}
	return words
}

// choose makes a channel the one that is edited.
func (p *channelsPanel) choose(i int) {
	p.current = i
	p.levels.bins = nil
	p.read(i)
	p.show()
}

// toggle shows or hides a channel.
func (p *channelsPanel) toggle(i int) {
	p.display.Channels[i].Hidden = !p.display.Channels[i].Hidden
	p.apply()
}

// edit changes how the current channel is drawn.
func (p *channelsPanel) edit(change func(*tiles.ChannelView)) {
	if p.slide == nil || p.current >= len(p.display.Channels) {
		return
	}
	change(&p.display.Channels[p.current])
	p.apply()
}

// dragged takes the window from the handles.
func (p *channelsPanel) dragged(low, high float64) {
	if p.slide == nil || p.current >= len(p.slide.Stack().Channels) {
		return
	}
	if c := p.slide.Stack().Channels[p.current]; !c.Float {
		low = math.Round(low)
		high = max(math.Round(high), low+1)
	}
	p.edit(func(c *tiles.ChannelView) { c.Low, c.High = low, high })
}

// typed takes the window from the entries.
func (p *channelsPanel) typed() {
	low, errLow := strconv.ParseFloat(strings.TrimSpace(p.low.Text), 64)
	high, errHigh := strconv.ParseFloat(strings.TrimSpace(p.high.Text), 64)
	switch {
	case errLow != nil || errHigh != nil || math.IsInf(high-low, 0) || math.IsNaN(high-low):
		p.w.status.say("The window of a channel is two numbers.")
	case low == high:
		p.w.status.say("The two ends of a channel's window must differ.")
	default:
		p.edit(func(c *tiles.ChannelView) { c.Low, c.High = low, high })
		return
	}
	p.show()
}

// auto finds the window of the current channel from its pixels.
func (p *channelsPanel) auto() {
	slide, i := p.slide, p.current
	if slide == nil || i >= len(p.display.Channels) {
		return
	}
	z, t := p.display.Z, p.display.T
	p.w.reads.do(func() {
		low, high, err := tiles.AutoWindow(context.Background(), slide, tiles.Plane{Channel: i, Z: z, T: t})
		p.w.post(func() {
			switch {
			case p.slide != slide:
			case err != nil:
				p.w.fail(err)
			default:
				p.display.Channels[i].Low, p.display.Channels[i].High = low, high
				p.apply()
			}
		})
	})
}

// reset shows everything as at first.
func (p *channelsPanel) reset() {
	if p.slide == nil {
		return
	}
	z, t := p.display.Z, p.display.T
	p.display = tiles.DefaultDisplay(p.slide.Stack())
	p.display.Z, p.display.T = z, t
	p.levels.bins = nil
	p.apply()
}

// plane shows another focal plane or time point, as far as there is one.
func (p *channelsPanel) plane(z, t int) {
	if p.slide == nil {
		return
	}
	st := p.slide.Stack()
	z, t = min(max(z, 0), st.Z-1), min(max(t, 0), st.T-1)
	if z == p.display.Z && t == p.display.T {
		return
	}
	p.display.Z, p.display.T = z, t
	p.apply()
	if st.Z > 1 {
		p.w.status.say("Focal plane " + p.planeWords())
	}
}

// apply shows the display in the panel at once and on the slide soon.
func (p *channelsPanel) apply() {
	p.show()
	s, open, slide := p.w.session, p.w.open, p.slide
	if s == nil || open == nil {
		return
	}
	d := p.display.Clone()
	p.changes.do(func() {
		now, err := s.SetDisplay(open.Item.ID, d)
		var found tiles.Display
		if err == nil {
			found, err = now.Display(context.Background())
		}
		p.w.post(func() { p.applied(s, slide, now, found, err) })
	})
}

// applied takes over what the session shows now.
func (p *channelsPanel) applied(s *app.Session, slide tiles.Planar, now *app.OpenSlide, found tiles.Display, err error) {
	if err == nil && p.w.session == s {
		p.w.reopened(now)
	}
	if p.slide != slide || p.w.session != s {
		return
	}
	if err != nil {
		if !errors.Is(err, app.ErrNoSlide) && !errors.Is(err, app.ErrClosed) {
			p.w.fail(err)
		}
		return
	}
	if s.Opened(now.Item.ID) != now { // another display is on its way
		return
	}
	for i := range p.display.Channels {
		if c := &p.display.Channels[i]; c.Low == c.High {
			c.Low, c.High = found.Channels[i].Low, found.Channels[i].High
		}
	}
	p.show()
}

// planeSlider is a slider over numbered planes with words.
type planeSlider struct {
	box    *fyne.Container
	slider *slider
	words  *text
	count  int
}

func newPlaneSlider(w *Window, name string, to func(int)) *planeSlider {
	p := &planeSlider{}
	title, _, _ := strings.Cut(name, "  ")
	p.words = newText("", textSmall, colorQuiet).trailing().fixed(96)
	p.slider = newSlider(w.tips, name, 0, func(v float64) { to(int(math.Round(v * float64(p.count-1)))) })
	head := container.NewBorder(nil, nil, newText(title, textSmall, theme.ColorNameForeground), p.words)
	p.box = padded(vbox(0, head, p.slider), 4, 3, 8, 8)
	return p
}

func (p *planeSlider) setCount(n int) {
	p.count = n
	p.slider.step = 1 / float64(max(1, n-1))
	p.slider.notch = p.slider.step
}

func (p *planeSlider) set(i int, words string) {
	p.slider.Set(float64(i) * p.slider.step)
	p.words.Set(words)
}
