package dicomfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"coverslip/tiles"
)

// Frames says where the frames of a file lie. Its methods are safe for
// concurrent use.
type Frames struct {
	r       io.ReaderAt
	size    int64
	native  bool
	bytes   int64 // of a native frame
	starts  []int64
	ends    []int64
	n       int
	Warning string // what is odd about the offset table, "" when nothing is
}

// Frames finds the n frames of the pixel data; frameBytes is the size of a
// frame that is not encapsulated.
//
// Encapsulated frames are found by the extended offset table, else the basic
// one, else by walking the items (PS3.5 A.4). A table that cannot be right is
// passed over for the walk, with a warning.
//
// Errors: *tiles.FormatError when there are not n frames.
func (f *File) Frames(n int, frameBytes int64) (*Frames, error) {
	fr := &Frames{r: f.r, size: f.size, n: n, bytes: frameBytes, native: !f.pixels.open}
	switch {
	case f.pixels.Tag != PixelData:
		return nil, bad("the file holds no pixel data")
	case n < 1 || n > MaxFrames:
		return nil, bad("%d frames: 1 to %d are read", n, MaxFrames)
	case fr.native:
		if frameBytes < 1 || frameBytes > MaxFrameBytes {
			return nil, bad("frames of %d bytes: 1 to %d are read", frameBytes, MaxFrameBytes)
		}
		if want := int64(n) * frameBytes; f.pixels.Length < want {
			return nil, bad("pixel data of %d bytes where %d frames of %d bytes are due", f.pixels.Length, n, frameBytes)
		}
		fr.starts = []int64{f.pixels.offset}
		return fr, nil
	case int64(n) > (f.size-f.pixels.offset)/8: // an item's header alone has 8
		return nil, bad("%d frames cannot lie in the %d bytes of the pixel data", n, f.size-f.pixels.offset)
	}
	return fr, f.encapsulated(fr)
}

// Len is the number of frames.
func (fr *Frames) Len() int { return fr.n }

// encapsulated fills the table of frames.
func (f *File) encapsulated(fr *Frames) error {
	tag, length, err := itemAt(f.r, f.size, f.pixels.offset)
	if err != nil {
		return err
	}
	base := f.pixels.offset + 8 + length // first byte after the basic offset table
	if tag != tagItem || base > f.size {
		return bad("the pixel data begins with %v of %d bytes where an offset table is due", tag, length)
	}
	err = f.extended(fr, base)
	if err == nil && fr.starts == nil {
		err = f.basic(fr, base, length)
	}
	if err != nil && !errors.Is(err, errTable) { // of reading, not of what was read
		return err
	}
	if err == nil && fr.starts != nil {
		return nil
	}
	starts, ends := fr.starts, fr.ends
	walked := f.fragments(fr, base)
	if err != nil {
		fr.Warning = err.Error() + "; the frames are looked for one by one"
		if walked != nil && starts != nil && errors.As(walked, new(*tiles.FormatError)) {
			// Damage in some places: the table still leads to the other frames.
			fr.starts, fr.ends, fr.Warning = starts, ends, err.Error()
			return nil
		}
	}
	return walked
}

// errTable marks what is wrong with an offset table.
var errTable = errors.New("offset table")

func badTable(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errTable, fmt.Sprintf(format, args...))
}

// extended reads the extended offset table, PS3.3 C.7.6.3.1.8.
func (f *File) extended(fr *Frames, base int64) error {
	if !f.data.Has(ExtendedOffsetTable) {
		return nil
	}
	offs, err := f.data.Uint64s(ExtendedOffsetTable, MaxFrames)
	if err != nil {
		return badTable("%v", err)
	}
	lens, err := f.data.Uint64s(ExtendedOffsetTableLengths, MaxFrames)
	if err != nil {
		return badTable("%v", err)
	}
	if len(offs) != fr.n || len(lens) != fr.n {
		return badTable("%d offsets and %d lengths for %d frames", len(offs), len(lens), fr.n)
	}
	room := uint64(f.size - base)
	starts, ends := make([]int64, fr.n), make([]int64, fr.n)
	for i := range offs {
		if offs[i] > room || lens[i] > room || offs[i]+lens[i]+8 > room {
			return badTable("frame %d of %d bytes at %d lies behind the file's end", i, lens[i], offs[i])
		}
		starts[i] = base + int64(offs[i])
		ends[i] = min(starts[i]+8+(int64(lens[i])+1)&^1, f.size) // fragments are padded to even lengths
	}
	fr.starts, fr.ends = starts, ends
	return f.sample(starts)
}

// basic reads the basic offset table of the given length, which may be 0.
func (f *File) basic(fr *Frames, base, length int64) error {
	if length == 0 {
		return nil
	}
	if length != 4*int64(fr.n) {
		return badTable("%d bytes for %d frames", length, fr.n)
	}
	table := make([]byte, length)
	if err := readFull(f.r, table, base-length); err != nil {
		return err
	}
	starts := make([]int64, fr.n)
	for i := range starts {
		starts[i] = base + int64(binary.LittleEndian.Uint32(table[4*i:]))
		if starts[i] > f.size-8 {
			return badTable("frame %d at %d lies behind the file's end", i, starts[i]-base)
		}
		if i > 0 && starts[i] < starts[i-1]+8 {
			return badTable("frame %d at %d does not follow frame %d at %d", i, starts[i]-base, i-1, starts[i-1]-base)
		}
	}
	if starts[0] != base {
		return badTable("the first frame is at %d", starts[0]-base)
	}
	fr.starts, fr.ends = starts, append(slices.Clone(starts[1:]), f.size)
	if err := f.sample(starts); err != nil {
		return err
	}
	end, err := f.frameEnd(starts[fr.n-1])
	if err != nil {
		return badTable("last frame: %v", err)
	}
	fr.ends[fr.n-1] = end
	return nil
}

