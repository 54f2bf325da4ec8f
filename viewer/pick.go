package viewer

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"coverslip/annotate"
)

// PickMark is a place shown while places are picked.
type PickMark struct {
	At    annotate.Point // level-0 pixels
	Color color.NRGBA
}

// StartPick has clicks give places (level-0 pixels, on the slide) to picked, in
// the place of the tool in hand, until StopPick; drags move the slide. hint says
// what to do, as Hint does; key gets the keys first and answers whether it used
// one.
func (v *Viewer) StartPick(hint string, picked func(annotate.Point), key func(fyne.KeyName) bool) {
	v.tool.cancel()
	v.tool = &pickTool{v: v, words: hint, picked: picked, keys: key}
	v.touchHint()
}

// SetPickMarks shows places that were picked.
func (v *Viewer) SetPickMarks(marks []PickMark) {
	if t, ok := v.tool.(*pickTool); ok {
		t.marks = marks
		v.touch()
	}
}

// StopPick gives the mouse its tool back.
func (v *Viewer) StopPick() {
	if _, ok := v.tool.(*pickTool); !ok {
		return
	}
	kind := v.kind
	v.kind = -1 // so that SetTool takes it for another one
	v.SetTool(kind)
}

// pickTool gives the places that are clicked.
type pickTool struct {
	idle
	v      *Viewer
	words  string
	marks  []PickMark
	picked func(annotate.Point)
	keys   func(fyne.KeyName) bool
}

func (t *pickTool) key(name fyne.KeyName) bool { return t.keys(name) }

func (t *pickTool) hint() string { return t.words }

func (*pickTool) cursor() desktop.Cursor { return desktop.CrosshairCursor }

func (*pickTool) press(pointer) bool { return false } // a drag pans

func (t *pickTool) release(e pointer, dragged bool) {
	if !dragged {
		t.picked(t.v.onSlide(e.p))
	}
}

// Looks of a mark, Fyne units.
const (
	pickArm  = 13
	pickHole = 3
)

// draw draws each mark as a cross that leaves its middle free.
func (t *pickTool) draw(l *live) {
	for _, m := range t.marks {
		at := l.pixelOf(m.At)
		arm, hole := pickArm*float64(l.unit), pickHole*float64(l.unit)
		for _, pen := range [2]struct {
			w float32
			c color.Color
		}{{haloWidth, haloColor}, {liveWidth, m.Color}} {
			for _, d := range [4][2]float64{{1, 0}, {-1, 0}, {0, 1}, {0, -1}} {
				l.line(pixel{at.x + d[0]*hole, at.y + d[1]*hole}, pixel{at.x + d[0]*arm, at.y + d[1]*arm}, pen.w, pen.c)
			}
		}
	}
}
