package dicomfile

import (
	"encoding/binary"
	"strings"
)

// undefined is the length of what ends with a delimiter, PS3.5 section 7.1.1.
const undefined = 0xffffffff

// Element is one attribute; its value is read when it is asked for.
type Element struct {
	Tag      Tag
	VR       string // two letters of PS3.5 section 6.2
	Length   int64  // bytes of the value, delimiters included when it is open
	offset   int64  // where the value lies
	open     bool   // stored with undefined length
	implicit bool   // what it holds is implicit VR
	depth    int    // sequences around it
}

// walk goes through the elements between off and end.
type walk struct {
	file     *File
	off, end int64
	implicit bool
	depth    int
}

// vrs are the value representations of PS3.5 table 6.2-1; the second list has
// lengths of four bytes.
const (
	shortVRs = "AEASATCSDADSDTFLFDISLOLTPNSHSLSSSTTMUIULUS"
	longVRs  = "OBODOFOLOVOWSQSVUCUNURUTUV"
)

// knownVR is b as one of the VRs of a list, "" when it is none; it allocates
// nothing.
func knownVR(list string, b []byte) string {
	for i := 0; i < len(list); i += 2 {
		if list[i] == b[0] && list[i+1] == b[1] {
			return list[i : i+2]
		}
	}
	return ""
}

// header reads tag, VR and length at off, without looking at the value.
func (w *walk) header() (e Element, length uint32, err error) {
	b, err := w.take(8)
	if err != nil {
		return e, 0, err
	}
	e = Element{Tag: Tag(binary.LittleEndian.Uint16(b))<<16 | Tag(binary.LittleEndian.Uint16(b[2:])), implicit: w.implicit, depth: w.depth}
	switch {
	case e.Tag>>16 == 0xfffe: // items and delimiters have no VR
		return e, binary.LittleEndian.Uint32(b[4:]), nil
	case w.implicit:
		e.VR, _, _ = lookup(e.Tag)
		if e.VR == "" {
			e.VR = "UN"
		}
		return e, binary.LittleEndian.Uint32(b[4:]), nil
	}
	if e.VR = knownVR(shortVRs, b[4:6]); e.VR != "" {
		return e, uint32(binary.LittleEndian.Uint16(b[6:])), nil
	}
	if e.VR = knownVR(longVRs, b[4:6]); e.VR == "" {
		return e, 0, bad("element %v at %d has the unknown VR %q", e.Tag, w.off-8, b[4:6])
	}
	if b, err = w.take(4); err != nil {
		return e, 0, err
	}
	return e, binary.LittleEndian.Uint32(b), nil
}

// take reads n bytes at off and steps over them.
func (w *walk) take(n int) ([]byte, error) {
	if int64(n) > w.end-w.off {
		return nil, bad("an element at %d passes the end of its data set at %d", w.off, w.end)
	}
	b, err := w.file.bytes(w.off, n)
	w.off += int64(n)
	return b, err
}

// element reads one element and steps behind it. Of pixel data of undefined
// length only the header is read; off then lies at its first item.
func (w *walk) element() (Element, error) {
	start := w.off
	e, length, err := w.header()
	if err != nil {
		return e, err
	}
	if e.VR == "" {
		return e, bad("a delimiter %v stands at %d where an element is due", e.Tag, start)
	}
	e.offset = w.off
	if length != undefined {
		e.Length = int64(length)
		if e.Length > w.end-w.off {
			return e, bad("element %v of %d bytes at %d passes the end of its data set at %d", e.Tag, e.Length, w.off, w.end)
		}
		w.off += e.Length
		return e, nil
	}
	e.open = true
	if e.Tag == PixelData && w.depth == 0 {
		return e, nil
	}
	switch {
	case e.VR == "SQ":
	case e.VR == "UN": // PS3.5 section 6.2.2: a sequence of implicit VR
		e.VR, e.implicit = "SQ", true
	case strings.HasPrefix(e.VR, "O"): // an icon's fragments
	default:
		return e, bad("element %v at %d has undefined length with VR %s", e.Tag, start, e.VR)
	}
	inner := walk{file: w.file, off: w.off, end: w.end, implicit: e.implicit, depth: w.depth + 1}
	if err := inner.skipSequence(); err != nil {
		return e, err
	}
	e.Length = inner.off - w.off
	w.off = inner.off
	return e, nil
}

// deeper refuses sequences that are nested too deeply.
func (w *walk) deeper() error {
	if w.depth > MaxDepth {
		return bad("sequences are nested more than %d deep at %d", MaxDepth, w.off)
	}
	return nil
}

// skipSequence steps behind the delimiter of the sequence whose first item is
// at off.
func (w *walk) skipSequence() error {
	if err := w.deeper(); err != nil {
		return err
	}
	for {
		at := w.off
		e, length, err := w.header()
		switch {
		case err != nil:
			return err
		case e.Tag == tagSequenceUp:
			return nil
		case e.Tag != tagItem:
			return bad("%v stands at %d where an item is due", e.Tag, at)
		case length == undefined:
			err = w.skipItem()
		case int64(length) > w.end-w.off:
			return bad("an item of %d bytes at %d passes the end at %d", length, at, w.end)
		default:
			w.off += int64(length)
		}
		if err != nil {
			return err
		}
	}
}

// skipItem steps behind the delimiter of the item whose first element is at
// off.
func (w *walk) skipItem() error {
	for {
		done, err := w.itemEnds()
		if done || err != nil {
			return err
		}
		if _, err := w.element(); err != nil {
			return err
		}
	}
}

// itemEnds says whether an item delimiter is next, and steps over it.
func (w *walk) itemEnds() (bool, error) {
	if w.end-w.off < 8 {
		return false, bad("an item at %d has no end", w.off)
	}
	b, err := w.file.bytes(w.off, 4)
	if err != nil {
		return false, err
	}
	if Tag(binary.LittleEndian.Uint16(b))<<16|Tag(binary.LittleEndian.Uint16(b[2:])) != tagItemEnd {
		return false, nil
	}
	w.off += 8
	return true, nil
}
