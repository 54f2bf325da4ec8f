package app

import (
	"bytes"
	"errors"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/openslidetest"
	"coverslip/tiles/slidetest"
)

// reads writes the RGB of every level behind each other, as tifffile (OME-TIFF)
// or highdicom (DICOM) read them, and says of DICOM files which attributes their
// mandatory modules lack.
const reads = `
import sys, glob, io, json
path, out = sys.argv[1:]
try:
    import numpy as np, tifffile, imagecodecs, pydicom, highdicom as hd
    from PIL import Image
    from pydicom.encaps import get_frame
except ImportError:
    sys.exit(77)
def check(d, f):
    base = hd.__path__[0] + "/_standard/"
    usage = json.load(open(base + "iod_module_map.json"))["vl-whole-slide-microscopy-image"]
    attributes = json.load(open(base + "module_attribute_map.json"))
    for m in usage:
        # Functional groups are mandatory by macros, which the table does not tell.
        if m["usage"] != "M" or "functional-groups" in m["key"]:
            continue
        for a in attributes[m["key"]]:
            at = [d]
            for p in a["path"]:
                at = [i for x in at if p in x for i in x[p].value]
            for x in at:
                k = a["keyword"]
                if a["type"] == "1" and (k not in x or x[k].is_empty) or a["type"] == "2" and k not in x:
                    print("lacks", f, m["key"], k)
with open(out, "wb") as o:
    if path.endswith(".tif"):
        for l in tifffile.TiffFile(path).series[0].levels:
            o.write(np.ascontiguousarray(l.asarray()).tobytes())
    else:
        for f in sorted(glob.glob(path + "/*.dcm")):
            d = pydicom.dcmread(f)
            check(d, f)
            im = hd.imread(f)
            if d.ImageType[2] != "VOLUME":
                continue
            if d.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.50":
                # By the decoder that we use, too: others round otherwise.
                a = np.zeros((d.TotalPixelMatrixRows + d.Rows, d.TotalPixelMatrixColumns + d.Columns, 3), np.uint8)
                n, cols = int(d.NumberOfFrames), -(-d.TotalPixelMatrixColumns // d.Columns)
                for i in range(n):
                    y, x = i // cols * d.Rows, i % cols * d.Columns
                    a[y:y + d.Rows, x:x + d.Columns] = np.asarray(Image.open(io.BytesIO(get_frame(d.PixelData, i, number_of_frames=n))).convert("RGB"))
                a = a[:d.TotalPixelMatrixRows, :d.TotalPixelMatrixColumns]
            else:
                a = np.round(im.get_total_pixel_matrix(apply_icc_profile=False)).astype(np.uint8)
            o.write(np.ascontiguousarray(a).tobytes())
`

// peers runs the script, or skips the test.
func peers(t *testing.T, path string) []byte {
	t.Helper()
	py := os.Getenv("COVERSLIP_PYTHON")
	if py == "" {
		py = "python3"
	}
	raw := filepath.Join(t.TempDir(), "raw")
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(py, "-c", reads, path, raw)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.Is(err, exec.ErrNotFound) || errors.As(err, &exit) && exit.ExitCode() == 77 {
		t.Skip("needs python with tifffile, imagecodecs, pydicom and highdicom (COVERSLIP_PYTHON)")
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	if stdout.Len() > 0 {
		t.Error(stdout.String())
	}
	data, err := os.ReadFile(raw)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// convertSources are slides of the kinds of JPEG: red, green and blue without a word of
// it, and tables apart with tiles left out.
func convertSources(t *testing.T) map[string]tiles.Slide {
	return map[string]tiles.Slide{
		"RGB": slideAt(t, slidetest.Shared(t, "svs/CMU-1-Small-Region.svs")), "sparse": slideAt(t, slidetest.Shared(t, "made/generic-sparse-bigtiff.tif")),
	}
}

var convertKinds = map[string]ConvertOptions{
	"ome copied": {}, "ome lossless": {Lossless: true}, "dicom copied": {Format: ConvertDICOM, MPP: 0.25}, "dicom lossless": {Format: ConvertDICOM, Lossless: true, MPP: 0.25},
}

// What is written holds, for programs that we did not write, the pixels of the
// source at every level, to the last bit.
func TestConvertSlide_EqualsPeers(t *testing.T) {
	for name, s := range convertSources(t) {
		for kind, o := range convertKinds {
			t.Run(name+" "+kind, func(t *testing.T) {
				out := filepath.Join(t.TempDir(), "out.ome.tif")
				if o.Format == ConvertDICOM {
					out = filepath.Join(t.TempDir(), "out")
				}
				if _, err := ConvertSlide(t.Context(), s, out, o, nil); err != nil {
					t.Fatal(err)
				}
				data := peers(t, out)
				for level := range s.Levels() {
					m := levelPixels(t, s, level)
					for i := 0; i < len(m.Pix); i += 4 {
						if !bytes.Equal(data[:3], m.Pix[i:i+3]) {
							t.Fatalf("level %d, pixel (%d,%d): %v, want %v", level, i/4%m.Rect.Dx(), i/4/m.Rect.Dx(), data[:3], m.Pix[i:i+3])
						}
						data = data[3:]
					}
				}
				openSlideReads(t, s, out)
			})
		}
	}
}

// openSlideReads compares level 0 of an OME-TIFF, all levels of DICOM.
func openSlideReads(t *testing.T, s tiles.Slide, out string) {
	t.Helper()
	levels := 1
	if !strings.HasSuffix(out, ".tif") {
		out, levels = filepath.Join(out, "level-0.dcm"), len(s.Levels())
	}
	peer, err := openslidetest.Open(out)
	if err != nil {
		t.Log("OpenSlide is not asked:", err) // not installed, or older than 4 for DICOM
		return
	}
	defer peer.Close()
	for level := range levels {
		want := levelPixels(t, s, level)
		got := image.NewRGBA(want.Rect)
		if err := peer.ReadRegion(level, 0, 0, got); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Pix, want.Pix) {
			t.Errorf("OpenSlide %s reads level %d with other pixels", peer.Version(), level)
		}
	}
}
