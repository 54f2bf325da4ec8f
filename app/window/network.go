package window

import (
	"errors"
	"strings"

	"fyne.io/fyne/v2/widget"

	"coverslip/app"
)

// askAddress opens a slide behind a web address. To give one is to allow the
// network until the program ends.
func (w *Window) askAddress() {
	address := newFormEntry("")
	address.SetPlaceHolder("https://server/slides/case.svs")
	w.form("Open a web address", "Open", []*widget.FormItem{
		{Text: "Address", Widget: address, HintText: "The slide is read part by part as you look at it; nothing is stored on this computer but your labels"},
	}, []*formEntry{address}, func() error {
		at := strings.TrimSpace(address.Text)
		if !app.IsAddress(at) {
			return errors.New("an address begins with https:// or http://")
		}
		w.allowNetwork(true)
		w.Open(at)
		return nil
	})
}

// toggleNetwork allows slides from web addresses, or forbids them, until the
// program ends.
func (w *Window) toggleNetwork() {
	on := !w.opts.Session.Network
	w.allowNetwork(on)
	w.status.say(map[bool]string{
		true:  "Slides may be read from web addresses until the program ends",
		false: "No slide is read from the network",
	}[on])
}

func (w *Window) allowNetwork(on bool) {
	w.opts.Session.Network = on
	if s := w.session; s != nil {
		w.edits.do(func() { s.SetNetwork(on) })
	}
}
