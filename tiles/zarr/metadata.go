package zarr

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"strings"

	"coverslip/tiles"
	"coverslip/tiles/tiff"
)

// omeXML is what is used of the OME metadata that bioformats2raw writes.
type omeXML struct {
	Instruments []struct {
		Objectives []struct {
			ID            string `xml:"ID,attr"`
			Magnification string `xml:"NominalMagnification,attr"`
		} `xml:"Objective"`
	} `xml:"Instrument"`
	Images []struct {
		Name      string `xml:"Name,attr"`
		Objective struct {
			ID string `xml:"ID,attr"`
		} `xml:"ObjectiveSettings"`
		Pixels struct {
			X     string `xml:"PhysicalSizeX,attr"`
			Y     string `xml:"PhysicalSizeY,attr"`
			UnitX string `xml:"PhysicalSizeXUnit,attr"`
			UnitY string `xml:"PhysicalSizeYUnit,attr"`
		} `xml:"Pixels"`
	} `xml:"Image"`
}

const metadataFile = "OME/METADATA.ome.xml"

// readMetadata reads OME's metadata, which a store need not have.
func (o *opening) readMetadata() *omeXML {
	m := &omeXML{}
	data, err := o.readFile(metadataFile)
	if err == nil {
		err = xml.Unmarshal(data, m)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		o.warn("%s is left out: %v", metadataFile, err)
		return &omeXML{}
	}
	return m
}

// name of a series.
func (m *omeXML) name(i int) string {
	if i < len(m.Images) {
		return m.Images[i].Name
	}
	return ""
}

// useMetadata takes resolution and objective of a series.
func (o *opening) useMetadata(m *omeXML, s *series, all []*series) {
	at := -1
	for i, other := range all {
		if other == s {
			at = i
		}
	}
	if at < 0 || at >= len(m.Images) || len(all) != len(m.Images) {
		return // which image is which is not known
	}
	im := &m.Images[at]
	px := &im.Pixels
	unit := func(u string) string {
		if u == "" {
			return "µm" // the schema's default
		}
		return u
	}
	x, _ := tiles.ParseNumber(px.X)
	y, _ := tiles.ParseNumber(px.Y)
	if x, y = microns(x, unit(px.UnitX)), microns(y, unit(px.UnitY)); tiles.SaneMPP(x) && tiles.SaneMPP(y) {
		o.parts.Info.MPPX, o.parts.Info.MPPY, o.parts.Info.MPPFrom = x, y, "ome.PhysicalSizeX"
	}
	for _, in := range m.Instruments {
		for _, ob := range in.Objectives {
			if v, ok := tiles.ParseNumber(ob.Magnification); ok && v > 0 && v <= 200 && (ob.ID == im.Objective.ID || im.Objective.ID == "") && o.parts.Info.Objective == 0 {
				o.parts.Info.Objective = v
			}
		}
	}
}

// associate makes associated images of the series that are called so, and tells
// of the others that are not shown.
func (o *opening) associate(all []*series, best *series) {
	o.parts.Associated = map[string]tiff.Picture{}
	for _, s := range all {
		if s == best {
			continue
		}
		kind, label := "", strings.ToLower(s.label)
		switch {
		case strings.Contains(label, "label"):
			kind = "label"
		case strings.Contains(label, "macro"), strings.Contains(label, "overview"):
			kind = "macro"
		case strings.Contains(label, "thumb"):
			kind = "thumbnail"
		}
		l := s.levels[0].sizes
		if _, twice := o.parts.Associated[kind]; kind == "" || twice || s.pixels() > maxPicture || !s.plain() {
			o.warn("%s (%d×%d pixels, %q) is not shown", s.group.describe(), l.Width, l.Height, clip(s.label))
			continue
		}
		o.parts.Associated[kind] = picture{s}
	}
}

// plain says whether a series is one picture in colour or in grey of 8 bits.
func (s *series) plain() bool {
	return s.stack.InColor || len(s.stack.Channels) == 1 && s.levels[0].array.kind == element{letter: 'u', size: 1}
}

// picture is a series as an associated image.
type picture struct{ s *series }

// ReadAll implements tiff.Picture.
func (p picture) ReadAll(ctx context.Context) (*image.RGBA, error) {
	l := p.s.levels[0]
	dst := image.NewRGBA(image.Rect(0, 0, l.sizes.Width, l.sizes.Height))
	for row := range l.sizes.Rows() {
		for col := range l.sizes.Cols() {
			r := l.sizes.TileRect(col, row)
			part := dst.SubImage(r).(*image.RGBA)
			if err := p.tile(ctx, col, row, part); err != nil && !errors.Is(err, tiles.ErrMissing) {
				return nil, fmt.Errorf("tile (%d,%d): %w", col, row, err)
			}
		}
	}
	return dst, nil
}

// tile reads a tile in colour, or in grey.
func (p picture) tile(ctx context.Context, col, row int, dst *image.RGBA) error {
	l := p.s.levels[0]
	if p.s.stack.InColor {
		return l.ReadTile(ctx, col, row, dst)
	}
	w, h := dst.Rect.Dx(), dst.Rect.Dy()
	grey := &tiles.Raster{Width: w, Height: h, Uint16: make([]uint16, w*h)}
	if err := l.ReadPlane(ctx, col, row, tiles.Plane{}, grey); err != nil {
		return err
	}
	for i, v := range grey.Uint16 {
		d := dst.Pix[i/w*dst.Stride+4*(i%w):]
		d[0], d[1], d[2], d[3] = byte(v), byte(v), byte(v), 255
	}
	return nil
}
