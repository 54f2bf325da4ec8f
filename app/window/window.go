package window

import (
	"io"
	"sync"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/widget"

	"coverslip/annotate"
	"coverslip/app"
	"coverslip/viewer"
)

// Options of a window.
type Options struct {
	Session app.Options        // author, cache and model for every project opened here
	Suggest app.SuggestOptions // how suggestions are made; zero is usable
	Width   float32            // of the window, Fyne units; 0 is as it was left last time, first 1280
	Height  float32            // of the window, Fyne units; 0 is as it was left last time, first 800
	Theme   string             // "dark", "light", "contrast"; "" is as it was left last time, first dark
	Trim    bool               // memory that opening a slide left behind is given back to the system soon after
	Demo    string             // folder of the demo project, offered at the start; "" for none
	AskWho  bool               // a person who never said a name is asked for it at the first label
	Debug   io.Writer          // where a line is written when a slide is shown or an edit saved, on any goroutine; nil for nowhere
	Frames  io.Writer          // where a line is written for every frame (frameHead); nil for nowhere
	Grab    Grab               // reads what was painted; nil where that cannot be done
	Told    func(app.Problem)  // hears of every problem that the window shows, on Fyne's goroutine; nil for nobody
}

// Window is one window of the program with at most one project in it.
type Window struct {
	app  fyne.App
	win  fyne.Window
	opts Options
	cmds *app.Commands

	session   *app.Session             // nil: nothing open
	open      *app.OpenSlide           // nil: no slide open
	stop      func()                   // ends the subscription to session
	turn      int                      // counts what was opened; answers to older questions are dropped
	opening   string                   // name of what is being opened; "" when nothing is
	openShare float64                  // of it that is read, 0..1; 0 where that is not told
	openStop  func()                   // ends the opening begun last; nil before the first
	cover     *cover                   // what was seen of the current slide
	turns     *orientation             // how it is turned
	stood     map[annotate.ID]turnJSON // how slides were left: what is written may still be on its way
	panes     []*pane                  // the slides side by side, at least one
	active    *pane                    // the one that has the keyboard
	places    []bookmark               // of the project
	heading   *bookmark                // where to go once its slide is open; nil: nowhere
	survey    survey                   // what the current slide holds, as last counted
	counted   []afterCount             // what waits for a count
	countTurn int                      // how many counts were asked for

	edits      *lane   // what changes the project
	reads      *lane   // pixels of crops
	thumbReads *lane   // thumbnails, which take longer
	counts     *latest // counting of labels
	listing    *latest // listing of slides
	news       news    // events that were not looked at yet

	asked     bool                 // who works was asked for since the program was started
	altWatch  bool                 // Alt was held for the mouse, see altUsed
	drawing   int                  // shapes on their way to the disk
	classNext string               // number key pressed meanwhile
	class     annotate.ID          // what new labels get; zero: unclassified
	hidden    map[annotate.ID]bool // classes that are not shown
	overlay   bool                 // annotations are shown
	threshold float64              // least score of "accept all"

	viewer     *viewer.Viewer
	tips       *tips
	root       *fyne.Container
	toolbar    *toolbar
	dock       *dock
	left       *fyne.Container // slides and channels
	rightSplit *container.Split
	right      *fyne.Container // classes, suggestions and labels
	slides     *slidesPanel
	channels   *channelsPanel
	adjust     *adjustPanel
	glass      *glassPanel
	heat       *heatPanel
	text       *textPanel
	prompter   *prompter
	looked     *looked // attention that was shown last; nil when none was
	centre     *centre
	compare    *compareBar
	classes    *classesPanel
	queue      *queuePanel
	review     *reviewPanel
	finds      *foundPanel
	labels     *labelsPanel
	sheet      *sheetPanel // the table of measures, below the slide
	status     *statusBar
	problem    *problemBar
	start      *startPage
	menuShown  *widget.PopUpMenu // the context menu shown last
	files      *fileDialog       // that is open; nil when none is
	dialog     dialog.Dialog     // the one that is open; nil when none is
	closing    sync.Once

	menuItems map[string]*fyne.MenuItem // by the command's id
	shortcuts []fyne.Shortcut           // that the canvas listens to
	post      func(func())              // runs a function on Fyne's goroutine
	quietly   func(func())              // the same for what no panel shows
	frames    *frameLog                 // nil: nobody measures
	stills    *stills
	seen      int          // pixels of slides in all panes, as the session knows
	seenBy    *app.Session // that knows
	trim      *time.Timer  // of trimSoon
}

