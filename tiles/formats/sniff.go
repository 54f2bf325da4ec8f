package formats

import (
	"bytes"
	"path/filepath"
	"strings"

	"coverslip/tiles"
)

// sniffBytes is how much of a file's beginning the signatures need.
const sniffBytes = 1024

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
	case at(0, "ZISRAWFILE"):
		return "a Zeiss CZI file: there is no reader for it"
	case ext == ".mrxs":
		return "a MIRAX slide: there is no reader for it yet"
	case ext == ".isyntax":
		return "a Philips iSyntax slide: there is no reader for it"
	case bytes.Contains(head, []byte("[Virtual Microscope Specimen]")):
		return "a Hamamatsu VMS slide: there is no reader for it yet"
	case ext == ".dzi" || bytes.Contains(head, []byte("schemas.microsoft.com/deepzoom")):
		return "a Deep Zoom picture: there is no reader for it yet"
	case at(0, "PK\x03\x04"):
		return "a ZIP archive: unpack it first"
	case at(0, "\x1f\x8b"):
		return "a gzip file: unpack it first"
	case at(0, "<!DOCTYPE html"), at(0, "<html"):
		return "a web page, perhaps of a failed download"
	}
	return ""
}
