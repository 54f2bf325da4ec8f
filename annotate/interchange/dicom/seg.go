package dicom

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image/color"
	"io"
	"iter"
	"math"
	"strconv"
	"strings"

	"coverslip/annotate"
	"coverslip/annotate/interchange/exchange"
)

const (
	segName    = "dicom-seg"
	segClass   = "1.2.840.10008.5.1.4.1.1.66.4"
	labelClass = "1.2.840.10008.5.1.4.1.1.66.7" // label map segmentation
)

// Segmentations is the format of segmentations (PS3.3 §A.51): binary, fractional
// and label map are read, tiled full and sparse; binary and sparse is written.
func Segmentations() exchange.Format {
	return exchange.Format{
		Name: segName, Title: "DICOM SEG (segmentation)", Extensions: []string{".seg.dcm", ".dcm"},
		Line: "masks for archives and viewers that speak DICOM",
		Keeps: exchange.Keeps{
			Point: exchange.Dropped, Points: exchange.Dropped, Line: exchange.Dropped, Rectangle: exchange.Pixels, Ellipse: exchange.Pixels, Polygon: exchange.Pixels,
			Holes: exchange.Whole, Parts: exchange.Apart, Attrs: exchange.Class,
			Note: "A segment for each class; objects of a class that touch become one. Large areas are written at half the resolution, or less.",
		},
		Detect: func(h exchange.Head) bool { return isPart10(h.Bytes) && (h.Has(segClass) || h.Has(labelClass)) },
		Read:   readSEG, Write: writeSEG,
	}
}

// segmentation is a file that is being read.
type segmentation struct {
	d                    *dataset
	rows, cols, frames   int // of a frame; how many
	totalRows, totalCols int
	kind                 string // BINARY, FRACTIONAL, LABELMAP
	bits                 int    // allocated for a pixel
	pixels               []byte
	threshold            int // from which a fraction counts
}

func segError(format string, a ...any) error {
	return &exchange.FormatError{Format: segName, Offset: -1, What: fmt.Sprintf(format, a...)}
}

func readSEG(in *exchange.Input, o exchange.ReadOptions, b *exchange.Builder) error {
	d, err := readFile(segName, in)
	if err != nil {
		return err
	}
	if c := d.text(0x00080016); c != segClass && c != labelClass {
		return &exchange.FormatError{Format: segName, Offset: d.size, What: "the file is cut short or holds another kind of DICOM object"}
	}
	s, err := newSegmentation(d)
	if f := (*exchange.FormatError)(nil); errors.As(err, &f) {
		f.Offset = d.size
	}
	if err != nil {
		return err
	}
	sx, sy := 1.0, 1.0
	if w := o.Slide.Width; w > 0 && s.totalCols > 0 && math.Abs(float64(w)/float64(s.totalCols)-1) > 0.01 {
		sx, sy = float64(w)/float64(s.totalCols), float64(o.Slide.Height)/float64(s.totalRows)
		b.Warn("", "the masks have %d × %d pixels and were stretched over the slide", s.totalCols, s.totalRows)
	}
	for _, segment := range d.items(0x00620002) {
		if err := s.segment(segment, sx, sy, b); err != nil {
			return err
		}
	}
	return nil
}

func newSegmentation(d *dataset) (*segmentation, error) {
	frames, err := strconv.Atoi(strings.TrimSpace(or(d.text(0x00280008), "1")))
	s := &segmentation{d: d, rows: d.number(0x00280010, 0), cols: d.number(0x00280011, 0), frames: frames, kind: d.text(0x00620001),
		bits: d.number(0x00280100, 1), pixels: d.bytesOf(pixelDataTag), totalRows: d.number(0x00480007, 0), totalCols: d.number(0x00480006, 0)}
	s.threshold = max(1, d.number(0x0062000e, 255)/2)
	if s.totalCols == 0 || s.totalRows == 0 {
		s.totalRows, s.totalCols = s.rows, s.cols
	}
	pixels := int64(s.rows) * int64(s.cols)
	switch {
	case err != nil || s.rows <= 0 || s.cols <= 0 || frames <= 0 || frames > 1<<24 || pixels > 1<<28:
		return nil, segError("frames of %d × %d pixels, %d in number", s.cols, s.rows, frames)
	case s.bits != 1 && s.bits != 8 && s.bits != 16:
		return nil, segError("%d bits a pixel", s.bits)
	case (pixels*int64(frames)*int64(s.bits)+7)/8 > int64(len(s.pixels)):
		return nil, segError("the file has too few pixels")
	case d.text(0x00209311) != "TILED_FULL" && len(d.items(0x52009230)) < frames:
		return nil, segError("the file does not say where its frames lie")
	}
	return s, nil
}

