package dicom

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"sort"
	"strings"

	"coverslip/annotate/interchange/exchange"
)

// tag is group and element of a data element.
type tag uint32

// element is a data element: a value, or the items of a sequence.
type element struct {
	tag   tag
	vr    string
	value []byte
	items []*dataset
}

// dataset is data elements by their tag.
type dataset struct {
	elems map[tag]*element
	size  int64 // bytes it was read from; of a whole file
}

func newDataset() *dataset { return &dataset{elems: map[tag]*element{}} }

const (
	undefined    = 0xffffffff
	itemTag      = tag(0xfffee000)
	itemEnd      = tag(0xfffee00d)
	sequenceEnd  = tag(0xfffee0dd)
	pixelDataTag = tag(0x7fe00010)
	maxNested    = 24
	maxFile      = 1 << 30 // bytes of a file that is held in memory

	explicitLE = "1.2.840.10008.1.2.1"
	implicitLE = "1.2.840.10008.1.2"
	deflatedLE = "1.2.840.10008.1.2.1.99"
)

// parser reads a data set out of bytes.
type parser struct {
	format   string
	b        []byte
	at       int
	implicit bool
}

func (p *parser) errorf(format string, a ...any) error {
	return &exchange.FormatError{Format: p.format, Offset: int64(p.at), What: fmt.Sprintf(format, a...)}
}

// isPart10 tells whether bytes begin as a DICOM file does.
func isPart10(b []byte) bool { return len(b) > 132 && string(b[128:132]) == "DICM" }

// readFile reads a whole file (PS3.10 §7): preamble, group 2, data set.
func readFile(format string, r io.Reader) (*dataset, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	p := &parser{format: format, b: b}
	switch {
	case err != nil:
		return nil, &exchange.FormatError{Format: format, Offset: int64(len(b)), What: "the file cannot be read", Err: err}
	case len(b) > maxFile:
		return nil, p.errorf("the file is larger than %d bytes", maxFile)
	case !isPart10(b):
		return nil, p.errorf("the file is no DICOM file or ends too early")
	}
	p.at = 132
	meta, err := p.dataset(len(b), 0, true, false)
	if err != nil {
		return nil, err
	}
	switch syntax := meta.text(0x00020010); syntax {
	case explicitLE, "":
	case implicitLE:
		p.implicit = true
	case deflatedLE:
		raw, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(b[p.at:])), maxFile))
		if err != nil {
			return nil, p.errorf("the deflated data set is damaged")
		}
		p.b, p.at = raw, 0
	default:
		return nil, p.errorf("the transfer syntax %s is not read; convert the file to Explicit VR Little Endian", syntax)
	}
	d, err := p.dataset(len(p.b), 0, false, false)
	if d != nil {
		d.size = int64(len(p.b))
	}
	return d, err
}

// dataset reads elements up to an offset, or up to the end of an item; of the
// file's head only group 2; an open item must be closed.
func (p *parser) dataset(end, depth int, meta, open bool) (*dataset, error) {
	if depth > maxNested {
		return nil, p.errorf("sequences are nested more than %d deep", maxNested)
	}
	d := newDataset()
	for p.at < end {
		if p.at+8 > end {
			return nil, p.errorf("the file ends too early")
		}
		t := tag(binary.LittleEndian.Uint16(p.b[p.at:]))<<16 | tag(binary.LittleEndian.Uint16(p.b[p.at+2:]))
		if meta && t>>16 != 2 {
			return d, nil
		}
		if t == itemEnd {
			p.at += 8
			return d, nil
		}
		e, err := p.element(t, end, depth)
		if err != nil {
			return nil, err
		}
		d.elems[t] = e
	}
	if open {
		return nil, p.errorf("the file ends too early: an item is not closed")
	}
	return d, nil
}

// long are value representations with a length of 32 bits (PS3.5 §7.1.2).
func long(vr string) bool {
	switch vr {
	case "OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV":
		return true
	}
	return false
}

