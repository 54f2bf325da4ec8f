package app

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// The house: who may know whom. A sub-package follows its tree; the longest
// name in the table counts.
var floors = map[string][]string{
	"assets":           {},
	"tiles":            {},
	"annotate":         {},
	"models":           {},
	"storage":          {"annotate"},
	"viewer":           {"tiles", "annotate"},
	"app":              {"tiles", "annotate", "models", "storage", "assets"},
	"app/window":       {"app", "viewer", "tiles", "annotate", "models", "assets"},
	"cmd/coverslip":    {"app", "app/window", "tiles", "annotate", "models", "storage", "assets"},
	"cmd/coverslipctl": {"app", "tiles", "annotate", "models", "storage", "assets"},
	"tools":            {"tiles", "models", "assets"}, // what is run to make things, never by the program
}

// Trees that may know Fyne, and the one that may link the window system.
var (
	knowFyne     = []string{"viewer", "app/window", "cmd/coverslip"}
	linkWindows  = []string{"cmd/coverslip"}
	windowSystem = []string{"fyne.io/fyne/v2/app", "fyne.io/fyne/v2/driver/desktop/glfw", "github.com/go-gl/"}
)

// Packages that may call native libraries: one a library.
var nativeHomes = []string{"models/onnx", "tiles/openslide", "tiles/openslidetest", "tiles/native"}

// Standard packages that only some may import, outside tests: the program never
// goes online or starts another one behind the user's back, and lower floors
// report errors instead of logging.
var restricted = map[string][]string{
	"net":      {"models/runtimes", "cmd/coverslip/pinch"}, // pinch: the X server of this machine, by its Unix socket
	"net/http": {"models/runtimes", "tiles/remote"},
	// the program itself: models run in it, and a damaged project is checked and repaired in it, which it may end
	"os/exec":   {"models/worker", "app", "cmd/coverslipctl"},
	"log":       {"cmd"},
	"log/slog":  {"cmd"},
	"unsafe":    {"models/onnx", "tiles/native", "tiles/openslide", "viewer"}, // viewer: sets the size of a picture without a new upload
	"plugin":    {},
	"C":         {"cmd/coverslip"}, // which links C with the window system
	"io/ioutil": {},
}

// Packages for tests alone.
var testOnly = []string{"coverslip/models/modeltest", "coverslip/tiles/slidetest", "coverslip/viewer/goldentest", "testing"}

const (
	maxFileLines = 600
	maxFuncLines = 80
)

// Exceptions by "file" or "file:function", each with its reason.
var exceptions = map[string]string{}

// source is one parsed file.
type source struct {
	path string // from the root, with forward slashes
	dir  string // of it
	test bool
	file *ast.File
	set  *token.FileSet
	text string
}

func (s source) line(p token.Pos) int { return s.set.Position(p).Line }

// room is the row of the table a folder falls under; "" for none.
func room(dir string) string {
	best := ""
	for name := range floors {
		if within(dir, name) && len(name) > len(best) {
			best = name
		}
	}
	return best
}

// within tells whether a folder is the tree or lies in it.
func within(dir, tree string) bool {
	return dir == tree || strings.HasPrefix(dir, tree+"/")
}

func withinAny(dir string, trees []string) bool {
	return slices.ContainsFunc(trees, func(tree string) bool { return within(dir, tree) })
}

// root finds the folder of go.mod.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = parent
	}
}

// sources gives every Go file of the project, parsed once for all tests.
func sources(t *testing.T) []source {
	t.Helper()
	parseOnce.Do(func() { parsed = parseAll(t) })
	if len(parsed) < 50 {
		t.Fatalf("only %d Go files were found", len(parsed))
	}
	return parsed
}

var (
	parseOnce sync.Once
	parsed    []source
)

