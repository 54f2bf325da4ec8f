package app

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"coverslip/annotate"
	"coverslip/annotate/interchange/geojson"
)

// ImportReport says what an import brought.
type ImportReport struct {
	Objects  int      // objects added
	Skipped  int      // objects left out because they are on the slide already
	Classes  []string // names of classes added to the palette
	Warnings []string // what the reader found odd
}

// ImportGeoJSON adds the objects of a GeoJSON file to a slide, in one edit. An
// object whose identifier the slide has already is left out. Classes that the
// palette lacks are added to it.
func (s *Session) ImportGeoJSON(slide annotate.ID, path string) (ImportReport, error) {
	f, err := os.Open(path)
	if err != nil {
		return ImportReport{}, err
	}
	defer f.Close()
	file, err := geojson.Read(f, geojson.ReadOptions{})
	if err != nil {
		return ImportReport{}, fmt.Errorf("%s: %w", path, err)
	}
	set, err := s.Objects(slide)
	if err != nil {
		return ImportReport{}, err
	}
	report := ImportReport{Warnings: file.Warnings}
	edit := annotate.Edit{Slide: slide, Label: "Import " + filepath.Base(path)}
	ids := s.adopt(file.Classes, &edit, &report)
	now, who := time.Now().UTC(), s.Author()
	for _, o := range file.Objects {
		if set.Get(o.ID) != nil {
			report.Skipped++
			continue
		}
		c := *o
		c.Class = ids[o.Class]
		if c.Created.IsZero() {
			c.Created = now
		}
		c.Changed = now
		if c.By.Author == "" {
			c.By.Author = who
		}
		if c.By.Method == "" {
			c.By.Method = "import:geojson"
		}
		edit.Changes = append(edit.Changes, annotate.Change{After: &c})
		report.Objects++
	}
	return report, s.Apply(edit)
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

// adopt maps the classes of a file to those of the palette, by name, and adds
// to the edit those that the palette lacks.
func (s *Session) adopt(classes []annotate.Class, edit *annotate.Edit, report *ImportReport) map[annotate.ID]annotate.ID {
	palette, ids := s.Palette(), map[annotate.ID]annotate.ID{}
	for _, c := range classes {
		if have := palette.ByName(c.Name); have != nil {
			ids[c.ID] = have.ID
			continue
		}
		added := c
		added.Key = ""
		edit.Classes = append(edit.Classes, annotate.ClassChange{After: &added})
		report.Classes = append(report.Classes, c.Name)
		ids[c.ID] = c.ID
	}
	return ids
}
