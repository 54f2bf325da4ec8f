package viewer

import (
	"bytes"
	"image"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"fyne.io/fyne/v2"

	"coverslip/annotate"
	"coverslip/annotate/synth"
)

// manySet is n nuclei on a slide of side², as a set has them that was just read
// from a project: an index, and shapes on a shelf.
func manySet(t testing.TB, n int, side float64) *annotate.Set {
	t.Helper()
	shelf := memoryShelf{}
	var b annotate.IndexBuilder
	for o := range synth.Nuclei(n, side, side, []annotate.ID{classA, classB}, 1) {
		if n <= 200_000 {
			shelf[o.ID] = o
		}
		brief := annotate.BriefOf(o)
		if err := b.Add(&brief, 1); err != nil {
			t.Fatal(err)
		}
	}
	return annotate.NewIndexedSet(b.Index(shelf, 32<<20))
}

// memoryShelf makes a shape up where it has none: a square as large as a nucleus.
type memoryShelf map[annotate.ID]*annotate.Object

func (m memoryShelf) Load(refs []annotate.Ref, yield func(i int, o *annotate.Object)) error {
	for i, r := range refs {
		if o := m[r.ID]; o != nil {
			yield(i, o)
		}
	}
	return nil
}

// TestOverlay_patchIsPaint makes random changes, and compares tiles patched where
// they fell with tiles painted anew.
func TestOverlay_patchIsPaint(t *testing.T) {
	rnd := rand.New(rand.NewPCG(4, 9))
	set := manySet(t, 4000, 2000)
	var p, fresh overlayPainter
	for _, plane := range []Plane{{}, PlaneOf(23)} {
		for _, step := range []int{-2, 0, 2, 5, 9} {
			style := &overlayStyle{fill: 0.3, unit: 1, plane: plane}
			s := stepScale(step)
			cx, cy := plane.FromL0(1000, 1000)
			k := overlayKey{step, floorInt(cx * s / overlayTile), floorInt(cy * s / overlayTile)}
			old := p.paint(set, style, k)
			for change := range 6 {
				var boxes []annotate.Box
				roll := set.Roll()
				for range 1 + rnd.IntN(3) {
					o := roll.Object(rnd.IntN(roll.Len()))
					if o == nil {
						continue
					}
					after := *o
					after.ROI = o.ROI.Translate(rnd.Float64()*60-30, rnd.Float64()*60-30).Map(func(q annotate.Point) annotate.Point {
						return annotate.Point{X: max(0, q.X), Y: max(0, q.Y)}
					})
					after.Class = []annotate.ID{classA, classB}[rnd.IntN(2)]
					if err := set.Apply(annotate.Replace(annotate.ID{9}, "Move", o, &after)); err != nil {
						t.Fatal(err)
					}
					boxes = append(boxes, o.ROI.Bounds(), after.ROI.Bounds())
				}
				patched := p.patch(set, style, k, old, boxes)
				want := fresh.paint(set, style, k)
				if !samePicture(patched, want) {
					t.Fatalf("tilt %v, step %d, change %d: the patched tile is another than one painted anew", plane.Tilt, step, change)
				}
				old = patched
			}
		}
	}
}

func samePicture(a, b *image.RGBA) bool {
	if a == nil || b == nil {
		return a == b
	}
	// Densities are sums of floats, whose order may differ by the last bit.
	for i := range a.Pix {
		if d := int(a.Pix[i]) - int(b.Pix[i]); d < -1 || d > 1 {
			return false
		}
	}
	return len(a.Pix) == len(b.Pix)
}

// TestOverlay_densityCountsAll: nothing that is smaller than a pixel is left out,
// and colours are those of the classes in their shares.
func TestOverlay_densityCountsAll(t *testing.T) {
	var d density
	for range 3 {
		d.add(100.5, 100.5, colorA)
	}
	d.add(100.2, 100.9, colorB)
	s := d.sums[100*overlayTile+100]
	mean := func(a, b uint8) float32 { return (3*float32(a) + float32(b)) / 4 }
	if s.n != 4 || off32(s.r/s.n, mean(colorA.R, colorB.R)) || off32(s.g/s.n, mean(colorA.G, colorB.G)) {
		t.Errorf("four objects count as %+v", s)
	}
	dst := image.NewRGBA(image.Rect(0, 0, overlayTile, overlayTile))
	d.draw(dst, 1)
	one := density{}
	one.add(100.5, 100.5, colorA)
	lone := image.NewRGBA(dst.Rect)
	one.draw(lone, 1)
	if a, b := lone.RGBAAt(100, 100).A, dst.RGBAAt(100, 100).A; a < 150 || b <= a {
		t.Errorf("one object has the strength %d, four %d", a, b)
	}
	if d.used || d.sums[100*overlayTile+100] != (weight{}) {
		t.Error("the next tile begins with the sums of this one")
	}
}

