package window

import (
	"fmt"
	"image/color"

	"fyne.io/fyne/v2"

	"coverslip/annotate"
	"coverslip/app"
	"coverslip/viewer"
)

// picker is the picking of the same places on two slides by hand.
type picker struct {
	w        *Window
	panes    [2]*pane
	places   [3][2]annotate.Point
	have     [3][2]bool
	finished bool
}

// pickInks are the colours of the first, second and third place.
var pickInks = [3]color.NRGBA{{215, 40, 60, 255}, {20, 110, 220, 255}, {10, 140, 70, 255}}

// pickNames are what people call those colours.
var pickNames = [3]string{"red", "blue", "green"}

// picking is the picker at work; nil when there is none.
func (c *compareBar) picking() *picker { return c.pick }

// startPicking has clicks in the active pane and the next one give places.
func (w *Window) startPicking() {
	p, q := w.active, w.partner(w.active)
	k := &picker{w: w, panes: [2]*pane{p, q}}
	w.compare.pick = k
	for i, p := range k.panes {
		p.viewer.StartPick("Register — click: pick a place · drag: move · wheel: zoom · Backspace: take back · Enter: use · Esc: cancel",
			func(at annotate.Point) { k.picked(i, at) }, k.key)
	}
	k.show()
	w.focus()
}

// stopPicking gives the mouse its tool back.
func (c *compareBar) stopPicking() {
	k := c.pick
	if k == nil {
		return
	}
	c.pick = nil
	for _, p := range k.panes {
		p.viewer.StopPick()
	}
	c.w.toolbar.update()
	c.update()
}

// complete counts the places picked on both slides.
func (k *picker) complete() int {
	n := 0
	for n < len(k.have) && k.have[n] == [2]bool{true, true} {
		n++
	}
	return n
}

// picked takes a place on the slide of a pane: the other half of a pair, or the
// same half once more.
func (k *picker) picked(side int, at annotate.Point) {
	n := k.complete()
	if n == len(k.have) {
		return
	}
	k.places[n][side], k.have[n][side] = at, true
	if k.complete() == len(k.have) {
		k.finish()
		return
	}
	k.show()
}

// takeBack drops the last place.
func (k *picker) takeBack() {
	n := k.complete()
	switch {
	case n < len(k.have) && (k.have[n][0] || k.have[n][1]):
		k.have[n] = [2]bool{}
	case n > 0:
		k.have[n-1] = [2]bool{}
	}
	k.show()
}

func (k *picker) key(name fyne.KeyName) bool {
	switch name {
	case fyne.KeyEscape:
		k.w.compare.stopPicking()
	case fyne.KeyReturn, fyne.KeyEnter:
		k.finish()
	case fyne.KeyBackspace, fyne.KeyDelete:
		k.takeBack()
	default:
		return false
	}
	return true
}

// show marks the places and says which is next.
func (k *picker) show() {
	n := k.complete()
	for side, p := range k.panes {
		var marks []viewer.PickMark
		for i, have := range k.have {
			if have[side] {
				marks = append(marks, viewer.PickMark{At: k.places[i][side], Color: pickInks[i]})
			}
		}
		p.viewer.SetPickMarks(marks)
	}
	c := k.w.compare
	where := namesOf(k.panes[:]...)
	if n < len(k.have) {
		for side, p := range k.panes {
			if k.have[n][1-side] {
				where = namesOf(p)
			}
		}
		c.pickText.Set(fmt.Sprintf("Place %d (%s): click it on %s", n+1, pickNames[n], where))
	}
	c.use.SetWords(map[bool]string{true: "Use 2 points", false: "Use 1 point"}[n != 1])
	c.use.SetEnabled(n > 0)
	c.back.SetEnabled(n > 0 || k.have[0] != [2]bool{})
	c.update()
}

// finish registers the slides by the places and keeps them with the project.
func (k *picker) finish() {
	n := k.complete()
	if n == 0 || k.finished {
		return
	}
	w := k.w
	var pairs []app.PointPair
	for _, p := range k.places[:n] {
		pairs = append(pairs, app.PointPair{From: p[0], To: p[1]})
	}
	p, q := k.panes[0], k.panes[1]
	a, b := p.open, q.open
	k.finished = true
	var r app.Registration
	w.write(func(s *app.Session) (err error) {
		r, err = s.KeepRegistration(a.Item.ID, b.Item.ID, pairs)
		return err
	}, func(err error) {
		k.finished = false
		if w.compare.pick != k || p.open != a || q.open != b {
			return
		}
		if err != nil { // told already; the last place can be taken back
			k.takeBack()
			return
		}
		w.compare.stopPicking()
		w.compare.setMap(a.Item.ID, b.Item.ID, r.Map, n)
		w.compare.linked = true
		w.follow(p)
		w.relay()
		w.compare.update()
		w.status.say(fmt.Sprintf("%s registered by %s", namesOf(p, q), plural(n, "point")))
	})
}
