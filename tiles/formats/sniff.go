package formats

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"coverslip/tiles"
)

// sniffBytes is how much of a file's beginning is looked at.
const sniffBytes = 1024

// looks is what a file that no reader takes looks like: something else (seen),
// or the slide of a reader.
type looks struct {
	seen   string // "a PDF document"
	hint   string // what to do
	reader string // name of the reader whose slide it seems to be, "" when seen
	named  bool   // reader is told by the name alone
}

// What to do with slides that other programs read.
const (
	byBioFormats = "Convert it to OME-TIFF, in QuPath or with bioformats2raw and raw2ometiff, and open that."
	byScanner    = "Export it as SVS, DICOM or pyramidal TIFF from the scanner's own program, and open that."
	unpackIt     = "Unpack it, and open the slide that was in it."
	noSlide      = "Choose the slide itself: .svs, .ndpi, .mrxs, .scn, .bif, .czi, .dcm, .tif and many more."
)

// foreign are kinds of slides that nobody here reads, by the ends of their names.
// Some of their files are TIFF files or hold pictures, which a reader would take
// for the slide.
var foreign = map[string]looks{
	".isyntax": {seen: "a Philips iSyntax slide, which no reader here knows", hint: "Export it as TIFF or DICOM from Philips' own program, or convert it with isyntax-to-tiff of libisyntax, and open that."},
	".vsi":     {seen: "the index of an Olympus slide (.vsi), which no reader here knows", hint: byBioFormats},
	".ets":     {seen: "a part of an Olympus slide (.vsi), which no reader here knows", hint: byBioFormats},
	".nd2":     {seen: "a Nikon picture (.nd2), which no reader here knows", hint: byBioFormats},
	".lif":     {seen: "a Leica microscope's file (.lif), which no reader here knows", hint: byBioFormats},
	".zvi":     {seen: "an old Zeiss picture (.zvi), which no reader here knows", hint: byBioFormats},
	".afi":     {seen: "a list of Aperio slides, one for each fluorescent dye", hint: "Open the .svs files that it names."},
	".kfb":     {seen: "a KFBio slide (.kfb), which no reader here knows", hint: byScanner},
	".sdpc":    {seen: "a Sqray slide (.sdpc), which no reader here knows", hint: byScanner},
	".mds":     {seen: "a Motic slide (.mds), which no reader here knows", hint: byScanner},
	".mdsx":    {seen: "a Motic slide (.mdsx), which no reader here knows", hint: byScanner},
	".tmap":    {seen: "a UNIC slide (.tmap), which no reader here knows", hint: byScanner},
	".svslide": {seen: "a Sakura slide (.svslide)", hint: "Install libopenslide, which reads it."},
}

// signatures are the first bytes of files that are no slides, or that one reader
// should take.
var signatures = []struct {
	magic string
	looks
}{
	{"II*\x00", looks{reader: "generic"}},
	{"MM\x00*", looks{reader: "generic"}},
	{"II+\x00", looks{reader: "generic"}},
	{"MM\x00+", looks{reader: "generic"}},
	{"ZISRAWFILE", looks{reader: "czi"}},
	{"\xff\xd8\xff", looks{reader: "jpeg"}},
	{"\x89PNG", looks{reader: "png"}},
	{"GIF8", looks{seen: "a GIF picture", hint: noSlide}},
	{"\x00\x00\x00\x0cjP  \r\n\x87\n", looks{seen: "a plain JPEG 2000 picture", hint: noSlide}},
	{"\xff\x4f\xff\x51", looks{seen: "a bare JPEG 2000 stream", hint: noSlide}},
	{"%PDF", looks{seen: "a PDF document", hint: noSlide}},
	{"PK\x03\x04", looks{seen: "a ZIP archive without a slide in it that is read from archives", hint: unpackIt}},
	{"PK\x05\x06", looks{seen: "an empty ZIP archive", hint: noSlide}},
	{"\x1f\x8b", looks{seen: "a gzip archive", hint: unpackIt}},
	{"7z\xbc\xaf\x27\x1c", looks{seen: "a 7-Zip archive", hint: unpackIt}},
	{"Rar!\x1a\x07", looks{seen: "a RAR archive", hint: unpackIt}},
	{"\xfd7zXZ\x00", looks{seen: "an xz archive", hint: unpackIt}},
	{"\x89HDF\r\n\x1a\n", looks{seen: "an HDF5 file", hint: byBioFormats}},
	{"SQLite format 3\x00", looks{seen: "a database (SQLite)", hint: noSlide}},
	{"\x7fELF", looks{seen: "a program", hint: noSlide}},
	{"MZ", looks{seen: "a Windows program", hint: noSlide}},
	{"<!DOCTYPE html", looks{seen: "a web page, perhaps of a failed download", hint: "Download the slide again; where a web page comes instead, the server wants a login."}},
	{"<html", looks{seen: "a web page, perhaps of a failed download", hint: "Download the slide again; where a web page comes instead, the server wants a login."}},
}

