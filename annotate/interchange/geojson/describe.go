package geojson

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"coverslip/annotate"
	"coverslip/annotate/interchange/exchange"
)

// Keys of Object.Meta that hold what QuPath has and an Object has no field for.
// They are written back where they came from.
const (
	metaObjectType = "qupath.objectType" // cell, tile, tmaCore
	metaNucleus    = "qupath.nucleus"    // GeoJSON geometry of a cell's nucleus
	metaPlane      = "qupath.plane"      // {"c":…,"z":…,"t":…}
	metaForeignID  = "qupath.id"         // an identifier that is no UUID
	metaMeasure    = "measure."          // + name of a measurement; the value as text
	metaOwn        = "coverslip."        // prefix of our own entries in "metadata"
)

// describe reads all but the geometry; nil for the root of a hierarchy, which
// is no object.
func (d *reader) describe(index int, raw, props map[string]json.RawMessage, s *shapes) (*annotate.Object, error) {
	o := &annotate.Object{Kind: annotate.Annotation, Created: d.o.At, Changed: d.o.At, Meta: map[string]string{},
		By: annotate.Provenance{Author: d.o.Author, Method: "import:geojson"}}
	given := text(raw["id"])
	switch kind := objectType(given, props); kind {
	case "annotation":
	case "root":
		return nil, nil
	case "detection":
		o.Kind = annotate.Detection
	case "cell", "tile":
		o.Kind = annotate.Detection
		o.Meta[metaObjectType] = kind
	default:
		o.Meta[metaObjectType] = kind
	}
	d.identify(index, given, o)
	for key, v := range props {
		if len(v) == 0 || string(v) == "null" {
			continue
		}
		switch key {
		case "objectType", "object_type", "childObjects", "color":
		case "name":
			o.Name = text(v)
		case "isLocked":
			o.Locked = string(v) == "true"
		case "classification":
			o.Class = d.class(v)
		case "measurements":
			measurements(v, o.Meta)
		case "metadata":
		case "isMissing":
			if string(v) == "true" {
				o.Meta[key] = "true"
			}
		default:
			// Another program's own property: kept as text.
			o.Meta[key] = text(v)
		}
	}
	// Metadata last: it is the more exact word where both say something.
	d.metadata(index, props["metadata"], o)
	if n := raw["nucleusGeometry"]; len(n) > 0 && string(n) != "null" {
		var short bytes.Buffer
		if err := json.Compact(&short, n); err == nil {
			o.Meta[metaNucleus] = short.String()
		}
	}
	if s.plane != "" {
		o.Meta[metaPlane] = s.plane
	}
	if len(o.Meta) == 0 {
		o.Meta = nil
	}
	return o, nil
}

// objectType is annotation, detection, cell, tile, tmaCore or root. Before 0.4
// QuPath wrote it into the id.
func objectType(id string, props map[string]json.RawMessage) string {
	for _, key := range []string{"objectType", "object_type"} {
		if v := props[key]; len(v) > 0 && string(v) != "null" {
			return text(v)
		}
	}
	switch id {
	case "PathDetectionObject":
		return "detection"
	case "PathCellObject":
		return "cell"
	case "PathTileObject":
		return "tile"
	case "PathRootObject":
		return "root"
	}
	return "annotation"
}

// identify keeps a UUID; any other identifier, and one that occurred before, is
// replaced.
func (d *reader) identify(index int, given string, o *annotate.Object) {
	id, err := annotate.ParseID(given)
	switch {
	case err == nil && len(given) == 36 && !id.IsZero() && !d.ids[id]:
		o.ID = id
	case err == nil && d.ids[id]:
		o.ID = d.o.NewID()
		d.warn(index, "its id %s occurred before; it got a new one", given)
	default:
		o.ID = d.o.NewID()
		if given != "" && given != "null" && !strings.HasPrefix(given, "Path") {
			o.Meta[metaForeignID] = given
		}
	}
	d.ids[o.ID] = true
}

// measurements come as an object, or as a list of name and value.
func measurements(raw json.RawMessage, meta map[string]string) {
	var byName map[string]json.RawMessage
	if json.Unmarshal(raw, &byName) == nil {
		for name, v := range byName {
			meta[metaMeasure+name] = text(v)
		}
		return
	}
	var list []struct {
		Name  string
		Value json.RawMessage
	}
	if json.Unmarshal(raw, &list) == nil {
		for _, m := range list {
			meta[metaMeasure+m.Name] = text(m.Value)
		}
	}
}

func (d *reader) metadata(index int, raw json.RawMessage, o *annotate.Object) {
	var m map[string]json.RawMessage
	if len(raw) == 0 || json.Unmarshal(raw, &m) != nil {
		return
	}
	keys := slices.Sorted(maps.Keys(m))
	if slices.ContainsFunc(keys, func(k string) bool { return strings.HasPrefix(k, metaOwn) }) {
		// Our own export: what it does not say was empty.
		o.By, o.Created, o.Changed = annotate.Provenance{}, time.Time{}, time.Time{}
	}
	for _, key := range keys {
		v := m[key]
		own, ours := strings.CutPrefix(key, metaOwn)
		if !ours {
			o.Meta[key] = text(v)
			continue
		}
		if err := exchange.SetOwnKey(o, own, text(v)); err != nil {
			d.warn(index, "metadata %q was passed over: %v", key, err)
		}
	}
}

// own is what QuPath has no field for, under our own prefix.
func own(o *annotate.Object) map[string]string {
	m := map[string]string{}
	for key, v := range exchange.Own(o) {
		m[metaOwn+key] = v
	}
	return m
}
