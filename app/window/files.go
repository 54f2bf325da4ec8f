package window

import (
	"context"
	"image"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"coverslip/app"
)

// fileChoice is what a person is to choose.
type fileChoice struct {
	title   string
	purpose string                 // the last folder is remembered by it
	keep    func(name string) bool // which files are shown; nil: all
	words   string                 // of the button: "Open"
	slides  bool                   // with pictures
	folder  bool                   // a folder is chosen, not a file
	project bool                   // the folder of a project is chosen
	then    func(path string)
}

// fileDialog lets a person choose a file or a folder. Typing filters, arrows
// choose, Enter opens, Backspace goes up. Nothing of it waits for the disk.
type fileDialog struct {
	w      *Window
	choice fileChoice
	dialog dialog.Dialog
	ctx    context.Context // ends with the dialog
	cancel context.CancelFunc

	dir     string
	turn    int // counts the folders asked for
	all     []app.FolderEntry
	shown   []app.FolderEntry
	current int
	wanted  string // the name to choose once a folder is listed

	place  *formEntry
	filter *fileFilter
	list   *rows
	state  *text
	use    *widget.Button

	reads    *lane
	previews map[string]filePreview
	pending  map[string]bool
	asked    atomic.Int64 // counts the previews asked for
	picture  *canvas.Image
	name     *text
	about    *paragraph
}

// filePreview is what is known of a file: a picture, or why there is none.
type filePreview struct {
	picture image.Image
	words   string
	wrong   bool
}

const (
	fileRow     = 46
	fileSide    = 320 // of the picture to the right, pixels
	filesKept   = 400 // previews in memory
	filesInView = 60  // a preview asked for so long ago is of a row scrolled past
)

// fileFilter is the entry by which the whole dialog is used by keys.
type fileFilter struct {
	formEntry
	keys func(*fyne.KeyEvent) bool
}

// TypedKey implements fyne.Focusable.
func (e *fileFilter) TypedKey(k *fyne.KeyEvent) {
	if !e.keys(k) {
		e.formEntry.TypedKey(k)
	}
}

// AcceptsTab implements fyne.Tabbable: Tab goes to the next field, as elsewhere.
func (e *fileFilter) AcceptsTab() bool { return false }

// chooseFile opens the dialog.
func (w *Window) chooseFile(c fileChoice) {
	d := &fileDialog{w: w, choice: c, reads: newLane(), previews: map[string]filePreview{}, pending: map[string]bool{}, current: -1}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.build()
	below := w.dialog // a form that asked for a folder
	w.files = d
	w.shown(d.dialog, 980, 640)
	d.dialog.SetOnClosed(func() {
		d.cancel()
		w.dialog, w.files = below, nil
		w.focus()
	})
	w.win.Canvas().Focus(d.filter)
	d.goTo(w.folderFor(c.purpose), "")
}

// folderFor is where a dialog of a purpose begins: where the last one of it
// ended, else any, else the user's own folder.
func (w *Window) folderFor(purpose string) string {
	p := w.app.Preferences()
	for _, dir := range []string{p.String(prefFolder + "." + purpose), p.String(prefFolder)} {
		if dir != "" {
			return dir
		}
	}
	if home, err := os.UserHomeDir(); err == nil {
		return home
	}
	return string(filepath.Separator)
}

