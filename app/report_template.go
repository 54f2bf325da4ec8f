package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"coverslip/annotate"
)

// ReportTemplate is a synoptic report in a file (JSON): which fields a report of a
// slide or a case has, and from which labels each is filled.
type ReportTemplate struct {
	Title    string          `json:"title"`
	Sections []ReportSection `json:"sections"`
}

// ReportSection is a group of fields under a heading.
type ReportSection struct {
	Title  string        `json:"title"`
	Fields []ReportField `json:"fields"`
}

// Kinds of field. All count labels alone: what a person drew, or took over from a
// model.
const (
	FieldPresent  = "present"  // is there a label of the class
	FieldCount    = "count"    // labels of the class
	FieldArea     = "area"     // mm², overlaps counted twice
	FieldShare    = "share"    // area of the class by that of another, in percent
	FieldDensity  = "density"  // labels of the class by mm² of another
	FieldDiameter = "diameter" // largest distance across one label, mm
	FieldCaptions = "captions" // sentences that a person accepted
	FieldText     = "text"     // as the file has it
	FieldBlank    = "blank"    // a line to be written on
)

// ReportField is one line.
type ReportField struct {
	Label string `json:"label"`
	Kind  string `json:"kind"`
	Class string `json:"class"` // by name, in upper or lower case
	Of    string `json:"of"`    // of share and density: the other class
	Yes   string `json:"yes"`   // of present: the words; "" takes present
	No    string `json:"no"`    // "" takes not identified
	Text  string `json:"text"`
}

// maxTemplate bounds a template's file, in bytes, and its fields.
const (
	maxTemplate = 1 << 20
	maxFields   = 500
)

// ReadTemplate reads a template and refuses what it cannot fill.
func ReadTemplate(r io.Reader) (ReportTemplate, error) {
	var t ReportTemplate
	data, err := io.ReadAll(io.LimitReader(r, maxTemplate+1))
	if err != nil {
		return t, err
	}
	if len(data) > maxTemplate {
		return t, fmt.Errorf("report template: more than %d bytes", maxTemplate)
	}
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.DisallowUnknownFields()
	if err := d.Decode(&t); err != nil {
		return t, fmt.Errorf("report template: %w", err)
	}
	n := 0
	for _, s := range t.Sections {
		for _, f := range s.Fields {
			if n++; n > maxFields {
				return t, fmt.Errorf("report template: more than %d fields", maxFields)
			}
			if err := f.check(); err != nil {
				return t, fmt.Errorf("report template: field %q: %w", f.Label, err)
			}
		}
	}
	if n == 0 {
		return t, errors.New("report template: it has no field")
	}
	return t, nil
}

func (f ReportField) check() error {
	kinds := []string{FieldPresent, FieldCount, FieldArea, FieldShare, FieldDensity, FieldDiameter, FieldCaptions, FieldText, FieldBlank}
	switch {
	case !slices.Contains(kinds, f.Kind):
		return fmt.Errorf("unknown kind %q; known are %s", f.Kind, strings.Join(kinds, ", "))
	case f.Label == "":
		return errors.New("it has no label")
	case f.Class == "" && !slices.Contains([]string{FieldCaptions, FieldText, FieldBlank}, f.Kind):
		return errors.New("it names no class")
	case f.Of == "" && (f.Kind == FieldShare || f.Kind == FieldDensity):
		return errors.New("it does not say of which class")
	}
	return nil
}

// StandardTemplate is what a report has without a template of one's own: for each
// class of the palette its count and area, then accepted sentences and a line for
// a comment.
func StandardTemplate(p annotate.Palette) ReportTemplate {
	t := ReportTemplate{Title: "Report of labels", Sections: []ReportSection{{Title: "Findings by class"}}}
	for _, c := range p {
		t.Sections[0].Fields = append(t.Sections[0].Fields,
			ReportField{Label: c.Name + ", labels", Kind: FieldCount, Class: c.Name},
			ReportField{Label: c.Name + ", area", Kind: FieldArea, Class: c.Name})
	}
	t.Sections = append(t.Sections, ReportSection{Title: "Description", Fields: []ReportField{
		{Label: "Accepted sentences", Kind: FieldCaptions}, {Label: "Comment", Kind: FieldBlank}}})
	return t
}

// classSum is what the labels of a class come to.
type classSum struct {
	count    int
	area     float64 // mm²
	diameter float64 // mm
	scaled   bool    // all slides with it say their µm
}

// findings are the labels of one or more slides, by the class's name in lower case.
type findings struct {
	classes  map[string]classSum
	captions []MachineText
}

// add counts a slide. Suggestions nobody decided on are not there.
func (f *findings) add(item SlideItem, set *annotate.Set, p annotate.Palette) {
	set.All(func(o *annotate.Object) bool {
		if !o.IsLabel() {
			return true
		}
		if t, ok := TextOf(o); ok && t.By != "" {
			f.captions = append(f.captions, t)
		}
		c := p.ByID(o.Class)
		if c == nil {
			return true
		}
		key := strings.ToLower(c.Name)
		sum, seen := f.classes[key]
		sum.count++
		sum.scaled = (sum.scaled || !seen) && item.MPPX > 0 && item.MPPY > 0
		if o.ROI.IsArea() && sum.scaled {
			m := o.ROI.Measured(item.MPPX, item.MPPY)
			sum.area += m.Area / 1e6
			sum.diameter = max(sum.diameter, m.FeretMax/1e3)
		}
		f.classes[key] = sum
		return true
	})
}

// fill is the value of a field in words, and whether there is something to say.
func (f *findings) fill(field ReportField) string {
	sum := f.classes[strings.ToLower(field.Class)]
	of := f.classes[strings.ToLower(field.Of)]
	noScale := sum.count > 0 && !sum.scaled
	switch field.Kind {
	case FieldPresent:
		if sum.count > 0 {
			return orText(field.Yes, "present")
		}
		return orText(field.No, "not identified")
	case FieldCount:
		return fmt.Sprint(sum.count)
	case FieldText:
		return field.Text
	case FieldShare, FieldDensity:
		if of.area <= 0 || !of.scaled {
			return "not defined: no area of " + field.Of
		}
		if field.Kind == FieldDensity {
			return fmt.Sprintf("%.2f / mm²", float64(sum.count)/of.area)
		}
		if noScale {
			return "not known: a slide does not say its µm per pixel"
		}
		return fmt.Sprintf("%.1f %%", 100*sum.area/of.area)
	case FieldArea, FieldDiameter:
		if noScale {
			return "not known: a slide does not say its µm per pixel"
		}
		if field.Kind == FieldDiameter {
			return fmt.Sprintf("%.2f mm", sum.diameter)
		}
		return fmt.Sprintf("%.3f mm²", sum.area)
	}
	return ""
}

func orText(s, def string) string {
	if s == "" {
		return def
	}
	return s
}
