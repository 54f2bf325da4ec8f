package viewer

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"testing"

	"coverslip/annotate"
)

// overlaid is a stage on a pink slide with objects, centred on 4000,4000.
func overlaid(t testing.TB, scale float64, objects ...*annotate.Object) *stage {
	s := newStage(t, newFakeSlide(8000, 8000, 256, pink), 400, 300)
	s.bare()
	s.v.SetPalette(palette())
	s.v.SetObjects(annotate.NewSet(objects), annotate.ID{9})
	s.v.CenterOn(annotate.Point{X: 4000, Y: 4000}, scale)
	return s
}

// mixed is the colour of an area of a class on the pink slide.
func mixed(c color.NRGBA, fill float64) color.NRGBA {
	p := pink(0, 0)
	m := func(a, b uint8) uint8 { return uint8(float64(a)*fill + float64(b)*(1-fill) + 0.5) }
	return color.NRGBA{R: m(c.R, p.R), G: m(c.G, p.G), B: m(c.B, p.B), A: 255}
}

var bare = color.NRGBA(pink(0, 0))

// TestOverlay_pixels checks what is painted inside, on the edge and outside of
// a polygon with a hole, from far away to far above one to one.
func TestOverlay_pixels(t *testing.T) {
	pictures(t)
	for _, scale := range []float64{0.11, 0.3, 1, 1.3, 7.7} {
		// 100 px wide on screen, the hole 40.
		u := 1 / scale
		ring := func(r float64) annotate.Ring {
			return annotate.Ring{{X: 4000 - r*u, Y: 4000 - r*u}, {X: 4000 + r*u, Y: 4000 - r*u}, {X: 4000 + r*u, Y: 4000 + r*u}, {X: 4000 - r*u, Y: 4000 + r*u}}
		}
		// The hole turns the same way as the outline, as some programs write it.
		roi := annotate.ROI{Kind: annotate.KindPolygon, Polygons: []annotate.Polygon{{Outer: ring(50), Holes: []annotate.Ring{ring(20)}}}}
		s := overlaid(t, scale, label(classA, roi))
		im := s.picture()
		for _, c := range []struct {
			what string
			x, y int
			want color.NRGBA
		}{
			{"inside", 200 - 35, 150, mixed(colorA, defaultFill)},
			{"inside", 200 + 35, 150 + 40, mixed(colorA, defaultFill)},
			{"in the hole", 200, 150, bare},
			{"outside", 200 - 60, 150, bare},
			{"outside", 390, 290, bare},
		} {
			if got := im.NRGBAAt(c.x, c.y); off(got, c.want) > 3 {
				t.Errorf("scale %g, %s (%d,%d): %v, want %v", scale, c.what, c.x, c.y, got, c.want)
			}
		}
		// Somewhere on the way across an edge the outline is nearly the colour
		// of the class; it is 1 to 3 pixels wide.
		wide, best := 0, 255
		for x := 200 - 56; x <= 200-44; x++ {
			got := im.NRGBAAt(x, 150)
			best = min(best, off(got, colorA))
			if off(got, colorA) < off(got, mixed(colorA, defaultFill)) {
				wide++
			}
		}
		if best > 60 || wide < 1 || wide > 3 {
			t.Errorf("scale %g: the outline is %d px wide and %d off its colour", scale, wide, best)
		}
	}
}

// TestOverlay_tilesMeet paints a large polygon over many tiles: inside there
// must be one colour only.
func TestOverlay_tilesMeet(t *testing.T) {
	pictures(t)
	r := rand.New(rand.NewPCG(9, 1))
	for range 12 {
		s := overlaid(t, math.Exp2(6*r.Float64()-3), label(classA, annotate.Rectangle(0, 0, 8000, 8000)))
		s.v.CenterOn(annotate.Point{X: 3000 + 2000*r.Float64(), Y: 3000 + 2000*r.Float64()}, 0)
		if s.v.view.Scale < 0.2 {
			continue
		}
		im := s.picture()
		want := mixed(colorA, defaultFill)
		for y := range 300 {
			for x := range 400 {
				if got := im.NRGBAAt(x, y); off(got, want) > 2 {
					t.Fatalf("%+v: (%d,%d) is %v, want %v", s.v.Viewport(), x, y, got, want)
				}
			}
		}
	}
}

// inked counts the pixels that differ from the slide in a rectangle.
func inked(im *image.NRGBA, x0, y0, x1, y1 int) (n int) {
	for y := y0; y < y1; y++ {
		for x := x0; x < x1; x++ {
			if off(im.NRGBAAt(x, y), bare) > 12 {
				n++
			}
		}
	}
	return n
}

