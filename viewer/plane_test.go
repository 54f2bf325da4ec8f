package viewer

import (
	"math"
	"math/rand/v2"
	"testing"

	"coverslip/annotate"
)

func TestViewport_angles(t *testing.T) {
	for _, c := range []struct {
		angle float64
		turn  int
		tilt  float64
	}{{0, 0, 0}, {90, 1, 0}, {-90, 3, 0}, {359, 0, -1}, {44, 0, 44}, {46, 1, -44}, {720.5, 0, 0.5}, {135, 2, -45}, {math.NaN(), 0, 0}, {math.Inf(1), 0, 0}} {
		v := Viewport{}.WithAngle(c.angle)
		if v.Turn != c.turn || v.Tilt != c.tilt {
			t.Errorf("%g°: %d quarters and %g°, want %d and %g", c.angle, v.Turn, v.Tilt, c.turn, c.tilt)
		}
		if want := whole(c.angle); v.Angle() != want {
			t.Errorf("%g° is %g°, want %g", c.angle, v.Angle(), want)
		}
	}
}

// Screen to slide and back over a grid of positions, zooms and turns.
func TestViewport_RoundTrip_grid(t *testing.T) {
	for _, at := range []float64{0, 0.25, 77.7, 12345.678, 131072, 400000} {
		for zoom := -12.0; zoom <= 5; zoom += 0.73 {
			for angle := 0.0; angle < 360; angle += 7.5 {
				for _, flip := range []bool{false, true} {
					v := Viewport{CX: at, CY: at / 3, Scale: math.Exp2(zoom), W: 1281, H: 799, Flip: flip}.WithAngle(angle)
					for sx := -40.0; sx < 1400; sx += 333 {
						for sy := -40.0; sy < 900; sy += 271 {
							x, y := v.SFromL0(v.L0FromS(sx, sy))
							if math.Hypot(x-sx, y-sy) > 1e-6 {
								t.Fatalf("%+v: (%g,%g) came back as (%g,%g)", v, sx, sy, x, y)
							}
						}
					}
				}
			}
		}
	}
}

// A million small turns, moves and zooms, then the same ones back: where does the
// picture end?
func TestViewport_noDrift_turning(t *testing.T) {
	const steps = 1_000_000
	r := rand.New(rand.NewPCG(5, 6))
	first := Viewport{CX: 65536.5, CY: 49152.25, Scale: 0.5, W: 1280, H: 800}.WithAngle(33.25)
	v, angle := first, first.Angle()
	for range steps / 4 {
		dx, dy := r.Float64()*40-20, r.Float64()*40-20
		sx, sy := r.Float64()*1280, r.Float64()*800
		by := math.Round(r.Float64()*4096-2048) * angleStep
		zoom := math.Exp2(r.Float64()*0.2 - 0.1)
		was := v.Scale
		v = v.Panned(dx, dy)
		v = v.TurnedTo(v.Angle()+by, sx, sy)
		v = v.ZoomedTo(was*zoom, sx, sy)
		// and back
		v = v.ZoomedTo(was, sx, sy)
		v = v.TurnedTo(v.Angle()-by, sx, sy)
		v = v.Panned(-dx, -dy)
	}
	if v.Angle() != angle || v.Scale != first.Scale {
		t.Errorf("turned to %v° at scale %v, want %v° at %v, exactly", v.Angle(), v.Scale, angle, first.Scale)
	}
	if d := math.Hypot(v.CX-first.CX, v.CY-first.CY); d > 1e-4 {
		t.Errorf("after a million steps the centre is %g level-0 pixels away", d)
	}
	for range steps {
		v = v.WithAngle(v.Angle() + 0.3)
	}
	for range steps {
		v = v.WithAngle(v.Angle() - 0.3)
	}
	if v.Angle() != angle {
		t.Errorf("after a million turns there and back: %v°, want %v°", v.Angle(), angle)
	}
}

