package window

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// button is an icon, words, or both, with its key in small print. It never
// takes the keyboard focus, so single keys keep their meaning after a click.
type button struct {
	widget.BaseWidget
	icon     fyne.Resource
	words    string
	key      string
	tip      string
	fill     fyne.ThemeColorName // at rest; "" for none
	ink      fyne.ThemeColorName // of the words; "" for the foreground
	picked   fyne.ThemeColorName // ground of the chosen one; "" for colorActive
	min      fyne.Size           // zero: as large as its contents
	leading  bool                // contents at the left end instead of the middle
	active   bool
	disabled bool
	hovered  bool
	pressed  bool
	tapped   func()
	tips     *tips
}

func newButton(t *tips, icon fyne.Resource, words, key, tip string, tapped func()) *button {
	b := &button{icon: icon, words: words, key: key, tip: tip, tapped: tapped, tips: t}
	b.ExtendBaseWidget(b)
	return b
}

// filled gives the button a ground of its own.
func (b *button) filled() *button {
	b.fill = colorChip
	return b
}

// onHUD makes the button one that floats above the slide.
func (b *button) onHUD() *button {
	b.ink, b.picked = colorGlass, colorPicked
	return b
}

// sized gives the button a fixed least size.
func (b *button) sized(w, h float32) *button {
	b.min = fyne.NewSize(w, h)
	return b
}

// SetActive shows the button as the chosen one.
func (b *button) SetActive(on bool) {
	if b.active != on {
		b.active = on
		b.Refresh()
	}
}

// SetEnabled tells whether the button can be clicked.
func (b *button) SetEnabled(on bool) {
	if b.disabled == on {
		b.disabled = !on
		b.Refresh()
	}
}

// SetIcon changes the icon.
func (b *button) SetIcon(r fyne.Resource) {
	b.icon = r
	b.Refresh()
}

// SetWords changes the words.
func (b *button) SetWords(words string) {
	if b.words != words {
		b.words = words
		b.Refresh()
	}
}

// Tapped implements fyne.Tappable.
func (b *button) Tapped(*fyne.PointEvent) {
	if b.tips != nil {
		b.tips.hide()
	}
	if !b.disabled && b.tapped != nil {
		b.tapped()
	}
}

// MouseDown implements desktop.Mouseable.
func (b *button) MouseDown(*desktop.MouseEvent) { b.pressed = true; b.Refresh() }

// MouseUp implements desktop.Mouseable.
func (b *button) MouseUp(*desktop.MouseEvent) { b.pressed = false; b.Refresh() }

// MouseIn implements desktop.Hoverable.
func (b *button) MouseIn(*desktop.MouseEvent) {
	b.hovered = true
	b.Refresh()
	if b.tip != "" && b.tips != nil {
		b.tips.show(b, b.tip)
	}
}

// MouseMoved implements desktop.Hoverable.
func (b *button) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (b *button) MouseOut() {
	b.hovered, b.pressed = false, false
	b.Refresh()
	if b.tips != nil {
		b.tips.hide()
	}
}

// CreateRenderer implements fyne.Widget.
func (b *button) CreateRenderer() fyne.WidgetRenderer {
	r := &buttonRenderer{b: b, ground: canvas.NewRectangle(color.Transparent),
		words: canvas.NewText("", color.Transparent), key: canvas.NewText("", color.Transparent)}
	r.ground.CornerRadius = 4
	r.key.TextSize = textKey
	if b.icon != nil {
		r.icon = widget.NewIcon(b.icon)
	}
	r.Refresh()
	return r
}

type buttonRenderer struct {
	b          *button
	ground     *canvas.Rectangle
	icon       *widget.Icon
	words, key *canvas.Text
}

const (
	buttonHeight = 28
	buttonIcon   = 18
)

func (r *buttonRenderer) Destroy() {}

func (r *buttonRenderer) Objects() []fyne.CanvasObject {
	objs := append(make([]fyne.CanvasObject, 0, 4), r.ground)
	if r.icon != nil {
		objs = append(objs, r.icon)
	}
	if r.b.words != "" { // an empty text is walked in every frame all the same
		objs = append(objs, r.words)
	}
	if r.b.key != "" {
		objs = append(objs, r.key)
	}
	return objs
}

