package app

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"coverslip/annotate"
	"coverslip/storage"
	"coverslip/tiles/remote"
)

// Network tells whether slides may be read from web addresses.
func (s *Session) Network() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.options.Network
}

// SetNetwork allows slides from web addresses, or forbids them for slides opened
// from now on. It waits for a slide that is being opened.
func (s *Session) SetNetwork(on bool) {
	s.opening.Lock()
	defer s.opening.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.options.Network = on
}

// IsAddress tells whether a path is a web address.
func IsAddress(path string) bool { return remote.Is(path) }

// place is where a slide lies as a project notes it: the whole path of a file, or
// a web address without what may be a secret. open is what opens it now.
func place(slidePath string) (place, open string, err error) {
	if remote.Is(slidePath) {
		return remote.Name(slidePath), slidePath, nil
	}
	abs, err := filepath.Abs(slidePath)
	return abs, abs, err
}

// BaseName is the last part of a path or a web address, for people.
func BaseName(place string) string {
	if remote.Is(place) {
		base := path.Base(remote.Name(place))
		if plain, err := url.PathUnescape(base); err == nil {
			return plain
		}
		return base
	}
	return filepath.Base(place)
}

// FolderOf is where a file or a web address lies, for people.
func FolderOf(place string) string {
	if remote.Is(place) {
		name := remote.Name(place)
		return name[:strings.LastIndexByte(name, '/')]
	}
	return filepath.Dir(place)
}

// OpenAny opens what a person names: a project's folder, or a slide, be it a
// file, a folder (Zarr, DICOM) or a web address, as ProjectForSlide does. The
// identifier is the slide's, zero for a project.
func OpenAny(ctx context.Context, path string, o Options) (*Session, annotate.ID, error) {
	if remote.Is(path) {
		return ProjectForSlide(ctx, path, o)
	}
	st, err := os.Stat(path)
	if err != nil {
		return nil, annotate.ID{}, err
	}
	if !st.IsDir() {
		return ProjectForSlide(ctx, path, o)
	}
	s, err := OpenProject(path, o)
	if errors.Is(err, storage.ErrNotProject) {
		if bare, id, slideErr := ProjectForSlide(ctx, path, o); slideErr == nil {
			return bare, id, nil
		} // else it is neither, and what a project lacks is the better answer
	}
	return s, annotate.ID{}, err
}
