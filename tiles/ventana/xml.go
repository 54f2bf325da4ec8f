package ventana

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"coverslip/tiles"
	"coverslip/tiles/tiff"
)

// Limits of the XML. A photo takes about 300 bytes of it; encoding/xml expands no
// entities of the file's own, so a bomb is an error of the parser.
const (
	maxXMLBytes   = 32 << 20
	maxXMLDepth   = 64
	maxAreas      = 4096
	maxAttributes = 256     // of iScan; real ones have about 30
	maxValue      = 4 << 10 // bytes of an attribute that becomes a property
)

// attribute is one of an XML element.
type attribute struct{ name, value string }

// area is a scanned rectangle of the glass (AOI).
type area struct {
	index              string  // AOIIndex
	posX, posY         float64 // Pos-X, Pos-Y: pixels, y upwards from a point below all areas
	originX, originY   int     // AoiOrigin: pixels as if tiles did not overlap
	startCol, startRow int     // where it begins among the stored tiles
	cols, rows         int
	tileW, tileH       int // as the XML says
	joints             []joint
}

// joint is how two neighbouring photos overlap.
type joint struct {
	vertical   bool // one lies above the other
	gap        int  // between columns gap and gap+1 of the area, or rows
	overlap    float64
	confidence float64
	joined     bool
}

// encodeInfo is what the XMP of level 0 tells.
type encodeInfo struct {
	areas   []*area
	turned  bool // a joint is LEFT or DOWN
	strange int  // joints of photos that are no neighbours
}

// walk calls f for each element with the names of the open ones, itself last.
func walk(data []byte, f func(path []string, attrs []xml.Attr) error) error {
	if len(data) > maxXMLBytes {
		return fmt.Errorf("XML of %d bytes is longer than %d", len(data), maxXMLBytes)
	}
	dec := xml.NewDecoder(bytes.NewReader(bytes.TrimRight(data, "\x00")))
	dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // digits and names are ASCII in all
	var path []string
	for {
		tok, err := dec.RawToken() // in half the time of Token
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("XML: %w", err)
		}
		switch e := tok.(type) {
		case xml.StartElement:
			if len(path) >= maxXMLDepth {
				return fmt.Errorf("XML nests deeper than %d", maxXMLDepth)
			}
			path = append(path, e.Name.Local)
			if err := f(path, e.Attr); err != nil {
				return err
			}
		case xml.EndElement:
			if len(path) == 0 || path[len(path)-1] != e.Name.Local {
				return fmt.Errorf("XML: </%.40s> ends nothing", e.Name.Local)
			}
			path = path[:len(path)-1]
		}
	}
	if len(path) > 0 {
		return fmt.Errorf("XML: <%.40s> does not end", path[len(path)-1])
	}
	return nil
}

// is compares the names of open elements.
func is(path []string, names ...string) bool {
	if len(path) != len(names) {
		return false
	}
	for i := range path {
		if path[i] != names[i] {
			return false
		}
	}
	return true
}

// parseScan returns the attributes of the element iScan: the root, or below a
// root Metadata.
func parseScan(data []byte) ([]attribute, error) {
	var out []attribute
	found := false
	err := walk(data, func(path []string, attrs []xml.Attr) error {
		if found || !is(path, "iScan") && !is(path, "Metadata", "iScan") {
			return nil
		}
		found = true
		for _, a := range attrs {
			if len(out) < maxAttributes && a.Value != "" && len(a.Name.Local)+len(a.Value) <= maxValue {
				out = append(out, attribute{a.Name.Local, strings.ToValidUTF8(a.Value, "\ufffd")})
			}
		}
		return nil
	})
	if err == nil && !found {
		err = errors.New("XML without an element iScan at its root or below Metadata")
	}
	return out, err
}

// values finds an element's attributes by name.
type values []xml.Attr

