package viewer

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"fyne.io/fyne/v2"

	"coverslip/annotate"
)

func TestCoverStep(t *testing.T) {
	for m, want := range map[float64]int{0: 0, -1: 0, 2.4: 0, 2.5: 1, 4.9: 1, 4.99: 2, 5: 2, 10: 3, 19: 3, 20: 4, 40: 5, 320: 5} {
		if got := coverStep(m); got != want {
			t.Errorf("%g× is step %d, want %d", m, got, want)
		}
	}
	if !math.IsNaN(math.NaN()) || coverStep(math.NaN()) != 0 {
		t.Error("a magnification that is no number counts")
	}
}

func TestCoverage_Share(t *testing.T) {
	c := NewCoverage(1280, 640) // fields of 128: 10 × 5
	if c.cols != 10 || c.rows != 5 {
		t.Fatalf("%d × %d fields", c.cols, c.rows)
	}
	if !c.See(annotate.Box{MinX: -500, MinY: -500, MaxX: 640, MaxY: 9999}, 10) {
		t.Error("nothing new was seen")
	}
	if got := c.Share(10); got != 0.5 {
		t.Errorf("%g of the slide seen at 10×, want half", got)
	}
	if c.Share(20) != 0 || c.Share(5) != 0.5 {
		t.Errorf("%g at 20×, %g at 5×", c.Share(20), c.Share(5))
	}
	if c.See(annotate.Box{MaxX: 640, MaxY: 640}, 5) {
		t.Error("a glance from further away took something over")
	}
	fields := c.Tissue(func(x, _, _, _ float64) float64 { return x / 1280 })
	if !c.SetTissue(fields) || !c.KnowsTissue() {
		t.Fatal("the tissue is not taken")
	}
	if got := c.Share(10); math.Abs(got-4.0/9) > 1e-12 { // the first column has none
		t.Errorf("%g of the tissue seen, want 4/9", got)
	}
	if c.SetTissue(fields[1:]) {
		t.Error("a list of another size fits")
	}
	c.SetTissue(make([]bool, 50))
	if c.KnowsTissue() || c.Share(10) != 0.5 {
		t.Error("a slide without any tissue has nothing to see")
	}
}

// The counts that make Share quick must be those of the fields.
func TestCoverage_countsStayTrue(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	c := NewCoverage(40000, 30000)
	c.SetTissue(c.Tissue(func(float64, float64, float64, float64) float64 { return float64(r.IntN(2)) }))
	for range 500 {
		x, y, w := r.Float64()*40000-1000, r.Float64()*30000-1000, r.Float64()*6000
		c.See(annotate.Box{MinX: x, MinY: y, MaxX: x + w, MaxY: y + w}, math.Exp2(r.Float64()*7))
	}
	count, fields := c.count, c.fields
	c.recount()
	if count != c.count || fields != c.fields {
		t.Errorf("counts %v of %d, fields say %v of %d", count, fields, c.count, c.fields)
	}
}

func TestCoverage_TextRestore(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	c := NewCoverage(120000, 90000)
	for range 2000 {
		x, y := r.Float64()*120000, r.Float64()*90000
		c.See(annotate.Box{MinX: x, MinY: y, MaxX: x + 1500, MaxY: y + 1000}, math.Exp2(r.Float64()*7))
	}
	text := c.Text()
	if len(text) > 64<<10 {
		t.Errorf("the map takes %d bytes", len(text))
	}
	d := NewCoverage(120000, 90000)
	if err := d.Restore(text); err != nil || string(d.seen) != string(c.seen) || d.count != c.count {
		t.Fatalf("came back otherwise: %v", err)
	}
	d.See(annotate.Box{MaxX: 9000, MaxY: 9000}, 40)
	if err := d.Restore(text); err != nil || d.seen[0] != coverSteps {
		t.Errorf("what was seen since is lost: %v", err)
	}
	before := string(d.seen)
	for _, bad := range []string{"", "cover1", "cover1 3 3 AAAA", "cover2 512 384 AA==", strings.Replace(text, "512 384", "384 512", 1),
		text[:len(text)/2], "cover1 512 384 !!!!", "cover1 512 384 " + strings.Repeat("A", 100)} {
		if err := d.Restore(bad); err == nil || string(d.seen) != before {
			t.Errorf("%.30q: %v", bad, err)
		}
	}
}

