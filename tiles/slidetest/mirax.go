package slidetest

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Mirax says how a made MIRAX slide is. Source: the MIRAX page of OpenSlide's
// description of formats.
type Mirax struct {
	Cols, Rows int         // images of full resolution
	Divisions  int         // images of a photo, a side; 0 is 1
	Size       image.Point // pixels of each image
	Levels     int
	Exponent   int     // images that one of level 0 is put together from, as a power of 2
	Overlap    float64 // nominal, pixels of level 0
	// Position is where a photo lies, in pixels of full resolution; nil writes
	// no positions.
	Position func(col, row int) image.Point
	Packed   bool                     // positions in a stitching layer
	Missing  func(col, row int) bool  // photos that were never taken
	Format   string                   // of the images: "JPEG" where it is empty, "PNG", "BMP24"
	Files    int                      // Data files; 0 is 1
	UTF16    bool                     // of Slidedat.ini
	Fill     int                      // IMAGE_FILL_COLOR_BGR
	Pictures int                      // how many different images full resolution has; 0: each its own
	Filters  []MiraxFilter            // a fluorescence slide
	Focus    []float64                // µm of focal planes
	Extra    string                   // appended to Slidedat.ini
	Images   map[string]*image.RGBA   // associated images by value of the scan data layer
	Encode   func(*image.RGBA) []byte // nil: as Format says
}

// MiraxFilter is a filter of a fluorescence slide.
type MiraxFilter struct {
	Name    string
	Color   color.RGBA
	Level   int // number of the filter level that stores it
	Storing int // component: 0 blue, 1 green, 2 red
}

// MiraxFiles is a made slide: the files of its folder, and where parts of the
// index lie for those who break them.
type MiraxFiles struct {
	Files    map[string][]byte
	Hier     int         // offset in Index.dat of the table of records of levels
	NonHier  int         // of the table of the other records
	Pages    map[int]int // offset of the page with the items of a level's record
	NonPages map[int]int // of another's
}

// miraxID is the identifier of made slides.
const miraxID = "0123456789ABCDEF0123456789ABCDEF"

