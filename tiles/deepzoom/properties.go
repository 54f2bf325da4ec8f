package deepzoom

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"

	"coverslip/tiles"
	"coverslip/tiles/tiff"
)

// maxProperty bounds a property's text, maxCount their number.
const (
	maxProperty = 1 << 16
	maxCount    = 1 << 14
)

// list is the shape of the files of properties that libvips writes.
type list struct {
	Properties []struct {
		Name  string `xml:"name"`
		Value string `xml:"value"`
	} `xml:"properties>property"`
}

// readProperties looks for the properties that the writer left beside the
// tiles. They are of use and not needed: what is wrong with them is told in
// warnings.
func (o *opening) readProperties() {
	for _, file := range []string{path.Join(o.set.folder, "vips-properties.xml"), "vips-properties.xml", "scan-properties.xml"} {
		data, err := o.src.ReadSibling(file, nil, maxProperties)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var l list
		if err == nil {
			d := xml.NewDecoder(bytes.NewReader(data))
			d.CharsetReader = charset
			err = d.Decode(&l)
		}
		if err != nil {
			o.warn("%s is left out: %v", file, err)
			continue
		}
		for i, p := range l.Properties {
			key := strings.TrimSpace(p.Name)
			if i == maxCount || key == "" || len(p.Value) > maxProperty || foreign(key) {
				continue
			}
			o.parts.Info.Properties[key] = strings.TrimSpace(p.Value)
		}
		o.readOptics(l)
	}
}

// foreign names the properties that describe the file the picture was made of
// and not the picture.
func foreign(key string) bool {
	for _, p := range []string{"openslide.level", "openslide.bounds", "openslide.region", "openslide.associated", "openslide.quickhash", "openslide.icc"} {
		if strings.HasPrefix(key, p) {
			return true
		}
	}
	return false
}

// readOptics finds resolution and magnification in a list of properties.
func (o *opening) readOptics(l list) {
	all := map[string]string{}
	for _, p := range l.Properties {
		all[strings.TrimSpace(p.Name)] = strings.TrimSpace(p.Value)
	}
	number := func(key string) float64 {
		v, ok := tiles.ParseNumber(all[key])
		if !ok || v <= 0 {
			return 0
		}
		return v
	}
	in := &o.parts.Info
	// A picture made of a lower level of the slide has larger pixels.
	shrunk := 1.0
	if level := all["slide-level"]; level != "" && level != "0" {
		if shrunk = number("openslide.level[" + level + "].downsample"); shrunk == 0 {
			shrunk = math.NaN() // unknown, and with it the resolution
		}
	} else if w := number("openslide.level[0].width"); w > 0 && math.Abs(w-float64(o.set.width)) > 1 {
		o.warn("the picture is %d pixels wide and the slide it was made of %g: the resolution is that of the slide", o.set.width, w)
	}
	for _, from := range []struct {
		x, y string
		mpp  func(float64) float64
	}{
		{"openslide.mpp-x", "openslide.mpp-y", func(v float64) float64 { return v * shrunk }},
		{"MicronsPerPixelX", "MicronsPerPixelY", func(v float64) float64 { return v }},
		{"xres", "yres", func(v float64) float64 { return 1000 / v }}, // pixels per mm
	} {
		x, y := number(from.x), number(from.y)
		if in.MPPX > 0 || x == 0 || y == 0 {
			continue
		}
		if x, y = from.mpp(x), from.mpp(y); tiles.SaneMPP(x) && tiles.SaneMPP(y) {
			in.MPPX, in.MPPY, in.MPPFrom = x, y, from.x
		}
	}
	if in.MPPX > 0 {
		in.Properties["openslide.mpp-x"] = strconv.FormatFloat(in.MPPX, 'g', -1, 64)
		in.Properties["openslide.mpp-y"] = strconv.FormatFloat(in.MPPY, 'g', -1, 64)
	} else {
		delete(in.Properties, "openslide.mpp-x")
		delete(in.Properties, "openslide.mpp-y")
	}
	for _, key := range []string{"openslide.objective-power", "ObjectiveMagnification"} {
		if v := number(key); in.Objective == 0 && v > 0 && v <= 200 {
			in.Objective = v
		}
	}
}

// picture is an associated image in a file of its own.
type picture struct {
	o    *tileset
	file string
}

// findAssociated looks for the images that libvips and others put beside the
// picture.
func (o *opening) findAssociated() {
	o.parts.Associated = map[string]tiff.Picture{}
	for _, kind := range []string{"label", "macro", "thumbnail"} {
		for _, file := range []string{"associated_images/" + kind + ".jpg", "associated_images/" + kind + ".jpeg", "associated_images/" + kind + ".png",
			path.Join(o.set.folder, "associated_images", kind+".jpg")} {
			f, err := o.src.OpenSibling(file)
			if err != nil {
				continue // what is not there, or not to be had, is not listed
			}
			if err := f.Close(); err != nil {
				o.warn("%s: %v", file, err)
			}
			o.parts.Associated[kind] = picture{o.set, file}
			break
		}
	}
}

// ReadAll implements tiff.Picture.
func (p picture) ReadAll(ctx context.Context) (*image.RGBA, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	data, err := p.o.src.ReadSibling(p.file, nil, maxTileBytes)
	if err != nil {
		return nil, err
	}
	if !isPNG(data) {
		return p.o.codecs.JPEGImage(data, maxPicture)
	}
	c, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if c.Width < 1 || c.Height < 1 || c.Width > maxPicture/c.Height {
		return nil, fmt.Errorf("PNG of %d×%d pixels", c.Width, c.Height)
	}
	m := image.NewRGBA(image.Rect(0, 0, c.Width, c.Height))
	return m, decodePNG(m, data)
}
