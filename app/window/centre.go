package window

import (
	"fmt"
	"math"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"

	"coverslip/app"
)

// centre is the slide and what floats above it: the magnifications, the keys of
// the tool in hand, and words where there is no slide.
type centre struct {
	w       *Window
	object  *fyne.Container
	grid    *fyne.Container // the panes
	zooms   []*button
	now     *text
	dial    *dial
	angle   *text
	hint    *fyne.Container
	hintBox *fyne.Container
	tool    *text
	keys    *text
	top     fyne.CanvasObject
	empty   *fyne.Container
	title   *text
	words   *paragraph
	add     *button
	stop    *button
}

// magnifications of the buttons; 0 is the whole slide.
var magnifications = append([]float64{0}, app.Magnifications()...)

func newCentre(w *Window) *centre {
	c := &centre{w: w}
	row, fixed := hbox(1), hbox(1)
	for i, m := range magnifications {
		words, tip := fmt.Sprintf("%g×", m), fmt.Sprintf("Magnify to %g×  (Ctrl+%d)", m, i)
		if m == 0 {
			words, tip = "Fit", "The whole slide  (0)"
		}
		b := newButton(w.tips, nil, words, "", tip, func() {
			if m == 0 {
				w.viewer.Fit()
			} else {
				w.viewer.ZoomToMagnification(m)
			}
			w.focus()
		}).onHUD().sized(34, 22)
		c.zooms = append(c.zooms, b)
		fixed.Add(b)
	}
	row.Add(w.stills.panel(fixed))
	c.now = boldText("", 12).fixed(48).trailing()
	c.now.color = colorGlass
	row.Add(c.now)
	c.dial = newDial(w.tips, func(angle float64) { w.viewer.TurnTo(angle) })
	c.angle = newText("", textSmall, colorGlass).fixed(44)
	row.Add(padded(c.dial, 0, 0, 8, 2))
	row.Add(c.angle)
	c.top = container.NewHBox(hud(row))

	c.tool, c.keys = boldText("", textSmall), newHintKeys()
	c.tool.color = colorGlass
	c.hint = hud(container.NewBorder(nil, nil, c.tool, nil, padded(c.keys, 0, 0, 8, 0)))
	c.hintBox = container.New(&hintLayout{c.keys}, c.hint)

	c.title = newText("", 15, colorQuiet)
	c.title.align = fyne.TextAlignCenter
	c.words = newParagraph(textBody, colorQuiet, 4)
	c.words.align = fyne.TextAlignCenter
	c.add = newButton(w.tips, icon("plus"), "Add slide…", "", "", func() { w.run("file.addSlide") }).filled()
	c.empty = container.NewCenter(container.NewGridWrap(fyne.NewSize(380, 130),
		vbox(8, c.title, c.words, container.NewCenter(c.add))))

	c.stop = w.newStop()
	w.heat = newHeatPanel(w)
	low := container.NewStack(container.NewCenter(c.stop), container.NewHBox(layout.NewSpacer(), w.heat.object))
	above := padded(container.NewBorder(c.top, low, nil, nil, nil), 8, 44, 8, 8) // the line of hints is below
	c.grid = container.New(&panesLayout{w})
	c.object = container.New(&centreLayout{c}, newFill(colorStage, 0), w.compare.object, c.grid, above, c.hintBox, c.empty)
	c.arrange()
	return c
}

// hintLayout puts the hint line at the bottom in the middle, or further right
// where the scale bar would be in its way.
type hintLayout struct{ keys *text }

const scaleBarRoom = 186

// MinSize implements fyne.Layout.
func (*hintLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(10, 10) }

// Layout implements fyne.Layout.
func (l *hintLayout) Layout(objects []fyne.CanvasObject, s fyne.Size) {
	for _, o := range objects {
		m := o.MinSize()
		rest := m.Width - l.keys.MinSize().Width // what is not the line of keys
		line := l.keys.shorten(l.keys.value, max(0, s.Width-scaleBarRoom-10-rest))
		m.Width = rest + fyne.MeasureText(line, l.keys.size, l.keys.style).Width + 1
		x := min(max(scaleBarRoom, (s.Width-m.Width)/2), s.Width-m.Width-10)
		o.Resize(m)
		o.Move(fyne.NewPos(x, s.Height-m.Height-10))
	}
}

// hintKeys is a line of hints of which as many are shown as there is room for;
// half a hint would be worse than none.
func newHintKeys() *text {
	k := newText("", textSmall, colorFrost)
	k.shorten = func(s string, width float32) string {
		parts := strings.Split(s, " · ")
		for n := len(parts); n > 0; n-- {
			line := strings.Join(parts[:n], "  ·  ")
			if fyne.MeasureText(line, k.size, k.style).Width <= width+0.5 {
				return line
			}
		}
		return ""
	}
	return k
}

// update shows what belongs to the tool in hand, or why there is no slide.
func (c *centre) update() {
	w := c.w
	slide, many := w.open != nil, len(w.panes) > 1
	show(c.top, slide)
	show(w.viewer, slide || many)
	show(c.empty, !slide && (!many || w.opening != ""))
	show(c.add, w.session != nil && !slide && w.opening == "" && len(w.slides.items) == 0 && !w.session.ReadOnly())
	show(c.stop, w.opening != "" && w.openShare > 0)
	switch {
	case w.opening != "":
		c.title.Set(w.openingWords())
		c.words.Set("")
	case w.session != nil && len(w.slides.items) == 0:
		c.title.Set("This project has no slides")
		c.words.Set("Add a slide file, or drop one here. The file is not copied; the project only notes where it lies.")
	default:
		c.title.Set("No slide is open")
		c.words.Set("Choose one in the list on the left.")
	}
	w.compare.update()
	c.hinted(w.viewer.Hint())
	c.viewChanged()
}

func show(o fyne.CanvasObject, on bool) {
	if on == o.Visible() {
		return
	}
	if on {
		o.Show()
	} else {
		o.Hide()
	}
}

// hinted shows what the keys and the mouse do just now, as the viewer says it:
// "Tool — key: what · key: what".
func (c *centre) hinted(hint string) {
	tool, keys, _ := strings.Cut(hint, " — ")
	c.tool.Set(tool)
	c.keys.Set(keys)
	show(c.hint, tool != "" && c.w.open != nil)
	c.hintBox.Refresh()
}

// viewChanged shows the magnification of the view.
func (c *centre) viewChanged() {
	m := c.w.viewer.Magnification()
	words := ""
	if c.w.open != nil && m > 0 {
		words = magnificationWords(m)
	}
	c.now.Set(words)
	angle, mirrored := c.w.viewer.Orientation()
	c.dial.Set(angle, mirrored)
	c.angle.Set(dialWords(angle, mirrored))
	for i, b := range c.zooms {
		f := magnifications[i]
		active, enabled := f > 0 && c.w.open != nil && math.Abs(m-f) < 0.02*f, f == 0 || m > 0
		if active != b.active || enabled == b.disabled {
			c.w.stills.changed()
		}
		b.SetActive(active)
		b.SetEnabled(enabled)
	}
}

func magnificationWords(m float64) string {
	switch {
	case m >= 9.95:
		return fmt.Sprintf("%.0f×", m)
	case m >= 0.995:
		return fmt.Sprintf("%.1f×", m)
	}
	return fmt.Sprintf("%.2f×", m)
}
