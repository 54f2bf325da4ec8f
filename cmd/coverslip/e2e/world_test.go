//go:build e2e

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// world is one test's machine: the built programs, a project made with the headless one,
// and a home folder of its own.
type world struct {
	t       *testing.T
	bin     string // folder of the built programs
	dir     string // the test's own folder
	project string
	home    []string // environment: settings of the window stay in the test's folder
}

// newWorld makes a project with one small generated slide in it.
func newWorld(t *testing.T) *world {
	t.Helper()
	bin := os.Getenv("COVERSLIP_BIN")
	if bin == "" {
		t.Fatal("COVERSLIP_BIN must name the folder of the built programs; run this by `make e2e`")
	}
	for _, tool := range []string{"Xvfb", "xdotool"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed; .ci/setup ci does that", tool)
		}
	}
	dir := t.TempDir()
	w := &world{t: t, bin: bin, dir: dir, project: filepath.Join(dir, "trial.coverslip")}
	w.home = []string{"XDG_CONFIG_HOME=" + filepath.Join(dir, "config"), "XDG_DATA_HOME=" + filepath.Join(dir, "data")}
	slide := filepath.Join(dir, "slide.svs")
	w.ctl("synth", "--out", slide, "--size", "6000x4500", "--seed", "7")
	w.ctl("project", "new", w.project)
	w.ctl("project", "add", w.project, slide)
	return w
}

// ctl runs the headless program; a failure ends the test.
func (w *world) ctl(args ...string) []byte {
	w.t.Helper()
	cmd := exec.Command(filepath.Join(w.bin, "coverslipctl"), args...)
	cmd.Env = append(os.Environ(), w.home...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		w.t.Fatalf("coverslipctl %s: %v\n%s%s", strings.Join(args, " "), err, stdout.Bytes(), stderr.Bytes())
	}
	return stdout.Bytes()
}

// label is one object of the project as the headless program lists it.
type label struct {
	ID     string `json:"id"`
	Kind   string `json:"kind"`
	Class  string `json:"class"`
	State  string `json:"state"`
	Source string `json:"source"`
}

// labels lists what is in the project, which must not be open elsewhere.
func (w *world) labels() []label {
	w.t.Helper()
	var list []label
	out := w.ctl("annotations", "list", "--project", w.project, "--json")
	if err := json.Unmarshal(out, &list); err != nil {
		w.t.Fatalf("annotations list --json: %v\n%s", err, out)
	}
	return list
}

// window opens the project on the display.
func (w *world) window(d *display) *session {
	w.t.Helper()
	p, err := d.start(w.home, filepath.Join(w.bin, "coverslip"), w.project)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(p.kill)
	s := &session{t: w.t, program: p, display: d}
	if s.shown, err = p.fill(90 * time.Second); err != nil {
		w.t.Fatal(err)
	}
	return s
}

// session is a person at the window.
type session struct {
	t       *testing.T
	program *program
	display *display
	shown   *image.RGBA // what the screen showed when it last rested
}

// xdo sends events and waits until the window rests again.
func (s *session) xdo(args ...string) {
	s.t.Helper()
	if _, err := s.display.xdo(args...); err != nil {
		s.t.Fatal(err)
	}
	s.rest()
}

func (s *session) rest() {
	s.t.Helper()
	img, err := s.program.settled(settling, 30*time.Second)
	if err != nil {
		s.t.Fatal(err)
	}
	s.shown = img
}

// press types keys one after another: "r", "ctrl+z", "Return".
func (s *session) press(keys ...string) {
	s.t.Helper()
	for _, key := range keys {
		before := s.shown
		s.xdo("key", "--clearmodifiers", key)
		s.t.Logf("%-8s changed %d pixels", key, differing(before, s.shown, s.shown.Bounds()))
	}
}

// at turns a place in the slide's part of the window, in hundredths of the screen, into
// pixels of the screen.
func (s *session) at(x, y int) (string, string) {
	return fmt.Sprint(s.display.width * x / 100), fmt.Sprint(s.display.height * y / 100)
}

// drag draws from one place to another with the left button, in steps as a hand does.
func (s *session) drag(x0, y0, x1, y1 int) {
	s.t.Helper()
	ax, ay := s.at(x0, y0)
	args := []string{"mousemove", "--sync", ax, ay, "mousedown", "1"}
	for i := 1; i <= 8; i++ {
		bx, by := s.at(x0+(x1-x0)*i/8, y0+(y1-y0)*i/8)
		args = append(args, "mousemove", "--sync", bx, by, "sleep", "0.03")
	}
	s.xdo(append(args, "mouseup", "1")...)
}

// click clicks with the left button, long enough after the last click not to be a double one.
func (s *session) click(x, y int) {
	s.t.Helper()
	px, py := s.at(x, y)
	s.xdo("mousemove", "--sync", px, py, "click", "1")
}

// quit closes the program by its key and waits for it to end well.
func (s *session) quit() {
	s.t.Helper()
	if _, err := s.display.xdo("key", "--clearmodifiers", "ctrl+q"); err != nil {
		s.t.Fatal(err)
	}
	if err := s.program.ended(20 * time.Second); err != nil {
		s.t.Fatal(err)
	}
}

// keep writes what the screen shows into build/shots, for people to look at.
func (s *session) keep(name string) {
	s.t.Helper()
	path := filepath.Join("..", "..", "..", "build", "shots", name+".png")
	if err := savePNG(path, s.shown); err != nil {
		s.t.Fatal(err)
	}
}

func newDisplay(t *testing.T, width, height int) *display {
	t.Helper()
	d, err := startDisplay(width, height)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	return d
}
