package pyramid

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
)

// fake is a slide of one level whose pixels tell their place; tiles may be
// missing, bad, or coded.
type fake struct {
	info    tiles.Info
	levels  []tiles.Level
	missing map[tiles.Key]bool
	bad     map[tiles.Key]bool
	coded   func(k tiles.Key) ([]byte, error)
}

func newFake(w, h, tile int) *fake {
	return &fake{info: tiles.Info{Background: color.NRGBA{R: 240, G: 230, B: 220, A: 255}}, missing: map[tiles.Key]bool{}, bad: map[tiles.Key]bool{},
		levels: []tiles.Level{{Width: w, Height: h, TileWidth: tile, TileHeight: tile, Downsample: 1}}}
}

func (f *fake) Info() *tiles.Info     { return &f.info }
func (f *fake) Levels() []tiles.Level { return f.levels }
func (f *fake) ICC() []byte           { return nil }
func (f *fake) Close() error          { return nil }
func (f *fake) AssociatedImage(context.Context, string) (*image.RGBA, error) {
	return nil, tiles.ErrNoAssociated
}

func at(x, y int) color.RGBA { return color.RGBA{byte(x), byte(y), byte(x*y) >> 3, 255} }

func (f *fake) ReadTile(_ context.Context, k tiles.Key, dst *image.RGBA) error {
	if f.bad[k] {
		return &tiles.TileError{Key: k, Err: errors.New("bad")}
	}
	if f.missing[k] {
		tiles.Fill(dst, f.info.Background)
		return tiles.ErrMissing
	}
	r := f.levels[k.Level].TileRect(k.Col, k.Row)
	for y := range r.Dy() {
		for x := range r.Dx() {
			dst.SetRGBA(x, y, at(r.Min.X+x, r.Min.Y+y))
		}
	}
	return nil
}

func (f *fake) CodedTile(_ context.Context, k tiles.Key, dst []byte) ([]byte, error) {
	if f.coded == nil {
		return dst, tiles.ErrNotCoded
	}
	b, err := f.coded(k)
	return append(dst, b...), err
}

// gather walks through a slide and joins what is put to pictures, a level each.
func gather(t *testing.T, s tiles.Slide, o Options, change func(*Walk)) ([]*image.RGBA, map[string][]byte, error) {
	t.Helper()
	p, err := Of(s, o)
	if err != nil {
		t.Fatal(err)
	}
	var out []*image.RGBA
	for _, l := range p.Levels {
		out = append(out, image.NewRGBA(image.Rect(0, 0, l.Width, l.Height)))
	}
	streams := map[string][]byte{}
	next := map[int]int{}
	w := &Walk{Levels: p.Levels, Source: p.Source(), Background: s.Info().Background, Workers: 3,
		Encode: func(t *Tile) ([]byte, error) { return bytes.Clone(t.Raster.RGBA.Pix), nil },
		Put: func(level, col, row int, data []byte) error {
			l := p.Levels[level]
			if col == 0 && row == 0 {
				next[level] = 0
			}
			if row*l.Cols()+col != next[level] {
				t.Errorf("level %d: tile (%d,%d) is out of order", level, col, row)
			}
			next[level]++
			r := l.Rect(col, row)
			if len(data) == 4*l.TileWidth*l.TileHeight {
				for y := range r.Dy() {
					copy(out[level].Pix[out[level].PixOffset(r.Min.X, r.Min.Y+y):][:4*r.Dx()], data[4*y*l.TileWidth:])
				}
			}
			streams[fmt.Sprint(level, col, row)] = data
			return nil
		}}
	if change != nil {
		change(w)
	}
	err = w.Run(t.Context())
	for i, l := range p.Levels {
		if err == nil && next[i] != l.Cols()*l.Rows() {
			t.Errorf("level %d: %d of %d tiles", i, next[i], l.Cols()*l.Rows())
		}
	}
	return out, streams, err
}

// mean is what a pixel of the next level must be.
func mean(m *image.RGBA, x, y int) color.RGBA {
	var c [4]int
	for i := range 4 {
		p := m.RGBAAt(min(2*x+i%2, m.Rect.Dx()-1), min(2*y+i/2, m.Rect.Dy()-1))
		c[0], c[1], c[2], c[3] = c[0]+int(p.R), c[1]+int(p.G), c[2]+int(p.B), c[3]+int(p.A)
	}
	return color.RGBA{byte((c[0] + 2) / 4), byte((c[1] + 2) / 4), byte((c[2] + 2) / 4), byte((c[3] + 2) / 4)}
}

func checkPyramid(t *testing.T, levels []*image.RGBA, x0, y0 int) {
	t.Helper()
	for y := range levels[0].Rect.Dy() {
		for x := range levels[0].Rect.Dx() {
			if got := levels[0].RGBAAt(x, y); got != at(x0+x, y0+y) {
				t.Fatalf("pixel (%d,%d): %v, want %v", x, y, got, at(x0+x, y0+y))
			}
		}
	}
	for i := 1; i < len(levels); i++ {
		for y := range levels[i].Rect.Dy() {
			for x := range levels[i].Rect.Dx() {
				if got, want := levels[i].RGBAAt(x, y), mean(levels[i-1], x, y); got != want {
					t.Fatalf("level %d of %v, pixel (%d,%d): %v, want %v", i, levels[i].Rect, x, y, got, want)
				}
			}
		}
	}
}

