package formats

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"coverslip/tiles"
)

// sniffBytes is how much of a file's beginning the signatures need.
const sniffBytes = 1024

// ofMirax says whether a file is one of those in the folder of a MIRAX slide.
func ofMirax(src *tiles.Source) bool {
	base := strings.ToLower(filepath.Base(src.Path()))
	if base == "slidedat.ini" {
		return true
	}
	if filepath.Ext(base) != ".dat" {
		return false
	}
	names, err := src.Siblings()
	return err == nil && slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, "Slidedat.ini") })
}

// sniff names what a file that no reader knows looks like, "" when that is
// unknown too: "not a slide" alone leaves people without a next step.
func sniff(src *tiles.Source) string {
	head := make([]byte, min(sniffBytes, src.Size()))
	if _, err := src.ReadAt(head, 0); err != nil {
		head = nil // the name may still tell
	}
	at := func(off int, magic string) bool {
		return len(head) >= off+len(magic) && string(head[off:off+len(magic)]) == magic
	}
	ext := strings.ToLower(filepath.Ext(src.Path()))
	switch {
	case at(128, "DICM"):
		return "a DICOM file, but not a whole slide image"
	case ext == ".mrxs":
		return "a MIRAX slide without its folder: copy the folder of the same name, with Slidedat.ini in it, beside it"
	case ofMirax(src):
		return fmt.Sprintf("a part of a MIRAX slide: open the file %s.mrxs beside its folder", filepath.Base(filepath.Dir(src.Path())))
	case ext == ".isyntax":
		return "a Philips iSyntax slide: there is no reader for it"
	case bytes.Contains(head, []byte("[Virtual Microscope Specimen]")):
		return "a Hamamatsu VMS slide: there is no reader for it yet"
	case ext == ".dzi" || bytes.Contains(head, []byte("schemas.microsoft.com/deepzoom")):
		return "a Deep Zoom picture: there is no reader for it yet"
	case at(0, "\xff\xd8\xff"):
		return "a plain JPEG picture, not a slide"
	case at(0, "\x89PNG"):
		return "a plain PNG picture, not a slide"
	case at(0, "PK\x03\x04"):
		return "a ZIP archive without a picture in it that is read from archives: unpack it first"
	case at(0, "\x1f\x8b"):
		return "a gzip file: unpack it first"
	case at(0, "<!DOCTYPE html"), at(0, "<html"):
		return "a web page, perhaps of a failed download"
	}
	return ""
}
