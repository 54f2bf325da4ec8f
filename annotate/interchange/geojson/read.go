package geojson

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"image/color"
	"io"
	"strconv"
	"strings"
	"time"

	"coverslip/annotate"
	"coverslip/annotate/interchange/exchange"
)

// ReadOptions is how a file is read; the zero value is good.
type ReadOptions struct {
	Classes annotate.Palette   // the project's classes: a class of the same name is taken as that one
	Author  string             // author of objects that name none
	At      time.Time          // time of objects that carry none
	NewID   func() annotate.ID // makes identifiers; annotate.NewID when nil

	// Each, when it is not nil, gets every object as it is read; File.Objects stays
	// empty, so that a file of millions needs no memory for them. Its error ends the
	// reading.
	Each func(*annotate.Object) error

	MaxBytes    int64 // of the unpacked file; 2 GiB when 0
	MaxFeature  int64 // bytes of one feature; 256 MiB when 0
	MaxFeatures int   // 5 million when 0
	MaxVertices int   // of the whole file; 50 million when 0
}

// File is what was read.
type File struct {
	Objects  []*annotate.Object
	Classes  annotate.Palette // that the objects carry, in the order they came: those of ReadOptions, and new ones
	Slide    SlideInfo        // what an export of this program says of its slide; else zero
	Features int              // features seen
	Skipped  int              // features that could not be used
	Repaired int              // features whose geometry was mended
	Warnings []Warning        // at most 1000
}

// Warning is something a person should know about one feature.
type Warning struct {
	Feature int    // counted from 0; -1 for the file as a whole
	Text    string // what was wrong and what was done
}

func (w Warning) String() string {
	if w.Feature < 0 {
		return w.Text
	}
	return fmt.Sprintf("feature %d: %s", w.Feature, w.Text)
}

// SlideInfo is the slide that the objects lie on.
type SlideInfo struct {
	Name        string  `json:"name,omitempty"`
	Fingerprint string  `json:"fingerprint,omitempty"`
	Width       int     `json:"width,omitempty"`  // level-0 pixels
	Height      int     `json:"height,omitempty"` // level-0 pixels
	MPPX        float64 `json:"mppX,omitempty"`   // µm per level-0 pixel
	MPPY        float64 `json:"mppY,omitempty"`   // µm per level-0 pixel
}

const maxWarnings = 1000

func (o *ReadOptions) defaults() {
	if o.NewID == nil {
		o.NewID = annotate.NewID
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 2 << 30
	}
	if o.MaxFeature == 0 {
		o.MaxFeature = 256 << 20
	}
	if o.MaxFeatures == 0 {
		o.MaxFeatures = 5_000_000
	}
	if o.MaxVertices == 0 {
		o.MaxVertices = 50_000_000
	}
}

// Read reads a GeoJSON file. When the file breaks off or passes a limit, it
// answers a *FormatError together with what was read until then; a file that is
// something else gives a *FormatError and no objects.
func Read(r io.Reader, o ReadOptions) (*File, error) {
	o.defaults()
	in, err := open(r, o)
	if err != nil {
		return &File{}, err
	}
	d := &reader{o: o, in: in, dec: json.NewDecoder(exchange.QuoteNumbers(in)), file: &File{}, ids: map[annotate.ID]bool{},
		classes: map[string]annotate.ID{}, left: o.MaxVertices}
	// Files may hold several values one after another (one feature a line).
	for first := true; ; first = false {
		err := d.top()
		if err == io.EOF && !first {
			return d.file, nil
		}
		if err != nil {
			return d.file, d.wrap(err)
		}
	}
}

type reader struct {
	o       ReadOptions
	in      *exchange.Input
	dec     *json.Decoder
	file    *File
	ids     map[annotate.ID]bool
	classes map[string]annotate.ID // by name, as far as met
	left    int                    // vertices that may still come
}

// stopped is an error of ReadOptions.Each.
type stopped struct{ error }

func (s *stopped) Unwrap() error { return s.error }

// ends tells whether an error ends the reading of the file.
func ends(err error) bool {
	var s *stopped
	return errors.Is(err, errVertices) || errors.As(err, &s)
}

func (d *reader) wrap(err error) error {
	var f *FormatError
	if s := (*stopped)(nil); errors.As(err, &s) {
		return s.error
	}
	if errors.As(err, &f) {
		return err
	}
	what := "the file is no JSON"
	switch {
	case errors.Is(err, exchange.ErrLarge), errors.Is(err, errVertices), errors.Is(err, exchange.ErrBomb):
		what = "the file is too large to be read safely"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		what = "the file ends too early"
	case d.file.Features > 0:
		what = "the file is damaged"
	}
	return &FormatError{Feature: d.file.Features, Offset: d.dec.InputOffset(), What: what, Err: err}
}

