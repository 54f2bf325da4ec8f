package deid

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"

	"coverslip/tiles"
)

// Limits of a MIRAX slide that is copied.
const (
	maxMiraxFiles  = 1000
	maxMiraxLevels = 64
	maxMiraxIndex  = 1 << 30
	maxMiraxItems  = 1 << 24
	maxMiraxBlock  = 1 << 28
)

// miraxClean is one slide being cleaned. Source: the MIRAX page of OpenSlide's
// description of formats.
type miraxClean struct {
	o      Options
	r      *Report
	dir    string
	ini    map[string]map[string]string
	levels int
	index  []byte
	oldID  string
	id     string
	in     []*os.File
	out    []*os.File
	at     []int64
}

// miraxFolder writes out (an empty .mrxs) and the folder beside it: the images of
// the zoom levels and the camera's positions, with settings written anew.
func (o Options) miraxFolder(ctx context.Context, path, out string, info tiles.Info, r *Report) (err error) {
	if !strings.EqualFold(filepath.Ext(out), ".mrxs") {
		return errors.New("the copy of a MIRAX slide must end in .mrxs: a folder of that name is made beside it")
	}
	c := &miraxClean{o: o, r: r, dir: strings.TrimSuffix(path, filepath.Ext(path))}
	folder := strings.TrimSuffix(out, filepath.Ext(out))
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	defer func() {
		for _, f := range append(c.in, c.out...) {
			err = errors.Join(err, f.Close())
		}
	}()
	if err := c.read(); err != nil {
		return err
	}
	if err := c.create(folder); err != nil {
		return err
	}
	index, records, err := c.copy(ctx)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "Index.dat"), index, 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "Slidedat.ini"), c.settings(records, info), 0o644); err != nil {
		return err
	}
	return os.WriteFile(out, nil, 0o644)
}

func (c *miraxClean) get(section, key string) string { return c.ini[section][key] }

func (c *miraxClean) number(section, key string, most int) (int, error) {
	n, err := strconv.Atoi(c.get(section, key))
	if err != nil || n < 0 || n > most {
		return 0, broken("[%s] %s is no number up to %d", section, key, most)
	}
	return n, nil
}

