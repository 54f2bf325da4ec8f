package hamamatsu

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"coverslip/tiles"
)

// Limits of an index; OpenSlide reads no larger ones.
const (
	maxIndexBytes = 64 << 10
	maxKeys       = 4096
)

// Groups of the two kinds of slides.
const (
	groupVMS = "Virtual Microscope Specimen"
	groupVMU = "Uncompressed Virtual Microscope Specimen"
)

// index is the values of the group of an index file.
type index struct {
	raw    bool // VMU: images are plain samples
	values map[string]string
}

// layer is the images of one focal plane, row by row.
type layer struct {
	z, cols int
	names   []string
}

// readIndex reads an index and refuses what is none.
func readIndex(src *tiles.Source) (*index, error) {
	if src.Size() == 0 {
		return nil, errors.New("the file is empty")
	}
	if src.Size() > maxIndexBytes {
		return nil, fmt.Errorf("%d bytes are too many for an index of lines", src.Size())
	}
	b := make([]byte, src.Size())
	if _, err := src.ReadAt(b, 0); err != nil {
		return nil, err
	}
	return parseIndex(string(b))
}

// parseIndex reads lines of "key=value" in groups. Of equal keys the last
// counts; what is no such line is left out.
func parseIndex(text string) (*index, error) {
	text = strings.TrimPrefix(text, "\ufeff")
	if !utf8.ValidString(text) { // written by a Japanese or European Windows
		text = strings.ToValidUTF8(text, "\ufffd")
	}
	var x *index
	inside := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") {
			group := line[1 : len(line)-1]
			inside = group == groupVMS || group == groupVMU
			if inside && x == nil {
				x = &index{raw: group == groupVMU, values: map[string]string{}}
			}
			continue
		}
		k, v, ok := strings.Cut(line, "=")
		if k = strings.TrimSpace(k); !inside || !ok || k == "" || strings.HasPrefix(k, "#") {
			continue
		}
		if len(x.values) >= maxKeys {
			return nil, badIndex(nil, "more than %d keys", maxKeys)
		}
		x.values[k] = strings.TrimSpace(v)
	}
	if x == nil {
		return nil, fmt.Errorf("no group [%s] or [%s]", groupVMS, groupVMU)
	}
	return x, nil
}

// count reads a number of things; def stands for an absent one.
func (x *index) count(key string, def, most int) (int, error) {
	s, ok := x.values[key]
	if !ok {
		return def, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > most {
		return 0, badIndex(nil, "%s=%.40s: 1 to %d are read", key, s, most)
	}
	return n, nil
}

// layers lists the images by focal plane, which have numbers from 0 on. All
// images of a plane must be named.
func (x *index) layers() ([]layer, error) {
	cols, rows := 1, 1
	var err error
	if x.raw {
		if bits, order := x.values["BitsPerPixel"], x.values["PixelOrder"]; bits != "36" || order != "RGB" {
			return nil, &tiles.UnsupportedError{Format: indexName, What: fmt.Sprintf("%.40s bits per pixel in the order %.40s: 36 as RGB are read", bits, order)}
		}
	} else {
		if cols, err = x.count("NoJpegColumns", 0, maxFiles); err != nil {
			return nil, err
		}
		if rows, err = x.count("NoJpegRows", 0, maxFiles); err != nil {
			return nil, err
		}
	}
	z, err := x.count("NoLayers", 1, maxFiles)
	if err != nil {
		return nil, err
	}
	if n := cols * rows * z; n < 1 || n > maxFiles {
		return nil, badIndex(nil, "%d×%d images of %d focal planes: 1 to %d are read", cols, rows, z, maxFiles)
	}
	out := make([]layer, z)
	for i := range out {
		out[i] = layer{z: i, cols: cols, names: make([]string, cols*rows)}
	}
	for k, v := range x.values {
		at, ok, err := parseImageKey(k)
		if err != nil {
			return nil, err
		}
		if !ok || at[0] >= z {
			continue
		}
		if at[1] >= cols || at[2] >= rows {
			return nil, badIndex(nil, "%s lies outside the %d×%d images", k, cols, rows)
		}
		name := &out[at[0]].names[at[2]*cols+at[1]]
		if *name != "" {
			return nil, badIndex(nil, "image (%d,%d,%d) is named twice", at[0], at[1], at[2])
		}
		*name = v
	}
	return out, complete(out)
}

// complete refuses layers that lack an image.
func complete(layers []layer) error {
	for _, l := range layers {
		for i, name := range l.names {
			if name == "" {
				return badIndex(nil, "the image in column %d and row %d of focal plane %d is not named", i%l.cols, i/l.cols, l.z)
			}
		}
	}
	return nil
}

// parseImageKey reads the keys of images: ImageFile, ImageFile(z),
// ImageFile(x,y), ImageFile(z,x,y); at is z, x, y. ok is false for other keys.
func parseImageKey(key string) (at [3]int, ok bool, err error) {
	rest, ok := strings.CutPrefix(key, "ImageFile")
	if !ok || rest == "" {
		return at, ok, nil
	}
	if !strings.HasPrefix(rest, "(") || !strings.HasSuffix(rest, ")") {
		return at, false, nil
	}
	parts := strings.Split(rest[1:len(rest)-1], ",")
	var n []int
	for _, p := range parts {
		v, err := strconv.Atoi(strings.TrimSpace(p))
		if err != nil || v < 0 {
			return at, false, badIndex(nil, "%.60s: place of an image", key)
		}
		n = append(n, v)
	}
	switch len(n) {
	case 1:
		at[0] = n[0]
	case 2:
		at[1], at[2] = n[0], n[1]
	case 3:
		at = [3]int(n)
	default:
		return at, false, badIndex(nil, "%.60s: image of %d dimensions", key, len(n))
	}
	return at, true, nil
}
