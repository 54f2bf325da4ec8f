package flat

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/draw"
	"image/png"
	"io"

	"coverslip/tiles"

	"github.com/klauspost/compress/zlib"
)

// pngName is the name of the reader of PNG.
const pngName = "png"

// FormatPNG returns the reader of PNG: ISO/IEC 15948, all colour types and
// depths, interlaced ones up to 64 Mpx.
func FormatPNG() tiles.Format {
	return tiles.Format{
		Name: pngName, Vendor: "PNG",
		Detect: func(src *tiles.Source) error { return begins(src, pngSignature, "PNG") },
		Open:   func(ctx context.Context, src *tiles.Source) (tiles.Slide, error) { return openPNG(ctx, src, usual()) },
	}
}

const pngSignature = "\x89PNG\r\n\x1a\n"

// begins says why a file does not begin with a signature.
func begins(src *tiles.Source, signature, what string) error {
	head := make([]byte, len(signature))
	if n, err := src.ReadAt(head, 0); n < len(head) && !errors.Is(err, io.EOF) {
		return err
	}
	if string(head) != signature {
		return fmt.Errorf("no %s file", what)
	}
	return nil
}

// Colour types of IHDR.
const (
	pngGrey      = 0
	pngRGB       = 2
	pngPalette   = 3
	pngGreyAlpha = 4
	pngRGBA      = 6
)

// pngFile is the chunks of a PNG before its pixels.
type pngFile struct {
	r             *bufio.Reader
	width, height int
	depth, kind   int
	interlaced    bool
	palette       [256][4]byte // with alpha, by which the colours are multiplied
	paletteLen    int
	clear         []byte // tRNS of grey or RGB: the samples, two bytes each, that mean transparent
	seeThrough    bool   // a palette colour is transparent
	icc           []byte
	mppX, mppY    float64
	orientation   int
	resolution    string
	left          uint32 // bytes of the current IDAT chunk
	crc           uint32
	ended         bool
	warnings      []string
}

// maxChunk bounds a chunk that is read as a whole.
const maxChunk = 16 << 20

func openPNG(ctx context.Context, src *tiles.Source, lim limits) (tiles.Slide, error) {
	f := &pngFile{r: bufio.NewReaderSize(io.NewSectionReader(src, 0, src.Size()), 1<<16), orientation: 1}
	if err := f.header(); err != nil {
		return nil, err
	}
	if err := f.believable(src.Size()); err != nil {
		return nil, err
	}
	if err := f.chunks(); err != nil {
		return nil, err
	}
	p := &picture{format: pngName, limits: lim, width: f.width, height: f.height, cell: f.cell(), icc: f.icc, orientation: f.orientation}
	if f.depth == 16 {
		p.channels = wideChannels(p.cell.samples)
	}
	p.info = tiles.Info{Vendor: "Generic", Warnings: f.warnings}
	p.scale(f.mppX, f.mppY, "png.pHYs", f.resolution)
	p.rows = f.rows
	if f.interlaced {
		if int64(f.width)*int64(f.height) > wholePixels || src.Size() > maxFileBytes {
			return nil, unsupported(pngName, hint, "interlaced picture of %d×%d pixels (up to 64 Mpx are read)", f.width, f.height)
		}
		p.rows = func(_ context.Context, row func([]byte) error) error { return f.whole(src, row) }
	}
	return p.open(ctx, src)
}

// wideChannels are grey or red, green and blue of 16 bits.
func wideChannels(n int) []tiles.Channel {
	out := make([]tiles.Channel, n)
	for i := range out {
		out[i].Bits = 16
	}
	if n == 3 {
		for i, name := range []string{"R", "G", "B"} {
			out[i].Name, out[i].High, out[i].Color.A = name, 0xffff, 255
		}
		out[0].Color.R, out[1].Color.G, out[2].Color.B = 255, 255, 255
	}
	tiles.CompleteChannels(out)
	return out
}

