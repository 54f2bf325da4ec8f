//go:build e2e

package main

import (
	"math"
	"time"
)

// step is one event of a path.
type step struct {
	at   time.Duration // since the path began
	what stepKind
	x, y int // from the middle of the slide's part of the window, pixels
}

type stepKind int

const (
	stepMove stepKind = iota
	stepDown
	stepUp
	stepIn  // a notch of the wheel forward
	stepOut // and back
)

// phase is a part of a path.
type pathPhase struct {
	name     string
	from, to time.Duration
}

// Times of the scripted path: events come as a mouse of 125 Hz sends them.
const (
	mouseStep = 8 * time.Millisecond
	panLong   = 4 * time.Second
	flingLong = 2 * time.Second
	zoomLong  = 4 * time.Second
)

// wander is what the hand does in ten seconds: it drags the slide to and fro, flings
// it four times and lets it glide, and goes in and out by the wheel.
func wander() ([]step, []pathPhase) {
	var path []step
	at := time.Duration(0)
	add := func(what stepKind, x, y int) { path = append(path, step{at, what, x, y}) }
	add(stepMove, 0, 0)
	add(stepDown, 0, 0)
	for ; at < panLong; at += mouseStep {
		t := at.Seconds()
		add(stepMove, int(220*math.Sin(2.1*t)), int(160*math.Sin(3.4*t)))
	}
	add(stepMove, 0, 0)
	at += 100 * time.Millisecond // a hand that rests lets nothing glide
	add(stepUp, 0, 0)
	phases := []pathPhase{{"pan", 0, at}}
	for n := range 4 {
		begin := at
		x0, y0 := []int{160, -160, 120, -140}[n], []int{100, -120, -90, 110}[n]
		add(stepMove, x0, y0)
		at += mouseStep
		add(stepDown, x0, y0)
		for k := 1; k <= 15; k++ {
			at += mouseStep
			add(stepMove, x0-x0*2*k/15, y0-y0*2*k/15)
		}
		add(stepUp, 0, 0)
		at = begin + flingLong/4
	}
	phases = append(phases, pathPhase{"fling", phases[0].to, at})
	add(stepMove, 30, -20)
	begin := at
	const notches = 40
	for n := range notches {
		at = begin + time.Duration(n)*zoomLong/notches
		what := stepIn
		if n/10%2 == 1 {
			what = stepOut
		}
		add(what, 30, -20)
	}
	at = begin + zoomLong
	return path, append(phases, pathPhase{"zoom", begin, at})
}

// play sends a path by do, each step at its time or at once when it is late; it
// answers when it began.
func play(path []step, do func(step) error) (time.Time, error) {
	from := time.Now()
	for _, s := range path {
		time.Sleep(time.Until(from.Add(s.at)))
		if err := do(s); err != nil {
			return from, err
		}
	}
	return from, nil
}

// byHand sends the steps of a path to a display; x and y are the middle.
func (h *hand) byHand(x, y int) func(step) error {
	return func(s step) error {
		switch s.what {
		case stepDown:
			return h.press(1)
		case stepUp:
			return h.release(1)
		case stepIn, stepOut:
			button := byte(4 + s.what - stepIn)
			if err := h.press(button); err != nil {
				return err
			}
			return h.release(button)
		}
		return h.move(x+s.x, y+s.y)
	}
}
