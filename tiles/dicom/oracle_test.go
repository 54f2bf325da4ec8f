package dicom_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/slidetest"
)

// absent is what the script answers when a module is not installed.
const absent = 77

// frames finds the frames with pydicom and decodes them with Pillow, OpenJPEG
// or numpy: colours and 8 bits into RGB, 16-bit samples as they are.
const frames = `
import sys, io, json, importlib
path, out, modules = sys.argv[1:]
try:
    for m in modules.split(","):
        importlib.import_module(m)
except ImportError:
    sys.exit(77)
import pydicom, numpy as np
from pydicom.encaps import get_frame
from pydicom.pixels import pixel_array
d = pydicom.dcmread(path)
n = int(d.get("NumberOfFrames", 1))
syntax = d.file_meta.TransferSyntaxUID
ext = (d.ExtendedOffsetTable, d.ExtendedOffsetTableLengths) if "ExtendedOffsetTable" in d else None
rgb, at = [], []
for i in range(n):
    if syntax == "1.2.840.10008.1.2.4.50":
        from PIL import Image
        a = np.asarray(Image.open(io.BytesIO(get_frame(d.PixelData, i, number_of_frames=n, extended_offsets=ext))).convert("RGB"))
    else:
        a = pixel_array(path, index=i, raw=True)
        if a.ndim == 2 and a.dtype == np.uint8:
            a = np.stack([a] * 3, -1)
    rgb.append(a)
cols = -(-d.TotalPixelMatrixColumns // d.Columns)
for i in range(n):
    if d.get("DimensionOrganizationType") == "TILED_SPARSE":
        p = d.PerFrameFunctionalGroupsSequence[i].PlanePositionSlideSequence[0]
        at.append([(p.ColumnPositionInTotalImagePixelMatrix - 1) // d.Columns, (p.RowPositionInTotalImagePixelMatrix - 1) // d.Rows])
    else:
        at.append([i % cols, i // cols])
np.stack(rgb).tofile(out)
print(json.dumps({"at": at, "w": d.Columns, "h": d.Rows, "wide": rgb[0].ndim == 2}))
`

// Pixels and samples must be those of pydicom's decoders.
func TestReadTile_EqualsPydicom(t *testing.T) {
	for name, modules := range map[string]string{
		"made/dicom-full-jpeg/level0.dcm": "pydicom,numpy,PIL", "made/dicom-sparse-jpeg/level0.dcm": "pydicom,numpy,PIL",
		"made/dicom-full-j2k/level1.dcm": "pydicom,numpy,openjpeg", "dicom-boxes/boxes_0.dcm": "pydicom,numpy,PIL",
		"dicom-highdicom/sm_image.dcm": "pydicom,numpy", "dicom-highdicom/sm_image_numbers.dcm": "pydicom,numpy",
		"dicom-highdicom/sm_image_grayscale.dcm": "pydicom,numpy", "dicom-highdicom/sm_image_jpegls.dcm": "pydicom,numpy,libjpeg",
	} {
		t.Run(name, func(t *testing.T) {
			path := slidetest.Shared(t, name)
			raw := filepath.Join(t.TempDir(), "frames")
			var stdout, stderr bytes.Buffer
			py := os.Getenv("COVERSLIP_PYTHON")
			if py == "" {
				py = "python3"
			}
			cmd := exec.Command(py, "-c", frames, path, raw, modules)
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			var exit *exec.ExitError
			err := cmd.Run()
			if errors.Is(err, exec.ErrNotFound) || errors.As(err, &exit) && exit.ExitCode() == absent {
				t.Skipf("needs %s with %s", py, modules)
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, stderr.String())
			}
			var said struct {
				At   [][2]int
				W, H int
				Wide bool // 16-bit samples
			}
			if err := json.Unmarshal(stdout.Bytes(), &said); err != nil {
				t.Fatal(err)
			}
			pix, err := os.ReadFile(raw)
			if err != nil {
				t.Fatal(err)
			}
			s := openUntil(t, path)
			level := 0
			if strings.Contains(name, "level1") {
				level = 1
			}
			l := s.Levels()[level]
			perPixel := 3
			if said.Wide {
				perPixel = 2
			}
			if l.TileWidth != said.W || l.TileHeight != said.H || len(pix) != perPixel*said.W*said.H*len(said.At) {
				t.Fatalf("tiles of %d×%d, %d frames", said.W, said.H, len(said.At))
			}
			stored := map[[2]int]bool{}
			for i, at := range said.At {
				stored[at] = true
				k := tiles.Key{Level: level, Col: at[0], Row: at[1]}
				if said.Wide {
					compareSamples(t, s, k, pix[2*i*said.W*said.H:], said.W)
				} else {
					compareFrame(t, s, k, pix[3*i*said.W*said.H:], said.W)
				}
			}
			for i := range l.Cols() * l.Rows() {
				k := tiles.Key{Level: level, Col: i % l.Cols(), Row: i / l.Cols()}
				if _, err := tile(t, s, k); (err == nil) != stored[[2]int{k.Col, k.Row}] {
					t.Errorf("tile %+v: %v, stored %v", k, err, stored[[2]int{k.Col, k.Row}])
				}
			}
		})
	}
}

