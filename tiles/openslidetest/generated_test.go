package openslidetest

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/slidetest"
	"coverslip/tiles/tiffwrite"
)

// written is the path of a file of these bytes.
func written(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// compareAll compares sizes, downsamples and pixels of all levels.
func compareAll(t *testing.T, path string, levels int) (*Slide, tiles.Slide) {
	t.Helper()
	peer, ours := pairOf(t, path)
	sizes, downsamples := peer.Levels()
	if len(sizes) != len(ours.Levels()) || len(sizes) != levels {
		t.Fatalf("%d levels, OpenSlide has %d, %d are due", len(ours.Levels()), len(sizes), levels)
	}
	for i, l := range ours.Levels() {
		if sizes[i] != image.Pt(l.Width, l.Height) || math.Abs(downsamples[i]-l.Downsample) > 1e-9 {
			t.Errorf("level %d: %+v, OpenSlide %v at %v", i, l, sizes[i], downsamples[i])
		}
		if l.Width < l.TileWidth || l.Height < l.TileHeight {
			continue // see TestReadRegion_EqualsOpenSlide
		}
		compareLevel(t, peer, ours, i, 12)
	}
	return peer, ours
}

// Sides that no power of two divides: downsamples are no whole numbers.
func TestPyramids_Generated_EqualOpenSlide(t *testing.T) {
	for _, c := range []struct {
		name   string
		levels int
		o      tiffwrite.Options
	}{
		{"generic JPEG.tif", 5, tiffwrite.Options{Width: 1003, Height: 777, Step: 2}},
		{"generic lossless big.tif", 5, tiffwrite.Options{Width: 1283, Height: 517, Step: 2, Lossless: true, Container: tiffwrite.Big}},
		{"Aperio JPEG.svs", 3, tiffwrite.Options{Width: 1207, Height: 931, Step: 4, Layout: tiffwrite.Aperio}},
		{"Aperio lossless.svs", 5, tiffwrite.Options{Width: 1110, Height: 833, Step: 2, Layout: tiffwrite.Aperio, Lossless: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			compareAll(t, written(t, c.name, slidetest.RoughPyramid(t, c.o)), c.levels)
		})
	}
}

// leicaOffsets are where the regions of a generated glass lie, nm: between two
// pixels, the second over the first one's corner.
var leicaOffsets = []image.Point{{123456, 98765}, {345678, 250001}, {612345, 700003}}

// steady says whether OpenSlide puts every region of a glass at the pixel of the
// level where it lies, read from a position in level-0 pixels that means pixel p.
// From a position between two pixels it cuts off towards the beginning of each
// region, so that those to the right move by one against those to the left.
func steady(at, p int, downsample float64, starts []int) bool {
	for _, s := range starts {
		if int(float64(at)/downsample-float64(s)) != p-s {
			return false
		}
	}
	return true
}

// Regions lie on whole pixels of each level, whatever the nm say. On the first
// glass level 1 and 2 are 2 and 4 times smaller than level 0; on the second they
// are not quite.
func TestLeica_Generated_EqualsOpenSlide(t *testing.T) {
	for _, c := range []struct {
		glass image.Point
		w, h  int
		even  bool
		xmlns string
	}{
		{image.Pt(1000000, 900000), 500, 388, true, ""}, {image.Pt(1000300, 900700), 501, 389, false, ""},
		{image.Pt(1000000, 900000), 500, 388, true, "http://www.leica-microsystems.com/scn/2010/03/10"},
	} {
		peer, ours := pairOf(t, written(t, "made.scn", (&slidetest.SCN{Glass: c.glass, Regions: leicaOffsets, W: c.w, H: c.h, Xmlns: c.xmlns}).Make(t)))
		sizes, downsamples := peer.Levels()
		if len(sizes) != 3 || len(ours.Levels()) != 3 {
			t.Fatalf("%d levels, OpenSlide %d", len(ours.Levels()), len(sizes))
		}
		for i, l := range ours.Levels() {
			if sizes[i] != image.Pt(l.Width, l.Height) || math.Abs(downsamples[i]-l.Downsample) > 1e-9 {
				t.Errorf("level %d: %+v, OpenSlide %v at %v", i, l, sizes[i], downsamples[i])
			}
			if c.even {
				compareLevel(t, peer, ours, i, 40)
				continue
			}
			compareSteady(t, peer, ours, i, float64(500*c.w)/float64(c.w>>i))
		}
		compareProperties(t, peer, ours, "openslide.bounds-x", "openslide.bounds-y", "openslide.bounds-width", "openslide.bounds-height",
			"openslide.region[0].x", "openslide.region[1].y", "openslide.region[2].width", "leica.barcode", "openslide.mpp-x")
	}
}

// compareSteady compares a level of the given nm per pixel from positions from
// which OpenSlide moves no region.
func compareSteady(t *testing.T, peer *Slide, ours tiles.Slide, level int, step float64) {
	t.Helper()
	l := ours.Levels()[level]
	var xs, ys []int
	for _, at := range leicaOffsets {
		xs, ys = append(xs, int(float64(at.X)/step)), append(ys, int(float64(at.Y)/step))
	}
	positions := func(n int, starts []int) (out []int) {
		for p := 0; p < n; p += 3 {
			for _, at := range [2]int{int(math.Floor(float64(p) * l.Downsample)), int(math.Ceil(float64(p) * l.Downsample))} {
				if steady(at, p, l.Downsample, starts) && int(math.Round(float64(at)/l.Downsample)) == p {
					out = append(out, at)
					break
				}
			}
		}
		return out
	}
	wide, high := positions(l.Width, xs), positions(l.Height, ys)
	if len(wide) < 50 || len(high) < 50 {
		t.Fatalf("level %d: %d and %d positions", level, len(wide), len(high))
	}
	for i := range 60 {
		compareRegion(t, peer, ours, level, image.Pt(wide[i*len(wide)/60], high[i*37%60*len(high)/60]), image.Pt(300, 260))
	}
}

// From any position OpenSlide's pixels are ours, read less than a pixel away: it
// never interpolates, ours is the nearest pixel.
func TestLeica_AnyPosition_LessThanAPixel(t *testing.T) {
	peer, ours := pair(t, "made/leica.scn")
	most := 0.0
	for level, l := range ours.Levels() {
		step := 499 * 2220 / []float64{2220, 555, 277}[level] // nm per pixel
		theirs := func(at int, nm float64) int {              // the pixel of the level that OpenSlide begins with
			start := int(nm / step)
			p := int(float64(at)/l.Downsample-float64(start)) + start
			most = max(most, math.Abs(float64(p)-float64(at)/l.Downsample))
			return p
		}
		for i := range 20 {
			at := image.Pt(9970+i*101, 40020+i*137) // the region begins at (10020,40080)
			x, y := theirs(at.X, 5e6), theirs(at.Y, 20e6)
			comparePlaced(t, peer, ours, level, at, image.Pt(int(math.Round(float64(x)*l.Downsample)), int(math.Round(float64(y)*l.Downsample))), image.Pt(300, 260))
		}
	}
	if most >= 1 || most < 0.5 {
		t.Errorf("positions differ by up to %v pixels", most)
	}
}

func compareProperties(t *testing.T, peer *Slide, ours tiles.Slide, names ...string) {
	t.Helper()
	for _, p := range names {
		if got, want := ours.Info().Properties[p], peer.Property(p); got != want {
			t.Errorf("%s: %q, OpenSlide %q", p, got, want)
		}
	}
}

// philips is a slide of padded levels, one tile of which is missing; the label
// is in the XML, the macro a directory, or both in the XML.
func philips(t testing.TB, macroInXML bool) string {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, 30, 20)), nil); err != nil {
		t.Fatal(err)
	}
	picture := base64.StdEncoding.EncodeToString(b.Bytes())
	scanned := func(kind string) string {
		return `<DataObject ObjectType="DPScannedImage"><Attribute Name="PIM_DP_IMAGE_TYPE">` + kind + `</Attribute><Attribute Name="PIM_DP_IMAGE_DATA">` + picture + `</Attribute></DataObject>`
	}
	var xml strings.Builder
	xml.WriteString(`<?xml version="1.0" encoding="UTF-8" ?><DataObject ObjectType="DPUfsImport"><Attribute Name="DICOM_MANUFACTURER">PHILIPS</Attribute>` +
		`<Attribute Name="PIM_DP_SCANNED_IMAGES"><Array><DataObject ObjectType="DPScannedImage"><Attribute Name="PIM_DP_IMAGE_TYPE">WSI</Attribute>` +
		`<Attribute Name="DICOM_PIXEL_SPACING">&quot;0.00025&quot; &quot;0.00025&quot;</Attribute><Attribute Name="PIIM_PIXEL_DATA_REPRESENTATION_SEQUENCE"><Array>`)
	for _, s := range []string{"0.000227", "0.000454", "0.000909"} {
		xml.WriteString(`<DataObject ObjectType="PixelDataRepresentation"><Attribute Name="DICOM_PIXEL_SPACING">&quot;` + s + `&quot; &quot;` + s + `&quot;</Attribute></DataObject>`)
	}
	xml.WriteString(`</Array></Attribute></DataObject>` + scanned("LABELIMAGE"))
	if macroInXML {
		xml.WriteString(scanned("MACROIMAGE"))
	}
	xml.WriteString(`</Array></Attribute></DataObject>`)
	// Levels of 6×5, 3×3 and 2×2 tiles.
	f := slidetest.Edit(t, slidetest.RoughPyramid(t, tiffwrite.Options{Width: 384, Height: 320, Step: 2, Layout: tiffwrite.Aperio, Container: tiffwrite.Classic}))
	f.Text(270, xml.String()).Tag(284, 305).Text(305, "Philips DP v1.0")
	f.Element(324, 0).Element(325, 0)
	f.Directory(2).Value(256, 192).Value(257, 192)
	f.Directory(3).Value(256, 128).Value(257, 128)
	if !macroInXML {
		f.Directory(1).Text(270, "Macro -offset=(0,0)-pixelsize=(0.0315,0.0315)-rois=((0,0,0,0))")
	}
	return written(t, "made.tiff", f.Data)
}