// value is a stored pixel; of a frame and its place in it.
func (s *segmentation) value(frame, at int) int {
	i := frame*s.rows*s.cols + at
	switch s.bits {
	case 1:
		return int(s.pixels[i>>3] >> (i & 7) & 1)
	case 16:
		return int(binary.LittleEndian.Uint16(s.pixels[2*i:]))
	}
	return int(s.pixels[i])
}

// place is the segment and the corner of a frame, pixels of the matrix from 0; of
// a label map the segment is 0: it holds all of them.
func (s *segmentation) place(frame int) (segment, x, y int) {
	if s.d.text(0x00209311) == "TILED_FULL" {
		across := (s.totalCols + s.cols - 1) / s.cols
		down := (s.totalRows + s.rows - 1) / s.rows
		n := across * down
		list := s.d.items(0x00620002)
		if k := frame / n; k < len(list) && s.kind != "LABELMAP" {
			segment = list[k].number(0x00620004, k+1)
		}
		return segment, frame % n % across * s.cols, frame % n / across * s.rows
	}
	item := s.d.items(0x52009230)[frame]
	segment = item.first(0x0062000a).number(0x0062000b, 0)
	if segment == 0 && s.kind != "LABELMAP" {
		segment = s.d.first(0x52009229).first(0x0062000a).number(0x0062000b, 0)
	}
	at := item.first(0x0048021a)
	return segment, at.number(0x0048021e, 1) - 1, at.number(0x0048021f, 1) - 1
}

// segment traces one segment and hands on its parts.
func (s *segmentation) segment(d *dataset, sx, sy float64, b *exchange.Builder) error {
	number := d.number(0x00620004, 0)
	var mine []int
	minX, minY, maxX, maxY := math.MaxInt32, math.MaxInt32, 0, 0
	for f := range s.frames {
		of, x, y := s.place(f)
		if s.kind != "LABELMAP" && of != number {
			continue
		}
		mine = append(mine, f)
		minX, minY, maxX, maxY = min(minX, x), min(minY, y), max(maxX, x+s.cols), max(maxY, y+s.rows)
	}
	if len(mine) == 0 || s.kind == "LABELMAP" && number == 0 {
		return nil
	}
	m, err := exchange.NewMask(minX, minY, maxX-minX, maxY-minY)
	if err != nil {
		return segError("segment %d: %v", number, err)
	}
	for _, f := range mine {
		_, x, y := s.place(f)
		for i := range s.rows * s.cols {
			v := s.value(f, i)
			if s.kind == "LABELMAP" && v == number || s.kind == "FRACTIONAL" && v >= s.threshold || s.kind == "BINARY" && v != 0 {
				m.Set(x-minX+i%s.cols, y-minY+i/s.cols)
			}
		}
	}
	found := exchange.Found{Class: or(d.text(0x00620005), d.first(0x0062000f).text(0x00080104)), Detection: d.text(0x00620008) == "AUTOMATIC"}
	if found.Class == unclassified {
		found.Class = ""
	}
	if v := d.bytesOf(0x0062000d); len(v) == 6 {
		found.Color = rgb([]uint16{binary.LittleEndian.Uint16(v), binary.LittleEndian.Uint16(v[2:]), binary.LittleEndian.Uint16(v[4:])})
	}
	for _, p := range m.Trace() {
		roi := exchange.AreaOf([]annotate.Polygon{p})
		if sx != 1 || sy != 1 {
			roi = roi.Map(func(p annotate.Point) annotate.Point { return annotate.Point{X: p.X * sx, Y: p.Y * sy} })
		}
		found.ROI = roi
		if err := b.Add("segment "+strconv.Itoa(number), found); err != nil {
			return err
		}
	}
	return nil
}

