package hamamatsu

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"
	"sync"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/jpegstream"
	"coverslip/tiles/tiff"
)

const (
	// maxHeader is where the JPEG's first scan must have begun, in bytes.
	maxHeader = 64 << 10
	// maxJPEGSide is the largest side libjpeg decodes; a larger image says 0.
	maxJPEGSide = 65500
)

// Values of tiff.TagCompression that newer scanners write and that are not read.
const (
	compressionJPEGXR    = 34934 // as registered by Adobe
	compressionJPEGXROld = 22610 // as the scanners began with
)

// buffers are scratch space for compressed tiles and for tiles that overhang
// the image.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// picture is the image of a directory: one JPEG in one strip.
type picture struct {
	src           *tiles.Source
	codecs        *codec.Set
	dir           *tiff.Directory
	width, height int   // pixels, by the tags
	base, size    int64 // the strip, in bytes
	header        []byte
	layout        jpegstream.Layout // of header
}

func bad(format string, args ...any) error {
	return &tiles.FormatError{Format: name, What: fmt.Sprintf(format, args...)}
}

func unsupported(format string, args ...any) error {
	return &tiles.UnsupportedError{Format: name, What: fmt.Sprintf(format, args...)}
}

// newPicture reads the tags and the JPEG header of a directory.
func newPicture(src *tiles.Source, codecs *codec.Set, d *tiff.Directory) (*picture, error) {
	p := &picture{src: src, codecs: codecs, dir: d}
	value := func(tag uint16, def uint64) uint64 {
		v, err := d.Uint(tag, def)
		if err != nil {
			return 0 // each 0 is refused below
		}
		return v
	}
	w, h := value(tiff.TagImageWidth, 0), value(tiff.TagImageLength, 0)
	if w == 0 || h == 0 || w > tiff.MaxSide || h > tiff.MaxSide {
		return nil, bad("directory %d: image of %d×%d pixels", d.Index(), w, h)
	}
	p.width, p.height = int(w), int(h)
	switch c := value(tiff.TagCompression, 1); c {
	case tiff.CompressionJPEG:
	case compressionJPEGXR, compressionJPEGXROld:
		return nil, unsupported("compression %d (JPEG XR) of directory %d: JPEG is read", c, d.Index())
	default:
		return nil, unsupported("compression %d of directory %d: JPEG is read", c, d.Index())
	}
	base, size := value(tiff.TagStripOffsets, 0), value(tiff.TagStripByteCounts, 0)
	if end := uint64(src.Size()); base == 0 || size == 0 || base > end || size > end-base {
		return nil, bad("directory %d: its %d bytes at %d lie behind the file's end at %d", d.Index(), size, base, end)
	}
	p.base, p.size = int64(base), int64(size)
	head := make([]byte, min(maxHeader, p.size))
	if _, err := src.ReadAt(head, p.base); err != nil {
		return nil, err
	}
	var err error
	if p.layout, err = jpegstream.ParseLayout(head); err != nil {
		return nil, bad("directory %d: %v", d.Index(), err)
	}
	p.header = head[:p.layout.Scan:p.layout.Scan]
	if l := p.layout; l.Components != 1 && l.Components != 3 || l.Precision != 8 {
		return nil, unsupported("JPEG of %d components of %d bits", l.Components, l.Precision)
	}
	for _, s := range [][2]int{{p.layout.Width, p.width}, {p.layout.Height, p.height}} {
		if s[0] != s[1] && s[0] != 0 && s[1] <= maxJPEGSide {
			return nil, bad("directory %d: JPEG is %d×%d pixels where %d×%d are due", d.Index(), p.layout.Width, p.layout.Height, p.width, p.height)
		}
	}
	if !p.segmented() && int64(p.width)*int64(p.height) > tiff.MaxTilePixels {
		return nil, unsupported("image of %d×%d pixels without restart markers in directory %d: it cannot be decoded in parts", p.width, p.height, d.Index())
	}
	if p.segmented() && p.segments() > tiff.MaxTiles {
		return nil, bad("directory %d: %d restart segments are more than %d", d.Index(), p.segments(), tiff.MaxTiles)
	}
	return p, nil
}

func (p *picture) directory() *tiff.Directory { return p.dir }

// segmented says whether the image can be cut at its restart markers: they must
// not straddle rows of MCUs, and a piece must not be larger than a JPEG can be.
func (p *picture) segmented() bool {
	l := p.layout
	baseline := l.SOF == 0xc0 || l.SOF == 0xc1
	return baseline && l.Restart > 0 && p.mcus()%l.Restart == 0 && l.Restart*l.MCUWidth <= maxJPEGSide
}

// mcus is how many MCUs a row has.
func (p *picture) mcus() int { return (p.width + p.layout.MCUWidth - 1) / p.layout.MCUWidth }

// segments is how many restart segments a segmented image has.
func (p *picture) segments() int64 {
	rows := (p.height + p.layout.MCUHeight - 1) / p.layout.MCUHeight
	return int64(p.mcus()/p.layout.Restart) * int64(rows)
}

// grid is the picture as a level of the slide.
func (p *picture) grid(k *keeper) grid {
	if p.segmented() {
		return newStrip(p)
	}
	return &whole{p, k}
}

// ReadAll decodes the whole image.
func (p *picture) ReadAll(ctx context.Context) (*image.RGBA, error) {
	if int64(p.width)*int64(p.height) > tiff.MaxTilePixels {
		return nil, unsupported("associated image of %d×%d pixels", p.width, p.height)
	}
	dst := image.NewRGBA(image.Rect(0, 0, p.width, p.height))
	return dst, p.decode(ctx, dst)
}

// read reads bytes of the strip, offsets counted from its beginning.
func (p *picture) read(b []byte, off int64) error {
	n, err := p.src.ReadAt(b, p.base+off)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// decode decodes the whole image into dst, which has its size.
func (p *picture) decode(ctx context.Context, dst *image.RGBA) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if p.size > tiff.MaxTileBytes {
		return fmt.Errorf("%d compressed bytes are more than %d", p.size, tiff.MaxTileBytes)
	}
	buf := scratch(int(p.size))
	defer buffers.Put(buf)
	if err := p.read(*buf, 0); err != nil {
		return err
	}
	if len(*buf) < len(p.header) { // cannot be while the file stays as it was
		return io.ErrUnexpectedEOF
	}
	p.setSize(*buf, p.width, p.height)
	return p.codecs.JPEG(dst, *buf, p.layout.Components)
}

// setSize writes width and height into the frame of a stream that begins with
// the header.
func (p *picture) setSize(stream []byte, w, h int) {
	binary.BigEndian.PutUint16(stream[p.layout.Frame:], uint16(h))
	binary.BigEndian.PutUint16(stream[p.layout.Frame+2:], uint16(w))
}

// scratch returns a pooled buffer of n bytes of any content.
func scratch(n int) *[]byte {
	b := buffers.Get().(*[]byte)
	if cap(*b) < n {
		*b = make([]byte, n)
	}
	*b = (*b)[:n]
	return b
}
