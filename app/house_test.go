package app_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// walls says which rooms of the house each room may import. A room may always import its
// own sub-packages; what a sub-package may do is what its room may. ARCHITECTURE.md holds
// the same table for people.
var walls = map[string][]string{
	"assets":     {},
	"tiles":      {},
	"annotate":   {},
	"models":     {},
	"storage":    {"annotate"},
	"viewer":     {"tiles", "annotate"},
	"app":        {"tiles", "annotate", "models", "storage", "assets"},
	"app/window": {"app", "viewer", "tiles", "annotate", "models", "assets"},
	"cmd":        {"app", "app/window", "tiles", "annotate", "models", "storage", "assets"},
}

// outside says where an import from outside may be named: the path's prefix and the
// packages (with what is below them).
var outside = map[string][]string{
	"fyne.io/fyne/v2":                      {"viewer", "app/window", "cmd/coverslip"},
	"fyne.io/fyne/v2/app":                  {"cmd/coverslip"},
	"fyne.io/fyne/v2/driver/gl":            {},
	"github.com/ebitengine/purego":         {"models/onnx", "tiles/native", "tiles/openslidetest"},
	"go.etcd.io/bbolt":                     {"storage"},
	"github.com/peterstace/simplefeatures": {"annotate"},
	"github.com/tidwall/rtree":             {"annotate"},
}

// The budgets of a file and of a function, in lines.
const (
	fileBudget     = 600
	functionBudget = 80
)

// overBudget are the named exceptions, each with its reason.
var overBudget = map[string]string{}

// source is one parsed Go file of the project.
type source struct {
	path  string // from the root, with slashes
	room  string // key of walls
	lines int
	file  *ast.File
	set   *token.FileSet
}

// sources parses every Go file of the project.
func sources(t *testing.T) []source {
	t.Helper()
	root := ".."
	var list []source
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "build" || name == "bin") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		s := source{path: filepath.ToSlash(rel), lines: strings.Count(string(data), "\n"), set: token.NewFileSet()}
		if s.file, err = parser.ParseFile(s.set, path, data, parser.ParseComments); err != nil {
			return err
		}
		s.room = roomOf(s.dir())
		list = append(list, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 20 {
		t.Fatalf("only %d Go files found from %s", len(list), root)
	}
	return list
}

func (s source) dir() string { return filepath.ToSlash(filepath.Dir(s.path)) }

func (s source) test() bool { return strings.HasSuffix(s.path, "_test.go") }

// roomOf is the room that a package of ours belongs to: the longest key of walls that it
// lies in; "" when there is none.
func roomOf(dir string) string {
	best := ""
	for room := range walls {
		if within(dir, room) && len(room) > len(best) {
			best = room
		}
	}
	return best
}

func within(dir, room string) bool { return dir == room || strings.HasPrefix(dir, room+"/") }

func TestHouse_Walls(t *testing.T) {
	for _, s := range sources(t) {
		if s.room == "" {
			t.Errorf("%s lies in no room", s.path)
			continue
		}
		for _, imp := range s.file.Imports {
			ours, ok := strings.CutPrefix(strings.Trim(imp.Path.Value, `"`), "coverslip/")
			if !ok {
				continue
			}
			// A test may use other rooms' fakes, nothing else.
			if s.test() && (within(ours, "models/modeltest") || within(ours, "tiles/slidetest")) {
				continue
			}
			to := roomOf(ours)
			if to != s.room && !slices.Contains(walls[s.room], to) {
				t.Errorf("%s imports coverslip/%s: %s may not know %s", s.path, ours, s.room, to)
			}
		}
	}
}

// Vendors of slide formats never name each other.
func TestHouse_VendorsApart(t *testing.T) {
	vendors := []string{"tiles/aperio", "tiles/generic"}
	for _, s := range sources(t) {
		for _, imp := range s.file.Imports {
			ours := strings.TrimPrefix(strings.Trim(imp.Path.Value, `"`), "coverslip/")
			if slices.Contains(vendors, s.dir()) && slices.Contains(vendors, ours) && ours != s.dir() && !s.test() {
				t.Errorf("%s imports %s: one vendor names another", s.path, ours)
			}
		}
	}
}

