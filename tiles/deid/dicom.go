package deid

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"coverslip/tiles"
	"coverslip/tiles/dicomfile"
)

// dicomKept are the elements that say how pixels are stored and where they lie.
// All others are left out, nested ones too; those that a reader must find are
// written with values of nobody (see dummies).
func dicomKept() map[dicomfile.Tag]bool {
	m := map[dicomfile.Tag]bool{}
	for _, t := range []dicomfile.Tag{
		0x00080008, 0x00080016, 0x00080018, 0x00080060, 0x00080100, 0x00080102,
		0x00180050, 0x00180088, 0x00189004,
		0x0020000d, 0x0020000e, 0x00200011, 0x00200013, 0x00200052, 0x00209111, 0x00209157, 0x00209161, 0x00209162, 0x00209163,
		0x00209164, 0x00209165, 0x00209167, 0x00209221, 0x00209222, 0x00209228, 0x00209311,
		0x00220016, 0x00220055, 0x00280002, 0x00280004, 0x00280006, 0x00280008, 0x00280010, 0x00280011, 0x00280030, 0x00280100, 0x00280101, 0x00280102, 0x00280103,
		0x00280301, 0x00281050, 0x00281051, 0x00281052, 0x00281053, 0x00281101, 0x00281102, 0x00281103, 0x00281201, 0x00281202, 0x00281203,
		0x00281221, 0x00281222, 0x00281223, 0x00282000, 0x00282110, 0x00282112, 0x00282114, 0x00289110, 0x00289132, 0x00289145,
		0x0040072a, 0x0040073a, 0x0040074a,
		0x00480001, 0x00480002, 0x00480003, 0x00480006, 0x00480007, 0x00480008, 0x00480010, 0x00480011, 0x00480012,
		0x00480102, 0x00480105, 0x00480106, 0x00480108, 0x00480112, 0x00480113, 0x00480120, 0x00480207, 0x0048021a, 0x0048021e, 0x0048021f, 0x00480302, 0x00480303,
		0x52009229, 0x52009230,
	} {
		m[t] = true
	}
	return m
}

// dicomWords are the words that listed elements of kind CS and SH may hold.
const dicomWords = " ORIGINAL DERIVED PRIMARY SECONDARY VOLUME LABEL OVERVIEW THUMBNAIL NONE RESAMPLED SM YES NO RGB MONOCHROME1 MONOCHROME2 YBR_FULL YBR_FULL_422 YBR_ICT YBR_RCT YBR_PARTIAL_420 PALETTE" +
	" TILED_FULL TILED_SPARSE ISO_10918_1 ISO_14495_1 ISO_15444_1 ISO_10918_5 BRIGHTFIELD FLUORESCENCE SLIDE PRODUCT EQUAL 00 01 BF COLOR DCM SCT SRT" +
	" 111741 111742 111743 111744 111748 414298005 415808002 415809005 415807007 R-102C0 10492003 A-00125 "

// dummies are elements that the modules of a slide want, with values that say
// nothing (PS3.15 table E.1-1: Z and D).
func (o Options) dummies(d *dicomfile.Dataset) ([]dicomElement, error) {
	series, err := d.Text(dicomfile.SeriesInstanceUID)
	if err != nil {
		return nil, err
	}
	patient, err := d.Text(0x00100020)
	if err != nil {
		return nil, err
	}
	id := "P" + o.code("patient", patient)[:12]
	container := "C" + o.code("container", series)[:12]
	text := func(t dicomfile.Tag, vr, v string) dicomElement {
		return dicomElement{tag: t, vr: vr, value: []byte(v)}
	}
	return []dicomElement{
		text(0x00080005, "CS", "ISO_IR 192"), text(0x00080020, "DA", ""), text(0x00080023, "DA", "19000101"), text(0x00080030, "TM", ""),
		text(0x00080033, "TM", "000000"), text(0x0008002a, "DT", "19000101000000"), text(0x00080050, "SH", ""), text(0x00080070, "LO", ""), text(0x00080090, "PN", ""),
		text(0x00100010, "PN", ""), text(0x00100020, "LO", id), text(0x00100030, "DA", ""), text(0x00100040, "CS", ""),
		text(0x00120062, "CS", "YES"), text(0x00120063, "LO", "Coverslip: PS3.15 Annex E, elements by list, UIDs replaced"),
		{tag: 0x00120064, vr: "SQ", items: [][]dicomElement{{text(0x00080100, "SH", "113100"), text(0x00080102, "SH", "DCM"), text(0x00080104, "LO", "Basic Application Confidentiality Profile")}}},
		text(0x00200010, "SH", ""), text(0x00400512, "LO", container),
	}, nil
}

