package window

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"coverslip/annotate"
	"coverslip/app"
)

// bookmark is a named place of a slide of the project.
type bookmark struct {
	Name  string  `json:"name"`
	Slide string  `json:"slide"` // identifier
	X     float64 `json:"x"`     // level-0 pixels, the middle of the view
	Y     float64 `json:"y"`
	Scale float64 `json:"scale"` // device pixels per level-0 pixel
}

const (
	bookmarksKey  = "bookmarks"
	bookmarksMost = 1000 // in a project
	bookmarkLong  = 100  // characters of a name
)

// bookmarks of a project, in the order they were made. What is no list of
// bookmarks is an error, so that it is not overwritten by a new one.
func bookmarks(s *app.Session) ([]bookmark, error) {
	text, ok := s.Setting(bookmarksKey)
	if !ok {
		return nil, nil
	}
	var list []bookmark
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, fmt.Errorf("bookmarks of the project: %w", err)
	}
	return list, nil
}

// changeBookmarks writes the list anew, after the edits before it. done, which
// may be nil, runs on Fyne's goroutine once it is on disk.
func (w *Window) changeBookmarks(change func([]bookmark) ([]bookmark, error), done func()) {
	var list []bookmark
	s := w.session
	w.write(func(s *app.Session) (err error) {
		if list, err = bookmarks(s); err != nil {
			return err
		}
		if list, err = change(list); err != nil {
			return err
		}
		text, err := json.Marshal(list)
		if err != nil {
			return err
		}
		return s.SetSetting(bookmarksKey, string(text))
	}, func(err error) {
		if err != nil || w.session != s {
			return
		}
		w.places = list
		if done != nil {
			done()
		}
	})
}

// readBookmarks takes up those of the project that was opened.
func (w *Window) readBookmarks() {
	w.places = nil
	s := w.session
	w.edits.do(func() {
		list, err := bookmarks(s)
		w.post(func() {
			if w.session == s {
				w.places = list
				w.fail(err)
			}
		})
	})
}

// askBookmark gives the place in view a name.
func (w *Window) askBookmark() {
	open, view := w.open, w.viewer.Viewport()
	name := newFormEntry("")
	name.SetPlaceHolder("Mitosis beside the vessel")
	w.form("Bookmark this place", "Keep", []*widget.FormItem{
		{Text: "Name", Widget: name, HintText: fmt.Sprintf("%s, %.0f, %.0f px", open.Item.Name, view.CX, view.CY)},
	}, []*formEntry{name}, func() error {
		b := bookmark{Name: strings.TrimSpace(name.Text), Slide: open.Item.ID.String(), X: view.CX, Y: view.CY, Scale: view.Scale}
		if b.Name == "" {
			return errors.New("the bookmark needs a name")
		}
		if len([]rune(b.Name)) > bookmarkLong {
			return fmt.Errorf("the name has more than %d characters", bookmarkLong)
		}
		w.changeBookmarks(func(list []bookmark) ([]bookmark, error) {
			if len(list) >= bookmarksMost {
				return nil, fmt.Errorf("the project has %d bookmarks already; remove some first", bookmarksMost)
			}
			return append(list, b), nil
		}, func() { w.status.say("Bookmarked: " + b.Name) })
		return nil
	})
}

// goBookmark goes to a place, opening its slide when another one is open.
func (w *Window) goBookmark(b bookmark) {
	if w.open != nil && w.open.Item.ID.String() == b.Slide {
		w.viewer.CenterOn(annotate.Point{X: b.X, Y: b.Y}, b.Scale)
		w.viewer.GoTo(annotate.Point{X: b.X, Y: b.Y})
		w.focus()
		return
	}
	for _, item := range w.slides.items {
		if item.ID.String() == b.Slide {
			w.heading = &b
			w.openSlide(item.ID)
			return
		}
	}
	w.fail(fmt.Errorf("bookmark %s: its slide is no longer in the project", b.Name))
}

// arrive goes to the bookmark whose slide was opened for it.
func (w *Window) arrive() {
	b := w.heading
	w.heading = nil
	if b != nil && w.open != nil && w.open.Item.ID.String() == b.Slide {
		w.viewer.CenterOn(annotate.Point{X: b.X, Y: b.Y}, b.Scale)
		w.viewer.GoTo(annotate.Point{X: b.X, Y: b.Y})
	}
}

// slideName is the name of a slide of the project, "" when it is gone.
func (w *Window) slideName(id string) string {
	for _, item := range w.slides.items {
		if item.ID.String() == id {
			return item.Name
		}
	}
	return ""
}

// findBookmarks are those the palette lists for a query.
func (w *Window) findBookmarks(query string) []finding {
	query = strings.ToLower(strings.TrimSpace(query))
	var found []finding
	for _, b := range w.places {
		if query == "" {
			break
		}
		if strings.Contains(strings.ToLower(b.Name), query) {
			found = append(found, finding{words: b.Name, kind: "Bookmark", enabled: true, run: func() { w.goBookmark(b) }})
		}
	}
	return found
}

// bookmarkRows is how many bookmarks are seen at once.
const bookmarkRows = 12

// openBookmarks lists the bookmarks of the project, to go to or to remove.
func (w *Window) openBookmarks() {
	if w.win.Canvas().Overlays().Top() != nil {
		return
	}
	list := w.places
	if len(list) == 0 {
		w.popUp("Bookmarks", newText("No places are bookmarked yet: Ctrl+B gives the one in view a name.", textBody, colorQuiet))
		return
	}
	away := func() {
		if top := w.win.Canvas().Overlays().Top(); top != nil {
			top.Hide()
		}
	}
	lines := vbox(1)
	for _, b := range list {
		slide := w.slideName(b.Slide)
		if slide == "" {
			slide = "slide is gone"
		}
		remove := newButton(w.tips, icon("reject"), "", "", "Remove the bookmark", func() {
			away()
			w.changeBookmarks(func(list []bookmark) ([]bookmark, error) {
				if i := slices.Index(list, b); i >= 0 {
					list = slices.Delete(list, i, i+1)
				}
				return list, nil
			}, func() {
				w.status.say("Removed the bookmark " + b.Name)
				w.openBookmarks()
			})
		}).sized(26, 24)
		remove.SetEnabled(!w.session.ReadOnly())
		to := newButton(nil, nil, b.Name, "", "", func() {
			away()
			w.goBookmark(b)
		}).sized(60, 26)
		to.leading = true
		lines.Add(container.NewBorder(nil, nil, nil, hbox(8, newText(slide, textSmall, colorQuiet).fixed(170).trailing(), remove), to))
	}
	var body fyne.CanvasObject = lines
	if len(list) > bookmarkRows {
		body = container.New(&heightLayout{height: bookmarkRows * 27}, container.NewVScroll(lines))
	}
	words := newText(plural(len(list), "place"), textSmall, theme.ColorNamePlaceHolder)
	w.popUp("Bookmarks", container.New(&widthLayout{width: 520}, vbox(6, body, words)))
}
