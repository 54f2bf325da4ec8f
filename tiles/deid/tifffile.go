package deid

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"

	"coverslip/tiles"
)

// Limits of a TIFF file that is copied.
const (
	maxDirs  = 4096
	maxTags  = 4096
	maxValue = 1 << 28 // bytes of a tag: offsets of many tiles
	maxBlock = 1 << 28 // bytes of a tile or strip that is held in memory
)

// tiffIn is a TIFF file as its bytes are: what cannot be said of it cannot be
// dropped either, so this reads more than tiles/tiff shows.
type tiffIn struct {
	r         io.ReaderAt
	size      int64
	order     byteOrder
	big, wide bool // BigTIFF; Hamamatsu's 64 bits in classic TIFF
	dirs      []*tiffDir
}

// byteOrder reads and appends numbers.
type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// tiffDir is a directory.
type tiffDir struct {
	tags map[uint16]tiffTag
	sub  []*tiffDir
}

// tiffTag is a value as stored.
type tiffTag struct {
	typ   uint16
	count uint64
	data  []byte
}

var tiffSizes = [...]uint64{0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8}

func broken(format string, args ...any) error {
	return &tiles.FormatError{Format: "deid", What: fmt.Sprintf(format, args...)}
}

func readTIFF(r io.ReaderAt, size int64, wide bool) (*tiffIn, error) {
	f := &tiffIn{r: r, size: size, wide: wide}
	h, err := f.at(0, 16)
	if err != nil {
		return nil, err
	}
	f.order = binary.LittleEndian
	if string(h[:2]) == "MM" {
		f.order = binary.BigEndian
	}
	next := uint64(f.order.Uint32(h[4:]))
	if f.order.Uint16(h[2:]) == 43 {
		f.big, f.wide = true, false
		next = f.order.Uint64(h[8:])
	} else if wide {
		next = f.order.Uint64(h[4:])
	}
	seen := map[uint64]bool{}
	for next != 0 {
		if seen[next] || len(seen) > maxDirs {
			return nil, broken("directories run in a circle")
		}
		seen[next] = true
		d, after, err := f.dir(next)
		if err != nil {
			return nil, err
		}
		subs, err := f.uints(d.tags[330])
		if err != nil {
			return nil, err
		}
		for _, s := range subs {
			if seen[s] || len(seen) > maxDirs {
				return nil, broken("directories run in a circle")
			}
			seen[s] = true
			sd, _, err := f.dir(s)
			if err != nil {
				return nil, err
			}
			d.sub = append(d.sub, sd)
		}
		f.dirs = append(f.dirs, d)
		next = after
	}
	return f, nil
}

