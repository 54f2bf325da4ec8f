package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"coverslip/annotate"
)

// SlideFilter chooses slides of a list. The zero value lets every slide pass.
type SlideFilter struct {
	words []string // in lower case; each is in the name, case, patient, vendor or format
	terms []slideTerm
}

// slideTerm is one "key:value" of a filter.
type slideTerm struct {
	key   string
	value string // in lower case
	not   bool
}

// ErrFilter: a filter cannot be understood; the text around it says where.
var ErrFilter = errors.New("not understood")

// filterKeys are the words before a colon, and what may stand after those that
// take no free text.
var filterKeys = map[string][]string{
	"class": nil, "reader": nil, "case": nil, "patient": nil,
	"reviewed": {"yes", "no"},
	"labels":   {"yes", "no"},
	"queue":    {"yes", "no"}, // suggestions wait
	"file":     {"missing", "there"},
}

// ParseSlideFilter reads a filter as a person types it: words, and terms such as
//
//	class:tumour  reader:"Ada Lovelace"  case:S24-1187  reviewed:no  labels:yes  queue:yes  file:missing
//
// all of which must hold; a minus before a term turns it round. A key that is
// not known, or a value that it does not take, is an ErrFilter.
func ParseSlideFilter(text string) (SlideFilter, error) {
	var f SlideFilter
	for _, field := range quotedFields(text) {
		field = strings.ToLower(field)
		key, value, term := strings.Cut(field, ":")
		bare := strings.TrimPrefix(key, "-")
		if !term {
			f.words = append(f.words, field)
			continue
		}
		takes, known := filterKeys[bare]
		switch {
		case !known:
			return SlideFilter{}, fmt.Errorf("%s: %w; there are class:, reader:, case:, patient:, reviewed:, labels:, queue: and file: with a word each", key, ErrFilter)
		case value == "": // still being typed
			continue
		case takes != nil && !slices.Contains(takes, value):
			return SlideFilter{}, fmt.Errorf("%s:%s: %w; it takes %s", bare, value, ErrFilter, strings.Join(takes, " or "))
		}
		f.terms = append(f.terms, slideTerm{bare, value, bare != key})
	}
	return f, nil
}

// quotedFields cuts a text at white space outside of double quotes, which are
// left out; a quote that is not closed reaches to the end.
func quotedFields(text string) []string {
	var fields []string
	var b strings.Builder
	quoted, any := false, false
	for _, r := range text {
		switch {
		case r == '"':
			quoted, any = !quoted, true
		case !quoted && (r == ' ' || r == '\t' || r == '\n' || r == '\u00a0'):
			if any && b.Len() > 0 {
				fields = append(fields, b.String())
			}
			b.Reset()
			any = false
		default:
			b.WriteRune(r)
			any = true
		}
	}
	if b.Len() > 0 {
		fields = append(fields, b.String())
	}
	return fields
}

// IsZero tells whether every slide passes.
func (f SlideFilter) IsZero() bool { return len(f.words) == 0 && len(f.terms) == 0 }

// Passes tells whether a slide is chosen; the palette gives classes their names.
func (f SlideFilter) Passes(item SlideItem, palette annotate.Palette) bool {
	if len(f.words) > 0 {
		text := strings.ToLower(strings.Join([]string{item.Name, item.Case, item.Patient, item.Vendor, item.Format}, "\n"))
		for _, w := range f.words {
			if !strings.Contains(text, w) {
				return false
			}
		}
	}
	for _, t := range f.terms {
		if t.holds(item, palette) == t.not {
			return false
		}
	}
	return true
}

func (t slideTerm) holds(item SlideItem, palette annotate.Palette) bool {
	yes := t.value == "yes"
	has := func(s string) bool { return strings.Contains(strings.ToLower(s), t.value) }
	switch t.key {
	case "class":
		for id := range item.Classes {
			name := "unclassified"
			if c := palette.ByID(id); c != nil {
				name = c.Name
			}
			if has(name) {
				return true
			}
		}
		return false
	case "reader":
		return slices.ContainsFunc(item.Readers, has) || has(item.Reviewer) && item.Reviewer != ""
	case "case":
		return has(item.Case)
	case "patient":
		return has(item.Patient)
	case "reviewed":
		return item.Reviewed == yes
	case "labels":
		return (item.Labels > 0) == yes
	case "queue":
		return (item.Suggestions > 0) == yes
	case "file":
		return item.Missing == (t.value == "missing")
	}
	return false
}

// SlideGroup is the slides of one case, in the order of the list.
type SlideGroup struct {
	Case  string // "" for the slides without one
	Items []int  // places in the list
}

// GroupByCase gathers the chosen places of a list of slides by their case, cases
// in the order in which the list first has them, slides without one last.
func GroupByCase(items []SlideItem, chosen []int) []SlideGroup {
	var groups []SlideGroup
	at := map[string]int{}
	var loose []int
	for _, i := range chosen {
		name := items[i].Case
		if name == "" {
			loose = append(loose, i)
			continue
		}
		g, ok := at[name]
		if !ok {
			g = len(groups)
			at[name] = g
			groups = append(groups, SlideGroup{Case: name})
		}
		groups[g].Items = append(groups[g].Items, i)
	}
	if len(loose) > 0 {
		groups = append(groups, SlideGroup{Items: loose})
	}
	return groups
}