func (p *parser) element(t tag, end, depth int) (*element, error) {
	e := &element{tag: t}
	var n uint32
	if p.implicit {
		n = binary.LittleEndian.Uint32(p.b[p.at+4:])
		p.at += 8
		if n == undefined {
			e.vr = "SQ"
		}
	} else {
		e.vr = string(p.b[p.at+4 : p.at+6])
		if !long(e.vr) {
			n = uint32(binary.LittleEndian.Uint16(p.b[p.at+6:]))
			p.at += 8
		} else {
			if p.at+12 > end {
				return nil, p.errorf("the file ends too early")
			}
			n = binary.LittleEndian.Uint32(p.b[p.at+8:])
			p.at += 12
		}
	}
	// Implicit sequences of defined length are told by their first item.
	if p.implicit && e.vr == "" && n >= 8 && p.at+8 <= end && p.b[p.at] == 0xfe && p.b[p.at+1] == 0xff && p.b[p.at+2] == 0 && p.b[p.at+3] == 0xe0 && t != pixelDataTag {
		e.vr = "SQ"
	}
	if e.vr == "SQ" || e.vr == "UN" && n == undefined {
		return e, p.sequence(e, n, end, depth)
	}
	if n == undefined {
		return nil, p.errorf("packed pixels are not read; unpack the file first")
	}
	if int64(n) > int64(end-p.at) {
		return nil, p.errorf("the file ends too early: element %08x is %d bytes long", uint32(t), n)
	}
	e.value = p.b[p.at : p.at+int(n)]
	p.at += int(n)
	return e, nil
}

func (p *parser) sequence(e *element, n uint32, end, depth int) error {
	stop := end
	if n != undefined {
		if int64(n) > int64(end-p.at) {
			return p.errorf("the file ends too early: a sequence is %d bytes long", n)
		}
		stop = p.at + int(n)
	}
	e.vr = "SQ"
	for p.at < stop {
		if p.at+8 > stop {
			return p.errorf("the file ends too early")
		}
		t := tag(binary.LittleEndian.Uint16(p.b[p.at:]))<<16 | tag(binary.LittleEndian.Uint16(p.b[p.at+2:]))
		k := binary.LittleEndian.Uint32(p.b[p.at+4:])
		p.at += 8
		switch {
		case t == sequenceEnd:
			return nil
		case t != itemTag:
			return p.errorf("a sequence holds %08x where an item is expected", uint32(t))
		}
		itemStop := stop
		if k != undefined {
			if int64(k) > int64(stop-p.at) {
				return p.errorf("the file ends too early: an item is %d bytes long", k)
			}
			itemStop = p.at + int(k)
		}
		d, err := p.dataset(itemStop, depth+1, false, k == undefined)
		if err != nil {
			return err
		}
		e.items = append(e.items, d)
	}
	if n == undefined {
		return p.errorf("the file ends too early: a sequence is not closed")
	}
	return nil
}

func (d *dataset) text(t tag) string {
	if e := d.elems[t]; e != nil {
		return strings.TrimRight(string(e.value), " \x00")
	}
	return ""
}

func (d *dataset) items(t tag) []*dataset {
	if e := d.elems[t]; e != nil {
		return e.items
	}
	return nil
}

// first is the first item of a sequence; an empty data set when there is none.
func (d *dataset) first(t tag) *dataset {
	if s := d.items(t); len(s) > 0 {
		return s[0]
	}
	return newDataset()
}

// number is an unsigned number of two or four bytes; def when it is not there.
func (d *dataset) number(t tag, def int) int {
	e := d.elems[t]
	switch {
	case e == nil:
	case len(e.value) == 2:
		return int(binary.LittleEndian.Uint16(e.value))
	case len(e.value) == 4:
		return int(binary.LittleEndian.Uint32(e.value))
	}
	return def
}

// bytesOf is the value of an element; nil when it is not there.
func (d *dataset) bytesOf(t tag) []byte {
	if e := d.elems[t]; e != nil {
		return e.value
	}
	return nil
}

