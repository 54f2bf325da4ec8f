package window

import "fmt"

// takeCopy makes the working copy of a project that cannot be written where it lies, and
// opens it; one that was made before is opened as it is.
func (w *Window) takeCopy() {
	s := w.session
	w.startJob("Work on a copy", func(j *job) error {
		j.progress("copying the project to this computer", 0, 0)
		dir, made, err := s.TakeWorkingCopy(j.ctx)
		if err != nil {
			return err
		}
		w.post(func() {
			if w.session != s {
				return
			}
			w.Open(dir)
			if !made {
				w.status.say("This computer had a working copy already; it was opened.")
			}
		})
		return nil
	})
}

// sendBack puts the working copy in the place of the project it was taken from.
func (w *Window) sendBack() {
	s := w.session
	w.startJob("Send the working copy back", func(j *job) error {
		j.progress("sending the working copy back", 0, 0)
		n, err := s.SendBack(j.ctx)
		if err != nil {
			return err
		}
		words := "Nothing to send back: " + s.Origin() + " holds every edit."
		if n > 0 {
			words = fmt.Sprintf("Sent %s back to %s", plural(int(n), "edit"), s.Origin())
		}
		w.post(func() {
			w.problem.dismiss()
			w.status.say(words)
		})
		return nil
	})
}
