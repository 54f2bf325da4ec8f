package tiles

import (
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// maxSiblings bounds the names that one folder gives: a slide has hundreds of
// files at most, an archive's folder may have a million.
const maxSiblings = 1 << 14

// Folder gives the other files of a slide's folder: a slide of several files is
// read through it, be it on disk or behind a network.
//
// Names are slash-separated and relative to the slide's folder. An
// implementation refuses every name that leads out of it: names may come from
// the slide, and a slide must not make the program read a stranger's files.
type Folder interface {
	// List returns the names, without path, of the files that lie directly in
	// dir, "." for the slide's own folder; sorted. None and no error where
	// listing is impossible (a plain web server).
	List(dir string) ([]string, error)
	// Open opens a file. A file that does not exist is fs.ErrNotExist.
	Open(name string) (*Source, error)
}

// NewSourceIn makes a Source of any reader with a folder of other files around
// it; path is only its name. close, which may be nil, is called once by Close.
func NewSourceIn(path string, r io.ReaderAt, size int64, close func() error, in Folder) *Source {
	if close == nil {
		close = func() error { return nil }
	}
	return &Source{path: path, r: r, size: size, close: close, folder: in}
}

// Siblings lists the names of the other files in the slide's folder, sorted;
// none for a Source that lies in no folder. It is an error when the folder
// cannot be read or holds more than 16,384 names.
func (s *Source) Siblings() ([]string, error) {
	return s.SiblingsIn(".")
}

// SiblingsIn lists the names of the files in a folder below the slide's own, as
// Siblings does for that one ("."). The slide itself is not among them.
func (s *Source) SiblingsIn(dir string) ([]string, error) {
	if s.folder == nil {
		return nil, nil
	}
	if !local(dir) {
		return nil, outsideError(dir)
	}
	names, err := s.folder.List(dir)
	if err != nil || path.Clean(dir) != "." {
		return names, err
	}
	own := filepath.Base(s.path)
	out := names[:0]
	for _, n := range names {
		if n != own {
			out = append(out, n)
		}
	}
	return out, nil
}

// OpenSibling opens another file of the slide's folder, or of a folder below
// it, by its slash-separated name. A name or a link that leads out of the
// slide's folder is refused with ErrOutside.
func (s *Source) OpenSibling(name string) (*Source, error) {
	if s.folder == nil {
		return nil, fmt.Errorf("%q: %w", name, os.ErrNotExist)
	}
	if !local(name) || path.Clean(name) == "." {
		return nil, outsideError(name)
	}
	return s.folder.Open(path.Clean(name))
}

func outsideError(name string) error {
	return &FormatError{Format: "folder", What: fmt.Sprintf("%q", name), Err: ErrOutside}
}

// local says whether a name stays in the folder by its spelling alone, on every
// system: a backslash and a drive would lead out on Windows.
func local(name string) bool {
	return !strings.ContainsAny(name, "\\:\x00") && !path.IsAbs(name) && filepath.IsLocal(filepath.FromSlash(name))
}

// diskFolder is a folder on disk.
type diskFolder string

// List implements Folder.
func (d diskFolder) List(dir string) ([]string, error) {
	at := filepath.Join(string(d), filepath.FromSlash(dir))
	if err := d.holds(at, dir); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(at)
	if err != nil {
		return nil, err
	}
	if len(entries) > maxSiblings {
		return nil, fmt.Errorf("%s holds %d files, more than %d", at, len(entries), maxSiblings)
	}
	var out []string
	for _, e := range entries {
		if t := e.Type(); t.IsRegular() || t&os.ModeSymlink != 0 {
			out = append(out, e.Name())
		}
	}
	return out, nil
}

// Open implements Folder.
func (d diskFolder) Open(name string) (*Source, error) {
	at := filepath.Join(string(d), filepath.FromSlash(name))
	if err := d.holds(at, name); err != nil {
		return nil, err
	}
	src, err := OpenSource(at)
	if err != nil {
		return nil, err
	}
	src.folder = d // what an opened file names lies around the slide too
	return src, nil
}

// holds refuses a path whose links lead out of the folder.
func (d diskFolder) holds(at, name string) error {
	home, err := filepath.EvalSymlinks(string(d))
	if err != nil {
		return err
	}
	target, err := filepath.EvalSymlinks(at)
	if err != nil {
		return err
	}
	if rel, err := filepath.Rel(home, target); err != nil || !filepath.IsLocal(rel) {
		return &FormatError{Format: "folder", What: fmt.Sprintf("the link %q", name), Err: ErrOutside}
	}
	return nil
}