func (d *fileDialog) build() {
	w := d.w
	d.place = newFormEntry("")
	d.place.escape = d.hide
	d.place.OnSubmitted = func(path string) { d.goTo(path, ""); w.win.Canvas().Focus(d.filter) }
	up := newButton(w.tips, nil, "Up", "", "The folder around this one  (Backspace)", d.up).filled().sized(40, 28)
	d.filter = &fileFilter{keys: d.key}
	d.filter.ExtendBaseWidget(d.filter)
	d.filter.SetPlaceHolder("Type to filter · arrow keys choose · Enter opens · Backspace goes up")
	d.filter.OnChanged = func(string) { d.arrange() }
	d.filter.OnSubmitted = func(string) { d.take() }

	d.list = newRows(fileRow, func() rowView { return newFileRow(d.choice.slides) }, d.fill)
	d.list.chosen = func(i int) bool { return i == d.current }
	d.list.tapped = func(i int, _ fyne.KeyModifier) {
		again := i == d.current
		d.choose(i)
		if again || d.shown[i].Folder && !whole(d.shown[i]) && !d.choice.folder { // a second click, as Enter
			d.take()
		}
		w.win.Canvas().Focus(d.filter)
	}
	d.state = newText("", textSmall, colorQuiet).fixed(80)
	d.use = widget.NewButton(d.choice.words, d.take)
	d.use.Importance = widget.HighImportance
	d.use.Disable()
	cancel := widget.NewButton("Cancel", d.hide)

	d.picture = canvas.NewImageFromImage(nil)
	d.picture.FillMode = canvas.ImageFillContain
	d.name, d.about = boldText("", textBody).fixed(80), newParagraph(textSmall, colorQuiet, 9)
	side := container.New(&widthLayout{width: 250}, container.NewBorder(nil, nil, nil, nil,
		vbox(6, container.NewGridWrap(fyne.NewSize(250, 210), d.picture), d.name, d.about)))
	body := container.NewBorder(
		vbox(4, container.NewBorder(nil, nil, nil, up, d.place), d.filter),
		container.NewBorder(nil, nil, nil, hbox(6, cancel, d.use), d.state),
		d.places(), nil, d.list)
	if d.choice.slides {
		body = container.NewBorder(nil, nil, nil, padded(side, 0, 0, 8, 0), body)
	}
	d.dialog = dialog.NewCustomWithoutButtons(d.choice.title, body, w.win)
}

// places are the folders that are one click away.
func (d *fileDialog) places() fyne.CanvasObject {
	list := vbox(1)
	add := func(name, dir string) {
		b := newButton(d.w.tips, icon("open"), name, "", dir, func() {
			d.goTo(dir, "")
			d.w.win.Canvas().Focus(d.filter)
		}).sized(120, 26)
		b.leading = true
		list.Add(b)
	}
	if home, err := os.UserHomeDir(); err == nil {
		add("Home", home)
	}
	if s := d.w.session; s != nil {
		add("Project", filepath.Dir(s.Dir()))
	}
	if open := d.w.open; open != nil && !app.IsAddress(open.Item.Path) {
		add("This slide", filepath.Dir(open.Item.Path))
	}
	add("Computer", string(filepath.Separator))
	for i, path := range d.w.app.Preferences().StringList(prefRecent) {
		if i < 5 {
			add(filepath.Base(filepath.Dir(path)), filepath.Dir(path))
		}
	}
	return padded(container.New(&widthLayout{width: 126}, list), 2, 0, 0, 6)
}

func (d *fileDialog) hide() { d.dialog.Hide() }

// goTo lists a folder in the background and chooses an entry of it. A file goes
// to its folder.
func (d *fileDialog) goTo(dir, choose string) {
	if strings.HasPrefix(dir, "~") {
		if home, err := os.UserHomeDir(); err == nil {
			dir = home + dir[1:]
		}
	}
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	d.turn++
	turn := d.turn
	d.state.Set("Reading " + dir + " …")
	d.state.SetColor(colorQuiet)
	go func() { // not on a lane: a drive that does not answer must not hold up the next folder
		if st, err := os.Stat(dir); err == nil && !st.IsDir() {
			dir, choose = filepath.Dir(dir), filepath.Base(dir)
		}
		entries, cut, err := app.ListFolder(d.ctx, dir, d.choice.keep)
		d.w.post(func() {
			if turn != d.turn || d.ctx.Err() != nil {
				return
			}
			if err != nil {
				p := app.Explain(err)
				d.state.Set(p.Title + " · " + p.Hint)
				d.state.SetColor(theme.ColorNameError)
				return
			}
			d.listed(dir, choose, entries, cut)
		})
	}()
}

func (d *fileDialog) listed(dir, choose string, entries []app.FolderEntry, cut bool) {
	d.dir, d.all, d.wanted = dir, entries, choose
	d.place.SetText(dir)
	d.filter.SetText("")
	d.state.Set(d.counted(cut))
	d.arrange()
}

