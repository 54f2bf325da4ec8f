package app

import (
	"coverslip/annotate"
	"coverslip/tiles"
)

// Lay gives the tiles of one open slide as they lie on another one: m maps the
// level-0 plane of base to that of over. It is for the eye. The caller closes
// the loader, before either slide is closed or shown in another way.
func (s *Session) Lay(base, over *OpenSlide, m annotate.Affine) *tiles.Loader {
	place := [6]float64{m.XX, m.XY, m.X, m.YX, m.YY, m.Y}
	l := tiles.NewLoader(tiles.Laid(base.Loader.Slide(), over.Loader.Slide(), place, over.Loader.Read), s.cache, 1, nil)
	l.Lead(&s.traffic)
	return l
}
