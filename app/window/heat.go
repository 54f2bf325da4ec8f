package window

import (
	"context"
	"fmt"
	"image"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"

	"coverslip/app"
	"coverslip/viewer"
)

// heatPanel is the legend of the heat map, with how strong it is and from which
// value on it is drawn. It floats above the slide while there is one.
type heatPanel struct {
	w         *Window
	object    *fyne.Container
	kind      app.HeatKind
	turn      int
	made      *app.Heat
	of        *app.OpenSlide // that a heat map made elsewhere belongs to
	making    *latest
	opacity   *slider
	threshold *slider
	title     *text
	low, high *text
}

const (
	heatOpacity = 0.55 // at first
	legendWidth = 150
)

func newHeatPanel(w *Window) *heatPanel {
	p := &heatPanel{w: w, making: newLatest()}
	p.title = boldText("", textSmall).fixed(legendWidth)
	p.low, p.high = newText("", textTiny, colorFrost).fixed(40), newText("", textTiny, colorFrost).fixed(90).trailing()
	p.title.color = colorGlass
	strip := canvas.NewImageFromImage(legendStrip(legendWidth, 8))
	strip.ScaleMode = canvas.ImageScaleFastest
	strip.SetMinSize(fyne.NewSize(legendWidth, 8))
	p.opacity = newSlider(w.tips, "How strong the heat map is", heatOpacity, func(float64) { p.show() })
	p.threshold = newSlider(w.tips, "From which value on it is drawn", 0, func(float64) { p.show() })
	off := newButton(w.tips, icon("reject"), "", "", "No heat map", func() { p.set(app.HeatNone); w.focus() }).onHUD().sized(22, 18)
	line := func(words string, s *slider) fyne.CanvasObject {
		name := newText(words, textTiny, colorFrost).fixed(48)
		return container.NewBorder(nil, nil, name, nil, s)
	}
	p.object = hud(vbox(3, container.NewBorder(nil, nil, nil, off, p.title), strip,
		container.NewBorder(nil, nil, p.low, p.high), line("Opacity", p.opacity), line("From", p.threshold)))
	p.object.Hide()
	return p
}

// legendStrip is the colours of a heat map, the lowest on the left.
func legendStrip(w, h int) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for x := range w {
		c := viewer.HeatColor((float64(x) + 0.5) / float64(w))
		for y := range h {
			m.Set(x, y, c)
		}
	}
	return m
}

// set shows another kind of heat map; the one that is shown goes away.
func (p *heatPanel) set(kind app.HeatKind) {
	if kind == p.kind {
		kind = app.HeatNone
	}
	p.kind = kind
	p.refresh()
}

// give shows a heat map that was made elsewhere; it goes with its slide.
func (p *heatPanel) give(h *app.Heat) {
	if h == nil || p.w.open == nil {
		return
	}
	p.kind, p.of = h.Kind, p.w.open
	p.turn++
	p.made = h
	p.show()
}

// given tells whether the heat map of a kind is made elsewhere.
func given(kind app.HeatKind) bool { return kind > app.HeatScores }

// refresh makes the heat map anew, in the background.
func (p *heatPanel) refresh() {
	if given(p.kind) {
		if p.of == p.w.open && p.made != nil {
			p.show()
			return
		}
		p.kind = app.HeatNone
	}
	open, kind, class := p.w.open, p.kind, p.w.class
	p.turn++
	turn := p.turn
	if open == nil || kind == app.HeatNone {
		p.made = nil
		p.show()
		return
	}
	p.making.do(func() {
		h := app.MakeHeat(context.Background(), open.Set, open.Item, kind, class)
		p.w.post(func() {
			if turn == p.turn && p.w.open == open {
				p.made = h
				p.show()
			}
		})
	})
}

// show gives the viewer the heat map as the sliders say.
func (p *heatPanel) show() {
	show(p.object, p.kind != app.HeatNone && p.w.open != nil)
	h := p.made
	if h == nil {
		p.w.viewer.SetHeatMap(nil)
		p.title.Set(p.words() + ": none")
		p.low.Set("")
		p.high.Set("")
		return
	}
	from := h.Low + p.threshold.value*(h.High-h.Low)
	p.w.viewer.SetHeatMap(&viewer.HeatMap{Values: h.Values, Cols: h.Cols, Rows: h.Rows, X: h.X, Y: h.Y, Cell: h.Cell,
		Low: h.Low, High: h.High, Threshold: from, Opacity: p.opacity.value})
	p.title.Set(p.words())
	p.low.Set(heatNumber(max(from, h.Low)))
	p.high.Set(heatNumber(h.High) + " " + h.Unit)
	p.object.Refresh()
}

func (p *heatPanel) words() string {
	if given(p.kind) && p.made != nil {
		return p.made.Title
	}
	switch p.kind {
	case app.HeatClass:
		name, _ := p.w.classOf(p.w.class)
		return "Density: " + name
	case app.HeatScores:
		return "Scores of suggestions"
	}
	return "Density of labels"
}

func heatNumber(v float64) string {
	if v >= 100 {
		return number(int(v + 0.5))
	}
	return fmt.Sprintf("%.2g", v)
}
