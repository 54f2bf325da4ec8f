package deid

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"coverslip/tiles"
)

// omePixels is what a clean description says of the slide.
type omePixels struct {
	attrs    map[string]string   // of Pixels
	channels []map[string]string // of each Channel
	data     []map[string]string // of each TiffData
	first    int                 // directory of the first plane
	planes   int                 // directories
}

// Attributes that are numbers or words of the schema.
const (
	omePixelAttrs   = " DimensionOrder Type SignificantBits BigEndian Interleaved SizeX SizeY SizeZ SizeC SizeT PhysicalSizeX PhysicalSizeY PhysicalSizeZ PhysicalSizeXUnit PhysicalSizeYUnit PhysicalSizeZUnit "
	omeChannelAttrs = " SamplesPerPixel Color ExcitationWavelength EmissionWavelength ExcitationWavelengthUnit EmissionWavelengthUnit "
	omeDataAttrs    = " FirstC FirstZ FirstT IFD PlaneCount "
)

// omeWord is a number, or a word of the schema's lists: an order of dimensions, a
// type of sample, a unit, true or false.
var omeWord = regexp.MustCompile(`^(-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?|XY[ZCT]{3}|u?int(8|16|32)|float|double|bit|true|false|[nµm]?m|pixel)$`)

// parseOME reads the first image of an OME-XML.
func parseOME(text string) (*omePixels, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	p := &omePixels{}
	images, keep := 0, func(e xml.StartElement, list string) map[string]string {
		m := map[string]string{}
		for _, a := range e.Attr {
			if strings.Contains(list, " "+a.Name.Local+" ") && omeWord.MatchString(a.Value) {
				m[a.Name.Local] = a.Value
			}
		}
		return m
	}
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, broken("OME-XML: %v", err)
		}
		e, ok := t.(xml.StartElement)
		if !ok {
			continue
		}
		switch e.Name.Local {
		case "Image":
			images++
		case "Pixels":
			if images == 1 {
				p.attrs = keep(e, omePixelAttrs)
			}
		case "Channel":
			if images == 1 {
				p.channels = append(p.channels, keep(e, omeChannelAttrs))
			}
		case "TiffData":
			if images == 1 {
				p.data = append(p.data, keep(e, omeDataAttrs))
			}
		case "UUID":
			for _, a := range e.Attr {
				if a.Name.Local == "FileName" && images > 1 {
					return nil, &tiles.UnsupportedError{Format: "deid", What: "an OME-TIFF of several files"}
				}
			}
		}
	}
	if p.attrs == nil {
		return nil, broken("OME-XML: no image")
	}
	return p, p.count()
}

// count finds out which directories the planes are.
func (p *omePixels) count() error {
	size := func(name string) int {
		n, err := strconv.Atoi(p.attrs[name])
		if err != nil || n < 1 || n > 1<<20 {
			return 1
		}
		return n
	}
	samples := 1
	if len(p.channels) == 1 {
		if n, err := strconv.Atoi(p.channels[0]["SamplesPerPixel"]); err == nil {
			samples = max(1, n)
		}
	}
	p.planes = size("SizeZ") * size("SizeT") * max(1, size("SizeC")/samples)
	p.first = -1
	for _, d := range p.data {
		if n, err := strconv.Atoi(d["IFD"]); err == nil && (p.first < 0 || n < p.first) {
			p.first = n
		}
	}
	p.first = max(p.first, 0)
	return nil
}

// write is the clean description.
func (p *omePixels) write(info tiles.Info) string {
	const ns = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
	var b strings.Builder
	attrs := func(m map[string]string, list string) {
		for _, name := range strings.Fields(list) {
			if v, ok := m[name]; ok {
				fmt.Fprintf(&b, ` %s="%s"`, name, v)
			}
		}
	}
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?><OME xmlns="%s" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="%s %s/ome.xsd" Creator="Coverslip">`, ns, ns, ns)
	if info.Objective > 0 {
		fmt.Fprintf(&b, `<Instrument ID="Instrument:0"><Objective ID="Objective:0:0" NominalMagnification="%g"/></Instrument>`, info.Objective)
	}
	b.WriteString(`<Image ID="Image:0">`)
	if info.Objective > 0 {
		b.WriteString(`<InstrumentRef ID="Instrument:0"/><ObjectiveSettings ID="Objective:0:0"/>`)
	}
	b.WriteString(`<Pixels ID="Pixels:0"`)
	attrs(p.attrs, omePixelAttrs)
	b.WriteString(">")
	for i, c := range p.channels {
		fmt.Fprintf(&b, `<Channel ID="Channel:0:%d"`, i)
		attrs(c, omeChannelAttrs)
		b.WriteString("/>")
	}
	for _, d := range p.data {
		if n, err := strconv.Atoi(d["IFD"]); err == nil {
			d["IFD"] = strconv.Itoa(n - p.first)
		}
		b.WriteString("<TiffData")
		attrs(d, omeDataAttrs)
		b.WriteString("/>")
	}
	b.WriteString("</Pixels></Image></OME>")
	return b.String()
}
