//go:build e2e

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
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

// object is one object of the project as `annotations list --json` prints it.
type object struct {
	ID       string     `json:"id"`
	Kind     string     `json:"kind"`     // annotation, detection
	Class    string     `json:"class"`    // its name
	Decision string     `json:"decision"` // of a detection
	Box      [4]float64 `json:"box"`      // level-0 pixels: left, upper, right, lower
}

// objects lists what is in the project, which must not be open elsewhere.
func (w *world) objects() map[string]object {
	w.t.Helper()
	list := map[string]object{}
	lines := json.NewDecoder(bytes.NewReader(w.ctl("annotations", "list", "--project", w.project, "--json")))
	for lines.More() {
		var o object
		if err := lines.Decode(&o); err != nil {
			w.t.Fatalf("annotations list --json: %v", err)
		}
		list[o.ID] = o
	}
	return list
}

// since lists what is in now and not in before.
func since(before, now map[string]object) []object {
	var list []object
	for id, o := range now {
		if _, ok := before[id]; !ok {
			list = append(list, o)
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].ID < list[j].ID }) // identifiers begin with their time
	return list
}

// decided counts the detections by decision.
func decided(objects map[string]object) map[string]int {
	n := map[string]int{}
	for _, o := range objects {
		if o.Kind == "detection" {
			n[o.Decision]++
		}
	}
	return n
}

// intact fails when the project is damaged or its log was broken.
func (w *world) intact() {
	w.t.Helper()
	w.ctl("project", "check", w.project)
	w.ctl("audit", "verify", "--project", w.project)
}

// feature is what is read of a GeoJSON feature here; the rest is passed on as it is.
type feature struct {
	Geometry struct {
		Coordinates any `json:"coordinates"`
	} `json:"geometry"`
	Properties struct {
		ObjectType     string `json:"objectType"`
		Classification struct {
			Name string `json:"name"`
		} `json:"classification"`
	} `json:"properties"`
}

// reach is the longer side of the box around nested lists of positions, level-0 pixels.
func reach(coordinates any) float64 {
	low, high := [2]float64{math.Inf(1), math.Inf(1)}, [2]float64{math.Inf(-1), math.Inf(-1)}
	var walk func(v any)
	walk = func(v any) {
		list, _ := v.([]any)
		if x, ok := first(list).(float64); ok && len(list) >= 2 {
			y, _ := list[1].(float64)
			for i, c := range []float64{x, y} {
				low[i], high[i] = math.Min(low[i], c), math.Max(high[i], c)
			}
			return
		}
		for _, inner := range list {
			walk(inner)
		}
	}
	walk(coordinates)
	return math.Max(high[0]-low[0], high[1]-low[1])
}

func first(list []any) any {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// label imports, as a person's labels, the smallest region of each of three classes out of
// those the generator says it drew. The rest of the slide is left to the model.
func (w *world) label() {
	w.t.Helper()
	truth, err := filepath.Glob(filepath.Join(w.dir, "slide.svs*.geojson"))
	if err != nil || len(truth) != 1 {
		w.t.Fatalf("the ground truth beside the slide: %v, %v", truth, err)
	}
	data, err := os.ReadFile(truth[0])
	if err != nil {
		w.t.Fatal(err)
	}
	var file struct {
		Type     string            `json:"type"`
		Features []json.RawMessage `json:"features"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		w.t.Fatalf("%s: %v", truth[0], err)
	}
	smallest := map[string]json.RawMessage{}
	size := map[string]float64{}
	for _, raw := range file.Features {
		var f feature
		if err := json.Unmarshal(raw, &f); err != nil {
			w.t.Fatalf("%s: %v", truth[0], err)
		}
		// The regions are annotations, the nuclei detections; a patch must fit in.
		name, r := f.Properties.Classification.Name, reach(f.Geometry.Coordinates)
		if f.Properties.ObjectType == "annotation" && r >= 600 && (smallest[name] == nil || r < size[name]) {
			smallest[name], size[name] = raw, r
		}
	}
	names := slices.Sorted(maps.Keys(smallest))
	sort.SliceStable(names, func(i, j int) bool { return size[names[i]] < size[names[j]] })
	if len(names) < 3 {
		w.t.Fatalf("%s holds regions of only these classes: %v", truth[0], names)
	}
	file.Features = nil
	for _, name := range names[:3] {
		file.Features = append(file.Features, smallest[name])
	}
	w.t.Logf("labelled: %v", names[:3])
	if data, err = json.Marshal(file); err != nil {
		w.t.Fatal(err)
	}
	regions := filepath.Join(w.dir, "regions.geojson")
	if err := os.WriteFile(regions, data, 0o644); err != nil {
		w.t.Fatal(err)
	}
	w.ctl("annotations", "import", "--project", w.project, "--slide", "slide.svs", regions)
}

// suggest has the built-in model suggest labels; without a runtime the test is skipped,
// because that is a fact of the machine and not of the program.
func (w *world) suggest() {
	w.t.Helper()
	if err := exec.Command(filepath.Join(w.bin, "coverslipctl"), "setup", "--check").Run(); err != nil {
		w.t.Skip("no model runtime on this machine; .ci/setup build fetches it")
	}
	w.ctl("suggest", "--project", w.project)
}

// window opens the project on the display.
func (w *world) window(d *display) *session {
	w.t.Helper()
	p, err := d.start(append(w.home, "COVERSLIP_DEBUG=window"), filepath.Join(w.bin, "coverslip"), "--author", "E2E", w.project)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(p.kill)
	s := &session{t: w.t, program: p, display: d}
	if err := p.spoke("coverslip: ", 90*time.Second); err != nil { // that the slide is shown, or what is wrong with it
		w.t.Fatal(err)
	}
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
	s.along([2]int{x0, y0}, [2]int{x1, y1})
}

// along draws a way with the left button held, from place to place in steps as a hand
// does. xdotool waits for ever for a mouse that is where it shall go, so no step stands still.
func (s *session) along(way ...[2]int) {
	s.t.Helper()
	const steps = 8
	w, h := s.display.width, s.display.height
	x, y := w*way[0][0]/100, h*way[0][1]/100
	args := []string{"mousemove", fmt.Sprint(x), fmt.Sprint(y), "sleep", "0.05", "mousedown", "1"}
	for i := 1; i < len(way); i++ {
		a, b := way[i-1], way[i]
		for k := 1; k <= steps; k++ {
			nx, ny := w*(a[0]*(steps-k)+b[0]*k)/(100*steps), h*(a[1]*(steps-k)+b[1]*k)/(100*steps)
			if nx != x || ny != y {
				args = append(args, "mousemove", "--sync", fmt.Sprint(nx), fmt.Sprint(ny), "sleep", "0.03")
			}
			x, y = nx, ny
		}
	}
	s.xdo(append(args, "mouseup", "1")...)
}

// click clicks with the left button, long enough after the last click not to be a double one.
func (s *session) click(x, y int) {
	s.t.Helper()
	px, py := s.at(x, y)
	s.xdo("mousemove", px, py, "sleep", "0.05", "click", "1")
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

// shots is where pictures for people go.
var shots = filepath.Join("..", "..", "..", "build", "shots")

// keep writes what the screen shows into build/shots, for people to look at.
func (s *session) keep(name string) {
	s.t.Helper()
	if err := savePNG(filepath.Join(shots, name+".png"), s.shown); err != nil {
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
