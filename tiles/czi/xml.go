package czi

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"
	"strconv"
	"strings"

	"coverslip/tiles"
)

// metadata is what is used of the XML.
type metadata struct {
	Scaling []struct {
		ID    string `xml:"Id,attr"`
		Value string `xml:"Value"`
	} `xml:"Metadata>Scaling>Items>Distance"`
	Objectives []struct {
		ID            string `xml:"Id,attr"`
		Magnification string `xml:"NominalMagnification"`
	} `xml:"Metadata>Information>Instrument>Objectives>Objective"`
	Used struct {
		ID string `xml:"Id,attr"`
	} `xml:"Metadata>Information>Image>ObjectiveSettings>ObjectiveRef"`
	Channels []channelXML `xml:"Metadata>Information>Image>Dimensions>Channels>Channel"`
	Display  []channelXML `xml:"Metadata>DisplaySetting>Channels>Channel"`
}

// channelXML is a channel, in the description of the image or of its display.
type channelXML struct {
	ID         string `xml:"Id,attr"`
	Name       string `xml:"Name,attr"`
	Color      string `xml:"Color"`
	Excitation string `xml:"ExcitationWavelength"`
	Emission   string `xml:"EmissionWavelength"`
	Low        string `xml:"Low"`
	High       string `xml:"High"`
	Gamma      string `xml:"Gamma"`
	Mode       string `xml:"Mode"`
	Selected   string `xml:"IsSelected"`
}

// readXML reads the metadata; what is wrong with them is told in warnings.
func (o *opening) readXML(p *picture) {
	var m metadata
	data, err := o.file.xml()
	if err == nil && len(data) > 0 {
		if err = xml.Unmarshal(data, &m); err == nil {
			err = o.properties(data)
		}
	}
	if err != nil {
		o.warn("metadata are left out: %v", err)
		return
	}
	o.readOptics(&m)
	for i := range p.stack.Channels {
		c := &p.stack.Channels[i]
		at := int(p.c[i])
		if at < len(m.Channels) {
			x := &m.Channels[at]
			c.Name, c.Color = x.Name, colour(x.Color)
			c.Excitation, c.Emission = wavelength(x.Excitation), wavelength(x.Emission)
		}
		if at < len(m.Display) {
			m.Display[at].show(c)
		}
	}
	if n := len(p.z); n > 1 {
		step := 0.0
		for _, d := range m.Scaling {
			if v, ok := tiles.ParseNumber(d.Value); ok && d.ID == "Z" && v > 0 {
				step = v * 1e6
			}
		}
		o.parts.Info.ZPlanes = make([]float64, n)
		for i := range n {
			o.parts.Info.ZPlanes[i] = float64(p.z[i]-p.z[0]) * step
		}
	}
}

// xml reads the text of the metadata, nil when there is none.
func (f *file) xml() ([]byte, error) {
	if f.xmlAt == 0 {
		return nil, nil
	}
	head, err := f.readSegment(f.xmlAt, idMetadata, 4)
	if err != nil {
		return nil, err
	}
	n, at := int64(int32(le.Uint32(head))), f.xmlAt+segmentHeader+xmlData
	if n < 0 || n > maxXML || at > f.size || n > f.size-at {
		return nil, bad("%d bytes of XML at %d", n, at)
	}
	data := make([]byte, n)
	if _, err := f.r.ReadAt(data, at); err != nil && n > 0 {
		return nil, err
	}
	return bytes.TrimRight(data, "\x00"), nil
}

// readOptics finds resolution and objective.
func (o *opening) readOptics(m *metadata) {
	in := &o.parts.Info
	for _, d := range m.Scaling {
		v, ok := tiles.ParseNumber(d.Value)
		if v = math.Round(v*1e15) / 1e9; !ok || d.ID != "X" && d.ID != "Y" { // metres to µm, without the noise of the multiplication
			continue
		}
		switch {
		case !tiles.SaneMPP(v):
			o.warn("a scale of %g µm a pixel along %s cannot be a slide's", v, d.ID)
		case d.ID == "X":
			in.MPPX = v
		default:
			in.MPPY = v
		}
	}
	if in.MPPX == 0 || in.MPPY == 0 {
		in.MPPX, in.MPPY = 0, 0
	} else {
		in.MPPFrom = "zeiss.Scaling"
	}
	for _, ob := range m.Objectives {
		if v, ok := tiles.ParseNumber(ob.Magnification); ok && v > 0 && v <= 200 && (in.Objective == 0 || ob.ID == m.Used.ID) {
			in.Objective = v
		}
	}
}

