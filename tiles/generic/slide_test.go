package generic

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/slidetest"
)

// page is one directory of a test file: tiles of 32×16 pixels, uncompressed.
type page struct {
	width, height int
	tags          map[uint16][]uint32 // further ones, or others than by default
	pixel         func(x, y int) []byte
	sparse        map[int]bool // tiles that are not stored
	subs          int          // how many of the pages behind it are its sub-directories
}

// tiles appends the page's tiles of 32×16 pixels to a file and returns their
// offsets and byte counts.
func (p *page) tiles(b []byte) (_ []byte, offsets, counts []uint32) {
	for y0 := 0; y0 < p.height; y0 += 16 {
		for x0 := 0; x0 < p.width; x0 += 32 {
			var raw []byte
			for j := range 32 * 16 {
				raw = append(raw, p.pixel(x0+j%32, y0+j/32)...)
			}
			at, n := uint32(0), uint32(0)
			if !p.sparse[len(offsets)] {
				b = append(b, "leader.."...)
				at, n = uint32(len(b)), uint32(len(raw))
				b = append(append(b, raw...), "tail"...)
			}
			offsets, counts = append(offsets, at), append(counts, n)
		}
	}
	return b, offsets, counts
}

// file writes pages; each tile has eight bytes before and four behind it, as a
// cloud-optimised file has.
func file(order binary.AppendByteOrder, pages ...page) []byte {
	b := []byte("II*\x00\x00\x00\x00\x00")
	if order.AppendUint16(nil, 1)[1] == 1 {
		b = []byte("MM\x00*\x00\x00\x00\x00")
	}
	put := order.(binary.ByteOrder).PutUint32
	type written struct{ at, next int }
	var dirs []written
	subTag := map[int]int{} // where the offsets of the sub-directories of a page lie
	for _, p := range pages {
		tags := map[uint16][]uint32{256: {uint32(p.width)}, 257: {uint32(p.height)}, 258: {8, 8, 8}, 259: {1}, 262: {2}, 277: {3}, 322: {32}, 323: {16}}
		for k, v := range p.tags {
			tags[k] = v
		}
		b, tags[324], tags[325] = p.tiles(b)
		if p.subs > 0 {
			tags[330] = make([]uint32, p.subs)
		}
		values := map[uint16]int{}
		for id, v := range tags {
			if len(v) > 1 {
				values[id] = len(b)
				for _, x := range v {
					b = order.AppendUint32(b, x)
				}
			}
		}
		dirs = append(dirs, written{at: len(b)})
		b = order.AppendUint16(b, uint16(len(tags)))
		for id := range uint16(60000) {
			v, ok := tags[id]
			if !ok {
				continue
			}
			typ := uint16(4)
			if id == 282 || id == 283 {
				typ = 5
			}
			b = order.AppendUint32(order.AppendUint16(order.AppendUint16(b, id), typ), uint32(len(v)))
			if typ == 5 { // one fraction, whose numbers are the two values
				order.(binary.ByteOrder).PutUint32(b[len(b)-4:], 1)
			}
			if id == 330 {
				subTag[len(dirs)-1] = len(b)
			}
			if len(v) > 1 {
				if id == 330 {
					subTag[len(dirs)-1] = values[id]
				}
				b = order.AppendUint32(b, uint32(values[id]))
			} else {
				b = order.AppendUint32(b, v[0])
			}
		}
		dirs[len(dirs)-1].next = len(b)
		b = order.AppendUint32(b, 0)
	}
	put(b[4:], uint32(dirs[0].at))
	for i := 0; i < len(dirs); {
		for s := range pages[i].subs {
			put(b[subTag[i]+4*s:], uint32(dirs[i+1+s].at))
		}
		next := i + 1 + pages[i].subs
		if next < len(dirs) {
			put(b[dirs[i].next:], uint32(dirs[next].at))
		}
		i = next
	}
	return b
}

func rgb(x, y int) []byte { return []byte{byte(x * 3), byte(y * 5), byte(x ^ y)} }

func wide(order binary.AppendByteOrder, samples int) func(x, y int) []byte {
	return func(x, y int) []byte {
		var b []byte
		for s := range samples {
			b = order.AppendUint16(b, uint16(x*300+y*77+s*5000))
		}
		return b
	}
}

