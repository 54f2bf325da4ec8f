package viewer

import (
	"math"
	"math/rand/v2"
	"testing"

	"coverslip/annotate"
	"coverslip/tiles"
)

func close2(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(a), math.Abs(b)) }

func randomView(r *rand.Rand) Viewport {
	v := Viewport{
		CX: r.Float64() * 200000, CY: r.Float64() * 200000,
		Scale: math.Exp2(r.Float64()*14 - 9), W: 100 + r.IntN(3000), H: 100 + r.IntN(2000),
		Turn: r.IntN(4), Flip: r.IntN(2) == 1,
	}
	if r.IntN(2) == 1 {
		v = v.WithAngle(r.Float64() * 360)
	}
	return v
}

func TestViewport_RoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		v := randomView(r)
		l0X, l0Y := r.Float64()*200000, r.Float64()*200000
		x, y := v.L0FromS(v.SFromL0(l0X, l0Y))
		if math.Abs(x-l0X) > 1e-6 || math.Abs(y-l0Y) > 1e-6 {
			t.Fatalf("%+v: (%g,%g) came back as (%g,%g)", v, l0X, l0Y, x, y)
		}
	}
	v := Viewport{CX: 1000, CY: 500, Scale: 0.5, W: 800, H: 600}
	if x, y := v.SFromL0(1000, 500); x != 400 || y != 300 {
		t.Errorf("the centre is at (%g,%g)", x, y)
	}
	if x, y := v.SFromL0(1002, 504); x != 401 || y != 302 {
		t.Errorf("2 right and 4 down of the centre is at (%g,%g)", x, y)
	}
	if b := v.Box(); b != (annotate.Box{MinX: 200, MinY: -100, MaxX: 1800, MaxY: 1100}) {
		t.Errorf("sees %+v", b)
	}
}

func TestViewport_ZoomedTo_keepsThePoint(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		v := randomView(r)
		sX, sY := r.Float64()*float64(v.W), r.Float64()*float64(v.H)
		ax, ay := v.L0FromS(sX, sY)
		z := v.ZoomedTo(v.Scale*math.Exp2(r.Float64()*6-3), sX, sY)
		x, y := z.SFromL0(ax, ay)
		if math.Abs(x-sX) > 1e-5 || math.Abs(y-sY) > 1e-5 {
			t.Fatalf("%+v: the point at (%g,%g) moved to (%g,%g)", v, sX, sY, x, y)
		}
	}
}

func TestViewport_Panned(t *testing.T) {
	v := Viewport{CX: 1000, CY: 500, Scale: 0.5, W: 800, H: 600}
	l0X, l0Y := v.L0FromS(10, 20)
	x, y := v.Panned(30, -7).SFromL0(l0X, l0Y)
	if !close2(x, 40) || !close2(y, 13) {
		t.Errorf("went to (%g,%g), want (40,13)", x, y)
	}
}

func TestViewport_ShowingBox(t *testing.T) {
	v := Viewport{Scale: 1, W: 1000, H: 500}.ShowingBox(annotate.Box{MinX: 100, MinY: 100, MaxX: 300, MaxY: 300}, 1)
	if v.CX != 200 || v.CY != 200 || v.Scale != 2.5 {
		t.Errorf("got %+v, want centre 200,200 at 2.5", v)
	}
	if e := (Viewport{W: 100, H: 100}).ShowingBox(annotate.Box{MinX: 5, MinY: 5, MaxX: 5, MaxY: 5}, 1); !(e.Scale > 0) || math.IsInf(e.Scale, 0) {
		t.Errorf("a point is shown at scale %g", e.Scale)
	}
}

func TestLimits_clamp(t *testing.T) {
	v := Viewport{W: 1000, H: 500}
	l := limitsOf(v, 40000, 30000)
	fit := v.ShowingBox(annotate.Box{MaxX: 40000, MaxY: 30000}, fitMargin).Scale
	for _, c := range []struct{ in, want Viewport }{
		{Viewport{CX: -5, CY: 99999, Scale: 1}, Viewport{CX: 0, CY: 30000, Scale: 1}},
		{Viewport{CX: 7, CY: 8, Scale: 1e-9}, Viewport{CX: 7, CY: 8, Scale: fit / 2}},
		{Viewport{CX: 7, CY: 8, Scale: 1e9}, Viewport{CX: 7, CY: 8, Scale: maxScale}},
	} {
		if got := l.clamp(c.in); got != c.want {
			t.Errorf("%+v became %+v, want %+v", c.in, got, c.want)
		}
	}
	if small := limitsOf(v, 10, 10); small.minScale > 1 {
		t.Errorf("a slide of 10 pixels cannot be seen at its size: least scale %g", small.minScale)
	}
}

