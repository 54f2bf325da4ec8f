package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"coverslip/annotate"
	"coverslip/annotate/interchange"
	"coverslip/annotate/interchange/exchange"
)

// LabelFile is how other programs' annotations come in and go out.
type LabelFile struct {
	Format  string           // name of a format; "" when reading: what recognises the file, when writing: what the path is called
	Answers exchange.Answers // to what an exchange.AskError asked
	// Keep tells which objects are written; nil: all. See LabelsOnly.
	Keep func(*annotate.Object) bool
}

// ImportLabels adds the objects of a file in any format of interchange.Formats
// to a slide, in one edit: all of the file or, when it is damaged, nothing. An
// object whose identifier the slide has already is left out. Classes that the
// palette lacks are added. What the file does not say and a person must is an
// *exchange.AskError; ImportLabels is called again with the answers.
func (s *Session) ImportLabels(ctx context.Context, slide annotate.ID, path string, how LabelFile) (ImportReport, error) {
	item, err := s.Slide(slide)
	if err != nil {
		return ImportReport{}, err
	}
	set, err := s.Objects(slide)
	if err != nil {
		return ImportReport{}, err
	}
	palette := s.Palette()
	edit := annotate.Edit{Slide: slide, Label: "Import " + filepath.Base(path)}
	report := ImportReport{}
	o := exchange.ReadOptions{Classes: palette, Author: s.Author(), At: time.Now().UTC(), Slide: s.exchangeSlide(ctx, item, how.Format, path), Answers: how.Answers}
	got, format, err := interchange.ReadFile(path, how.Format, o, func(o *annotate.Object) error {
		if len(edit.Changes)%1000 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if set.Get(o.ID) != nil {
			report.Skipped++
			return nil
		}
		edit.Changes = append(edit.Changes, annotate.Change{After: o})
		return nil
	})
	if err != nil {
		return ImportReport{}, about("file", path, err)
	}
	report.Format = format.Title
	report.Objects = len(edit.Changes)
	report.Skipped += got.Skipped
	report.Repaired, report.Warnings = got.Repaired, got.Warnings
	if text := otherSlide(got.Slide, item); text != "" {
		report.Warnings = append(report.Warnings, text)
	}
	for _, c := range got.Classes {
		if palette.ByID(c.ID) == nil {
			edit.Classes = append(edit.Classes, annotate.ClassChange{After: &c})
			report.Classes = append(report.Classes, c.Name)
		}
	}
	if len(edit.Changes) == 0 && len(edit.Classes) == 0 {
		return report, nil
	}
	return report, s.Apply(edit)
}

// otherSlide is a warning when a file says it belongs to another slide.
func otherSlide(of exchange.Slide, item SlideItem) string {
	switch {
	case of.Fingerprint != "" && of.Fingerprint != item.Fingerprint:
		return "the file was exported from a slide with other bytes; check that the labels lie where they should"
	case of.Width > 0 && (of.Width != item.Width || of.Height != item.Height):
		return fmt.Sprintf("the file was exported from a slide of %d × %d pixels, this one has %d × %d", of.Width, of.Height, item.Width, item.Height)
	case of.MPPX > 0 && item.MPPX > 0 && (of.MPPX/item.MPPX > 1.02 || item.MPPX/of.MPPX > 1.02):
		return fmt.Sprintf("the file was made at %.4g µm a pixel, this slide has %.4g; check that the labels lie where they should", of.MPPX, item.MPPX)
	}
	return ""
}

// LabelFormat is the format that a path is to be written in: the one of that
// name, or the first that is called so.
func LabelFormat(name, path string) (exchange.Format, error) {
	if name != "" {
		f, ok := interchange.ByName(name)
		switch {
		case !ok:
			return f, fmt.Errorf("unknown format %q; known are %s", name, strings.Join(interchange.Names(true), ", "))
		case f.Write == nil:
			return f, fmt.Errorf("%s is only read, not written", f.Title)
		}
		return f, nil
	}
	for _, f := range interchange.Formats() {
		if f.Write != nil && f.Named(path) {
			return f, nil
		}
	}
	return exchange.Format{}, fmt.Errorf("the name of %s does not tell its format; known are %s", filepath.Base(path), strings.Join(interchange.Names(true), ", "))
}

