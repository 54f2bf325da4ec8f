package app

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func paper(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// keyTable is the table of commands as the user guide prints it, keys by the words on them.
func keyTable() string {
	words := strings.NewReplacer("Next", "Page Down", "Prior", "Page Up", "BackSpace", "Backspace", "Escape", "Esc")
	var b strings.Builder
	b.WriteString("| key | does |\n|---|---|\n| `1` … `9` | class of the selection, or of what is drawn next |\n")
	for _, c := range NewCommands().All() {
		if c.Key == "" || c.Hidden {
			continue
		}
		keys := "`" + c.Key + "`"
		if c.AltKey != "" {
			keys += ", `" + c.AltKey + "`"
		}
		fmt.Fprintf(&b, "| %s | %s |\n", words.Replace(keys), strings.TrimSuffix(c.Title, "…"))
	}
	return b.String()
}

// TestPapers_Keys holds the guide's table of keys to the table of commands.
func TestPapers_Keys(t *testing.T) {
	if want := keyTable(); !strings.Contains(paper(t, "docs/guide.md"), want) {
		t.Errorf("docs/guide.md lacks this table of keys, word for word:\n%s", want)
	}
}

// TestPapers_Version holds the version of the packages to the program's.
func TestPapers_Version(t *testing.T) {
	if want := fmt.Sprintf("Version = %q", Version); !strings.Contains(paper(t, "FyneApp.toml"), want) {
		t.Errorf("FyneApp.toml lacks %s", want)
	}
	if want := "## " + Version; !strings.Contains(paper(t, "CHANGELOG.md"), want) {
		t.Errorf("CHANGELOG.md has no section %q", want)
	}
}

// TestPapers_Rooms holds ARCHITECTURE's list of rooms to the folders that hold packages.
func TestPapers_Rooms(t *testing.T) {
	text := paper(t, "ARCHITECTURE.md")
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.IsDir() {
			return nil
		}
		name := d.Name()
		if path != ".." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "build" || name == "bin" || name == "out") {
			return fs.SkipDir
		}
		files, err := filepath.Glob(filepath.Join(path, "*.go"))
		if err != nil || len(files) == 0 {
			return err
		}
		room, err := filepath.Rel("..", path)
		if err != nil {
			return err
		}
		room = filepath.ToSlash(room)
		// A family such as tiles/native/… has one line.
		family := filepath.ToSlash(filepath.Dir(room)) + "/…"
		if !strings.Contains(text, "`"+room+"`") && !strings.Contains(text, "`"+family+"`") {
			t.Errorf("ARCHITECTURE.md has no line for the room %s", room)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestPapers_TopLevel keeps the top of the project what ARCHITECTURE says it is: what is
// under version control there, not what lies about.
func TestPapers_TopLevel(t *testing.T) {
	known := strings.Fields(`app viewer tiles annotate models storage assets cmd tools docs go.mod go.sum FyneApp.toml
		README.md ARCHITECTURE.md CONTRIBUTING.md CHANGELOG.md LICENSE Makefile .ci .gitignore`)
	out, err := exec.Command("git", "-C", "..", "ls-files").Output()
	if err != nil {
		t.Skip("no git, or no repository, to ask")
	}
	seen := map[string]bool{}
	for _, path := range strings.Fields(string(out)) {
		top, _, _ := strings.Cut(path, "/")
		if !seen[top] && !slices.Contains(known, top) {
			t.Errorf("%s is no part of the project's top level", top)
		}
		seen[top] = true
	}
}

var link = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)

// TestPapers_Links follows the links from paper to paper.
func TestPapers_Links(t *testing.T) {
	var papers []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/decisions/*.md"} {
		found, err := filepath.Glob(filepath.Join("..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		papers = append(papers, found...)
	}
	if len(papers) < 8 {
		t.Fatalf("only %d papers found: %v", len(papers), papers)
	}
	for _, p := range papers {
		data, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(data), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(p), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", p, m[1], err)
			}
		}
	}
}
