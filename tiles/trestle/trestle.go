// Package trestle reads the slides of Trestle's MedScan scanners: .tif.
//
// All directories are tiled levels. Tiles overlap their neighbours by a number
// of pixels that the description tells for each level ("OverlapsXY="), so a
// level is smaller than its directory says. The resolution tags hold the MPP
// itself. The macro image is a JPEG beside the slide, NAME.Full.
//
// Source: OpenSlide's description of the format, checked against files.
package trestle

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/mosaic"
	"coverslip/tiles/tiff"
)

// name of the reader in errors and Info.
const name = "trestle"

// keptBytes bounds the decoded tiles that neighbours share.
const keptBytes = 32 << 20

// Format returns the reader, which decodes through codecs.
func Format(codecs *codec.Set) tiles.Format {
	return tiles.Format{
		Name: name, Vendor: "Trestle MedScan (.tif)",
		Detect: func(src *tiles.Source) error {
			_, err := detect(src)
			return err
		},
		Open: func(ctx context.Context, src *tiles.Source) (tiles.Slide, error) { return open(ctx, src, codecs) },
	}
}

// detect parses the directories and refuses what is not Trestle's.
func detect(src *tiles.Source) (*tiff.File, error) {
	f, err := tiff.ParseSource(src)
	if err != nil {
		return nil, err
	}
	software, err := f.Directories()[0].Text(tiff.TagSoftware)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(software, "MedScan") {
		return nil, errors.New("the software is not Trestle's MedScan")
	}
	return f, nil
}

func open(ctx context.Context, src *tiles.Source, codecs *codec.Set) (tiles.Slide, error) {
	f, err := detect(src)
	if err != nil {
		return nil, err
	}
	first := f.Directories()[0]
	text, err := first.Text(tiff.TagImageDescription)
	if err != nil {
		return nil, err
	}
	d := parseDescription(text)
	p := tiff.Parts{Source: src, Associated: map[string]tiff.Picture{}}
	p.Info = tiles.Info{Format: name, Vendor: "Trestle", Channels: []string{"R", "G", "B"}, Background: d.background()}
	describe(&p.Info, first, d)
	kept := mosaic.NewKept(keptBytes)
	for i, dir := range f.Directories() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		g, err := level(dir, d.overlap(i), codecs, kept, &p)
		if err != nil && i == 0 {
			return nil, fmt.Errorf("tiles/trestle: level 0: %w", err)
		}
		if err != nil {
			p.Info.Warnings = append(p.Info.Warnings, fmt.Sprintf("directory %d left out: %v", i, err))
			continue
		}
		p.Levels = append(p.Levels, g)
	}
	if path := beside(src.Path()); path != "" {
		p.Associated["macro"] = file{path, codecs}
	}
	if p.ICC, err = first.Bytes(tiff.TagICCProfile); err != nil {
		p.ICC = nil
		p.Info.Warnings = append(p.Info.Warnings, "colour profile left out: "+err.Error())
	}
	return tiff.NewScannedSlide(p)
}

// level is a directory without its overlaps.
func level(d *tiff.Directory, overlap image.Point, codecs *codec.Set, kept *mosaic.Kept, p *tiff.Parts) (tiff.Grid, error) {
	m, err := d.Image(codecs)
	if err != nil {
		return nil, err
	}
	if m.Strips {
		return nil, &tiles.FormatError{Format: name, What: "a level in strips"}
	}
	l := m.Level()
	if overlap.X < 0 || overlap.Y < 0 || overlap.X > m.TileWidth/2 || overlap.Y > m.TileHeight/2 {
		return nil, &tiles.FormatError{Format: name, What: fmt.Sprintf("tiles of %d×%d pixels overlap by %d and %d", m.TileWidth, m.TileHeight, overlap.X, overlap.Y)}
	}
	l.Width -= (m.Cols() - 1) * overlap.X
	l.Height -= (m.Rows() - 1) * overlap.Y
	if len(p.Levels) > 0 {
		extend(&l, p.Levels[0].Level(), &p.Info)
	}
	if overlap == (image.Point{}) && l.Width == m.Width && l.Height == m.Height {
		return m, nil
	}
	layer := mosaic.Layer{Image: m, AdvanceX: m.TileWidth - overlap.X, AdvanceY: m.TileHeight - overlap.Y}
	return mosaic.New(name, l, []mosaic.Layer{layer}, p.Info.Background, kept)
}

