package storage

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"coverslip/annotate"
)

// bits is equality of every bit of every coordinate, which == is not: -0 is 0.
func bits(a, b annotate.ROI) bool {
	var x, y []uint64
	collect := func(to *[]uint64) func(annotate.Point) annotate.Point {
		return func(p annotate.Point) annotate.Point {
			*to = append(*to, math.Float64bits(p.X), math.Float64bits(p.Y))
			return p
		}
	}
	a.Map(collect(&x))
	b.Map(collect(&y))
	if len(x) != len(y) || a.Kind != b.Kind || len(a.Polygons) != len(b.Polygons) {
		return false
	}
	for i := range x {
		if x[i] != y[i] {
			return false
		}
	}
	return true
}

func TestROI_Encoding_BitExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	values := map[byte]func() float64{
		grid256:     func() float64 { return float64(rng.Int64N(4e9)-2e9) / 256 },
		gridHundred: func() float64 { return float64(rng.Int64N(2e9)-1e9)/100 + 0 },
		gridExact: func() float64 {
			return []float64{rng.NormFloat64() * 1e5, math.Copysign(0, -1), 1e7 + 1e-9, math.MaxFloat64, math.SmallestNonzeroFloat64, math.Inf(1), math.NaN(), 1 << 60}[rng.IntN(8)]
		},
	}
	for grid, value := range values {
		for range 2000 {
			points := func() []annotate.Point {
				ps := make([]annotate.Point, 1+rng.IntN(20))
				for i := range ps {
					ps[i] = annotate.Point{X: value(), Y: value()}
				}
				return ps
			}
			r := annotate.ROI{Kind: annotate.Kind(1 + rng.IntN(6))}
			if r.Kind == annotate.KindPolygon {
				r.Polygons = []annotate.Polygon{{Outer: points(), Holes: []annotate.Ring{points(), points()}}, {Outer: points()}}
			} else {
				r.Points = points()
			}
			b := encodeROI(r)
			got, err := decodeROI(b)
			if err != nil || !bits(got, r) {
				t.Fatalf("%v: %+v came back as %+v", err, r, got)
			}
			if grid != gridExact && b[1] == gridExact {
				t.Fatalf("%+v is not on its grid", r)
			}
		}
	}
	whole := annotate.Area(annotate.EllipseRing(annotate.Box{MinX: 0, MinY: 0, MaxX: 64, MaxY: 64}, 0.25)).Map(func(p annotate.Point) annotate.Point {
		return annotate.Point{X: math.Round(p.X) + 50000, Y: math.Round(p.Y) + 70000}
	})
	if n, v := len(encodeROI(whole)), whole.Vertices(); n > 5*v+20 {
		t.Errorf("%d bytes for %d whole points", n, v)
	}
}

func TestSeal(t *testing.T) {
	name, body := []byte("name of 16 bytes"), []byte("body")
	v := seal(name, formatV1, 77, body)
	if format, version, got, err := unseal(name, v); err != nil || format != formatV1 || version != 77 || !bytes.Equal(got, body) {
		t.Fatal(format, version, got, err)
	}
	for i := range v {
		for bit := range 8 {
			w := bytes.Clone(v)
			w[i] ^= 1 << bit
			if _, _, _, err := unseal(name, w); err == nil {
				t.Errorf("bit %d of byte %d may change unnoticed", bit, i)
			}
		}
	}
	for i := range v {
		if _, _, _, err := unseal(name, v[:i]); err == nil {
			t.Errorf("%d bytes are enough", i)
		}
	}
	if _, _, _, err := unseal([]byte("name of 16 bytez"), v); err == nil {
		t.Error("a value under another name is accepted")
	}
}

func TestObject_Encoding(t *testing.T) {
	c, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(4, 4))
	for range 500 {
		o := randomObject(rng, []annotate.ID{{}, annotate.NewID()})
		a, err := c.object(o)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.readObject(o.ID, a)
		if err != nil || !got.Equal(o) {
			t.Fatalf("%v:\n%+v\n%+v", err, got, o)
		}
		// Other zones and an empty map are the same content and the same bytes.
		p := *o
		p.Created = o.Created.In(time.FixedZone("", 7200))
		if p.Meta == nil {
			p.Meta = map[string]string{}
		}
		if b, err := c.object(&p); err != nil || !bytes.Equal(a, b) {
			t.Fatal("equal objects have different bytes", err)
		}
		box := o.ROI.Bounds()
		raw := boxOf(box)
		f := func(i int) float64 {
			return float64(math.Float32frombits(uint32(raw[i]) | uint32(raw[i+1])<<8 | uint32(raw[i+2])<<16 | uint32(raw[i+3])<<24))
		}
		if f(0) > box.MinX || f(4) > box.MinY || f(8) < box.MaxX || f(12) < box.MaxY || f(8)-f(0) > box.Width()+0.1 {
			t.Fatal("the box of the value does not hold the object", box, raw)
		}
	}
}

func FuzzDecodeROI(f *testing.F) {
	f.Add(encodeROI(annotate.Rectangle(0, 0, 10, 10)))
	f.Add(encodeROI(annotate.PointAt(0.1, math.Pi)))
	f.Add([]byte{6, 1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decodeROI(b)
		if err != nil {
			return
		}
		again, err := decodeROI(encodeROI(r))
		if err != nil || !bits(again, r) {
			t.Fatal(err, r, again)
		}
	})
}

func FuzzReadObject(f *testing.F) {
	c, err := newCodec()
	if err != nil {
		f.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(4, 4))
	for range 5 {
		b, err := c.object(randomObject(rng, []annotate.ID{{}}))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := c.readObject(annotate.ID{1}, b)
		if err != nil {
			return
		}
		if _, err := c.object(o); err != nil {
			t.Fatal(err)
		}
		decodeSteps(b)
		readAudit(c, make([]byte, 8), b)
	})
}

func FuzzPages(f *testing.F) {
	p, slide := newProject(f)
	commit(f, p, annotate.Add(slide, "x", square(1, 1)))
	copied := filepath.Join(p.Dir(), "copy")
	if err := p.Backup(copied); err != nil {
		f.Fatal(err)
	}
	b, err := os.ReadFile(copied)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte("text"))
	f.Fuzz(func(t *testing.T, b []byte) {
		pages, err := readPages(bytes.NewReader(b), int64(len(b)))
		if err != nil || pages.checkLength() != nil {
			return
		}
		pages.walk()
	})
}