// content is the width of what is in the button, without its margins.
func (r *buttonRenderer) content() float32 {
	w := float32(0)
	if r.icon != nil {
		w += buttonIcon
	}
	if r.b.words != "" {
		if r.icon != nil {
			w += 4
		}
		w += r.words.MinSize().Width
	}
	if r.b.key != "" {
		w += r.key.MinSize().Width + 2
		if r.b.words != "" {
			w += 3
		}
	}
	return w
}

func (r *buttonRenderer) MinSize() fyne.Size {
	w := r.content() + 12
	if r.b.words != "" {
		w += 4
	}
	if r.b.leading { // squeezed, it loses the end of its words
		w = 0
	}
	return fyne.NewSize(max(w, r.b.min.Width), r.height())
}

func (r *buttonRenderer) height() float32 {
	if r.b.min.Height > 0 {
		return r.b.min.Height
	}
	return buttonHeight
}

func (r *buttonRenderer) Layout(s fyne.Size) {
	r.ground.Resize(s)
	x := (s.Width - r.content()) / 2
	if r.b.leading {
		x = 6
	}
	if r.icon != nil {
		r.icon.Resize(fyne.NewSize(buttonIcon, buttonIcon))
		r.icon.Move(fyne.NewPos(x, (s.Height-buttonIcon)/2))
		x += buttonIcon + 4
	}
	if r.b.leading {
		r.words.Text = cut(r.b.words, s.Width-x-r.key.MinSize().Width-10, textBody, fyne.TextStyle{})
	}
	m := r.words.MinSize()
	r.words.Move(fyne.NewPos(x, (s.Height-m.Height)/2))
	r.words.Resize(m)
	k := r.key.MinSize()
	y := s.Height - k.Height - 1
	if r.b.leading {
		y = (s.Height - k.Height) / 2
	}
	r.key.Move(fyne.NewPos(s.Width-k.Width-4, y))
	r.key.Resize(k)
}

func (r *buttonRenderer) Refresh() {
	r.words.Text, r.key.Text = r.b.words, r.b.key
	r.words.TextSize = textBody
	ink, picked := fyne.ThemeColorName(theme.ColorNameForeground), colorActive
	if r.b.ink != "" {
		ink = r.b.ink
	}
	if r.b.picked != "" {
		picked = r.b.picked
	}
	r.words.Color, r.key.Color = themeColor(ink), themeColor(colorQuiet)
	if r.b.disabled {
		r.words.Color, r.key.Color = themeColor(theme.ColorNameDisabled), themeColor(theme.ColorNameDisabled)
	}
	r.ground.FillColor = color.Transparent
	switch {
	case r.b.active:
		r.ground.FillColor = themeColor(picked)
	case r.b.fill != "":
		r.ground.FillColor = themeColor(r.b.fill)
	}
	r.ground.StrokeWidth = 0
	if !r.b.disabled && (r.b.hovered || r.b.pressed) {
		over := themeColor(theme.ColorNameHover)
		if r.b.pressed {
			over = themeColor(theme.ColorNamePressed)
		}
		r.ground.FillColor = blend(r.ground.FillColor, over)
	}
	r.ground.Refresh()
	canvas.Refresh(r.words)
	canvas.Refresh(r.key)
	if r.icon != nil {
		r.icon.SetResource(r.iconResource())
	}
	r.Layout(r.b.Size())
}

func (r *buttonRenderer) iconResource() fyne.Resource {
	if s, ok := r.b.icon.(*strokeIcon); ok && r.b.disabled {
		return &strokeIcon{name: s.name, color: theme.ColorNameDisabled, svg: s.svg}
	}
	if s, ok := r.b.icon.(*strokeIcon); ok { // a fresh value: widget.Icon keeps the drawing of the same one
		return &strokeIcon{name: s.name, color: s.color, svg: s.svg}
	}
	return r.b.icon
}

// blend lays a translucent colour over another.
func blend(under, over color.Color) color.Color {
	u, okU := color.NRGBAModel.Convert(under).(color.NRGBA)
	o, okO := color.NRGBAModel.Convert(over).(color.NRGBA)
	if !okU || !okO || u.A == 0 {
		return over
	}
	mix := func(a, b uint8) uint8 { return uint8((int(a)*(255-int(o.A)) + int(b)*int(o.A)) / 255) }
	return color.NRGBA{mix(u.R, o.R), mix(u.G, o.G), mix(u.B, o.B), u.A}
}