func TestOverlay_suggestionsAreDashedAndHollow(t *testing.T) {
	box := annotate.Rectangle(3900, 3900, 4100, 4100)
	coloured := func(o *annotate.Object) (n int, middle color.NRGBA) {
		s := overlaid(t, 1, o)
		im := s.picture()
		for y := 30; y < 270; y++ {
			for x := 80; x < 320; x++ {
				if off(im.NRGBAAt(x, y), colorA) < 80 {
					n++
				}
			}
		}
		return n, im.NRGBAAt(200, 150)
	}
	solid, _ := coloured(label(classA, box))
	dashed, middle := coloured(suggestion(classA, box))
	if middle != bare {
		t.Errorf("a suggestion is filled: %v", middle)
	}
	if share := float64(dashed) / float64(solid); share < 0.4 || share > 0.85 {
		t.Errorf("a suggestion's outline has %.0f %% of the pixels of a label's", 100*share)
	}
}

func TestOverlay_whatIsShown(t *testing.T) {
	box := annotate.Rectangle(3950, 3950, 4050, 4050)
	rejected := suggestion(classA, box)
	rejected.Review.Decision = annotate.Rejected
	accepted := suggestion(classA, box)
	accepted.Review.Decision = annotate.Accepted
	untrained := label(classA, box)
	untrained.By.Untrained = true
	middle := func(o *annotate.Object, f func(*Viewer)) color.NRGBA {
		s := overlaid(t, 1, o)
		if f != nil {
			s.picture()
			f(s.v)
		}
		return s.picture().NRGBAAt(200, 150)
	}
	body := mixed(colorA, defaultFill)
	for _, c := range []struct {
		what string
		o    *annotate.Object
		f    func(*Viewer)
		want color.NRGBA
	}{
		{"a label", label(classA, box), nil, body},
		{"another class", label(classB, box), nil, mixed(colorB, defaultFill)},
		{"no class", label(annotate.ID{}, box), nil, mixed(unclassified, defaultFill)},
		{"rejected", rejected, nil, bare},
		{"accepted", accepted, nil, body},
		{"untrained", untrained, nil, body},
		{"class hidden", label(classA, box), func(v *Viewer) { v.SetHiddenClasses(map[annotate.ID]bool{classA: true}) }, bare},
		{"other class hidden", label(classA, box), func(v *Viewer) { v.SetHiddenClasses(map[annotate.ID]bool{classB: true}) }, body},
		{"overlay off", label(classA, box), func(v *Viewer) { v.SetOverlayVisible(false) }, bare},
		{"overlay on again", label(classA, box), func(v *Viewer) { v.SetOverlayVisible(false); v.SetOverlayVisible(true) }, body},
		{"half as opaque", label(classA, box), func(v *Viewer) { v.SetFill(0.8); v.SetOpacity(0.5) }, mixed(colorA, 0.4)},
		{"opacity 0", label(classA, box), func(v *Viewer) { v.SetOpacity(0) }, bare},
		{"opacity back", label(classA, box), func(v *Viewer) { v.SetOpacity(0); v.SetOpacity(1) }, body},
		{"stronger fill", label(classA, box), func(v *Viewer) { v.SetFill(0.8) }, mixed(colorA, 0.8)},
		{"no objects", label(classA, box), func(v *Viewer) { v.SetObjects(nil, annotate.ID{}) }, bare},
		{"nil set", label(classA, box), func(v *Viewer) { v.SetObjects((*annotate.Set)(nil), annotate.ID{}) }, bare},
	} {
		if got := middle(c.o, c.f); off(got, c.want) > 3 {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}

func TestOverlay_kinds(t *testing.T) {
	pictures(t)
	pts := func(kind annotate.Kind, p ...annotate.Point) *annotate.Object {
		return label(classA, annotate.ROI{Kind: kind, Points: p})
	}
	for _, c := range []struct {
		what string
		o    *annotate.Object
		x, y int
		want bool
	}{
		{"point", pts(annotate.KindPoint, annotate.Point{X: 4000, Y: 4000}), 200, 150, true},
		{"beside a point", pts(annotate.KindPoint, annotate.Point{X: 4000, Y: 4000}), 210, 150, false},
		{"points", pts(annotate.KindPoints, annotate.Point{X: 3900, Y: 4000}, annotate.Point{X: 4050, Y: 4000}), 250, 150, true},
		{"between points", pts(annotate.KindPoints, annotate.Point{X: 3900, Y: 4000}, annotate.Point{X: 4050, Y: 4000}), 200, 150, false},
		{"line", pts(annotate.KindLine, annotate.Point{X: 3900, Y: 4000}, annotate.Point{X: 4050, Y: 4000}), 200, 150, true},
		{"line is open", pts(annotate.KindLine, annotate.Point{X: 3900, Y: 3900}, annotate.Point{X: 4000, Y: 4050}, annotate.Point{X: 4100, Y: 3900}), 200, 50, false},
		{"ellipse", pts(annotate.KindEllipse, annotate.Point{X: 3900, Y: 3950}, annotate.Point{X: 4100, Y: 4050}), 120, 150, true},
		{"corner of an ellipse", pts(annotate.KindEllipse, annotate.Point{X: 3900, Y: 3950}, annotate.Point{X: 4100, Y: 4050}), 104, 104, false},
	} {
		s := overlaid(t, 1, c.o)
		if got := off(s.picture().NRGBAAt(c.x, c.y), bare) > 20; got != c.want {
			t.Errorf("%s: painted %v", c.what, got)
		}
	}
}

// TestOverlay_ObjectsChanged repaints only where something changed, and shows
// the old tile until then.
func TestOverlay_ObjectsChanged(t *testing.T) {
	far := label(classB, annotate.Rectangle(3810, 3960, 3840, 3990))
	o := label(classA, annotate.Rectangle(4110, 4010, 4150, 4050))
	set := annotate.NewSet([]*annotate.Object{far})
	s := overlaid(t, 1)
	s.v.SetObjects(set, annotate.ID{9})
	s.settle()
	before := s.v.overlay.cache.painted
	if err := set.Apply(annotate.Add(annotate.ID{9}, "Draw", o)); err != nil {
		t.Fatal(err)
	}
	if got := s.picture().NRGBAAt(330, 180); got != bare {
		t.Fatalf("painted without being told: %v", got)
	}
	s.v.ObjectsChanged(o.ROI.Bounds())
	im := s.picture()
	if got := im.NRGBAAt(330, 180); off(got, mixed(colorA, defaultFill)) > 3 {
		t.Errorf("the new object is %v", got)
	}
	if got := im.NRGBAAt(25, 125); off(got, mixed(colorB, defaultFill)) > 3 {
		t.Errorf("the other object is %v", got)
	}
	if n := s.v.overlay.cache.painted - before; n < 1 || n > 2 {
		t.Errorf("%d tiles painted for one small object", n)
	}
	if err := set.Apply(annotate.Remove(annotate.ID{9}, "Delete", o)); err != nil {
		t.Fatal(err)
	}
	s.v.ObjectsChanged(o.ROI.Bounds())
	s.v.Tick() // the old tile stays until the new one is there
	if got := s.picture().NRGBAAt(330, 180); got != bare {
		t.Errorf("the removed object is still there: %v", got)
	}
}

// TestOverlay_keepsOldStep zooms and looks in each frame: the objects may never
// vanish.
func TestOverlay_keepsOldStep(t *testing.T) {
	s := overlaid(t, 1, label(classA, annotate.Rectangle(3000, 3000, 5000, 5000)))
	s.picture()
	s.v.ZoomBy(3, s.v.Middle())
	for i := range 40 {
		s.src.deliver(1000)
		s.frame()
		if i%3 != 0 || i > 24 {
			continue // painting in software takes its time
		}
		im := s.w.Canvas().Capture().(*image.NRGBA)
		if got := im.NRGBAAt(200, 150); off(got, mixed(colorA, defaultFill)) > 3 {
			t.Fatalf("frame %d at scale %g: %v", i, s.v.Viewport().Scale, got)
		}
	}
	if s.settle(); s.v.overlay.step != overlayStep(3) {
		t.Errorf("the step shown is %d, want %d", s.v.overlay.step, overlayStep(3))
	}
}

func TestOverlay_dotsWhenSmall(t *testing.T) {
	pictures(t)
	s := overlaid(t, 0.05, label(classA, annotate.Rectangle(3995, 3995, 4005, 4005)))
	n := inked(s.picture(), 180, 130, 220, 170)
	if n < 1 || n > 12 {
		t.Errorf("an object of half a pixel paints %d pixels", n)
	}
}

// TestOverlay_hostileShapes paints what no careful program would write.
func TestOverlay_hostileShapes(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	shapes := []annotate.ROI{
		{},
		{Kind: annotate.KindPolygon},
		annotate.Area(nil),
		annotate.Area(annotate.Ring{{X: 1, Y: 1}}),
		annotate.Area(annotate.Ring{{X: nan, Y: 1}, {X: 2, Y: nan}, {X: 3, Y: 3}}),
		annotate.Area(annotate.Ring{{X: -inf, Y: 1}, {X: inf, Y: 2}, {X: 3, Y: inf}}),
		annotate.Area(annotate.Ring{{X: -1e300, Y: -1e300}, {X: 1e300, Y: 0}, {X: 0, Y: 1e300}}),
		annotate.Area(annotate.Ring{{X: 4000, Y: 4000}, {X: 4000, Y: 4000}, {X: 4000, Y: 4000}}),
		{Kind: annotate.KindEllipse, Points: []annotate.Point{{X: 4000, Y: 4000}}},
		{Kind: annotate.KindEllipse, Points: []annotate.Point{{X: nan, Y: 0}, {X: inf, Y: 1}}},
		{Kind: annotate.KindLine},
		{Kind: 77, Points: []annotate.Point{{X: 4000, Y: 4000}}},
	}
	f := &fakeObjects{}
	var p overlayPainter
	style := &overlayStyle{fill: 0.3, unit: 1}
	var live live
	live.begin(Viewport{CX: 4000, CY: 4000, Scale: 0.5, W: 400, H: 300}, 1)
	for _, roi := range shapes {
		for _, o := range []*annotate.Object{label(classA, roi), suggestion(classA, roi)} {
			f.list = []*annotate.Object{o}
			for step := -8; step < 20; step += 3 {
				k := overlayKey{step: step, col: floorInt(4000 * stepScale(step) / overlayTile), row: floorInt(4000 * stepScale(step) / overlayTile)}
				p.paint(everything{f}, style, k)
			}
		}
		live.roi(&roi, color.White, liveLines)
	}
}

// everything yields every object, whatever the box.
type everything struct{ *fakeObjects }

func (e everything) Search(_ annotate.Box, yield func(*annotate.Object) bool) {
	for _, o := range e.list {
		if !yield(o) {
			return
		}
	}
}

func TestOverlayStep(t *testing.T) {
	for s := 0.001; s < 40; s *= 1.07 {
		if r := s / stepScale(overlayStep(s)); r > 1+1e-9 || r < math.Sqrt(0.5)-1e-9 {
			t.Errorf("scale %g: tiles are drawn at %g of their size", s, r)
		}
	}
}

// nuclei makes n small polygons of 20 to 200 vertices, evenly over a square.
func nuclei(n int, x0, y0, side float64) []*annotate.Object {
	r := rand.New(rand.NewPCG(11, 12))
	out := make([]*annotate.Object, n)
	for i := range out {
		cx, cy := x0+side*r.Float64(), y0+side*r.Float64()
		ring := make(annotate.Ring, 20+r.IntN(180))
		for k := range ring {
			a := 2 * math.Pi * float64(k) / float64(len(ring))
			ring[k] = annotate.Point{X: cx + 16*math.Cos(a), Y: cy + (12+3*math.Sin(3*a))*math.Sin(a)}
		}
		out[i] = label([]annotate.ID{classA, classB}[i%2], annotate.Area(ring))
	}
	return out
}

func benchmarkPaint(b *testing.B, n int, side, scale float64) {
	set := annotate.NewSet(nuclei(n, 0, 0, side))
	style := &overlayStyle{fill: 0.25, unit: 1, colours: map[annotate.ID]color.NRGBA{classA: colorA, classB: colorB}}
	step := overlayStep(scale)
	k := overlayKey{step, floorInt(side / 2 * stepScale(step) / overlayTile), floorInt(side / 2 * stepScale(step) / overlayTile)}
	var p overlayPainter
	b.ReportAllocs()
	for b.Loop() {
		p.paint(set, style, k)
	}
}

func BenchmarkOverlayPaint_100000_level0(b *testing.B) { benchmarkPaint(b, 100000, 12650, 1) }
func BenchmarkOverlayPaint_100000_level3(b *testing.B) { benchmarkPaint(b, 100000, 12650, 0.125) }
func BenchmarkOverlayPaint_100000_level6(b *testing.B) { benchmarkPaint(b, 100000, 12650, 1.0/64) }

// benchmarkTick measures the UI's share of a frame of a pan, everything having
// arrived.
func benchmarkTick(b *testing.B, n int) {
	s := newStage(b, newFakeSlide(20000, 20000, 256, pink), 1280, 800)
	s.v.SetPalette(palette())
	s.v.SetObjects(annotate.NewSet(nuclei(n, 0, 0, 40*math.Sqrt(float64(n)))), annotate.ID{9})
	s.v.CenterOn(annotate.Point{X: 5000, Y: 5000}, 0.6)
	s.settle()
	b.ReportAllocs()
	b.ResetTimer()
	i := 0
	for b.Loop() {
		i++
		s.v.view = s.v.view.Panned(float64(i%2*2-1), 0)
		s.v.clock.dirty = true
		s.frame()
	}
}

func BenchmarkTick_0(b *testing.B)      { benchmarkTick(b, 0) }
func BenchmarkTick_1000(b *testing.B)   { benchmarkTick(b, 1000) }
func BenchmarkTick_100000(b *testing.B) { benchmarkTick(b, 100000) }
