package window

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"coverslip/annotate"
	"coverslip/app"
)

// bindKeeping says what the commands about people and the record do.
func (w *Window) bindKeeping(on func(id string, run func(), enabled func() bool)) {
	project := func() bool { return w.session != nil }
	writable := func() bool { return project() && !w.session.ReadOnly() }
	selected := func() bool { return w.open != nil && len(w.viewer.Selection()) > 0 }
	unsaved := func() bool { return project() && w.session.Unsaved() != nil }
	on("file.relink", w.askRelink, func() bool {
		return writable() && slices.ContainsFunc(w.slides.items, func(i app.SlideItem) bool { return i.Missing })
	})
	on("edit.author", w.askWho, nil)
	on("keep.sign", w.askSign, func() bool { return writable() && w.open != nil })
	on("keep.audit", w.askAudit, project)
	on("keep.copy", w.askCopy, project)
	on("keep.take", w.takeCopy, func() bool { return project() && w.session.CanTake() })
	on("keep.send", w.sendBack, func() bool { return writable() && w.session.Origin() != "" })
	on("keep.people", w.openPeople, writable)
	on("keep.passphrase", w.askPassphrase, func() bool { return writable() && w.signedIn() })
	on("keep.lock", w.lock, writable)
	on("keep.history", w.openHistory, func() bool { return w.open != nil && len(w.viewer.Selection()) == 1 })
	on("keep.trash", w.openTrash, func() bool { return w.open != nil })
	on("keep.deleteBecause", w.askDelete, func() bool { return writable() && selected() })
	on("keep.again", w.saveAgain, unsaved)
	on("keep.giveUp", func() { w.session.DiscardUnsaved() }, unsaved)
}

// opened tells what a person should know of the project just opened, signs in
// who worked last, and takes up what an earlier session could not save.
func (w *Window) opened(s *app.Session) {
	w.notify(s.Notices())
	name := w.opts.Session.Author
	if name == "" {
		name = w.app.Preferences().String(prefAuthor)
	}
	w.edits.do(func() {
		all, err := s.Users()
		for _, u := range all {
			if strings.EqualFold(u.Name, name) && !u.Retired && u.Secret == nil {
				err = errors.Join(err, s.SignIn(u.ID, ""))
			}
		}
		n, rerr := s.Rescued()
		w.post(func() {
			if w.session != s {
				return
			}
			w.fail(errors.Join(err, rerr))
			if n > 0 {
				w.status.say(fmt.Sprintf("Saved %s that the last session could not save.", plural(n, "edit")))
			}
			w.status.person()
			if words := readingWords(s); len(words) > 0 {
				w.status.say(strings.Join(words, " "))
			}
		})
	})
}

// notify tells sentences that are no errors in the problem bar.
func (w *Window) notify(sentences []string) {
	if len(sentences) == 0 {
		return
	}
	w.problem.notify(sentences)
}

// person shows who works.
func (s *statusBar) person() {
	session := s.w.session
	show(s.who, session != nil && !session.ReadOnly())
	if session == nil {
		return
	}
	words := "Who are you?"
	if me, ok := session.Me(); ok {
		words = me.Name + " · " + me.Role.String()
	} else if s.w.asked || s.w.app.Preferences().String(prefAuthor) != "" || s.w.opts.Session.Author != "" {
		words = session.Author()
	}
	if own, ok := session.OwnReading(); ok {
		words = own.Reader + " · " + string(own.Kind)
	}
	words = cut(words, 170, textSmall, fyne.TextStyle{})
	s.who.SetWords(words)
	s.who.sized(fyne.MeasureText(words, textSmall, fyne.TextStyle{}).Width+22, 18)
	s.object.Refresh()
}

