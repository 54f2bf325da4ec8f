package exchange

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"coverslip/annotate"
)

// maxToken bounds one token of an XML file: a path of a million points.
const maxToken = 128 << 20

// XML walks over an XML file token by token.
type XML struct {
	format string
	in     *Input
	dec    *xml.Decoder
	depth  int
}

// Elem is a start tag.
type Elem struct {
	Name  string
	start xml.StartElement
	x     *XML
	line  int
}

const maxDepth = 64 // of elements; the deepest format has 8

// NewXML reads a file for the format of that name.
func NewXML(format string, in *Input) *XML {
	d := xml.NewDecoder(in)
	d.CharsetReader = charset
	return &XML{format: format, in: in, dec: d}
}

// charset reads the encodings that vendors' files are in. UTF-16 was made UTF-8
// before: its declaration is past.
func charset(name string, r io.Reader) (io.Reader, error) {
	switch strings.ToLower(name) {
	case "utf-8", "utf8", "us-ascii", "ascii", "utf-16", "utf-16le", "utf-16be", "unicode":
		return r, nil
	case "iso-8859-1", "latin1", "windows-1252", "cp1252", "iso-8859-15":
		return &latin{r: r}, nil
	}
	return nil, fmt.Errorf("text of the encoding %q cannot be read; save the file as UTF-8", name)
}

// latin reads ISO 8859-1 as UTF-8.
type latin struct {
	r    io.Reader
	left []byte
}

func (l *latin) Read(p []byte) (int, error) {
	if len(l.left) == 0 {
		var b [4096]byte
		n, err := l.r.Read(b[:])
		if n == 0 {
			return 0, err
		}
		for _, c := range b[:n] {
			l.left = append(l.left, string(rune(c))...)
		}
	}
	n := copy(p, l.left)
	l.left = l.left[n:]
	return n, nil
}

// Errorf is an error at the place that was read to.
func (x *XML) Errorf(format string, a ...any) error {
	line, _ := x.dec.InputPos()
	return &FormatError{Format: x.format, Line: line, Offset: x.dec.InputOffset(), What: fmt.Sprintf(format, a...)}
}

// Where is the line that was read to, for warnings.
func (x *XML) Where() string {
	line, _ := x.dec.InputPos()
	return "line " + strconv.Itoa(line)
}

func (x *XML) token() (xml.Token, error) {
	x.in.Allow(x.dec.InputOffset(), maxToken)
	t, err := x.dec.Token()
	if err != nil {
		line, _ := x.dec.InputPos()
		what := "the file is damaged"
		var syntax *xml.SyntaxError
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &syntax) && strings.Contains(syntax.Msg, "unexpected EOF"):
			what, err = "the file ends too early", nil
		case errors.Is(err, ErrLarge), errors.Is(err, ErrBomb):
			what = "the file is too large to be read safely"
		case errors.As(err, &syntax):
			err = errors.New(syntax.Msg)
		}
		return nil, &FormatError{Format: x.format, Line: line, Offset: x.dec.InputOffset(), What: what, Err: err}
	}
	switch t.(type) {
	case xml.StartElement:
		if x.depth++; x.depth > maxDepth {
			return nil, x.Errorf("elements are nested more than %d deep", maxDepth)
		}
	case xml.EndElement:
		x.depth--
	case xml.Directive:
		return nil, x.Errorf("the file has a document type declaration, which is not read")
	}
	return t, nil
}

// Root goes into the root element, which must have one of the names, reads it by
// f, and expects nothing behind it.
func (x *XML) Root(f func(e *Elem) error, names ...string) error {
	for {
		t, err := x.token()
		if err != nil {
			return err
		}
		s, ok := t.(xml.StartElement)
		if !ok {
			continue
		}
		for _, n := range names {
			if s.Name.Local == n {
				return x.body(s, f)
			}
		}
		return x.Errorf("the file begins with <%s>, not with <%s>", s.Name.Local, names[0])
	}
}

// body hands an element to f and passes over what f left of it.
func (x *XML) body(s xml.StartElement, f func(e *Elem) error) error {
	d := x.depth
	line, _ := x.dec.InputPos()
	if err := f(&Elem{s.Name.Local, s, x, line}); err != nil {
		return err
	}
	for x.depth >= d {
		if _, err := x.token(); err != nil {
			return err
		}
	}
	return nil
}

// Children hands every child element to f; what f does not read is passed over.
func (e *Elem) Children(f func(e *Elem) error) error {
	x, d := e.x, e.x.depth
	for {
		t, err := x.token()
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if err := x.body(t, f); err != nil {
				return err
			}
		case xml.EndElement:
			if x.depth < d {
				return nil
			}
		}
	}
}

// Text is the text of the element and of those in it, trimmed.
func (e *Elem) Text() (string, error) {
	x, d := e.x, e.x.depth
	var b strings.Builder
	for {
		t, err := x.token()
		if err != nil {
			return "", err
		}
		switch t := t.(type) {
		case xml.CharData:
			b.Write(t)
		case xml.EndElement:
			if x.depth < d {
				return strings.TrimSpace(b.String()), nil
			}
		}
	}
}

// Line is where the start tag ends.
func (e *Elem) Line() string { return "line " + strconv.Itoa(e.line) }

// Errorf is an error at the place that was read to.
func (e *Elem) Errorf(format string, a ...any) error { return e.x.Errorf(format, a...) }

// Attr is an attribute, also when it is written in other letters; "" for none.
func (e *Elem) Attr(name string) string {
	for _, a := range e.start.Attr {
		if strings.EqualFold(a.Name.Local, name) {
			return a.Value
		}
	}
	return ""
}

// Has tells whether the attribute is there.
func (e *Elem) Has(name string) bool {
	for _, a := range e.start.Attr {
		if strings.EqualFold(a.Name.Local, name) {
			return true
		}
	}
	return false
}

// Number is an attribute that must be a number. A decimal comma is taken: some
// programs write the numbers of their user's country.
func (e *Elem) Number(name string) (float64, error) {
	v := e.Attr(name)
	f, err := ParseNumber(v)
	if err != nil {
		return 0, e.Errorf("<%s> has no usable number %s: %q", e.Name, name, v)
	}
	return f, nil
}

// Point is two attributes that must be numbers.
func (e *Elem) Point(x, y string) (p annotate.Point, err error) {
	if p.X, err = e.Number(x); err == nil {
		p.Y, err = e.Number(y)
	}
	return p, err
}

// TextNumber is the text of the element, which must be a number.
func (e *Elem) TextNumber() (float64, error) {
	t, err := e.Text()
	if err != nil {
		return 0, err
	}
	f, err := ParseNumber(t)
	if err != nil {
		return 0, e.Errorf("<%s> is no usable number: %q", e.Name, t)
	}
	return f, nil
}

// ParseNumber reads a finite number with a decimal point or comma.
func ParseNumber(s string) (float64, error) {
	s = strings.TrimSpace(s)
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && strings.Count(s, ",") == 1 && !strings.Contains(s, ".") {
		f, err = strconv.ParseFloat(strings.Replace(s, ",", ".", 1), 64)
	}
	if err == nil && (f-f != 0) {
		err = strconv.ErrRange
	}
	return f + 0, err
}

// XMLText is a text escaped for XML, in an attribute or between tags.
// Characters that XML cannot hold become U+FFFD.
func XMLText(s string) string {
	var b strings.Builder
	if xml.EscapeText(&b, []byte(s)) != nil {
		return ""
	}
	return b.String()
}
