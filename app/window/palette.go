package window

import (
	"fmt"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"coverslip/app"
)

// finding is one line of the command palette.
type finding struct {
	words, kind, key string
	enabled          bool
	run              func()
}

// palette is the list of everything one can do, found by typing.
type palette struct {
	w     *Window
	pop   *widget.PopUp
	entry *paletteEntry
	list  *rows
	found []finding
	at    int
}

// paletteEntry gives the arrow keys, Enter and Escape to the list.
type paletteEntry struct {
	widget.Entry
	key func(*fyne.KeyEvent) bool
}

// TypedKey implements fyne.Focusable.
func (e *paletteEntry) TypedKey(k *fyne.KeyEvent) {
	if !e.key(k) {
		e.Entry.TypedKey(k)
	}
}

const (
	paletteWidth = 520
	paletteRow   = 26
	paletteRows  = 12
)

// openPalette shows the command palette.
func (w *Window) openPalette() {
	if w.win.Canvas().Overlays().Top() != nil {
		return
	}
	p := &palette{w: w, entry: &paletteEntry{}}
	p.entry.ExtendBaseWidget(p.entry)
	p.entry.SetPlaceHolder("Type what you want to do, or the name of a slide")
	p.entry.key = p.typed
	p.entry.OnChanged = func(string) { p.at = 0; p.search() }
	p.list = newRows(paletteRow, newPaletteRow, p.fill)
	p.list.chosen = func(i int) bool { return i == p.at && i < len(p.found) && p.found[i].run != nil }
	p.list.tapped = func(i int, _ fyne.KeyModifier) { p.at = i; p.take() }
	box := container.New(&heightLayout{height: paletteRow * paletteRows}, p.list)
	p.pop = widget.NewPopUp(container.NewBorder(padded(p.entry, 4, 4, 4, 4), nil, nil, nil, box), w.win.Canvas())
	size := fyne.NewSize(min(paletteWidth, w.win.Canvas().Size().Width-20), p.pop.MinSize().Height)
	p.pop.Resize(size)
	p.pop.ShowAtPosition(fyne.NewPos((w.win.Canvas().Size().Width-size.Width)/2, 64))
	p.search()
	w.win.Canvas().Focus(p.entry)
}

type paletteRowView struct {
	row
	words, kind, key *text
}

func newPaletteRow() rowView {
	v := &paletteRowView{words: newText("", textBody, theme.ColorNameForeground).fixed(60),
		kind: newText("", textSmall, colorQuiet).fixed(90).trailing(), key: newText("", textSmall, colorQuiet).fixed(112).trailing()}
	v.box = padded(container.NewBorder(nil, nil, nil, hbox(10, v.kind, v.key), v.words), 0, 0, 10, 10)
	return v
}

func (p *palette) fill(i int, o rowView) {
	v, ok := o.(*paletteRowView)
	if !ok || i >= len(p.found) {
		return
	}
	f := p.found[i]
	v.words.Set(f.words)
	v.kind.Set(f.kind)
	v.key.Set(f.key)
	v.words.SetColor(theme.ColorNameForeground)
	if !f.enabled { // not in the colour of what is disabled, which cannot be read on a chosen line
		v.words.SetColor(colorQuiet)
		if f.run != nil {
			v.key.Set("not now")
		}
	}
}

// search lists what fits what was typed: commands that make sense now, slides,
// then commands that do not.
func (p *palette) search() {
	query := p.entry.Text
	p.found = nil
	var off []finding
	for _, cmd := range p.w.cmds.Match(query) {
		f := finding{words: cmd.Title, kind: cmd.Menu, key: keyWords(cmd.Key), enabled: p.w.cmds.CanDo(cmd.ID), run: func() { p.w.run(cmd.ID) }}
		switch {
		case cmd.ID == "help.palette" || cmd.Hidden && !f.enabled:
		case f.enabled:
			p.found = append(p.found, f)
		default:
			off = append(off, f)
		}
	}
	for _, item := range p.w.slides.items {
		if strings.Contains(strings.ToLower(item.Name), strings.ToLower(strings.TrimSpace(query))) {
			p.found = append(p.found, finding{words: item.Name, kind: "Slide", enabled: true, run: func() { p.w.openSlide(item.ID) }})
		}
	}
	p.found = append(append(p.found, p.w.findBookmarks(query)...), off...)
	if len(p.found) == 0 {
		p.found = append(p.found, finding{words: "Nothing is called that; try fewer letters"})
	}
	p.list.Update(len(p.found))
	p.list.Reveal(p.at)
}

