package mirax

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"

	"coverslip/tiles"
)

// indexVersion begins Index.dat.
const indexVersion = "01.02"

// Limits of Index.dat.
const (
	maxIndexBytes = 1 << 30
	maxEmptyPages = 1 << 10 // that follow one another; real ones have one, the first
)

// indexBlock is how much of the file is read at once: pages follow one another.
const indexBlock = 32 << 10

// index is an opened Index.dat: 32-bit numbers, little endian, some of which
// are offsets in the file. It is not safe for concurrent use.
type index struct {
	r       io.ReaderAt
	size    int64
	hier    int64 // where the tables of records begin
	nonHier int64
	block   []byte
	at      int64 // offset of block
}

// span is a piece of a Data file.
type span struct {
	file           int32
	offset, length int32
}

// stored is an image of a level.
type stored struct {
	image uint32 // number of the upper left of the images of level 0 that it shows, row by row
	span
}

// holds says whether a record has images: its first page is looked at and no
// other.
func (x *index) holds(record, cols, rows, files int) (bool, error) {
	at, err := x.first(x.hier, record)
	if errors.Is(err, errNoRecord) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	n, _, err := x.numbers(at)
	if err != nil || n < 0 || int64(n) > (x.size-at-8)/imageItem {
		return false, bad("index: record %d: page at %d of %d items", record, at, n)
	}
	for i := range int64(n) {
		p, err := x.bytes(at+8+i*imageItem, imageItem)
		if err != nil {
			return false, err
		}
		if _, err := parseImage(p, cols, rows, 1, files); err != nil {
			return false, bad("index: record %d: %v", record, err)
		}
	}
	return n > 0, nil
}

// openIndex checks the head: version, the slide's identifier, where the tables
// lie. Source: "Index File" of the MIRAX page of OpenSlide's description of
// formats.
func openIndex(r io.ReaderAt, size int64, id string) (*index, error) {
	if size > maxIndexBytes {
		return nil, bad("index has %d bytes, more than %d", size, maxIndexBytes)
	}
	x := &index{r: r, size: size}
	head, err := x.bytes(0, len(indexVersion)+len(id)+8)
	if err != nil {
		return nil, bad("index of %d bytes is too short for its head", size)
	}
	if v := string(head[:len(indexVersion)]); v != indexVersion {
		return nil, unsupported("index version %q (%s is read)", v, indexVersion)
	}
	head = head[len(indexVersion):]
	if got := string(head[:len(id)]); got != id {
		return nil, bad("the index is another slide's: it says %.40q where %s says %.40q", got, settingsName, id)
	}
	x.hier, x.nonHier = int64(int32(binary.LittleEndian.Uint32(head[len(id):]))), int64(int32(binary.LittleEndian.Uint32(head[len(id)+4:])))
	return x, nil
}