// knownThen asks who works, once, before the first label; then, or when nobody
// answers, it goes on. What was drawn is never lost by that.
func (w *Window) knownThen(then func()) {
	s := w.session
	if s == nil || w.asked || !w.opts.AskWho || s.ReadOnly() {
		then()
		return
	}
	if _, ok := s.Me(); ok || s.Hidden() || w.app.Preferences().String(prefAuthor) != "" {
		then()
		return
	}
	w.asked = true
	// Not before the mouse button is up: the slide takes the keyboard with it.
	time.AfterFunc(afterDrawing, func() {
		w.post(func() {
			if w.session != s {
				return
			}
			w.askWhoThen(then)
		})
	})
}

// afterDrawing is how long the end of a drawing takes to go through.
const afterDrawing = 120 * time.Millisecond

func (w *Window) askWho() {
	if w.session == nil || w.session.ReadOnly() {
		w.askAuthor()
		return
	}
	w.asked = true
	w.askWhoThen(nil)
}

const newPerson = "Somebody new"

// askWhoThen lets a person choose a profile or make one.
func (w *Window) askWhoThen(then func()) {
	s := w.session
	all, err := s.Users()
	if err != nil {
		w.fail(err)
		return
	}
	ids := map[string]annotate.ID{}
	secret := map[string]bool{}
	var names []string
	for _, u := range all {
		if !u.Retired {
			names = append(names, u.Name)
			ids[u.Name], secret[u.Name] = u.ID, u.Secret != nil
		}
	}
	name, pass := newFormEntry(w.app.Preferences().String(prefAuthor)), newFormEntry("")
	name.SetPlaceHolder("Your name, as it is printed beside a signature")
	pass.Password = true
	choose := widget.NewSelect(append([]string{newPerson}, names...), nil)
	hint := newParagraph(textSmall, colorQuiet, 2)
	hint.least = 2
	choose.OnChanged = func(c string) {
		if c == newPerson {
			name.Enable()
			hint.Set(firstWords(len(all) == 0))
			return
		}
		name.SetText(c)
		name.Disable()
		if secret[c] {
			hint.Set("This profile has a passphrase.")
		} else {
			hint.Set("This profile has no passphrase; leave it empty.")
		}
	}
	choose.SetSelected(newPerson)
	if me, ok := s.Me(); ok {
		choose.SetSelected(me.Name)
	} else if len(names) == 1 {
		choose.SetSelected(names[0])
	}
	items := []*widget.FormItem{
		widget.NewFormItem("Name", name),
		{Text: "Passphrase", Widget: pass, HintText: "Optional: eight characters or more; needed to sign labels"},
		widget.NewFormItem("", hint),
	}
	if len(names) > 0 {
		items = append([]*widget.FormItem{widget.NewFormItem("Profile", choose)}, items...)
	}
	ended := then
	w.formThen("Who works here?", "Go on", items, []*formEntry{name, pass}, func() error {
		n := strings.TrimSpace(name.Text)
		if n == "" {
			return errors.New("the name is empty")
		}
		if pass.Text != "" && choose.Selected == newPerson && len([]rune(pass.Text)) < 8 {
			return errors.New("a passphrase has eight characters or more")
		}
		next := ended
		ended = nil
		w.signIn(ids[n], n, pass.Text, next)
		return nil
	}, func() {
		if ended != nil {
			ended()
		}
	})
}

// signIn makes a profile, or one that there is, who works, and goes on.
func (w *Window) signIn(id annotate.ID, name, passphrase string, then func()) {
	w.write(func(s *app.Session) error {
		if id.IsZero() {
			u, err := s.AddUser(name, 1, passphrase)
			if err != nil {
				return err
			}
			id = u.ID
		}
		return s.SignIn(id, passphrase)
	}, func(err error) {
		if err == nil {
			w.app.Preferences().SetString(prefAuthor, name)
			w.status.update()
		}
		if then != nil {
			then()
		}
	})
}

func firstWords(first bool) string {
	if first {
		return "The first person of a project is its administrator. Whoever can write its folder can change everything: roles guide colleagues."
	}
	return "You become an annotator; an administrator can give you another role."
}

