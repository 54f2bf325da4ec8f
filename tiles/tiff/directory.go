package tiff

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// Index is the directory's number in its chain, 0 first.
func (d *Directory) Index() int { return d.index }

// Sub lists the directories that tag 330 names.
func (d *Directory) Sub() []*Directory { return d.sub }

// Has says whether the tag is there with at least one value.
func (d *Directory) Has(tag uint16) bool { return d.fields[tag].count > 0 }

// Tiled says whether the image is stored in tiles rather than strips.
func (d *Directory) Tiled() bool { return d.Has(TagTileWidth) }

// raw reads the bytes of a value, of at most limit bytes.
func (d *Directory) raw(tag uint16, limit uint64) (field, []byte, error) {
	fd, ok := d.fields[tag]
	if !ok {
		return fd, nil, bad("directory %d has no tag %d", d.index, tag)
	}
	n := fd.count * typeSizes[fd.typ]
	if n > limit {
		return fd, nil, bad("tag %d of directory %d holds %d bytes, more than %d", tag, d.index, n, limit)
	}
	if fd.offset < 0 {
		return fd, fd.inline[:n:n], nil
	}
	b, err := d.file.bytes(fd.offset, int64(n), fmt.Sprintf("tag %d of directory %d", tag, d.index))
	return fd, b, err
}

// Uints reads all numbers of a tag of an unsigned type, at most max of them.
func (d *Directory) Uints(tag uint16, max int) ([]uint64, error) {
	fd := d.fields[tag]
	if fd.count > uint64(max) {
		return nil, bad("tag %d of directory %d has %d values, more than %d", tag, d.index, fd.count, max)
	}
	fd, b, err := d.raw(tag, math.MaxInt64)
	if err != nil {
		return nil, err
	}
	out := make([]uint64, fd.count)
	o := d.file.order
	for i := range out {
		switch fd.typ {
		case typeByte, typeUndefined:
			out[i] = uint64(b[i])
		case typeShort:
			out[i] = uint64(o.Uint16(b[2*i:]))
		case typeLong, typeIFD:
			out[i] = uint64(o.Uint32(b[4*i:]))
		case typeLong8, typeIFD8:
			out[i] = o.Uint64(b[8*i:])
		default:
			return nil, bad("tag %d of directory %d has type %d where whole numbers are due", tag, d.index, fd.typ)
		}
	}
	return out, nil
}

// Uint reads the first number of a tag, or def when the tag is absent.
func (d *Directory) Uint(tag uint16, def uint64) (uint64, error) {
	if !d.Has(tag) {
		return def, nil
	}
	v, err := d.Uints(tag, 1<<16)
	if err != nil {
		return 0, err
	}
	return v[0], nil
}

// Bytes reads the bytes of a tag, nil when it is absent.
func (d *Directory) Bytes(tag uint16) ([]byte, error) {
	if !d.Has(tag) {
		return nil, nil
	}
	_, b, err := d.raw(tag, MaxValueBytes)
	return b, err
}

// Text reads a text up to its first NUL, "" when the tag is absent. Bytes that
// are no UTF-8 are taken as Latin-1, which old scanners wrote. A text of more than
// MaxTextBytes is an error.
func (d *Directory) Text(tag uint16) (string, error) {
	if !d.Has(tag) {
		return "", nil
	}
	_, b, err := d.raw(tag, MaxTextBytes)
	if err != nil {
		return "", err
	}
	return asText(b), nil
}

// headBytes is what Head reads: more than stands in front of the words by which a
// text is known.
const headBytes = 64 << 10

// Head reads the beginning of a text, 64 KiB of it at most: enough to see whose it
// is, when a dozen readers are asked about a file whose text fills megabytes.
func (d *Directory) Head(tag uint16) (string, error) {
	fd, ok := d.fields[tag]
	if !ok {
		return "", nil
	}
	n := fd.count * typeSizes[fd.typ]
	if n <= headBytes || fd.offset < 0 {
		return d.Text(tag)
	}
	b, err := d.file.bytes(fd.offset, headBytes, fmt.Sprintf("tag %d of directory %d", tag, d.index))
	if err != nil {
		return "", err
	}
	return asText(b), nil
}

// asText makes a text of the bytes of a tag.
func asText(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	if utf8.Valid(b) {
		return string(b)
	}
	var s strings.Builder
	for _, c := range b {
		s.WriteRune(rune(c))
	}
	return s.String()
}

// Int reads the first number of a tag of a whole type, signed or not; ok is
// false when the tag is absent or of another type.
func (d *Directory) Int(tag uint16) (v int64, ok bool, err error) {
	if !d.Has(tag) {
		return 0, false, nil
	}
	fd, b, err := d.raw(tag, MaxValueBytes)
	if err != nil {
		return 0, false, err
	}
	switch fd.typ {
	case typeSLong:
		return int64(int32(d.file.order.Uint32(b))), true, nil
	case typeShort:
		return int64(d.file.order.Uint16(b)), true, nil
	case typeLong:
		return int64(d.file.order.Uint32(b)), true, nil
	}
	return 0, false, nil
}

// Float reads the first number of a tag of type FLOAT; ok is false when the tag
// is absent, of another type, or not a finite number.
func (d *Directory) Float(tag uint16) (v float64, ok bool, err error) {
	if !d.Has(tag) {
		return 0, false, nil
	}
	fd, b, err := d.raw(tag, MaxValueBytes)
	if err != nil || fd.typ != typeFloat {
		return 0, false, err
	}
	v = float64(math.Float32frombits(d.file.order.Uint32(b)))
	return v, !math.IsNaN(v) && !math.IsInf(v, 0), nil
}

// Rational reads the first fraction of a tag; ok is false when the tag is
// absent, of another type, or divides by zero.
func (d *Directory) Rational(tag uint16) (v float64, ok bool, err error) {
	if !d.Has(tag) {
		return 0, false, nil
	}
	fd, b, err := d.raw(tag, MaxValueBytes)
	if err != nil || fd.typ != typeRational {
		return 0, false, err
	}
	num, den := d.file.order.Uint32(b), d.file.order.Uint32(b[4:])
	if den == 0 {
		return 0, false, nil
	}
	return float64(num) / float64(den), true, nil
}
