package window

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"coverslip/annotate"
	"coverslip/app"
)

// statusBar is the line at the bottom: what was saved or done last, the running
// job, and where the pointer is.
type statusBar struct {
	w        *Window
	object   fyne.CanvasObject
	dot      *fill
	words    *text
	jobBox   *fyne.Container
	jobName  *text
	jobBar   *bar
	jobShare *text
	pos      *text
	mag      *text
	drawn    *text          // how the slide is drawn, where that is not as it is
	who      *button        // who works; asks who
	said     string         // the words of say
	saidAt   time.Time      // when
	at       annotate.Point // level-0 pixels; the pointer
	inside   bool           // the pointer is on the slide
	due      bool           // a change of the position waits to be shown
}

// hoverEvery bounds how often the position is written: every new text is a new
// texture that Fyne keeps for a minute.
const hoverEvery = 80 * time.Millisecond

// positionLong is how many characters the colour and the position take on a
// slide of a million pixels.
const positionLong = 61

func newStatusBar(w *Window) *statusBar {
	s := &statusBar{w: w}
	s.dot = newFill(colorQuiet, 4)
	s.words = newText("", textSmall, theme.ColorNameForeground).fixed(80)
	s.words.shorten = s.shorten
	s.jobName = newText("", textSmall, colorQuiet)
	s.jobBar = newBar()
	s.jobShare = newText("", textSmall, colorQuiet).fixed(34).trailing()
	stop := newButton(w.tips, icon("stop"), "", "", "Cancel the job  (Ctrl+.)", func() { w.run("job.cancel"); w.focus() }).sized(22, 15)
	s.jobBox = hbox(6, s.jobName, container.NewCenter(container.NewGridWrap(fyne.NewSize(110, 12), s.jobBar)), s.jobShare, container.NewCenter(stop))
	s.jobBox.Hide()
	s.pos = newText("", textSmall, theme.ColorNameForeground).trailing()
	s.pos.style.Monospace = true
	s.pos.fixed(fyne.MeasureText(strings.Repeat("0", positionLong), textSmall, s.pos.style).Width)
	s.mag = newText("", textSmall, colorQuiet).fixed(46).trailing()
	s.drawn = boldText("", textSmall)
	s.drawn.color = theme.ColorNameWarning
	s.who = newButton(w.tips, nil, "", "", "Who works here: choose, or sign in  (F12 locks)", func() { w.run("edit.author"); w.focus() }).sized(120, 18)
	s.who.Hide()
	dot := container.NewCenter(container.NewGridWrap(fyne.NewSize(8, 8), s.dot))
	s.object = onPanel(container.NewBorder(newFill(theme.ColorNameSeparator, 0), nil, nil, nil,
		padded(container.NewBorder(nil, nil, dot, hbox(10, s.jobBox, s.drawn, s.pos, s.mag, container.NewCenter(s.who)), padded(s.words, 0, 0, 6, 10)), 2, 3, 9, 9)))
	return s
}

// shorten cuts words at their end, and words that end in a path in the middle
// of it: where it begins and the file's name say the most.
func (s *statusBar) shorten(words string, width float32) string {
	if i := strings.IndexRune(words, filepath.Separator); i >= 0 && !strings.Contains(words[i:], " · ") {
		return cutMiddle(words, width, s.words.size)
	}
	return cut(words, width, s.words.size, s.words.style)
}

// say shows what was done last.
func (s *statusBar) say(words string) {
	s.said, s.saidAt = words, time.Now()
	s.words.Set(words)
}

// sayingLasts is how long words are kept when the news of the saving of the
// same action comes after them.
const sayingLasts = 700 * time.Millisecond

// saved tells that an edit is on disk.
func (s *statusBar) saved(label string) {
	s.dot.SetColor(theme.ColorNameSuccess)
	words := "Saved " + time.Now().Format("15:04:05")
	if time.Since(s.saidAt) < sayingLasts {
		label = s.said
	}
	if label != "" {
		words += " · " + label
	}
	s.words.Set(words)
}