func TestViewport_Level(t *testing.T) {
	levels := []tiles.Level{{Downsample: 1}, {Downsample: 2}, {Downsample: 4.0003}, {Downsample: 8}, {Downsample: 16.002}}
	for _, c := range []struct {
		scale float64
		want  int
	}{{8, 0}, {1, 0}, {0.7, 0}, {0.51, 0}, {0.5, 1}, {0.26, 1}, {0.25, 2}, {0.2, 2}, {0.125, 3}, {0.0625, 4}, {0.001, 4}} {
		if got := (Viewport{Scale: c.scale}).Level(levels); got != c.want {
			t.Errorf("scale %g: level %d, want %d", c.scale, got, c.want)
		}
	}
}

func TestMagnification(t *testing.T) {
	for _, c := range []struct {
		info  *tiles.Info
		scale float64
		want  float64
	}{
		{&tiles.Info{MPPX: 0.25}, 1, 40},
		{&tiles.Info{MPPX: 0.5}, 1, 20},
		{&tiles.Info{MPPX: 0.25}, 0.25, 10},
		{&tiles.Info{MPPX: 0.25, Objective: 20}, 1, 40}, // a measured size speaks louder
		{&tiles.Info{Objective: 20}, 0.5, 10},
		{&tiles.Info{}, 1, 0},
		{nil, 1, 0},
	} {
		if got := magnification(c.info, c.scale); !close2(got, c.want) {
			t.Errorf("%+v at %g: %g, want %g", c.info, c.scale, got, c.want)
		}
		if c.want > 0 {
			if s := scaleFor(c.info, c.want); !close2(s, c.scale) {
				t.Errorf("%g× of %+v: scale %g, want %g", c.want, c.info, s, c.scale)
			}
		} else if s := scaleFor(c.info, 20); s != 0 {
			t.Errorf("a scale of %g for an unknown size", s)
		}
	}
}

func TestBarLength(t *testing.T) {
	for _, c := range []struct {
		scale, mpp, longest float64
		length              float64
		text                string
	}{
		{1, 0.25, 130, 80, "20 µm"},
		{0.1, 0.25, 130, 80, "200 µm"},
		{0.02, 0.25, 130, 80, "1 mm"},
		{0.004, 0.25, 130, 80, "5 mm"},
		{20, 0.25, 130, 80, "1 µm"},
		{1, 0, 130, 100, "100 px"},
		{0.01, 0, 130, 100, "10000 px"},
		{400, 0, 130, 400, "1 px"},
	} {
		length, text := barLength(c.scale, c.mpp, c.longest)
		if !close2(length, c.length) || text != c.text {
			t.Errorf("scale %g mpp %g: %g px %q, want %g %q", c.scale, c.mpp, length, text, c.length, c.text)
		}
	}
}

func TestMotion_zoomArrives(t *testing.T) {
	v := Viewport{CX: 5000, CY: 5000, Scale: 0.1, W: 800, H: 600}
	var m motion
	m.zoom(0.8, 100, 50)
	ax, ay := v.L0FromS(100, 50)
	last, n := v.Scale, 0
	for ; m.moving(); n++ {
		v = m.step(v, 1.0/60)
		if v.Scale < last || n > 120 {
			t.Fatalf("step %d: scale %g after %g", n, v.Scale, last)
		}
		last = v.Scale
		if x, y := v.SFromL0(ax, ay); math.Abs(x-100) > 1e-6 || math.Abs(y-50) > 1e-6 {
			t.Fatalf("step %d: the point under the mouse went to (%g,%g)", n, x, y)
		}
	}
	if v.Scale != 0.8 || n < 5 {
		t.Errorf("at %g after %d steps", v.Scale, n)
	}
}

func TestMotion_panArrives(t *testing.T) {
	v := Viewport{CX: 5000, CY: 5000, Scale: 0.5, W: 800, H: 600}
	var m motion
	m.pan(100, -40)
	for range 200 {
		v = m.step(v, 1.0/60)
	}
	if m.moving() || math.Abs(v.CX-4800) > 1e-6 || math.Abs(v.CY-5080) > 1e-6 {
		t.Errorf("at (%g,%g), moving %v; want (4800,5080)", v.CX, v.CY, m.moving())
	}
}

func TestMotion_glideEnds(t *testing.T) {
	v := Viewport{CX: 5000, CY: 5000, Scale: 1, W: 800, H: 600}
	var m motion
	m.glide(600, 0)
	for i := 0; m.moving(); i++ {
		if i > 300 {
			t.Fatal("glides for ever")
		}
		v = m.step(v, 1.0/60)
	}
	// The way of a glide is speed over rate, a little less for its early end.
	if way := 5000 - v.CX; way < 100 || way > 130 {
		t.Errorf("glided %g px, want about 120", way)
	}
	m.glide(10, 0)
	if m.moving() {
		t.Error("a resting hand starts a glide")
	}
}

func TestTracker_forgetsARest(t *testing.T) {
	var k tracker
	k.reset(0)
	for i := 1; i <= 20; i++ {
		k.add(8, 0, float64(i)*0.016)
	}
	if vx, _ := k.speed(0.33); math.Abs(vx-500) > 25 {
		t.Errorf("speed %g, want about 500", vx)
	}
	if vx, vy := k.speed(0.6); vx != 0 || vy != 0 {
		t.Errorf("after a rest still (%g,%g)", vx, vy)
	}
}
