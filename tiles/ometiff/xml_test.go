package ometiff

import (
	"image/color"
	"math"
	"reflect"
	"strings"
	"testing"
)

const someText = `<?xml version="1.0" encoding="UTF-8"?>
<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:1">
 <Instrument ID="Instrument:0"><Objective ID="Objective:0:0" NominalMagnification="40"/></Instrument>
 <Image ID="Image:0" Name="label image"><Pixels SizeX="20" SizeY="10" SizeC="3" SizeZ="1" SizeT="1" Type="uint8"><TiffData IFD="1"/></Pixels></Image>
 <Image ID="Image:1" Name="slide"><ObjectiveSettings ID="Objective:0:0"/>
  <Pixels DimensionOrder="XYZCT" SizeX="2000" SizeY="1000" SizeC="2" SizeZ="3" SizeT="1" Type="uint16" SignificantBits="12" PhysicalSizeX="250" PhysicalSizeXUnit="nm" PhysicalSizeY="0.25" PhysicalSizeZ="1" PhysicalSizeZUnit="thou">
   <Channel ID="Channel:1:0" Name="DAPI" Color="65535" ExcitationWavelength="358" EmissionWavelength="0.461" EmissionWavelengthUnit="µm"/>
   <Channel ID="Channel:1:1" Fluor="FITC" Color="-16776961"/>
   <TiffData IFD="0" PlaneCount="3"/><TiffData IFD="9" FirstC="1"><UUID FileName="b.ome.tif">urn:uuid:2</UUID></TiffData>
   <Plane TheC="0" TheZ="0" TheT="0" PositionZ="-1" PositionZUnit="mm"/><Plane TheC="0" TheZ="1" TheT="0" PositionZ="2"/>
  </Pixels></Image>
 <StructuredAnnotations><Channel Name="not one"/><Image Name="nor this"/></StructuredAnnotations>
</OME>`

func TestParse(t *testing.T) {
	d, err := parse(someText)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.images) != 2 || d.objectives["Objective:0:0"] != 40 || d.uuid != "urn:uuid:1" {
		t.Fatalf("%+v", d)
	}
	want := picture{name: "slide", objective: "Objective:0:0", sizeX: 2000, sizeY: 1000, z: 3, c: 2, t: 1, order: "ZCT", pixelType: "uint16", bits: 12,
		mppX: 0.25, mppY: 0.25, stepZ: 25.4,
		channels: []channel{{name: "DAPI", color: color.RGBA{B: 255, A: 255}, excitation: 358, emission: 461},
			{name: "FITC", color: color.RGBA{R: 255, A: 255}}}, // 65535 and -16776961 are blue and red, opaque
		data: []tiffData{{ifd: 0, count: 3}, {ifd: 9, c: 1, count: -1, file: "b.ome.tif", uuid: "urn:uuid:2"}}, positions: map[int]float64{0: -1000}}
	got := d.images[1]
	got.channels[0].emission = math.Round(got.channels[0].emission*1e6) / 1e6
	want.channels[0].color, want.channels[1].color = colourOf(65535), colourOf(-16776961)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if d.images[0].data[0].ifd != 1 || d.images[0].kind() != "label" {
		t.Errorf("label %+v", d.images[0])
	}
}

// colourOf takes the number apart by arithmetic: red in the highest byte.
func colourOf(v int64) color.RGBA {
	u := uint64(v+1<<32) % (1 << 32)
	return color.RGBA{R: uint8(u / (1 << 24)), G: uint8(u / (1 << 16) % 256), B: uint8(u / 256 % 256), A: 255}
}

