// Package interchange is the one door to other programs' annotations: the
// ordered list of formats, finding out what a file is, reading it as a stream
// and writing it with what it cannot hold told before.
package interchange

import (
	"archive/zip"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"coverslip/annotate"
	"coverslip/annotate/interchange/asap"
	"coverslip/annotate/interchange/coco"
	"coverslip/annotate/interchange/csvpoints"
	"coverslip/annotate/interchange/cvat"
	"coverslip/annotate/interchange/cytomine"
	"coverslip/annotate/interchange/darwin"
	"coverslip/annotate/interchange/dicom"
	"coverslip/annotate/interchange/exchange"
	"coverslip/annotate/interchange/geojson"
	"coverslip/annotate/interchange/histomicsui"
	"coverslip/annotate/interchange/hovernet"
	"coverslip/annotate/interchange/imagescope"
	"coverslip/annotate/interchange/labelme"
	"coverslip/annotate/interchange/labelstudio"
	"coverslip/annotate/interchange/ndpa"
	"coverslip/annotate/interchange/omexml"
	"coverslip/annotate/interchange/sectra"
	"coverslip/annotate/interchange/sedeen"
	"coverslip/annotate/interchange/voc"
	"coverslip/annotate/interchange/yolo"
)

// Formats is every format, in the order in which they are shown and asked; the
// most particular first where two could claim a file.
func Formats() []exchange.Format {
	return []exchange.Format{
		geojson.Format(),
		asap.Format(),
		imagescope.Format(),
		ndpa.Format(),
		histomicsui.Format(),
		coco.Format(),
		labelstudio.Format(),
		cvat.Format(),
		labelme.Format(),
		yolo.Boxes(),
		yolo.Outlines(),
		voc.Format(),
		cytomine.Format(),
		sectra.Format(),
		sedeen.Format(),
		hovernet.Format(),
		darwin.Format(),
		omexml.Format(),
		dicom.Annotations(),
		dicom.Segmentations(),
		dicom.Reports(),
		csvpoints.Format(),
	}
}

// ByName is the format of that name; false when there is none.
func ByName(name string) (exchange.Format, bool) {
	for _, f := range Formats() {
		if f.Name == name {
			return f, true
		}
	}
	return exchange.Format{}, false
}

// Names are the names of all formats that can be read, or of those that can be
// written.
func Names(written bool) []string {
	var out []string
	for _, f := range Formats() {
		if written && f.Write != nil || !written && f.Read != nil {
			out = append(out, f.Name)
		}
	}
	return out
}

// ErrUnknown: no format recognises the file.
var ErrUnknown = errors.New("no format of annotations recognises the file")

// Detect is the format of a file by its head; ErrUnknown when no format takes
// it.
func Detect(h exchange.Head) (exchange.Format, error) {
	var found []exchange.Format
	for _, f := range Formats() {
		if f.Detect(h) {
			found = append(found, f)
		}
	}
	if len(found) == 0 {
		// A damaged file is told by its name, so that it is said where it broke.
		for _, f := range Formats() {
			if strings.HasSuffix(strings.TrimSuffix(strings.ToLower(h.Name), ".gz"), f.Extensions[0]) {
				found = append(found, f)
			}
		}
		if len(found) == 1 {
			return found[0], nil
		}
		return exchange.Format{}, fmt.Errorf("%s: %w", h.Name, ErrUnknown)
	}
	// Of two that take the content, the name decides.
	for _, f := range found {
		if f.Named(h.Name) {
			return f, nil
		}
	}
	return found[0], nil
}

// Named tells whether a file is called as files of annotations are. Endings that
// other files have, too (.txt, .dcm), are not enough.
func Named(path string) bool {
	low := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(path), ".gz"), ".zip")
	if strings.HasSuffix(low, ".txt") || strings.HasSuffix(low, ".dcm") || low == "" {
		return false
	}
	for _, f := range Formats() {
		if f.Named(low) {
			return true
		}
	}
	return false
}

// maxBytes is the most that is read of an unpacked file.
const maxBytes = 4 << 30

// ReadFile reads a file, packed by gzip or in a zip archive or not, in the format
// of that name or, when it is "", in the one that recognises it. Every object is
// handed to take; when the file turns out damaged, the error says where, and what
// was handed on before must not be used. It answers the format that was read.
func ReadFile(path, format string, o exchange.ReadOptions, take func(*annotate.Object) error) (exchange.Report, exchange.Format, error) {
	file, err := os.Open(path)
	if err != nil {
		return exchange.Report{}, exchange.Format{}, err
	}
	defer file.Close()
	var magic [4]byte
	n, err := file.ReadAt(magic[:], 0)
	if err != nil && err != io.EOF {
		return exchange.Report{}, exchange.Format{}, err
	}
	if string(magic[:n]) != "PK\x03\x04" {
		return Read(file, filepath.Base(path), format, o, take)
	}
	return readZip(file, format, o, take)
}

