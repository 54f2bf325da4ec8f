package tiff

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"coverslip/tiles"
)

// File is the directories of a parsed TIFF file. It keeps no position and is
// safe for concurrent use.
type File struct {
	r     io.ReaderAt
	size  int64
	order binary.ByteOrder
	big   bool
	wide  bool // see ParseWide
	dirs  []*Directory
	seen  map[int64]bool // offsets of all directories read so far, only while parsing

	behind bool  // while parsing: something was looked for behind the file's end
	cut    error // the file ends before its last directory; nil when it does not
}

// Directory is one image file directory.
type Directory struct {
	file   *File
	index  int
	offset int64
	fields map[uint16]field
	sub    []*Directory
}

// field is a tag's value, not yet read when it lies elsewhere in the file.
type field struct {
	typ    uint16
	count  uint64
	inline [8]byte
	offset int64 // where the value lies; -1 when it is inline
}

// typeSizes of TIFF 6.0 section 2 and the BigTIFF proposal, by type number.
var typeSizes = [...]uint64{0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8}

// Type numbers used below.
const (
	typeByte = 1 + iota
	typeASCII
	typeShort
	typeLong
	typeRational
	typeSByte
	typeUndefined
	typeSLong = 9
	typeFloat = 11
	typeIFD   = 13
	typeLong8 = 16
	typeIFD8  = 18
)

func bad(format string, args ...any) error {
	return &tiles.FormatError{Format: "tiff", What: fmt.Sprintf(format, args...)}
}

func unsupported(hint, format string, args ...any) error {
	return &tiles.UnsupportedError{Format: "tiff", What: fmt.Sprintf(format, args...), Hint: hint}
}

// Parse reads the directories of a file of the given size. Values that lie
// outside the directories are read when they are asked for.
//
// Errors: *tiles.FormatError for what is no TIFF or is damaged; an error of r.
func Parse(r io.ReaderAt, size int64) (*File, error) {
	return whole(&File{r: r, size: size})
}

// whole is parseFile that takes no file that was cut.
func whole(f *File) (*File, error) {
	f, err := parseFile(f)
	if err != nil {
		return nil, err
	}
	if f.cut != nil {
		return nil, f.cut
	}
	return f, nil
}

// parsed is the key of a file's directories in its Source.
type parsed struct{}

// ParseSource is Parse of a whole file; it is parsed once, however many readers
// ask.
func ParseSource(src *tiles.Source) (*File, error) {
	f, err := ParseCut(src)
	if err != nil {
		return nil, err
	}
	if f.cut != nil {
		return nil, f.cut
	}
	return f, nil
}

// ParseCut is ParseSource for readers that show what there is of a file that was
// not copied to its end: it has the directories that are there, at least one,
// and Cut says why that are not all.
func ParseCut(src *tiles.Source) (*File, error) {
	f, err := src.Once(parsed{}, func() (any, error) { return parseFile(&File{r: src, size: src.Size()}) })
	if err != nil {
		return nil, err
	}
	return f.(*File), nil
}

// Cut is why directories are lacking behind those that were read; nil when none
// is.
func (f *File) Cut() error { return f.cut }

// ParseWide reads a classic TIFF file whose offsets were widened to 64 bits, as
// Hamamatsu does: offsets of directories have 8 bytes, and behind each directory
// lie the upper 32 bits of each entry's value or offset. Otherwise it is Parse.
//
// Source: OpenSlide's description of the NDPI format.
func ParseWide(r io.ReaderAt, size int64) (*File, error) {
	return whole(&File{r: r, size: size, wide: true})
}

func parseFile(f *File) (*File, error) {
	f.seen = map[int64]bool{}
	first, err := f.header()
	if err != nil {
		return nil, err
	}
	if first == 0 {
		return nil, bad("the file has no image directory")
	}
	if f.dirs, err = f.chain(first); err != nil {
		return nil, err
	}
	for _, d := range f.dirs {
		if err := f.children(d); err != nil {
			return nil, err
		}
	}
	f.seen = nil
	return f, nil
}