// LabelLosses is what a file of a format would not hold of a slide's objects, to
// be told before it is written.
func (s *Session) LabelLosses(slide annotate.ID, format exchange.Format, keep func(*annotate.Object) bool) ([]exchange.Loss, error) {
	objects, err := s.exported(slide, keep)
	if err != nil {
		return nil, err
	}
	return interchange.Losses(format, slices.Values(objects)), nil
}

// exported is the objects of a slide that are written, by identifier, so that the
// same objects give the same file.
func (s *Session) exported(slide annotate.ID, keep func(*annotate.Object) bool) ([]*annotate.Object, error) {
	set, err := s.Objects(slide)
	if err != nil {
		return nil, err
	}
	var objects []*annotate.Object
	set.All(func(o *annotate.Object) bool {
		if keep == nil || keep(o) {
			objects = append(objects, o)
		}
		return true
	})
	slices.SortFunc(objects, func(a, b *annotate.Object) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return objects, nil
}

// ExportLabels writes objects of a slide into a file of any format that can be
// written; the file appears whole or not at all, and is packed when it is called
// .gz. It answers how many objects are in the file; what the format cannot hold
// LabelLosses tells before.
func (s *Session) ExportLabels(ctx context.Context, slide annotate.ID, path string, how LabelFile) (int, error) {
	format, err := LabelFormat(how.Format, path)
	if err != nil {
		return 0, about("file", path, err)
	}
	item, err := s.Slide(slide)
	if err != nil {
		return 0, err
	}
	objects, err := s.exported(slide, how.Keep)
	if err != nil {
		return 0, err
	}
	o := exchange.WriteOptions{Classes: s.Palette(), Slide: s.exchangeSlide(ctx, item, format.Name, path), Answers: how.Answers, At: time.Now().UTC()}
	err = WriteFile(path, func(w io.Writer) error {
		return interchange.WritePacked(w, path, format, slices.Values(objects), o)
	})
	n := 0
	for _, obj := range objects {
		if len(format.Keeps.Kept(obj)) > 0 {
			n++
		}
	}
	return n, about("file", path, err)
}

// exchangeSlide is what formats may need of a slide. What only the slide's own
// file says is read from it, for formats that need it, when it is there.
func (s *Session) exchangeSlide(ctx context.Context, item SlideItem, format, path string) exchange.Slide {
	e := exchange.Slide{Name: item.Name, Fingerprint: item.Fingerprint, Width: item.Width, Height: item.Height, MPPX: item.MPPX, MPPY: item.MPPY}
	if format == "" {
		format = formatOf(path)
	}
	if format != "ndpa" && !strings.HasPrefix(format, "dicom") {
		return e
	}
	t, _, err := s.find(ctx, item.Slide)
	if err != nil {
		return e // the format asks for what it lacks
	}
	defer t.Close()
	p := t.Info().Properties
	x, errX := strconv.ParseFloat(p["hamamatsu.XOffsetFromSlideCentre"], 64)
	y, errY := strconv.ParseFloat(p["hamamatsu.YOffsetFromSlideCentre"], 64)
	if errX == nil && errY == nil {
		e.CentreX, e.CentreY, e.HasCentre = x, y, true
	}
	e.DICOM = exchange.DICOMImage{StudyUID: p["dicom.StudyInstanceUID"], SeriesUID: p["dicom.SeriesInstanceUID"], FrameUID: p["dicom.FrameOfReferenceUID"],
		ClassUID: p["dicom.SOPClassUID"], InstanceUID: p["dicom.SOPInstanceUID"], ContainerID: p["dicom.ContainerIdentifier"]}
	return e
}

// formatOf is the name of the format of a file that is there; "" when it cannot
// be told.
func formatOf(path string) string {
	f, err := detectLabels(path)
	if err != nil {
		return ""
	}
	return f.Name
}

// detectLabels finds out the format of a file by its first bytes.
func detectLabels(path string) (exchange.Format, error) {
	file, err := os.Open(path)
	if err != nil {
		return exchange.Format{}, err
	}
	defer file.Close()
	in, err := exchange.Open(file, 1<<20)
	if err != nil {
		return exchange.Format{}, err
	}
	return interchange.Detect(exchange.Head{Name: filepath.Base(path), Bytes: in.Head()})
}

// AsksFor are the questions in an error of ImportLabels or ExportLabels; nil when
// it is another error.
func AsksFor(err error) []exchange.Question {
	var ask *exchange.AskError
	if errors.As(err, &ask) {
		return ask.Questions
	}
	return nil
}