func parseAll(t *testing.T) []source {
	t.Helper()
	top := root(t)
	var all []source
	err := filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(strings.TrimPrefix(strings.TrimPrefix(p, top), string(filepath.Separator)))
		if d.IsDir() {
			if rel != "" && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "shared" || d.Name() == "build") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, p, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		all = append(all, source{rel, path.Dir(rel), strings.HasSuffix(p, "_test.go"), f, set, string(text)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestHouse_Imports(t *testing.T) {
	for _, s := range sources(t) {
		from := room(s.dir)
		if from == "" {
			t.Errorf("%s: the folder is in no row of the house's table", s.path)
			continue
		}
		for _, spec := range s.file.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if why := forbidden(s, from, imp); why != "" {
				t.Errorf("%s:%d: imports %s: %s", s.path, s.line(spec.Pos()), imp, why)
			}
		}
	}
}

// helpsTests tells whether a package is there for tests alone.
func helpsTests(dir string) bool {
	base := path.Base(dir)
	return strings.HasSuffix(base, "test") || base == "e2e"
}

// forbidden is why a file of a room may not import a package; "" when it may.
func forbidden(s source, from, imp string) string {
	if own, ok := strings.CutPrefix(imp, "coverslip/"); ok {
		to := room(own)
		if to != from && !slices.Contains(floors[from], to) {
			return from + " may not know " + to
		}
	}
	if !s.test && !helpsTests(s.dir) {
		if slices.Contains(testOnly, imp) {
			return "for tests alone"
		}
		if homes, ok := restricted[imp]; ok && !withinAny(s.dir, homes) {
			return "only allowed in " + strings.Join(homes, ", ")
		}
	}
	if strings.HasPrefix(imp, "fyne.io/") && !withinAny(s.dir, knowFyne) {
		return "only viewer and app/window know Fyne"
	}
	for _, w := range windowSystem {
		if strings.HasPrefix(imp+"/", w+"/") || strings.HasSuffix(w, "/") && strings.HasPrefix(imp, w) {
			if !withinAny(s.dir, linkWindows) {
				return "only cmd/coverslip links the window system"
			}
		}
	}
	if strings.HasPrefix(imp, "github.com/ebitengine/purego") && !withinAny(s.dir, nativeHomes) {
		return "native libraries have one home each: " + strings.Join(nativeHomes, ", ")
	}
	if base := path.Base(imp); base == "utils" || base == "util" || base == "helpers" || base == "common" {
		return "say what the package is about"
	}
	return ""
}

func TestHouse_Budgets(t *testing.T) {
	used := map[string]bool{}
	allowed := func(name string) bool {
		_, ok := exceptions[name]
		used[name] = used[name] || ok
		return ok
	}
	for _, s := range sources(t) {
		if lines := strings.Count(s.text, "\n"); lines > maxFileLines && !allowed(s.path) {
			t.Errorf("%s: %d lines, at most %d", s.path, lines, maxFileLines)
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if lines := s.line(f.End()) - s.line(f.Pos()) + 1; lines > maxFuncLines && !allowed(s.path+":"+f.Name.Name) {
				t.Errorf("%s:%d: %s has %d lines, at most %d", s.path, s.line(f.Pos()), f.Name.Name, lines, maxFuncLines)
			}
			if f.Name.Name == "init" && f.Recv == nil {
				t.Errorf("%s:%d: init() hides what starts when", s.path, s.line(f.Pos()))
			}
		}
	}
	for name := range exceptions {
		if !used[name] {
			t.Errorf("the exception for %s is not needed any more", name)
		}
	}
}

func TestHouse_ExportedNamesAreDocumented(t *testing.T) {
	documented := map[string]bool{} // packages with a comment
	seen := map[string]bool{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		seen[s.dir] = true
		if s.file.Doc != nil {
			documented[s.dir] = true
		}
		for _, d := range s.file.Decls {
			for _, name := range undocumented(d) {
				t.Errorf("%s:%d: exported %s has no comment", s.path, s.line(d.Pos()), name)
			}
		}
	}
	for dir := range seen {
		if !documented[dir] {
			t.Errorf("%s: the package has no comment", dir)
		}
	}
}

// speakForThemselves are methods whose name is a standard interface's.
var speakForThemselves = []string{"Error", "Unwrap", "String", "Is", "As", "Len", "Less", "Swap",
	"Read", "Write", "Close", "ReadAt", "Seek", "MarshalText", "UnmarshalText", "MarshalJSON", "UnmarshalJSON"}

// undocumented lists the exported names of a declaration without a comment.
func undocumented(d ast.Decl) []string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if !d.Name.IsExported() || d.Doc != nil {
			return nil
		}
		if d.Recv != nil && (!exportedReceiver(d) || slices.Contains(speakForThemselves, d.Name.Name)) {
			return nil
		}
		return []string{d.Name.Name}
	case *ast.GenDecl:
		return undocumentedSpecs(d)
	}
	return nil
}

func undocumentedSpecs(d *ast.GenDecl) []string {
	var names []string
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if spec.Name.IsExported() && d.Doc == nil && spec.Doc == nil && spec.Comment == nil {
				names = append(names, spec.Name.Name)
			}
		case *ast.ValueSpec:
			for _, n := range spec.Names {
				if n.IsExported() && d.Doc == nil && spec.Doc == nil && spec.Comment == nil {
					names = append(names, n.Name)
				}
			}
		}
	}
	return names
}

// exportedReceiver tells whether a method hangs on an exported type.
func exportedReceiver(d *ast.FuncDecl) bool {
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}

// The walls must be able to fail.
func TestHouse_WallsHold(t *testing.T) {
	cases := []struct {
		dir  string
		test bool
		imp  string
		ok   bool
	}{
		{"tiles/aperio", false, "coverslip/tiles/tiff", true},
		{"tiles/aperio", false, "coverslip/annotate", false},
		{"annotate", false, "coverslip/storage", false},
		{"storage", false, "coverslip/annotate", true},
		{"storage", false, "coverslip/tiles", false},
		{"viewer", false, "fyne.io/fyne/v2", true},
		{"viewer", false, "coverslip/storage", false},
		{"viewer", false, "fyne.io/fyne/v2/app", false},
		{"app", false, "fyne.io/fyne/v2", false},
		{"app", false, "coverslip/app/window", false},
		{"app", false, "coverslip/models/modeltest", false},
		{"app", true, "coverslip/models/modeltest", true},
		{"app/window", false, "coverslip/storage", false},
		{"app/window", false, "coverslip/app", true},
		{"cmd/coverslip", false, "fyne.io/fyne/v2/app", true},
		{"cmd/coverslipctl", false, "coverslip/app/window", false},
		{"cmd/coverslipctl", false, "fyne.io/fyne/v2", false},
		{"models/onnx", false, "github.com/ebitengine/purego", true},
		{"models/vit", false, "github.com/ebitengine/purego", false},
		{"tiles", false, "net/http", false},
		{"storage", false, "log", false},
		{"app", false, "coverslip/utils", false},
	}
	for _, c := range cases {
		why := forbidden(source{dir: c.dir, test: c.test}, room(c.dir), c.imp)
		if (why == "") != c.ok {
			t.Errorf("%s imports %s: %q", c.dir, c.imp, why)
		}
	}
}

// The version stands in the code and in the packages' description alike.
func TestHouse_VersionsAgree(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(root(t), "FyneApp.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "Version = \"" + Version + "\""; !strings.Contains(string(b), want) {
		t.Errorf("FyneApp.toml lacks %s", want)
	}
}
