// Package mirax reads the slides of 3DHISTECH's scanners: .mrxs.
//
// The .mrxs file itself is a small picture or empty. The slide lies in the
// folder of the same name beside it: Slidedat.ini says what there is, Index.dat
// where each stored image lies in the files DataNNNN.dat. Images overlap and lie
// where their photos were taken (layout.go); where that is between two pixels of
// a level it is rounded, pixels are never interpolated.
//
// Source: OpenSlide's description of the format, checked against files and
// against OpenSlide. What it leaves open, filters and focal planes, is told in
// planes.go.
package mirax

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/tiff"
)

// name of the reader in errors and Info.
const name = "mirax"

// keptBytes bounds the decoded images that neighbouring tiles share.
const keptBytes = 48 << 20

// Format returns the reader, which decodes through codecs.
func Format(codecs *codec.Set) tiles.Format {
	return tiles.Format{
		Name: name, Vendor: "3DHISTECH MIRAX (.mrxs)",
		Detect: detect,
		Open:   func(ctx context.Context, src *tiles.Source) (tiles.Slide, error) { return open(ctx, src, codecs) },
	}
}

// detect looks at names alone: the .mrxs file may be empty.
func detect(src *tiles.Source) error {
	folder, ok := folderOf(src.Path())
	if !ok {
		return errors.New("the name does not end in .mrxs")
	}
	_, s, err := openSettings(src, folder)
	if err != nil {
		return fmt.Errorf("its folder %s with %s is not beside it: %w", folder, settingsName, err)
	}
	return s.Close()
}

// FileIn returns the .mrxs file beside the folder of a slide, "" when the folder
// is not one. It is an error when the folder is one and the file is missing.
func FileIn(folder string) (string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return "", err
	}
	if !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return strings.EqualFold(e.Name(), settingsName) }) {
		return "", nil
	}
	file := filepath.Clean(folder) + ".mrxs"
	if _, err := os.Stat(file); err != nil {
		return "", &tiles.FormatError{Format: name, What: "the folder's slide file is not beside it", Err: err}
	}
	return file, nil
}

// openSettings opens Slidedat.ini and lists its folder.
func openSettings(src *tiles.Source, folder string) (names []string, settings *tiles.Source, err error) {
	names, err = src.SiblingsIn(folder)
	if err != nil {
		return nil, nil, err
	}
	settings, err = src.OpenSibling(lookUp(folder, names, settingsName))
	return names, settings, err
}

// opening is what is known while a slide is opened.
type opening struct {
	src    *tiles.Source
	folder string
	names  []string // of the files in the folder
	set    *settings
	files  *bundle
	slide  *store
	info   tiles.Info
}

func (o *opening) warn(format string, args ...any) {
	o.info.Warnings = append(o.info.Warnings, fmt.Sprintf(format, args...))
}

