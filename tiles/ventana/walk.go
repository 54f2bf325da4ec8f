package ventana

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
)

// rawAttribute is an attribute of an element; its bytes are the document's.
type rawAttribute struct{ name, value []byte }

// values are the attributes of an element.
type values []rawAttribute

// get is the value of an attribute, nil when there is none.
func (v values) get(name string) []byte {
	for _, a := range v {
		if string(a.name) == name {
			return a.value
		}
	}
	return nil
}

// walk calls f for each element of an XML document with the names of the open
// ones, itself last, and its attributes; both are valid until f returns. Texts
// are passed over.
//
// It is several times as fast as encoding/xml, whose share would be the most of
// the time that a slide of 20,000 photos takes to open. Of entities it knows those
// of XML itself; a document type with declarations is refused, so there is
// nothing to expand.
func walk(data []byte, f func(path [][]byte, attrs values) error) error {
	if len(data) > maxXMLBytes {
		return fmt.Errorf("XML of %d bytes is longer than %d", len(data), maxXMLBytes)
	}
	w := &walker{rest: bytes.TrimPrefix(data, []byte("\ufeff"))}
	n := 0
	for {
		i := bytes.IndexByte(w.rest, '<')
		if i < 0 {
			break
		}
		w.rest = w.rest[i+1:]
		open, err := w.markup()
		if n++; n > maxMarkup {
			return fmt.Errorf("XML of more than %d tags", maxMarkup)
		}
		if err == nil && open {
			if err = f(w.path, w.attrs); w.closed {
				w.path = w.path[:len(w.path)-1]
			}
		}
		if err != nil {
			return err
		}
	}
	if n = len(w.path); n > 0 {
		return fmt.Errorf("XML: <%.40s> does not end", w.path[n-1])
	}
	return nil
}

// walker is a position in a document.
type walker struct {
	rest   []byte // behind the '<' of the markup that is read
	path   [][]byte
	attrs  values // of the element that begins
	closed bool   // it ends at once
}

var errXMLEnd = errors.New("XML ends within markup")

// markup reads what a '<' begins; open says that it is an element.
func (w *walker) markup() (open bool, err error) {
	switch b := w.rest; {
	case bytes.HasPrefix(b, []byte("?")):
		return false, w.skip("?>")
	case bytes.HasPrefix(b, []byte("!--")):
		w.rest = b[3:]
		return false, w.skip("-->")
	case bytes.HasPrefix(b, []byte("![CDATA[")):
		return false, w.skip("]]>")
	case bytes.HasPrefix(b, []byte("!")):
		i := bytes.IndexByte(b, '>')
		if j := bytes.IndexByte(b, '['); i < 0 || j >= 0 && j < i {
			return false, errors.New("XML that declares a document type or an entity")
		}
		w.rest = b[i+1:]
		return false, nil
	case bytes.HasPrefix(b, []byte("/")):
		return false, w.end()
	}
	return true, w.start()
}

// skip passes over what ends with a mark.
func (w *walker) skip(mark string) error {
	i := bytes.Index(w.rest, []byte(mark))
	if i < 0 {
		return errXMLEnd
	}
	w.rest = w.rest[i+len(mark):]
	return nil
}

// end reads an end tag.
func (w *walker) end() error {
	i := bytes.IndexByte(w.rest, '>')
	if i < 0 {
		return errXMLEnd
	}
	name := local(bytes.TrimRight(w.rest[1:i], " \t\r\n"))
	w.rest = w.rest[i+1:]
	n := len(w.path) - 1
	if n < 0 || !bytes.Equal(w.path[n], name) {
		return fmt.Errorf("XML: </%.40s> ends nothing", name)
	}
	w.path = w.path[:n]
	return nil
}

// start reads a start tag.
func (w *walker) start() error {
	if len(w.path) >= maxXMLDepth {
		return fmt.Errorf("XML nests deeper than %d", maxXMLDepth)
	}
	name := w.name()
	if len(name) == 0 {
		return errors.New("XML: an element without a name")
	}
	w.path, w.attrs, w.closed = append(w.path, local(name)), w.attrs[:0], false
	for {
		w.space()
		switch {
		case len(w.rest) == 0:
			return errXMLEnd
		case w.rest[0] == '>':
			w.rest = w.rest[1:]
			return nil
		case bytes.HasPrefix(w.rest, []byte("/>")):
			w.rest, w.closed = w.rest[2:], true
			return nil
		}
		if len(w.attrs) >= maxAttributes {
			return fmt.Errorf("XML: <%.40s> has more than %d attributes", name, maxAttributes)
		}
		a, err := w.attribute()
		if err != nil {
			return fmt.Errorf("XML: <%.40s>: %w", name, err)
		}
		w.attrs = append(w.attrs, a)
	}
}

// attribute reads name="value".
func (w *walker) attribute() (rawAttribute, error) {
	a := rawAttribute{name: w.name()}
	w.space()
	if len(a.name) == 0 || len(w.rest) == 0 || w.rest[0] != '=' {
		return a, errors.New("an attribute without a name or a value")
	}
	w.rest = w.rest[1:]
	w.space()
	if len(w.rest) == 0 || w.rest[0] != '"' && w.rest[0] != '\'' {
		return a, errors.New("a value without quotes")
	}
	i := bytes.IndexByte(w.rest[1:], w.rest[0])
	if i < 0 {
		return a, errXMLEnd
	}
	a.name, a.value, w.rest = local(a.name), w.rest[1:1+i], w.rest[i+2:]
	if bytes.IndexByte(a.value, '<') >= 0 {
		return a, errors.New("a value that holds <")
	}
	if bytes.IndexByte(a.value, '&') < 0 {
		return a, nil
	}
	return a, a.unescape()
}

// unescape resolves what '&' begins, by the standard parser: it is rare.
func (a *rawAttribute) unescape() error {
	doc := append(append([]byte(`<a b="`), bytes.ReplaceAll(a.value, []byte(`"`), []byte("&#34;"))...), `"/>`...)
	tok, err := xml.NewDecoder(bytes.NewReader(doc)).RawToken()
	e, ok := tok.(xml.StartElement)
	if err != nil || !ok || len(e.Attr) != 1 {
		return fmt.Errorf("an entity that XML does not know: %.60q", a.value)
	}
	a.value = []byte(e.Attr[0].Value)
	return nil
}

// name reads up to what cannot be in a name.
func (w *walker) name() []byte {
	for i, c := range w.rest {
		switch c {
		case ' ', '\t', '\r', '\n', '/', '>', '=', '<', '"', '\'', '&':
			out := w.rest[:i]
			w.rest = w.rest[i:]
			return out
		}
	}
	return nil
}

func (w *walker) space() {
	for len(w.rest) > 0 && (w.rest[0] == ' ' || w.rest[0] == '\t' || w.rest[0] == '\r' || w.rest[0] == '\n') {
		w.rest = w.rest[1:]
	}
}

// local is a name without its namespace.
func local(name []byte) []byte { return name[bytes.LastIndexByte(name, ':')+1:] }

// is compares the names of open elements.
func is(path [][]byte, names ...string) bool {
	if len(path) != len(names) {
		return false
	}
	for i := range path {
		if string(path[i]) != names[i] {
			return false
		}
	}
	return true
}