// scale takes the resolution of a file as MPP when it can be a slide's.
func (p *picture) scale(x, y float64, from, text string) {
	if p.info.Properties == nil {
		p.info.Properties = map[string]string{}
	}
	if text != "" {
		p.info.Properties[from] = text
	}
	if tiles.SaneMPP(x) && tiles.SaneMPP(y) {
		if p.orientation >= 5 {
			x, y = y, x
		}
		p.info.MPPX, p.info.MPPY, p.info.MPPFrom = x, y, from
		return
	}
	if text != "" {
		p.info.Warnings = append(p.info.Warnings, fmt.Sprintf("resolution %s cannot be a slide's and is ignored", text))
	}
	p.info.Warnings = append(p.info.Warnings, unknownMPP)
}

// chunk reads the next chunk's name and length.
func (f *pngFile) chunk() (name string, n uint32, err error) {
	var h [8]byte
	if _, err := io.ReadFull(f.r, h[:]); err != nil {
		return "", 0, bad(pngName, "the file ends before its pixels do")
	}
	n = binary.BigEndian.Uint32(h[:])
	if n > 1<<31-1 {
		return "", 0, bad(pngName, "chunk of %d bytes", n)
	}
	f.crc = crc32.ChecksumIEEE(h[4:])
	return string(h[4:]), n, nil
}

// body reads a chunk as a whole and checks its sum.
func (f *pngFile) body(name string, n uint32) ([]byte, error) {
	if n > maxChunk {
		return nil, bad(pngName, "chunk %q of %d bytes", name, n)
	}
	b, err := io.ReadAll(io.LimitReader(f.r, int64(n)))
	if err != nil || len(b) < int(n) {
		return nil, bad(pngName, "chunk %q is cut off", name)
	}
	f.crc = crc32.Update(f.crc, crc32.IEEETable, b)
	return b, f.sum(name)
}

// sum checks the sum behind a chunk.
func (f *pngFile) sum(name string) error {
	var b [4]byte
	if _, err := io.ReadFull(f.r, b[:]); err != nil {
		return bad(pngName, "chunk %q is cut off", name)
	}
	if binary.BigEndian.Uint32(b[:]) != f.crc {
		return bad(pngName, "chunk %q is damaged (its sum is wrong)", name)
	}
	return nil
}

// header reads signature and IHDR.
func (f *pngFile) header() error {
	if _, err := f.r.Discard(len(pngSignature)); err != nil {
		return bad(pngName, "the file has only its signature")
	}
	name, n, err := f.chunk()
	if err != nil {
		return err
	}
	if name != "IHDR" || n != 13 {
		return bad(pngName, "the file begins with chunk %q of %d bytes", name, n)
	}
	b, err := f.body(name, n)
	if err != nil {
		return err
	}
	w, h := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	if w == 0 || h == 0 || w > 1<<31-1 || h > 1<<31-1 {
		return bad(pngName, "picture of %d×%d pixels", w, h)
	}
	f.width, f.height, f.depth, f.kind, f.interlaced = int(w), int(h), int(b[8]), int(b[9]), b[12] == 1
	depths := map[int][]int{pngGrey: {1, 2, 4, 8, 16}, pngRGB: {8, 16}, pngPalette: {1, 2, 4, 8}, pngGreyAlpha: {8, 16}, pngRGBA: {8, 16}}[f.kind]
	for _, d := range depths {
		if d == f.depth && b[10] == 0 && b[11] == 0 && b[12] <= 1 {
			return nil
		}
	}
	return bad(pngName, "colour type %d of %d bits, methods %v", f.kind, f.depth, b[10:13])
}