// onlyReader says which reader alone may take a file of this name, "" for none of
// them; ok is false when any may. The file of a MIRAX slide is a picture, that of
// an Olympus slide a TIFF file: their thumbnails are not the slides.
func onlyReader(path string) (reader string, ok bool) {
	ext := strings.ToLower(filepath.Ext(path))
	if ext == ".mrxs" {
		return "mirax", true
	}
	_, ok = foreign[ext]
	return "", ok && ext != ".svslide"
}

// look says what a file that no reader takes looks like: "not a slide" alone
// leaves people without a next step.
func look(src *tiles.Source) looks {
	if src.Size() == 0 && !strings.EqualFold(filepath.Ext(src.Path()), ".mrxs") {
		return looks{seen: "an empty file", hint: "The copy or the download was broken off before it began; copy it again."}
	}
	head := make([]byte, min(sniffBytes, src.Size()))
	if _, err := src.ReadAt(head, 0); err != nil {
		head = nil // the name may still tell
	}
	ext := strings.ToLower(filepath.Ext(src.Path()))
	if l, ok := foreign[ext]; ok {
		return l
	}
	switch {
	case ext == ".mrxs":
		return looks{reader: "mirax", named: true, hint: "Copy the folder of the same name, with Slidedat.ini in it, beside the .mrxs file."}
	case ofMirax(src):
		return looks{seen: "a part of a MIRAX slide", hint: fmt.Sprintf("Open the file %s.mrxs beside its folder.", filepath.Base(filepath.Dir(src.Path())))}
	case len(head) >= 132 && string(head[128:132]) == "DICM":
		return looks{reader: "dicom", hint: "Choose a file of a whole slide image (VL Whole Slide Microscopy)."}
	case bytes.Contains(head, []byte("[Virtual Microscope Specimen]")), bytes.Contains(head, []byte("[Uncompressed Virtual Microscope Specimen]")):
		return looks{reader: "hamamatsu-vms"}
	case bytes.HasPrefix(head, []byte("[NanoZoomer")):
		return looks{reader: "hamamatsu-set"}
	case bytes.Contains(head, []byte("schemas.microsoft.com/deepzoom")):
		return looks{reader: "deepzoom"}
	case bytes.Contains(head, []byte(`ObjectType="DPUfsImport"`)):
		return foreign[".isyntax"]
	}
	for _, s := range signatures {
		if !bytes.HasPrefix(head, []byte(s.magic)) {
			continue
		}
		if s.reader == "generic" && ext == ".ndpi" {
			return looks{reader: "hamamatsu"} // its offsets have 64 bits
		}
		return s.looks
	}
	if src.Size() < 16 {
		return looks{seen: fmt.Sprintf("a file of only %d bytes", src.Size()), hint: "The copy or the download was broken off; copy it again."}
	}
	return byName(head, ext)
}

// byName is for files whose first bytes no signature fits.
func byName(head []byte, ext string) looks {
	if len(head) > 0 && len(bytes.Trim(head, "\x00")) == 0 {
		return looks{seen: "a file of zeros, as a broken copy or download leaves", hint: "Copy it again from where it came, and compare the file sizes."}
	}
	reader := extensions[ext]
	if letters := slices.Contains([]string{"deepzoom", "ome-zarr", "hamamatsu-set", "hamamatsu-vms"}, reader); reader != "" && (letters || !isText(head)) {
		return looks{reader: reader, named: true, hint: "This copy is damaged, or the file was given a wrong name: copy it again and compare the file sizes."}
	}
	switch text := bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))); {
	case !isText(head):
		return looks{}
	case bytes.HasPrefix(text, []byte("<")):
		return looks{seen: "an XML file, perhaps the labels of a slide", hint: noSlide}
	case bytes.HasPrefix(text, []byte("{")), bytes.HasPrefix(text, []byte("[")):
		return looks{seen: "a JSON file, perhaps the labels of a slide", hint: "Open the slide itself; GeoJSON labels come in with: coverslipctl annotations import."}
	}
	return looks{seen: "a text file", hint: noSlide}
}

// isText tells whether the beginning of a file is written in letters.
func isText(head []byte) bool {
	for len(head) > 0 {
		r, n := utf8.DecodeRune(head)
		if r == utf8.RuneError && n == 1 && len(head) >= utf8.UTFMax || r < ' ' && r != '\t' && r != '\n' && r != '\r' {
			return false
		}
		head = head[n:]
	}
	return true
}

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