// read reads settings and index and opens the data.
func (c *miraxClean) read() error {
	data, err := os.ReadFile(filepath.Join(c.dir, "Slidedat.ini"))
	if err != nil {
		return err
	}
	c.ini = parseIni(data)
	if !strings.Contains(strings.ToUpper(c.get("GENERAL", "SLIDE_TYPE")+"BRIGHTFIELD"), "BRIGHTFIELD") || strings.Contains(strings.ToUpper(c.get("GENERAL", "SLIDE_TYPE")), "FLUORESCENCE") {
		return &tiles.UnsupportedError{Format: "deid", What: "a MIRAX slide of fluorescence: the names of its filters are free text"}
	}
	if c.levels, err = c.number("HIERARCHICAL", "HIER_0_COUNT", maxMiraxLevels); err != nil {
		return err
	}
	n, err := c.number("DATAFILE", "FILE_COUNT", maxMiraxFiles)
	if err != nil {
		return err
	}
	c.oldID = c.get("GENERAL", "SLIDE_ID")
	c.id = strings.ToUpper(c.o.code("mirax", c.oldID))[:32]
	if c.o.off == ruleIDs {
		c.id = c.oldID
	}
	local := func(name string) (string, error) {
		if name == "" || name != filepath.Base(name) || strings.ContainsAny(name, `/\:`) {
			return "", broken("a file name leads out of the folder")
		}
		return filepath.Join(c.dir, name), nil
	}
	path, err := local(c.get("HIERARCHICAL", "INDEXFILE"))
	if err != nil {
		return err
	}
	if st, err := os.Stat(path); err != nil || st.Size() > maxMiraxIndex {
		return errors.Join(err, broken("an index of more than %d bytes", maxMiraxIndex))
	}
	if c.index, err = os.ReadFile(path); err != nil {
		return err
	}
	for i := range n {
		path, err := local(c.get("DATAFILE", fmt.Sprintf("FILE_%d", i)))
		if err != nil {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		c.in = append(c.in, f)
	}
	return nil
}

// create begins the data files.
func (c *miraxClean) create(folder string) error {
	for i := range c.in {
		f, err := os.Create(filepath.Join(folder, fmt.Sprintf("Data%04d.dat", i)))
		if err != nil {
			return err
		}
		c.out = append(c.out, f)
		head := append([]byte(fmt.Sprintf("01.02%s%03d", c.id, i%1000)), make([]byte, 256)...)
		if _, err := f.Write(head); err != nil {
			return err
		}
		c.at = append(c.at, int64(len(head)))
	}
	return nil
}

// int32 is a number of the index.
func (c *miraxClean) int32(at int64) (int64, error) {
	if at < 0 || at+4 > int64(len(c.index)) {
		return 0, broken("the index ends before %d", at)
	}
	return int64(int32(binary.LittleEndian.Uint32(c.index[at:]))), nil
}

// items calls f with every item of a record, size numbers each.
func (c *miraxClean) items(table int64, record, size int, f func(v []int64) error) error {
	at, err := c.int32(table + 4*int64(record))
	if err != nil || at == 0 {
		return err
	}
	page, err := c.int32(at + 4)
	if err != nil {
		return err
	}
	for seen := 0; page != 0; {
		n, err := c.int32(page)
		if err != nil {
			return err
		}
		next, err := c.int32(page + 4)
		if err != nil {
			return err
		}
		if seen += int(max(n, 1)); n < 0 || seen > maxMiraxItems {
			return broken("a record of %d items", seen)
		}
		for i := range n {
			v := make([]int64, size)
			for k := range v {
				if v[k], err = c.int32(page + 8 + 4*(i*int64(size)+int64(k))); err != nil {
					return err
				}
			}
			if err := f(v); err != nil {
				return err
			}
		}
		page = next
	}
	return nil
}

// copy copies the images of the levels and the records that are kept, and writes
// the index. It returns which other records it has.
func (c *miraxClean) copy(ctx context.Context) (index []byte, records []string, err error) {
	base := int64(5 + len(c.oldID))
	hier, err := c.int32(base)
	if err != nil {
		return nil, nil, err
	}
	other, err := c.int32(base + 4)
	if err != nil {
		return nil, nil, err
	}
	moved := map[[3]int64]int64{}
	place := func(off, n, file int64, image bool) (int64, error) {
		if to, done := moved[[3]int64{off, n, file}]; done {
			return to, nil
		}
		to, err := c.block(off, n, file, image)
		moved[[3]int64{off, n, file}] = to
		return to, err
	}
	var pages [][]int64
	for level := range c.levels {
		var items []int64
		err := c.items(hier, level, 4, func(v []int64) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			to, err := place(v[1], v[2], v[3], true)
			items = append(items, v[0], to, v[2], v[3])
			return err
		})
		if err != nil {
			return nil, nil, err
		}
		pages = append(pages, items)
	}
	n := len(pages)
	for record, name := range c.otherRecords() {
		keep := name == "VIMSLIDE_POSITION_BUFFER" || name == "StitchingIntensityLayer"
		if !keep && c.o.off != ruleFolders {
			c.r.drop("record %d beside the pixels (label, macro, notes of the scanner)", record)
			continue
		}
		var items []int64
		err := c.items(other, record, 5, func(v []int64) error {
			to, err := place(v[2], v[3], v[4], !keep)
			items = append(items, 0, 0, to, v[3], v[4])
			return err
		})
		if err != nil {
			return nil, nil, err
		}
		pages, records = append(pages, items), append(records, name)
	}
	return c.pages(pages, n), records, nil
}

// otherRecords are the layers that the records beside the pixels belong to, in
// the order of the records.
func (c *miraxClean) otherRecords() []string {
	var all []string
	layers, err := c.number("HIERARCHICAL", "NONHIER_COUNT", 4096)
	if err != nil {
		return nil
	}
	for i := range layers {
		prefix := fmt.Sprintf("NONHIER_%d_", i)
		n, err := c.number("HIERARCHICAL", prefix+"COUNT", 4096)
		if err != nil {
			return all
		}
		for range n {
			all = append(all, c.get("HIERARCHICAL", prefix+"NAME"))
		}
	}
	return all
}

// block copies one image or record; the same file keeps it, so offsets stay small.
func (c *miraxClean) block(off, n, file int64, image bool) (int64, error) {
	if file < 0 || file >= int64(len(c.in)) || off < 0 || n < 0 || n > maxMiraxBlock {
		return 0, broken("%d bytes at %d of data file %d", n, off, file)
	}
	b := make([]byte, n)
	if _, err := c.in[file].ReadAt(b, off); err != nil {
		return 0, fmt.Errorf("data file %d: %w", file, err)
	}
	if image && c.o.off != ruleSegments {
		blankJPEG(b, true)
		blankPNG(b)
	}
	at := c.at[file]
	_, err := c.out[file].Write(b)
	c.at[file] += n
	return at, err
}

// blankPNG blanks chunks that are not needed for the pixels (PNG 11.3): their type
// and sums stay wrong, and readers pass over what is ancillary.
func blankPNG(b []byte) {
	if !bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")) {
		return
	}
	for i := 8; i+12 <= len(b); {
		n := int(binary.BigEndian.Uint32(b[i:]))
		if n < 0 || n > len(b)-i-12 {
			return
		}
		if b[i+4]&0x20 != 0 && string(b[i+4:i+8]) != "tRNS" {
			clear(b[i+8 : i+8+n])
			binary.BigEndian.PutUint32(b[i+8+n:], crc32.ChecksumIEEE(b[i+4:i+8+n]))
		}
		i += 12 + n
	}
}

