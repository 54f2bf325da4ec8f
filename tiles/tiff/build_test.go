package tiff

import (
	"bytes"
	"encoding/binary"
	"testing"

	"coverslip/tiles/codec"
)

// tag is a tag of a built file; values are written with the given type.
type tag struct {
	id     uint16
	typ    uint16
	values []uint64
}

func short(id uint16, v ...uint64) tag { return tag{id, typeShort, v} }
func long(id uint16, v ...uint64) tag  { return tag{id, typeLong, v} }

// text is a tag of ASCII bytes.
func text(id uint16, s string) tag {
	t := tag{id: id, typ: typeASCII}
	for _, c := range []byte(s + "\x00") {
		t.values = append(t.values, uint64(c))
	}
	return t
}

// build writes a TIFF file of one directory: header, blobs, values, directory.
// Offsets of the blobs are put into the tag offTag, their lengths into countTag.
func build(order binary.AppendByteOrder, big bool, blobs [][]byte, offTag, countTag uint16, tags ...tag) []byte {
	b := []byte("II")
	if order.AppendUint16(nil, 1)[1] == 1 {
		b = []byte("MM")
	}
	at := 4 // where the first directory's offset goes
	if big {
		b = order.AppendUint16(b, 43)
		b = order.AppendUint16(b, 8)
		b = order.AppendUint16(b, 0)
		b, at = order.AppendUint64(b, 0), 8
	} else {
		b = order.AppendUint16(b, 42)
		b = order.AppendUint32(b, 0)
	}
	var offs, lens []uint64
	for _, blob := range blobs {
		offs, lens = append(offs, uint64(len(b))), append(lens, uint64(len(blob)))
		b = append(b, blob...)
	}
	if offTag != 0 {
		tags = append(tags, tag{offTag, typeLong, offs}, tag{countTag, typeLong, lens})
	}
	type entry struct {
		tag
		value []byte
	}
	room := 4
	if big {
		room = 8
	}
	var entries []entry
	for _, t := range tags {
		var v []byte
		for _, x := range t.values {
			switch t.typ {
			case typeByte, typeASCII, typeUndefined:
				v = append(v, byte(x))
			case typeShort:
				v = order.AppendUint16(v, uint16(x))
			case typeRational:
				v = order.AppendUint32(v, uint32(x>>32))
				v = order.AppendUint32(v, uint32(x))
			case typeLong8:
				v = order.AppendUint64(v, x)
			default:
				v = order.AppendUint32(v, uint32(x))
			}
		}
		if len(v) > room {
			off := uint64(len(b))
			b = append(b, v...)
			if v = order.AppendUint32(nil, uint32(off)); big {
				v = order.AppendUint64(nil, off)
			}
		}
		entries = append(entries, entry{t, append(v, make([]byte, room-len(v))...)})
	}
	first := uint64(len(b))
	if big {
		copy(b[at:], order.AppendUint64(nil, first))
		b = order.AppendUint64(b, uint64(len(entries)))
	} else {
		copy(b[at:], order.AppendUint32(nil, uint32(first)))
		b = order.AppendUint16(b, uint16(len(entries)))
	}
	for _, e := range entries {
		b = order.AppendUint16(b, e.id)
		b = order.AppendUint16(b, e.typ)
		if big {
			b = order.AppendUint64(b, uint64(len(e.values)))
		} else {
			b = order.AppendUint32(b, uint32(len(e.values)))
		}
		b = append(b, e.value...)
	}
	return append(b, make([]byte, room)...)
}

func parse(t testing.TB, data []byte) *File {
	t.Helper()
	f, err := Parse(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func imageOf(t testing.TB, data []byte) *Image {
	t.Helper()
	m, err := parse(t, data).Directories()[0].Image(codec.Default())
	if err != nil {
		t.Fatal(err)
	}
	return m
}
