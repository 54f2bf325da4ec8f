package leica

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/slidetest"
)

// sample is the value at a pixel of a level of a plane of a region of 100×80.
func sample(channel, focal, down, x, y int) int {
	return (37*channel + 91*focal + 5*down + 3*x + 7*y + x*y) % 251
}

// lit is the XML of a glass of two regions in fluorescence, of two levels.
func lit(channels, focal int) string {
	image := func(x, y int) string {
		s, ifd := `<image name="f"><device model="Versa"/><pixels>`, 0
		for c := range channels {
			for z := range focal {
				for r, down := range []int{1, 2} {
					s += fmt.Sprintf(`<dimension sizeX="%d" sizeY="%d" r="%d" z="%d" c="%d" ifd="%d"/>`, 100/down, 80/down, r, z, c, ifd)
					ifd++
				}
			}
		}
		return s + fmt.Sprintf(`</pixels><view sizeX="50000" sizeY="40000" offsetX="%d" offsetY="%d" spacingZ="2000"/><scanSettings><objectiveSettings><objective>20</objective></objectiveSettings>`, x, y) +
			`<channelSettings><channel index="0" name="Aqua" rgb="#0040ff"/><channel index="1" name="Spectrum Green" rgb="none"/></channelSettings>` +
			`<illuminationSettings><illuminationSource>fluorescence</illuminationSource></illuminationSettings></scanSettings></image>`
	}
	return `<?xml version="1.0"?><scn xmlns="http://www.leica-microsystems.com/scn/2010/03/10"><collection sizeX="200000" sizeY="100000">` +
		image(20300, 10700) + image(110000, 50000) + `</collection></scn>`
}

// grey is a file of directories of grey tiles of 32², channel by channel and
// level by level, the description in the first.
func grey(xml string, channels, focal, bits int) []byte {
	le := binary.LittleEndian
	data := []byte("II*\x00\x00\x00\x00\x00")
	link := 4
	for c := range channels {
		for z := range focal {
			for _, down := range []int{1, 2} {
				w, h := 100/down, 80/down
				cols, rows := (w+31)/32, (h+31)/32
				var offsets, counts []byte
				for i := range cols * rows {
					offsets, counts = le.AppendUint32(offsets, uint32(len(data))), le.AppendUint32(counts, uint32(32*32*bits/8))
					for p := range 32 * 32 {
						v := sample(c, z, down, i%cols*32+p%32, i/cols*32+p/32)
						if bits == 8 {
							data = append(data, byte(v))
						} else {
							data = le.AppendUint16(data, uint16(200*v))
						}
					}
				}
				put := func(b []byte) uint32 {
					data = append(data, b...)
					return uint32(len(data) - len(b))
				}
				text := append([]byte(xml), 0)
				entries := [][4]uint32{{256, 4, 1, uint32(w)}, {257, 4, 1, uint32(h)}, {258, 3, 1, uint32(bits)}, {259, 3, 1, 1}, {262, 3, 1, 1},
					{270, 2, uint32(len(text)), put(text)}, {277, 3, 1, 1}, {322, 3, 1, 32}, {323, 3, 1, 32},
					{324, 4, uint32(cols * rows), put(offsets)}, {325, 4, uint32(cols * rows), put(counts)}}
				le.PutUint32(data[link:], uint32(len(data)))
				data = le.AppendUint16(data, uint16(len(entries)))
				for _, e := range entries {
					data = le.AppendUint16(le.AppendUint16(data, uint16(e[0])), uint16(e[1]))
					data = le.AppendUint32(le.AppendUint32(data, e[2]), e[3])
				}
				link = len(data)
				data = le.AppendUint32(data, 0)
			}
		}
	}
	return data
}

func openGrey(t testing.TB, data []byte) (tiles.Slide, error) {
	t.Helper()
	f := Format(pure)
	src := tiles.NewSource("lit.scn", bytes.NewReader(data), int64(len(data)))
	if err := f.Detect(src); err != nil {
		return nil, err
	}
	return f.Open(context.Background(), src)
}

