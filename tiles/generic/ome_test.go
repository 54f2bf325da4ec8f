package generic

import (
	"strings"
	"testing"
)

const omeText = `<?xml version="1.0" encoding="UTF-8"?>
<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">
 <Instrument ID="Instrument:0"><Objective ID="Objective:0:0" NominalMagnification="40"/></Instrument>
 <Image ID="Image:0" Name="label image"><Pixels SizeX="20" SizeY="10" SizeC="3" SizeZ="1" SizeT="1" Type="uint8"><TiffData IFD="1"/></Pixels></Image>
 <Image ID="Image:1" Name="slide"><ObjectiveSettings ID="Objective:0:0"/>
  <Pixels SizeX="2000" SizeY="1000" SizeC="3" SizeZ="1" SizeT="1" Type="uint8" PhysicalSizeX="250" PhysicalSizeXUnit="nm" PhysicalSizeY="0.25">
   <Channel ID="Channel:1:0" SamplesPerPixel="3"/><TiffData IFD="0" PlaneCount="1"/><TiffData IFD="9"/></Pixels></Image>
</OME>`

func TestParseOME(t *testing.T) {
	f, err := parseOME(omeText)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.images) != 2 || f.objectives["Objective:0:0"] != 40 {
		t.Fatalf("%+v", f)
	}
	m := f.images[1]
	want := omeImage{name: "slide", ifd: 0, sizeX: 2000, sizeY: 1000, c: 3, z: 1, t: 1, samples: 3, pixelType: "uint8", mppX: 0.25, mppY: 0.25, objective: "Objective:0:0"}
	if m != want {
		t.Errorf("got %+v, want %+v", m, want)
	}
	if f.images[0].ifd != 1 {
		t.Errorf("label in directory %d", f.images[0].ifd)
	}
}

func TestParseOME_Refuses(t *testing.T) {
	for name, s := range map[string]string{
		"empty": "", "not XML": "<OME", "another root": "<a><OME/></a>", "no image": "<OME></OME>",
		"deep":   "<OME>" + strings.Repeat("<a>", 300) + strings.Repeat("</a>", 300) + "</OME>",
		"bomb":   `<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><OME>&b;</OME>`,
		"images": "<OME>" + strings.Repeat("<Image/>", 2000) + "</OME>",
		"long":   "<OME>" + strings.Repeat(" ", 17<<20) + "</OME>",
	} {
		if _, err := parseOME(s); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestMicrometres(t *testing.T) {
	for _, c := range []struct {
		v, unit string
		want    float64
	}{{"0.5", "", 0.5}, {"0.5", "µm", 0.5}, {"0.5", "μm", 0.5}, {"500", "nm", 0.5}, {"0.0005", "mm", 0.5}, {"1", "pixel", 0}, {"x", "", 0}} {
		if got := micrometres(c.v, c.unit); got != c.want {
			t.Errorf("%s %s: %v", c.v, c.unit, got)
		}
	}
}

func FuzzParseOME(f *testing.F) {
	f.Add(omeText)
	f.Add(`<OME><Image><Pixels SizeX="-1"/></Image></OME>`)
	f.Fuzz(func(t *testing.T, s string) {
		o, err := parseOME(s)
		if err == nil && (len(o.images) == 0 || len(o.images) > maxImages) {
			t.Fatalf("%d images", len(o.images))
		}
	})
}
