package window

import (
	"os"
	"path/filepath"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
)

// startPage is what a person sees with nothing open.
type startPage struct {
	w      *Window
	object *fyne.Container
	recent *fyne.Container
	demo   *button
	busy   *text
	stop   *button // gives up what is being opened
}

func newStartPage(w *Window) *startPage {
	p := &startPage{w: w, recent: vbox(1), busy: newText("", textBody, colorQuiet)}
	p.busy.align = fyne.TextAlignCenter
	p.stop = w.newStop()
	logo := canvas.NewImageFromResource(appIcon())
	logo.FillMode = canvas.ImageFillContain
	logo.SetMinSize(fyne.NewSize(84, 84))
	name := boldText("Coverslip", 24)
	name.align = fyne.TextAlignCenter
	line := newText("Look at whole slides, label them, let a model suggest, decide.", textBody, colorQuiet)
	line.align = fyne.TextAlignCenter
	drop := newText("or drop a slide file or a project folder on this window", textSmall, colorQuiet)
	drop.align = fyne.TextAlignCenter
	big := func(id, iconName, words string) *button {
		return newButton(w.tips, icon(iconName), words, "", "", func() { w.run(id) }).filled().sized(150, 36)
	}
	p.demo = newButton(w.tips, icon("demo"), "Demo", "", "A generated slide with labels and suggestions", func() { w.Open(w.opts.Demo) }).filled().sized(100, 36)
	buttons := hbox(8, big("file.open", "slide", "Open slide…"), big("file.openProject", "open", "Open project…"), p.demo)
	column := vbox(10, container.NewCenter(logo), name, line, padded(container.NewCenter(buttons), 12, 2, 0, 0), drop, p.busy, container.NewCenter(p.stop), p.recent)
	p.object = container.NewStack(newFill(colorPanel, 0), container.NewCenter(column))
	return p
}

// recentMost is how many recent projects are offered.
const recentMost = 6

// update shows the recent projects that are still there.
func (p *startPage) update() {
	show(p.demo, p.w.opts.Demo != "")
	p.busy.Set("")
	show(p.stop, p.w.opening != "" && p.w.openShare > 0)
	if p.w.opening != "" {
		p.busy.Set(p.w.openingWords())
	}
	paths := p.w.app.Preferences().StringList(prefRecent)
	p.w.thumbReads.do(func() { // a drive that does not answer must not stop the window
		var there []recentPath
		for _, path := range paths {
			if st, err := os.Stat(path); err == nil && len(there) < recentMost {
				there = append(there, recentPath{path, st.IsDir()})
			}
		}
		p.w.post(func() { p.show(there) })
	})
}

// recentPath is what was opened lately and is still there.
type recentPath struct {
	path   string
	folder bool
}

func (p *startPage) show(there []recentPath) {
	p.recent.Objects = nil
	for i, r := range there {
		if i == 0 {
			p.recent.Add(padded(boldText("Recent", textSmall), 10, 2, 6, 0))
		}
		p.recent.Add(newRecent(p.w, r))
	}
	p.recent.Refresh()
}

// newRecent is the line of one recent slide or project.
func newRecent(w *Window, r recentPath) fyne.CanvasObject {
	path, picture := r.path, "slide"
	if r.folder {
		picture = "open"
	}
	b := newButton(w.tips, icon(picture), filepath.Base(path), "", path, func() { w.Open(path) })
	b.leading = true
	folder := newText(filepath.Dir(path), textSmall, colorQuiet).fixed(180)
	folder.shorten = func(s string, width float32) string { return cutFront(s, width, folder.size) }
	return container.NewBorder(nil, nil, nil, padded(folder, 0, 0, 8, 8), b.sized(220, 26))
}

// cutFront shortens a path at its front, where the least is lost.
func cutFront(s string, width, size float32) string {
	runes := []rune(s)
	for i := range runes {
		line := string(runes[i:])
		if i > 0 {
			line = "…" + line
		}
		if fyne.MeasureText(line, size, fyne.TextStyle{}).Width <= width {
			return line
		}
	}
	return ""
}
