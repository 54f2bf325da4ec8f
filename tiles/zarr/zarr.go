// Package zarr reads OME-Zarr (OME-NGFF): pictures as chunked arrays in a folder,
// on disk, in a ZIP archive or behind a network, one file a chunk or a shard.
//
// Read are versions 0.1 to 0.4 over Zarr 2 and 0.5 over Zarr 3, with two to five
// axes, and what bioformats2raw makes of a slide: its largest series is the
// slide, its label and macro images are associated images. A folder is opened by
// its .zattrs or zarr.json.
//
// A chunk that is not there holds the fill value; where that is zero, nothing
// was stored and the background is drawn. Three channels of eight bits that are
// called red, green and blue, or nothing, are a picture in colour; all else is
// channels (tiles.Planar).
//
// Source: Zarr storage specification version 2, Zarr core specification version
// 3 with the codecs blosc, bytes, crc32c, gzip, sharding_indexed, transpose and
// zstd; OME-NGFF 0.4 and 0.5.
package zarr

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"coverslip/tiles"
	"coverslip/tiles/kept"
	"coverslip/tiles/zipfolder"
)

// name of the reader in errors and Info.
const name = "ome-zarr"

// Bounds of what the files may claim.
const (
	maxMetadata   = 16 << 20 // bytes of a file of metadata
	maxChunkBytes = 64 << 20 // of a chunk, unpacked
	maxLevels     = 64
	maxSeries     = 64
	maxChannels   = 1024
	maxPlanes     = 1 << 16  // focal planes, time points
	maxTileChunks = 4096     // chunks that a tile is put together from
	maxPicture    = 16 << 20 // pixels of an associated image
	maxShardIndex = 1 << 20  // chunks of a shard
	keptBytes     = 96 << 20 // of unpacked chunks that several tiles or planes share
)

// markers are the files that a folder of Zarr is known by, in the order in which
// they are looked for.
var markers = [...]string{"zarr.json", ".zattrs", ".zgroup", ".zarray"}

func bad(format string, args ...any) error {
	return &tiles.FormatError{Format: name, What: fmt.Sprintf(format, args...)}
}

func unsupported(hint, format string, args ...any) error {
	return &tiles.UnsupportedError{Format: name, What: fmt.Sprintf(format, args...), Hint: hint}
}

// Format returns the reader.
func Format() tiles.Format {
	return tiles.Format{Name: name, Vendor: "OME-Zarr (.zarr folder, .zattrs, zarr.json, .ozx)", Detect: detect, Open: open}
}

// FileIn returns the path of the file by which a folder of Zarr is opened, ""
// when it is none.
func FileIn(dir string) (string, error) {
	for _, m := range markers {
		p := filepath.Join(dir, m)
		st, err := os.Stat(p)
		switch {
		case err == nil && st.Mode().IsRegular():
			return p, nil
		case err != nil && !errors.Is(err, os.ErrNotExist):
			return "", err
		}
	}
	return "", nil
}

// detect looks at the words of a file of metadata, or at an archive's names.
func detect(src *tiles.Source) error {
	if zipfolder.Is(src) {
		a, err := zipfolder.Parse(src)
		if err != nil {
			return err
		}
		if markerIn(a) == "" {
			return errors.New("the archive holds no zarr.json and no .zattrs")
		}
		return nil
	}
	head := make([]byte, min(64<<10, src.Size()))
	if _, err := src.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	text := strings.TrimLeft(string(head), " \t\r\n")
	if !strings.HasPrefix(text, "{") {
		return errors.New("not the JSON of a Zarr group")
	}
	for _, word := range []string{`"zarr_format"`, `"multiscales"`, `"bioformats2raw.layout"`, `"plate"`, `"omero"`} {
		if strings.Contains(text, word) {
			return nil
		}
	}
	return errors.New("the JSON is not that of a Zarr group")
}

// markerIn is the name of the file by which the Zarr in an archive is opened.
func markerIn(a *zipfolder.Archive) string {
	best := ""
	for _, m := range markers[:2] {
		n := a.Find(func(n string) bool { return path.Base(n) == m })
		if n != "" && (best == "" || strings.Count(n, "/") < strings.Count(best, "/")) {
			best = n
		}
	}
	return best
}

func open(ctx context.Context, src *tiles.Source) (tiles.Slide, error) {
	o := &opening{src: src, kept: kept.New[keptKey](keptBytes)}
	if zipfolder.Is(src) {
		a, err := zipfolder.Parse(src)
		if err != nil {
			return nil, err
		}
		if o.src, err = a.Source(markerIn(a)); err != nil {
			return nil, err
		}
		o.archive = src
	}
	return o.open(ctx)
}

// sampled names the files that the fingerprint is made of.
func (o *opening) fingerprint(s *series) (string, error) {
	if o.archive != nil { // hashed as one file
		return tiles.FingerprintOf(o.archive, o.archive.Size())
	}
	const most = 32 // chunks of the first level, and of the last
	names := slices.Clone(o.read)
	names = append(names, s.levels[0].array.sample(most)...)
	if last := len(s.levels) - 1; last > 0 {
		names = append(names, s.levels[last].array.sample(most)...)
	}
	return tiles.FingerprintOfFiles(o.src, names)
}
