package formats

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// extensions are the readers that the names of slides ask for, by their endings.
// Vendors whose slides are called .tif are found by what is in the file.
var extensions = map[string]string{
	".svs": "aperio", ".ndpi": "hamamatsu", ".ndpis": "hamamatsu-set", ".vms": "hamamatsu-vms", ".vmu": "hamamatsu-vms",
	".scn": "leica", ".bif": "ventana", ".mrxs": "mirax", ".dcm": "dicom", ".dicom": "dicom", ".czi": "czi", ".dzi": "deepzoom", ".szi": "deepzoom", ".zip": "deepzoom",
	".qptiff": "qptiff", ".jpg": "jpeg", ".jpeg": "jpeg", ".jpe": "jpeg", ".png": "png", ".bmp": "bmp",
	".tif": "generic", ".tiff": "generic", ".btf": "generic", ".tf2": "generic", ".tf8": "generic",
	".zattrs": "ome-zarr", ".zgroup": "ome-zarr", ".ozx": "ome-zarr", ".svslide": "openslide",
}

// wholeNames are slides whose endings say nothing, in lower case.
var wholeNames = map[string]string{"zarr.json": "ome-zarr", "imageproperties.xml": "deepzoom"}

// Named says whether a file is called as slides are that Open opens; a file of
// another name may be one all the same.
func Named(name string) bool {
	name = strings.ToLower(filepath.Base(name))
	_, byEnding := extensions[filepath.Ext(name)]
	_, whole := wholeNames[name]
	return byEnding || whole
}

// FolderNamed says whether a folder is called as those that are a slide by
// themselves.
func FolderNamed(name string) bool { return strings.EqualFold(filepath.Ext(name), ".zarr") }

// Endings lists the endings of slides' names, sorted, in lower case.
func Endings() []string { return slices.Sorted(maps.Keys(extensions)) }
