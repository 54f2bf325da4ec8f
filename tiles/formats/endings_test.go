package formats

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coverslip/tiles/codec"
)

// Every reader's slides have names that are shown, and every name a reader.
func TestNamed_EveryReader(t *testing.T) {
	// Those whose slides are called .tif, and are told by what is in them.
	asTIFF := []string{"philips", "trestle", "ome-tiff", "tiff-strips"}
	var names []string
	for _, f := range List(codec.Default()) {
		names = append(names, f.Name)
		has := slices.Contains(asTIFF, f.Name)
		for _, reader := range extensions {
			has = has || reader == f.Name
		}
		if !has {
			t.Errorf("no ending asks for the reader %s (%s)", f.Name, f.Vendor)
		}
		for _, word := range strings.FieldsFunc(f.Vendor, func(r rune) bool { return strings.ContainsRune(" (),", r) }) {
			if strings.HasPrefix(word, ".") && word != ".zarr" && !Named("x"+word) && !Named(word) {
				t.Errorf("%s says it reads %s, which Named does not know", f.Name, word)
			}
		}
	}
	for end, reader := range extensions {
		if !slices.Contains(names, reader) {
			t.Errorf("%s asks for %q, which is no reader", end, reader)
		}
		if !Named("Slide 7" + strings.ToUpper(end)) {
			t.Errorf("%s in capitals is not known", end)
		}
	}
	for name, want := range map[string]bool{"a.svs": true, "a.SZI": true, "zarr.json": true, "a.json": false, "notes.txt": false, "Data0001.dat": false, "": false} {
		if Named(name) != want {
			t.Errorf("Named(%q) is not %t", name, want)
		}
	}
	if !FolderNamed("/x/cmu.OME.zarr") || FolderNamed("/x/slides") {
		t.Error("folders")
	}
	if len(Endings()) != len(extensions) || !slices.IsSorted(Endings()) {
		t.Error("endings")
	}
}

// The slides that must open are called as Named knows.
func TestNamed_WhatOpens(t *testing.T) {
	for name := range opens {
		if st, err := os.Stat(filepath.Join("../../../shared/slides", name)); err == nil && st.IsDir() {
			continue
		}
		if !Named(name) {
			t.Errorf("%s opens and is not shown", name)
		}
	}
}
