package viewer

import (
	"time"

	"coverslip/annotate"
)

// echoFor is how long a shape just made is drawn live while nothing is heard of
// it: the edit failed then, or takes longer than anybody waits.
const echoFor = 3 * time.Second

// echo is a shape that a tool finished. It is seen in the very next frame and
// stays until the overlay shows what became of it, however long the disk takes.
type echo struct {
	roi   annotate.ROI
	class annotate.ID
	box   annotate.Box
	since time.Time
	of    annotate.ID // the object whose new shape it is; zero for a new one
	held  bool        // the object it is of is lifted out of the overlay meanwhile
	told  bool        // its edit was announced
}

// drew hands a drawn shape over.
func (v *Viewer) drew(roi annotate.ROI, meta map[string]string) {
	marked := meta != nil && v.OnMark != nil
	if !marked && v.OnDraw == nil {
		return
	}
	v.echoes = append(v.echoes, echo{roi: roi, class: v.class, box: roi.Bounds(), since: v.clock.now()})
	v.touch()
	if marked {
		v.OnMark(roi, meta)
	} else {
		v.OnDraw(roi)
	}
}

// reshapedTo tells the owner of objects' new shapes; they stay lifted.
func (v *Viewer) reshapedTo(before []*annotate.Object, after []annotate.ROI) {
	one := len(before) == 1 && v.OnEdit != nil
	if !one && (len(before) < 2 || v.OnEdits == nil) {
		v.lift()
		return
	}
	for i, o := range before[:min(len(before), selectedDrawn)] {
		v.echoes = append(v.echoes, echo{roi: after[i], class: o.Class, box: after[i].Bounds(), since: v.clock.now(), of: o.ID, held: true})
	}
	v.touch()
	if one {
		v.OnEdit(before[0], after[0])
	} else {
		v.OnEdits(before, after)
	}
}

// heard notes which echoes an announced change is of.
func (v *Viewer) heard(boxes []annotate.Box) {
	for i := range v.echoes {
		e := &v.echoes[i]
		for _, b := range boxes {
			e.told = e.told || b.Meets(e.box)
		}
		if e.told = e.told || len(boxes) == 0; e.told {
			v.letGo(e)
		}
	}
}

// echoing tells whether an object is seen in its new shape, not yet as it is.
func (v *Viewer) echoing(id annotate.ID) bool {
	for i := range v.echoes {
		if v.echoes[i].held && v.echoes[i].of == id {
			return true
		}
	}
	return false
}

// letGo puts the object that an echo stands for back among the others.
func (v *Viewer) letGo(e *echo) {
	if e.held {
		e.held = false
		v.lift()
	}
}

// letAllGo is letGo for every echo.
func (v *Viewer) letAllGo() {
	for i := range v.echoes {
		v.letGo(&v.echoes[i])
	}
}

// fadeEchoes drops the echoes that the overlay has caught up with.
func (v *Viewer) fadeEchoes(now time.Time) {
	left := v.echoes[:0]
	for i := range v.echoes {
		e := &v.echoes[i]
		late := now.Sub(e.since) > echoFor
		if late {
			v.letGo(e)
		}
		if !late && !(e.told && !v.overlay.waiting) {
			left = append(left, *e)
		}
	}
	v.echoes = left
}

// drawEchoes draws what the overlay does not show yet.
func (v *Viewer) drawEchoes() {
	if !v.overlay.on {
		return
	}
	for i := range v.echoes {
		v.live.roi(&v.echoes[i].roi, v.overlayColor(v.echoes[i].class), liveLines)
	}
}
