package jpegstream

import (
	"errors"
	"fmt"
	"io"
)

// Cutter cuts a sequential JPEG into bands of whole MCU rows, each a JPEG
// stream of its own, without changing a coefficient. It reads the stream once,
// front to back, and keeps no more than one band of it: a picture of any height
// is decoded band by band.
type Cutter struct {
	s      *sequential
	rows   [][]byte // entropy-coded rows of MCUs that were read and may be asked for
	first  int      // MCU row of rows[0]
	head   []byte   // markers up to the frame
	tables []byte   // those behind it
}

// NewCutter reads the markers before the picture.
//
// It is an error when the stream is progressive, arithmetic-coded, not of 8 bits
// per sample, or has several scans: then only decoding it as a whole helps.
func NewCutter(r io.Reader) (*Cutter, error) {
	s, err := readSequential(r)
	if err != nil {
		return nil, err
	}
	if s.cols > 0xffff {
		return nil, errors.New("JPEG is too wide to be cut")
	}
	c := &Cutter{s: s, head: append([]byte{0xff, markerSOI}, s.keep...)}
	for i, q := range s.quant {
		if q != nil {
			c.head = segmentTo(c.head, markerDQT, []byte{q[0]&^15 | byte(i)}, q[1:])
		}
	}
	used := [4]bool{}
	scan := []byte{byte(len(s.comps))}
	for _, k := range s.comps {
		used[k.ta] = true
		scan = append(scan, k.id, byte(k.ta))
	}
	c.tables = segmentTo(c.tables, markerDHT, []byte{0}, dcCounts[:], []byte(dcValues))
	for i, ac := range s.acRaw {
		if used[i] {
			c.tables = segmentTo(c.tables, markerDHT, []byte{0x10 | byte(i)}, ac)
		}
	}
	// A restart after each row: rows can then be joined in any order of bands.
	c.tables = segmentTo(c.tables, markerDRI, []byte{byte(s.cols >> 8), byte(s.cols)})
	c.tables = segmentTo(c.tables, markerSOS, append(scan, 0, 63, 0))
	return c, nil
}

// Header says what the whole picture is.
func (c *Cutter) Header() Header { return c.s.Header }

// MCUHeight is the pixels of an MCU row.
func (c *Cutter) MCUHeight() int { return c.s.MCUHeight }

// MCURows is how many there are.
func (c *Cutter) MCURows() int { return c.s.rows }

// Band is the stream of the MCU rows from first, up to but not including end;
// height is its pixels, which at the lower edge end with the picture. Bands must
// be asked for downwards: rows above the last band's first are forgotten.
func (c *Cutter) Band(first, end int) (data []byte, height int, err error) {
	s := c.s
	if first < c.first || first >= end || end > s.rows {
		return nil, 0, fmt.Errorf("jpegstream: rows %d to %d of %d from %d on", first, end, s.rows, c.first)
	}
	for c.first+len(c.rows) < end {
		row, err := c.read()
		if err != nil {
			return nil, 0, fmt.Errorf("row %d: %w", c.first+len(c.rows), err)
		}
		c.rows = append(c.rows, row)
	}
	kept := copy(c.rows, c.rows[first-c.first:])
	clear(c.rows[kept:])
	c.rows, c.first = c.rows[:kept], first
	height = min(end*s.MCUHeight, s.Height) - first*s.MCUHeight
	data = append(data, c.head...)
	frame := []byte{8, byte(height >> 8), byte(height), byte(s.Width >> 8), byte(s.Width), byte(len(s.comps))}
	for _, k := range s.comps {
		frame = append(frame, k.id, k.h<<4|k.v, k.tq)
	}
	data = append(segmentTo(data, s.SOF, frame), c.tables...)
	for i, row := range c.rows[:end-first] {
		if i > 0 {
			data = append(data, 0xff, 0xd0|byte(i-1)&7)
		}
		data = append(data, row...)
	}
	return append(data, 0xff, markerEOI), height, nil
}

// read transcodes the next MCU row: its differences begin at 0.
func (c *Cutter) read() ([]byte, error) {
	s := c.s
	w := bitWriter{stuff: true}
	last := make([]int, len(s.comps))
	for range s.cols {
		err := s.next(func(i, _, _ int) error {
			k := &s.comps[i]
			if err := w.putDC(k.pred - last[i]); err != nil {
				return err
			}
			last[i] = k.pred
			return s.copyAC(k, &w)
		})
		if err != nil {
			return nil, err
		}
	}
	w.flush()
	return w.out, nil
}
