package window

import (
	"encoding/json"
	"time"

	"coverslip/annotate"
	"coverslip/app"
	"coverslip/viewer"
)

// tiltStep is one press of the keys that turn, degrees.
const tiltStep = 5

// orientation remembers how each slide was turned and mirrored.
type orientation struct {
	w      *Window
	viewer *viewer.Viewer
	slide  *app.OpenSlide
	kept   turnJSON // what is on disk
	due    bool     // a writing is on its way
}

// turnJSON is the form in which an orientation is kept with the project.
type turnJSON struct {
	Angle    float64 `json:"angle"` // degrees, clockwise as seen
	Mirrored bool    `json:"mirrored,omitempty"`
}

func turnKey(id annotate.ID) string { return "turn." + id.String() }

// show turns a slide, which the viewer now shows, as it was left.
func (o *orientation) show(open *app.OpenSlide) {
	o.slide, o.kept = open, turnJSON{}
	if open == nil {
		return
	}
	t, ok := o.w.stood[open.Item.ID]
	if !ok {
		text, has := o.w.session.Setting(turnKey(open.Item.ID))
		// What cannot be read is of another program: the slide is shown upright.
		if !has || json.Unmarshal([]byte(text), &t) != nil {
			return
		}
	}
	o.kept = t
	o.viewer.Orient(t.Angle, t.Mirrored)
}

// keepEvery is how soon an orientation that changed is written.
const keepEvery = 3 * time.Second

// changed hears that the view changed.
func (o *orientation) changed() {
	angle, mirrored := o.viewer.Orientation()
	if o.due || o.slide == nil || (turnJSON{angle, mirrored}) == o.kept {
		return
	}
	o.due = true
	time.AfterFunc(keepEvery, func() {
		o.w.post(func() {
			o.due = false
			o.keep()
		})
	})
}

// keep writes the orientation when it changed. It is called before the slide goes
// away.
func (o *orientation) keep() {
	s := o.w.session
	if o.slide == nil || s == nil {
		return
	}
	angle, mirrored := o.viewer.Orientation()
	now := turnJSON{angle, mirrored}
	if o.w.stood == nil {
		o.w.stood = map[annotate.ID]turnJSON{}
	}
	o.w.stood[o.slide.Item.ID] = now
	if now == o.kept || s.ReadOnly() {
		return
	}
	text, err := json.Marshal(now)
	if err != nil { // an angle is a number
		return
	}
	o.kept = now
	key := turnKey(o.slide.Item.ID)
	o.w.edits.do(func() { o.w.failLater(s.SetSetting(key, string(text))) })
}

// turned says how the slide stands now.
func (w *Window) turned() {
	words := "The slide is upright"
	if d := dialWords(w.viewer.Orientation()); d != "" {
		words = "Turned: " + d
	}
	w.status.say(words)
}
