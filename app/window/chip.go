package window

import (
	"fmt"
	"image/color"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"
)

// channelInks are the colours offered for channels.
var channelInks = [...]color.RGBA{{64, 112, 255, 255}, {0, 200, 255, 255}, {0, 220, 90, 255}, {255, 215, 0, 255}, {255, 130, 0, 255},
	{255, 70, 70, 255}, {255, 60, 220, 255}, {160, 90, 255, 255}, {160, 160, 160, 255}, {255, 255, 255, 255}}

// askColour offers colours for a channel below its chip.
func (p *channelsPanel) askColour(i int, at fyne.CanvasObject) {
	if p.slide == nil || i >= len(p.display.Channels) || p.w.win.Canvas().Overlays().Top() != nil {
		return
	}
	var pop *popUp
	shut := func() {
		pop.Hide()
		p.w.focus()
	}
	give := func(c color.RGBA) {
		shut()
		p.display.Channels[i].Color = c
		p.levels.bins = nil
		p.apply()
	}
	chips := container.NewGridWithColumns(5)
	for _, c := range channelInks {
		chip := newColourChip(nil, 22, "", func(fyne.CanvasObject) { give(c) })
		chip.Set(c)
		chips.Add(chip)
	}
	code := newFormEntry(fmt.Sprintf("#%02x%02x%02x", p.display.Channels[i].Color.R, p.display.Channels[i].Color.G, p.display.Channels[i].Color.B))
	code.escape = shut
	code.OnSubmitted = func(text string) {
		var c color.RGBA
		if n, err := fmt.Sscanf(strings.TrimSpace(text), "#%02x%02x%02x", &c.R, &c.G, &c.B); n == 3 && err == nil {
			c.A = 255
			give(c)
		} else {
			p.w.status.say("A colour is written as #rrggbb.")
		}
	}
	name := boldText(p.slide.Stack().Channels[i].Name, textSmall).fixed(120)
	pop = newPopUp(padded(vbox(6, name, chips, code), 8, 8, 10, 10), p.w.win.Canvas(), shut)
	place := fyne.CurrentApp().Driver().AbsolutePositionForObject(at)
	pop.ShowAtPosition(place.AddXY(0, at.Size().Height+2))
	p.w.win.Canvas().Focus(pop.catcher)
}

// colourChip is a little square of a colour that can be pressed.
type colourChip struct {
	widget.BaseWidget
	square *canvas.Rectangle
	tapped func(at fyne.CanvasObject)
	tip    string
	tips   *tips
}

func newColourChip(t *tips, side float32, tip string, tapped func(at fyne.CanvasObject)) *colourChip {
	c := &colourChip{square: swatch(side), tapped: tapped, tip: tip, tips: t}
	c.ExtendBaseWidget(c)
	return c
}

// Set changes the colour.
func (c *colourChip) Set(to color.RGBA) { setSwatch(c.square, to) }

// CreateRenderer implements fyne.Widget.
func (c *colourChip) CreateRenderer() fyne.WidgetRenderer {
	return widget.NewSimpleRenderer(c.square)
}

// Cursor implements desktop.Cursorable.
func (c *colourChip) Cursor() desktop.Cursor { return desktop.PointerCursor }

// Tapped implements fyne.Tappable.
func (c *colourChip) Tapped(*fyne.PointEvent) {
	if c.tips != nil {
		c.tips.hide()
	}
	c.tapped(c)
}

// MouseIn implements desktop.Hoverable.
func (c *colourChip) MouseIn(*desktop.MouseEvent) {
	if c.tips != nil {
		c.tips.show(c, c.tip)
	}
}

// MouseMoved implements desktop.Hoverable.
func (c *colourChip) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (c *colourChip) MouseOut() {
	if c.tips != nil {
		c.tips.hide()
	}
}
