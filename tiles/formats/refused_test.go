package formats

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/slidetest"
	"coverslip/tiles/tiffwrite"
)

// zipped is an archive of one small text.
func zipped(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("readme.txt")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("nothing to see")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What no reader takes is named where it is known, in one short sentence, with
// what to do.
func TestRefusedError_SaysWhatItSees(t *testing.T) {
	photo := bytes.ReplaceAll(slidetest.GoodDICOM(t, 64, 64).Data(), []byte("1.1.77.1.6"), []byte("1.1.77.1.4"))
	svs := slidetest.Good(t, tiffwrite.Aperio, false)
	for name, c := range map[string]struct {
		data       []byte
		want, hint string
	}{
		"report.pdf":       {[]byte("%PDF-1.7\nand so on\n"), "it is a PDF document", "Choose the slide"},
		"slides.zip":       {zipped(t), "it is a ZIP archive", "Unpack"},
		"notes.txt":        {[]byte("Dear colleague, the slide is attached."), "it is a text file", "Choose the slide"},
		"notes.svs":        {[]byte("Dear colleague, the slide is attached."), "it is a text file", "Choose the slide"},
		"picture.svs":      {[]byte("GIF89a and some pixels"), "it is a GIF picture", ""},
		"empty.svs":        {nil, "it is an empty file", "copy it again"},
		"three.svs":        {[]byte("II*"), "only 3 bytes", "copy it again"},
		"zeros.svs":        {make([]byte, 5000), "a file of zeros", "Copy it again"},
		"other.svs":        {bytes.Repeat([]byte{0, 1, 2, 3}, 50), "it is named like Leica Aperio (.svs), but not a TIFF file", "wrong name"},
		"cut.svs":          {svs[:2000], "it looks like a TIFF file, but", ""},
		"cut.ndpi":         {svs[:2000], "it looks like Hamamatsu NanoZoomer (.ndpi), but", ""},
		"lonely.mrxs":      {[]byte("\xff\xd8\xff\xe0 a thumbnail follows"), "it is named like 3DHISTECH MIRAX (.mrxs), but its folder", "Slidedat.ini"},
		"photo.dcm":        {photo, "it looks like DICOM whole slide image (.dcm), but it is of SOP class", "whole slide image"},
		"a.isyntax":        {[]byte(`<DataObject ObjectType="DPUfsImport">`), "a Philips iSyntax slide", "isyntax-to-tiff"},
		"renamed.tiff":     {[]byte(`<DataObject ObjectType="DPUfsImport">`), "a Philips iSyntax slide", "isyntax-to-tiff"},
		"olympus.vsi":      {svs, "the index of an Olympus slide", "bioformats2raw"},
		"frame_t.ets":      {[]byte("SIS\x00 and more than that"), "a part of an Olympus slide", "bioformats2raw"},
		"failed.svs":       {[]byte("<!DOCTYPE html><title>404"), "a web page", "Download"},
		"labels.xml":       {[]byte("<Annotations><Annotation/></Annotations>"), "an XML file", "Choose the slide"},
		"labels.geojson":   {[]byte(`{"type": "FeatureCollection"}`), "a JSON file", "annotations import"},
		"Data0000.dat":     {bytes.Repeat([]byte{0, 1, 2, 3}, 50), "nothing in it says what it is", ""},
		"cut.czi":          {[]byte("ZISRAWFILE......"), "CZI", ""},
		"half.vms":         {[]byte("[Virtual Microscope Specimen]\n"), "", ""},
		"noslide.dzi":      {[]byte("<Picture/>, cut off"), "it is named like Deep Zoom", ""},
		"database.svs":     {[]byte("SQLite format 3\x00............"), "a database", ""},
		"library.svslide":  {[]byte("SQLite format 3\x00............"), "a Sakura slide", "libopenslide"},
		"archive.ndpi.gz":  {[]byte("\x1f\x8b\x08............."), "a gzip archive", "Unpack"},
		"UPPER.ISYNTAX":    {bytes.Repeat([]byte{7}, 400), "a Philips iSyntax slide", "isyntax-to-tiff"},
		"unknown.whatever": {bytes.Repeat([]byte{0, 9, 7}, 50), "nothing in it says what it is", ""},
	} {
		path := write(t, name, c.data)
		_, err := Open(context.Background(), path)
		if err == nil || !typed(err) || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), path) || len(err.Error()) > len(path)+300 {
			t.Errorf("%s: %v", name, err)
		}
		var r *RefusedError
		if errors.As(err, &r) && !strings.Contains(r.Hint, c.hint) {
			t.Errorf("%s: hint %q", name, r.Hint)
		}
		if strings.HasPrefix(name, "cut.") && name != "cut.czi" && (r == nil || !r.Damaged()) {
			t.Errorf("%s is not called damaged: %v", name, err)
		}
		if name == "other.svs" && r.Damaged() {
			t.Errorf("%s is called damaged", name)
		}
	}
}

// The details hold every reader's reason, each once.
func TestRefusedError_Details(t *testing.T) {
	_, err := Open(context.Background(), write(t, "notes.txt", []byte("some text, longer than a header")))
	var r *RefusedError
	if !errors.As(err, &r) || !errors.Is(err, tiles.ErrNotSlide) {
		t.Fatal(err)
	}
	if n := len(List(codec.Default())); len(r.Reasons) != n {
		t.Errorf("%d reasons of %d readers", len(r.Reasons), n)
	}
	d := r.Details()
	if !strings.HasPrefix(d, err.Error()) || strings.Count(d, "not a TIFF file") != 1 {
		t.Errorf("details: %s", d)
	}
	for _, f := range List(codec.Default()) {
		if !strings.Contains(d, f.Name) {
			t.Errorf("%s is not in the details", f.Name)
		}
	}
	if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "czi") {
		t.Errorf("the short form holds the details: %v", err)
	}
}

// A part of a MIRAX slide points to the file that is opened.
func TestRefusedError_PartOfMirax(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "case7")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Slidedat.ini", "Data0001.dat"} {
		if err := os.WriteFile(filepath.Join(dir, name), bytes.Repeat([]byte{1, 0}, 100), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(context.Background(), filepath.Join(dir, name))
		var r *RefusedError
		if !errors.As(err, &r) || !strings.Contains(r.Seen, "MIRAX") || !strings.Contains(r.Hint, "case7.mrxs") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is not a regular file is refused before anything is read of it.
func TestOpen_NotAFile(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(context.Background(), dir)
	var r *RefusedError
	if !errors.As(err, &r) || !errors.Is(err, tiles.ErrNotSlide) || !strings.Contains(err.Error(), "a folder") || r.Hint == "" {
		t.Errorf("folder: %v", err)
	}
	if _, err = Open(context.Background(), filepath.Join(dir, "absent.svs")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
}

// The readers that files are said to look like are there.
func TestLook_NamesReaders(t *testing.T) {
	have := map[string]bool{"": true}
	for _, f := range List(codec.Default()) {
		have[f.Name] = true
	}
	for _, s := range signatures {
		if !have[s.reader] || (s.reader == "") == (s.seen == "") {
			t.Errorf("signature %q: %+v", s.magic, s.looks)
		}
	}
	for ext, reader := range extensions {
		if !have[reader] {
			t.Errorf("%s: no reader %q", ext, reader)
		}
	}
}