// dicomElement is an element to be written.
type dicomElement struct {
	tag   dicomfile.Tag
	vr    string
	value []byte
	items [][]dicomElement
}

// dicomFolder cleans the instances of a slide: a file, or a folder of files. The
// copy is a folder of files that are named by number.
func (o Options) dicomFolder(ctx context.Context, path, out string, _ tiles.Info, r *Report) error {
	files, series, err := dicomFiles(path)
	if err != nil {
		return err
	}
	if err := os.Mkdir(out, 0o755); err != nil {
		return err
	}
	n := 0
	for _, file := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		wrote, err := o.dicomFile(file, filepath.Join(out, fmt.Sprintf("%04d.dcm", n+1)), series, r)
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(file), err)
		}
		if wrote {
			n++
		}
	}
	if n == 0 {
		return broken("no image of the slide was found")
	}
	return nil
}

// dicomFiles lists the files of the slide's folder in order, and the series of
// the one that was named, "" for a folder.
func dicomFiles(path string) (files []string, series string, err error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, "", err
	}
	dir := path
	if !st.IsDir() {
		dir = filepath.Dir(path)
		if series, err = seriesOf(path); err != nil {
			return nil, "", err
		}
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if e.Type().IsRegular() {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	slices.Sort(files)
	return files, series, err
}

func seriesOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return "", err
	}
	d, err := dicomfile.ParseHead(f, st.Size(), dicomfile.SeriesInstanceUID)
	if err != nil {
		return "", err
	}
	return d.Data().Text(dicomfile.SeriesInstanceUID)
}

// dicomFile cleans one instance; false when it is none of the slide's pixels.
func (o Options) dicomFile(path, out, series string, r *Report) (bool, error) {
	src, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer src.Close()
	st, err := src.Stat()
	if err != nil {
		return false, err
	}
	f, err := dicomfile.Parse(src, st.Size())
	if err != nil {
		r.drop("a file that is no DICOM image")
		return false, nil
	}
	own, err := f.Data().Text(dicomfile.SeriesInstanceUID)
	if err != nil {
		return false, err
	}
	if series != "" && own != series {
		return false, nil
	}
	kind, err := f.Data().Texts(dicomfile.ImageType)
	if err != nil {
		return false, err
	}
	if (len(kind) < 3 || kind[2] != "VOLUME") && o.off != ruleImages {
		r.drop("an instance that is none of the slide (label, overview or thumbnail)")
		return false, nil
	}
	c := &dicomClean{o: o, kept: dicomKept(), r: r, paths: map[string]string{}}
	elements, err := c.dataset(f.Data())
	if err != nil {
		return false, err
	}
	return true, c.write(f, elements, out)
}

// dicomClean is one instance being cleaned.
type dicomClean struct {
	o     Options
	kept  map[dicomfile.Tag]bool
	r     *Report
	paths map[string]string // optical paths by their old names
}

