package window

import (
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
)

func TestWindow_Why_SaysTheMostImportantAndTipsAll(t *testing.T) {
	s := newStage(t, Options{}).withSlide().label()
	s.runes("g")
	why := s.queue.why
	shown := strings.Join(wrap(why.value, why.Size().Width, why.size, why.max), " ")
	for _, part := range []string{"encoder is untrained", "from 3 labels"} {
		if !strings.Contains(shown, part) {
			t.Errorf("of %q only %q is seen", why.value, shown)
		}
	}
	why.MouseIn(nil)
	time.Sleep(2 * tipDelay)
	s.pump()
	var tip []string
	walk(s.tips.layer, func(o fyne.CanvasObject) {
		if line, ok := o.(*text); ok {
			tip = append(tip, line.value)
		}
	})
	if got := strings.Join(tip, " "); got != why.value {
		t.Errorf("the tip says %q, the model %q", got, why.value)
	}
	why.MouseOut()
	if len(s.tips.layer.Objects) > 0 {
		t.Error("the tip stays")
	}
}

func TestWindow_Heading_FitsThousands(t *testing.T) {
	s := newStage(t, Options{}).withSlide().label()
	s.runes("g")
	room := s.queue.head.Size().Width // at the panel's usual width
	for _, n := range [][3]int{{1925, 298, 2}, {509, 1491, 12}} {
		words := headings(n[0], n[1], n[2])[0]
		if need := fyne.MeasureText(words, textTiny, fyne.TextStyle{}).Width; need > room {
			t.Errorf("%q needs %.0f of %.0f", words, need, room)
		}
	}
	level := s.queue.level
	if need := fyne.MeasureText(level.value, level.size, level.style).Width; need > level.Size().Width {
		t.Errorf("%q needs %.0f of %.0f", level.value, need, level.Size().Width)
	}
	left := number(s.queue.waiting()) + " left"
	if got := s.queue.heading(s.queue.head.value, 1000); got != s.queue.head.value || !strings.HasPrefix(got, left) {
		t.Errorf("with room it says %q", got)
	}
	if got := s.queue.heading(s.queue.head.value, 60); got != left {
		t.Errorf("in 60 it says %q", got)
	}
}
