package exchange

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxValue bounds one value of a JSON file that is held as a whole.
const maxValue = 256 << 20

// JSON walks over a JSON file value by value.
type JSON struct {
	format string
	in     *Input
	dec    *json.Decoder
	used   bool // the value that a callback stands at was read
	depth  int
}

// NewJSON reads a file for the format of that name.
func NewJSON(format string, in *Input) *JSON {
	return &JSON{format: format, in: in, dec: json.NewDecoder(QuoteNumbers(in))}
}

// Errorf is an error at the place that was read to.
func (j *JSON) Errorf(format string, a ...any) error {
	return &FormatError{Format: j.format, Offset: j.dec.InputOffset(), What: fmt.Sprintf(format, a...)}
}

// Where is the byte that was read to, for warnings.
func (j *JSON) Where() string { return fmt.Sprintf("byte %d", j.dec.InputOffset()) }

func (j *JSON) wrap(err error) error {
	var ready *FormatError
	if err == nil || errors.As(err, &ready) {
		return err
	}
	e := &FormatError{Format: j.format, Offset: j.dec.InputOffset(), What: "the file is no usable JSON", Err: err}
	var syntax *json.SyntaxError
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		e.What, e.Err = "the file ends too early", nil
	case errors.Is(err, ErrLarge), errors.Is(err, ErrBomb):
		e.What = "the file is too large to be read safely"
	case errors.As(err, &syntax):
		e.Offset = max(e.Offset, syntax.Offset)
	case errors.As(err, &wrong):
		e.What, e.Err = fmt.Sprintf("%q is a %s, which it cannot be", wrong.Field, wrong.Value), nil
	}
	return e
}

func (j *JSON) token() (json.Token, error) {
	j.in.Allow(j.dec.InputOffset(), maxValue)
	t, err := j.dec.Token()
	return t, j.wrap(err)
}

// Decode reads the value at hand.
func (j *JSON) Decode(v any) error {
	j.used = true
	j.in.Allow(j.dec.InputOffset(), maxValue)
	return j.wrap(j.dec.Decode(v))
}

// Any reads an object by key or an array by element, whichever comes; any other
// value is an error.
func (j *JSON) Any(key func(key string) error, element func() error) error {
	j.used = true
	t, err := j.token()
	if err != nil {
		return err
	}
	if j.depth++; j.depth > maxDepth {
		return j.Errorf("values are nested more than %d deep", maxDepth)
	}
	defer func() { j.depth-- }()
	switch {
	case t == json.Delim('{') && key != nil:
		return j.object(key)
	case t == json.Delim('[') && element != nil:
		return j.array(element)
	case key == nil:
		return j.Errorf("a list is expected here")
	}
	return j.Errorf("an object is expected here")
}

// Object reads an object: key is called with every key and reads the value, or
// leaves it.
func (j *JSON) Object(key func(key string) error) error { return j.Any(key, nil) }

// Array reads an array: element is called for every element and reads it, or
// leaves it.
func (j *JSON) Array(element func() error) error { return j.Any(nil, element) }

func (j *JSON) object(key func(string) error) error {
	for {
		t, err := j.token()
		if err != nil {
			return err
		}
		if t == json.Delim('}') {
			j.used = true
			return nil
		}
		k, ok := t.(string)
		if !ok {
			return j.Errorf("a key is expected here")
		}
		if err := j.value(func() error { return key(k) }); err != nil {
			return err
		}
	}
}

func (j *JSON) array(element func() error) error {
	for j.more() {
		if err := j.value(element); err != nil {
			return err
		}
	}
	_, err := j.token()
	j.used = true
	return err
}

func (j *JSON) more() bool {
	j.in.Allow(j.dec.InputOffset(), maxValue)
	return j.dec.More()
}

// value has f read a value and passes over one that it left.
func (j *JSON) value(f func() error) error {
	j.used = false
	if err := f(); err != nil {
		return err
	}
	if !j.used {
		var skip json.RawMessage
		return j.Decode(&skip)
	}
	return nil
}

// End expects that nothing but space follows.
func (j *JSON) End() error {
	j.in.Allow(j.dec.InputOffset(), maxValue)
	switch _, err := j.dec.Token(); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return j.wrap(err)
	}
	return j.Errorf("something follows the end of the file")
}

// Marshal writes a value without the escapes that only HTML needs, without a
// line break at the end. Maps come sorted.
func Marshal(v any) ([]byte, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return []byte(strings.TrimSuffix(b.String(), "\n")), nil
}

// Text is a JSON string's text, any other value as it stands, "" for null.
func Text(raw json.RawMessage) string {
	var s string
	if len(raw) == 0 || string(raw) == "null" {
		return ""
	}
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}