// believable refuses a picture that a file of that size cannot hold: deflate
// makes 1032 bytes of one at most.
func (f *pngFile) believable(fileSize int64) error {
	if f.width > MaxSide || f.height > MaxSide {
		return unsupported(pngName, hint, "picture of %d×%d pixels (sides up to %d are read)", f.width, f.height, MaxSide)
	}
	if int64(f.rowBytes())*int64(f.height)/1032 > fileSize {
		return bad(pngName, "%d×%d pixels of %d bits do not fit a file of %d bytes", f.width, f.height, f.depth*f.stored(), fileSize)
	}
	return nil
}

// stored is the samples of a stored pixel.
func (f *pngFile) stored() int {
	return map[int]int{pngRGB: 3, pngGreyAlpha: 2, pngRGBA: 4}[f.kind] + map[bool]int{true: 1}[f.kind == pngGrey || f.kind == pngPalette]
}

// rowBytes is the length of a stored row without its filter.
func (f *pngFile) rowBytes() int { return (f.width*f.stored()*f.depth + 7) / 8 }

// cell is what a pixel becomes. The alpha of 16-bit pictures is left out.
func (f *pngFile) cell() cell {
	switch {
	case f.depth == 16 && (f.kind == pngGrey || f.kind == pngGreyAlpha):
		return cell{1, 2}
	case f.depth == 16:
		return cell{3, 2}
	case f.kind == pngGreyAlpha, f.kind == pngRGBA, f.clear != nil, f.seeThrough:
		return cell{4, 1}
	case f.kind == pngGrey:
		return cell{1, 1}
	}
	return cell{3, 1}
}

// chunks reads up to the first IDAT.
func (f *pngFile) chunks() error {
	for {
		name, n, err := f.chunk()
		if err != nil {
			return err
		}
		switch name {
		case "IDAT":
			if f.kind == pngPalette && f.paletteLen == 0 {
				return bad(pngName, "palette picture without a palette")
			}
			if f.depth == 16 && (f.kind == pngGreyAlpha || f.kind == pngRGBA || f.clear != nil) {
				f.warnings = append(f.warnings, "the transparency of the 16-bit picture is not shown")
				f.clear = nil
			}
			f.left = n
			return nil
		case "IEND":
			return bad(pngName, "the file holds no pixels")
		case "PLTE", "tRNS", "iCCP", "pHYs", "eXIf":
			b, err := f.body(name, n)
			if err != nil {
				return err
			}
			if err := f.take(name, b); err != nil {
				return err
			}
		default:
			if _, err := io.CopyN(io.Discard, f.r, int64(n)+4); err != nil {
				return bad(pngName, "chunk %q is cut off", name)
			}
		}
	}
}

// take reads a chunk that says something of the pixels.
func (f *pngFile) take(name string, b []byte) error {
	switch name {
	case "PLTE":
		if len(b)%3 != 0 || len(b) == 0 || len(b) > 768 {
			return bad(pngName, "palette of %d bytes", len(b))
		}
		f.paletteLen = len(b) / 3
		for i := range f.paletteLen {
			f.palette[i] = [4]byte{b[3*i], b[3*i+1], b[3*i+2], 255}
		}
	case "tRNS":
		switch {
		case f.kind == pngPalette:
			for i, a := range b[:min(len(b), f.paletteLen)] {
				c := f.palette[i]
				f.palette[i] = multiplied(c[0], c[1], c[2], a)
				f.seeThrough = f.seeThrough || a != 255
			}
		case len(b) >= 2*f.stored() && (f.kind == pngGrey || f.kind == pngRGB):
			f.clear = b[:2*f.stored()]
		}
	case "iCCP":
		f.profile(b)
	case "pHYs":
		if len(b) == 9 && b[8] == 1 { // pixels per metre
			x, y := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
			f.resolution = fmt.Sprintf("%d×%d per metre", x, y)
			if x > 0 && y > 0 {
				f.mppX, f.mppY = 1e6/float64(x), 1e6/float64(y)
			}
		}
	case "eXIf":
		f.orientation = exifOrientation(b)
	}
	return nil
}

