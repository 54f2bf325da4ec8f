package dicomfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"coverslip/tiles"
)

// windowBytes is how much of the file is read at a time while data sets are
// parsed: elements are small and lie side by side.
const windowBytes = 16 << 10

// File is a parsed file. Its data sets are for one goroutine at a time; Frames
// are safe for concurrent use.
type File struct {
	r      io.ReaderAt
	size   int64
	window []byte // what was read last, at windowAt
	at     int64
	syntax string
	meta   *Dataset
	data   *Dataset
	pixels Element // of length 0 when there are none
}

func bad(format string, args ...any) error {
	return &tiles.FormatError{Format: "dicom", What: fmt.Sprintf(format, args...)}
}

// headerBytes are the preamble and the letters DICM, PS3.10 section 7.1.
const headerBytes = 132

// Parse reads the meta information and the data set of a file of the given
// size, up to the pixel data.
//
// Errors: *tiles.FormatError for what is no DICOM file or is damaged,
// *tiles.UnsupportedError for big-endian and deflated data sets, an error of r.
func Parse(r io.ReaderAt, size int64) (*File, error) { return parse(r, size, 0xffffffff) }

// ParseHead is Parse up to the element last: enough to know what a file is
// without reading through a long data set.
func ParseHead(r io.ReaderAt, size int64, last Tag) (*File, error) { return parse(r, size, last) }

func parse(r io.ReaderAt, size int64, last Tag) (*File, error) {
	f := &File{r: r, size: size}
	if size < headerBytes {
		return nil, bad("the file has only %d bytes", size)
	}
	head, err := f.bytes(0, headerBytes)
	if err != nil {
		return nil, err
	}
	if string(head[128:]) != "DICM" {
		return nil, bad("not a DICOM file (no DICM after the preamble)")
	}
	next, err := f.readMeta()
	if err != nil {
		return nil, err
	}
	switch f.syntax {
	case "":
		return nil, bad("the file tells no transfer syntax")
	case ExplicitBig, Deflated:
		return nil, &tiles.UnsupportedError{Format: "dicom", What: "transfer syntax " + f.syntax + " (" + SyntaxName(f.syntax) + ")", Hint: "convert the file, for instance with dcmconv of DCMTK"}
	}
	f.data = &Dataset{file: f}
	w := walk{file: f, implicit: f.syntax == ImplicitLittle, end: size}
	for w.off = next; w.off < size; {
		e, err := w.element()
		if err != nil {
			return nil, err
		}
		if e.Tag > last {
			break
		}
		if e.Tag == PixelData {
			f.pixels = e
			break
		}
		if err := f.data.add(e); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// readMeta reads group 2, which is explicit little endian always, and returns
// where it ends. The group's length (0002,0000) is not needed: the group ends
// at the first element of another.
func (f *File) readMeta() (int64, error) {
	f.meta = &Dataset{file: f}
	w := walk{file: f, end: f.size, off: headerBytes}
	for w.off < f.size {
		b, err := f.bytes(w.off, 4)
		if err != nil {
			return 0, err
		}
		if binary.LittleEndian.Uint16(b) != 2 {
			break
		}
		e, err := w.element()
		if err != nil {
			return 0, err
		}
		if err := f.meta.add(e); err != nil {
			return 0, err
		}
	}
	var err error
	f.syntax, err = f.meta.Text(TransferSyntaxUID)
	return w.off, err
}

// Meta is the file meta information, group 2.
func (f *File) Meta() *Dataset { return f.meta }

// Data is the data set before the pixel data.
func (f *File) Data() *Dataset { return f.data }

// Syntax is the UID of the transfer syntax.
func (f *File) Syntax() string { return f.syntax }

// bytes gives n bytes at off, at most windowBytes, valid until the next call.
func (f *File) bytes(off int64, n int) ([]byte, error) {
	if off < 0 || n > windowBytes || off > f.size || int64(n) > f.size-off {
		return nil, bad("%d bytes at %d lie behind the file's end at %d", n, off, f.size)
	}
	if off < f.at || off+int64(n) > f.at+int64(len(f.window)) {
		if f.window == nil {
			f.window = make([]byte, windowBytes)
		}
		w := f.window[:min(windowBytes, f.size-off):cap(f.window)]
		f.window = w[:0] // nothing, if reading fails
		if err := readFull(f.r, w, off); err != nil {
			return nil, err
		}
		f.window, f.at = w, off
	}
	i := int(off - f.at)
	return f.window[i : i+n : i+n], nil
}

// readFull fills b from off.
func readFull(r io.ReaderAt, b []byte, off int64) error {
	if n, err := r.ReadAt(b, off); n < len(b) {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("dicom: %d bytes at %d: %w", len(b), off, err)
	}
	return nil
}
