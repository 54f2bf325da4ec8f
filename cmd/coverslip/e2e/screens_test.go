//go:build e2e

package main

import (
	"image"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// look is one way in which every screen is shown.
type look struct {
	name          string
	width, height int // pixels
	scale         string
	themes        []string
}

var looks = []look{
	{"1280x800", 1280, 800, "1", []string{"dark", "light", "contrast"}},
	{"1920x1080", 1920, 1080, "1", []string{"dark", "light"}},
	{"2560x1600-scale2", 2560, 1600, "2", []string{"dark", "light"}},
}

// screens are what a person can come to see, each from the slide and back to it.
var screens = []struct {
	name string
	do   func(s *session)
	back []string // keys
}{
	{"slide", func(*session) {}, nil},
	{"palette", func(s *session) { s.glance("ctrl+k") }, []string{"Escape"}},
	{"keys", func(s *session) { s.press("F1") }, []string{"Escape"}},
	{"about", func(s *session) { s.typed("ctrl+k", "about", "Return") }, []string{"Escape"}},
	{"files", func(s *session) { s.glance("ctrl+o", "Down") }, []string{"Escape"}},
	{"export", func(s *session) { s.glance("ctrl+e") }, []string{"Escape"}},
	{"menu", func(s *session) {
		x, y := s.at(45, 40)
		s.xdo("mousemove", "--sync", x, y, "click", "3")
	}, []string{"Escape"}},
	{"filter", func(s *session) { s.typed("ctrl+p", "labels:maybe") }, []string{"Escape"}},
	{"beside", func(s *session) {
		s.press("shift+u")
		x, y := s.at(33, 50)
		s.xdo("mousemove", "--sync", x, y, "click", "4", "click", "4")
	}, nil},
	{"register", func(s *session) {
		s.press("ctrl+shift+l")
		s.click(33, 45)
		s.click(62, 45)
	}, []string{"Escape", "ctrl+shift+w"}},
	{"folded", func(s *session) { s.press("F8", "F9") }, []string{"F8", "F9"}},
}

// glance sends keys and takes what is seen a little later: a window with an entry
// never rests, since its cursor blinks.
func (s *session) glance(keys ...string) {
	s.t.Helper()
	for _, key := range keys {
		if _, err := s.display.xdo("key", "--clearmodifiers", key); err != nil {
			s.t.Fatal(err)
		}
		s.soon()
	}
}

// soon takes what is seen once the window rests, or after some seconds.
func (s *session) soon() {
	s.t.Helper()
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(80 * time.Millisecond) {
		if now, err := s.display.picture(); err == nil && differing(s.shown, now, now.Bounds()) > 200 {
			break // what was asked for begins to show
		}
	}
	img, err := s.display.still(700*time.Millisecond, 4*time.Second)
	if img == nil {
		s.t.Fatal(err)
	}
	s.shown = img // with an error too: only the cursor moves
}

// typed presses a key, types words and presses more keys.
func (s *session) typed(key, words string, more ...string) {
	s.t.Helper()
	s.glance(key)
	if _, err := s.display.xdo("type", "--delay", "30", words); err != nil {
		s.t.Fatal(err)
	}
	s.soon()
	s.glance(more...)
}

// withSecond adds a second slide, of the same case, to the project.
func (w *world) withSecond() {
	w.t.Helper()
	slide := filepath.Join(w.dir, "second.svs")
	w.ctl("synth", "--out", slide, "--size", "4000x3600", "--seed", "7", "--mpp", "0.5")
	w.ctl("project", "add", "--case", "S24-1187", w.project, slide, filepath.Join(w.dir, "slide.svs"))
}

// TestScreens_Shots makes a picture of every screen in every theme, at two sizes and
// at scale 2, into build/shots. COVERSLIP_LOOK names one look of several.
func TestScreens_Shots(t *testing.T) {
	w := newWorld(t)
	w.withSecond()
	w.label()
	w.suggest()
	only := os.Getenv("COVERSLIP_LOOK")
	for _, l := range looks {
		if only != "" && l.name != only {
			continue
		}
		d := newDisplay(t, l.width, l.height)
		for _, theme := range l.themes {
			env := append(append([]string(nil), w.home...), "FYNE_SCALE="+l.scale, "COVERSLIP_DEBUG=window")
			open := func(args ...string) *session {
				t.Helper()
				p, err := d.start(env, filepath.Join(w.bin, "coverslip"), append([]string{"--theme", theme}, args...)...)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(p.kill)
				s := &session{t: t, program: p, display: d}
				if len(args) > 0 {
					if err := p.spoke("coverslip: ready", 2*time.Minute); err != nil {
						t.Fatal(err)
					}
				}
				if s.shown, err = p.fill(120 * time.Second); err != nil {
					t.Fatal(err)
				}
				return s
			}
			s := open()
			s.keep(strings.Join([]string{"start", theme, l.name}, "-"))
			s.quit()
			s = open(w.project)
			plain := s.shown
			for _, screen := range screens {
				screen.do(s)
				for end := time.Now().Add(30 * time.Second); screen.name != "slide" && differing(plain, s.shown, s.shown.Bounds()) < 500 && time.Now().Before(end); {
					s.soon() // a busy machine shows it later
				}
				s.keep(strings.Join([]string{screen.name, theme, l.name}, "-"))
				if screen.name != "slide" && differing(plain, s.shown, s.shown.Bounds()) < 500 {
					t.Errorf("%s, %s, %s: the screen shows nothing new", screen.name, theme, l.name)
				}
				if len(screen.back) > 0 {
					s.glance(screen.back...)
				}
			}
			s.quit()
		}
	}
}

// TestFilm_Shots works with the window as a person would and makes a strip of what was
// seen: docs/images/film.jpg.
func TestFilm_Shots(t *testing.T) {
	w := newWorld(t)
	w.withSecond()
	w.label()
	w.suggest()
	s := w.window(newDisplay(t, 1280, 800))
	var film []*image.RGBA
	take := func(do func()) {
		do()
		film = append(film, s.shown)
	}
	take(func() {})
	take(func() {
		x, y := s.at(42, 48)
		s.xdo("mousemove", "--sync", x, y, "click", "4", "click", "4", "click", "4", "click", "4", "click", "4")
	})
	take(func() { s.press("2", "r"); s.drag(32, 35, 44, 52) })
	take(func() { s.press("1", "z") })
	take(func() { s.press("a", "a") })
	take(func() { s.press("0", "shift+u") })
	take(func() {
		x, y := s.at(33, 50)
		s.xdo("mousemove", "--sync", x, y, "click", "4", "click", "4", "click", "4")
	})
	take(func() { s.typed("ctrl+k", "high", "Return") })
	s.quit()
	strip := filmStrip(film, 4, 400)
	if err := saveJPEG(filepath.Join(shots, "film.jpg"), strip); err != nil {
		t.Fatal(err)
	}
	for i := 1; i < len(film); i++ {
		if n := differing(film[i-1], film[i], film[i].Bounds()); n < 1000 {
			t.Errorf("picture %d of the film differs from the one before by only %d pixels", i+1, n)
		}
	}
}

// filmStrip sets pictures, made wide pixels wide, into rows of cols.
func filmStrip(film []*image.RGBA, cols, wide int) *image.RGBA {
	const gap = 6
	high := wide * film[0].Rect.Dy() / film[0].Rect.Dx()
	rows := (len(film) + cols - 1) / cols
	out := image.NewRGBA(image.Rect(0, 0, cols*(wide+gap)+gap, rows*(high+gap)+gap))
	for i := range out.Pix {
		out.Pix[i] = 255
	}
	for i, im := range film {
		x0, y0 := gap+(i%cols)*(wide+gap), gap+(i/cols)*(high+gap)
		for y := range high {
			for x := range wide {
				out.SetRGBA(x0+x, y0+y, mean(im, x, y, wide, high))
			}
		}
	}
	return out
}

// mean is the mean colour of what one pixel of a smaller picture covers.
func mean(im *image.RGBA, x, y, wide, high int) color.RGBA {
	w, h := im.Rect.Dx(), im.Rect.Dy()
	x0, x1, y0, y1 := x*w/wide, (x+1)*w/wide, y*h/high, (y+1)*h/high
	var r, g, b, n int
	for py := y0; py < y1; py++ {
		for px := x0; px < x1; px++ {
			c := im.RGBAAt(px, py)
			r, g, b, n = r+int(c.R), g+int(c.G), b+int(c.B), n+1
		}
	}
	n = max(1, n)
	return color.RGBA{uint8(r / n), uint8(g / n), uint8(b / n), 255}
}