// next lets the decoder take one more value of the size allowed.
func (d *reader) next() { d.in.Allow(d.dec.InputOffset(), d.o.MaxFeature) }

// top reads one value of the file.
func (d *reader) top() error {
	d.next()
	t, err := d.dec.Token()
	if err != nil {
		return err
	}
	switch t {
	case json.Delim('['):
		return d.features()
	case json.Delim('{'):
		return d.object()
	}
	return &FormatError{Feature: d.file.Features, What: "the file is JSON, but no GeoJSON"}
}

// features reads up to the closing bracket.
func (d *reader) features() error {
	for d.dec.More() {
		d.next()
		var raw map[string]json.RawMessage
		if err := d.dec.Decode(&raw); err != nil {
			var wrong *json.UnmarshalTypeError
			if !errors.As(err, &wrong) {
				return err
			}
			raw = nil // not an object: one bad feature
		}
		if err := d.take(raw); err != nil {
			return err
		}
	}
	_, err := d.dec.Token()
	return err
}

// object reads a collection, a feature or a geometry, whose keys may come in
// any order.
func (d *reader) object() error {
	kept := map[string]json.RawMessage{}
	collection := false
	for d.dec.More() {
		d.next()
		key, err := d.dec.Token()
		if err != nil {
			return err
		}
		if key == "features" {
			t, err := d.dec.Token()
			if err != nil {
				return err
			}
			if t != json.Delim('[') {
				return &FormatError{What: `"features" is no list`}
			}
			collection = true
			if err := d.features(); err != nil {
				return err
			}
			continue
		}
		var raw json.RawMessage
		if err := d.dec.Decode(&raw); err != nil {
			return err
		}
		switch key {
		case "type", "id", "geometry", "properties", "nucleusGeometry", "coordinates", "geometries", "isEllipse", "plane":
			kept[key.(string)] = raw
		case "coverslip":
			var own struct{ Slide SlideInfo }
			if json.Unmarshal(raw, &own) == nil {
				d.file.Slide = own.Slide
			}
		}
	}
	if _, err := d.dec.Token(); err != nil {
		return err
	}
	if collection || text(kept["type"]) == "FeatureCollection" {
		return nil
	}
	if k := text(kept["type"]); k != "Feature" && !isGeometry(k) {
		return &FormatError{Feature: d.file.Features, What: "the file is JSON, but no GeoJSON"}
	}
	return d.take(kept)
}

// take reads one feature. Its error is one that ends the reading; what is wrong
// with the feature alone becomes a warning.
func (d *reader) take(raw map[string]json.RawMessage) error {
	index := d.file.Features
	if d.file.Features++; d.file.Features > d.o.MaxFeatures {
		return fmt.Errorf("%w: %d features", exchange.ErrLarge, d.o.MaxFeatures)
	}
	err := d.feature(index, raw, 0)
	if ends(err) {
		return err
	}
	if err != nil {
		d.file.Skipped++
		d.warn(index, "left out: %v", err)
	}
	return nil
}

func (d *reader) warn(index int, format string, a ...any) {
	switch n := len(d.file.Warnings); {
	case n < maxWarnings-1:
		d.file.Warnings = append(d.file.Warnings, Warning{index, fmt.Sprintf(format, a...)})
	case n == maxWarnings-1:
		d.file.Warnings = append(d.file.Warnings, Warning{-1, "there are more warnings"})
	}
}

const maxChildren = 16 // levels of a hierarchy

func (d *reader) feature(index int, raw map[string]json.RawMessage, depth int) error {
	if raw == nil {
		return errors.New("it is no GeoJSON feature")
	}
	var s shapes
	kind := text(raw["type"])
	switch {
	case kind == "Feature":
		if err := s.geometry(raw["geometry"], &d.left, 0); err != nil {
			return err
		}
	case isGeometry(kind):
		g, err := json.Marshal(raw)
		if err != nil {
			return err
		}
		if err := s.geometry(g, &d.left, 0); err != nil {
			return err
		}
	default:
		return fmt.Errorf("type %q is no feature", kind)
	}
	var props map[string]json.RawMessage
	if p := raw["properties"]; len(p) > 0 {
		if err := json.Unmarshal(p, &props); err != nil {
			return fmt.Errorf("its properties are not readable: %w", err)
		}
	}
	o, err := d.describe(index, raw, props, &s)
	if err != nil || o == nil {
		return err
	}
	if err := d.place(index, o, s.rois()); err != nil {
		return err
	}
	return d.children(index, props["childObjects"], depth)
}

