package formats

import (
	"context"
	"crypto/sha256"
	"fmt"
	"image"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/slidetest"
)

// pictures are the SHA-256 of the stored levels of real files as RGBA (colours
// multiplied by alpha), level 0 first. All are what Pillow 13.0.0 (libtiff 4.7.1,
// libjpeg-turbo 3.1.3) decodes; small_la.tiff, which it refuses, is what tifffile
// 2026.3.3 with imagecodecs 2026.3.6 does. Of pictures that are flat only the
// first level is stored.
var pictures = map[string][]string{
	"made/plain.jpg": {"154a016c27d577a0f43e8c84a95e644e7ad1309b3f406e671a691063b6dcf249"},
	"tiff/boxes.tiff": {"99a512ca54d551074fe94bb40a147c41caccb5457e1bea1ea2715ef4488cfaa9",
		"bb748fe3803e254fbb5e1c72984a7b7c693a359dbf319c249c01395d3b33c37d",
		"d694d6bea3c31642332ebb1646e11ebf1d707476be2ab8291fb01fca9385ce65",
		"657a1d0e305b3744963fb9a66f9a48ad70f7bcb6bf2e5944f0f59a3d86cef736"},
	"tiff/grey10kx5k.tif": {"4779e3cbd8ea5e26ebad4906ba84406e5f164c4ad2a9a1bf43a38768a994228e"},
	"tiff/ojpeg-tile.tif": {"c66941c9432160593b1980a2450f833701b00fa6b14d8dbafdaa92d0196161a0"},
	"tiff/quad-tile.tif":  {"2d61331a067c19410995e1e3d01cb03fd57cc03b4f9405ee487ae2341f16288c"},
	"tiff/rgba_geotiff.tiff": {"98e7b87b91951e03bc68b8012ce4fcd5f483733bc4a13b70089d05332edbb753",
		"5bad8532247e01d936fefc06ed76dedad5b9988fba6fbe3b77755fbab879b0d4"},
	"tiff/small_la.tiff":  {"8e333fba21f15ddb741ed10958ab5828420eaeb8b24f25a873de6d410f45d146"},
	"tiff/subsampled.tif": {"ddfa3063069d2cac104ba4eb7e3e5ef2ab9bd231d6de56ecfdaa81732c092214"},
	"tiff/test_orient1.tif": {"4ee2c65223308bfb7fb1b0b5ce808c49c91e30a29daae131720f41cbcbb3b24c",
		"36d511388b8575dc2437ca113c051a6d8c99cdb51b9b034c6e5ec9f4a5b64621",
		"bf2efee97a0f70f62d0e969e2a6f979e3d7357bc7a7ea45f8f95a8aae194eb4e"},
	"tiff/test_orient3.tif": {"fd44a659700e4e7be8f02dbd4a4f320397814c2a3b4f376a1156c77a124c9a34",
		"c6914db0434884f38fbf73c1b3d8c5b78287ac1dc4cbfd87c6b25866699936d4",
		"4ed80ac3af6a07e227a5631ef9196ebb42671fc7eb16ba8e682c2bf7fe29b239"},
	"tiff/yb10kx5k.zstd.tiff": {"f7a5519d621f1975d5f9d8f3279a5da7dbe1b4fac2ea72065d0a0a06dad634e7",
		"e667c9685e63c9f237cd121bd9f790c8a13814324bd23d243042845cd9402865",
		"ba996b6dcb4ae22cc80b3cefd1bf2de2b9a895ba0261657cab1b4e25971805a6",
		"898a7c33fa0678cf0670384cdb88a2fd94e51708741786ff2b1776df26143aa5",
		"7942fae9b7a97c5ceed2a0767d026f68014e545d8f2e1db4d120f431d7a54c9d"},
}

func TestGolden(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine reads one file after another")
	}
	for name, sums := range pictures {
		t.Run(name, func(t *testing.T) {
			path := slidetest.Shared(t, name)
			for _, st := range codec.Default().Status() {
				if st.Name == "JPEG" && !strings.Contains(st.Library, "turbo") {
					t.Skip("without libjpeg-turbo pixels may differ by rounding")
				}
			}
			s := open(t, path)
			defer s.Close()
			for i, want := range sums {
				l := s.Levels()[i]
				m := image.NewRGBA(image.Rect(0, 0, l.Width, l.Height))
				if err := tiles.ReadRegion(context.Background(), s, i, 0, 0, m); err != nil {
					t.Fatal(err)
				}
				if got := fmt.Sprintf("%x", sha256.Sum256(m.Pix)); got != want {
					t.Errorf("level %d has other pixels: %s", i, got)
				}
			}
		})
	}
}
