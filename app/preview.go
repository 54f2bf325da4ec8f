package app

import (
	"context"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"coverslip/tiles"
	"coverslip/tiles/formats"
)

// Preview is what is seen of a slide before it is opened.
type Preview struct {
	Picture *image.RGBA // on white, its longer side as asked for
	Words   string      // scanner, size and scale, for people
}

// PreviewSlide opens a file only to show what it is: a small picture of what was
// scanned, its longer side at most side pixels, and a line of words. The error
// says why the file cannot be opened; Explain makes it a Problem.
func PreviewSlide(ctx context.Context, path string, side int, o Options) (Preview, error) {
	t, err := formats.OpenBy(ctx, path, formats.Options{Codecs: codecs(o.Untrusted)})
	if err != nil {
		return Preview{}, about("slide", path, err)
	}
	defer t.Close()
	img, err := tiles.ThumbnailOf(ctx, t, tiles.ScannedBounds(t), side)
	if err != nil {
		return Preview{}, about("slide", path, err)
	}
	onWhite(img)
	info, l := t.Info(), t.Levels()[0]
	words := []string{info.Vendor, fmt.Sprintf("%d × %d px", l.Width, l.Height)}
	if info.MPPX > 0 {
		words = append(words, fmt.Sprintf("%.3g µm per pixel", info.MPPX))
	}
	if info.Objective > 0 {
		words = append(words, fmt.Sprintf("%g×", info.Objective))
	}
	return Preview{Picture: img, Words: strings.Join(words, " · ")}, nil
}

// FolderEntry is one line of a folder that is looked through.
type FolderEntry struct {
	Name    string
	Path    string
	Folder  bool
	Project bool // the folder of a project
	Size    int64
	Changed time.Time
}

// entriesMost bounds the lines of one folder: one with more is a data set's
// patches, which nobody looks through by hand.
const entriesMost = 50_000

// ListFolder lists a folder: folders first, then the files whose names end in
// one of endings (all files when there are none), each in the order of names;
// hidden ones are left out. cut tells that there were more than can be listed.
func ListFolder(ctx context.Context, dir string, endings []string) (entries []FolderEntry, cut bool, err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, false, about("folder", dir, err)
	}
	defer f.Close()
	for {
		if err := ctx.Err(); err != nil {
			return nil, false, err
		}
		part, err := f.ReadDir(512)
		for _, e := range part {
			if entry, ok := folderEntry(dir, e, endings); ok {
				entries = append(entries, entry)
			}
		}
		if len(entries) >= entriesMost {
			entries, cut = entries[:entriesMost], true
		}
		if err != nil || cut { // io.EOF, or what could be read before a fault
			break
		}
	}
	slices.SortFunc(entries, func(a, b FolderEntry) int {
		if a.Folder != b.Folder {
			if a.Folder {
				return -1
			}
			return 1
		}
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	return entries, cut, nil
}

// folderEntry is a line of a folder; false when it is not listed.
func folderEntry(dir string, e os.DirEntry, endings []string) (FolderEntry, bool) {
	if strings.HasPrefix(e.Name(), ".") {
		return FolderEntry{}, false
	}
	path := filepath.Join(dir, e.Name())
	st, err := os.Stat(path) // follows links
	if err != nil {
		return FolderEntry{}, false
	}
	entry := FolderEntry{Name: e.Name(), Path: path, Folder: st.IsDir(), Size: st.Size(), Changed: st.ModTime()}
	if entry.Folder {
		entry.Project = strings.EqualFold(filepath.Ext(path), ProjectExt) && there(path, "project.bolt")
		return entry, true
	}
	name := strings.ToLower(e.Name())
	return entry, len(endings) == 0 || slices.ContainsFunc(endings, func(end string) bool { return strings.HasSuffix(name, end) })
}
