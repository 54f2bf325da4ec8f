package window

import (
	"errors"

	"fyne.io/fyne/v2/widget"

	"coverslip/app"
)

// signedIn tells whether somebody chose a profile.
func (w *Window) signedIn() bool {
	if w.session == nil {
		return false
	}
	_, ok := w.session.Me()
	return ok
}

// askPassphrase lets the person who works give the own profile a passphrase, or
// another one. What was signed stays signed.
func (w *Window) askPassphrase() {
	me, ok := w.session.Me()
	if !ok {
		w.fail(app.ErrNoProfile)
		return
	}
	old, first, again := newFormEntry(""), newFormEntry(""), newFormEntry("")
	entries := []*formEntry{first, again}
	items := []*widget.FormItem{
		{Text: "New passphrase", Widget: first, HintText: "Eight characters or more; some words are best"},
		{Text: "Once more", Widget: again, HintText: "Nobody can read a forgotten passphrase"},
	}
	title, confirm := "Passphrase of "+me.Name, "Set"
	if me.Secret != nil {
		confirm = "Change"
		entries = append([]*formEntry{old}, entries...)
		items = append([]*widget.FormItem{{Text: "Passphrase of now", Widget: old, HintText: "What you signed with it stays signed"}}, items...)
	}
	for _, e := range entries {
		e.Password = true
	}
	w.form(title, confirm, items, entries, func() error {
		switch {
		case len([]rune(first.Text)) < app.MinPassphrase:
			return errors.New("a passphrase has eight characters or more")
		case first.Text != again.Text:
			return errors.New("the two new passphrases differ")
		case me.Secret != nil && old.Text == "":
			return errors.New("give the passphrase of now")
		}
		was, phrase := old.Text, first.Text
		w.write(func(s *app.Session) error { return s.SetPassphrase(was, phrase) }, func(err error) {
			if err == nil {
				w.status.say("The passphrase of " + me.Name + " is changed.")
			}
		})
		return nil
	})
}
