package deepzoom

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"coverslip/tiles"
)

// manifest is what the XML file says of a picture.
type manifest struct {
	zoomify       bool
	vendor        string
	width, height int    // pixels
	tile, overlap int    // pixels of a tile's side without overlap, and of the overlap at each inner edge
	ext           string // ending of the tiles' names, without the dot
}

// maxDepth bounds the nesting of XML.
const maxDepth = 32

// parseManifest reads the XML of a .dzi file or of ImageProperties.xml.
func parseManifest(src *tiles.Source) (manifest, error) {
	if src.Size() > maxManifest {
		return manifest{}, bad("the file has %d bytes, more than %d", src.Size(), maxManifest)
	}
	data := make([]byte, src.Size())
	if _, err := src.ReadAt(data, 0); err != nil && len(data) > 0 {
		return manifest{}, err
	}
	return parseXML(data)
}

// parseXML reads the manifest; the root element decides what it is.
func parseXML(data []byte) (manifest, error) {
	var m manifest
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	d.CharsetReader = charset
	size := false
	for depth := 0; ; {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return m, &tiles.FormatError{Format: name, What: "the XML is damaged", Err: err}
		}
		switch e := t.(type) {
		case xml.EndElement:
			depth--
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return m, bad("the XML is nested more than %d deep", maxDepth)
			}
			switch {
			case depth == 1:
				err = m.root(e)
			case depth == 2 && e.Name.Local == "Size" && !m.zoomify:
				size = true
				err = attributes(e, map[string]*int{"Width": &m.width, "Height": &m.height})
			}
			if err != nil {
				return m, err
			}
		}
	}
	if m.vendor == "" || !m.zoomify && !size {
		return m, bad("the XML says no size")
	}
	return m, m.check()
}

// charset lets the names pass by which writers call UTF-8 and its subset.
func charset(label string, in io.Reader) (io.Reader, error) {
	if l := strings.ToLower(label); l == "utf8" || l == "us-ascii" || l == "ascii" {
		return in, nil
	}
	return nil, fmt.Errorf("text encoded as %q", label)
}

// root reads the root element.
func (m *manifest) root(e xml.StartElement) error {
	switch e.Name.Local {
	case "Image":
		m.vendor = "Deep Zoom"
		for _, a := range e.Attr {
			if a.Name.Local == "Format" {
				m.ext = strings.ToLower(strings.TrimSpace(a.Value))
			}
		}
		return attributes(e, map[string]*int{"TileSize": &m.tile, "Overlap": &m.overlap})
	case "IMAGE_PROPERTIES":
		m.vendor, m.zoomify, m.ext = "Zoomify", true, "jpg"
		return attributes(e, map[string]*int{"WIDTH": &m.width, "HEIGHT": &m.height, "TILESIZE": &m.tile})
	case "Collection":
		return unsupported("open one of the pictures it names", "collection of Deep Zoom pictures")
	}
	return bad("the XML describes <%s>, not a picture", e.Name.Local)
}

// attributes reads whole numbers; each must be there.
func attributes(e xml.StartElement, want map[string]*int) error {
	for _, a := range e.Attr {
		dst, ok := want[a.Name.Local]
		if !ok {
			continue
		}
		v, err := strconv.ParseInt(strings.TrimSpace(a.Value), 10, 32)
		if err != nil {
			return bad("<%s %s=%q> is not a number of pixels", e.Name.Local, a.Name.Local, clip(a.Value))
		}
		*dst = int(v)
		delete(want, a.Name.Local)
	}
	for missing := range want {
		return bad("<%s> says no %s", e.Name.Local, missing)
	}
	return nil
}

// clip shortens a text of the file for a message.
func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

// check holds the numbers against each other.
func (m *manifest) check() error {
	switch {
	case m.width < 1 || m.height < 1:
		return bad("picture of %d×%d pixels", m.width, m.height)
	case m.tile < 1 || m.overlap < 0 || m.overlap > m.tile:
		return bad("tiles of %d pixels with an overlap of %d", m.tile, m.overlap)
	case min(m.tile+2*m.overlap, m.width)*min(m.tile+2*m.overlap, m.height) > maxTilePixels:
		return bad("tiles of %d pixels are too large", m.tile)
	}
	switch m.ext {
	case "jpg", "jpeg", "png":
		return nil
	}
	return unsupported("write the picture with JPEG or PNG tiles", "tiles of format %q", clip(m.ext))
}
