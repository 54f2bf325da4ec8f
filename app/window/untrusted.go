package window

// untrustedWords stand in the status bar while slides are opened so.
const untrustedWords = "Memory-safe decoders only: no native library sees a slide"

// toggleUntrusted has slides decoded by memory-safe decoders only, or by the
// native libraries again, until the program ends. The open slide is opened anew.
func (w *Window) toggleUntrusted() {
	on := !w.opts.Session.Untrusted
	w.opts.Session.Untrusted = on
	s := w.session
	if s == nil {
		w.status.say(map[bool]string{true: untrustedWords, false: "Native decoders are used where they are installed"}[on])
		return
	}
	w.edits.do(func() {
		s.SetUntrusted(on)
		w.post(func() {
			w.status.update()
			if w.session == s && w.open != nil {
				w.closeOthers()
				w.openSlide(w.open.Item.ID)
			}
		})
	})
}
