package leica

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of the XML; encoding/xml expands no entities of the file's own, so a
// bomb is an error of the parser.
const (
	maxXMLBytes   = 16 << 20
	maxXMLDepth   = 256
	maxElements   = 1 << 16
	maxScans      = 1024
	maxDimensions = 1 << 12 // of an image; real ones have ten a channel and focal plane
	maxValue      = 4 << 10 // bytes of a text
)

// collection is the glass.
type collection struct {
	width, height int64 // nm
	barcode       string
	scans         []scan
}

// scan is an Image element: a picture of a part of the glass.
type scan struct {
	name                    string
	x, y, width, height     int64                 // nm, on the glass
	dimensions              []dimension           // of the first channel and focal plane
	others                  []dimension           // of the others
	planes                  map[plane][]dimension // others by their plane, filled in when the slide is made
	channels                []channel             // what is said of them, in their order
	focalStep               int64                 // nm between focal planes, 0 when unknown
	created, model, version string
	objective, aperture     string
	illumination            string
}

// dimension is one resolution of a plane of a scan.
type dimension struct {
	width, height  int // pixels
	ifd            int // directory
	channel, focal int // numbers of the channel and the focal plane
}

// plane names a plane of a scan.
type plane struct{ channel, focal int }

// channel is what the file says of a channel.
type channel struct {
	name   string
	colour color.RGBA // alpha 0 when it does not say
}

// step is the nm per pixel of a resolution. The width counts for both axes.
func (m *scan) step(i int) float64 { return float64(m.width) / float64(m.dimensions[i].width) }

// like says whether two scans can be levels of one pyramid.
func (m *scan) like(o *scan) bool {
	if m.objective != o.objective || len(m.dimensions) != len(o.dimensions) {
		return false
	}
	for i := range m.dimensions {
		if math.Abs(m.step(i)-o.step(i)) > 0.02*o.step(i) { // OpenSlide's tolerance
			return false
		}
	}
	return true
}

// parseXML reads the description, of the first collection.
func parseXML(text string) (*collection, error) {
	if len(text) > maxXMLBytes {
		return nil, fmt.Errorf("XML of %d bytes is longer than %d", len(text), maxXMLBytes)
	}
	p := &parser{}
	dec := xml.NewDecoder(strings.NewReader(text))
	n := 0
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("XML: %w", err)
		}
		switch e := tok.(type) {
		case xml.EndElement:
			p.end()
		case xml.CharData:
			if len(p.text)+len(e) <= maxValue {
				p.text = append(p.text, e...)
			}
		case xml.StartElement:
			if n++; n > maxElements {
				return nil, fmt.Errorf("XML of more than %d elements", maxElements)
			}
			if err := p.start(e); err != nil {
				return nil, err
			}
		}
	}
	if p.glass == nil || p.glass.width < 1 || p.glass.height < 1 {
		return nil, errors.New("XML without a collection that has a size")
	}
	p.glass.barcode = barcode(p.glass.barcode)
	return p.glass, nil
}

// parser is the state between two elements.
type parser struct {
	glass *collection
	path  []string // names of the open elements
	text  []byte   // of the innermost
}

func (p *parser) start(e xml.StartElement) error {
	if len(p.path) >= maxXMLDepth {
		return fmt.Errorf("XML nests deeper than %d", maxXMLDepth)
	}
	p.path, p.text = append(p.path, e.Name.Local), p.text[:0]
	a := map[string]string{}
	for _, at := range e.Attr {
		a[at.Name.Local] = at.Value
	}
	switch {
	case len(p.path) == 2 && e.Name.Local == "collection":
		if p.glass != nil {
			return errors.New("XML of more than one collection")
		}
		p.glass = &collection{width: number(a["sizeX"]), height: number(a["sizeY"])}
	case p.glass == nil || len(p.path) < 3:
	case len(p.path) == 3 && e.Name.Local == "image":
		if len(p.glass.scans) >= maxScans {
			return fmt.Errorf("XML of more than %d images", maxScans)
		}
		p.glass.scans = append(p.glass.scans, scan{name: a["name"]})
	case len(p.glass.scans) > 0 && p.path[2] == "image":
		return p.glass.scans[len(p.glass.scans)-1].element(strings.Join(p.path[3:], "/"), a)
	}
	return nil
}

