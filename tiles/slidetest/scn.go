package slidetest

import (
	"context"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"testing"

	"coverslip/tiles/tiffwrite"
)

// SCN makes small Leica slides of regions that show one picture, in three
// levels of 500, 1000 and 2000 nm per pixel, with a macro image.
type SCN struct {
	Glass   image.Point   // nm
	Regions []image.Point // where they lie, nm
	W, H    int           // pixels of a region
	Xmlns   string        // of the XML, "" = that of 2010/10/01
}

// Rough paints a picture in which every pixel differs from its neighbours.
func Rough(_ context.Context, x0, y0 int, dst *image.RGBA) error {
	for y := range dst.Rect.Dy() {
		for x := range dst.Rect.Dx() {
			p := dst.Pix[dst.PixOffset(x, y):]
			gx, gy := x0+x, y0+y
			p[0], p[1], p[2], p[3] = byte(gx*7+gy*3), byte(gy*5+gx*gy/97), byte(gx*gy/31+gx*11), 255
		}
	}
	return nil
}

// RoughPyramid is a file of 64-pixel tiles; its lower levels end at 80 pixels
// unless the options say otherwise.
func RoughPyramid(t testing.TB, o tiffwrite.Options) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pyramid.tif")
	o.TileSize, o.MPP = 64, 0.25
	if o.Smallest == 0 {
		o.Smallest = 80
	}
	if err := tiffwrite.Write(context.Background(), path, o, Rough); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Make builds the file.
func (s *SCN) Make(t testing.TB) []byte {
	t.Helper()
	light := `<scanSettings><objectiveSettings><objective>20</objective></objectiveSettings><illuminationSettings><illuminationSource>brightfield</illuminationSource></illuminationSettings></scanSettings></image>`
	dimension := func(down, directory int) string {
		return fmt.Sprintf(`<dimension sizeX="%d" sizeY="%d" ifd="%d"/>`, s.W/down, s.H/down, directory)
	}
	ns := s.Xmlns
	if ns == "" {
		ns = "http://www.leica-microsystems.com/scn/2010/10/01"
	}
	xml := `<?xml version="1.0"?><scn xmlns="` + ns + fmt.Sprintf(`"><collection sizeX="%d" sizeY="%d"><barcode>U1lOVEg=</barcode>`, s.Glass.X, s.Glass.Y) +
		`<image name="macro"><pixels>` + dimension(4, 3) + fmt.Sprintf(`</pixels><view sizeX="%d" sizeY="%d" offsetX="0" offsetY="0"/>`, s.Glass.X, s.Glass.Y) + light
	for _, at := range s.Regions {
		xml += `<image name="r"><creationDate>2026-01-02</creationDate><device model="SCN400" version="1"/><pixels>` + dimension(1, 0) + dimension(2, 2) + dimension(4, 3) +
			fmt.Sprintf(`</pixels><view sizeX="%d" sizeY="%d" offsetX="%d" offsetY="%d"/>`, 500*s.W, 500*s.H, at.X, at.Y) + light
	}
	data := RoughPyramid(t, tiffwrite.Options{Width: s.W, Height: s.H, Step: 2, Smallest: max(s.W, s.H) / 3, Layout: tiffwrite.Aperio, Container: tiffwrite.Classic, Lossless: true})
	return Edit(t, data).Text(270, xml+`</collection></scn>`).Data
}
