package philips

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"image"
	"image/jpeg"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/slidetest"
	"coverslip/tiles/tiffwrite"
)

var pure = codec.New(codec.Options{NoNative: true})

// xmlOf is a description; label is the text of the label's data.
func xmlOf(label string, spacings ...string) string {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8" ?><DataObject ObjectType="DPUfsImport"><Attribute Name="DICOM_MANUFACTURER">PHILIPS</Attribute>` +
		`<Attribute Name="PIM_DP_SCANNED_IMAGES"><Array><DataObject ObjectType="DPScannedImage"><Attribute Name="PIM_DP_IMAGE_TYPE">WSI</Attribute>` +
		`<Attribute Name="DICOM_PIXEL_SPACING">&quot;0.00025&quot; &quot;0.00025&quot;</Attribute><Attribute Name="PIIM_PIXEL_DATA_REPRESENTATION_SEQUENCE"><Array>`)
	for _, s := range spacings {
		b.WriteString(`<DataObject ObjectType="PixelDataRepresentation"><Attribute Name="DICOM_PIXEL_SPACING">` + s + `</Attribute></DataObject>`)
	}
	b.WriteString(`</Array></Attribute></DataObject><DataObject ObjectType="DPScannedImage"><Attribute Name="PIM_DP_IMAGE_TYPE">LABELIMAGE</Attribute>` +
		`<Attribute Name="PIM_DP_IMAGE_DATA">` + label + `</Attribute></DataObject></Array></Attribute></DataObject>`)
	return b.String()
}

func label(t testing.TB) string {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, 30, 20)), nil); err != nil {
		t.Fatal(err)
	}
	s := base64.StdEncoding.EncodeToString(b.Bytes())
	return s[:76] + "\n" + s[76:]
}

// Spacings of the made slide's levels, mm.
var three = []string{`"0.00025" "0.00025"`, `"0.0005" "0.0005"`, `"0.0010003" "0.0010003"`}

// made is a slide of three levels whose sizes are rounded up to whole tiles, as
// Philips does; the true sizes of the lower ones are half and a quarter of level 0's.
func made(t testing.TB, xml string) *slidetest.TIFF {
	f := slidetest.Edit(t, slidetest.Good(t, tiffwrite.Aperio, false))
	f.Value(256, 256).Value(257, 192).Text(270, xml).Tag(284, 305).Text(305, "Philips DP v1.0")
	f.Directory(2).Value(256, 128).Value(257, 128)
	f.Directory(3).Value(256, 64).Value(257, 64)
	return f.Directory(0)
}

func openMade(t testing.TB, data []byte) (tiles.Slide, error) {
	t.Helper()
	f := Format(pure)
	src := tiles.NewSource("made.tiff", bytes.NewReader(data), int64(len(data)))
	if err := f.Detect(src); err != nil {
		return nil, err
	}
	return f.Open(context.Background(), src)
}

func TestConformance(t *testing.T) {
	data := made(t, xmlOf(label(t), three...)).Element(324, 0).Data // sparse
	slidetest.Run(t, func(t testing.TB) tiles.Slide {
		s, err := openMade(t, data)
		if err != nil {
			t.Fatal(err)
		}
		in := s.Info()
		if l := s.Levels(); len(l) != 3 || l[2].Downsample != 4 || l[2].Height != 48 || l[1].Downsample != 2 || l[1].Width != 128 || l[1].Height != 96 {
			t.Errorf("levels %+v", l)
		}
		if in.MPPX != 0.25 || in.MPPFrom != "philips.DICOM_PIXEL_SPACING" || in.Properties["philips.DICOM_MANUFACTURER"] != "PHILIPS" {
			t.Errorf("MPP %v from %s, %v", in.MPPX, in.MPPFrom, in.Properties)
		}
		if len(in.Associated) != 1 || in.Associated[0] != "label" {
			t.Errorf("associated %v", in.Associated)
		}
		if err := s.ReadTile(context.Background(), tiles.Key{}, image.NewRGBA(image.Rect(0, 0, 64, 64))); !errors.Is(err, tiles.ErrMissing) {
			t.Errorf("a tile of offset 0: %v", err)
		}
		return s
	})
}

func TestBroken(t *testing.T) {
	for _, c := range []struct{ name, xml, open, warned string }{
		{"cut XML", xmlOf("")[:300], "XML", ""},
		{"deep XML", `<DataObject ObjectType="DPUfsImport">` + strings.Repeat("<a>", 300), "deeper", ""},
		{"bomb", `<!DOCTYPE l [<!ENTITY a "aaaa">]><DataObject ObjectType="DPUfsImport">&a;</DataObject>`, "entity", ""},
		{"another root", `<a>DPUfsImport</a>`, "root", ""},
		{"no slide image", strings.Replace(xmlOf(""), "WSI", "MSI", 1), "type WSI", ""},
		{"label is no base64", xmlOf("%%%", three...), "", "label left out"},
		{"label is empty", xmlOf("", three...), "", "label left out"},
		{"spacing of one level", xmlOf(label(t), three[0]), "", "1 levels where the file has 3"},
		{"spacing is no number", xmlOf(label(t), three[0], three[1], "x y"), "", "0 levels"},
		{"spacing shrinks", xmlOf(label(t), three[1], three[0], three[2]), "", "left out"},
		{"spacing of the slide absurd", strings.Replace(xmlOf(label(t), three...), "0.00025", "25", 1), "", "ignored"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := openMade(t, made(t, c.xml).Data)
			if c.open != "" {
				var f *tiles.FormatError
				if !errors.As(err, &f) || !strings.Contains(err.Error(), c.open) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(s.Info().Warnings, "\n"); !strings.Contains(got, c.warned) {
				t.Errorf("warnings %q", got)
			}
		})
	}
}

// A label that is no JPEG is an error when it is asked for.
func TestAssociated_Garbage(t *testing.T) {
	s, err := openMade(t, made(t, xmlOf(base64.StdEncoding.EncodeToString([]byte("no picture")), three...)).Data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.AssociatedImage(context.Background(), "label"); err == nil || !strings.Contains(err.Error(), "JPEG") {
		t.Errorf("got %v", err)
	}
}

func TestDetect_Refuses(t *testing.T) {
	data := slidetest.Good(t, tiffwrite.Aperio, false)
	if _, err := openMade(t, data); err == nil || !strings.Contains(err.Error(), "Philips") {
		t.Errorf("got %v", err)
	}
}

func FuzzParseXML(f *testing.F) {
	f.Add(xmlOf("AAAA", three...))
	f.Add(`<DataObject ObjectType="DPUfsImport"><Attribute Name="a"><Array><Attribute Name="b"/></Array>x<!-- -->y</Attribute></DataObject>`)
	f.Add(`<!DOCTYPE l [<!ENTITY a "aaaa">]><DataObject ObjectType="DPUfsImport">&a;</DataObject>`)
	f.Add(`<DataObject ObjectType="DPUfsImport">` + strings.Repeat("<a>", 300))
	f.Add(xmlOf("%%%", three[1], three[0], "x y"))
	f.Add(xmlOf("")[:300])
	f.Fuzz(func(t *testing.T, s string) {
		o, err := parseXML(s)
		if err != nil {
			return
		}
		props := map[string]string{}
		o.properties(props)
		for k := range props {
			if !strings.HasPrefix(k, rootPrefix) {
				t.Fatalf("property %q", k)
			}
		}
		if im := o.image("WSI"); im != nil {
			for _, sp := range im.spacings() {
				if sp.x <= 0 || sp.y <= 0 {
					t.Fatalf("spacing %v", sp)
				}
			}
		}
	})
}
