package exchange

import (
	"fmt"
	"image/color"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"coverslip/annotate"
)

// decisions are the words of Own.
var decisions = [...]string{annotate.Accepted: "accepted", annotate.Rejected: "rejected", annotate.Reclassed: "reclassed"}

// metaKey is before the keys of Object.Meta.
const metaKey = "meta."

// Own is what an object says that other programs have no field for, as a list of
// texts: who, when, by which model, decided how. A format that can carry texts
// carries it, so that the object comes back as it was.
func Own(o *annotate.Object) map[string]string {
	m := map[string]string{}
	set := func(key, v string) {
		if v != "" {
			m[key] = v
		}
	}
	moment := func(key string, t time.Time) {
		if !t.IsZero() {
			set(key, t.UTC().Format(time.RFC3339Nano))
		}
	}
	number := func(key string, v float64) {
		if v != 0 {
			set(key, strconv.FormatFloat(v, 'g', -1, 64))
		}
	}
	by := o.By
	set("author", by.Author)
	set("model", by.Model)
	set("modelHash", by.ModelHash)
	set("method", by.Method)
	set("why", by.Why)
	set("params", by.Params)
	set("notes", o.Notes)
	number("score", by.Score)
	number("margin", by.Margin)
	if by.Untrained {
		set("untrained", "true")
	}
	ids := make([]string, len(by.Nearest))
	for i, id := range by.Nearest {
		ids[i] = id.String()
	}
	set("nearest", strings.Join(ids, ","))
	moment("created", o.Created)
	moment("changed", o.Changed)
	if d := int(o.Review.Decision); d < len(decisions) {
		set("decision", decisions[d])
	}
	set("decidedBy", o.Review.By)
	moment("decidedAt", o.Review.At)
	if !o.Review.Was.IsZero() {
		set("was", o.Review.Was.String())
	}
	return m
}

// Full is Own with identifier, kind, name, lock and attributes, for formats that
// have fields for none of these.
func Full(o *annotate.Object) map[string]string {
	m := Own(o)
	m["id"] = o.ID.String()
	if o.Kind == annotate.Detection {
		m["kind"] = "detection"
	}
	if o.Name != "" {
		m["name"] = o.Name
	}
	if o.Locked {
		m["locked"] = "true"
	}
	for k, v := range o.Meta {
		m[metaKey+k] = v
	}
	return m
}

// SetOwn reads what Own or Full gave into an object: whatever it does not say is
// emptied. It answers the keys that it could not use, with the reason.
func SetOwn(o *annotate.Object, m map[string]string) (bad []string) {
	o.By, o.Created, o.Changed = annotate.Provenance{}, time.Time{}, time.Time{}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if err := SetOwnKey(o, key, m[key]); err != nil {
			bad = append(bad, fmt.Sprintf("%q was passed over: %v", key, err))
		}
	}
	return bad
}

// SetOwnKey reads one entry of Own or Full.
func SetOwnKey(o *annotate.Object, key, v string) (err error) {
	by := &o.By
	number := func() float64 {
		var f float64
		if f, err = strconv.ParseFloat(v, 64); err == nil && !(f >= 0 && f <= 1) {
			f, err = 0, fmt.Errorf("%q is not between 0 and 1", v)
		}
		return f
	}
	moment := func() (t time.Time) {
		t, err = time.Parse(time.RFC3339Nano, v)
		return t
	}
	text := map[string]*string{"author": &by.Author, "model": &by.Model, "modelHash": &by.ModelHash, "method": &by.Method,
		"why": &by.Why, "params": &by.Params, "notes": &o.Notes, "name": &o.Name, "decidedBy": &o.Review.By}
	if to := text[key]; to != nil {
		*to = v
		return nil
	}
	if k, ok := strings.CutPrefix(key, metaKey); ok {
		if o.Meta == nil {
			o.Meta = map[string]string{}
		}
		o.Meta[k] = v
		return nil
	}
	switch key {
	case "id":
		var id annotate.ID
		if id, err = annotate.ParseID(v); err == nil {
			o.ID = id
		}
	case "kind":
		if v == "detection" {
			o.Kind = annotate.Detection
		}
	case "locked":
		o.Locked = v == "true"
	case "untrained":
		by.Untrained = v == "true"
	case "score":
		by.Score = number()
	case "margin":
		by.Margin = number()
	case "nearest":
		for _, part := range strings.Split(v, ",") {
			id, err := annotate.ParseID(part)
			if err != nil {
				return err
			}
			by.Nearest = append(by.Nearest, id)
		}
	case "created":
		o.Created = moment()
	case "changed":
		o.Changed = moment()
	case "decision":
		for i, word := range decisions {
			if word == v && word != "" {
				o.Review.Decision = annotate.Decision(i)
				return nil
			}
		}
		return fmt.Errorf("unknown decision %q", v)
	case "decidedAt":
		o.Review.At = moment()
	case "was":
		o.Review.Was, err = annotate.ParseID(v)
	default:
		return fmt.Errorf("unknown key")
	}
	return err
}

// HexColor is a colour as #rrggbb.
func HexColor(c color.NRGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// ParseColor reads #rgb, #rrggbb, #rrggbbaa, rgb(…) and rgba(…); an opaque
// colour.
func ParseColor(s string) (color.NRGBA, bool) {
	s = strings.TrimSpace(s)
	if h, ok := strings.CutPrefix(s, "#"); ok {
		if len(h) == 3 {
			h = string([]byte{h[0], h[0], h[1], h[1], h[2], h[2]})
		}
		if len(h) != 6 && len(h) != 8 {
			return color.NRGBA{}, false
		}
		n, err := strconv.ParseUint(h[:6], 16, 32)
		return color.NRGBA{R: uint8(n >> 16), G: uint8(n >> 8), B: uint8(n), A: 255}, err == nil
	}
	inner, ok := strings.CutPrefix(s, "rgb")
	if !ok {
		return color.NRGBA{}, false
	}
	parts := strings.Split(strings.Trim(strings.TrimPrefix(inner, "a"), "() "), ",")
	if len(parts) < 3 {
		return color.NRGBA{}, false
	}
	c := color.NRGBA{A: 255}
	for i, to := range []*uint8{&c.R, &c.G, &c.B} {
		n, err := strconv.ParseFloat(strings.TrimSpace(parts[i]), 64)
		if err != nil || !(n >= 0 && n <= 255) {
			return color.NRGBA{}, false
		}
		*to = uint8(n)
	}
	return c, true
}
