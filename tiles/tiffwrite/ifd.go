package tiffwrite

import (
	"encoding/binary"
	"fmt"
	"math"
	"sort"
)

// TIFF tags (TIFF 6.0, TIFF Technical Note 2, ICC.1 Annex B.4).
const (
	tagNewSubfileType   = 254
	tagImageWidth       = 256
	tagImageLength      = 257
	tagBitsPerSample    = 258
	tagCompression      = 259
	tagPhotometric      = 262
	tagImageDescription = 270
	tagStripOffsets     = 273
	tagSamplesPerPixel  = 277
	tagRowsPerStrip     = 278
	tagStripByteCounts  = 279
	tagXResolution      = 282
	tagYResolution      = 283
	tagPlanarConfig     = 284
	tagResolutionUnit   = 296
	tagSoftware         = 305
	tagPredictor        = 317
	tagTileWidth        = 322
	tagTileLength       = 323
	tagTileOffsets      = 324
	tagTileByteCounts   = 325
	tagSubIFDs          = 330
	tagJPEGTables       = 347
	tagYCbCrSubSampling = 530
	tagReferenceBW      = 532
	tagICC              = 34675
)

const (
	compressLZW     = 5
	compressJPEG    = 7
	compressDeflate = 8

	photometricRGB   = 2
	photometricYCbCr = 6

	subfileReduced = 1
	subfileMacro   = 9 // reduced-resolution plus Aperio's own bit for the macro image
)

// Field types (TIFF 6.0 page 15; 16 of BigTIFF).
const (
	typeASCII     = 2
	typeShort     = 3
	typeLong      = 4
	typeRational  = 5
	typeUndefined = 7
	typeOffset    = 0 // ours: LONG in a classic file, LONG8 in a BigTIFF
	typeLong8     = 16
)

type field struct {
	tag, kind uint16
	numbers   []uint64
	bytes     []byte // of ASCII and UNDEFINED
}

// directory is one IFD under construction.
type directory struct {
	fields []field
	sub    []*directory
}

func (d *directory) set(tag, kind uint16, v ...uint64) {
	d.fields = append(d.fields, field{tag: tag, kind: kind, numbers: v})
}

func (d *directory) text(tag uint16, s string) {
	if s != "" {
		d.fields = append(d.fields, field{tag: tag, kind: typeASCII, bytes: append([]byte(s), 0)})
	}
}

func (d *directory) blob(tag uint16, b []byte) {
	if len(b) > 0 {
		d.fields = append(d.fields, field{tag: tag, kind: typeUndefined, bytes: b})
	}
}

// resolution sets pixels per centimetre; nothing when mpp is unknown.
func (d *directory) resolution(mpp float64) {
	if mpp <= 0 {
		return
	}
	num, den := rational(10000 / mpp)
	d.set(tagXResolution, typeRational, num, den)
	d.set(tagYResolution, typeRational, num, den)
	d.set(tagResolutionUnit, typeShort, 3)
}

// rational is the nearest fraction of v with the largest power-of-ten
// denominator that both halves hold in 32 bits.
func rational(v float64) (num, den uint64) {
	den = 1
	for den < 1_000_000 && v*float64(den)*10 < math.MaxUint32 {
		den *= 10
	}
	return uint64(math.Round(v * float64(den))), den
}

// layout writes directories one behind the other into one buffer that will
// stand at file offset base.
type ifdWriter struct {
	big  bool
	base uint64
	buf  []byte
}

var le = binary.LittleEndian

func (w *ifdWriter) here() uint64 { return w.base + uint64(len(w.buf)) }

func (w *ifdWriter) align() {
	for w.here()%8 != 0 {
		w.buf = append(w.buf, 0)
	}
}

// chain writes the directories as one linked list and returns the offset of
// the first. SubIFDs of a directory stand before it and link to nothing.
func (w *ifdWriter) chain(dirs []*directory) (uint64, error) {
	var first uint64
	link := -1 // position in buf of the previous directory's link
	for _, d := range dirs {
		if len(d.sub) > 0 {
			offsets := make([]uint64, len(d.sub))
			for i, s := range d.sub {
				at, _, err := w.directory(s)
				if err != nil {
					return 0, err
				}
				offsets[i] = at
			}
			d.set(tagSubIFDs, typeOffset, offsets...)
		}
		at, next, err := w.directory(d)
		if err != nil {
			return 0, err
		}
		if link < 0 {
			first = at
		} else {
			w.patch(link, at)
		}
		link = next
	}
	return first, nil
}

func (w *ifdWriter) patch(at int, v uint64) {
	if w.big {
		le.PutUint64(w.buf[at:], v)
	} else {
		le.PutUint32(w.buf[at:], uint32(v))
	}
}

// directory writes one IFD with its values and returns its offset in the file
// and the position in buf of its link to the next.
func (w *ifdWriter) directory(d *directory) (offset uint64, link int, err error) {
	sort.Slice(d.fields, func(i, j int) bool { return d.fields[i].tag < d.fields[j].tag })
	type entry struct {
		field
		kind  uint16
		count uint64
		value []byte // payload, or its offset
	}
	entries := make([]entry, len(d.fields))
	inline := 4
	if w.big {
		inline = 8
	}
	for i, f := range d.fields {
		kind, count, payload := w.encode(f)
		if !w.big && count > math.MaxUint32 {
			return 0, 0, fmt.Errorf("tag %d: %w", f.tag, ErrTooLarge)
		}
		if len(payload) > inline {
			w.align()
			at := w.here()
			w.buf = append(w.buf, payload...)
			payload = w.offset(at)
		}
		entries[i] = entry{f, kind, count, payload}
	}
	w.align()
	offset = w.here()
	if !w.big && offset+uint64(12*len(entries))+6 > math.MaxUint32 {
		return 0, 0, ErrTooLarge
	}
	if w.big {
		w.buf = le.AppendUint64(w.buf, uint64(len(entries)))
	} else {
		w.buf = le.AppendUint16(w.buf, uint16(len(entries)))
	}
	for _, e := range entries {
		w.buf = le.AppendUint16(w.buf, e.tag)
		w.buf = le.AppendUint16(w.buf, e.kind)
		if w.big {
			w.buf = le.AppendUint64(w.buf, e.count)
		} else {
			w.buf = le.AppendUint32(w.buf, uint32(e.count))
		}
		w.buf = append(w.buf, e.value...)
		for n := len(e.value); n < inline; n++ {
			w.buf = append(w.buf, 0)
		}
	}
	link = len(w.buf)
	w.buf = append(w.buf, make([]byte, inline)...)
	return offset, link, nil
}

func (w *ifdWriter) offset(v uint64) []byte {
	if w.big {
		return le.AppendUint64(nil, v)
	}
	return le.AppendUint32(nil, uint32(v))
}

// encode is the field's type, count and payload as the file holds them.
func (w *ifdWriter) encode(f field) (kind uint16, count uint64, payload []byte) {
	kind, count = f.kind, uint64(len(f.numbers))
	switch f.kind {
	case typeASCII, typeUndefined:
		return kind, uint64(len(f.bytes)), f.bytes
	case typeOffset:
		kind = typeLong
		if w.big {
			kind = typeLong8
		}
	case typeRational:
		count /= 2
	}
	for _, v := range f.numbers {
		switch kind {
		case typeShort:
			payload = le.AppendUint16(payload, uint16(v))
		case typeLong8:
			payload = le.AppendUint64(payload, v)
		default:
			payload = le.AppendUint32(payload, uint32(v))
		}
	}
	return kind, count, payload
}
