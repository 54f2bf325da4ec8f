package ometiff

import (
	"encoding/xml"
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"
	"strconv"
	"strings"

	"coverslip/tiles/tiff"
)

// Limits of an OME-XML text; encoding/xml expands no entities of the file's
// own, so a bomb is an error of the parser.
const (
	maxXMLBytes = 16 << 20
	maxXMLDepth = 256
	maxElements = 1 << 17
	maxImages   = 1024
	maxChannels = 4096
)

// document is what this program reads of an OME-XML text, schema 2016-06.
type document struct {
	uuid       string
	binaryOnly string // the companion file that holds the metadata, "" when this text does
	images     []picture
	objectives map[string]float64 // nominal magnification by ID
}

// picture is one Image element with its Pixels.
type picture struct {
	name         string
	objective    string // ID
	sizeX, sizeY int    // pixels
	z, c, t      int    // sizes of the other dimensions; c counts samples
	order        string // of planes, the fastest first: "ZCT"
	pixelType    string
	bits         int     // SignificantBits, 0 when not told
	mppX, mppY   float64 // µm, 0 when not told
	stepZ        float64 // µm, 0 when not told
	channels     []channel
	data         []tiffData
	positions    map[int]float64 // µm of focal planes
}

// channel is one Channel element.
type channel struct {
	name                 string
	samples              int        // 0 when not told
	color                color.RGBA // alpha 0 when not told
	excitation, emission float64    // nm
}

// tiffData says where planes lie.
type tiffData struct {
	ifd     int // first directory; -1 when not told
	z, c, t int // the first plane
	count   int // planes; -1 when not told
	file    string
	uuid    string
}

// parse reads an OME-XML text.
func parse(text string) (*document, error) {
	if len(text) > maxXMLBytes {
		return nil, fmt.Errorf("OME-XML of %d bytes is longer than %d", len(text), maxXMLBytes)
	}
	p := parser{doc: &document{objectives: map[string]float64{}}}
	dec := xml.NewDecoder(strings.NewReader(text))
	depth, n, rooted := 0, 0, false
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("OME-XML: %w", err)
		}
		switch e := tok.(type) {
		case xml.EndElement:
			depth--
			p.inUUID = false
		case xml.CharData:
			if p.inUUID {
				p.image.data[len(p.image.data)-1].uuid += strings.TrimSpace(string(e))
			}
		case xml.StartElement:
			if n++; n > maxElements {
				return nil, fmt.Errorf("OME-XML of more than %d elements", maxElements)
			}
			if depth++; depth > maxXMLDepth {
				return nil, fmt.Errorf("OME-XML nests deeper than %d", maxXMLDepth)
			}
			if depth == 1 {
				rooted = e.Name.Local == "OME"
			}
			if err := p.element(e, depth); err != nil {
				return nil, err
			}
		}
	}
	if !rooted || len(p.doc.images) == 0 && p.doc.binaryOnly == "" {
		return nil, errors.New("OME-XML names no image")
	}
	return p.doc, nil
}

// parser is where in the document we are.
type parser struct {
	doc    *document
	image  *picture // nil before the first
	inUUID bool     // of the last TiffData
}

// element takes what is of use from one element. Depths tell the elements of an
// image from those that annotations repeat.
func (p *parser) element(e xml.StartElement, depth int) error {
	a := make(map[string]string, len(e.Attr))
	for _, at := range e.Attr {
		a[at.Name.Local] = at.Value
	}
	switch name := e.Name.Local; {
	case depth == 1:
		p.doc.uuid = a["UUID"]
	case name == "BinaryOnly" && depth == 2:
		p.doc.binaryOnly = a["MetadataFile"]
	case name == "Objective":
		if v := number(a["NominalMagnification"]); v > 0 && v <= 200 {
			p.doc.objectives[a["ID"]] = v
		}
	case name == "Image" && depth == 2:
		if len(p.doc.images) >= maxImages {
			return fmt.Errorf("OME-XML names more than %d images", maxImages)
		}
		p.doc.images = append(p.doc.images, picture{name: a["Name"]})
		p.image = &p.doc.images[len(p.doc.images)-1]
	case p.image != nil:
		return p.ofImage(name, depth, a)
	}
	return nil
}