// Directories lists the main directories in the order of the file; the slice is
// shared.
func (f *File) Directories() []*Directory { return f.dirs }

// Big says whether the file is a BigTIFF.
func (f *File) Big() bool { return f.big }

// header reads byte order and version and returns where the first directory is.
func (f *File) header() (int64, error) {
	if f.size == 0 {
		return 0, bad("the file is empty")
	}
	if f.size < 8 {
		return 0, bad("the file has only %d bytes", f.size)
	}
	var h [16]byte
	n, err := f.r.ReadAt(h[:min(16, f.size)], 0)
	if int64(n) < min(16, f.size) {
		return 0, fmt.Errorf("tiff: header: %w", err)
	}
	switch string(h[:2]) {
	case "II":
		f.order = binary.LittleEndian
	case "MM":
		f.order = binary.BigEndian
	default:
		return 0, bad("not a TIFF file (begins with % x)", h[:4])
	}
	switch v := f.order.Uint16(h[2:]); v {
	case 42:
		if f.wide {
			if f.size < 12 {
				return 0, bad("the file has only %d bytes", f.size)
			}
			return f.offsetIn(f.order.Uint64(h[4:]), "first directory")
		}
		return f.offsetIn(uint64(f.order.Uint32(h[4:])), "first directory")
	case 43:
		if f.size < 16 || f.order.Uint16(h[4:]) != 8 || f.order.Uint16(h[6:]) != 0 {
			return 0, bad("BigTIFF header with offsets of %d bytes", f.order.Uint16(h[4:]))
		}
		f.big, f.wide = true, false
		return f.offsetIn(f.order.Uint64(h[8:]), "first directory")
	default:
		return 0, bad("TIFF version %d, neither TIFF (42) nor BigTIFF (43)", v)
	}
}

// offsetIn checks that an offset lies in the file.
func (f *File) offsetIn(off uint64, what string) (int64, error) {
	if off >= uint64(f.size) {
		return 0, bad("offset %d of the %s lies behind the file's end at %d", off, what, f.size)
	}
	return int64(off), nil
}

