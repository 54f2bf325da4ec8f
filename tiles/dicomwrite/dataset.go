package dicomwrite

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

var le = binary.LittleEndian

// dataset is the elements of a data set or of an item, explicit VR little endian
// (PS3.5 section 7.1.2).
type dataset struct{ elems []element }

type element struct {
	tag   uint32
	vr    string
	value []byte
	items []*dataset // of SQ
}

func (d *dataset) bytes(tag uint32, vr string, b []byte) {
	d.elems = append(d.elems, element{tag: tag, vr: vr, value: b})
}

// text sets the values of a text, "" being an empty value.
func (d *dataset) text(tag uint32, vr string, v ...string) {
	d.bytes(tag, vr, []byte(strings.Join(v, `\`)))
}

func (d *dataset) short(tag uint32, v ...int) {
	var b []byte
	for _, n := range v {
		b = le.AppendUint16(b, uint16(n))
	}
	d.bytes(tag, "US", b)
}

func (d *dataset) long(tag uint32, v int) { d.bytes(tag, "UL", le.AppendUint32(nil, uint32(v))) }

func (d *dataset) float(tag uint32, v float64) {
	d.bytes(tag, "FL", le.AppendUint32(nil, math.Float32bits(float32(v))))
}

func (d *dataset) decimal(tag uint32, v ...float64) {
	texts := make([]string, len(v))
	for i, x := range v {
		texts[i] = decimal(x)
	}
	d.text(tag, "DS", texts...)
}

// decimal writes a number in the 16 bytes of a decimal string, PS3.5 section 6.2.
func decimal(v float64) string {
	for p := 16; p > 0; p-- {
		if s := strconv.FormatFloat(v, 'g', p, 64); len(s) <= 16 {
			return s
		}
	}
	return "0"
}

func (d *dataset) sequence(tag uint32, items ...*dataset) {
	d.elems = append(d.elems, element{tag: tag, vr: "SQ", items: items})
}

// code is a coded concept, PS3.3 section 8.
func code(value, scheme, meaning string) *dataset {
	d := &dataset{}
	d.text(0x00080100, "SH", value)
	d.text(0x00080102, "SH", scheme)
	d.text(0x00080104, "LO", meaning)
	return d
}

// item makes a data set by a function.
func item(f func(*dataset)) *dataset {
	d := &dataset{}
	f(d)
	return d
}

// find is where the value of an element begins in encode's bytes.
func (d *dataset) find(tag uint32) (int64, error) {
	at := int64(0)
	d.sort()
	for _, e := range d.elems {
		b := e.encode(nil)
		if e.tag == tag {
			return at + int64(len(b)-len(e.value)-len(e.value)%2), nil
		}
		at += int64(len(b))
	}
	return 0, fmt.Errorf("no element %08x", tag)
}

func (d *dataset) sort() {
	slices.SortStableFunc(d.elems, func(a, b element) int { return cmp.Compare(a.tag, b.tag) })
}

// encode appends the elements in the order of their tags.
func (d *dataset) encode(out []byte) []byte {
	d.sort()
	for _, e := range d.elems {
		out = e.encode(out)
	}
	return out
}

func (e element) encode(out []byte) []byte {
	out = appendTag(out, e.tag)
	out = append(out, e.vr...)
	if e.vr == "SQ" {
		var body []byte
		for _, it := range e.items {
			inner := it.encode(nil)
			body = appendTag(body, 0xfffee000)
			body = le.AppendUint32(body, uint32(len(inner)))
			body = append(body, inner...)
		}
		out = append(out, 0, 0)
		out = le.AppendUint32(out, uint32(len(body)))
		return append(out, body...)
	}
	n := len(e.value) + len(e.value)%2
	if strings.Contains("OB OW OV OF OD OL UC UN UR UT SV UV", e.vr) {
		out = append(out, 0, 0)
		out = le.AppendUint32(out, uint32(n))
	} else {
		out = le.AppendUint16(out, uint16(n))
	}
	out = append(out, e.value...)
	if len(e.value)%2 == 1 {
		pad := byte(' ')
		if e.vr == "UI" || e.vr[0] == 'O' {
			pad = 0
		}
		out = append(out, pad)
	}
	return out
}

func appendTag(out []byte, tag uint32) []byte {
	return le.AppendUint16(le.AppendUint16(out, uint16(tag>>16)), uint16(tag))
}