// formThen is form with something to do when the dialog is gone, however.
func (w *Window) formThen(title, confirm string, items []*widget.FormItem, entries []*formEntry, use func() error, gone func()) {
	w.form(title, confirm, items, entries, use)
	if d, ok := w.dialog.(*dialog.CustomDialog); ok {
		d.SetOnClosed(func() {
			w.dialog = nil
			w.focus()
			gone()
		})
	}
}

// lock covers the window until the person who works is back.
func (w *Window) lock() {
	s := w.session
	s.Lock()
	me, ok := s.Me()
	words := "Nothing can be changed until it is unlocked."
	entry := newFormEntry("")
	entry.Password = true
	body := container.NewVBox(widget.NewLabel(words))
	if ok && me.Secret != nil {
		entry.SetPlaceHolder("Passphrase of " + me.Name)
		body.Add(entry)
	}
	wrong := newText("", textSmall, theme.ColorNameError)
	body.Add(wrong)
	var d *dialog.CustomDialog
	open := func() {
		phrase := entry.Text
		w.edits.do(func() {
			err := s.Unlock(phrase)
			w.post(func() {
				if err != nil {
					wrong.Set(app.Explain(err).Title)
					return
				}
				d.Hide()
			})
		})
	}
	entry.OnSubmitted = func(string) { open() }
	unlock := widget.NewButton("Unlock", open)
	unlock.Importance = widget.HighImportance
	d = dialog.NewCustomWithoutButtons("Locked", body, w.win)
	d.SetButtons([]fyne.CanvasObject{unlock})
	w.tips.hide()
	d.SetOnClosed(w.focus) // Escape does not close it: it is not the dialog that keys close
	d.Show()
	d.Resize(fyne.NewSize(420, d.MinSize().Height))
	if entry.PlaceHolder == "" {
		w.win.Canvas().Focus(unlock)
		return
	}
	w.win.Canvas().Focus(entry)
}

// askSign has the person stand for the labels of the slide.
func (w *Window) askSign() {
	s, open := w.session, w.open
	me, ok := s.Me()
	if !ok || me.Secret == nil {
		w.fail(app.ErrNoProfile)
		return
	}
	meaning := widget.NewSelect(app.Meanings(), nil)
	meaning.SetSelectedIndex(0)
	pass := newFormEntry("")
	pass.Password = true
	state := newParagraph(textSmall, colorQuiet, 4)
	state.least = 2
	state.Set("No signatures yet.")
	if list, err := s.Signatures(open.Item.ID); err == nil && len(list) > 0 {
		last := list[len(list)-1]
		words := "the labels are still those"
		if last.Problem != "" {
			words = "not good: " + last.Problem
		} else if !last.Current {
			words = "labels changed since"
		}
		state.Set(fmt.Sprintf("%s so far. The last: %s, %s, “%s”; %s.", plural(len(list), "signature"), last.Name, last.At.Format("2006-01-02 15:04"), last.Meaning, words))
	}
	w.form("Sign the labels of "+open.Item.Name, "Sign", []*widget.FormItem{
		widget.NewFormItem("Signed by", widget.NewLabel(me.Name+", "+me.Role.String())),
		widget.NewFormItem("Meaning", meaning),
		{Text: "Passphrase", Widget: pass, HintText: "The signature stands for the labels as they are now"},
		widget.NewFormItem("", state),
	}, []*formEntry{pass}, func() error {
		if pass.Text == "" {
			return errors.New("give the passphrase of your profile")
		}
		what, phrase := meaning.Selected, pass.Text
		w.write(func(s *app.Session) error {
			sig, err := s.Sign(open.Item.ID, what, phrase)
			if err == nil {
				w.post(func() { w.status.say(fmt.Sprintf("Signed %s: %s", plural(sig.Objects, "label"), what)) })
			}
			return err
		}, nil)
		return nil
	})
}
