package dicom_test

import (
	"encoding/binary"
	"errors"
	"image/color"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/slidetest"
)

// value is the sample that the made stacks hold in every pixel of a tile: which
// plane, which tile.
func value(channel, z, tile int) uint16 { return uint16(1000*channel + 100*z + tile) }

// grey is a frame of 16-bit samples of one value, with rubbish above 12 bits.
func grey(v uint16) []byte {
	var b []byte
	for range 32 * 32 {
		b = binary.LittleEndian.AppendUint16(b, v|0xf000)
	}
	return b
}

// two are the paths of the made stacks.
func two() []slidetest.DICOMPath {
	return []slidetest.DICOMPath{{ID: "A", Name: "DAPI", Excitation: 405, Emission: 450}, {ID: "B", Name: "Cy5", Excitation: 640, Colour: [3]byte{255, 0, 128}}}
}

// stack is a slide of two channels in three focal planes, 100×70 pixels of 12
// bits in 16.
func stack() slidetest.DICOM {
	d := slidetest.DICOM{Width: 100, Height: 70, Tile: 32, Samples: 1, Bits: 16, Stored: 12, Photometric: "MONOCHROME2",
		Syntax: "1.2.840.10008.1.2.1", Spacing: 0.0005, Paths: two(), OptPaths: 2, FocalPlanes: 3, ZStep: 0.0015, Z: -1.5}
	for c := range 2 {
		for z := range 3 {
			for i := range 12 {
				d.Frames = append(d.Frames, grey(value(c, z, i)))
			}
		}
	}
	return d
}

// spread is the same stack with a position each frame, the frames in another
// order, and one left out: that of tile 5 of channel B in the last plane.
func spread() slidetest.DICOM {
	d := stack()
	d.Frames, d.FocalPlanes, d.ZStep, d.Z = nil, 0, 0, 0
	for i := range 12 {
		for z := range 3 {
			for c := range 2 {
				if i == 5 && z == 2 && c == 1 {
					continue
				}
				d.Frames = append(d.Frames, grey(value(c, z, i)))
				d.At = append(d.At, [2]int{i%4*32 + 1, i/4*32 + 1})
				d.ZOf, d.PathOf = append(d.ZOf, -1.5+1.5*float64(z)), append(d.PathOf, d.Paths[c].ID)
			}
		}
	}
	return d
}

// apart is the same stack with a file each plane.
func apart() map[string][]byte {
	files := map[string][]byte{}
	for c := range 2 {
		for z := range 3 {
			d := stack()
			d.Frames = nil
			for i := range 12 {
				d.Frames = append(d.Frames, grey(value(c, z, i)))
			}
			d.FocalPlanes, d.OptPaths, d.ZStep, d.Z = 0, 0, 0, -1.5+1.5*float64(z)+1e-9 // 0 would be left out
			d.Paths = d.Paths[c : c+1]
			name := string(rune('a'+c)) + string(rune('0'+z))
			d.UID = "1.2.3." + name
			files[name+".dcm"] = d.Data()
		}
	}
	return files
}

func stacks(t *testing.T) map[string]string {
	parts := split(stack(), 20, 30, 22)
	out := map[string]string{}
	for name, files := range map[string]map[string][]byte{
		"full": {"a0.dcm": stack().Data()}, "sparse": {"a0.dcm": spread().Data()}, "a file each plane": apart(),
		"concatenation": {"a0.dcm": parts[1].Data(), "b.dcm": parts[0].Data(), "c.dcm": parts[2].Data()},
	} {
		out[name] = filepath.Join(folder(t, files), "a0.dcm")
	}
	return out
}

func TestConformance_Planes(t *testing.T) {
	for name, path := range stacks(t) {
		t.Run(name, func(t *testing.T) {
			slidetest.RunPlanar(t, func(t testing.TB) tiles.Planar { return open(t, path).(tiles.Planar) })
		})
	}
	focal := good(t, 0)
	focal.FocalPlanes, focal.Frames = 2, append(focal.Frames, focal.Frames...)
	white := plain(1, 16, "MONOCHROME1")
	for name, d := range map[string]slidetest.DICOM{"colour": focal, "16 bit": plain(1, 16, "MONOCHROME2"), "white is 0": white} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(folder(t, map[string][]byte{"a.dcm": d.Data()}), "a.dcm")
			slidetest.RunPlanar(t, func(t testing.TB) tiles.Planar { return open(t, path).(tiles.Planar) })
		})
	}
}

