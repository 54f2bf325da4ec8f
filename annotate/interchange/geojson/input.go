package geojson

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// FormatError says that the file as a whole cannot be read, or not further.
type FormatError struct {
	Feature int    // features read before it
	What    string // what is wrong
	Err     error  // cause, may be nil
}

func (e *FormatError) Error() string {
	s := "geojson: " + e.What
	if e.Feature > 0 {
		s = fmt.Sprintf("geojson: after %d features: %s", e.Feature, e.What)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *FormatError) Unwrap() error { return e.Err }

var (
	errLarge   = errors.New("more bytes than the limit")
	errFeature = errors.New("one feature has more bytes than the limit")
	errBomb    = errors.New("it grows more than 200-fold when unpacked")
)

// Limits of a gzip file: real files pack 5-fold.
const (
	maxRatio   = 200
	ratioFloor = 1 << 20 // bytes that may always come out
)

// open unpacks, removes a byte order mark, makes bare NaN readable and counts.
func open(r io.Reader, o ReadOptions) (*meter, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	head, err := b.Peek(3)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if bytes.HasPrefix(head, []byte{0x1f, 0x8b}) {
		packed := &counter{r: b}
		z, err := gzip.NewReader(packed)
		if err != nil {
			return nil, &FormatError{What: "the gzip file is damaged", Err: err}
		}
		b = bufio.NewReaderSize(&unpacker{packed: packed, r: z}, 64<<10)
		if head, err = b.Peek(3); err != nil && err != io.EOF {
			return nil, &FormatError{What: "the gzip file is damaged", Err: err}
		}
	}
	switch {
	case len(head) == 0:
		return nil, &FormatError{What: "the file is empty"}
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}), bytes.HasPrefix(head, []byte{0xff, 0xfe}):
		return nil, &FormatError{What: "the file is UTF-16 text; save it as UTF-8"}
	case bytes.HasPrefix(head, []byte("PK")):
		return nil, &FormatError{What: "the file is a zip archive; unpack it first"}
	case bytes.HasPrefix(head, []byte{0xef, 0xbb, 0xbf}):
		if _, err := b.Discard(3); err != nil {
			return nil, err
		}
	}
	return &meter{r: &quoter{r: b}, max: o.MaxBytes, stop: o.MaxFeature}, nil
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// unpacker stops a gzip bomb.
type unpacker struct {
	packed *counter
	r      io.Reader
	n      int64
}

func (u *unpacker) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	u.n += int64(n)
	if u.n > ratioFloor && u.n/maxRatio > u.packed.n {
		return 0, errBomb
	}
	return n, err
}

// meter limits the bytes of the file and, moved before each, of one feature:
// the decoder holds a whole feature in memory.
type meter struct {
	r         io.Reader
	n         int64
	max, stop int64
}

func (m *meter) Read(p []byte) (int, error) {
	if m.n >= m.max {
		return 0, errLarge
	}
	if m.n >= m.stop {
		return 0, errFeature
	}
	p = p[:min(int64(len(p)), m.max-m.n, m.stop-m.n)]
	n, err := m.r.Read(p)
	m.n += int64(n)
	return n, err
}

// quoter puts bare NaN, Infinity and -Infinity into quotes. JSON has no such
// numbers, yet older QuPath and Python's json module write them.
type quoter struct {
	r       *bufio.Reader
	pending []byte
	text    bool // inside a string
	escape  bool // after a backslash
}

func (q *quoter) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(q.pending) > 0 {
			k := copy(p[n:], q.pending)
			q.pending = q.pending[k:]
			n += k
			continue
		}
		c, err := q.r.ReadByte()
		if err != nil {
			if n > 0 {
				return n, nil
			}
			return 0, err
		}
		switch {
		case q.escape:
			q.escape = false
		case q.text:
			q.escape = c == '\\'
			q.text = c != '"'
		case c == '"':
			q.text = true
		case c == 'N' && q.take("aN"):
			q.pending = []byte(`"NaN"`)
			continue
		case c == 'I' && q.take("nfinity"):
			q.pending = []byte(`"Infinity"`)
			continue
		case c == '-' && q.take("Infinity"):
			q.pending = []byte(`"-Infinity"`)
			continue
		}
		p[n] = c
		n++
	}
	return n, nil
}

// take consumes the word if it comes next.
func (q *quoter) take(word string) bool {
	b, err := q.r.Peek(len(word))
	if err != nil || string(b) != word {
		return false
	}
	_, err = q.r.Discard(len(word))
	return err == nil
}
