package window

import (
	"image/color"
	"math"
	"path/filepath"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"

	"coverslip/annotate"
	"coverslip/tiles"
	"coverslip/tiles/slidetest"
)

// withChannels opens a slide of three channels and three focal planes.
func withChannels(t *testing.T) *stage {
	t.Helper()
	s := newStage(t, Options{})
	path := filepath.Join(s.dir, "cells.ome.tif")
	slidetest.WriteFluorescence(t, path, 640, 512, 3)
	s.Open(path)
	s.settle()
	if s.Window.open == nil || s.Window.open.Planar() == nil {
		t.Fatalf("no slide with channels is open; problem: %s", s.problem.cause)
	}
	return s
}

// shown is the mean colour of the slide as the viewer's source has it.
func (s *stage) shown() [3]float64 {
	s.t.Helper()
	s.settle()
	l := s.Window.open.Loader
	im, err := l.Read(s.t.Context(), tiles.Key{Level: len(l.Slide().Levels()) - 1})
	if err != nil {
		s.t.Fatal(err)
	}
	var sum [3]float64
	for i := 0; i < len(im.Pix); i += 4 {
		for c := range sum {
			sum[c] += float64(im.Pix[i+c]) / float64(len(im.Pix)/4)
		}
	}
	return sum
}

// painted is a pixel of the window where a nucleus of the first channel lies.
func (s *stage) painted() color.Color {
	s.t.Helper()
	s.viewer.CenterOn(annotate.Point{X: 96, Y: 32}, 1) // the first cell there is
	s.settle()
	at := fyne.CurrentApp().Driver().AbsolutePositionForObject(s.viewer)
	size := s.viewer.Size()
	return s.win.Canvas().Capture().At(int(at.X+size.Width/2), int(at.Y+size.Height/2))
}

func TestChannels_OnlyWhereThereAreSome(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	if s.channels.object.Visible() || s.cmds.CanDo("view.nextFocus") {
		t.Error("a slide in colour has a panel of channels")
	}
	s = withChannels(t)
	if !s.channels.object.Visible() || !s.channels.z.box.Visible() || s.channels.t.box.Visible() {
		t.Error("channels and focal planes, but no time points, are to be seen")
	}
	if s.channels.head.value != "3 of 3 shown" || s.channels.low.Text == "0" || s.channels.levels.bins == nil {
		t.Errorf("%q, window from %q, histogram %v", s.channels.head.value, s.channels.low.Text, s.channels.levels.bins != nil)
	}
	s.closeProject()
	s.settle()
	if s.channels.object.Visible() || s.channels.slide != nil {
		t.Error("the panel outlives the slide")
	}
}

func TestChannels_ChangeThePicture(t *testing.T) {
	s := withChannels(t)
	before, nucleus := s.shown(), s.painted()
	view := s.viewer.Viewport()
	// The eye of the first channel, which is blue.
	test.Tap(s.channels.list.body.used[0].view.(*channelRowView).eye)
	hidden := s.shown()
	if hidden[2] > 0.9*before[2] || s.channels.head.value != "2 of 3 shown" {
		t.Errorf("%v, with the blue channel hidden %v", before, hidden)
	}
	test.Tap(s.channels.list.body.used[0].view.(*channelRowView).eye)
	if again := s.shown(); math.Abs(again[2]-before[2]) > 1 {
		t.Errorf("shown again %v, was %v", again, before)
	}
	// Another colour.
	s.channels.askColour(0, s.channels.list)
	pop := s.win.Canvas().Overlays().Top()
	var chip *colourChip
	walk(pop, func(o fyne.CanvasObject) {
		if c, ok := o.(*colourChip); ok && c.square.FillColor == (channelInks[5]) {
			chip = c
		}
	})
	if chip == nil {
		t.Fatal("no red is offered")
	}
	test.Tap(chip)
	if red := s.shown(); red[0] < before[0]+3 || s.win.Canvas().Overlays().Top() != nil {
		t.Errorf("in red %v, was %v", red, before)
	}
	if got := s.painted(); got == nucleus {
		t.Errorf("the window still paints %v", got)
	}
	if s.viewer.Viewport() != view {
		t.Error("the view moved")
	}
}