// show takes over how a channel is to be shown: its window is in parts of the
// whole range.
func (x *channelXML) show(c *tiles.Channel) {
	low, okLow := tiles.ParseNumber(x.Low)
	high, okHigh := tiles.ParseNumber(x.High)
	if okLow && okHigh && low < high && low >= 0 && high <= 1 && !c.Float && c.Bits <= 16 {
		most := float64(int(1)<<c.Bits - 1)
		c.Low, c.High = low*most, high*most
	}
	if g, ok := tiles.ParseNumber(x.Gamma); ok && g >= 0.05 && g <= 20 && x.Mode != "Spline" {
		c.Gamma = g
	}
	if v := colour(x.Color); v.A != 0 {
		c.Color = v
	}
	if c.Name == "" {
		c.Name = x.Name
	}
	c.Hidden = strings.EqualFold(strings.TrimSpace(x.Selected), "false")
}

// wavelength reads nm; a range "465-500" gives its middle.
func wavelength(s string) float64 {
	if a, b, ok := strings.Cut(strings.TrimSpace(s), "-"); ok {
		low, okLow := tiles.ParseNumber(a)
		high, okHigh := tiles.ParseNumber(b)
		if okLow && okHigh {
			s = strconv.FormatFloat((low+high)/2, 'g', -1, 64)
		}
	}
	if v, ok := tiles.ParseNumber(s); ok && v >= 100 && v <= 3000 {
		return v
	}
	return 0
}

// colour reads #AARRGGBB or #RRGGBB; A is 0 when it is neither.
func colour(s string) color.RGBA {
	s, ok := strings.CutPrefix(strings.TrimSpace(s), "#")
	if !ok || len(s) != 6 && len(s) != 8 {
		return color.RGBA{}
	}
	v, err := strconv.ParseUint(s[len(s)-6:], 16, 32)
	if err != nil {
		return color.RGBA{}
	}
	return color.RGBA{R: byte(v >> 16), G: byte(v >> 8), B: byte(v), A: 255}
}

// Bounds of the properties that are made of the XML.
const (
	maxProperties = 4096
	maxProperty   = 1024 // bytes of a value
	maxDepth      = 64
)

// properties writes the leaves of the XML as properties: "zeiss.Information.
// Image.SizeX". Of several of one name the first counts, but for those with an
// Id, which is written behind the name.
func (o *opening) properties(data []byte) error {
	d := xml.NewDecoder(bytes.NewReader(data))
	var path []string
	text := ""
	leaf := false
	for len(o.parts.Info.Properties) < maxProperties {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch e := t.(type) {
		case xml.StartElement:
			part := e.Name.Local
			for _, a := range e.Attr {
				if a.Name.Local == "Id" && len(a.Value) < 64 {
					part += "[" + a.Value + "]"
				}
			}
			if path = append(path, part); len(path) > maxDepth {
				return fmt.Errorf("XML nested more than %d deep", maxDepth)
			}
			text, leaf = "", true
		case xml.CharData:
			if leaf && len(text)+len(e) <= maxProperty {
				text += string(e)
			}
		case xml.EndElement:
			if v := strings.TrimSpace(text); leaf && v != "" && len(path) > 2 {
				key := "zeiss." + strings.Join(path[2:], ".")
				if _, has := o.parts.Info.Properties[key]; !has {
					o.parts.Info.Properties[key] = v
				}
			}
			path, leaf = path[:max(0, len(path)-1)], false
		}
	}
	return nil
}

// addScenes writes the scenes as OpenSlide calls them: regions.
func (o *opening) addScenes(p *picture) {
	props := o.parts.Info.Properties
	n := 0
	for _, s := range sortedKeys(p.scenes) {
		r := p.scenes[s].Sub(p.canvas.Min)
		for key, v := range map[string]int{"x": r.Min.X, "y": r.Min.Y, "width": r.Dx(), "height": r.Dy()} {
			props[fmt.Sprintf("openslide.region[%d].%s", n, key)] = strconv.Itoa(v)
		}
		n++
	}
	props["zeiss.scenes"] = strconv.Itoa(n)
	for i, c := range p.pixel {
		props[fmt.Sprintf("zeiss.pixel-type[%d]", i)] = pixelName(c)
	}
}
