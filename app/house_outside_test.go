package app

import (
	"go/ast"
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
	vendors := readerRooms(t)
	if len(vendors) < 10 {
		t.Fatalf("only %d readers found: %v", len(vendors), vendors)
	}
	for _, s := range sources(t) {
		for _, imp := range s.file.Imports {
			ours := strings.TrimPrefix(strings.Trim(imp.Path.Value, `"`), "coverslip/")
			if slices.Contains(vendors, s.dir) && slices.Contains(vendors, ours) && ours != s.dir && !s.test {
				t.Errorf("%s imports %s: one vendor names another", s.path, ours)
			}
		}
	}
}

// readerRooms is the rooms that export a reader of slides: a function that returns a
// tiles.Format.
func readerRooms(t *testing.T) []string {
	var rooms []string
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if s.test || !ok || f.Recv != nil || !f.Name.IsExported() || f.Type.Results == nil || slices.Contains(rooms, s.dir) {
				continue
			}
			if r, ok := f.Type.Results.List[0].Type.(*ast.SelectorExpr); ok && r.Sel.Name == "Format" {
				if x, ok := r.X.(*ast.Ident); ok && x.Name == "tiles" {
					rooms = append(rooms, s.dir)
				}
			}
		}
	}
	return rooms
}