// New makes a window; Show makes it visible. The app must exist, since fonts
// and colours come from it.
func New(a fyne.App, o Options) (*Window, error) { return newWindow(a, o, fyne.Do) }

// newWindow is New with the way to Fyne's goroutine, which a test replaces by
// one it can wait for.
func newWindow(a fyne.App, o Options, post func(func())) (*Window, error) {
	var frames *frameLog
	if o.Frames != nil {
		if frames = newFrameLog(o.Frames, post); frames != nil {
			post = frames.timed
		}
	}
	still, quietly := newStills(o.Grab), post
	if o.Grab != nil {
		post = func(f func()) { quietly(func() { still.changed(); f() }) }
	}
	o.Session.RawColour = o.Session.RawColour || a.Preferences().Bool(prefRaw)
	if o.Session.Model == "" {
		o.Session.Model = a.Preferences().String(prefModel)
	}
	w := &Window{app: a, opts: o, cmds: app.NewCommands(), tips: newTips(post), hidden: map[annotate.ID]bool{}, overlay: true,
		threshold: 0.8, edits: newLane(), reads: newLane(), thumbReads: newLane(), counts: newLatest(), listing: newLatest(),
		menuItems: map[string]*fyne.MenuItem{}, post: post, quietly: quietly, frames: frames, stills: still}
	w.prompter = newPrompter(w)
	theme := o.Theme
	if theme == "" {
		theme = a.Preferences().StringWithFallback(prefTheme, "dark")
	}
	a.Settings().SetTheme(themeNamed(theme))
	if size := w.remembered(); o.Width <= 0 || o.Height <= 0 {
		o.Width, o.Height = size.Width, size.Height
	}
	w.win = a.NewWindow("Coverslip")
	w.stills.canvas = w.win.Canvas
	w.stills.elsewhere = w.typing
	w.win.SetIcon(appIcon())
	w.win.SetPadded(false)
	if err := w.bind(); err != nil {
		return nil, err
	}
	w.takeKeys()
	w.build()
	w.win.Resize(fyne.NewSize(o.Width, o.Height))
	w.win.SetMainMenu(w.menu())
	w.listen()
	w.win.SetOnDropped(w.dropped)
	w.win.SetCloseIntercept(w.quit)
	w.showAll()
	return w, nil
}

// Names of what is remembered between runs.
const (
	prefTheme   = "theme"
	prefLeft    = "panel.left.width"
	prefRight   = "panel.right.width"
	prefFill    = "overlay.fill"
	prefOpacity = "overlay.opacity"
	prefRaw     = "colour.raw"
	prefGroup   = "slides.byCase"

	prefLeftSplit  = "panel.left.split"
	prefRightSplit = "panel.right.split"
	prefRecent     = "recent"
	prefFolder     = "folder"
	prefAuthor     = "author"
)