func opened(t testing.TB, data []byte) tiles.Slide {
	t.Helper()
	src := tiles.NewSource("test.tif", bytes.NewReader(data), int64(len(data)))
	f := Format(codec.Default())
	if err := f.Detect(src); err != nil {
		t.Fatal(err)
	}
	s, err := f.Open(context.Background(), src)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// halfSize is the marked smaller level of a page.
func halfSize(p page) page {
	h := p
	h.width, h.height = p.width/2, p.height/2
	h.tags = map[uint16][]uint32{254: {1}}
	for k, v := range p.tags {
		h.tags[k] = v
	}
	return h
}

func TestConformance(t *testing.T) {
	le, be := binary.LittleEndian, binary.BigEndian
	colour := page{width: 100, height: 70, pixel: rgb}
	for name, data := range map[string][]byte{
		"plain": file(le, colour, halfSize(colour)),
		"big-endian, sparse": file(be, page{width: 100, height: 70, pixel: rgb, sparse: map[int]bool{0: true, 5: true, 19: true}},
			halfSize(colour)),
		"sub-directory": file(le, page{width: 100, height: 70, pixel: rgb, subs: 1}, page{width: 50, height: 35, pixel: rgb}),
	} {
		t.Run(name, func(t *testing.T) {
			slidetest.Run(t, func(t testing.TB) tiles.Slide {
				s := opened(t, data)
				if len(s.Levels()) != 2 {
					t.Errorf("levels %v", s.Levels())
				}
				return s
			})
		})
	}
	for o := 2; o <= 8; o++ {
		p := page{width: 100, height: 70, pixel: rgb, tags: map[uint16][]uint32{274: {uint32(o)}}, sparse: map[int]bool{3: true}}
		data := file(le, p, halfSize(p))
		t.Run(fmt.Sprintf("orientation %d", o), func(t *testing.T) {
			slidetest.Run(t, func(t testing.TB) tiles.Slide { return opened(t, data) })
		})
	}
	for name, tags := range map[string]map[uint16][]uint32{
		"grey of 16 bits": {258: {16}, 262: {1}, 277: {1}}, "RGB of 16 bits": {258: {16, 16, 16}}, "five channels": {258: {16, 16, 16, 16, 16}, 262: {1}, 277: {5}},
		"turned": {258: {16, 16, 16}, 274: {6}},
	} {
		samples := map[string]int{"grey of 16 bits": 1, "five channels": 5}[name]
		if samples == 0 {
			samples = 3
		}
		p := page{width: 100, height: 70, pixel: wide(be, samples), tags: tags, sparse: map[int]bool{2: true}}
		data := file(be, p, halfSize(p))
		t.Run(name, func(t *testing.T) {
			slidetest.RunPlanar(t, func(t testing.TB) tiles.Planar { return opened(t, data).(tiles.Planar) })
		})
	}
}

// Orientation 1 to 8, by where the pixels of the stored corners are seen.
func TestOpen_Orientation(t *testing.T) {
	const w, h = 100, 70
	for o, c := range map[int]struct{ origin, right, below image.Point }{
		1: {image.Pt(0, 0), image.Pt(1, 0), image.Pt(0, 1)}, 2: {image.Pt(w-1, 0), image.Pt(-1, 0), image.Pt(0, 1)},
		3: {image.Pt(w-1, h-1), image.Pt(-1, 0), image.Pt(0, -1)}, 4: {image.Pt(0, h-1), image.Pt(1, 0), image.Pt(0, -1)},
		5: {image.Pt(0, 0), image.Pt(0, 1), image.Pt(1, 0)}, 6: {image.Pt(h-1, 0), image.Pt(0, 1), image.Pt(-1, 0)},
		7: {image.Pt(h-1, w-1), image.Pt(0, -1), image.Pt(-1, 0)}, 8: {image.Pt(0, w-1), image.Pt(0, -1), image.Pt(1, 0)},
	} {
		p := page{width: w, height: h, pixel: rgb, tags: map[uint16][]uint32{274: {uint32(o)}, 282: {40000, 1}, 283: {20000, 1}, 296: {3}}}
		s := opened(t, file(binary.LittleEndian, p))
		l := s.Levels()[0]
		m := image.NewRGBA(image.Rect(0, 0, l.Width, l.Height))
		if err := tiles.ReadRegion(context.Background(), s, 0, 0, 0, m); err != nil {
			t.Fatal(err)
		}
		for y := range h {
			for x := range w {
				at := c.origin.Add(c.right.Mul(x)).Add(c.below.Mul(y))
				v := rgb(x, y)
				if got := m.RGBAAt(at.X, at.Y); got != (color.RGBA{v[0], v[1], v[2], 255}) {
					t.Fatalf("orientation %d: stored pixel (%d,%d) is not seen at %v but %v", o, x, y, at, got)
				}
			}
		}
		mx, my := 0.25, 0.5
		if o >= 5 {
			mx, my = my, mx
		}
		if in := s.Info(); in.MPPX != mx || in.MPPY != my {
			t.Errorf("orientation %d: MPP %v, %v", o, in.MPPX, in.MPPY)
		}
		s.Close()
	}
}

// A mask is no level; a page that is not marked is none either, and is told of.
func TestOpen_MasksAndPages(t *testing.T) {
	p := page{width: 100, height: 70, pixel: rgb}
	mask := page{width: 50, height: 35, pixel: func(int, int) []byte { return []byte{0} }, tags: map[uint16][]uint32{254: {5}, 258: {8}, 262: {4}, 277: {1}}}
	other := page{width: 90, height: 90, pixel: rgb}
	old := page{width: 25, height: 17, pixel: rgb, tags: map[uint16][]uint32{255: {2}}}
	s := opened(t, file(binary.LittleEndian, p, halfSize(p), mask, other, old))
	defer s.Close()
	if n := len(s.Levels()); n != 3 {
		t.Errorf("%d levels", n)
	}
	if w := strings.Join(s.Info().Warnings, "\n"); strings.Count(w, "left out") != 1 || !strings.Contains(w, "size of a pixel is unknown") {
		t.Errorf("warnings %q", w)
	}
}

// RGB of 16 bits is drawn by its upper bytes, rounded as libtiff does it; samples
// are what is stored.
func TestOpen_RGB16(t *testing.T) {
	order := binary.LittleEndian
	p := page{width: 64, height: 32, pixel: wide(order, 3), tags: map[uint16][]uint32{258: {16, 16, 16}}}
	s := opened(t, file(order, p)).(tiles.Planar)
	defer s.Close()
	dst := image.NewRGBA(image.Rect(0, 0, 32, 16))
	if err := s.ReadTile(context.Background(), tiles.Key{Col: 1, Row: 1}, dst); err != nil {
		t.Fatal(err)
	}
	for y := range 16 {
		for x := range 32 {
			v := wide(order, 3)(32+x, 16+y)
			to8 := func(i int) byte { return byte((int(order.Uint16(v[2*i:])) + 128) / 257) }
			if want := (color.RGBA{to8(0), to8(1), to8(2), 255}); dst.RGBAAt(x, y) != want {
				t.Fatalf("pixel (%d,%d) is %v, want %v", x, y, dst.RGBAAt(x, y), want)
			}
		}
	}
	for c := range 3 {
		r := s.Stack().Channels[c].Raster(32, 16)
		if err := s.ReadPlane(context.Background(), tiles.Key{Col: 1}, tiles.Plane{Channel: c}, r); err != nil {
			t.Fatal(err)
		}
		if want := order.Uint16(wide(order, 3)(37, 2)[2*c:]); r.Uint16[2*32+5] != want {
			t.Errorf("channel %d: %d, want %d", c, r.Uint16[2*32+5], want)
		}
	}
}

// Floating-point numbers are drawn by a window that is found from them.
func TestOpen_Float(t *testing.T) {
	order := binary.BigEndian
	p := page{width: 64, height: 64, tags: map[uint16][]uint32{258: {32}, 262: {1}, 277: {1}, 339: {3}},
		pixel: func(x, y int) []byte { return order.AppendUint32(nil, math.Float32bits(float32(x)/1000-0.01)) }}
	s := opened(t, file(order, p)).(tiles.Planar)
	defer s.Close()
	if c := s.Stack().Channels[0]; !c.Float {
		t.Errorf("channel %+v", c)
	}
	dst := image.NewRGBA(image.Rect(0, 0, 32, 16))
	dark, light := dst, image.NewRGBA(dst.Rect)
	for k, m := range map[tiles.Key]*image.RGBA{{}: dark, {Col: 1}: light} {
		if err := s.ReadTile(context.Background(), k, m); err != nil {
			t.Fatal(err)
		}
	}
	if a, b := dark.RGBAAt(0, 0), light.RGBAAt(31, 0); a.R != 0 || b.R != 255 || a.A != 255 {
		t.Errorf("drawn from %v to %v", a, b)
	}
}

func TestFormat_Strips(t *testing.T) {
	data := file(binary.LittleEndian, page{width: 10, height: 10, pixel: rgb, tags: map[uint16][]uint32{}})
	at := bytes.Index(data, []byte{0x42, 1, 4, 0}) // the tile width's entry becomes another tag
	data[at], data[at+1] = 0xff, 0xee
	src := tiles.NewSource("x.tif", bytes.NewReader(data), int64(len(data)))
	if err := Format(codec.Default()).Detect(src); err == nil || !strings.Contains(err.Error(), "strips") {
		t.Errorf("got %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	le := binary.LittleEndian
	p := page{width: 40, height: 20, pixel: rgb, tags: map[uint16][]uint32{274: {6}}}
	f.Add(file(le, p, halfSize(p)))
	f.Add(file(binary.BigEndian, page{width: 40, height: 20, pixel: wide(binary.BigEndian, 5), tags: map[uint16][]uint32{258: {16, 16, 16, 16, 16}, 262: {1}, 277: {5}}}))
	f.Add(file(le, page{width: 33, height: 17, subs: 1, pixel: rgb}, page{width: 16, height: 8, pixel: rgb}))
	f.Add(file(le, page{width: 33, height: 17, pixel: func(int, int) []byte { return []byte{1, 2} }, tags: map[uint16][]uint32{258: {16}, 262: {1}, 277: {1}, 339: {3}}}))
	f.Add(file(le, page{width: 33, height: 17, pixel: func(int, int) []byte { return []byte{1} }, tags: map[uint16][]uint32{258: {8}, 262: {3}, 277: {1}, 320: make([]uint32, 768)}}))
	f.Add(file(le, page{width: 33, height: 17, pixel: rgb, tags: map[uint16][]uint32{262: {6}, 530: {2, 2}}}))
	f.Add(file(le, page{width: 33, height: 17, pixel: rgb, tags: map[uint16][]uint32{262: {6}, 259: {6}, 519: {8, 8, 8}, 520: {100, 100, 100}, 521: {200, 200, 200}}}))
	f.Add(file(le, page{width: 33, height: 17, pixel: rgb, tags: map[uint16][]uint32{259: {50001}}}))
	f.Add(file(le, page{width: 33, height: 17, pixel: rgb, tags: map[uint16][]uint32{259: {32773}, 266: {2}}}))
	f.Add(file(le, page{width: 33, height: 17, pixel: rgb, tags: map[uint16][]uint32{259: {8}, 317: {3}, 258: {24}, 262: {1}, 277: {1}, 339: {3}}}))
	f.Add(file(le, page{width: 33, height: 17, pixel: rgb, tags: map[uint16][]uint32{259: {7}, 284: {2}}}))
	codecs := codec.New(codec.Options{NoNative: true})
	format := Format(codecs)
	f.Fuzz(func(t *testing.T, data []byte) {
		src := tiles.NewSource("fuzz", bytes.NewReader(data), int64(len(data)))
		if format.Detect(src) != nil {
			return
		}
		s, err := format.Open(context.Background(), src)
		var fe *tiles.FormatError
		var ue *tiles.UnsupportedError
		if err != nil {
			if !errors.As(err, &fe) && !errors.As(err, &ue) {
				t.Fatalf("error of no known kind: %v", err)
			}
			return
		}
		for i, l := range s.Levels() {
			r := l.TileRect(l.Cols()-1, l.Rows()-1)
			if r.Dx()*r.Dy() > 1<<20 {
				continue
			}
			err := s.ReadTile(context.Background(), tiles.Key{Level: i, Col: l.Cols() - 1, Row: l.Rows() - 1}, image.NewRGBA(image.Rectangle{Max: r.Size()}))
			var te *tiles.TileError
			if err != nil && !errors.As(err, &te) && !errors.Is(err, tiles.ErrMissing) {
				t.Fatalf("tile error of no known kind: %v", err)
			}
		}
	})
}
