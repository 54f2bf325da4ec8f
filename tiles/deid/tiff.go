package deid

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"coverslip/tiles"
)

// keptTags are the tags of TIFF 6.0 and its supplements that say how pixels are
// stored and how large they are, and nothing else.
func keptTags() []uint16 {
	return []uint16{254, 255, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 280, 281, 282, 283, 284, 296, 317, 320, 322, 323, 324, 325,
		332, 338, 339, 340, 341, 347, 512, 513, 514, 515, 529, 530, 531, 532}
}

// hamamatsuTags are Hamamatsu's own that are numbers: format, magnification,
// place on the glass, focal plane, where segments begin, wavelength.
func hamamatsuTags() []uint16 {
	return []uint16{65420, 65421, 65422, 65423, 65424, 65426, 65432, 65451}
}

func sortedTags(m map[uint16]tiffTag) []uint16 {
	var all []uint16
	for n := range m {
		all = append(all, n)
	}
	slices.Sort(all)
	return all
}

// tiffFile cleans a slide that is one TIFF file.
func (o Options) tiffFile(ctx context.Context, path, out string, info tiles.Info, r *Report) (err error) {
	src, err := os.Open(path)
	if err != nil {
		return err
	}
	defer src.Close()
	st, err := src.Stat()
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() {
		return &tiles.UnsupportedError{Format: "deid", What: "a slide that is no single file"}
	}
	in, err := readTIFF(src, st.Size(), r.Format == "hamamatsu")
	if err != nil {
		return err
	}
	c := &tiffClean{o: o, in: in, r: r, info: info}
	dirs, err := c.choose()
	if err != nil {
		return err
	}
	if c.out, err = createTIFF(out, in); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.out.f.Close()) }()
	var clean []*tiffDir
	for i, d := range dirs {
		n, err := c.directory(ctx, d, i == 0)
		if err != nil {
			return err
		}
		for _, s := range d.sub {
			sn, err := c.directory(ctx, s, false)
			if err != nil {
				return err
			}
			n.sub = append(n.sub, sn)
		}
		clean = append(clean, n)
	}
	return c.out.close(clean)
}

// tiffClean is one file being cleaned.
type tiffClean struct {
	o    Options
	in   *tiffIn
	out  *tiffOut
	r    *Report
	info tiles.Info
	ome  string // the description of an OME-TIFF
}

// choose lists the directories that are levels of the slide.
func (c *tiffClean) choose() ([]*tiffDir, error) {
	if c.o.off == ruleImages {
		if c.r.Format == "ome-tiff" {
			_, _, err := c.omeImage()
			return c.in.dirs, err
		}
		return c.in.dirs, nil
	}
	var kept []*tiffDir
	switch c.r.Format {
	case "aperio":
		for i, d := range c.in.dirs {
			if d.tags[322].count > 0 {
				kept = append(kept, d)
			} else {
				c.r.drop("image %d, which is not tiled (thumbnail, label or macro)", i)
			}
		}
	case "hamamatsu":
		for i, d := range c.in.dirs {
			if t := d.tags[65421]; t.typ == 11 && t.count == 1 && c.in.order.Uint32(t.data)>>31 == 0 {
				kept = append(kept, d)
			} else {
				c.r.drop("image %d, which is none of the slide (macro or map)", i)
			}
		}
	default:
		first, n, err := c.omeImage()
		if err != nil {
			return nil, err
		}
		for i, d := range c.in.dirs {
			if i >= first && i < first+n {
				kept = append(kept, d)
			} else {
				c.r.drop("image %d, which is none of the slide (label, macro or thumbnail)", i)
			}
		}
	}
	if len(kept) == 0 {
		return nil, broken("no image of the slide was found")
	}
	return kept, nil
}

// directory copies the pixels of a directory and the tags that are kept.
func (c *tiffClean) directory(ctx context.Context, d *tiffDir, first bool) (*tiffDir, error) {
	n := &tiffDir{tags: map[uint16]tiffTag{}}
	known := keptTags()
	if c.r.Format == "hamamatsu" {
		known = append(known, hamamatsuTags()...)
	}
	for _, tag := range sortedTags(d.tags) {
		t := d.tags[tag]
		switch {
		case tag == 330: // made anew
		case tag == 34675:
			if p := cleanProfile(t.data); p != nil && c.o.off != ruleProfile {
				n.tags[tag] = tiffTag{7, uint64(len(p)), p}
			} else if c.o.off == ruleProfile {
				n.tags[tag] = t
			} else {
				c.r.drop("a colour profile that is none")
			}
		case tag == 270:
			if c.o.off == ruleText {
				n.tags[tag] = t
			}
		case slices.Contains(known, tag) && t.typ != 2:
			n.tags[tag] = t
		case c.o.off == ruleTags:
			n.tags[tag] = t
		default:
			c.r.drop("tag %d", tag)
		}
	}
	if text := c.description(d, first); text != "" && c.o.off != ruleText {
		n.tags[270] = tiffTag{2, uint64(len(text) + 1), append([]byte(text), 0)}
	}
	if t, ok := n.tags[347]; ok && c.o.off != ruleSegments { // shared tables are a JPEG stream too
		t.data = slices.Clone(t.data)
		blankJPEG(t.data, true)
		n.tags[347] = t
	}
	return n, c.blocks(ctx, d, n)
}

