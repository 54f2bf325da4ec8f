package slidetest

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"
	"slices"
	"strings"
	"testing"
)

// BIFArea is a scanned area of a made BIF.
type BIFArea struct {
	Col, Row   int // where it begins among the stored tiles
	Cols, Rows int
	X, Y       int   // where it lies on level 0; ignored where joints are LEFT and DOWN
	OverlapsX  []int // of each gap between columns; one alone is that of all
	OverlapsY  []int
	Skipped    bool // not scanned: the XML names it, its tiles hold rubbish
}

// BIF makes small Ventana slides. Every tile has a tint of its own, so that a
// tile at a wrong place, or above one that should hide it, is seen.
type BIF struct {
	TileW, TileH int // multiples of 16
	Levels       int // at least 1; each halves the one before
	Areas        []BIFArea
	Turned       bool                // joints are LEFT and DOWN: areas lie at their stored place
	Confidence   string              // of all joints, "99" when empty
	XML          func(string) string // changes the XMP of level 0, may be nil
	Scan         func(string) string // changes the XMP of the first directory, may be nil
	Sparse       func(c, r int) bool // stored tiles of level 0 that are left out, may be nil
}

// stored is the number of columns and rows of the stored tiles of level 0.
func (b *BIF) stored() image.Point {
	var n image.Point
	for _, a := range b.Areas {
		n.X, n.Y = max(n.X, a.Col+a.Cols), max(n.Y, a.Row+a.Rows)
	}
	return n
}

func overlap(of []int, gap int) int {
	switch {
	case len(of) == 0:
		return 0
	case len(of) == 1:
		return of[0]
	}
	return of[gap]
}

// Place is where the tile (c, r) of an area lies on level 0.
func (b *BIF) Place(a *BIFArea, c, r int) image.Point {
	at := image.Pt(a.X, a.Y)
	if b.Turned {
		first := image.Pt(a.Col, a.Row)
		for _, o := range b.Areas {
			if !o.Skipped {
				first.X, first.Y = min(first.X, o.Col), min(first.Y, o.Row)
			}
		}
		at = image.Pt((a.Col-first.X)*b.TileW, (a.Row-first.Y)*b.TileH)
	}
	for i := range c {
		at.X += b.TileW - overlap(a.OverlapsX, i)
	}
	for i := range r {
		at.Y += b.TileH - overlap(a.OverlapsY, i)
	}
	return at
}

// pixel is the colour of a pixel of the stored tile (c, r) of level 0.
func (b *BIF) pixel(c, r, x, y int) color.RGBA {
	return color.RGBA{R: byte(60 + 23*c + x), G: byte(90 + 31*r + 2*y), B: byte(40*(c+r) + x*y/8), A: 255}
}

// Picture is what the level must look like: tiles drawn row by row, the lower
// right on top, on white of the given shade.
func (b *BIF) Picture(level int, white uint8) *image.RGBA {
	step := 1 << level
	type at struct {
		c, r int
		p    image.Point
	}
	var all []at
	var end image.Point
	for i := range b.Areas {
		a := &b.Areas[i]
		if a.Skipped {
			continue
		}
		for r := range a.Rows {
			for c := range a.Cols {
				p := b.Place(a, c, r)
				all = append(all, at{a.Col + c, a.Row + r, p})
				end.X, end.Y = max(end.X, p.X+b.TileW), max(end.Y, p.Y+b.TileH)
			}
		}
	}
	slices.SortFunc(all, func(a, b at) int {
		if a.r != b.r {
			return a.r - b.r
		}
		return a.c - b.c
	})
	down := func(v int) int { return int(math.Round(float64(v) / float64(step))) }
	m := image.NewRGBA(image.Rect(0, 0, (end.X+step-1)/step, (end.Y+step-1)/step))
	draw.Draw(m, m.Rect, image.NewUniform(color.Gray{Y: white}), image.Point{}, draw.Src)
	for _, t := range all {
		if b.Sparse != nil && level == 0 && b.Sparse(t.c, t.r) {
			continue
		}
		for y := range b.TileH / step {
			for x := range b.TileW / step {
				m.SetRGBA(down(t.p.X)+x, down(t.p.Y)+y, b.pixel(t.c, t.r, x*step, y*step))
			}
		}
	}
	return m
}

