// Package dl opens shared libraries by name, the same way on every system and
// without cgo. It is the floor of the codec packages beside it.
package dl

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ErrNotFound: none of the names could be loaded.
var ErrNotFound = errors.New("shared library not found")

// Library is a loaded shared library. It is never unloaded: code of it may be
// running on any thread.
type Library struct {
	path   string
	handle uintptr
}

// Path is the name under which the library was found.
func (l *Library) Path() string { return l.path }

// Open loads the first of names that the system can load. Files lying beside
// the running program, or in its folder "lib", come before the system's own,
// so that a package may carry its codecs. The error wraps ErrNotFound and
// lists what every name answered.
func Open(names ...string) (*Library, error) {
	var tried []error
	for _, name := range candidates(names) {
		h, err := open(name)
		if err == nil {
			return &Library{path: name, handle: h}, nil
		}
		tried = append(tried, err)
	}
	return nil, fmt.Errorf("%w: %w", ErrNotFound, errors.Join(tried...))
}

// candidates puts the files beside the program before the bare names; only
// files that exist are tried there, which keeps the error list readable.
func candidates(names []string) []string {
	var out []string
	if exe, err := os.Executable(); err == nil {
		for _, dir := range []string{filepath.Dir(exe), filepath.Join(filepath.Dir(exe), "lib")} {
			for _, n := range names {
				if filepath.IsAbs(n) {
					continue
				}
				p := filepath.Join(dir, n)
				if st, err := os.Stat(p); err == nil && st.Mode().IsRegular() {
					out = append(out, p)
				}
			}
		}
	}
	return append(out, names...)
}

// Found says in words how a library of that Path was found.
func Found(path string) string {
	if !filepath.IsAbs(path) {
		return "found by the system"
	}
	if exe, err := os.Executable(); err == nil && strings.HasPrefix(path, filepath.Dir(exe)+string(filepath.Separator)) {
		return "found beside the program"
	}
	return "found where it is usually installed"
}

// Symbols looks up every name of want and stores its address; the error names
// the first symbol the library lacks.
func (l *Library) Symbols(want map[string]*uintptr) error {
	for name, p := range want {
		a, err := l.Symbol(name)
		if err != nil {
			return err
		}
		*p = a
	}
	return nil
}

// Symbol returns the address of a function of the library.
func (l *Library) Symbol(name string) (uintptr, error) {
	a, err := symbol(l.handle, name)
	if err != nil || a == 0 {
		return 0, fmt.Errorf("%s: no symbol %s", l.path, name)
	}
	return a, nil
}