func TestChannels_Window(t *testing.T) {
	s := withChannels(t)
	before := s.shown()
	l := s.channels.levels
	high := s.channels.display.Channels[0].High
	x := l.at(high)
	l.MouseDown(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(x, 20)}})
	l.Dragged(&fyne.DragEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(x/2, 20)}})
	l.DragEnd()
	l.MouseUp(nil)
	brighter := s.shown()
	if now := s.channels.display.Channels[0].High; now > 0.7*high || brighter[2] <= before[2] {
		t.Errorf("the window ends at %v, was %v; the picture %v, was %v", now, high, brighter, before)
	}
	// Handles do not pass each other.
	l.MouseDown(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(l.at(s.channels.display.Channels[0].High)+1, 20)}})
	l.Dragged(&fyne.DragEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(-50, 20)}})
	l.MouseUp(nil)
	s.settle()
	if c := s.channels.display.Channels[0]; c.High <= c.Low {
		t.Errorf("window %v to %v", c.Low, c.High)
	}
	// Typed, wrong and right.
	s.channels.low.SetText("x")
	s.channels.low.OnSubmitted("x")
	if s.channels.low.Text == "x" {
		t.Error("x is taken for a value")
	}
	s.channels.low.SetText("100")
	s.channels.high.SetText("30000")
	s.channels.high.OnSubmitted("30000")
	if darker := s.shown(); darker[2] >= before[2] || s.channels.display.Channels[0].High != 30000 {
		t.Errorf("window %+v, picture %v, was %v", s.channels.display.Channels[0], darker, before)
	}
	s.channels.gamma.changed(0.2)
	if s.shown(); s.channels.display.Channels[0].Gamma >= 1 {
		t.Errorf("gamma %v", s.channels.display.Channels[0].Gamma)
	}
	s.channels.reset()
	if again := s.shown(); math.Abs(again[2]-before[2]) > 1 || s.channels.display.Channels[0].High != high {
		t.Errorf("after Reset %v to %v: %v, was %v", s.channels.display.Channels[0].Low, s.channels.display.Channels[0].High, again, before)
	}
	s.channels.low.SetText("7")
	s.channels.low.OnSubmitted("7")
	s.settle()
	s.channels.auto()
	s.settle()
	if s.channels.display.Channels[0].High != high {
		t.Errorf("Auto finds %v, want %v", s.channels.display.Channels[0].High, high)
	}
}

func TestChannels_FocalPlanes(t *testing.T) {
	s := withChannels(t)
	s.focus()
	if s.channels.display.Z != 1 {
		t.Fatalf("plane %d", s.channels.display.Z)
	}
	sharp := s.shown()
	s.runes("]")
	if s.channels.display.Z != 2 || s.channels.z.words.value != "3 of 3 · +0.5 µm" || s.channels.z.slider.value != 1 {
		t.Errorf("plane %d, %q, slider %v", s.channels.display.Z, s.channels.z.words.value, s.channels.z.slider.value)
	}
	if z, _ := s.Window.open.Plane(); z != 2 || s.shown() == sharp {
		t.Errorf("the slide shows plane %d", z)
	}
	s.runes("]") // there is no fourth
	s.runes("[,")
	if s.channels.display.Z != 0 {
		t.Errorf("plane %d", s.channels.display.Z)
	}
	s.channels.z.slider.changed(0.5)
	s.settle()
	if z, _ := s.Window.open.Plane(); z != 1 {
		t.Errorf("the slider leads to plane %d", z)
	}
	// Labels belong to the slide as a whole.
	s.label()
	s.runes("]")
	if n := s.survey.labels.Len(); n != 3 || s.Window.open.Set.Len() != 3 {
		t.Errorf("%d labels in another focal plane", n)
	}
}

// What was shown is shown again.
func TestChannels_Kept(t *testing.T) {
	s := withChannels(t)
	test.Tap(s.channels.list.body.used[1].view.(*channelRowView).eye)
	s.runes("]")
	dir := s.session.Dir()
	s.closeProject()
	s.settle()
	s.Open(dir)
	s.settle()
	if s.channels.slide == nil || !s.channels.display.Channels[1].Hidden || s.channels.display.Z != 2 {
		t.Errorf("%+v", s.channels.display)
	}
	if s.channels.head.value != "2 of 3 shown" {
		t.Error(s.channels.head.value)
	}
}

func TestLevels_ValuesAndPlaces(t *testing.T) {
	test.NewTempApp(t)
	l := newLevels(newTips(func(f func()) { f() }), nil)
	l.Resize(fyne.NewSize(210, 56))
	l.SetRange(1000, 3000, make([]int64, levelBins), channelInks[0])
	l.SetWindow(1500, 2500)
	for _, v := range []float64{1000, 1500, 2999} {
		if got := l.value(l.at(v)); math.Abs(got-v) > 10 {
			t.Errorf("%v lies where %v does", v, got)
		}
	}
	if l.at(-5) != l.at(1000) || l.at(1e9) != l.at(3000) {
		t.Error("values beyond the edges lie outside")
	}
	if m := l.draw(200, 100); m.Rect.Dx() != 200 {
		t.Error(m.Rect)
	}
}
