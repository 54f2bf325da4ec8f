package tiles

import (
	"fmt"
	"os"
	"path/filepath"
)

// maxSiblings bounds the names that one folder gives: a slide has hundreds of
// files at most, an archive's folder may have a million.
const maxSiblings = 1 << 14

// Siblings lists the names of the other files in the slide's folder, sorted;
// none for a Source that is no file on disk. It is an error when the folder
// cannot be read or holds more than 16,384 names.
func (s *Source) Siblings() ([]string, error) {
	f, ok := s.r.(*os.File)
	if !ok {
		return nil, nil
	}
	dir, own := filepath.Split(f.Name())
	entries, err := os.ReadDir(filepath.Clean(dir))
	if err != nil {
		return nil, err
	}
	if len(entries) > maxSiblings {
		return nil, fmt.Errorf("%s holds %d files, more than %d", dir, len(entries), maxSiblings)
	}
	var out []string
	for _, e := range entries {
		if t := e.Type(); e.Name() != own && (t.IsRegular() || t&os.ModeSymlink != 0) {
			out = append(out, e.Name())
		}
	}
	return out, nil
}

// OpenSibling opens another file of the slide's folder by its bare name. A name
// with a path in it, or a link that leads out of the folder, is refused: names
// may come from the slide, and a slide must not make the program read a
// stranger's files.
func (s *Source) OpenSibling(name string) (*Source, error) {
	f, ok := s.r.(*os.File)
	if !ok {
		return nil, fmt.Errorf("%q: %w", name, os.ErrNotExist)
	}
	if name == "." || name == ".." || name != filepath.Base(name) || !filepath.IsLocal(name) {
		return nil, fmt.Errorf("%q is not a bare file name: other files of a slide must lie in its folder", name)
	}
	dir := filepath.Clean(filepath.Dir(f.Name()))
	path := filepath.Join(dir, name)
	st, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if st.Mode()&os.ModeSymlink != 0 {
		home, err := filepath.EvalSymlinks(dir)
		if err != nil {
			return nil, err
		}
		target, err := filepath.EvalSymlinks(path)
		if err != nil {
			return nil, err
		}
		if filepath.Dir(target) != home {
			return nil, fmt.Errorf("%q is a link that leads out of the slide's folder", name)
		}
	}
	return OpenSource(path)
}
