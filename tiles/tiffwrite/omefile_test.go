package tiffwrite

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/tiles"
)

// tileOf is a tile of 32² whose samples tell plane, level and place.
func tileOf(plane, level, col, row int) *tiles.Raster {
	m := &tiles.Raster{Width: 32, Height: 32, Uint16: make([]uint16, 1024)}
	for i := range m.Uint16 {
		m.Uint16[i] = uint16(9000*plane + 1000*level + 100*row + 10*col + i%7)
	}
	return m
}

// planes is an OME-TIFF of two channels in three focal planes, levels of 100×70
// and 50×35 pixels.
func planes(packing Packing) *OMEFile {
	return &OMEFile{Name: "a < b", Packing: packing, Bits: 16, Z: 3, ZStep: 1.5, MPPX: 0.25, MPPY: 0.5, Objective: 40,
		Levels:   []OMELevel{{100, 70, 32, 32, 1}, {50, 35, 32, 32, 2}},
		Channels: []OMEChannel{{Name: "DAPI", Color: color.RGBA{0, 0, 255, 255}, Excitation: 405, Emission: 450}, {Name: "Cy5"}}}
}

func feedAll(o *OMEFile, put Put, data func(plane, level, col, row int) ([]byte, error)) error {
	for plane := range o.Planes() {
		for level, l := range o.Levels {
			for row := range tilesIn(l.Height, l.TileHeight) {
				for col := range tilesIn(l.Width, l.TileWidth) {
					b, err := data(plane, level, col, row)
					if err == nil {
						err = put(plane, level, col, row, b)
					}
					if err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// tifffileReads prints what tifffile makes of a file: axes, shape and type of each
// level, and writes their samples one behind the other.
const tifffileReads = `
import sys
try:
    import tifffile, numpy, imagecodecs
except ImportError:
    sys.exit(77)
t = tifffile.TiffFile(sys.argv[1])
s = t.series[0]
with open(sys.argv[2], "wb") as out:
    for l in s.levels:
        print(l.axes, "x".join(map(str, l.shape)), l.dtype)
        out.write(numpy.ascontiguousarray(l.asarray()).tobytes())
import xml.etree.ElementTree as ET
for c in ET.fromstring(t.ome_metadata).iter("{http://www.openmicroscopy.org/Schemas/OME/2016-06}Channel"):
    print(c.get("Name"), c.get("Color"), c.get("EmissionWavelength"))
`

func python(t *testing.T, script string, args ...string) string {
	t.Helper()
	py := os.Getenv("COVERSLIP_PYTHON")
	if py == "" {
		py = "python3"
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(py, append([]string{"-c", script}, args...)...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.Is(err, exec.ErrNotFound) || errors.As(err, &exit) && exit.ExitCode() == 77 {
		t.Skip("needs python with tifffile, numpy and imagecodecs (COVERSLIP_PYTHON)")
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	return stdout.String()
}

// Every sample of every plane and level is what tifffile reads.
func TestWriteOME_Planes_EqualsTifffile(t *testing.T) {
	for name, packing := range map[string]Packing{"deflate": PackingDeflate, "zstd": PackingZstd, "lzw": PackingLZW} {
		t.Run(name, func(t *testing.T) {
			o := planes(packing)
			path := filepath.Join(t.TempDir(), "a.ome.tif")
			err := WriteOME(t.Context(), path, o, func(put Put) error {
				return feedAll(o, put, func(plane, level, col, row int) ([]byte, error) {
					return PackTile(packing, tileOf(plane, level, col, row), 16)
				})
			})
			if err != nil {
				t.Fatal(err)
			}
			raw := filepath.Join(t.TempDir(), "raw")
			said := python(t, tifffileReads, path, raw)
			for _, want := range []string{"ZCYX 3x2x70x100 uint16", "ZCYX 3x2x35x50 uint16", "DAPI 65535 450", "Cy5 None None"} {
				if !strings.Contains(said, want) {
					t.Errorf("%q is not in\n%s", want, said)
				}
			}
			data, err := os.ReadFile(raw)
			if err != nil {
				t.Fatal(err)
			}
			at := 0
			for level, l := range o.Levels {
				for plane := range 6 {
					for y := range l.Height {
						for x := range l.Width {
							want := tileOf(plane, level, x/32, y/32).Uint16[y%32*32+x%32]
							if x%13 == 0 && binary.LittleEndian.Uint16(data[at:]) != want {
								t.Fatalf("plane %d level %d (%d,%d): %d, want %d", plane, level, x, y, binary.LittleEndian.Uint16(data[at:]), want)
							}
							at += 2
						}
					}
				}
			}
		})
	}
}

// Float samples and 8-bit channels.
func TestWriteOME_Kinds_EqualsTifffile(t *testing.T) {
	for name, c := range map[string]struct {
		bits  int
		float bool
		m     *tiles.Raster
		want  string
		first []byte
	}{
		"float": {32, true, &tiles.Raster{Width: 32, Height: 32, Float32: append([]float32{1.5, -2}, make([]float32, 1022)...)}, "float32", []byte{0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc0}},
		"8 bit": {8, false, &tiles.Raster{Width: 32, Height: 32, Uint16: append([]uint16{200, 7}, make([]uint16, 1022)...)}, "uint8", []byte{200, 7, 0}},
	} {
		o := &OMEFile{Levels: []OMELevel{{32, 32, 32, 32, 1}}, Packing: PackingDeflate, Bits: c.bits, Float: c.float, Channels: []OMEChannel{{Name: "a"}}}
		path := filepath.Join(t.TempDir(), "a.ome.tif")
		err := WriteOME(t.Context(), path, o, func(put Put) error {
			return feedAll(o, put, func(int, int, int, int) ([]byte, error) { return PackTile(PackingDeflate, c.m, c.bits) })
		})
		if err != nil {
			t.Fatal(name, err)
		}
		raw := filepath.Join(t.TempDir(), "raw")
		if said := python(t, tifffileReads, path, raw); !strings.Contains(said, "32x32 "+c.want) {
			t.Errorf("%s: %s", name, said)
		}
		if data, err := os.ReadFile(raw); err != nil || !bytes.HasPrefix(data, c.first) {
			t.Errorf("%s: %v, %v", name, data[:8], err)
		}
	}
}

// What cannot be written leaves nothing behind; a level may begin again.
func TestWriteOME_Refuses(t *testing.T) {
	whole := func(o *OMEFile, put Put) error {
		return feedAll(o, put, func(int, int, int, int) ([]byte, error) { return []byte{1}, nil })
	}
	jpegOf := func(side int) []byte {
		b, err := GoJPEG(image.NewRGBA(image.Rect(0, 0, side, side)), 80)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	stop := errors.New("stop")
	for name, c := range map[string]struct {
		change func(*OMEFile)
		feed   func(*OMEFile, Put) error
		want   string
	}{
		"no level":         {change: func(o *OMEFile) { o.Levels = nil }, want: "no level"},
		"tiles of 40":      {change: func(o *OMEFile) { o.Levels[0].TileWidth = 40 }, want: "multiple of 16"},
		"no width":         {change: func(o *OMEFile) { o.Levels[0].Width = 0 }, want: "outside"},
		"channels as JPEG": {change: func(o *OMEFile) { o.Packing = PackingJPEG }, want: "16 bits"},
		"24 bits":          {change: func(o *OMEFile) { o.Bits = 24 }, want: "24 bits"},
		"too few":          {feed: func(_ *OMEFile, put Put) error { return put(0, 0, 0, 0, []byte{1}) }, want: "1 of 12 tiles"},
		"stopped":          {feed: func(*OMEFile, Put) error { return stop }, want: "stop"},
		"no such plane":    {feed: func(_ *OMEFile, put Put) error { return put(6, 0, 0, 0, []byte{1}) }, want: "no plane 6"},
		"no such tile":     {feed: func(_ *OMEFile, put Put) error { return put(0, 0, 4, 0, []byte{1}) }, want: "no tile (4,0)"},
		"colours change": {change: func(o *OMEFile) { o.Channels, o.Packing, o.Z = nil, PackingJPEG, 1 }, feed: func(_ *OMEFile, put Put) error {
			rgb := bytes.Replace(jpegOf(32), []byte{0xff, 0xdb}, []byte("\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00\xff\xdb"), 1)
			return errors.Join(put(0, 0, 0, 0, jpegOf(32)), put(0, 0, 1, 0, rgb))
		}, want: "colour model"},
	} {
		o := planes(PackingDeflate)
		if c.change != nil {
			c.change(o)
		}
		if c.feed == nil {
			c.feed = whole
		}
		dir := t.TempDir()
		err := WriteOME(t.Context(), filepath.Join(dir, "a.tif"), o, func(put Put) error { return c.feed(o, put) })
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want …%s…", name, err, c.want)
		}
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("%s: left %v", name, left)
		}
	}
	again := planes(PackingDeflate)
	err := WriteOME(t.Context(), filepath.Join(t.TempDir(), "a.tif"), again, func(put Put) error {
		return errors.Join(put(0, 0, 0, 0, []byte{1}), put(0, 0, 1, 0, []byte{1}), whole(again, put))
	})
	if err != nil {
		t.Error("a level that begins again:", err)
	}
}
