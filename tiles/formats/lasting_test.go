package formats

import (
	"context"
	"errors"
	"image"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/slidetest"
)

// lasting are real slides of every container, by what must be copied of them and
// what is opened then.
var lasting = map[string]string{
	"made/aperio.svs": "", "made/generic-sparse-bigtiff.tif": "", "made/hamamatsu.ndpi": "", "made/leica.scn": "", "made/philips.tiff": "",
	"made/trestle.tif": "", "made/ventana.bif": "", "made/ome-subifd.ome.tif": "", "made/mirax": "../mirax.mrxs", "made/vms": "synthetic.vms",
	"made/dicom-full-jpeg": "level0.dcm", "made/dicom-sparse-jpeg": "level0.dcm", "made/deepzoom": "cmu.dzi", "made/deepzoom/cmu.zip": "",
	"made/cmu.ome.zarr": ".zattrs", "dicom-highdicom/sm_image_jpegls.dcm": "", "svs/CMU-1-Small-Region.svs": "",
}

// ownCopy copies a real slide and returns its path and its folder.
func ownCopy(t *testing.T, name, open string) (path, dir string) {
	t.Helper()
	from := slidetest.Shared(t, name)
	dir = t.TempDir()
	to := filepath.Join(dir, filepath.Base(from))
	copyTree(t, from, to)
	if open == "../mirax.mrxs" {
		copyTree(t, from+".mrxs", to+".mrxs")
	}
	return filepath.Join(to, filepath.FromSlash(open)), dir
}

// eachFile does something to every file of a folder.
func eachFile(t *testing.T, dir string, do func(path string) error) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return do(p)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// survive reads tiles of every level, what belongs to the slide and a region of
// it: there may be errors, each of a known kind, and nothing else.
func survive(t *testing.T, s tiles.Slide) (failed int) {
	t.Helper()
	ctx := context.Background()
	for i, l := range s.Levels() {
		for _, k := range []tiles.Key{{Level: i}, {Level: i, Col: l.Cols() / 2, Row: l.Rows() / 2}, {Level: i, Col: l.Cols() - 1, Row: l.Rows() - 1}} {
			err := s.ReadTile(ctx, k, image.NewRGBA(image.Rectangle{Max: l.TileRect(k.Col, k.Row).Size()}))
			var te *tiles.TileError
			var fe *tiles.FormatError
			switch {
			case err == nil, errors.Is(err, tiles.ErrMissing):
			case errors.As(err, &te), errors.As(err, &fe), strings.Contains(err.Error(), "while it was open"):
				failed++
			default:
				t.Errorf("tile %+v: %v (%T)", k, err, err)
			}
		}
	}
	for _, name := range s.Info().Associated {
		if _, err := s.AssociatedImage(ctx, name); err != nil {
			failed++
		}
	}
	if err := tiles.ReadRegion(ctx, s, 0, 0, 0, image.NewRGBA(image.Rect(0, 0, 300, 300))); err != nil {
		failed++
	}
	return failed
}

// A slide whose files are cut, overwritten, deleted or replaced while it is open
// gives errors, and neither a crash nor a wait.
func TestSlide_SpoiltWhileOpen(t *testing.T) {
	for what, spoil := range map[string]func(p string) error{
		"cut": func(p string) error { return os.Truncate(p, 100) },
		"overwritten": func(p string) error {
			st, err := os.Stat(p)
			if err != nil {
				return err
			}
			return os.WriteFile(p, []byte(strings.Repeat("\xff\xd8\xff\x00rubbish", int(st.Size())/11+1))[:st.Size()], 0o600)
		},
		"deleted": os.Remove,
		"replaced": func(p string) error {
			return errors.Join(os.WriteFile(p+".new", []byte("another file altogether"), 0o600), os.Rename(p+".new", p))
		},
	} {
		for name, open := range lasting {
			t.Run(what+"/"+name, func(t *testing.T) {
				path, dir := ownCopy(t, name, open)
				s, err := Open(context.Background(), path)
				if err != nil {
					t.Fatal(err)
				}
				eachFile(t, dir, spoil)
				failed := survive(t, s)
				if what == "cut" && failed == 0 {
					t.Error("nothing tells that the file is gone")
				}
				if (what == "deleted" || what == "replaced") && open == "" && failed > 0 {
					t.Errorf("%d reads fail though the opened file is still there", failed)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