func TestParse_Refuses(t *testing.T) {
	for name, s := range map[string]string{
		"empty": "", "not XML": "<OME", "another root": "<a><OME/></a>", "no image": "<OME></OME>",
		"deep":     "<OME>" + strings.Repeat("<a>", 300) + strings.Repeat("</a>", 300) + "</OME>",
		"bomb":     `<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><OME>&b;</OME>`,
		"images":   "<OME>" + strings.Repeat("<Image/>", 2000) + "</OME>",
		"channels": "<OME><Image><Pixels>" + strings.Repeat("<Channel/>", 5000) + "</Pixels></Image></OME>",
		"planes":   "<OME><Image><Pixels>" + strings.Repeat("<TiffData/>", 70000) + "</Pixels></Image></OME>",
		"long":     "<OME>" + strings.Repeat(" ", 17<<20) + "</OME>",
	} {
		if _, err := parse(s); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestMicrometres(t *testing.T) {
	for _, c := range []struct {
		v, unit string
		want    float64
	}{{"0.5", "", 0.5}, {"0.5", "µm", 0.5}, {"0.5", "μm", 0.5}, {"500", "nm", 0.5}, {"0.0005", "mm", 0.5}, {"0.01", "inch", 254}, {"0.01", "in", 254}, {"2", "cm", 20000},
		{"1", "pixel", 0}, {"x", "", 0}, {"NaN", "", 0}, {"1e999", "", 0}} {
		if got := micrometres(c.v, c.unit); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s %s: %v", c.v, c.unit, got)
		}
	}
}

func TestMapPlanes(t *testing.T) {
	image := func(order string, data ...tiffData) *picture {
		return &picture{z: 2, c: 6, t: 2, order: order, data: data}
	}
	type want map[[3]int]place // of (c, z, t)
	for name, c := range map[string]struct {
		m    *picture
		want want
	}{
		"nothing told":   {image("CZT"), want{{0, 0, 0}: {0, 0}, {1, 0, 0}: {0, 1}, {0, 1, 0}: {0, 2}, {1, 1, 1}: {0, 7}}},
		"z first":        {image("ZCT", tiffData{ifd: -1, count: -1}), want{{1, 0, 0}: {0, 2}, {0, 1, 0}: {0, 1}, {0, 0, 1}: {0, 4}}},
		"time first":     {image("TZC", tiffData{ifd: 10, count: 99}), want{{0, 0, 1}: {0, 11}, {0, 1, 0}: {0, 12}, {1, 0, 0}: {0, 14}}},
		"one":            {image("CZT", tiffData{ifd: 3, c: 1, z: 1, t: 1, count: -1}), want{{1, 1, 1}: {0, 3}, {0, 0, 0}: {0, -1}}},
		"other file":     {image("CZT", tiffData{ifd: 0, c: 0, count: -1, file: "me"}, tiffData{ifd: -1, c: 1, count: 1, file: "you"}), want{{0, 0, 0}: {0, 0}, {1, 0, 0}: {1, 0}, {0, 1, 0}: {0, -1}}},
		"itself renamed": {image("CZT", tiffData{ifd: 2, count: 1, file: "old", uuid: "u"}), want{{0, 0, 0}: {0, 2}}},
		"c of samples":   {image("CZT", tiffData{ifd: 2, c: 3, count: 1}), want{{1, 0, 0}: {0, 2}}},
		"all of another": {image("CZT", tiffData{ifd: -1, count: -1, file: "you"}), want{{0, 0, 0}: {1, 0}, {1, 1, 1}: {1, 7}}},
		"none":           {image("CZT", tiffData{ifd: 2, count: 0}), want{{0, 0, 0}: {0, -1}}},
	} {
		p, err := c.m.mapPlanes(2, 3, "me", "u", 8)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for at, w := range c.want {
			if got := p.at(at[0], at[1], at[2]); got.ifd != w.ifd || w.ifd >= 0 && got.file != w.file {
				t.Errorf("%s: plane %v at %+v, want %+v", name, at, got, w)
			}
		}
	}
	for _, d := range []tiffData{{z: 2}, {z: -1}, {c: 6}, {t: 2}, {c: -1}} {
		if _, err := image("CZT", d).mapPlanes(2, 3, "me", "u", 8); err == nil {
			t.Errorf("%+v: no error", d)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(someText)
	f.Add(`<OME><Image><Pixels SizeX="-1"/></Image></OME>`)
	f.Add(`<OME><BinaryOnly MetadataFile="../x" UUID="u"/></OME>`)
	f.Add(`<OME><Image><Pixels SizeC="3" SizeZ="99999999999" DimensionOrder="XYZZZ"><TiffData IFD="-5" FirstZ="7" PlaneCount="-9"><UUID>x</UUID></TiffData></Pixels></Image></OME>`)
	f.Fuzz(func(t *testing.T, s string) {
		d, err := parse(s)
		if err != nil {
			return
		}
		if len(d.images) > maxImages || len(d.images) == 0 && d.binaryOnly == "" {
			t.Fatalf("%d images", len(d.images))
		}
		for i := range d.images {
			m := &d.images[i]
			if m.check() != nil {
				continue
			}
			if p, err := m.mapPlanes(m.c, 1, "me", "u", 7); err == nil {
				p.at(m.c-1, m.z-1, m.t-1)
			}
		}
	})
}
