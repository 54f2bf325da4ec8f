package openslide

import (
	"fmt"

	"coverslip/tiles/codec"
	"coverslip/tiles/native/dl"
	native "coverslip/tiles/native/openslide"
)

// Status says whether libopenslide is there for slides that no other reader
// knows. allowed is false where native libraries are turned off.
func Status(allowed bool) codec.Status {
	const slides = "slides of other makes"
	if !allowed {
		return codec.Status{Name: slides, Note: "libopenslide is not used: native libraries are turned off"}
	}
	path, version, err := native.Installed()
	if err != nil {
		return codec.Status{Name: slides, Note: fmt.Sprintf("Sakura, Huron and others cannot be read (%v); install libopenslide0 or libopenslide1 (Debian, Ubuntu) or openslide", err)}
	}
	return codec.Status{Name: slides, Library: path, Version: version, Found: dl.Found(path), Native: true}
}
