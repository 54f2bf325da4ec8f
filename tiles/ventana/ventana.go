// Package ventana reads the slides of Ventana's (Roche's) scanners: .bif, and
// .tif of older programs.
//
// A BIF is a BigTIFF. The XMP of its first directory holds an element iScan, the
// scanner's settings. A directory described as "level=N mag=M" is a level, others
// are the picture of the whole glass with its label, a thumbnail or a map of
// where tissue was expected.
//
// Level 0 is camera photos as they were taken, which overlap: its XMP, EncodeInfo,
// tells of each scanned area (AOI) where it lies and by how much neighbours
// overlap. Photos are numbered from 1 in the order they were taken: from the lower
// left, rows upwards, every second row from right to left. A tile of level k is
// 2^k×2^k photos, shrunk and set side by side with their overlaps, so that each of
// its parts has a place of its own.
//
// Where the joints of photos are called RIGHT and UP, photos lie where OpenSlide
// puts them: at whole multiples of the mean distance, areas at their Pos-X and
// Pos-Y. The scanners DP 200 and DP 600 write LEFT and DOWN too, which OpenSlide
// refuses. Their photos overlap in some columns and not at all in others, so that
// each column and row of an area gets the distance of its own joints; areas lie
// at their AoiOrigin. Places are rounded to whole pixels; OpenSlide interpolates.
//
// Sources: OpenSlide's description of the format; Roche Digital Pathology, BIF
// image file format for digital pathology, version 1.0 (AOIs, TileJointInfo,
// AoiOrigin, unscanned tiles); its reader's behaviour checked against files.
package ventana

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
	"strconv"
	"strings"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/mosaic"
	"coverslip/tiles/tiff"
)

// name of the reader in errors and Info.
const name = "ventana"

// Tags beside TIFF's own.
const (
	tagXMP        = 700
	tagImageDepth = 32997 // focal planes of a level, one after the other
)

// keptBytes bounds the decoded photos that neighbours share; one has about 5 MB.
const keptBytes = 64 << 20

// Format returns the reader, which decodes through codecs.
func Format(codecs *codec.Set) tiles.Format {
	return tiles.Format{
		Name: name, Vendor: "Ventana (.bif)",
		Detect: func(src *tiles.Source) error {
			_, _, err := detect(src)
			return err
		},
		Open: func(ctx context.Context, src *tiles.Source) (tiles.Slide, error) { return open(ctx, src, codecs) },
	}
}

// detect parses the directories and returns the attributes of iScan.
func detect(src *tiles.Source) (*tiff.File, []attribute, error) {
	f, err := tiff.ParseSource(src)
	if err != nil {
		return nil, nil, err
	}
	text, err := f.Directories()[0].Bytes(tagXMP)
	if err != nil {
		return nil, nil, err
	}
	if !bytes.Contains(text, []byte("iScan")) {
		return nil, nil, errors.New("the first directory has no XMP of Ventana's")
	}
	scan, err := parseScan(text)
	if err != nil {
		return nil, nil, bad(err, "XMP of the first directory")
	}
	return f, scan, nil
}

func bad(cause error, format string, args ...any) error {
	return &tiles.FormatError{Format: name, What: fmt.Sprintf(format, args...), Err: cause}
}

// opening is what is known while a slide is opened.
type opening struct {
	codecs *codec.Set
	kept   *mosaic.Kept
	plan   *plan // nil: tiles lie as they are stored
	parts  tiff.Parts
	first  *tiff.Directory // of level 0
	mag0   float64         // magnification of level 0
	tile   image.Point     // of level 0
}

func (o *opening) warn(format string, args ...any) {
	o.parts.Info.Warnings = append(o.parts.Info.Warnings, fmt.Sprintf(format, args...))
}

func open(ctx context.Context, src *tiles.Source, codecs *codec.Set) (tiles.Slide, error) {
	f, scan, err := detect(src)
	if err != nil {
		return nil, err
	}
	o := &opening{codecs: codecs, kept: mosaic.NewKept(keptBytes)}
	o.parts = tiff.Parts{Source: src, Associated: map[string]tiff.Picture{}}
	o.parts.Info = tiles.Info{Format: name, Vendor: "Ventana", Channels: []string{"R", "G", "B"}, Background: whitePoint(scan)}
	for i, d := range f.Directories() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := o.directory(d); err != nil && o.first == d {
			return nil, fmt.Errorf("tiles/ventana: level 0: %w", err)
		} else if err != nil {
			o.warn("directory %d left out: %v", i, err)
		}
	}
	if o.first == nil {
		return nil, bad(nil, `no directory is described as "level=0"`)
	}
	o.describe(scan)
	if o.parts.ICC, err = o.first.Bytes(tiff.TagICCProfile); err != nil {
		o.parts.ICC = nil
		o.warn("colour profile left out: %v", err)
	}
	return tiff.NewScannedSlide(o.parts)
}

// directory adds a directory as a level or as an associated image.
func (o *opening) directory(d *tiff.Directory) error {
	text, err := d.Text(tiff.TagImageDescription)
	if err != nil {
		return err
	}
	kind := ""
	switch text {
	case "Label Image", "Label_Image":
		kind = "macro" // the glass with its label, as OpenSlide calls it
	case "Thumbnail":
		kind = "thumbnail"
	case "Probability_Image":
		kind = "probability"
	}
	if kind != "" {
		m, err := d.Image(o.codecs)
		if err != nil {
			return err
		}
		o.parts.Associated[kind] = m
		return nil
	}
	if !strings.Contains(text, "level=") {
		return nil
	}
	level, mag, err := parseLevel(text)
	if err != nil {
		return err
	}
	if (level == 0) != (o.first == nil) {
		return bad(nil, "level %d does not follow", level)
	}
	if level == 0 {
		o.first, o.mag0 = d, mag
	}
	return o.level(d, level, mag)
}

