// Package deepzoom reads pictures cut into many small files for the web: Deep
// Zoom (.dzi with a folder of tiles), the same in one archive (.szi), and
// Zoomify (ImageProperties.xml with folders of 256 tiles).
//
// Level n of a Deep Zoom picture fits 2^n pixels; tiles overlap their
// neighbours, and what overlaps is cut off here. A tile that is not there is
// missing, not wrong: such pictures may be sparse. Files are opened, read and
// closed one by one, so that a slide holds a single handle.
//
// Where libvips made the picture of a slide, its properties lie in an XML file
// beside the tiles; resolution and magnification are read from there.
//
// Source: Deep Zoom File Format Schema (Microsoft), SZI description (Smart In
// Media), files that libvips writes.
package deepzoom

import (
	"context"
	"errors"
	"fmt"
	"image/color"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/tiff"
	"coverslip/tiles/zipfolder"
)

// name of the reader in errors and Info.
const name = "deepzoom"

// Bounds of what the files may claim.
const (
	maxManifest   = 1 << 20  // bytes of the .dzi file
	maxProperties = 16 << 20 // bytes of a file of properties
	maxTileBytes  = 64 << 20 // of a tile's file
	maxTilePixels = 64 << 20 // of a tile
	maxPicture    = 64 << 20 // pixels of an associated image
	maxSamples    = 32       // files of level 0, and of the last level, in the fingerprint
)

func bad(format string, args ...any) error {
	return &tiles.FormatError{Format: name, What: fmt.Sprintf(format, args...)}
}

func unsupported(hint, format string, args ...any) error {
	return &tiles.UnsupportedError{Format: name, What: fmt.Sprintf(format, args...), Hint: hint}
}

// Format returns the reader, which decodes through codecs.
func Format(codecs *codec.Set) tiles.Format {
	return tiles.Format{
		Name: name, Vendor: "Deep Zoom (.dzi, .szi), Zoomify",
		Detect: detect,
		Open:   func(ctx context.Context, src *tiles.Source) (tiles.Slide, error) { return open(ctx, src, codecs) },
	}
}

// detect looks at the beginning of the file, and in an archive at its names.
func detect(src *tiles.Source) error {
	if zipfolder.Is(src) {
		a, err := zipfolder.Parse(src)
		if err != nil {
			return err
		}
		if manifestIn(a) == "" {
			return errors.New("the archive holds no .dzi file")
		}
		return nil
	}
	head := make([]byte, min(1024, src.Size()))
	if _, err := src.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	text := strings.TrimLeft(strings.TrimPrefix(string(head), "\ufeff"), " \t\r\n")
	if !strings.HasPrefix(text, "<") || !strings.Contains(text, "schemas.microsoft.com/deepzoom") && !strings.Contains(text, "<IMAGE_PROPERTIES") {
		return errors.New("not the XML of a Deep Zoom or Zoomify picture")
	}
	return nil
}

// manifestIn is the name of the manifest in an archive, "" when there is none.
func manifestIn(a *zipfolder.Archive) string {
	return a.Find(func(n string) bool { return strings.EqualFold(path.Ext(n), ".dzi") })
}

// opening is what is known while a slide is opened.
type opening struct {
	src    *tiles.Source // of the picture's folder
	codecs *codec.Set
	set    *tileset
	parts  tiff.Parts
}

func (o *opening) warn(format string, args ...any) {
	o.parts.Info.Warnings = append(o.parts.Info.Warnings, fmt.Sprintf(format, args...))
}

func open(ctx context.Context, src *tiles.Source, codecs *codec.Set) (tiles.Slide, error) {
	file, manifest := src, filepath.Base(src.Path())
	o := &opening{codecs: codecs}
	if zipfolder.Is(src) {
		a, err := zipfolder.Parse(src)
		if err != nil {
			return nil, err
		}
		inside := manifestIn(a)
		if file, err = a.Source(inside); err != nil {
			return nil, err
		}
		manifest = path.Base(inside)
	} else if i := strings.LastIndexByte(manifest, '/'); i >= 0 {
		manifest = manifest[i+1:] // an address, on a system of backslashes
	}
	o.src, o.parts.Source = file, file
	m, err := parseManifest(file)
	if err != nil {
		return nil, err
	}
	if o.set, err = newTileset(m, file, codecs, manifest, file == src); err != nil {
		return nil, err
	}
	o.parts.Info = tiles.Info{Format: name, Vendor: m.vendor, Channels: []string{"R", "G", "B"},
		Background: color.NRGBA{R: 255, G: 255, B: 255, A: 255}, Properties: map[string]string{"openslide.vendor": name}}
	if err := o.probe(ctx); err != nil {
		return nil, err
	}
	o.readProperties()
	o.findAssociated()
	for _, g := range o.set.levels {
		o.parts.Levels = append(o.parts.Levels, g)
	}
	if file == src { // an archive is hashed as one file
		if o.parts.Info.Fingerprint, err = tiles.FingerprintOfFiles(src, o.set.sample(manifest)); err != nil {
			return nil, err
		}
	} else if o.parts.Info.Fingerprint, err = tiles.FingerprintOf(src, src.Size()); err != nil {
		return nil, err
	}
	return tiff.NewSlide(o.parts)
}

// probe looks whether there are tiles at all, and under which ending: the
// manifest's word for JPEG and the files' differ at times.
func (o *opening) probe(ctx context.Context) error {
	for _, ext := range o.set.endings() {
		o.set.ext = ext
		for i := len(o.set.levels) - 1; i >= 0; i-- {
			if err := ctx.Err(); err != nil {
				return err
			}
			l := o.set.levels[i]
			for _, at := range [][2]int{{0, 0}, {l.sizes.Cols() / 2, l.sizes.Rows() / 2}} {
				f, err := o.src.OpenSibling(o.set.file(i, at[0], at[1]))
				switch {
				case err == nil:
					return f.Close()
				case !errors.Is(err, fs.ErrNotExist):
					return err
				}
			}
		}
	}
	return bad("no tiles are found: %s and what belongs to it must lie beside the file", o.set.file(0, 0, 0))
}