// description is written from numbers alone.
func (c *tiffClean) description(d *tiffDir, first bool) string {
	switch c.r.Format {
	case "aperio":
		if d.tags[322].count == 0 {
			return ""
		}
		w, h, tw, th := c.in.one(d, 256, 0), c.in.one(d, 257, 0), c.in.one(d, 322, 0), c.in.one(d, 323, 0)
		text := fmt.Sprintf("Aperio Image Library v1.0.0\r\n%dx%d [0,0 %dx%d] (%dx%d)", w, h, w, h, tw, th)
		if c.info.Objective > 0 {
			text += fmt.Sprintf("|AppMag = %g", c.info.Objective)
		}
		if c.info.MPPX > 0 {
			text += fmt.Sprintf("|MPP = %.6g", c.info.MPPX)
		}
		return text
	case "ome-tiff":
		if first {
			return c.ome
		}
	}
	return ""
}

// blocks copies tiles or strips and sets where they lie.
func (c *tiffClean) blocks(ctx context.Context, d, n *tiffDir) error {
	offTag, countTag := uint16(324), uint16(325)
	if d.tags[offTag].count == 0 {
		offTag, countTag = 273, 279
	}
	offs, err := c.in.uints(d.tags[offTag])
	if err != nil {
		return err
	}
	counts, err := c.in.uints(d.tags[countTag])
	if err != nil {
		return err
	}
	if len(offs) != len(counts) || len(offs) == 0 {
		return broken("%d offsets and %d lengths of tiles", len(offs), len(counts))
	}
	var at, size []byte
	compression := c.in.one(d, 259, 1)
	for i := range offs {
		if err := ctx.Err(); err != nil {
			return err
		}
		to, err := c.block(offs[i], counts[i], compression)
		if err != nil {
			return fmt.Errorf("tile %d: %w", i, err)
		}
		at, size = c.out.wideOffset(at, to), c.out.wideOffset(size, counts[i])
	}
	typ := c.out.offsetType()
	if c.in.wide {
		typ = 16
		if len(offs) > 1 {
			return &tiles.UnsupportedError{Format: "deid", What: "an NDPI file with several strips in an image"}
		}
	}
	n.tags[offTag] = tiffTag{typ, uint64(len(offs)), at}
	n.tags[countTag] = tiffTag{typ, uint64(len(offs)), size}
	return nil
}

// wideOffset is an offset in 8 bytes where there may be more than 4 GiB.
func (o *tiffOut) wideOffset(b []byte, v uint64) []byte {
	if o.in.wide {
		return o.in.order.AppendUint64(b, v)
	}
	return o.offset(b, v)
}

// headBytes is how much of a huge strip is held: its header ends far earlier.
const headBytes = 1 << 22

// block copies one tile or strip; the same one is copied once.
func (c *tiffClean) block(off, n, compression uint64) (uint64, error) {
	if n == 0 {
		return 0, nil
	}
	if to, done := c.out.old[[2]uint64{off, n}]; done {
		return to, nil
	}
	held := n
	if n > maxBlock {
		held = headBytes
	}
	b, err := c.in.at(off, held)
	if err != nil {
		return 0, err
	}
	if c.o.off != ruleSegments {
		switch compression {
		case 6, 7:
			blankJPEG(b, held == n)
		case 33003, 33005, 34712:
			blankJ2K(b)
		}
	}
	to, err := c.out.write(b)
	if err != nil {
		return 0, err
	}
	if held < n {
		if off > uint64(c.in.size) || n > uint64(c.in.size)-off {
			return 0, broken("%d bytes at %d lie behind the end at %d", n, off, c.in.size)
		}
		m, err := io.Copy(c.out.w, io.NewSectionReader(c.in.r, int64(off+held), int64(n-held)))
		c.out.at += uint64(m)
		if err != nil {
			return 0, err
		}
	}
	c.out.old[[2]uint64{off, n}] = to
	return to, nil
}

// omeImage finds the directories of the first image of an OME-TIFF and writes its
// description anew: sizes, type, channels by number, wavelengths, and no word of
// anybody.
func (c *tiffClean) omeImage() (first, n int, err error) {
	text := strings.TrimRight(string(c.in.dirs[0].tags[270].data), "\x00")
	p, err := parseOME(text)
	if err != nil {
		return 0, 0, err
	}
	if p.planes < 1 || p.first < 0 || p.first+p.planes > len(c.in.dirs) {
		return 0, 0, &tiles.UnsupportedError{Format: "deid", What: fmt.Sprintf("an OME-TIFF of %d planes in %d images: several files, or an unusual order", p.planes, len(c.in.dirs))}
	}
	c.ome = p.write(c.info)
	return p.first, p.planes, nil
}
