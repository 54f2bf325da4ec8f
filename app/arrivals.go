package app

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"coverslip/annotate/interchange"
	"coverslip/annotate/interchange/exchange"
	"coverslip/models/folder"
)

// Arrivals are files and folders that were dropped on the program, by what they
// are.
type Arrivals struct {
	Projects []string // folders of projects
	Slides   []string // whatever is nothing else: opening it says why when it is none
	Labels   []string // files of annotations, see interchange.Formats
	Models   []string // folders of models, or .onnx files
}

// SortArrivals tells what files and folders are. It asks the disk, so it may
// take as long as a drive that does not answer.
func SortArrivals(paths []string) Arrivals {
	var a Arrivals
	for _, p := range paths {
		switch st, err := os.Stat(p); {
		case err == nil && st.IsDir() && (strings.EqualFold(filepath.Ext(p), ProjectExt) || there(p, "project.bolt")):
			a.Projects = append(a.Projects, p)
		case err == nil && st.IsDir() && holdsModel(p):
			a.Models = append(a.Models, p)
		case err == nil && st.IsDir():
			a.Slides = append(a.Slides, p)
		default:
			switch strings.ToLower(filepath.Ext(p)) {
			case ".geojson", ".json":
				a.Labels = append(a.Labels, p)
			case ".onnx", ".safetensors":
				a.Models = append(a.Models, p)
			default:
				if labelsInside(p) {
					a.Labels = append(a.Labels, p)
				} else {
					a.Slides = append(a.Slides, p)
				}
			}
		}
	}
	return a
}

// labelsInside tells whether a file that other programs' annotations may be called
// as holds them: an .xml or a .dcm may be a slide, too.
func labelsInside(path string) bool {
	ending := func(f exchange.Format) bool { return f.Named(path) }
	if !slices.ContainsFunc(interchange.Formats(), ending) {
		return false
	}
	_, err := detectLabels(path)
	return err == nil
}

func there(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

// holdsModel tells whether a folder looks like that of a model.
func holdsModel(dir string) bool {
	for _, name := range [...]string{folder.DescriptionFile, folder.ShortDescriptionFile, "config.json", "open_clip_config.json",
		filepath.Join("configs", "metadata.json"), "model.safetensors.index.json"} {
		if there(dir, name) {
			return true
		}
	}
	for _, weights := range [...]string{"*.onnx", "*.safetensors", "pytorch_model.bin", filepath.Join("onnx", "*.onnx")} {
		if files, err := filepath.Glob(filepath.Join(escapeGlob(dir), weights)); err == nil && len(files) > 0 {
			return true
		}
	}
	return false
}

// escapeGlob has the characters of a folder's name stand for themselves.
func escapeGlob(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `[`, `\[`, `*`, `\*`, `?`, `\?`).Replace(dir)
}
