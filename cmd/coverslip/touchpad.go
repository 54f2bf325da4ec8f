package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver"

	"coverslip/app/window"
	"coverslip/cmd/coverslip/pinch"
)

// hearPinches has two fingers on a touchpad zoom, where the window is one of an X
// server that tells of them. It runs until the program ends. debug, which may be
// nil, is told why it does not work: the wheel and the keys zoom as ever then.
func hearPinches(w *window.Window, debug io.Writer) {
	native, ok := w.Fyne().(driver.NativeWindow)
	if !ok {
		return
	}
	native.RunNative(func(of any) {
		x, ok := of.(driver.X11WindowContext)
		if !ok || x.WindowHandle == 0 {
			return
		}
		p := &pinches{zoom: w.Pinch}
		go func() {
			err := pinch.Listen(context.Background(), os.Getenv("DISPLAY"), uint32(x.WindowHandle), p.told)
			if err != nil && debug != nil {
				fmt.Fprintln(debug, "touchpad: no pinches:", err)
			}
		}()
	})
}

// pinches gathers what two fingers do until the window takes it: a touchpad tells
// more often than a picture is made.
type pinches struct {
	zoom func(factor float64) // on Fyne's goroutine

	mu     sync.Mutex // protects factor
	factor float64    // that the window did not take yet; 0: none
}

// told hears of a pinch, on any goroutine.
func (p *pinches) told(factor float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.factor != 0 {
		p.factor *= factor
		return
	}
	p.factor = factor
	fyne.Do(p.take)
}

// take gives the window what was gathered.
func (p *pinches) take() {
	p.mu.Lock()
	factor := p.factor
	p.factor = 0
	p.mu.Unlock()
	p.zoom(factor)
}