// dataset cleans the elements of a data set or an item.
func (c *dicomClean) dataset(d *dicomfile.Dataset) ([]dicomElement, error) {
	var out []dicomElement
	for _, e := range d.Elements() {
		if !c.kept[e.Tag] {
			if c.o.off != ruleElements || e.VR == "SQ" {
				c.r.drop("element %v", e.Tag)
				continue
			}
		}
		n := dicomElement{tag: e.Tag, vr: e.VR}
		if e.VR == "SQ" {
			err := d.Items(e.Tag, func(_ int, item *dicomfile.Dataset) error {
				inner, err := c.dataset(item)
				n.items = append(n.items, inner)
				return err
			})
			if err != nil {
				return nil, err
			}
			out = append(out, n)
			continue
		}
		b, err := d.Bytes(e.Tag, dicomfile.MaxValueBytes)
		if err != nil {
			return nil, err
		}
		var keep bool
		if n.value, keep = c.value(e, b); keep {
			out = append(out, n)
		} else {
			c.r.drop("the value of element %v", e.Tag)
		}
	}
	return out, nil
}

// number is a decimal or integer string.
var number = regexp.MustCompile(`^ *[-+]?[0-9.]+([eE][-+]?[0-9]+)? *$`)

// value checks the value of a listed element.
func (c *dicomClean) value(e dicomfile.Element, b []byte) ([]byte, bool) {
	if c.o.off == ruleElements && !c.kept[e.Tag] {
		return b, true
	}
	text := strings.TrimRight(string(b), " \x00")
	switch {
	case e.Tag == dicomfile.ICCProfile:
		if c.o.off == ruleProfile {
			return b, true
		}
		p := cleanProfile(b)
		return p, p != nil
	case e.VR == "UI":
		parts := strings.Split(text, `\`)
		for i := range parts {
			parts[i] = c.o.uid(parts[i])
		}
		return []byte(strings.Join(parts, `\`)), true
	case e.Tag == 0x00480106: // names of optical paths: numbered in their order
		if c.o.off == ruleValues {
			return b, true
		}
		if c.paths[text] == "" {
			c.paths[text] = strconv.Itoa(len(c.paths) + 1)
		}
		return []byte(c.paths[text]), true
	case c.o.off == ruleValues:
		return b, true
	case e.VR == "DS" || e.VR == "IS":
		for _, v := range strings.Split(text, `\`) {
			if v != "" && !number.MatchString(v) {
				return nil, false
			}
		}
		return b, true
	case e.VR == "CS" || e.VR == "SH":
		for _, v := range strings.Split(text, `\`) {
			if v = strings.TrimSpace(v); v != "" && !strings.Contains(dicomWords, " "+v+" ") {
				return nil, false
			}
		}
		return b, true
	}
	switch e.VR {
	case "US", "SS", "UL", "SL", "FL", "FD", "UV", "SV", "AT":
		return b, true
	case "OW", "OB": // lookup tables of colours
		return b, e.Tag >= 0x00281201 && e.Tag <= 0x00281223
	}
	return nil, false
}

// write writes an instance: explicit VR little endian, or the compression it has.
func (c *dicomClean) write(f *dicomfile.File, elements []dicomElement, out string) (err error) {
	dummies, err := c.o.dummies(f.Data())
	if err != nil {
		return err
	}
	for _, d := range dummies {
		if !slices.ContainsFunc(elements, func(e dicomElement) bool { return e.tag == d.tag }) {
			elements = append(elements, d)
		}
	}
	slices.SortStableFunc(elements, func(a, b dicomElement) int { return int(int64(a.tag) - int64(b.tag)) })
	class, err := f.Data().Text(dicomfile.SOPClassUID)
	if err != nil {
		return err
	}
	instance, err := f.Data().Text(dicomfile.SOPInstanceUID)
	if err != nil {
		return err
	}
	syntax := f.Syntax()
	if syntax == dicomfile.ImplicitLittle {
		syntax = dicomfile.ExplicitLittle
	}
	file, err := os.Create(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	w := bufio.NewWriterSize(file, 1<<20)
	meta := encode(nil, []dicomElement{{tag: 0x00020001, vr: "OB", value: []byte{0, 1}}, {tag: 0x00020002, vr: "UI", value: []byte(class)},
		{tag: 0x00020003, vr: "UI", value: []byte(c.o.uid(instance))}, {tag: 0x00020010, vr: "UI", value: []byte(syntax)}, {tag: 0x00020012, vr: "UI", value: []byte("2.25.272185126381043710463204935418")}})
	head := append(make([]byte, 128), "DICM"...)
	head = encode(head, []dicomElement{{tag: 0x00020000, vr: "UL", value: binary.LittleEndian.AppendUint32(nil, uint32(len(meta)))}})
	if _, err := w.Write(encode(append(head, meta...), elements)); err != nil {
		return err
	}
	if err := c.pixels(f, syntax, w); err != nil {
		return err
	}
	return w.Flush()
}

// pixels copies the frames.
func (c *dicomClean) pixels(f *dicomfile.File, syntax string, w *bufio.Writer) error {
	d := f.Data()
	var v [5]int64
	for i, t := range []dicomfile.Tag{dicomfile.NumberOfFrames, dicomfile.Rows, dicomfile.Columns, dicomfile.SamplesPerPixel, dicomfile.BitsAllocated} {
		n, err := d.Int(t, 1)
		if err != nil {
			return err
		}
		v[i] = n
	}
	if v[0] < 1 || v[0] > dicomfile.MaxFrames || v[1] < 1 || v[2] < 1 || v[3] < 1 || v[4] < 1 || v[1]*v[2] > 1<<32 || v[3] > 4 || v[4] > 32 {
		return broken("%d frames of %d×%d", v[0], v[1], v[2])
	}
	size := v[1] * v[2] * v[3] * v[4] / 8
	frames, err := f.Frames(int(v[0]), size)
	if err != nil {
		return err
	}
	le := binary.LittleEndian
	item := func(tag uint32, n uint32) []byte {
		return le.AppendUint32(le.AppendUint16(le.AppendUint16(nil, uint16(tag>>16)), uint16(tag)), n)
	}
	native := syntax == dicomfile.ExplicitLittle
	head := append(item(0x7fe00010, 0)[:4], 'O', 'B', 0, 0)
	if native {
		total := size * int64(frames.Len())
		if v[4] > 8 {
			head[5] = 'W'
		}
		if total >= 1<<32-1 {
			return &tiles.UnsupportedError{Format: "deid", What: "uncompressed frames of 4 GiB and more in a file"}
		}
		head = le.AppendUint32(head, uint32(total+total%2))
	} else {
		head = append(le.AppendUint32(head, 0xffffffff), item(0xfffee000, 0)...)
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	var b []byte
	for i := range frames.Len() {
		if b, err = frames.Append(b[:0], i); err != nil {
			return err
		}
		if !native && c.o.off != ruleSegments {
			blankJPEG(b, true)
			blankJ2K(b)
		}
		if !native {
			if len(b)%2 == 1 {
				b = append(b, 0)
			}
			if _, err := w.Write(item(0xfffee000, uint32(len(b)))); err != nil {
				return err
			}
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	if native {
		_, err = w.Write(make([]byte, size*int64(frames.Len())%2))
	} else {
		_, err = w.Write(item(0xfffee0dd, 0))
	}
	return err
}

// encode appends elements in explicit VR little endian (PS3.5 section 7.1.2).
func encode(b []byte, elements []dicomElement) []byte {
	le := binary.LittleEndian
	for _, e := range elements {
		b = le.AppendUint16(le.AppendUint16(b, uint16(e.tag>>16)), uint16(e.tag))
		b = append(b, e.vr...)
		value := e.value
		if e.vr == "SQ" {
			value = nil
			for _, item := range e.items {
				inner := encode(nil, item)
				value = le.AppendUint32(append(value, 0xfe, 0xff, 0x00, 0xe0), uint32(len(inner)))
				value = append(value, inner...)
			}
		}
		pad := byte(' ')
		if strings.Contains("UI OB UN", e.vr) {
			pad = 0
		}
		if len(value)%2 == 1 {
			value = append(slices.Clone(value), pad)
		}
		if strings.Contains("OB OD OF OL OV OW SQ SV UC UN UR UT UV", e.vr) {
			b = le.AppendUint32(append(b, 0, 0), uint32(len(value)))
		} else {
			b = le.AppendUint16(b, uint16(len(value)))
		}
		b = append(b, value...)
	}
	return b
}