// profile unpacks a colour profile of at most maxChunk bytes.
func (f *pngFile) profile(b []byte) {
	_, packed, ok := bytes.Cut(b, []byte{0})
	if !ok || len(packed) < 1 {
		return
	}
	z, err := zlib.NewReader(bytes.NewReader(packed[1:]))
	if err == nil {
		var icc []byte
		if icc, err = io.ReadAll(io.LimitReader(z, maxChunk)); err == nil {
			f.icc = icc
			return
		}
	}
	f.warnings = append(f.warnings, fmt.Sprintf("colour profile left out: %v", err))
}

// Read gives the bytes of the IDAT chunks, which follow one another.
func (f *pngFile) Read(p []byte) (int, error) {
	for f.left == 0 {
		if f.ended {
			return 0, io.EOF
		}
		if err := f.sum("IDAT"); err != nil {
			return 0, err
		}
		name, n, err := f.chunk()
		if err != nil {
			return 0, err
		}
		if name != "IDAT" {
			f.ended = true
			return 0, io.EOF
		}
		f.left = n
	}
	n, err := f.r.Read(p[:min(len(p), int(f.left))])
	f.left -= uint32(n)
	f.crc = crc32.Update(f.crc, crc32.IEEETable, p[:n])
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// rows unpacks and unfilters row after row.
func (f *pngFile) rows(_ context.Context, row func([]byte) error) error {
	z, err := zlib.NewReader(f)
	if err != nil {
		return err
	}
	buffered := bufio.NewReaderSize(z, 1<<16)
	n, step := f.rowBytes(), max(1, f.stored()*f.depth/8)
	now, before := make([]byte, n+1), make([]byte, n+1)
	out := make([]byte, f.width*f.cell().bytes())
	for y := range f.height {
		if _, err := io.ReadFull(buffered, now); err != nil {
			return fmt.Errorf("row %d of %d: %w", y, f.height, err)
		}
		if err := unfilter(now[0], now[1:], before[1:], step); err != nil {
			return fmt.Errorf("row %d: %w", y, err)
		}
		f.convert(out, now[1:])
		if err := row(out); err != nil {
			return err
		}
		now, before = before, now
	}
	return nil
}

// whole decodes an interlaced picture.
func (f *pngFile) whole(src *tiles.Source, row func([]byte) error) error {
	m, err := png.Decode(bufio.NewReaderSize(io.NewSectionReader(src, 0, src.Size()), 1<<16))
	if err != nil {
		return err
	}
	b := m.Bounds()
	if b.Dx() != f.width || b.Dy() != f.height {
		return fmt.Errorf("decodes to %v", b)
	}
	c := f.cell()
	out := make([]byte, f.width*c.bytes())
	line := image.NewRGBA(image.Rect(0, 0, f.width, 1))
	for y := range f.height {
		if c.colour() {
			draw.Draw(line, line.Rect, m, image.Pt(b.Min.X, b.Min.Y+y), draw.Src)
			c.pack(out, line.Pix)
		} else if err := wideRow(out, m, y, c.samples); err != nil {
			return err
		}
		if err := row(out); err != nil {
			return err
		}
	}
	return nil
}

// wideRow copies a row of 16-bit samples, of which package image keeps the upper
// byte first.
func wideRow(out []byte, m image.Image, y, samples int) error {
	var src []byte
	step := 8
	switch m := m.(type) {
	case *image.Gray16:
		src, step = m.Pix[y*m.Stride:], 2
	case *image.NRGBA64:
		src = m.Pix[y*m.Stride:]
	case *image.RGBA64: // of pictures without alpha
		src = m.Pix[y*m.Stride:]
	default:
		return fmt.Errorf("decodes to %T", m)
	}
	for x := range len(out) / (2 * samples) {
		for s := range samples {
			out[2*(x*samples+s)], out[2*(x*samples+s)+1] = src[x*step+2*s+1], src[x*step+2*s]
		}
	}
	return nil
}
