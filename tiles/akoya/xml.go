package akoya

import (
	"encoding/xml"
	"errors"
	"fmt"
	"image/color"
	"io"
	"strconv"
	"strings"
)

// Limits of the XML of a directory; encoding/xml expands no entities of the
// file's own.
const (
	maxXMLBytes = 16 << 20
	maxXMLDepth = 256
	maxElements = 1 << 16
	maxField    = 1 << 12 // bytes of a value that is kept
)

// root is the element by which a description is known.
const root = "PerkinElmer-QPI-ImageDescription"

// Values of ImageType.
const (
	typeFull      = "FullResolution"
	typeReduced   = "ReducedResolution"
	typeThumbnail = "Thumbnail"
	typeOverview  = "Overview"
	typeLabel     = "Label"
)

// description is what a directory says of itself: the texts of the elements
// directly below the root, without those that hold others (ScanProfile).
type description map[string]string

// parse reads the XML of one directory.
func parse(text string) (description, error) {
	if len(text) > maxXMLBytes {
		return nil, fmt.Errorf("XML of %d bytes is longer than %d", len(text), maxXMLBytes)
	}
	d := description{}
	dec := xml.NewDecoder(strings.NewReader(text))
	// The text claims to be UTF-16, which a TIFF text cannot be.
	dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	var path []string
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
		case xml.StartElement:
			if n++; n > maxElements {
				return nil, fmt.Errorf("XML of more than %d elements", maxElements)
			}
			if path = append(path, e.Name.Local); len(path) > maxXMLDepth {
				return nil, fmt.Errorf("XML nests deeper than %d", maxXMLDepth)
			}
			if len(path) == 1 && path[0] != root {
				return nil, fmt.Errorf("XML of a %q", path[0])
			}
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			if s := strings.TrimSpace(string(e)); len(path) == 2 && s != "" && len(d[path[1]])+len(s) <= maxField {
				d[path[1]] += s
			}
		}
	}
	if len(d) == 0 {
		return nil, errors.New("XML says nothing")
	}
	return d, nil
}

// channelName is what people call the channel: what was stained, and with what.
func (d description) channelName() string {
	name, marker := d["Name"], d["Biomarker"]
	switch {
	case marker == "" || strings.EqualFold(marker, name):
		return name
	case name == "":
		return marker
	}
	return marker + " (" + name + ")"
}

// color is the channel's colour, of alpha 0 when the file gives none.
func (d description) color() color.RGBA {
	var v [3]uint8
	parts := strings.Split(d["Color"], ",")
	if len(parts) != 3 {
		return color.RGBA{}
	}
	for i, p := range parts {
		n, err := strconv.ParseUint(strings.TrimSpace(p), 10, 8)
		if err != nil {
			return color.RGBA{}
		}
		v[i] = uint8(n)
	}
	if v == [3]uint8{} { // black on black
		return color.RGBA{}
	}
	return color.RGBA{R: v[0], G: v[1], B: v[2], A: 255}
}

// objective is the magnification of the objective, "20x"; 0 when unknown.
func (d description) objective() float64 {
	s := strings.ToLower(strings.TrimSpace(d["Objective"]))
	s, _, _ = strings.Cut(s, "x")
	v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || !(v > 0 && v <= 200) {
		return 0
	}
	return v
}