func TestViewport_TurnedTo_keepsThePoint(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 2000 {
		v := randomView(r)
		sX, sY := r.Float64()*float64(v.W), r.Float64()*float64(v.H)
		ax, ay := v.L0FromS(sX, sY)
		x, y := v.TurnedTo(r.Float64()*720-360, sX, sY).SFromL0(ax, ay)
		if math.Hypot(x-sX, y-sY) > 1e-5 {
			t.Fatalf("%+v: the point at (%g,%g) moved to (%g,%g)", v, sX, sY, x, y)
		}
	}
}

// What a layer draws by way of the upright plane lies where the viewport says.
func TestViewport_Upright(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 2000 {
		v := randomView(r)
		u, p := v.Upright(), v.Plane()
		if u.Tilt != 0 {
			t.Fatalf("upright is tilted by %g°", u.Tilt)
		}
		l0X, l0Y := r.Float64()*200000, r.Float64()*200000
		ax, ay := v.SFromL0(l0X, l0Y)
		bx, by := u.SFromL0(p.FromL0(l0X, l0Y))
		if math.Hypot(ax-bx, ay-by) > 1e-6*max(1, v.Scale) {
			t.Fatalf("%+v: (%g,%g) is at (%g,%g), by the plane at (%g,%g)", v, l0X, l0Y, ax, ay, bx, by)
		}
		if x, y := p.L0(p.FromL0(l0X, l0Y)); math.Hypot(x-l0X, y-l0Y) > 1e-9*200000 {
			t.Fatalf("through the plane (%g,%g) becomes (%g,%g)", l0X, l0Y, x, y)
		}
	}
}

// Box holds the window, Within lies in it.
func TestViewport_Within(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for range 2000 {
		v := randomView(r)
		out, in := v.Box(), v.Within()
		for range 20 {
			x, y := v.L0FromS(r.Float64()*float64(v.W), r.Float64()*float64(v.H))
			if x < out.MinX-1e-6 || y < out.MinY-1e-6 || x > out.MaxX+1e-6 || y > out.MaxY+1e-6 {
				t.Fatalf("%+v: (%g,%g) is seen and not in its box %+v", v, x, y, out)
			}
		}
		for _, c := range [4][2]float64{{in.MinX, in.MinY}, {in.MaxX, in.MinY}, {in.MinX, in.MaxY}, {in.MaxX, in.MaxY}} {
			if x, y := v.SFromL0(c[0], c[1]); x < -1e-6 || y < -1e-6 || x > float64(v.W)+1e-6 || y > float64(v.H)+1e-6 {
				t.Fatalf("%+v: the corner (%g,%g) of Within is at (%g,%g)", v, c[0], c[1], x, y)
			}
		}
		if v.Tilt == 0 && (math.Abs(out.MinX-in.MinX) > 1e-6 || math.Abs(out.MaxY-in.MaxY) > 1e-6) {
			t.Fatalf("%+v: within %+v of %+v", v, in, out)
		}
	}
}

// A box that is shown whole is whole in the window in every position.
func TestViewport_ShowingBox_tilted(t *testing.T) {
	b := annotate.Box{MinX: 100, MinY: 2000, MaxX: 5100, MaxY: 3000}
	for angle := 0.0; angle < 360; angle += 11 {
		v := Viewport{W: 800, H: 600}.WithAngle(angle).ShowingBox(b, 1)
		x0, y0, x1, y1 := v.SBox(b.MinX, b.MinY, b.MaxX, b.MaxY)
		if x0 < -1e-6 || y0 < -1e-6 || x1 > 800+1e-6 || y1 > 600+1e-6 {
			t.Errorf("%g°: lies at %g,%g to %g,%g", angle, x0, y0, x1, y1)
		}
		if math.Abs(x1-x0-800) > 1e-6 && math.Abs(y1-y0-600) > 1e-6 {
			t.Errorf("%g°: fills neither side: %g × %g", angle, x1-x0, y1-y0)
		}
	}
}
