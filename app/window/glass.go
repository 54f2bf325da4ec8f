package window

import (
	"context"
	"image"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"coverslip/annotate"
)

// prefGlass remembers whether the panel is shown.
const prefGlass = "panel.glass"

// glassHeight is the height of the pictures.
const glassHeight = 96

// glassPanel shows the label and the whole glass as the scanner photographed them.
type glassPanel struct {
	w        *Window
	object   *fyne.Container
	head     *text
	pictures *fyne.Container
	none     *text
	slide    annotate.ID
	on       bool
}

func newGlassPanel(w *Window) *glassPanel {
	p := &glassPanel{w: w, on: w.app.Preferences().Bool(prefGlass)}
	p.head = newText("", textTiny, colorQuiet)
	p.pictures = container.New(&pairLayout{gap: 4, height: glassHeight})
	p.none = newText("The file has no such pictures", textSmall, colorQuiet)
	body := padded(container.NewStack(p.pictures, container.NewCenter(p.none)), 5, 6, 8, 8)
	p.object = onPanel(container.NewVBox(newFill(theme.ColorNameSeparator, 0), section("LABEL AND GLASS", p.head, body)))
	p.object.Hide()
	return p
}

// toggle shows the panel or puts it away.
func (p *glassPanel) toggle() {
	p.on = !p.on
	p.w.app.Preferences().SetBool(prefGlass, p.on)
	p.update()
}

// update follows the slide that is open.
func (p *glassPanel) update() {
	open := p.w.open
	on := p.on && open != nil
	show(p.object, on)
	defer p.w.left.Refresh()
	if !on {
		p.slide = annotate.ID{}
		p.pictures.RemoveAll()
		return
	}
	if p.slide == open.Item.ID {
		return
	}
	p.slide = open.Item.ID
	p.pictures.RemoveAll()
	p.head.Set("")
	show(p.none, false)
	slide, names := p.slide, p.w.session.Associated(open)
	p.w.reads.do(func() {
		type picture struct {
			name string
			im   *image.RGBA
		}
		var found []picture
		for _, name := range names {
			if name == "thumbnail" { // the overview shows as much
				continue
			}
			if im, err := open.Slide.AssociatedImage(context.Background(), name); err == nil {
				found = append(found, picture{name, im}) // one that is damaged is left out: the slide itself can be seen
			}
		}
		p.w.post(func() {
			if p.slide != slide {
				return
			}
			names := ""
			for _, f := range found {
				im := canvas.NewImageFromImage(f.im)
				im.FillMode, im.ScaleMode = canvas.ImageFillContain, canvas.ImageScaleSmooth
				p.pictures.Add(im)
				if names != "" {
					names += ", "
				}
				names += f.name
			}
			p.head.Set(names)
			show(p.none, len(found) == 0)
			p.w.left.Refresh()
		})
	})
}
