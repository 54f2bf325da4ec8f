package generic

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Limits of an OME-XML text; encoding/xml expands no entities of the file's
// own, so a bomb is an error of the parser.
const (
	maxXMLBytes = 16 << 20
	maxXMLDepth = 256
	maxImages   = 1024
)

// omeImage is one Image element of OME-XML with its Pixels, schema 2016-06.
type omeImage struct {
	name         string
	ifd          int // directory of its first plane
	sizeX, sizeY int // pixels
	c, z, t      int // sizes of the other dimensions
	samples      int // samples per pixel of the first channel, 0 when not told
	pixelType    string
	mppX, mppY   float64 // µm, 0 when not told
	file         string  // file of the first plane when it is another one
	objective    string  // ID of the objective
}

// omeFile is what this program reads of an OME-XML text.
type omeFile struct {
	images     []omeImage
	objectives map[string]float64 // nominal magnification by ID
}

// parseOME reads an OME-XML text.
func parseOME(text string) (*omeFile, error) {
	if len(text) > maxXMLBytes {
		return nil, fmt.Errorf("OME-XML of %d bytes is longer than %d", len(text), maxXMLBytes)
	}
	f := &omeFile{objectives: map[string]float64{}}
	dec := xml.NewDecoder(strings.NewReader(text))
	depth, rooted := 0, false
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
		case xml.StartElement:
			if depth++; depth > maxXMLDepth {
				return nil, fmt.Errorf("OME-XML nests deeper than %d", maxXMLDepth)
			}
			if depth == 1 {
				rooted = e.Name.Local == "OME"
			}
			if err := f.element(e); err != nil {
				return nil, err
			}
		}
	}
	if !rooted || len(f.images) == 0 {
		return nil, errors.New("OME-XML names no image")
	}
	return f, nil
}

// element takes what is of use from one element; the document order of the
// schema (Image, then its Pixels, then Channel and TiffData) makes a stack
// needless.
func (f *omeFile) element(e xml.StartElement) error {
	a := map[string]string{}
	for _, at := range e.Attr {
		a[at.Name.Local] = at.Value
	}
	if e.Name.Local == "Objective" {
		if v, err := strconv.ParseFloat(a["NominalMagnification"], 64); err == nil && v > 0 && v <= 200 {
			f.objectives[a["ID"]] = v
		}
		return nil
	}
	if e.Name.Local == "Image" {
		if len(f.images) >= maxImages {
			return fmt.Errorf("OME-XML names more than %d images", maxImages)
		}
		f.images = append(f.images, omeImage{name: a["Name"], ifd: -1})
		return nil
	}
	if len(f.images) == 0 {
		return nil
	}
	m := &f.images[len(f.images)-1]
	switch e.Name.Local {
	case "ObjectiveSettings":
		m.objective = a["ID"]
	case "Pixels":
		m.pixels(a)
	case "Channel":
		if n, err := strconv.Atoi(a["SamplesPerPixel"]); err == nil && m.samples == 0 {
			m.samples = n
		}
	case "TiffData":
		if m.ifd < 0 {
			m.ifd = max(0, atoi(a["IFD"]))
		}
	case "UUID":
		if m.file == "" {
			m.file = a["FileName"]
		}
	}
	return nil
}

func (m *omeImage) pixels(a map[string]string) {
	m.sizeX, m.sizeY = atoi(a["SizeX"]), atoi(a["SizeY"])
	m.c, m.z, m.t = atoi(a["SizeC"]), atoi(a["SizeZ"]), atoi(a["SizeT"])
	m.pixelType = a["Type"]
	m.mppX = micrometres(a["PhysicalSizeX"], a["PhysicalSizeXUnit"])
	m.mppY = micrometres(a["PhysicalSizeY"], a["PhysicalSizeYUnit"])
}

// atoi is 0 for what is no number: the checks of the sizes refuse it.
func atoi(s string) int {
	v, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil {
		return 0
	}
	return v
}

// micrometres converts a length of OME-XML, whose default unit is µm; 0 for
// units that are no length.
func micrometres(v, unit string) float64 {
	f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
	if err != nil {
		return 0
	}
	switch unit {
	case "", "µm", "μm", "um": // micro sign and Greek mu both occur
		return f
	case "nm":
		return f / 1000
	case "mm":
		return f * 1000
	case "cm":
		return f * 10000
	case "m":
		return f * 1e6
	case "Å":
		return f / 10000
	case "in":
		return f * 25400
	}
	return 0
}