// Every sample of every plane is where it belongs, whatever the layout.
func TestReadPlane_Stacks(t *testing.T) {
	for name, path := range stacks(t) {
		s := openUntil(t, path).(tiles.Planar)
		st := s.Stack()
		if st.InColor || st.Z != 3 || st.T != 1 || st.DefaultZ != 1 || len(st.Channels) != 2 || len(s.Info().Warnings) != 0 {
			t.Fatalf("%s: %+v, warnings %q", name, st, s.Info().Warnings)
		}
		if z := s.Info().ZPlanes; z[0] != -1.5 || z[1] != 0 || z[2] != 1.5 {
			t.Errorf("%s: focal planes at %v", name, z)
		}
		if a, b := st.Channels[0], st.Channels[1]; a.Name != "DAPI" || a.Excitation != 405 || a.Emission != 450 || a.Bits != 12 ||
			b.Name != "Cy5" || b.Excitation != 640 || b.Color != (color.RGBA{R: 255, B: 128, A: 255}) {
			t.Errorf("%s: channels %+v", name, st.Channels)
		}
		for c := range 2 {
			for z := range 3 {
				for i := range 12 {
					k := tiles.Key{Col: i % 4, Row: i / 4}
					r := s.Levels()[0].TileRect(k.Col, k.Row)
					dst := st.Channels[c].Raster(r.Dx(), r.Dy())
					err := s.ReadPlane(t.Context(), k, tiles.Plane{Channel: c, Z: z}, dst)
					want := value(c, z, i)
					if name == "sparse" && i == 5 && z == 2 && c == 1 {
						if want = 0; !errors.Is(err, tiles.ErrMissing) {
							t.Errorf("a frame that was left out: %v", err)
						}
					} else if err != nil {
						t.Fatalf("%s: channel %d, plane %d, tile %d: %v", name, c, z, i, err)
					}
					if got, last := dst.Uint16[0], dst.Uint16[len(dst.Uint16)-1]; got != want || last != want {
						t.Errorf("%s: channel %d, plane %d, tile %d: %d to %d, want %d", name, c, z, i, got, last, want)
					}
				}
			}
		}
	}
}

// A display window of the file, in units after its rescale slope, is that of the
// channel.
func TestStack_Window(t *testing.T) {
	d := plain(1, 16, "MONOCHROME2")
	d.Window, d.Slope, d.Intercept = []float64{1000.5, 999}, 2, -1000
	for photometric, want := range map[string][2]float64{"MONOCHROME2": {750.5, 1249.5}, "MONOCHROME1": {1249.5, 750.5}} {
		d.Photometric = photometric
		s := openUntil(t, folder(t, map[string][]byte{"a.dcm": d.Data()})).(tiles.Planar)
		if c := s.Stack().Channels[0]; c.Low != want[0] || c.High != want[1] {
			t.Errorf("%s: window from %g to %g, want %v", photometric, c.Low, c.High, want)
		}
	}
}

// A lower level of one focal plane serves all; one that lacks a channel says so.
func TestOpen_FewerPlanesBelow(t *testing.T) {
	low := slidetest.DICOM{Width: 50, Height: 35, Tile: 64, Samples: 1, Bits: 16, Stored: 12, Photometric: "MONOCHROME2", Syntax: "1.2.840.10008.1.2.1", Paths: two()[:1]}
	low.Frames = [][]byte{make([]byte, 64*64*2)}
	for i := range 64 * 64 {
		low.Frames[0][2*i] = 77
	}
	s := openUntil(t, filepath.Join(folder(t, map[string][]byte{"a.dcm": stack().Data(), "b.dcm": low.Data()}), "a.dcm")).(tiles.Planar)
	if w := strings.Join(s.Info().Warnings, "\n"); len(s.Levels()) != 2 || !strings.Contains(w, "1 of 3 focal planes") || !strings.Contains(w, `lacks channel "B"`) {
		t.Errorf("levels %v, warnings %q", s.Levels(), w)
	}
	dst := s.Stack().Channels[0].Raster(50, 35)
	if err := s.ReadPlane(t.Context(), tiles.Key{Level: 1}, tiles.Plane{Z: 2}, dst); err != nil || dst.Uint16[0] != 77 {
		t.Errorf("%v, sample %d", err, dst.Uint16[0])
	}
	if err := s.ReadPlane(t.Context(), tiles.Key{Level: 1}, tiles.Plane{Channel: 1}, dst); !errors.Is(err, tiles.ErrMissing) {
		t.Errorf("the channel that is not there: %v", err)
	}
}