func FuzzCoverage_Restore(f *testing.F) {
	c := NewCoverage(1280, 640)
	c.See(annotate.Box{MaxX: 500, MaxY: 500}, 10)
	f.Add(c.Text())
	f.Add("cover1 10 5 AAAA")
	f.Add("cover1 -1 999999999999 A")
	f.Fuzz(func(t *testing.T, text string) {
		d := NewCoverage(1280, 640)
		if err := d.Restore(text); err != nil && d.Share(0) != 0 {
			t.Fatal("a bad text changed the map")
		}
		for _, s := range d.seen {
			if s > coverSteps {
				t.Fatalf("step %d", s)
			}
		}
	})
}

// Every place of a slide lies in a field of the walk, neighbours overlap, and
// each step goes to a neighbour.
func TestWalk_coversTheSlide(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for range 300 {
		w, h := 100+r.Float64()*60000, 100+r.Float64()*60000
		fw, fh := 500+r.Float64()*9000, 500+r.Float64()*9000
		g := newWalk(annotate.Box{MaxX: fw, MaxY: fh}, w, h)
		for range 50 {
			x, y := r.Float64()*w, r.Float64()*h
			b := g.box(g.nearest(x, y, w, h), w, h)
			if x < b.MinX-1e-6 || x > b.MaxX+1e-6 || y < b.MinY-1e-6 || y > b.MaxY+1e-6 {
				t.Fatalf("(%g,%g) of %g × %g lies in no field of %g × %g; nearest %+v", x, y, w, h, fw, fh, b)
			}
		}
		for i := range g.len() {
			x, y := g.middle(i, w, h)
			if g.nearest(x, y, w, h) != i {
				t.Fatalf("field %d of %+v is not nearest to its own middle", i, g)
			}
			if i > 0 {
				px, py := g.middle(i-1, w, h)
				dx, dy := math.Abs(x-px), math.Abs(y-py)
				if dx > fw*(1-walkOverlap)+1e-6 || dy > fh*(1-walkOverlap)+1e-6 || dx > 1e-6 && dy > 1e-6 {
					t.Fatalf("from field %d to %d it is (%g,%g)", i-1, i, dx, dy)
				}
			}
		}
	}
}

// look lets frames pass until what is in view counts as seen.
func (s *stage) look() {
	s.settle()
	for range 40 {
		s.frame()
	}
}

func TestViewer_NextField_seesAllTissue(t *testing.T) {
	s := newStage(t, newFakeSlide(20000, 12000, 256, pink), 800, 600) // 40× at 1:1
	c := s.v.Coverage()
	c.SetTissue(c.Tissue(func(x, y, _, _ float64) float64 {
		if x < 9000 && y > 2000 && y < 9000 {
			return 1
		}
		return 0
	}))
	told := 0
	s.v.OnSeen = func() { told++ }
	steps := 0
	for ; s.v.NextField(true); steps++ {
		s.v.Settle()
		s.look()
		if m := s.v.Magnification(); math.Abs(m-walkStart) > 1e-9 {
			t.Fatalf("walks at %g×", m)
		}
		if steps > 100 {
			t.Fatal("the walk does not end")
		}
	}
	if c.Share(10) != 1 || c.Share(20) != 0 || told == 0 {
		t.Errorf("after %d fields %g seen at 10×, %g at 20×; told %d times", steps, c.Share(10), c.Share(20), told)
	}
	// Fields of 3200 × 2400 with a tenth of overlap; tissue of 9000 × 7000.
	if steps < 9 || steps > 20 {
		t.Errorf("%d fields", steps)
	}
	if words := s.v.CoverageWords(); words != "100 % seen at 10×" {
		t.Errorf("says %q", words)
	}
	at := s.v.Viewport()
	if !s.v.NextField(false) {
		t.Fatal("no way back")
	}
	s.v.Settle()
	if s.v.Viewport() == at || c.Empty(s.v.Viewport().Box()) {
		t.Errorf("back to %+v", s.v.Viewport())
	}
}