// pages writes Index.dat: the levels' records first, n of them.
func (c *miraxClean) pages(records [][]int64, n int) []byte {
	le := binary.LittleEndian
	b := append([]byte("01.02"), c.id...)
	tables := len(b) + 8
	b = le.AppendUint32(le.AppendUint32(b, uint32(tables)), uint32(tables+4*n))
	b = append(b, make([]byte, 4*len(records))...)
	for i, items := range records {
		if len(items) == 0 {
			continue
		}
		le.PutUint32(b[tables+4*i:], uint32(len(b)))
		size := 4
		if i >= n {
			size = 5
		}
		b = le.AppendUint32(le.AppendUint32(b, 0), uint32(len(b)+8)) // an empty page, as scanners write it
		b = le.AppendUint32(le.AppendUint32(b, uint32(len(items)/size)), 0)
		for _, v := range items {
			b = le.AppendUint32(b, uint32(int32(v)))
		}
	}
	return b
}

// plain is a number, or one of the few words that settings need.
var plain = regexp.MustCompile(`^(-?[0-9]+([.,][0-9]+)?|JPEG|PNG|BMP24)$`)

// settings writes Slidedat.ini from numbers.
func (c *miraxClean) settings(records []string, info tiles.Info) []byte {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	copyKeys := func(section string, keys ...string) {
		for _, key := range keys {
			if v := c.get(section, key); plain.MatchString(v) {
				line("%s = %s", key, v)
			}
		}
	}
	line("[GENERAL]")
	line("SLIDE_ID = %s", c.id)
	line("SLIDE_TYPE = SLIDE_TYPE_BRIGHTFIELD")
	copyKeys("GENERAL", "SLIDE_VERSION", "CURRENT_SLIDE_VERSION", "IMAGENUMBER_X", "IMAGENUMBER_Y", "CameraImageDivisionsPerSide")
	if info.Objective > 0 {
		line("OBJECTIVE_MAGNIFICATION = %g", info.Objective)
	}
	if c.o.off == ruleText {
		line("SLIDE_NAME = %s", c.get("GENERAL", "SLIDE_NAME"))
	}
	line("[HIERARCHICAL]\r\nINDEXFILE = Index.dat\r\nHIER_COUNT = 1\r\nHIER_0_NAME = Slide zoom level\r\nHIER_0_COUNT = %d", c.levels)
	for i := range c.levels {
		line("HIER_0_VAL_%d = ZoomLevel_%d\r\nHIER_0_VAL_%d_SECTION = LAYER_0_LEVEL_%d_SECTION", i, i, i, i)
	}
	line("NONHIER_COUNT = %d", len(records))
	for i, name := range records {
		value := "default"
		if name != "VIMSLIDE_POSITION_BUFFER" && name != "StitchingIntensityLayer" { // only with a rule off
			value = "ScanDataLayer_SlideBarcode"
		}
		line("NONHIER_%d_NAME = %s\r\nNONHIER_%d_COUNT = 1\r\nNONHIER_%d_VAL_0 = %s\r\nNONHIER_%d_VAL_0_SECTION = NONHIER_%d_SECTION", i, name, i, i, value, i, i)
	}
	if c.o.off == ruleFolders {
		for i := range records {
			line("[NONHIER_%d_SECTION]\r\nBARCODE_IMAGE_TYPE = JPEG", i)
		}
	}
	line("[DATAFILE]\r\nFILE_COUNT = %d", len(c.out))
	for i := range c.out {
		line("FILE_%d = Data%04d.dat", i, i)
	}
	for i := range c.levels {
		line("[LAYER_0_LEVEL_%d_SECTION]", i)
		copyKeys(c.get("HIERARCHICAL", fmt.Sprintf("HIER_0_VAL_%d_SECTION", i)), "OVERLAP_X", "OVERLAP_Y", "MICROMETER_PER_PIXEL_X", "MICROMETER_PER_PIXEL_Y",
			"IMAGE_FORMAT", "IMAGE_FILL_COLOR_BGR", "DIGITIZER_WIDTH", "DIGITIZER_HEIGHT", "IMAGE_CONCAT_FACTOR", "IMAGE_COMPRESSION_FACTOR")
	}
	return []byte(b.String())
}

// parseIni reads sections and keys; UTF-16 and a mark of UTF-8 are known.
func parseIni(data []byte) map[string]map[string]string {
	if bytes.HasPrefix(data, []byte{0xff, 0xfe}) {
		var u []uint16
		for i := 2; i+1 < len(data); i += 2 {
			u = append(u, binary.LittleEndian.Uint16(data[i:]))
		}
		data = []byte(string(utf16.Decode(u)))
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	out, section := map[string]map[string]string{}, ""
	for _, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") {
			section = line[1 : len(line)-1]
			continue
		}
		if key, value, ok := strings.Cut(line, "="); ok {
			if out[section] == nil {
				out[section] = map[string]string{}
			}
			out[section][strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return out
}
