//go:build e2e

package main

import "testing"

// TestWindow_EveryTool draws with each tool by mouse and key and looks for what came
// of it on disk.
func TestWindow_EveryTool(t *testing.T) {
	w := newWorld(t)
	s := w.window(newDisplay(t, 1280, 800))
	const doubles = -1 // all there is once more
	steps := []struct {
		name string
		do   func()
		adds int // objects
	}{
		{"ellipse", func() { s.press("o"); s.drag(28, 28, 36, 36) }, 1},
		{"turned rectangle", func() { s.press("shift+r"); s.drag(38, 30, 46, 34); s.click(42, 42) }, 1},
		{"spline", func() {
			s.press("shift+p")
			for _, p := range [][2]int{{48, 30}, {53, 32}, {51, 40}} {
				s.click(p[0], p[1])
			}
			s.press("Return")
		}, 1},
		{"point", func() { s.press("d"); s.click(56, 32) }, 1},
		{"points", func() { s.press("shift+d"); s.click(58, 30); s.click(60, 33); s.press("Return") }, 1},
		{"line", func() { s.press("l"); s.drag(62, 28, 66, 36) }, 1},
		{"polyline", func() { s.press("shift+l"); s.click(62, 40); s.click(66, 42); s.click(63, 46); s.press("Return") }, 1},
		{"arrow", func() { s.press("j"); s.drag(56, 40, 60, 48) }, 1},
		{"ruler", func() { s.press("m"); s.drag(28, 42, 36, 42) }, 1},
		{"angle", func() { s.press("u"); s.click(30, 50); s.click(34, 50); s.click(34, 46) }, 1},
		{"brush", func() { s.press("b"); s.drag(40, 50, 48, 50) }, 1},
		{"brush, more of it", func() { s.drag(46, 50, 50, 58) }, 0},
		{"eraser", func() { s.press("e"); s.drag(44, 46, 44, 56) }, 0},
		{"scissors", func() { s.press("c"); s.drag(41, 42, 42, 58) }, 1},
		{"wand", func() { s.press("w"); s.drag(45, 62, 53, 62) }, 1},
		{"superpixel", func() { s.press("Escape", "v", "Escape", "shift+w"); s.drag(55, 52, 58, 60) }, 1},
		{"copy and paste", func() { s.press("ctrl+a", "ctrl+c", "ctrl+v") }, doubles},
		{"pointer by keys", func() {
			s.press("r", "F2", "shift+space", "Right", "Right", "Down", "Down", "space", "F2")
		}, 1},
	}
	want := 0
	for _, step := range steps {
		before := s.shown
		step.do()
		if n := differing(before, s.shown, s.shown.Bounds()); n < 20 {
			t.Errorf("%s changed only %d pixels", step.name, n)
		}
		if step.adds == doubles {
			want *= 2
		} else {
			want += step.adds
		}
	}
	s.keep("every-tool-1280x800")
	s.press("shift+i")
	s.keep("measures-1280x800")
	s.press("Escape", "F1")
	s.keep("keys-1280x800")
	s.press("Escape")
	s.quit()
	if n := len(w.objects()); n != want {
		t.Errorf("%d objects on disk, want %d", n, want)
	}
	w.intact()
}
