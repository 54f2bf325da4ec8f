package window

// toggleColour has slides shown in the colours that their profile gives, or in
// the scanner's own; it is remembered. The open slide is opened anew.
func (w *Window) toggleColour() {
	raw := !w.opts.Session.RawColour
	w.opts.Session.RawColour = raw
	w.app.Preferences().SetBool(prefRaw, raw)
	s := w.session
	if s == nil {
		w.status.say(map[bool]string{true: "Slides are shown in the scanner's colours", false: "Slides are shown in the colours of their profile"}[raw])
		return
	}
	w.edits.do(func() {
		s.SetRawColour(raw)
		w.post(func() {
			if w.session == s && w.open != nil {
				w.closeOthers()
				w.openSlide(w.open.Item.ID)
			}
		})
	})
}