func (v values) get(name string) string {
	for _, a := range v {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// whole reads whole numbers between bounds; numbers may be written with a point.
func (v values) whole(into map[string]*int, lo, hi int) error {
	for name, p := range into {
		n, err := v.number(name, float64(lo), float64(hi))
		if err != nil {
			return err
		}
		*p = int(n)
	}
	return nil
}

func (v values) number(name string, lo, hi float64) (float64, error) {
	s := v.get(name)
	n, ok := tiles.ParseNumber(s)
	if !ok || n < lo || n > hi {
		return 0, fmt.Errorf("%s=%.40q is no number from %g to %g", name, s, lo, hi)
	}
	return n, nil
}

// reading is the state while EncodeInfo is read.
type reading struct {
	info    *encodeInfo
	all     []*area // those not scanned too: origins are told for all
	scanned []bool
	origins []xml.StartElement
}

// parseEncodeInfo reads the XMP of level 0. It knows nothing of the stored tiles:
// newPlan compares.
func parseEncodeInfo(data []byte) (*encodeInfo, error) {
	r := &reading{info: &encodeInfo{}}
	root := false
	err := walk(data, func(path []string, attrs []xml.Attr) error {
		root = root || path[0] == "EncodeInfo"
		switch {
		case is(path, "EncodeInfo", "SlideStitchInfo", "ImageInfo"):
			return r.area(attrs)
		case is(path, "EncodeInfo", "SlideStitchInfo", "ImageInfo", "TileJointInfo"):
			return r.joint(attrs)
		case len(path) == 3 && is(path[:2], "EncodeInfo", "AoiOrigin"):
			if len(r.origins) >= maxAreas {
				return fmt.Errorf("more than %d origins of areas", maxAreas)
			}
			r.origins = append(r.origins, xml.StartElement{Name: xml.Name{Local: path[2]}, Attr: attrs})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !root {
		return nil, errors.New("XML whose root is no EncodeInfo")
	}
	for i, a := range r.all {
		if !r.scanned[i] {
			continue
		}
		if err := r.origin(a, i); err != nil {
			return nil, fmt.Errorf("area %d: %w", i, err)
		}
		r.info.areas = append(r.info.areas, a)
	}
	return r.info, nil
}

// area begins an area.
func (r *reading) area(attrs []xml.Attr) error {
	if len(r.all) >= maxAreas {
		return fmt.Errorf("more than %d areas", maxAreas)
	}
	v := values(attrs)
	a := &area{index: v.get("AOIIndex")}
	scanned := v.get("AOIScanned")
	r.all, r.scanned = append(r.all, a), append(r.scanned, scanned != "0")
	if scanned == "0" {
		return nil
	}
	err := v.whole(map[string]*int{"NumCols": &a.cols, "NumRows": &a.rows, "Width": &a.tileW, "Height": &a.tileH}, 1, tiff.MaxTiles)
	if err == nil {
		a.posX, err = v.number("Pos-X", -tiff.MaxSide, tiff.MaxSide)
	}
	if err == nil {
		a.posY, err = v.number("Pos-Y", -tiff.MaxSide, tiff.MaxSide)
	}
	if err == nil && a.cols*a.rows > tiff.MaxTiles {
		err = fmt.Errorf("%d×%d tiles are more than %d", a.cols, a.rows, tiff.MaxTiles)
	}
	if err != nil {
		return fmt.Errorf("area %d: %w", len(r.all)-1, err)
	}
	return nil
}

// joint adds a joint to the last area.
func (r *reading) joint(attrs []xml.Attr) error {
	n := len(r.all) - 1
	if !r.scanned[n] {
		return nil
	}
	a, v := r.all[n], values(attrs)
	var t1, t2 int
	err := v.whole(map[string]*int{"Tile1": &t1, "Tile2": &t2}, 1, a.cols*a.rows)
	j := joint{joined: v.get("FlagJoined") == "1"}
	if err == nil {
		j.confidence, err = v.number("Confidence", 0, 1e6)
	}
	axis := "OverlapX"
	switch d := v.get("Direction"); d {
	case "RIGHT":
	case "LEFT":
		r.info.turned = true
	case "UP":
		j.vertical, axis = true, "OverlapY"
	case "DOWN":
		j.vertical, axis, r.info.turned = true, "OverlapY", true
	default:
		err = errors.Join(err, fmt.Errorf("direction %.40q", d))
	}
	if err == nil {
		j.overlap, err = v.number(axis, -tiff.MaxSide, tiff.MaxSide)
	}
	if err != nil {
		return fmt.Errorf("area %d: joint %d: %w", n, len(a.joints), err)
	}
	c1, r1 := a.place(t1)
	c2, r2 := a.place(t2)
	switch dc, dr := c2-c1, r2-r1; {
	case !j.vertical && dr == 0 && (dc == 1 || dc == -1):
		j.gap = min(c1, c2)
	case j.vertical && dc == 0 && (dr == 1 || dr == -1):
		j.gap = min(r1, r2)
	default:
		r.info.strange++
		return nil
	}
	a.joints = append(a.joints, j)
	return nil
}

// place is the column and row in the area of a photo by its number: the first is
// the lower left one, rows go upwards, every second from right to left.
func (a *area) place(number int) (col, row int) {
	row, col = (number-1)/a.cols, (number-1)%a.cols
	if row%2 == 1 {
		col = a.cols - 1 - col
	}
	return col, a.rows - 1 - row
}

// origin gives the i-th area its origin: the i-th, or where not all are told
// that of its index. A single area may lack one.
func (r *reading) origin(a *area, i int) error {
	at := i
	if len(r.origins) != len(r.all) {
		at = -1
		for k, o := range r.origins {
			if a.index != "" && o.Name.Local == "AOI"+a.index {
				at = k
			}
		}
	}
	if at < 0 && len(r.all) == 1 {
		return nil
	}
	if at < 0 {
		return fmt.Errorf("%d areas, %d origins, none of them its own", len(r.all), len(r.origins))
	}
	err := values(r.origins[at].Attr).whole(map[string]*int{"OriginX": &a.originX, "OriginY": &a.originY}, 0, tiff.MaxSide)
	if err == nil && (a.originX%a.tileW != 0 || a.originY%a.tileH != 0) {
		err = fmt.Errorf("origin (%d,%d) is not divisible by the tile of %d×%d pixels", a.originX, a.originY, a.tileW, a.tileH)
	}
	a.startCol, a.startRow = a.originX/a.tileW, a.originY/a.tileH
	return err
}