// adjusted says that the slide is not drawn as it is.
func (s *statusBar) adjusted(words string) {
	s.drawn.Set(words)
	show(s.drawn, words != "")
}

// update shows the state of the project as a whole.
func (s *statusBar) update() {
	w := s.w
	switch {
	case w.opening != "":
		s.dot.SetColor(theme.ColorNamePrimary)
		s.words.Set(w.openingWords())
	case w.session == nil:
		s.dot.SetColor(colorQuiet)
		s.words.Set("No project open")
	case w.session.ReadOnly():
		s.dot.SetColor(theme.ColorNameWarning)
		s.words.Set("Read-only: nothing can be changed in this project")
	default:
		s.dot.SetColor(theme.ColorNameSuccess)
		s.words.Set("All changes saved · " + w.session.Author())
	}
	s.person()
	if w.opts.Session.Untrusted && w.session != nil && w.opening == "" {
		s.words.Set(untrustedWords)
	}
	if w.session == nil {
		s.jobBox.Hide()
	}
	s.viewChanged()
	s.showPosition()
}

// job shows the running job; it disappears when the job ends.
func (s *statusBar) job(st app.JobStatus) {
	show(s.jobBox, st.Running)
	if !st.Running {
		s.fit()
		s.object.Refresh()
		return
	}
	name := st.Name
	if st.Stage != "" && st.Stage != st.Name {
		name += ": " + st.Stage
	}
	if st.Total > 0 {
		name += fmt.Sprintf(" %s / %s", number(st.Done), number(st.Total))
		if pace := st.Pace(); pace != "" {
			name += " · " + pace
		}
		share := float64(st.Done) / float64(st.Total)
		s.jobBar.Set(share, theme.ColorNamePrimary)
		s.jobShare.Set(fmt.Sprintf("%.0f %%", 100*share))
	} else {
		s.jobBar.Set(0, theme.ColorNamePrimary)
		s.jobShare.Set("")
	}
	s.jobName.Set(name)
	s.fit()
	s.object.Refresh()
}

// jobShort is the least width for the name of a job and what it does; with less
// room the position gives way until the job ends.
const jobShort = 220

// fit keeps the bar as wide as the window: a bar that needs more would make the
// window grow.
func (s *statusBar) fit() {
	s.jobName.fixed(1)
	s.pos.Show()
	if !s.jobBox.Visible() {
		return
	}
	room := func() float32 { return s.object.Size().Width - s.object.MinSize().Width + 1 }
	if room() < jobShort {
		s.pos.Hide()
	}
	s.jobName.fixed(max(1, min(room(), fyne.MeasureText(s.jobName.value, textSmall, s.jobName.style).Width)))
}

// hover is told where the pointer is, in level-0 pixels.
func (s *statusBar) hover(p annotate.Point, inside bool) {
	s.at, s.inside = p, inside
	if s.due {
		return
	}
	s.due = true
	time.AfterFunc(hoverEvery, func() {
		s.w.quietly(func() {
			s.due = false
			s.showPosition()
		})
	})
}

func (s *statusBar) showPosition() {
	if s.w.open == nil || !s.inside {
		s.pos.Set("")
		return
	}
	words := fmt.Sprintf("%6.0f, %6.0f px", s.at.X, s.at.Y)
	if info := s.w.open.Slide.Info(); info.MPPX > 0 {
		y := info.MPPY
		if y <= 0 {
			y = info.MPPX
		}
		words = fmt.Sprintf("%8.1f, %8.1f µm   ", s.at.X*info.MPPX, s.at.Y*y) + words
	}
	if c, _, ok := s.w.viewer.ColourAt(s.at.X, s.at.Y); ok {
		words = fmt.Sprintf("RGB %3d %3d %3d   ", c.R, c.G, c.B) + words
	}
	s.pos.Set(words)
}

// viewChanged shows the magnification of the view.
func (s *statusBar) viewChanged() {
	m := s.w.viewer.Magnification()
	if s.w.open == nil || m <= 0 {
		s.mag.Set("")
		return
	}
	s.mag.Set(magnificationWords(m))
}
