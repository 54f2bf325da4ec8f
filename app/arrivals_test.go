package app

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestSortArrivals(t *testing.T) {
	dir := t.TempDir()
	put := func(parts ...string) string {
		p := filepath.Join(append([]string{dir}, parts...)...)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		return p
	}
	project := filepath.Dir(put("p.coverslip", "project.bolt"))
	renamed := filepath.Dir(put("renamed", "project.bolt"))
	model := filepath.Dir(put("weights [v2]", "net.onnx"))
	described := filepath.Dir(put("described", "model.json"))
	short := filepath.Dir(put("short", "coverslip.json"))
	hub := filepath.Dir(put("hub", "config.json"))
	monai := filepath.Dir(put("bundle", "configs", "metadata.json"))
	monai = filepath.Dir(monai)
	zarr := filepath.Dir(put("s.zarr", ".zattrs"))
	slide, labels, bare := put("a.svs"), put("a.geojson"), put("b.ONNX")
	gone := filepath.Join(dir, "gone.ndpi")
	got := SortArrivals([]string{project, slide, model, labels, zarr, bare, renamed, described, gone, short, hub, monai})
	want := Arrivals{Projects: []string{project, renamed}, Slides: []string{slide, zarr, gone}, Labels: []string{labels}, Models: []string{model, bare, described, short, hub, monai}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
