package geojson

import (
	"errors"
	"io"
	"iter"
	"slices"

	"coverslip/annotate"
	"coverslip/annotate/interchange/exchange"
)

// Format is the format as a value, beside Read and Write with QuPath's own
// words.
func Format() exchange.Format {
	return exchange.Format{
		Name: "geojson", Title: "QuPath GeoJSON", Extensions: []string{".geojson", ".json"},
		Line: "QuPath and most tools for slides; holds everything",
		Keeps: exchange.Keeps{
			Point: exchange.Whole, Points: exchange.Whole, Line: exchange.Whole, Rectangle: exchange.Whole, Ellipse: exchange.Whole, Polygon: exchange.Whole,
			Holes: exchange.Whole, Parts: exchange.Whole, Attrs: exchange.All, Near: 0.005,
			Note: "Positions have two decimals, as QuPath's own.",
		},
		Detect: func(h exchange.Head) bool {
			return h.JSON() && (h.Has(`"FeatureCollection"`) || h.Has(`"Feature"`) || h.Has(`"coordinates"`))
		},
		Read: readFormat, Write: writeFormat,
	}
}

func readFormat(in *exchange.Input, o exchange.ReadOptions, b *exchange.Builder) error {
	f, err := Read(in, ReadOptions{Classes: o.Classes, Author: o.Author, At: o.At, NewID: o.NewID, MaxBytes: o.MaxBytes,
		MaxFeatures: o.MaxObjects, Each: b.Take})
	if f != nil {
		b.Report.Skipped, b.Report.Repaired, b.Report.Classes = f.Skipped, f.Repaired, f.Classes
		s := f.Slide
		b.Report.Slide = exchange.Slide{Name: s.Name, Fingerprint: s.Fingerprint, Width: s.Width, Height: s.Height, MPPX: s.MPPX, MPPY: s.MPPY}
		for _, w := range f.Warnings {
			b.Report.Warnings = append(b.Report.Warnings, w.String())
		}
	}
	var own *FormatError
	if errors.As(err, &own) {
		return &exchange.FormatError{Format: "geojson", Offset: own.Offset, What: own.said(), Err: own.Err}
	}
	return err
}

func writeFormat(w io.Writer, objects iter.Seq[*annotate.Object], o exchange.WriteOptions) error {
	s := o.Slide
	return Write(w, slices.Collect(objects), o.Classes, SlideInfo{Name: s.Name, Fingerprint: s.Fingerprint, Width: s.Width, Height: s.Height, MPPX: s.MPPX, MPPY: s.MPPY})
}