// counted says how much a folder holds; where a folder is asked for, files are
// not listed and counted apart.
func (d *fileDialog) counted(cut bool) string {
	words := strings.Replace(plural(len(d.all), "entry"), "entrys", "entries", 1)
	if d.choice.folder || d.choice.project {
		folders := 0
		for _, e := range d.all {
			if e.Folder {
				folders++
			}
		}
		words = plural(folders, "folder")
		if folders == 0 {
			words = "No folder in it"
		}
		if files := len(d.all) - folders; files > 0 {
			words += " · " + plural(files, "file") + ", not listed"
		}
	}
	if cut {
		return "Of the first " + strconv.Itoa(len(d.all)) + ": " + words
	}
	return words
}

// arrange shows the entries that pass the filter.
func (d *fileDialog) arrange() {
	query := strings.ToLower(strings.TrimSpace(d.filter.Text))
	d.shown, d.current = d.shown[:0], -1
	for _, e := range d.all {
		if (!d.choice.folder && !d.choice.project || e.Folder) && strings.Contains(strings.ToLower(e.Name), query) {
			if e.Name == d.wanted {
				d.current = len(d.shown)
			}
			d.shown = append(d.shown, e)
		}
	}
	if d.current < 0 && query != "" && len(d.shown) > 0 {
		d.current = 0
	}
	d.wanted = ""
	d.list.Update(len(d.shown))
	d.choose(d.current)
}

// choose marks an entry and shows what it is.
func (d *fileDialog) choose(i int) {
	if i >= len(d.shown) {
		i = len(d.shown) - 1
	}
	d.current = i
	d.list.Reveal(i)
	d.list.body.Refresh()
	d.describe()
}

// describe shows the chosen entry to the right, and whether it can be used.
func (d *fileDialog) describe() {
	can := d.choice.folder || d.choice.project
	d.picture.Image = nil
	d.name.Set("")
	d.about.Set("")
	if d.current >= 0 {
		e := d.shown[d.current]
		d.name.Set(e.Name)
		can = true
		if e.Folder {
			d.about.Set(map[bool]string{true: "A project", false: "A folder"}[e.Project])
		} else if d.choice.slides {
			p, ok := d.preview(e)
			d.picture.Image = p.picture
			words := p.words
			if !ok {
				words = "Looking …"
			}
			d.about.Set(fileSize(e.Size) + " · " + e.Changed.Format("2006-01-02 15:04") + " · " + words)
			d.about.color = colorQuiet
			if p.wrong {
				d.about.color = theme.ColorNameError
				can = false
			}
			d.about.Refresh()
		}
	}
	d.picture.Refresh()
	if can {
		d.use.Enable()
	} else {
		d.use.Disable()
	}
}

// preview is what is known of a file; it is read in the background.
func (d *fileDialog) preview(e app.FolderEntry) (filePreview, bool) {
	if p, ok := d.previews[e.Path]; ok || d.pending[e.Path] {
		return p, ok
	}
	d.pending[e.Path] = true
	turn := d.asked.Add(1)
	options := d.w.opts.Session
	d.reads.do(func() {
		if d.ctx.Err() != nil || d.asked.Load()-turn > filesInView { // asked for anew when it is seen again
			d.w.post(func() { delete(d.pending, e.Path) })
			return
		}
		p, err := app.PreviewSlide(d.ctx, e.Path, fileSide, options)
		d.w.post(func() {
			delete(d.pending, e.Path)
			if d.ctx.Err() != nil {
				return
			}
			found := filePreview{words: p.Words}
			if p.Picture != nil {
				found.picture = p.Picture
			}
			if err != nil {
				problem := app.Explain(err)
				found = filePreview{words: problem.Words(), wrong: true}
			}
			if len(d.previews) >= filesKept {
				clear(d.previews)
			}
			d.previews[e.Path] = found
			d.list.body.Refresh()
			if d.current >= 0 && d.shown[d.current].Path == e.Path {
				d.describe()
			}
		})
	})
	return filePreview{}, false
}