// build makes the window's content.
func (w *Window) build() {
	p := w.app.Preferences()
	w.status = newStatusBar(w)
	w.problem = newProblemBar(w)
	w.panes = []*pane{newPane(w)}
	w.use(w.panes[0])
	w.toolbar = newToolbar(w)
	w.slides = newSlidesPanel(w)
	w.channels = newChannelsPanel(w)
	w.adjust = newAdjustPanel(w)
	w.glass = newGlassPanel(w)
	w.compare = newCompareBar(w)
	w.centre = newCentre(w)
	w.classes = newClassesPanel(w)
	w.queue = newQueuePanel(w)
	w.review, w.finds = newReviewPanel(w), newFoundPanel(w)
	w.review.around = container.NewBorder(nil, container.NewVBox(w.finds.object, w.review.object), nil, nil, w.centre.object)
	w.labels = newLabelsPanel(w)
	w.sheet = newSheetPanel(w)
	w.start = newStartPage(w)

	low := container.NewVSplit(w.queue.object, w.labels.object)
	low.Offset = p.FloatWithFallback(prefRightSplit, 0.66)
	w.rightSplit = low
	w.right = container.New(&rightLayout{w.classes}, w.classes.object, low)
	w.text = newTextPanel(w)
	w.left = container.NewBorder(nil, container.NewVBox(w.glass.object, w.channels.object, w.adjust.object), nil, nil, w.slides.object)
	w.dock = newDock(w.stills.panel(w.left), container.NewBorder(nil, nil, w.stills.panel(w.toolbar.strip), nil, newTray(w.review.around, w.sheet)),
		w.stills.panel(onPanel(container.NewStack(w.right, w.text.object))),
		float32(p.FloatWithFallback(prefLeft, 232)), float32(p.FloatWithFallback(prefRight, 292)))
	w.dock.leftShut, w.dock.rightShut = p.Bool(prefLeftShut), p.Bool(prefRightShut)
	w.dock.changed = w.keepLayout
	w.inPanes(w.toolbar.strong.apply)

	top := container.NewVBox(w.stills.panel(w.toolbar.object), w.problem.object)
	content := container.NewBorder(top, w.status.object, nil, nil, container.NewStack(w.dock, w.start.object))
	w.root = container.NewStack(content, w.tips.layer)
	if w.opts.Grab != nil {
		w.root.Add(&w.stills.mark)
	}
	if w.frames != nil {
		w.frames.watch(w)
	}
	w.win.SetContent(w.root)
}

// Fyne is the window in Fyne's terms.
func (w *Window) Fyne() fyne.Window { return w.win }

// Show makes the window visible.
func (w *Window) Show() {
	w.win.Show()
	w.focus()
}

// focus gives the keyboard to the viewer, where single keys are commands.
func (w *Window) focus() {
	if c := w.win.Canvas(); c != nil && c.Overlays().Top() == nil {
		if w.open != nil {
			c.Focus(w.viewer)
		} else {
			c.Unfocus()
		}
	}
}

// typing tells whether the keyboard is not the slide's.
func (w *Window) typing() bool {
	c := w.win.Canvas()
	if c.Overlays().Top() != nil {
		return true
	}
	switch c.Focused().(type) {
	case nil, *viewer.Viewer:
		return false
	}
	return true
}

// light tells which theme is in use.
func (w *Window) light() bool {
	t, ok := w.app.Settings().Theme().(*Theme)
	return ok && t.Light
}

// title says what is open: slide — project — program.
func (w *Window) title() {
	t := "Coverslip"
	if w.session != nil {
		name := w.session.Name()
		if w.session.ReadOnly() {
			name += " (read-only)"
		}
		t = name + " — " + t
		if w.open != nil {
			t = w.open.Item.Name + " — " + t
		}
	}
	w.win.SetTitle(t)
}

// showAll brings every panel up to what is open.
func (w *Window) showAll() {
	w.title()
	if w.session == nil {
		w.dock.Hide()
		w.start.object.Show()
		w.start.update()
	} else {
		w.start.object.Hide()
		w.dock.Show()
	}
	w.slides.update()
	w.slides.describe()
	w.channels.update()
	w.adjust.update()
	w.glass.update()
	w.centre.update()
	w.classes.update()
	w.queue.update()
	w.review.arrange()
	w.labels.update()
	w.text.update()
	w.status.update()
	w.toolbar.update()
	w.menuState()
}
