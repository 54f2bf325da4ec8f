package main

import (
	"os"
	"path/filepath"
	"testing"

	"coverslip/tiles/slidetest"
)

func TestScript_Convert(t *testing.T) {
	dir := workplace(t)
	for _, b := range slidetest.BrokenFiles(t) {
		if b.Name == "deflate garbage" {
			if err := os.WriteFile(filepath.Join(dir, "damaged.tif"), b.Data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	play(t, dir, []step{
		{line: "verify $D/a.svs", out: []string{"a.svs: sound", "level 0: ", "0 bad"}},
		{line: "verify --untrusted $D/a.svs", out: []string{"a.svs: sound"}},
		{line: "verify --json $D/a.svs", out: []string{`"sound": true`, `"badTiles": []`}},
		{line: "verify $D/damaged.tif", code: 1, out: []string{"bad: level 0 tile (0,0): ", "deflate", "damaged; ", "1 bad"}, err: []string{"damaged.tif has parts that cannot be read", "what to do"}},
		{line: "verify --json $D/damaged.tif", code: 1, out: []string{`"sound": false`, `"reason": "deflate`}},
		{line: "verify $D/notes.svs", code: 1, err: []string{"notes.svs"}},
		{line: "verify", code: 2, err: []string{"takes SLIDE"}},
		{line: "verify --workers -1 $D/a.svs", code: 2},

		{line: "convert $D/a.svs -o $D/a.ome.tif", out: []string{"ome-tiff, 1200 × 900 pixels", "copied as they are"}},
		{line: "info --json $D/a.ome.tif", out: []string{`"format": "ome-tiff"`, `"width": 1200`, `"thumbnail"`, `!"label"`}},
		{line: "convert $D/a.svs -o $D/a.ome.tif", code: 1, err: []string{"a.ome.tif exists already", "nothing is overwritten"}},
		{line: "convert --json $D/a.svs -o $D/adicom --format dicom --label --seed x", out: []string{`"format": "dicom"`, `"label"`, `"bad": 0`}},
		{line: "info --json $D/adicom/level-0.dcm", out: []string{`"format": "dicom"`, `"width": 1200`, `"macro"`}},
		{line: "verify $D/adicom", out: []string{"sound"}},
		{line: "convert $D/a.svs -o $D/part.ome.tif --region 100,50,300,200 --lossless --packing zstd", out: []string{"300 × 200 pixels"}},
		{line: "convert $D/a.svs -o $D/low.ome.tif --level 1 --quality 50 --encode", out: []string{"0 of them copied"}},
		{line: "convert $D/damaged.tif -o $D/d.ome.tif", code: 1, err: []string{"damaged.tif has a part that cannot be decoded"}},
		{line: "convert $D/damaged.tif -o $D/d.ome.tif --keep-going", out: []string{"1 tiles could not be read"}, err: []string{"painted as background: level 0 tile (0,0)"}},
		{line: "convert $D/a.svs", code: 2, err: []string{"-o OUT is needed"}},
		{line: "convert $D/a.svs -o $D/x --format gif", code: 2, err: []string{"unknown format"}},
		{line: "convert $D/a.svs -o $D/x --region 1,2,3", code: 2, err: []string{"X,Y,W,H"}},
		{line: "convert $D/a.svs -o $D/x --region 1,2,0,5", code: 2, err: []string{"empty"}},
		{line: "convert $D/a.svs -o $D/x --level 9", code: 2, err: []string{"levels 0 to"}},
		{line: "convert $D/a.svs -o $D/x --quality 0", code: 2},
		{line: "convert $D/a.svs -o $D/none/x", code: 1, err: []string{"does not exist"}},
		{line: "convert $D/gone.svs -o $D/x", code: 1, err: []string{"gone.svs does not exist"}},
	})
	if _, err := os.Stat(filepath.Join(dir, "x")); err == nil {
		t.Error("a refused conversion left something")
	}
}
