package window

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"coverslip/annotate"
	"coverslip/app"
)

// Open opens a slide file or a project folder. What cannot be opened is told in
// the window's problem bar; what was open before stays.
func (w *Window) Open(path string) {
	w.load(path, func(ctx context.Context, o app.Options) (*app.Session, annotate.ID, error) {
		return app.OpenAny(ctx, path, o)
	})
}

// create makes a new project in a folder and opens it.
func (w *Window) create(dir, name string) {
	w.load(dir, func(_ context.Context, o app.Options) (*app.Session, annotate.ID, error) {
		s, err := app.CreateProject(dir, name, o)
		return s, annotate.ID{}, err
	})
}

// load opens a project in the background and puts it in the window. The old
// one is closed first, since a project can be open only once.
func (w *Window) load(path string, open func(context.Context, app.Options) (*app.Session, annotate.ID, error)) {
	w.problem.dismiss()
	w.turn++
	turn := w.turn
	options := w.opts.Session
	if options.Author == "" {
		options.Author = w.app.Preferences().String(prefAuthor)
	}
	old := w.session
	same := old != nil && samePath(old.Dir(), path)
	if same { // it is closed before it is opened anew: what is still to be kept is kept now
		for _, p := range w.panes {
			p.cover.keep()
			p.turns.keep()
			p.cover.show(nil)
			p.turns.show(nil)
		}
	}
	ctx := w.beginOpening(app.BaseName(path))
	w.edits.do(func() {
		var closing error
		if same {
			closing = old.Close()
		}
		s, id, err := open(ctx, options)
		var items []app.SlideItem
		if err == nil {
			items = s.Slides()
		}
		w.post(func() {
			w.setOpening("")
			if turn != w.turn { // something else was asked for meanwhile
				if s != nil {
					w.edits.do(func() { w.failLater(s.Close()) })
				}
				return
			}
			if err == nil {
				err = closing
			}
			if err != nil {
				if same {
					w.detach()
					w.showAll()
				}
				w.fail(err)
				return
			}
			w.attach(s, items)
			w.remember(path)
			if id.IsZero() {
				w.openOneOf(w.firstSlides())
			} else {
				w.openSlide(id)
			}
		})
	})
}

func samePath(a, b string) bool {
	x, errX := filepath.Abs(a)
	y, errY := filepath.Abs(b)
	return errX == nil && errY == nil && filepath.Clean(x) == filepath.Clean(y)
}

// attach puts an opened project in the window; the one before is closed.
func (w *Window) attach(s *app.Session, items []app.SlideItem) {
	old := w.session
	w.detach()
	if old != nil {
		w.edits.do(func() { w.failLater(old.Close()) })
	}
	w.session = s
	w.stop = s.Subscribe(w.event)
	w.class = annotate.ID{}
	for _, c := range s.Palette() {
		if !c.Retired {
			w.class = c.ID
			break
		}
	}
	w.dress(w.viewer, w.viewer.Tool())
	w.readBookmarks()
	w.slides.items = items
	w.showAll()
	w.opened(s)
}

// detach takes the project out of the window without closing it.
func (w *Window) detach() {
	if w.stop != nil {
		w.stop()
		w.stop = nil
	}
	w.closeOthers()
	w.showSlide(nil)
	w.compare.forget()
	w.session, w.places, w.heading = nil, nil, nil
	w.slides.items = nil
	w.hidden = map[annotate.ID]bool{}
	w.viewer.SetHiddenClasses(w.hidden)
}

// closeProject closes the project; the window stays.
func (w *Window) closeProject() {
	old := w.session
	w.turn++
	w.detach()
	w.showAll()
	w.focus()
	if old != nil {
		w.edits.do(func() { w.failLater(old.Close()) })
	}
}

// quit closes the project and the window. Every edit is on disk already, so
// there is nothing to ask.
func (w *Window) quit() {
	w.closing.Do(func() {
		w.keepLayout()
		if w.frames != nil {
			w.frames.close()
		}
		w.win.Hide()
		old := w.session
		w.turn++
		w.detach()
		go func() {
			w.edits.wait()
			if old != nil {
				if err := old.Close(); err != nil {
					fmt.Fprintln(os.Stderr, "coverslip:", err)
				}
			}
			w.post(w.win.Close)
		}()
	})
}

// firstMost bounds how many slides of a project just opened are tried.
const firstMost = 8

// firstSlides are the slides to try of a project just opened, best first: those
// whose files are there, or else the first, so that it is told what is wrong.
func (w *Window) firstSlides() []annotate.ID {
	var ids []annotate.ID
	for _, item := range w.slides.items {
		if !item.Missing && len(ids) < firstMost {
			ids = append(ids, item.ID)
		}
	}
	if len(ids) == 0 && len(w.slides.items) > 0 {
		ids = append(ids, w.slides.items[0].ID)
	}
	return ids
}

// openSlide opens a slide of the project in the background and shows it. What
// was told of another slide is past with it.
func (w *Window) openSlide(id annotate.ID) {
	if id.IsZero() {
		w.focus()
		return
	}
	w.openOneOf([]annotate.ID{id})
}

