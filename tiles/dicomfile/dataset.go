package dicomfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Dataset is the elements of a file, or of an item of a sequence.
type Dataset struct {
	file  *File
	elems []Element
}

func (d *Dataset) add(e Element) error {
	if len(d.elems) >= MaxElements {
		return bad("a data set has more than %d elements", MaxElements)
	}
	d.elems = append(d.elems, e)
	return nil
}

// Elements lists the elements in the order of the file; the slice is shared.
func (d *Dataset) Elements() []Element { return d.elems }

// Find returns the first element of a tag.
func (d *Dataset) Find(t Tag) (Element, bool) {
	for i := range d.elems { // data sets are short, and not all files sort them
		if d.elems[i].Tag == t {
			return d.elems[i], true
		}
	}
	return Element{}, false
}

// Has says whether the tag is there with a value.
func (d *Dataset) Has(t Tag) bool {
	e, ok := d.Find(t)
	return ok && e.Length > 0
}

// Bytes reads the bytes of a tag, nil when it is absent, an error when there
// are more than limit.
func (d *Dataset) Bytes(t Tag, limit int64) ([]byte, error) {
	e, ok := d.Find(t)
	if !ok || e.Length == 0 {
		return nil, nil
	}
	b, err := d.bytes(e, limit)
	return bytes.Clone(b), err
}

// bytes is Bytes of an element; they are valid until more is read.
func (d *Dataset) bytes(e Element, limit int64) ([]byte, error) {
	if e.Length > limit || e.open {
		return nil, bad("element %v holds %d bytes, more than %d", e.Tag, e.Length, limit)
	}
	if e.Length <= windowBytes {
		return d.file.bytes(e.offset, int(e.Length))
	}
	b := make([]byte, e.Length)
	return b, readFull(d.file.r, b, e.offset)
}

// maxText bounds texts; the longest that matter are a few hundred bytes.
const maxText = 1 << 16

// Text reads the first text of a tag, without padding, "" when it is absent.
func (d *Dataset) Text(t Tag) (string, error) {
	v, err := d.Texts(t)
	if err != nil || len(v) == 0 {
		return "", err
	}
	return v[0], nil
}

// Texts reads the values of a tag as text, numbers too, nil when it is absent
// or holds bytes of no known meaning. Bytes that are no UTF-8 are taken as
// Latin-1.
func (d *Dataset) Texts(t Tag) ([]string, error) {
	e, ok := d.Find(t)
	if !ok || e.Length == 0 {
		return nil, nil
	}
	return d.texts(e)
}