// place makes the objects of a feature, one for each ROI.
func (d *reader) place(index int, o *annotate.Object, rois []annotate.ROI) error {
	if len(rois) == 0 {
		return errors.New("it has no geometry")
	}
	var bad error
	made, mended := 0, false
	for _, roi := range rois {
		whole, changed, err := roi.Repaired()
		if err != nil {
			bad = err
			continue
		}
		if changed {
			mended = true
			d.warn(index, "its outline was not valid and was repaired; the area is now %.6g instead of %.6g px²",
				whole.Area(), roi.Area())
		}
		c := *o
		c.ROI = whole
		if made > 0 {
			c.ID = d.o.NewID()
		}
		made++
		if d.o.Each == nil {
			d.file.Objects = append(d.file.Objects, &c)
		} else if err := d.o.Each(&c); err != nil {
			return &stopped{err}
		}
	}
	if made == 0 {
		return bad
	}
	if bad != nil {
		d.warn(index, "a part of it was left out: %v", bad)
	}
	if made > 1 {
		d.warn(index, "it holds several kinds of geometry and became %d objects", made)
	}
	if mended {
		d.file.Repaired++
	}
	return nil
}

func (d *reader) children(index int, raw json.RawMessage, depth int) error {
	if len(raw) == 0 {
		return nil
	}
	var kids []map[string]json.RawMessage
	if err := json.Unmarshal(raw, &kids); err != nil || depth >= maxChildren {
		d.warn(index, "its child objects are not readable and were left out")
		return nil
	}
	for _, k := range kids {
		if err := d.feature(index, k, depth+1); ends(err) {
			return err
		} else if err != nil {
			d.warn(index, "a child object was left out: %v", err)
		}
	}
	return nil
}

// class finds or makes the class of a classification; zero for none.
func (d *reader) class(raw json.RawMessage) annotate.ID {
	name, rgb, ok := classification(raw)
	if name == "" {
		return annotate.ID{}
	}
	if id, met := d.classes[name]; met {
		return id
	}
	c := d.o.Classes.ByName(name)
	for i := range d.o.Classes {
		if c == nil && strings.EqualFold(d.o.Classes[i].Name, name) {
			c = &d.o.Classes[i]
		}
	}
	if c == nil {
		if !ok {
			rgb = colorFor(name)
		}
		c = &annotate.Class{ID: annotate.ClassID(name), Name: name, Color: rgb}
	}
	d.classes[name] = c.ID
	if d.file.Classes.ByID(c.ID) == nil {
		d.file.Classes = append(d.file.Classes, *c)
	}
	return c.ID
}

// classification reads every form that QuPath ever wrote: a name, an object
// with name or names, and a colour as a list or as a number.
func classification(raw json.RawMessage) (name string, c color.NRGBA, hasColor bool) {
	var o struct {
		Name     *string
		Names    []string
		Color    json.RawMessage
		ColorRGB json.RawMessage
	}
	if len(raw) > 0 && raw[0] == '"' {
		return text(raw), c, false
	}
	if len(raw) == 0 || raw[0] != '{' || json.Unmarshal(raw, &o) != nil {
		return "", c, false
	}
	switch {
	case len(o.Names) > 0:
		name = strings.Join(o.Names, ": ")
	case o.Name != nil:
		name = *o.Name
	}
	if c, hasColor = colorOf(o.Color); !hasColor {
		c, hasColor = colorOf(o.ColorRGB)
	}
	return name, c, hasColor
}

// colorOf reads [r,g,b], [r,g,b,a] or a number 0xAARRGGBB, also as a negative
// 32-bit one.
func colorOf(raw json.RawMessage) (color.NRGBA, bool) {
	var list []float64
	if json.Unmarshal(raw, &list) == nil && len(list) >= 3 {
		c := color.NRGBA{A: 255}
		for i, to := range []*uint8{&c.R, &c.G, &c.B} {
			if !(list[i] >= 0 && list[i] <= 255) {
				return c, false
			}
			*to = uint8(list[i])
		}
		return c, true
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil || n < -1<<31 || n > 1<<32-1 {
		return color.NRGBA{}, false
	}
	return color.NRGBA{R: uint8(n >> 16), G: uint8(n >> 8), B: uint8(n), A: 255}, true
}

// colorFor gives a class without colour one that depends on its name alone.
func colorFor(name string) color.NRGBA {
	h := fnv.New32a()
	h.Write([]byte(name))
	p := annotate.DefaultPalette()
	return p[h.Sum32()%uint32(len(p))].Color
}

// text is a JSON string's text, and any other value as it stands.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}