func open(ctx context.Context, src *tiles.Source, codecs *codec.Set) (_ tiles.Slide, err error) {
	folder, _ := folderOf(src.Path())
	o := &opening{src: src, folder: folder, files: newBundle(src)}
	defer func() {
		if err != nil {
			if cerr := o.files.closeAll(); cerr != nil { // the .mrxs file is left to the caller
				err = errors.Join(err, cerr)
			}
		}
	}()
	if err := o.settings(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	o.slide = newStore(o.set, codecs)
	x, err := o.openIndex()
	if err != nil {
		return nil, err
	}
	o.slide.index = x
	cams, used, err := o.cameras(x)
	if err != nil {
		return nil, err
	}
	if err := o.levels(ctx, cams, used); err != nil {
		return nil, err
	}
	if err := o.dataFiles(used); err != nil {
		return nil, err
	}
	return o.assemble()
}

// settings reads Slidedat.ini.
func (o *opening) settings() error {
	names, s, err := openSettings(o.src, o.folder)
	if err != nil {
		return err
	}
	size := s.Size()
	if err := s.Close(); err != nil {
		return err
	}
	o.names = names
	if size > maxIniBytes {
		return bad("%s has %d bytes, more than %d", settingsName, size, maxIniBytes)
	}
	m, err := o.files.add(lookUp(o.folder, names, settingsName))
	if err != nil {
		return err
	}
	data := make([]byte, m.size)
	if _, err := o.files.ReadAt(data, m.base); err != nil && m.size > 0 {
		return err
	}
	o.set, err = parseSettings(data)
	if err != nil {
		return err
	}
	o.info = tiles.Info{
		Format: name, Vendor: "3DHISTECH", Channels: []string{"R", "G", "B"}, Background: o.set.levels[0].fill,
		Objective: o.set.objective, Properties: o.set.ini.properties(), Warnings: o.set.warnings,
	}
	return nil
}

func (o *opening) openIndex() (*index, error) {
	m, err := o.files.add(lookUp(o.folder, o.names, o.set.index))
	if err != nil {
		return nil, err
	}
	return openIndex(section{o.files, m.base}, m.size, o.set.id)
}

// section reads a member of a bundle by offsets of its own.
type section struct {
	in   *bundle
	base int64
}

// ReadAt implements io.ReaderAt; the caller stays inside the member.
func (s section) ReadAt(p []byte, off int64) (int, error) { return s.in.ReadAt(p, s.base+off) }

// cameras reads or computes where the photos lie; nil where they lie side by
// side. used are the Data files that are needed.
func (o *opening) cameras(x *index) (cams *cameras, used map[int32]bool, err error) {
	set, used := o.set, map[int32]bool{}
	cols, rows := set.images.X/set.divisions, set.images.Y/set.divisions
	packed := false
	record, _ := set.record(positionLayer, "")
	if record < 0 {
		record, _ = set.record(stitchingLayer, "")
		packed = true
	}
	l := set.levels[0]
	switch {
	case record < 0 && l.overlapX == 0 && l.overlapY == 0:
		return nil, used, nil
	case int64(cols)*int64(rows) > maxPositions || cols < 1 || rows < 1:
		return nil, nil, bad("%d×%d images in photos of %d×%d make %d×%d photos", set.images.X, set.images.Y, set.divisions, set.divisions, cols, rows)
	case record < 0:
		cams, err = nominal(cols, rows, float64(l.size.X*set.divisions)-l.overlapX, float64(l.size.Y*set.divisions)-l.overlapY)
		return cams, used, err
	}
	at, err := x.other(record, len(set.data))
	if err != nil {
		return nil, nil, fmt.Errorf("positions of the photos: %w", err)
	}
	data, err := o.readRecord(at)
	if err != nil {
		return nil, nil, fmt.Errorf("positions of the photos: %w", err)
	}
	if packed {
		if data, err = unpackPositions(data, cols*rows); err != nil {
			return nil, nil, err
		}
	}
	points, odd, err := parsePositions(data, cols*rows, 1<<l.exponent)
	if err != nil {
		return nil, nil, err
	}
	if odd > 0 {
		o.warn("%d of %d positions of photos have a flag of unknown meaning", odd, len(points))
	}
	used[at.file] = true
	return &cameras{cols: cols, rows: rows, at: points}, used, nil
}

// readRecord reads a record's bytes before the Data files are opened for good.
func (o *opening) readRecord(at span) ([]byte, error) {
	file := lookUp(o.folder, o.names, o.set.data[at.file])
	b := newBundle(o.src)
	m, err := b.add(file)
	if err != nil {
		return nil, err
	}
	data, err := readSpan(b, m, at)
	return data, errors.Join(err, b.closeAll())
}

// levels finds the images of each level. A level that is damaged is left out,
// but for the first.
func (o *opening) levels(ctx context.Context, cams *cameras, used map[int32]bool) error {
	s := o.slide
	s.findPlanes(&o.info)
	concat := 0
	for i := range o.set.levels {
		if err := ctx.Err(); err != nil {
			return err
		}
		concat += o.set.levels[i].exponent
		images, err := s.readImages(i, 1<<concat, s.first)
		if err == nil && i == 0 {
			err = o.place(cams, 1<<concat, images)
		}
		var l *level
		if err == nil {
			l, err = s.newLevel(i, 1<<concat, images)
		}
		if err != nil && i == 0 {
			return fmt.Errorf("tiles/mirax: level 0: %w", err)
		}
		if err != nil {
			o.warn("zoom level %d left out: %v", i, err)
			continue
		}
		for _, m := range images {
			used[m.file] = true
		}
		s.levels = append(s.levels, l)
	}
	return nil
}

// place makes the layout of the images of level 0.
func (o *opening) place(cams *cameras, concat int, images []stored) (err error) {
	if len(images) == 0 {
		return bad("no image is stored")
	}
	s := o.slide
	if s.layout, err = newLayout(o.set, cams, concat, images); err != nil {
		return err
	}
	if s.width, s.height, err = o.set.size(); err != nil {
		return err
	}
	if s.layout.beyond > 0 {
		o.warn("%d images lie beyond the last whole photo and are not shown", s.layout.beyond)
	}
	if !s.layout.regular && len(s.layout.photos) == 0 {
		return bad("no photo has a position")
	}
	return nil
}

// dataFiles opens the Data files in the order of their numbers. One that is
// missing is an error when the slide is not whole without it; that only a filter
// or a focal plane lies in, a warning.
func (o *opening) dataFiles(used map[int32]bool) error {
	for _, a := range associatedNames {
		if at, _, ok := o.associated(a); ok {
			used[at.file] = true
		}
	}
	o.slide.files = make([]member, len(o.set.data))
	for i, file := range o.set.data {
		m, err := o.files.add(lookUp(o.folder, o.names, file))
		if errors.Is(err, fs.ErrNotExist) && !used[int32(i)] {
			o.warn("file %s is missing", file)
			m, err = member{name: file, size: -1}, nil
		}
		if err != nil {
			return err
		}
		o.slide.files[i] = m
	}
	return nil
}

// assemble makes the slide of what was found.
func (o *opening) assemble() (tiles.Slide, error) {
	s := o.slide
	s.src = tiles.NewSourceIn(o.src.Path(), o.files, o.files.size, func() error {
		return errors.Join(o.files.closeAll(), o.src.Close())
	}, nil)
	p := tiff.Parts{Source: s.src, Associated: map[string]tiff.Picture{}}
	for _, l := range s.levels {
		p.Levels = append(p.Levels, l)
	}
	for _, a := range associatedNames {
		if at, format, ok := o.associated(a); ok {
			p.Associated[a.name] = &associated{s, at, format}
		}
	}
	o.describe()
	p.Info = o.info
	return s.newSlide(p)
}

// describe fills MPP and OpenSlide's properties.
func (o *opening) describe() {
	in, l, s := &o.info, o.set.levels[0], o.slide
	in.Properties["openslide.vendor"] = name
	if tiles.SaneMPP(l.mppX) && tiles.SaneMPP(l.mppY) {
		in.MPPX, in.MPPY = l.mppX, l.mppY
		in.MPPFrom = "mirax." + o.set.dims[0].values[0].section + ".MICROMETER_PER_PIXEL_X"
	} else {
		o.warn("MICROMETER_PER_PIXEL %g×%g cannot be a slide's and is ignored", l.mppX, l.mppY)
	}
	in.Properties["openslide.background-color"] = fmt.Sprintf("%02X%02X%02X", l.fill.R, l.fill.G, l.fill.B)
	if s.lit {
		in.Background = color.NRGBA{A: 255}
	}
	b := s.bounds()
	in.Bounds = b
	for k, v := range map[string]int{"x": b.Min.X, "y": b.Min.Y, "width": b.Dx(), "height": b.Dy()} {
		in.Properties["openslide.bounds-"+k] = strconv.Itoa(v)
	}
}

// associatedName is an associated image: its name, the value of the scan data
// layer that holds it and the key of its format.
type associatedName struct{ name, value, format string }

const scanData = "Scan data layer"

var associatedNames = [...]associatedName{
	{"label", "ScanDataLayer_SlideBarcode", "BARCODE_IMAGE_TYPE"},
	{"macro", "ScanDataLayer_SlideThumbnail", "THUMBNAIL_IMAGE_TYPE"},
	{"thumbnail", "ScanDataLayer_SlidePreview", "PREVIEW_IMAGE_TYPE"},
}

// associated finds an associated image; one that is damaged is left out with a
// warning.
func (o *opening) associated(a associatedName) (at span, format pictureFormat, ok bool) {
	record, section := o.set.record(scanData, a.value)
	if record < 0 {
		return at, 0, false
	}
	at, err := o.slide.index.other(record, len(o.set.data))
	if err == nil {
		format, err = parseFormat(o.set.ini.get(section, a.format))
	}
	switch {
	case errors.Is(err, errNoRecord):
		return at, 0, false
	case err != nil:
		w := fmt.Sprintf("%s image left out: %v", a.name, err)
		if !strings.Contains(strings.Join(o.info.Warnings, "\n"), w) {
			o.warn("%s", w)
		}
		return at, 0, false
	}
	return at, format, true
}

// associated is a picture in a Data file.
type associated struct {
	store  *store
	at     span
	format pictureFormat
}

// ReadAll implements tiff.Picture.
func (a *associated) ReadAll(ctx context.Context) (*image.RGBA, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	data, err := readSpan(a.store.src, a.store.files[a.at.file], a.at)
	if err != nil {
		return nil, err
	}
	w, h, err := sizeOf(a.format, data)
	if err != nil {
		return nil, err
	}
	if w < 1 || h < 1 || w*h > tiff.MaxTilePixels {
		return nil, fmt.Errorf("image of %d×%d pixels", w, h)
	}
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	return dst, decode(a.store.codecs, a.format, dst, data, h)
}