// extend gives a level that was cut to whole tiles, so that it covers less than
// level 0, the size that covers all of it; what is not stored is missing there.
// Without that its scale would be taken wrong, as the ratio of the sizes. Levels
// step by powers of two.
func extend(l *tiles.Level, whole tiles.Level, info *tiles.Info) {
	fx, fy := float64(whole.Width)/float64(l.Width), float64(whole.Height)/float64(l.Height)
	if math.Abs(fx-fy) <= 0.02*min(fx, fy) || min(fx, fy) < 1.9 {
		return
	}
	down := math.Exp2(math.Floor(math.Log2(1.02 * min(fx, fy))))
	w, h := int(math.Ceil(float64(whole.Width)/down)), int(math.Ceil(float64(whole.Height)/down))
	info.Warnings = append(info.Warnings, fmt.Sprintf("the level of %d×%d pixels covers a part of the slide only: %d×%d would cover all", l.Width, l.Height, w, h))
	l.Width, l.Height, l.Downsample = max(w, l.Width), max(h, l.Height), down
}

// describe fills properties, MPP and objective.
func describe(info *tiles.Info, d *tiff.Directory, desc description) {
	props, warnings := d.Properties()
	info.Properties = props
	info.Warnings = append(info.Warnings, warnings...)
	props["openslide.vendor"] = "trestle"
	for k, v := range desc {
		props["trestle."+k] = v
	}
	if desc["Background Color"] != "" {
		b := info.Background
		props["openslide.background-color"] = fmt.Sprintf("%02X%02X%02X", b.R, b.G, b.B)
	}
	if s, has := desc["Objective Power"]; has {
		if v, ok := tiles.ParseNumber(s); ok && v > 0 && v <= 200 {
			info.Objective = v
		} else {
			info.Warnings = append(info.Warnings, fmt.Sprintf("objective %.40q is ignored", s))
		}
	}
	x, okX := tiles.ParseNumber(props["tiff.XResolution"])
	y, okY := tiles.ParseNumber(props["tiff.YResolution"])
	switch {
	case okX && okY && tiles.SaneMPP(x) && tiles.SaneMPP(y):
		info.MPPX, info.MPPY, info.MPPFrom = x, y, "tiff.XResolution"
	case okX || okY:
		info.Warnings = append(info.Warnings, fmt.Sprintf("XResolution %g, YResolution %g cannot be µm per pixel and is ignored", x, y))
	}
}

// Limits of a description; real ones have ten keys.
const (
	maxKeys = 1024
	maxText = 1 << 20 // bytes looked at
)

// description is the values of an ImageDescription by key:
//
//	Background Color=e6e6e6;White Balance=ffffff;Objective Power=10;OverlapsXY= 64 64 32 32
type description map[string]string

// parseDescription never fails: parts it does not understand are left out, the
// first of equal keys counts.
func parseDescription(s string) description {
	s = s[:min(len(s), maxText)]
	d := description{}
	for s != "" && len(d) < maxKeys {
		var item string
		item, s, _ = strings.Cut(s, ";")
		k, v, ok := strings.Cut(item, "=")
		k = strings.TrimSpace(k)
		if _, twice := d[k]; ok && k != "" && !twice {
			d[k] = strings.TrimSpace(v)
		}
	}
	return d
}

// overlap is how many pixels neighbouring tiles of level i share; -1 for what is
// no number.
func (d description) overlap(i int) image.Point {
	f := strings.Fields(d["OverlapsXY"])
	at := func(n int) int {
		if n >= len(f) {
			return 0
		}
		v, err := strconv.ParseUint(f[n], 10, 31)
		if err != nil {
			return -1
		}
		return int(v)
	}
	return image.Pt(at(2*i), at(2*i+1))
}

// background is the colour where nothing was scanned, white when it is not told.
func (d description) background() color.NRGBA {
	v, err := strconv.ParseUint(d["Background Color"], 16, 24)
	if err != nil {
		v = 0xffffff
	}
	return color.NRGBA{R: byte(v >> 16), G: byte(v >> 8), B: byte(v), A: 255}
}

// beside is the path of the macro image, "" when there is none. The name is
// made of the slide's own, so it cannot lead out of its folder.
func beside(slide string) string {
	path := strings.TrimSuffix(slide, filepath.Ext(slide)) + ".Full"
	src, err := tiles.OpenSource(path)
	if err != nil { // most slides have none
		return ""
	}
	defer src.Close()
	var head [3]byte
	if _, err := src.ReadAt(head[:], 0); err != nil || string(head[:]) != "\xff\xd8\xff" {
		return ""
	}
	return path
}

// file is a JPEG file of its own.
type file struct {
	path   string
	codecs *codec.Set
}

// ReadAll implements tiff.Picture.
func (f file) ReadAll(ctx context.Context) (*image.RGBA, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	src, err := tiles.OpenSource(f.path)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	if src.Size() > tiff.MaxTileBytes {
		return nil, fmt.Errorf("%s: %d bytes are more than %d", f.path, src.Size(), tiff.MaxTileBytes)
	}
	data := make([]byte, src.Size())
	if _, err := src.ReadAt(data, 0); err != nil {
		return nil, err
	}
	img, err := f.codecs.JPEGImage(data, tiff.MaxTilePixels)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	return img, nil
}