func (p *palette) typed(k *fyne.KeyEvent) bool {
	switch k.Name {
	case fyne.KeyDown:
		p.move(1)
	case fyne.KeyUp:
		p.move(-1)
	case fyne.KeyPageDown:
		p.move(paletteRows - 1)
	case fyne.KeyPageUp:
		p.move(1 - paletteRows)
	case fyne.KeyReturn, fyne.KeyEnter:
		p.take()
	case fyne.KeyEscape:
		p.shut()
	default:
		return false
	}
	return true
}

func (p *palette) move(by int) {
	p.at = max(0, min(len(p.found)-1, p.at+by))
	p.list.Reveal(p.at)
	p.list.body.Refresh()
}

func (p *palette) shut() {
	p.pop.Hide()
	p.w.focus()
}

// take does what is chosen.
func (p *palette) take() {
	if p.at < 0 || p.at >= len(p.found) || !p.found[p.at].enabled {
		return
	}
	f := p.found[p.at]
	p.shut()
	f.run()
}

// openKeys shows every key, by menu.
func (w *Window) openKeys() {
	if w.win.Canvas().Overlays().Top() != nil {
		return
	}
	more := []app.Command{
		{Title: "Move the slide while held", Menu: app.MenuView, Key: "Space"},
		{Title: "Half a screen", Menu: app.MenuView, Key: "Arrows"},
		{Title: "Zoom", Menu: app.MenuView, Key: "Wheel"},
		{Title: "Zoom to a box", Menu: app.MenuView, Key: "Ctrl+drag"},
		{Title: "A page on, a page back", Menu: app.MenuView, Key: "Page keys"},
		{Title: "1×, 2×, 5×, 10×, 20×, 40×, 80×", Menu: app.MenuView, Key: "Ctrl+1–7"},
		{Title: "Close the polygon", Menu: app.MenuTools, Key: "Enter"},
		{Title: "Take a corner back", Menu: app.MenuTools, Key: "BackSpace"},
		{Title: "Drop what is in hand", Menu: app.MenuTools, Key: "Escape"},
		{Title: "Class of selection or next shape", Menu: app.MenuEdit, Key: "1–9"},
	}
	var lines []fyne.CanvasObject
	var heads []bool
	for _, menu := range w.cmds.Menus() {
		lines, heads = append(lines, padded(boldText(menu, textBody), 6, 2, 0, 0)), append(heads, true)
		for _, cmd := range append(w.cmds.All(), more...) {
			if cmd.Menu != menu || cmd.Key == "" || cmd.Hidden {
				continue
			}
			keys := keyWords(cmd.Key)
			if cmd.AltKey != "" && len(keys) < 8 {
				keys += "  " + keyWords(cmd.AltKey)
			}
			lines = append(lines, container.NewBorder(nil, nil, nil, newText(keys, textSmall, colorQuiet).trailing(), newText(cmd.Title, textSmall, theme.ColorNameForeground).fixed(150)))
			heads = append(heads, false)
		}
	}
	w.popUp("Keyboard", w.inColumns(lines, heads))
}

const (
	keysWide = 250 // of a column of keys
	keysGap  = 26
)

// inColumns sets lines into as many columns as the window has room for, none of
// which ends in a heading; what is higher than the window is scrolled.
func (w *Window) inColumns(lines []fyne.CanvasObject, heads []bool) fyne.CanvasObject {
	room := w.win.Canvas().Size()
	n := max(1, min(4, int((room.Width-60)/(keysWide+keysGap))))
	each := (len(lines) + n - 1) / n
	body := hbox(keysGap)
	for len(lines) > 0 {
		end := min(each, len(lines))
		for end > 1 && end < len(lines) && heads[end-1] {
			end--
		}
		if len(body.Objects) == n-1 { // the last takes the rest
			end = len(lines)
		}
		body.Add(container.New(&widthLayout{width: keysWide}, vbox(3, lines[:end]...)))
		lines, heads = lines[end:], heads[end:]
	}
	if high := room.Height - 110; body.MinSize().Height > high {
		return container.New(&heightLayout{height: high}, container.NewVScroll(body))
	}
	return body
}