// parseLevel reads a description: "level=2 mag=10 quality=90".
func parseLevel(text string) (level int, mag float64, err error) {
	level = -1
	for _, word := range strings.Fields(text) {
		switch k, v, _ := strings.Cut(word, "="); k {
		case "level":
			if level, err = strconv.Atoi(v); err != nil || level < 0 {
				return 0, 0, bad(nil, "level number %.40q", v)
			}
		case "mag":
			var ok bool
			if mag, ok = tiles.ParseNumber(v); !ok || mag <= 0 || mag > 1000 {
				return 0, 0, bad(nil, "magnification %.40q", v)
			}
		}
	}
	if level < 0 || mag == 0 {
		return 0, 0, bad(nil, "description %.60q tells no level and magnification", text)
	}
	return level, mag, nil
}

// level makes a directory a level.
func (o *opening) level(d *tiff.Directory, number int, mag float64) error {
	m, err := d.Image(o.codecs)
	if err != nil {
		return err
	}
	if m.Strips {
		return bad(nil, "a level in strips")
	}
	if n, err := d.Uint(tagImageDepth, 1); err == nil && n > 1 && number == 0 {
		o.warn("%d other focal planes are left out: the first is shown", n-1)
	}
	size := image.Pt(m.TileWidth, m.TileHeight)
	if number == 0 {
		o.tile = size
		if o.plan, err = o.stitching(d, m); err != nil {
			return err
		}
	}
	if o.plan == nil {
		o.parts.Levels = append(o.parts.Levels, m)
		return nil
	}
	if size != o.tile {
		return bad(nil, "tiles of %v pixels where level 0 has %v", size, o.tile)
	}
	down := math.Round(o.mag0 / mag)
	if math.Abs(o.mag0/mag-down) > 1e-6*down || down < 1 || down > float64(max(size.X, size.Y)) {
		return bad(nil, "magnification %g is no whole part of %g", mag, o.mag0)
	}
	g, err := o.plan.level(m, int(down), o.parts.Info.Background, o.kept)
	if err != nil {
		return err
	}
	o.parts.Levels = append(o.parts.Levels, g)
	return nil
}

// stitching reads how the photos of level 0 lie; nil when tiles lie as they are
// stored, as in Ventana's TIFF files.
func (o *opening) stitching(d *tiff.Directory, m *tiff.Image) (*plan, error) {
	text, err := d.Bytes(tagXMP)
	if err != nil || text == nil {
		return nil, err
	}
	info, err := parseEncodeInfo(text)
	if err != nil {
		return nil, bad(err, "XMP of level 0")
	}
	if len(info.areas) == 0 {
		o.warn("the XMP of level 0 names no scanned area: tiles are shown as they are stored")
		return nil, nil
	}
	if info.strange > 0 {
		o.warn("%d joints of tiles that are no neighbours are ignored", info.strange)
	}
	return newPlan(info, m)
}

// whitePoint is the colour of what was not scanned.
func whitePoint(scan []attribute) color.NRGBA {
	for _, a := range scan {
		if v, err := strconv.ParseUint(a.value, 10, 8); err == nil && a.name == "ScanWhitePoint" {
			return color.NRGBA{R: uint8(v), G: uint8(v), B: uint8(v), A: 255}
		}
	}
	return color.NRGBA{R: 255, G: 255, B: 255, A: 255}
}

// describe fills properties, MPP, objective and where the areas lie.
func (o *opening) describe(scan []attribute) {
	props, warnings := o.first.Properties()
	info := &o.parts.Info
	info.Properties = props
	info.Warnings = append(info.Warnings, warnings...)
	props["openslide.vendor"] = "ventana"
	for _, a := range scan {
		props["ventana."+a.name] = a.value
	}
	if v, ok := tiles.ParseNumber(props["ventana.Magnification"]); ok && v > 0 && v <= 200 {
		info.Objective = v
	} else {
		o.warn("magnification %.40q is ignored", props["ventana.Magnification"])
	}
	if v, ok := tiles.ParseNumber(props["ventana.ScanRes"]); ok && tiles.SaneMPP(v) {
		info.MPPX, info.MPPY, info.MPPFrom = v, v, "ventana.ScanRes"
	} else {
		o.warn("resolution %.40q cannot be a slide's and is ignored", props["ventana.ScanRes"])
	}
	if o.plan == nil {
		return
	}
	var bounds image.Rectangle
	for i, r := range o.plan.regions() {
		bounds = bounds.Union(r)
		rectangle(props, fmt.Sprintf("openslide.region[%d].", i), r)
	}
	info.Bounds = bounds
	rectangle(props, "openslide.bounds-", bounds)
	slices.Sort(info.Warnings)
}

// rectangle writes a rectangle in level-0 pixels under OpenSlide's names.
func rectangle(props map[string]string, prefix string, r image.Rectangle) {
	for k, v := range map[string]int{"x": r.Min.X, "y": r.Min.Y, "width": r.Dx(), "height": r.Dy()} {
		props[prefix+k] = strconv.Itoa(v)
	}
}
