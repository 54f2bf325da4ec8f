package app

import (
	"coverslip/tiles"
	"coverslip/tiles/icc"
)

// pixelsSRGB names, in what is kept and exported, pixels to which the slide's
// colour profile was applied.
const pixelsSRGB = "srgb"

// colourWord is how provenance and exports call pixels.
func colourWord(pixels string) string {
	if pixels == "" {
		return "raw"
	}
	return pixels
}

// RawColour tells whether slides are shown in the scanner's colours.
func (s *Session) RawColour() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.options.RawColour
}

// SetRawColour says whether slides opened from now on are shown in the scanner's
// colours, their colour profiles left aside. The current slide keeps its colours
// until OpenSlide is asked for it again. It waits for a slide that is being
// opened.
func (s *Session) SetRawColour(on bool) {
	s.opening.Lock()
	defer s.opening.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.options.RawColour = on
}

// shown is a slide in the colours of the screen, unless the scanner's are wished.
func (s *Session) shown(t tiles.Slide) (tiles.Slide, icc.Colour) {
	if s.RawColour() {
		colour, _ := icc.Inspect(t)
		return t, colour
	}
	return icc.Corrected(t)
}

// pixelsOf is a slide with the pixels that a model or an export is to see: the
// scanner's own, or in sRGB when asked. pixels says what was done to them: "" when
// nothing was, also because the slide has no profile or one that is sRGB.
func pixelsOf(t tiles.Slide, srgb bool) (s tiles.Slide, pixels string) {
	if !srgb {
		return t, ""
	}
	s, colour := icc.Corrected(t)
	if !colour.Applied {
		return t, ""
	}
	return s, pixelsSRGB
}
