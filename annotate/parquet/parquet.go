// Package parquet writes flat tables as Apache Parquet: what data frames and
// Hugging Face's datasets read. It writes no nested columns but lists of floats
// of one length, no dictionaries and no statistics, and the same table gives the
// same bytes.
//
// Source: the Parquet format specification 2.10 (file layout, data page V1, RLE
// levels) and Thrift's compact protocol.
package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/klauspost/compress/zstd"
)

// Column is a column of a table; exactly one of the slices is set, or none for a
// table without rows.
type Column struct {
	Name    string
	Strings []string    // UTF-8
	Bytes   [][]byte    // any bytes
	Ints    []int64     //
	Floats  []float64   //
	Bools   []bool      //
	Lists   [][]float32 // each row a list of floats
}

// Types, repetition and encodings of the specification (parquet.thrift).
const (
	typeBoolean   = 0
	typeInt64     = 2
	typeFloat     = 4
	typeDouble    = 5
	typeByteArray = 6

	required = 0
	repeated = 2

	encodingPlain = 0
	encodingRLE   = 3
	codecZstd     = 6

	convertedUTF8 = 0
	convertedList = 3
)

// rowsAGroup bounds a row group: readers hold one in memory.
const rowsAGroup = 1 << 16

// MaxRows bounds a table.
const MaxRows = 1 << 31

func (c *Column) rows() int {
	return max(len(c.Strings), len(c.Bytes), len(c.Ints), len(c.Floats), len(c.Bools), len(c.Lists))
}

func (c *Column) kind() int32 {
	switch {
	case c.Ints != nil:
		return typeInt64
	case c.Floats != nil:
		return typeDouble
	case c.Bools != nil:
		return typeBoolean
	case c.Lists != nil:
		return typeFloat
	}
	return typeByteArray
}

// chunk is a column chunk in the file.
type chunk struct {
	offset, packed, raw int64
	values              int64
}

// Write writes a table. All columns must have the same number of rows.
func Write(w io.Writer, columns []Column) error {
	if len(columns) == 0 {
		return errors.New("parquet: a table without columns")
	}
	rows := columns[0].rows()
	for i := range columns {
		if n := columns[i].rows(); n != rows || n > MaxRows {
			return fmt.Errorf("parquet: column %s has %d rows, column %s %d", columns[i].Name, n, columns[0].Name, rows)
		}
	}
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	out := &counted{w: w}
	out.write([]byte("PAR1"))
	var groups [][]chunk
	var counts []int
	for from := 0; from < rows; from += rowsAGroup {
		to := min(rows, from+rowsAGroup)
		var group []chunk
		for i := range columns {
			raw, values := columns[i].page(from, to)
			packed := z.EncodeAll(raw, nil)
			header := pageHeader(len(raw), len(packed), values)
			group = append(group, chunk{out.n, int64(len(header) + len(packed)), int64(len(header) + len(raw)), int64(values)})
			out.write(header)
			out.write(packed)
		}
		groups, counts = append(groups, group), append(counts, to-from)
	}
	footer := metadata(columns, rows, groups, counts)
	out.write(footer)
	out.write(binary.LittleEndian.AppendUint32(nil, uint32(len(footer))))
	out.write([]byte("PAR1"))
	return errors.Join(out.err, z.Close())
}

type counted struct {
	w   io.Writer
	n   int64
	err error
}

func (c *counted) write(b []byte) {
	if c.err == nil {
		_, c.err = c.w.Write(b)
		c.n += int64(len(b))
	}
}

// page is the body of a data page and its number of values.
func (c *Column) page(from, to int) (b []byte, values int) {
	le := binary.LittleEndian
	values = to - from
	text := func(n int, at func(int) string) {
		for i := range n {
			s := at(from + i)
			b = append(le.AppendUint32(b, uint32(len(s))), s...)
		}
	}
	switch {
	case c.Strings != nil:
		text(values, func(i int) string { return c.Strings[i] })
	case c.Bytes != nil:
		text(values, func(i int) string { return string(c.Bytes[i]) })
	case c.Ints != nil:
		for _, v := range c.Ints[from:to] {
			b = le.AppendUint64(b, uint64(v))
		}
	case c.Floats != nil:
		for _, v := range c.Floats[from:to] {
			b = le.AppendUint64(b, math.Float64bits(v))
		}
	case c.Bools != nil:
		b = make([]byte, (values+7)/8)
		for i, v := range c.Bools[from:to] {
			if v {
				b[i/8] |= 1 << (i % 8)
			}
		}
	default:
		return c.lists(from, to)
	}
	return b, values
}

// lists is a page of lists: repetition levels (0 begins a row), definition levels
// (1: there is an element, 0: the list is empty), then the floats.
func (c *Column) lists(from, to int) (b []byte, values int) {
	var rep, def levels
	var data []byte
	for _, list := range c.Lists[from:to] {
		if len(list) == 0 {
			rep.add(0)
			def.add(0)
			continue
		}
		for i, v := range list {
			rep.add(min(i, 1))
			def.add(1)
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
	}
	return append(append(rep.block(), def.block()...), data...), rep.n
}

// levels are numbers of one bit, written as runs.
type levels struct {
	out  []byte
	last int
	run  int
	n    int
}

func (l *levels) add(v int) {
	if v != l.last {
		l.flush()
		l.last = v
	}
	l.run++
	l.n++
}

func (l *levels) flush() {
	if l.run > 0 {
		l.out = append(binary.AppendUvarint(l.out, uint64(l.run)<<1), byte(l.last))
	}
	l.run = 0
}

// block is the runs behind their length, as data page V1 wants them.
func (l *levels) block() []byte {
	l.flush()
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(l.out))), l.out...)
}