// Every pixel arrives, and each averaged level is the mean of the one before,
// whatever the sizes.
func TestWalk_Pyramid(t *testing.T) {
	for _, size := range [][3]int{{100, 70, 16}, {101, 71, 16}, {64, 64, 16}, {63, 1, 16}, {1, 77, 32}, {33, 200, 48}, {90, 90, 15}} {
		s := newFake(size[0], size[1], size[2])
		levels, _, err := gather(t, s, Options{Smallest: 5, TileSize: 32}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(levels); n < 3 || max(levels[n-1].Rect.Dx(), levels[n-1].Rect.Dy()) > 5 {
			t.Errorf("%v: %d levels", size, n)
		}
		checkPyramid(t, levels, 0, 0)
	}
}

func TestWalk_Region(t *testing.T) {
	s := newFake(200, 150, 32)
	for _, r := range []image.Rectangle{image.Rect(37, 21, 137, 111), image.Rect(32, 64, 96, 128), image.Rect(-50, 140, 400, 400)} {
		levels, _, err := gather(t, s, Options{Region: r, Smallest: 8}, nil)
		if err != nil {
			t.Fatal(err)
		}
		in := r.Intersect(image.Rect(0, 0, 200, 150))
		if levels[0].Rect.Size() != in.Size() {
			t.Errorf("%v: %v", r, levels[0].Rect)
		}
		checkPyramid(t, levels, in.Min.X, in.Min.Y)
	}
	if _, err := Of(s, Options{Region: image.Rect(300, 0, 400, 10)}); err == nil || !strings.Contains(err.Error(), "outside") {
		t.Errorf("a region outside: %v", err)
	}
	if _, err := Of(s, Options{Level: 1}); err == nil {
		t.Error("a level that is not there")
	}
}

// encoded is tile k of the fake as JPEG of the given subsampling.
func encoded(t *testing.T, f *fake, sub string) func(tiles.Key) ([]byte, error) {
	return func(k tiles.Key) ([]byte, error) {
		l := f.levels[k.Level]
		m := image.NewRGBA(image.Rect(0, 0, l.TileWidth, l.TileHeight))
		for i := range m.Pix {
			m.Pix[i] = byte(i*7 + k.Col)
		}
		b, err := codec.Default().EncodeJPEG(m, 80, sub)
		if err != nil {
			t.Skip(err)
		}
		return b, nil
	}
}

// Stored streams are passed on as they are; a tile that was never stored becomes
// one of the same form in the background's colour.
func TestWalk_Copy(t *testing.T) {
	for _, sub := range []string{"420", "422", "444"} {
		s := newFake(100, 70, 32)
		code := encoded(t, s, sub)
		hole := tiles.Key{Col: 0, Row: 0}
		s.missing[hole] = true
		s.coded = func(k tiles.Key) ([]byte, error) {
			if k == hole {
				return nil, tiles.ErrMissing
			}
			return code(k)
		}
		var walk *Walk
		_, streams, err := gather(t, s, Options{Smallest: 100}, func(w *Walk) { w.Copy, walk = true, w })
		if err != nil {
			t.Fatal(err)
		}
		if walk.Copied != 12 {
			t.Errorf("%s: %d tiles copied", sub, walk.Copied)
		}
		for row := range 3 {
			for col := range 4 {
				k := tiles.Key{Col: col, Row: row}
				got := streams[fmt.Sprint(0, col, row)]
				if want, _ := code(k); k != hole && !bytes.Equal(got, want) {
					t.Errorf("%s: tile %v was changed", sub, k)
				}
			}
		}
		m := image.NewRGBA(image.Rect(0, 0, 32, 32))
		for _, codecs := range []*codec.Set{codec.Default(), codec.New(codec.Options{NoNative: true})} {
			if err := codecs.JPEG(m, streams["0 0 0"], 3); err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(m.Pix); i += 4 {
				if d := m.Pix[i : i+4]; abs(d[0], 240) > 1 || abs(d[1], 230) > 1 || abs(d[2], 220) > 1 {
					t.Fatalf("%s: the hole is %v", sub, d)
				}
			}
		}
		if f, err := formOf(streams["0 0 0"]); err != nil || f != mustForm(t, streams["0 1 0"]) {
			t.Errorf("%s: the hole's form is %+v: %v", sub, f, err)
		}
	}
}

func abs(a, b byte) int { return max(int(a)-int(b), int(b)-int(a)) }

func mustForm(t *testing.T, data []byte) form {
	t.Helper()
	f, err := formOf(data)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Streams of RGB without a transform get holes of their form as well, exactly.
func TestForm_Flat(t *testing.T) {
	for _, f := range []form{{64, 48, 3, 8, 8, true}, {240, 240, 3, 16, 16, false}, {33, 17, 3, 16, 8, false}, {33, 17, 1, 8, 8, false}} {
		for _, c := range []color.NRGBA{{255, 255, 255, 255}, {0, 0, 0, 255}, {200, 17, 99, 255}} {
			data := f.flat(c)
			m := image.NewRGBA(image.Rect(0, 0, f.width, f.height))
			for _, codecs := range []*codec.Set{codec.Default(), codec.New(codec.Options{NoNative: true})} {
				if err := codecs.JPEG(m, data, f.components); err != nil {
					t.Fatalf("%+v: %v", f, err)
				}
				want, near := [3]byte{c.R, c.G, c.B}, 2
				if f.rgb {
					near = 0
				}
				if f.components == 1 {
					y, _, _ := color.RGBToYCbCr(c.R, c.G, c.B)
					want, near = [3]byte{y, y, y}, 0
				}
				for i := 0; i < len(m.Pix); i += 4 {
					for k := range 3 {
						if abs(m.Pix[i+k], want[k]) > near {
							t.Fatalf("%+v of %v: pixel %d is %v", f, c, i/4, m.Pix[i:i+4])
						}
					}
				}
			}
		}
	}
}

// A level of tiles in different forms is encoded anew, all of it.
func TestWalk_CopyMixed(t *testing.T) {
	for name, last := range map[string]func(f *fake, k tiles.Key) ([]byte, error){
		"another form":  func(f *fake, k tiles.Key) ([]byte, error) { return encoded(t, f, "444")(k) },
		"not coded":     func(*fake, tiles.Key) ([]byte, error) { return nil, tiles.ErrNotCoded },
		"made anew":     func(*fake, tiles.Key) ([]byte, error) { return nil, tiles.ErrMissing },
		"no baseline":   func(*fake, tiles.Key) ([]byte, error) { return []byte("no JPEG"), nil },
		"cannot be had": func(_ *fake, k tiles.Key) ([]byte, error) { return nil, &tiles.TileError{Key: k} },
	} {
		s := newFake(100, 70, 32)
		code := encoded(t, s, "420")
		s.coded = func(k tiles.Key) ([]byte, error) {
			if (k == tiles.Key{Col: 3, Row: 2}) {
				return last(s, k)
			}
			return code(k)
		}
		var walk *Walk
		levels, _, err := gather(t, s, Options{Smallest: 20}, func(w *Walk) { w.Copy, walk = true, w })
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if walk.Copied != 0 {
			t.Errorf("%s: %d tiles copied", name, walk.Copied)
		}
		checkPyramid(t, levels, 0, 0)
	}
}

func TestWalk_BadTiles(t *testing.T) {
	s := newFake(100, 70, 32)
	s.bad[tiles.Key{Col: 1, Row: 1}] = true
	var te *tiles.TileError
	if _, _, err := gather(t, s, Options{Smallest: 100}, nil); !errors.As(err, &te) || te.Key.Col != 1 {
		t.Errorf("got %v", err)
	}
	var told []*tiles.TileError
	levels, _, err := gather(t, s, Options{Smallest: 100, Bad: func(e *tiles.TileError) { told = append(told, e) }}, func(w *Walk) { w.Workers = 1 })
	if err != nil || len(told) != 1 {
		t.Fatalf("%v, told of %d", err, len(told))
	}
	if c := levels[0].RGBAAt(40, 40); c != (color.RGBA{240, 230, 220, 255}) {
		t.Errorf("painted %v", c)
	}
}

func TestWalk_Stops(t *testing.T) {
	s := newFake(1000, 1000, 32)
	ctx, cancel := context.WithCancel(t.Context())
	p, err := Of(s, Options{})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	w := &Walk{Levels: p.Levels, Source: p.Source(), Encode: func(*Tile) ([]byte, error) { return []byte{1}, nil },
		Put: func(int, int, int, []byte) error {
			if n++; n == 40 {
				cancel()
			}
			return nil
		}}
	if err := w.Run(ctx); !errors.Is(err, context.Canceled) || n > 80 {
		t.Errorf("after %d tiles: %v", n, err)
	}
	full := errors.New("full")
	w.Put = func(int, int, int, []byte) error { return full }
	if err := w.Run(t.Context()); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

func BenchmarkWalk_Copy(b *testing.B) {
	s := newFake(4096, 4096, 256)
	m := image.NewRGBA(image.Rect(0, 0, 256, 256))
	data, err := codec.Default().EncodeJPEG(m, 80, "420")
	if err != nil {
		b.Fatal(err)
	}
	s.coded = func(tiles.Key) ([]byte, error) { return data, nil }
	b.ReportAllocs()
	for b.Loop() {
		p, err := Of(s, Options{Smallest: 8192})
		if err != nil {
			b.Fatal(err)
		}
		w := &Walk{Levels: p.Levels, Source: p.Source(), Copy: true, Put: func(int, int, int, []byte) error { return nil }}
		if err := w.Run(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
