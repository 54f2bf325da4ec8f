package zarr

import (
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"io/fs"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"coverslip/tiles"
)

// group is what the attributes of a Zarr group say of pictures in it.
type group struct {
	Multiscales []multiscale    `json:"multiscales"`
	Omero       *omero          `json:"omero"`
	Layout      json.RawMessage `json:"bioformats2raw.layout"`
	Series      []string        `json:"series"`
	Plate       json.RawMessage `json:"plate"`
	Well        json.RawMessage `json:"well"`

	at string // of the group's folder, relative to the store
}

// multiscale is one pyramid.
type multiscale struct {
	Version    string            `json:"version"`
	Name       string            `json:"name"`
	Axes       []json.RawMessage `json:"axes"`
	Datasets   []dataset         `json:"datasets"`
	Transforms []transform       `json:"coordinateTransformations"`
}

// dataset is one level.
type dataset struct {
	Path       string      `json:"path"`
	Transforms []transform `json:"coordinateTransformations"`
}

type transform struct {
	Type  string    `json:"type"`
	Scale []float64 `json:"scale"`
}

// omero is how the channels are to be shown.
type omero struct {
	Channels []struct {
		Label    string `json:"label"`
		Color    string `json:"color"`
		Active   *bool  `json:"active"`
		Inverted bool   `json:"inverted"`
		Window   *struct {
			Start *float64 `json:"start"`
			End   *float64 `json:"end"`
		} `json:"window"`
	} `json:"channels"`
	Defaults struct {
		Z *int `json:"defaultZ"`
	} `json:"rdefs"`
}