// bytes are n bytes at an offset, valid until the next call.
func (x *index) bytes(off int64, n int) ([]byte, error) {
	if off < 0 || off > x.size || int64(n) > x.size-off {
		return nil, fmt.Errorf("%d bytes at offset %d of %d", n, off, x.size)
	}
	if off < x.at || off+int64(n) > x.at+int64(len(x.block)) {
		want := min(int64(max(n, indexBlock)), x.size-off)
		if int64(cap(x.block)) < want {
			x.block = make([]byte, want)
		}
		x.block = x.block[:want]
		if got, err := x.r.ReadAt(x.block, off); int64(got) < want {
			x.block = x.block[:0]
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		x.at = off
	}
	return x.block[off-x.at:][:n], nil
}

// numbers are the two numbers at an offset.
func (x *index) numbers(off int64) (a, b int32, err error) {
	p, err := x.bytes(off, 8)
	if err != nil {
		return 0, 0, err
	}
	return int32(binary.LittleEndian.Uint32(p)), int32(binary.LittleEndian.Uint32(p[4:])), nil
}

// errNoRecord says that a record is empty: nothing is stored of it.
var errNoRecord error = &tiles.FormatError{Format: name, What: "index: a record is empty"}

// first is the offset of the first page of a record with items in it.
func (x *index) first(table int64, record int) (int64, error) {
	p, err := x.bytes(table+4*int64(record), 4)
	if err != nil {
		return 0, bad("index: table of records: %v", err)
	}
	at := int64(int32(binary.LittleEndian.Uint32(p)))
	if at == 0 {
		return 0, errNoRecord
	}
	items, next, err := x.numbers(at)
	if err != nil {
		return 0, bad("index: record %d: %v", record, err)
	}
	if items != 0 {
		return 0, bad("index: record %d at %d begins with %d items where 0 are due", record, at, items)
	}
	if next == 0 {
		return 0, errNoRecord
	}
	return int64(next), nil
}

// Shape of the items of a page: 32-bit numbers.
const (
	imageItem = 4 * 4 // image, offset, length, file
	otherItem = 5 * 4 // two that mean nothing here, offset, length, file
)

// images reads the images of a level, which stand at multiples of step of a
// grid of cols×rows, sorted by their numbers; of equal numbers the last counts.
// The result is as large as the file allows, at most.
func (x *index) images(record, cols, rows, step, files int) ([]stored, error) {
	at, err := x.first(x.hier, record)
	if err != nil {
		return nil, err
	}
	var out []stored
	sorted := true
	for empty := 0; at != 0; {
		n, next, err := x.numbers(at)
		if err != nil {
			return nil, bad("index: record %d: page: %v", record, err)
		}
		if n < 0 || int64(n) > (x.size-at-8)/imageItem {
			return nil, bad("index: record %d: page at %d claims %d items", record, at, n)
		}
		if n == 0 {
			empty++
		}
		// A page that comes again would bring its items again.
		if int64(len(out))+int64(n) > x.size/imageItem || empty > maxEmptyPages {
			return nil, bad("index: record %d: pages form a loop (page at %d, next %d)", record, at, next)
		}
		for i := range int64(n) {
			p, err := x.bytes(at+8+i*imageItem, imageItem)
			if err != nil {
				return nil, bad("index: record %d: %v", record, err)
			}
			m, err := parseImage(p, cols, rows, step, files)
			if err != nil {
				return nil, bad("index: record %d: page at %d, item %d: %v", record, at, i, err)
			}
			sorted = sorted && (len(out) == 0 || out[len(out)-1].image < m.image)
			out = append(out, m)
		}
		at = int64(next)
		if at < 0 {
			return nil, bad("index: record %d: next page at %d", record, at)
		}
	}
	if sorted {
		return out, nil
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].image < out[j].image })
	return lastOfEach(out), nil
}

// lastOfEach drops all but the last of those with equal numbers.
func lastOfEach(all []stored) []stored {
	kept := all[:0]
	for i, m := range all {
		if i+1 < len(all) && all[i+1].image == m.image {
			continue
		}
		kept = append(kept, m)
	}
	return kept
}

func parseImage(p []byte, cols, rows, step, files int) (m stored, err error) {
	var n [4]int32
	for i := range n {
		n[i] = int32(binary.LittleEndian.Uint32(p[4*i:]))
	}
	if n[0] < 0 || n[1] < 0 || n[2] < 0 {
		return m, fmt.Errorf("image %d of %d bytes at %d", n[0], n[2], n[1])
	}
	if n[3] < 0 || int(n[3]) >= files {
		return m, fmt.Errorf("data file %d of %d", n[3], files)
	}
	col, row := int(n[0])%cols, int(n[0])/cols
	if row >= rows || col%step != 0 || row%step != 0 {
		return m, fmt.Errorf("image %d, column %d and row %d of %d×%d, at multiples of %d", n[0], col, row, cols, rows, step)
	}
	return stored{uint32(n[0]), span{file: n[3], offset: n[1], length: n[2]}}, nil
}

// other reads the first item of a record that belongs to no level.
func (x *index) other(record, files int) (span, error) {
	at, err := x.first(x.nonHier, record)
	if err != nil {
		return span{}, err
	}
	n, _, err := x.numbers(at)
	if err != nil || n < 1 {
		return span{}, bad("index: record %d: page at %d of %d items", record, at, n)
	}
	p, err := x.bytes(at+8, otherItem)
	if err != nil {
		return span{}, bad("index: record %d: %v", record, err)
	}
	s := span{offset: int32(binary.LittleEndian.Uint32(p[8:])), length: int32(binary.LittleEndian.Uint32(p[12:])), file: int32(binary.LittleEndian.Uint32(p[16:]))}
	if s.offset < 0 || s.length < 0 || s.file < 0 || int(s.file) >= files {
		return span{}, bad("index: record %d: %d bytes at %d of data file %d of %d", record, s.length, s.offset, s.file, files)
	}
	return s, nil
}

// find returns where the image of that number stands.
func find(all []stored, number uint32) (int, bool) {
	return slices.BinarySearchFunc(all, number, func(m stored, n uint32) int { return cmp.Compare(m.image, n) })
}