func off32(a, b float32) bool { return math.Abs(float64(a-b)) > 0.01 }

// TestOverlay_aMillionSeenWhole: of a million shapes seen as a whole no shape is
// read, and every tile under them shows some.
func TestOverlay_aMillionSeenWhole(t *testing.T) {
	if testing.Short() {
		t.Skip("a million objects")
	}
	set := manySet(t, 1_000_000, 80_000) // with an empty shelf
	s := newStage(t, newFakeSlide(80_000, 80_000, 256, pink), 640, 640)
	s.bare()
	s.v.SetPalette(palette())
	s.v.SetObjects(set, annotate.ID{9})
	s.settle()
	for k, e := range s.v.overlay.cache.tiles {
		if b := k.box(0); e.made && e.img == nil && b.MinX > 0 && b.MaxX < 79_000 && b.MinY > 0 && b.MaxY < 79_000 {
			t.Errorf("tile %v is empty", k)
		}
	}
	if err := set.Err(); err != nil {
		t.Error(err)
	}
}

// TestOverlay_editWithinTwoFrames: a shape drawn by hand over many others is seen
// in the next frame, before the disk has answered, stays until the overlay has
// it, and then is the overlay's.
func TestOverlay_editWithinTwoFrames(t *testing.T) {
	set := manySet(t, 60_000, 6000)
	s := newStage(t, newFakeSlide(6000, 6000, 256, pink), 400, 300)
	s.bare()
	s.v.SetPalette(palette())
	s.v.SetClass(classA)
	s.v.SetFill(1)
	s.v.SetObjects(set, annotate.ID{9})
	s.v.CenterOn(annotate.Point{X: 3000, Y: 3000}, 0.5)
	s.settle()
	var drawn *annotate.Object
	s.v.OnDraw = func(roi annotate.ROI) { drawn = label(classA, roi) }
	s.v.SetTool(ToolRectangle)
	inside, edge := image.Pt(200, 150), image.Pt(140, 150)
	s.drag(fyne.NewPos(140, 90), fyne.NewPos(260, 210))
	s.frame()
	shot, _ := s.w.Canvas().Capture().(*image.NRGBA)
	if off(shot.NRGBAAt(edge.X, edge.Y), colorA) > 90 {
		t.Errorf("in the next frame the outline is %v", shot.NRGBAAt(edge.X, edge.Y))
	}
	if drawn == nil || len(s.v.echoes) != 1 {
		t.Fatal("nothing was drawn")
	}
	before, patched := s.v.overlay.cache.painted, s.v.overlay.cache.patched
	if err := set.Apply(annotate.Add(annotate.ID{9}, "Draw", drawn)); err != nil {
		t.Fatal(err)
	}
	s.v.ObjectsChanged(drawn.ROI.Bounds())
	s.frame() // asks for the tiles
	for end := time.Now().Add(5 * time.Second); s.v.overlay.waiting && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
		s.frame()
	}
	shot, _ = s.w.Canvas().Capture().(*image.NRGBA)
	filled := 0
	for x := range 100 {
		if off(shot.NRGBAAt(inside.X-50+x, inside.Y), colorA) <= 3 { // nuclei lie on it
			filled++
		}
	}
	if filled < 8 { // without it there is none
		t.Errorf("the overlay shows %d of 100 pixels filled", filled)
	}
	if s.frame(); len(s.v.echoes) != 0 {
		t.Error("the shape is drawn twice")
	}
	c := s.v.overlay.cache
	if n := c.painted - before; n == 0 || n > 4 || c.patched-patched != n {
		t.Errorf("%d tiles painted for one shape, %d of them in places", n, c.patched-patched)
	}
}

// TestOverlay_failedEditFades: a shape whose edit comes to nothing goes away.
func TestOverlay_failedEditFades(t *testing.T) {
	s := overlaid(t, 1)
	s.v.OnDraw = func(annotate.ROI) {}
	s.v.SetTool(ToolRectangle)
	s.drag(fyne.NewPos(100, 100), fyne.NewPos(200, 200))
	for range 4 * 60 {
		s.frame()
	}
	if len(s.v.echoes) != 0 {
		t.Error("it is still drawn")
	}
}

