package exchange

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// Input is a file that is read without trusting it: unpacked when it is gzip, of
// UTF-16 made UTF-8, without byte order mark, and with a limit.
type Input struct {
	head []byte
	b    *bufio.Reader
	max  int64
	n    int64
	stop int64 // what Allow allowed; 0: no bound
}

// Limits of a gzip file: real files pack 5-fold.
const (
	maxRatio   = 200
	ratioFloor = 1 << 20 // bytes that may always come out
	headBytes  = 64 << 10
)

// Open opens a file of at most max bytes unpacked.
func Open(r io.Reader, max int64) (*Input, error) {
	b := bufio.NewReaderSize(r, headBytes)
	head, err := b.Peek(4)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if bytes.HasPrefix(head, []byte{0x1f, 0x8b}) {
		packed := &counter{r: b}
		z, err := gzip.NewReader(packed)
		if err != nil {
			return nil, &FormatError{Format: "gzip", Offset: -1, What: "the file is damaged", Err: err}
		}
		b = bufio.NewReaderSize(&unpacker{packed: packed, r: z}, headBytes)
		if head, err = b.Peek(4); err != nil && err != io.EOF {
			return nil, &FormatError{Format: "gzip", Offset: -1, What: "the file is damaged", Err: err}
		}
	}
	switch {
	case bytes.HasPrefix(head, []byte{0xef, 0xbb, 0xbf}):
		if _, err := b.Discard(3); err != nil {
			return nil, err
		}
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}), bytes.HasPrefix(head, []byte{0xff, 0xfe}):
		if _, err := b.Discard(2); err != nil {
			return nil, err
		}
		b = bufio.NewReaderSize(&wide{r: b, big: head[0] == 0xfe}, headBytes)
	case len(head) > 3 && head[0] == '<' && head[1] == 0 && head[2] != 0 && head[3] == 0:
		b = bufio.NewReaderSize(&wide{r: b}, headBytes)
	}
	in := &Input{b: b, max: max}
	in.head, err = b.Peek(headBytes)
	if err != nil && err != io.EOF {
		return nil, &FormatError{Format: "file", Offset: int64(len(in.head)), What: "the file cannot be unpacked", Err: err}
	}
	in.head = bytes.Clone(in.head)
	return in, nil
}

// Head is the first bytes of the file, at most 64 KiB, which are still to be
// read.
func (in *Input) Head() []byte { return in.head }

// Allow bounds what may be read before the next call: up to the offset from,
// and n more bytes. Decoders hold a whole value in memory.
func (in *Input) Allow(from, n int64) { in.stop = from + n }

func (in *Input) Read(p []byte) (int, error) {
	if in.n >= in.max {
		return 0, ErrLarge
	}
	left := in.max - in.n
	if in.stop > 0 {
		// What the decoder reads ahead is part of the next value.
		if in.n >= in.stop {
			return 0, fmt.Errorf("%w: one value", ErrLarge)
		}
		left = min(left, in.stop-in.n)
	}
	p = p[:min(int64(len(p)), left)]
	n, err := in.b.Read(p)
	in.n += int64(n)
	return n, err
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
		return 0, ErrBomb
	}
	return n, err
}

// wide reads UTF-16 as UTF-8.
type wide struct {
	r    *bufio.Reader
	big  bool
	left []byte
}

func (w *wide) unit() (rune, error) {
	var b [2]byte
	if _, err := io.ReadFull(w.r, b[:]); err != nil {
		return 0, err
	}
	if w.big {
		return rune(b[0])<<8 | rune(b[1]), nil
	}
	return rune(b[1])<<8 | rune(b[0]), nil
}

func (w *wide) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(w.left) > 0 {
			k := copy(p[n:], w.left)
			w.left, n = w.left[k:], n+k
			continue
		}
		c, err := w.unit()
		if err == nil && utf16.IsSurrogate(c) {
			var low rune
			if low, err = w.unit(); err == nil {
				c = utf16.DecodeRune(c, low)
			}
		}
		if err != nil {
			if n > 0 {
				return n, nil
			}
			return 0, err
		}
		w.left = utf8.AppendRune(w.left[:0], c)
	}
	return n, nil
}

// QuoteNumbers puts bare NaN, Infinity and -Infinity into quotes. JSON has no
// such numbers, yet older QuPath and Python's json module write them.
func QuoteNumbers(r io.Reader) io.Reader { return &quoter{r: bufio.NewReaderSize(r, 64<<10)} }

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
