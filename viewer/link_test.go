package viewer

import (
	"math"
	"math/rand"
	"testing"

	"coverslip/annotate"
)

// TestFollow_SamePlaceOnScreen: whatever the lead shows at a point of its
// screen, the follower shows the place that belongs to it at the same point,
// for maps that turn by quarters or any angle, mirror, scale and shift.
func TestFollow_SamePlaceOnScreen(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for range 4000 {
		scale := math.Exp(r.NormFloat64())
		turn := float64(r.Intn(4)) * math.Pi / 2
		if r.Intn(2) == 0 {
			turn = r.Float64() * 2 * math.Pi
		}
		c, s := scale*math.Cos(turn), scale*math.Sin(turn)
		m := annotate.Affine{XX: c, XY: -s, YX: s, YY: c, X: r.NormFloat64() * 1e4, Y: r.NormFloat64() * 1e4}
		if r.Intn(2) == 1 { // x is mirrored first
			m.XX, m.YX = -m.XX, -m.YX
		}
		lead := Viewport{CX: r.Float64() * 1e5, CY: r.Float64() * 1e5, Scale: math.Exp(r.NormFloat64()), W: 640, H: 480, Turn: r.Intn(4), Flip: r.Intn(2) == 1}
		if r.Intn(2) == 0 {
			lead = lead.WithAngle(r.Float64() * 360)
		}
		own := Follow(lead, Viewport{W: 300, H: 500}, m)
		if own.W != 300 || own.H != 500 {
			t.Fatalf("the window's size changed: %+v", own)
		}
		for range 4 {
			dx, dy := r.NormFloat64()*200, r.NormFloat64()*200
			x, y := lead.L0FromS(320+dx, 240+dy)
			q := m.Apply(annotate.Point{X: x, Y: y})
			sx, sy := own.SFromL0(q.X, q.Y)
			if math.Hypot(sx-150-dx, sy-250-dy) > 0.5 {
				t.Fatalf("lead %+v, map %+v (%.0f°): (%.1f,%.1f) from the middle is shown at (%.3f,%.3f)", lead, m, turn*180/math.Pi, dx, dy, sx-150, sy-250)
			}
		}
	}
}

// TestFollow_ThereAndBack: following along a map and back along its inverse is
// where one began, for any map; no drift over a million steps.
func TestFollow_ThereAndBack(t *testing.T) {
	m := annotate.Affine{XX: 0.9, XY: -0.31, X: 5000, YX: 0.29, YY: 1.05, Y: -700}
	back, err := m.Inverse()
	if err != nil {
		t.Fatal(err)
	}
	start := Viewport{CX: 43210.5, CY: 12345.25, Scale: 0.37, W: 640, H: 480}
	v := start
	for range 500_000 {
		v = Follow(Follow(v, Viewport{W: 320, H: 240}, m), Viewport{W: 640, H: 480}, back)
	}
	if math.Hypot(v.CX-start.CX, v.CY-start.CY) > 1e-3 || math.Abs(v.Scale/start.Scale-1) > 1e-6 || v.Turn != 0 || v.Flip {
		t.Errorf("after a million steps %+v, began at %+v", v, start)
	}
	if got := Follow(start, start, annotate.Affine{}); got != start {
		t.Errorf("a flat map moved the view to %+v", got)
	}
}
