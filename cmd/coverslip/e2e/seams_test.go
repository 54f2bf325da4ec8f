//go:build e2e

package main

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/tiles/tiffwrite"
)

// The slide of these tests tells every place by its colour: smooth waves of a few
// pixels, so that an edge between tiles that is half a pixel off, or not mixed,
// is seen.
const (
	waveW, waveH = 3000, 2200
	waveLong     = 24.0 // pixels of a wave
	waveMPP      = 0.5  // µm per pixel
)

// wave is the colour at a place of the slide, pixels.
func wave(x, y float64) [3]float64 {
	return [3]float64{
		150 + 60*math.Sin(2*math.Pi*x/waveLong), 150 + 60*math.Sin(2*math.Pi*y/waveLong),
		170 + 40*math.Sin(2*math.Pi*(x+y)/(3*waveLong)),
	}
}

func paintWaves(_ context.Context, x0, y0 int, dst *image.RGBA) error {
	for y := range dst.Rect.Dy() {
		for x := range dst.Rect.Dx() {
			c := wave(float64(x0+x)+0.5, float64(y0+y)+0.5)
			dst.SetRGBA(dst.Rect.Min.X+x, dst.Rect.Min.Y+y, color.RGBA{uint8(c[0] + 0.5), uint8(c[1] + 0.5), uint8(c[2] + 0.5), 255})
		}
	}
	return nil
}

// waves makes a project with the slide of waves and shows it.
func waves(t *testing.T) *session {
	t.Helper()
	w := newWorld(t)
	slide := filepath.Join(w.dir, "waves.tif")
	o := tiffwrite.Options{Width: waveW, Height: waveH, MPP: waveMPP, Objective: 20, Lossless: true, Smallest: 256}
	if err := tiffwrite.Write(context.Background(), slide, o, paintWaves); err != nil {
		t.Fatal(err)
	}
	w.project = filepath.Join(w.dir, "waves.coverslip")
	w.ctl("project", "new", w.project)
	w.ctl("project", "add", w.project, slide)
	return w.window(newDisplay(t, 1280, 800))
}

// fit finds which part of the waves a row or column of the screen shows: the phase
// in slide pixels, at a scale in screen pixels per slide pixel, by correlation.
func phase(value []float64, scale float64) float64 {
	var re, im float64
	for i, v := range value {
		sin, cos := math.Sincos(2 * math.Pi * (float64(i) + 0.5) / (scale * waveLong))
		re += (v - 150) * sin
		im += (v - 150) * cos
	}
	return math.Atan2(im, re) / (2 * math.Pi) * waveLong
}

// follows sends events and waits until most of a part of the screen has changed
// and rests: on a busy machine a window that has not begun to move rests too.
func (s *session) follows(part image.Rectangle, events ...string) {
	s.t.Helper()
	before := s.shown
	s.xdo(events...)
	for range 15 {
		if differing(before, s.shown, part) > part.Dx()*part.Dy()/4 {
			s.rest() // to its end
			return
		}
		s.rest()
	}
	s.t.Fatalf("%v changed nothing", events)
}

// TestWindow_Seams zooms by the wheel to fractional scales and compares every
// pixel with the slide: no line shows where tiles meet, and each tile is at its
// place within half a pixel of the screen.
func TestWindow_Seams(t *testing.T) {
	s := waves(t)
	// The middle of the viewer, away from what floats above the slide.
	view := image.Rect(330, 180, 780, 680)
	x, y := "860", "430" // the pointer would be in the picture
	s.xdo("mousemove", "--sync", x, y)
	s.press("Tab")
	s.follows(view, "key", "--clearmodifiers", "ctrl+4") // 10×: half of this slide's 20×
	scale := 0.5
	for step := range 6 {
		worst, at, lines := compare(t, s.shown, view, scale)
		t.Logf("scale %.4f: worst mean difference of a column or row %.2f at %s", scale, worst, at)
		if lines > 0 {
			s.keep(fmt.Sprintf("seams-%d", step))
			t.Errorf("scale %.4f: %d columns or rows differ from the slide, worst %.2f at %s", scale, lines, worst, at)
		}
		s.follows(view, "mousemove", "--sync", x, y, "click", "4")
		scale *= 1.25
	}
	s.quit()
}

