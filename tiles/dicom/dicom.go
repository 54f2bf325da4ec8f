// Package dicom reads DICOM whole slide images (VL Whole Slide Microscopy Image
// Storage, PS3.3 A.32.8): one or several files of one series in a folder, each
// a level, a part of one, or the label, overview or thumbnail. Any one of the
// files opens the slide.
//
// The other files are found by looking through the folder, never by names that
// a file gives. Levels are ordered by their total pixel matrix. Focal planes and
// optical paths, in one file or in several, are planes of a tiles.Planar; frames
// off the tile grid are refused: half a slide would be shown.
//
// What identifies a patient (group 0010) is not among the properties.
package dicom

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/dicomfile"
)

// name of the reader in errors and Info.
const name = "dicom"

// sopClass is VL Whole Slide Microscopy Image Storage.
const sopClass = "1.2.840.10008.5.1.4.1.1.77.1.6"

// maxFiles bounds the files of one slide that are held open.
const maxFiles = 512

func bad(format string, args ...any) error {
	return &tiles.FormatError{Format: name, What: fmt.Sprintf(format, args...)}
}

func unsupported(hint, format string, args ...any) error {
	return &tiles.UnsupportedError{Format: name, What: fmt.Sprintf(format, args...), Hint: hint}
}

// Format returns the reader, which decodes through codecs.
func Format(codecs *codec.Set) tiles.Format {
	return tiles.Format{
		Name: name, Vendor: "DICOM whole slide image (.dcm)",
		Detect: func(src *tiles.Source) error { return detect(src) },
		Open:   func(ctx context.Context, src *tiles.Source) (tiles.Slide, error) { return open(ctx, src, codecs) },
	}
}

// detect looks at the meta information alone.
func detect(src *tiles.Source) error {
	f, err := dicomfile.ParseHead(src, src.Size(), dicomfile.SOPClassUID)
	var other *tiles.UnsupportedError
	if errors.As(err, &other) {
		return nil // Open tells
	}
	if err != nil {
		return err
	}
	class, err := f.Meta().Text(dicomfile.MediaStorageSOPClassUID)
	if err != nil {
		return err
	}
	if class == "" {
		if class, err = f.Data().Text(dicomfile.SOPClassUID); err != nil {
			return err
		}
	}
	if class != sopClass {
		return fmt.Errorf("it is of SOP class %s, not a whole slide image", class)
	}
	return nil
}

// FileIn returns the path of a DICOM slide's file in a folder, the first by
// name: opening it opens the slide. "" when there is none. A folder of several
// slides is an error that asks for one of their files.
func FileIn(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	found, series := "", ""
	for _, e := range entries[:min(len(entries), 1<<14)] {
		if !e.Type().IsRegular() {
			continue
		}
		uid, err := seriesOf(filepath.Join(dir, e.Name()))
		switch {
		case err != nil || uid == "": // no DICOM slide
		case found == "":
			found, series = filepath.Join(dir, e.Name()), uid
		case uid != series:
			return "", fmt.Errorf("%s: the folder holds several DICOM slides: open a file of the one that is meant, such as %s", dir, e.Name())
		}
	}
	return found, nil
}

// seriesOf is the series of a DICOM slide's file.
func seriesOf(path string) (string, error) {
	src, err := tiles.OpenSource(path)
	if err != nil {
		return "", err
	}
	uid, err := series(src)
	return uid, errors.Join(err, src.Close())
}

// series is the series of a file, an error when it is no DICOM slide's.
func series(src *tiles.Source) (string, error) {
	if err := detect(src); err != nil {
		return "", err
	}
	f, err := dicomfile.ParseHead(src, src.Size(), dicomfile.SeriesInstanceUID)
	if err != nil {
		return "", err
	}
	return f.Data().Text(dicomfile.SeriesInstanceUID)
}

func open(ctx context.Context, src *tiles.Source, codecs *codec.Set) (tiles.Slide, error) {
	own, err := parseInstance(src, codecs)
	if err != nil {
		return nil, err
	}
	b := &builder{codecs: codecs, own: own, instances: []*instance{own}}
	s, err := b.build(ctx)
	if err != nil {
		// The opened file is the caller's to close, the others are ours.
		for _, other := range b.instances[1:] {
			err = errors.Join(err, other.src.Close())
		}
		return nil, err
	}
	return s, nil
}

// builder gathers the files of a slide.
type builder struct {
	codecs    *codec.Set
	own       *instance   // of the file that was opened
	instances []*instance // own first
	warnings  []string
}

func (b *builder) warn(format string, args ...any) {
	b.warnings = append(b.warnings, fmt.Sprintf(format, args...))
}

func (b *builder) build(ctx context.Context) (tiles.Slide, error) {
	if err := b.gather(ctx); err != nil {
		return nil, err
	}
	p, err := b.pictures()
	if err != nil {
		return nil, err
	}
	return newSlide(b, p)
}

// gather opens the files of the series that lie beside the opened one. A file
// that is damaged is left out with a warning.
func (b *builder) gather(ctx context.Context) error {
	if b.own.series == "" {
		b.warn("the file names no series: files beside it are not looked at")
		return nil
	}
	names, err := b.own.src.Siblings()
	if err != nil {
		b.warn("files beside the opened one are not looked at: %v", err)
		return nil
	}
	for _, n := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		in, err := b.sibling(n)
		switch {
		case err != nil:
			b.warn("%s left out: %v", n, err)
		case in == nil:
		case slices.ContainsFunc(b.instances, func(o *instance) bool { return in.uid != "" && o.uid == in.uid }):
			b.warn("%s left out: it is a copy of another file", n)
			if err := in.src.Close(); err != nil {
				return err
			}
		case len(b.instances) >= maxFiles:
			return errors.Join(bad("the slide has more than %d files", maxFiles), in.src.Close())
		default:
			b.instances = append(b.instances, in)
		}
	}
	return nil
}

// sibling opens a file if it is of the slide; nil when it is not.
func (b *builder) sibling(n string) (*instance, error) {
	src, err := b.own.src.OpenSibling(n)
	if err != nil {
		return nil, err
	}
	uid, err := series(src)
	if err != nil || uid != b.own.series {
		// Any other file may lie in the folder: that it is no DICOM is no news.
		return nil, src.Close()
	}
	in, err := parseInstance(src, b.codecs)
	if err != nil {
		return nil, errors.Join(err, src.Close())
	}
	return in, nil
}