// chain reads directories from the offset along their next pointers.
func (f *File) chain(off int64) ([]*Directory, error) {
	var out []*Directory
	for off != 0 {
		if f.seen[off] {
			return nil, bad("directory loop: the directory at %d comes twice", off)
		}
		if len(f.seen) >= MaxDirectories {
			return nil, bad("more than %d directories", MaxDirectories)
		}
		f.seen[off] = true
		f.behind = false
		d, next, err := f.directory(off, len(out))
		if err != nil && f.behind && len(out) > 0 {
			f.cut = err
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		out = append(out, d)
		off = next
	}
	return out, nil
}

// children reads the directories that tag 330 of d names, one level deep: that
// is how OME-TIFF keeps its pyramid. A sub-directory's own chain is not
// followed.
func (f *File) children(d *Directory) error {
	if !d.Has(TagSubIFDs) {
		return nil
	}
	offs, err := d.Uints(TagSubIFDs, MaxDirectories)
	if err != nil {
		return err
	}
	for i, o := range offs {
		off, err := f.offsetIn(o, fmt.Sprintf("sub-directory %d of directory %d", i, d.index))
		if err != nil {
			return err
		}
		if off == 0 || f.seen[off] {
			return bad("directory loop: the directory at %d comes twice", off)
		}
		if len(f.seen) >= MaxDirectories {
			return bad("more than %d directories", MaxDirectories)
		}
		f.seen[off] = true
		s, _, err := f.directory(off, i)
		if err != nil {
			return err
		}
		d.sub = append(d.sub, s)
	}
	return nil
}

// directory reads one directory and the offset of the next.
func (f *File) directory(off int64, index int) (*Directory, int64, error) {
	countLen, entryLen, nextLen := int64(2), int64(12), int64(4)
	highLen := int64(0) // of an entry's upper bits
	if f.big {
		countLen, entryLen, nextLen = 8, 20, 8
	} else if f.wide {
		nextLen, highLen = 8, 4
	}
	head, err := f.bytes(off, countLen, "directory")
	if err != nil {
		return nil, 0, err
	}
	n := uint64(f.order.Uint16(head))
	if f.big {
		n = f.order.Uint64(head)
	}
	if n == 0 || n > MaxTags {
		return nil, 0, bad("directory at %d has %d tags", off, n)
	}
	body, err := f.bytes(off+countLen, int64(n)*(entryLen+highLen)+nextLen, "directory")
	if err != nil {
		return nil, 0, err
	}
	d := &Directory{file: f, index: index, offset: off, fields: make(map[uint16]field, n)}
	high := body[int64(n)*entryLen+nextLen:]
	body = body[:int64(n)*entryLen+nextLen]
	for ; len(body) > int(nextLen); body = body[entryLen:] {
		tag := f.order.Uint16(body)
		var upper uint32
		if f.wide {
			upper, high = f.order.Uint32(high), high[4:]
		}
		fd, err := f.field(body[2:entryLen], tag)
		if err != nil {
			return nil, 0, err
		}
		fd.widen(f.order, upper)
		if _, twice := d.fields[tag]; !twice && fd.typ != 0 {
			d.fields[tag] = fd
		}
	}
	next := uint64(0)
	if f.big || f.wide {
		next = f.order.Uint64(body)
	} else {
		next = uint64(f.order.Uint32(body))
	}
	if next == 0 {
		return d, 0, nil
	}
	at, err := f.offsetIn(next, "next directory")
	if err != nil {
		f.cut = err
		return d, 0, nil
	}
	return d, at, nil
}

// field parses type, count and value or offset of an entry. A type this program
// does not know gives a field of type 0, which is skipped as TIFF 6.0 demands.
func (f *File) field(e []byte, tag uint16) (field, error) {
	fd := field{typ: f.order.Uint16(e), offset: -1}
	value := e[6:10]
	if f.big {
		fd.count, value = f.order.Uint64(e[2:]), e[10:18]
	} else {
		fd.count = uint64(f.order.Uint32(e[2:]))
	}
	if int(fd.typ) >= len(typeSizes) || typeSizes[fd.typ] == 0 {
		return field{}, nil
	}
	if fd.count > math.MaxInt64/16 {
		return field{}, bad("tag %d claims %d values", tag, fd.count)
	}
	copy(fd.inline[:], value)
	if fd.count*typeSizes[fd.typ] > uint64(len(value)) {
		if f.big {
			fd.offset = int64(min(f.order.Uint64(value), math.MaxInt64))
		} else {
			fd.offset = int64(f.order.Uint32(value))
		}
	}
	return fd, nil
}

// widen adds the upper bits of a wide file: to an offset, or to a single inline
// LONG, which becomes one of 64 bits.
func (fd *field) widen(o binary.ByteOrder, upper uint32) {
	switch {
	case upper == 0:
	case fd.offset >= 0:
		fd.offset = int64(min(uint64(fd.offset)|uint64(upper)<<32, math.MaxInt64))
	case fd.typ == typeLong && fd.count == 1:
		v := uint64(o.Uint32(fd.inline[:])) | uint64(upper)<<32
		fd.typ = typeLong8
		o.PutUint64(fd.inline[:], v)
	}
}

// bytes reads n bytes at off, both checked against the file's size.
func (f *File) bytes(off, n int64, what string) ([]byte, error) {
	if off < 0 || n < 0 || off > f.size || n > f.size-off {
		if f.seen != nil { // being parsed: values may be asked for by many at once
			f.behind = true
		}
		return nil, bad("%s of %d bytes at %d lies behind the file's end at %d", what, n, off, f.size)
	}
	b := make([]byte, n)
	if m, err := f.r.ReadAt(b, off); int64(m) < n {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("tiff: %s at %d: %w", what, off, err)
	}
	return b, nil
}