const (
	tileSide = 256
	// maxPixels bounds the tiles of a file, bits: 32 MiB.
	maxPixels = 1 << 28
)

// coarse is by how much areas are written smaller: the smallest power of two by
// which their boxes fit into maxPixels.
func coarse(objects iter.Seq[*annotate.Object]) int {
	sum := 0.0
	for o := range objects {
		b := o.ROI.Bounds()
		sum += (b.Width() + tileSide) * (b.Height() + tileSide)
	}
	f := 1
	for sum/float64(f*f) > maxPixels {
		f *= 2
	}
	return f
}

// tileAt is a tile of a segment.
type tileAt struct{ segment, row, col int }

func writeSEG(to io.Writer, objects iter.Seq[*annotate.Object], o exchange.WriteOptions) error {
	if o.Slide.Width <= 0 || o.Slide.Height <= 0 {
		return segError("the size of the slide must be known to write masks of it")
	}
	f := coarse(objects)
	w, h := (o.Slide.Width+f-1)/f, (o.Slide.Height+f-1)/f
	tiles := map[tileAt][]byte{}
	var order []tileAt
	segments := map[annotate.ID]int{}
	var classes []annotate.ID
	for obj := range objects {
		n := segments[obj.Class]
		if n == 0 {
			classes = append(classes, obj.Class)
			n = len(classes)
			segments[obj.Class] = n
		}
		small := obj.ROI.Map(func(p annotate.Point) annotate.Point {
			return annotate.Point{X: p.X / float64(f), Y: p.Y / float64(f)}
		})
		b := small.Bounds()
		err := exchange.Scan(small.Outline(), max(0, int(b.MinY)), min(h, int(b.MaxY)+1), func(y int, runs [][2]int) error {
			for _, r := range runs {
				for x := max(0, r[0]); x < min(w, r[1]); x++ {
					at := tileAt{n, y / tileSide, x / tileSide}
					t := tiles[at]
					if t == nil {
						t = make([]byte, tileSide*tileSide/8)
						tiles[at], order = t, append(order, at)
					}
					i := y%tileSide*tileSide + x%tileSide
					t[i>>3] |= 1 << (i & 7)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if len(order) == 0 {
		return segError("there are no areas to write; a segmentation holds no points and lines")
	}
	_, err := to.Write(segDataset(o, w, h, f, classes, order, tiles).file())
	return err
}

func decimal(v float64) string {
	s := strconv.FormatFloat(v, 'g', 10, 64)
	return s[:min(16, len(s))]
}

func segDataset(o exchange.WriteOptions, w, h, f int, classes []annotate.ID, order []tileAt, tiles map[tileAt][]byte) *dataset {
	d, s := header(segClass, "SEG", "", o)
	mx, my := o.Slide.MPPX*float64(f)/1000, o.Slide.MPPY*float64(f)/1000 // mm a pixel
	d.put(0x00080008, "CS", `DERIVED\PRIMARY`)
	d.putItems(0x00081115, series(s))
	d.put(0x00200052, "UI", s.FrameUID)
	d.put(0x00201040, "LO", "SLIDE_CORNER")
	d.putUS(0x00280002, 1)
	d.put(0x00280004, "CS", "MONOCHROME2")
	d.put(0x00280008, "IS", strconv.Itoa(len(order)))
	d.putUS(0x00280010, tileSide)
	d.putUS(0x00280011, tileSide)
	d.putUS(0x00280100, 1)
	d.putUS(0x00280101, 1)
	d.putUS(0x00280102, 0)
	d.putUS(0x00280103, 0)
	d.put(0x00282110, "CS", "00")
	d.putFloats(0x00480001, "FL", []float64{float64(w) * mx})
	d.putFloats(0x00480002, "FL", []float64{float64(h) * my})
	d.putUL(0x00480006, "UL", uint32(w))
	d.putUL(0x00480007, "UL", uint32(h))
	origin := newDataset()
	origin.put(0x0040072a, "DS", "0")
	origin.put(0x0040073a, "DS", "0")
	d.putItems(0x00480008, origin)
	d.put(0x00480102, "DS", `1\0\0\0\1\0`)
	d.put(0x00620001, "CS", "BINARY")
	d.put(0x00620013, "CS", "NO")
	d.put(0x00700080, "CS", "COVERSLIP")
	d.put(0x00700081, "LO", "")
	d.put(0x00700084, "PN", "")
	organisation := newDataset()
	organisationUID := uid(or(o.Slide.Fingerprint, "slide") + "dimensions")
	organisation.put(0x00209164, "UI", organisationUID)
	d.putItems(0x00209221, organisation)
	d.put(0x00209311, "CS", "TILED_SPARSE")
	index := func(pointer, group tag) *dataset {
		i := newDataset()
		i.put(0x00209164, "UI", organisationUID)
		i.elems[0x00209165] = &element{tag: 0x00209165, vr: "AT", value: atValue(pointer)}
		i.elems[0x00209167] = &element{tag: 0x00209167, vr: "AT", value: atValue(group)}
		return i
	}
	d.putItems(0x00209222, index(0x0062000b, 0x0062000a), index(0x0048021f, 0x0048021a), index(0x0048021e, 0x0048021a))
	var list []*dataset
	for i, id := range classes {
		list = append(list, segmentItem(i+1, id, o.Classes))
	}
	d.putItems(0x00620002, list...)
	measures := newDataset()
	measures.put(0x00180050, "DS", "0.001")
	measures.put(0x00280030, "DS", decimal(my)+`\`+decimal(mx))
	shared := newDataset()
	shared.putItems(0x00289110, measures)
	d.putItems(0x52009229, shared)
	var frames []*dataset
	var pixels []byte
	for _, at := range order {
		frames = append(frames, frameItem(at, mx, my))
		pixels = append(pixels, tiles[at]...)
	}
	d.putItems(0x52009230, frames...)
	d.elems[pixelDataTag] = &element{tag: pixelDataTag, vr: "OB", value: pixels}
	return d
}

func atValue(t tag) []byte {
	return binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, uint16(t>>16)), uint16(t))
}

func segmentItem(n int, id annotate.ID, p annotate.Palette) *dataset {
	d := newDataset()
	title, terms := unclassified, ""
	if c := p.ByID(id); c != nil {
		title, terms = c.Name, c.Code
		d.putUS(0x0062000d, cielab(color.NRGBA{R: c.Color.R, G: c.Color.G, B: c.Color.B, A: 255})...)
	}
	d.putItems(0x00620003, code("91723000", "SCT", "Anatomical structure"))
	d.putUS(0x00620004, uint16(n))
	d.put(0x00620005, "LO", label(title))
	d.put(0x00620008, "CS", "MANUAL")
	d.putItems(0x0062000f, classCode(terms, title))
	return d
}

func frameItem(at tileAt, mx, my float64) *dataset {
	x, y := at.col*tileSide, at.row*tileSide
	content := newDataset()
	content.putUL(0x00209157, "UL", uint32(at.segment), uint32(at.row+1), uint32(at.col+1))
	position := newDataset()
	position.put(0x0040072a, "DS", decimal(float64(x)*mx))
	position.put(0x0040073a, "DS", decimal(float64(y)*my))
	position.put(0x0040074a, "DS", "0")
	position.putUL(0x0048021e, "SL", uint32(x+1))
	position.putUL(0x0048021f, "SL", uint32(y+1))
	segment := newDataset()
	segment.putUS(0x0062000b, uint16(at.segment))
	d := newDataset()
	d.putItems(0x00209111, content)
	d.putItems(0x0048021a, position)
	d.putItems(0x0062000a, segment)
	return d
}