// TestOverlay_panWithinCachedTilesUploadsNothing pans over what was seen.
func TestOverlay_panWithinCachedTilesUploadsNothing(t *testing.T) {
	set := manySet(t, 60_000, 6000)
	s := newStage(t, newFakeSlide(6000, 6000, 256, pink), 640, 480)
	s.bare()
	s.v.SetObjects(set, annotate.ID{9})
	s.v.CenterOn(annotate.Point{X: 3000, Y: 3000}, 0.5)
	s.settle()
	tour := func() {
		for i := range 120 {
			a := float64(i) * 2 * math.Pi / 120
			s.v.CenterOn(annotate.Point{X: 3000 + 300*math.Cos(a), Y: 3000 + 300*math.Sin(a)}, 0.5)
			s.settle()
		}
	}
	tour()
	before := s.v.overlay.pool.uploads + s.v.tileLayer.pool.uploads
	tour()
	if n := s.v.overlay.pool.uploads + s.v.tileLayer.pool.uploads - before; n != 0 {
		t.Errorf("%d uploads for a pan within cached tiles", n)
	}
}

func TestSelect_saysHowManyLieThere(t *testing.T) {
	var list []*annotate.Object
	for range 8 {
		list = append(list, label(classA, annotate.Rectangle(3950, 3950, 4050, 4050)))
	}
	s := overlaid(t, 1, list...)
	s.v.SetTool(ToolSelect)
	seen := map[annotate.ID]bool{}
	for i := range 8 {
		s.now = s.now.Add(time.Second) // no double click
		s.click(200, 150)
		want := []byte("8 that lie here")
		if !bytes.Contains([]byte(s.v.Hint()), want) {
			t.Fatalf("click %d: the hint is %q", i, s.v.Hint())
		}
		for _, id := range s.v.Selection() {
			seen[id] = true
		}
	}
	if len(seen) != 8 {
		t.Errorf("eight clicks chose %d of eight objects", len(seen))
	}
}

func TestNames_standAtTheirObjects(t *testing.T) {
	named := label(classA, annotate.Rectangle(3950, 3950, 4050, 4050))
	named.Name = "Margin"
	small := label(classA, annotate.Rectangle(3900, 3900, 3902, 3902))
	small.Name = "Speck"
	s := overlaid(t, 1, named, small, label(classB, annotate.Rectangle(4060, 3950, 4150, 4050)))
	s.settle()
	if n := len(s.v.names.objs); n != 2 || s.v.names.tags[0].line.Text != "Margin" {
		t.Fatalf("%d objects for one name", n)
	}
	if at := s.v.names.tags[0].ground.Position(); at.X != 150 || at.Y > 100 || at.Y < 70 {
		t.Errorf("the name stands at %v", at)
	}
	s.v.SetNamesVisible(false)
	s.settle()
	if len(s.v.names.objs) != 0 {
		t.Error("names are shown")
	}
}

// BenchmarkTick_1M is the UI's share of a frame of a pan over a million shapes,
// seen as a whole and near.
func BenchmarkTick_1M(b *testing.B) {
	set := manySet(b, 1_000_000, 80_000)
	for name, scale := range map[string]float64{"whole": 0.012, "near": 0.25} {
		b.Run(name, func(b *testing.B) {
			s := newStage(b, newFakeSlide(80_000, 80_000, 256, pink), 1280, 800)
			s.v.SetPalette(palette())
			s.v.SetObjects(set, annotate.ID{9})
			s.v.CenterOn(annotate.Point{X: 40_000, Y: 40_000}, scale)
			s.settle()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				s.v.view = s.v.view.Panned(float64(i%2*2-1), 0)
				s.v.clock.dirty = true
				s.frame()
			}
		})
	}
}

// BenchmarkOverlayPatch is what an edit costs until its tile is ready, a million
// shapes seen as a whole and near.
func BenchmarkOverlayPatch(b *testing.B) {
	set := manySet(b, 200_000, 36_000)
	style := &overlayStyle{fill: 0.25, unit: 1}
	for name, scale := range map[string]float64{"whole": 0.012, "middle": 0.25, "near": 1} {
		step := overlayStep(scale)
		at := 18_000 * stepScale(step) / overlayTile
		k := overlayKey{step, floorInt(at), floorInt(at)}
		box := annotate.Box{MinX: 18_000, MinY: 18_000, MaxX: 18_040, MaxY: 18_040}
		var p overlayPainter
		old := p.paint(set, style, k)
		b.Run(name+"/patch", func(b *testing.B) {
			for b.Loop() {
				p.patch(set, style, k, old, []annotate.Box{box})
			}
		})
		b.Run(name+"/paint", func(b *testing.B) {
			for b.Loop() {
				p.paint(set, style, k)
			}
		})
	}
}