// compare looks at a part of the screen column by column and row by row. Each must
// show the waves at the place that the whole picture has, within half a pixel of
// the screen: a column that is off by more differs by more than the wave changes
// there.
func compare(t *testing.T, im *image.RGBA, view image.Rectangle, scale float64) (worst float64, at string, lines int) {
	t.Helper()
	worstKink := 0.0
	defer func() { t.Logf("scale %.4f: worst kink %.2f", scale, worstKink) }()
	red := make([]float64, view.Dx()) // waves along x, the mean of each column
	green := make([]float64, view.Dy())
	for j := range view.Dy() {
		for i := range view.Dx() {
			c := im.RGBAAt(view.Min.X+i, view.Min.Y+j)
			red[i] += float64(c.R) / float64(view.Dy())
			green[j] += float64(c.G) / float64(view.Dx())
		}
	}
	for k, line := range [][]float64{red, green} {
		p := phase(line, scale)
		// How much of a wave is left by mixing pixels, as the picture itself has it.
		var got, full float64
		for i, v := range line {
			w := math.Sin(2*math.Pi*((float64(i)+0.5)/scale+p)/waveLong) * 60
			got += (v - 150) * w
			full += w * w
		}
		strength := got / full
		if strength < 0.8 || strength > 1.05 {
			t.Errorf("scale %.4f: the waves are %.2f times as strong as the slide's", scale, strength)
		}
		bend := 60 * math.Pow(2*math.Pi/waveLong/scale, 2)
		slope := 60 * 2 * math.Pi / waveLong / scale // change of the wave in a pixel of the screen
		for i, v := range line {
			want := 150 + strength*60*math.Sin(2*math.Pi*((float64(i)+0.5)/scale+p)/waveLong)
			d := math.Abs(v - want)
			if d > worst {
				worst, at = d, fmt.Sprintf("%s %d", []string{"column", "row"}[k], i)
			}
			if d > 0.5*slope+1.5 {
				lines++
			}
			// A line between tiles is a kink, where the wave bends by less; half a pixel
			// of the screen is what a tile's edge may be off.
			if i > 0 && i < len(line)-1 && scale > 1 {
				kink := math.Abs(v - (line[i-1]+line[i+1])/2)
				worstKink = max(worstKink, kink)
				if kink > bend/2+0.5*slope+0.5 {
					lines++
				}
			}
		}
	}
	return worst, at, lines
}

// TestWindow_ScaleBar measures the scale bar on the screen against what it says:
// at 10× a pixel of the screen is 1 µm.
func TestWindow_ScaleBar(t *testing.T) {
	s := waves(t)
	for key, perPixel := range map[string]float64{"ctrl+4": 1, "ctrl+5": 0.5} {
		s.press(key)
		long := barOnScreen(s.shown)
		ok := false
		for _, um := range []float64{20, 50, 100} {
			if math.Abs(float64(long)-um/perPixel) <= 1 {
				ok = true
			}
		}
		// The greatest round length within 130 units.
		want := map[string]float64{"ctrl+4": 100, "ctrl+5": 100}[key]
		if !ok || math.Abs(float64(long)-want) > 1 {
			s.keep("scalebar-" + strings.ReplaceAll(key, "+", "-"))
			t.Errorf("%s: the bar is %d pixels long, want %g", key, long, want)
		}
	}
	s.quit()
}

// barOnScreen is the length of the longest bright line in the lower left of the
// viewer.
func barOnScreen(im *image.RGBA) (longest int) {
	for y := 700; y < 775; y++ {
		run := 0
		for x := 236; x < 460; x++ {
			if c := im.RGBAAt(x, y); c.R > 225 && c.G > 225 && c.B > 225 {
				run++
				longest = max(longest, run)
			} else {
				run = 0
			}
		}
	}
	return longest
}

// TestWindow_Turned turns the slide by keys and looks for lines in it: under any
// angle the waves stay smooth.
func TestWindow_Turned(t *testing.T) {
	s := waves(t)
	s.xdo("mousemove", "--sync", "860", "430") // the pointer would be in the picture
	s.press("Tab")
	view := image.Rect(330, 180, 780, 680)
	for _, key := range []string{"ctrl+5", "ctrl+Right", "ctrl+Right", "ctrl+Right"} {
		s.follows(view, "key", "--clearmodifiers", key)
	}
	s.keep("turned")
	// A pixel is the mean of its neighbours to within what a wave bends.
	bend := 60 * math.Pow(2*math.Pi/waveLong, 2)
	worst, n := 0.0, 0
	for y := view.Min.Y + 1; y < view.Max.Y-1; y++ {
		for x := view.Min.X + 1; x < view.Max.X-1; x++ {
			for _, d := range [2][2]int{{1, 0}, {0, 1}} {
				a, b, c := s.shown.RGBAAt(x-d[0], y-d[1]), s.shown.RGBAAt(x, y), s.shown.RGBAAt(x+d[0], y+d[1])
				off := math.Abs(float64(b.R) - (float64(a.R)+float64(c.R))/2)
				worst = max(worst, off)
				if off > bend/2+3.5 {
					n++
				}
			}
		}
	}
	t.Logf("worst bend %.1f, a wave's own is %.1f", worst, bend/2)
	if n > 20 {
		t.Errorf("%d places bend more than the slide does", n)
	}
	s.quit()
}
