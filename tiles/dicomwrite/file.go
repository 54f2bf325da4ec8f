package dicomwrite

import (
	"bufio"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"coverslip/tiles/jpegstream"
)

// file is one DICOM file under construction. Its header is written when the first
// frame is there, which says what its colours are; the tables of where frames lie
// are left free and filled at the end.
type file struct {
	m     *instance
	f     *os.File
	out   *bufio.Writer
	at    int64 // file offset of the next byte
	begun bool

	extended  bool
	tables    [2]int64 // where the offset table, and that of lengths, begin
	ratio     int64    // where the compression ratio stands, 0 when there is none
	base      int64    // of the first frame's item
	offsets   []uint64 // from base
	lengths   []uint64
	layout    jpegstream.Header // of the first frame
	remainder int64             // bytes stored, without items
}

// maxPlain is the most that a value of 32-bit length can hold, even.
const maxPlain = math.MaxUint32 - 1

func (m *instance) limit() int64 {
	if m.slide.limit > 0 {
		return m.slide.limit
	}
	return maxPlain
}

func newFile(dir string, m *instance) (*file, error) {
	f, err := os.OpenFile(filepath.Join(dir, m.name+".dcm"), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	return &file{m: m, f: f, out: bufio.NewWriterSize(f, 1<<20)}, nil
}

func (w *file) write(b []byte) error {
	n, err := w.out.Write(b)
	w.at += int64(n)
	return err
}

// restart drops what was written.
func (w *file) restart() error {
	if !w.begun {
		return nil
	}
	if _, err := w.f.Seek(0, 0); err != nil {
		return err
	}
	if err := w.f.Truncate(0); err != nil {
		return err
	}
	w.out.Reset(w.f)
	*w = file{m: w.m, f: w.f, out: w.out}
	return nil
}

// begin writes everything before the first frame.
func (w *file) begin(first []byte) error {
	w.begun = true
	m := w.m
	if m.syntax == syntaxJPEG {
		h, err := jpegstream.ParseHeader(first)
		if err != nil {
			return err
		}
		w.layout, m.photometric = h, photometric(h)
	}
	head := m.meta()
	d := m.data()
	if m.lossy {
		at, err := d.find(0x00282112)
		if err != nil {
			return err
		}
		w.ratio = int64(len(head)) + at
	}
	// A basic offset table has 32 bits. Whether that will do, only the sizes of
	// frames not yet seen tell: it will when even plain frames would fit.
	w.extended = m.encapsulated() && int64(m.frames)*(m.frameBytes()+16) > m.limit()
	out := d.encode(head)
	if w.extended {
		for i, tag := range []uint32{0x7FE00001, 0x7FE00002} {
			out = appendTag(out, tag)
			out = append(out, 'O', 'V', 0, 0)
			out = le.AppendUint32(out, uint32(8*m.frames))
			w.tables[i] = int64(len(out))
			out = append(out, make([]byte, 8*m.frames)...)
		}
	}
	out = appendTag(out, 0x7FE00010)
	if !m.encapsulated() {
		vr := "OB"
		if m.allocated > 8 {
			vr = "OW"
		}
		n := int64(m.frames) * m.frameBytes()
		out = append(out, vr...)
		out = le.AppendUint32(append(out, 0, 0), uint32(n+n%2))
		return w.write(out)
	}
	out = append(out, 'O', 'B', 0, 0, 0xff, 0xff, 0xff, 0xff)
	out = appendTag(out, 0xfffee000)
	n := 4 * m.frames
	if w.extended {
		n = 0
	}
	out = le.AppendUint32(out, uint32(n))
	if !w.extended {
		w.tables[0] = int64(len(out))
		out = append(out, make([]byte, n)...)
	}
	w.base = int64(len(out))
	return w.write(out)
}

// photometric is what the data set must say of a stream, PS3.5 section 8.2.1.
func photometric(h jpegstream.Header) string {
	switch {
	case h.Components == 1:
		return "MONOCHROME2"
	case h.Adobe && h.Transform == 0 || !h.Adobe && !h.JFIF && h.NamedRGB:
		return "RGB"
	case h.Subsampled:
		return "YBR_FULL_422"
	}
	return "YBR_FULL"
}

// frame appends one frame.
func (w *file) frame(data []byte) error {
	m := w.m
	if !w.begun {
		if err := w.begin(data); err != nil {
			return err
		}
	}
	switch m.syntax {
	case syntaxPlain:
		if int64(len(data)) != m.frameBytes() {
			return fmt.Errorf("a frame of %d bytes where %d are due", len(data), m.frameBytes())
		}
		return w.write(data)
	case syntaxRLE:
		data = runLength(data, m.samples, m.allocated/8)
	case syntaxJPEG:
		h, err := jpegstream.ParseHeader(data)
		if err != nil {
			return err
		}
		if h.Width != m.tileW || h.Height != m.tileH || h.SOF != 0xc0 || h.Components != w.layout.Components || photometric(h) != m.photometric {
			return errors.New("its JPEG stream is not of the form of the frames before")
		}
	}
	w.offsets, w.lengths = append(w.offsets, uint64(w.at-w.base)), append(w.lengths, uint64(len(data)))
	w.remainder += int64(len(data))
	if err := w.write(le.AppendUint32(appendTag(nil, 0xfffee000), uint32(len(data)+len(data)%2))); err != nil {
		return err
	}
	if err := w.write(data); err != nil {
		return err
	}
	if len(data)%2 == 1 {
		return w.write([]byte{0})
	}
	return nil
}

// finish fills the tables and closes the file.
func (w *file) finish() (err error) {
	defer func() { err = errors.Join(err, w.f.Close()) }()
	if !w.m.encapsulated() {
		if n := int64(w.m.frames) * w.m.frameBytes(); n%2 == 1 {
			if err := w.write([]byte{0}); err != nil {
				return err
			}
		}
		return errors.Join(w.out.Flush(), w.f.Sync())
	}
	if len(w.offsets) != w.m.frames {
		return fmt.Errorf("%s: %d of %d frames", w.m.name, len(w.offsets), w.m.frames)
	}
	if err := w.write(append(appendTag(nil, 0xfffee0dd), 0, 0, 0, 0)); err != nil {
		return err
	}
	if err := w.out.Flush(); err != nil {
		return err
	}
	for i, list := range [][]uint64{w.offsets, w.lengths} {
		if i == 1 && !w.extended {
			break
		}
		var b []byte
		for _, v := range list {
			if w.extended {
				b = le.AppendUint64(b, v)
			} else {
				b = le.AppendUint32(b, uint32(v))
			}
		}
		if _, err := w.f.WriteAt(b, w.tables[i]); err != nil {
			return err
		}
	}
	if w.ratio > 0 && w.m.syntax == syntaxJPEG {
		ratio := float64(int64(w.m.frames)*w.m.frameBytes()) / float64(max(1, w.remainder))
		text := fmt.Sprintf("%-*s", ratioRoom, decimal(math.Round(100*ratio)/100))
		if _, err := w.f.WriteAt([]byte(strings.ReplaceAll(text, "\x00", " ")), w.ratio); err != nil {
			return err
		}
	}
	return w.f.Sync()
}
