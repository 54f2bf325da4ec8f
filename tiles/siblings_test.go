package tiles

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestSource_Siblings(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "slide")
	for _, d := range []string{dir, filepath.Join(dir, "folder")} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []string{filepath.Join(root, "secret"), filepath.Join(dir, "a"), filepath.Join(dir, "b")} {
		if err := os.WriteFile(p, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"in": "b", "out": filepath.Join("..", "secret")} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Skip("no symbolic links here:", err)
		}
	}
	s, err := OpenSource(filepath.Join(dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got, err := s.Siblings(); err != nil || !slices.Equal(got, []string{"b", "in", "out"}) {
		t.Errorf("siblings %v, %v", got, err)
	}
	for _, name := range []string{"b", "in"} {
		b, err := s.OpenSibling(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		b.Close()
	}
	for _, name := range []string{"out", "../secret", filepath.Join(root, "secret"), "..", ".", "", "folder", `..\secret`} {
		if b, err := s.OpenSibling(name); err == nil {
			b.Close()
			t.Errorf("%q opens", name)
		}
	}
	memory := NewSource("a", bytes.NewReader(nil), 0)
	if got, err := memory.Siblings(); got != nil || err != nil {
		t.Errorf("in memory: %v, %v", got, err)
	}
	if _, err := memory.OpenSibling("b"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in memory: %v", err)
	}
}