func (d *fileDialog) up() { d.goTo(filepath.Dir(d.dir), filepath.Base(d.dir)) }

// key takes the keys of the list while the filter has the keyboard.
func (d *fileDialog) key(k *fyne.KeyEvent) bool {
	page := max(1, int(d.list.Size().Height/fileRow)-1)
	switch k.Name {
	case fyne.KeyEscape:
		d.hide()
	case fyne.KeyDown:
		d.choose(d.current + 1)
	case fyne.KeyUp:
		d.choose(max(0, d.current-1))
	case fyne.KeyPageDown:
		d.choose(d.current + page)
	case fyne.KeyPageUp:
		d.choose(max(0, d.current-page))
	case fyne.KeyBackspace:
		if d.filter.Text != "" {
			return false
		}
		d.up()
	default:
		return false
	}
	return true
}

// take opens the folder that is chosen, or ends with the file.
func (d *fileDialog) take() {
	if d.current < 0 {
		if d.choice.folder || d.choice.project {
			d.end(d.dir)
		}
		return
	}
	e := d.shown[d.current]
	switch p := d.previews[e.Path]; {
	case e.Folder && (!whole(e) || d.choice.folder):
		d.goTo(e.Path, "")
	case p.wrong:
		d.describe()
	default:
		d.end(e.Path)
	}
}

// whole tells whether a folder is opened as one thing, not looked into.
func whole(e app.FolderEntry) bool {
	return e.Project || e.Folder && strings.EqualFold(filepath.Ext(e.Name), ".zarr")
}

// end closes the dialog, remembers the folder and gives the path on.
func (d *fileDialog) end(path string) {
	dir := filepath.Dir(path)
	if d.choice.folder {
		dir = path
	}
	p := d.w.app.Preferences()
	p.SetString(prefFolder+"."+d.choice.purpose, dir)
	d.hide()
	d.choice.then(path)
}

// fileRowView is what a row of a folder is made of.
type fileRowView struct {
	row
	thumb  *canvas.Image
	name   *text
	words  *text
	symbol *widget.Icon
}

func newFileRow(slides bool) rowView {
	v := &fileRowView{thumb: canvas.NewImageFromImage(nil), name: newText("", textBody, theme.ColorNameForeground).fixed(60),
		words: newText("", textTiny, colorQuiet).fixed(60), symbol: widget.NewIcon(icon("open"))}
	v.thumb.ScaleMode, v.thumb.FillMode = canvas.ImageScaleFastest, canvas.ImageFillContain
	place := container.NewGridWrap(fyne.NewSize(52, 40), container.NewStack(padded(v.symbol, 10, 10, 12, 12), v.thumb))
	v.box = padded(container.NewBorder(nil, nil, place, nil, padded(vbox(1, v.name, v.words), 5, 0, 6, 4)), 2, 2, 4, 4)
	return v
}

// fill shows an entry in a row.
func (d *fileDialog) fill(i int, o rowView) {
	v, ok := o.(*fileRowView)
	if !ok || i >= len(d.shown) {
		return
	}
	e := d.shown[i]
	v.name.Set(e.Name)
	ink, words := colorQuiet, ""
	var picture image.Image
	symbol := "slide"
	switch {
	case e.Project:
		words, symbol = "project", "project"
	case e.Folder:
		words, symbol = "folder", "open"
	default:
		words = fileSize(e.Size) + " · " + e.Changed.Format("2006-01-02 15:04")
		if d.choice.slides {
			p, _ := d.preview(e)
			picture = p.picture
			if p.wrong {
				words, ink, symbol = p.words, theme.ColorNameError, "missing"
			} else if p.words != "" {
				words += " · " + p.words
			}
		}
	}
	v.words.Set(words)
	v.words.SetColor(ink)
	if picture != v.thumb.Image {
		v.thumb.Image = picture
		v.thumb.Refresh()
	}
	show(v.symbol, picture == nil)
	if v.symbol.Resource.Name() != icon(symbol).Name() {
		v.symbol.SetResource(icon(symbol))
	}
}
