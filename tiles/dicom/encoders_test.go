package dicom_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/slidetest"
)

// encoders packs a picture of 32² with encoders that are not ours: name, transfer
// syntax, photometric interpretation, bits, samples; one file of the picture and
// one of the frame each.
const encoders = `
import sys, json, os
try:
    import numpy as np, imagecodecs as ic
except ImportError:
    sys.exit(77)
out = sys.argv[1]
y, x = np.mgrid[0:32, 0:32]
rng = np.random.default_rng(3)
def grey(bits):
    a = ((x * 37 + y * 91) % (1 << bits) + rng.integers(0, 5, (32, 32))) % (1 << bits)
    a[:8, :8] = (1 << bits) - 1
    return a.astype(np.uint8 if bits <= 8 else np.uint16)
rgb = np.stack([grey(8), grey(8)[::-1], grey(8).T], -1).copy()
def rle(a):
    planes = [a] if a.ndim == 2 else [a[..., i] for i in range(3)]
    segs = []
    for p in planes:
        if p.dtype == np.uint16: segs += [(p >> 8).astype(np.uint8), (p & 255).astype(np.uint8)]
        else: segs.append(p)
    body, offs = b"", []
    for s in segs:
        offs.append(64 + len(body))
        b = b"".join(ic.packbits_encode(r.tobytes()) for r in s)
        body += b + b"\x80" * (len(b) % 2)
    return np.array([len(segs)] + offs + [0] * (15 - len(offs)), "<u4").tobytes() + body
all = []
def add(name, syntax, photo, bits, a, frame):
    f = os.path.join(out, name)
    open(f + ".raw", "wb").write(a.tobytes()); open(f + ".enc", "wb").write(bytes(frame))
    all.append([name, syntax, photo, bits, 1 if a.ndim == 2 else 3])
for bits in (8, 12, 16):
    g = grey(bits)
    add("jls%d" % bits, "1.2.840.10008.1.2.4.80", "MONOCHROME2", bits, g, ic.jpegls_encode(g))
    add("rle%d" % bits, "1.2.840.10008.1.2.5", "MONOCHROME2", bits, g, rle(g))
    add("j2k%d" % bits, "1.2.840.10008.1.2.4.90", "MONOCHROME2", bits, g, ic.jpeg2k_encode(g, codecformat="j2k", reversible=True, bitspersample=bits, level=0))
    add("sof3_%d" % bits, "1.2.840.10008.1.2.4.70", "MONOCHROME2", bits, g, ic.ljpeg_encode(g, bitspersample=bits))
add("jlsrgb", "1.2.840.10008.1.2.4.80", "RGB", 8, rgb, ic.jpegls_encode(rgb))
add("rlergb", "1.2.840.10008.1.2.5", "RGB", 8, rgb, rle(rgb))
add("j2krgb", "1.2.840.10008.1.2.4.90", "YBR_RCT", 8, rgb, ic.jpeg2k_encode(rgb, codecformat="j2k", reversible=True, level=0))
print(json.dumps(all))
`

// Every lossless coding gives back the samples that another program packed.
func TestReadTile_EqualsOtherEncoders(t *testing.T) {
	dir := t.TempDir()
	py := os.Getenv("COVERSLIP_PYTHON")
	if py == "" {
		py = "python3"
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(py, "-c", encoders, dir)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.Is(err, exec.ErrNotFound) || errors.As(err, &exit) && exit.ExitCode() == absent {
		t.Skipf("needs %s with numpy and imagecodecs", py)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var list [][5]any
	if err := json.Unmarshal(stdout.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	if len(list) < 15 {
		t.Errorf("only %d pictures", len(list))
	}
	for _, c := range list {
		name := c[0].(string)
		frame, err := os.ReadFile(filepath.Join(dir, name+".enc"))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(filepath.Join(dir, name+".raw"))
		if err != nil {
			t.Fatal(err)
		}
		d := slidetest.DICOM{Width: 32, Height: 32, Tile: 32, Syntax: c[1].(string), Photometric: c[2].(string), Stored: int(c[3].(float64)), Bits: 8, Samples: int(c[4].(float64)), Frames: [][]byte{frame}}
		if d.Stored > 8 {
			d.Bits = 16
		}
		path := filepath.Join(folder(t, map[string][]byte{"a.dcm": d.Data()}), "a.dcm")
		for which, codecs := range map[string]*codec.Set{"native": codec.Default(), "go": codec.New(codec.Options{NoNative: true})} {
			t.Run(name+" "+which, func(t *testing.T) { sameSamples(t, path, codecs, raw, d) })
		}
	}
}

// sameSamples compares the only tile of a slide with plain samples.
func sameSamples(t *testing.T, path string, codecs *codec.Set, raw []byte, d slidetest.DICOM) {
	t.Helper()
	s := openWith(t, path, codecs)
	if d.Bits == 16 {
		m := &tiles.Raster{Width: 32, Height: 32, Uint16: make([]uint16, 1024)}
		if err := s.(tiles.Planar).ReadPlane(t.Context(), tiles.Key{}, tiles.Plane{}, m); err != nil {
			t.Fatal(err)
		}
		for i, v := range m.Uint16 {
			if want := binary.LittleEndian.Uint16(raw[2*i:]); v != want {
				t.Fatalf("sample %d is %d, want %d", i, v, want)
			}
		}
		return
	}
	m, err := tile(t, s, tiles.Key{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1024 {
		for k := range 3 {
			if want := raw[i*d.Samples+k%d.Samples]; m.Pix[4*i+k] != want {
				t.Fatalf("pixel %d is %v, want %d at %d", i, m.Pix[4*i:4*i+4], want, k)
			}
		}
	}
}