func TestFluorescence(t *testing.T) {
	for _, bits := range []int{8, 16} {
		data := grey(lit(2, 2), 2, 2, bits)
		open := func(t testing.TB) tiles.Planar {
			s, err := openGrey(t, data)
			if err != nil {
				t.Fatal(err)
			}
			return s.(tiles.Planar)
		}
		slidetest.RunPlanar(t, open)
		s := open(t)
		st, in := s.Stack(), s.Info()
		if st.InColor || st.Z != 2 || len(st.Channels) != 2 || st.Channels[0].Name != "Aqua" || st.Channels[0].Color != (color.RGBA{B: 255, G: 64, A: 255}) ||
			st.Channels[1].Name != "Spectrum Green" || st.Channels[1].Bits != bits || in.ZPlanes[1] != 2 || len(in.Warnings) != 0 || in.Background != (color.NRGBA{A: 255}) {
			t.Errorf("%d bits: %+v, %+v", bits, st, in)
		}
		if in.Bounds != image.Rect(40, 21, 320, 180) {
			t.Errorf("bounds %v", in.Bounds)
		}
		for level, l := range s.Levels() {
			down := 1 << level
			for c := range 2 {
				for z := range 2 {
					compareGrey(t, s, tiles.Plane{Channel: c, Z: z}, level, l, func(x, y int) int {
						for _, at := range []image.Point{{20300, 10700}, {110000, 50000}} { // nm, 500 a pixel
							p := image.Pt(x-at.X/(500*down), y-at.Y/(500*down))
							if p.In(image.Rect(0, 0, 100/down, 80/down)) {
								v := sample(c, z, down, p.X, p.Y)
								if bits == 16 {
									v *= 200
								}
								return v
							}
						}
						return 0
					})
				}
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// compareGrey compares a level of a plane with what it should be.
func compareGrey(t *testing.T, s tiles.Planar, p tiles.Plane, level int, l tiles.Level, want func(x, y int) int) {
	t.Helper()
	for row := range l.Rows() {
		for col := range l.Cols() {
			r := l.TileRect(col, row)
			dst := s.Stack().Channels[p.Channel].Raster(r.Dx(), r.Dy())
			if err := s.ReadPlane(context.Background(), tiles.Key{Level: level, Col: col, Row: row}, p, dst); err != nil && !errors.Is(err, tiles.ErrMissing) {
				t.Fatal(err)
			}
			for i, v := range dst.Uint16 {
				if x, y := r.Min.X+i%r.Dx(), r.Min.Y+i/r.Dx(); int(v) != want(x, y) {
					t.Fatalf("plane %+v, level %d at (%d,%d): %d, want %d", p, level, x, y, v, want(x, y))
				}
			}
		}
	}
}

// A plane that is missing in the file, or of another kind, is left out with a
// warning; the slide stays.
func TestFluorescence_MissingPlane(t *testing.T) {
	data := grey(lit(2, 2), 2, 1, 8) // half of the directories
	s, err := openGrey(t, data)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if len(s.Info().Warnings) == 0 {
		t.Error("no warning")
	}
	dst := s.(tiles.Planar).Stack().Channels[1].Raster(32, 32)
	k := tiles.Key{Col: 2, Row: 2}
	if err := s.(tiles.Planar).ReadPlane(context.Background(), k, tiles.Plane{Channel: 1, Z: 1}, dst); !errors.Is(err, tiles.ErrMissing) {
		t.Errorf("a plane that is not in the file: %v", err)
	}
	if err := s.(tiles.Planar).ReadPlane(context.Background(), k, tiles.Plane{}, dst); err != nil {
		t.Error(err)
	}
}

// Whatever the XML says of a sound file: no panic, and what opens is read or
// refused tile by tile.
func FuzzOpen(f *testing.F) {
	f.Add(lit(2, 2))
	f.Add(lit(3, 1))
	f.Add(good)
	base := grey("SCN", 2, 2, 8)
	f.Fuzz(func(t *testing.T, xml string) {
		if len(xml) > 1<<16 {
			return
		}
		s, err := openGrey(t, slidetest.Edit(t, bytes.Clone(base)).Text(270, xml).Data)
		if err != nil {
			return
		}
		defer s.Close()
		for i, l := range s.Levels() {
			k := tiles.Key{Level: i, Col: l.Cols() / 2, Row: l.Rows() / 2}
			size := l.TileRect(k.Col, k.Row).Size()
			_ = s.ReadTile(context.Background(), k, image.NewRGBA(image.Rectangle{Max: size}))
			p, ok := s.(tiles.Planar)
			if !ok || p.Stack().InColor {
				continue
			}
			last := tiles.Plane{Channel: len(p.Stack().Channels) - 1, Z: p.Stack().Z - 1}
			_ = p.ReadPlane(context.Background(), k, last, p.Stack().Channels[last.Channel].Raster(size.X, size.Y))
		}
	})
}