// element takes what is of use from an element below an image.
func (m *scan) element(path string, a map[string]string) error {
	switch path {
	case "view":
		m.x, m.y, m.width, m.height = number(a["offsetX"]), number(a["offsetY"]), number(a["sizeX"]), number(a["sizeY"])
		m.focalStep = max(0, number(a["spacingZ"]))
	case "scanSettings/channelSettings/channel":
		if len(m.channels) < maxChannels {
			m.channels = append(m.channels, channel{a["name"], hex(a["rgb"])})
		}
	case "device":
		m.model, m.version = a["model"], a["version"]
	case "pixels/dimension":
		if len(m.dimensions)+len(m.others) >= maxDimensions {
			return fmt.Errorf("image %.40q of more than %d resolutions", m.name, maxDimensions)
		}
		w, h, ifd := number(a["sizeX"]), number(a["sizeY"]), number(a["ifd"])
		if max(w, h, ifd) > math.MaxInt32 {
			return fmt.Errorf("image %.40q of %d×%d pixels in directory %d", m.name, w, h, ifd)
		}
		c, z := index(a["c"]), index(a["z"])
		if c < 0 || z < 0 {
			return fmt.Errorf("image %.40q: channel %.20q, focal plane %.20q", m.name, a["c"], a["z"])
		}
		d := dimension{int(w), int(h), int(ifd), c, z}
		if c > 0 || z > 0 {
			m.others = append(m.others, d)
		} else {
			m.dimensions = append(m.dimensions, d)
		}
	}
	return nil
}

// end takes the text of the element that ends.
func (p *parser) end() {
	path, text := p.path, strings.TrimSpace(string(p.text))
	p.path, p.text = path[:len(path)-1], p.text[:0]
	if p.glass == nil || len(path) < 3 || text == "" {
		return
	}
	if len(path) == 3 && path[2] == "barcode" {
		p.glass.barcode = text
	}
	if path[2] != "image" || len(p.glass.scans) == 0 {
		return
	}
	m := &p.glass.scans[len(p.glass.scans)-1]
	switch strings.Join(path[3:], "/") {
	case "creationDate":
		m.created = text
	case "scanSettings/objectiveSettings/objective":
		m.objective = text
	case "scanSettings/illuminationSettings/numericalAperture":
		m.aperture = text
	case "scanSettings/illuminationSettings/illuminationSource":
		m.illumination = text
	}
}

// number is -1 for what is no whole number of at most 15 digits: the checks of
// sizes refuse it.
func number(s string) int64 {
	s = strings.TrimSpace(s)
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil || len(s) > 15 {
		return -1
	}
	return v
}

// index is the number of a channel or a focal plane, 0 when it is not told, -1
// for what is none.
func index(s string) int {
	if s == "" {
		return 0
	}
	v := number(s)
	if v < 0 || v > math.MaxInt16 {
		return -1
	}
	return int(v)
}

// hex is a colour written as "#rrggbb", of alpha 0 when it is none.
func hex(s string) color.RGBA {
	v, err := strconv.ParseUint(strings.TrimPrefix(s, "#"), 16, 24)
	if err != nil || len(s) != 7 {
		return color.RGBA{}
	}
	return color.RGBA{R: byte(v >> 16), G: byte(v >> 8), B: byte(v), A: 255}
}

// barcode is in base64 in one version of the XML and plain in the other.
func barcode(s string) string {
	if b, err := base64.StdEncoding.DecodeString(s); err == nil && utf8.Valid(b) {
		return string(b)
	}
	return s
}