// at reads n bytes at an offset.
func (f *tiffIn) at(off uint64, n uint64) ([]byte, error) {
	if off > uint64(f.size) || n > uint64(f.size)-off || n > maxValue {
		return nil, broken("%d bytes at %d lie behind the end at %d", n, off, f.size)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(io.NewSectionReader(f.r, int64(off), int64(n)), b); err != nil {
		return nil, err
	}
	return b, nil
}

func (f *tiffIn) dir(off uint64) (*tiffDir, uint64, error) {
	count, entry, link := uint64(2), uint64(12), uint64(4)
	if f.big {
		count, entry, link = 8, 20, 8
	} else if f.wide {
		link = 8
	}
	b, err := f.at(off, count)
	if err != nil {
		return nil, 0, err
	}
	n := uint64(f.order.Uint16(b))
	if f.big {
		n = f.order.Uint64(b)
	}
	if n == 0 || n > maxTags {
		return nil, 0, broken("a directory of %d tags", n)
	}
	high := uint64(0)
	if f.wide {
		high = 4 * n
	}
	if b, err = f.at(off+count, n*entry+link+high); err != nil {
		return nil, 0, err
	}
	d := &tiffDir{tags: map[uint16]tiffTag{}}
	for i := range n {
		e := b[i*entry:]
		upper := uint32(0)
		if f.wide {
			upper = f.order.Uint32(b[n*entry+link+4*i:])
		}
		t, err := f.tag(e, upper)
		if err != nil {
			return nil, 0, err
		}
		if number := f.order.Uint16(e); t.typ != 0 {
			d.tags[number] = t
		}
	}
	next := uint64(0)
	switch l := b[n*entry:]; {
	case f.big || f.wide:
		next = f.order.Uint64(l)
	default:
		next = uint64(f.order.Uint32(l))
	}
	return d, next, nil
}

func (f *tiffIn) tag(e []byte, upper uint32) (t tiffTag, err error) {
	t.typ = f.order.Uint16(e[2:])
	value := e[8:12]
	if f.big {
		t.count, value = f.order.Uint64(e[4:]), e[12:20]
	} else {
		t.count = uint64(f.order.Uint32(e[4:]))
	}
	if int(t.typ) >= len(tiffSizes) || tiffSizes[t.typ] == 0 || t.count > maxValue {
		return tiffTag{}, nil
	}
	size := t.count * tiffSizes[t.typ]
	if size <= uint64(len(value)) {
		t.data = append([]byte{}, value[:size]...)
		if upper != 0 && t.typ == 4 && t.count == 1 {
			t.typ, t.data = 16, f.order.AppendUint64(nil, uint64(f.order.Uint32(value))|uint64(upper)<<32)
		}
		return t, nil
	}
	off := uint64(f.order.Uint32(value)) | uint64(upper)<<32
	if f.big {
		off = f.order.Uint64(value)
	}
	t.data, err = f.at(off, size)
	return t, err
}

// uints are the whole numbers of a tag.
func (f *tiffIn) uints(t tiffTag) ([]uint64, error) {
	var out []uint64
	for i := range t.count {
		switch t.typ {
		case 1, 7:
			out = append(out, uint64(t.data[i]))
		case 3:
			out = append(out, uint64(f.order.Uint16(t.data[2*i:])))
		case 4, 13:
			out = append(out, uint64(f.order.Uint32(t.data[4*i:])))
		case 16, 18:
			out = append(out, f.order.Uint64(t.data[8*i:]))
		default:
			return nil, broken("a tag of type %d where whole numbers are due", t.typ)
		}
	}
	return out, nil
}

// one is the first number of a tag, def when it is absent.
func (f *tiffIn) one(d *tiffDir, tag uint16, def uint64) uint64 {
	v, err := f.uints(d.tags[tag])
	if err != nil || len(v) == 0 {
		return def
	}
	return v[0]
}

// tiffOut writes a file of the same kind: blocks first, then directories.
type tiffOut struct {
	in  *tiffIn
	w   *bufio.Writer
	f   *os.File
	at  uint64
	old map[[2]uint64]uint64 // where a block of the source lies now
}

func createTIFF(path string, in *tiffIn) (*tiffOut, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	o := &tiffOut{in: in, f: f, w: bufio.NewWriterSize(f, 1<<20), at: 16, old: map[[2]uint64]uint64{}}
	_, err = o.w.Write(make([]byte, 16))
	return o, err
}

func (o *tiffOut) write(b []byte) (uint64, error) {
	if o.at%2 == 1 {
		if err := o.w.WriteByte(0); err != nil {
			return 0, err
		}
		o.at++
	}
	at := o.at
	n, err := o.w.Write(b)
	o.at += uint64(n)
	if !o.in.big && !o.in.wide && o.at > math.MaxUint32 {
		return 0, broken("the copy passes 4 GiB")
	}
	return at, err
}

// close writes the directories and the header.
func (o *tiffOut) close(dirs []*tiffDir) error {
	next := uint64(0)
	for i := len(dirs) - 1; i >= 0; i-- { // the last first: each knows the one behind it
		d := dirs[i]
		var subs []byte
		for _, s := range d.sub {
			at, err := o.dir(s, 0)
			if err != nil {
				return err
			}
			subs = o.offset(subs, at)
		}
		if len(d.sub) > 0 {
			d.tags[330] = tiffTag{typ: o.offsetType(), count: uint64(len(d.sub)), data: subs}
		}
		at, err := o.dir(d, next)
		if err != nil {
			return err
		}
		next = at
	}
	if err := o.w.Flush(); err != nil {
		return err
	}
	head := []byte("II")
	if o.in.order == byteOrder(binary.BigEndian) {
		head = []byte("MM")
	}
	switch {
	case o.in.big:
		head = o.in.order.AppendUint16(o.in.order.AppendUint16(o.in.order.AppendUint16(head, 43), 8), 0)
		head = o.in.order.AppendUint64(head, next)
	case o.in.wide:
		head = o.in.order.AppendUint64(o.in.order.AppendUint16(head, 42), next)
	default:
		head = o.in.order.AppendUint32(o.in.order.AppendUint16(head, 42), uint32(next))
	}
	_, err := o.f.WriteAt(head, 0)
	return err
}

func (o *tiffOut) offsetType() uint16 {
	if o.in.big {
		return 16
	}
	return 4
}

func (o *tiffOut) offset(b []byte, v uint64) []byte {
	if o.in.big {
		return o.in.order.AppendUint64(b, v)
	}
	return o.in.order.AppendUint32(b, uint32(v))
}

// dir writes one directory.
func (o *tiffOut) dir(d *tiffDir, next uint64) (uint64, error) {
	e, inline := o.in.order, 4
	if o.in.big {
		inline = 8
	}
	var b, high []byte
	numbers := sortedTags(d.tags)
	if o.in.big {
		b = e.AppendUint64(b, uint64(len(numbers)))
	} else {
		b = e.AppendUint16(b, uint16(len(numbers)))
	}
	for _, n := range numbers {
		t := d.tags[n]
		value, upper := t.data, uint32(0)
		typ, count := t.typ, t.count
		if o.in.wide && typ == 16 && count == 1 {
			v := e.Uint64(value)
			typ, value, upper = 4, e.AppendUint32(nil, uint32(v)), uint32(v>>32)
		} else if len(value) > inline {
			at, err := o.write(value)
			if err != nil {
				return 0, err
			}
			value, upper = o.offset(nil, at), uint32(at>>32)
		}
		b = e.AppendUint16(e.AppendUint16(b, n), typ)
		if o.in.big {
			b = e.AppendUint64(b, count)
		} else {
			b = e.AppendUint32(b, uint32(count))
		}
		b = append(b, value...)
		b = append(b, make([]byte, inline-len(value))...)
		high = e.AppendUint32(high, upper)
	}
	switch {
	case o.in.big:
		b = e.AppendUint64(b, next)
	case o.in.wide:
		b = append(e.AppendUint64(b, next), high...)
	default:
		b = e.AppendUint32(b, uint32(next))
	}
	return o.write(b)
}
