package app

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"coverslip/storage"
)

// Relink looks for the files of all missing slides in a folder and the folders
// below it, by their bytes: a renamed file is found, one of the same name with
// other bytes is not taken. Each file is looked into once. It returns how many
// slides it found.
func (s *Session) Relink(ctx context.Context, folder string) (found int, err error) {
	return s.RelinkTold(ctx, folder, nil)
}

// RelinkTold is Relink that tells how many files it looked into, of how many.
func (s *Session) RelinkTold(ctx context.Context, folder string, progress Progress) (found int, err error) {
	abs := wholePath(folder)
	if _, err := os.Stat(abs); err != nil {
		return 0, about("folder", folder, err)
	}
	missing := map[string][]storage.Slide{} // by fingerprint
	endings, names := map[string]bool{}, map[string]bool{}
	for _, item := range s.Slides() {
		if item.Missing && item.Fingerprint != "" {
			missing[item.Fingerprint] = append(missing[item.Fingerprint], item.Slide)
			name := filepath.Base(item.Path)
			endings[strings.ToLower(filepath.Ext(name))] = true
			names[name] = true
		}
	}
	if len(missing) == 0 {
		return 0, nil
	}
	files, err := candidates(ctx, abs, endings)
	if err != nil {
		return 0, about("folder", folder, err)
	}
	// Those of a name that is missing first: often that is all.
	slices.SortStableFunc(files, func(a, b string) int {
		switch x, y := names[filepath.Base(a)], names[filepath.Base(b)]; {
		case x == y:
			return 0
		case x:
			return -1
		}
		return 1
	})
	for i, path := range files {
		if err := ctx.Err(); err != nil {
			return found, err
		}
		if len(missing) == 0 {
			break
		}
		progress.report("Looking for slides", i, len(files))
		t, err := s.openFile(ctx, path)
		if err != nil {
			continue // not a slide; the search goes on
		}
		print := t.Info().Fingerprint
		if err := t.Close(); err != nil {
			return found, err
		}
		for _, sl := range missing[print] {
			sl.Path, sl.RelPath = path, s.relative(path)
			if err := s.UpdateSlide(sl); err != nil {
				return found, err
			}
			found++
		}
		delete(missing, print)
	}
	return found, nil
}

// candidates lists the files below a folder whose names end as those of missing
// slides do. What may not be read is passed over.
func candidates(ctx context.Context, root string, endings map[string]bool) ([]string, error) {
	var files []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && path == root:
			return err
		case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || filepath.Ext(path) == ProjectExt):
			return fs.SkipDir
		case !d.IsDir() && endings[strings.ToLower(filepath.Ext(path))]:
			files = append(files, path)
		}
		return nil
	})
	return files, err
}