func compareFrame(t *testing.T, s tiles.Slide, k tiles.Key, rgb []byte, width int) {
	t.Helper()
	m, err := tile(t, s, k)
	if err != nil {
		t.Fatal(err)
	}
	for y := range m.Rect.Dy() {
		for x := range m.Rect.Dx() {
			got, want := m.Pix[m.PixOffset(x, y):], rgb[3*(y*width+x):]
			if got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
				t.Fatalf("tile %+v, pixel (%d,%d): %v, want %v", k, x, y, got[:3], want[:3])
			}
		}
	}
}

func compareSamples(t *testing.T, s tiles.Slide, k tiles.Key, want []byte, width int) {
	t.Helper()
	r := s.Levels()[k.Level].TileRect(k.Col, k.Row)
	got := s.(tiles.Planar).Stack().Channels[0].Raster(r.Dx(), r.Dy())
	if err := s.(tiles.Planar).ReadPlane(t.Context(), k, tiles.Plane{}, got); err != nil {
		t.Fatal(err)
	}
	for y := range r.Dy() {
		for x := range r.Dx() {
			if w := binary.LittleEndian.Uint16(want[2*(y*width+x):]); got.Uint16[y*r.Dx()+x] != w {
				t.Fatalf("tile %+v, pixel (%d,%d): %d, want %d", k, x, y, got.Uint16[y*r.Dx()+x], w)
			}
		}
	}
}

// The made slides hold the very streams of the files they came from.
func TestReadTile_EqualsItsSource(t *testing.T) {
	for name, from := range map[string]string{
		"made/dicom-full-jpeg": "made/aperio.svs", "made/dicom-sparse-jpeg": "made/aperio.svs", "made/dicom-full-j2k": "svs/TCGA-CR-7395-ts1.svs",
	} {
		t.Run(name, func(t *testing.T) {
			path, source := slidetest.Shared(t, name), slidetest.Shared(t, from)
			s, o := openUntil(t, path), openUntil(t, source)
			n, step := 0, 1
			if strings.Contains(name, "j2k") {
				step = 4 // JPEG 2000 is slow
			}
			for level, l := range s.Levels() {
				if same := o.Levels()[level]; same.Width != l.Width || same.Height != l.Height || same.TileWidth != l.TileWidth {
					t.Fatalf("level %d: %+v, from %+v", level, l, same)
				}
				for i := 0; i < l.Cols()*l.Rows(); i += step {
					k := tiles.Key{Level: level, Col: i % l.Cols(), Row: i / l.Cols()}
					got, err := tile(t, s, k)
					if err != nil && strings.Contains(name, "sparse") {
						continue
					}
					want, errWant := tile(t, o, k)
					if err != nil || errWant != nil || !bytes.Equal(got.Pix, want.Pix) {
						t.Fatalf("tile %+v differs: %v, %v", k, err, errWant)
					}
					n++
				}
			}
			if n < 75 {
				t.Errorf("only %d tiles were compared", n)
			}
		})
	}
}
