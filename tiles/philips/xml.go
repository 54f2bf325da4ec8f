package philips

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"coverslip/tiles"
)

// Limits of the XML; encoding/xml expands no entities of the file's own, so a
// bomb is an error of the parser.
const (
	maxXMLBytes = 16 << 20
	maxXMLDepth = 256
	maxXMLNodes = 1 << 16 // objects and attributes
)

// Names of attributes that hold objects.
const (
	attrImages          = "PIM_DP_SCANNED_IMAGES"
	attrRepresentations = "PIIM_PIXEL_DATA_REPRESENTATION_SEQUENCE"
)

// object is a DataObject element.
type object struct {
	kind       string // ObjectType
	attributes []*attribute
}

// attribute is an Attribute element: a text, or objects in an array.
type attribute struct {
	name    string
	body    []byte // its text
	nested  bool   // it has elements below it
	objects []*object
}

// rootPrefix begins the names of all properties.
const rootPrefix = "philips."

// spacing is a pixel spacing in mm.
type spacing struct{ x, y float64 }

// parseXML reads the description. Elements other than DataObject, Attribute and
// Array are left out with what they hold.
func parseXML(s string) (*object, error) {
	if len(s) > maxXMLBytes {
		return nil, fmt.Errorf("XML of %d bytes is longer than %d", len(s), maxXMLBytes)
	}
	dec := xml.NewDecoder(strings.NewReader(s))
	var (
		root  *object
		stack []any // *object, *attribute, nil for other elements
		nodes int
	)
	top := func() any {
		if len(stack) == 0 {
			return nil
		}
		return stack[len(stack)-1]
	}
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("XML: %w", err)
		}
		switch e := tok.(type) {
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if a, ok := top().(*attribute); ok && !a.nested {
				a.body = append(a.body, e...)
			}
		case xml.StartElement:
			if nodes++; nodes > maxXMLNodes || len(stack) >= maxXMLDepth {
				return nil, fmt.Errorf("XML of more than %d elements, or deeper than %d", maxXMLNodes, maxXMLDepth)
			}
			node := element(e, top())
			if o, ok := node.(*object); ok && root == nil && len(stack) == 0 {
				root = o
			}
			stack = append(stack, node)
		}
	}
	if root == nil || root.kind != "DPUfsImport" {
		return nil, errors.New("XML whose root is no DataObject of type DPUfsImport")
	}
	return root, nil
}

// element makes the node of an element and hangs it below its parent. An Array
// stands for the attribute that it belongs to.
func element(e xml.StartElement, parent any) any {
	get := func(name string) string {
		for _, a := range e.Attr {
			if a.Name.Local == name {
				return a.Value
			}
		}
		return ""
	}
	switch up := parent.(type) {
	case *attribute:
		up.nested, up.body = true, nil
		if e.Name.Local == "Array" {
			return up
		}
		if e.Name.Local == "DataObject" {
			o := &object{kind: get("ObjectType")}
			up.objects = append(up.objects, o)
			return o
		}
	case *object:
		if e.Name.Local == "Attribute" {
			a := &attribute{name: get("Name")}
			up.attributes = append(up.attributes, a)
			return a
		}
	case nil:
		if e.Name.Local == "DataObject" {
			return &object{kind: get("ObjectType")}
		}
	}
	return nil
}

// attribute is the first attribute of a name, nil when there is none.
func (o *object) attribute(name string) *attribute {
	for _, a := range o.attributes {
		if a.name == name {
			return a
		}
	}
	return nil
}

// text is the text of an attribute, "" when there is none.
func (o *object) text(name string) string {
	if a := o.attribute(name); a != nil {
		return strings.TrimSpace(string(a.body))
	}
	return ""
}

// image is the first scanned image of a type, nil when there is none.
func (o *object) image(kind string) *object {
	if a := o.attribute(attrImages); a != nil {
		for _, im := range a.objects {
			if im.text("PIM_DP_IMAGE_TYPE") == kind {
				return im
			}
		}
	}
	return nil
}

// spacings is the pixel spacing of each level; nil when one of them is unknown.
func (o *object) spacings() []spacing {
	a := o.attribute(attrRepresentations)
	if a == nil {
		return nil
	}
	var out []spacing
	for _, r := range a.objects {
		s, ok := parseSpacing(r.text("DICOM_PIXEL_SPACING"))
		if !ok {
			return nil
		}
		out = append(out, s)
	}
	return out
}

// parseSpacing reads DICOM's pixel spacing: two numbers in quotes, that of rows
// first.
func parseSpacing(s string) (spacing, bool) {
	f := strings.Fields(strings.ReplaceAll(s, `"`, " "))
	if len(f) != 2 {
		return spacing{}, false
	}
	y, okY := tiles.ParseNumber(f[0])
	x, okX := tiles.ParseNumber(f[1])
	return spacing{x, y}, okX && okY && x > 0 && y > 0
}

// properties writes texts under OpenSlide's names: the document's, the
// slide image's, and those of each of its levels.
func (o *object) properties(props map[string]string) { o.add(props, rootPrefix) }

func (o *object) add(props map[string]string, prefix string) {
	for _, a := range o.attributes {
		switch {
		case a.name == attrImages:
			if im := o.image("WSI"); im != nil && o.kind == "DPUfsImport" {
				im.add(props, prefix)
			}
		case a.name == attrRepresentations && a.nested:
			if prefix != rootPrefix {
				continue // they are not nested in real files; names would grow without end
			}
			for i, r := range a.objects {
				r.add(props, fmt.Sprintf("%s%s[%d].", prefix, a.name, i))
			}
		case !a.nested && a.name != "" && len(a.name)+len(a.body) <= maxProperty:
			props[prefix+a.name] = string(a.body)
		}
	}
}