// widthLayout gives its objects a set width and the height they want.
type widthLayout struct{ width float32 }

// MinSize implements fyne.Layout.
func (l *widthLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	h := float32(0)
	for _, o := range objects {
		h = max(h, o.MinSize().Height)
	}
	return fyne.NewSize(l.width, h)
}

// Layout implements fyne.Layout.
func (l *widthLayout) Layout(objects []fyne.CanvasObject, s fyne.Size) {
	for _, o := range objects {
		o.Move(fyne.NewPos(0, 0))
		o.Resize(fyne.NewSize(s.Width, o.MinSize().Height))
	}
}

// openAbout says what program this is.
func (w *Window) openAbout() {
	if w.win.Canvas().Overlays().Top() != nil {
		return
	}
	body := vbox(4)
	for _, line := range []string{
		fmt.Sprintf("Coverslip %s", app.Version),
		"Annotates whole slides: look, label, let a model suggest, decide, export.",
		"For research. It is no medical device and makes no diagnosis.",
		"Labels stay on this computer, in the project's folder.",
	} {
		body.Add(newText(line, textBody, theme.ColorNameForeground))
	}
	decoders := newParagraph(textSmall, colorQuiet, 8)
	decoders.Set("Slides are decoded so: " + app.Decoders(w.opts.Session.Untrusted) + ".")
	body.Add(container.New(&widthLayout{width: 560}, decoders))
	w.popUp("About", body)
}

// openDetails shows the cause of a problem in full.
func (w *Window) openDetails(title, cause string) {
	if w.win.Canvas().Overlays().Top() != nil {
		return
	}
	p := newParagraph(textBody, theme.ColorNameForeground, 14)
	p.Set(cause)
	p.least = min(14, len(cause)/70+2)
	copyIt := newButton(w.tips, nil, "Copy", "", "", func() { w.app.Clipboard().SetContent(title + "\n" + cause) }).filled().sized(70, 26)
	w.popUp(title, vbox(8, container.New(&widthLayout{width: 560}, p), container.NewHBox(copyIt)))
}

// popUp shows a small window above the slide; a click beside it or Escape takes
// it away.
func (w *Window) popUp(title string, body fyne.CanvasObject) {
	var pop *popUp
	shut := func() {
		pop.Hide()
		w.focus()
	}
	away := newButton(nil, icon("reject"), "", "", "", func() { shut() }).sized(26, 24)
	head := container.NewBorder(nil, nil, boldText(title, 14), away)
	pop = newPopUp(padded(container.NewBorder(head, nil, nil, nil, padded(body, 8, 4, 0, 0)), 12, 14, 18, 14), w.win.Canvas(), func() { shut() })
	size, room := pop.MinSize(), w.win.Canvas().Size()
	pop.ShowAtPosition(fyne.NewPos(max(0, (room.Width-size.Width)/2), max(0, (room.Height-size.Height)/3)))
	w.win.Canvas().Focus(pop.catcher)
}

// popUp is Fyne's pop-up with something in it that hears Escape.
type popUp struct {
	*widget.PopUp
	catcher *catcher
}

func newPopUp(body fyne.CanvasObject, c fyne.Canvas, escape func()) *popUp {
	k := &catcher{escape: escape}
	k.ExtendBaseWidget(k)
	return &popUp{PopUp: widget.NewPopUp(container.NewStack(k, body), c), catcher: k}
}

// catcher takes the keyboard for a pop-up.
type catcher struct {
	widget.BaseWidget
	escape func()
}

// CreateRenderer implements fyne.Widget.
func (c *catcher) CreateRenderer() fyne.WidgetRenderer {
	return widget.NewSimpleRenderer(container.NewWithoutLayout())
}

// FocusGained implements fyne.Focusable.
func (c *catcher) FocusGained() {}

// FocusLost implements fyne.Focusable.
func (c *catcher) FocusLost() {}

// TypedRune implements fyne.Focusable.
func (c *catcher) TypedRune(rune) {}

// TypedKey implements fyne.Focusable.
func (c *catcher) TypedKey(e *fyne.KeyEvent) {
	if e.Name == fyne.KeyEscape || e.Name == fyne.KeyF1 {
		c.escape()
	}
}
