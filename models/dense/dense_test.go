package dense

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"coverslip/models"
	"coverslip/models/modeltest"
	"coverslip/models/onnx"
	"coverslip/models/onnxfile"
	"coverslip/models/preprocess"
)

// references are what testdata/dense.py wrote.
type references struct {
	Counts []int                `json:"counts"`
	Mean   []float64            `json:"mean"`
	Areas  map[string][]float64 `json:"areas"`
	Field  []float64            `json:"field"`
	Stars  map[string][]int     `json:"stars"`
}

func reference(t *testing.T) references {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "references.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r references
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func seed(name string) uint64 {
	h := fnv.New64a()
	fmt.Fprint(h, name)
	return h.Sum64()
}

// weight draws the numbers that dense.py draws.
func weight(b *onnxfile.Builder, name string, shape ...int64) string {
	n := int64(1)
	for _, d := range shape {
		n *= d
	}
	spread := 0.3
	if len(shape) > 1 {
		spread = 1.8 / math.Sqrt(float64(n)/float64(shape[0]))
	}
	return b.Weights(name, modeltest.Weight{Name: name, Shape: shape, Spread: spread}.Values(), shape...)
}

// unet is a U-Net of two levels over tiles of side pixels; 0 leaves that free.
func unet(side int64) *onnxfile.Model {
	b := onnxfile.NewBuilder("unet")
	dim := func(n int64) onnxfile.Dim {
		if side == 0 {
			return onnxfile.Free(fmt.Sprint("side", n))
		}
		return onnxfile.Fixed(side)
	}
	conv := func(x, name string, in, out, k int64) string {
		p := k / 2
		return b.Op("Conv", []string{x, weight(b, name+".weight", out, in, k, k), weight(b, name+".bias", out)},
			onnxfile.Ints("kernel_shape", k, k), onnxfile.Ints("pads", p, p, p, p))
	}
	relu := func(x string) string { return b.Op("Relu", []string{x}) }
	pool := func(x string) string {
		return b.Op("MaxPool", []string{x}, onnxfile.Ints("kernel_shape", 2, 2), onnxfile.Ints("strides", 2, 2))
	}
	join := func(x, y string) string { return b.Op("Concat", []string{x, y}, onnxfile.Int("axis", 1)) }
	x := b.Input("image", onnxfile.Float32, onnxfile.Fixed(1), onnxfile.Fixed(3), dim(0), dim(1))
	a := relu(conv(x, "in", 3, 8, 3))
	m := relu(conv(pool(a), "mid", 8, 12, 3))
	c := relu(conv(pool(m), "deep", 12, 12, 3))
	u := b.Op("ConvTranspose", []string{c, weight(b, "up.weight", 12, 12, 2, 2), weight(b, "up.bias", 12)}, onnxfile.Ints("kernel_shape", 2, 2), onnxfile.Ints("strides", 2, 2))
	d := relu(conv(join(u, m), "join", 24, 8, 3))
	v := b.Op("Resize", []string{d, "", b.Weights("twice", []float32{1, 1, 2, 2}, 4)}, onnxfile.Text("mode", "nearest"),
		onnxfile.Text("coordinate_transformation_mode", "asymmetric"), onnxfile.Text("nearest_mode", "floor"))
	b.Output("logits", conv(join(v, a), "out", 16, 3, 1), onnxfile.Float32, onnxfile.Fixed(1), onnxfile.Fixed(3), dim(0), dim(1))
	return b.Model("test")
}

const slideW, slideH, block = 190, 150, 5

// slide is the picture of dense.py, white beyond its border.
func slide(_ context.Context, r image.Rectangle) (*image.RGBA, error) {
	s := seed("slide")
	img := image.NewRGBA(image.Rect(0, 0, r.Dx(), r.Dy()))
	for y := range r.Dy() {
		for x := range r.Dx() {
			c := color.RGBA{255, 255, 255, 255}
			if p := r.Min.Add(image.Pt(x, y)); p.In(image.Rect(0, 0, slideW, slideH)) {
				at := uint64(p.Y/block*(slideW/block)+p.X/block) * 3
				v := func(k uint64) uint8 {
					return uint8(min(max(math.Floor((modeltest.Draw(s, at+k)+1)*128), 0), 255))
				}
				c = color.RGBA{v(0), v(1), v(2), 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	return img, nil
}

func norm() preprocess.Spec {
	return preprocess.Spec{Scale: 1.0 / 255, Mean: [3]float32{0.5, 0.5, 0.5}, Std: [3]float32{0.25, 0.25, 0.25}}
}

func model(t *testing.T, m *onnxfile.Model, o Options) *Model {
	t.Helper()
	s, err := modeltest.Runtime(t).NewSession(m.Marshal(), onnx.SessionOptions{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	if f, ok := Receptive(m); ok && o.Field == nil {
		o.Field = &f
	}
	d, err := New(t.Context(), s, norm(), o)
	if err != nil {
		t.Fatal(errors.Join(err, s.Close()))
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// areas of outer rings and holes of a class, sorted.
func areas(found []Object, class int, least float64) (out []float64) {
	for _, o := range found {
		if o.Class != class {
			continue
		}
		for _, r := range append([]Ring{o.Outline.Outer}, o.Outline.Holes...) {
			if a := math.Abs(r.Area()); a >= least {
				out = append(out, a)
			}
		}
	}
	slices.Sort(out)
	return out
}

// TestModel_Run_NoSeams: many small tiles, one large tile, and PyTorch with
// scikit-image over the whole slide find the same.
func TestModel_Run_NoSeams(t *testing.T) {
	ref := reference(t)
	spec := Spec{Kind: Classes, Classes: []string{"glass", "a", "b"}, LeastArea: 0.001}
	whole := model(t, unet(0), Options{Side: 384, Info: Info{Spec: spec}})
	small := model(t, unet(64), Options{Info: Info{Spec: spec}})
	if i := small.Info(); i.Step != 4 || i.Margin > 24 || i.Guessed || i.Stride != 1 {
		t.Errorf("step %d, margin %d, stride %d, guessed %v", i.Step, i.Margin, i.Stride, i.Guessed)
	}
	region := image.Rect(0, 0, slideW, slideH)
	once, err := whole.Run(t.Context(), region, slide, nil)
	if err != nil {
		t.Fatal(err)
	}
	ticks := 0
	cut, err := small.Run(t.Context(), region, slide, func(done, total int) { ticks = total })
	if err != nil {
		t.Fatal(err)
	}
	if ticks < 40 {
		t.Errorf("only %d tiles", ticks)
	}
	same(t, cut, once, 2e-3)
	for k := 1; k <= 2; k++ {
		got, want := areas(cut, k, 4), ref.Areas[fmt.Sprint(k)]
		if len(got) != len(want) {
			t.Errorf("class %d: %d lines, scikit-image %d", k, len(got), len(want))
			continue
		}
		for i := range got {
			if math.Abs(got[i]-want[i]) > 0.02 {
				t.Errorf("class %d: area %v, scikit-image %v", k, got[i], want[i])
			}
		}
	}
	// A region of its own sees what the whole slide sees there.
	part := image.Rect(37, 41, 101, 99)
	a, err := small.Run(t.Context(), part, slide, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := whole.Run(t.Context(), part, slide, nil)
	if err != nil {
		t.Fatal(err)
	}
	same(t, a, b, 2e-3)
	if len(a) == 0 {
		t.Error("nothing in the part")
	}
}

func same(t *testing.T, a, b []Object, within float64) {
	t.Helper()
	if len(a) != len(b) || len(a) < 3 {
		t.Fatalf("%d objects, and %d", len(a), len(b))
	}
	for i := range a {
		if a[i].Class != b[i].Class || math.Abs(a[i].Score-b[i].Score) > within || len(a[i].Outline.Holes) != len(b[i].Outline.Holes) {
			t.Fatalf("object %d: %+v, and %+v", i, a[i].Score, b[i].Score)
		}
		if x, y := a[i].Outline.Outer.Area(), b[i].Outline.Outer.Area(); math.Abs(x-y) > within*math.Max(1, x) {
			t.Errorf("object %d: area %v, and %v", i, x, y)
		}
	}
}

// TestModel_Run_Narrow: a margin too small for the model is seen as a seam, so
// the test above can fail.
func TestModel_Run_Narrow(t *testing.T) {
	spec := Spec{Kind: Classes, LeastArea: 0.001}
	good := model(t, unet(64), Options{Info: Info{Spec: spec}})
	spec.Margin = 1
	bad := model(t, unet(64), Options{Info: Info{Spec: spec}})
	region := image.Rect(0, 0, slideW, slideH)
	a, err := good.Run(t.Context(), region, slide, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := bad.Run(t.Context(), region, slide, nil)
	if err != nil {
		t.Fatal(err)
	}
	sum := func(all []Object) (s float64) {
		for _, o := range all {
			s += o.Outline.Outer.Area() * float64(1+o.Class)
		}
		return s
	}
	if math.Abs(sum(a)-sum(b)) < 1 {
		t.Error("a margin of four pixels makes no difference")
	}
}

func TestModel_Run_StopsAndRefuses(t *testing.T) {
	d := model(t, unet(64), Options{Info: Info{Spec: Spec{Kind: Classes}}})
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	_, err := d.Run(ctx, image.Rect(0, 0, slideW, slideH), slide, func(done, total int) {
		if done == 2 {
			cancel(why)
		}
	})
	if !errors.Is(err, why) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := d.Run(t.Context(), image.Rect(0, 0, 1<<17, 1<<17), slide, nil); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	if _, err := d.Run(t.Context(), image.Rect(0, 0, 8, 8), func(context.Context, image.Rectangle) (*image.RGBA, error) { return nil, why }, nil); !errors.Is(err, why) {
		t.Errorf("unreadable: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Run(t.Context(), image.Rect(0, 0, 8, 8), slide, nil); !errors.Is(err, models.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

func TestNew_Refuses(t *testing.T) {
	rt := modeltest.Runtime(t)
	for name, c := range map[string]struct {
		m *onnxfile.Model
		o Options
	}{
		"no kind":            {unet(64), Options{}},
		"too many names":     {unet(64), Options{Info: Info{Spec: Spec{Kind: Classes, Classes: []string{"a", "b", "c", "d"}}}}},
		"no such output":     {unet(64), Options{Info: Info{Spec: Spec{Kind: Classes, Output: "masks"}}}},
		"star of one output": {unet(64), Options{Info: Info{Spec: Spec{Kind: Star}}}},
		"margins that meet":  {unet(64), Options{Info: Info{Spec: Spec{Kind: Classes, Margin: 31}}}},
		"other size":         {unet(64), Options{Side: 32, Info: Info{Spec: Spec{Kind: Classes}}}},
		"far background":     {unet(64), Options{Info: Info{Spec: Spec{Kind: Classes, Background: new(int)}}}},
	} {
		if name == "far background" {
			*c.o.Info.Spec.Background = 7
		}
		s, err := rt.NewSession(c.m.Marshal(), onnx.SessionOptions{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := New(t.Context(), s, norm(), c.o); err == nil {
			t.Errorf("%s: taken", name)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestReceptive(t *testing.T) {
	f, ok := Receptive(unet(64))
	// 1 of the first convolution, 1 and 2 of the pools and convolutions below, …
	if !ok || f.Step != 4 || f.Radius < 14 || f.Radius > 24 {
		t.Errorf("%+v, %v", f, ok)
	}
	b := onnxfile.NewBuilder("whole")
	x := b.Input("image", onnxfile.Float32, onnxfile.Fixed(1), onnxfile.Fixed(3), onnxfile.Fixed(8), onnxfile.Fixed(8))
	b.Output("y", b.Op("Mul", []string{x, b.Op("GlobalAveragePool", []string{x})}), onnxfile.Float32, onnxfile.Fixed(1), onnxfile.Fixed(3), onnxfile.Fixed(8), onnxfile.Fixed(8))
	if f, ok := Receptive(b.Model("test")); ok {
		t.Errorf("a model that looks at everything: %+v", f)
	}
}

// grid is a field for tests.
type grid struct {
	w, h int
	v    []float64
}

func (g grid) size() (int, int)    { return g.w, g.h }
func (g grid) at(x, y int) float64 { return g.v[y*g.w+x] }

func TestContours_EqualScikitImage(t *testing.T) {
	g := grid{w: 40, h: 30}
	for i := range g.w * g.h {
		g.v = append(g.v, modeltest.Draw(seed("field"), uint64(i)))
	}
	var got []float64
	for _, o := range contours(g, 0) {
		for _, r := range append([]Ring{o.Outer}, o.Holes...) {
			got = append(got, math.Abs(r.Area()))
		}
	}
	slices.Sort(got)
	want := reference(t).Field
	if len(got) != len(want) {
		t.Fatalf("%d lines, scikit-image %d", len(got), len(want))
	}
	for i := range got {
		if math.Abs(got[i]-want[i]) > 1e-4 {
			t.Errorf("area %v, scikit-image %v", got[i], want[i])
		}
	}
}

// TestContours_Cover: the centres inside the outlines are those of the pixels
// inside, each in one outline.
func TestContours_Cover(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	for range 200 {
		g := grid{w: 1 + r.IntN(24), h: 1 + r.IntN(24)}
		for range g.w * g.h {
			g.v = append(g.v, r.NormFloat64())
		}
		seen := make([]int, g.w*g.h)
		for _, o := range contours(g, 0) {
			if o.Outer.Area() <= 0 {
				t.Fatal("an outer ring turns the wrong way")
			}
			o.spans(func(y, x0, x1 int) {
				for x := x0; x < x1; x++ {
					seen[y*g.w+x]++
				}
			})
		}
		for i, v := range g.v {
			if want := map[bool]int{true: 1}[v > 0]; seen[i] != want {
				t.Fatalf("%d × %d: pixel %d,%d (%v) is in %d outlines", g.w, g.h, i%g.w, i/g.w, v, seen[i])
			}
		}
	}
}

// drawn are the candidates of dense.py.
func drawn() []star {
	const n, rays = 160, 32
	var all []star
	for i := range uint64(n) {
		u := func(k uint64) float64 { return (modeltest.Draw(seed("stars"), k) + 1) / 2 }
		s := star{y: math.Floor(u(2*i) * 100), x: math.Floor(u(2*i+1) * 100), score: 0.99 - 0.49*float64(i)/(n-1)}
		r := 4 + 8*u(2*n+i)
		for k := range uint64(rays) {
			s.rays = append(s.rays, float32(r*(1+0.25*modeltest.Draw(seed("rays"), i*rays+k))))
		}
		all = append(all, s)
	}
	return all
}

// TestSuppress_AgreesWithStarDist: StarDist cuts the corners of objects to whole
// pixels before it compares areas, which changes what they share by up to a
// fiftieth; within that its choice is ours, and nearly all of it the same.
func TestSuppress_AgreesWithStarDist(t *testing.T) {
	const rounding = 0.02
	all := drawn()
	edges, area := make([][]edge, len(all)), make([]float64, len(all))
	box := make([][4]float64, len(all))
	for i, s := range all {
		r := s.polygon()
		edges[i], area[i] = edgesOf(r), math.Abs(r.Area())
		box[i][0], box[i][1], box[i][2], box[i][3] = r.bounds()
	}
	for text, want := range reference(t).Stars {
		var overlap float64
		if _, err := fmt.Sscan(text, &overlap); err != nil {
			t.Fatal(err)
		}
		var before []int // those StarDist kept that are likelier
		for i := range all {
			most := 0.0
			for _, k := range before {
				if p, q := box[i], box[k]; p[0] < q[2] && q[0] < p[2] && p[1] < q[3] && q[1] < p[3] {
					most = math.Max(most, shared(edges[i], edges[k])/math.Min(area[i], area[k]))
				}
			}
			kept := slices.Contains(want, i)
			if kept && most > overlap+rounding || !kept && most < overlap-rounding {
				t.Errorf("overlap %s: candidate %d shares %.3f; kept by StarDist: %v", text, i, most, kept)
			}
			if kept {
				before = append(before, i)
			}
		}
		kept, _, err := suppress(all, overlap, func(int) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		other := 0
		for _, k := range kept {
			if !slices.Contains(want, slices.IndexFunc(all, func(s star) bool { return s.score == k.score })) {
				other++
			}
		}
		if other > 1 || len(kept) != len(want) {
			t.Errorf("overlap %s: %d are kept, of which StarDist, which keeps %d, lacks %d", text, len(kept), len(want), other)
		}
	}
}

func TestShared(t *testing.T) {
	square := func(x, y, a float64) Ring { return Ring{{x, y}, {x + a, y}, {x + a, y + a}, {x, y + a}} }
	for _, c := range []struct {
		a, b Ring
		want float64
	}{
		{square(0, 0, 4), square(1, 1, 2), 4},
		{square(0, 0, 4), square(2, 3, 4), 2},
		{square(0, 0, 4), square(4, 0, 4), 0},
		{square(0, 0, 4), Ring{{2, -1}, {5, 2}, {2, 5}, {-1, 2}}, 14},
	} {
		if got := shared(edgesOf(c.a), edgesOf(c.b)); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%v and %v share %v, not %v", c.a, c.b, got, c.want)
		}
	}
}

// starNet is a model whose probability is the darkness of a pixel and whose
// rays are all of one length, on a grid of two pixels.
func starNet() *onnxfile.Model {
	b := onnxfile.NewBuilder("star")
	x := b.Input("image", onnxfile.Float32, onnxfile.Fixed(1), onnxfile.Fixed(3), onnxfile.Fixed(64), onnxfile.Fixed(64))
	small := b.Op("MaxPool", []string{b.Op("Neg", []string{x})}, onnxfile.Ints("kernel_shape", 1, 1), onnxfile.Ints("strides", 2, 2))
	prob := b.Op("Conv", []string{small, b.Weights("mean", []float32{1.0 / 6, 1.0 / 6, 1.0 / 6}, 1, 3, 1, 1)})
	prob = b.Op("Add", []string{prob, b.Scalar(0)})
	rays := b.Op("Conv", []string{prob, b.Weights("none", make([]float32, 16), 16, 1, 1, 1)})
	rays = b.Op("Add", []string{rays, b.Scalar(5)})
	b.Output("dist", rays, onnxfile.Float32, onnxfile.Fixed(1), onnxfile.Fixed(16), onnxfile.Fixed(32), onnxfile.Fixed(32))
	b.Output("prob", prob, onnxfile.Float32, onnxfile.Fixed(1), onnxfile.Fixed(1), onnxfile.Fixed(32), onnxfile.Fixed(32))
	return b.Model("test")
}

// TestModel_Run_Stars: three dark spots, one of them on a border of tiles, give
// three objects where the spots are.
func TestModel_Run_Stars(t *testing.T) {
	d := model(t, starNet(), Options{Info: Info{Spec: Spec{Kind: Star, Margin: 2}}})
	if i := d.Info(); i.Stride != 2 || i.Margin%2 != 0 || i.Spec.Overlap != defOverlap {
		t.Errorf("%+v", i)
	}
	spots := []image.Point{{20, 24}, {60, 60}, {101, 33}}
	read := func(_ context.Context, r image.Rectangle) (*image.RGBA, error) {
		img := image.NewRGBA(image.Rect(0, 0, r.Dx(), r.Dy()))
		for y := range r.Dy() {
			for x := range r.Dx() {
				v := uint8(255)
				for _, s := range spots {
					p := r.Min.Add(image.Pt(x, y)).Sub(s)
					if p.X*p.X+p.Y*p.Y < 10 {
						v = uint8(p.X*p.X + p.Y*p.Y)
					}
				}
				img.SetRGBA(x, y, color.RGBA{v, v, v, 255})
			}
		}
		return img, nil
	}
	found, err := d.Run(t.Context(), image.Rect(0, 0, 130, 90), read, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != len(spots) {
		t.Fatalf("%d objects of %d spots", len(found), len(spots))
	}
	for _, s := range spots {
		if !slices.ContainsFunc(found, func(o Object) bool {
			x0, y0, x1, y1 := o.Outline.Outer.bounds()
			return math.Hypot((x0+x1)/2-float64(s.X)-0.5, (y0+y1)/2-float64(s.Y)-0.5) <= 1.5 && o.Score > 0.8 && math.Abs(o.Outline.Outer.Area()-76.5) < 1
		}) {
			t.Errorf("the spot at %v is not found", s)
		}
	}
}

func BenchmarkSuppress(b *testing.B) {
	all := drawn()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := suppress(all, 0.4, func(int) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkContours(b *testing.B) {
	g := grid{w: 512, h: 512}
	for i := range g.w * g.h {
		x, y := float64(i%g.w), float64(i/g.w)
		g.v = append(g.v, math.Sin(x/9)*math.Sin(y/7)+0.1*math.Sin(x*y))
	}
	b.ReportAllocs()
	for b.Loop() {
		contours(g, 16)
	}
}