// Make builds the file: classic little-endian TIFF, deflated.
func (b *BIF) Make(t testing.TB) []byte {
	t.Helper()
	f := &rawTIFF{data: []byte("II*\x00\x00\x00\x00\x00"), link: 4}
	scan := `<?xml version="1.0" encoding="utf-8"?><Metadata><iScan Magnification="20" ScanRes="0.465" UnitNumber="2000001" ScanWhitePoint="235" ScannerModel="made"><AOI0 Left="1" Top="2" Right="3" Bottom="1"/></iScan></Metadata>`
	if b.Scan != nil {
		scan = b.Scan(scan)
	}
	strip := func(what string, w, h int, xmp string) {
		pix := make([]byte, 3*w*h)
		for i := range pix {
			pix[i] = byte(i * 7 / w)
		}
		pix = deflated(t, pix)
		f.directory(w, h, what, xmp, rawTag{273, 4, []uint32{f.put(pix)}}, rawTag{278, 4, []uint32{uint32(h)}}, rawTag{279, 4, []uint32{uint32(len(pix))}})
	}
	// Deflated: of tiles that are not, libtiff guesses how long the last one is.
	strip("Label_Image", 48, 96, scan)
	strip("Thumbnail", 30, 20, "")
	n := b.stored()
	for level := range max(1, b.Levels) {
		step := 1 << level
		cols, rows := (n.X+step-1)/step, (n.Y+step-1)/step
		var offsets, counts []uint32
		for r := range rows {
			for c := range cols {
				if b.Sparse != nil && level == 0 && b.Sparse(c, r) {
					offsets, counts = append(offsets, 0), append(counts, 0)
					continue
				}
				data := deflated(t, b.tile(c, r, step))
				offsets, counts = append(offsets, f.put(data)), append(counts, uint32(len(data)))
			}
		}
		xmp := ""
		if level == 0 {
			if xmp = b.EncodeInfo(); b.XML != nil {
				xmp = b.XML(xmp)
			}
		}
		f.directory(cols*b.TileW, rows*b.TileH, fmt.Sprintf("level=%d mag=%g quality=90", level, 20/float64(step)), xmp,
			rawTag{322, 4, []uint32{uint32(b.TileW)}}, rawTag{323, 4, []uint32{uint32(b.TileH)}}, rawTag{324, 4, offsets}, rawTag{325, 4, counts})
	}
	return f.data
}

