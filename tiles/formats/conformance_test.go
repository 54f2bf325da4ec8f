package formats

import (
	"bufio"
	"context"
	"errors"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/slidetest"
)

// opens are the real slides that must open, each with its reader. A second file of
// a slide, brief, is not read as often.
var opens = map[string]struct {
	format string
	brief  bool
}{
	"svs/CMU-1-Small-Region.svs":             {format: "aperio"},
	"svs/TCGA-CR-7395-ts1.svs":               {format: "aperio"},
	"svs/openslide-small.svs":                {format: "aperio"},
	"tiff/boxes.tiff":                        {format: "generic"},
	"tiff/ojpeg-tile.tif":                    {format: "generic"},
	"tiff/quad-tile.tif":                     {format: "generic"},
	"tiff/rgba_geotiff.tiff":                 {format: "generic"},
	"tiff/small_la.tiff":                     {format: "generic"},
	"tiff/test_orient1.tif":                  {format: "generic"},
	"tiff/test_orient3.tif":                  {format: "generic"},
	"tiff/grey10kx5k.tif":                    {format: "tiff-strips", brief: true},
	"tiff/subsampled.tif":                    {format: "tiff-strips"},
	"made/plain.jpg":                         {format: "jpeg", brief: true},
	"ometiff/multi-channel-z-series.ome.tif": {format: "ome-tiff"},
	"tiff/yb10kx5k.zstd.tiff":                {format: "generic", brief: true}, // five tiles of every kind are 1024 pixels wide
	"dicom-boxes/boxes_0.dcm":                {format: "dicom"},
	"dicom-boxes/boxes_1.dcm":                {format: "dicom", brief: true},
	"dicom-highdicom/sm_image.dcm":           {format: "dicom"},
	"dicom-highdicom/sm_image_numbers.dcm":   {format: "dicom", brief: true},
	"dicom-highdicom/sm_image_grayscale.dcm": {format: "dicom"},
	"dicom-highdicom/sm_image_jpegls.dcm":    {format: "dicom"},
	"ndpi/test3-TRITC-2-560.ndpi":            {format: "hamamatsu"},
	"made/aperio.svs":                        {format: "aperio"},
	"made/generic-sparse-bigtiff.tif":        {format: "generic"},
	"made/hamamatsu.ndpi":                    {format: "hamamatsu"},
	"made/leica.scn":                         {format: "leica", brief: true}, // 120,000 tiles, nearly all of glass; tiles/leica runs the rest on a small one
	"made/philips.tiff":                      {format: "philips"},
	"made/trestle.tif":                       {format: "trestle"},
	"made/ventana.bif":                       {format: "ventana"},
	"made/ome-subifd.ome.tif":                {format: "ome-tiff"},
	"made/mirax.mrxs":                        {format: "mirax"},
	"made/mirax":                             {format: "mirax", brief: true},
	"made/vms/synthetic.vms":                 {format: "hamamatsu-vms"},
	"made/dicom-full-jpeg/level0.dcm":        {format: "dicom"},
	"made/dicom-full-jpeg/level1.dcm":        {format: "dicom", brief: true},
	"made/dicom-full-jpeg":                   {format: "dicom", brief: true},
	"made/dicom-sparse-jpeg/level0.dcm":      {format: "dicom"},
	"made/dicom-sparse-jpeg/level1.dcm":      {format: "dicom", brief: true},
	"made/dicom-full-j2k/level0.dcm":         {format: "dicom", brief: true}, // the pixels of TCGA-CR-7395
	"made/dicom-full-j2k/level1.dcm":         {format: "dicom", brief: true},
	"made/deepzoom/cmu.dzi":                  {format: "deepzoom"},
	"made/deepzoom/cmu.zip":                  {format: "deepzoom"},
	"made/cmu.ome.zarr/.zattrs":              {format: "ome-zarr"},
	"made/cmu.ome.zarr":                      {format: "ome-zarr", brief: true},
}

// refuses are the real files that nobody reads, with words of the reason.
var refuses = map[string]string{
	"tiff/unopenable.tiff":   "compression 52479",
	"tiff/zero_gi.tif":       "image height is 0 or missing",
	"dicom/ezwsi-frame6.j2k": "bare JPEG 2000 stream",
}

// decoders are the two sets that every slide must conform with.
func decoders() map[string]*codec.Set {
	return map[string]*codec.Set{"native": codec.Default(), "safe": codec.Safe()}
}

func opener(path string, codecs *codec.Set) func(testing.TB) tiles.Slide {
	return func(t testing.TB) tiles.Slide {
		s, err := OpenWith(context.Background(), path, codecs)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

// conform runs the suite that fits the slide. Without native decoders every tile
// must be what it is, but need not be read as often again.
func conform(t *testing.T, path, format string, brief bool) {
	for name, codecs := range decoders() {
		t.Run(name, func(t *testing.T) {
			open := opener(path, codecs)
			s := open(t)
			_, planar := s.(tiles.Planar)
			if got := s.Info().Format; format != "" && got != format {
				t.Errorf("opened by %s, want %s", got, format)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			switch {
			case brief || name == "safe":
				slidetest.Brief(t, open)
			case planar:
				slidetest.RunPlanar(t, func(t testing.TB) tiles.Planar { return open(t).(tiles.Planar) })
			default:
				slidetest.Run(t, open)
			}
		})
	}
}

// Every real slide conforms, natively and without any native library.
func TestConformance_Real(t *testing.T) {
	for name, want := range opens {
		t.Run(name, func(t *testing.T) { conform(t, slidetest.Shared(t, name), want.format, want.brief) })
	}
}

// What nobody reads says why.
func TestOpen_Refuses(t *testing.T) {
	for name, reason := range refuses {
		t.Run(name, func(t *testing.T) {
			path := slidetest.Shared(t, name)
			for set, codecs := range decoders() {
				_, err := OpenWith(context.Background(), path, codecs)
				if err == nil || !typed(err) || !strings.Contains(err.Error(), reason) || !strings.Contains(err.Error(), path) {
					t.Errorf("%s: got %v, want …%s…", set, err, reason)
				}
			}
		})
	}
}

// spoilt is a slide that opens, and whose only tile is garbage.
const spoilt = "svs/openslide-unreadable.svs"

// A slide whose only tile is spoilt opens all the same, and tells its size.
func TestOpen_TileUnreadable(t *testing.T) {
	path := slidetest.Shared(t, spoilt)
	for name, codecs := range decoders() {
		s := opener(path, codecs)(t)
		err := s.ReadTile(context.Background(), tiles.Key{}, image.NewRGBA(image.Rect(0, 0, 16, 16)))
		var bad *tiles.TileError
		if !errors.As(err, &bad) {
			t.Errorf("%s: got %v", name, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// The lists above name every real file: a new one must not go untested.
func TestConformance_Complete(t *testing.T) {
	f, err := os.Open(filepath.Join(slidetest.SharedDir(t), "manifest.tsv"))
	if err != nil {
		t.Skip("no list of the test files:", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		name, _, _ := strings.Cut(lines.Text(), "\t")
		_, a := opens[name]
		_, b := refuses[name]
		if name != "file" && name != spoilt && !strings.HasPrefix(name, "bad/") && !a && !b {
			t.Errorf("%s: nobody says what must become of it", name)
		}
	}
	if err := lines.Err(); err != nil {
		t.Error(err)
	}
}