// sample looks at some of a table's places: each must hold an item. Looking at
// all would read through a large file; the rest is checked frame by frame.
func (f *File) sample(starts []int64) error {
	const samples = 32
	step := max(1, len(starts)/samples)
	for i := 0; i < len(starts); i += step {
		tag, _, err := itemAt(f.r, f.size, starts[i])
		if err != nil {
			return badTable("frame %d: %v", i, err)
		}
		if tag != tagItem {
			return badTable("no item stands where frame %d should, at %d", i, starts[i])
		}
	}
	return nil
}

// frameEnd walks the fragments from off to the end of the pixel data.
func (f *File) frameEnd(off int64) (int64, error) {
	for range MaxItems {
		tag, length, err := itemAt(f.r, f.size, off)
		switch {
		case err != nil:
			return 0, err
		case tag == tagSequenceUp:
			return off, nil
		case tag != tagItem:
			return 0, bad("%v stands at %d where a fragment is due", tag, off)
		case length > f.size-off-8:
			return 0, bad("a fragment of %d bytes at %d passes the file's end at %d", length, off, f.size)
		}
		off += 8 + length
	}
	return 0, bad("more than %d fragments", MaxItems)
}

// fragments walks all items: one a frame, or, where there are more fragments
// than frames, a frame from each fragment that begins as a code stream does.
func (f *File) fragments(fr *Frames, base int64) error {
	var all, begins []int64
	off := base
	for {
		tag, length, err := itemAt(f.r, f.size, off)
		switch {
		case err != nil:
			return err
		case tag != tagItem && tag != tagSequenceUp:
			return bad("%v stands at %d where a fragment is due", tag, off)
		case tag == tagItem && length > f.size-off-8:
			return bad("a fragment of %d bytes at %d passes the file's end at %d", length, off, f.size)
		}
		if tag == tagSequenceUp {
			break
		}
		if len(all) >= MaxItems {
			return bad("more than %d fragments", MaxItems)
		}
		all = append(all, off)
		var soi [2]byte
		if length >= 2 {
			if err := readFull(f.r, soi[:], off+8); err != nil {
				return err
			}
		}
		if soi == [2]byte{0xff, 0xd8} || soi == [2]byte{0xff, 0x4f} { // JPEG SOI, JPEG 2000 SOC
			begins = append(begins, off)
		}
		off += 8 + length
	}
	switch {
	case len(all) == fr.n:
		fr.starts = all
	case fr.n == 1 && len(all) > 0:
		fr.starts = all[:1]
	case len(begins) == fr.n && begins[0] == base:
		fr.starts = begins
	default:
		return bad("%d fragments, %d of them beginnings, for %d frames", len(all), len(begins), fr.n)
	}
	fr.ends = append(slices.Clone(fr.starts[1:]), off)
	return nil
}

// itemAt reads the tag and length at off.
func itemAt(r io.ReaderAt, size, off int64) (Tag, int64, error) {
	if off < 0 || off > size-8 {
		return 0, 0, bad("the pixel data has no end: an item at %d lies behind the file's end at %d", off, size)
	}
	var b [8]byte
	if err := readFull(r, b[:], off); err != nil {
		return 0, 0, err
	}
	t := Tag(binary.LittleEndian.Uint16(b[:]))<<16 | Tag(binary.LittleEndian.Uint16(b[2:]))
	return t, int64(binary.LittleEndian.Uint32(b[4:])), nil
}

// Append reads frame i and appends its bytes to dst; fragments are joined, and
// one byte of padding may follow.
//
// Errors are of the frame: it lies behind the file's end, is too large, or its
// place does not hold it.
func (fr *Frames) Append(dst []byte, i int) ([]byte, error) {
	if i < 0 || i >= fr.n {
		return dst, fmt.Errorf("frame %d of %d", i, fr.n)
	}
	var off, n int64
	if fr.native {
		off, n = fr.starts[0]+int64(i)*fr.bytes, fr.bytes
	} else {
		off, n = fr.starts[i], fr.ends[i]-fr.starts[i]
	}
	if n > MaxFrameBytes {
		return dst, fmt.Errorf("frame %d has %d bytes, more than %d", i, n, MaxFrameBytes)
	}
	if off > fr.size || n > fr.size-off {
		return dst, fmt.Errorf("frame %d of %d bytes at %d lies behind the file's end at %d", i, n, off, fr.size)
	}
	head := len(dst)
	dst = slices.Grow(dst, int(n))[:head+int(n)]
	raw := dst[head:]
	if err := readFull(fr.r, raw, off); err != nil {
		return dst[:head], err
	}
	if fr.native {
		return dst, nil
	}
	to := head
	for len(raw) >= 8 {
		t := Tag(binary.LittleEndian.Uint16(raw))<<16 | Tag(binary.LittleEndian.Uint16(raw[2:]))
		length := int64(binary.LittleEndian.Uint32(raw[4:]))
		if t != tagItem || length > int64(len(raw))-8 {
			return dst[:head], fmt.Errorf("the offset table is wrong: at %d stands %v of %d bytes where a fragment of frame %d is due", off, t, length, i)
		}
		to += copy(dst[to:], raw[8:8+length])
		raw = raw[8+length:]
	}
	return dst[:to], nil
}
