package flat

import (
	"bytes"

	"coverslip/tiles/tiff"
)

// unknownMPP is told of every picture without a believable resolution.
const unknownMPP = tiff.UnknownMPP

// exifOrientation is the orientation that an Exif block (a TIFF file of its own)
// tells, 1 when it tells none or is damaged: a picture must open without it.
func exifOrientation(b []byte) int {
	f, err := tiff.Parse(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return 1
	}
	return f.Directories()[0].Orientation()
}