func TestViewer_watch_onlyWhatStays(t *testing.T) {
	s := newStage(t, newFakeSlide(40000, 30000, 256, pink), 800, 600)
	s.look()
	if s.v.Coverage().Share(0) != 0 || s.v.CoverageWords() != "0 % seen at 10×" {
		t.Errorf("the whole slide in view counts as seen: %s", s.v.CoverageWords())
	}
	for i := range 40 { // a picture that flies by is not seen
		s.v.CenterOn(annotate.Point{X: 1000 * float64(i), Y: 15000}, 0.5)
		s.src.deliver(1000)
		s.frame()
	}
	flown := s.v.Coverage().Share(0)
	s.look()
	if rested := s.v.Coverage().Share(0); flown != 0 || rested == 0 {
		t.Errorf("%g seen in flight, %g at rest", flown, rested)
	}
	// A slow pan sees what stays in view for a while.
	before := s.v.Coverage().Share(0)
	for range 120 {
		s.v.view = s.v.limits.clamp(s.v.view.Panned(4, 0))
		s.v.touch()
		s.src.deliver(1000)
		s.frame()
	}
	if s.v.Coverage().Share(0) <= before {
		t.Error("a slow pan sees nothing")
	}
}

func TestViewer_watch_waitsForTheTiles(t *testing.T) {
	s := newStage(t, newFakeSlide(40000, 30000, 256, pink), 800, 600)
	s.v.CenterOn(annotate.Point{X: 20000, Y: 15000}, 0.5)
	for range 60 {
		s.frame()
	}
	if s.v.Coverage().Share(0) != 0 {
		t.Error("what was not there yet counts as seen")
	}
	s.look()
	if s.v.Coverage().Share(0) == 0 {
		t.Error("nothing is seen")
	}
}

func TestOverview_tint(t *testing.T) {
	pictures(t)
	s := newStage(t, newFakeSlide(40000, 30000, 256, pink), 800, 600)
	s.v.CenterOn(annotate.Point{X: 10000, Y: 10000}, 0.25)
	s.look()
	im := s.picture()
	o := s.v.overview
	at := func(l0X, l0Y float64) int {
		p := o.pos.AddXY(float32(l0X/o.w)*o.size.Width, float32(l0Y/o.h)*o.size.Height)
		return off(im.NRGBAAt(int(p.X), int(p.Y)), im.NRGBAAt(int(o.pos.X)+int(o.size.Width)-4, int(o.pos.Y)+int(o.size.Height)-4))
	}
	if at(30000, 20000) > 3 || at(10900, 10900) < 30 {
		t.Errorf("unseen is off by %d, seen by %d", at(30000, 20000), at(10900, 10900))
	}
	if o.words.Text != s.v.CoverageWords() || !strings.Contains(o.words.Text, "seen at 10×") {
		t.Errorf("says %q", o.words.Text)
	}
	if _, _, ok := o.at(fyne.NewPos(o.pos.X+3, o.pos.Y+o.size.Height+5)); ok {
		t.Error("the words are a place on the slide")
	}
}

func BenchmarkCoverage_Tissue(b *testing.B) {
	c := NewCoverage(100000, 80000)
	b.ReportAllocs()
	for b.Loop() {
		c.SetTissue(c.Tissue(func(float64, float64, float64, float64) float64 { return 1 }))
	}
}

// A share is told in the same whole percents everywhere.
func TestSeenPercent(t *testing.T) {
	for share, want := range map[float64]int{0: 0, 1e-6: 1, 0.489: 48, 0.4999: 49, 0.9999: 99, 1: 100} {
		if got := SeenPercent(share); got != want {
			t.Errorf("%g: %d %%, want %d", share, got, want)
		}
	}
}
