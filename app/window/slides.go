package window

import (
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"

	"coverslip/app"
)

// slidesPanel is the left panel: the slides of the project and what is known of
// the one that is open.
type slidesPanel struct {
	w      *Window
	object fyne.CanvasObject
	items  []app.SlideItem
	list   *rows
	head   *text
	empty  *fyne.Container
	thumbs *thumbs

	file     string // size and name of the open slide's file
	metaHead *text
	meta     *fyne.Container
}

const slideRow = 56

func newSlidesPanel(w *Window) *slidesPanel {
	p := &slidesPanel{w: w, thumbs: newThumbs(w)}
	p.head = newText("", textTiny, colorQuiet)
	p.list = newRows(slideRow, func() rowView { return newSlideRow() }, p.fill)
	p.list.chosen = func(i int) bool {
		return i < len(p.items) && w.open != nil && p.items[i].ID == w.open.Item.ID
	}
	p.list.tapped = func(i int, _ fyne.KeyModifier) { w.openSlide(p.items[i].ID) }

	words := newParagraph(textSmall, colorQuiet, 4)
	words.Set("No slides yet. Add one, or drop slide files here.")
	add := newButton(w.tips, icon("plus"), "Add slide…", "", "", func() { w.run("file.addSlide") }).filled()
	p.empty = padded(vbox(8, words, container.NewHBox(add)), 12, 8, 10, 10)
	slides := section("SLIDES", p.head, container.NewStack(p.list, p.empty))

	p.metaHead = newText("", textTiny, colorQuiet).trailing()
	p.meta = container.New(layout.NewFormLayout())
	meta := section("SLIDE", p.metaHead, container.NewVScroll(padded(p.meta, 5, 5, 8, 6)))
	split := container.NewVSplit(slides, meta)
	split.Offset = 0.66
	p.object = onPanel(split)
	return p
}

// slideRowView is what a row of the list is made of.
type slideRowView struct {
	row
	thumb   *canvas.Image
	missing *fyne.Container
	name    *text
	words   *text
	bar     *bar
}

func newSlideRow() rowView {
	v := &slideRowView{thumb: canvas.NewImageFromImage(nil), name: boldText("", 12).fixed(40),
		words: newText("", textTiny, colorQuiet).fixed(40), bar: newBar()}
	v.thumb.ScaleMode = canvas.ImageScaleFastest
	v.thumb.FillMode = canvas.ImageFillContain
	gone := canvas.NewImageFromResource(iconIn("missing", theme.ColorNameError))
	gone.FillMode = canvas.ImageFillContain
	v.missing = padded(gone, 12, 12, 16, 16)
	ground := canvas.NewRectangle(color.NRGBA{245, 245, 245, 255})
	ground.CornerRadius = 3
	place := container.NewGridWrap(fyne.NewSize(62, 47), container.NewStack(ground, padded(v.thumb, 2, 2, 2, 2), v.missing))
	lines := container.New(layout.NewCustomPaddedVBoxLayout(2), v.name, v.words, v.bar)
	v.box = padded(container.NewBorder(nil, nil, place, nil, padded(lines, 3, 0, 4, 4)), 4, 3, 5, 2)
	return v
}

// fill shows a slide in a row.
func (p *slidesPanel) fill(i int, o rowView) {
	v, ok := o.(*slideRowView)
	if !ok || i >= len(p.items) {
		return
	}
	item := p.items[i]
	v.name.Set(item.Name)
	if im := p.thumbs.get(item, p.list.body.Refresh); im != v.thumb.Image {
		v.thumb.Image = im
		v.thumb.Refresh()
	}
	if item.Missing != v.missing.Visible() {
		if item.Missing {
			v.missing.Show()
		} else {
			v.missing.Hide()
		}
	}
	v.words.Set(slideWords(item))
	v.words.color = colorQuiet
	if item.Missing {
		v.words.color = theme.ColorNameError
	}
	v.words.Refresh()
	all := item.Labels + item.Suggestions + item.Rejected
	if all == 0 || item.Suggestions == 0 && item.Rejected == 0 {
		v.bar.Hide()
		return
	}
	v.bar.Show()
	share, c := float64(item.Labels+item.Rejected)/float64(all), fyne.ThemeColorName(theme.ColorNamePrimary)
	if item.Suggestions == 0 {
		c = theme.ColorNameSuccess
	}
	v.bar.Set(share, c)
}

