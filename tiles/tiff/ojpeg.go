package tiff

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"

	"coverslip/tiles/jpegstream"
)

// oldJPEG is the compression 6 of TIFF 6.0 section 22, which writers took in
// three ways: a whole stream elsewhere in the file (tag 513), whole streams as
// tiles, or tiles of bare entropy-coded data whose tables lie in tags or in the
// header of that whole stream.
type oldJPEG struct {
	at, n   uint64 // the whole stream; 0 when there is none
	head    []byte // the markers of the whole stream, nil when there is none or it is cut off
	tables  []byte // DQT and DHT segments of the tags, nil when they are missing
	restart int    // MCUs between restart markers
	h, v    int    // sampling of luma
}

// maxOldTables bounds the tables of a tag: one for each component.
const maxOldTables = 4

// readOldJPEG reads the tags of the compression.
func (m *Image) readOldJPEG(d *Directory) error {
	if m.Bits != 8 || m.Format != FormatUint || m.planar || m.Samples != 1 && m.Samples != 3 {
		return unsupported("", "old JPEG of %d samples of %d bits", m.Samples, m.Bits)
	}
	o := &oldJPEG{h: 1, v: 1}
	proc, err := d.Uint(TagJPEGProc, 1)
	if err != nil {
		return err
	}
	if proc != 1 {
		return unsupported("", "old JPEG of process %d (1, baseline, is read)", proc)
	}
	if o.at, err = d.Uint(TagJPEGFormat, 0); err != nil {
		return err
	}
	if o.n, err = d.Uint(TagJPEGFormatLength, 0); err != nil {
		return err
	}
	restart, err := d.Uint(TagJPEGRestartInterval, 0)
	if err != nil {
		return err
	}
	o.restart = int(min(restart, 0xffff))
	m.old = o
	if m.Samples == 3 {
		o.h, o.v = 2, 2
		if v, err := d.Uints(TagYCbCrSubsampling, 1<<10); err == nil && len(v) >= 2 && d.Has(TagYCbCrSubsampling) {
			o.h, o.v = int(min(v[0], 4)), int(min(v[1], 4))
		}
	}
	if o.at != 0 {
		if err := o.readHead(m.file); err != nil {
			return err
		}
	}
	if d.Has(TagJPEGQTables) {
		return o.readTables(d, m.Samples)
	}
	return nil
}

// readHead reads the whole stream's markers up to its scan's data.
func (o *oldJPEG) readHead(f *File) error {
	const enough = 1 << 16 // tables have a kilobyte
	if o.at >= uint64(f.size) {
		return bad("old JPEG stream at %d lies behind the file's end at %d", o.at, f.size)
	}
	left := uint64(f.size) - o.at
	if o.n == 0 || o.n > left { // seen in the wild; the stream ends itself
		o.n = left
	}
	b, err := f.bytes(int64(o.at), int64(min(o.n, enough)), "old JPEG stream")
	if err != nil {
		return err
	}
	if l, err := jpegstream.ParseLayout(b); err == nil {
		o.head = b[:l.Scan]
	}
	return nil
}

// readTables makes segments of the tables that tags name: for each component a
// quantisation table of 64 bytes, and for DC and AC 16 counts and the values.
func (o *oldJPEG) readTables(d *Directory, samples int) error {
	for _, t := range []struct {
		tag   uint16
		class byte
	}{{TagJPEGQTables, 0}, {TagJPEGDCTables, 0}, {TagJPEGACTables, 0x10}} {
		at, err := d.Uints(t.tag, maxOldTables)
		if err != nil {
			return err
		}
		if len(at) < samples {
			return bad("directory %d: %d old JPEG tables (tag %d) for %d samples", d.index, len(at), t.tag, samples)
		}
		for i := range samples {
			id := t.class | byte(i)
			if t.tag == TagJPEGQTables {
				b, err := d.file.bytes(int64(min(at[i], 1<<62)), 64, "old JPEG quantisation table")
				if err != nil {
					return err
				}
				o.tables = append(append(o.tables, 0xff, 0xdb, 0, 67, id), b...)
				continue
			}
			counts, err := d.file.bytes(int64(min(at[i], 1<<62)), 16, "old JPEG Huffman table")
			if err != nil {
				return err
			}
			n := 0
			for _, c := range counts {
				n += int(c)
			}
			if n > 256 {
				return bad("directory %d: old JPEG Huffman table of %d values", d.index, n)
			}
			values, err := d.file.bytes(int64(at[i])+16, int64(n), "old JPEG Huffman table")
			if err != nil {
				return err
			}
			o.tables = append(append(o.tables, 0xff, 0xc4, byte((19+n)>>8), byte(19+n), id), counts...)
			o.tables = append(o.tables, values...)
		}
	}
	return nil
}

// whole says whether the whole stream is the image, or its only tile.
func (o *oldJPEG) whole(m *Image) bool {
	if o.head == nil {
		return false
	}
	h, err := jpegstream.ParseHeader(append(bytes.Clone(o.head), 0xff, 0xd9))
	return err == nil && h.Width == m.TileWidth && (h.Height == m.TileHeight || h.Height == m.Height)
}