// Write writes the slide into a folder of the test's and returns the path of its
// .mrxs file, which is empty.
func (f *MiraxFiles) Write(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "made.mrxs")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "made"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, data := range f.Files {
		if err := os.WriteFile(filepath.Join(dir, "made", name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// miraxMaker is what is known while a slide is made.
type miraxMaker struct {
	Mirax
	t     testing.TB
	data  []*bytes.Buffer
	index bytes.Buffer
	out   *MiraxFiles
}

// miraxImage is where an image was put.
type miraxImage struct{ number, offset, length, file int32 }

// MakeMirax makes a slide.
func MakeMirax(t testing.TB, o Mirax) *MiraxFiles {
	t.Helper()
	o.Divisions, o.Files, o.Levels = max(1, o.Divisions), max(1, o.Files), max(1, o.Levels)
	if o.Format == "" {
		o.Format = "JPEG"
	}
	m := &miraxMaker{Mirax: o, t: t, out: &MiraxFiles{Files: map[string][]byte{}, Pages: map[int]int{}, NonPages: map[int]int{}}}
	for i := range o.Files {
		b := &bytes.Buffer{}
		fmt.Fprintf(b, "01.02%s%03d", miraxID, i)
		b.Write(make([]byte, 256))
		m.data = append(m.data, b)
	}
	filterLevels, planes := 1, max(1, len(o.Focus))
	for _, f := range o.Filters {
		filterLevels = max(filterLevels, f.Level+1)
	}
	filters := max(1, len(o.Filters))
	records := make([][]miraxImage, o.Levels*filters*planes)
	for z := range planes {
		for f := range filterLevels {
			m.pyramid(records[(z*filters+f)*o.Levels:], 17*z+5*f)
		}
	}
	m.writeIndex(records)
	m.out.Files["Slidedat.ini"] = m.settings()
	for i, b := range m.data {
		m.out.Files[fmt.Sprintf("Data%04d.dat", i)] = b.Bytes()
	}
	return m.out
}

// put appends bytes to a Data file, each to another.
func (m *miraxMaker) put(number int, data []byte) miraxImage {
	file := number % len(m.data)
	b := m.data[file]
	at := miraxImage{int32(number), int32(b.Len()), int32(len(data)), int32(file)}
	b.Write(data)
	return at
}

// pyramid makes the images of all levels.
func (m *miraxMaker) pyramid(records [][]miraxImage, seed int) {
	all := map[image.Point]*image.RGBA{}
	known := map[*image.RGBA]miraxImage{} // many may be the same
	for row := range m.Rows {
		for col := range m.Cols {
			if m.Missing != nil && m.Missing(col/m.Divisions, row/m.Divisions) {
				continue
			}
			n := row*m.Cols + col
			if m.Pictures > 0 {
				n %= m.Pictures
			}
			at := image.Pt(col, row)
			if m.Pictures > 0 && row*m.Cols+col >= m.Pictures {
				all[at] = all[image.Pt(n%m.Cols, n/m.Cols)]
				continue
			}
			all[at] = TestPicture(m.Size, n+seed)
		}
	}
	for e := range m.Exponent {
		all = m.concat(all, 1<<e)
	}
	for level := range m.Levels {
		if level > 0 {
			all = m.concat(all, 1<<(level-1+m.Exponent))
		}
		for _, at := range slices.SortedFunc(maps.Keys(all), func(a, b image.Point) int { return (a.Y-b.Y)*m.Cols + a.X - b.X }) {
			n := at.Y*m.Cols + at.X
			stored, seen := known[all[at]]
			if !seen {
				stored = m.put(n, m.encode(all[at]))
				known[all[at]] = stored
			}
			stored.number = int32(n)
			records[level] = append(records[level], stored)
		}
	}
}

// concat puts four images together to one of the same size, the next level's.
func (m *miraxMaker) concat(all map[image.Point]*image.RGBA, step int) map[image.Point]*image.RGBA {
	out := map[image.Point]*image.RGBA{}
	made := map[[4]*image.RGBA]*image.RGBA{}
	for at := range all {
		to := image.Pt(at.X/(2*step)*2*step, at.Y/(2*step)*2*step)
		if out[to] != nil {
			continue
		}
		var four [4]*image.RGBA
		for i := range four {
			four[i] = all[to.Add(image.Pt(i%2, i/2).Mul(step))]
		}
		if made[four] == nil {
			made[four] = joined(four, m.Size)
		}
		out[to] = made[four]
	}
	return out
}

// joined is the means of 2×2 pixels of four images side by side; white where
// there is none.
func joined(four [4]*image.RGBA, size image.Point) *image.RGBA {
	dst := image.NewRGBA(image.Rectangle{Max: size})
	for i := range dst.Pix {
		dst.Pix[i] = 255
	}
	w, h := size.X/2, size.Y/2
	for i, src := range four {
		if src == nil {
			continue
		}
		for y := range h {
			for x := range w {
				p := dst.Pix[dst.PixOffset(x+i%2*w, y+i/2*h):]
				q := src.Pix[src.PixOffset(2*x, 2*y):]
				for c := range 3 {
					p[c] = byte((int(q[c]) + int(q[4+c]) + int(q[src.Stride+c]) + int(q[src.Stride+4+c]) + 2) / 4)
				}
			}
		}
	}
	return dst
}

func (m *miraxMaker) encode(img *image.RGBA) []byte {
	if m.Encode != nil {
		return m.Encode(img)
	}
	var b bytes.Buffer
	var err error
	switch m.Format {
	case "PNG":
		err = png.Encode(&b, img)
	case "BMP24":
		return BMP24(img)
	default:
		err = jpeg.Encode(&b, img, &jpeg.Options{Quality: 85})
	}
	if err != nil {
		m.t.Fatal(err)
	}
	return b.Bytes()
}

// BMP24 encodes a picture as a BMP file of 24 bits a pixel, the last row first.
func BMP24(img *image.RGBA) []byte {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	row := (3*w + 3) / 4 * 4
	b := make([]byte, 54+row*h)
	copy(b, "BM")
	for at, v := range map[int]int{2: len(b), 10: 54, 14: 40, 18: w, 22: h, 34: row * h} {
		binary.LittleEndian.PutUint32(b[at:], uint32(v))
	}
	b[26], b[28] = 1, 24
	for y := range h {
		for x := range w {
			p, q := img.Pix[img.PixOffset(x, y):], b[54+(h-1-y)*row+3*x:]
			q[0], q[1], q[2] = p[2], p[1], p[0]
		}
	}
	return b
}

// TestPicture is a picture that tells where each of its pixels is, smooth enough
// for JPEG.
func TestPicture(size image.Point, seed int) *image.RGBA {
	m := image.NewRGBA(image.Rectangle{Max: size})
	for y := range size.Y {
		for x := range size.X {
			p := m.Pix[m.PixOffset(x, y):]
			p[0], p[1], p[2], p[3] = byte(40+(x*3+seed*29)%170), byte(40+(y*2+seed*47)%170), byte(60+(x+y+seed*83)/2%150), 255
		}
	}
	return m
}

func (m *miraxMaker) int32s(v ...int32) {
	for _, n := range v {
		m.index.Write(binary.LittleEndian.AppendUint32(nil, uint32(n)))
	}
}

// pageItems is how many items a page of a made index has.
const pageItems = 50

// writeIndex writes Index.dat: head, both tables, then the pages of each record.
func (m *miraxMaker) writeIndex(records [][]miraxImage) {
	other := m.otherRecords()
	m.index.WriteString("01.02" + miraxID)
	root := m.index.Len()
	m.out.Hier = root + 8
	m.out.NonHier = m.out.Hier + 4*len(records)
	m.int32s(int32(m.out.Hier), int32(m.out.NonHier))
	m.index.Write(make([]byte, 4*(len(records)+len(other))))
	var pointers []int32
	for i, r := range records {
		if len(r) == 0 {
			pointers = append(pointers, 0)
			continue
		}
		pointers = append(pointers, int32(m.index.Len()))
		m.out.Pages[i] = m.index.Len() + 8
		m.int32s(0, int32(m.index.Len()+8))
		for len(r) > 0 {
			n := min(len(r), pageItems)
			next := int32(0)
			if n < len(r) {
				next = int32(m.index.Len() + 8 + 16*n)
			}
			m.int32s(int32(n), next)
			for _, e := range r[:n] {
				m.int32s(e.number, e.offset, e.length, e.file)
			}
			r = r[n:]
		}
	}
	for i, e := range other {
		pointers = append(pointers, int32(m.index.Len()))
		m.out.NonPages[i] = m.index.Len() + 8
		m.int32s(0, int32(m.index.Len()+8), 1, 0, 0, 0, e.offset, e.length, e.file)
	}
	b := m.index.Bytes()
	for i, p := range pointers {
		binary.LittleEndian.PutUint32(b[m.out.Hier+4*i:], uint32(p))
	}
	m.out.Files["Index.dat"] = b
}

// otherRecords writes the records that belong to no level: the associated images
// by name, then the positions.
func (m *miraxMaker) otherRecords() (out []miraxImage) {
	for i, v := range slices.Sorted(maps.Keys(m.Images)) {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, m.Images[v], nil); err != nil {
			m.t.Fatal(err)
		}
		out = append(out, m.put(i, b.Bytes()))
	}
	if m.Position == nil {
		return out
	}
	var b []byte
	for row := range m.Rows / m.Divisions {
		for col := range m.Cols / m.Divisions {
			if m.Missing != nil && m.Missing(col, row) {
				b = append(b, make([]byte, 9)...)
				continue
			}
			p := m.Position(col, row)
			b = append(b, 1)
			b = binary.LittleEndian.AppendUint32(b, uint32(p.X>>m.Exponent))
			b = binary.LittleEndian.AppendUint32(b, uint32(p.Y>>m.Exponent))
		}
	}
	if m.Packed {
		var z bytes.Buffer
		w := zlib.NewWriter(&z)
		if _, err := w.Write(b); err != nil {
			m.t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			m.t.Fatal(err)
		}
		b = z.Bytes()
	}
	return append(out, m.put(len(m.data)-1, b))
}

// settings is Slidedat.ini.
func (m *miraxMaker) settings() []byte {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	kind := "BRIGHTFIELD"
	if m.Filters != nil {
		kind = "FLUORESCENCE"
	}
	p("[GENERAL]\r\nSLIDE_VERSION = 01.02\r\nSLIDE_NAME = Café\r\nSLIDE_ID = %s\r\nCURRENT_SLIDE_VERSION = 2.2\r\nIMAGENUMBER_X = %d\r\nIMAGENUMBER_Y = %d", miraxID, m.Cols, m.Rows)
	p("OBJECTIVE_MAGNIFICATION = 20\r\nCameraImageDivisionsPerSide = %d\r\nSLIDE_TYPE = SLIDE_TYPE_%s", m.Divisions, kind)
	p("[HIERARCHICAL]\r\nINDEXFILE = Index.dat\r\nPAGEELEMENTCOUNT = %d\r\nHIER_0_NAME = Slide zoom level\r\nHIER_0_COUNT = %d", pageItems, m.Levels)
	for i := range m.Levels {
		p("HIER_0_VAL_%d = ZoomLevel_%d\r\nHIER_0_VAL_%d_SECTION = LAYER_0_LEVEL_%d_SECTION", i, i, i, i)
	}
	dims := 1
	if m.Filters != nil {
		p("HIER_%d_NAME = Slide filter level\r\nHIER_%d_COUNT = %d", dims, dims, len(m.Filters))
		for i := range m.Filters {
			p("HIER_%d_VAL_%d = FilterLevel_%d\r\nHIER_%d_VAL_%d_SECTION = FILTER_%d", dims, i, i, dims, i, i)
		}
		dims++
	}
	if m.Focus != nil {
		p("HIER_%d_NAME = Microscope focus level\r\nHIER_%d_COUNT = %d", dims, dims, len(m.Focus))
		for i := range m.Focus {
			p("HIER_%d_VAL_%d = ZStackLevel_(%d)\r\nHIER_%d_VAL_%d_SECTION = FOCUS_%d", dims, i, i, dims, i, i)
		}
		dims++
	}
	p("HIER_COUNT = %d", dims)
	m.otherSettings(p)
	p("[DATAFILE]\r\nFILE_COUNT = %d", len(m.data))
	for i := range m.data {
		p("FILE_%d = Data%04d.dat", i, i)
	}
	for i := range m.Levels {
		scale := float64(int(1) << (i + m.Exponent))
		first := 1
		if i == 0 {
			first = m.Exponent
		}
		p("[LAYER_0_LEVEL_%d_SECTION]\r\nOVERLAP_X = %g\r\nOVERLAP_Y = %g\r\nMICROMETER_PER_PIXEL_X = %g\r\nMICROMETER_PER_PIXEL_Y = %g\r\nIMAGE_FORMAT = %s", i, m.Overlap/scale, m.Overlap/scale, 0.25*scale, 0.25*scale, m.Format)
		p("IMAGE_FILL_COLOR_BGR = %d\r\nDIGITIZER_WIDTH = %d\r\nDIGITIZER_HEIGHT = %d\r\nIMAGE_CONCAT_FACTOR = %d", m.Fill, m.Size.X, m.Size.Y, first)
	}
	for i, f := range m.Filters {
		p("[FILTER_%d]\r\nFILTER_NAME = %s\r\nCOLOR_R = %d\r\nCOLOR_G = %d\r\nCOLOR_B = %d\r\nSTORING_CHANNEL_NUMBER = %d", i, f.Name, f.Color.R, f.Color.G, f.Color.B, f.Storing)
		p("DATA_IN_THIS_FILTER_LEVEL = FilterLevel_%d\r\nEXCITATION_WAVELENGTH = %d\r\nEMISSION_WAVELENGTH = %d", f.Level, 400+i, 500+i)
	}
	for i, um := range m.Focus {
		p("[FOCUS_%d]\r\nOFFSET_IN_MICROMETERS = %g", i, um)
	}
	b.WriteString(m.Extra)
	if m.UTF16 {
		out := []byte{0xff, 0xfe}
		for _, r := range b.String() {
			out = binary.LittleEndian.AppendUint16(out, uint16(r))
		}
		return out
	}
	return append([]byte("\xef\xbb\xbf"), b.String()...)
}

// otherSettings names the records of otherRecords.
func (m *miraxMaker) otherSettings(p func(string, ...any)) {
	n := 0
	if len(m.Images) > 0 {
		p("NONHIER_0_NAME = Scan data layer\r\nNONHIER_0_COUNT = %d", len(m.Images))
		for i, v := range slices.Sorted(maps.Keys(m.Images)) {
			p("NONHIER_0_VAL_%d = %s\r\nNONHIER_0_VAL_%d_SECTION = SCAN_%d", i, v, i, i)
		}
		n++
	}
	if m.Position != nil {
		name, value := "VIMSLIDE_POSITION_BUFFER", "default"
		if m.Packed {
			name, value = "StitchingIntensityLayer", "StitchingIntensityLevel"
		}
		p("NONHIER_%d_NAME = %s\r\nNONHIER_%d_COUNT = 1\r\nNONHIER_%d_VAL_0 = %s\r\nNONHIER_%d_VAL_0_SECTION = POSITIONS", n, name, n, n, value, n)
		n++
	}
	p("NONHIER_COUNT = %d", n)
	for i := range slices.Sorted(maps.Keys(m.Images)) {
		p("[SCAN_%d]\r\nTHUMBNAIL_IMAGE_TYPE = JPEG\r\nBARCODE_IMAGE_TYPE = JPEG\r\nPREVIEW_IMAGE_TYPE = JPEG", i)
	}
}

// Clone is a copy that shares no bytes.
func (f *MiraxFiles) Clone() *MiraxFiles {
	c := *f
	c.Files = map[string][]byte{}
	for name, data := range f.Files {
		c.Files[name] = bytes.Clone(data)
	}
	return &c
}

// SetIndex overwrites a number in Index.dat.
func (f *MiraxFiles) SetIndex(at int, v int32) {
	binary.LittleEndian.PutUint32(f.Files["Index.dat"][at:], uint32(v))
}

// SetKey overwrites the value of a key in Slidedat.ini, in the first section
// that has it; the file must not be UTF-16.
func (f *MiraxFiles) SetKey(key, value string) {
	s := string(f.Files["Slidedat.ini"])
	i := strings.Index(s, "\n"+key+" = ")
	if i < 0 {
		panic("slidetest: no key " + key)
	}
	i += len(key) + 4
	f.Files["Slidedat.ini"] = []byte(s[:i] + value + s[i+strings.IndexAny(s[i:], "\r\n"):])
}