// ofImage takes an element inside an image.
func (p *parser) ofImage(name string, depth int, a map[string]string) error {
	m := p.image
	switch {
	case name == "ObjectiveSettings" && depth == 3:
		m.objective = a["ID"]
	case name == "Pixels" && depth == 3:
		m.pixels(a)
	case name == "Channel" && depth == 4:
		if len(m.channels) >= maxChannels {
			return fmt.Errorf("OME-XML names more than %d channels", maxChannels)
		}
		m.channels = append(m.channels, channelOf(a))
	case name == "TiffData" && depth == 4:
		if len(m.data) >= tiff.MaxPlanes {
			return fmt.Errorf("OME-XML lists planes in more than %d pieces", tiff.MaxPlanes)
		}
		m.data = append(m.data, tiffData{ifd: atoi(a["IFD"], -1), z: atoi(a["FirstZ"], 0), c: atoi(a["FirstC"], 0), t: atoi(a["FirstT"], 0), count: atoi(a["PlaneCount"], -1)})
	case name == "UUID" && depth == 5 && len(m.data) > 0:
		m.data[len(m.data)-1].file = a["FileName"]
		p.inUUID = true
	case name == "Plane" && depth == 4:
		m.position(a)
	}
	return nil
}

func (m *picture) pixels(a map[string]string) {
	m.sizeX, m.sizeY = atoi(a["SizeX"], 0), atoi(a["SizeY"], 0)
	m.c, m.z, m.t = atoi(a["SizeC"], 1), atoi(a["SizeZ"], 1), atoi(a["SizeT"], 1)
	m.pixelType, m.bits = a["Type"], atoi(a["SignificantBits"], 0)
	m.mppX = micrometres(a["PhysicalSizeX"], a["PhysicalSizeXUnit"])
	m.mppY = micrometres(a["PhysicalSizeY"], a["PhysicalSizeYUnit"])
	m.stepZ = micrometres(a["PhysicalSizeZ"], a["PhysicalSizeZUnit"])
	if o, ok := strings.CutPrefix(a["DimensionOrder"], "XY"); ok {
		m.order = o
	}
}

// position takes where a focal plane lies: of the first channel and time point,
// and only in a unit of length, for the default one, "reference frame", is none.
func (m *picture) position(a map[string]string) {
	if a["PositionZ"] == "" || a["PositionZUnit"] == "" || a["PositionZUnit"] == "reference frame" || atoi(a["TheC"], 0) != 0 || atoi(a["TheT"], 0) != 0 {
		return
	}
	z := atoi(a["TheZ"], -1)
	if z < 0 || z >= tiff.MaxPlanes {
		return
	}
	if m.positions == nil {
		m.positions = map[int]float64{}
	}
	m.positions[z] = micrometres(a["PositionZ"], a["PositionZUnit"])
}

func channelOf(a map[string]string) channel {
	c := channel{name: strings.TrimSpace(a["Name"]), samples: atoi(a["SamplesPerPixel"], 0)}
	if c.name == "" {
		c.name = strings.TrimSpace(a["Fluor"])
	}
	c.excitation = 1000 * micrometres(a["ExcitationWavelength"], orElse(a["ExcitationWavelengthUnit"], "nm"))
	c.emission = 1000 * micrometres(a["EmissionWavelength"], orElse(a["EmissionWavelengthUnit"], "nm"))
	// A signed 32-bit number, RGBA from its highest byte on; writers put 0 into
	// alpha, and an unsigned number, too.
	if v, err := strconv.ParseInt(strings.TrimSpace(a["Color"]), 10, 64); err == nil && v>>8&0xffffff != 0 {
		c.color = color.RGBA{R: uint8(v >> 24), G: uint8(v >> 16), B: uint8(v >> 8), A: 255}
	}
	return c
}

func orElse(v, other string) string {
	if v == "" {
		return other
	}
	return v
}

// atoi is other for what is no number.
func atoi(s string, other int) int {
	v, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil {
		return other
	}
	return v
}

// number is 0 for what is no finite number.
func number(s string) float64 {
	v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return 0
	}
	return v
}

// micrometres converts a length of OME-XML, whose default unit is µm; 0 for
// units that are no length.
//
// Source: OME schema 2016-06, UnitsLength.
func micrometres(v, unit string) float64 {
	perUnit := map[string]float64{
		"": 1, "µm": 1, "μm": 1, "um": 1, "micron": 1, "microns": 1, "micrometer": 1, // micro sign and Greek mu both occur
		"nm": 1e-3, "pm": 1e-6, "Å": 1e-4, "mm": 1e3, "cm": 1e4, "dm": 1e5, "m": 1e6, "km": 1e9,
		"in": 25400, "inch": 25400, "ft": 304800, "yd": 914400, "pt": 25400.0 / 72, "thou": 25.4, "li": 25400.0 / 12,
	}
	return number(v) * perUnit[strings.TrimSpace(unit)]
}