// readOldJPEGTile draws a tile by its components: TIFF's own coefficients and
// reference black and white say what colours they are.
func (m *Image) readOldJPEGTile(i, visible int, dst *image.RGBA) error {
	data, err := m.oldStream(i, visible)
	if err != nil {
		return err
	}
	parts, err := jpegstream.Split(data)
	if err != nil {
		return err
	}
	if len(parts) != m.Samples {
		return fmt.Errorf("old JPEG of %d components where %d are due", len(parts), m.Samples)
	}
	planes := make([]*image.Gray, len(parts))
	for k, part := range parts {
		if planes[k], err = m.greyPlane(part); err != nil {
			return err
		}
	}
	if first := planes[0].Rect; first.Dx() != m.TileWidth || first.Dy() < dst.Rect.Dy() {
		return fmt.Errorf("old JPEG is %d×%d pixels where %d×%d are due", first.Dx(), first.Dy(), m.TileWidth, visible)
	}
	if m.ycc != nil {
		y := *m.ycc
		h, err := jpegstream.ParseLayout(data)
		if err != nil {
			return err
		}
		y.h, y.v = h.MCUWidth/8, h.MCUHeight/8
		return y.planes(dst, planes[0], planes[1], planes[2])
	}
	return m.drawPlanes(dst, planes)
}

// drawPlanes draws planes of one size as grey or as red, green and blue.
func (m *Image) drawPlanes(dst *image.RGBA, planes []*image.Gray) error {
	for _, p := range planes {
		if p.Rect != planes[0].Rect {
			return errors.New("components of different sizes")
		}
	}
	g, b := planes[0], planes[0]
	if len(planes) == 3 {
		g, b = planes[1], planes[2]
	}
	for y := range dst.Rect.Dy() {
		row := dst.Pix[y*dst.Stride : y*dst.Stride+4*dst.Rect.Dx()]
		at := y * planes[0].Stride
		for x := range len(row) / 4 {
			row[4*x], row[4*x+1], row[4*x+2], row[4*x+3] = planes[0].Pix[at+x], g.Pix[at+x], b.Pix[at+x], 255
		}
	}
	if m.Photometric == photoWhiteIsZero {
		invert(dst)
	}
	return nil
}

// greyPlane decodes a grey stream.
func (m *Image) greyPlane(data []byte) (*image.Gray, error) {
	h, err := jpegstream.ParseHeader(data)
	if err != nil {
		return nil, err
	}
	if int64(h.Width)*int64(h.Height) > int64(m.TileWidth)*int64(m.TileHeight)*4 {
		return nil, fmt.Errorf("old JPEG is %d×%d pixels where %d×%d are due", h.Width, h.Height, m.TileWidth, m.TileHeight)
	}
	buf := scratch(4 * h.Width * h.Height)
	defer buffers.Put(buf)
	full := &image.RGBA{Pix: *buf, Stride: 4 * h.Width, Rect: image.Rect(0, 0, h.Width, h.Height)}
	if err := m.codecs.JPEG(full, data, 1); err != nil {
		return nil, err
	}
	g := image.NewGray(full.Rect)
	for k := range g.Pix {
		g.Pix[k] = (*buf)[4*k]
	}
	return g, nil
}

// oldStream makes a whole stream of tile i.
func (m *Image) oldStream(i, visible int) ([]byte, error) {
	o := m.old
	if m.offsets == nil {
		if o.n > MaxTileBytes {
			return nil, fmt.Errorf("%d compressed bytes are more than %d", o.n, MaxTileBytes)
		}
		return m.file.bytes(int64(o.at), int64(o.n), "old JPEG stream")
	}
	b, err := m.load(i, 0)
	if err != nil {
		return nil, err
	}
	defer buffers.Put(b)
	data := *b
	height := m.TileHeight
	if m.Strips {
		height = visible
	}
	if len(data) > 2 && data[0] == 0xff && data[1] == 0xd8 {
		if _, err := jpegstream.ParseHeader(data); err == nil {
			return bytes.Clone(data), nil
		}
	}
	var out []byte
	switch {
	case o.tables != nil:
		out = append(append([]byte{0xff, 0xd8}, o.tables...), o.frame(m, height)...)
	case o.head != nil:
		out = bytes.Clone(o.head)
		l, err := jpegstream.ParseLayout(append(bytes.Clone(out), 0xff, 0xd9))
		if err != nil {
			return nil, err
		}
		binary.BigEndian.PutUint16(out[l.Frame:], uint16(height))
		binary.BigEndian.PutUint16(out[l.Frame+2:], uint16(m.TileWidth))
	default:
		return nil, errors.New("JPEG tables are missing")
	}
	return append(append(out, renumbered(data)...), 0xff, 0xd9), nil
}

// frame writes the frame and scan headers of a tile whose tables are numbered as
// its components.
func (o *oldJPEG) frame(m *Image, height int) []byte {
	out := []byte{0xff, 0xdd, 0, 4, byte(o.restart >> 8), byte(o.restart)}
	out = append(out, 0xff, 0xc0, 0, byte(8+3*m.Samples), 8, byte(height>>8), byte(height), byte(m.TileWidth>>8), byte(m.TileWidth), byte(m.Samples))
	for c := range m.Samples {
		sampling := byte(0x11)
		if c == 0 {
			sampling = byte(o.h<<4 | o.v)
		}
		out = append(out, byte(c), sampling, byte(c))
	}
	out = append(out, 0xff, 0xda, 0, byte(6+2*m.Samples), byte(m.Samples))
	for c := range m.Samples {
		out = append(out, byte(c), byte(c<<4|c))
	}
	return append(out, 0, 63, 0)
}

// renumbered is entropy-coded data without an end marker, whose restart markers
// count from 0: in a strip they go on where the strip before ended.
func renumbered(data []byte) []byte {
	out := bytes.Clone(data)
	n := byte(0)
	for i := 0; i+1 < len(out); i++ {
		switch {
		case out[i] != 0xff:
		case out[i+1] >= 0xd0 && out[i+1] <= 0xd7:
			out[i+1] = 0xd0 | n&7
			n++
		case out[i+1] == 0xd9:
			return out[:i]
		}
	}
	return out
}
