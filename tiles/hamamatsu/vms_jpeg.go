package hamamatsu

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"strings"
	"sync"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/jpegstream"
	"coverslip/tiles/tiff"
)

// filePicture is a JPEG file of its own.
func filePicture(src *tiles.Source, codecs *codec.Set) (*picture, error) {
	p := &picture{src: src, codecs: codecs, size: src.Size()}
	head := make([]byte, min(maxHeader, p.size))
	if len(head) == 0 {
		return nil, badIndex(nil, "the file is empty")
	}
	if err := p.read(head, 0); err != nil {
		return nil, err
	}
	var err error
	if p.layout, err = jpegstream.ParseLayout(head); err != nil {
		return nil, badIndex(err, "JPEG")
	}
	p.header = head[:p.layout.Scan:p.layout.Scan]
	p.width, p.height = p.layout.Width, p.layout.Height
	if l := p.layout; l.Components != 1 && l.Components != 3 || l.Precision != 8 {
		return nil, unsupported("JPEG of %d components of %d bits", l.Components, l.Precision)
	}
	if p.width < 1 || p.height < 1 {
		return nil, badIndex(nil, "JPEG of %d×%d pixels", p.width, p.height)
	}
	if !p.segmented() && int64(p.width)*int64(p.height) > tiff.MaxTilePixels {
		return nil, unsupported("JPEG of %d×%d pixels without restart markers: it cannot be decoded in parts", p.width, p.height)
	}
	return p, nil
}

// comment is the text of a JPEG's first comment segment, "" when there is none.
func comment(header []byte) string {
	for i := 2; i+4 <= len(header) && header[i] == 0xff; {
		n := int(binary.BigEndian.Uint16(header[i+2:]))
		if n < 2 || i+2+n > len(header) {
			break
		}
		if header[i+1] == 0xfe { // T.81 table B.1: COM
			text, _, _ := bytes.Cut(header[i+4:i+2+n], []byte{0})
			return strings.ToValidUTF8(string(text), "\ufffd")
		}
		i += 2 + n
	}
	return ""
}

// Of the optimisation file: a number of 64 bits, little endian, every 40 bytes.
const (
	hintBytes = 40
	maxHints  = 1 << 20 // rows of segments
)

// hints reads the optimisation file: where the first restart segment of each row
// of segments begins, image after image. It ends early in real files, and is
// only believed where markers confirm it. Nil when there is none.
func (o *indexed) hints(all []*picture) [][]uint64 {
	name := o.index.values["OptimisationFile"]
	if name == "" {
		return nil
	}
	src, err := o.sibling(name)
	if err != nil {
		o.warn("optimisation file left out: %v", err)
		return nil
	}
	rows := 0
	for _, p := range all {
		rows += (p.height + p.layout.MCUHeight - 1) / p.layout.MCUHeight
	}
	b := make([]byte, min(src.Size(), hintBytes*int64(min(rows, maxHints))))
	if len(b) == 0 {
		return nil
	}
	if _, err := src.ReadAt(b, 0); err != nil {
		o.warn("optimisation file left out: %v", err)
		return nil
	}
	out := make([][]uint64, len(all))
	for i, p := range all {
		for range (p.height + p.layout.MCUHeight - 1) / p.layout.MCUHeight {
			v := uint64(lost)
			if len(b) >= hintBytes {
				v = binary.LittleEndian.Uint64(b)
				b = b[hintBytes:]
			}
			out[i] = append(out[i], v)
		}
	}
	return out
}

// hinted is a strip whose rows of segments begin where it is hinted at. Rows are
// searched for their markers when they are first needed; where that does not
// come out as hinted, the whole strip is searched instead.
type hinted struct {
	*strip
	heads []uint64 // one each row, lost where unknown; nil: no hints

	mu     sync.Mutex // protects what follows
	starts []uint64   // as of scanned; an entry that is set stays
	found  []bool     // rows whose segments are known, and where the next begins
	wrong  bool       // a hint was wrong: none is believed any more
}

// readPart implements grid.
func (h *hinted) readPart(ctx context.Context, r image.Rectangle, dst *image.RGBA) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, rows := h.segments(r)
	starts, err := h.rowStarts(ctx, rows.X, rows.Y)
	if err == nil {
		err = h.decode(ctx, starts, r, dst)
	}
	if !errors.Is(err, errStarts) {
		return err
	}
	starts, err = h.scanned.upTo(ctx, h.strip, rows.Y*h.cols+1)
	if err != nil {
		return err
	}
	return h.decode(ctx, starts, r, dst)
}

// rowStarts returns where segments begin, of the rows from first to before last.
// It returns errStarts when hints do not tell.
func (h *hinted) rowStarts(ctx context.Context, first, last int) ([]uint64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.heads == nil || h.wrong {
		return nil, errStarts
	}
	if h.starts == nil {
		h.starts, h.found = make([]uint64, h.cols*h.rows), make([]bool, h.rows)
		h.starts[0] = uint64(len(h.header))
	}
	for first > 0 && h.heads[first] == lost && h.starts[first*h.cols] == lost {
		first-- // not hinted at: it is found from a row that is
	}
	for row := first; row < last; row++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if h.found[row] {
			continue
		}
		if err := h.row(row); errors.Is(err, errStarts) {
			h.wrong = true
			return nil, err
		} else if err != nil {
			return nil, err
		}
		h.found[row] = true
	}
	return h.starts, nil
}

// row finds the segments of a row and where the next one begins.
func (h *hinted) row(row int) error {
	first, end := row*h.cols, min((row+1)*h.cols, len(h.starts)-1)
	if h.starts[first] == lost {
		h.starts[first] = h.heads[row]
	}
	at := int64(h.starts[first])
	if at < int64(len(h.header)) || at >= h.size {
		return errStarts
	}
	if first > 0 && !h.isMarker(at-2, first-1) {
		return errStarts
	}
	buf := scratch(scanBlock / 16)
	defer buffers.Put(buf)
	for i := first; i < end; at += int64(len(*buf)) - 1 { // blocks overlap by a byte
		n := min(int64(len(*buf)), h.size-at)
		if n < 2 {
			return errStarts
		}
		b := (*buf)[:n]
		if err := h.read(b, at); err != nil {
			return err
		}
		for j := 0; j+1 < len(b) && i < end; j++ {
			k := bytes.IndexByte(b[j:], 0xff)
			if k < 0 || j+k+1 >= len(b) {
				break
			}
			if j += k; !isRestart(b[j+1]) {
				continue
			}
			if b[j+1]&7 != byte(i&7) {
				return errStarts
			}
			i++
			if h.starts[i] == lost {
				h.starts[i] = uint64(at) + uint64(j) + 2
			}
		}
	}
	if row+1 < h.rows && h.heads[row+1] != lost && h.heads[row+1] != h.starts[end] {
		return errStarts
	}
	return nil
}

// isMarker says whether the restart marker behind segment i lies at an offset.
func (h *hinted) isMarker(at int64, i int) bool {
	var b [2]byte
	return h.read(b[:], at) == nil && b[0] == 0xff && b[1] == 0xd0|byte(i&7)
}
