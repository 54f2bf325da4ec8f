package parquet

import "encoding/binary"

// thrift writes structs in Thrift's compact protocol.
type thrift struct {
	b    []byte
	last []int16 // number of the last field, a level of struct
}

// Types of the compact protocol.
const (
	compactI32    = 5
	compactI64    = 6
	compactBinary = 8
	compactList   = 9
	compactStruct = 12
)

func (t *thrift) zigzag(v int64) { t.b = binary.AppendUvarint(t.b, uint64(v<<1)^uint64(v>>63)) }

func (t *thrift) open() { t.last = append(t.last, 0) }

func (t *thrift) end() {
	t.b = append(t.b, 0)
	t.last = t.last[:len(t.last)-1]
}

func (t *thrift) field(id int16, kind byte) {
	last := &t.last[len(t.last)-1]
	if d := id - *last; d > 0 && d < 16 {
		t.b = append(t.b, byte(d)<<4|kind)
	} else {
		t.b = append(t.b, kind)
		t.zigzag(int64(id))
	}
	*last = id
}

func (t *thrift) i32(id int16, v int32) { t.field(id, compactI32); t.zigzag(int64(v)) }
func (t *thrift) i64(id int16, v int64) { t.field(id, compactI64); t.zigzag(v) }

func (t *thrift) text(id int16, s string) { t.field(id, compactBinary); t.bare(s) }

func (t *thrift) bare(s string) { t.b = append(binary.AppendUvarint(t.b, uint64(len(s))), s...) }

func (t *thrift) inner(id int16) { t.field(id, compactStruct); t.open() }

func (t *thrift) list(id int16, kind byte, n int) {
	t.field(id, compactList)
	if n < 15 {
		t.b = append(t.b, byte(n)<<4|kind)
		return
	}
	t.b = binary.AppendUvarint(append(t.b, 0xf0|kind), uint64(n))
}

// pageHeader is PageHeader with its DataPageHeader.
func pageHeader(raw, packed, values int) []byte {
	t := &thrift{}
	t.open()
	t.i32(1, 0) // DATA_PAGE
	t.i32(2, int32(raw))
	t.i32(3, int32(packed))
	t.inner(5)
	t.i32(1, int32(values))
	t.i32(2, encodingPlain)
	t.i32(3, encodingRLE)
	t.i32(4, encodingRLE)
	t.end()
	t.end()
	return t.b
}

// element is one SchemaElement. Fields that are negative are left out.
func (t *thrift) element(name string, kind, repetition, children, converted int32) {
	t.open()
	if kind >= 0 {
		t.i32(1, kind)
	}
	if repetition >= 0 {
		t.i32(3, repetition)
	}
	t.text(4, name)
	if children > 0 {
		t.i32(5, children)
	}
	if converted >= 0 {
		t.i32(6, converted)
	}
	if converted == convertedUTF8 || converted == convertedList { // LogicalType: STRING is 1, LIST is 3
		t.inner(10)
		t.inner(int16(1 + 2*min(converted, 1)))
		t.end()
		t.end()
	}
	t.end()
}

// metadata is FileMetaData.
func metadata(columns []Column, rows int, groups [][]chunk, counts []int) []byte {
	t := &thrift{}
	t.open()
	t.i32(1, 1)
	elements := 1 + len(columns)
	for i := range columns {
		if columns[i].Lists != nil {
			elements += 2
		}
	}
	t.list(2, compactStruct, elements)
	t.element("schema", -1, -1, int32(len(columns)), -1)
	for i := range columns {
		c := &columns[i]
		switch {
		case c.Lists != nil:
			t.element(c.Name, -1, required, 1, convertedList)
			t.element("list", -1, repeated, 1, -1)
			t.element("element", typeFloat, required, 0, -1)
		case c.kind() == typeByteArray && c.Bytes == nil:
			t.element(c.Name, typeByteArray, required, 0, convertedUTF8)
		default:
			t.element(c.Name, c.kind(), required, 0, -1)
		}
	}
	t.i64(3, int64(rows))
	t.list(4, compactStruct, len(groups))
	for g, group := range groups {
		t.group(columns, group, counts[g])
	}
	t.text(6, "coverslip")
	t.end()
	return t.b
}

// group is one RowGroup.
func (t *thrift) group(columns []Column, group []chunk, rows int) {
	t.open()
	t.list(1, compactStruct, len(group))
	total := int64(0)
	for i, c := range group {
		total += c.raw
		t.open()
		t.i64(2, c.offset)
		t.inner(3)
		t.i32(1, columns[i].kind())
		t.list(2, compactI32, 2)
		t.zigzag(encodingPlain)
		t.zigzag(encodingRLE)
		path := []string{columns[i].Name}
		if columns[i].Lists != nil {
			path = append(path, "list", "element")
		}
		t.list(3, compactBinary, len(path))
		for _, p := range path {
			t.bare(p)
		}
		t.i32(4, codecZstd)
		t.i64(5, c.values)
		t.i64(6, c.raw)
		t.i64(7, c.packed)
		t.i64(9, c.offset)
		t.end()
		t.end()
	}
	t.i64(2, total)
	t.i64(3, int64(rows))
	t.end()
}
