package tiles

import (
	"context"
	"image"
	"maps"
	"strconv"
)

// WithScale is s with another scale in its Info: a person's, where the file says
// none or a wrong one. x and y are µm per level-0 pixel, > 0; from becomes
// Info.MPPFrom. Pixels, levels and planes are those of s, which the result owns.
func WithScale(s Slide, x, y float64, from string) Slide {
	c := &scaled{Slide: s, info: *s.Info()}
	c.info.MPPX, c.info.MPPY, c.info.MPPFrom = x, y, from
	c.info.Properties = maps.Clone(c.info.Properties)
	if c.info.Properties == nil {
		c.info.Properties = map[string]string{}
	}
	c.info.Properties["openslide.mpp-x"] = strconv.FormatFloat(x, 'g', -1, 64)
	c.info.Properties["openslide.mpp-y"] = strconv.FormatFloat(y, 'g', -1, 64)
	planar, isPlanar := s.(Planar)
	scanned, isScanned := s.(ScannedReader)
	switch {
	case isPlanar && isScanned:
		return &scaledBoth{scaledPlanar{c, planar}, scanned}
	case isPlanar:
		return &scaledPlanar{c, planar}
	case isScanned:
		return &scaledScanned{c, scanned}
	}
	return c
}

// scaled is a Slide of another scale.
type scaled struct {
	Slide
	info Info
}

// Info implements Slide.
func (s *scaled) Info() *Info { return &s.info }

// scaledPlanar is a scaled slide of several planes.
type scaledPlanar struct {
	*scaled
	planes Planar
}

// Stack implements Planar.
func (s *scaledPlanar) Stack() *Stack { return s.planes.Stack() }

// ReadPlane implements Planar.
func (s *scaledPlanar) ReadPlane(ctx context.Context, k Key, p Plane, dst *Raster) error {
	return s.planes.ReadPlane(ctx, k, p, dst)
}

// scaledScanned is a scaled slide that knows what was scanned.
type scaledScanned struct {
	*scaled
	under ScannedReader
}

// ReadScanned implements ScannedReader.
func (s *scaledScanned) ReadScanned(ctx context.Context, k Key, r image.Rectangle, dst *image.RGBA) error {
	return s.under.ReadScanned(ctx, k, r, dst)
}

// scaledBoth is both.
type scaledBoth struct {
	scaledPlanar
	under ScannedReader
}

// ReadScanned implements ScannedReader.
func (s *scaledBoth) ReadScanned(ctx context.Context, k Key, r image.Rectangle, dst *image.RGBA) error {
	return s.under.ReadScanned(ctx, k, r, dst)
}
