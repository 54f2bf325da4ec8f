package aperio

import (
	"strings"
)

// Limits of a description; real ones have about 40 keys.
const (
	maxKeys = 1024
	maxText = 1 << 20 // bytes looked at
)

// Description is a parsed ImageDescription of Aperio:
//
//	Aperio Image Library v11.2.1
//	46000x32914 [42673,5576 2220x2967] (240x240) JPEG/RGB Q=30|AppMag = 20|MPP = 0.4990
type Description struct {
	Program string            // first line: "Aperio Image Library v11.2.1"
	Layout  string            // second line up to the first '|'
	Values  map[string]string // "key = value" parts, keys as written
}

// ParseDescription never fails: parts it does not understand are left out, the
// first of equal keys counts.
func ParseDescription(s string) Description {
	if len(s) > maxText {
		s = s[:maxText]
	}
	d := Description{Values: map[string]string{}}
	head, rest, _ := strings.Cut(s, "|")
	program, layout, _ := strings.Cut(head, "\n")
	d.Program, d.Layout = strings.TrimSpace(program), strings.TrimSpace(layout)
	for rest != "" && len(d.Values) < maxKeys {
		var item string
		item, rest, _ = strings.Cut(rest, "|")
		key, value, ok := strings.Cut(item, "=")
		key = strings.TrimSpace(key)
		if !ok || key == "" {
			continue
		}
		if _, twice := d.Values[key]; !twice {
			d.Values[key] = strings.TrimSpace(value)
		}
	}
	return d
}

// kind is the first word of the layout, by which Aperio names label and macro:
// "label 387x463".
func (d Description) kind() string {
	word, _, _ := strings.Cut(d.Layout, " ")
	switch word = strings.ToLower(word); word {
	case "label", "macro", "thumbnail":
		return word
	}
	return ""
}