func (d *Dataset) texts(e Element) ([]string, error) {
	if strings.HasPrefix(e.VR, "O") || e.VR == "UN" || e.VR == "SQ" || e.VR == "AT" {
		return nil, nil
	}
	b, err := d.bytes(e, maxText)
	if err != nil {
		return nil, err
	}
	if size := binarySize(e.VR); size > 0 {
		v, err := numbers(e, b)
		out := make([]string, len(v))
		for i, n := range v {
			out[i] = strconv.FormatFloat(n, 'f', -1, 64)
		}
		return out, err
	}
	s := string(b)
	if !utf8.Valid(b) {
		var r strings.Builder
		for _, c := range b {
			r.WriteRune(rune(c))
		}
		s = r.String()
	}
	s = strings.TrimRight(s, " \x00")
	if e.VR == "LT" || e.VR == "ST" || e.VR == "UT" || e.VR == "UR" { // backslash is a letter there
		return []string{s}, nil
	}
	out := strings.Split(s, `\`)
	for i := range out {
		out[i] = strings.TrimSpace(out[i])
	}
	return out, nil
}

// binarySize is the bytes of a number of a binary VR, 0 for texts.
func binarySize(vr string) int {
	switch vr {
	case "US", "SS":
		return 2
	case "UL", "SL", "FL":
		return 4
	case "UV", "SV", "FD":
		return 8
	}
	return 0
}

// numbers decodes the values of a binary VR. Whole numbers of 64 bits are
// rounded to 53.
func numbers(e Element, b []byte) ([]float64, error) {
	size := binarySize(e.VR)
	if len(b)%size != 0 {
		return nil, bad("element %v of VR %s has %d bytes", e.Tag, e.VR, len(b))
	}
	out := make([]float64, 0, len(b)/size)
	le := binary.LittleEndian
	for ; len(b) > 0; b = b[size:] {
		var v float64
		switch e.VR {
		case "US":
			v = float64(le.Uint16(b))
		case "SS":
			v = float64(int16(le.Uint16(b)))
		case "UL":
			v = float64(le.Uint32(b))
		case "SL":
			v = float64(int32(le.Uint32(b)))
		case "FL":
			v = float64(math.Float32frombits(le.Uint32(b)))
		case "UV":
			v = float64(le.Uint64(b))
		case "SV":
			v = float64(int64(le.Uint64(b)))
		case "FD":
			v = math.Float64frombits(le.Uint64(b))
		}
		out = append(out, v)
	}
	return out, nil
}

// Floats reads the numbers of a tag of any VR that holds some, nil when it is
// absent. Numbers that are infinite or none are an error.
func (d *Dataset) Floats(t Tag) ([]float64, error) {
	e, ok := d.Find(t)
	if !ok || e.Length == 0 {
		return nil, nil
	}
	var out []float64
	switch {
	case binarySize(e.VR) > 0:
		b, err := d.bytes(e, maxText)
		if err != nil {
			return nil, err
		}
		if out, err = numbers(e, b); err != nil {
			return nil, err
		}
	case e.VR == "DS" || e.VR == "IS":
		texts, err := d.texts(e)
		if err != nil {
			return nil, err
		}
		for _, s := range texts {
			v, err := strconv.ParseFloat(s, 64)
			if err != nil {
				return nil, bad("element %v is %q, no number", t, s)
			}
			out = append(out, v)
		}
	default:
		return nil, bad("element %v has VR %s where a number is due", t, e.VR)
	}
	for _, v := range out {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, bad("element %v is %v, no number", t, v)
		}
	}
	return out, nil
}

// Int reads the first whole number of a tag, def when it is absent; an error
// when it is not within ±2^53.
func (d *Dataset) Int(t Tag, def int64) (int64, error) {
	v, err := d.Floats(t)
	if err != nil || len(v) == 0 {
		return def, err
	}
	if v[0] != math.Trunc(v[0]) || math.Abs(v[0]) > 1<<53 {
		return 0, bad("element %v is %v where a whole number is due", t, v[0])
	}
	return int64(v[0]), nil
}

// Uint64s reads the unsigned 64-bit numbers of a tag, nil when it is absent, an
// error when there are more than limit.
func (d *Dataset) Uint64s(t Tag, limit int) ([]uint64, error) {
	b, err := d.Bytes(t, 8*int64(limit))
	if err != nil {
		return nil, err
	}
	if len(b)%8 != 0 {
		return nil, bad("element %v has %d bytes", t, len(b))
	}
	out := make([]uint64, len(b)/8)
	for i := range out {
		out[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return out, nil
}

// Items calls f for each item of a sequence until it returns an error, which
// Items passes on. No item at all is none when the tag is absent. The data set
// of an item is f's to keep.
func (d *Dataset) Items(t Tag, f func(i int, item *Dataset) error) error {
	e, ok := d.Find(t)
	if !ok || e.Length == 0 {
		return nil
	}
	if e.VR != "SQ" && !(e.VR == "UN" && e.open) {
		return bad("element %v has VR %s where a sequence is due", t, e.VR)
	}
	w := walk{file: d.file, off: e.offset, end: e.offset + e.Length, implicit: e.implicit, depth: e.depth + 1}
	if err := w.deeper(); err != nil {
		return err
	}
	for i := 0; w.off < w.end; i++ {
		if i >= MaxItems {
			return bad("sequence %v has more than %d items", t, MaxItems)
		}
		item, err := w.item()
		if err != nil {
			return fmt.Errorf("item %d of %v: %w", i, t, err)
		}
		if item == nil {
			return nil
		}
		if err := f(i, item); err != nil {
			return err
		}
	}
	return nil
}

// First is the first item of a sequence, nil when there is none.
func (d *Dataset) First(t Tag) (*Dataset, error) {
	var first *Dataset
	stop := errors.New("enough")
	err := d.Items(t, func(_ int, item *Dataset) error { first = item; return stop })
	if first != nil {
		return first, nil
	}
	return nil, err
}

// item reads the item at off; nil for the delimiter of the sequence.
func (w *walk) item() (*Dataset, error) {
	at := w.off
	e, length, err := w.header()
	switch {
	case err != nil:
		return nil, err
	case e.Tag == tagSequenceUp:
		return nil, nil
	case e.Tag != tagItem:
		return nil, bad("%v stands at %d where an item is due", e.Tag, at)
	}
	d := &Dataset{file: w.file}
	inner := *w
	if length != undefined {
		if int64(length) > w.end-w.off {
			return nil, bad("an item of %d bytes at %d passes the end at %d", length, at, w.end)
		}
		inner.end = w.off + int64(length)
	}
	for length == undefined || inner.off < inner.end {
		if length == undefined {
			done, err := inner.itemEnds()
			if err != nil {
				return nil, err
			}
			if done {
				break
			}
		}
		e, err := inner.element()
		if err != nil {
			return nil, err
		}
		if err := d.add(e); err != nil {
			return nil, err
		}
	}
	w.off = inner.off
	return d, nil
}