// floats are numbers of 4 or 8 bytes.
func floats(b []byte, size int) []float64 {
	out := make([]float64, len(b)/size)
	for i := range out {
		if size == 8 {
			out[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
		} else {
			out[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])))
		}
	}
	return out
}

// Writing: explicit little endian, sequences of undefined length.

// put sets a text, padded to an even length as its value representation wants.
func (d *dataset) put(t tag, vr, v string) {
	if len(v)%2 == 1 {
		pad := " "
		if vr == "UI" || vr == "OB" {
			pad = "\x00"
		}
		v += pad
	}
	d.elems[t] = &element{tag: t, vr: vr, value: []byte(v)}
}

func (d *dataset) putUS(t tag, v ...uint16) {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint16(b, x)
	}
	d.elems[t] = &element{tag: t, vr: "US", value: b}
}

func (d *dataset) putUL(t tag, vr string, v ...uint32) {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, x)
	}
	d.elems[t] = &element{tag: t, vr: vr, value: b}
}

func (d *dataset) putDoubles(t tag, vr string, v []float64) {
	b := make([]byte, 0, 8*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	d.elems[t] = &element{tag: t, vr: vr, value: b}
}

func (d *dataset) putFloats(t tag, vr string, v []float64) {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(x)))
	}
	d.elems[t] = &element{tag: t, vr: vr, value: b}
}

func (d *dataset) putItems(t tag, items ...*dataset) {
	d.elems[t] = &element{tag: t, vr: "SQ", items: items}
}

// code is an item of a code sequence (PS3.3 table 8.8-1).
func code(value, scheme, meaning string) *dataset {
	d := newDataset()
	d.put(0x00080100, "SH", value)
	d.put(0x00080102, "SH", scheme)
	d.put(0x00080104, "LO", meaning)
	return d
}

// append writes the data set.
func (d *dataset) append(b []byte) []byte {
	tags := make([]tag, 0, len(d.elems))
	for t := range d.elems {
		tags = append(tags, t)
	}
	sort.Slice(tags, func(i, k int) bool { return tags[i] < tags[k] })
	head := func(b []byte, t tag, vr string, n uint32) []byte {
		b = binary.LittleEndian.AppendUint16(b, uint16(t>>16))
		b = binary.LittleEndian.AppendUint16(b, uint16(t))
		b = append(b, vr...)
		if long(vr) {
			return binary.LittleEndian.AppendUint32(append(b, 0, 0), n)
		}
		return binary.LittleEndian.AppendUint16(b, uint16(n))
	}
	mark := func(b []byte, t tag, n uint32) []byte {
		b = binary.LittleEndian.AppendUint16(b, uint16(t>>16))
		b = binary.LittleEndian.AppendUint16(b, uint16(t))
		return binary.LittleEndian.AppendUint32(b, n)
	}
	for _, t := range tags {
		e := d.elems[t]
		if e.vr != "SQ" {
			b = append(head(b, t, e.vr, uint32(len(e.value))), e.value...)
			continue
		}
		b = head(b, t, e.vr, undefined)
		for _, i := range e.items {
			b = mark(i.append(mark(b, itemTag, undefined)), itemEnd, 0)
		}
		b = mark(b, sequenceEnd, 0)
	}
	return b
}

// file is a whole file of the data set, which must have its SOP class and
// instance.
func (d *dataset) file() []byte {
	meta := newDataset()
	meta.elems[0x00020001] = &element{tag: 0x00020001, vr: "OB", value: []byte{0, 1}}
	meta.put(0x00020002, "UI", d.text(0x00080016))
	meta.put(0x00020003, "UI", d.text(0x00080018))
	meta.put(0x00020010, "UI", explicitLE)
	meta.put(0x00020012, "UI", "2.25.230412345678901234567890123456789012")
	group := meta.append(nil)
	length := newDataset()
	length.putUL(0x00020000, "UL", uint32(len(group)))
	b := append(make([]byte, 128), "DICM"...)
	b = append(length.append(b), group...)
	return d.append(b)
}