// readGroup reads the attributes of a group: those of version 3, else of 2. It
// is fs.ErrNotExist where there is no group.
func (o *opening) readGroup(at string) (*group, error) {
	g := &group{at: at}
	file := path.Join(at, "zarr.json")
	data, err := o.readFile(file)
	if err == nil {
		var node struct {
			Node       string `json:"node_type"`
			Attributes struct {
				OME json.RawMessage `json:"ome"`
			} `json:"attributes"`
		}
		if err = json.Unmarshal(data, &node); err == nil && node.Node == "array" {
			return nil, unsupported("open the group that it belongs to", "Zarr array without OME's description of it")
		}
		if err == nil && len(node.Attributes.OME) > 0 {
			err = json.Unmarshal(node.Attributes.OME, g)
		}
	} else if errors.Is(err, fs.ErrNotExist) {
		file = path.Join(at, ".zattrs")
		if data, err = o.readFile(file); err == nil {
			err = json.Unmarshal(data, g)
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, err
	case err != nil:
		return nil, &tiles.FormatError{Format: name, What: file, Err: err}
	}
	return g, nil
}

// readFile reads a file of metadata, which becomes a part of the fingerprint.
func (o *opening) readFile(file string) ([]byte, error) {
	data, err := o.src.ReadSibling(file, nil, maxMetadata)
	if err == nil && !slices.Contains(o.read, file) {
		o.read = append(o.read, file)
	}
	return data, err
}

// axes says which dimension of an array is which, -1 for none, and the units of
// those of space.
type axes struct {
	t, c, z, y, x int
	unit          [3]string // of z, y, x
}

// parseAxes reads the axes of a pyramid; those before version 0.4 had a fixed
// order or names alone.
func parseAxes(raw []json.RawMessage, dims int) (axes, error) {
	a := axes{t: -1, c: -1, z: -1, y: -1, x: -1}
	if len(raw) == 0 {
		if dims != 5 {
			return a, bad("the axes of %d dimensions are not named", dims)
		}
		return axes{t: 0, c: 1, z: 2, y: 3, x: 4}, nil
	}
	if len(raw) != dims {
		return a, bad("%d axes are named for %d dimensions", len(raw), dims)
	}
	for i, r := range raw {
		var axis struct{ Name, Type, Unit string }
		if err := json.Unmarshal(r, &axis.Name); err != nil {
			if err := json.Unmarshal(r, &axis); err != nil {
				return a, &tiles.FormatError{Format: name, What: "axis " + clip(string(r)), Err: err}
			}
		}
		var at *int
		switch n := strings.ToLower(axis.Name); {
		case n == "x":
			at, a.unit[2] = &a.x, axis.Unit
		case n == "y":
			at, a.unit[1] = &a.y, axis.Unit
		case n == "z":
			at, a.unit[0] = &a.z, axis.Unit
		case axis.Type == "channel" || n == "c":
			at = &a.c
		case axis.Type == "time" || n == "t":
			at = &a.t
		default:
			return a, unsupported("", "axis %q", clip(axis.Name))
		}
		if *at >= 0 {
			return a, bad("two axes are called %q", clip(axis.Name))
		}
		*at = i
	}
	if a.x < 0 || a.y < 0 {
		return a, bad("no axes are called y and x")
	}
	return a, nil
}

// microns is a length in µm; 0 for a unit that is unknown or none.
func microns(v float64, unit string) float64 {
	perUnit := map[string]float64{"angstrom": 1e-4, "nanometer": 1e-3, "micrometer": 1, "millimeter": 1e3, "centimeter": 1e4,
		"decimeter": 1e5, "meter": 1e6, "inch": 25400, "picometer": 1e-6,
		"nm": 1e-3, "um": 1, "µm": 1, "μm": 1, "mm": 1e3, "cm": 1e4, "m": 1e6, "micron": 1, "micrometre": 1}[strings.ToLower(unit)]
	if v = v * perUnit; v > 0 && !math.IsInf(v, 0) {
		return v
	}
	return 0
}

// scaleOf multiplies the scales of transformations; nil when there is none.
func scaleOf(dims int, lists ...[]transform) []float64 {
	var out []float64
	for _, l := range lists {
		for _, t := range l {
			if t.Type != "scale" || len(t.Scale) != dims {
				continue
			}
			if out == nil {
				out = slices.Repeat([]float64{1}, dims)
			}
			for i, v := range t.Scale {
				out[i] *= v
			}
		}
	}
	return out
}

// colour reads six hexadecimal digits; A is 0 when they are none.
func colour(s string) color.RGBA {
	s = strings.TrimPrefix(strings.TrimSpace(s), "#")
	if len(s) != 6 && len(s) != 8 {
		return color.RGBA{}
	}
	v, err := strconv.ParseUint(s[:6], 16, 32)
	if err != nil {
		return color.RGBA{}
	}
	return color.RGBA{R: byte(v >> 16), G: byte(v >> 8), B: byte(v), A: 255}
}

// inColour says whether three channels are red, green and blue of one picture.
func (g *group) inColour(kind element, channels int) bool {
	if channels != 3 || kind.letter != 'u' || kind.size != 1 {
		return false
	}
	if g.Omero == nil || len(g.Omero.Channels) == 0 {
		return true
	}
	if len(g.Omero.Channels) != 3 {
		return false
	}
	want := [3]color.RGBA{{R: 255, A: 255}, {G: 255, A: 255}, {B: 255, A: 255}}
	for i, c := range g.Omero.Channels {
		full := c.Window == nil || (c.Window.Start == nil || *c.Window.Start == 0) && (c.Window.End == nil || *c.Window.End == 255)
		if colour(c.Color) != want[i] || c.Active != nil && !*c.Active || !full || c.Inverted {
			return false
		}
	}
	return true
}

// channels describes the channels of an array.
func (g *group) channels(kind element, n int) []tiles.Channel {
	out := make([]tiles.Channel, n)
	for i := range out {
		c := &out[i]
		c.Bits = min(8*kind.size, 32)
		c.Float = kind.letter == 'f' || kind.letter == 'i'
		if kind.letter == 'b' {
			c.Bits, c.Low, c.High = 1, 0, 1
		}
		if g.Omero == nil || i >= len(g.Omero.Channels) {
			continue
		}
		s := &g.Omero.Channels[i]
		c.Name, c.Color, c.Hidden = s.Label, colour(s.Color), s.Active != nil && !*s.Active
		if w := s.Window; w != nil && w.Start != nil && w.End != nil && *w.Start < *w.End {
			c.Low, c.High = *w.Start, *w.End
		}
		if s.Inverted {
			c.Low, c.High = c.High, c.Low
		}
	}
	return out
}

// describe is a name of a group for messages.
func (g *group) describe() string {
	if g.at == "." {
		return "the store"
	}
	return fmt.Sprintf("series %s", g.at)
}