// openOneOf opens the first of the slides that can be opened, in the background,
// and shows it. What is wrong with the first that cannot be is told.
func (w *Window) openOneOf(ids []annotate.ID) {
	s := w.session
	if s == nil || len(ids) == 0 {
		w.focus()
		return
	}
	w.problem.pass()
	if w.open != nil && w.open.Item.ID == ids[0] && !w.open.Outdated() && w.open.Untrusted() == w.opts.Session.Untrusted && w.open.RawColour() == w.opts.Session.RawColour {
		w.focus()
		return
	}
	if p := w.paneOf(ids[0]); p != nil && p != w.active && w.open != nil {
		w.activate(p)
		w.focus()
		return
	}
	p := w.active
	w.turn++
	p.turn++
	turn := p.turn
	paths, ctx := map[annotate.ID]string{}, context.Background()
	for _, item := range w.slides.items {
		paths[item.ID] = item.Path
		if item.ID == ids[0] {
			ctx = w.beginOpening(item.Name)
		}
	}
	panes := slices.Clone(w.panes)
	w.edits.do(func() {
		var open *app.OpenSlide
		var failed error
		file := ""
		for _, id := range ids {
			var err error
			if open, err = p.openInto(ctx, s, id, panes); err == nil {
				file = slideFileWords(s, open)
				break
			}
			if failed == nil {
				failed = &app.FileError{What: "slide", Path: paths[id], Err: err}
			}
		}
		var items []app.SlideItem
		if errors.Is(failed, app.ErrOtherSlide) {
			items = s.Slides()
		}
		w.post(func() {
			if s != w.session || turn != p.turn || !slices.Contains(w.panes, p) {
				return
			}
			w.setOpening("")
			if items != nil {
				w.slides.items = items // it counts as missing now, and can be looked for
				w.slides.update()
			}
			w.fail(failed)
			if open == nil {
				return
			}
			w.notify(incompleteWords(open))
			w.activate(p)
			w.takenOver(open)
			w.showSlide(open)
			w.slides.file = file
			w.showAll()
			w.focus()
			if w.opts.Debug != nil {
				fmt.Fprintf(w.opts.Debug, "coverslip: ready %s\n", open.Item.Name)
			}
		})
	})
}

// showSlide puts an opened slide, or nothing, into the viewer.
func (w *Window) showSlide(open *app.OpenSlide) {
	same := w.open != nil && open != nil && w.open.Item.ID == open.Item.ID
	view := w.viewer.Viewport()
	w.cover.keep()
	w.turns.keep()
	w.setOpen(open)
	w.unlayAll(w.active)
	w.channels.update()
	w.adjust.update()
	w.glass.update()
	w.survey, w.counted = survey{}, nil
	w.prompter.forget()
	w.queue.reset()
	w.labels.reset()
	w.text.closed()
	if open == nil {
		w.cover.show(nil)
		w.turns.show(nil)
		w.active.look(nil)
		w.viewer.SetObjects(nil, annotate.ID{})
		return
	}
	w.active.look(open)
	w.turns.show(open)
	if same || !w.active.beginLike() {
		w.cover.show(open)
	}
	if same && view.Valid() { // opened anew, by other decoders or in other colours
		w.viewer.CenterOn(annotate.Point{X: view.CX, Y: view.CY}, view.Scale)
	}
	w.arrive()
	w.joined(w.active, same)
	w.viewer.SetObjects(open.Set, open.Item.ID)
	w.heat.refresh()
	w.viewer.SetSelection(nil)
	w.recount()
	w.trimSoon()
}

// step opens the slide before or after the current one.
func (w *Window) step(by int) {
	items := w.slides.items
	for i, item := range items {
		if w.open != nil && item.ID == w.open.Item.ID {
			for j := i + by; j >= 0 && j < len(items); j += by {
				if w.paneOf(items[j].ID) == nil { // one in another pane stays there
					w.openSlide(items[j].ID)
					return
				}
			}
			return
		}
	}
	w.openOneOf(w.firstSlides())
}

// add puts slide files into the project and opens the last of them.
func (w *Window) add(paths []string) {
	s := w.session
	if s == nil || len(paths) == 0 {
		return
	}
	ctx := w.beginOpening(filepath.Base(paths[0]))
	w.edits.do(func() {
		var last annotate.ID
		var failed error
		for _, p := range paths {
			id, err := s.AddSlide(ctx, p)
			if err != nil {
				failed = errors.Join(failed, err)
				continue
			}
			last = id
		}
		items := s.Slides()
		w.post(func() {
			w.setOpening("")
			if s != w.session {
				return
			}
			w.slides.items = items
			w.showAll()
			if !last.IsZero() {
				w.openSlide(last)
			}
			if failed != nil {
				w.fail(failed)
			}
		})
	})
}

func (w *Window) setOpening(name string) {
	w.opening, w.openShare = name, 0
	w.start.stop.Hide()
	w.centre.update()
	w.status.update()
}

// remember puts a path at the head of the list of recent ones.
func (w *Window) remember(path string) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return
	}
	recent := []string{abs}
	for _, p := range w.app.Preferences().StringList(prefRecent) {
		if p != abs && len(recent) < 8 {
			recent = append(recent, p)
		}
	}
	w.app.Preferences().SetStringList(prefRecent, recent)
	if w.app.Preferences().String(prefFolder) == "" {
		w.keepFolder(filepath.Dir(abs))
	}
}

// write gives an edit to the session, after those before it. done, which may be
// nil, is called on Fyne's goroutine, with the edit's error.
func (w *Window) write(edit func(*app.Session) error, done func(error)) {
	s := w.session
	if s == nil {
		return
	}
	w.edits.do(func() {
		err := edit(s)
		w.post(func() {
			if err != nil {
				w.fail(err)
			}
			if done != nil {
				done(err)
			}
		})
	})
}

// fail shows an error in the problem bar; a cancelled action is none.
func (w *Window) fail(err error) {
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	problem := app.Explain(err)
	w.problem.show(problem)
	if w.opts.Told != nil {
		w.opts.Told(problem)
	}
}

// failLater is fail for other goroutines.
func (w *Window) failLater(err error) {
	if err != nil {
		w.post(func() { w.fail(err) })
	}
}

// Problem shows an error in the problem bar, for the program's wiring.
func (w *Window) Problem(err error) { w.fail(err) }
