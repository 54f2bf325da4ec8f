//go:build e2e

package main

import (
	"context"
	"image"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"coverslip/tiles/tiffwrite"
)

// drop drags files onto the window, in hundredths of the screen, and waits until
// the program has said or shown something.
func (s *session) drop(x, y int, paths ...string) {
	s.t.Helper()
	var list strings.Builder
	for _, p := range paths {
		list.WriteString((&url.URL{Scheme: "file", Path: p}).String() + "\r\n")
	}
	client, err := dialX(s.display.name)
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.conn.Close()
	window, err := strconv.ParseUint(s.program.window, 10, 32)
	if err != nil {
		s.t.Fatal(err)
	}
	at := [2]int{s.display.width * x / 100, s.display.height * y / 100}
	taken, err := client.drag(uint32(window), list.String(), [2]int{at[0] / 2, at[1] / 2}, at)
	if err != nil || !taken {
		s.t.Fatalf("dropping %v: taken %v, %v", paths, taken, err)
	}
}

// until waits for a condition of the program, and then for the window to rest.
func (s *session) until(what string, limit time.Duration, ok func() bool) {
	s.t.Helper()
	for end := time.Now().Add(limit); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("%s: not within %s; the program said:\n%s", what, limit, s.program.output.String())
		}
	}
	s.rest()
}

// TestWindow_Drops drops, by X's own protocol, a project, a slide whose name has a
// blank and letters of other alphabets, labels, a folder of a model and what is
// nothing of these.
func TestWindow_Drops(t *testing.T) {
	w := newWorld(t)
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(w.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	slide := filepath.Join(w.dir, "Schnitt 2 – größer #1.tif")
	o := tiffwrite.Options{Width: 1200, Height: 900, MPP: waveMPP, Objective: 20, Lossless: true, Smallest: 256}
	if err := tiffwrite.Write(context.Background(), slide, o, paintWaves); err != nil {
		t.Fatal(err)
	}
	labels := write("labels of two.geojson", `{"type":"FeatureCollection","features":[
		{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[100,100],[900,100],[900,700],[100,100]]]},"properties":{"objectType":"annotation","classification":{"name":"Tumour"}}},
		{"type":"Feature","geometry":{"type":"Point","coordinates":[600,300]},"properties":{"objectType":"annotation"}}]}`)
	model := filepath.Dir(write("a model/coverslip.json", "{}"))
	letter := write("letter.txt", "Dear colleague, the slide is in the other mail.")

	p, err := newDisplay(t, 1280, 800).start(append(w.home, "COVERSLIP_DEBUG=window"), filepath.Join(w.bin, "coverslip"), "--author", "E2E")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	s := &session{t: t, program: p, display: p.display}
	if s.shown, err = p.fill(90 * time.Second); err != nil {
		t.Fatal(err)
	}
	said := func(words string) func() bool {
		return func() bool { return strings.Contains(p.output.String(), words) }
	}
	// changed tells whether most of a part of the screen is not as it was.
	changed := func(before *image.RGBA, part image.Rectangle) func() bool {
		return func() bool {
			now, err := s.display.picture()
			return err == nil && differing(before, now, part) >= part.Dx()*part.Dy()*3/4
		}
	}
	s.drop(50, 50, w.project)
	s.until("the project", time.Minute, said("ready slide.svs"))
	s.drop(50, 50, slide)
	s.until("the slide", time.Minute, said("ready Schnitt 2 – größer #1.tif"))
	before := s.shown
	s.drop(50, 50, labels)
	s.until("the labels", time.Minute, changed(before, image.Rect(690, 300, 780, 390)))
	s.keep("dropped-labels-1280x800")
	s.drop(50, 50, letter)
	s.until("the letter", time.Minute, said("letter.txt"))
	before = s.shown
	s.drop(50, 50, model)
	s.until("the model", time.Minute, changed(before, image.Rect(340, 110, 980, 160)))
	s.keep("dropped-model-1280x800")
	s.quit()
	w.intact()
	if n := len(w.objects()); n != 2 {
		t.Errorf("%d objects on disk after the labels were dropped, want 2", n)
	}
}
