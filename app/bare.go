package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"coverslip/annotate"
	"coverslip/storage"
	"coverslip/tiles/formats"
)

// ProjectForSlide opens a bare slide: the project that holds its labels, and
// the slide's identifier in it. In this order:
//
//  1. the project NAME.coverslip beside the slide, when one is there and holds
//     the slide;
//  2. the project "projects/NAME-XXXXXXXX.coverslip" in DataDir, X being the
//     first digits of the slide's fingerprint; it is made when missing.
//
// A slide behind a web address has no neighbours; its project is the second.
// So a slide on a read-only share, on a stick or under another name finds its
// labels again, and no file appears beside a slide that somebody else keeps.
func ProjectForSlide(ctx context.Context, slidePath string, o Options) (*Session, annotate.ID, error) {
	abs, open, err := place(slidePath)
	if err != nil {
		return nil, annotate.ID{}, fmt.Errorf("slide %s: %w", slidePath, err)
	}
	t, err := formats.OpenBy(ctx, open, formats.Options{Codecs: codecs(o.Untrusted), Network: o.Network})
	if err != nil {
		return nil, annotate.ID{}, about("slide", abs, err)
	}
	fingerprint := t.Info().Fingerprint
	if err := t.Close(); err != nil {
		return nil, annotate.ID{}, err
	}

	stem := strings.TrimSuffix(BaseName(abs), filepath.Ext(BaseName(abs)))
	if !IsAddress(abs) {
		s, id, err := besideSlide(filepath.Join(filepath.Dir(abs), stem+ProjectExt), fingerprint, o)
		if s != nil || err != nil {
			return s, id, err
		}
	}
	dir, err := ownProject(stem, fingerprint)
	if err != nil {
		return nil, annotate.ID{}, err
	}
	s, err := OpenProject(dir, o)
	if errors.Is(err, os.ErrNotExist) {
		s, err = CreateProject(dir, stem, o)
	}
	if err != nil {
		return nil, annotate.ID{}, err
	}
	id, err := s.AddSlide(ctx, open)
	if err != nil {
		return nil, annotate.ID{}, errors.Join(err, s.Close())
	}
	return s, id, nil
}

// ProjectExt ends the names of project folders.
const ProjectExt = ".coverslip"

// besideSlide opens the project at dir when it is one and holds a slide of that
// fingerprint; otherwise it returns nil without an error.
func besideSlide(dir, fingerprint string, o Options) (*Session, annotate.ID, error) {
	s, err := OpenProject(dir, o)
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, storage.ErrNotProject):
		return nil, annotate.ID{}, nil
	case err != nil:
		return nil, annotate.ID{}, err
	}
	for _, item := range s.Slides() {
		if item.Fingerprint == fingerprint {
			return s, item.ID, nil
		}
	}
	return nil, annotate.ID{}, s.Close()
}

// ownProject is the folder in DataDir for a slide: one that a slide of that
// fingerprint has already, under whatever name, or the one to make.
func ownProject(stem, fingerprint string) (string, error) {
	data, err := DataDir()
	if err != nil {
		return "", err
	}
	digits := strings.TrimPrefix(fingerprint, "v1-")
	if len(digits) > 8 {
		digits = digits[:8]
	}
	projects := filepath.Join(data, "projects")
	if err := os.MkdirAll(projects, 0o700); err != nil {
		return "", err
	}
	have, err := os.ReadDir(projects)
	if err != nil {
		return "", err
	}
	for _, e := range have {
		if strings.HasSuffix(e.Name(), "-"+digits+ProjectExt) {
			return filepath.Join(projects, e.Name()), nil
		}
	}
	return filepath.Join(projects, safeName(stem)+"-"+digits+ProjectExt), nil
}

// DataDir is the folder for what a user makes and must not lose: $XDG_DATA_HOME
// or ~/.local/share on Unix, Application Support on macOS, %AppData% on
// Windows. A cache folder would not do: cleaners empty those.
func DataDir() (string, error) {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		dir, err := os.UserConfigDir()
		if err != nil {
			return "", fmt.Errorf("user data folder: %w", err)
		}
		return filepath.Join(dir, "coverslip"), nil
	}
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "coverslip"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("user data folder: %w", err)
	}
	return filepath.Join(home, ".local", "share", "coverslip"), nil
}

// safeName keeps of a text what every file system takes: letters, digits, dot,
// dash and underscore; at most 80 of them, none in front that hides a file.
func safeName(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9',
			r == '-', r == '_', r == '.' && b.Len() > 0:
			b.WriteRune(r)
		default:
			b.WriteByte('_')
		}
		if b.Len() == 80 {
			break
		}
	}
	if b.Len() == 0 {
		return "_"
	}
	return b.String()
}