func TestHouse_OutsideImports(t *testing.T) {
	for _, s := range sources(t) {
		if s.test() {
			continue
		}
		for _, imp := range s.file.Imports {
			path := strings.Trim(imp.Path.Value, `"`)
			rule := "" // the longest that covers the path
			for prefix := range outside {
				if within(path, prefix) && len(prefix) > len(rule) {
					rule = prefix
				}
			}
			if rule != "" && !slices.ContainsFunc(outside[rule], func(dir string) bool { return within(s.dir(), dir) }) {
				t.Errorf("%s imports %s, which belongs to %v alone", s.path, path, outside[rule])
			}
		}
	}
}

func TestHouse_Budgets(t *testing.T) {
	for _, s := range sources(t) {
		if s.lines > fileBudget && overBudget[s.path] == "" {
			t.Errorf("%s has %d lines, the budget is %d", s.path, s.lines, fileBudget)
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			n := s.set.Position(f.End()).Line - s.set.Position(f.Pos()).Line + 1
			if name := s.path + ":" + f.Name.Name; n > functionBudget && overBudget[name] == "" {
				t.Errorf("%s has %d lines, the budget is %d", name, n, functionBudget)
			}
		}
	}
}

// stated are methods that an interface of the standard library explains already.
var stated = []string{"Error", "Unwrap", "Is", "String", "MarshalText", "UnmarshalText", "MarshalJSON", "UnmarshalJSON"}

// Every exported function, method and type has a comment that begins with its name.
func TestHouse_ExportedNamesExplained(t *testing.T) {
	for _, s := range sources(t) {
		if s.test() {
			continue
		}
		for _, d := range s.file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && exportedReceiver(d) && !(d.Recv != nil && slices.Contains(stated, d.Name.Name)) && !explained(d.Doc, d.Name.Name) {
					t.Errorf("%s: %s needs a comment that begins with its name", s.path, d.Name.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if typ, ok := spec.(*ast.TypeSpec); ok && typ.Name.IsExported() && !explained(d.Doc, typ.Name.Name) && !explained(typ.Doc, typ.Name.Name) {
						t.Errorf("%s: type %s needs a comment that begins with its name", s.path, typ.Name.Name)
					}
				}
			}
		}
	}
}

func exportedReceiver(f *ast.FuncDecl) bool {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return true
	}
	typ := f.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	if generic, ok := typ.(*ast.IndexExpr); ok {
		typ = generic.X
	}
	name, ok := typ.(*ast.Ident)
	return ok && name.IsExported()
}

// explained tells whether the comment's first or second word is the name ("Name …", "A Name …").
func explained(doc *ast.CommentGroup, name string) bool {
	if doc == nil {
		return false
	}
	for i, word := range strings.Fields(doc.Text()) {
		if i < 2 && strings.TrimRight(word, ",.:;") == name {
			return true
		}
	}
	return false
}

// No package is called by what it is not, none registers itself when it is linked, none
// writes a log: messages belong to the programs.
func TestHouse_Manners(t *testing.T) {
	for _, s := range sources(t) {
		if slices.Contains([]string{"utils", "util", "common", "helpers", "misc"}, s.file.Name.Name) {
			t.Errorf("%s: package %s says nothing", s.path, s.file.Name.Name)
		}
		if s.test() {
			continue
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s has an init function", s.path)
			}
		}
		for _, imp := range s.file.Imports {
			if path := strings.Trim(imp.Path.Value, `"`); (path == "log" || path == "log/slog") && s.room != "cmd" && s.room != "app/window" {
				t.Errorf("%s imports %s", s.path, path)
			}
		}
	}
}