func deflated(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zlib.NewWriterLevel(&b, zlib.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tile is the bytes of a stored tile: step×step tiles of level 0, shrunk.
func (b *BIF) tile(c, r, step int) []byte {
	pix := make([]byte, 0, 3*b.TileW*b.TileH)
	w, h := b.TileW/step, b.TileH/step
	for y := range b.TileH {
		for x := range b.TileW {
			p := b.pixel(c*step+x/w, r*step+y/h, x%w*step, y%h*step)
			pix = append(pix, p.R, p.G, p.B)
		}
	}
	return pix
}

// number is a tile's: from the lower left, rows upwards, every second from right
// to left.
func (a *BIFArea) number(c, r int) int {
	up := a.Rows - 1 - r
	if up%2 == 1 {
		c = a.Cols - 1 - c
	}
	return up*a.Cols + c + 1
}

// EncodeInfo is the XMP of level 0.
func (b *BIF) EncodeInfo() string {
	var info, origins strings.Builder
	bottom := 0
	for i := range b.Areas {
		a := &b.Areas[i]
		if !a.Skipped {
			bottom = max(bottom, b.Place(a, 0, a.Rows-1).Y+b.TileH)
		}
	}
	for i := range b.Areas {
		a := &b.Areas[i]
		scanned := 1
		if a.Skipped {
			scanned = 0
		}
		below := bottom - b.Place(a, 0, a.Rows-1).Y - b.TileH
		fmt.Fprintf(&info, `<ImageInfo AOIScanned="%d" AOIIndex="%d" Width="%d" Height="%d" NumRows="%d" NumCols="%d" Pos-X="%d.0" Pos-Y="%d">`, scanned, i, b.TileW, b.TileH, a.Rows, a.Cols, a.X, below)
		b.joints(&info, a)
		info.WriteString(`</ImageInfo>`)
		fmt.Fprintf(&origins, `<AOI%d OriginX="%d" OriginY="%d"/>`, i, a.Col*b.TileW, a.Row*b.TileH)
	}
	return `<?xml version="1.0" encoding="utf-8"?><EncodeInfo Ver="2"><SlideInfo><AoiInfo XIMAGESIZE="1"/></SlideInfo><SlideStitchInfo>` + info.String() +
		`</SlideStitchInfo><AoiOrigin>` + origins.String() + `</AoiOrigin></EncodeInfo>`
}

func (b *BIF) joints(out *strings.Builder, a *BIFArea) {
	confidence := b.Confidence
	if confidence == "" {
		confidence = "99"
	}
	joint := func(direction string, t1, t2, ox, oy int) {
		fmt.Fprintf(out, `<TileJointInfo FlagJoined="1" Confidence="%s" Direction="%s" Tile1="%d" Tile2="%d" OverlapX="%d" OverlapY="%d"/>`, confidence, direction, t1, t2, ox, oy)
	}
	for r := range a.Rows {
		for c := range a.Cols {
			here := a.number(c, r)
			if c+1 < a.Cols {
				if right := a.number(c+1, r); b.Turned {
					joint("LEFT", here, right, overlap(a.OverlapsX, c), 0)
				} else {
					joint("RIGHT", here, right, overlap(a.OverlapsX, c), 0)
				}
			}
			if r+1 < a.Rows {
				if below := a.number(c, r+1); b.Turned {
					joint("DOWN", here, below, 0, overlap(a.OverlapsY, r))
				} else {
					joint("UP", below, here, 0, overlap(a.OverlapsY, r))
				}
			}
		}
	}
}

// rawTag is a tag of a made file: type 1 (bytes), 2 (text), 3 or 4 (numbers).
type rawTag struct {
	id, typ uint16
	values  []uint32
}

// rawTIFF is a TIFF file being made.
type rawTIFF struct {
	data []byte
	link int // where the next directory's offset goes
}

// put appends bytes and returns where they lie.
func (f *rawTIFF) put(b []byte) uint32 {
	if len(f.data)%2 == 1 {
		f.data = append(f.data, 0)
	}
	at := len(f.data)
	f.data = append(f.data, b...)
	return uint32(at)
}

// directory adds an RGB image.
func (f *rawTIFF) directory(w, h int, description, xmp string, more ...rawTag) {
	text := func(id, typ uint16, s string) rawTag {
		t := rawTag{id: id, typ: typ}
		for _, c := range []byte(s) {
			t.values = append(t.values, uint32(c))
		}
		return t
	}
	tags := append([]rawTag{
		{256, 4, []uint32{uint32(w)}}, {257, 4, []uint32{uint32(h)}}, {258, 3, []uint32{8, 8, 8}}, {259, 3, []uint32{8}}, {262, 3, []uint32{2}},
		text(270, 2, description+"\x00"), {277, 3, []uint32{3}}, {284, 3, []uint32{1}},
	}, more...)
	if xmp != "" {
		tags = append(tags, text(700, 1, xmp))
	}
	slices.SortFunc(tags, func(a, b rawTag) int { return int(a.id) - int(b.id) })
	entries := le.AppendUint16(nil, uint16(len(tags)))
	for _, t := range tags {
		var v []byte
		for _, x := range t.values {
			switch t.typ {
			case 1, 2:
				v = append(v, byte(x))
			case 3:
				v = le.AppendUint16(v, uint16(x))
			default:
				v = le.AppendUint32(v, x)
			}
		}
		if len(v) > 4 {
			v = le.AppendUint32(nil, f.put(v))
		}
		entries = le.AppendUint16(le.AppendUint16(entries, t.id), t.typ)
		entries = le.AppendUint32(entries, uint32(len(t.values)))
		entries = append(entries, append(v, make([]byte, 4-len(v))...)...)
	}
	at := f.put(append(entries, 0, 0, 0, 0))
	le.PutUint32(f.data[f.link:], at)
	f.link = int(at) + len(entries)
}