// slideWords says in a line how far a slide is.
func slideWords(item app.SlideItem) string {
	if item.Missing {
		return "file not found"
	}
	if item.Labels == 0 && item.Suggestions == 0 {
		return "no labels yet"
	}
	words := plural(item.Labels, "label")
	if item.Suggestions > 0 {
		words += " · " + number(item.Suggestions) + " to review"
	}
	return words
}

// update shows the list of slides anew.
func (p *slidesPanel) update() {
	p.head.Set("")
	if p.w.session != nil {
		p.head.Set(number(len(p.items)))
	}
	if len(p.items) == 0 {
		p.empty.Show()
	} else {
		p.empty.Hide()
	}
	p.list.Update(len(p.items))
}

// count takes over what was counted on the open slide, so that the list need
// not be read again after each edit.
func (p *slidesPanel) count(v survey) {
	for i := range p.items {
		if it := &p.items[i]; it.ID == v.slide {
			it.Labels, it.Suggestions, it.Rejected = v.labels.Total(), v.waiting, v.rejected
			p.list.body.Refresh()
		}
	}
}

// describe shows what is known of the open slide.
func (p *slidesPanel) describe() {
	p.meta.Objects = nil
	p.metaHead.Set("")
	open := p.w.open
	if open == nil {
		p.meta.Refresh()
		return
	}
	info, levels := open.Slide.Info(), open.Slide.Levels()
	add := func(name, value string) {
		if value == "" {
			return
		}
		p.meta.Add(newText(name, textSmall, colorQuiet))
		p.meta.Add(newText(value, textSmall, theme.ColorNameForeground).fixed(60))
	}
	scanner := info.Vendor
	if model := info.Properties["aperio.ScanScope ID"]; model != "" {
		scanner += " " + model
	}
	add("Scanner", scanner)
	if info.Objective > 0 {
		add("Objective", fmt.Sprintf("%g×", info.Objective))
	}
	add("Size", number(levels[0].Width)+" × "+number(levels[0].Height)+" px")
	add("Pixel", pixelWords(info.MPPX, info.MPPY))
	if info.MPPX <= 0 && p.w.cmds.CanDo("edit.scale") {
		give := newButton(p.w.tips, nil, "Set µm per pixel…", "", "The file does not say it: lengths and areas are in pixels, and models and exports wait for it", func() { p.w.run("edit.scale") })
		give.fill = colorChip
		p.meta.Add(newText("", textSmall, colorQuiet))
		p.meta.Add(container.NewHBox(give))
	}
	if info.MPPX > 0 {
		add("Extent", extentWords(float64(levels[0].Width)*info.MPPX, float64(levels[0].Height)*info.MPPY))
		from := info.MPPFrom
		if from == app.ScaleByUser {
			from = "you, or who worked before you"
		}
		add("Scale from", from)
	}
	add("Levels", levelWords(levels[len(levels)-1].Downsample, len(levels)))
	add("Colours", open.Colour.String())
	add("File", p.file)
	add("Folder", app.FolderOf(info.Path))
	add("Case", open.Item.Case)
	add("Patient", open.Item.Patient)
	for _, warning := range info.Warnings {
		add("Note", warning)
	}
	p.metaHead.Set(strings.ToUpper(info.Format))
	p.meta.Refresh()
}

func levelWords(coarsest float64, n int) string {
	if n == 1 {
		return "1"
	}
	return fmt.Sprintf("%d, down to 1 : %.0f", n, coarsest)
}

// extentWords is the size of a slide given in µm.
func extentWords(x, y float64) string {
	if max(x, y) < 1000 {
		return fmt.Sprintf("%.0f × %.0f µm", x, y)
	}
	return fmt.Sprintf("%.1f × %.1f mm", x/1000, y/1000)
}

func pixelWords(x, y float64) string {
	switch {
	case x <= 0:
		return "size not known"
	case y <= 0 || x == y:
		return fmt.Sprintf("%.4g µm", x)
	}
	return fmt.Sprintf("%.4g × %.4g µm", x, y)
}

// fileWords says how large a file is, and its name. It asks the disk.
func fileWords(path string) string {
	name := filepath.Base(path)
	st, err := os.Stat(path)
	if err != nil || st.IsDir() {
		return name
	}
	return fileSize(st.Size()) + " · " + name
}

func fileSize(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.0f kB", float64(n)/1e3)
}

// number writes a count with thin spaces between thousands.
func number(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "\u2009" + s[i:]
	}
	return s
}

func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return number(n) + " " + noun
}