// readZip reads the one file of annotations in an archive.
func readZip(file *os.File, format string, o exchange.ReadOptions, take func(*annotate.Object) error) (exchange.Report, exchange.Format, error) {
	fail := func(err error) (exchange.Report, exchange.Format, error) {
		return exchange.Report{}, exchange.Format{}, err
	}
	damaged := func(what string, err error) error {
		return &exchange.FormatError{Format: "zip", Offset: -1, What: what, Err: err}
	}
	st, err := file.Stat()
	if err != nil {
		return fail(err)
	}
	z, err := zip.NewReader(file, st.Size())
	if err != nil {
		return fail(damaged("the archive is damaged", err))
	}
	var names []string
	var one *zip.File
	for _, e := range z.File {
		if e.FileInfo().IsDir() || strings.HasPrefix(e.Name, "__MACOSX/") || !Named(e.Name) {
			continue
		}
		names = append(names, e.Name)
		if one == nil || o.Answers["entry"] == e.Name {
			one = e
		}
	}
	switch {
	case one == nil:
		return fail(damaged("the archive holds no file of annotations", nil))
	case len(names) > 1 && o.Answers["entry"] != one.Name:
		return fail(exchange.Ask("zip", exchange.Question{Key: "entry", Text: "The archive holds several files; which of them?", Choices: names[:min(50, len(names))]}))
	case one.UncompressedSize64 > 200*max(one.CompressedSize64, 8<<10):
		return fail(damaged("the archive cannot be read safely", exchange.ErrBomb))
	}
	r, err := one.Open()
	if err != nil {
		return fail(damaged("the archive is damaged", err))
	}
	defer r.Close()
	return Read(r, filepath.Base(one.Name), format, o, take)
}

// Read is ReadFile of a stream that is no zip archive; name is what the file is
// called, which helps to recognise it.
func Read(r io.Reader, name, format string, o exchange.ReadOptions, take func(*annotate.Object) error) (exchange.Report, exchange.Format, error) {
	if o.MaxBytes == 0 {
		o.MaxBytes = maxBytes
	}
	var none exchange.Report
	in, err := exchange.Open(r, o.MaxBytes)
	if err != nil {
		return none, exchange.Format{}, err
	}
	f, ok := ByName(format)
	switch {
	case format == "":
		if f, err = Detect(exchange.Head{Name: name, Bytes: in.Head()}); err != nil {
			return none, f, err
		}
	case !ok:
		return none, f, fmt.Errorf("unknown format %q; known are %s", format, strings.Join(Names(false), ", "))
	}
	if len(in.Head()) == 0 {
		return none, f, &exchange.FormatError{Format: f.Name, Offset: 0, What: "the file is empty"}
	}
	b := exchange.NewBuilder(f.Name, o, take)
	err = f.Read(in, o, b)
	if errors.Is(err, exchange.ErrObjects) || errors.Is(err, exchange.ErrVertices) {
		err = &exchange.FormatError{Format: f.Name, Offset: -1, What: "the file is too large to be read safely", Err: err}
	}
	return b.Report, f, err
}

// Write writes objects in a format, each as the format can hold it.
func Write(w io.Writer, f exchange.Format, objects iter.Seq[*annotate.Object], o exchange.WriteOptions) error {
	if f.Write == nil {
		return fmt.Errorf("%s is only read, not written", f.Title)
	}
	kept := func(yield func(*annotate.Object) bool) {
		for obj := range objects {
			for _, k := range f.Keeps.Kept(obj) {
				if !yield(k) {
					return
				}
			}
		}
	}
	return f.Write(w, kept, o)
}

// WritePacked is Write, through gzip when the file is called .gz.
func WritePacked(w io.Writer, path string, f exchange.Format, objects iter.Seq[*annotate.Object], o exchange.WriteOptions) error {
	if !strings.HasSuffix(strings.ToLower(path), ".gz") {
		return Write(w, f, objects, o)
	}
	z := gzip.NewWriter(w)
	if err := Write(z, f, objects, o); err != nil {
		return err
	}
	return z.Close()
}

// Losses is what a file of the format would not hold of the objects, the worst
// first, and the format's own remark.
func Losses(f exchange.Format, objects iter.Seq[*annotate.Object]) []exchange.Loss {
	t := exchange.NewTally(f.Keeps)
	for o := range objects {
		t.Add(o)
	}
	losses := t.Losses()
	if f.Keeps.Note != "" {
		losses = append(losses, exchange.Loss{Text: f.Keeps.Note})
	}
	return slices.Clip(losses)
}
