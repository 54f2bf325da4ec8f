package app

import (
	"context"
	"io"
	"os"

	"coverslip/annotate"
	"coverslip/annotate/interchange/geojson"
)

// ImportReport says what an import brought.
type ImportReport struct {
	Format   string   // of the file, for people: "ASAP XML"
	Objects  int      // objects added
	Skipped  int      // objects left out: on the slide already, or not usable
	Repaired int      // objects whose shape was mended
	Classes  []string // names of classes added to the palette
	Warnings []string // what was found odd
}

// ImportGeoJSON is ImportLabels of a GeoJSON file.
func (s *Session) ImportGeoJSON(slide annotate.ID, path string) (ImportReport, error) {
	return s.ImportLabels(context.Background(), slide, path, LabelFile{Format: "geojson"})
}

// readGeoJSON reads a file whole or not at all.
func readGeoJSON(path string, o geojson.ReadOptions) (*geojson.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, about("file", path, err)
	}
	defer f.Close()
	file, err := geojson.Read(f, o)
	if err != nil {
		return nil, about("file", path, err)
	}
	return file, nil
}

// ReadTruth reads the areas of a GeoJSON file as annotations, without a
// project. Classes are matched with those of p by name; objects of a class that
// p lacks say nothing about its classes and are left out.
func ReadTruth(path string, p annotate.Palette) (*annotate.Set, error) {
	file, err := readGeoJSON(path, geojson.ReadOptions{Classes: p})
	if err != nil {
		return nil, err
	}
	var objects []*annotate.Object
	for _, o := range file.Objects {
		if p.ByID(o.Class) == nil || !o.ROI.IsArea() {
			continue
		}
		c := *o
		c.Kind, c.Review = annotate.Annotation, annotate.Review{}
		objects = append(objects, &c)
	}
	return annotate.NewSet(objects), nil
}

// WriteGeoJSON writes the labels of a slide, its undecided suggestions and its
// rejected detections as GeoJSON by QuPath's rules; see LabelsOnly.
func (s *Session) WriteGeoJSON(w io.Writer, slide annotate.ID, keep func(*annotate.Object) bool) (n int, err error) {
	item, err := s.Slide(slide)
	if err != nil {
		return 0, err
	}
	set, err := s.Objects(slide)
	if err != nil {
		return 0, err
	}
	var objects []*annotate.Object
	set.All(func(o *annotate.Object) bool {
		if keep == nil || keep(o) {
			objects = append(objects, o)
		}
		return true
	})
	return len(objects), geojson.Write(w, objects, s.Palette(), slideInfo(item))
}

// LabelsOnly keeps what a person drew or took over.
func LabelsOnly(o *annotate.Object) bool { return o.IsLabel() }

// ExportGeoJSON writes the labels of a slide into a file, which appears whole
// or not at all.
func (s *Session) ExportGeoJSON(slide annotate.ID, path string, keep func(*annotate.Object) bool) (n int, err error) {
	err = WriteFile(path, func(w io.Writer) error {
		n, err = s.WriteGeoJSON(w, slide, keep)
		return err
	})
	return n, err
}
