package slidetest

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
)

// FluorescenceChannels are the names of the channels of WriteFluorescence.
var FluorescenceChannels = [...]string{"DAPI", "FITC", "Cy5"}

// WriteFluorescence writes a made-up slide of three channels of 16 bits and z
// focal planes 0.5 µm apart as OME-TIFF: round nuclei in the first channel on a
// grid of 64 pixels, rings around some of them in the others, on a dark ground;
// out of the middle focal plane they are blurred. 1 µm per pixel.
func WriteFluorescence(t testing.TB, path string, w, h, z int) {
	t.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, `<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0" Name="made up"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SignificantBits="14" SizeX="%d" SizeY="%d" SizeZ="%d" SizeC="3" SizeT="1" PhysicalSizeX="1" PhysicalSizeY="1" PhysicalSizeZ="0.5">`, w, h, z)
	for i, name := range FluorescenceChannels {
		fmt.Fprintf(&text, `<Channel ID="Channel:0:%d" Name="%s" SamplesPerPixel="1"/>`, i, name)
	}
	text.WriteString(`<TiffData/></Pixels></Image></OME>`)
	var pages []Page
	for plane := range 3 * z {
		c, blur := plane%3, 1+math.Abs(float64(plane/3-z/2))
		var levels []Page
		for d := 1; d == 1 || max(w, h)/d > 256; d *= 2 {
			levels = append(levels, Page{Width: max(1, w/d), Height: max(1, h/d), Bits: 16, Tile: 128, Deflate: true,
				Sample: func(x, y, _ int) float64 { return light(c, blur, (x*d)+d/2, (y*d)+d/2) }})
		}
		levels[0].Sub = levels[1:]
		if plane == 0 {
			levels[0].Description = text.String()
		}
		pages = append(pages, levels[0])
	}
	if err := os.WriteFile(path, BuildTIFF(t, pages...), 0o600); err != nil {
		t.Fatal(err)
	}
}

// light is a sample of the made-up slide.
func light(c int, blur float64, x, y int) float64 {
	cx, cy := x/64, y/64
	n := uint32(cx*7919+cy*104729) * 2654435761 >> 16 // says what kind of cell
	r := math.Hypot(float64(x%64)-32, float64(y%64)-32)
	edge := func(at float64) float64 { return 1 / (1 + math.Exp((r-at)/blur)) }
	v := 180 + float64(uint32(x*31+y*17)*2654435761>>27)
	switch {
	case n%5 == 0: // no cell
	case c == 0:
		v += 5000 * edge(14)
	case n%3 == uint32(c-1):
		v += 2500 * float64(c) * (edge(22) - edge(15))
	}
	return v
}
