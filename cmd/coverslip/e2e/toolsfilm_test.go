//go:build e2e

package main

import (
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// scene is one picture of the film of the tools.
type scene struct {
	name string
	do   func(s *session)
	adds int // objects
}

// hold drags with keys held down, which the brush, the wand and the frame read.
func (s *session) hold(key string, x0, y0, x1, y1 int) {
	s.t.Helper()
	s.held(key, func() { s.drag(x0, y0, x1, y1) })
}

// held does something while a key is down.
func (s *session) held(key string, do func()) {
	s.t.Helper()
	if _, err := s.display.xdo("keydown", key); err != nil {
		s.t.Fatal(err)
	}
	do()
	if _, err := s.display.xdo("keyup", key); err != nil {
		s.t.Fatal(err)
	}
	s.rest()
}

// command runs a command by its title in the palette, and waits until that is gone.
func (s *session) command(title string) {
	s.t.Helper()
	before := s.shown
	s.glance("ctrl+k")
	if _, err := s.display.xdo("type", "--delay", "30", title); err != nil {
		s.t.Fatal(err)
	}
	s.soon()
	s.press("Return")
	// The palette lies over the left end of the row of magnifications.
	row := image.Rect(s.display.width*36/100, s.display.height*15/100, s.display.width*40/100, s.display.height*18/100)
	for end := time.Now().Add(30 * time.Second); differing(before, s.shown, row) > 20 && time.Now().Before(end); {
		s.rest()
	}
}

// scenes make one object with each tool, then change objects in each way there is.
// Places are hundredths of a screen of 1280×800.
var scenes = []scene{
	{"point", func(s *session) { s.press("1", "d"); s.click(30, 27) }, 1},
	{"points", func(s *session) {
		s.press("shift+d")
		s.click(36, 25)
		s.click(39, 29)
		s.click(41, 25)
		s.press("Return")
	}, 1},
	{"line", func(s *session) { s.press("2", "l"); s.drag(45, 25, 50, 31) }, 1},
	{"polyline", func(s *session) {
		s.press("shift+l")
		s.click(53, 25)
		s.click(56, 31)
		s.click(58, 25)
		s.click(61, 31)
		s.press("Return")
	}, 1},
	{"arrow", func(s *session) { s.press("j"); s.drag(64, 31, 69, 25) }, 1},
	{"rectangle", func(s *session) { s.press("3", "r"); s.drag(29, 34, 35, 41) }, 1},
	{"turned-rectangle", func(s *session) { s.press("shift+r"); s.drag(38, 37, 44, 34); s.click(45, 40) }, 1},
	{"ellipse", func(s *session) { s.press("4", "o"); s.drag(48, 34, 55, 41) }, 1},
	{"polygon", func(s *session) {
		s.press("5", "p")
		for _, p := range [][2]int{{58, 35}, {62, 33}, {65, 37}, {62, 41}, {58, 40}} {
			s.click(p[0], p[1])
		}
		s.press("Return")
	}, 1},
	{"free-hand", func(s *session) {
		s.along([2]int{68, 37}, [2]int{70, 33}, [2]int{73, 34}, [2]int{74, 38}, [2]int{71, 41}, [2]int{69, 40}, [2]int{68, 38})
	}, 1},
	{"spline", func(s *session) {
		s.press("1", "shift+p")
		for _, p := range [][2]int{{30, 46}, {34, 44}, {37, 47}, {34, 52}, {30, 50}} {
			s.click(p[0], p[1])
		}
		s.press("Return")
	}, 1},
	{"brush", func(s *session) { s.press("b"); s.along([2]int{42, 46}, [2]int{46, 46}, [2]int{46, 50}) }, 1},
	{"brush-adds", func(s *session) { s.drag(46, 48, 51, 48) }, 0},
	{"brush-takes-away", func(s *session) { s.hold("alt", 43, 43, 43, 48) }, 0},
	{"eraser", func(s *session) { s.press("e"); s.drag(50, 44, 50, 52) }, 0},
	{"wand", func(s *session) { s.press("Escape", "2", "w"); s.drag(49, 41, 51, 41) }, 1},
	{"superpixel", func(s *session) { s.press("Escape", "3", "shift+w"); s.drag(68, 45, 72, 50) }, 1},
	{"ruler", func(s *session) { s.press("m"); s.drag(29, 56, 38, 59) }, 1},
	{"angle", func(s *session) { s.press("u"); s.click(42, 60); s.click(47, 60); s.click(45, 55) }, 1},
	{"scissors-area", func(s *session) { s.press("4", "r"); s.drag(51, 55, 57, 61) }, 1},
	{"scissors", func(s *session) { s.press("c"); s.drag(50, 60, 58, 56) }, 1},

	{"edit-area", func(s *session) {
		s.press("5", "p")
		for _, p := range [][2]int{{61, 54}, {67, 54}, {67, 60}, {61, 60}} {
			s.click(p[0], p[1])
		}
		s.press("Return", "v")
	}, 1},
	{"vertex-move", func(s *session) { s.drag(67, 54, 70, 53) }, 0},
	{"vertex-insert", func(s *session) { s.hold("alt", 64, 60, 64, 63) }, 0},
	{"vertex-delete", func(s *session) { s.click(61, 60); s.press("Delete") }, 0},
	{"move", func(s *session) { s.drag(64, 57, 66, 58) }, 0},
	{"duplicate", func(s *session) { s.press("ctrl+shift+d") }, 1},
	{"mirror", func(s *session) { s.command("Mirror left for right") }, 0},
	{"turn", func(s *session) { s.command("Turn right by 90") }, 0},

	{"two-areas", func(s *session) {
		s.press("Escape", "1", "r")
		s.drag(29, 66, 35, 73)
		s.press("2", "o")
		s.drag(32, 69, 39, 78)
	}, 2},
	{"exclude-others", func(s *session) { s.press("ctrl+shift+u") }, 0},
	{"union-areas", func(s *session) {
		s.press("1", "r")
		s.drag(42, 66, 47, 73)
		s.drag(45, 70, 50, 78)
		s.press("v")
		s.held("shift", func() { s.click(43, 67) })
	}, 2},
	{"union", func(s *session) { s.press("ctrl+u") }, -1},
	{"xor-areas", func(s *session) {
		s.press("2", "r")
		s.drag(53, 66, 58, 73)
		s.press("o")
		s.drag(55, 69, 61, 78)
		s.press("v")
		s.held("shift", func() { s.click(54, 67) })
	}, 2},
	{"xor", func(s *session) { s.command("Exclusive or") }, -1},
	{"ring", func(s *session) {
		s.press("Escape", "3", "b")
		s.along([2]int{66, 69}, [2]int{71, 68}, [2]int{72, 75}, [2]int{67, 76}, [2]int{66, 69})
	}, 1},
	{"fill-holes", func(s *session) { s.command("Fill holes") }, 0},
	{"smooth", func(s *session) { s.command("Smooth") }, 0},
	{"simplify", func(s *session) { s.command("Simplify") }, 0},
	{"grow", func(s *session) {
		s.typed("ctrl+k", "Grow or shrink", "Return")
		s.press("Return")
	}, 0},
	{"lasso", func(s *session) {
		s.press("q")
		s.along([2]int{28, 24}, [2]int{43, 24}, [2]int{43, 31}, [2]int{28, 31}, [2]int{28, 25})
	}, 0},
	{"class-of-them", func(s *session) { s.press("4") }, 0},
	{"select-class", func(s *session) { s.press("ctrl+shift+a") }, 0},
	{"lock", func(s *session) { s.press("k") }, 0},
	{"properties", func(s *session) { s.glance("F4") }, 0},
	{"hide", func(s *session) { s.press("Escape", "Escape", "Tab") }, 0},
	{"shown", func(s *session) { s.press("Tab") }, 0},
	{"tree", func(s *session) { s.glance("shift+y") }, 0}, // what lies in what is found in the background
	{"table", func(s *session) { s.press("shift+t") }, 0},
	{"table-sorted", func(s *session) { s.click(43, 75) }, 0},
}

// TestToolsFilm_Shots uses every tool and every change of an object by mouse and keys,
// a picture each, and makes a strip of them: build/shots/tools.jpg. COVERSLIP_SCENES
// names a few scenes to be played, "wand,lasso"; those that need others need them named.
func TestToolsFilm_Shots(t *testing.T) {
	w := newWorld(t)
	s := w.window(newDisplay(t, 1280, 800))
	only := os.Getenv("COVERSLIP_SCENES")
	want := 0
	var film []*image.RGBA
	for i, scene := range scenes {
		if only != "" && !strings.Contains(","+only+",", ","+scene.name+",") {
			continue
		}
		before := s.shown
		scene.do(s)
		want += scene.adds
		s.keep(fmt.Sprintf("tools-%02d-%s", i+1, scene.name))
		film = append(film, middle(s.shown))
		if n := differing(before, s.shown, s.shown.Bounds()); n < 20 {
			t.Errorf("%s changed only %d pixels", scene.name, n)
		}
	}
	s.quit()
	if n := len(w.objects()); n != want {
		t.Errorf("%d objects on disk, want %d", n, want)
	}
	w.intact()
	if err := saveJPEG(filepath.Join(shots, "tools.jpg"), filmStrip(film, 6, 300)); err != nil {
		t.Fatal(err)
	}
}

// middle is the slide's part of a picture: the film is of what is drawn.
func middle(im *image.RGBA) *image.RGBA {
	w, h := im.Rect.Dx(), im.Rect.Dy()
	part, ok := im.SubImage(image.Rect(w*26/100, h*20/100, w*77/100, h*97/100)).(*image.RGBA)
	if !ok {
		return im
	}
	out := image.NewRGBA(image.Rect(0, 0, part.Rect.Dx(), part.Rect.Dy()))
	for y := range out.Rect.Dy() {
		copy(out.Pix[y*out.Stride:(y+1)*out.Stride], part.Pix[y*part.Stride:])
	}
	return out
}