func TestPhilips_Generated_EqualsOpenSlide(t *testing.T) {
	for _, macroInXML := range []bool{true, false} {
		peer, ours := compareAll(t, philips(t, macroInXML), 3)
		compareProperties(t, peer, ours, "openslide.mpp-x", "openslide.mpp-y", "philips.DICOM_MANUFACTURER", "philips.PIIM_PIXEL_DATA_REPRESENTATION_SEQUENCE[1].DICOM_PIXEL_SPACING")
		if len(ours.Info().Associated) != 2 {
			t.Errorf("associated %v, warnings %q", ours.Info().Associated, ours.Info().Warnings)
		}
		for _, a := range ours.Info().Associated {
			got, err := ours.AssociatedImage(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			want, err := peer.Associated(a)
			if err != nil {
				t.Fatal(err)
			}
			if d, at := difference(got, want); d != 0 || got.Rect != want.Rect {
				t.Errorf("%s of %v differs by %d at %v from that of %v", a, got.Rect, d, at, want.Rect)
			}
		}
	}
}

// The last column and row are cut.
func TestTrestle_Generated_EqualsOpenSlide(t *testing.T) {
	f := slidetest.Edit(t, slidetest.RoughPyramid(t, tiffwrite.Options{Width: 1003, Height: 777, Step: 2, Smallest: 130, Layout: tiffwrite.Aperio, Container: tiffwrite.Classic, Lossless: true}))
	after := f.Data[f.Directory(1).Next():][:4] // the thumbnail is in strips
	f.Put(f.Directory(0).Next(), after...)
	f.Text(270, "Background Color=e6e6d2;Objective Power=20;OverlapsXY= 4 2 4 2 4 2 4 2").Tag(284, 305).Text(305, "MedScan 1.0")
	peer, ours := compareAll(t, written(t, "made.tif", f.Data), 4)
	compareProperties(t, peer, ours, "openslide.background-color", "openslide.objective-power", "trestle.OverlapsXY")
}
