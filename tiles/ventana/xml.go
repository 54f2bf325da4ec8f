package ventana

import (
	"errors"
	"fmt"
	"strings"

	"coverslip/tiles"
	"coverslip/tiles/tiff"
)

// Limits of the XML. A photo takes about 300 bytes of it.
const (
	maxXMLBytes   = 32 << 20
	maxXMLDepth   = 64
	maxMarkup     = 1 << 20 // tags; a photo has about six
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

// parseScan returns the attributes of the element iScan: the root, or below a
// root Metadata.
func parseScan(data []byte) ([]attribute, error) {
	var out []attribute
	found := false
	err := walk(data, func(path [][]byte, attrs values) error {
		if found || !is(path, "iScan") && !is(path, "Metadata", "iScan") {
			return nil
		}
		found = true
		for _, a := range attrs {
			if len(out) < maxAttributes && len(a.value) > 0 && len(a.name)+len(a.value) <= maxValue {
				out = append(out, attribute{string(a.name), strings.ToValidUTF8(string(a.value), "\ufffd")})
			}
		}
		return nil
	})
	if err == nil && !found {
		err = errors.New("XML without an element iScan at its root or below Metadata")
	}
	return out, err
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
	s := string(v.get(name))
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
	origins []origin
}

// origin is an element of AoiOrigin: where the area of a name begins.
type origin struct {
	name string
	x, y string
}

// parseEncodeInfo reads the XMP of level 0. It knows nothing of the stored tiles:
// newPlan compares.
func parseEncodeInfo(data []byte) (*encodeInfo, error) {
	r := &reading{info: &encodeInfo{}}
	root := false
	err := walk(data, func(path [][]byte, attrs values) error {
		root = root || string(path[0]) == "EncodeInfo"
		switch {
		case is(path, "EncodeInfo", "SlideStitchInfo", "ImageInfo"):
			return r.area(attrs)
		case is(path, "EncodeInfo", "SlideStitchInfo", "ImageInfo", "TileJointInfo"):
			return r.joint(attrs)
		case len(path) == 3 && is(path[:2], "EncodeInfo", "AoiOrigin"):
			if len(r.origins) >= maxAreas {
				return fmt.Errorf("more than %d origins of areas", maxAreas)
			}
			r.origins = append(r.origins, origin{string(path[2]), string(attrs.get("OriginX")), string(attrs.get("OriginY"))})
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
func (r *reading) area(v values) error {
	if len(r.all) >= maxAreas {
		return fmt.Errorf("more than %d areas", maxAreas)
	}
	a := &area{index: string(v.get("AOIIndex"))}
	scanned := string(v.get("AOIScanned"))
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
func (r *reading) joint(v values) error {
	n := len(r.all) - 1
	if !r.scanned[n] {
		return nil
	}
	a := r.all[n]
	t1, err := v.number("Tile1", 1, float64(a.cols*a.rows))
	var t2 float64
	if err == nil {
		t2, err = v.number("Tile2", 1, float64(a.cols*a.rows))
	}
	j := joint{joined: string(v.get("FlagJoined")) == "1"}
	if err == nil {
		j.confidence, err = v.number("Confidence", 0, 1e6)
	}
	axis := "OverlapX"
	switch d := string(v.get("Direction")); d {
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
	c1, r1 := a.place(int(t1))
	c2, r2 := a.place(int(t2))
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
			if a.index != "" && o.name == "AOI"+a.index {
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
	o := r.origins[at]
	v := values{{[]byte("OriginX"), []byte(o.x)}, {[]byte("OriginY"), []byte(o.y)}}
	err := v.whole(map[string]*int{"OriginX": &a.originX, "OriginY": &a.originY}, 0, tiff.MaxSide)
	if err == nil && (a.originX%a.tileW != 0 || a.originY%a.tileH != 0) {
		err = fmt.Errorf("origin (%d,%d) is not divisible by the tile of %d×%d pixels", a.originX, a.originY, a.tileW, a.tileH)
	}
	a.startCol, a.startRow = a.originX/a.tileW, a.originY/a.tileH
	return err
}
