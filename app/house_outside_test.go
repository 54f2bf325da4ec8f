package app

import (
	"slices"
	"strings"
	"testing"
)

// outside says where an import from outside may be named: the path's prefix and
// the folders (with what lies below them). The longest prefix counts.
var outside = map[string][]string{
	"go.etcd.io/bbolt":                     {"storage"},
	"github.com/peterstace/simplefeatures": {"annotate"},
	"github.com/tidwall/rtree":             {"annotate"},
	"gonum.org/v1/gonum":                   {"models/learn"},
}

func TestHouse_OutsideImports(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, imp := range s.file.Imports {
			name := strings.Trim(imp.Path.Value, `"`)
			for prefix, homes := range outside {
				if within(name, prefix) && !withinAny(s.dir, homes) {
					t.Errorf("%s imports %s, which belongs to %v alone", s.path, name, homes)
				}
			}
		}
	}
}

// Vendors of slide formats never name each other.
func TestHouse_VendorsApart(t *testing.T) {
	vendors := []string{"tiles/aperio", "tiles/czi", "tiles/deepzoom", "tiles/zarr", "tiles/dicom", "tiles/generic", "tiles/hamamatsu", "tiles/leica", "tiles/philips", "tiles/trestle", "tiles/ome"}
	for _, s := range sources(t) {
		for _, imp := range s.file.Imports {
			ours := strings.TrimPrefix(strings.Trim(imp.Path.Value, `"`), "coverslip/")
			if slices.Contains(vendors, s.dir) && slices.Contains(vendors, ours) && ours != s.dir && !s.test {
				t.Errorf("%s imports %s: one vendor names another", s.path, ours)
			}
		}
	}
}
